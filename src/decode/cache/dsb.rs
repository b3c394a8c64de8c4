//! The cache of Dynamic Sliding Block (arXiv 2602.05992, released `generate_dsb_cache`): a block that slides with the first
//! mask is computed in every step, and so is a part of what it left behind.
//!
//! A row that has just left the block was computed while its neighbours were masks. So the positions left of the first
//! mask are computed too, `window-left` of them, or as many as the block moved in the last step where those are more: no
//! token is left with the row of a mask. All other rows are reused, those of the masks right of the block among them, until
//! as many tokens were committed as the block is long; then everything is computed.
//!
//! The block is the window of schedule leftmost, which holds a number of masks; its end never moves to the left, so that
//! tokens right of the last mask are computed too. The released one holds a number of positions (*constant*), or grows with
//! what is committed (*greedy*).

use super::{CachePolicy, KnownRows};
use crate::{
    decode::{context::StepContext, plan::Plan},
    settings::{ScheduleChoice, Settings},
};

/// The policy, with what it knew at the last steps.
#[derive(Debug, Clone, Default)]
pub(super) struct SlidingBlock {
    /// Masks when everything was last computed.
    masks: usize,
    /// The first mask of the last step.
    first: usize,
    /// One past the last position that a block has held.
    end: usize,
}

impl CachePolicy for SlidingBlock {
    fn plan(&mut self, context: StepContext<'_>, rows: KnownRows<'_>) -> Plan {
        let StepContext { settings, canvas, schedule, .. } = context;
        let live = canvas.live();
        let masks = canvas.masked(0..live).count();
        let Some(first) = canvas.first_masked() else {
            return Plan::whole(live);
        };
        let before = std::mem::replace(&mut self.first, first);
        self.end = self.end.max(schedule.region().end);
        if rows.fresh || self.masks.saturating_sub(masks) >= settings.window_length {
            self.masks = masks;
            return Plan::whole(live);
        }
        let start = first.saturating_sub(settings.window_left).min(before).min(context.source(first));
        Plan::window(start..self.end.min(live), live)
    }

    fn conflict(&self, settings: &Settings) -> Option<String> {
        (settings.schedule != ScheduleChoice::Leftmost).then(|| {
            format!(
                "cache '{}' computes a block that slides with the first mask, and schedule is '{}': set schedule to \
                 'leftmost'",
                settings.cache.word(),
                settings.schedule.word()
            )
        })
    }
}
