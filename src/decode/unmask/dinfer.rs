//! Rules of block-causal networks: LLaDA2's sampler and dInfer's (released `parallel_strategy.py`).

use super::{CommitRule, Delta, Scored, StepContext, best, best_first, fixed_rate::quota, take};
use crate::decode::{
    proposal::Candidate,
    record::{Commit, Reason},
};

/// How far below the best of the step a confidence still counts as equal to it.
const TIE: f32 = 1e-5;

/// LLaDA2: everything above the threshold where that is the quota of the step or more, else the quota.
#[derive(Debug, Clone)]
pub(super) struct ThresholdFloor;

impl CommitRule for ThresholdFloor {
    fn select(&mut self, scored: Scored<'_>, context: StepContext<'_>) -> Delta {
        above_or_quota(scored.masked, context).into()
    }
}

fn above_or_quota(candidates: &[Candidate], context: StepContext<'_>) -> Vec<Commit> {
    let (bar, floor) = (context.settings.threshold, quota(context));
    let above = |candidate: &&Candidate| candidate.reaches(bar) && candidate.proposal.confidence > bar;
    let passed = best_first(candidates.iter().filter(above), context);
    if passed.len() < floor {
        return take(floor, Reason::Quota, candidates, context);
    }
    passed.into_iter().map(|candidate| candidate.commit(candidate.reason_or_credit(bar, Reason::Threshold))).collect()
}

/// `ThresholdParallelDecoder`: everything at or above the threshold; where nothing is, the best and its equals.
#[derive(Debug, Clone)]
pub(super) struct ThresholdTies;

impl CommitRule for ThresholdTies {
    fn select(&mut self, scored: Scored<'_>, context: StepContext<'_>) -> Delta {
        with_ties(scored.masked, context).into()
    }

    fn asks_confidence(&self) -> bool {
        true
    }
}

fn with_ties(candidates: &[Candidate], context: StepContext<'_>) -> Vec<Commit> {
    let bar = context.settings.threshold;
    let eligible = || candidates.iter().filter(|candidate| !candidate.suppressed);
    let most = eligible().map(|candidate| candidate.proposal.confidence).fold(f32::NEG_INFINITY, f32::max);
    let (lower, reason) = if most >= bar { (bar, Reason::Threshold) } else { (most - TIE, Reason::BestOfStep) };
    let passed = eligible().filter(|candidate| candidate.proposal.confidence >= lower);
    let commits: Vec<Commit> =
        passed.map(|candidate| candidate.commit(candidate.reason_or_credit(lower, reason))).collect();
    if commits.is_empty() { best(candidates, context) } else { commits }
}

/// `HierarchyDecoder`: everything above the threshold, the best of every run of masks where it is above the low
/// threshold, and the best of all.
#[derive(Debug, Clone)]
pub(super) struct Hierarchy;

impl CommitRule for Hierarchy {
    fn select(&mut self, scored: Scored<'_>, context: StepContext<'_>) -> Delta {
        by_runs(scored.masked, context).into()
    }

    fn asks_confidence(&self) -> bool {
        true
    }
}

fn by_runs(candidates: &[Candidate], context: StepContext<'_>) -> Vec<Commit> {
    let (low, high) = (context.settings.low_threshold, context.settings.threshold);
    let confidence = |c: &Candidate| if c.suppressed { f32::NEG_INFINITY } else { c.proposal.confidence };
    let mut commits = Vec::new();
    for run in candidates.chunk_by(|a, b| a.proposal.position + 1 == b.proposal.position) {
        let most = run.iter().map(confidence).fold(f32::NEG_INFINITY, f32::max);
        for candidate in run {
            let own = confidence(candidate);
            if own > high {
                commits.push(candidate.commit(candidate.reason_or_credit(high, Reason::Threshold)));
            } else if own > low && own == most {
                commits.push(candidate.commit(candidate.reason_or_credit(low, Reason::BestOfRun)));
            }
        }
    }
    // The best of all is above the low threshold if anything is, and then it is the best of its run.
    if commits.is_empty() { best(candidates, context) } else { commits }
}
