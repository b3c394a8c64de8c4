//! A sitting with many runs: the strip, the list with its tree, what each run remembers, what leaves when memory is scarce.

use std::time::Duration;

use crossterm::event::{KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use diffuscope::{
    decode::record::Change,
    engine::protocol::{Command, Event, RunId, RunRequest},
    session::{Branch, Phase, Run, RunOutcome, Session},
    settings::preset,
    trace::{Entry, ForkOrigin, Header, Log},
    tui::{Action, Overlay, keymap::Context},
};

use super::{
    common,
    driver::{DARK, Driver, MONO, picture},
};

/// The engine as far as a sitting meets it: begins what was asked for; a fork behind all that it repeats.
pub fn begin(driver: &mut Driver, log: &Log) -> Option<RunRequest> {
    let start = |command| if let Command::Start(request) = command { Some(*request) } else { None };
    let request = driver.commands().into_iter().rev().find_map(start)?;
    let header = header_of(&request, log);
    if let Some(fork) = request.fork.as_ref().filter(|fork| !fork.cold) {
        let steps = fork.point.steps.len();
        for done in 1..=steps {
            driver.hear(Event::Replaying { run: request.run, done, steps });
        }
    }
    driver.hear(Event::Started { run: request.run, header: Box::new(header) });
    Some(request)
}

fn header_of(request: &RunRequest, log: &Log) -> Header {
    let Some(fork) = &request.fork else {
        return Header { settings: request.settings, preset: request.preset.clone(), ..log.header().clone() };
    };
    let (step, cold) = (fork.point.steps.len(), fork.cold);
    let origin = Some(ForkOrigin { parent: fork.point.hash.clone(), step, exact: !cold, cold });
    let header = Header { origin, ..fork.point.header.clone() };
    if cold { Header { settings: request.settings, given: fork.point.given.clone(), ..header } } else { header }
}

/// A story's steps from `from` on, with a knob turned before the first of them.
pub fn turned(story: &Log, from: usize, knob: &str, value: &str) -> Entry {
    let mut entry = story.entry(from + 1).unwrap();
    entry.record.changes = vec![Change { knob: knob.to_owned(), value: value.to_owned() }];
    entry
}

/// Ends the run that was asked for last.
pub fn finish(driver: &mut Driver, log: &Log) {
    let run = driver.app.last_run();
    driver.hear(Event::Finished { run, end: Box::new(log.end().unwrap().clone()) });
}

/// Four runs: a right story, a wrong one under another preset, a fork of it with a knob turned, and one under way.
pub fn four(theme: diffuscope::tui::theme::Theme) -> Driver {
    let (story, code) = (common::story(), common::code());
    let mut driver = Driver::live(&story, story.len(), theme);
    driver.app.layers.set_preset(preset("threshold").unwrap());
    driver.app.prompt.set(&code.header().prompt);
    driver.keys("i").key(KeyCode::Enter);
    begin(&mut driver, &code);
    driver.steps(&code, 0..code.len());
    finish(&mut driver, &code);
    driver.act(Action::ScrubTo(9)).keys("F");
    begin(&mut driver, &code);
    let entry = turned(&code, 9, "threshold", "0.97");
    driver.hear(Event::Step { run: 3, entry: entry.into() });
    driver.steps(&code, 10..code.len());
    finish(&mut driver, &code);
    driver.keys("R");
    begin(&mut driver, &code);
    driver.steps(&code, 0..4);
    driver.effects.clear();
    driver
}

fn shown(driver: &Driver) -> RunId {
    driver.app.run().unwrap().id
}

macro_rules! snapshot {
    ($name:literal, $driver:expr) => {
        insta::assert_snapshot!($name, picture(&$driver.draw().0))
    };
}

#[test]
fn the_strip_shows_every_run() {
    snapshot!("strip_80x24", four(DARK).sized(80, 24));
    snapshot!("strip_120x40", four(DARK).sized(120, 40));
    snapshot!("strip_200x60", four(DARK).sized(200, 60));
    snapshot!("strip_mono_80x24", four(MONO).sized(80, 24));
}

#[test]
fn the_list_shows_the_tree() {
    for (name, width, height) in [("runs_80x24", 80, 24), ("runs_120x40", 120, 40), ("runs_200x60", 200, 60)] {
        let mut driver = four(DARK).sized(width, height);
        driver.keys("Bk");
        insta::assert_snapshot!(name, picture(&driver.draw().0));
    }
}

#[test]
fn a_single_run_has_no_strip() {
    let story = common::story();
    assert!(!Driver::live(&story, 9, DARK).text().contains("runs 1"), "{}", Driver::live(&story, 9, DARK).text());
}

#[test]
fn keys_and_clicks_show_another_run() {
    let mut driver = four(DARK);
    assert_eq!(shown(&driver), 4);
    driver.keys("(");
    assert_eq!(shown(&driver), 3);
    driver.keys("((((");
    assert_eq!(shown(&driver), 1, "the first one stays the first");
    driver.keys(")");
    assert_eq!(shown(&driver), 2);
    driver.keys("bb");
    assert_eq!(shown(&driver), 2, "back to the one shown before, and here again");
    driver.redraw();
    let hit = driver.app.drawn().hits.iter().find(|hit| hit.click == Some(Action::ShowRun(3))).unwrap().area;
    let mouse = MouseEvent {
        kind: MouseEventKind::Down(MouseButton::Left),
        column: hit.x + 1,
        row: hit.y,
        modifiers: KeyModifiers::NONE,
    };
    driver.event(crossterm::event::Event::Mouse(mouse));
    assert_eq!(shown(&driver), 3);
}

#[test]
fn every_run_keeps_its_step_and_its_token() {
    let mut driver = four(DARK);
    driver.keys("(((").act(Action::ScrubTo(7)).act(Action::Select(30));
    driver.keys(")");
    assert_eq!(driver.app.lens().selected, None, "the other canvas has other tokens");
    driver.act(Action::ScrubTo(5)).act(Action::Select(40)).keys(")");
    assert_eq!(driver.app.lens().selected, Some(40), "a fork has the same canvas");
    driver.keys("((");
    assert_eq!((shown(&driver), driver.app.shown(), driver.app.lens().selected), (1, 7, Some(30)));
    driver.keys(")");
    assert_eq!((shown(&driver), driver.app.shown()), (2, 5));
}

#[test]
fn a_run_that_is_not_shown_continues() {
    let code = common::code();
    let mut driver = four(DARK);
    driver.keys("(((").tick(5000);
    assert_eq!(driver.commands(), [Command::Advance], "its steps are asked for");
    driver.steps(&code, 4..7);
    assert_eq!(driver.app.session().get(4).unwrap().log.len(), 7);
    assert!(driver.text().lines().nth(1).unwrap().contains("… 7"), "its figures move: {}", driver.text());
    driver.act(Action::ScrubTo(0)).keys(" ").tick(5400).tick(5700);
    assert!(driver.app.shown() > 0 && driver.commands().contains(&Command::Advance), "while another one plays");
}

#[test]
fn titles_name_the_preset_and_the_knobs_that_differ() {
    let story = common::story();
    let titles: Vec<String> = four(DARK).app.session().runs().iter().map(|run| run.title().to_owned()).collect();
    assert_eq!(titles, ["flashdlm+window-left 48", "threshold", "threshold 0.97", "threshold"]);
    let mut layers = diffuscope::settings::Layers::default();
    layers.set_preset(preset("threshold").unwrap());
    let knob = diffuscope::settings::Knob::find("threshold").unwrap();
    layers.set_live(knob, "0.97".to_owned());
    let header = Header { settings: layers.resolve(), preset: Some("threshold".to_owned()), ..story.header().clone() };
    let run = Run::new(1, Box::new(Log::new(header)), Phase::Running, Duration::ZERO);
    assert_eq!(run.title(), "threshold+0.97", "the knob that gave the preset its name");
}

#[test]
fn the_list_shows_renames_pins_and_closes() {
    let mut driver = four(DARK);
    driver.keys("B");
    assert_eq!((driver.app.overlays(), driver.app.list()), (&[Overlay::Runs][..], 3));
    driver.keys("kr");
    assert_eq!(driver.app.context(), Context::Line);
    driver.keys("less sure q").key(KeyCode::Backspace).key(KeyCode::Backspace).key(KeyCode::Enter);
    assert_eq!(driver.app.session().get(3).unwrap().title(), "less sure");
    driver.keys("r").ctrl('u').keys("nothing").key(KeyCode::Esc);
    assert_eq!(driver.app.session().get(3).unwrap().title(), "less sure", "esc drops the line alone");
    driver.keys("P");
    assert!(driver.app.session().get(3).unwrap().pinned);
    driver.keys("x");
    assert!(driver.app.session().get(3).is_none(), "it took no time");
    driver.keys("x");
    assert!(driver.app.session().get(4).is_some());
    assert!(driver.text().contains("run 4 is under way"), "{}", driver.text());
    driver.keys("kk").key(KeyCode::Enter);
    assert_eq!((shown(&driver), driver.app.overlays().len()), (1, 0));
    driver.keys("r");
    assert_eq!(driver.app.context(), Context::Canvas);
}

#[test]
fn closing_asks_where_something_would_be_lost() {
    let story = common::story();
    let mut driver = Driver::live(&story, 0, DARK);
    driver.tick(60_000).steps(&story, 0..story.len());
    finish(&mut driver, &story);
    driver.keys("Bx");
    assert!(driver.text().contains("no file holds run 1"), "{}", driver.text());
    driver.keys("P").keys("x");
    assert!(driver.app.run().is_some(), "another key takes the question back");
    driver.keys("x");
    assert!(driver.app.run().is_none() && driver.app.overlays().is_empty(), "the last one: the welcome is back");
    assert!(driver.text().contains("ready"), "{}", driver.text());
    driver.keys("i").key(KeyCode::Enter);
    assert!(begin(&mut driver, &story).is_some());
}

#[test]
fn the_header_tells_the_shown_run_from_the_next_one() {
    let mut driver = four(DARK).sized(200, 60);
    let header = |driver: &Driver| driver.text().lines().next().unwrap().to_owned();
    driver.keys("(((");
    let first = header(&driver);
    assert!(
        first.contains("ran with flashdlm ◆1") && first.contains("run 1") && first.contains("next: threshold"),
        "{first}"
    );
    driver.keys("))");
    let fork = header(&driver);
    assert!(fork.contains("ran with threshold ◆1") && fork.contains("run 3, fork of 2 at step 9"), "{fork}");
}

#[test]
fn the_oldest_unpinned_run_leaves_when_memory_is_scarce() {
    let story = common::story();
    let one = story.memory();
    let mut driver = Driver::live(&story, story.len(), DARK);
    driver.app.session_mut().set_budget(3 * one + one / 2);
    for _ in 0..2 {
        driver.keys("R");
        begin(&mut driver, &story);
        driver.steps(&story, 0..story.len());
        finish(&mut driver, &story);
    }
    driver.keys("B").key(KeyCode::Home).keys("Pq").keys("R");
    begin(&mut driver, &story);
    driver.steps(&story, 0..story.len());
    finish(&mut driver, &story);
    let kept: Vec<RunId> = driver.app.session().runs().iter().map(|run| run.id).collect();
    assert_eq!(kept, [1, 3, 4], "the first one is pinned");
    assert!(driver.text().contains("run 2 left to make room in memory: P in the list"), "{}", driver.text());
}

/// A run with so many steps.
fn run(id: RunId, steps: usize) -> Run {
    let story = common::story();
    let mut log = Log::new(story.header().clone());
    story.entries().take(steps).for_each(|entry| log.push(entry));
    Run::new(id, Box::new(log), Phase::Running, Duration::ZERO)
}

fn ids(session: &Session) -> Vec<RunId> {
    session.runs().iter().map(|run| run.id).collect()
}

#[test]
fn a_session_ends_what_runs_and_keeps_what_has_steps() {
    let mut session = Session::default();
    assert!(session.other().is_none() && session.shown().is_none());
    session.start(run(1, 2));
    session.start(run(2, 0));
    session.start(run(3, 2));
    assert_eq!((ids(&session), session.shown().unwrap().id), (vec![1, 3], 3), "a run without a step is not kept");
    assert_eq!(session.other().unwrap().outcome(), RunOutcome::Unjudged);
    assert_eq!(session.under_way().unwrap().id, 3);
    assert!(session.show(1) && !session.show(2));
    assert_eq!(session.other().unwrap().id, 3);
    assert_eq!((session.beside(1).unwrap().id, session.beside(-1).is_none()), (3, true));
    session.close(1);
    assert_eq!((session.shown().unwrap().id, session.other().is_none()), (3, true));
}

#[test]
fn what_is_shown_pinned_or_under_way_stays_however_large() {
    let mut session = Session::default();
    session.start(run(1, 9));
    session.start(run(2, 9));
    session.get_mut(1).unwrap().pinned = true;
    session.set_budget(0);
    assert!(session.make_room().is_empty());
    session.get_mut(1).unwrap().pinned = false;
    session.show(1);
    assert!(session.make_room().is_empty());
    session.show(2);
    assert_eq!(session.make_room().iter().map(|run| run.id).collect::<Vec<_>>(), [1]);
}

#[test]
fn branches_stand_under_what_they_left() {
    let branch =
        |id, parent| run(id, 3).branching(Branch { parent, step: 2, by_hand: None }, common::settings("flashdlm"));
    let mut session = Session::default();
    for run in [run(1, 3), run(2, 3), branch(3, 1), branch(4, 3), branch(5, 1), branch(6, 9)] {
        session.add(run);
    }
    let tree = |session: &Session| session.tree().into_iter().map(|row| (row.run.id, row.rails)).collect::<Vec<_>>();
    let expected = [(1, vec![]), (3, vec![true]), (4, vec![true, false]), (5, vec![false]), (2, vec![]), (6, vec![])];
    assert_eq!(tree(&session), expected);
    session.close(1);
    let expected = [(2, vec![]), (3, vec![]), (4, vec![false]), (5, vec![]), (6, vec![])];
    assert_eq!(tree(&session), expected, "what has lost its parent is a root");
}
