//! News from the engine.

use super::{Effect, forking, keeping, knobs, models};
use crate::{
    engine::protocol::Event,
    printable,
    session::Phase,
    tui::{
        action::Notice,
        app::{App, EngineState},
    },
};

/// Takes an event in; what belongs to another run than the one shown is dropped.
pub(super) fn on_event(app: &mut App, event: Event) -> Vec<Effect> {
    match event {
        Event::Loading { progress } => return models::on_progress(app, progress),
        Event::Ready { denoiser, guide, request, warnings } => {
            let effects = models::ready(app, denoiser, guide, request.map(|request| *request));
            warn(app, &warnings);
            return effects;
        }
        Event::LoadFailed { error, request, warnings } => {
            models::failed(app, &error.to_string(), request.map(|request| *request));
            warn(app, &warnings);
        }
        Event::Warning { message } => warn(app, &[message]),
        Event::Catalog { catalog } => return models::on_catalog(app, *catalog),
        Event::Replaying { run, done, steps } => forking::on_progress(app, run, done, steps),
        Event::Started { run, header } if run == app.last_run && app.session.get(run).is_none() => {
            return keeping::started(app, run, *header);
        }
        Event::Step { run, entry } => {
            let now = app.now;
            let is_shown = app.run().is_some_and(|shown| shown.id == run) && app.follows();
            if let Some(run) = app.session.get_mut(run) {
                run.push(&entry, now);
                app.playback.awaits_step = false;
                app.layers_before = None;
            }
            if is_shown {
                app.playback.asks_at = app.playback.asks_at.max(now + app.show_first());
            }
        }
        Event::Refused { run, message } => {
            if app.session.get_mut(run).is_some() {
                knobs::on_refused(app, message);
            }
        }
        Event::Paused { run, paused } => {
            let due = app.now;
            if let Some(run) = app.session.get_mut(run).filter(|run| run.is_under_way()) {
                run.phase = if paused { Phase::Paused } else { Phase::Running };
                // A paused run ignores what its pace asks for.
                app.playback.awaits_step = false;
                app.playback.asks_at = due;
            }
        }
        Event::Finished { run, end } => {
            if let Some(run) = app.session.get_mut(run) {
                run.log.finish(*end);
                run.phase = Phase::Over;
                run.saved = false;
                app.playback.awaits_step = false;
                keeping::make_room(app);
            }
        }
        Event::Failed { run, error } if run == app.last_run => {
            app.forking = None;
            if let Some(run) = app.session.get_mut(run) {
                run.phase = Phase::Failed(printable::line(&error.to_string()));
                app.playback.awaits_step = false;
            }
            app.tell(Notice::error(error.to_string()));
        }
        Event::Settled | Event::Started { .. } | Event::Failed { .. } => {}
    }
    Vec::new()
}

/// The engine has ended, and nothing more will come.
pub(super) fn on_gone(app: &mut App) -> Vec<Effect> {
    app.engine = EngineState::Failed("the engine's thread has ended".to_owned());
    app.forking = None;
    app.tell(Notice::error("the engine's thread has ended: leave and start diffuscope again"));
    Vec::new()
}

fn warn(app: &mut App, sentences: &[String]) {
    for sentence in sentences {
        app.tell(Notice::note(printable::line(sentence)));
    }
}
