//! The runs of this sitting: logs, and how far each is. Nothing here knows threads, networks or a
//! terminal.

mod axis;
mod compared;
mod diff;
mod kendall;
mod run;
mod words;

pub use axis::Axis;
pub use compared::{ComparedFigure, FigureUnit, compared};
pub use diff::{Caveat, Diff, Difference, DivergedRun, Divergence, OrderAgreement, Passage, TokenWrite};
pub use run::{Phase, Run};

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

    /// The number of the next run, where `last` is the last one that was asked for: no run has it.
    pub fn next_id(&self, last: RunId) -> RunId {
        self.runs.iter().map(|run| run.id).fold(last, RunId::max) + 1
    }

    /// Shows the run that was opened from a kept file of that name. Returns whether it is there.
    pub fn show_file(&mut self, name: &str) -> bool {
        let found = self.runs.iter().position(|run| run.file.as_deref() == Some(name));
        self.shown = found.unwrap_or(self.shown);
        found.is_some()
    }

    /// Adds a run that is over, and shows it. The one under way continues.
    pub fn open(&mut self, run: Run) {
        self.make_room();
        self.runs.push(run);
        self.shown = self.runs.len() - 1;
    }

    /// Adds a run that has started, and shows it. An engine has one run at a time, so the others are over. Runs without a
    /// step are not kept; where there are too many, those go first that cost little, and the shown one last among equals.
    pub fn start(&mut self, run: Run) {
        let shown = self.shown().map(|run| run.id);
        self.runs.retain(|run| !run.log.is_empty());
        self.shown = self.runs.iter().position(|run| Some(run.id) == shown).unwrap_or(0);
        self.runs.iter_mut().for_each(Run::end);
        self.make_room();
        self.runs.push(run);
        self.shown = self.runs.len() - 1;
    }

    /// Gives up runs until there is room for another one.
    fn make_room(&mut self) {
        let shown = self.shown().map(|run| run.id);
        while self.runs.len() >= Self::LIMIT {
            let worth = |index: &usize| {
                let run = &self.runs[*index];
                (run.is_under_way(), run.is_precious(), Some(run.id) == shown)
            };
            let Some(least) = (0..self.runs.len()).min_by_key(worth) else { break };
            self.runs.remove(least);
        }
    }

    /// Shows [`Self::other`]. Returns whether there is one.
    pub fn swap(&mut self) -> bool {
        let other = self.index_of_other();
        self.shown = other.unwrap_or(self.shown);
        other.is_some()
    }
}
