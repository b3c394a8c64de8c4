//! Slot 6, guide: the longest run of drafts that a small autoregressive model agrees with.
//!
//! Guided Diffusion (FlashDLM, arXiv 2505.21467, §3.2.2; released assisted sampler): the denoiser drafts every masked
//! position greedily; the guide reads the drafts in one causal pass and only says how many of them, from the left, it
//! accepts. It never writes. Where it accepts none, the first draft is committed all the same, so every step
//! commits at least one token and quality stays the denoiser's.
//!
//! Left-to-right commits leave the masks as a suffix. A guide that is switched on in the middle of a run may find
//! committed tokens between masks: it reads them as they are and judges the drafts only.

use super::{
    canvas::Canvas,
    clock::Clock,
    decoder::DecodeError,
    proposal::{Candidate, softmax},
    record::{Commit, Cost, DraftReview, GuideReview, GuideView, Reason, Verdict},
};
use crate::{
    model::network::{Logits, Network, Pass, Read},
    settings::{GuideRule, Settings},
};

/// What the guide has read: its K/V rows hold exactly these tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Guide {
    read: Vec<u32>,
}

impl Guide {
    /// Has `network` judge the drafts of `candidates` (masked positions of the block, ascending, at least one).
    pub fn review(
        &mut self,
        network: &mut dyn Network,
        canvas: &Canvas,
        candidates: &[Candidate],
        settings: &Settings,
        clock: &dyn Clock,
        cost: &mut Cost,
    ) -> Result<(GuideReview, Vec<Commit>), DecodeError> {
        let began = clock.now();
        let mut drafted = canvas.ids().to_vec();
        for Candidate { proposal, .. } in candidates {
            drafted[proposal.position] = proposal.token;
        }
        let mut forwards = Vec::new();
        let mut drafts: Vec<DraftReview> = candidates
            .iter()
            .map(|Candidate { proposal, .. }| DraftReview {
                position: proposal.position,
                draft: proposal.token,
                verdict: Verdict::NotReached,
                view: None,
            })
            .collect();
        let accepted = self.accept(network, &drafted, &mut drafts, settings, &mut forwards)?;

        let committed = &candidates[..accepted.max(1)];
        let reason = if accepted == 0 { Reason::Forced } else { Reason::GuideAgreed };
        let commits = committed.iter().map(|Candidate { proposal, .. }| Commit {
            position: proposal.position,
            token: proposal.token,
            confidence: proposal.confidence,
            reason,
        });
        cost.guide_forwards += forwards.len() as u32;
        cost.guide_computed += forwards.iter().sum::<usize>() as u32;
        cost.guide_us += clock.micros_since(began);
        Ok((GuideReview { drafts, accepted, forwards }, commits.collect()))
    }

    /// Reads drafts in batches until one is rejected; fills in the verdicts and returns how many were accepted.
    fn accept(
        &mut self,
        network: &mut dyn Network,
        drafted: &[u32],
        drafts: &mut [DraftReview],
        settings: &Settings,
        forwards: &mut Vec<usize>,
    ) -> Result<usize, DecodeError> {
        let vocab = network.spec().vocab_size;
        let last = drafts.last().map_or(0, |draft| draft.position);
        // A row predicts the token to its right, so reading starts one position left of the first draft.
        let mut start = drafts[0].position - 1;
        self.rewind(network, drafted, start);
        self.feed(network, drafted, self.read.len()..start, &[], forwards)?;
        let mut probabilities = Vec::new();
        let mut accepted = 0;
        while start < last {
            let mut end = (start + settings.verify_batch).min(last);
            // A draft that the guide has no word for can be judged (and rejected), but not be read.
            if let Some(unknown) = (start + 1..end).find(|position| drafted[*position] as usize >= vocab) {
                end = unknown;
            }
            let judged: Vec<usize> = drafts[accepted..]
                .iter()
                .map(|draft| draft.position)
                .take_while(|position| *position <= end)
                .map(|position| position - 1 - start)
                .collect();
            let logits = self.feed(network, drafted, start..end, &judged, forwards)?;
            for row in 0..judged.len() {
                softmax(logits.row(row), 1.0, &mut probabilities);
                let draft = &mut drafts[accepted];
                let view = view(&probabilities, draft.draft);
                draft.view = Some(view);
                if accepts(view, settings) {
                    draft.verdict = Verdict::Agreed;
                    accepted += 1;
                } else {
                    draft.verdict = if accepted == 0 { Verdict::Forced } else { Verdict::Rejected };
                    return Ok(accepted);
                }
            }
            start = end;
        }
        Ok(accepted)
    }

