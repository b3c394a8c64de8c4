//! Playback: which step is shown, and how fast the next one comes.
//!
//! The engine is asked for the steps of a live run one at a time, at a pace that people can follow, so that a knob turned
//! now acts on the very next step that is seen. The figures come from the costs in the log, so the pace does not touch
//! them. At full speed the engine runs freely. Whether a run is paused is the engine's to say: see
//! [`Phase`](crate::session::Phase).

use std::time::Duration;

use crate::engine::protocol::Drive;

/// The paces to choose from, steps per second.
pub const PACES: [f32; 12] = [0.5, 1.0, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0, 24.0, 40.0, 60.0];

/// Twelve steps per second: brisk, and each step can still be seen.
const DEFAULT_PACE: usize = 7;

/// Four steps per second: for answers that are over after a few.
const SHORT_PACE: usize = 4;

/// Up to so many tokens a canvas is short.
const SHORT_CANVAS: usize = 64;

/// No recorded step is waited for longer than this when a log plays.
const LONGEST_WAIT: Duration = Duration::from_secs(2);

/// Which step is shown, and how fast the next one comes.
#[derive(Debug, Clone)]
pub struct Playback {
    /// The number of steps that are shown done; `None` follows the newest.
    pub at: Option<usize>,
    /// The log plays: the cursor moves by itself.
    pub playing: bool,
    /// The engine runs freely.
    pub full_speed: bool,
    /// A step was asked for and has not come yet.
    pub awaits_step: bool,
    /// When the cursor of a playing log moves on, on the clock of the ticks.
    pub due: Duration,
    /// When the run under way is asked for its next step. A log can play meanwhile.
    pub asks_at: Duration,
    /// The pace that suits the canvas.
    suited: usize,
    /// The one that was chosen by hand.
    chosen: Option<usize>,
}

impl Default for Playback {
    fn default() -> Self {
        Self {
            at: None,
            playing: false,
            full_speed: false,
            awaits_step: false,
            due: Duration::ZERO,
            asks_at: Duration::ZERO,
            suited: DEFAULT_PACE,
            chosen: None,
        }
    }
}

impl Playback {
    /// How the engine is to drive the run.
    pub fn drive(&self) -> Drive {
        if self.full_speed { Drive::Free } else { Drive::Paced }
    }

    /// Steps per second.
    pub fn pace(&self) -> f32 {
        PACES[self.index()]
    }

    /// Chooses a pace so many entries up or down the list.
    pub fn change_pace(&mut self, presses: i32) {
        self.full_speed = false;
        self.chosen = Some((self.index() as i32 + presses).clamp(0, PACES.len() as i32 - 1) as usize);
    }

    /// Chooses one of the paces that keys walk through, or full speed.
    pub fn choose_pace(&mut self, pace: Option<f32>) {
        self.full_speed = pace.is_none();
        if let Some(pace) = pace {
            self.chosen = PACES.iter().position(|known| *known == pace).or(self.chosen);
        }
    }

    fn index(&self) -> usize {
        self.chosen.unwrap_or(self.suited)
    }

    /// Time between two steps of a live run.
    pub fn interval(&self) -> Duration {
        Duration::from_secs_f32(1.0 / self.pace())
    }

    /// How long a step of a log is shown: as long as it took, but neither faster than the pace (sixty steps a second at
    /// full speed) nor longer than two seconds.
    pub fn wait(&self, recorded: Duration) -> Duration {
        let shortest = if self.full_speed { Duration::from_millis(16) } else { self.interval() };
        recorded.clamp(shortest, LONGEST_WAIT.max(shortest))
    }

    /// The step that is shown of a log with `len` steps.
    pub fn shown(&self, len: usize) -> usize {
        self.at.map_or(len, |at| at.min(len))
    }

    /// Shows the canvas after `steps` steps; the newest step means to follow, unless the log plays on.
    pub fn show(&mut self, steps: usize, len: usize) {
        self.at = (steps < len).then_some(steps);
    }

    /// A new run with a canvas of so many tokens: follow it, at a pace at which it can be seen, unless one was chosen.
    pub fn begin(&mut self, now: Duration, canvas: usize) {
        self.suited = if canvas <= SHORT_CANVAS { SHORT_PACE } else { DEFAULT_PACE };
        self.at = None;
        self.playing = false;
        self.awaits_step = false;
        self.asks_at = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pace_stays_within_its_list() {
        let mut playback = Playback::default();
        assert_eq!(playback.pace(), 12.0);
        playback.change_pace(100);
        assert_eq!(playback.pace(), 60.0);
        playback.change_pace(-100);
        assert_eq!(playback.pace(), 0.5);
    }

    #[test]
    fn short_answers_are_paced_slowly_until_a_pace_is_chosen() {
        let mut playback = Playback::default();
        playback.begin(Duration::ZERO, 24);
        assert_eq!(playback.pace(), 4.0);
        playback.begin(Duration::ZERO, 224);
        assert_eq!(playback.pace(), 12.0);
        playback.change_pace(1);
        playback.begin(Duration::ZERO, 24);
        assert_eq!(playback.pace(), 16.0);
    }

    #[test]
    fn a_log_plays_at_its_own_pace_within_limits() {
        let mut playback = Playback::default();
        assert_eq!(playback.wait(Duration::ZERO), playback.interval());
        assert_eq!(playback.wait(Duration::from_millis(700)), Duration::from_millis(700));
        assert_eq!(playback.wait(Duration::from_secs(9)), Duration::from_secs(2));
        playback.full_speed = true;
        assert_eq!(playback.wait(Duration::ZERO), Duration::from_millis(16));
    }

    #[test]
    fn showing_the_newest_step_follows() {
        let mut playback = Playback::default();
        playback.show(3, 5);
        assert_eq!((playback.at, playback.shown(9)), (Some(3), 3));
        playback.show(9, 9);
        assert_eq!((playback.at, playback.shown(12)), (None, 12));
    }
}
