//! One pre-norm transformer block: attention, then the feed-forward part, each added to what came in.

use candle_core::Tensor;

use crate::model::arch::ArchSpec;
use crate::model::attention::{HeadNorm, Heads};
use crate::model::device::ComputeDevice;
use crate::model::layers::{RmsNorm, SwiGlu};
use crate::model::linear::Linear;
use crate::model::weights::{LoadError, Weights};

/// One layer.
#[derive(Debug)]
pub struct Block {
    input_norm: RmsNorm,
    qkv: Linear,
    heads: Heads,
    output: Linear,
    post_norm: RmsNorm,
    mlp: SwiGlu,
}

impl Block {
    /// Loads layer `number`.
    pub(super) fn load(
        spec: &ArchSpec,
        weights: &Weights,
        number: usize,
        device: &ComputeDevice,
    ) -> Result<Self, LoadError> {
        let ArchSpec { arch, dims, biases, .. } = spec;
        let names = &arch.names.block;
        let name = |part: &str| format!("{}.{number}.{part}", arch.names.blocks);
        let norm = |part: &str| RmsNorm::load(weights, &name(part), dims.hidden, dims.norm_eps, device);
        let (queries, keys) = (dims.heads * dims.head_dim, dims.kv_heads * dims.head_dim);
        let qkv = [(name(names.query), queries), (name(names.key), keys), (name(names.value), keys)];
        let norms = match names.head_norms {
            None => None,
            Some((query, key)) => {
                let norm = |part: &str| HeadNorm::load(weights, &name(part), dims, device);
                Some((norm(query)?, norm(key)?))
            }
        };
        let gate_up = [(name(names.gate), dims.intermediate_size), (name(names.up), dims.intermediate_size)];
        let down = [(name(names.down), dims.hidden)];
        Ok(Self {
            input_norm: norm(names.input_norm)?,
            qkv: Linear::load(weights, &qkv, dims.hidden, biases.qkv, device)?,
            heads: Heads::new(dims, norms, device.kernels()),
            output: Linear::load(weights, &[(name(names.output), dims.hidden)], queries, biases.output, device)?,
            post_norm: norm(names.post_norm)?,
            mlp: SwiGlu::new(
                Linear::load(weights, &gate_up, dims.hidden, biases.feed_forward, device)?,
                Linear::load(weights, &down, dims.intermediate_size, biases.feed_forward, device)?,
                device,
            ),
        })
    }

    /// What attention sees of the rows `x`.
    pub(super) fn normed(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        self.input_norm.forward(x)
    }

    /// Rotated queries `(heads, rows, head_dim)`, rotated keys and values `(kv_heads, rows, head_dim)`.
    pub(super) fn project(&self, x: &Tensor, turn: &(Tensor, Tensor)) -> candle_core::Result<(Tensor, Tensor, Tensor)> {
        self.heads.split(&self.qkv.forward(&self.normed(x)?)?, turn)
    }

    /// The values of normed rows alone.
    pub(super) fn values(&self, normed: &Tensor) -> candle_core::Result<Tensor> {
        self.heads.split_values(&self.qkv.forward_part(normed, 2, 3)?)
    }

    /// The rotated queries and keys of normed rows alone.
    pub(super) fn queries_and_keys(
        &self,
        normed: &Tensor,
        turn: &(Tensor, Tensor),
    ) -> candle_core::Result<(Tensor, Tensor)> {
        self.heads.split_turned(&self.qkv.forward_part(normed, 0, 2)?, turn)
    }

    /// What attention adds to the rows whose queries gathered `context`.
    pub(super) fn attended(&self, context: &Tensor) -> candle_core::Result<Tensor> {
        self.output.forward(context)
    }

    /// What the feed-forward part adds to the rows `x`, attention being added already.
    pub(super) fn fed_forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        self.mlp.forward(&self.post_norm.forward(x)?)
    }

    /// The rest of the block for the rows `x`, given what their queries gathered.
    pub(super) fn finish(&self, x: &Tensor, context: &Tensor) -> candle_core::Result<Tensor> {
        let x = (x + self.attended(context)?)?;
        let inner = self.fed_forward(&x)?;
        x + inner
    }
}
