//! The runs of this sitting: one is shown, a new one takes no place but its own, and what no file holds is asked about
//! before it goes.

use super::{Effect, conversation};
use crate::{
    engine::protocol::{Command, RunId},
    session::{Phase, Run},
    trace::{Header, Log},
    tui::{
        action::{Notice, Overlay},
        app::{App, Confirmation},
        hands::{LineUse, TypedLine},
    },
};

/// The engine has begun a run: it is shown, from its newest step on.
pub(super) fn started(app: &mut App, id: RunId, header: Header) -> Vec<Effect> {
    conversation::started(app, &header);
    let fork = app.forking.take().filter(|fork| fork.run == id);
    let log = match &fork {
        Some(fork) => fork.log(&app.session, header),
        None => Some(Log::new(header)),
    };
    let Some(log) = log else {
        app.tell(Notice::error("the run that was forked is not there any more"));
        return super::command(Command::Stop);
    };
    let agrees = app.log().is_some_and(|shown| is_same_canvas(shown, &log));
    let canvas = log.header().gen_length;
    let mut run = Run::new(id, Box::new(log), Phase::Running, app.now);
    if let Some(fork) = fork {
        run = run.branching(fork.branch, fork.base);
    }
    put_away(app);
    let left = app.session.start(run);
    app.playback.begin(app.now, canvas);
    app.hands = None;
    if !agrees {
        (app.lens.selected, app.lens.top) = (None, None);
    }
    tell_of(app, &left);
    Vec::new()
}

/// Adds a run that is over, and shows it.
pub(super) fn add(app: &mut App, run: Run) {
    let agrees = app.log().is_some_and(|shown| is_same_canvas(shown, &run.log));
    put_away(app);
    let left = app.session.add(run);
    arrive(app, agrees);
    tell_of(app, &left);
}

/// Keeps the logs within their memory.
pub(super) fn make_room(app: &mut App) {
    let left = app.session.make_room();
    tell_of(app, &left);
}

/// Says which runs left to make room.
fn tell_of(app: &mut App, left: &[Run]) {
    let numbers: Vec<_> = left.iter().map(|run| run.id.to_string()).collect();
    let runs = match numbers.as_slice() {
        [] => return,
        [only] => format!("run {only}"),
        _ => format!("runs {}", numbers.join(", ")),
    };
    app.tell(Notice::note(format!(
        "{runs} left to make room in memory: P in the list of runs (B) pins what must stay"
    )));
}

fn is_same_canvas(one: &Log, other: &Log) -> bool {
    let (one, other) = (one.header(), other.header());
    one.prompt_ids == other.prompt_ids && one.gen_length == other.gen_length
}

/// Notes where the shown run is looked at.
fn put_away(app: &mut App) {
    let (at, selected) = (app.playback.at, app.lens.selected);
    if let Some(run) = app.session.shown_mut() {
        (run.at, run.selected) = (at, selected);
    }
}

/// Shows a run where it was last looked at. What is selected stays, where both have the same canvas.
pub(super) fn show(app: &mut App, id: RunId) -> Vec<Effect> {
    let shown = app.run().map(|run| run.id);
    if let Some(run) = app.session.get(id).filter(|_| shown != Some(id)) {
        let agrees = app.log().is_some_and(|log| is_same_canvas(log, &run.log));
        put_away(app);
        app.session.show(id);
        arrive(app, agrees);
    }
    Vec::new()
}

/// Looks at the shown run where it was last looked at.
fn arrive(app: &mut App, agrees: bool) {
    let (at, selected) = app.run().map_or((None, None), |run| (run.at, run.selected));
    app.playback.playing = false;
    app.playback.at = at;
    app.hands = None;
    if !agrees {
        (app.lens.selected, app.lens.top) = (selected, None);
    }
}

/// Shows the run that was shown before.
pub(super) fn swap(app: &mut App) -> Vec<Effect> {
    app.session.other().map(|run| run.id).map_or_else(Vec::new, |other| show(app, other))
}

/// Shows the run so many places behind.
pub(super) fn step(app: &mut App, by: i64) -> Vec<Effect> {
    app.session.beside(by).map(|run| run.id).map_or_else(Vec::new, |other| show(app, other))
}

/// The run that is selected in the list.
pub(super) fn listed(app: &App) -> Option<&Run> {
    app.session.tree().get(app.list).map(|row| row.run)
}

