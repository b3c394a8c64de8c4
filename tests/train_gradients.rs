//! The two engines agree with each other, and with numeric differences of the loss.

#![allow(clippy::unwrap_used)]

use candle_core::Device;
use diffuscope::train::composed::Composed;
use diffuscope::train::fused::Fused;
use diffuscope::train::gradient::{Chunk, GradientEngine, Label, TokenKind, WantedRow};
use diffuscope::train::parameters::{ParameterLayout, Shape};

const SHAPE: Shape = Shape { hidden: 16, layers: 2, heads: 2, ffn: 24 };
const VOCAB: usize = 13;

/// Small whole numbers that look random.
fn scramble(x: usize) -> usize {
    (x.wrapping_mul(2_654_435_761) >> 7) % 10_007
}

/// Three chunks of sequences of unlike lengths; one sequence and one chunk have no wanted row.
fn chunks() -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let mut count = 0;
    for (c, lengths) in [vec![7, 3, 12], vec![5, 19], vec![4]].into_iter().enumerate() {
        let mut chunk = Chunk::default();
        for (s, len) in lengths.into_iter().enumerate() {
            let ids: Vec<u32> = (0..len).map(|i| (scramble(i + 31 * s + 101 * c) % VOCAB) as u32).collect();
            let none = c == 2 || (c == 0 && s == 1);
            let wanted =
                (0..len).filter(|row| !none && !scramble(row + 7 * c).is_multiple_of(3)).map(|row| WantedRow {
                    row,
                    target: (scramble(row + 57 * s + 3) % VOCAB) as u32,
                    weight: 0.02 + (scramble(row) % 5) as f32 * 0.01,
                    label: Label { family: 0, kind: TokenKind::Other },
                });
            chunk.push(&ids, wanted);
        }
        count += chunk.wanted.len();
        chunks.push(chunk);
    }
    assert!(count > 10);
    chunks
}

/// Weights with every bias and norm away from its initial value, so that each one's gradient is tested.
fn weights(layout: &ParameterLayout) -> Vec<f32> {
    let mut weights = layout.initial(3);
    for tensor in layout.tensors.iter().filter(|t| !t.is_matrix()) {
        for (i, w) in weights[tensor.range.clone()].iter_mut().enumerate() {
            *w += (scramble(i + tensor.range.start) % 100) as f32 * 0.004 - 0.2;
        }
    }
    weights
}

fn engines(layout: &ParameterLayout) -> (Fused, Composed) {
    (Fused::new(layout.clone(), 32, 2), Composed::new(layout.clone(), 32, Device::Cpu))
}

const FUTURES: [f32; 3] = [f32::NEG_INFINITY, -2.0, 0.0];

fn loss(engine: &mut dyn GradientEngine, weights: &[f32], chunks: &[Chunk], future: f32) -> f64 {
    let mut total = 0.0;
    for (chunk, logits) in chunks.iter().zip(engine.logits(weights, chunks, future).unwrap()) {
        for (row, logits) in logits.chunks_exact(VOCAB).enumerate() {
            let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f64 = logits.iter().map(|x| f64::from(x - top).exp()).sum();
            let cross_entropy = sum.ln() - f64::from(logits[chunk.targets[row] as usize] - top);
            total += f64::from(chunk.weights[row]) * cross_entropy;
        }
    }
    total
}

#[test]
fn fused_and_composed_logits_agree() {
    let layout = ParameterLayout::new(SHAPE, VOCAB);
    let (weights, chunks) = (weights(&layout), chunks());
    let (mut fused, mut composed) = engines(&layout);
    for future in FUTURES {
        let a = fused.logits(&weights, &chunks, future).unwrap();
        let b = composed.logits(&weights, &chunks, future).unwrap();
        for (a, b) in a.iter().flatten().zip(b.iter().flatten()) {
            assert!((a - b).abs() < 2e-5, "{a} and {b} with future {future}");
        }
        assert_eq!(a.iter().map(Vec::len).collect::<Vec<_>>(), b.iter().map(Vec::len).collect::<Vec<_>>());
    }
}

#[test]
fn fused_and_composed_gradients_agree() {
    let layout = ParameterLayout::new(SHAPE, VOCAB);
    let (weights, chunks) = (weights(&layout), chunks());
    let (mut fused, mut composed) = engines(&layout);
    for future in FUTURES {
        let (mut a, mut b) = (vec![1.0; layout.len], vec![1.0; layout.len]);
        let left = fused.gradient(&weights, &chunks, future, &mut a).unwrap();
        let right = composed.gradient(&weights, &chunks, future, &mut b).unwrap();
        for tensor in &layout.tensors {
            let (a, b) = (&a[tensor.range.clone()], &b[tensor.range.clone()]);
            let scale = b.iter().fold(0f32, |m, x| m.max(x.abs()));
            assert!(scale > 1e-6, "no gradient reaches {}", tensor.name);
            for (a, b) in a.iter().zip(b) {
                assert!((a - b).abs() < 1e-4 * scale + 1e-7, "{}: {a} and {b}, future {future}", tensor.name);
            }
        }
        for (left, right) in left.iter().zip(&right) {
            assert_eq!(left.hits, right.hits);
            for (a, b) in left.losses.iter().zip(&right.losses) {
                assert!((a - b).abs() < 2e-5);
            }
        }
    }
}

/// Central differences of the loss along a random direction within each tensor, and along single weights.
#[test]
fn gradients_agree_with_central_differences() {
    let layout = ParameterLayout::new(SHAPE, VOCAB);
    let (weights, chunks) = (weights(&layout), chunks());
    let (mut fused, _) = engines(&layout);
    for future in FUTURES {
        let mut gradient = vec![0.0; layout.len];
        fused.gradient(&weights, &chunks, future, &mut gradient).unwrap();
        for tensor in &layout.tensors {
            let sign = |i: usize| if scramble(i).is_multiple_of(2) { 1.0f32 } else { -1.0 };
            let expected: f64 = tensor.range.clone().map(|i| f64::from(gradient[i] * sign(i))).sum();
            let norm: f64 = tensor.range.clone().map(|i| f64::from(gradient[i]).powi(2)).sum::<f64>().sqrt();
            let step = 4e-3 / (tensor.range.len() as f32).sqrt();
            let mut at = |direction: f32| {
                let mut moved = weights.clone();
                for i in tensor.range.clone() {
                    moved[i] += direction * step * sign(i);
                }
                loss(&mut fused, &moved, &chunks, future)
            };
            let numeric = (at(1.0) - at(-1.0)) / (2.0 * f64::from(step));
            // The direction is sqrt(n) long, so that rounding of the loss weighs that much more.
            let tolerance = 0.01 * expected.abs() + 0.02 * norm + 2e-5 * (tensor.range.len() as f64).sqrt();
            assert!(
                (numeric - expected).abs() < tolerance,
                "{}: analytic {expected}, numeric {numeric}, future {future}",
                tensor.name
            );
        }
    }
}

#[test]
fn the_number_of_threads_changes_nothing() {
    let layout = ParameterLayout::new(SHAPE, VOCAB);
    let (weights, chunks) = (weights(&layout), chunks());
    let results = [1, 3].map(|threads| {
        let mut gradient = vec![0.0; layout.len];
        Fused::new(layout.clone(), 32, threads).gradient(&weights, &chunks, 0.0, &mut gradient).unwrap();
        gradient
    });
    assert_eq!(results[0], results[1]);
}
