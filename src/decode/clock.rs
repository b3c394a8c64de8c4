//! The one clock, which tests replace.

use std::time::{Duration, Instant};

/// Time since an arbitrary start.
pub trait Clock: Send + Sync {
    /// The time now; never earlier than a previous answer.
    fn now(&self) -> Duration;

    /// Whole microseconds since `began`, an earlier answer of this clock.
    fn micros_since(&self, began: Duration) -> u64 {
        self.now().saturating_sub(began).as_micros() as u64
    }
}

/// The clock of the machine.
#[derive(Debug, Clone, Copy)]
pub struct WallClock(Instant);

impl Default for WallClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for WallClock {
    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

/// A clock on which every reading costs no time: for reproducible logs.
#[derive(Debug, Clone, Copy, Default)]
pub struct StoppedClock;

impl Clock for StoppedClock {
    fn now(&self) -> Duration {
        Duration::ZERO
    }
}
