//! The first minute: the race of the welcome, the tour, short answers that can be seen, what would mend a wrong one.

use crossterm::event::{Event as TerminalEvent, KeyCode};
use diffuscope::{
    engine::{
        ModelRequest,
        protocol::{Command, Drive, Event, RunId},
    },
    session::Axis,
    settings::{Layers, preset},
    trace::Log,
    tui::{
        Action, App, CARDS, Effect, Overlay, RACE_LASTS, RACERS, examples, reveal,
        theme::{ASCII, Theme},
    },
};
use ratatui::layout::Rect;

use super::{
    common::{self, Fixture},
    driver::{DARK, Driver, LIGHT, MONO, layer, picture},
};

const PLAIN_ASCII: Theme = Theme { glyphs: &ASCII, ..MONO };

/// Nothing was touched for as long as the race waits.
const DUE: u64 = 900;

/// A playground with its networks in which things may move.
fn moving(theme: Theme) -> Driver {
    let driver = Driver::ready(&common::story(), theme);
    Driver { app: driver.app.with_motion(true), ..driver }
}

/// A run that writes one token a step, and a faster one, of the same prompt.
fn racers(is_short: bool) -> [Log; 2] {
    let (prompt, answer, masks) = if is_short {
        let answer = "{\"name\": \"Max\", \"job\": \"pilot\", \"city\": \"Oslo\", \"age\": 31, \"likes\": [\"tea\"]}";
        ("Write as JSON: Max, a pilot from Oslo, is 31. He likes tea.", answer, 64)
    } else {
        (common::STORY_PROMPT, common::STORY, 160)
    };
    let mut plain = Fixture::new(prompt, answer, masks, "plain");
    while plain.quota_step(1, None) {}
    let mut fast = Fixture::new(prompt, answer, masks, "flashdlm-narrow");
    while fast.guided_step(Vec::new()) {}
    [plain.finish(Some(false), Some("something is missing")), fast.finish(Some(true), Some("all is there"))]
}

/// The engine does a run of the race.
fn compute(driver: &mut Driver, run: RunId, log: &Log) {
    driver.hear(Event::Started { run, header: Box::new(log.header().clone()) });
    for entry in log.entries() {
        driver.hear(Event::Step { run, entry: entry.into() });
    }
    driver.hear(Event::Finished { run, end: Box::new(log.end().unwrap().clone()) });
}

/// A race that is shown since `DUE`.
fn racing(theme: Theme, size: (u16, u16)) -> (Driver, [Log; 2]) {
    let logs = racers(size.1 < 40);
    let mut driver = moving(theme).sized(size.0, size.1);
    driver.tick(0).tick(10).tick(DUE);
    compute(&mut driver, RACERS[1], &logs[1]);
    compute(&mut driver, RACERS[0], &logs[0]);
    driver.effects.clear();
    (driver, logs)
}

fn started(commands: &[Command]) -> Vec<RunId> {
    let run = |command: &Command| match command {
        Command::Start(request) => Some(request.run),
        _ => None,
    };
    commands.iter().filter_map(run).collect()
}

fn seconds(log: &Log) -> f64 {
    Axis::Time.place(log, log.len()) as f64 / 1e6
}

#[test]
fn a_screen_that_is_left_alone_begins_a_race() {
    let mut driver = moving(DARK);
    driver.tick(0).tick(10).tick(300);
    assert_eq!(driver.commands(), []);
    driver.tick(DUE);
    let commands = driver.commands();
    let [Command::Start(request)] = &commands[..] else { panic!("{commands:?}") };
    assert_eq!(
        (request.run, request.drive, request.preset.as_deref()),
        (RACERS[1], Drive::Free, Some("flashdlm-narrow"))
    );
    assert_eq!(request.settings, preset("flashdlm-narrow").unwrap().settings());
    assert_eq!(request.prompt, driver.app.prompt.text(), "the story that is in the editor");
    let logs = racers(false);
    compute(&mut driver, RACERS[1], &logs[1]);
    let commands = driver.commands();
    let [Command::Start(request)] = &commands[..] else { panic!("{commands:?}") };
    assert_eq!((request.run, request.preset.as_deref()), (RACERS[0], Some("plain")));
    assert!(driver.app.race().runs().is_none(), "nothing is shown before both are there");
    compute(&mut driver, RACERS[0], &logs[0]);
    assert!(driver.app.race().runs().is_some());
}

