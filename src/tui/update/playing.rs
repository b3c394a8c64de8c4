//! Time: the pace of a live run, the cursor over the log.

use std::time::Duration;

use super::{Effect, command, comparing, race};
use crate::{
    engine::protocol::Command,
    session::Phase,
    tui::{app::App, playback::Playback},
};

/// Time has passed: ask the live run for its next step, move the cursor of a playing log, let a notice go.
pub(super) fn tick(app: &mut App, now: Duration) -> Vec<Effect> {
    app.now = now.max(app.now);
    app.motion.tick(app.now);
    let race = race::tick(app);
    if app.notice.as_ref().is_some_and(|(_, until)| *until <= app.now) {
        app.notice = None;
    }
    if app.playback.playing && app.playback.due <= app.now {
        advance(app);
    }
    if app.wants_step() && app.playback.asks_at <= app.now {
        app.playback.awaits_step = true;
        app.playback.asks_at = app.now + app.playback.interval();
        return command(Command::Advance);
    }
    race
}

/// Moves the cursor of a playing log by one step; it stops at the end, or follows the live run from there.
fn advance(app: &mut App) {
    if app.comparison.is_some() {
        return comparing::advance(app);
    }
    let (shown, len) = (app.shown(), app.len());
    if shown >= len {
        app.playback.playing = false;
        app.playback.at = None;
        return;
    }
    app.playback.show(shown + 1, len);
    let recorded = app.log().and_then(|log| log.cost(shown + 1)).map_or(0, |cost| cost.total_us());
    let appears = app.show_first();
    app.playback.due = app.now + app.playback.wait(Duration::from_micros(recorded)).max(appears);
    if app.follows() {
        app.playback.playing = false;
    }
}

/// Space: pauses or resumes a live run; plays the log where the newest step is not shown, or the run is over.
pub(super) fn toggle(app: &mut App) -> Vec<Effect> {
    if app.is_under_way() && app.follows() {
        // Which of the two is for the engine to say: it may have been asked already, and not have answered yet.
        return command(Command::TogglePause);
    }
    if app.playback.playing {
        app.playback.playing = false;
    } else if !app.is_empty() {
        if app.follows() {
            app.playback.at = Some(0);
        }
        app.playback.playing = true;
        app.playback.due = app.now;
    }
    Vec::new()
}

/// One step: of the run at the newest step, of the cursor otherwise.
pub(super) fn step_once(app: &mut App) -> Vec<Effect> {
    if !app.follows() {
        return scrub(app, 1);
    }
    match app.phase() {
        Some(Phase::Running) => {}
        // The steps of a key that is held down end when it is released.
        Some(Phase::Paused) if !app.playback.awaits_step => {}
        _ => return Vec::new(),
    }
    app.playback.awaits_step = true;
    command(Command::Step)
}

/// Ends the run here; breaks off a fork that is being made.
pub(super) fn stop(app: &mut App) -> Vec<Effect> {
    if app.is_under_way() || app.forking.is_some() { command(Command::Stop) } else { Vec::new() }
}

/// Another pace; leaves full speed.
pub(super) fn pace(app: &mut App, presses: i32) -> Vec<Effect> {
    change_pace(app, |playback| playback.change_pace(if playback.full_speed { 0 } else { presses }))
}

/// This pace; full speed for `None`.
pub(super) fn pace_of(app: &mut App, pace: Option<f32>) -> Vec<Effect> {
    change_pace(app, |playback| playback.choose_pace(pace))
}

fn change_pace(app: &mut App, change: impl FnOnce(&mut Playback)) -> Vec<Effect> {
    let was_free = app.playback.full_speed;
    change(&mut app.playback);
    let soonest = app.now + app.playback.interval();
    app.playback.due = app.playback.due.min(soonest);
    app.playback.asks_at = app.playback.asks_at.min(soonest);
    if was_free == app.playback.full_speed { Vec::new() } else { drive(app) }
}

/// Lets the engine run freely, or at the pace again.
pub(super) fn toggle_full_speed(app: &mut App) -> Vec<Effect> {
    app.playback.full_speed = !app.playback.full_speed;
    (app.playback.due, app.playback.asks_at) = (app.now, app.now);
    drive(app)
}

/// Has the engine drive the run that was asked for last as the playback says now.
fn drive(app: &mut App) -> Vec<Effect> {
    app.playback.awaits_step = false;
    if app.last_run == 0 { Vec::new() } else { command(Command::Drive(app.playback.drive())) }
}

/// Moves the cursor by so many steps. A live run is not touched.
pub(super) fn scrub(app: &mut App, steps: i64) -> Vec<Effect> {
    let target = (app.shown() as i64).saturating_add(steps).max(0);
    scrub_to(app, target as usize)
}

/// Moves the cursor to the first step of another block, so many blocks behind the shown step, or before it.
pub(super) fn to_block(app: &mut App, blocks: i64) -> Vec<Effect> {
    let starts: Vec<usize> = app.log().map_or_else(Vec::new, |log| log.block_starts().collect());
    let shown = app.shown();
    let at = if blocks > 0 {
        starts.partition_point(|start| *start <= shown) as i64 - 1
    } else {
        starts.partition_point(|start| *start < shown) as i64
    };
    match usize::try_from(at.saturating_add(blocks)).ok().and_then(|at| starts.get(at)) {
        Some(start) => scrub_to(app, *start),
        None => Vec::new(),
    }
}

/// Moves the cursor; at the newest step it follows.
pub(super) fn scrub_to(app: &mut App, step: usize) -> Vec<Effect> {
    app.playback.playing = false;
    app.first_shown = None;
    app.playback.show(step, app.len());
    Vec::new()
}
