//! Slot 7, stop: when a run is over, what end of text fills, and when everything is committed early.

mod cut;
mod early;

pub(super) use self::{
    cut::{conflict as cut_conflict, end_of_text},
    early::{Early, conflict as early_conflict},
};

use super::{
    canvas::Canvas,
    record::{Commit, Reason, StopReason},
    schedule::Schedule,
};
use crate::settings::{EosStop, GuideRule, Settings};

/// Steps per masked position after which a run is given up: no method here needs more than two.
const STEP_BUDGET_PER_MASK: usize = 4;

/// Fills the masks behind a settled end of text (any of `ends`, behind all that is pinned) with `eos`, where the settings
/// ask for it; returns what was filled.
///
/// Under a guide, end of text settles as soon as it is committed (FlashDLM): commits run from left to right. Where it cuts
/// the canvas, [`end_of_text`] has filled what lies behind it.
pub(super) fn fill_after_eos(
    canvas: &mut Canvas,
    schedule: &Schedule,
    settings: &Settings,
    eos: u32,
    ends: &[u32],
) -> Vec<Commit> {
    let Some(end) = canvas.end_of_text(ends) else {
        return Vec::new();
    };
    let prefix_is_settled = canvas.masked(canvas.prompt()..end).next().is_none();
    let settled = match settings.eos_stop {
        EosStop::Off | EosStop::Cut | EosStop::Predicted => false,
        EosStop::Prefix => prefix_is_settled,
        EosStop::Block if settings.guide != GuideRule::Off && settings.block_length.is_none() => prefix_is_settled,
        EosStop::Block => schedule.is_closed(canvas) && end < schedule.region().end,
    };
    if !settled {
        return Vec::new();
    }
    let masked: Vec<usize> = canvas.masked(end..canvas.len()).collect();
    for position in &masked {
        canvas.write(*position, eos);
    }
    let fill = |position| Commit { position, token: eos, confidence: 0.0, reason: Reason::EndOfText };
    masked.into_iter().map(fill).collect()
}

/// Why the run is over, `steps` steps after its start or the last change by hand, if it is: `filled` if end of text filled the rest of the canvas in the last
/// one, `early` if that committed everything early.
pub(super) fn check(canvas: &Canvas, filled: bool, early: bool, steps: usize) -> Option<StopReason> {
    if canvas.first_masked().is_none() {
        Some(match (filled, early) {
            (true, _) => StopReason::EndOfText,
            (false, true) => StopReason::EarlyCommit,
            (false, false) => StopReason::NothingMasked,
        })
    } else if steps >= STEP_BUDGET_PER_MASK * canvas.generated() {
        Some(StopReason::StepBudget)
    } else {
        None
    }
}
