//! Rules that follow a schedule: so many tokens per step, however confident they are.
//!
//! Counts are taken from the masks and steps that remain, so that they also hold after a live change.

use std::f32::consts::FRAC_PI_2;

use super::{CommitRule, Delta, Scored, StepContext, take};
use crate::{
    decode::{
        noise::Purpose,
        proposal::Candidate,
        record::{Reason, Region},
        schedule::Schedule,
    },
    settings::AlphaSchedule,
};

/// LLaDA's own sampler: the best few per step.
#[derive(Debug, Clone)]
pub(super) struct Quota;

impl CommitRule for Quota {
    fn select(&mut self, scored: Scored<'_>, context: StepContext<'_>) -> Delta {
        take(quota(context), Reason::Quota, scored.masked, context).into()
    }
}

/// Dream's time grid: the share of the masks that it asks for, the best first.
#[derive(Debug, Clone)]
pub(super) struct TimeGrid;

impl CommitRule for TimeGrid {
    fn select(&mut self, scored: Scored<'_>, context: StepContext<'_>) -> Delta {
        let share = time_share(context.schedule, context.settings.time_end);
        let count = (context.masked_in_block() as f32 * share) as usize;
        take(count, Reason::Quota, scored.masked, context).into()
    }

    fn is_paced(&self) -> bool {
        true
    }
}

/// Dream's origin rule: each mask by itself, with the share of the time grid.
#[derive(Debug, Clone)]
pub(super) struct DreamOrigin;

impl CommitRule for DreamOrigin {
    fn select(&mut self, scored: Scored<'_>, context: StepContext<'_>) -> Delta {
        let share = f64::from(time_share(context.schedule, context.settings.time_end));
        let drawn = |candidate: &&Candidate| {
            context.noise.uniform(Purpose::Transfer, context.step, candidate.proposal.position) < share
        };
        let commits: Vec<_> =
            scored.masked.iter().filter(drawn).map(|candidate| candidate.commit(Reason::Drawn)).collect();
        commits.into()
    }

    fn is_paced(&self) -> bool {
        true
    }
}

/// How many tokens this step commits so that the block is full after its last step (LLaDA: an even split with the
/// remainder in the first steps).
pub(super) fn quota(context: StepContext<'_>) -> usize {
    match context.settings.steps {
        Some(_) => {
            let left = context.schedule.steps.saturating_sub(context.schedule.step).max(1);
            context.masked_in_block().div_ceil(left)
        }
        None => context.settings.tokens_per_step,
    }
}

/// The masked positions that the quota commits in this step, in that order, where the order was drawn beforehand: known
/// before anything is scored (dKV-Cache greedy).
pub(in crate::decode) fn upcoming(context: StepContext<'_>) -> Vec<usize> {
    let Region { start, end, .. } = context.schedule.region();
    let mut order: Vec<(f64, usize)> =
        context.canvas.masked(start..end).map(|position| (context.drawn(position), position)).collect();
    order.sort_by(|(a, _), (b, _)| b.total_cmp(a));
    order.truncate(quota(context));
    order.into_iter().map(|(_, position)| position).collect()
}

/// What the block's steps so far were to commit and did not; everything from the last step on.
pub(super) fn budget(context: StepContext<'_>) -> usize {
    let (schedule, masked) = (context.schedule, context.masked_in_block());
    if schedule.step + 1 >= schedule.steps {
        return masked;
    }
    let Region { start, end, .. } = schedule.region();
    let committed = end - start - masked;
    ((end - start) / schedule.steps * (schedule.step + 1)).saturating_sub(committed)
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

/// MDLM's sampler as dllm releases it: time falls evenly from 1 to 0 over the steps of the block, the masked share is
/// `1 − α(t)`, and a step from `t` to `s` frees each mask with probability `1 − (1 − α(s)) / (1 − α(t))`. The number of
/// freed masks is the mean, rounded half to even, or a binomial draw; steps that free none are not done, because the
/// network would be asked the same again.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Alpha {
    /// Steps of the grid that are behind, those that were not done included.
    passed: usize,
}

