//! Slot 6, guide: the longest run of drafts that a small autoregressive model agrees with.
//!
//! Guided Diffusion (FlashDLM, arXiv 2505.21467, §3.2.2; released assisted sampler): the denoiser drafts every masked
//! position greedily; the guide reads the drafts in one causal pass and only says how many of them, from the left, it
//! accepts. It never writes. Where it accepts none, the first draft is committed all the same, so every step
//! commits at least one token and quality stays the denoiser's. In the *speculative* variant of the same repository the
//! guide's own token is written in place of the first rejected draft, and the denoiser only drafts.
//!
//! | file | question |
//! |---|---|
//! | `rules.rs` | is a draft accepted, and what would the guide write instead? |
//! | `text.rs` | how are drafts verified by a guide of another vocabulary? |
//! | `shadow.rs` | what would the guide say of a step in which it has no say? |
//!
//! Left-to-right commits leave the masks as a suffix. A guide that is switched on in the middle of a run may find
//! committed tokens between masks: it reads them as they are and verifies the drafts only.

mod rules;
mod shadow;
mod text;

use std::{ops::Range, sync::Arc};

pub use self::text::{GuideText, SpelledToken};
use self::{
    rules::{DraftCheck, Target, Verification, Verifier},
    text::Transcript,
};
use super::{
    Limits,
    clock::Clock,
    context::StepContext,
    decoder::DecodeError,
    proposal::Candidate,
    record::{Commit, Cost, DraftReview, GuideReading, GuideReview, Reason, Verdict},
};
use crate::{
    model::network::{Bank, Logits, Network, Pass, Read},
    settings::{GuideMismatch, GuideRule, SamplerStyle, Settings},
};

/// The guide of a run.
#[derive(Clone)]
pub(super) struct Guide {
    reader: GuideReader,
    /// What it has read while it only looked on: rows of their own, so that a run is the same with it and without.
    onlooker: GuideReader,
    /// Tokens of the denoiser that end a text.
    ends: Vec<u32>,
    /// Tokens of the denoiser; the guide's own, where they are others, are reported as ids behind them.
    vocab: u32,
    /// How it reads the denoiser's text; `None` where it reads the denoiser's ids.
    text: Option<Arc<dyn GuideText>>,
}

/// The rows of logits that drafts were drawn from, for rules that weigh them: `(position, row)`.
pub(super) type DraftRows<'a> = &'a [(usize, Vec<f32>)];

/// Whether a rule weighs the denoiser's rows against the guide's.
pub(super) fn weighs_rows(settings: &Settings) -> bool {
    settings.guide == GuideRule::Product
}

/// Whether drafts are always the most likely tokens. All published rules draft greedily but the product of experts,
/// whose draws are coupled by their noise.
pub(super) fn drafts_greedily(settings: &Settings) -> bool {
    !matches!(settings.guide, GuideRule::Off | GuideRule::Product)
}

/// Why the guide's rule does not go together with the other settings, the models or the prompt, if so.
pub(super) fn conflict(settings: &Settings, limits: &Limits) -> Option<String> {
    if settings.guide == GuideRule::Off {
        return shadow::conflict(settings, limits);
    }
    if settings.shadow_guide != GuideRule::Off {
        return Some(format!(
            "shadow-guide is '{}' and guide is '{}', which decides already: set one of them to 'off'",
            settings.shadow_guide.word(),
            settings.guide.word()
        ));
    }
    let rule = settings.guide.word();
    if !limits.has_guide {
        return Some(format!("guide is '{rule}' but no guide model is loaded: load one, or set guide to 'off'"));
    }
    if limits.prompt == 0 {
        return Some(format!(
            "guide '{rule}' judges drafts by what stands before them, and there is no prompt: set guide to 'off', or type a \
             prompt"
        ));
    }
    let is_drawn = settings.sampler == SamplerStyle::Filtered && settings.temperature > 0.0;
    (settings.guide == GuideRule::Product && is_drawn).then(|| {
        "guide 'product' draws drafts and product with the same Gumbel noise, and sampler is 'filtered': set \
         sampler to 'gumbel', or temperature to 0"
            .to_owned()
    })
}

/// How far a review got.
struct ReviewOutcome {
    /// Drafts accepted, from the left.
    accepted: usize,
    /// What the guide would write in place of the next one, and how likely it holds that; `None` where it rejected
    /// nothing.
    instead: Option<(u32, f32)>,
}

impl Guide {
    /// A guide that has read nothing, beside a denoiser of `vocab` tokens, some of which (`ends`) end a text.
    pub fn new(vocab: usize, ends: Vec<u32>) -> Self {
        let onlooker = GuideReader { bank: Bank::Audit, ..GuideReader::default() };
        Self { reader: GuideReader::default(), onlooker, ends, vocab: vocab as u32, text: None }
    }

