//! A guide without a say: it judges every step of a run that other rules decide, and nothing follows from it.
//!
//! Would the guide have caught a mistake? A guide that decides stops at the first draft that it rejects, because nothing
//! behind it is written. Other rules write anywhere, so here each token that the step writes is judged by itself: given
//! what stands left of it, with the step's drafts in place of masks, as FlashDLM's guide would have read it at that step.
//! The drafts that are not written are judged in the same passes. What lies behind a mask that nothing was proposed for
//! cannot be read, and is not judged.
//!
//! Its K/V rows are its own ([`Bank::Audit`](crate::model::network::Bank::Audit)), and its cost is counted apart: the run
//! is the same with it and without, to the bit.

use std::collections::BTreeMap;

use super::{
    Guide, GuideReader,
    rules::{Verification, Verifier},
    text::Transcript,
    unjudged, with_drafts,
};
use crate::{
    decode::{
        Limits,
        clock::Clock,
        context::StepContext,
        decoder::DecodeError,
        proposal::Candidate,
        record::{Commit, Cost, DraftReview, GuideReview, Verdict},
    },
    model::network::Network,
    settings::{GuideRule, Settings},
};

/// Why a guide cannot look on under these settings, if it is to.
pub(super) fn conflict(settings: &Settings, limits: &Limits) -> Option<String> {
    let rule = match settings.shadow_guide {
        GuideRule::Off => return None,
        rule => rule.word(),
    };
    if !limits.has_guide {
        return Some(format!(
            "shadow-guide is '{rule}' but no guide model is loaded: load one, or set shadow-guide to 'off'"
        ));
    }
    if limits.prompt == 0 {
        return Some(format!(
            "shadow-guide '{rule}' judges tokens by what stands before them, and there is no prompt: set shadow-guide to \
             'off', or type a prompt"
        ));
    }
    (settings.shadow_guide == GuideRule::Product).then(|| {
        "shadow-guide 'product' would draw the drafts together with the guide, and a guide that only looks on draws \
         nothing: set shadow-guide to another rule"
            .to_owned()
    })
}

impl Guide {
    /// Has `network` judge what a step is about to write, and the drafts for the masks beside it. `None` where there is
    /// nothing to judge.
    ///
    /// # Errors
    /// When the network fails, or its rows hold no numbers.
    pub fn look_on(
        &mut self,
        network: &mut dyn Network,
        context: StepContext<'_>,
        masked: &[Candidate],
        commits: &[Commit],
        clock: &dyn Clock,
        cost: &mut Cost,
    ) -> Result<Option<GuideReview>, DecodeError> {
        let began = clock.now();
        let settings = Settings { guide: context.settings.shadow_guide, ..*context.settings };
        let context = StepContext { settings: &settings, ..context };
        let mut drafts = drafts(context, masked, commits);
        let Some(last) = drafts.last().map(|draft| draft.position) else { return Ok(None) };
        let is_drafted = |position: &usize| drafts.binary_search_by_key(position, |draft| draft.position).is_ok();
        let unknown = context.canvas.masked(context.canvas.prompt()..last).find(|position| !is_drafted(position));
        let readable = unknown.map_or(drafts.len(), |unknown| drafts.partition_point(|draft| draft.position < unknown));
        let drafted = with_drafts(context, &drafts);
        // An end of text behind another one is padding, of which a guide says nothing that means anything.
        let ends = &self.ends;
        let is_end = |position: usize| ends.contains(&drafted[position]);
        let is_padding =
            |draft: &DraftReview| is_end(draft.position) && draft.position.checked_sub(1).is_some_and(is_end);
        let readable = drafts[..readable].iter().rposition(|draft| !is_padding(draft)).map_or(0, |last| last + 1);
        self.onlooker.forwards.clear();
        let judged = &mut drafts[..readable];
        match &self.text {
            None => judge_ids(&mut self.onlooker, network, context, &drafted, judged, &self.ends)?,
            Some(text) => {
                let transcript = Transcript::new(&**text, context.canvas.prompt(), &drafted, judged, &self.ends)?;
                transcript.judge(&mut self.onlooker, network, context, judged, self.vocab)?;
            }
        }
        for draft in drafts.iter_mut().filter(|draft| is_padding(draft)) {
            *draft = unjudged(draft.position, draft.draft);
        }
        let forwards = std::mem::take(&mut self.onlooker.forwards);
        cost.shadow_forwards += forwards.len() as u32;
        cost.shadow_us += clock.micros_since(began);
        let accepted = drafts.iter().take_while(|draft| draft.verdict == Verdict::Agreed).count();
        Ok(Some(GuideReview { drafts, accepted, forwards, reading: self.reading() }))
    }
}

/// What is judged, ascending: what is proposed for the masks of the block, and what is written, which counts where it is
/// another token.
fn drafts(context: StepContext<'_>, masked: &[Candidate], commits: &[Commit]) -> Vec<DraftReview> {
    let region = context.schedule.region();
    let in_block = |candidate: &&Candidate| (region.start..region.end).contains(&candidate.proposal.position);
    let proposed = masked.iter().filter(in_block).map(|Candidate { proposal, .. }| (proposal.position, proposal.token));
    let written = commits.iter().map(|commit| (commit.position, commit.token));
    let drafts: BTreeMap<usize, u32> = proposed.chain(written).collect();
    drafts.into_iter().map(|(position, token)| unjudged(position, token)).collect()
}

/// Judges drafts by their ids, each whatever was said of those before it.
fn judge_ids(
    reader: &mut GuideReader,
    network: &mut dyn Network,
    context: StepContext<'_>,
    drafted: &[u32],
    drafts: &mut [DraftReview],
    ends: &[u32],
) -> Result<(), DecodeError> {
    let places: Vec<usize> = drafts.iter().map(|draft| draft.position).collect();
    let checks = super::checks(drafts, &[], ends);
    let mut verifier = Verifier::new(context);
    reader.verify(network, drafted, &places, &checks, &mut verifier, |index, verification| {
        let Verification { accepted, view, instead: (other, _) } = verification;
        let draft = &mut drafts[index];
        draft.verdict = verdict(accepted);
        draft.view = Some(view);
        draft.instead = Some(other).filter(|other| !accepted && *other != view.token);
        true
    })?;
    Ok(())
}

/// What it means that the rule in force accepts a draft or does not, where nothing follows.
pub(super) fn verdict(accepted: bool) -> Verdict {
    if accepted { Verdict::Agreed } else { Verdict::Rejected }
}
