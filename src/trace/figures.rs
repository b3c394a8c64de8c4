//! The figures of a run: sums over its log.

use serde::Serialize;

use super::{Header, Log, Work, step::Totals};
use crate::decode::record::Cost;

/// Figures of the first steps of a log.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Steps counted.
    pub steps: usize,
    /// Sum of what they cost.
    #[serde(flatten)]
    pub cost: Cost,
    /// Tokens before end of text that the run has decoded: what was given, or written by hand, does not count.
    pub tokens: usize,
    /// Tokens before end of text that were given, or written by hand.
    #[serde(skip_serializing_if = "is_zero")]
    pub given: usize,
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
    /// Written tokens that a guide judged which only looked on.
    pub shadow_judged: usize,
    /// Those of them that it would have accepted.
    pub shadow_accepted: usize,
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
    /// Masks that have become tokens, less those that tokens have become again.
    #[serde(skip)]
    pub filled: usize,
    /// What passes did.
    #[serde(skip)]
    pub work: Work,
}

impl Figures {
    /// Of the first `steps` steps of `log`. The log keeps sums, so only the canvas is walked over.
    pub fn of(log: &Log, steps: usize) -> Self {
        let steps = steps.min(log.len());
        let figures = Self { steps, ..Self::summed(log.totals(steps)) }.with_canvas(&CanvasCount::of(log, steps));
        let Header { gen_length, given, .. } = log.header();
        Self { filled: gen_length.saturating_sub(given.len() + figures.masked), ..figures }
    }

    /// Of the steps after the first `before` ones, up to the `steps`-th: what they cost, wrote and left masked. Where more
    /// was taken back than written, nothing counts as written.
    pub fn between(log: &Log, before: usize, steps: usize) -> Self {
        let steps = steps.min(log.len());
        let before = before.min(steps);
        let (was, is) = (CanvasCount::of(log, before), CanvasCount::of(log, steps));
        let written = CanvasCount {
            tokens: is.tokens.saturating_sub(was.tokens),
            given: is.given.saturating_sub(was.given),
            ends: is.ends.saturating_sub(was.ends),
            masked: is.masked,
        };
        let filled = was.masked.saturating_sub(is.masked);
        Self { filled, ..Self::of_steps(log, before, steps) }.with_canvas(&written)
    }

    /// Of the same steps, but for what stands on the canvas: what they cost, and what guide and audit said.
    pub fn of_steps(log: &Log, before: usize, steps: usize) -> Self {
        let steps = steps.min(log.len());
        let before = before.min(steps);
        Self { steps: steps - before, ..Self::summed(log.totals(steps) - log.totals(before)) }
    }

    fn summed(totals: Totals) -> Self {
        Self {
            cost: totals.cost,
            judged: totals.judged as usize,
            accepted: totals.accepted as usize,
            reviews: totals.reviews as usize,
            forced: totals.forced as usize,
            shadow_judged: totals.shadow_judged as usize,
            shadow_accepted: totals.shadow_accepted as usize,
            remasked: totals.remasked as usize,
            edited: totals.edited as usize,
            audited: totals.audited as usize,
            flips: totals.flips as usize,
            mean_kl: ratio(totals.kl, f64::from(totals.audited)),
            work: totals.work,
            ..Self::default()
        }
    }

    fn with_canvas(self, written: &CanvasCount) -> Self {
        let CanvasCount { tokens, given, ends, masked } = *written;
        Self { tokens, given, ends, masked, ..self }
    }

    /// Positions that the plain sampler computes to fill as many masks of this canvas: all of it for each.
    pub fn plain_rows(&self, header: &Header) -> f64 {
        self.filled as f64 * header.canvas_length() as f64
    }

    /// Milliseconds that a step takes without its guide; `None` without a step that could be measured.
    pub fn own_ms(&self) -> Option<f64> {
        let micros = self.cost.denoiser_us + self.cost.other_us;
        (self.steps > 0 && micros > 0).then(|| micros as f64 / 1e3 / self.steps as f64)
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

    /// Share of the written tokens that a guide which only looked on would have accepted; `None` where it judged none.
    pub fn shadow_acceptance(&self) -> Option<f64> {
        (self.shadow_judged > 0).then(|| ratio(self.shadow_accepted as f64, self.shadow_judged as f64))
    }

    /// Share of canvas positions whose K/V rows were reused rather than computed.
    pub fn reuse(&self) -> f64 {
        ratio(f64::from(self.cost.reused), f64::from(self.cost.reused + self.cost.computed))
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// What stands on a canvas behind the prompt.
#[derive(Default)]
struct CanvasCount {
    /// Tokens before end of text that the run has decoded.
    tokens: usize,
    /// Those that were given, or written by hand.
    given: usize,
    ends: usize,
    masked: usize,
}

impl CanvasCount {
    fn of(log: &Log, steps: usize) -> Self {
        let header = log.header();
        let (canvas, fixed) = (log.canvas(steps), log.fixed(steps));
        let mut count = Self::default();
        let mut has_ended = false;
        for (position, id) in canvas.ids().enumerate().skip(header.prompt_ids.len()) {
            let (is_mask, is_end) = (id == header.mask_id, header.is_end(id));
            has_ended |= is_end && position >= fixed;
            count.masked += usize::from(is_mask);
            count.ends += usize::from(is_end);
            let is_text = !is_mask && !is_end && !has_ended;
            let is_given = is_text && canvas.is_by_hand(position);
            count.given += usize::from(is_given);
            count.tokens += usize::from(is_text && !is_given);
        }
        count
    }
}

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
