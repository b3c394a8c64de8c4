//! The network that all architectures become: token vectors, blocks, a norm and a head over K/V buffers.
//!
//! Pre-norm blocks of grouped-query attention with rotary positions and a gated feed-forward part: what differs
//! between the architectures is names, biases, norms on heads, attention pattern and what a row predicts, all of which an
//! `ArchSpec` says. candle-transformers has causal models of the same families, which are the oracle in tests
//! (`tests/golden_forward/oracle.rs`). The program cannot use them: their caches only append, so that a row can neither be
//! written at a position again nor left out of a read (every cache of a denoiser needs that, and every guide that is cropped);
//! their masks are causal; they give the logits of the last row alone; and no layer can be observed or passed over on the
//! way (Elastic-Cache, dLLM-Cache).

mod refresh;
mod state;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::Arc;

use candle_core::{Device, Tensor};

use crate::model::arch::ArchSpec;
use crate::model::attention::attend;
use crate::model::block::Block;
use crate::model::config::Dims;
use crate::model::device::{ComputeDevice, Kernels};
use crate::model::kv::{KvBuffers, KvPlan, KvShape};
use crate::model::layers::{RmsNorm, RopeStretch, Rotary, pick};
use crate::model::linear::EmbeddingAndHead;
use crate::model::network::{
    Bank, Drift, LayerObserver, Logits, Network, NetworkError, NetworkShape, NetworkSpec, NetworkState, Pass,
    RefreshHook,
};
use crate::model::peak;
use crate::model::reduce::TensorRows;
use crate::model::weights::{LoadError, Weights};
use refresh::Outputs;
use watch::Traces;

/// A network with its K/V buffers.
#[derive(Debug)]
pub struct Transformer {
    spec: NetworkSpec,
    shape: NetworkShape,
    dims: Dims,
    ends: EmbeddingAndHead,
    blocks: Vec<Block>,
    norm: RmsNorm,
    embedding_scale: Option<f64>,
    logit_scale: Option<f64>,
    rotary: Rotary,
    /// The run's rows.
    kv: KvBuffers,
    /// The audit's, from its first pass on.
    audit: Option<KvBuffers>,
    /// What widening a pass needs, from the first watched pass on.
    traces: Option<Traces>,
    /// What layers added to rows, from the first refreshed pass on.
    outputs: Option<Outputs>,
    device: ComputeDevice,
}

impl Transformer {
    /// Loads the tensors that a configuration comes to, each checked against it; `network` is what decoding will see.
    pub(super) fn load(
        spec: &ArchSpec,
        network: NetworkSpec,
        weights: &Weights,
        device: &ComputeDevice,
    ) -> Result<Self, LoadError> {
        let (dims, names) = (&spec.dims, &spec.arch.names);
        let head = (!spec.tied).then_some(names.head);
        let ends = EmbeddingAndHead::load(weights, names.embedding, head, (dims.vocab, dims.hidden), device)?;
        let blocks = (0..dims.layers).map(|number| Block::load(spec, weights, number, device));
        let blocks = blocks.collect::<Result<_, _>>()?;
        let norm = RmsNorm::load(weights, names.norm, dims.hidden, dims.norm_eps, device)?;
        let kv = KvBuffers::new(kv_shape(dims), device)?;
        let stretch = rope_factors(spec, weights)?.or_else(|| spec.rope_stretch.clone());
        Ok(Self {
            shape: shape(dims, weights.kept_bytes(spec.table().as_deref(), device), device),
            dims: *dims,
            ends,
            blocks,
            norm,
            embedding_scale: spec.embedding_scale,
            logit_scale: spec.logit_scale,
            rotary: Rotary::new(dims.head_dim, dims.rope_theta, stretch.as_ref(), device.tensors())?,
            kv,
            audit: None,
            traces: None,
            outputs: None,
            device: device.clone(),
            spec: NetworkSpec { parameters: weights.taken(), ..network },
        })
    }

