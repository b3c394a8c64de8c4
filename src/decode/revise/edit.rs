//! LLaDA2.1's edits (released sampler): a committed token of the block is overwritten where the denoiser, which sees it,
//! would write another one with more than the editing threshold. A block without masks stays open until a step edits
//! nothing, for a bounded number of steps. The prompt is never edited.

use crate::decode::{
    context::StepContext,
    record::{Commit, Reason},
    unmask::{Rescored, Scored},
};

/// How a block without masks fares.
#[derive(Debug, Clone, Default)]
pub(super) struct TokenEdits {
    /// Steps that began without a mask in the block.
    full_steps: usize,
    /// Whether the last of them edited nothing.
    settled: bool,
}

impl TokenEdits {
    pub fn edits(&mut self, scored: Scored<'_>, context: StepContext<'_>) -> Vec<Commit> {
        let differs = |rescored: &&Rescored| {
            let proposal = &rescored.candidate.proposal;
            !context.canvas.is_pinned(proposal.position)
                && proposal.token != context.canvas.ids()[proposal.position]
                && proposal.confidence > context.settings.edit_threshold
        };
        let edits: Vec<Commit> =
            scored.rescored.iter().filter(differs).map(|rescored| rescored.candidate.commit(Reason::Edit)).collect();
        if context.masked_in_block() == 0 {
            self.full_steps += 1;
            self.settled = edits.is_empty();
        }
        edits
    }

    pub fn holds(&self, context: StepContext<'_>) -> bool {
        !self.settled && self.full_steps < context.settings.edit_steps
    }
}
