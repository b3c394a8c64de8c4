//! The trainer's engine for any device: the same network made of candle's differentiable operations.
//!
//! Chunks are padded to rectangles. Only operations that keep the graph are used: candle's fused softmax, RMS norm
//! and rotary embedding have no gradient, and would stop it without an error.

use super::gradient::{Chunk, EngineError, GradientEngine, Outcome};
use super::parameters::{ParameterLayout, RMS_NORM_EPS, ROPE_THETA};
use candle_core::{D, DType, Device, Tensor, Var};
use std::ops::Range;

/// The engine.
#[derive(Debug)]
pub struct Composed {
    layout: ParameterLayout,
    device: Device,
    positions: usize,
}

/// A chunk on the device. `b` sequences padded to `t` tokens, `w` wanted rows.
struct Padded {
    ids: Tensor,
    b: usize,
    t: usize,
    /// `(b, 1, t, t)`: added to the attention scores
    bias: Tensor,
    /// `(w)`: wanted rows of the flattened `(b t)` rows
    rows: Tensor,
}

impl Composed {
    /// An engine for sequences of at most `positions` tokens on `device`.
    pub fn new(layout: ParameterLayout, positions: usize, device: Device) -> Self {
        Self { layout, device, positions }
    }

    fn pad(&self, chunk: &Chunk, future: f32) -> Result<Padded, EngineError> {
        let b = chunk.sequences.len();
        let t = chunk.sequences.iter().map(ExactSizeIterator::len).max().unwrap_or(0);
        if t > self.positions {
            return Err(EngineError::TooLong { len: t, limit: self.positions });
        }
        let mut ids = vec![0u32; b * t];
        let mut bias = vec![0f32; b * t * t];
        let mut rows = Vec::with_capacity(chunk.wanted.len());
        for (s, sequence) in chunk.sequences.iter().enumerate() {
            ids[s * t..s * t + sequence.len()].copy_from_slice(&chunk.ids[sequence.clone()]);
            for query in 0..t {
                let scores = &mut bias[(s * t + query) * t..][..t];
                scores[query + 1..].fill(future);
                // Padding is never a key; as a query it sees at least itself, which keeps its softmax finite.
                scores[sequence.len()..].fill(f32::NEG_INFINITY);
                if query >= sequence.len() {
                    scores[query] = 0.0;
                }
            }
            let wanted = &chunk.wanted[chunk.wanted_ranges[s].clone()];
            rows.extend(wanted.iter().map(|row| (s * t + *row as usize - sequence.start) as u32));
        }
        Ok(Padded {
            ids: Tensor::from_vec(ids, b * t, &self.device)?,
            b,
            t,
            bias: Tensor::from_vec(bias, (b, 1, t, t), &self.device)?,
            rows: Tensor::from_vec(rows, chunk.wanted.len(), &self.device)?,
        })
    }

    fn variables(&self, weights: &[f32]) -> Result<Vec<Var>, EngineError> {
        let tensors = self.layout.tensors.iter();
        Ok(tensors
            .map(|tensor| Var::from_slice(&weights[tensor.range.clone()], tensor.dims.as_slice(), &self.device))
            .collect::<Result<_, _>>()?)
    }

