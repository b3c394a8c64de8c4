//! Learn2PD (arXiv 2509.25188, released `generate.py`): what a filter takes for final, and the quota of the step.
//!
//! The filter reads the confidences of the whole block, those of the proposals at committed positions included. What has
//! none counts as certain: positions behind the end of the canvas (the last block may be short), and committed ones that
//! a cache did not compute.

use std::collections::BTreeSet;

use super::{Scored, pace::quota, take};
use crate::decode::{
    filter::{BLOCK, Filter},
    moment::StepContext,
    record::{Commit, Reason},
};

/// The commits of a step.
pub(super) fn select(filter: &Filter, scored: Scored<'_>, moment: StepContext<'_>) -> Vec<Commit> {
    let start = moment.schedule.region().start;
    let mut confidences = [1.0; BLOCK];
    let standing = scored.standing.iter().map(|standing| &standing.candidate);
    for proposal in scored.masked.iter().chain(standing).map(|candidate| &candidate.proposal) {
        if let Some(confidence) = confidences.get_mut(proposal.position - start) {
            *confidence = proposal.confidence;
        }
    }
    let finality = filter.probabilities(&confidences);
    let is_final = |position: usize| {
        finality.get(position - start).is_some_and(|finality| *finality > moment.settings.filter_threshold)
    };
    let mut commits: Vec<Commit> = scored
        .masked
        .iter()
        .filter(|candidate| !candidate.suppressed && is_final(candidate.proposal.position))
        .map(|candidate| candidate.commit(Reason::Filter))
        .collect();
    let taken: BTreeSet<usize> = commits.iter().map(|commit| commit.position).collect();
    let usual = take(quota(moment), Reason::Quota, scored.masked, moment);
    commits.extend(usual.into_iter().filter(|commit| !taken.contains(&commit.position)));
    commits
}
