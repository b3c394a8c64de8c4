//! `AdamW` with clipping by the global norm, and the average of the weights over time.
//!
//! candle's `AdamW` does not serve here: it decays norms and biases too, keeps its moments to itself, so that a run could not
//! be resumed, and allocates a dozen tensors for each that it moves.

use super::config;
use super::kernels;
use super::parameters::ParameterLayout;
use std::ops::Range;

/// The weights of a network in training and everything that moves with them.
#[derive(Debug, Clone, PartialEq)]
pub struct OptimizerState {
    /// The weights.
    pub weights: Vec<f32>,
    /// Their exponential moving average.
    pub average: Vec<f32>,
    /// Decaying mean of the gradients.
    pub first: Vec<f32>,
    /// Decaying mean of their squares.
    pub second: Vec<f32>,
    /// Steps taken.
    pub step: u64,
}

impl OptimizerState {
    /// Starts from `weights`.
    pub fn new(weights: Vec<f32>) -> Self {
        let zeros = vec![0.0; weights.len()];
        Self { average: weights.clone(), first: zeros.clone(), second: zeros, weights, step: 0 }
    }
}

/// The optimiser.
#[derive(Debug)]
pub struct AdamW {
    settings: config::Optimizer,
    average: config::Average,
    /// Runs of the flat vector with whether they decay.
    segments: Vec<(Range<usize>, bool)>,
    threads: usize,
}

impl AdamW {
    /// An optimiser for networks of `layout`, on `threads` threads.
    pub fn new(
        settings: config::Optimizer,
        average: config::Average,
        layout: &ParameterLayout,
        threads: usize,
    ) -> Self {
        let segments = layout.tensors.iter().map(|tensor| (tensor.range.clone(), tensor.is_matrix())).collect();
        Self { settings, average, segments, threads: threads.max(1) }
    }

    /// Moves the weights by one step at `factor` of the peak learning rate. Returns the norm of the gradient before
    /// clipping; if it is not finite, nothing has moved.
    pub fn step(&self, state: &mut OptimizerState, gradient: &[f32], factor: f64) -> f64 {
        let norm = kernels::sum_of_squares(gradient).sqrt();
        if !norm.is_finite() {
            return norm;
        }
        state.step += 1;
        let scale = if norm > self.settings.clip { (self.settings.clip / norm) as f32 } else { 1.0 };
        let rate = self.settings.rate * factor;
        let steps = state.step as f64;
        let first_bias = 1.0 - self.settings.first.powf(steps);
        let second_bias = 1.0 - self.settings.second.powf(steps);
        let blend = state.step.is_multiple_of(self.average.every);

        let part = state.weights.len().div_ceil(self.threads).max(1);
        let parts = state
            .weights
            .chunks_mut(part)
            .zip(state.average.chunks_mut(part))
            .zip(state.first.chunks_mut(part).zip(state.second.chunks_mut(part)));
        std::thread::scope(|scope| {
            for (index, ((weights, average), (first, second))) in parts.enumerate() {
                scope.spawn(move || {
                    let own = index * part..index * part + weights.len();
                    for (range, decays) in &self.segments {
                        let (start, end) = (range.start.max(own.start), range.end.min(own.end));
                        if start >= end {
                            continue;
                        }
                        let here = start - own.start..end - own.start;
                        let decay = if *decays { self.settings.decay } else { 0.0 };
                        kernels::adamw(
                            &mut weights[here.clone()],
                            &gradient[start..end],
                            &mut first[here.clone()],
                            &mut second[here],
                            scale,
                            rate as f32,
                            self.settings.first as f32,
                            self.settings.second as f32,
                            first_bias as f32,
                            second_bias as f32,
                            (1.0 - rate * decay) as f32,
                        );
                    }
                    if blend {
                        kernels::blend(average, weights, self.average.keep as f32);
                    }
                });
            }
        });
        norm
    }
}

#[cfg(test)]
mod tests {
    use super::super::parameters::Shape;
    use super::*;

    fn setup(threads: usize) -> (AdamW, OptimizerState, ParameterLayout) {
        let layout = ParameterLayout::new(Shape { hidden: 4, layers: 1, heads: 1, ffn: 3 }, 5);
        let settings = config::Optimizer { rate: 0.1, first: 0.9, second: 0.98, decay: 0.5, clip: 1e9 };
        let average = config::Average { keep: 0.75, every: 2 };
        (AdamW::new(settings, average, &layout, threads), OptimizerState::new(vec![2.0; layout.len]), layout)
    }

    #[test]
    fn the_first_step_is_the_rate_against_the_sign() {
        let (adamw, mut state, layout) = setup(2);
        let gradient: Vec<f32> = (0..layout.len).map(|i| if i % 2 == 0 { 0.3 } else { -7.0 }).collect();
        adamw.step(&mut state, &gradient, 1.0);
        for tensor in &layout.tensors {
            for i in tensor.range.clone() {
                let decayed = if tensor.is_matrix() { 2.0 * 0.95 } else { 2.0 };
                let expected = decayed - 0.1 * gradient[i].signum();
                assert!((state.weights[i] - expected).abs() < 1e-5, "{} {}", tensor.name, state.weights[i]);
            }
        }
    }

    #[test]
    fn the_average_follows_every_second_step() {
        let (adamw, mut state, layout) = setup(1);
        adamw.step(&mut state, &vec![1.0; layout.len], 1.0);
        assert!(state.average.iter().all(|a| *a == 2.0));
        adamw.step(&mut state, &vec![1.0; layout.len], 1.0);
        let expected = 2.0 + 0.25 * (state.weights[0] - 2.0);
        assert!((state.average[0] - expected).abs() < 1e-6);
    }

    #[test]
    fn threads_change_nothing_and_clipping_scales() {
        let (one, mut a, layout) = setup(1);
        let (three, mut b, _) = setup(3);
        let gradient: Vec<f32> = (0..layout.len).map(|i| (i as f32).sin()).collect();
        for _ in 0..3 {
            let norm = one.step(&mut a, &gradient, 0.5);
            assert!((norm - three.step(&mut b, &gradient, 0.5)).abs() < 1e-12);
        }
        assert_eq!(a, b);
    }

    #[test]
    fn a_gradient_that_is_no_number_moves_nothing() {
        let (adamw, mut state, layout) = setup(1);
        let before = state.clone();
        assert!(adamw.step(&mut state, &vec![f32::NAN; layout.len], 1.0).is_nan());
        assert_eq!(state, before);
    }
}
