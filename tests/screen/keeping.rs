//! No key loses a run: what is kept, what is asked about, what a file holds.

use std::time::Duration;

use crossterm::event::KeyCode;
use diffuscope::{
    engine::protocol::{Command, Event, RunId},
    session::{Phase, Run, Session},
    trace::Log,
    tui::{Action, App, Effect},
};

use super::{
    common,
    driver::{DARK, Driver},
};

/// A finished run that was `millis` in coming.
fn finished(log: &Log, millis: u64) -> Driver {
    let mut driver = Driver::live(log, 0, DARK);
    driver.tick(millis).steps(log, 0..log.len());
    driver.hear(Event::Finished { run: 1, end: Box::new(log.end().expect("it is over").clone()) });
    driver.effects.clear();
    driver
}

/// The engine begins what was asked for, and does some of its steps.
fn begin(driver: &mut Driver, log: &Log, now: u64, steps: usize) {
    let run = driver.app.last_run();
    driver.hear(Event::Started { run, header: Box::new(log.header().clone()) });
    driver.tick(now).steps(log, 0..steps);
    driver.effects.clear();
}

fn is_start(commands: &[Command]) -> bool {
    matches!(commands, [Command::Start(_)])
}

#[test]
fn a_new_run_keeps_the_one_before() {
    let story = common::story();
    let mut driver = finished(&story, 60_000);
    driver.keys("R");
    assert!(is_start(&driver.commands()));
    begin(&mut driver, &story, 60_100, 3);
    assert_eq!(driver.app.shown(), 3);
    driver.keys("b");
    assert_eq!((driver.app.len(), driver.app.shown()), (story.len(), story.len()));
    assert!(driver.text().contains("the run before") && driver.text().contains("correct"), "{}", driver.text());
    driver.steps(&story, 3..5);
    assert_eq!(driver.app.len(), story.len(), "what comes belongs to the other one");
    driver.keys("b");
    assert_eq!(driver.app.len(), 5);
    assert!(!driver.text().contains("the run before  ·"), "{}", driver.text());
}

#[test]
fn a_knob_reaches_the_run_under_way_while_the_one_before_is_shown() {
    let story = common::story();
    let mut driver = finished(&story, 60_000);
    driver.keys("R");
    begin(&mut driver, &story, 60_100, 3);
    driver.keys("b");
    let window = diffuscope::settings::KNOBS.iter().position(|knob| knob.name == "window-left").unwrap();
    driver.act(Action::KnobSelect(window)).key(KeyCode::Right);
    assert!(matches!(driver.commands().as_slice(), [Command::Configure(_)]));
}

#[test]
fn a_run_that_is_replaced_is_over() {
    let story = common::story();
    let mut driver = Driver::live(&story, 4, DARK);
    driver.keys("R");
    begin(&mut driver, &story, 100, 1);
    driver.keys("b");
    assert_eq!(driver.app.phase(), Some(&Phase::Over));
    assert!(driver.text().contains("unfinished"), "{}", driver.text());
}

#[test]
fn two_runs_that_took_a_while_are_not_given_up_for_a_third_without_a_question() {
    let story = common::story();
    let two = || {
        let mut driver = finished(&story, 60_000);
        driver.keys("R");
        begin(&mut driver, &story, 120_000, 9);
        driver
    };
    let mut driver = two();
    driver.keys("R");
    assert!(driver.commands().is_empty());
    assert!(driver.text().contains("is not saved and makes room"), "{}", driver.text());
    driver.keys("R");
    assert!(is_start(&driver.commands()), "the same key answers");

    let mut driver = two();
    driver.keys("i").key(KeyCode::Enter);
    assert!(driver.commands().is_empty(), "the editor's Enter asks too");
    driver.key(KeyCode::Enter);
    assert!(is_start(&driver.commands()));

    let mut driver = two();
    driver.ctrl('g').key(KeyCode::Enter);
    assert!(driver.commands().is_empty(), "and so does the gallery's");
    driver.key(KeyCode::Enter);
    assert!(is_start(&driver.commands()));
}

#[test]
fn a_short_run_is_given_up_rather_than_a_long_one() {
    let story = common::story();
    let mut driver = finished(&story, 60_000);
    for _ in 0..3 {
        driver.keys("R");
        assert!(is_start(&driver.commands()));
        begin(&mut driver, &story, 60_100, 2);
    }
    driver.keys("b");
    assert_eq!(driver.app.len(), story.len());
}

