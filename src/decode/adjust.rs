//! Slot 3, adjust: what happens to a row of logits before a token is drawn from it.
//!
//! In this order: classifier-free guidance, tokens that are not proposed, credit. What ends a text is not proposed before a
//! pinned token.
//!
//! - *Classifier-free guidance* (LLaDA, released `generate.py`): a second stream sees the canvas with its prompt masked,
//!   and the logits move away from what it says, `ℓ = ℓ∅ + (scale + 1)·(ℓ − ℓ∅)`. Both streams are one pass of a batch of
//!   two.
//! - *Credit* (CreditDecoding, arXiv 2510.06133; decoder of the dInfer repository): see [`Credits`].

use std::{collections::BTreeMap, slice};

use super::{
    Limits,
    context::StepContext,
    proposal::{Candidate, Proposer},
    record::Credit,
};
use crate::settings::{CacheChoice, CreditRule, EosStop, Settings};

/// The ids that the unconditional stream is fed for those of the positions `query`: the prompt is masked.
pub(super) fn without_prompt(query: &[usize], context: StepContext<'_>) -> Vec<u32> {
    let id = |position: &usize| {
        if *position < context.canvas.prompt() { context.canvas.mask() } else { context.canvas.ids()[*position] }
    };
    query.iter().map(id).collect()
}

/// The row that tokens are drawn from, credit left aside: `row`, moved away from what the `unconditional` stream says,
/// without the tokens that are not proposed at `position`. `buffer` holds it where it differs from `row`.
pub(super) fn guided<'a>(
    row: &'a [f32],
    unconditional: Option<&[f32]>,
    position: usize,
    context: StepContext<'_>,
    buffer: &'a mut Vec<f32>,
) -> &'a [f32] {
    let settings = context.settings;
    let ban: &[u32] = if context.bars_ends(position) {
        context.ends
    } else if settings.eos_ban {
        slice::from_ref(&context.eos)
    } else {
        &[]
    };
    if unconditional.is_none() && ban.is_empty() {
        return row;
    }
    buffer.clear();
    match unconditional {
        Some(unconditional) => {
            let away = |(logit, without): (&f32, &f32)| without + (settings.cfg_scale + 1.0) * (logit - without);
            buffer.extend(row.iter().zip(unconditional).map(away));
        }
        None => buffer.extend_from_slice(row),
    }
    for token in ban {
        if let Some(logit) = buffer.get_mut(*token as usize) {
            *logit = f32::NEG_INFINITY;
        }
    }
    buffer
}

/// Why the settings of this slot do not go together with each other or with the cache, if so.
pub(super) fn conflict(settings: &Settings, _limits: &Limits) -> Option<String> {
    if settings.cfg_scale > 0.0 && settings.cache != CacheChoice::Off {
        return Some(format!(
            "cfg-scale {} needs a second pass without the prompt, whose K/V rows no cache keeps, and cache is '{}': \
             set cache to 'off', or cfg-scale to 0",
            settings.cfg_scale,
            settings.cache.word()
        ));
    }
    if settings.eos_ban && settings.eos_stop != EosStop::Off {
        return Some(format!(
            "eos-stop '{}' waits for an end of text that eos-ban never lets through: set eos-stop to 'off', or \
             eos-ban to off",
            settings.eos_stop.word()
        ));
    }
    (settings.eos_ban && settings.eos_last).then(|| {
        "eos-last puts end of text behind the rest, and eos-ban never lets it through: choose one of them".to_owned()
    })
}

/// What the masked positions of the block were likeliest to hold in its steps so far.
///
/// In every step that scores a position, the credits of its tokens shrink to a share β, its likeliest token (probability
/// `p`) gains `p^γ`, and `α·ln(1 + credit)` is added to the logits: the odds of a token are multiplied by
/// `(1 + credit)^α`. A position that a cache leaves out of a step keeps its credits as they are.
#[derive(Debug, Clone, Default)]
pub(super) struct Credits {
    /// By position, then by token.
    given: BTreeMap<usize, BTreeMap<u32, f64>>,
    row: Vec<f32>,
}

/// The coefficients of a step.
#[derive(Debug, Clone, Copy, PartialEq)]
struct CreditWeights {
    /// α.
    fusion: f64,
    /// β.
    decay: f64,
    /// γ.
    power: f64,
}

impl CreditWeights {
    /// `None` where no credit is given.
    fn of(context: StepContext<'_>) -> Option<Self> {
        let settings = context.settings;
        match settings.credit {
            CreditRule::Off => None,
            CreditRule::Fixed => Some(Self {
                fusion: f64::from(settings.credit_weight),
                decay: f64::from(settings.credit_decay),
                power: f64::from(settings.credit_power),
            }),
            // The variant without parameters: all follow the masked share η, which is taken over the block here, as
            // the credits are.
            CreditRule::MaskRate => {
                let region = context.schedule.region();
                let settled = 1.0 - context.masked_in_block() as f64 / (region.end - region.start).max(1) as f64;
                Some(Self { fusion: settled, decay: settled, power: 1.0 })
            }
        }
    }
}

impl Credits {
    /// Bytes of memory that the credits take.
    pub fn memory(&self) -> usize {
        self.given.values().map(|credits| credits.len() * size_of::<(u32, f64)>()).sum()
    }

    /// A block was opened: the credits of the one before are void.
    pub fn open_block(&mut self) {
        self.given.clear();
    }

    /// The tokens at `positions` were changed by hand: their credits are void.
    pub fn edited(&mut self, positions: &[usize]) {
        self.given.retain(|position, _| positions.binary_search(position).is_err());
    }

    /// The candidate after credit, given the one from the same `row` before it.
    pub fn fuse(
        &mut self,
        raw: Candidate,
        row: &[f32],
        proposer: &mut Proposer<'_>,
        context: StepContext<'_>,
    ) -> Candidate {
        let position = raw.proposal.position;
        let region = context.schedule.region();
        let Some(weights) = CreditWeights::of(context).filter(|_| (region.start..region.end).contains(&position))
        else {
            return raw;
        };
        let credits = self.given.entry(position).or_default();
        for credit in credits.values_mut() {
            *credit *= weights.decay;
        }
        if let Some((likeliest, probability)) = raw.proposal.alternatives.first() {
            *credits.entry(*likeliest).or_default() += f64::from(*probability).powf(weights.power);
        }
        self.row.clear();
        self.row.extend_from_slice(row);
        for (token, credit) in &*credits {
            self.row[*token as usize] += (weights.fusion * credit.ln_1p()) as f32;
        }
        let mut fused = proposer.propose(position, &self.row);
        let amount = credits.get(&fused.proposal.token).copied().unwrap_or(0.0) as f32;
        let (token, confidence) = (raw.proposal.token, raw.proposal.confidence);
        fused.proposal.credit = Some(Credit { amount, token, confidence });
        fused
    }
}
