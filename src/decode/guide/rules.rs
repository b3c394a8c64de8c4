//! When the guide accepts a draft, and what it would write instead.
//!
//! The rules are the released `sampling_strategy` choices of FlashDLM's guided decoder, and the product of experts of
//! APD (arXiv 2506.00413): with `p_T ∝ p_D^R · p_G^(1−R)`, a draft drawn from the denoiser's `p_D` with Gumbel noise is
//! accepted if a draw from `p_T` with the *same* noise gives the same token. R = 1 accepts everything, R = 0 is agreement
//! with the guide's own draw, and at temperature 0 most likely tokens are compared.

use std::slice;

use crate::{
    decode::{
        context::StepContext,
        decoder::DecodeError,
        noise::{Purpose, gumbel},
        numbers,
        proposal::{best, finite, softmax},
        record::GuideView,
    },
    model::network::{Logits, Reduce, RowSummary, TokenRank},
    settings::GuideRule,
};

/// The network that is named where its rows hold no numbers.
const GUIDE: &str = "guide";
/// Rule `aggressive`: a draft among this many most likely tokens is accepted.
const AGGRESSIVE_TOP: u32 = 5;
/// Rule `aggressive`: so is one that is more likely than this.
const AGGRESSIVE_PROBABILITY: f64 = 0.05;
/// Rule `aggressive`: and so is one among the most likely tokens that hold this mass.
const AGGRESSIVE_MASS: f64 = 0.95;

/// What would count as agreement.
#[derive(Debug, Clone, Copy)]
pub(super) enum Target<'a> {
    /// This token.
    Token(u32),
    /// Any of these: tokens that end a text are one another's equals (FlashDLM's exchange of `<|endoftext|>` and
    /// `<|im_end|>`).
    AnyOf(&'a [u32]),
}

impl Target<'_> {
    fn tokens(&self) -> &[u32] {
        match self {
            Self::Token(token) => slice::from_ref(token),
            Self::AnyOf(tokens) => tokens,
        }
    }
}

/// A draft to be verified.
#[derive(Debug, Clone, Copy)]
pub(super) struct DraftCheck<'a> {
    pub target: Target<'a>,
    /// Where it stands, for the noise.
    pub address: usize,
    /// The row of logits that the draft was drawn from, where the rule weighs it.
    pub own: Option<&'a [f32]>,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Verification {
    pub accepted: bool,
    pub view: GuideView,
    /// What would be written in the draft's place, and how likely the guide holds that.
    pub instead: (u32, f32),
}

/// The guide's rows, as far as the rule in force has to see them.
#[derive(Debug)]
pub(super) enum GuideRows<'a> {
    /// Whole.
    Rows(&'a Logits),
    /// In a few numbers each, beside the size of the guide's vocabulary.
    Summaries(Vec<RowSummary>, usize),
}

/// Verifies drafts by the rule in force; keeps its buffers between them.
pub(super) struct Verifier<'a> {
    context: StepContext<'a>,
    probabilities: Vec<f64>,
    uniforms: Vec<f64>,
}

impl<'a> Verifier<'a> {
    pub fn new(context: StepContext<'a>) -> Self {
        Self { context, probabilities: Vec::new(), uniforms: Vec::new() }
    }

    /// How many tokens the guide reads before it is asked.
    pub fn batch(&self) -> usize {
        self.context.settings.verify_batch
    }

