//! The exact prefix cache of block-causal networks (BD3LM, arXiv 2503.09573; LLaDA2).
//!
//! No block sees a later one, so the rows of finished blocks never change once their last tokens are in place. On
//! entering a block, what is new left of it is computed once more with its final tokens; then only the block is computed.
//! The released BD3LM sampler computes the whole prefix at each block entry; the rows are the same.

use super::super::{
    moment::StepContext,
    plan::{PassPlan, Plan},
};

/// How far the rows are final.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Exact {
    end: usize,
}

impl Exact {
    /// What a step computes; where another policy planned the step before, no row is trusted.
    pub fn plan(&mut self, moment: StepContext<'_>, switched: bool) -> Plan {
        let (start, end) = (moment.block_start(), moment.horizon());
        if switched {
            self.end = 0;
        }
        let mut passes = Vec::new();
        let mut first = start;
        if self.end < start {
            passes.push(PassPlan { query: (self.end..start).collect(), end: start });
            self.end = start;
        } else {
            // The row left of the block speaks for its first position when the network is shifted. It comes out the same
            // in every step; the first one has it from the prefix.
            first = moment.source(start);
        }
        passes.push(PassPlan { query: (first..end).collect(), end });
        Plan { passes, only: None }
    }
}
