//! Runs as a tree: a branch stands under the run that it left.

use super::{Run, Session};
use crate::engine::protocol::RunId;

/// A run in its place.
#[derive(Debug, Clone)]
pub struct TreeRow<'a> {
    /// The run.
    pub run: &'a Run,
    /// For each run above it, from the root down to its parent's level: whether more branches of that one follow below. Empty for
    /// a root.
    pub rails: Vec<bool>,
}

impl Session {
    /// All runs from root to branch. Runs that left nothing here are roots, in the order in which they started; branches
    /// stand under the run that they left, in the same order.
    pub fn tree(&self) -> Vec<TreeRow<'_>> {
        let mut rows = Vec::with_capacity(self.runs.len());
        for root in self.runs.iter().filter(|run| self.parent_of(run).is_none()) {
            rows.push(TreeRow { run: root, rails: Vec::new() });
            self.grow(root.id, &[], &mut rows);
        }
        rows
    }

    /// The run that a run left, where it is here.
    fn parent_of(&self, run: &Run) -> Option<&Run> {
        // A branch is younger than what it left: without that a file could be its own root.
        run.branch().and_then(|branch| self.get(branch.parent)).filter(|parent| parent.id < run.id)
    }

    fn grow<'a>(&'a self, parent: RunId, rails: &[bool], rows: &mut Vec<TreeRow<'a>>) {
        let is_branch = |run: &&Run| self.parent_of(run).is_some_and(|of| of.id == parent);
        let mut branches = self.runs.iter().filter(is_branch).peekable();
        while let Some(run) = branches.next() {
            let rails = [rails, &[branches.peek().is_some()]].concat();
            rows.push(TreeRow { run, rails: rails.clone() });
            self.grow(run.id, &rails, rows);
        }
    }
}
