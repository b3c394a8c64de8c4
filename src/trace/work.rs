//! How much the passes of a run did: counts from which its arithmetic follows, once the shapes of the networks are known.

use std::ops::{AddAssign, Sub};

use super::{Figures, Header, ModelCard};
use crate::decode::record::{Cost, GuideReview, KvStatus, StepRecord};

/// What passes did, beside the positions that they computed, and how long steps took in which nothing was reused.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Work {
    /// Pairs of a position that the denoiser computed and a K/V row that the step attends to.
    pub pairs: u64,
    /// Positions that the denoiser made proposals for.
    pub scored: u32,
    /// Pairs of a position that the guide computed and a K/V row that it attends to.
    pub guide_pairs: u64,
    /// Drafts that the guide looked at.
    pub guide_scored: u32,
    /// Steps in which every row was computed that is attended to.
    pub whole_steps: u32,
    /// What they took without the guide, microseconds.
    pub whole_us: u64,
}

impl Work {
    /// Milliseconds of a step in which every row was computed, without its guide; `None` where there was none that could be
    /// timed.
    pub fn whole_ms(&self) -> Option<f64> {
        (self.whole_us > 0).then(|| self.whole_us as f64 / 1e3 / f64::from(self.whole_steps))
    }
}

impl AddAssign<&StepRecord> for Work {
    fn add_assign(&mut self, record: &StepRecord) {
        let live = record.kv.iter().filter(|row| row.status != KvStatus::Dropped).count() as u64;
        let cost = &record.cost;
        self.pairs = self.pairs.saturating_add(u64::from(cost.computed).saturating_mul(live));
        self.scored = self.scored.saturating_add(record.proposals.len() as u32);
        if let Some(review) = &record.guide {
            self.guide_pairs = self.guide_pairs.saturating_add(causal_pairs(review));
            self.guide_scored = self.guide_scored.saturating_add(looked_at(review) as u32);
        }
        if cost.reused == 0 && cost.computed > 0 {
            self.whole_steps += 1;
            self.whole_us = self.whole_us.saturating_add(cost.denoiser_us).saturating_add(cost.other_us);
        }
    }
}

impl Sub for Work {
    type Output = Self;

    /// What was added since `before`.
    fn sub(self, before: Self) -> Self {
        Self {
            pairs: self.pairs - before.pairs,
            scored: self.scored - before.scored,
            guide_pairs: self.guide_pairs - before.guide_pairs,
            guide_scored: self.guide_scored - before.guide_scored,
            whole_steps: self.whole_steps - before.whole_steps,
            whole_us: self.whole_us - before.whole_us,
        }
    }
}

fn looked_at(review: &GuideReview) -> usize {
    review.drafts.iter().filter(|draft| draft.view.is_some()).count()
}

/// Each pass of a guide ends at the last draft that it looks at, and each of its rows attends to itself and to all before it.
fn causal_pairs(review: &GuideReview) -> u64 {
    let end = review.drafts.first().map_or(0, |draft| draft.position + looked_at(review));
    let pairs = |fed: &usize| {
        let (fed, end) = (*fed as u64, end.max(*fed) as u64);
        fed.saturating_mul(end) - fed.saturating_mul(fed.saturating_sub(1)) / 2
    };
    review.forwards.iter().map(pairs).fold(0, u64::saturating_add)
}

impl Figures {
    /// Floating-point operations of the denoiser and of a guide that has a say; `None` where the header does not tell the
    /// shape of one that computed something.
    ///
    /// For each network, `rows · layers · row + pairs · layers · pair + scored · logits`, with the operations of a row, a
    /// pair and a row of logits that [`NetworkShape`](crate::model::shape::NetworkShape) counts. Rows are the computed
    /// positions, pairs those of a computed position with each K/V row that the step attends to. Audits and guides that only look
    /// on are left out, as in all figures. Beside what the networks really do, a few rows of the last layer are counted too
    /// many (those whose logits nobody wants), and the second row of logits of classifier-free guidance too few.
    pub fn flops(&self, header: &Header) -> Option<f64> {
        let Work { pairs, scored, guide_pairs, guide_scored, .. } = self.work;
        let denoiser = operations(&header.denoiser, self.cost.computed, pairs, scored)?;
        let guide = match &header.guide {
            _ if self.cost.guide_computed == 0 => 0.0,
            Some(guide) => operations(guide, self.cost.guide_computed, guide_pairs, guide_scored)?,
            None => return None,
        };
        Some(denoiser + guide)
    }
}

/// How a card calls the device whose times follow from the work, not from a clock.
pub const MODELLED: &str = "modelled";

/// What a step would cost on a machine that does `rate` floating-point operations a second and nothing else that takes time:
/// the record's own counts, with times that are the same wherever it was made. A network whose shape the header does not
/// tell takes none.
///
/// The operations are those of [`Figures::flops`]. An audit computes every position of the canvas; a guide that only
/// looks on is counted as one that has a say.
pub fn modelled_cost(record: &StepRecord, header: &Header, rate: f64) -> Cost {
    let mut work = Work::default();
    work += record;
    let micros = |flops: Option<f64>| flops.map_or(0, |flops| (flops / rate * 1e6).round() as u64);
    let cost = record.cost;
    let canvas = record.kv.len() as u32;
    let audited = canvas.saturating_mul(cost.audit_forwards);
    let audit =
        || operations(&header.denoiser, audited, u64::from(audited) * u64::from(canvas), record.proposals.len() as u32);
    let shadow = |review: &GuideReview| {
        let rows = review.forwards.iter().sum::<usize>() as u32;
        operations(header.guide.as_ref()?, rows, causal_pairs(review), looked_at(review) as u32)
    };
    let guide = |guide| operations(guide, cost.guide_computed, work.guide_pairs, work.guide_scored);
    Cost {
        denoiser_us: micros(operations(&header.denoiser, cost.computed, work.pairs, work.scored)),
        guide_us: micros(header.guide.as_ref().and_then(guide)),
        other_us: 0,
        audit_us: micros(audit()),
        shadow_us: micros(record.shadow.as_ref().and_then(shadow)),
        ..cost
    }
}

fn operations(card: &ModelCard, rows: u32, pairs: u64, scored: u32) -> Option<f64> {
    let (shape, layers) = (card.shape?, card.layers as f64);
    let body = f64::from(rows) * shape.row_flops() + pairs as f64 * shape.pair_flops();
    Some(layers * body + f64::from(scored) * shape.logits_flops())
}
