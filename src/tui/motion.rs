//! What moves by itself, for its looks: nothing that one must know is in it, so it can be switched off, and rests while
//! nobody looks.

use std::time::Duration;

use super::app::App;

/// Between two pictures of something that moves.
const FRAME: Duration = Duration::from_millis(125);

/// How long things move without a key. Not every terminal says that it has lost the focus.
const PATIENCE: Duration = Duration::from_secs(60);

/// How long the name on the welcome takes to be denoised.
pub const NAME_LASTS: Duration = Duration::from_millis(3_200);

/// Whether things may move, and how long they have.
#[derive(Debug, Clone, Copy)]
pub struct Motion {
    is_wanted: bool,
    has_focus: bool,
    /// When the person did something last, on the clock of the ticks.
    touched: Duration,
    now: Duration,
    clock: Duration,
}

impl Motion {
    /// Things move where that is wanted, until the terminal loses the focus.
    pub fn new(is_wanted: bool) -> Self {
        let zero = Duration::ZERO;
        Self { is_wanted, has_focus: true, touched: zero, now: zero, clock: zero }
    }

    /// Whether things move now.
    pub fn moves(&self) -> bool {
        self.is_wanted && self.has_focus && self.now.saturating_sub(self.touched) < PATIENCE
    }

    /// How long things have moved: a clock that stands still while they rest.
    pub fn clock(&self) -> Duration {
        self.clock
    }

    /// Time has passed.
    pub(super) fn tick(&mut self, now: Duration) {
        if self.moves() {
            self.clock += now.saturating_sub(self.now);
        }
        self.now = self.now.max(now);
    }

    /// The person did something.
    pub(super) fn touch(&mut self) {
        self.touched = self.now;
    }

    /// The terminal has got the focus, or lost it.
    pub(super) fn focus(&mut self, has_focus: bool) {
        self.has_focus = has_focus;
        if has_focus {
            self.touch();
        }
    }
}

impl App {
    /// Lets things move by themselves.
    #[must_use]
    pub fn with_motion(mut self, is_wanted: bool) -> Self {
        self.motion = Motion::new(is_wanted);
        self
    }

    /// How far the name on the welcome is denoised; `None` once it is whole.
    pub fn name_clock(&self) -> Option<Duration> {
        let clock = self.motion.clock();
        (self.motion.moves() && clock < NAME_LASTS).then_some(clock)
    }

    /// When something that moves looks different; `None` while all rests.
    pub(super) fn next_motion(&self) -> Option<Duration> {
        if !self.motion.moves() {
            return None;
        }
        let frame = self.now + FRAME;
        let name = (self.run().is_none() && !self.is_replay() && self.name_clock().is_some()).then_some(frame);
        let appears = self.is_appearing().then_some(frame);
        let race = self.next_of_race().map(|wait| self.now + wait.max(FRAME));
        [name, appears, race].into_iter().flatten().min()
    }
}
