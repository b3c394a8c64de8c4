//! News from the engine.

use super::{Effect, knobs, models};
use crate::{
    engine::protocol::Event,
    printable,
    session::{Phase, Run},
    trace::Log,
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
        Event::Started { run, header } if run == app.last_run => {
            let follows_same_canvas = app.log().is_some_and(|log| log.header().prompt_ids == header.prompt_ids);
            app.session.start(Run::new(run, Box::new(Log::new(*header)), Phase::Running, app.now));
            app.playback.begin(app.now);
            if !follows_same_canvas {
                app.lens.selected = None;
            }
        }
        Event::Step { run, entry } => {
            let now = app.now;
            if let Some(run) = app.session.get_mut(run) {
                run.log.push(entry);
                run.lasted = now.saturating_sub(run.began);
                run.saved = false;
                app.playback.awaits_step = false;
                app.layers_before = None;
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
                app.playback.due = due;
            }
        }
        Event::Finished { run, end } => {
            if let Some(run) = app.session.get_mut(run) {
                run.log.finish(*end);
                run.phase = Phase::Over;
                run.saved = false;
                app.playback.awaits_step = false;
            }
        }
        Event::Failed { run, error } if run == app.last_run => {
            if let Some(run) = app.session.get_mut(run) {
                run.phase = Phase::Failed(printable::line(&error.to_string()));
                app.playback.awaits_step = false;
            }
            app.tell(Notice::error(error.to_string()));
        }
        Event::Started { .. } | Event::Failed { .. } => {}
    }
    Vec::new()
}

/// The engine has ended, and nothing more will come.
pub(super) fn on_gone(app: &mut App) -> Vec<Effect> {
    app.engine = EngineState::Failed("the engine's thread has ended".to_owned());
    app.tell(Notice::error("the engine's thread has ended: leave and start diffuscope again"));
    Vec::new()
}

fn warn(app: &mut App, sentences: &[String]) {
    for sentence in sentences {
        app.tell(Notice::note(printable::line(sentence)));
    }
}