#[test]
fn a_race_belongs_to_no_sitting() {
    let (driver, _) = racing(DARK, (120, 40));
    assert!(driver.app.session().runs().is_empty() && driver.app.run().is_none());
    assert_eq!(driver.app.last_run(), 0, "the first run will have number 1");
    assert!(!driver.effects.iter().any(|effect| matches!(effect, Effect::Kept(_))));
}

#[test]
fn both_are_shown_at_the_same_moment_of_their_own_time() {
    let (mut driver, logs) = racing(PLAIN_ASCII, (120, 40));
    for passed in [600, 2_000, 6_000, 9_000] {
        driver.tick(DUE + passed);
        let place = (seconds(&logs[0]) * 1e6 * passed as f64 / RACE_LASTS.as_millis() as f64) as u64;
        let shown = driver.app.race().place(driver.app.now()).unwrap();
        assert!(shown.abs_diff(place) <= 1, "{shown} {place}");
        let text = driver.text();
        for log in &logs {
            let steps = format!("step {}", Axis::Time.steps(log, shown));
            assert!(text.contains(&steps), "{steps}: {text}");
        }
    }
}

#[test]
fn the_factor_grows_to_that_of_the_measured_times() {
    let (mut driver, logs) = racing(PLAIN_ASCII, (120, 40));
    let [plain, fast] = [seconds(&logs[0]), seconds(&logs[1])];
    assert!(plain > 2.0 * fast, "{plain} {fast}");
    driver.tick(DUE + 1);
    assert!(!driver.text().contains("after"), "nothing of its end before it has ended: {}", driver.text());
    driver.tick(DUE + 11_000);
    let so_far = format!("{:.1}x", plain * 11.0 / 12.0 / fast);
    assert!(driver.text().contains(&so_far), "{so_far}: {}", driver.text());
    driver.tick(DUE + 12_000);
    let text = driver.text();
    let end = format!("{:.1}x", plain / fast);
    assert!(text.contains(&end) && text.contains("+ correct after") && text.contains("x wrong after"), "{text}");
    let slowed = format!("slowed {:.1}x", 12.0 / plain);
    assert!(text.contains(&slowed) || text.contains("slowed 1"), "{slowed}: {text}");
}

#[test]
fn a_key_ends_the_race_and_does_what_it_does_anyway() {
    let mut driver = moving(DARK);
    driver.tick(0).tick(10).tick(DUE);
    driver.effects.clear();
    driver.keys("!");
    assert_eq!(driver.commands(), [Command::Stop]);
    assert!(driver.app.prompt.text().ends_with('!'));
    let logs = racers(false);
    driver.hear(Event::Finished { run: RACERS[1], end: Box::new(logs[1].end().unwrap().clone()) });
    driver.tick(5_000).tick(20_000);
    assert_eq!(driver.commands(), [], "it does not come back");

    let (mut driver, _) = racing(DARK, (120, 40));
    driver.tick(DUE + 3_000).keys("!");
    assert!(driver.app.race().runs().is_none() && driver.commands().is_empty());
    assert!(driver.app.prompt.text().ends_with('!'));
}

#[test]
fn a_submitted_prompt_stops_the_engine_first() {
    let mut driver = moving(DARK);
    driver.tick(0).tick(10).tick(DUE);
    driver.effects.clear();
    driver.key(KeyCode::Enter);
    let commands = driver.commands();
    assert_eq!(commands[0], Command::Stop);
    assert_eq!(started(&commands), [1]);
}

#[test]
fn it_is_shown_twice_and_then_rests() {
    let (mut driver, _) = racing(DARK, (120, 40));
    assert!(driver.app.next_tick().is_some());
    let end = DUE + 12_000;
    driver.tick(end);
    let rests = driver.app.next_tick().unwrap();
    assert!(rests > driver.app.now() + std::time::Duration::from_secs(5), "nothing is drawn meanwhile");
    driver.act(Action::Tick(rests));
    let again = driver.app.now();
    assert_eq!(driver.app.race().place(again), Some(0));
    driver.act(Action::Tick(again + RACE_LASTS));
    assert_eq!(driver.app.next_tick(), None);
    assert!(driver.app.race().runs().is_some(), "its end stays");
}

