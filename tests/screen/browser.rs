//! The browser of kept runs.

use std::time::SystemTime;

use crossterm::event::KeyCode;
use diffuscope::{
    decode::record::{Cost, StopReason},
    kept::{KeptNews, KeptRequest, KeptRun, KeptState},
    trace::{
        End, RunSummary,
        file::{self, Opened},
    },
    tui::{Action, Effect, Overlay},
};
use jiff::civil::{Date, DateTime, date};

use super::{
    common,
    driver::{DARK, Driver, LIGHT, MONO, picture},
};

const TODAY: Date = date(2026, 11, 28);

fn run(name: &str, when: DateTime) -> KeptRun {
    KeptRun::new(format!("/state/runs/{name}.dscope").into(), 381_200, SystemTime::UNIX_EPOCH, when)
}

fn summary(preset: &str, prompt: &str, correct: Option<bool>) -> RunSummary {
    let end = End {
        reason: Some(StopReason::NothingMasked),
        answer: "One day".to_owned(),
        tokens: 38,
        correct,
        verdict: correct.map(|right| if right { "the story has all of it" } else { "the goat is missing" }.to_owned()),
        failed: None,
    };
    RunSummary {
        preset: Some(preset.to_owned()),
        prompt: prompt.to_owned(),
        is_fork: false,
        written: vec![1, 1, 1, 8, 2, 1, 1, 1, 1, 5, 7, 7, 5, 3, 1, 1, 1, 2, 1, 1],
        tokens: 38,
        cost: Cost { nfe: 41, denoiser_us: 270_000, ..Cost::default() },
        end: Some(end),
        is_torn: false,
    }
}

const STORY: &str = "Write a story with Laura, a violin and a goat.";

/// One of each kind.
fn runs() -> Vec<KeptRun> {
    let at = |day: Date, hour, minute| day.at(hour, minute, 0, 0);
    let under_way = {
        let mut run = run("2026-11-28-140312-flashdlm-story", at(TODAY, 14, 3));
        run = run.known(RunSummary { end: None, ..summary("flashdlm", STORY, None) });
        if let KeptState::Read { is_under_way, .. } = &mut run.state {
            *is_under_way = true;
        }
        run
    };
    let mut unreadable = run("2026-11-27-080000-plain-notes", at(date(2026, 11, 27), 8, 0));
    unreadable.state =
        KeptState::Unreadable("2026-11-27-080000-plain-notes.dscope is not a diffuscope trace: it is empty".to_owned());
    vec![
        under_way,
        run("2026-11-28-135800-threshold-story", at(TODAY, 13, 58)).known(summary("threshold", STORY, Some(false))),
        run("2026-11-28-135901-threshold-story", at(TODAY, 13, 59))
            .known(RunSummary { is_fork: true, ..summary("threshold", STORY, Some(true)) }),
        run("2026-11-28-120000-mine-hell", at(TODAY, 12, 0)).known(summary(
            "a preset of a long name\u{1b}[31m",
            "Line\none \u{202e}\u{1b}[2J",
            None,
        )),
        run("2026-11-27-091200-plain-list", at(date(2026, 11, 27), 9, 12)).known(RunSummary {
            end: None,
            is_torn: true,
            written: vec![3],
            ..summary("plain", "Reverse this list: Max, Leo, Ruth", None)
        }),
        unreadable,
        run("2025-01-31-120000-plain-old", at(date(2025, 1, 31), 12, 0)),
    ]
}

fn news(driver: &mut Driver, news: KeptNews) {
    driver.act(Action::Kept(Box::new(news)));
}

pub fn open(theme: diffuscope::tui::theme::Theme) -> Driver {
    let story = common::story();
    let mut driver = Driver::live(&story, 17, theme);
    driver.keys("o");
    assert_eq!(driver.effects, [Effect::Kept(KeptRequest::List)]);
    driver.effects.clear();
    let listed = runs().into_iter().map(|mut run| {
        run.state = KeptState::Unread;
        run
    });
    news(&mut driver, KeptNews::Listed { today: TODAY, runs: listed.collect(), trouble: None });
    news(&mut driver, KeptNews::Read { runs: runs(), is_all: true });
    driver
}

macro_rules! snapshot {
    ($name:literal, $driver:expr) => {
        insta::assert_snapshot!($name, picture(&$driver.draw().0))
    };
}

#[test]
fn the_browser() {
    let mut driver = open(DARK).sized(120, 40);
    driver.key(KeyCode::Down);
    snapshot!("browser_120x40", driver);
    let mut driver = open(MONO).sized(80, 24);
    driver.key(KeyCode::End).key(KeyCode::Up).key(KeyCode::Up);
    snapshot!("browser_mono_80x24", driver);
    let mut driver = open(LIGHT).sized(200, 60);
    driver.keys("story thr").key(KeyCode::Down);
    snapshot!("browser_light_200x60", driver);
}

#[test]
fn typing_chooses_among_runs_and_is_erased() {
    let mut driver = open(DARK);
    let count = |driver: &Driver| driver.app.browser().listed().len();
    driver.keys("WRONG goat");
    assert_eq!(count(&driver), 1);
    driver.ctrl('u').keys("fork");
    assert_eq!(count(&driver), 1);
    driver.key(KeyCode::Backspace).keys("q");
    assert_eq!(count(&driver), 0);
    assert!(driver.text().contains("no kept run has all of these words"), "{}", driver.text());
    driver.key(KeyCode::Esc);
    assert_eq!(driver.app.overlays(), []);
}