#[test]
fn leaving_asks_once_about_a_run_that_no_file_holds() {
    let story = common::story();
    let mut driver = finished(&story, 60_000);
    driver.keys("q");
    assert_eq!(driver.effects, []);
    assert!(driver.text().contains("this run is not saved"), "{}", driver.text());
    driver.keys("1q");
    assert_eq!(driver.effects, [], "another key takes the question back");
    driver.keys("q");
    assert_eq!(driver.effects, [Effect::Quit]);

    let mut driver = finished(&story, 60_000);
    driver.ctrl('c').ctrl('c');
    assert_eq!(driver.effects, [Effect::Quit]);
}

#[test]
fn a_saved_run_and_a_short_one_may_go() {
    let story = common::story();
    let mut driver = finished(&story, 60_000);
    driver.keys("w");
    assert_eq!(driver.effects, [Effect::SaveTrace("diffuscope-1.jsonl".to_owned())]);
    driver.effects.clear();
    driver.act(Action::Saved { run: 1, file: "diffuscope-1.jsonl".to_owned() });
    assert!(driver.text().contains("saved as diffuscope-1.jsonl"));
    driver.keys("q");
    assert_eq!(driver.effects, [Effect::Quit]);

    let mut driver = finished(&story, 3_000);
    driver.keys("q");
    assert_eq!(driver.effects, [Effect::Quit]);
}

#[test]
fn what_was_saved_half_way_is_no_longer_saved_when_it_resumes() {
    let story = common::story();
    let mut driver = Driver::live(&story, 0, DARK);
    driver.tick(30_000).steps(&story, 0..4);
    driver.act(Action::Saved { run: 1, file: "diffuscope-1.jsonl".to_owned() });
    driver.effects.clear();
    driver.steps(&story, 4..5);
    driver.keys("q");
    assert_eq!(driver.effects, []);
}

#[test]
fn leaving_names_the_run_before_where_only_that_one_would_be_lost() {
    let story = common::story();
    let mut driver = finished(&story, 60_000);
    driver.keys("R");
    begin(&mut driver, &story, 60_100, 2);
    driver.keys("q");
    assert_eq!(driver.effects, []);
    assert!(driver.text().contains("the run before is not saved"), "{}", driver.text());
}

#[test]
fn a_replay_has_nothing_to_lose() {
    let story = common::story();
    let mut driver = Driver::loading(DARK);
    driver.app = App::replay("story.jsonl", Box::new(story), DARK);
    driver.tick(60_000).keys("b").keys("q");
    assert_eq!(driver.effects, [Effect::Quit]);
}

/// A run with so many steps, which took so many seconds.
fn run(id: RunId, steps: usize, seconds: u64) -> Run {
    let story = common::story();
    let mut log = Log::new(story.header().clone());
    story.entries().take(steps).for_each(|entry| log.push(entry));
    Run { lasted: Duration::from_secs(seconds), ..Run::new(id, Box::new(log), Phase::Running, Duration::ZERO) }
}

fn ids(session: &Session) -> Vec<RunId> {
    session.runs().iter().map(|run| run.id).collect()
}

#[test]
fn a_session_keeps_the_run_before_and_ends_it() {
    let mut session = Session::default();
    assert!(!session.swap());
    session.start(run(1, 2, 9));
    session.start(run(2, 2, 9));
    assert_eq!((ids(&session), session.shown().unwrap().id), (vec![1, 2], 2));
    assert_eq!(session.other().unwrap().phase, Phase::Over);
    assert!(session.would_lose());
    assert!(session.swap() && session.shows_earlier());
    assert_eq!((session.shown().unwrap().id, session.other().unwrap().id), (1, 2));
    assert!(session.swap() && !session.shows_earlier());
}

#[test]
fn what_cost_little_goes_first_and_the_shown_run_last() {
    for (first, second, kept) in [(9, 9, 2), (9, 1, 1), (1, 9, 2), (1, 1, 2)] {
        let mut session = Session::default();
        session.start(run(1, 2, first));
        session.start(run(2, 2, second));
        session.start(run(3, 2, 9));
        assert_eq!(ids(&session), [kept, 3], "{first} and {second} seconds");
    }
    let mut session = Session::of(run(1, 2, 1));
    session.start(run(2, 0, 9));
    session.start(run(3, 2, 9));
    assert_eq!(ids(&session), [1, 3], "a run without a step is not kept");
}
