//! Slot 4, unmask: which candidates are committed when no guide decides.

use super::{
    moment::Moment,
    noise::{Purpose, gumbel},
    proposal::Candidate,
    record::{Commit, Reason, Region},
    schedule::Schedule,
};
use crate::settings::UnmaskRule;

/// What a rule sees of a step.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scored<'a> {
    /// Candidates at masked positions of the block, ascending.
    pub masked: &'a [Candidate],
    /// Candidates at committed positions of the block, ascending; only where a rule asked for them.
    pub standing: &'a [Candidate],
}

/// What a step writes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Delta {
    /// Tokens to write, ascending by position: into masks, or over committed tokens (edits).
    pub commits: Vec<Commit>,
    /// Committed positions that become masks again, ascending.
    pub remasked: Vec<usize>,
}

/// The rule, with what it remembers from step to step.
#[derive(Debug, Clone, Default)]
pub(super) struct Unmask {}

impl Unmask {
    /// Whether the rule in force needs scores of the block's committed positions.
    #[expect(clippy::unused_self, reason = "rules that revise their commits remember them")]
    pub fn needs_standing(&self, _moment: Moment<'_>) -> bool {
        false
    }

    /// A block was opened: what was remembered of the one before is void.
    #[expect(clippy::unused_self, reason = "rules with a memory per block forget it here")]
    pub fn open_block(&mut self) {}

    /// What the step writes.
    #[expect(clippy::unused_self, reason = "rules with a memory read and write it here")]
    pub fn select(&mut self, scored: Scored<'_>, moment: Moment<'_>) -> Delta {
        Delta { commits: select(scored.masked, moment), remasked: Vec::new() }
    }
}

/// The commits among `candidates`, all of which are masked positions of the block, ascending.
fn select(candidates: &[Candidate], moment: Moment<'_>) -> Vec<Commit> {
    let Moment { settings, schedule, noise, step, .. } = moment;
    let masked = moment.masked_in_block();
    let mut commits = match settings.unmask {
        UnmaskRule::Quota => ranked(candidates, quota(masked, moment), Reason::Quota, moment),
        UnmaskRule::Time => {
            let count = (masked as f32 * time_share(schedule, settings.time_end)) as usize;
            ranked(candidates, count, Reason::Quota, moment)
        }
        UnmaskRule::Origin => {
            let share = f64::from(time_share(schedule, settings.time_end));
            candidates
                .iter()
                .filter(|c| noise.uniform(Purpose::Transfer, step, c.proposal.position) < share)
                .map(|candidate| commit(candidate, Reason::Drawn))
                .collect()
        }
        UnmaskRule::Threshold => above_threshold(candidates, usize::MAX, moment),
        UnmaskRule::ThresholdBudget => above_threshold(candidates, budget(moment), moment),
    };
    commits.sort_unstable_by_key(|commit| commit.position);
    commits
}

/// The masked positions that the quota commits in this step, in that order, where the order was drawn beforehand: known
/// before anything is scored (dKV-Cache greedy).
pub(super) fn upcoming(moment: Moment<'_>) -> Vec<usize> {
    let Region { start, end, .. } = moment.schedule.region();
    let mut order: Vec<(f64, usize)> =
        moment.canvas.masked(start..end).map(|position| (moment.drawn(position), position)).collect();
    order.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    order.truncate(quota(order.len(), moment));
    order.into_iter().map(|(_, position)| position).collect()
}

/// How many tokens this step commits so that the block is full after its last step (LLaDA: an even split with the
/// remainder in the first steps). Counted from what is left, so that it also holds after a live change.
fn quota(masked: usize, moment: Moment<'_>) -> usize {
    match moment.settings.steps {
        Some(_) => masked.div_ceil(moment.schedule.steps.saturating_sub(moment.schedule.step).max(1)),
        None => moment.settings.tokens_per_step,
    }
}

/// What the block's steps so far were to commit and did not; everything from the last step on.
fn budget(moment: Moment<'_>) -> usize {
    let (schedule, masked) = (moment.schedule, moment.masked_in_block());
    if schedule.step + 1 >= schedule.steps {
        return masked;
    }
    let Region { start, end, .. } = schedule.region();
    let committed = end - start - masked;
    ((end - start) / schedule.steps * (schedule.step + 1)).saturating_sub(committed)
}

/// The best `most` of the candidates at or above the threshold; the very best one where there is none.
fn above_threshold(candidates: &[Candidate], most: usize, moment: Moment<'_>) -> Vec<Commit> {
    let passes = |c: &&Candidate| !c.suppressed && c.proposal.confidence >= moment.settings.threshold;
    let passed = ranked(candidates.iter().filter(passes), most, Reason::Threshold, moment);
    if passed.is_empty() { ranked(candidates, 1, Reason::BestOfStep, moment) } else { passed }
}

/// The share of the masks that Dream's time grid asks for in this step; all of them from the last step on.
fn time_share(schedule: &Schedule, end: f32) -> f32 {
    if schedule.step + 1 >= schedule.steps {
        return 1.0;
    }
    let (now, next) = time(schedule.step, schedule.steps, end);
    1.0 - next / now
}

/// Dream's time before and after a step `< steps`: an even f32 grid from 1 to `end`, built from both ends as torch
/// does.
fn time(step: usize, steps: usize, end: f32) -> (f32, f32) {
    let width = (end - 1.0) / steps as f32;
    let at = |index: usize| {
        if index < steps.div_ceil(2) { 1.0 + width * index as f32 } else { end - width * (steps - index) as f32 }
    };
    (at(step), at(step + 1))
}

/// The best `count` candidates by score, or `count` drawn by score where the order has a temperature.
fn ranked<'a>(
    candidates: impl IntoIterator<Item = &'a Candidate>,
    count: usize,
    reason: Reason,
    moment: Moment<'_>,
) -> Vec<Commit> {
    let score = |candidate: &Candidate| match moment.settings.order_temperature {
        // The `count` largest of score/T + Gumbel are a draw without replacement from softmax(score/T).
        Some(temperature) => {
            let uniform = moment.noise.uniform(Purpose::Order, moment.step, candidate.proposal.position);
            candidate.score / f64::from(temperature) + gumbel(uniform)
        }
        None => candidate.score,
    };
    let mut order: Vec<(f64, &Candidate)> =
        candidates.into_iter().map(|candidate| (score(candidate), candidate)).collect();
    order.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    order.iter().take(count).map(|(_, candidate)| commit(candidate, reason)).collect()
}

fn commit(candidate: &Candidate, reason: Reason) -> Commit {
    let proposal = &candidate.proposal;
    Commit { position: proposal.position, token: proposal.token, confidence: proposal.confidence, reason }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_grid_is_torch_linspace() {
        let grid: Vec<f64> = (0..32).map(|step| f64::from(time(step, 32, 1e-3).0)).collect();
        // The published grid of 32 steps, to nine digits; f32 numbers near 1 lie 6e-8 apart.
        let first = [1.0, 0.968_781_233, 0.937_562_525, 0.906_343_758];
        let last = [0.063_437_499_1, 0.032_218_750_6];
        for (found, expected) in grid[..4].iter().chain(&grid[30..]).zip(first.iter().chain(&last)) {
            assert!((found - expected).abs() < 1e-9, "found {found}, expected {expected}");
        }
        assert_eq!(time(31, 32, 1e-3).1, 1e-3);
    }
}
