//! No key loses a run: what is kept, what is asked about, what a file holds.

use crossterm::event::KeyCode;
use diffuscope::{
    engine::protocol::{Command, Event, RunId},
    session::Phase,
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
    assert!(driver.text().contains("run 1  ·") && driver.text().contains("correct"), "{}", driver.text());
    driver.steps(&story, 3..5);
    assert_eq!(driver.app.len(), story.len(), "what comes belongs to the other one");
    driver.keys("b");
    assert_eq!(driver.app.len(), 5);
    assert!(driver.text().contains("·  run 2 "), "{}", driver.text());
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
fn a_new_run_takes_the_place_of_none() {
    let story = common::story();
    let mut driver = finished(&story, 60_000);
    for run in 2..=4 {
        driver.keys("R");
        assert!(is_start(&driver.commands()), "without a question");
        begin(&mut driver, &story, 60_000 * run, 2);
    }
    let kept: Vec<RunId> = driver.app.session().runs().iter().map(|run| run.id).collect();
    assert_eq!(kept, [1, 2, 3, 4]);
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
fn leaving_names_the_run_that_alone_would_be_lost() {
    let story = common::story();
    let mut driver = finished(&story, 60_000);
    driver.keys("R");
    begin(&mut driver, &story, 60_100, 2);
    driver.keys("q");
    assert_eq!(driver.effects, []);
    assert!(driver.text().contains("run 1 is not saved: B shows it"), "{}", driver.text());
}

#[test]
fn a_replay_has_nothing_to_lose() {
    let story = common::story();
    let mut driver = Driver::loading(DARK);
    driver.app = App::replay("story.jsonl", Box::new(story), DARK);
    driver.tick(60_000).keys("b").keys("q");
    assert_eq!(driver.effects, [Effect::Quit]);
}
