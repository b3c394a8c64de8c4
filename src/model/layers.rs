//! The building blocks that transformers share: linear maps, token vectors and head, RMS norm, rotary angles, SwiGLU.
//!
//! Batch size is one throughout: activations are `(rows, width)`. Weights are kept transposed to `(in, out)`, because
//! that is the order in which the CPU's matrix product is fast, and maps that share their input are stacked into one.
//! On the CPU everything between the products goes to the fused kernels of `cpu.rs`; the tensor library's own
//! operations serve the other devices.

use candle_core::{Device, Tensor};
use candle_nn::ops;

use crate::model::cpu;
use crate::model::device::{ComputeDevice, Kernels};
use crate::model::slots::{as_run, index};
use crate::model::weights::{LoadError, Weights};

/// A linear map, or several of the same input stacked side by side.
#[derive(Debug)]
pub struct Linear {
    /// `(in, out)`.
    weight: Tensor,
    /// `(out)`.
    bias: Option<Tensor>,
    /// Outputs of each map of the stack.
    widths: Vec<usize>,
}

impl Linear {
    /// Loads the maps `(name, outputs)` of one input of width `inputs`: the tensors `NAME.weight` `(outputs, inputs)`
    /// and, where the maps have biases, `NAME.bias` `(outputs)`. Their outputs lie side by side.
    pub fn load(
        weights: &Weights,
        maps: &[(String, usize)],
        inputs: usize,
        biased: bool,
        device: &ComputeDevice,
    ) -> Result<Self, LoadError> {
        let take = |name: String, shape: &[usize]| -> Result<Tensor, LoadError> {
            Ok(weights.take(&name, shape, device.tensors())?.to_dtype(device.dtype())?)
        };
        let mut stack = Vec::with_capacity(maps.len());
        for (name, outputs) in maps {
            stack.push(take(format!("{name}.weight"), &[*outputs, inputs])?);
        }
        let mut bias = None;
        if biased {
            let biases = maps.iter().map(|(name, outputs)| take(format!("{name}.bias"), &[*outputs]));
            bias = Some(Tensor::cat(&biases.collect::<Result<Vec<_>, _>>()?, 0)?);
        }
        let weight = Tensor::cat(&stack, 0)?.t()?.contiguous()?;
        Ok(Self { weight, bias, widths: maps.iter().map(|(_, outputs)| *outputs).collect() })
    }

    /// `(rows, in)` to `(rows, out)`.
    pub fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let y = x.matmul(&self.weight)?;
        match &self.bias {
            Some(bias) => y.broadcast_add(bias),
            None => Ok(y),
        }
    }

    /// As [`Self::forward`] for the maps `first..end` of the stack alone.
    pub fn forward_part(&self, x: &Tensor, first: usize, end: usize) -> candle_core::Result<Tensor> {
        let start: usize = self.widths[..first].iter().sum();
        let width: usize = self.widths[first..end].iter().sum();
        let mut weight = self.weight.narrow(1, start, width)?;
        if !x.device().is_cpu() {
            // Only the CPU's matrix product takes columns where they lie.
            weight = weight.contiguous()?;
        }
        let y = x.matmul(&weight)?;
        match &self.bias {
            Some(bias) => y.broadcast_add(&bias.narrow(0, start, width)?),
            None => Ok(y),
        }
    }
}

/// The two ends of a body: ids to token vectors, and the last hidden rows to logits.
#[derive(Debug)]
pub struct Vocabulary {
    embedding: Embedding,
    head: Linear,
}

/// Where token vectors come from.
#[derive(Debug)]
enum Embedding {
    /// Rows of `(vocab, hidden)`.
    Own(Tensor),
    /// Columns of the head, `(hidden, vocab)`: held once, in the order that the head needs.
    Tied,
}

impl Vocabulary {
    /// Loads `embedding.weight` `(vocab, hidden)` and, unless it is tied to that, `head.weight` of the same shape.
    pub fn load(
        weights: &Weights,
        embedding: &str,
        head: Option<&str>,
        (vocab, hidden): (usize, usize),
        device: &ComputeDevice,
    ) -> Result<Self, LoadError> {
        let Some(head) = head else {
            let head = Linear::load(weights, &[(embedding.to_owned(), vocab)], hidden, false, device)?;
            return Ok(Self { embedding: Embedding::Tied, head });
        };
        let table = weights.take(&format!("{embedding}.weight"), &[vocab, hidden], device.tensors())?;
        let embedding = Embedding::Own(table.to_dtype(device.dtype())?);
        Ok(Self { embedding, head: Linear::load(weights, &[(head.to_owned(), vocab)], hidden, false, device)? })
    }

