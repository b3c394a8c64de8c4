//! The building blocks that transformers share: linear maps, RMS norm, rotary embedding, attention, SwiGLU.
//!
//! Batch size is one throughout: activations are `(rows, width)`, heads are `(heads, rows, head_dim)`. The products
//! themselves are in [`crate::model::linear`]. On the CPU everything between them goes to the fused kernels of
//! `cpu.rs`; the tensor library's own operations serve the other devices.

use candle_core::{D, Device, Result, Tensor};
use candle_nn::{ops, rotary_emb};

use crate::model::cpu;
use crate::model::kv::{as_run, index};
pub use crate::model::linear::{Linear, VocabMaps};
use crate::model::weights::{LoadError, Map, Weights};

/// Division by the root mean square, then a gain per channel.
#[derive(Debug)]
pub struct RmsNorm {
    weight: Tensor,
    eps: f32,
}

impl RmsNorm {
    /// From the gains `(width)`.
    pub fn new(weight: Tensor, eps: f64) -> Self {
        Self { weight, eps: eps as f32 }
    }

    /// `(rows, width)` to the same.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        if x.device().is_cpu() {
            cpu::rms_norm(x, &self.weight, self.eps)
        } else {
            ops::rms_norm(x, &self.weight, self.eps)
        }
    }
}

/// The feed-forward part `down(silu(gate(x)) * up(x))`.
#[derive(Debug)]
pub struct SwiGlu {
    gate_up: Linear,
    down: Linear,
}

impl SwiGlu {
    /// Takes the maps of these names from a checkpoint; `inner` is the width between them.
    pub fn load(
        weights: &Weights,
        [gate, up, down]: [&str; 3],
        hidden: usize,
        inner: usize,
        device: &Device,
    ) -> std::result::Result<Self, LoadError> {
        Ok(Self {
            gate_up: weights.linear(&[Map::new(gate, inner), Map::new(up, inner)], hidden, device)?,
            down: weights.linear(&[Map::new(down, hidden)], inner, device)?,
        })
    }

    /// `(rows, hidden)` to the same.
    pub fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let gate_up = self.gate_up.forward(x)?;
        let inner = if x.device().is_cpu() { cpu::swiglu(&gate_up)? } else { ops::swiglu(&gate_up)? };
        self.down.forward(&inner)
    }
}

/// Rotary position embedding in the half-split form: channel `i` turns with channel `i + head_dim / 2`.
#[derive(Debug)]
pub struct Rotary {
    /// Angle per position for each channel pair.
    frequencies: Vec<f32>,
    /// Cosines and sines by position, `(positions, head_dim / 2)`.
    table: (Tensor, Tensor),
    device: Device,
}

/// Rows that a rotary table starts with; it doubles when a position beyond it is asked for.
const FIRST_POSITIONS: usize = 256;

impl Rotary {
    /// For heads of width `head_dim` and wavelengths up to `2π theta`.
    pub fn new(head_dim: usize, theta: f64, device: &Device) -> Result<Self> {
        // Computed in double and rounded once; angles are float32 products, as in the reference implementations.
        let pairs = (0..head_dim).step_by(2);
        let frequencies: Vec<f32> = pairs.map(|i| (1.0 / theta.powf(i as f64 / head_dim as f64)) as f32).collect();
        let table = table(&frequencies, FIRST_POSITIONS, device)?;
        Ok(Self { frequencies, table, device: device.clone() })
    }

    /// Cosines and sines of these ascending positions, `(positions, head_dim / 2)` each.
    pub fn rows(&mut self, positions: &[usize]) -> Result<(Tensor, Tensor)> {
        let end = positions.last().map_or(0, |&last| last + 1);
        if end > self.table.0.dim(0)? {
            self.table = table(&self.frequencies, end.next_power_of_two(), &self.device)?;
        }
        let (cos, sin) = &self.table;
        if let Some(run) = as_run(positions) {
            let cos = cos.narrow(0, run.start, run.len())?;
            return Ok((cos, sin.narrow(0, run.start, run.len())?));
        }
        let index = index(positions, &self.device)?;
        Ok((cos.index_select(&index, 0)?, sin.index_select(&index, 0)?))
    }
}