impl CommitRule for Alpha {
    fn select(&mut self, scored: Scored<'_>, context: StepContext<'_>) -> Delta {
        take(self.count(context), Reason::Quota, scored.masked, context).into()
    }

    fn open_block(&mut self) {
        *self = Self::default();
    }

    /// Rounded up for every block, as in dllm's samplers: steps that free nothing are not done.
    fn block_steps(&self, steps: usize, blocks: usize, _block: usize) -> usize {
        steps.div_ceil(blocks)
    }

    fn is_paced(&self) -> bool {
        true
    }
}

impl Alpha {
    /// How many tokens this step commits, at least one.
    fn count(&mut self, context: StepContext<'_>) -> usize {
        let (steps, masked) = (context.schedule.steps, context.masked_in_block());
        while self.passed < steps {
            let grid_step = self.passed;
            self.passed += 1;
            let share = freed_share(grid_step, steps, context.settings.alpha_schedule);
            let count = if context.settings.alpha_draw {
                freed(grid_step, share, context)
            } else {
                (masked as f64 * share).round_ties_even() as usize
            };
            if count > 0 {
                return count.min(masked);
            }
        }
        masked
    }
}

/// A binomial draw: each mask of the block has a number of its own for every step of the grid.
fn freed(grid_step: usize, share: f64, context: StepContext<'_>) -> usize {
    let Region { start, end, .. } = context.schedule.region();
    let mut uniforms = vec![0.0; grid_step + 1];
    let mut is_freed = |position: usize| {
        context.noise.fill(Purpose::Transfer, context.step, position, &mut uniforms);
        uniforms[grid_step] < share
    };
    context.canvas.masked(start..end).filter(|position| is_freed(*position)).count()
}

/// The share of the masks that a step of the grid frees. In f32 like the released code, whose rounding decides ties.
fn freed_share(step: usize, steps: usize, schedule: AlphaSchedule) -> f64 {
    let masked = |left: usize| 1.0 - alpha(schedule, (left as f64 / steps as f64) as f32);
    1.0 - f64::from(masked(steps - step - 1) / masked(steps - step))
}

/// The share that is not masked at time `t`.
fn alpha(schedule: AlphaSchedule, t: f32) -> f32 {
    match schedule {
        AlphaSchedule::Linear => 1.0 - t,
        AlphaSchedule::Cosine => 1.0 - (FRAC_PI_2 * (1.0 - t)).cos(),
    }
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

    #[test]
    fn an_alpha_schedule_frees_everything_in_its_last_step() {
        for schedule in [AlphaSchedule::Linear, AlphaSchedule::Cosine] {
            for steps in 1..40 {
                let shares: Vec<f64> = (0..steps).map(|step| freed_share(step, steps, schedule)).collect();
                assert!(shares.iter().all(|share| (0.0..=1.0).contains(share)), "{schedule:?} {steps}: {shares:?}");
                assert!((shares[steps - 1] - 1.0).abs() < 1e-6, "{schedule:?} {steps}: {shares:?}");
            }
        }
    }

    #[test]
    fn a_linear_schedule_is_even_and_a_cosine_one_starts_slowly() {
        let left = |schedule, steps: usize| {
            let mut left = 1.0;
            let mut shares = Vec::new();
            for step in 0..steps {
                left *= 1.0 - freed_share(step, steps, schedule);
                shares.push(left);
            }
            shares
        };
        for (step, left) in left(AlphaSchedule::Linear, 8).into_iter().enumerate() {
            assert!((left - (7 - step) as f64 / 8.0).abs() < 1e-6);
        }
        for (step, left) in left(AlphaSchedule::Cosine, 8).into_iter().enumerate() {
            let angle = std::f64::consts::FRAC_PI_2 * (step + 1) as f64 / 8.0;
            assert!((left - angle.cos()).abs() < 1e-6, "step {step}: {left}");
        }
    }
}