    fn find<'a>(&self, variables: &'a [Var], range: &Range<usize>) -> Vec<&'a Tensor> {
        self.layout
            .tensors
            .iter()
            .zip(variables)
            .filter(|(tensor, _)| range.start <= tensor.range.start && tensor.range.end <= range.end)
            .map(|(_, variable)| variable.as_tensor())
            .collect()
    }

    /// Logits of the wanted rows, `(w, vocab)`.
    fn forward(&self, variables: &[Var], padded: &Padded) -> Result<Tensor, EngineError> {
        let shape = self.layout.shape;
        let (heads, head) = (shape.heads, shape.hidden / shape.heads);
        let (b, t) = (padded.b, padded.t);
        let angles: Vec<f32> = (0..t)
            .flat_map(|p| {
                (0..head)
                    .map(move |i| (p as f64 * ROPE_THETA.powf(-2.0 * (i % (head / 2)) as f64 / head as f64)) as f32)
            })
            .collect();
        let angles = Tensor::from_vec(angles, (1, 1, t, head), &self.device)?;
        let (cos, sin) = (angles.cos()?, angles.sin()?);
        let rotate = |x: Tensor| -> candle_core::Result<Tensor> {
            let (low, high) = (x.narrow(D::Minus1, 0, head / 2)?, x.narrow(D::Minus1, head / 2, head / 2)?);
            let turned = Tensor::cat(&[&high.neg()?, &low], D::Minus1)?;
            x.broadcast_mul(&cos)? + turned.broadcast_mul(&sin)?
        };
        let one = |range: &Range<usize>| self.find(variables, range)[0];
        let mut x = one(&self.layout.embedding).index_select(&padded.ids, 0)?;
        for places in &self.layout.layers {
            let input = rms_norm(&x, one(&places.attention_norm))?;
            let project = |index: usize| -> candle_core::Result<Tensor> {
                let weight = self.find(variables, &places.qkv)[index];
                let bias = self.find(variables, &places.qkv_bias)[index];
                let out = input.matmul(&weight.t()?)?.broadcast_add(bias)?;
                out.reshape((b, t, heads, head))?.transpose(1, 2)?.contiguous()
            };
            let (q, k, v) = (rotate(project(0)?)?, rotate(project(1)?)?, project(2)?);
            let scores = (q.matmul(&k.transpose(2, 3)?.contiguous()?)? * (head as f64).powf(-0.5))?;
            let probabilities = candle_nn::ops::softmax(&scores.broadcast_add(&padded.bias)?, D::Minus1)?;
            let gathered = probabilities.matmul(&v)?.transpose(1, 2)?.contiguous()?.reshape((b * t, heads * head))?;
            let middle = (x + gathered.matmul(&one(&places.output).t()?)?)?;
            let input = rms_norm(&middle, one(&places.ffn_norm))?;
            let gate_up = self.find(variables, &places.gate_up);
            let gate = input.matmul(&gate_up[0].t()?)?.silu()?;
            let activated = (gate * input.matmul(&gate_up[1].t()?)?)?;
            x = (middle + activated.matmul(&one(&places.down).t()?)?)?;
        }
        let x = rms_norm(&x.index_select(&padded.rows, 0)?, one(&self.layout.norm))?;
        Ok(x.matmul(&one(&self.layout.head).t()?)?)
    }
}

fn rms_norm(x: &Tensor, weight: &Tensor) -> candle_core::Result<Tensor> {
    let scale = (x.sqr()?.mean_keepdim(D::Minus1)? + f64::from(RMS_NORM_EPS))?.sqrt()?;
    x.broadcast_div(&scale)?.broadcast_mul(weight)
}

impl GradientEngine for Composed {
    fn layout(&self) -> &ParameterLayout {
        &self.layout
    }

    fn gradient(
        &mut self,
        weights: &[f32],
        chunks: &[Chunk],
        future: f32,
        gradient: &mut [f32],
    ) -> Result<Vec<Outcome>, EngineError> {
        gradient.fill(0.0);
        let variables = self.variables(weights)?;
        let mut outcomes = Vec::with_capacity(chunks.len());
        for chunk in chunks {
            if chunk.wanted.is_empty() {
                outcomes.push(Outcome::default());
                continue;
            }
            let logits = self.forward(&variables, &self.pad(chunk, future)?)?;
            let targets = Tensor::from_slice(&chunk.targets, (chunk.targets.len(), 1), &self.device)?;
            let factors = Tensor::from_slice(&chunk.weights, chunk.weights.len(), &self.device)?;
            let losses = candle_nn::ops::log_softmax(&logits, D::Minus1)?.gather(&targets, 1)?.squeeze(1)?.neg()?;
            let grads = (&losses * &factors)?.sum_all()?.backward()?;
            for (tensor, variable) in self.layout.tensors.iter().zip(&variables) {
                if let Some(grad) = grads.get(variable) {
                    let values = grad.flatten_all()?.to_vec1::<f32>()?;
                    super::kernels::accumulate(&mut gradient[tensor.range.clone()], &values);
                }
            }
            let aimed = logits.gather(&targets, 1)?.squeeze(1)?;
            let hits = aimed.ge(&logits.max(D::Minus1)?)?.to_dtype(DType::U8)?.to_vec1::<u8>()?;
            outcomes.push(Outcome { losses: losses.to_vec1()?, hits: hits.iter().map(|h| *h != 0).collect() });
        }
        Ok(outcomes)
    }

    fn logits(&mut self, weights: &[f32], chunks: &[Chunk], future: f32) -> Result<Vec<Vec<f32>>, EngineError> {
        let variables = self.variables(weights)?;
        let logits = chunks.iter().map(|chunk| {
            if chunk.wanted.is_empty() {
                return Ok(Vec::new());
            }
            Ok(self.forward(&variables, &self.pad(chunk, future)?)?.flatten_all()?.to_vec1()?)
        });
        logits.collect()
    }
}
