//! A run of this sitting.

use std::time::Duration;

use crate::{engine::protocol::RunId, trace::Log};

/// How far a run is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Phase {
    /// It is running.
    Running,
    /// It is paused: the engine has announced it.
    Paused,
    /// It is over, by itself or by hand.
    Over,
    /// It failed, and why.
    Failed(String),
}

/// A run: its log, and what is known beside.
#[derive(Debug)]
pub struct Run {
    /// Its number.
    pub id: RunId,
    /// Its log.
    pub log: Box<Log>,
    /// How far it is.
    pub phase: Phase,
    /// When it began, on the clock of the ticks.
    pub began: Duration,
    /// How long its steps were in coming: what it would take to see it again.
    pub lasted: Duration,
    /// The file that it was read from, printable.
    pub file: Option<String>,
    /// Whether a file holds all of its steps.
    pub saved: bool,
}

impl Run {
    /// Runs that were longer in coming are not given up without a question.
    const PRECIOUS: Duration = Duration::from_secs(5);

    /// A run without steps.
    pub fn new(id: RunId, log: Box<Log>, phase: Phase, began: Duration) -> Self {
        Self { id, log, phase, began, lasted: Duration::ZERO, file: None, saved: false }
    }

    /// Whether it can still make steps.
    pub fn is_under_way(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Paused)
    }

    /// Whether leaving it behind would lose something.
    pub fn is_precious(&self) -> bool {
        !self.saved && !self.log.is_empty() && self.lasted > Self::PRECIOUS
    }

    /// It makes no more steps.
    pub fn end(&mut self) {
        if self.is_under_way() {
            self.phase = Phase::Over;
        }
    }
}
