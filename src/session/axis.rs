//! Axes along which two runs are laid beside each other.
//!
//! A step of one method may cost ten times as much as a step of another, so that "the same step" is rarely the fair
//! moment to compare: passes, rows and time are measures that both have in common. All are prefix sums that the log keeps,
//! and a place on an axis is found by halving.

use std::str::FromStr;

use serde::Serialize;

use crate::trace::Log;

/// What two runs are aligned by.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Axis {
    /// Steps.
    #[default]
    Steps,
    /// Passes of the denoiser.
    Passes,
    /// Rows that the denoiser computed.
    Rows,
    /// Microseconds of decoding.
    Time,
}

impl Axis {
    /// Every axis, in the order of the key that turns them.
    pub const ALL: [Self; 4] = [Self::Steps, Self::Passes, Self::Rows, Self::Time];

    /// Its name, in one lower-case word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Steps => "steps",
            Self::Passes => "passes",
            Self::Rows => "rows",
            Self::Time => "time",
        }
    }

    /// The axis after this one; after the last, the first.
    #[must_use]
    pub fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % Self::ALL.len()]
    }

    /// A place as people read it: "41 passes", "0.120 s".
    pub fn words(self, place: u64) -> String {
        let (one, many) = match self {
            Self::Steps => ("step", "steps"),
            Self::Passes => ("pass", "passes"),
            Self::Rows => ("row", "rows"),
            Self::Time => return format!("{:.3} s", place as f64 / 1e6),
        };
        format!("{place} {}", if place == 1 { one } else { many })
    }

    /// The place of a log after so many steps, in the unit of the axis.
    pub fn place(self, log: &Log, steps: usize) -> u64 {
        let cost = log.cost_up_to(steps);
        match self {
            Self::Steps => steps.min(log.len()) as u64,
            Self::Passes => cost.nfe.into(),
            Self::Rows => cost.computed.into(),
            Self::Time => cost.total_us(),
        }
    }

    /// How many steps a log has done at a place: as many as end there or before.
    pub fn steps(self, log: &Log, place: u64) -> usize {
        let (mut done, mut most) = (0, log.len());
        while done < most {
            let middle = done + (most - done).div_ceil(2);
            if self.place(log, middle) <= place {
                done = middle;
            } else {
                most = middle - 1;
            }
        }
        done
    }

    /// Where the longer of two logs ends.
    pub fn end(self, logs: [&Log; 2]) -> u64 {
        logs.map(|log| self.place(log, log.len())).into_iter().max().unwrap_or_default()
    }

    /// The first place behind this one at which a step of either log ends.
    pub fn next_stop(self, logs: [&Log; 2], place: u64) -> Option<u64> {
        let next = |log: &Log| {
            let steps = self.steps(log, place);
            (steps < log.len()).then(|| self.place(log, steps + 1))
        };
        logs.into_iter().filter_map(next).min()
    }

    /// The last place before this one at which a step of either log ends, or both begin.
    pub fn previous_stop(self, logs: [&Log; 2], place: u64) -> Option<u64> {
        let before = place.checked_sub(1)?;
        logs.into_iter().map(|log| self.place(log, self.steps(log, before))).max()
    }
}

impl FromStr for Axis {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let names = || Self::ALL.map(Self::name).join(", ");
        Self::ALL.into_iter().find(|axis| axis.name() == name).ok_or_else(|| format!("there are {}", names()))
    }
}
