//! The uncached truth beside a cached step: what a cache costs in fidelity.
//!
//! A pass over the whole live canvas into a K/V bank of its own, on the canvas that the step decides on. It changes nothing
//! of the run: neither its rows nor its choices; its cost is counted apart.

use super::{
    clock::Clock,
    context::{self, StepContext},
    decoder::DecodeError,
    numbers,
    proposal::softmax,
    record::{AuditReport, AuditedPosition, Cost, KvStatus, KvUse, RowDrift},
};
use crate::model::network::{Bank, Network, Pass, Read};

/// The rows that the step decided on, kept until the truth is known.
#[derive(Debug, Clone, Default)]
pub(super) struct AuditedRows {
    rows: Vec<(usize, Vec<f32>)>,
}

impl AuditedRows {
    /// Records the row of logits that predicts a masked position.
    pub fn record(&mut self, position: usize, row: &[f32]) {
        self.rows.push((position, row.to_vec()));
    }
}

/// Whether the step is to be audited. Where nothing is reused there is nothing to measure.
pub(super) fn is_due(context: StepContext<'_>) -> bool {
    context.settings.audit.is_some_and(|every| context.step.is_multiple_of(every))
}

/// Computes the truth and compares. `kv` is the step's cache report; `None` where every row was computed in this step.
pub(super) fn audit(
    network: &mut dyn Network,
    audited: AuditedRows,
    kv: &[KvUse],
    context: StepContext<'_>,
    clock: &dyn Clock,
    cost: &mut Cost,
) -> Result<Option<AuditReport>, DecodeError> {
    let live = context.horizon();
    if kv[..live].iter().all(|row| row.status == KvStatus::Recomputed) {
        return Ok(None);
    }
    let began = clock.now();
    let mut rows = audited.rows;
    rows.sort_unstable_by_key(|(position, _)| *position);
    let fed: Vec<usize> = (0..live).collect();
    let (wanted, places) = context::shared(rows.iter().map(|(position, _)| context.source(*position)));
    let pass = Pass::new(&context.canvas.ids()[..live], &fed, Read::UpTo(live), &wanted);
    let truth = network.forward(Pass { mask: context.mask(), bank: Bank::Audit, ..pass })?;
    truth.fetch()?;
    numbers::check("denoiser", truth.soundness(), context.step)?;
    let (mut true_p, mut run_p) = (Vec::new(), Vec::new());
    let compared = rows.iter().zip(places).map(|((position, row), place)| {
        softmax(truth.row(place), 1.0, &mut true_p);
        softmax(row, 1.0, &mut run_p);
        compare(*position, &true_p, &run_p, context.canvas.mask())
    });
    let positions: Vec<AuditedPosition> = compared.collect();

    let reused: Vec<usize> =
        (0..live).filter(|position| matches!(kv[*position].status, KvStatus::Reused | KvStatus::Stale)).collect();
    let drift = if reused.is_empty() { Vec::new() } else { drift(network, &reused)? };
    cost.audit_forwards += 1;
    cost.audit_us += clock.micros_since(began);
    Ok(Some(AuditReport { positions, drift }))
}

fn drift(network: &dyn Network, positions: &[usize]) -> Result<Vec<RowDrift>, DecodeError> {
    let drift = network.drift(positions)?;
    let of = |values: &[f32], index: usize| values.iter().skip(index).step_by(positions.len()).copied().collect();
    let row = |(index, position): (usize, &usize)| RowDrift {
        position: *position,
        keys: of(&drift.keys, index),
        values: of(&drift.values, index),
    };
    Ok(positions.iter().enumerate().map(row).collect())
}

/// The truth against what the run saw at one position. The mask is never a choice, here as in the run.
fn compare(position: usize, truth: &[f64], run: &[f64], mask: u32) -> AuditedPosition {
    let choice = |p: &[f64]| {
        let mut best = (0, f64::NEG_INFINITY);
        for (id, value) in p.iter().enumerate().filter(|(id, _)| *id as u32 != mask) {
            if *value > best.1 {
                best = (id, *value);
            }
        }
        best
    };
    let (token, probability) = choice(truth);
    // Where the run gives no mass at all, the smallest positive number keeps the sum finite.
    let kl: f64 =
        truth.iter().zip(run).filter(|(t, _)| **t > 0.0).map(|(t, r)| t * (t / r.max(f64::MIN_POSITIVE)).ln()).sum();
    AuditedPosition {
        position,
        token: token as u32,
        probability: probability as f32,
        differs: choice(run).0 != token,
        kl: kl.max(0.0) as f32,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_distributions_have_no_divergence() {
        let p = [0.2, 0.5, 0.3];
        let same = compare(4, &p, &p, 9);
        assert_eq!((same.position, same.token, same.differs, same.kl), (4, 1, false, 0.0));
    }

    #[test]
    fn divergence_follows_its_definition() {
        let (truth, run) = ([0.75, 0.25], [0.25, 0.75]);
        let found = compare(0, &truth, &run, 9);
        assert!(found.differs && found.token == 0);
        assert!((f64::from(found.kl) - (0.75 * 3f64.ln() + 0.25 * (1.0 / 3.0f64).ln())).abs() < 1e-6);
    }

    #[test]
    fn impossible_tokens_and_the_mask_keep_it_finite() {
        let found = compare(0, &[0.5, 0.5, 0.0], &[1.0, 0.0, 0.0], 0);
        assert!(found.kl.is_finite() && found.kl > 100.0);
        assert_eq!((found.token, found.differs), (1, false), "among tokens that can be chosen, the first stays");
    }
}
