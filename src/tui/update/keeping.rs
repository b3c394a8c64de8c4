//! No key loses a run: a new one keeps the one before, and what no file holds is asked about before it goes.

use super::Effect;
use crate::{
    engine::protocol::RunId,
    session::Run,
    tui::{
        action::Notice,
        app::{App, Confirmation},
    },
};

/// Leaves; with a run that took a while and that no file holds, at the second asking.
pub(super) fn quit(app: &mut App) -> Vec<Effect> {
    if app.asked == Some(Confirmation::Leave) || !app.session.runs().iter().any(Run::is_precious) {
        return vec![Effect::Quit];
    }
    let which = if app.run().is_some_and(Run::is_precious) {
        "this run is not saved: w writes it to a file"
    } else {
        "the run before is not saved: b shows it, w writes it to a file"
    };
    app.asked = Some(Confirmation::Leave);
    app.tell(Notice::note(format!("{which}; the same key again leaves without it")));
    Vec::new()
}

/// Whether another run may take the place of the shown one. Where it would push out one that is worth a question, it
/// may at the second asking.
pub(super) fn may_replace(app: &mut App) -> bool {
    if !app.session.would_lose() || app.asked == Some(Confirmation::Replace) {
        return true;
    }
    app.asked = Some(Confirmation::Replace);
    app.tell(Notice::note(
        "the run before is not saved and makes room for this one: b shows it, w writes it to a file; the same key again runs",
    ));
    false
}

/// Shows the run before, and the newer one again.
pub(super) fn swap(app: &mut App) -> Vec<Effect> {
    let prompt = |app: &App| app.log().map(|log| log.header().prompt_ids.clone());
    let before = prompt(app);
    if !app.session.swap() {
        return Vec::new();
    }
    app.playback.playing = false;
    app.playback.at = None;
    if prompt(app) != before {
        app.lens.selected = None;
    }
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