    /// Reads the guide's rows, one per check, as far as the rule has to: rules that compare ranks or single probabilities
    /// need no distribution.
    pub fn read_rows<'b>(&self, logits: &'b Logits, checks: &[DraftCheck<'_>]) -> Result<GuideRows<'b>, DecodeError> {
        match self.context.settings.guide {
            GuideRule::Aggressive | GuideRule::Chance | GuideRule::Product => {
                logits.fetch()?;
                numbers::check(GUIDE, logits.soundness(), self.context.step)?;
                Ok(GuideRows::Rows(logits))
            }
            GuideRule::Off
            | GuideRule::Deterministic
            | GuideRule::TopK
            | GuideRule::TopKRelative
            | GuideRule::Probability => {
                let asked: Vec<&[u32]> = checks.iter().map(|check| check.target.tokens()).collect();
                // The second is for when the first is the mask, which is never written.
                let reduce = Reduce { excluded: None, top: 2, asked: &asked };
                let summaries = logits.summaries(reduce)?;
                numbers::check(GUIDE, summaries.iter().map(|summary| summary.is_sound), self.context.step)?;
                Ok(GuideRows::Summaries(summaries, logits.vocab()))
            }
        }
    }

    /// Verifies a draft by the guide's row of that index.
    pub fn verify_row(&mut self, rows: &GuideRows<'_>, row: usize, check: DraftCheck<'_>) -> Verification {
        match rows {
            GuideRows::Rows(logits) => self.verify_logits(logits.row(row), check),
            GuideRows::Summaries(summaries, vocab) => self.verify_summary(&summaries[row], *vocab, check),
        }
    }

    fn verify_summary(&self, row: &RowSummary, vocab: usize, check: DraftCheck<'_>) -> Verification {
        let likeliest = |(a, one): &(&u32, &TokenRank), (b, other): &(&u32, &TokenRank)| {
            one.probability.total_cmp(&other.probability).then(b.cmp(a))
        };
        let ranked = check.target.tokens().iter().zip(&row.asked).max_by(likeliest);
        let best = row.top.first().map_or((0, 0.0), |best| (best.id, best.probability as f32));
        let view = GuideView {
            token: best.0,
            top_probability: best.1,
            draft_probability: ranked.map_or(0.0, |(_, rank)| rank.probability as f32),
            rank: ranked.map_or(vocab, |(_, rank)| rank.rank) as u32,
        };
        let mask = self.context.canvas.mask();
        let instead = row.top.iter().find(|choice| choice.id != mask);
        let instead = instead.map_or((0, 0.0), |choice| (choice.id, choice.probability as f32));
        let accepted =
            ranked.is_some_and(|(token, _)| (*token as usize) < vocab && self.accepts(view, *token, instead.0, check));
        Verification { accepted, view, instead }
    }

    /// Verifies a draft by the guide's row of logits for its place.
    fn verify_logits(&mut self, row: &[f32], check: DraftCheck<'_>) -> Verification {
        softmax(row, 1.0, &mut self.probabilities);
        let token = match check.target {
            Target::Token(token) => token,
            // The likeliest of them stands for all; where there is none, a token outside of every vocabulary.
            Target::AnyOf(tokens) => tokens
                .iter()
                .copied()
                .max_by(|a, b| self.probability(*a).total_cmp(&self.probability(*b)).then(b.cmp(a)))
                .unwrap_or(u32::MAX),
        };
        let view = view(&self.probabilities, token);
        let instead = self.instead(row, check);
        let is_known = (token as usize) < row.len();
        let accepted = is_known && self.accepts(view, token, instead, check);
        Verification { accepted, view, instead: (instead, self.probability(instead) as f32) }
    }

    fn probability(&self, token: u32) -> f64 {
        self.probabilities.get(token as usize).copied().unwrap_or(0.0)
    }

    /// Whether the rule in force accepts (released `sampling_strategy` in brackets).
    fn accepts(&self, view: GuideView, token: u32, instead: u32, check: DraftCheck<'_>) -> bool {
        let settings = self.context.settings;
        let among_top_k = (view.rank as usize) < settings.guide_top_k;
        match settings.guide {
            GuideRule::Off => false,
            GuideRule::Deterministic => view.rank == 0,
            GuideRule::TopK => among_top_k,
            // [topk_relative]
            GuideRule::TopKRelative => {
                among_top_k && view.draft_probability >= settings.guide_ratio * view.top_probability
            }
            // [dynamic_threshold]
            GuideRule::Probability => view.draft_probability > settings.guide_probability,
            GuideRule::Aggressive => {
                let probability = self.probability(token);
                view.rank < AGGRESSIVE_TOP
                    || probability > AGGRESSIVE_PROBABILITY
                    || self.mass_before(token) <= AGGRESSIVE_MASS
            }
            // [original]
            GuideRule::Chance => {
                self.context.noise.uniform(Purpose::Accept, self.context.step, check.address) < self.probability(token)
            }
            GuideRule::Product => match check.target {
                Target::Token(token) => instead == token,
                Target::AnyOf(tokens) => tokens.contains(&instead),
            },
        }
    }

    /// Probability of all tokens that rank before `token`.
    fn mass_before(&self, token: u32) -> f64 {
        let own = self.probability(token);
        let before = |(id, p): &(usize, &f64)| **p > own || (**p == own && (*id as u32) < token);
        self.probabilities.iter().enumerate().filter(before).map(|(_, p)| p).sum()
    }

    /// What the guide would write: its most likely token, its draw under a rule of chance, the draw from the product.
    /// Never the mask.
    fn instead(&mut self, row: &[f32], check: DraftCheck<'_>) -> u32 {
        let StepContext { settings, noise, step, canvas, .. } = self.context;
        let (weight, temperature, purpose) = match settings.guide {
            GuideRule::Chance => (0.0, 1.0, Purpose::GuideToken),
            // The noise of the draft itself.
            GuideRule::Product => (f64::from(settings.guide_mixture), f64::from(settings.temperature), Purpose::Token),
            _ => (0.0, 0.0, Purpose::GuideToken),
        };
        let own = check.own.unwrap_or_default();
        let width = row.len().max(own.len());
        if temperature > 0.0 {
            self.uniforms.resize(width, 0.0);
            noise.fill(purpose, step, check.address, &mut self.uniforms);
        }
        let logit = |logits: &[f32], id: usize| logits.get(id).map_or(f64::NEG_INFINITY, |logit| finite(*logit));
        // A weight of 0 leaves an expert out, however confident.
        let term = |weight: f64, logit: f64| if weight == 0.0 { 0.0 } else { weight * logit };
        let value = |id: usize| {
            let noise = if temperature > 0.0 { temperature * gumbel(self.uniforms[id]) } else { 0.0 };
            (id, term(weight, logit(own, id)) + term(1.0 - weight, logit(row, id)) + noise)
        };
        best((0..width).map(value), canvas.mask())
    }
}

/// The guide's distribution at a draft.
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::{
        decode::{canvas::Canvas, noise::Seeded, schedule::Schedule},
        model::network::Alignment,
        settings::Settings,
    };

