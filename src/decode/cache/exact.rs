//! The exact prefix cache of block-causal networks (BD3LM, arXiv 2503.09573; LLaDA2).
//!
//! No block sees a later one, so the rows of finished blocks never change once their last tokens are in place. On
//! entering a block, what is new left of it is computed once more with its final tokens; then only the block is computed.
//! The released BD3LM sampler computes the whole prefix at each block entry; the rows are the same.

use super::{Allows, CachePolicy, KnownRows, SoundAttention};
use crate::decode::{
    context::StepContext,
    plan::{PassPlan, Plan},
};

/// The policy, with how far the rows are final.
#[derive(Debug, Clone, Default)]
pub(super) struct ExactPrefix {
    end: usize,
}

impl CachePolicy for ExactPrefix {
    fn plan(&mut self, context: StepContext<'_>, _rows: KnownRows<'_>) -> Plan {
        let (start, end) = (context.block_start(), context.horizon());
        let mut passes = Vec::new();
        let mut first = start;
        if self.end < start {
            passes.push(PassPlan { query: (self.end..start).collect(), end: start });
            self.end = start;
        } else {
            // The row left of the block predicts its first position when the network is shifted. It comes out the same
            // in every step; the first one has it from the prefix.
            first = context.source(start);
        }
        passes.push(PassPlan { query: (first..end).collect(), end });
        Plan { passes, only: None }
    }

    fn allows(&self) -> Allows {
        Allows { revision: true, attention: SoundAttention::BlockCausal, ..Allows::default() }
    }
}
