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

use super::super::{moment::StepContext, plan::Plan};
use crate::settings::{CacheChoice, GuideRule};

/// Whether `choice` is one of the forms.
pub(super) fn is_form(choice: CacheChoice) -> bool {
    matches!(choice, CacheChoice::Prompt | CacheChoice::Block | CacheChoice::Window)
}

/// Whether masks beyond the window are out of sight from the first step on. FlashDLM computes everything once; APD
/// (arXiv 2506.00413) never looks further ahead than its `M` masks.
fn cuts_from_the_start(moment: StepContext<'_>) -> bool {
    moment.settings.cache == CacheChoice::Window && moment.settings.guide == GuideRule::Product
}

/// One past the last row that must have been written before a part of the canvas can be computed alone.
pub(super) fn needed(moment: StepContext<'_>) -> usize {
    let live = moment.canvas.live();
    if cuts_from_the_start(moment) { moment.canvas.first_masked().unwrap_or(live).min(live) } else { live }
}

/// What the first step computes.
pub(super) fn first(moment: StepContext<'_>) -> Plan {
    let end = if cuts_from_the_start(moment) { window_end(moment) } else { moment.canvas.live() };
    Plan::whole(end)
}

/// One past the last position of the window.
fn window_end(moment: StepContext<'_>) -> usize {
    let live = moment.canvas.live();
    let last_committed = moment.canvas.first_masked().map_or(live, |first| first.saturating_sub(1));
    moment.settings.window_right.map_or(live, |right| (last_committed + right.max(2)).min(live))
}

/// What a step computes once every row was written.
pub(super) fn plan(moment: StepContext<'_>) -> Plan {
    let StepContext { settings, canvas, schedule, .. } = moment;
    let live = canvas.live();
    let Some(first_masked) = canvas.first_masked() else {
        return Plan::whole(live);
    };
    let (start, end) = match settings.cache {
        CacheChoice::Prompt => (canvas.prompt(), live),
        CacheChoice::Window => {
            let last_committed = first_masked.saturating_sub(1);
            (last_committed.saturating_sub(settings.window_left), window_end(moment))
        }
        _ => {
            let unfrozen = schedule.just_finished().filter(|_| settings.clean_freeze).map(|region| region.start);
            (unfrozen.unwrap_or(schedule.region().start), live)
        }
    };
    // The logits of a masked position come from the row to its left when the network is shifted.
    Plan::window(start.min(moment.source(first_masked))..end, end)
}
