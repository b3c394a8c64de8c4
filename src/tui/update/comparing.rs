//! Two runs beside each other: what keys and the mouse do while they are compared.

use std::ops::Range;

use super::{Effect, selecting};
use crate::{
    engine::protocol::Command,
    session::{Axis, Difference, Run, TokenWrite},
    trace::Log,
    tui::{
        action::{Action, Direction, Focus},
        app::{App, Lens},
        compare::{CompareAction, RunComparison, RunSide},
        keymap::Context,
        pane::Pane,
        view::{RunView, most_telling},
    },
};

/// What an action means where it has to do with a comparison; `None` where it means what it always means.
pub(super) fn on(app: &mut App, action: &Action) -> Option<Vec<Effect>> {
    if *action == Action::Compare(CompareAction::Toggle) && app.comparison.is_none() {
        open(app);
        return Some(Vec::new());
    }
    app.comparison.as_ref()?;
    match action {
        Action::Compare(action) => compare(app, *action),
        Action::Scrub(stops) => scrub(app, *stops),
        Action::ScrubTo(0) => show(app, Some(0)),
        Action::Follow => show(app, None),
        Action::TogglePlay => return Some(toggle_play(app)),
        Action::StepOnce if app.comparison.as_ref()?.place.is_some() => scrub(app, 1),
        Action::Point { side, steps, positions } => point(app, *side, steps.clone(), positions.clone()),
        // Down a map is on in time.
        Action::SelectMove(Direction::Up) if app.lens.pane == Pane::Map => scrub(app, -1),
        Action::SelectMove(Direction::Down) if app.lens.pane == Pane::Map => scrub(app, 1),
        Action::SelectMove(direction) => step_selection(app, *direction),
        Action::Back if app.context() == Context::Compare => close(app),
        // Text goes where it is seen.
        Action::Paste(_) if app.overlays.is_empty() && !app.context().takes_text() && !app.is_replay() => {
            close(app);
            return None;
        }
        _ => return None,
    }
    Some(Vec::new())
}

fn compare(app: &mut App, action: CompareAction) {
    match action {
        CompareAction::Toggle => close(app),
        CompareAction::Rival(by) => {
            if let Some(comparison) = &mut app.comparison {
                comparison.turn_rival(&app.session, by);
            }
        }
        CompareAction::Axis(axis) => turn_axis(app, axis),
        CompareAction::NextAxis => {
            if let Some(axis) = app.comparison.as_ref().map(|comparison| comparison.axis.next()) {
                turn_axis(app, axis);
            }
        }
        CompareAction::ScrubTo(place) => show(app, Some(place)),
        CompareAction::Difference(by) => visit(app, by),
        CompareAction::Select(side, position) => {
            with_runs(app, |comparison, runs| comparison.select(logs(runs), side, position));
        }
    }
}

/// Compares the shown run with another one, at the step that is shown.
fn open(app: &mut App) {
    app.comparison = RunComparison::of_shown(&app.session, app.playback.at);
    if app.comparison.is_none() {
        return;
    }
    app.playback.playing = false;
    app.focus = Focus::Canvas;
    let selected = app.lens.selected;
    with_runs(app, |comparison, runs| {
        if let Some(position) = selected {
            comparison.select(logs(runs), RunSide::A, position);
        }
    });
}

/// Leaves the comparison; the shown run stays at its step, with its selected position.
fn close(app: &mut App) {
    if let Some(comparison) = app.comparison.take() {
        (app.lens.selected, app.lens.top) = (comparison.selected[0], None);
        app.playback.playing = false;
    }
}

/// After every action: compares again what has grown, and leaves where a run is no longer there.
pub(super) fn keep_up(app: &mut App) {
    if let Some(comparison) = &mut app.comparison
        && !comparison.refresh(&app.session)
    {
        close(app);
    }
}

/// Does something with the comparison and its runs.
fn with_runs<T>(app: &mut App, act: impl FnOnce(&mut RunComparison, [&Run; 2]) -> T) -> Option<T> {
    let comparison = app.comparison.as_mut()?;
    let runs = comparison.runs(&app.session)?;
    Some(act(comparison, runs))
}

fn logs(runs: [&Run; 2]) -> [&Log; 2] {
    runs.map(|run| &*run.log)
}

/// Shows both runs at a place, the newest for `None`; where nothing comes after it, that is the newest as well.
fn show(app: &mut App, place: Option<u64>) {
    app.playback.playing = false;
    put(app, place);
}

fn put(app: &mut App, place: Option<u64>) {
    let shown = with_runs(app, |comparison, runs| {
        comparison.place = place.filter(|place| *place < comparison.axis.end(logs(runs)));
        comparison.steps(runs)[0]
    });
    // The canvas that one comes back to shows the same step.
    let follows = app.comparison.as_ref().is_some_and(|comparison| comparison.place.is_none());
    if let Some(shown) = shown {
        let len = app.len();
        app.playback.show(if follows { len } else { shown }, len);
    }
}