    /// The run's K/V buffers, for views and tests.
    pub fn kv(&self) -> &KvBuffers {
        &self.kv
    }

    /// Token vectors, `(ids, hidden)`.
    fn embed(&self, ids: &[u32]) -> candle_core::Result<Tensor> {
        let x = self.ends.embed(&Tensor::new(ids, self.device.tensors())?)?;
        match self.embedding_scale {
            Some(scale) => x * scale,
            None => Ok(x),
        }
    }

    /// `(rows, hidden)` of the last layer to logits `(rows, vocab)`.
    fn logits(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let logits = self.ends.logits(&self.norm.last(x)?)?;
        match self.logit_scale {
            Some(scale) => logits * scale,
            None => Ok(logits),
        }
    }

    /// The logits of these rows of the last layer.
    fn wanted(&self, x: &Tensor, rows: &[usize]) -> Result<Logits, NetworkError> {
        let vocab = self.spec.vocab_size;
        if rows.is_empty() {
            return Ok(Logits::new(vocab, Vec::new()));
        }
        let x = if rows.len() < x.dim(0)? { pick(x, 0, rows)? } else { x.clone() };
        let logits = self.logits(&x)?;
        self.device.tensors().synchronize()?;
        Ok(match self.device.kernels() {
            Kernels::Fused => Logits::new(vocab, logits.flatten_all()?.to_vec1()?),
            // What other devices make stays there. They are waited for, so that the time is counted where it is spent.
            Kernels::Library => Logits::on_device(vocab, Arc::new(TensorRows(logits))),
        })
    }

    /// The buffers of a bank.
    fn bank(&mut self, bank: Bank) -> candle_core::Result<&mut KvBuffers> {
        match bank {
            Bank::Run => Ok(&mut self.kv),
            Bank::Audit => match &mut self.audit {
                Some(audit) => Ok(audit),
                empty => Ok(empty.insert(KvBuffers::new(kv_shape(&self.dims), &self.device)?)),
            },
        }
    }

    /// Runs a checked and planned pass: the wanted rows of the last layer, `(wanted, hidden)`.
    fn run(&mut self, pass: &Pass<'_>, plan: &KvPlan) -> candle_core::Result<Tensor> {
        let mut x = self.embed(pass.ids)?;
        let turn = self.rotary.rows(pass.positions)?;
        let kv = match (pass.bank, &self.audit) {
            (Bank::Audit, Some(audit)) => audit,
            _ => &self.kv,
        };
        let mut traces = self.traces.as_mut().filter(|_| pass.bank == Bank::Run);
        if let Some(traces) = &mut traces {
            traces.begin(plan)?;
        }
        let last = self.blocks.len() - 1;
        for (number, block) in self.blocks.iter().enumerate() {
            let (q, k, v) = block.project(&x, &turn)?;
            kv.write(number, plan, &k, &v)?;
            if let Some(traces) = &mut traces {
                traces.write(number, &x, &q)?;
            }
            // Above the last layer's K/V only the wanted rows matter.
            let narrowed = number == last && pass.wanted.len() < pass.ids.len();
            if narrowed && pass.wanted.is_empty() {
                break;
            }
            let (keys, values) = kv.read(number, plan)?;
            x = if narrowed {
                let (q, x) = (pick(&q, 1, pass.wanted)?, pick(&x, 0, pass.wanted)?);
                block.finish(&x, &attend(&q, &keys, &values, &plan.mask.pick(pass.wanted)?)?)?
            } else {
                block.finish(&x, &attend(&q, &keys, &values, &plan.mask)?)?
            };
        }
        if let Some(traces) = traces {
            traces.commit();
        }
        Ok(x)
    }
}

/// The factors that the weights file has for the rotary embedding, if it is one that may have them.
fn rope_factors(spec: &ArchSpec, weights: &Weights) -> Result<Option<RopeStretch>, LoadError> {
    let name = spec.arch.names.rope_factors.map(|name| format!("{name}.weight"));
    let Some(name) = name.filter(|name| weights.has(name)) else { return Ok(None) };
    let factors = weights.take(&name, &[spec.dims.head_dim / 2], &Device::Cpu)?;
    Ok(Some(RopeStretch::Each(factors.to_vec1()?)))
}