fn table(frequencies: &[f32], positions: usize, device: &Device) -> Result<(Tensor, Tensor)> {
    let angles = || (0..positions).flat_map(|position| frequencies.iter().map(move |f| position as f32 * f));
    let shape = (positions, frequencies.len());
    let tensor = |values: Vec<f32>| Tensor::from_vec(values, shape, device);
    Ok((tensor(angles().map(f32::cos).collect())?, tensor(angles().map(f32::sin).collect())?))
}

/// Lays out heads side by side, `(rows, heads * head_dim)`, as `(heads, rows, head_dim)`, and turns the first `turned`.
pub fn split_heads(x: &Tensor, head_dim: usize, turned: usize, turn: &(Tensor, Tensor)) -> Result<Tensor> {
    if x.device().is_cpu() {
        cpu::split_heads(x, head_dim, turned, turn)
    } else {
        split_heads_by_ops(x, head_dim, turned, turn)
    }
}

/// Scaled dot-product attention with queries that already carry the scale.
///
/// `q` is `(heads, rows, head_dim)`, `k` and `v` are `(kv_heads, read, head_dim)`, each shared by `heads / kv_heads`
/// consecutive query heads; `visible` gives for each row how many of the read rows it attends to. Returns
/// `(rows, heads * head_dim)`.
pub fn attend(q: &Tensor, k: &Tensor, v: &Tensor, visible: Option<&[usize]>) -> Result<Tensor> {
    let (heads, rows, head_dim) = q.dims3()?;
    let kv_heads = k.dim(0)?;
    // The query heads of a group are rows of one matrix: no key or value is repeated.
    let q = q.reshape((kv_heads, heads / kv_heads * rows, head_dim))?;
    let scores = q.matmul(&k.transpose(1, 2)?)?;
    let weights = if scores.device().is_cpu() {
        cpu::softmax(&scores, visible)?;
        scores
    } else {
        softmax_by_ops(&scores, visible)?
    };
    let context = weights.matmul(v)?;
    context.reshape((heads, rows, head_dim))?.transpose(0, 1)?.reshape((rows, heads * head_dim))
}

/// [`cpu::split_heads`] for any device.
pub(super) fn split_heads_by_ops(
    x: &Tensor,
    head_dim: usize,
    turned: usize,
    turn: &(Tensor, Tensor),
) -> Result<Tensor> {
    let (rows, width) = x.dims2()?;
    let heads = width / head_dim;
    let x = x.reshape((rows, heads, head_dim))?.transpose(0, 1)?.contiguous()?;
    let rotated = rotary_emb::rope(&x.narrow(0, 0, turned)?.unsqueeze(0)?, &turn.0, &turn.1)?;
    Tensor::cat(&[rotated.squeeze(0)?, x.narrow(0, turned, heads - turned)?], 0)
}

/// [`cpu::softmax`] for any device, not in place.
pub(super) fn softmax_by_ops(scores: &Tensor, visible: Option<&[usize]>) -> Result<Tensor> {
    let Some(visible) = visible else {
        return ops::softmax_last_dim(scores);
    };
    let read = scores.dim(D::Minus1)?;
    let row = |&seen: &usize| (0..read).map(move |column| if column < seen { 0.0 } else { f32::NEG_INFINITY });
    let mask: Vec<f32> = visible.iter().flat_map(row).collect();
    let mask = Tensor::from_vec(mask, (visible.len(), read), scores.device())?;
    let by_row = scores.reshape(((), visible.len(), read))?.broadcast_add(&mask)?;
    ops::softmax_last_dim(&by_row.reshape(scores.shape())?)
}
