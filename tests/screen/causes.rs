//! From a wrong answer to its cause: the span that fails, the step that wrote a token, the walk over events.

use crossterm::event::KeyCode;
use diffuscope::{
    decode::record::{DraftReview, GuideReading, GuideReview, GuideView, Verdict},
    session::{EventWalk, RunEvent, RunEventKind},
    trace::{End, Log},
    tui::{
        Action, App,
        theme::{ASCII, Theme},
    },
};
use ratatui::style::Modifier;

use super::{
    common,
    driver::{DARK, Driver, MONO, layer, picture},
};

fn ended(log: &Log, theme: Theme) -> Driver {
    Driver::live(log, log.len(), theme)
}

fn fails_at(log: &Log) -> usize {
    log.end().unwrap().failed.clone().unwrap().start
}

/// The step that wrote a position, counted from 1.
fn writer(log: &Log, position: usize) -> usize {
    log.canvas(log.len()).written(position).unwrap().0 + 1
}

/// The log with a guide that only looked on and found fault with what each step wrote first.
fn doubted(log: &Log) -> Log {
    let mut doubted = Log::new(log.header().clone());
    for mut entry in log.entries() {
        let first = entry.record.commits[0];
        let view = GuideView { token: 300, top_probability: 0.62, draft_probability: 0.004, rank: 8 };
        let draft = |commit: &diffuscope::decode::record::Commit| DraftReview {
            position: commit.position,
            draft: commit.token,
            verdict: if *commit == first { Verdict::Rejected } else { Verdict::Agreed },
            view: Some(if *commit == first { view } else { GuideView { rank: 0, ..view } }),
            instead: None,
        };
        let drafts: Vec<DraftReview> = entry.record.commits.iter().map(draft).collect();
        entry.record.shadow = Some(GuideReview { drafts, accepted: 0, forwards: vec![9], reading: GuideReading::Ids });
        (entry.record.cost.shadow_forwards, entry.record.cost.shadow_us) = (1, 1500);
        doubted.push(entry);
    }
    log.end().iter().for_each(|end| doubted.finish((*end).clone()));
    doubted
}

#[test]
fn what_fails_is_marked_at_the_end_of_the_run() {
    let log = common::failing();
    insta::assert_snapshot!("failing_80x24", picture(&ended(&log, DARK).sized(80, 24).draw().0));
    insta::assert_snapshot!("failing_mono_80x24", picture(&ended(&log, MONO).sized(80, 24).draw().0));
    let mut driver = ended(&log, DARK);
    driver.act(Action::Focus(diffuscope::tui::Focus::Canvas)).keys("!");
    insta::assert_snapshot!("failing_inspected_120x40", picture(&driver.draw().0));
}

#[test]
fn numbers_and_headings_of_the_inspector_are_whole_in_a_narrow_pane() {
    let log = common::failing();
    for at in [fails_at(&log), fails_at(&log) + 1] {
        let mut driver = ended(&log, DARK).sized(80, 24);
        driver.act(Action::Select(at));
        for steps in 1..=log.len() {
            driver.act(Action::ScrubTo(steps));
            let text = driver.text();
            let facts =
                text.lines().filter(|line| ["entropy ", "margin ", "drafts"].iter().any(|word| line.contains(word)));
            assert!(facts.clone().all(|line| !line.trim_end().ends_with('…')), "{text}");
            assert_eq!(text.contains("entropy "), text.contains("margin "), "{text}");
        }
    }
}

#[test]
fn what_fails_is_marked_on_every_layer_and_in_ascii_too() {
    let log = common::failing();
    let failing = fails_at(&log);
    let ascii = Theme { glyphs: &ASCII, ..MONO };
    for theme in [DARK, MONO, ascii] {
        for layer in ["confidence", "cache", "guide", "audit", "order"].map(layer) {
            let mut driver = ended(&log, theme);
            driver.act(Action::Layer(layer));
            let mark = Modifier::UNDERLINED | Modifier::BOLD;
            let cells = driver.cells_of(failing);
            let marked = cells.iter().filter(|cell| cell.symbol() != " ").all(|cell| cell.modifier.contains(mark));
            assert!(marked && !cells.is_empty(), "{layer:?}: {cells:?}");
            let sign = theme.glyphs.wrong;
            let row = driver.text().lines().find(|line| line.contains(">= 7")).unwrap().to_owned();
            assert!(row[..8].contains(sign), "the margin names the row: {row}");
            driver.act(Action::Scrub(-1));
            let row = driver.text().lines().find(|line| line.contains(">= 7")).map(str::to_owned);
            assert!(row.is_none_or(|row| !row[..8].contains(sign)), "not before the end");
        }
    }
}

