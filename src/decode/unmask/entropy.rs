//! Rules that ask how uncertain a position is: the entropy of the network's own distribution, whatever the temperature
//! and the filters of the sampler.

use super::{CommitRule, Delta, RowNeed, Scored, StepContext, best, best_first};
use crate::{
    decode::{
        proposal::Candidate,
        record::{Commit, Reason},
    },
    settings::SamplerStyle,
};

/// dParallel's decoding (arXiv 2509.26488, released `generate.py` of both its models): the proposal of least entropy in
/// any case, and all others within the entropy threshold. For LLaDA an entropy at the threshold is within it, for Dream
/// it is not; here the style of the sampler decides.
#[derive(Debug, Clone)]
pub(super) struct EntropyThreshold;

impl CommitRule for EntropyThreshold {
    fn select(&mut self, scored: Scored<'_>, context: StepContext<'_>) -> Delta {
        threshold(scored.masked, context).into()
    }

    fn row_need(&self) -> RowNeed {
        RowNeed::Entropy
    }

    fn asks_confidence(&self) -> bool {
        true
    }
}

fn threshold(candidates: &[Candidate], context: StepContext<'_>) -> Vec<Commit> {
    let settings = context.settings;
    let bound = f64::from(settings.entropy_threshold);
    let is_within = |entropy: f64| match settings.sampler {
        SamplerStyle::Gumbel => entropy <= bound,
        SamplerStyle::Filtered => entropy < bound,
    };
    let open = || candidates.iter().filter(|candidate| !candidate.suppressed);
    let within: Vec<Commit> = open()
        .filter(|candidate| is_within(candidate.entropy))
        .map(|candidate| candidate.commit(Reason::Entropy))
        .collect();
    if !within.is_empty() {
        return within;
    }
    match open().min_by(|a, b| a.entropy.total_cmp(&b.entropy)) {
        Some(least) => vec![least.commit(Reason::BestOfStep)],
        None => best(candidates, context),
    }
}

/// The EB-Sampler (arXiv 2505.24857): the longest run of the best proposals whose entropies, but for the largest of
/// them, add up to no more than the bound. That sum bounds what a step loses by drawing its tokens independently.
#[derive(Debug, Clone)]
pub(super) struct EntropyBound;

impl CommitRule for EntropyBound {
    fn select(&mut self, scored: Scored<'_>, context: StepContext<'_>) -> Delta {
        bound(scored.masked, context).into()
    }

    fn row_need(&self) -> RowNeed {
        RowNeed::Entropy
    }
}

fn bound(candidates: &[Candidate], context: StepContext<'_>) -> Vec<Commit> {
    let bound = f64::from(context.settings.entropy_bound);
    let (mut others, mut largest) = (0.0, f64::NEG_INFINITY);
    let is_within = |candidate: &&Candidate| {
        // The largest so far stays out of the sum; a larger one takes its place and puts it in.
        if candidate.entropy > largest {
            others += if largest.is_finite() { largest } else { 0.0 };
            largest = candidate.entropy;
        } else {
            others += candidate.entropy;
        }
        others <= bound
    };
    let open = candidates.iter().filter(|candidate| !candidate.suppressed && candidate.entropy.is_finite());
    let run: Vec<&Candidate> = best_first(open, context).into_iter().take_while(is_within).collect();
    match run[..] {
        [] | [_] => best(candidates, context),
        _ => run.into_iter().map(|candidate| candidate.commit(Reason::Entropy)).collect(),
    }
}
