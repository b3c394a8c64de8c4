//! The building blocks that transformers share: RMS norm, rotary angles, SwiGLU.
//!
//! Batch size is one throughout: activations are `(rows, width)`. The products themselves are in
//! [`crate::model::linear`]. On the CPU everything between them goes to the fused kernels of `cpu.rs`; the tensor
//! library's own operations serve the other devices.

use candle_core::{D, DType, Device, Tensor};
use candle_nn::ops;

use crate::model::cpu;
use crate::model::device::{ComputeDevice, Kernels};
use crate::model::linear::Linear;
use crate::model::slots::{as_run, index};
use crate::model::weights::{LoadError, Weights};

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

    /// The same for the last norm of a network. A row whose squares overflow is NaN behind it: one of zeros would look like
    /// numbers.
    pub fn last(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let normed = self.forward(x)?;
        if self.kernels == Kernels::Fused {
            return Ok(normed);
        }
        let squares = x.to_dtype(DType::F32)?.sqr()?.sum_keepdim(D::Minus1)?;
        normed.broadcast_add(&(squares * 0.0)?.to_dtype(normed.dtype())?)
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

/// How the wavelengths of a rotary embedding were stretched, for sequences longer than those of the first training.
#[derive(Debug, Clone, PartialEq)]
pub enum RopeStretch {
    /// As Llama 3.1: long waves by `factor`, short ones not at all, those between by a blend of both.
    Llama3 {
        /// What long waves are stretched by.
        factor: f64,
        /// Turns within `original` positions below which a wave is long.
        low: f64,
        /// Turns within `original` positions above which it is short.
        high: f64,
        /// Positions of the first training.
        original: f64,
    },
    /// Each channel pair by its own factor, `(head_dim / 2)`.
    Each(Vec<f32>),
}

impl RopeStretch {
    /// The angle per position of channel pair `pair`, which was `frequency`.
    fn apply(&self, pair: usize, frequency: f64) -> f64 {
        match self {
            Self::Llama3 { factor, low, high, original } => {
                let turns = original * frequency / std::f64::consts::TAU;
                let kept = ((turns - low) / (high - low)).clamp(0.0, 1.0);
                frequency * (kept + (1.0 - kept) / factor)
            }
            Self::Each(factors) => frequency / f64::from(factors[pair]),
        }
    }
}

impl Rotary {
    /// For heads of width `head_dim` and wavelengths up to `2π theta`, then stretched.
    pub fn new(
        head_dim: usize,
        theta: f64,
        stretch: Option<&RopeStretch>,
        device: &Device,
    ) -> candle_core::Result<Self> {
        // Computed in double and rounded once; angles are float32 products, as in the reference implementations.
        let frequency = |pair: usize| {
            let frequency = 1.0 / theta.powf((2 * pair) as f64 / head_dim as f64);
            stretch.map_or(frequency, |stretch| stretch.apply(pair, frequency)) as f32
        };
        let frequencies: Vec<f32> = (0..head_dim / 2).map(frequency).collect();
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_row_whose_squares_overflow_is_no_row_of_zeros() {
        let rows = [[1.0, -2.0, 3.0, 0.0], [3e38; 4], [0.0, 0.0, 0.0, -2e19], [f32::INFINITY, 1.0, 1.0, 1.0]];
        let x = Tensor::new(&rows, &Device::Cpu).unwrap();
        let weight = Tensor::new(&[1.0_f32, 1.0, 2.0, 0.5], &Device::Cpu).unwrap();
        for kernels in [Kernels::Fused, Kernels::Library] {
            let norm = RmsNorm { weight: weight.clone(), eps: 1e-6, kernels };
            let (last, usual) = (norm.last(&x).unwrap(), norm.forward(&x).unwrap());
            let (last, usual): (Vec<Vec<f32>>, Vec<Vec<f32>>) = (last.to_vec2().unwrap(), usual.to_vec2().unwrap());
            assert_eq!(last[0], usual[0]);
            assert!(last[1..].iter().flatten().all(|value| value.is_nan()), "{kernels:?}: {last:?}");
        }
    }
}
