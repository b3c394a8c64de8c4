//! Fitting a filter to what was observed, and what it is worth.
//!
//! The released recipe takes all data in every step, 40,000 times, at a rate of 0.003. Here steps take a share of the data
//! and the rate falls to zero along half a cosine, which comes to the same loss in minutes on a CPU. What is kept is the
//! filter with the lowest loss on data that was held back.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::RngCore;

use super::Observed;
use crate::{
    decode::filter::{BLOCK, Filter, FilterLayer},
    train::kernels,
};

const WEIGHTS: usize = BLOCK * BLOCK;
/// Both layers' weights and biases, one after the other.
const PARAMETERS: usize = 2 * (WEIGHTS + BLOCK);

/// How a filter is trained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recipe {
    /// Everything random follows from it.
    pub seed: u64,
    /// Times that all data is seen.
    pub epochs: usize,
    /// Steps of the oracle per step of the optimiser.
    pub batch: usize,
    /// Learning rate at the start.
    pub rate: f64,
    /// Weight decay per unit of learning rate.
    pub decay: f64,
}

impl Default for Recipe {
    fn default() -> Self {
        Self { seed: 0, epochs: 400, batch: 256, rate: 3e-3, decay: 0.01 }
    }
}

/// A trained filter and what it is worth.
#[derive(Debug, Clone, PartialEq)]
pub struct FittedFilter {
    /// The filter, without a word about it.
    pub filter: Filter,
    /// Mean loss per position on the data that was trained on, and on the data held back to choose.
    pub losses: (f64, f64),
    /// On data that was neither trained on nor chosen by.
    pub report: FitReport,
}

/// A threshold of the filter and how it fares; beside it, the confidence threshold that errs as often and how that fares.
pub type AtThreshold = (f32, Judgement, Option<(f32, Judgement)>);

/// Decisions on masked positions that took no part in training.
#[derive(Debug, Clone, PartialEq)]
pub struct FitReport {
    /// Masked positions that were judged.
    pub positions: usize,
    /// Share of them whose proposal was final.
    pub finals: f64,
    /// The filter at several thresholds; beside each, the confidence threshold that errs as often.
    pub at: Vec<AtThreshold>,
    /// The usual confidence threshold of 0.9.
    pub plain: Judgement,
}

/// How a rule does.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// Share of right decisions, accepted or not.
    pub accuracy: f64,
    /// Share of the final proposals that are accepted.
    pub recall: f64,
    /// Share of the accepted proposals that are not final.
    pub errors: f64,
}

/// Filter thresholds of the report: the released trainer's and the released sampler's.
const REPORTED: [f32; 3] = [0.5, 0.9, 0.96];
/// The confidence threshold of parallel decoding as published (Fast-dLLM).
const PLAIN: f32 = 0.9;

/// Trains on `observed`, one list per prompt: eight tenths of the prompts are trained on, one tenth chooses, one tenth
/// judges. `progress` is told the epoch and the loss that chooses. `None` where there are fewer than ten prompts.
pub fn fit(observed: &[Vec<Observed>], recipe: Recipe, mut progress: impl FnMut(usize, f64)) -> Option<FittedFilter> {
    if observed.len() < 10 {
        return None;
    }
    let mut dice = ChaCha8Rng::seed_from_u64(recipe.seed);
    let mut prompts: Vec<usize> = (0..observed.len()).collect();
    shuffle(&mut prompts, &mut dice);
    let part = |range: std::ops::Range<usize>| -> Vec<&Observed> {
        prompts[range].iter().flat_map(|prompt| &observed[*prompt]).collect()
    };
    let tenth = observed.len() / 10;
    let (judging, choosing, training) = (part(0..tenth), part(tenth..2 * tenth), part(2 * tenth..prompts.len()));

    let mut network = FilterNetwork::new(&mut dice);
    let mut best = (f64::INFINITY, network.parameters.clone());
    let (mut first, mut second) = (vec![0.0; PARAMETERS], vec![0.0; PARAMETERS]);
    let mut order: Vec<usize> = (0..training.len()).collect();
    let batches = training.len().div_ceil(recipe.batch.max(1)).max(1);
    let (mut step, last) = (0u32, (recipe.epochs * batches) as f64);
    for epoch in 0..recipe.epochs {
        shuffle(&mut order, &mut dice);
        for batch in order.chunks(recipe.batch.max(1)) {
            let mut gradient = vec![0.0; PARAMETERS];
            let positions: usize = batch.iter().map(|index| training[*index].length).sum();
            for index in batch {
                network.learn(training[*index], 1.0 / positions as f32, &mut gradient);
            }
            let rate = recipe.rate * 0.5 * (1.0 + (std::f64::consts::PI * f64::from(step) / last).cos());
            step += 1;
            let (beta1, beta2) = (0.9f32, 0.999f32);
            kernels::adamw(
                &mut network.parameters,
                &gradient,
                &mut first,
                &mut second,
                1.0,
                rate as f32,
                beta1,
                beta2,
                1.0 - beta1.powi(step as i32),
                1.0 - beta2.powi(step as i32),
                (1.0 - rate * recipe.decay) as f32,
            );
        }
        let loss = network.loss(&choosing);
        progress(epoch + 1, loss);
        if loss < best.0 {
            best = (loss, network.parameters.clone());
        }
    }
    let (chosen, parameters) = best;
    let network = FilterNetwork { parameters };
    let losses = (network.loss(&training), chosen);
    let filter = network.filter();
    let report = report(&filter, &judging);
    Some(FittedFilter { filter, losses, report })
}