#[test]
fn two_keys_lead_from_a_wrong_answer_to_the_step_that_made_it() {
    let log = common::failing();
    let (failing, step) = (fails_at(&log), writer(&log, fails_at(&log)));
    let mut driver = ended(&log, DARK);
    driver.act(Action::Focus(diffuscope::tui::Focus::Canvas));
    assert!(driver.text().contains("! what fails"), "{}", driver.text());
    driver.keys("!");
    assert_eq!((driver.app.lens().selected, driver.app.shown()), (Some(failing), log.len()));
    assert!(driver.text().contains("enter its step"), "{}", driver.text());
    driver.key(KeyCode::Enter);
    assert_eq!((driver.app.lens().selected, driver.app.shown()), (Some(failing), step));
    assert!(driver.text().contains(&format!("position {failing}, step {step}")), "{}", driver.text());
    assert!(!driver.text().contains("enter its step"), "it is there");
    // From anywhere else the mark leads back to the end of the run.
    driver.keys("!");
    assert_eq!(driver.app.shown(), log.len());
    // On a mask there is no step to go to.
    driver.act(Action::ScrubTo(step - 1)).key(KeyCode::Enter);
    assert_eq!(driver.app.shown(), step - 1);
}

#[test]
fn where_nothing_fails_the_key_says_why() {
    let story = common::story();
    let said = |log: &Log, end: Option<End>| {
        let mut driver = Driver::live(log, log.len() - 1, DARK);
        if let Some(end) = end {
            driver.hear(diffuscope::engine::protocol::Event::Finished { run: 1, end: Box::new(end) });
        }
        driver.act(Action::SelectFailed);
        assert_eq!(driver.app.lens().selected, None);
        driver.app.notice().unwrap().text.clone()
    };
    let end = story.end().unwrap().clone();
    assert_eq!(said(&story, None), "the run is not over, so nothing is judged yet");
    assert_eq!(said(&story, Some(end.clone())), "the answer is right: nothing in it fails");
    let unjudged = End { correct: None, verdict: None, ..end.clone() };
    let words = "the answer is not judged: its prompt is none of the tasks that have a checker";
    assert_eq!(said(&story, Some(unjudged.clone())), words);
    let stopped = "the run was stopped by hand: only a run that ends by itself is judged";
    assert_eq!(said(&story, Some(End { reason: None, ..unjudged })), stopped);
    let old = "the answer is wrong, and this trace does not say where: an earlier version wrote it";
    assert_eq!(said(&story, Some(End { correct: Some(false), ..end })), old);
}

#[test]
fn the_walk_visits_every_event_in_its_order_and_back() {
    for log in [common::story(), common::failing(), doubted(&common::code())] {
        let app = App::replay("run.jsonl", Box::new(log.clone()), DARK);
        let mut driver = Driver { app, size: (120, 40), effects: Vec::new() };
        let mut places: Vec<_> = EventWalk::default().events(&log).iter().map(|event| event.place).collect();
        places.dedup();
        assert!(places.len() > 3, "{places:?}");
        let at = |driver: &Driver| (driver.app.shown(), driver.app.lens().selected);
        for place in &places {
            driver.keys("n");
            assert_eq!(at(&driver), *place);
            let notice = &driver.app.notice().unwrap().text;
            assert!(notice.starts_with(&format!("step {}", place.0)), "{notice}");
        }
        driver.keys("n");
        assert_eq!(driver.app.notice().unwrap().text, "no later event in this run");
        for place in places.iter().rev().skip(1) {
            driver.keys("N");
            assert_eq!(at(&driver), *place);
        }
        driver.keys("N");
        assert_eq!(driver.app.notice().unwrap().text, "no earlier event in this run");
    }
}

