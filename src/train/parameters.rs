//! Where every weight of a network lies in one flat vector, under the names of the real checkpoints.
//!
//! A flat vector makes the optimiser, the averages and the checkpoints a handful of loops. Weights that are used
//! together (q, k and v; gate and up) lie side by side, so that the fused engine multiplies by them at once.

use rand::Rng;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// The size of a network: a Qwen2 body with as many K/V heads as query heads and an untied head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shape {
    /// Width of the residual stream.
    pub hidden: usize,
    /// Number of transformer layers.
    pub layers: usize,
    /// Number of attention heads; `hidden / heads` must be even.
    pub heads: usize,
    /// Width of the feed-forward layer.
    pub ffn: usize,
}

/// Epsilon of every RMS norm.
pub const RMS_NORM_EPS: f32 = 1e-5;
/// Base of the rotary position embedding.
pub const ROPE_THETA: f64 = 10_000.0;

/// One tensor of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Name in the checkpoint.
    pub name: String,
    /// Dimensions; a matrix is `(out, in)`.
    pub dims: Vec<usize>,
    /// Place in the flat vector.
    pub range: Range<usize>,
}

impl Tensor {
    /// Matrices decay, norms and biases do not.
    pub fn is_matrix(&self) -> bool {
        self.dims.len() > 1
    }
}

/// Places of one layer's weights.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LayerPlaces {
    /// `(hidden)`
    pub attention_norm: Range<usize>,
    /// q, k and v: `(3 hidden, hidden)`
    pub qkv: Range<usize>,
    /// `(3 hidden)`
    pub qkv_bias: Range<usize>,
    /// `(hidden, hidden)`
    pub output: Range<usize>,
    /// `(hidden)`
    pub ffn_norm: Range<usize>,
    /// gate, then up: `(2 ffn, hidden)`
    pub gate_up: Range<usize>,
    /// `(hidden, ffn)`
    pub down: Range<usize>,
}

/// The flat vector of a network's weights, described.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParameterLayout {
    /// The size that it was made for.
    pub shape: Shape,
    /// Number of token ids.
    pub vocab: usize,
    /// `(vocab, hidden)`
    pub embedding: Range<usize>,
    /// First layer first.
    pub layers: Vec<LayerPlaces>,
    /// `(hidden)`
    pub norm: Range<usize>,
    /// `(vocab, hidden)`
    pub head: Range<usize>,
    /// Every tensor in the order of the flat vector.
    pub tensors: Vec<Tensor>,
    /// Number of weights.
    pub len: usize,
}

impl ParameterLayout {
    /// Lays out a network of `shape` over `vocab` token ids.
    pub fn new(shape: Shape, vocab: usize) -> Self {
        let (d, f) = (shape.hidden, shape.ffn);
        let mut tensors = Vec::new();
        let mut len = 0;
        let mut place = |name: String, dims: &[usize]| {
            let start = len;
            len += dims.iter().product::<usize>();
            tensors.push(Tensor { name, dims: dims.to_vec(), range: start..len });
            start..len
        };
        let embedding = place("model.embed_tokens.weight".into(), &[vocab, d]);
        let layers = (0..shape.layers)
            .map(|layer| {
                let mut tensor = |name: &str, dims: &[usize]| place(format!("model.layers.{layer}.{name}"), dims);
                let attention_norm = tensor("input_layernorm.weight", &[d]);
                let q = tensor("self_attn.q_proj.weight", &[d, d]);
                tensor("self_attn.k_proj.weight", &[d, d]);
                let v = tensor("self_attn.v_proj.weight", &[d, d]);
                let q_bias = tensor("self_attn.q_proj.bias", &[d]);
                tensor("self_attn.k_proj.bias", &[d]);
                let v_bias = tensor("self_attn.v_proj.bias", &[d]);
                let output = tensor("self_attn.o_proj.weight", &[d, d]);
                let ffn_norm = tensor("post_attention_layernorm.weight", &[d]);
                let gate = tensor("mlp.gate_proj.weight", &[f, d]);
                let up = tensor("mlp.up_proj.weight", &[f, d]);
                let down = tensor("mlp.down_proj.weight", &[d, f]);
                LayerPlaces {
                    attention_norm,
                    qkv: q.start..v.end,
                    qkv_bias: q_bias.start..v_bias.end,
                    output,
                    ffn_norm,
                    gate_up: gate.start..up.end,
                    down,
                }
            })
            .collect();
        let norm = place("model.norm.weight".into(), &[d]);
        let head = place("lm_head.weight".into(), &[vocab, d]);
        Self { shape, vocab, embedding, layers, norm, head, tensors, len }
    }