/// Fisher and Yates' shuffle.
fn shuffle(values: &mut [usize], dice: &mut ChaCha8Rng) {
    for last in (1..values.len()).rev() {
        let other = (u128::from(dice.next_u64()) * (last as u128 + 1)) >> 64;
        values.swap(last, other as usize);
    }
}

/// The filter while it is trained.
struct FilterNetwork {
    parameters: Vec<f32>,
}

/// What lies between the two layers, and behind the second.
struct FilterPass {
    hidden: [f32; BLOCK],
    logits: [f32; BLOCK],
}

impl FilterNetwork {
    /// Weights and biases uniform within `±1/√block`, as torch makes its linear layers.
    fn new(dice: &mut ChaCha8Rng) -> Self {
        let reach = 1.0 / (BLOCK as f32).sqrt();
        let unit = |dice: &mut ChaCha8Rng| (dice.next_u32() >> 8) as f32 / (1u32 << 24) as f32;
        Self { parameters: (0..PARAMETERS).map(|_| (2.0 * unit(dice) - 1.0) * reach).collect() }
    }

    fn layer(&self, index: usize) -> (&[f32], &[f32]) {
        let start = index * (WEIGHTS + BLOCK);
        self.parameters[start..start + WEIGHTS + BLOCK].split_at(WEIGHTS)
    }

    fn apply(&self, index: usize, input: &[f32; BLOCK]) -> [f32; BLOCK] {
        let (weight, bias) = self.layer(index);
        std::array::from_fn(|row| bias[row] + kernels::dot(&weight[row * BLOCK..(row + 1) * BLOCK], input))
    }

    fn forward(&self, input: &[f32; BLOCK]) -> FilterPass {
        let hidden = self.apply(0, input).map(|value| value.max(0.0));
        FilterPass { logits: self.apply(1, &hidden), hidden }
    }

    /// Adds the gradient of the sample's cross entropy, times `scale`, to `gradient`.
    fn learn(&self, sample: &Observed, scale: f32, gradient: &mut [f32]) {
        let pass = self.forward(&sample.confidences);
        let output: [f32; BLOCK] = std::array::from_fn(|row| {
            let target = f32::from(u8::from(sample.is_final[row]));
            if row < sample.length { (sigmoid(pass.logits[row]) - target) * scale } else { 0.0 }
        });
        let (weight, _) = self.layer(1);
        let mut hidden = [0.0; BLOCK];
        for (row, slope) in output.iter().enumerate() {
            for (column, value) in hidden.iter_mut().enumerate() {
                *value += slope * weight[row * BLOCK + column];
            }
        }
        for (value, active) in hidden.iter_mut().zip(&pass.hidden) {
            if *active <= 0.0 {
                *value = 0.0;
            }
        }
        for (index, (slopes, input)) in
            [(&hidden, &sample.confidences), (&output, &pass.hidden)].into_iter().enumerate()
        {
            let (weight, bias) =
                gradient[index * (WEIGHTS + BLOCK)..(index + 1) * (WEIGHTS + BLOCK)].split_at_mut(WEIGHTS);
            for (row, slope) in slopes.iter().enumerate() {
                bias[row] += slope;
                for (value, input) in weight[row * BLOCK..(row + 1) * BLOCK].iter_mut().zip(input) {
                    *value += slope * input;
                }
            }
        }
    }

    /// Mean cross entropy per position, nats.
    fn loss(&self, samples: &[&Observed]) -> f64 {
        let (mut sum, mut positions) = (0.0, 0);
        for sample in samples {
            let logits = self.forward(&sample.confidences).logits;
            for (logit, is_final) in logits.iter().zip(&sample.is_final).take(sample.length) {
                // −ln σ(x) = max(−x, 0) + ln(1 + e^−|x|)
                let logit = f64::from(if *is_final { -*logit } else { *logit });
                sum += logit.max(0.0) + (-logit.abs()).exp().ln_1p();
            }
            positions += sample.length;
        }
        sum / positions.max(1) as f64
    }

    fn filter(&self) -> Filter {
        let layer = |index| {
            let (weight, bias) = self.layer(index);
            FilterLayer { weight: weight.to_vec(), bias: bias.to_vec() }
        };
        Filter { about: String::new(), layers: [layer(0), layer(1)] }
    }
}

fn sigmoid(value: f32) -> f32 {
    1.0 / (1.0 + (-value).exp())
}