    /// Counts `ends` as tokens that end a text.
    pub fn set_ends(&mut self, ends: Vec<u32>) {
        self.ends = ends;
    }

    /// Has the guide read text instead of ids.
    pub fn read_text(&mut self, text: Box<dyn GuideText>) {
        self.text = Some(text.into());
    }

    /// Why `settings` ask for what this guide cannot do, if they do.
    pub fn conflict(&self, settings: &Settings) -> Option<String> {
        self.text.as_ref()?;
        let (asked, found, way_out) = if settings.guide == GuideRule::Product {
            ("mixes the distributions of denoiser and guide", "guide 'product'", "set guide to another rule")
        } else if settings.guide != GuideRule::Off && settings.guide_mismatch == GuideMismatch::Guide {
            ("writes the guide's own tokens", "guide-mismatch 'guide'", "set guide-mismatch to 'draft'")
        } else {
            return None;
        };
        Some(format!(
            "{found} {asked}, and the guide has another vocabulary: {way_out}, or choose a guide that shares it"
        ))
    }

    /// Has `network` review the drafts of `candidates` (masked positions of the block, ascending, at least one).
    pub fn review(
        &mut self,
        network: &mut dyn Network,
        context: StepContext<'_>,
        candidates: &[Candidate],
        rows: DraftRows<'_>,
        clock: &dyn Clock,
        cost: &mut Cost,
    ) -> Result<(GuideReview, Vec<Commit>), DecodeError> {
        let began = clock.now();
        let draft = |Candidate { proposal, .. }: &Candidate| unjudged(proposal.position, proposal.token);
        let mut drafts: Vec<DraftReview> = candidates.iter().map(draft).collect();
        let drafted = with_drafts(context, &drafts);
        self.reader.forwards.clear();
        let outcome = match &self.text {
            None => verify_ids(&mut self.reader, network, context, &drafted, &mut drafts, rows, &self.ends)?,
            Some(text) => {
                let transcript = Transcript::new(&**text, context.canvas.prompt(), &drafted, &drafts, &self.ends)?;
                transcript.verify(&mut self.reader, network, context, &mut drafts, self.vocab)?
            }
        };
        let commits = decide(&mut drafts, candidates, &outcome, context);
        let forwards = std::mem::take(&mut self.reader.forwards);
        cost.guide_forwards += forwards.len() as u32;
        cost.guide_computed += forwards.iter().sum::<usize>() as u32;
        cost.guide_us += clock.micros_since(began);
        Ok((GuideReview { drafts, accepted: outcome.accepted, forwards, reading: self.reading() }, commits))
    }

    fn reading(&self) -> GuideReading {
        if self.text.is_some() { GuideReading::Text } else { GuideReading::Ids }
    }
}

/// A draft before the guide has looked at it.
fn unjudged(position: usize, draft: u32) -> DraftReview {
    DraftReview { position, draft, verdict: Verdict::NotReached, view: None, instead: None }
}

/// The canvas with drafts in place of masks.
fn with_drafts(context: StepContext<'_>, drafts: &[DraftReview]) -> Vec<u32> {
    let mut drafted = context.canvas.ids().to_vec();
    for draft in drafts {
        drafted[draft.position] = draft.draft;
    }
    drafted
}

/// What is verified of drafts whose ids the guide reads: one check per draft.
fn checks<'a>(drafts: &[DraftReview], rows: DraftRows<'a>, ends: &'a [u32]) -> Vec<DraftCheck<'a>> {
    let check = |draft: &DraftReview| {
        let target = if ends.contains(&draft.draft) { Target::AnyOf(ends) } else { Target::Token(draft.draft) };
        let own = rows.binary_search_by_key(&draft.position, |(position, _)| *position).ok();
        DraftCheck { target, address: draft.position, own: own.map(|at| &*rows[at].1) }
    };
    drafts.iter().map(check).collect()
}

/// Verifies drafts by their ids.
fn verify_ids(
    reader: &mut GuideReader,
    network: &mut dyn Network,
    context: StepContext<'_>,
    drafted: &[u32],
    drafts: &mut [DraftReview],
    rows: DraftRows<'_>,
    ends: &[u32],
) -> Result<ReviewOutcome, DecodeError> {
    let mut verifier = Verifier::new(context);
    let places: Vec<usize> = drafts.iter().map(|draft| draft.position).collect();
    let checks = checks(drafts, rows, ends);
    let mut instead = None;
    let accepted = reader.verify(network, drafted, &places, &checks, &mut verifier, |index, verification| {
        let draft = &mut drafts[index];
        let Verification { accepted, view, instead: other } = verification;
        draft.view = Some(view);
        if !accepted {
            instead = Some(other);
            draft.instead = Some(other.0).filter(|other| *other != view.token);
        }
        accepted
    })?;
    Ok(ReviewOutcome { accepted, instead })
}