    const MASK: u32 = 9;

    /// The verification of one draft; logits are the logarithms of the given probabilities.
    fn verified(
        settings: &Settings,
        probabilities: &[f32],
        target: Target<'_>,
        own: &[f32],
        step: usize,
    ) -> Verification {
        let canvas = Canvas::new(&[1], 4, MASK);
        let schedule = Schedule::new(&canvas, settings);
        let (noise, alignment) = (&Seeded(settings.seed), Alignment::Shifted);
        let context = StepContext { noise, step, alignment, ..StepContext::of(settings, &canvas, &schedule) };
        let logits = |probabilities: &[f32]| probabilities.iter().map(|p| p.ln()).collect::<Vec<f32>>();
        let own = logits(own);
        Verifier::new(context).verify_logits(&logits(probabilities), DraftCheck { target, address: 3, own: Some(&own) })
    }

    fn accepts(guide: GuideRule, probabilities: &[f32], draft: u32) -> bool {
        verified(&Settings { guide, ..Settings::default() }, probabilities, Target::Token(draft), &[], 0).accepted
    }

    #[test]
    fn rules_follow_their_definitions() {
        let p = [0.5, 0.3, 0.15, 0.05];
        assert!(accepts(GuideRule::Deterministic, &p, 0) && !accepts(GuideRule::Deterministic, &p, 1));
        assert!(accepts(GuideRule::TopK, &p, 1) && !accepts(GuideRule::TopK, &p, 2));
        assert!(accepts(GuideRule::TopKRelative, &p, 1) && !accepts(GuideRule::TopKRelative, &[0.7, 0.3], 1));
        assert!(accepts(GuideRule::Probability, &p, 2) && !accepts(GuideRule::Probability, &p, 3));
        let flat = [0.4, 0.2, 0.15, 0.1, 0.09, 0.03, 0.02, 0.006, 0.004];
        assert!(accepts(GuideRule::Aggressive, &flat, 4), "by rank");
        assert!(accepts(GuideRule::Aggressive, &flat, 5), "by mass: 0.94 stands before it");
        assert!(!accepts(GuideRule::Aggressive, &flat, 6));
        let wide: Vec<f32> = (0..10).map(|_| 0.1).collect();
        assert!(accepts(GuideRule::Aggressive, &wide, 8), "by probability");
    }

    #[test]
    fn a_draft_outside_of_the_guides_vocabulary_is_rejected() {
        let settings = Settings { guide: GuideRule::TopKRelative, guide_ratio: 0.0, ..Settings::default() };
        let unknown = verified(&settings, &[0.6, 0.4], Target::Token(7), &[], 0);
        assert_eq!((unknown.view.draft_probability, unknown.view.rank, unknown.accepted), (0.0, 2, false));
    }

    #[test]
    fn equal_probabilities_rank_by_id() {
        assert_eq!(view(&[0.5, 0.5], 1).rank, 1);
        assert_eq!(view(&[0.5, 0.5], 0).rank, 0);
    }

    #[test]
    fn any_end_of_text_agrees_with_any_other() {
        let settings = Settings { guide: GuideRule::Deterministic, ..Settings::default() };
        let p = [0.1, 0.2, 0.7];
        assert!(!verified(&settings, &p, Target::Token(1), &[], 0).accepted);
        let ends = verified(&settings, &p, Target::AnyOf(&[1, 2]), &[], 0);
        assert_eq!((ends.accepted, ends.view.rank, ends.view.draft_probability), (true, 0, 0.7));
        assert!(!verified(&settings, &p, Target::AnyOf(&[0, 1]), &[], 0).accepted);
        assert!(!verified(&settings, &p, Target::AnyOf(&[50, 40]), &[], 0).accepted);
    }

