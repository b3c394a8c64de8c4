//! The figures of a run: sums over its log.

use serde::Serialize;

use super::Log;
use crate::decode::record::{Cost, Reason, Verdict};

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
    /// Masks that are left.
    pub masked: usize,
    /// Drafts that the guide judged.
    pub judged: usize,
    /// Drafts that the guide accepted.
    pub accepted: usize,
    /// Steps in which the guide was asked.
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
    /// Of the first `steps` steps of `log`.
    pub fn of(log: &Log, steps: usize) -> Self {
        let mut figures = Self { steps: steps.min(log.len()), ..Self::default() };
        for entry in log.entries().iter().take(steps) {
            figures.cost += entry.record.cost;
            if let Some(review) = &entry.record.guide {
                figures.reviews += 1;
                figures.accepted += review.accepted;
                figures.judged += review.drafts.iter().filter(|draft| draft.verdict != Verdict::NotReached).count();
                figures.forced += usize::from(review.accepted == 0 && !review.drafts.is_empty());
            }
            figures.remasked += entry.record.remasked.len();
            figures.edited += entry.record.commits.iter().filter(|commit| commit.reason == Reason::Edit).count();
            for audited in entry.record.audit.iter().flat_map(|report| &report.positions) {
                figures.audited += 1;
                figures.flips += usize::from(audited.differs);
                figures.mean_kl += f64::from(audited.kl);
            }
        }
        figures.mean_kl = ratio(figures.mean_kl, figures.audited as f64);
        let header = log.header();
        let generated = log.canvas(steps).ids.get(header.prompt_ids.len()..).unwrap_or_default();
        figures.masked = generated.iter().filter(|id| **id == header.mask_id).count();
        figures.ends = generated.iter().filter(|id| header.is_end(**id)).count();
        figures.tokens =
            generated.iter().take_while(|id| !header.is_end(**id)).filter(|id| **id != header.mask_id).count();
        figures
    }

    /// Seconds that the steps took.
    pub fn seconds(&self) -> f64 {
        self.cost.total_us() as f64 / 1e6
    }

    /// Tokens before end of text per forward of the denoiser.
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

fn ratio(part: f64, whole: f64) -> f64 {
    if whole > 0.0 { part / whole } else { 0.0 }
}