    /// Fresh weights: embedding with deviation 0.5, linear maps with `fan_in^-0.5`, the two that write to the
    /// residual stream smaller by `sqrt(2 layers)`, norms one, biases zero.
    pub fn initial(&self, seed: u64) -> Vec<f32> {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut weights = vec![0.0; self.len];
        for tensor in &self.tensors {
            let values = &mut weights[tensor.range.clone()];
            if !tensor.is_matrix() {
                values.fill(if tensor.name.ends_with("bias") { 0.0 } else { 1.0 });
                continue;
            }
            let deviation = if tensor.name.starts_with("model.embed") {
                0.5
            } else {
                let linear = (tensor.dims[1] as f64).powf(-0.5);
                let residual = tensor.name.ends_with("o_proj.weight") || tensor.name.ends_with("down_proj.weight");
                if residual { linear / (2.0 * self.shape.layers as f64).sqrt() } else { linear }
            };
            fill_normal(values, deviation, &mut rng);
        }
        weights
    }
}

/// Normal numbers by the Box-Muller transform.
fn fill_normal(values: &mut [f32], deviation: f64, rng: &mut ChaCha8Rng) {
    for pair in values.chunks_mut(2) {
        let radius = (-2.0 * (1.0 - rng.random::<f64>()).ln()).sqrt() * deviation;
        let (sin, cos) = (std::f64::consts::TAU * rng.random::<f64>()).sin_cos();
        pair[0] = (radius * cos) as f32;
        if let Some(second) = pair.get_mut(1) {
            *second = (radius * sin) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHAPE: Shape = Shape { hidden: 8, layers: 2, heads: 2, ffn: 12 };

    #[test]
    fn tensors_tile_the_vector() {
        let layout = ParameterLayout::new(SHAPE, 11);
        let mut end = 0;
        for tensor in &layout.tensors {
            assert_eq!(tensor.range.start, end, "{}", tensor.name);
            assert_eq!(tensor.range.len(), tensor.dims.iter().product::<usize>());
            end = tensor.range.end;
        }
        assert_eq!(end, layout.len);
        assert_eq!(layout.layers[1].qkv.len(), 3 * 8 * 8);
        assert_eq!(layout.layers[0].gate_up.len(), 2 * 12 * 8);
    }

    #[test]
    fn initial_deviations_are_those_of_the_recipe() {
        let layout = ParameterLayout::new(Shape { hidden: 64, layers: 2, heads: 2, ffn: 128 }, 200);
        let weights = layout.initial(7);
        let deviation = |range: &Range<usize>| {
            let values = &weights[range.clone()];
            (values.iter().map(|x| f64::from(x * x)).sum::<f64>() / values.len() as f64).sqrt()
        };
        assert!((deviation(&layout.embedding) - 0.5).abs() < 0.02);
        assert!((deviation(&layout.layers[0].qkv) - 0.125).abs() < 0.005);
        assert!((deviation(&layout.layers[1].down) - 128f64.powf(-0.5) / 2.0).abs() < 0.003);
        assert!(weights[layout.norm.clone()].iter().all(|w| *w == 1.0));
        assert!(weights[layout.layers[0].qkv_bias.clone()].iter().all(|w| *w == 0.0));
        assert_eq!(weights, layout.initial(7));
        assert_ne!(weights, layout.initial(8));
    }
}