    #[test]
    fn chance_accepts_as_often_as_the_guide_finds_likely() {
        let settings = Settings { guide: GuideRule::Chance, ..Settings::default() };
        let p = [0.25, 0.75];
        let verified: Vec<Verification> =
            (0..4000).map(|step| verified(&settings, &p, Target::Token(0), &[], step)).collect();
        let share = |count: usize| count as f64 / verified.len() as f64;
        let accepted = share(verified.iter().filter(|verification| verification.accepted).count());
        let drawn = share(verified.iter().filter(|verification| verification.instead.0 == 0).count());
        assert!((accepted - 0.25).abs() < 0.03 && (drawn - 0.25).abs() < 0.03, "{accepted} {drawn}");
    }

    #[test]
    fn a_product_mixes_its_experts() {
        let (guide, own) = ([0.8, 0.05, 0.15], [0.15, 0.05, 0.8]);
        let at = |mixture: f32| {
            let settings = Settings { guide: GuideRule::Product, guide_mixture: mixture, ..Settings::default() };
            verified(&settings, &guide, Target::Token(2), &own, 0)
        };
        assert_eq!((at(1.0).accepted, at(1.0).instead.0), (true, 2));
        assert_eq!((at(0.0).accepted, at(0.0).instead.0), (false, 0));
        assert!(at(0.6).accepted && !at(0.4).accepted);
        let certain = [0.0, 0.0, 1.0];
        let settings = Settings { guide: GuideRule::Product, guide_mixture: 1.0, ..Settings::default() };
        assert!(verified(&settings, &[1.0, 0.0, 0.0], Target::Token(2), &certain, 0).accepted);
    }

    #[test]
    fn a_summary_is_verified_as_its_row_is() {
        let distributions: [&[f32]; 4] =
            [&[0.5, 0.3, 0.15, 0.05], &[0.25, 0.25, 0.25, 0.25], &[0.0, 0.1, 0.9, 0.0], &[0.01, 0.02, 0.03, 0.94]];
        let targets =
            [Target::Token(1), Target::Token(7), Target::AnyOf(&[3, 2]), Target::AnyOf(&[9, 2]), Target::AnyOf(&[])];
        let rules = [GuideRule::Deterministic, GuideRule::TopK, GuideRule::TopKRelative, GuideRule::Probability];
        for guide in rules {
            let settings = Settings { guide, guide_probability: 0.2, ..Settings::default() };
            // The mask is one of the guide's own tokens here.
            let canvas = Canvas::new(&[1], 4, 2);
            let schedule = Schedule::new(&canvas, &settings);
            let alignment = Alignment::Shifted;
            let context = StepContext { alignment, ..StepContext::of(&settings, &canvas, &schedule) };
            let mut verifier = Verifier::new(context);
            for row in distributions {
                let row: Vec<f32> = row.iter().map(|p| p.ln()).collect();
                let logits = Logits::new(row.len(), row.clone());
                for target in targets {
                    let check = DraftCheck { target, address: 3, own: None };
                    let rows = verifier.read_rows(&logits, &[check]).unwrap();
                    assert!(matches!(rows, GuideRows::Summaries(..)));
                    let (found, expected) = (verifier.verify_row(&rows, 0, check), verifier.verify_logits(&row, check));
                    let probabilities = |verification: &Verification| {
                        [verification.view.top_probability, verification.view.draft_probability, verification.instead.1]
                    };
                    assert_eq!(
                        (found.accepted, found.view.token, found.instead.0),
                        (expected.accepted, expected.view.token, expected.instead.0)
                    );
                    for (a, b) in probabilities(&found).iter().zip(probabilities(&expected)) {
                        assert!((a - b).abs() < 1e-6, "{found:?}, expected {expected:?}");
                    }
                    if !target.tokens().is_empty() {
                        assert_eq!(found.view.rank, expected.view.rank, "{target:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn the_mask_is_never_written_by_the_guide() {
        for guide in [GuideRule::Deterministic, GuideRule::Chance, GuideRule::Product] {
            let mut p = vec![0.001; 10];
            p[MASK as usize] = 0.991;
            let settings = Settings { guide, guide_mixture: 0.0, ..Settings::default() };
            assert_ne!(verified(&settings, &p, Target::Token(1), &p, 0).instead.0, MASK);
        }
    }
}
