//! Guides of another vocabulary: drafts are verified by the text that they make.
//!
//! FlashDLM reports Qwen2.5 guides for LLaDA, whose vocabularies have nothing in common; its released code maps whole
//! sequences or single tokens through their text, and rows and drafts get out of step where one token becomes
//! several. Here the text of everything up to the last draft is encoded for the guide, the guide verifies its own
//! tokens of it, and a draft is accepted if the guide agreed with every one of its tokens that touches the draft.
//!
//! End of text has no characters, so it is handled apart: text is what stands before the first end, and the guide agrees
//! with an end if its own rule would accept one of its ends there.

use std::ops::Range;

use super::{
    GuideReader, ReviewOutcome,
    rules::{DraftCheck, Target, Verification, Verifier},
    shadow,
};
use crate::{
    decode::{
        context::StepContext,
        decoder::DecodeError,
        record::{DraftReview, GuideView},
    },
    model::network::Network,
};

/// How a guide of another vocabulary reads what the denoiser writes.
pub trait GuideText: Send + Sync {
    /// The text of generated tokens of the denoiser, and where each of them ends in it.
    fn decode(&self, ids: &[u32]) -> (String, Vec<SpelledToken>);

    /// The guide's tokens for the prompt followed by `text`, each with the bytes of `text` that it covers; those of the
    /// prompt cover `0..0`. Tokens that share a character cover all of it.
    ///
    /// # Errors
    /// One sentence, where the text has no encoding.
    fn encode(&self, text: &str) -> Result<Vec<(u32, Range<usize>)>, String>;

    /// The guide's tokens that end a text.
    fn ends(&self) -> &[u32];
}

/// A token of the denoiser in its text, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpelledToken {
    /// Where the characters that end in this token end.
    pub end: usize,
    /// Where the last character ends that it has a part in: beyond `end` where a later token completes it.
    pub reach: usize,
}

/// What the guide reads, and what of it is verified.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Transcript {
    /// The guide's tokens: prompt and text.
    tokens: Vec<u32>,
    /// What is verified, from left to right.
    items: Vec<Item>,
    /// The bytes of text that each draft before the end touches.
    spans: Vec<Range<usize>>,
    /// Bytes of text.
    length: usize,
    /// Whether the draft behind them is an end of text.
    ends: bool,
    /// How many drafts behind the first end are ends as well: nothing but padding.
    padding: usize,
    guide_ends: Vec<u32>,
}

/// Something to verify.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Item {
    /// Its place among the guide's tokens; one past the last for an end of text.
    place: usize,
    /// The bytes of text that it covers; nothing for an end of text.
    span: Range<usize>,
}

impl Transcript {
    /// Of the canvas with its drafts in place, from `prompt` on; `ends` are the denoiser's ends of text.
    pub fn new(
        text: &dyn GuideText,
        prompt: usize,
        drafted: &[u32],
        drafts: &[DraftReview],
        ends: &[u32],
    ) -> Result<Self, DecodeError> {
        let last = drafts.last().map_or(prompt, |draft| draft.position + 1);
        let generated = &drafted[prompt..last];
        let is_end = |id: &u32| ends.contains(id);
        let first_end = generated.iter().position(is_end).unwrap_or(generated.len());
        let (written, spelled) = text.decode(&generated[..first_end]);
        let before = drafts.partition_point(|draft| draft.position < prompt + first_end);
        let span = |draft: &DraftReview| {
            let index = draft.position - prompt;
            let start = index.checked_sub(1).map_or(0, |left| spelled[left].end);
            start..spelled[index].reach
        };
        let spans: Vec<Range<usize>> = drafts[..before].iter().map(span).collect();
        let behind = &drafts[before..];
        let ends_here = behind.first().is_some_and(|draft| draft.position == prompt + first_end);
        let padding = behind[usize::from(ends_here)..].iter().take_while(|draft| is_end(&draft.draft)).count();

        let mut drafted_bytes = vec![false; written.len()];
        for span in &spans {
            drafted_bytes[span.clone()].fill(true);
        }
        let encoded = text
            .encode(&written)
            .map_err(|reason| DecodeError::Unusable(format!("the guide cannot read what was written: {reason}")))?;
        let mut items = Vec::new();
        let mut covered = 0;
        for (place, (_, span)) in encoded.iter().enumerate() {
            // Some tokenizers leave the space before a word out of its token's bytes; it belongs to it all the same.
            let span = span.start.min(covered)..span.end.min(written.len());
            covered = covered.max(span.end);
            if place > 0 && drafted_bytes.get(span.clone()).is_some_and(|bytes| bytes.contains(&true)) {
                items.push(Item { place, span });
            }
        }
        let tokens: Vec<u32> = encoded.into_iter().map(|(id, _)| id).collect();
        if ends_here && !tokens.is_empty() {
            items.push(Item { place: tokens.len(), span: written.len()..written.len() });
        }
        let guide_ends = text.ends().to_vec();
        Ok(Self { tokens, items, spans, length: written.len(), ends: ends_here, padding, guide_ends })
    }