/// The row of the shown run in the list.
pub(super) fn row_of_shown(app: &App) -> usize {
    let shown = app.run().map(|run| run.id);
    app.session.tree().iter().position(|row| Some(row.run.id) == shown).unwrap_or(0)
}

/// Types a name for the selected run.
pub(super) fn rename(app: &mut App) -> Vec<Effect> {
    if let Some(run) = listed(app) {
        app.line = Some(TypedLine { used: LineUse::Name(run.id), text: run.name().to_owned() });
    }
    Vec::new()
}

/// Lets the selected run stay however scarce memory gets, or no longer.
pub(super) fn pin(app: &mut App) -> Vec<Effect> {
    if let Some(run) = listed(app).map(|run| run.id).and_then(|id| app.session.get_mut(id)) {
        run.pinned = !run.pinned;
    }
    Vec::new()
}

/// Closes the selected run; one that took a while and that no file holds, at the second asking.
pub(super) fn close(app: &mut App) -> Vec<Effect> {
    let Some(run) = listed(app) else { return Vec::new() };
    let id = run.id;
    let refusal = if app.is_replay() {
        Some("a replay has nothing else to show: q leaves it".to_owned())
    } else if run.is_under_way() {
        Some(format!("run {id} is under way: end it first, with x while it is shown"))
    } else if app.forking.as_ref().is_some_and(|fork| fork.branch.parent == id) {
        Some(format!("run {id} is being forked: break that off first, with x"))
    } else {
        None
    };
    if let Some(refusal) = refusal {
        app.tell(Notice::error(refusal));
        return Vec::new();
    }
    if run.is_precious() && app.asked != Some(Confirmation::Close(id)) {
        app.asked = Some(Confirmation::Close(id));
        app.tell(Notice::note(format!("no file holds run {id}: the same key again closes it")));
        return Vec::new();
    }
    put_away(app);
    let is_shown = app.run().is_some_and(|run| run.id == id);
    let closed = app.session.close(id);
    if is_shown {
        let agrees = closed.is_some_and(|closed| app.log().is_some_and(|log| is_same_canvas(log, &closed.log)));
        arrive(app, agrees);
    }
    let rows = app.session.runs().len();
    app.list = app.list.min(rows.saturating_sub(1));
    if rows == 0 {
        app.overlays.retain(|open| *open != Overlay::Runs);
    }
    Vec::new()
}

/// Leaves; with a file that is being written, or runs that took a while and that no file holds, at the second asking.
pub(super) fn quit(app: &mut App) -> Vec<Effect> {
    let lost: Vec<RunId> = app.session.runs().iter().filter(|run| run.is_precious()).map(|run| run.id).collect();
    let shown = app.run().map(|run| run.id);
    let runs = match lost.as_slice() {
        [] => None,
        [only] if Some(*only) == shown => Some("this run is not saved: w writes it to a file".to_owned()),
        [only] => Some(format!("run {only} is not saved: B shows it, w writes it to a file")),
        several => {
            Some(format!("{} runs are not saved: B lists them, w writes the shown one to a file", several.len()))
        }
    };
    let writing = app.exports.writing.as_ref();
    let export = writing.map(|writing| format!("{} is being written, and would be broken off", writing.file));
    let script = app.script.is_some().then(|| "a demo script is being written: D saves it".to_owned());
    let reasons: Vec<String> = runs.into_iter().chain(export).chain(script).collect();
    if reasons.is_empty() || app.asked == Some(Confirmation::Leave) {
        return vec![Effect::Quit];
    }
    app.asked = Some(Confirmation::Leave);
    app.tell(Notice::note(format!("{}; the same key again leaves", reasons.join("; "))));
    Vec::new()
}

/// Writes the shown run to a file.
pub(super) fn save(app: &mut App) -> Vec<Effect> {
    let Some(run) = app.run().filter(|run| !run.log.is_empty()) else {
        app.tell(Notice::error("there is no step to save yet"));
        return Vec::new();
    };
    vec![Effect::SaveTrace(format!("diffuscope-{}.jsonl", run.id))]
}

/// A file holds the run as it is now.
pub(super) fn saved(app: &mut App, run: RunId, file: &str) -> Vec<Effect> {
    if let Some(run) = app.session.get_mut(run) {
        run.saved = true;
    }
    app.tell(Notice::note(format!("saved as {file}; `diffuscope replay {file}` shows it again")));
    Vec::new()
}
