//! Learn2PD (arXiv 2509.25188, released `generate.py`): what a trained filter takes for final, and the quota of the step.
//!
//! The filter reads the confidences of the whole block, those of the proposals at committed positions included. What has
//! none counts as certain: positions behind the end of the canvas (the last block may be short), and committed ones that
//! a cache did not compute.

use std::collections::BTreeSet;

use super::{CommitRule, Delta, Limits, Rescore, Scored, StepContext, fixed_rate::quota, take};
use crate::{
    decode::{
        filter::{BLOCK, Filter},
        record::{Commit, Reason},
    },
    settings::{ScheduleChoice, Settings},
};

/// The rule; the filter comes with the context of each step.
#[derive(Debug, Clone)]
pub(super) struct LearnedFilter;

impl CommitRule for LearnedFilter {
    fn select(&mut self, scored: Scored<'_>, context: StepContext<'_>) -> Delta {
        let usual = take(quota(context), Reason::Quota, scored.masked, context);
        // Without a filter the rule commits its quota.
        let mut commits = context.filter.map_or_else(Vec::new, |filter| finals(filter, scored, context));
        let taken: BTreeSet<usize> = commits.iter().map(|commit| commit.position).collect();
        commits.extend(usual.into_iter().filter(|commit| !taken.contains(&commit.position)));
        commits.into()
    }

    fn rescoring(&self, _settings: &Settings) -> Rescore {
        Rescore::InPlace
    }

    fn conflict(&self, settings: &Settings, _limits: &Limits) -> Option<String> {
        if settings.block_length != Some(BLOCK) {
            let found = settings.block_length.map_or("'whole'".to_owned(), |length| length.to_string());
            return Some(format!(
                "unmask 'filter' reads blocks of {BLOCK}, for which filters are trained, and block-length is \
                 {found}: set block-length to {BLOCK}, or choose another unmask rule"
            ));
        }
        (settings.schedule != ScheduleChoice::Blocks).then(|| {
            format!(
                "unmask 'filter' reads whole blocks of {BLOCK}, and schedule '{}' makes blocks of other lengths: \
                 set schedule to 'blocks', or choose another unmask rule",
                settings.schedule.word()
            )
        })
    }

    fn lacks(&self, filter: Option<&Filter>) -> Option<String> {
        filter.is_none().then(|| {
            "unmask 'filter' asks a filter that was trained on the denoiser, and there is none: train one with \
             `diffuscope train-filter` and name it with --filter, or choose another unmask rule"
                .into()
        })
    }
}

/// The proposals that the filter takes for final.
fn finals(filter: &Filter, scored: Scored<'_>, context: StepContext<'_>) -> Vec<Commit> {
    let start = context.schedule.region().start;
    let mut confidences = [1.0; BLOCK];
    let rescored = scored.rescored.iter().map(|rescored| &rescored.candidate);
    for proposal in scored.masked.iter().chain(rescored).map(|candidate| &candidate.proposal) {
        if let Some(confidence) = confidences.get_mut(proposal.position - start) {
            *confidence = proposal.confidence;
        }
    }
    let finality = filter.probabilities(&confidences);
    let is_final = |position: usize| {
        finality.get(position - start).is_some_and(|finality| *finality > context.settings.filter_threshold)
    };
    scored
        .masked
        .iter()
        .filter(|candidate| !candidate.suppressed && is_final(candidate.proposal.position))
        .map(|candidate| candidate.commit(Reason::Filter))
        .collect()
}
