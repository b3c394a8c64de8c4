//! ReMDM (arXiv 2503.00307) as its port to LLaDA puts it into a block's schedule: when seven eighths of a block's length
//! are done in steps, extra steps follow. Each masks the tokens of the block that were least confident when they were written,
//! and writes as many.
//!
//! Where the block has fewer steps than that, they follow its last one. The port counts tokens per step from the steps of
//! the whole run, which fits a single block only; the steps of the block are meant, and taken here.

use std::collections::BTreeMap;

use crate::decode::{
    context::StepContext,
    record::{Commit, Reason},
    unmask::{Scored, take},
};

/// How far the extra steps of a block are.
#[derive(Debug, Clone, Default)]
pub(super) struct Remask {
    /// Confidence of the block's tokens when they were written.
    written: BTreeMap<usize, f32>,
    /// Extra steps done.
    done: usize,
    /// How many tokens the step under way masked again.
    open: usize,
}

impl Remask {
    /// Masks again what this step is to write again.
    pub fn begin(&mut self, context: StepContext<'_>) -> Vec<usize> {
        self.open = 0;
        if !self.is_due(context) {
            return Vec::new();
        }
        self.written.retain(|position, _| !context.canvas.is_pinned(*position));
        let mut written: Vec<(f32, usize)> =
            self.written.iter().map(|(position, confidence)| (*confidence, *position)).collect();
        written.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut remasked: Vec<usize> =
            written.into_iter().take(context.settings.remdm_tokens).map(|(_, position)| position).collect();
        remasked.sort_unstable();
        for position in &remasked {
            self.written.remove(position);
        }
        self.open = remasked.len();
        self.done += 1;
        remasked
    }

    /// The tokens at `positions` are no longer those that the block's steps wrote.
    pub fn edited(&mut self, positions: &[usize]) {
        self.written.retain(|position, _| positions.binary_search(position).is_err());
    }

    pub fn select(&self, scored: Scored<'_>, context: StepContext<'_>) -> Option<Vec<Commit>> {
        if self.open == 0 {
            return None;
        }
        let mut commits = take(self.open, Reason::Revised, scored.masked, context);
        commits.sort_unstable_by_key(|commit| commit.position);
        Some(commits)
    }

    pub fn written(&mut self, commits: &[Commit]) -> bool {
        self.written.extend(commits.iter().map(|commit| (commit.position, commit.confidence)));
        self.open == 0
    }

    pub fn holds(&self, context: StepContext<'_>) -> bool {
        self.done < context.settings.remdm_steps && !self.written.is_empty()
    }

    fn is_due(&self, context: StepContext<'_>) -> bool {
        let region = context.schedule.region();
        let length = region.end - region.start;
        let first = (length * 7 / 8).min(length - 1).max(1);
        self.holds(context) && (context.schedule.step >= first || context.masked_in_block() == 0)
    }
}
