//! Fitting a filter to what was observed, and what it is worth.
//!
//! The released recipe takes all data in every step, 40,000 times, at a rate of 0.003. Here steps take a share of the data
//! and the rate falls to zero along half a cosine, which comes to the same loss in minutes on a CPU. What is kept is the
//! filter with the lowest loss on data that was held back.

use std::ops::Range;

use candle_core::{Device, Result, Tensor, Var};
use candle_nn::{AdamW, Linear, Module, Optimizer, ParamsAdamW};
use rand::{Rng, SeedableRng, seq::SliceRandom};
use rand_chacha::ChaCha8Rng;

use super::Observed;
use crate::decode::filter::{BLOCK, Filter, FilterLayer};

/// How a filter is trained.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Recipe {
    /// Everything random follows from it.
    pub seed: u64,
    /// How often all data is seen.
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

/// A threshold of the filter and its result; beside it, the confidence threshold that errs as often, and its result.
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
/// judges. `progress` receives the number of finished epochs and the loss on the tenth that chooses. `None` where there are
/// fewer than ten prompts.
///
/// # Errors
/// When candle fails, for example for lack of memory.
pub fn fit(
    observed: &[Vec<Observed>],
    recipe: Recipe,
    mut progress: impl FnMut(usize, f64),
) -> Result<Option<FittedFilter>> {
    if observed.len() < 10 {
        return Ok(None);
    }
    let mut rng = ChaCha8Rng::seed_from_u64(recipe.seed);
    let mut prompts: Vec<usize> = (0..observed.len()).collect();
    prompts.shuffle(&mut rng);
    let part = |range: Range<usize>| -> Vec<&Observed> {
        prompts[range].iter().flat_map(|prompt| &observed[*prompt]).collect()
    };
    let tenth = observed.len() / 10;
    let (judging, choosing) = (part(0..tenth), Samples::new(&part(tenth..2 * tenth))?);
    let training = Samples::new(&part(2 * tenth..prompts.len()))?;

    let (network, weights) = FilterNetwork::new(&mut rng)?;
    let (rate, weight_decay) = (recipe.rate, recipe.decay);
    let mut optimizer = AdamW::new(weights.clone(), ParamsAdamW { lr: rate, weight_decay, ..ParamsAdamW::default() })?;
    let weights_now = || weights.iter().map(|weight| weight.copy()).collect::<Result<Vec<Tensor>>>();
    let mut best = (f64::INFINITY, weights_now()?);
    let mut order: Vec<u32> = (0..training.len()? as u32).collect();
    let batch = recipe.batch.max(1);
    let steps = (recipe.epochs * order.len().div_ceil(batch)).max(1) as f64;
    let mut step = 0.0;
    for epoch in 0..recipe.epochs {
        order.shuffle(&mut rng);
        for chosen in order.chunks(batch) {
            optimizer.set_learning_rate(rate * 0.5 * (1.0 + (std::f64::consts::PI * step / steps).cos()));
            optimizer.backward_step(&network.loss(&training.select(chosen)?)?)?;
            step += 1.0;
        }
        let loss = f64::from(network.loss(&choosing)?.to_scalar::<f32>()?);
        progress(epoch + 1, loss);
        if loss < best.0 {
            best = (loss, weights_now()?);
        }
    }
    let (chosen, best) = best;
    for (weight, best) in weights.iter().zip(&best) {
        weight.set(best)?;
    }
    let (filter, trained) = (network.filter()?, f64::from(network.loss(&training)?.to_scalar::<f32>()?));
    let report = report(&filter, &judging);
    Ok(Some(FittedFilter { filter, losses: (trained, chosen), report }))
}

/// Samples as tensors `(samples, BLOCK)`.
struct Samples {
    confidences: Tensor,
    /// 1 where the proposal is final, −1 where it is not, 0 behind the end of a short block.
    signs: Tensor,
}

impl Samples {
    fn new(samples: &[&Observed]) -> Result<Self> {
        let sign = |sample: &Observed, row: usize| match sample.is_final[row] {
            _ if row >= sample.length => 0.0,
            true => 1.0,
            false => -1.0,
        };
        let tensor = |value: &dyn Fn(&Observed, usize) -> f32| {
            let values = samples.iter().flat_map(|sample| (0..BLOCK).map(|row| value(sample, row)));
            Tensor::from_iter(values, &Device::Cpu)?.reshape((samples.len(), BLOCK))
        };
        Ok(Self { confidences: tensor(&|sample, row| sample.confidences[row])?, signs: tensor(&sign)? })
    }

