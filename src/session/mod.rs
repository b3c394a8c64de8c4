//! The runs of this sitting: logs, and how far each is. Nothing here knows threads, networks or a
//! terminal.

mod run;
mod speed;

pub use run::{Phase, Run};
pub use speed::{SpeedUp, YARDSTICK};

use crate::engine::protocol::RunId;

/// The runs that are kept, in the order in which they started, and which one of them is shown.
#[derive(Debug, Default)]
pub struct Session {
    runs: Vec<Run>,
    /// Index of the shown run.
    shown: usize,
}

impl Session {
    /// How many runs are kept: the newest, and the one before, which a new run never takes away unasked.
    pub const LIMIT: usize = 2;

    /// A sitting with a single run, which is shown.
    pub fn of(run: Run) -> Self {
        Self { runs: vec![run], shown: 0 }
    }

    /// All runs, in the order in which they started.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// The run that is shown.
    pub fn shown(&self) -> Option<&Run> {
        self.runs.get(self.shown)
    }

    /// The newest run that is not shown.
    pub fn other(&self) -> Option<&Run> {
        self.index_of_other().map(|index| &self.runs[index])
    }

    fn index_of_other(&self) -> Option<usize> {
        (0..self.runs.len()).rev().find(|index| *index != self.shown)
    }

    /// Whether an earlier run than the newest is shown.
    pub fn shows_earlier(&self) -> bool {
        self.shown + 1 < self.runs.len()
    }

    /// The run of that number, where it is kept.
    pub fn get_mut(&mut self, id: RunId) -> Option<&mut Run> {
        self.runs.iter_mut().find(|run| run.id == id)
    }

    /// Whether a run can still make steps, shown or not.
    pub fn has_run_under_way(&self) -> bool {
        self.runs.iter().any(Run::is_under_way)
    }

    /// Whether a new run would push out one that no file holds and that took a while.
    pub fn would_lose(&self) -> bool {
        self.runs.len() >= Self::LIMIT && self.runs.iter().all(Run::is_precious)
    }

    /// Adds a run that has started, and shows it. An engine has one run at a time, so the others are over. Runs without a
    /// step are not kept; where there are too many, those go first that cost little, and the shown one last among equals.
    pub fn start(&mut self, run: Run) {
        let shown = self.shown().map(|run| run.id);
        self.runs.retain(|run| !run.log.is_empty());
        self.runs.iter_mut().for_each(Run::end);
        while self.runs.len() >= Self::LIMIT {
            let worth = |index: &usize| (self.runs[*index].is_precious(), Some(self.runs[*index].id) == shown);
            let Some(least) = (0..self.runs.len()).min_by_key(worth) else { break };
            self.runs.remove(least);
        }
        self.runs.push(run);
        self.shown = self.runs.len() - 1;
    }

    /// Shows [`Self::other`]. Returns whether there is one.
    pub fn swap(&mut self) -> bool {
        let other = self.index_of_other();
        self.shown = other.unwrap_or(self.shown);
        other.is_some()
    }
}
