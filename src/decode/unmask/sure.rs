//! Rules that ask how confident a proposal is.

use super::{StepContext, best, best_first};
use crate::decode::{
    proposal::Candidate,
    record::{Commit, Reason},
};

/// Fast-dLLM's parallel decoding (arXiv 2505.22618): the best `most` of the candidates at or above the threshold; the
/// very best one where there is none.
pub(super) fn threshold(candidates: &[Candidate], most: usize, moment: StepContext<'_>) -> Vec<Commit> {
    let bar = moment.settings.threshold;
    let passed = best_first(candidates.iter().filter(|candidate| candidate.reaches(bar)), moment);
    if passed.is_empty() || most == 0 {
        return best(candidates, moment);
    }
    let sure = |candidate: &Candidate| candidate.commit(candidate.owing(bar, Reason::Threshold));
    passed.into_iter().take(most).map(sure).collect()
}

/// Fast-dLLM's factor rule: with the confidences in descending order, the longest run in which the `r`-th reaches
/// `1 − factor / (r + 1)`, and the very best one in any case. `r` proposals that are each wrong with at most
/// `ε < 1 / (r + 1)` are jointly what the marginals say (its theorem 1); the factor scales that.
///
/// The released code also commits the last candidate when it is the first to fail: `factor-last`.
pub(super) fn factor(candidates: &[Candidate], moment: StepContext<'_>) -> Vec<Commit> {
    let order = best_first(candidates, moment);
    let mut commits = factor_run(&order, moment, Reason::Factor);
    if commits.is_empty() {
        commits = best(candidates, moment);
    }
    if moment.settings.factor_last && commits.len() + 1 == order.len() {
        commits.extend(order.last().map(|candidate| candidate.commit(Reason::Factor)));
    }
    commits
}

/// The run at the start of `order` that the factor lets through.
pub(super) fn factor_run(order: &[&Candidate], moment: StepContext<'_>, reason: Reason) -> Vec<Commit> {
    let bars = (2..).map(|rank| 1.0 - moment.settings.factor / rank as f32);
    let passed = order.iter().zip(bars).take_while(|(candidate, bar)| candidate.reaches(*bar));
    passed.map(|(candidate, bar)| candidate.commit(candidate.owing(bar, reason))).collect()
}

/// LocalLeap (arXiv 2510.07081): masked proposals at or above the threshold are anchors; within the radius of one, the
/// relaxed threshold is enough. Without an anchor the best one is committed.
///
/// The paper speaks of a decay with the distance; its code has a constant relaxed threshold, and so has this one unless
/// `relaxed-decay` asks for a straight line from the relaxed threshold (at the anchor) to the full one (beyond the
/// radius).
pub(super) fn local_leap(candidates: &[Candidate], moment: StepContext<'_>) -> Vec<Commit> {
    let settings = moment.settings;
    let bar = settings.threshold;
    let place = |candidate: &Candidate| candidate.proposal.position;
    let anchors: Vec<usize> = candidates.iter().filter(|candidate| candidate.reaches(bar)).map(place).collect();
    if anchors.is_empty() {
        return best(candidates, moment);
    }
    let distance = |candidate: &Candidate| anchors.iter().map(|anchor| anchor.abs_diff(place(candidate))).min();
    let relaxed = |distance: usize| {
        if !settings.relaxed_decay {
            return settings.threshold_relaxed;
        }
        let nearness = 1.0 - distance as f32 / (settings.radius + 1) as f32;
        bar - (bar - settings.threshold_relaxed) * nearness
    };
    let leap = |candidate: &Candidate| {
        if candidate.reaches(bar) {
            return Some(candidate.commit(candidate.owing(bar, Reason::Threshold)));
        }
        let bar = distance(candidate).filter(|distance| *distance <= settings.radius).map(relaxed)?;
        candidate.reaches(bar).then(|| candidate.commit(candidate.owing(bar, Reason::Neighbour)))
    };
    candidates.iter().filter_map(leap).collect()
}
