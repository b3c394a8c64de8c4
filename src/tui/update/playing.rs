//! Time: the pace of a live run, the cursor over the log.

use std::time::Duration;

use super::{Effect, command};
use crate::{engine::protocol::Command, tui::app::App};

/// Time has passed: ask the live run for its next step, move the cursor of a playing log, let a notice go.
pub(super) fn tick(app: &mut App, now: Duration) -> Vec<Effect> {
    app.now = now.max(app.now);
    if app.notice.as_ref().is_some_and(|(_, until)| *until <= app.now) {
        app.notice = None;
    }
    if app.player.playing && app.player.due <= app.now {
        advance(app);
    }
    if app.wants_step() && app.player.due <= app.now {
        app.player.waiting = true;
        app.player.due = app.now + app.player.interval();
        return command(Command::Step);
    }
    Vec::new()
}

/// Moves the cursor of a playing log by one step; it stops at the end, or follows the live run from there.
fn advance(app: &mut App) {
    let (shown, len) = (app.shown(), app.len());
    if shown >= len {
        app.player.playing = false;
        app.player.at = None;
        return;
    }
    app.player.show(shown + 1, len);
    let recorded = app.log().and_then(|log| log.cost(shown + 1)).map_or(0, |cost| cost.total_us());
    app.player.due = app.now + app.player.wait(Duration::from_micros(recorded));
    if app.follows() {
        app.player.playing = false;
    }
}

/// Space: holds a live run or lets it go on; plays the log where the newest step is not shown, or the run is over.
pub(super) fn toggle(app: &mut App) -> Vec<Effect> {
    if app.is_under_way() && app.follows() {
        app.player.held = !app.player.held;
        app.player.due = app.now;
        if app.player.full_speed {
            return command(if app.player.held { Command::Pause } else { Command::Resume });
        }
        return Vec::new();
    }
    if app.player.playing {
        app.player.playing = false;
    } else if !app.is_empty() {
        if app.follows() {
            app.player.at = Some(0);
        }
        app.player.playing = true;
        app.player.due = app.now;
    }
    Vec::new()
}

/// One step: of the run at the newest step, of the cursor otherwise.
pub(super) fn step_once(app: &mut App) -> Vec<Effect> {
    if !app.follows() {
        return scrub(app, 1);
    }
    if !app.is_under_way() {
        return Vec::new();
    }
    let mut effects = Vec::new();
    if app.player.full_speed && !app.player.held {
        effects.push(Effect::Engine(Command::Pause));
    }
    app.player.held = true;
    if !app.player.waiting {
        app.player.waiting = true;
        effects.push(Effect::Engine(Command::Step));
    }
    effects
}

/// Ends the run here.
pub(super) fn stop(app: &mut App) -> Vec<Effect> {
    if app.is_under_way() { command(Command::Stop) } else { Vec::new() }
}

/// Another pace; leaves full speed.
pub(super) fn pace(app: &mut App, presses: i32) -> Vec<Effect> {
    let was_free = app.player.full_speed;
    app.player.change_pace(if was_free { 0 } else { presses });
    app.player.due = app.player.due.min(app.now + app.player.interval());
    if was_free && app.is_under_way() && !app.player.held { command(Command::Pause) } else { Vec::new() }
}

/// Lets the engine run freely, or takes it back to the pace.
pub(super) fn toggle_full_speed(app: &mut App) -> Vec<Effect> {
    app.player.full_speed = !app.player.full_speed;
    app.player.due = app.now;
    if !app.is_under_way() || app.player.held {
        return Vec::new();
    }
    command(if app.player.full_speed { Command::Resume } else { Command::Pause })
}

/// Moves the cursor by so many steps. A live run is not touched.
pub(super) fn scrub(app: &mut App, steps: i64) -> Vec<Effect> {
    let target = (app.shown() as i64).saturating_add(steps).max(0);
    scrub_to(app, target as usize)
}

/// Moves the cursor; at the newest step it follows.
pub(super) fn scrub_to(app: &mut App, step: usize) -> Vec<Effect> {
    app.player.playing = false;
    app.player.show(step, app.len());
    Vec::new()
}