    /// Has the guide verify its tokens; fills in what it saw at each draft. Ids of the guide are reported as ids behind the
    /// `vocab` of the denoiser.
    pub fn verify(
        &self,
        reader: &mut GuideReader,
        network: &mut dyn Network,
        context: StepContext<'_>,
        drafts: &mut [DraftReview],
        vocab: u32,
    ) -> Result<ReviewOutcome, DecodeError> {
        let verified = self.read(reader, network, context, vocab, true)?;
        for (draft, at) in drafts.iter_mut().zip(0..) {
            draft.view = self.item_of(at, verified.len()).map(|item| verified[item].view);
        }
        let agreed = verified.iter().take_while(|item| item.accepted).count();
        let instead = verified.get(agreed).map(|item| item.instead);
        let accepted = self.accepted(agreed);
        if let (Some((other, _)), Some(draft)) = (instead, drafts.get_mut(accepted)) {
            draft.instead = draft.view.and_then(|view| Some(other).filter(|other| *other != view.token));
        }
        Ok(ReviewOutcome { accepted, instead })
    }

    /// Has the guide judge each draft by its own tokens that touch it, whatever it said of those before; fills in verdicts and
    /// what it saw, at the first of them that it rejects, or at the last.
    pub fn judge(
        &self,
        reader: &mut GuideReader,
        network: &mut dyn Network,
        context: StepContext<'_>,
        drafts: &mut [DraftReview],
        vocab: u32,
    ) -> Result<(), DecodeError> {
        let verified = self.read(reader, network, context, vocab, false)?;
        for (draft, at) in drafts.iter_mut().zip(0..) {
            let touching = self.touching(at);
            let Some(items) = verified.get(touching.clone()).filter(|items| !items.is_empty()) else { continue };
            let rejected = items.iter().find(|item| !item.accepted);
            let shown = rejected.or(items.last());
            draft.verdict = shadow::verdict(rejected.is_none());
            draft.view = shown.map(|item| item.view);
            draft.instead = rejected.and_then(|item| Some(item.instead.0).filter(|other| *other != item.view.token));
        }
        Ok(())
    }

    /// Has the guide verify its tokens: one result per item, as far as it read. With `stops`, the first rejected one is the
    /// last.
    fn read(
        &self,
        reader: &mut GuideReader,
        network: &mut dyn Network,
        context: StepContext<'_>,
        vocab: u32,
        stops: bool,
    ) -> Result<Vec<Verification>, DecodeError> {
        // What does not fit into the guide's context is not verified, and so not accepted.
        let longest = network.spec().max_positions;
        let places: Vec<usize> =
            self.items.iter().map(|item| item.place).take_while(|place| *place <= longest).collect();
        let mut verifier = Verifier::new(context);
        let check = |place: &usize| {
            let target = self.tokens.get(*place).map_or(Target::AnyOf(&self.guide_ends), |id| Target::Token(*id));
            DraftCheck { target, address: *place, own: None }
        };
        let checks: Vec<DraftCheck<'_>> = places.iter().map(check).collect();
        let mut verified: Vec<Verification> = Vec::new();
        reader.verify(network, &self.tokens, &places, &checks, &mut verifier, |_, verification| {
            let Verification { accepted, view, instead: (other, probability) } = verification;
            let view = GuideView { token: view.token.saturating_add(vocab), ..view };
            verified.push(Verification { accepted, view, instead: (other.saturating_add(vocab), probability) });
            accepted || !stops
        })?;
        Ok(verified)
    }

    /// How many drafts are accepted where the guide agreed with the first `agreed` items.
    fn accepted(&self, agreed: usize) -> usize {
        let covered = self.items.get(agreed).map_or(self.length, |item| item.span.start);
        let before = self.spans.iter().take_while(|span| span.end <= covered).count();
        if before < self.spans.len() || agreed < self.items.len() {
            return before;
        }
        before + usize::from(self.ends) + self.padding
    }

    /// The items that touch a draft; for padding behind an end of text, those of the end.
    fn touching(&self, draft: usize) -> Range<usize> {
        let is_end = self.ends && draft <= self.spans.len() + self.padding;
        let touches = |item: &Item| match self.spans.get(draft) {
            Some(span) => item.span.start < span.end && span.start < item.span.end,
            None => is_end && item.place == self.tokens.len(),
        };
        let first = self.items.iter().position(touches).unwrap_or(self.items.len());
        first..first + self.items[first..].iter().take_while(|item| touches(item)).count()
    }

    /// The item that shows what the guide predicted at a draft, among the first `verified`: the last that touches it.
    fn item_of(&self, draft: usize, verified: usize) -> Option<usize> {
        let verified = &self.items[..verified];
        match self.spans.get(draft) {
            Some(span) => verified.iter().rposition(|item| item.span.start < span.end && span.start < item.span.end),
            None if self.ends && draft == self.spans.len() => {
                verified.iter().rposition(|item| item.place == self.tokens.len())
            }
            None => None,
        }
    }
}
