//! Rules of block-causal networks: LLaDA2's sampler and dInfer's (released `parallel_strategy.py`).

use super::{best, best_first, pace::quota, take};
use crate::decode::{
    moment::StepContext,
    proposal::Candidate,
    record::{Commit, Reason},
};

/// How far below the best of the step a confidence still counts as equal to it.
const TIE: f32 = 1e-5;

/// LLaDA2: everything above the threshold where that is the quota of the step or more, else the quota.
pub(super) fn above_or_quota(candidates: &[Candidate], moment: StepContext<'_>) -> Vec<Commit> {
    let (bar, floor) = (moment.settings.threshold, quota(moment));
    let above = |candidate: &&Candidate| candidate.reaches(bar) && candidate.proposal.confidence > bar;
    let passed = best_first(candidates.iter().filter(above), moment);
    if passed.len() < floor {
        return take(floor, Reason::Quota, candidates, moment);
    }
    passed.into_iter().map(|candidate| candidate.commit(candidate.owing(bar, Reason::Threshold))).collect()
}

/// `ThresholdParallelDecoder`: everything at or above the threshold; where nothing is, the best and its equals.
pub(super) fn with_ties(candidates: &[Candidate], moment: StepContext<'_>) -> Vec<Commit> {
    let bar = moment.settings.threshold;
    let sure = || candidates.iter().filter(|candidate| !candidate.suppressed);
    let most = sure().map(|candidate| candidate.proposal.confidence).fold(f32::NEG_INFINITY, f32::max);
    let (lower, reason) = if most >= bar { (bar, Reason::Threshold) } else { (most - TIE, Reason::BestOfStep) };
    let passed = sure().filter(|candidate| candidate.proposal.confidence >= lower);
    let commits: Vec<Commit> = passed.map(|candidate| candidate.commit(candidate.owing(lower, reason))).collect();
    if commits.is_empty() { best(candidates, moment) } else { commits }
}

/// `HierarchyDecoder`: everything above the threshold, the best of every run of masks where it is above the low
/// threshold, and the best of all.
pub(super) fn by_runs(candidates: &[Candidate], moment: StepContext<'_>) -> Vec<Commit> {
    let (low, high) = (moment.settings.low_threshold, moment.settings.threshold);
    let confidence = |c: &Candidate| if c.suppressed { f32::NEG_INFINITY } else { c.proposal.confidence };
    let mut commits = Vec::new();
    for run in candidates.chunk_by(|a, b| a.proposal.position + 1 == b.proposal.position) {
        let most = run.iter().map(confidence).fold(f32::NEG_INFINITY, f32::max);
        for candidate in run {
            let sure = confidence(candidate);
            if sure > high {
                commits.push(candidate.commit(candidate.owing(high, Reason::Threshold)));
            } else if sure > low && sure == most {
                commits.push(candidate.commit(candidate.owing(low, Reason::BestOfRun)));
            }
        }
    }
    // The best of all is above the low threshold if anything is, and then it is the best of its run.
    if commits.is_empty() { best(candidates, moment) } else { commits }
}
