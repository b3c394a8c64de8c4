//! The runs of this sitting: logs, and how far each is; what each is called, and which left which. Nothing here knows
//! threads, networks or a terminal.

mod axis;
mod compared;
mod diff;
mod events;
pub mod figure;
mod kendall;
mod run;
mod speed;
mod title;
mod tree;
mod words;

pub use axis::Axis;
pub use compared::{ComparedFigure, FigureUnit, compared};
pub use diff::{Caveat, Diff, Difference, DivergedRun, Divergence, OrderAgreement, Passage, TokenWrite};
pub use events::{EventWalk, Place, RunEvent, RunEventKind};
pub use figure::{CacheGain, Figure, FigureForm, FigureValue, GainBasis, Measured};
pub use run::{Branch, Phase, Run, RunOutcome};
pub use speed::{SpeedUp, YARDSTICK};
pub use title::{preset_of, turned};
pub use tree::TreeRow;

use crate::engine::protocol::RunId;

/// Bytes that the logs of a sitting may take together, where nothing else is said: some hundred long runs of a small
/// network.
pub const USUAL_BUDGET: usize = 512_000_000;

/// The runs that are kept, in the order in which they started, and which one of them is shown.
#[derive(Debug)]
pub struct Session {
    runs: Vec<Run>,
    /// Index of the shown run.
    shown: usize,
    /// The run that was shown before.
    before: Option<RunId>,
    /// Bytes that the logs may take together.
    budget: usize,
}

impl Default for Session {
    fn default() -> Self {
        Self { runs: Vec::new(), shown: 0, before: None, budget: USUAL_BUDGET }
    }
}

impl Session {
    /// A sitting with a single run, which is shown.
    pub fn of(run: Run) -> Self {
        Self { runs: vec![run], ..Self::default() }
    }

    /// Bytes that the logs may take together from now on.
    pub fn set_budget(&mut self, bytes: usize) {
        self.budget = bytes;
    }

    /// All runs, in the order in which they started.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// The run that is shown.
    pub fn shown(&self) -> Option<&Run> {
        self.runs.get(self.shown)
    }

    /// The same, to be changed.
    pub fn shown_mut(&mut self) -> Option<&mut Run> {
        self.runs.get_mut(self.shown)
    }

    /// The run that was shown before, or the newest of the others.
    pub fn other(&self) -> Option<&Run> {
        let shown = self.shown().map(|run| run.id);
        let others = || self.runs.iter().rev().filter(|run| Some(run.id) != shown);
        others().find(|run| Some(run.id) == self.before).or_else(|| others().next())
    }

    /// The run so many places behind the shown one, in the order in which they started.
    pub fn beside(&self, by: i64) -> Option<&Run> {
        let at = i64::try_from(self.shown).ok()?.checked_add(by)?;
        self.runs.get(usize::try_from(at).ok()?)
    }

    /// The run of that number, where it is kept.
    pub fn get(&self, id: RunId) -> Option<&Run> {
        self.runs.iter().find(|run| run.id == id)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, id: RunId) -> Option<&mut Run> {
        self.runs.iter_mut().find(|run| run.id == id)
    }

    /// The run that can still make steps, shown or not: an engine has one at a time.
    pub fn under_way(&self) -> Option<&Run> {
        self.runs.iter().rev().find(|run| run.is_under_way())
    }

    /// Shows a run. Returns whether it is there.
    pub fn show(&mut self, id: RunId) -> bool {
        let Some(index) = self.index_of(id) else { return false };
        if index != self.shown {
            self.before = self.shown().map(|run| run.id);
            self.shown = index;
        }
        true
    }

    /// The number of the next run, where `last` is the last one that was asked for: no run has it.
    pub fn next_id(&self, last: RunId) -> RunId {
        self.runs.iter().map(|run| run.id).fold(last, RunId::max) + 1
    }

    /// The run that was opened from a file of that name.
    pub fn opened(&self, name: &str) -> Option<RunId> {
        self.runs.iter().find(|run| run.file.as_deref() == Some(name)).map(|run| run.id)
    }

    /// Adds a run that has started, and shows it; the others make no more steps, and those without any are not kept.
    /// Returns what left for it: see [`Self::make_room`].
    pub fn start(&mut self, run: Run) -> Vec<Run> {
        self.runs.iter_mut().for_each(Run::end);
        let shown = self.shown().map(|run| run.id);
        self.runs.retain(|run| !run.log.is_empty());
        self.shown = shown.and_then(|id| self.index_of(id)).unwrap_or(0);
        self.add(run)
    }

    /// Adds a run, and shows it. Returns what left for it: see [`Self::make_room`].
    pub fn add(&mut self, run: Run) -> Vec<Run> {
        let id = run.id;
        self.runs.push(run);
        self.show(id);
        self.make_room()
    }

    /// Takes a run away. Where it is the shown one, [`Self::other`] is shown then.
    pub fn close(&mut self, id: RunId) -> Option<Run> {
        let index = self.index_of(id)?;
        let shown = self.shown().filter(|run| run.id != id).or_else(|| self.other()).map(|run| run.id);
        let run = self.runs.remove(index);
        self.shown = shown.and_then(|id| self.index_of(id)).unwrap_or(0);
        Some(run)
    }

    fn index_of(&self, id: RunId) -> Option<usize> {
        self.runs.iter().position(|run| run.id == id)
    }

    /// Takes the oldest runs away until the logs fit into the budget, and returns them. Those that are pinned, shown or
    /// under way stay, even where they alone take more.
    pub fn make_room(&mut self) -> Vec<Run> {
        let mut held: usize = self.runs.iter().map(|run| run.log.memory()).sum();
        let mut left = Vec::new();
        while held > self.budget {
            let shown = self.shown().map(|run| run.id);
            let may_leave = |run: &&Run| !run.pinned && !run.is_under_way() && Some(run.id) != shown;
            let Some(oldest) = self.runs.iter().find(may_leave).map(|run| run.id) else { break };
            let Some(run) = self.close(oldest) else { break };
            held = held.saturating_sub(run.log.memory());
            left.push(run);
        }
        left
    }
}
