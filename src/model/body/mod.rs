//! The body that all architectures become: token vectors, blocks, a norm and a head over K/V buffers.
//!
//! Pre-norm blocks of grouped-query attention with rotary positions and a gated feed-forward part: what differs
//! between the families is names, biases, norms on heads, attention pattern and what a row predicts, all of which an
//! [`Assembly`] says. candle-transformers has models of the same families, but their caches only append: a row can
//! neither be written at a position again nor left out of a read, and their masks are causal. Every block-wise cache of
//! a diffusion model needs the former, every denoiser the latter, and guides share the same building blocks here, so
//! that they can be cropped to any length.

#[cfg(test)]
mod tests;

use candle_core::{DType, Tensor};

use crate::model::attention::attend;
use crate::model::block::Block;
use crate::model::config::Dims;
use crate::model::device::ComputeDevice;
use crate::model::kv::{KvBuffers, KvPlan, KvShape};
use crate::model::layers::{RmsNorm, Rotary, pick};
use crate::model::linear::Vocabulary;
use crate::model::network::{Logits, Network, NetworkError, NetworkSpec, Pass};
use crate::model::weights::{LoadError, Weights};

/// What a body is made of.
#[derive(Debug, Clone)]
pub(super) struct Assembly {
    /// The facts that decoding depends on; the number of weights is filled in by loading.
    pub spec: NetworkSpec,
    /// Sizes.
    pub dims: Dims,
    /// Names of the tensors.
    pub names: &'static BodyNames,
    /// Whether the head is the embedding, transposed.
    pub tied: bool,
    /// Which linear maps have biases.
    pub biases: Biases,
    /// What token vectors are multiplied with.
    pub embedding_scale: Option<f64>,
    /// What logits are multiplied with.
    pub logit_scale: Option<f64>,
}

/// Which linear maps have biases.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Biases {
    /// Those to queries, keys and values.
    pub qkv: bool,
    /// The one out of attention.
    pub output: bool,
    /// Those of the feed-forward part.
    pub inner: bool,
}

/// Names of a checkpoint's tensors, without `.weight` and `.bias`.
#[derive(Debug)]
pub(super) struct BodyNames {
    pub embedding: &'static str,
    pub head: &'static str,
    pub norm: &'static str,
    /// Prefix of the blocks, before their number.
    pub blocks: &'static str,
    /// Names within a block.
    pub block: BlockNames,
}

/// Names within a block.
#[derive(Debug)]
pub(super) struct BlockNames {
    pub input_norm: &'static str,
    pub query: &'static str,
    pub key: &'static str,
    pub value: &'static str,
    /// Norms over each head of queries and keys.
    pub head_norms: Option<(&'static str, &'static str)>,
    pub output: &'static str,
    pub post_norm: &'static str,
    pub gate: &'static str,
    pub up: &'static str,
    pub down: &'static str,
}

/// A network with its K/V buffers.
#[derive(Debug)]
pub struct Body {
    spec: NetworkSpec,
    vocabulary: Vocabulary,
    blocks: Vec<Block>,
    norm: RmsNorm,
    embedding_scale: Option<f64>,
    logit_scale: Option<f64>,
    rotary: Rotary,
    kv: KvBuffers,
    device: ComputeDevice,
}

impl Body {
    /// Loads the tensors of an assembly, each checked against it.
    pub(super) fn load(assembly: Assembly, weights: &Weights, device: &ComputeDevice) -> Result<Self, LoadError> {
        let Assembly { dims, names, .. } = &assembly;
        let head = (!assembly.tied).then_some(names.head);
        let vocabulary = Vocabulary::load(weights, names.embedding, head, (dims.vocab, dims.hidden), device)?;
        let blocks = (0..dims.layers).map(|number| Block::load(&assembly, weights, number, device));
        let blocks = blocks.collect::<Result<_, _>>()?;
        let norm = RmsNorm::load(weights, names.norm, dims.hidden, dims.norm_eps, device)?;
        let shape = KvShape {
            layers: dims.layers,
            kv_heads: dims.kv_heads,
            head_dim: dims.head_dim,
            max_positions: dims.max_positions,
        };
        Ok(Self {
            vocabulary,
            blocks,
            norm,
            embedding_scale: assembly.embedding_scale,
            logit_scale: assembly.logit_scale,
            rotary: Rotary::new(dims.head_dim, dims.rope_theta, device.tensors())?,
            kv: KvBuffers::new(shape, device)?,
            device: device.clone(),
            spec: NetworkSpec { parameters: weights.taken(), ..assembly.spec },
        })
    }

    /// The K/V buffers, for views and tests.
    pub fn kv(&self) -> &KvBuffers {
        &self.kv
    }

    /// Token vectors, `(ids, hidden)`.
    fn embed(&self, ids: &[u32]) -> candle_core::Result<Tensor> {
        let x = self.vocabulary.embed(&Tensor::new(ids, self.device.tensors())?)?;
        match self.embedding_scale {
            Some(scale) => x * scale,
            None => Ok(x),
        }
    }

    /// `(rows, hidden)` of the last layer to logits `(rows, vocab)`.
    fn logits(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let logits = self.vocabulary.logits(&self.norm.forward(x)?)?;
        match self.logit_scale {
            Some(scale) => logits * scale,
            None => Ok(logits),
        }
    }

    /// Runs a checked and planned pass: `(wanted, vocab)`.
    fn run(&mut self, pass: &Pass<'_>, plan: &KvPlan) -> candle_core::Result<Tensor> {
        let mut x = self.embed(pass.ids)?;
        let turn = self.rotary.rows(pass.positions)?;
        let kernels = self.device.kernels();
        let last = self.blocks.len() - 1;
        for (number, block) in self.blocks.iter().enumerate() {
            let (q, k, v) = block.project(&x, &turn)?;
            self.kv.write(number, plan, &k, &v)?;
            // Above the last layer's K/V only the wanted rows matter.
            let narrowed = number == last && pass.wanted.len() < pass.ids.len();
            if narrowed && pass.wanted.is_empty() {
                return Tensor::zeros((0, self.spec.vocab_size), x.dtype(), self.device.tensors());
            }
            let (keys, values) = self.kv.read(number, plan)?;
            x = if narrowed {
                let visible = plan.visible().map(|all| pass.wanted.iter().map(|&row| all[row]).collect::<Vec<_>>());
                let (q, x) = (pick(&q, 1, pass.wanted)?, pick(&x, 0, pass.wanted)?);
                block.finish(&x, &attend(&q, &keys, &values, visible.as_deref(), kernels)?)?
            } else {
                block.finish(&x, &attend(&q, &keys, &values, plan.visible(), kernels)?)?
            };
        }
        self.logits(&x)
    }
}

impl Network for Body {
    fn spec(&self) -> &NetworkSpec {
        &self.spec
    }

    fn reset(&mut self) {
        self.kv.reset();
    }

    fn crop(&mut self, len: usize) {
        self.kv.crop(len);
    }

    fn forward(&mut self, pass: Pass<'_>) -> Result<Logits, NetworkError> {
        pass.check(&self.spec)?;
        let plan = self.kv.plan(&pass, self.spec.attention)?;
        let logits = self.run(&pass, &plan)?;
        self.kv.commit(&plan);
        let logits = logits.to_dtype(DType::F32)?;
        Ok(Logits::new(self.spec.vocab_size, logits.flatten_all()?.to_vec1()?))
    }
}
