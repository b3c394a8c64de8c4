//! FreeCache (FlashDLM, arXiv 2505.21467, §3.2.1): K/V of clean tokens hardly change in later steps, so rows left
//! of an active window are computed once and frozen.
//!
//! Three forms: from the current *block* on (paper), a *window* around the last committed token (released guided
//! decoder), and everything but the *prompt* (released default). Rows are written at absolute positions; the released
//! window code writes them shifted by the window's movement, which is a mistake that is not reproduced here.
//!
//! The released code has two more modes, both for left-to-right commits under a guide: *aggressive* is a window of 0
//! positions to the left and none dropped to the right, and *block-boundary* is what the block form then does.
//!
//! In every form the rows that are read but not computed are a prefix of the canvas, and the first step computes
//! everything, so a change of form in the middle of a run never reads a row that was not written.

use super::{Allows, CachePolicy, KnownRows};
use crate::{
    decode::{context::StepContext, plan::Plan},
    settings::{CacheChoice, GuideRule},
};

/// The policy in its forms.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum FreeCache {
    /// Computes from the current block on.
    Block,
    /// Computes a window around the last committed token.
    Window,
    /// Computes everything but the prompt.
    Prompt,
}

impl CachePolicy for FreeCache {
    fn plan(&mut self, context: StepContext<'_>, rows: KnownRows<'_>) -> Plan {
        if rows.fresh {
            let live = context.canvas.live();
            return Plan::whole(if self.cuts_from_the_start(context) { window_end(context) } else { live });
        }
        let StepContext { settings, canvas, schedule, .. } = context;
        let live = canvas.live();
        let Some(first_masked) = canvas.first_masked() else {
            return Plan::whole(live);
        };
        let (start, end) = match self {
            Self::Prompt => (canvas.prompt(), live),
            Self::Window => {
                let last_committed = first_masked.saturating_sub(1);
                (last_committed.saturating_sub(settings.window_left), window_end(context))
            }
            Self::Block => {
                let unfrozen = schedule.just_finished().filter(|_| settings.clean_freeze).map(|region| region.start);
                (unfrozen.unwrap_or(schedule.region().start), live)
            }
        };
        // The logits of a masked position come from the row to its left when the network is shifted.
        Plan::window(start.min(context.source(first_masked))..end, end)
    }

    fn needed(&self, context: StepContext<'_>) -> usize {
        let live = context.canvas.live();
        if self.cuts_from_the_start(context) { context.canvas.first_masked().unwrap_or(live).min(live) } else { live }
    }

    fn continues(&self, before: CacheChoice) -> bool {
        // A prefix of the rows of every form is readable by every other.
        matches!(before, CacheChoice::Block | CacheChoice::Window | CacheChoice::Prompt)
    }

    fn allows(&self) -> Allows {
        Allows { adaptive_blocks: *self != Self::Window, ..Allows::default() }
    }
}

impl FreeCache {
    /// Whether masks beyond the window are out of sight from the first step on. FlashDLM computes everything once; APD
    /// (arXiv 2506.00413) never looks further ahead than its `M` masks.
    fn cuts_from_the_start(&self, context: StepContext<'_>) -> bool {
        *self == Self::Window && context.settings.guide == GuideRule::Product
    }
}

/// One past the last position of the window.
fn window_end(context: StepContext<'_>) -> usize {
    let live = context.canvas.live();
    let last_committed = context.canvas.first_masked().map_or(live, |first| first.saturating_sub(1));
    context.settings.window_right.map_or(live, |right| (last_committed + right.max(2)).min(live))
}
