//! Fast-dLLM's block-wise caches (arXiv 2505.22618, §3.2; released `generate_with_prefix_cache`,
//! `generate_with_dual_cache` and `generation_utils_block.py`).
//!
//! The pass that enters a block computes everything; its logits count. Until the block is full, *prefix* reuses the
//! rows left of the block and *dual* also those of the masks right of it. The block itself is always computed, so the
//! rows of its tokens are never stale; what is stale are the masks right of it.
//!
//! The released code runs at least one pass after the one that enters a block, even where that one filled it. Here
//! the block is tested first.
//!
//! In a shifted network no row of the window predicts the first position of the block. As released, the pass that enters
//! a block commits exactly that position, whatever its confidence. Should it be masked later on, the row that predicts it
//! is computed too.

use super::{Allows, CachePolicy, KnownRows};
use crate::{
    decode::{context::StepContext, plan::Plan},
    settings::{ScheduleChoice, Settings},
};

/// The policy.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum FastDllm {
    /// Reuses the rows left of the block.
    Prefix,
    /// And the masks right of it.
    Dual,
}

impl CachePolicy for FastDllm {
    fn plan(&mut self, context: StepContext<'_>, rows: KnownRows<'_>) -> Plan {
        let StepContext { settings, canvas, schedule, .. } = context;
        let (live, block) = (canvas.live(), schedule.region());
        if rows.fresh || context.refreshes() {
            let windows_follow = settings.cache_refresh != Some(1);
            let only_now = canvas.is_masked(block.start) && context.source(block.start) != block.start;
            let only = (schedule.step == 0 && windows_follow && only_now).then_some(block.start);
            return Plan { only, ..Plan::whole(live) };
        }
        let first_masked = canvas.masked(block.start..block.end).next().unwrap_or(block.start);
        let start = block.start.min(context.source(first_masked));
        let end = if *self == Self::Dual { block.end.min(live) } else { live };
        Plan::window(start..end, live)
    }

    fn allows(&self) -> Allows {
        let leave_one_out = *self == Self::Prefix;
        Allows { adaptive_blocks: true, revision: true, leave_one_out, ..Allows::default() }
    }

    fn conflict(&self, settings: &Settings) -> Option<String> {
        let has_blocks = settings.block_length.is_some() && settings.schedule != ScheduleChoice::Leftmost;
        (settings.cache_refresh.is_none() && !has_blocks).then(|| {
            format!(
                "cache '{}' is refreshed on entering a block, and there is only one block: set block-length (with \
                 schedule 'blocks'), or cache-refresh",
                settings.cache.word()
            )
        })
    }
}
