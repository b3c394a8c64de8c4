//! WINO, Wide-In Narrow-Out (arXiv 2507.18578): draft generously, verify, take back.
//!
//! Wide in: every proposal at the threshold is committed, but not too many at once. Narrow out: a token that the rest of
//! the canvas would not have written (its probability with itself left out, see `leave_one_out.rs`) is masked again; always
//! fewer than were committed in the same step, so that a step never loses ground.

use super::{CommitRule, Delta, Limits, Rescore, Scored, StepContext, best, best_first};
use crate::{
    decode::{
        cache,
        proposal::Candidate,
        record::{Commit, Reason},
    },
    settings::{AttentionChoice, Settings},
};

/// The rule.
#[derive(Debug, Clone)]
pub(super) struct WideIn;

impl CommitRule for WideIn {
    fn select(&mut self, scored: Scored<'_>, context: StepContext<'_>) -> Delta {
        let commits = wide_in(scored.masked, context);
        let remasked = narrow_out(scored, commits.len().saturating_sub(1), context);
        Delta { commits, remasked }
    }

    fn rescoring(&self, settings: &Settings) -> Rescore {
        if settings.narrow_out > 0.0 { Rescore::LeaveOneOut } else { Rescore::No }
    }

    fn asks_confidence(&self) -> bool {
        true
    }

    fn conflict(&self, settings: &Settings, limits: &Limits) -> Option<String> {
        if !cache::policy(settings.cache).allows().leave_one_out {
            return Some(format!(
                "unmask 'wino' verifies tokens against a block and masks that are computed afresh, and cache is '{}': set \
                 cache to 'off' or 'fast-prefix', or choose another unmask rule",
                settings.cache.word()
            ));
        }
        if settings.cfg_scale > 0.0 {
            return Some(format!(
                "unmask 'wino' asks one stream for its verdicts, and cfg-scale {} mixes two: set cfg-scale to 0, or choose \
                 another unmask rule",
                settings.cfg_scale
            ));
        }
        if settings.attention == AttentionChoice::BlockCausal {
            return Some(
                "unmask 'wino' decides itself who attends to whom, and attention is 'block-causal': set attention to \
                 'own', or choose another unmask rule"
                    .to_owned(),
            );
        }
        // Behind the canvas, K/V buffers have room for as much again as the context; the shadow takes up to two blocks.
        let Limits { prompt, gen_length, max_positions, .. } = *limits;
        let block = settings.block_length.unwrap_or(gen_length);
        (prompt + gen_length + 2 * block > 2 * max_positions).then(|| {
            let most = (2 * max_positions - prompt - gen_length) / 2;
            format!(
                "unmask 'wino' computes a shadow of the block behind the canvas, and a block-length of {block} leaves no \
                 room for it in the model's context of {max_positions}: set block-length to at most {most}"
            )
        })
    }
}

/// What a step commits at most, as in the released code: seven tenths of the block's masks, but no fewer than 5 and no
/// more than 20.
fn most(masked: usize) -> usize {
    (masked * 7 / 10).clamp(5, 20)
}

/// What the step writes: the best proposals at the threshold, at least one.
fn wide_in(masked: &[Candidate], context: StepContext<'_>) -> Vec<Commit> {
    let threshold = context.settings.threshold;
    let passed = best_first(masked.iter().filter(|candidate| candidate.reaches(threshold)), context);
    let commit = |candidate: &Candidate| candidate.commit(candidate.reason_or_credit(threshold, Reason::WideIn));
    let commits: Vec<Commit> = passed.into_iter().take(most(context.masked_in_block())).map(commit).collect();
    if commits.is_empty() { best(masked, context) } else { commits }
}

/// What it masks again, ascending: the most doubtful tokens below the threshold that are not pinned, at most `most` of
/// them.
fn narrow_out(scored: Scored<'_>, most: usize, context: StepContext<'_>) -> Vec<usize> {
    let threshold = context.settings.narrow_out;
    let mut doubtful: Vec<(f32, usize)> = scored
        .rescored
        .iter()
        .map(|rescored| (rescored.current_probability, rescored.candidate.proposal.position))
        .filter(|(probability, position)| *probability < threshold && !context.canvas.is_pinned(*position))
        .collect();
    doubtful.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    doubtful.truncate(most);
    let mut remasked: Vec<usize> = doubtful.into_iter().map(|(_, position)| position).collect();
    remasked.sort_unstable();
    remasked
}

#[cfg(test)]
mod tests {
    use super::most;

    #[test]
    fn few_masks_are_no_limit_and_many_are_limited() {
        assert_eq!([1, 7, 8, 10, 29, 30, 64].map(most), [5, 5, 5, 7, 20, 20, 20]);
    }
}
