//! Fast-dLLM's block-wise caches (arXiv 2505.22618, §3.2; released `generate_with_prefix_cache`,
//! `generate_with_dual_cache` and `generation_utils_block.py`).
//!
//! The forward that enters a block computes everything; its logits count. Until the block is full, *prefix* reuses the
//! rows left of the block and *dual* also those of the masks right of it. The block itself is always computed, so the
//! rows of its tokens are never stale; what is stale are the masks right of it.
//!
//! The released code runs at least one forward after the one that enters a block, even where that one filled it. Here
//! the block is tested first.
//!
//! In a shifted network no row of the window speaks for the first position of the block. As released, the forward that
//! enters a block commits exactly that position, whatever its confidence. Should it be masked later on, the row that
//! speaks for it is computed too.

use super::super::{moment::StepContext, plan::Plan};
use crate::settings::CacheChoice;

/// What a step computes; `fresh` where some row cannot be reused.
pub(super) fn plan(moment: StepContext<'_>, fresh: bool) -> Plan {
    let StepContext { settings, canvas, schedule, .. } = moment;
    let (live, block) = (canvas.live(), schedule.region());
    if fresh || moment.refreshes() {
        let windows_follow = settings.cache_refresh != Some(1);
        let unspoken = canvas.is_masked(block.start) && moment.source(block.start) != block.start;
        let only = (schedule.step == 0 && windows_follow && unspoken).then_some(block.start);
        return Plan { only, ..Plan::whole(live) };
    }
    let first_masked = canvas.masked(block.start..block.end).next().unwrap_or(block.start);
    let start = block.start.min(moment.source(first_masked));
    let end = if settings.cache == CacheChoice::FastDual { block.end.min(live) } else { live };
    Plan::window(start..end, live)
}
