//! What the log file says of the engine, where there is one: what was loaded, which runs there were, what failed. The text
//! of prompts and answers is noted at the level "debug" alone.

use super::protocol::{Command, Event};
use crate::{
    settings::Settings,
    trace::{Header, ModelCard},
};

/// Notes a command that a person may have given.
pub(super) fn note_command(command: &Command) {
    match command {
        Command::Start(request) => log::info!("run {}: asked for", request.run),
        Command::Load(request) => {
            let guide = request.guide_source().map_or_else(|| "no guide".to_owned(), |guide| format!("guide {guide}"));
            log::info!("asked for models: denoiser {}, {guide}, device {}", request.denoiser, request.device);
        }
        Command::Edit(edits) => log::info!("{} changes of the canvas by hand", edits.len()),
        Command::CancelLoad => log::info!("the loading is broken off"),
        Command::Stop => log::info!("the run is stopped by hand"),
        Command::Drive(drive) => log::info!("the run is driven: {drive:?}"),
        Command::Pause
        | Command::Resume
        | Command::TogglePause
        | Command::Step
        | Command::Advance
        | Command::Configure(_)
        | Command::ListModels(_)
        | Command::Settle
        | Command::Shutdown => {}
    }
}

/// Notes an event, unless it comes with every step.
pub(super) fn note_event(event: &Event) {
    match event {
        Event::Ready { denoiser, guide, warnings, .. } => {
            log::info!("denoiser {}", card(denoiser));
            match guide {
                Some(guide) => log::info!("guide {}", card(guide)),
                None => log::info!("no guide"),
            }
            note_warnings(warnings);
        }
        Event::LoadFailed { error, warnings, .. } => {
            note_warnings(warnings);
            log::error!("loading failed: {error}");
        }
        Event::Warning { message } => log::warn!("{message}"),
        Event::Replaying { run, done: 0, steps } => log::info!("run {run}: repeats {steps} steps of its parent"),
        Event::Started { run, header } => note_start(*run, header),
        Event::Refused { run, message } => log::warn!("run {run}: refused: {message}"),
        Event::Paused { run, paused } => log::info!("run {run}: {}", if *paused { "paused" } else { "resumed" }),
        Event::Finished { run, end } => {
            let reason = end.reason.map_or_else(|| "stopped by hand".to_owned(), |reason| format!("{reason:?}"));
            let verdict = end.correct.map_or("not judged", |correct| if correct { "right" } else { "wrong" });
            log::info!("run {run}: ended: {reason}, {} tokens, {verdict}", end.tokens);
            log::debug!("run {run}: answer: {}", end.answer);
        }
        Event::Failed { run, error } => log::error!("run {run}: failed: {error}"),
        Event::Loading { .. }
        | Event::Catalog { .. }
        | Event::Replaying { .. }
        | Event::Step { .. }
        | Event::Settled => {}
    }
}

fn note_warnings(warnings: &[String]) {
    for warning in warnings {
        log::warn!("{warning}");
    }
}

fn note_start(run: u64, header: &Header) {
    let preset = header.preset.as_deref().unwrap_or("no preset");
    let length = header.prompt_ids.len();
    log::info!("run {run}: started: {preset}, prompt of {length} tokens, {} masks", header.gen_length);
    if let Some(origin) = &header.origin {
        log::info!("run {run}: a fork after step {}, exact {}, cold {}", origin.step, origin.exact, origin.cold);
    }
    let (settings, usual) = (&header.settings, Settings::default());
    let knobs = settings.differences(&usual).map(|knob| format!("{} {}", knob.name, knob.get(settings)));
    log::info!("run {run}: knobs: {}", knobs.collect::<Vec<_>>().join(", "));
    log::debug!("run {run}: prompt: {}", header.prompt);
}

fn card(model: &ModelCard) -> String {
    let ModelCard { name, architecture, parameters, layers, device, fingerprint, .. } = model;
    let fingerprint = fingerprint.as_deref().unwrap_or("none");
    format!("{name}: {architecture}, {parameters} weights in {layers} layers on {device}, fingerprint {fingerprint}")
}