/// Moves by so many places at which a step of either run ends.
fn scrub(app: &mut App, stops: i64) {
    let target = with_runs(app, |comparison, runs| {
        let (axis, logs) = (comparison.axis, logs(runs));
        let step = |place| if stops < 0 { axis.previous_stop(logs, place) } else { axis.next_stop(logs, place) };
        let places = std::iter::successors(Some(comparison.shown_place(runs)), |place| step(*place));
        places.take(stops.unsigned_abs() as usize + 1).last()
    });
    if let Some(place) = target.flatten() {
        show(app, Some(place));
    }
}

/// Aligns by another axis; the run that is still making steps at the shown place stays where it is.
fn turn_axis(app: &mut App, axis: Axis) {
    with_runs(app, |comparison, runs| {
        let [a, b] = comparison.steps(runs);
        let [of_a, of_b] = logs(runs);
        let place = if a < of_a.len() { axis.place(of_a, a) } else { axis.place(of_b, b) };
        comparison.place = comparison.place.map(|_| place);
        comparison.axis = axis;
    });
    let place = app.comparison.as_ref().and_then(|comparison| comparison.place);
    put(app, place);
}

/// Space: pauses or resumes a run under way where its newest step is shown, else plays both runs.
fn toggle_play(app: &mut App) -> Vec<Effect> {
    let follows = app.comparison.as_ref().is_some_and(|comparison| comparison.place.is_none());
    if follows && app.is_under_way() {
        return super::command(Command::TogglePause);
    }
    if app.playback.playing {
        app.playback.playing = false;
        return Vec::new();
    }
    if follows {
        put(app, Some(0));
    }
    app.playback.playing = true;
    app.playback.due = app.now;
    Vec::new()
}

/// Plays on to the next place at which a step of either run ends.
pub(super) fn advance(app: &mut App) {
    let next = with_runs(app, |comparison, runs| {
        comparison.place.and_then(|place| comparison.axis.next_stop(logs(runs), place))
    });
    put(app, next.flatten());
    app.playback.playing = app.comparison.as_ref().is_some_and(|comparison| comparison.place.is_some());
    app.playback.due = app.now + app.playback.interval();
}

/// Selects the position of a run that asks most to be seen among several, and shows its step.
fn point(app: &mut App, side: RunSide, steps: Range<usize>, positions: Range<usize>) {
    let layer = app.lens.layer;
    let place = with_runs(app, |comparison, runs| {
        let log = logs(runs)[side as usize];
        let (step, position) = most_telling(log, layer, steps, positions)?;
        comparison.select(logs(runs), side, position);
        Some(comparison.axis.place(log, step))
    });
    if let Some(place) = place.flatten() {
        show(app, Some(place));
    }
}

/// Moves the selection of the first run, and its counterpart with it.
fn step_selection(app: &mut App, direction: Direction) {
    let Some(comparison) = &app.comparison else { return };
    let Some(runs) = comparison.runs(&app.session) else { return };
    let lens = Lens { selected: comparison.selected[0], ..app.lens.clone() };
    let view = RunView {
        log: &runs[0].log,
        at: comparison.steps(runs)[0],
        phase: &runs[0].phase,
        lens: &lens,
        follows: comparison.place.is_none(),
        focused: true,
        recorded: app.is_replay(),
        span: None,
        shown_for: None,
    };
    if let Some(position) = selecting::neighbour(app, &view, direction) {
        compare(app, CompareAction::Select(RunSide::A, position));
    }
}

/// Selects a difference, and shows the place at which the first of the two runs wrote its part.
fn visit(app: &mut App, by: i64) {
    let place = with_runs(app, |comparison, runs| {
        let count = comparison.diff().differences.len() as i64;
        let first = if by < 0 { 0 } else { -1 };
        let at = comparison.visited.map_or(first, |visited| visited as i64);
        let at = (at + by).checked_rem_euclid(count)? as usize;
        let difference = &comparison.diff().differences[at];
        let starts = [difference.a.positions.start, difference.b.positions.start];
        let exists = |log: &Log, at: usize| Some(at).filter(|at| *at < log.header().canvas_length());
        let selected = [exists(&runs[0].log, starts[0]), exists(&runs[1].log, starts[1])];
        let place = arises(comparison.axis, difference, logs(runs));
        (comparison.visited, comparison.selected) = (Some(at), selected);
        Some(place)
    });
    if let Some(place) = place.flatten() {
        show(app, place);
    }
}

/// The first place at which either run has written its part of a difference.
fn arises(axis: Axis, difference: &Difference, [a, b]: [&Log; 2]) -> Option<u64> {
    let place = |log: &Log, written: Option<TokenWrite>| written.map(|written| axis.place(log, written.step));
    [place(a, difference.a.written), place(b, difference.b.written)].into_iter().flatten().min()
}