#[test]
fn there_is_no_race_where_it_would_be_in_the_way() {
    let idle = |mut driver: Driver| {
        driver.redraw();
        driver.effects.clear();
        driver.tick(0).tick(10).tick(DUE).tick(10_000);
        started(&driver.commands())
    };
    assert_eq!(idle(moving(DARK)), [RACERS[1]]);
    assert!(idle(moving(DARK).sized(60, 20)).is_empty(), "too small");
    assert!(idle(Driver::ready(&common::story(), DARK)).is_empty(), "nothing is to move");

    let mut header = common::story().header().clone();
    header.denoiser.name = "another".to_owned();
    let other = Driver::ready(&Log::new(header), DARK);
    assert!(idle(Driver { app: other.app.with_motion(true), ..other }).is_empty(), "other models");

    let app = App::live(Layers::default(), Some("mine".to_owned()), DARK, examples(), ModelRequest::default());
    let mut given = Driver { app: app.with_motion(true), size: (120, 40), effects: Vec::new() };
    let header = common::story().header().clone();
    let (denoiser, guide) = (header.denoiser, header.guide);
    given.hear(Event::Ready { denoiser, guide, request: None, warnings: Vec::new() });
    assert!(idle(given).is_empty(), "a prompt was given");
}

#[test]
fn nothing_moves_while_the_terminal_has_no_focus() {
    let (mut driver, _) = racing(DARK, (120, 40));
    driver.tick(DUE + 4_000);
    let place = |driver: &Driver| picture(&driver.draw().0);
    let before = place(&driver);
    driver.event(TerminalEvent::FocusLost);
    assert_eq!(driver.app.next_tick(), None);
    driver.tick(DUE + 9_000).event(TerminalEvent::FocusGained);
    assert_eq!(place(&driver), before, "it stood still meanwhile");
    assert!(driver.app.next_tick().is_some());
}

#[test]
fn nothing_moves_a_minute_after_the_last_key() {
    let mut driver = moving(DARK).sized(60, 20);
    driver.keys("x").tick(1_000);
    assert!(driver.app.next_tick().is_some(), "the name is denoised");
    driver.tick(61_500);
    assert_eq!(driver.app.next_tick(), None);
}

#[test]
fn the_name_is_denoised_once() {
    let mut driver = moving(DARK);
    driver.keys(" ").tick(0);
    assert!(!driver.text().contains("d i f f u s c o p e"));
    driver.tick(4_000);
    assert!(driver.text().contains("d i f f u s c o p e"));
    assert_eq!(driver.app.next_tick(), None);
    assert!(
        Driver::ready(&common::story(), DARK).text().contains("d i f f u s c o p e"),
        "it stands where nothing moves"
    );
}

#[test]
fn the_tour_begins_with_a_run_and_ends_where_it_began() {
    let mut driver = moving(DARK);
    driver.effects.clear();
    driver.key(KeyCode::F(2));
    let commands = driver.commands();
    assert_eq!(started(&commands), [1]);
    assert_eq!(driver.app.card(), Some(0));
    driver.key(KeyCode::Right).key(KeyCode::Right);
    assert_eq!((driver.app.card(), driver.app.lens().layer), (Some(2), layer("cache")));
    driver.key(KeyCode::Left);
    assert_eq!((driver.app.card(), driver.app.lens().layer), (Some(1), layer("confidence")));
    driver.key(KeyCode::Char('z'));
    assert_eq!(driver.app.card(), None);
}

#[test]
fn the_tour_works_on_the_shown_run_and_gives_its_layer_back() {
    let story = common::story();
    let mut driver = Driver::live(&story, 17, DARK);
    driver.act(Action::Layer(layer("order"))).keys("T");
    assert_eq!(driver.commands(), []);
    let titles = ["drafts and confidence", "steps, back and forth", "the cache", "the guide", "hands and forks"];
    for (card, title) in titles.iter().enumerate() {
        let text = driver.text();
        assert!(text.contains(title) && text.contains(&format!("{} of {CARDS}", card + 1)), "{text}");
        driver.key(KeyCode::Enter);
    }
    assert_eq!((driver.app.card(), driver.app.lens().layer), (None, layer("order")));
    driver.keys("T").event(TerminalEvent::Paste("text".to_owned()));
    assert_eq!(driver.app.lens().layer, layer("order"));
}

