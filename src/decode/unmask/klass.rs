//! KLASS (arXiv 2511.05664, released `llada_klass.py` and `dream_klass.py`): commit what is confident *and* stable, which
//! is where `KL(p_now ‖ p_before)` stayed below a threshold for the last few steps; the best one where nothing is.
//!
//! A cache may leave a position out of a step: its distribution is then compared with the last one at hand. Before a
//! position was compared often enough it is not stable. The released code asks that also of the block: nothing is stable
//! before its `kl-history`-th step.

use std::collections::{BTreeMap, VecDeque};

use super::{CommitRule, Delta, RowNeed, Scored, StepContext, best, best_first, confidence::factor_run};
use crate::{
    decode::{
        proposal::{Candidate, softmax},
        record::{Commit, Reason},
    },
    settings::ConfidenceTest,
};

/// Divergences that are remembered per position: as many as `kl-history` may ask for.
const LONGEST_HISTORY: usize = 16;

/// Added inside the logarithms of the released code, so that an impossible token contributes nothing.
const EPSILON: f64 = 1e-12;

/// The rule, with what it has seen of the masked positions.
#[derive(Debug, Clone, Default)]
pub(super) struct Klass(KlHistory);

impl CommitRule for Klass {
    fn select(&mut self, scored: Scored<'_>, context: StepContext<'_>) -> Delta {
        let commits = self.0.confident_and_stable(scored.masked, context);
        let commits = if commits.is_empty() { best(scored.masked, context) } else { commits };
        for commit in &commits {
            self.0.seen.remove(&commit.position);
        }
        commits.into()
    }

    fn row_need(&self) -> RowNeed {
        RowNeed::Whole
    }

    fn observe(&mut self, candidate: &mut Candidate, row: &[f32]) {
        candidate.proposal.moved = self.0.observe(candidate.proposal.position, row);
    }

    fn edited(&mut self, positions: &[usize]) {
        self.0.seen.retain(|position, _| positions.binary_search(position).is_err());
    }

    fn asks_confidence(&self) -> bool {
        true
    }

    fn memory(&self) -> usize {
        self.0.seen.values().map(|seen| size_of_val(&seen.distribution[..])).sum()
    }
}

/// How the distributions of the masked positions moved from step to step.
#[derive(Debug, Clone, Default)]
struct KlHistory {
    seen: BTreeMap<usize, PositionHistory>,
    probabilities: Vec<f64>,
}

#[derive(Debug, Clone, Default)]
struct PositionHistory {
    /// The last distribution. f32, because there is one for every mask of the canvas.
    distribution: Vec<f32>,
    /// Divergences from step to step, the newest last.
    divergences: VecDeque<f64>,
}

impl KlHistory {
    /// Notes the row of a masked position; returns how far its distribution moved, where it was seen before.
    fn observe(&mut self, position: usize, row: &[f32]) -> Option<f32> {
        softmax(row, 1.0, &mut self.probabilities);
        let seen = self.seen.entry(position).or_default();
        let moved = (!seen.distribution.is_empty()).then(|| divergence(&self.probabilities, &seen.distribution));
        seen.distribution.clear();
        seen.distribution.extend(self.probabilities.iter().map(|p| *p as f32));
        if let Some(moved) = moved {
            seen.divergences.push_back(moved);
            if seen.divergences.len() > LONGEST_HISTORY {
                seen.divergences.pop_front();
            }
        }
        moved.map(|moved| moved.min(f64::from(f32::MAX)) as f32)
    }

    /// The confident ones among the stable candidates.
    fn confident_and_stable(&self, candidates: &[Candidate], context: StepContext<'_>) -> Vec<Commit> {
        let threshold = context.settings.threshold;
        let stable = candidates.iter().filter(|candidate| self.is_stable(candidate, context));
        match context.settings.klass_test {
            ConfidenceTest::Threshold => stable
                .filter(|candidate| candidate.reaches(threshold))
                .map(|candidate| candidate.commit(candidate.reason_or_credit(threshold, Reason::Stable)))
                .collect(),
            ConfidenceTest::Factor => factor_run(&best_first(stable, context), context, Reason::Stable),
        }
    }

    fn is_stable(&self, candidate: &Candidate, context: StepContext<'_>) -> bool {
        let history = context.settings.kl_history;
        let bound = f64::from(context.settings.kl_threshold);
        let Some(PositionHistory { divergences, .. }) = self.seen.get(&candidate.proposal.position) else {
            return false;
        };
        context.schedule.step + 1 >= history
            && divergences.len() >= history
            && divergences.iter().rev().take(history).all(|moved| *moved < bound)
    }
}

/// `KL(now ‖ before)`; infinite where nothing has a probability, because nothing is known then.
fn divergence(now: &[f64], before: &[f32]) -> f64 {
    let term = |(now, before): (&f64, &f32)| now * ((now + EPSILON).ln() - (f64::from(*before) + EPSILON).ln());
    let mass: f64 = now.iter().sum();
    if mass > 0.0 { now.iter().zip(before).map(term).sum() } else { f64::INFINITY }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_change_does_not_move() {
        let mut history = KlHistory::default();
        assert_eq!(history.observe(3, &[1.0, 2.0, 3.0]), None);
        let moved = history.observe(3, &[1.0, 2.0, 3.0]).expect("seen before");
        assert!(moved.abs() < 1e-6, "{moved}");
        assert_eq!(history.observe(4, &[1.0, 2.0, 3.0]), None);
    }

    #[test]
    fn a_move_is_the_divergence_of_now_from_before() {
        let mut history = KlHistory::default();
        history.observe(0, &[0.0, 0.0]);
        let moved = f64::from(history.observe(0, &[3f32.ln(), 0.0]).expect("seen before"));
        let expected = 0.75 * (0.75f64 / 0.5).ln() + 0.25 * (0.25f64 / 0.5).ln();
        assert!((moved - expected).abs() < 1e-6, "{moved}");
        assert_eq!(history.observe(0, &[f32::NAN; 2]), Some(f32::MAX));
    }
}