/// Fills in the verdicts, and says what is written. An end of text that the guide would write before a pinned token is not
/// accepted.
fn decide(
    drafts: &mut [DraftReview],
    candidates: &[Candidate],
    outcome: &ReviewOutcome,
    context: StepContext<'_>,
) -> Vec<Commit> {
    let ReviewOutcome { accepted, instead } = *outcome;
    let agreed = |candidate: &Candidate| candidate.commit(Reason::GuideAgreed);
    let mut commits: Vec<Commit> = candidates[..accepted].iter().map(agreed).collect();
    drafts[..accepted].iter_mut().for_each(|draft| draft.verdict = Verdict::Agreed);
    let (Some(next), Some(candidate)) = (drafts.get_mut(accepted), candidates.get(accepted)) else {
        return commits;
    };
    let is_barred = |token: &u32| context.bars_ends(next.position) && context.ends.contains(token);
    let writes = context.settings.guide_mismatch == GuideMismatch::Guide;
    match instead.filter(|(token, _)| writes && !is_barred(token)) {
        Some((token, confidence)) => {
            next.verdict = Verdict::Replaced;
            commits.push(Commit { position: next.position, token, confidence, reason: Reason::GuideWrote });
        }
        None if accepted == 0 => {
            next.verdict = Verdict::Forced;
            commits.push(candidate.commit(Reason::Forced));
        }
        None if instead.is_some() => next.verdict = Verdict::Rejected,
        None => {}
    }
    commits
}

/// What the guide has read: its K/V rows hold exactly these tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct GuideReader {
    read: Vec<u32>,
    /// Where those rows are.
    bank: Bank,
    /// Tokens that were fed in each pass of the review under way.
    forwards: Vec<usize>,
}

impl GuideReader {
    /// Verifies the tokens at `places` (ascending, none of them the first) given all tokens before them; returns how many
    /// were accepted before the first that was not. A place may be one past the last token.
    ///
    /// Reads some tokens at a time, until one is rejected. `take` is given the index of the place and the `verifier`'s
    /// result for its check, and returns whether to continue.
    fn verify(
        &mut self,
        network: &mut dyn Network,
        tokens: &[u32],
        places: &[usize],
        checks: &[DraftCheck<'_>],
        verifier: &mut Verifier<'_>,
        mut take: impl FnMut(usize, Verification) -> bool,
    ) -> Result<usize, DecodeError> {
        let (Some(first), Some(last)) = (places.first().copied(), places.last().copied()) else { return Ok(0) };
        let vocab = network.spec().vocab_size;
        // A token that the guide has no word for can be verified (and rejected), but not be read.
        let last = tokens[..last].iter().position(|token| *token as usize >= vocab).unwrap_or(last);
        if last < first {
            return Ok(0);
        }
        // A row predicts the token to its right, so reading starts one token left of the first place.
        let mut start = first - 1;
        self.rewind(network, tokens, start);
        self.feed(network, tokens, self.read.len()..start, &[])?;
        let mut accepted = 0;
        while start < last {
            let end = (start + verifier.batch()).min(last);
            let verified: Vec<usize> =
                places[accepted..].iter().take_while(|place| **place <= end).map(|place| place - 1 - start).collect();
            let logits = self.feed(network, tokens, start..end, &verified)?;
            let checks = &checks[accepted..accepted + verified.len()];
            let rows = verifier.read_rows(&logits, checks)?;
            for (row, check) in checks.iter().enumerate() {
                if !take(accepted, verifier.verify_row(&rows, row, *check)) {
                    return Ok(accepted);
                }
                accepted += 1;
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
            if self.bank == Bank::Run {
                network.crop(common);
            }
        }
    }

    /// Feeds the tokens of `range`, which continue what was read, and returns the `wanted` rows of them.
    fn feed(
        &mut self,
        network: &mut dyn Network,
        tokens: &[u32],
        range: Range<usize>,
        wanted: &[usize],
    ) -> Result<Logits, DecodeError> {
        if range.is_empty() {
            return Ok(Logits::new(network.spec().vocab_size, Vec::new()));
        }
        let ids = &tokens[range.clone()];
        let positions: Vec<usize> = range.clone().collect();
        let pass = Pass { bank: self.bank, ..Pass::new(ids, &positions, Read::UpTo(range.end), wanted) };
        let logits = network.forward(pass)?;
        self.read.extend_from_slice(ids);
        self.forwards.push(ids.len());
        Ok(logits)
    }
}