#[test]
fn a_card_hides_nothing_of_its_pane() {
    let story = common::story();
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        let bare = Driver::live(&story, 17, DARK).sized(width, height);
        let mut driver = Driver::live(&story, 17, DARK).sized(width, height);
        driver.act(Action::Layer(layer("confidence"))).keys("T");
        let place = |driver: &Driver| {
            driver.draw().1.hits.iter().rev().find(|hit| hit.click == Some(Action::ListAccept)).unwrap().area
        };
        let tokens = |driver: &Driver| -> Vec<Rect> {
            let of_token = |click: &Action| matches!(click, Action::Select(_));
            driver
                .draw()
                .1
                .hits
                .iter()
                .filter(|hit| hit.click.as_ref().is_some_and(of_token))
                .map(|hit| hit.area)
                .collect()
        };
        assert!(tokens(&bare).iter().all(|token| !token.intersects(place(&driver))), "{width}×{height}");
    }
}

/// A short answer that one step writes.
fn at_once() -> Log {
    let mut fixture =
        Fixture::new("Solve this sudoku:\n1030\n0412\n2140\n4021", "1234\n3412\n2143\n4321", 24, "threshold");
    fixture.quota_step(24, None);
    fixture.finish(Some(true), Some("it is solved"))
}

#[test]
fn a_step_appears_in_the_order_of_confidence_and_stays_one_step() {
    let log = at_once();
    assert_eq!(log.len(), 1);
    let lasts = reveal::lasts(&log, 1);
    assert!(lasts.as_millis() > 1_000, "{lasts:?}");
    let step = log.step(1).unwrap();
    let sure = |position: usize| step.commit_at(position).unwrap().confidence;
    let mut before = reveal::hidden(&log, 1, std::time::Duration::ZERO);
    assert_eq!(before.len(), step.commits.len());
    for part in 1..20u32 {
        let hidden = reveal::hidden(&log, 1, lasts * part / 20);
        assert!(hidden.is_sorted() && hidden.iter().all(|position| before.contains(position)));
        let is_text = |position: &&usize| !log.header().is_end(step.commit_at(**position).unwrap().token);
        let surest = hidden.iter().filter(is_text).map(|position| sure(*position)).fold(0.0, f32::max);
        let appeared = step.commits.iter().filter(|commit| !hidden.contains(&commit.position));
        assert!(appeared.map(|commit| commit.confidence).all(|confidence| confidence >= surest));
        before = hidden;
    }
    assert!(reveal::hidden(&log, 1, lasts).is_empty());
    let story = common::story();
    assert!((1..=story.len()).all(|step| reveal::lasts(&story, step).as_millis() < 200), "long runs are not held up");
}

#[test]
fn an_answer_of_one_step_can_be_seen() {
    let log = at_once();
    let begin = |theme: Theme, is_wanted: bool| {
        let driver = Driver::ready(&log, theme);
        let mut driver = Driver { app: driver.app.with_motion(is_wanted), ..driver };
        driver.tick(0).key(KeyCode::Enter);
        driver.hear(Event::Started { run: 1, header: Box::new(log.header().clone()) });
        driver.steps(&log, 0..1);
        driver.hear(Event::Finished { run: 1, end: Box::new(log.end().unwrap().clone()) });
        driver
    };
    let mut driver = begin(DARK, true);
    assert!(driver.text().contains("0 of 24 written") && !driver.text().contains("correct"), "{}", driver.text());
    assert!(driver.app.next_tick().is_some());
    driver.tick(700);
    let half = driver.text();
    assert!(!half.contains(" 0 of 24") && !half.contains("24 of 24") && !half.contains("correct"), "{half}");
    driver.tick(3_000);
    assert!(driver.text().contains("24 of 24 written") && driver.text().contains("correct"), "{}", driver.text());
    assert_eq!(driver.app.next_tick(), None);

    assert!(begin(DARK, false).text().contains("24 of 24 written"), "without motion it is there at once");
    let mut driver = begin(DARK, true);
    driver.keys("f");
    assert!(driver.text().contains("24 of 24 written"), "at full speed as well");
    let mut driver = begin(DARK, true);
    driver.keys("g").key(KeyCode::Right);
    assert!(driver.text().contains("24 of 24 written"), "and where somebody scrubs");
}

