//! The race of the welcome: when it begins, what the engine says of its runs, and what ends it.

use super::{Effect, command};
use crate::{
    engine::protocol::{Command, Drive, Event, RunId, RunRequest},
    session::{Phase, Run},
    settings::preset,
    trace::Log,
    tui::{
        app::App,
        race::{PRESETS, RACERS, RaceStage},
    },
};

/// Time has passed: begins the race once the screen was left alone for a while, and shows it again.
pub(super) fn tick(app: &mut App) -> Vec<Effect> {
    let clock = app.motion.clock();
    match app.race.stage {
        RaceStage::Waiting(since) if app.motion.moves() && app.is_untouched() => {
            app.race.stage = RaceStage::Waiting(since.or(Some(clock)));
            if app.race.is_due(clock) { begin(app) } else { Vec::new() }
        }
        RaceStage::Waiting(_) => {
            app.race.stage = RaceStage::Waiting(None);
            Vec::new()
        }
        RaceStage::Shown { .. } if app.race.is_repeated(clock) => {
            app.race.stage = RaceStage::Shown { since: clock, again: true };
            Vec::new()
        }
        RaceStage::Computing | RaceStage::Shown { .. } | RaceStage::Off => Vec::new(),
    }
}

fn begin(app: &mut App) -> Vec<Effect> {
    let Some(prompt) = app.racing_prompt() else {
        app.race.stage = RaceStage::Off;
        return Vec::new();
    };
    app.race.prompt = prompt;
    app.race.stage = RaceStage::Computing;
    // The fast one first: what is slow about the first run of all is not held against the other.
    start(app, 1)
}

/// Asks the engine for the run of that lane.
fn start(app: &mut App, lane: usize) -> Vec<Effect> {
    let Ok(preset) = preset(PRESETS[lane]) else { return give_up(app) };
    command(Command::Start(Box::new(RunRequest {
        run: RACERS[lane],
        prompt: app.race.prompt.clone(),
        turns: Vec::new(),
        settings: preset.settings(),
        preset: Some(preset.name),
        drive: Drive::Free,
        rivals: Vec::new(),
        fork: None,
    })))
}

/// The person has done something, or a run failed: there is no race any more. One that is under way is stopped.
pub(super) fn give_up(app: &mut App) -> Vec<Effect> {
    let was_computing = app.race.stage == RaceStage::Computing;
    app.race.stage = RaceStage::Off;
    app.race.runs.clear();
    if was_computing { command(Command::Stop) } else { Vec::new() }
}

/// Whether an event is about a run of the race.
pub(super) fn is_meant(event: &Event) -> bool {
    let of = |run: &RunId| RACERS.contains(run);
    match event {
        Event::Started { run, .. }
        | Event::Step { run, .. }
        | Event::Finished { run, .. }
        | Event::Failed { run, .. }
        | Event::Refused { run, .. }
        | Event::Paused { run, .. }
        | Event::Replaying { run, .. } => of(run),
        _ => false,
    }
}

/// Takes an event of a run of the race in.
pub(super) fn on_event(app: &mut App, event: Event) -> Vec<Effect> {
    if app.race.stage != RaceStage::Computing {
        return Vec::new();
    }
    let now = app.now;
    match event {
        Event::Started { run, header } => {
            app.race.runs.insert(0, Run::new(run, Box::new(Log::new(*header)), Phase::Running, now));
        }
        Event::Step { entry, .. } => {
            if let Some(run) = app.race.runs.first_mut() {
                run.push(&entry, now);
            }
        }
        Event::Finished { end, .. } => {
            if let Some(run) = app.race.runs.first_mut() {
                run.log.finish(*end);
                run.phase = Phase::Over;
            }
            if app.race.runs.len() < PRESETS.len() {
                return start(app, 0);
            }
            app.race.stage = RaceStage::Shown { since: app.motion.clock(), again: false };
        }
        Event::Failed { .. } => return give_up(app),
        _ => {}
    }
    Vec::new()
}
