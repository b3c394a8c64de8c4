//! From what went wrong to what made it so: the failing token, the step that wrote a token, the walk over events.

use super::{Effect, playing};
use crate::{
    session::{EventWalk, Place},
    trace::{End, Log},
    tui::{
        action::{Focus, Notice},
        app::App,
    },
};

/// Shows the next event behind the shown step and the selected position, or the one before.
pub(super) fn walk(app: &mut App, forward: bool) -> Vec<Effect> {
    let Some(run) = app.session.shown() else { return Vec::new() };
    if app.events.0 != run.id {
        app.events = (run.id, EventWalk::default());
    }
    let from = (app.playback.shown(run.log.len()), app.lens.selected);
    let found = app.events.1.beside(&run.log, from, forward);
    let Some(place) = found.first().map(|event| event.place) else {
        let which = if forward { "no later event" } else { "no earlier event" };
        app.tell(Notice::note(format!("{which} in this run")));
        return Vec::new();
    };
    let phrases: Vec<String> = found.iter().map(|event| event.kind.phrase()).collect();
    show(app, place);
    app.tell(Notice::note(format!("{}: {}", named(place), phrases.join("; "))));
    Vec::new()
}

fn named((step, position): Place) -> String {
    match position {
        Some(position) => format!("step {step}, position {position}"),
        None => format!("step {step}"),
    }
}

fn show(app: &mut App, (step, position): Place) {
    app.focus = Focus::Canvas;
    (app.lens.selected, app.lens.top) = (position, None);
    playing::scrub_to(app, step);
}

/// Selects the first token of what fails, at the end of the run.
pub(super) fn select_failed(app: &mut App) -> Vec<Effect> {
    let Some(log) = app.log() else { return Vec::new() };
    match failed(log) {
        Ok(position) => {
            let steps = log.len();
            show(app, (steps, Some(position)));
        }
        Err(reason) => app.tell(Notice::note(reason)),
    }
    Vec::new()
}

/// Where the answer fails, or why there is no such place.
fn failed(log: &Log) -> Result<usize, &'static str> {
    match log.end() {
        None => Err("the run is not over, so nothing is judged yet"),
        Some(End { failed: Some(failed), .. }) => Ok(failed.start),
        Some(End { correct: Some(true), .. }) => Err("the answer is right: nothing in it fails"),
        Some(End { correct: Some(false), .. }) => {
            Err("the answer is wrong, and this trace does not say where: an earlier version wrote it")
        }
        Some(End { reason: None, .. }) => Err("the run was stopped by hand: only a run that ends by itself is judged"),
        Some(_) => Err("the answer is not judged: its prompt is none of the tasks that have a checker"),
    }
}

/// The step that wrote what the selected position holds, where another one is shown.
pub(crate) fn written_elsewhere(app: &App) -> Option<usize> {
    let (log, shown) = (app.log()?, app.shown());
    let canvas = log.canvas(shown);
    let position = app.lens.selected.filter(|position| canvas.id(*position) != Some(log.header().mask_id))?;
    let (index, ..) = canvas.written(position)?;
    Some(index + 1).filter(|step| *step != shown)
}

/// Shows the step that wrote what the selected position holds.
pub(super) fn go_to_written(app: &mut App) -> Vec<Effect> {
    match written_elsewhere(app) {
        Some(step) => playing::scrub_to(app, step),
        None => Vec::new(),
    }
}