#[test]
fn short_answers_come_at_a_slower_pace() {
    let code = common::code();
    assert!(Driver::live(&code, 3, DARK).text().contains("at 4/s"));
    assert!(Driver::live(&common::story(), 3, DARK).text().contains("at 12/s"));
}

#[test]
fn a_prompt_that_goes_wrong_names_the_preset_that_gets_it_right_and_a_key_takes_that() {
    for size in [(80, 24), (120, 40)] {
        let mut driver = Driver::ready(&common::story(), DARK).sized(size.0, size.1);
        let row = examples().iter().position(|example| example.mended.is_some()).unwrap();
        let example = examples()[row].clone();
        let mended = example.mended.unwrap();
        driver.act(Action::Toggle(Overlay::Gallery)).act(Action::ListMove(row as i64));
        let text = driver.text();
        let line = format!(
            "{}  ✗ wrong, {} steps   ^R {}  ✓ right, {} steps",
            example.shown.preset, example.shown.steps, mended.preset, mended.steps
        );
        assert!(text.contains(&line) && text.contains(example.watch), "{text}");
        driver.effects.clear();
        driver.ctrl('r');
        assert!(driver.app.overlays().is_empty());
        let commands = driver.commands();
        let [Command::Start(request)] = commands.as_slice() else { panic!("{commands:?}") };
        assert_eq!((&request.prompt, request.preset.as_deref()), (&example.prompt, Some(mended.preset)));
    }
    // Where nothing is to be mended, the key says so.
    let mut driver = Driver::ready(&common::story(), DARK);
    driver.act(Action::Toggle(Overlay::Gallery)).act(Action::ListMove(-100)).ctrl('r');
    assert!(driver.app.notice().unwrap().text.ends_with("no other preset is named for this prompt"));
}

#[test]
fn the_gallery_takes_the_preset_that_a_prompt_is_best_watched_under() {
    let mut driver = Driver::ready(&common::story(), DARK);
    let row = examples().iter().position(|example| example.shown.preset == "threshold").unwrap();
    let prompt = examples()[row].prompt.clone();
    driver.act(Action::Toggle(Overlay::Gallery)).act(Action::ListMove(row as i64));
    assert!(driver.text().contains(examples()[row].watch), "{}", driver.text());
    driver.effects.clear();
    driver.key(KeyCode::Enter);
    let request = |driver: &mut Driver| match driver.commands().into_iter().next() {
        Some(Command::Start(request)) => *request,
        other => panic!("{other:?}"),
    };
    let started = request(&mut driver);
    assert_eq!((started.prompt, started.preset.as_deref()), (prompt, Some("threshold")));

    let mut driver = Driver::ready(&common::story(), DARK);
    let knob = diffuscope::settings::KNOBS.iter().position(|knob| knob.name == "threshold").unwrap();
    driver.act(Action::KnobSelect(knob)).act(Action::KnobNudge(1));
    driver.act(Action::Toggle(Overlay::Gallery)).act(Action::ListMove(row as i64));
    driver.effects.clear();
    driver.key(KeyCode::Enter);
    assert_eq!(request(&mut driver).preset.as_deref(), Some("flashdlm"), "knobs that were turned stay in force");
}

/// A wrong answer, as a preset gave it.
fn wrong(prompt: &str, answer: &str, preset: &str) -> Driver {
    let mut fixture = Fixture::new(prompt, answer, 40, preset);
    while fixture.quota_step(4, None) {}
    let log = fixture.finish(Some(false), Some("a name is missing"));
    Driver::live(&log, log.len(), DARK)
}