#[test]
fn a_run_is_opened_beside_the_one_under_way() {
    let code = common::code();
    let mut driver = open(DARK);
    driver.key(KeyCode::Down).key(KeyCode::Enter);
    let path = runs()[1].path.clone();
    assert_eq!(driver.effects, [Effect::Kept(KeptRequest::Open(path))]);
    let name = runs()[1].name.clone();
    let opened = Opened { log: code.clone(), warnings: vec!["the trace has no end".to_owned()] };
    news(&mut driver, KeptNews::Opened { name, run: Ok(Box::new(opened)) });
    assert_eq!((driver.app.overlays(), driver.app.len()), (&[][..], code.len()));
    let text = driver.text();
    assert!(text.contains("replay of 2026-11-28-135800") && text.contains("the trace has no end"), "{text}");
    driver.effects.clear();
    driver.keys("q");
    assert_eq!(driver.effects, [Effect::Quit], "it is saved");
    driver.effects.clear();
    driver.keys("b");
    assert!(driver.app.is_under_way(), "the other one was not ended");
    // What is open already is shown, and not read again.
    driver.keys("o").key(KeyCode::Down).effects.clear();
    driver.key(KeyCode::Enter);
    assert_eq!((driver.effects.len(), driver.app.len()), (0, code.len()));
    // A new run has a number of its own.
    driver.keys("R");
    assert_eq!(driver.app.last_run(), 3);
}

#[test]
fn a_run_that_cannot_be_opened_says_why() {
    let mut driver = open(DARK);
    let why = "it is damaged".to_owned();
    news(&mut driver, KeptNews::Opened { name: "x".to_owned(), run: Err(why) });
    assert!(driver.text().contains("it is damaged"));
    assert_eq!(driver.app.overlays(), [Overlay::Kept]);
}

#[test]
fn a_run_is_deleted_at_the_second_asking_and_the_next_one_is_selected() {
    let mut driver = open(DARK);
    driver.key(KeyCode::Down).ctrl('d');
    assert_eq!(driver.effects, []);
    assert!(driver.text().contains("delete it for good?"), "{}", driver.text());
    driver.key(KeyCode::Down).key(KeyCode::Up).key(KeyCode::Delete);
    assert_eq!(driver.effects, [], "another key takes the question back");
    driver.key(KeyCode::Delete);
    let path = runs()[1].path.clone();
    assert_eq!(driver.effects, [Effect::Kept(KeptRequest::Remove(path.clone()))]);
    news(&mut driver, KeptNews::Removed { path, outcome: Ok(()) });
    let browser = driver.app.browser();
    assert_eq!((browser.runs.len(), driver.app.list()), (6, 1));
    let why = "it is being written".to_owned();
    news(&mut driver, KeptNews::Removed { path: runs()[0].path.clone(), outcome: Err(why) });
    assert_eq!(driver.app.browser().runs.len(), 6);
}

#[test]
fn a_run_that_a_file_holds_is_left_without_a_question() {
    let story = common::story();
    let mut driver = Driver::live(&story, 0, DARK);
    driver.tick(60_000).steps(&story, 0..4);
    driver.effects.clear();
    news(&mut driver, KeptNews::Written { run: 1, steps: 3, has_end: false });
    driver.keys("q");
    assert_eq!(driver.effects, [], "a step is not written yet");
    news(&mut driver, KeptNews::Written { run: 1, steps: 4, has_end: false });
    driver.keys("1q");
    assert_eq!(driver.effects, [Effect::Quit]);
}

#[test]
fn prompts_of_earlier_times_come_before_those_of_this_one() {
    let story = common::story();
    let mut driver = Driver::ready(&story, DARK);
    driver.app.prompt.set("now");
    driver.key(KeyCode::Enter);
    let now = Effect::Kept(KeptRequest::Remember("now".to_owned()));
    assert!(driver.effects.contains(&now));
    driver.effects.clear();
    news(&mut driver, KeptNews::Prompts(vec!["one".to_owned(), "two\nlines".to_owned()]));
    driver.keys("i").key(KeyCode::Enter);
    assert!(!driver.effects.contains(&now), "it is the newest already");
    driver.keys("i").key(KeyCode::Up);
    assert_eq!(driver.app.prompt.text(), "two\nlines");
    driver.key(KeyCode::Up).key(KeyCode::Up);
    assert_eq!(driver.app.prompt.text(), "one");
}

#[test]
fn a_summary_says_what_the_log_says_and_counts_up_to_a_tear() {
    let log = common::story();
    let mut bytes = Vec::new();
    file::write(&log, &mut bytes).unwrap();
    let whole = RunSummary::read("story", &bytes[..]).unwrap();
    let end = log.end().unwrap();
    assert_eq!((whole.written.len(), whole.tokens, whole.end.as_ref()), (log.len(), end.tokens, Some(end)));
    assert_eq!((whole.prompt.as_str(), whole.is_fork, whole.is_torn), (log.header().prompt.as_str(), false, false));
    // Cut anywhere behind the header, it has as many steps as the log that opens.
    let header = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    for cut in (header..bytes.len()).step_by(977) {
        let (opened, summary) =
            (file::read("cut", &bytes[..cut]).unwrap(), RunSummary::read("cut", &bytes[..cut]).unwrap());
        assert_eq!(summary.written.len(), opened.log.len());
        assert_eq!(summary.is_torn, opened.warnings.iter().any(|warning| warning.contains("is cut off")));
    }
    let damaged = RunSummary::read("bad", &[&bytes[..header], &b"{\"step\":0,\"commits\":7}\n"[..]].concat()[..]);
    assert!(damaged.unwrap_err().to_string().starts_with("bad, line 2: "));
    let no_trace = RunSummary::read("notes.txt", &b"buy milk\n"[..]).unwrap_err().to_string();
    assert!(no_trace.starts_with("notes.txt is not a diffuscope trace"), "{no_trace}");
}