#[test]
fn events_are_what_the_log_says() {
    let kinds = |log: &Log, wanted: fn(&RunEventKind) -> bool| -> Vec<RunEvent> {
        EventWalk::default().events(log).into_iter().filter(|event| wanted(&event.kind)).collect()
    };
    let story = common::story();
    let turned = kinds(&story, |kind| matches!(kind, RunEventKind::Turned(_)));
    assert_eq!((turned.len(), turned[0].place), (1, (10, None)));
    assert_eq!(turned[0].kind.phrase(), "window-left is set to 48");
    let forced = kinds(&story, |kind| *kind == RunEventKind::Forced).len();
    let counted = (1..=story.len()).filter(|step| story.record(*step).unwrap().guide.as_ref().unwrap().accepted == 0);
    assert_eq!(forced, counted.count());

    let code = common::failing();
    let failed = kinds(&code, |kind| *kind == RunEventKind::Failed);
    assert_eq!((failed.len(), failed[0].place), (1, (code.len(), Some(fails_at(&code)))));
    let blocks = kinds(&code, |kind| matches!(kind, RunEventKind::BlockBegun(_)));
    let phrases: Vec<String> = blocks.iter().map(|event| event.kind.phrase()).collect();
    assert_eq!(phrases, ["block 2 begins", "block 3 begins"]);
    let stale = kinds(&code, |kind| *kind == RunEventKind::StaleRead);
    assert!((1..=3).contains(&stale.len()), "once per block: {stale:?}");
    let least = kinds(&code, |kind| matches!(kind, RunEventKind::LeastSure(_)));
    let commits = code.steps().iter().flat_map(|step| step.commits.iter());
    let text = commits.filter(|commit| commit.token != common::EOS).map(|commit| commit.confidence);
    let lowest = text.fold(1.0, f32::min);
    assert_eq!(least.len(), 1);
    assert!(matches!(least[0].kind, RunEventKind::LeastSure(found) if found == lowest), "{least:?} {lowest}");

    let doubts = kinds(&doubted(&code), |kind| *kind == RunEventKind::Doubted);
    assert_eq!(doubts.len(), code.len(), "one token of every step");
}

#[test]
fn events_of_a_growing_log_are_those_of_the_whole() {
    let log = common::story();
    let mut growing = Log::new(log.header().clone());
    let mut walk = EventWalk::default();
    for entry in log.entries() {
        growing.push(entry);
        assert_eq!(walk.events(&growing), EventWalk::default().events(&growing));
    }
}

#[test]
fn the_inspector_shows_nothing_of_a_later_step() {
    let log = doubted(&common::failing());
    for position in [fails_at(&log), fails_at(&log) + 3] {
        for step in [1, 7, 14, log.len() - 1] {
            let mut cut = Driver::live(&log, step, DARK).sized(120, 60);
            cut.act(Action::Select(position));
            let mut whole = ended(&log, DARK).sized(120, 60);
            whole.act(Action::Select(position)).act(Action::ScrubTo(step));
            let pane = |driver: &Driver| -> Vec<String> {
                let rows = driver.text();
                let pane = rows.lines().skip_while(|row| !row.contains("token ─"));
                pane.map(|row| row.chars().skip(81).collect::<String>()).take(20).collect()
            };
            assert_eq!(pane(&cut), pane(&whole), "position {position}, step {step}");
        }
    }
}

#[test]
fn a_guide_that_looks_on_is_quoted_with_what_it_would_have_done() {
    let log = doubted(&common::failing());
    let step = 3;
    let position = log.step(step).unwrap().commits[0].position;
    let mut driver = ended(&log, DARK).sized(120, 60);
    driver.act(Action::Select(position)).act(Action::ScrubTo(step));
    let text = driver.text();
    for part in ["would have rejected it", "is no.", "it did not", "shadow guide", "would pass", "shadow passes"] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
    assert!(text.contains("; shadow guide wants "), "{text}");
    driver.act(Action::Layer(layer("guide")));
    let fresh = driver.cells_of(position);
    assert!(fresh.iter().any(|cell| cell.modifier.contains(Modifier::CROSSED_OUT)), "{fresh:?}");
    insta::assert_snapshot!("shadow_inspected_120x40", picture(&driver.sized(120, 40).draw().0));
}
