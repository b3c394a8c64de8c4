//! Rules that ask how confident a proposal is.

use super::{CommitRule, Delta, Scored, StepContext, best, best_first, fixed_rate::budget};
use crate::{
    decode::{
        proposal::Candidate,
        record::{Commit, Reason},
    },
    settings::Settings,
};

/// Fast-dLLM's parallel decoding (arXiv 2505.22618): the candidates at or above the threshold; the best one where there
/// is none.
#[derive(Debug, Clone)]
pub(super) struct Threshold;

impl CommitRule for Threshold {
    fn select(&mut self, scored: Scored<'_>, context: StepContext<'_>) -> Delta {
        threshold(scored.masked, usize::MAX, context).into()
    }

    fn asks_confidence(&self) -> bool {
        true
    }
}

/// Dream's port of it: never ahead of the even pace of the block's steps.
#[derive(Debug, Clone)]
pub(super) struct ThresholdBudget;

impl CommitRule for ThresholdBudget {
    fn select(&mut self, scored: Scored<'_>, context: StepContext<'_>) -> Delta {
        threshold(scored.masked, budget(context), context).into()
    }

    fn is_paced(&self) -> bool {
        true
    }
}

/// The best `most` of the candidates at or above the threshold; the very best one where there is none.
fn threshold(candidates: &[Candidate], most: usize, context: StepContext<'_>) -> Vec<Commit> {
    let bar = context.settings.threshold;
    let passed = best_first(candidates.iter().filter(|candidate| candidate.reaches(bar)), context);
    if passed.is_empty() || most == 0 {
        return best(candidates, context);
    }
    let commit = |candidate: &Candidate| candidate.commit(candidate.reason_or_credit(bar, Reason::Threshold));
    passed.into_iter().take(most).map(commit).collect()
}

/// Fast-dLLM's factor rule: with the confidences in descending order, the longest run in which the `r`-th reaches
/// `1 − factor / (r + 1)`, and the very best one in any case. `r` proposals that are each wrong with at most
/// `ε < 1 / (r + 1)` are jointly what the marginals say (its theorem 1); the factor scales that.
///
/// The released code also commits the last candidate when it is the first to fail: `factor-last`.
#[derive(Debug, Clone)]
pub(super) struct Factor;

impl CommitRule for Factor {
    fn select(&mut self, scored: Scored<'_>, context: StepContext<'_>) -> Delta {
        let order = best_first(scored.masked, context);
        let mut commits = factor_run(&order, context, Reason::Factor);
        if commits.is_empty() {
            commits = best(scored.masked, context);
        }
        if context.settings.factor_last && commits.len() + 1 == order.len() {
            commits.extend(order.last().map(|candidate| candidate.commit(Reason::Factor)));
        }
        commits.into()
    }

    fn asks_confidence(&self) -> bool {
        true
    }
}

/// The run at the start of `order` that the factor lets through.
pub(super) fn factor_run(order: &[&Candidate], context: StepContext<'_>, reason: Reason) -> Vec<Commit> {
    let bars = (2..).map(|rank| 1.0 - context.settings.factor / rank as f32);
    let passed = order.iter().zip(bars).take_while(|(candidate, bar)| candidate.reaches(*bar));
    passed.map(|(candidate, bar)| candidate.commit(candidate.reason_or_credit(bar, reason))).collect()
}

/// LocalLeap (arXiv 2510.07081): masked proposals at or above the threshold are anchors; within the radius of one, the
/// relaxed threshold is enough. Without an anchor the best one is committed.
///
/// The paper describes a decay with the distance; its code has a constant relaxed threshold, and so has this one unless
/// `relaxed-decay` asks for a straight line from the relaxed threshold (at the anchor) to the full one (beyond the
/// radius).
#[derive(Debug, Clone)]
pub(super) struct LocalLeap;

impl CommitRule for LocalLeap {
    fn select(&mut self, scored: Scored<'_>, context: StepContext<'_>) -> Delta {
        local_leap(scored.masked, context).into()
    }

    fn asks_confidence(&self) -> bool {
        true
    }

    fn contradiction(&self, settings: &Settings) -> Option<String> {
        let Settings { threshold, threshold_relaxed, .. } = *settings;
        (threshold_relaxed > threshold).then(|| {
            format!(
                "threshold-relaxed {threshold_relaxed} asks for more than threshold {threshold}: choose at most {threshold}"
            )
        })
    }
}

fn local_leap(candidates: &[Candidate], context: StepContext<'_>) -> Vec<Commit> {
    let settings = context.settings;
    let bar = settings.threshold;
    let place = |candidate: &Candidate| candidate.proposal.position;
    let anchors: Vec<usize> = candidates.iter().filter(|candidate| candidate.reaches(bar)).map(place).collect();
    if anchors.is_empty() {
        return best(candidates, context);
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
            return Some(candidate.commit(candidate.reason_or_credit(bar, Reason::Threshold)));
        }
        let bar = distance(candidate).filter(|distance| *distance <= settings.radius).map(relaxed)?;
        candidate.reaches(bar).then(|| candidate.commit(candidate.reason_or_credit(bar, Reason::Neighbour)))
    };
    candidates.iter().filter_map(leap).collect()
}