/// Judges the filter and plain thresholds on masked positions.
fn report(filter: &Filter, samples: &[&Observed]) -> FitReport {
    // Filter's value, confidence, whether the proposal is final.
    let mut cases: Vec<(f32, f32, bool)> = Vec::new();
    for sample in samples {
        let values = filter.probabilities(&sample.confidences);
        for row in (0..sample.length).filter(|row| sample.is_masked[*row]) {
            cases.push((values[row], sample.confidences[row], sample.is_final[row]));
        }
    }
    let by_filter = |threshold: f32| judge(&cases, |case| case.0 > threshold);
    let by_confidence = |threshold: f32| judge(&cases, |case| case.1 >= threshold);
    let at = REPORTED.into_iter().map(|threshold| {
        let judgement = by_filter(threshold);
        // The lowest confidence threshold that errs no more often accepts the most.
        let equal = (1..1000)
            .map(|thousandth| thousandth as f32 / 1000.0)
            .map(|threshold| (threshold, by_confidence(threshold)))
            .find(|(_, plain)| plain.errors <= judgement.errors);
        (threshold, judgement, equal)
    });
    FitReport {
        positions: cases.len(),
        finals: cases.iter().filter(|case| case.2).count() as f64 / cases.len().max(1) as f64,
        at: at.collect(),
        plain: by_confidence(PLAIN),
    }
}

fn judge(cases: &[(f32, f32, bool)], accepts: impl Fn(&(f32, f32, bool)) -> bool) -> Judgement {
    let count = |test: &dyn Fn(&(f32, f32, bool)) -> bool| cases.iter().filter(|case| test(case)).count() as f64;
    let accepted = count(&|case| accepts(case));
    let right = count(&|case| accepts(case) && case.2);
    Judgement {
        accuracy: count(&|case| accepts(case) == case.2) / (cases.len().max(1)) as f64,
        recall: right / count(&|case| case.2).max(1.0),
        errors: (accepted - right) / accepted.max(1.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A made-up world: a proposal is final where it and the one to its left are sure enough together.
    fn world(prompts: usize) -> Vec<Vec<Observed>> {
        let mut dice = ChaCha8Rng::seed_from_u64(5);
        let mut sample = || {
            let confidences: [f32; BLOCK] =
                std::array::from_fn(|_| (dice.next_u32() >> 8) as f32 / (1u32 << 24) as f32);
            let left = |row: usize| if row == 0 { 0.5 } else { confidences[row - 1] };
            let is_final = std::array::from_fn(|row| confidences[row] + left(row) > 1.0);
            Observed { confidences, is_final, is_masked: [true; BLOCK], length: BLOCK }
        };
        (0..prompts).map(|_| (0..40).map(|_| sample()).collect()).collect()
    }

    #[test]
    fn a_gradient_is_the_slope_of_the_loss() {
        let world = world(1);
        let sample = Observed { length: 20, ..world[0][0].clone() };
        let mut network = FilterNetwork::new(&mut ChaCha8Rng::seed_from_u64(1));
        let mut gradient = vec![0.0; PARAMETERS];
        network.learn(&sample, 1.0 / sample.length as f32, &mut gradient);
        for index in (0..PARAMETERS).step_by(97) {
            let mut at = |offset: f32| {
                let before = network.parameters[index];
                network.parameters[index] = before + offset;
                let loss = network.loss(&[&sample]);
                network.parameters[index] = before;
                loss
            };
            let slope = (at(1e-2) - at(-1e-2)) / 2e-2;
            let found = f64::from(gradient[index]);
            assert!((slope - found).abs() < 2e-4, "parameter {index}: slope {slope}, gradient {found}");
        }
    }

    #[test]
    fn it_learns_what_a_single_confidence_cannot_tell() {
        let recipe = Recipe { epochs: 60, batch: 64, ..Recipe::default() };
        let mut losses = Vec::new();
        let fit = fit(&world(60), recipe, |_, loss| losses.push(loss)).expect("enough prompts");
        assert!(losses[0] > 2.0 * fit.losses.1, "{} to {}", losses[0], fit.losses.1);
        let (_, filter, _) = fit.report.at[0];
        let best_plain = judge_best(&world(6));
        assert!(filter.accuracy > 0.85 && filter.accuracy > best_plain + 0.1, "{filter:?} against {best_plain}");
        assert_eq!(fit.report.positions, 6 * 40 * BLOCK);
    }

    /// The accuracy of the best confidence threshold.
    fn judge_best(world: &[Vec<Observed>]) -> f64 {
        let cases: Vec<(f32, f32, bool)> = world
            .iter()
            .flatten()
            .flat_map(|sample| (0..BLOCK).map(|row| (0.0, sample.confidences[row], sample.is_final[row])))
            .collect();
        let accuracy = |bar: u16| judge(&cases, |case| case.1 >= f32::from(bar) / 100.0).accuracy;
        (0..100).map(accuracy).fold(0.0, f64::max)
    }

    #[test]
    fn a_recipe_repeats_exactly_and_needs_ten_prompts() {
        let recipe = Recipe { epochs: 2, ..Recipe::default() };
        let world = world(10);
        assert_eq!(fit(&world, recipe, |_, _| ()), fit(&world, recipe, |_, _| ()));
        assert_eq!(fit(&world[..9], recipe, |_, _| ()), None);
    }
}