fn kv_shape(dims: &Dims) -> KvShape {
    KvShape { layers: dims.layers, kv_heads: dims.kv_heads, head_dim: dims.head_dim, max_positions: dims.max_positions }
}

fn shape(dims: &Dims, weight_bytes: u64, device: &ComputeDevice) -> NetworkShape {
    NetworkShape {
        hidden: dims.hidden,
        intermediate: dims.intermediate_size,
        heads: dims.heads,
        kv_heads: dims.kv_heads,
        head_dim: dims.head_dim,
        vocab: dims.vocab,
        kv_number: device.dtype().size_in_bytes(),
        weight_bytes,
    }
}

impl Network for Transformer {
    fn spec(&self) -> &NetworkSpec {
        &self.spec
    }

    fn shape(&self) -> Option<NetworkShape> {
        Some(self.shape)
    }

    fn peak(&mut self) -> Option<u64> {
        peak::measure(&self.device).ok().map(|peak| peak as u64)
    }

    fn reset(&mut self) {
        self.kv.reset();
        if let Some(audit) = &mut self.audit {
            audit.reset();
        }
        // Whether a run is watched or refreshed shows in its first pass: without one, nothing is kept.
        self.traces = None;
        self.outputs = None;
    }

    fn crop(&mut self, len: usize) {
        self.kv.crop(len);
        if let Some(traces) = &mut self.traces {
            traces.crop(len);
        }
        if let Some(outputs) = &mut self.outputs {
            outputs.crop(len);
        }
    }

    fn state(&self) -> Result<Option<NetworkState>, NetworkError> {
        Ok(Some(self.kept()?))
    }

    fn restore(&mut self, state: &NetworkState) -> Result<(), NetworkError> {
        if self.put_back(state)? { Ok(()) } else { Err(self.unsupported("cannot take the state of another network")) }
    }

    fn forward(&mut self, pass: Pass<'_>) -> Result<Logits, NetworkError> {
        pass.check(&self.spec)?;
        let attention = self.spec.attention;
        let plan = self.bank(pass.bank)?.plan(&pass, attention)?;
        let x = self.run(&pass, &plan)?;
        self.bank(pass.bank)?.commit(&plan);
        // The rows were narrowed to the wanted ones already.
        let rows: Vec<usize> = (0..pass.wanted.len()).collect();
        self.wanted(&x, &rows)
    }

    fn forward_observed(&mut self, pass: Pass<'_>, hook: &mut dyn LayerObserver) -> Result<Logits, NetworkError> {
        pass.check(&self.spec)?;
        let (x, rows) = self.run_watched(&pass, hook)?;
        self.wanted(&x, &rows)
    }

    fn forward_refreshed(&mut self, pass: Pass<'_>, hook: &mut dyn RefreshHook) -> Result<Logits, NetworkError> {
        pass.check(&self.spec)?;
        let x = self.run_refreshed(&pass, hook)?;
        self.wanted(&x, pass.wanted)
    }

    fn drift(&self, positions: &[usize]) -> Result<Drift, NetworkError> {
        match &self.audit {
            Some(audit) => self.kv.drift(audit, positions),
            None => Err(NetworkError::Unwritten { position: positions.first().copied().unwrap_or_default() }),
        }
    }
}

/// Indexes that a hook gives back must be ascending and below `count`.
fn check_indexes(what: &str, indexes: &[usize], count: usize) -> Result<(), NetworkError> {
    let ascending = indexes.windows(2).all(|pair| pair[0] < pair[1]);
    if ascending && indexes.last().is_none_or(|&last| last < count) {
        return Ok(());
    }
    Err(NetworkError::Pass(format!("a hook picks {what} {indexes:?}, expected ascending numbers below {count}")))
}
