//! Fast-dLLM++ (arXiv 2606.02955, released `get_transfer_index_frechet_profile`): as many of the most confident proposals
//! as are certain to be the likeliest tokens together, whatever their dependence.
//!
//! Of `n` tokens with confidences `c₁ ≥ … ≥ cₙ`, all are right with a probability of at least `1 − Σ(1 − cⱼ)` (the Fréchet
//! bound), and no other choice of tokens is likelier than `1 − cₙ`. The longest run is committed for which the first
//! exceeds the second by more than the margin. With equal confidences that is the factor rule with a factor of
//! `1 − margin`; where confidences differ it commits more, because the factor rule counts each as the least of them.

use super::{CommitRule, Delta, Scored, StepContext, best, best_first};
use crate::decode::record::{Commit, Reason};

/// The rule.
#[derive(Debug, Clone)]
pub(super) struct Frechet;

impl CommitRule for Frechet {
    fn select(&mut self, scored: Scored<'_>, context: StepContext<'_>) -> Delta {
        let margin = f64::from(context.settings.frechet_margin);
        let (mut doubts, mut largest): (f64, f64) = (0.0, 0.0);
        let mut commits: Vec<Commit> = Vec::new();
        for candidate in best_first(scored.masked.iter().filter(|candidate| !candidate.suppressed), context) {
            // What the confidence must exceed beside those before it.
            let threshold = 1.0 - (1.0 - margin - doubts) / 2.0;
            let doubt = 1.0 - f64::from(candidate.proposal.confidence);
            doubts += doubt;
            largest = largest.max(doubt);
            if 1.0 - doubts - largest <= margin {
                break;
            }
            commits.push(candidate.commit(candidate.reason_or_credit(threshold as f32, Reason::Together)));
        }
        if commits.is_empty() { best(scored.masked, context).into() } else { commits.into() }
    }

    fn asks_confidence(&self) -> bool {
        true
    }
}
