//! WINO, Wide-In Narrow-Out (arXiv 2507.18578): draft generously, verify, take back.
//!
//! Wide in: every proposal at the threshold is committed, but not too many at once. Narrow out: a token that the rest of
//! the canvas would not have written (its probability with itself left out, which the shadow block measures, see
//! `shadow.rs`) is masked again; always fewer than were committed in the same step, so that a step never loses ground.

use super::{Delta, Scored, best, best_first};
use crate::decode::{
    moment::StepContext,
    proposal::Candidate,
    record::{Commit, Reason},
};

/// What a step commits at most, as in the released code: seven tenths of the block's masks, but no fewer than 5 and no
/// more than 20.
fn most(masked: usize) -> usize {
    (masked * 7 / 10).clamp(5, 20)
}

/// What the step writes, and what it masks again.
pub(super) fn select(scored: Scored<'_>, moment: StepContext<'_>) -> Delta {
    let bar = moment.settings.threshold;
    let passed = best_first(scored.masked.iter().filter(|candidate| candidate.reaches(bar)), moment);
    let wide_in = |candidate: &Candidate| candidate.commit(candidate.owing(bar, Reason::WideIn));
    let mut commits: Vec<Commit> = passed.into_iter().take(most(moment.masked_in_block())).map(wide_in).collect();
    if commits.is_empty() {
        commits = best(scored.masked, moment);
    }
    let mut doubtful: Vec<(f32, usize)> = scored
        .standing
        .iter()
        .filter(|standing| standing.held < moment.settings.narrow_out)
        .map(|standing| (standing.held, standing.candidate.proposal.position))
        .collect();
    doubtful.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    doubtful.truncate(commits.len().saturating_sub(1));
    let mut remasked: Vec<usize> = doubtful.into_iter().map(|(_, position)| position).collect();
    remasked.sort_unstable();
    Delta { commits, remasked }
}

#[cfg(test)]
mod tests {
    use super::most;

    #[test]
    fn few_masks_are_no_limit_and_many_are_limited() {
        assert_eq!([1, 7, 8, 10, 29, 30, 64].map(most), [5, 5, 5, 7, 20, 20, 20]);
    }
}
