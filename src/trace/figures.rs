//! The figures of a run: sums over its log.

use serde::Serialize;

use super::{Log, step::Totals};
use crate::decode::record::Cost;

/// Figures of the first steps of a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Steps counted.
    pub steps: usize,
    /// Sum of what they cost.
    #[serde(flatten)]
    pub cost: Cost,
    /// Tokens committed before end of text.
    pub tokens: usize,
    /// Positions that hold end of text, which adds nothing to the answer.
    pub ends: usize,
    /// Positions that are still masked.
    pub masked: usize,
    /// Drafts that the guide judged.
    pub judged: usize,
    /// Drafts that the guide accepted.
    pub accepted: usize,
    /// Steps in which the guide reviewed drafts.
    pub reviews: usize,
    /// Steps in which the guide accepted nothing.
    pub forced: usize,
    /// Tokens that were masked again.
    pub remasked: usize,
    /// Tokens that were written over other tokens, without a mask between them.
    pub edited: usize,
    /// Masked positions that were audited.
    pub audited: usize,
    /// Audited positions at which the uncached truth has another most likely token.
    pub flips: usize,
    /// Mean divergence from the truth over the audited positions, nats.
    pub mean_kl: f64,
}

impl Figures {
    /// Of the first `steps` steps of `log`. The log keeps sums, so only the canvas is walked over.
    pub fn of(log: &Log, steps: usize) -> Self {
        let steps = steps.min(log.len());
        Self { steps, ..Self::summed(log.totals(steps)) }.with_canvas(&CanvasCount::of(log, steps))
    }

    /// Of the steps after the first `before` ones, up to the `steps`-th: what they cost, wrote and left masked. Where more
    /// was taken back than written, nothing counts as written.
    pub fn between(log: &Log, before: usize, steps: usize) -> Self {
        let steps = steps.min(log.len());
        let before = before.min(steps);
        let (was, is) = (CanvasCount::of(log, before), CanvasCount::of(log, steps));
        let written = CanvasCount {
            tokens: is.tokens.saturating_sub(was.tokens),
            ends: is.ends.saturating_sub(was.ends),
            masked: is.masked,
        };
        Self { steps: steps - before, ..Self::summed(log.totals(steps) - log.totals(before)) }.with_canvas(&written)
    }

    fn summed(totals: Totals) -> Self {
        Self {
            cost: totals.cost,
            judged: totals.judged as usize,
            accepted: totals.accepted as usize,
            reviews: totals.reviews as usize,
            forced: totals.forced as usize,
            remasked: totals.remasked as usize,
            edited: totals.edited as usize,
            audited: totals.audited as usize,
            flips: totals.flips as usize,
            mean_kl: ratio(totals.kl, f64::from(totals.audited)),
            ..Self::default()
        }
    }

    fn with_canvas(self, written: &CanvasCount) -> Self {
        Self { tokens: written.tokens, ends: written.ends, masked: written.masked, ..self }
    }

    /// Seconds that the steps took.
    pub fn seconds(&self) -> f64 {
        self.cost.total_us() as f64 / 1e6
    }

    /// Tokens before end of text per pass of the denoiser.
    pub fn tokens_per_forward(&self) -> f64 {
        ratio(self.tokens as f64, f64::from(self.cost.nfe))
    }

    /// Tokens before end of text per second of decoding.
    pub fn tokens_per_second(&self) -> f64 {
        ratio(self.tokens as f64, self.seconds())
    }

    /// Accepted share of the drafts that the guide judged; `None` where it judged none.
    pub fn acceptance(&self) -> Option<f64> {
        (self.judged > 0).then(|| ratio(self.accepted as f64, self.judged as f64))
    }

    /// Share of canvas positions whose K/V rows were reused rather than computed.
    pub fn reuse(&self) -> f64 {
        ratio(f64::from(self.cost.reused), f64::from(self.cost.reused + self.cost.computed))
    }
}

/// What stands on a canvas behind the prompt.
struct CanvasCount {
    /// Tokens before end of text.
    tokens: usize,
    ends: usize,
    masked: usize,
}

impl CanvasCount {
    fn of(log: &Log, steps: usize) -> Self {
        let header = log.header();
        let mut written = Self { tokens: 0, ends: 0, masked: 0 };
        let mut has_ended = false;
        for id in log.canvas(steps).ids().skip(header.prompt_ids.len()) {
            let (is_mask, is_end) = (id == header.mask_id, header.is_end(id));
            has_ended |= is_end;
            written.masked += usize::from(is_mask);
            written.ends += usize::from(is_end);
            written.tokens += usize::from(!is_mask && !has_ended);
        }
        written
    }
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
