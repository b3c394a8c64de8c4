//! The race of the welcome: before the first key, two runs of one prompt beside each other, by the time that they took.
//!
//! Both are runs of the engine, here and now. They belong to no sitting: none is kept, listed or written to the disk. The
//! times that their steps took are stretched, so that there is something to watch, and how far is said.

use std::time::Duration;

use super::{
    app::{App, EngineState},
    examples::Example,
};
use crate::{
    engine::protocol::RunId,
    session::{Axis, Run, YARDSTICK},
    tasks::Family,
};

/// The numbers of the two runs: far from those of a sitting.
pub const RACERS: [RunId; 2] = [RunId::MAX - 1, RunId::MAX];

/// What they are made with: the yardstick, and what suits the embedded pair best.
pub const PRESETS: [&str; 2] = [YARDSTICK, "flashdlm-narrow"];

/// How long the slower one is watched.
pub const LASTS: Duration = Duration::from_secs(12);

/// How long the screen is left alone before the race.
const BREATH: Duration = Duration::from_millis(700);

/// How long its end stands before it is shown once more.
const HOLDS: Duration = Duration::from_secs(8);

/// Cells that a token of an answer takes, drafts and what is around it included, as a rule.
pub const CELLS_PER_TOKEN: usize = 4;

/// Rows for a prompt and the gap behind it.
const PROMPT_ROWS: usize = 3;

/// How far the race is. Times are those of the clock of what moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RaceStage {
    /// It has not begun; nothing has stirred since then.
    Waiting(Option<Duration>),
    /// The engine computes it.
    Computing,
    /// It has been shown since then, for the second time or the first.
    Shown {
        /// Since when.
        since: Duration,
        /// Whether it was shown before.
        again: bool,
    },
    /// There is none, and there will be none.
    Off,
}

/// Two runs of one prompt, the slow one first.
#[derive(Debug)]
pub struct Race {
    pub(super) stage: RaceStage,
    pub(super) prompt: String,
    pub(super) runs: Vec<Run>,
}

impl Race {
    /// One that waits for its time, or never comes.
    pub(super) fn new(comes: bool) -> Self {
        let stage = if comes { RaceStage::Waiting(None) } else { RaceStage::Off };
        Self { stage, prompt: String::new(), runs: Vec::new() }
    }

    /// Both runs, once they are shown.
    pub fn runs(&self) -> Option<[&Run; 2]> {
        match (self.stage, self.runs.as_slice()) {
            (RaceStage::Shown { .. }, [plain, fast]) => Some([plain, fast]),
            _ => None,
        }
    }

    /// Microseconds that each run took.
    pub fn times(runs: [&Run; 2]) -> [u64; 2] {
        runs.map(|run| Axis::Time.place(&run.log, run.log.len()))
    }

    /// How far on their own clock the runs are shown, in microseconds.
    pub fn place(&self, clock: Duration) -> Option<u64> {
        let RaceStage::Shown { since, .. } = self.stage else { return None };
        let slower = Self::times(self.runs()?).into_iter().max()?;
        let share = clock.saturating_sub(since).as_secs_f64() / LASTS.as_secs_f64();
        Some((slower as f64 * share.min(1.0)) as u64)
    }

    /// How long until it looks different; `None` while it rests.
    fn wait(&self, clock: Duration) -> Option<Duration> {
        match self.stage {
            RaceStage::Waiting(Some(since)) => Some((since + BREATH).saturating_sub(clock)),
            RaceStage::Shown { since, .. } if clock < since + LASTS => Some(Duration::ZERO),
            RaceStage::Shown { since, again: false } => Some((since + LASTS + HOLDS).saturating_sub(clock)),
            RaceStage::Waiting(_) | RaceStage::Computing | RaceStage::Shown { .. } | RaceStage::Off => None,
        }
    }

    /// Whether it is time to begin.
    pub(super) fn is_due(&self, clock: Duration) -> bool {
        matches!(self.stage, RaceStage::Waiting(Some(since)) if clock >= since + BREATH)
    }

    /// Whether it is time to show it once more.
    pub(super) fn is_repeated(&self, clock: Duration) -> bool {
        matches!(self.stage, RaceStage::Shown { since, again: false } if clock >= since + LASTS + HOLDS)
    }
}

impl App {
    /// The race of the welcome.
    pub fn race(&self) -> &Race {
        &self.race
    }

    /// How long until the race looks different; `None` while it rests.
    pub(super) fn next_of_race(&self) -> Option<Duration> {
        match self.race.stage {
            RaceStage::Waiting(None) => self.is_untouched().then_some(Duration::ZERO),
            _ => self.race.wait(self.motion.clock()),
        }
    }

    /// Whether nothing has happened yet but that the embedded pair was loaded.
    pub(super) fn is_untouched(&self) -> bool {
        let EngineState::Ready { denoiser, guide: Some(_) } = &self.engine else { return false };
        denoiser.name == "embedded"
            && self.session.runs().is_empty()
            && self.overlays.is_empty()
            && self.picker.loading.is_none()
            && self.last_run == 0
    }

    /// The prompt to race with: the story that the gallery begins with, where there is room for it; else JSON, whose
    /// answers are short.
    pub(super) fn racing_prompt(&self) -> Option<String> {
        let (width, height) = self.drawn.stage?;
        let fits = |example: &&Example| {
            let rows = example.family.canvas() * CELLS_PER_TOKEN / usize::from(width.max(1)) + PROMPT_ROWS;
            rows <= usize::from(height)
        };
        let of = |family| self.examples.iter().find(move |example| example.family == family && !example.infills);
        [Family::Story, Family::Json].into_iter().filter_map(of).find(fits).map(|example| example.prompt.clone())
    }
}
