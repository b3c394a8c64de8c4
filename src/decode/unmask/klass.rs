//! KLASS (arXiv 2511.05664, released `llada_klass.py` and `dream_klass.py`): commit what is sure *and* has come to rest,
//! which is where `KL(p_now ‖ p_before)` stayed below a threshold for the last few steps; the best one where nothing has.
//!
//! A cache may leave a position out of a step: its distribution is then compared with the last one at hand. Before a
//! position was compared often enough it is not at rest. The released code asks that also of the block: nothing rests
//! before its `kl-history`-th step.

use std::collections::{BTreeMap, VecDeque};

use super::{StepContext, best, best_first, sure::factor_run};
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

/// How the distributions of the masked positions moved from step to step.
#[derive(Debug, Clone, Default)]
pub(super) struct KlHistory {
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
    pub fn observe(&mut self, position: usize, row: &[f32]) -> Option<f32> {
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

    /// The sure ones among the candidates at rest, or the best one.
    pub fn select(&mut self, candidates: &[Candidate], moment: StepContext<'_>) -> Vec<Commit> {
        let settings = moment.settings;
        let at_rest = candidates.iter().filter(|candidate| self.rests(candidate, moment));
        let sure: Vec<Commit> = match settings.klass_test {
            ConfidenceTest::Threshold => at_rest
                .filter(|candidate| candidate.reaches(settings.threshold))
                .map(|candidate| candidate.commit(candidate.owing(settings.threshold, Reason::AtRest)))
                .collect(),
            ConfidenceTest::Factor => factor_run(&best_first(at_rest, moment), moment, Reason::AtRest),
        };
        let commits = if sure.is_empty() { best(candidates, moment) } else { sure };
        for commit in &commits {
            self.seen.remove(&commit.position);
        }
        commits
    }

    fn rests(&self, candidate: &Candidate, moment: StepContext<'_>) -> bool {
        let history = moment.settings.kl_history;
        let bound = f64::from(moment.settings.kl_threshold);
        let Some(PositionHistory { divergences, .. }) = self.seen.get(&candidate.proposal.position) else {
            return false;
        };
        moment.schedule.step + 1 >= history
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
        let mut motion = KlHistory::default();
        assert_eq!(motion.observe(3, &[1.0, 2.0, 3.0]), None);
        let moved = motion.observe(3, &[1.0, 2.0, 3.0]).expect("seen before");
        assert!(moved.abs() < 1e-6, "{moved}");
        assert_eq!(motion.observe(4, &[1.0, 2.0, 3.0]), None);
    }

    #[test]
    fn a_move_is_the_divergence_of_now_from_before() {
        let mut motion = KlHistory::default();
        motion.observe(0, &[0.0, 0.0]);
        let moved = f64::from(motion.observe(0, &[3f32.ln(), 0.0]).expect("seen before"));
        let expected = 0.75 * (0.75f64 / 0.5).ln() + 0.25 * (0.25f64 / 0.5).ln();
        assert!((moved - expected).abs() < 1e-6, "{moved}");
        assert_eq!(motion.observe(0, &[f32::NAN; 2]), Some(f32::MAX));
    }
}