    /// Forgets what the guide read beyond the longest common prefix with `tokens`, and beyond `limit`.
    fn rewind(&mut self, network: &mut dyn Network, tokens: &[u32], limit: usize) {
        let common = self.read.iter().zip(&tokens[..limit]).take_while(|(read, token)| read == token).count();
        if common < self.read.len() {
            self.read.truncate(common);
            network.crop(common);
        }
    }

    /// Feeds the positions of `range`, which continue what was read, and returns the `wanted` rows of them.
    fn feed(
        &mut self,
        network: &mut dyn Network,
        tokens: &[u32],
        range: std::ops::Range<usize>,
        wanted: &[usize],
        forwards: &mut Vec<usize>,
    ) -> Result<Logits, DecodeError> {
        if range.is_empty() {
            return Ok(Logits::new(network.spec().vocab_size, Vec::new()));
        }
        let ids = &tokens[range.clone()];
        let positions: Vec<usize> = range.clone().collect();
        let pass = Pass::new(ids, &positions, Read::UpTo(range.end), wanted);
        let logits = network.forward(pass)?;
        self.read.extend_from_slice(ids);
        forwards.push(ids.len());
        Ok(logits)
    }
}

/// What the guide thinks of a draft.
fn view(probabilities: &[f64], draft: u32) -> GuideView {
    let draft_probability = probabilities.get(draft as usize).copied().unwrap_or(0.0);
    let (mut token, mut top_probability) = (0, f64::NEG_INFINITY);
    let mut rank = 0;
    for (id, p) in probabilities.iter().enumerate() {
        if *p > top_probability {
            (token, top_probability) = (id as u32, *p);
        }
        // Among equals the lower id ranks first, as in the choice of the most likely token.
        rank += u32::from(*p > draft_probability || (*p == draft_probability && (id as u32) < draft));
    }
    GuideView { token, top_probability: top_probability as f32, draft_probability: draft_probability as f32, rank }
}

/// Whether the guide accepts a draft (released `sampling_strategy` in brackets).
fn accepts(view: GuideView, settings: &Settings) -> bool {
    let among_top_k = (view.rank as usize) < settings.guide_top_k;
    match settings.guide {
        GuideRule::Off => false,
        GuideRule::Deterministic => view.rank == 0,
        GuideRule::TopK => among_top_k,
        // [topk_relative]
        GuideRule::TopKRelative => among_top_k && view.draft_probability >= settings.guide_ratio * view.top_probability,
        // [dynamic_threshold]
        GuideRule::Probability => view.draft_probability > settings.guide_probability,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(rule: GuideRule, probabilities: &[f64], draft: u32) -> bool {
        accepts(view(probabilities, draft), &Settings { guide: rule, ..Settings::default() })
    }

    #[test]
    fn rules_follow_their_definitions() {
        let p = [0.5, 0.3, 0.15, 0.05];
        assert!(judge(GuideRule::Deterministic, &p, 0) && !judge(GuideRule::Deterministic, &p, 1));
        assert!(judge(GuideRule::TopK, &p, 1) && !judge(GuideRule::TopK, &p, 2));
        assert!(judge(GuideRule::TopKRelative, &p, 1) && !judge(GuideRule::TopKRelative, &[0.7, 0.3], 1));
        assert!(judge(GuideRule::Probability, &p, 2) && !judge(GuideRule::Probability, &p, 3));
    }

    #[test]
    fn a_draft_outside_of_the_guides_vocabulary_is_rejected() {
        let unknown = view(&[0.6, 0.4], 7);
        assert_eq!((unknown.draft_probability, unknown.rank), (0.0, 2));
        assert!(!judge(GuideRule::Deterministic, &[0.6, 0.4], 7));
    }

    #[test]
    fn equal_probabilities_rank_by_id() {
        assert_eq!(view(&[0.5, 0.5], 1).rank, 1);
        assert_eq!(view(&[0.5, 0.5], 0).rank, 0);
    }
}