#[test]
fn a_wrong_answer_names_what_it_lacked() {
    let story = |preset| wrong(common::STORY_PROMPT, "One day Laura went to the farm.", preset);
    let mut driver = story("threshold");
    assert!(driver.text().contains("p flashdlm-narrow: the guide may well repair this"), "{}", driver.text());
    driver.act(Action::Scrub(-1));
    assert!(!driver.text().contains("may well"), "an earlier step is not the answer");
    driver.act(Action::Follow).keys("p");
    assert!(driver.text().contains("▸ ✓ flashdlm-narrow"), "it is at hand: {}", driver.text());
    assert!(!story("flashdlm").text().contains("may well"), "the guide was asked");
    let list = wrong("Reverse this list: Max, Leo, Ruth", "Ruth, Max", "threshold");
    assert!(!list.text().contains("may well"), "a guide hardly helps lists");
}

macro_rules! snapshot {
    ($name:literal, $driver:expr) => {
        insta::assert_snapshot!($name, picture(&$driver.draw().0))
    };
}

#[test]
fn a_race_half_way() {
    let half = |theme, size| {
        let (mut driver, _) = racing(theme, size);
        driver.tick(DUE + 6_000);
        driver
    };
    snapshot!("race_80x24", half(DARK, (80, 24)));
    snapshot!("race_120x40", half(DARK, (120, 40)));
    snapshot!("race_light_200x60", half(LIGHT, (200, 60)));
    snapshot!("race_mono_80x24", half(MONO, (80, 24)));
    snapshot!("race_ascii_120x40", half(PLAIN_ASCII, (120, 40)));
}

#[test]
fn cards_of_the_tour() {
    let card = |theme, size: (u16, u16), number: usize| {
        let mut driver = Driver::live(&common::story(), 17, theme).sized(size.0, size.1);
        driver.keys("T");
        for _ in 0..number {
            driver.key(KeyCode::Right);
        }
        driver
    };
    snapshot!("tour_drafts_120x40", card(DARK, (120, 40), 0));
    snapshot!("tour_steps_80x24", card(DARK, (80, 24), 1));
    snapshot!("tour_guide_light_200x60", card(LIGHT, (200, 60), 3));
    snapshot!("tour_cache_mono_80x24", card(MONO, (80, 24), 2));
    snapshot!("tour_hands_ascii_120x40", card(PLAIN_ASCII, (120, 40), 4));
}

#[test]
fn a_name_that_is_denoised_and_an_answer_that_can_be_mended() {
    let mut driver = moving(DARK).sized(80, 24);
    driver.keys(" ").tick(0).tick(1_400);
    snapshot!("name_80x24", driver);
    let mended = wrong(common::STORY_PROMPT, "One day Laura went to the farm.", "threshold");
    snapshot!("mended_80x24", mended.sized(80, 24));
}

/// A whole run of the embedded pair.
#[cfg(embedded_pair)]
fn answer(link: &mut dyn diffuscope::engine::Link, prompt: &str, preset_name: &str) -> Log {
    let request = diffuscope::engine::protocol::RunRequest {
        run: 1,
        prompt: prompt.to_owned(),
        turns: Vec::new(),
        settings: preset(preset_name).unwrap().settings(),
        preset: Some(preset_name.to_owned()),
        drive: Drive::Free,
        rivals: Vec::new(),
        fork: None,
    };
    diffuscope::engine::complete(link, request, |_| std::ops::ControlFlow::Continue(())).unwrap()
}

/// What is measured may be off by a tenth of the steps: processors add in different orders, and a draft that is at the
/// threshold falls on either side of it.
#[test]
#[cfg(embedded_pair)]
fn every_prompt_of_the_gallery_ends_as_the_gallery_says() {
    let mut link = diffuscope::engine::InProcess::open(ModelRequest::default()).unwrap();
    let mut other = Vec::new();
    for example in examples() {
        let is_known = example.shown.is_right != example.mended.is_some();
        assert!(is_known || example.unseen, "what goes wrong has a way out: {}", example.prompt);
        assert!(example.mended.is_none_or(|mended| mended.is_right), "{}", example.prompt);
        for stated in [Some(example.shown), example.mended].into_iter().flatten() {
            let log = answer(&mut link, &example.prompt, stated.preset);
            let is_as_stated = log.end().unwrap().correct == Some(stated.is_right)
                && log.len().abs_diff(stated.steps) <= stated.steps / 10;
            if !is_as_stated {
                other.push((example.prompt.clone(), stated, log.len()));
            }
        }
    }
    assert!(other.is_empty(), "{other:#?}");
}
