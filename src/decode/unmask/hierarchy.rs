//! dInfer's two rules for commits in parallel (released `parallel_strategy.py`).

use super::{commit, ranked};
use crate::decode::{
    moment::Moment,
    proposal::Candidate,
    record::{Commit, Reason},
};

/// How far below the best of the step a confidence still counts as equal to it.
const TIE: f32 = 1e-5;

/// `ThresholdParallelDecoder`: everything at or above the threshold; where nothing is, the best and its equals.
pub(super) fn with_ties(candidates: &[Candidate], moment: Moment<'_>) -> Vec<Commit> {
    let threshold = moment.settings.threshold;
    let sure = |c: &&Candidate| !c.suppressed;
    let best = candidates.iter().filter(sure).map(|c| c.proposal.confidence).fold(f32::NEG_INFINITY, f32::max);
    let bar = threshold.min(best - TIE);
    let reason = if best >= threshold { Reason::Threshold } else { Reason::BestOfStep };
    let commits: Vec<Commit> = candidates
        .iter()
        .filter(sure)
        .filter(|c| c.proposal.confidence >= bar)
        .map(|c| commit(c, if c.proposal.confidence >= threshold { Reason::Threshold } else { reason }))
        .collect();
    if commits.is_empty() { ranked(candidates, 1, Reason::BestOfStep, moment) } else { commits }
}

/// `HierarchyDecoder`: everything above the threshold, the best of every run of masks where it is above the low
/// threshold, and the best of all.
pub(super) fn by_runs(candidates: &[Candidate], moment: Moment<'_>) -> Vec<Commit> {
    let (low, high) = (moment.settings.low_threshold, moment.settings.threshold);
    let confidence = |c: &Candidate| if c.suppressed { f32::NEG_INFINITY } else { c.proposal.confidence };
    let mut commits = Vec::new();
    for run in candidates.chunk_by(|a, b| a.proposal.position + 1 == b.proposal.position) {
        let best = run.iter().map(confidence).fold(f32::NEG_INFINITY, f32::max);
        for candidate in run {
            let sure = confidence(candidate);
            if sure > high {
                commits.push(commit(candidate, Reason::Threshold));
            } else if sure > low && sure == best {
                commits.push(commit(candidate, Reason::BestOfRun));
            }
        }
    }
    // The best of all is above the low threshold if anything is, and then it is the best of its run.
    if commits.is_empty() { ranked(candidates, 1, Reason::BestOfStep, moment) } else { commits }
}