    fn len(&self) -> Result<usize> {
        self.signs.dim(0)
    }

    fn select(&self, chosen: &[u32]) -> Result<Self> {
        let chosen = Tensor::new(chosen, &Device::Cpu)?;
        Ok(Self {
            confidences: self.confidences.index_select(&chosen, 0)?,
            signs: self.signs.index_select(&chosen, 0)?,
        })
    }
}

/// The filter while it is trained.
struct FilterNetwork {
    layers: [Linear; 2],
}

impl FilterNetwork {
    /// A network and its weights, which are uniform within `±1/√block`, as torch initialises linear layers.
    fn new(rng: &mut ChaCha8Rng) -> Result<(Self, Vec<Var>)> {
        let reach = 1.0 / (BLOCK as f32).sqrt();
        let mut var = |shape: &[usize]| {
            let values = (0..shape.iter().product()).map(|_| rng.random_range(-reach..reach)).collect();
            Var::from_vec(values, shape, &Device::Cpu)
        };
        let weights = vec![var(&[BLOCK, BLOCK])?, var(&[BLOCK])?, var(&[BLOCK, BLOCK])?, var(&[BLOCK])?];
        let layer = |at: usize| Linear::new(weights[at].as_tensor().clone(), Some(weights[at + 1].as_tensor().clone()));
        Ok((Self { layers: [layer(0), layer(2)] }, weights))
    }

    /// Mean cross entropy per position, nats: of a logit `x` with sign `s`, it is `−ln σ(s·x)`, which is
    /// `max(−s·x, 0) + ln(1 + e^−|s·x|)` without an overflow.
    fn loss(&self, samples: &Samples) -> Result<Tensor> {
        let [first, second] = &self.layers;
        let logits = second.forward(&first.forward(&samples.confidences)?.relu()?)?;
        let margins = (logits * &samples.signs)?;
        let losses = (margins.neg()?.relu()? + (margins.abs()?.neg()?.exp()? + 1.0)?.log()?)?;
        let present = samples.signs.abs()?;
        (losses * &present)?.sum_all()? / present.sum_all()?
    }

    /// Its weights of this moment, as a filter.
    fn filter(&self) -> Result<Filter> {
        let layer = |layer: &Linear| -> Result<FilterLayer> {
            let bias = layer.bias().map_or_else(|| Ok(vec![0.0; BLOCK]), Tensor::to_vec1)?;
            Ok(FilterLayer { weight: layer.weight().flatten_all()?.to_vec1()?, bias })
        };
        let [first, second] = &self.layers;
        Ok(Filter { about: String::new(), layers: [layer(first)?, layer(second)?] })
    }
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
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// A made-up world: a proposal is final where its confidence and that to its left sum to enough.
    fn world(prompts: usize) -> Vec<Vec<Observed>> {
        let mut dice = ChaCha8Rng::seed_from_u64(5);
        let mut sample = || {
            let confidences: [f32; BLOCK] = std::array::from_fn(|_| dice.random());
            let left = |row: usize| if row == 0 { 0.5 } else { confidences[row - 1] };
            let is_final = std::array::from_fn(|row| confidences[row] + left(row) > 1.0);
            Observed { confidences, is_final, is_masked: [true; BLOCK], length: BLOCK }
        };
        (0..prompts).map(|_| (0..40).map(|_| sample()).collect()).collect()
    }

    #[test]
    fn it_learns_what_a_single_confidence_cannot_tell() {
        let recipe = Recipe { epochs: 60, batch: 64, ..Recipe::default() };
        let mut losses = Vec::new();
        let fit = fit(&world(60), recipe, |_, loss| losses.push(loss)).unwrap().expect("enough prompts");
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
        let fit = |prompts| fit(prompts, recipe, |_, _| ()).unwrap();
        assert_eq!(fit(&world), fit(&world));
        assert_eq!(fit(&world[..9]), None);
    }
}