    /// Token vectors of `ids`, `(ids, hidden)`.
    pub fn embed(&self, ids: &Tensor) -> candle_core::Result<Tensor> {
        match &self.embedding {
            Embedding::Own(table) => table.index_select(ids, 0),
            Embedding::Tied => self.head.weight.index_select(ids, 1)?.t()?.contiguous(),
        }
    }

    /// `(rows, hidden)` to `(rows, vocab)`.
    pub fn logits(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        self.head.forward(x)
    }
}

/// Division by the root mean square, then a gain per channel.
#[derive(Debug)]
pub struct RmsNorm {
    weight: Tensor,
    eps: f32,
    kernels: Kernels,
}

impl RmsNorm {
    /// Loads the gains `NAME.weight` `(width)`.
    pub fn load(
        weights: &Weights,
        name: &str,
        width: usize,
        eps: f64,
        device: &ComputeDevice,
    ) -> Result<Self, LoadError> {
        let weight = weights.take(&format!("{name}.weight"), &[width], device.tensors())?;
        Ok(Self { weight: weight.to_dtype(device.dtype())?, eps: eps as f32, kernels: device.kernels() })
    }

    /// `(rows, width)` to the same, contiguous.
    pub fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        match self.kernels {
            Kernels::Fused => cpu::rms_norm(x, &self.weight, self.eps),
            Kernels::Library => ops::rms_norm(&x.contiguous()?, &self.weight, self.eps),
        }
    }
}

/// The feed-forward part `down(silu(gate(x)) * up(x))`.
#[derive(Debug)]
pub struct SwiGlu {
    gate_up: Linear,
    down: Linear,
    kernels: Kernels,
}

impl SwiGlu {
    /// Puts together the maps of the gate and the up projection, stacked in this order, and the map back.
    pub fn new(gate_up: Linear, down: Linear, device: &ComputeDevice) -> Self {
        Self { gate_up, down, kernels: device.kernels() }
    }

    /// `(rows, hidden)` to the same.
    pub fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let gate_up = self.gate_up.forward(x)?;
        let inner = match self.kernels {
            Kernels::Fused => cpu::swiglu(&gate_up)?,
            Kernels::Library => ops::swiglu(&gate_up)?,
        };
        self.down.forward(&inner)
    }
}

/// Rotary position embedding in the half-split form: channel `i` turns with channel `i + head_dim / 2`.
#[derive(Debug)]
pub struct Rotary {
    /// Angle per position for each channel pair.
    frequencies: Vec<f32>,
    /// Cosines and sines by position, `(positions, head_dim / 2)`, always in float32.
    table: (Tensor, Tensor),
    device: Device,
}

/// Rows that a rotary table starts with; it doubles when a position beyond it is asked for.
const FIRST_POSITIONS: usize = 256;

impl Rotary {
    /// For heads of width `head_dim` and wavelengths up to `2π theta`.
    pub fn new(head_dim: usize, theta: f64, device: &Device) -> candle_core::Result<Self> {
        // Computed in double and rounded once; angles are float32 products, as in the reference implementations.
        let pairs = (0..head_dim).step_by(2);
        let frequencies: Vec<f32> = pairs.map(|i| (1.0 / theta.powf(i as f64 / head_dim as f64)) as f32).collect();
        let table = table(&frequencies, FIRST_POSITIONS, device)?;
        Ok(Self { frequencies, table, device: device.clone() })
    }

    /// Cosines and sines of these positions, in their order, `(positions, head_dim / 2)` each.
    pub fn rows(&mut self, positions: &[usize]) -> candle_core::Result<(Tensor, Tensor)> {
        let end = positions.iter().max().map_or(0, |&last| last + 1);
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

fn table(frequencies: &[f32], positions: usize, device: &Device) -> candle_core::Result<(Tensor, Tensor)> {
    let angles = || (0..positions).flat_map(|position| frequencies.iter().map(move |f| position as f32 * f));
    let shape = (positions, frequencies.len());
    let tensor = |values: Vec<f32>| Tensor::from_vec(values, shape, device);
    Ok((tensor(angles().map(f32::cos).collect())?, tensor(angles().map(f32::sin).collect())?))
}

/// The rows at these indexes of dimension `dim`, contiguous.
pub(super) fn pick(x: &Tensor, dim: usize, wanted: &[usize]) -> candle_core::Result<Tensor> {
    match as_run(wanted) {
        Some(run) => x.narrow(dim, run.start, run.len())?.contiguous(),
        None => x.contiguous()?.index_select(&index(wanted, x.device())?, dim),
    }
}
