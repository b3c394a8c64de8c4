//! LLaDA2.1's edits (released sampler): a committed token of the block is overwritten where the denoiser, which sees it,
//! would write another one with more than the editing threshold. A block without masks stays open until a step edits
//! nothing, for a bounded number of steps. The prompt is never edited.

use crate::decode::{
    moment::StepContext,
    record::{Commit, Reason},
    unmask::{Rescored, Scored},
};

/// How a block without masks fares.
#[derive(Debug, Clone, Default)]
pub(super) struct Edit {
    /// Steps that began without a mask in the block.
    full_steps: usize,
    /// Whether the last of them edited nothing.
    settled: bool,
}

impl Edit {
    pub fn edits(&mut self, scored: Scored<'_>, moment: StepContext<'_>) -> Vec<Commit> {
        let differs = |standing: &&Rescored| {
            let proposal = &standing.candidate.proposal;
            proposal.token != moment.canvas.ids()[proposal.position]
                && proposal.confidence > moment.settings.edit_threshold
        };
        let edits: Vec<Commit> =
            scored.standing.iter().filter(differs).map(|standing| standing.candidate.commit(Reason::Edit)).collect();
        if moment.masked_in_block() == 0 {
            self.full_steps += 1;
            self.settled = edits.is_empty();
        }
        edits
    }

    pub fn holds(&self, moment: StepContext<'_>) -> bool {
        !self.settled && self.full_steps < moment.settings.edit_steps
    }
}
