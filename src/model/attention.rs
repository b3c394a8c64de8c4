//! Attention: from the stacked projections to heads, and from queries, keys and values to what each row gathers.
//!
//! Heads are `(heads, rows, head_dim)`. Queries leave here with the scale of attention already in them, so that no
//! score has to be multiplied, and queries and keys leave rotated to their positions.

use candle_core::{D, DType, Tensor};
use candle_nn::{ops, rotary_emb};

use crate::model::config::Dims;
use crate::model::cpu;
use crate::model::device::{ComputeDevice, Kernels};
use crate::model::weights::{LoadError, Weights};

/// How one layer's projections become heads.
#[derive(Debug)]
pub struct Heads {
    dims: Dims,
    /// Norms over each head of queries and keys, before they are rotated (Qwen3).
    norms: Option<(HeadNorm, HeadNorm)>,
    kernels: Kernels,
}

/// A norm over each head.
#[derive(Debug)]
pub struct HeadNorm {
    /// Gains `(head_dim)` in float32, for the library's kernels.
    tensor: Tensor,
    /// The same, for the fused one.
    pub gains: Vec<f32>,
    /// Added to the mean square.
    pub eps: f32,
}

/// One kind of heads within the stacked projections.
#[derive(Debug, Clone, Copy)]
pub struct HeadKind<'a> {
    /// Number of heads.
    pub count: usize,
    /// A norm over each of them.
    pub norm: Option<&'a HeadNorm>,
    /// Whether they are rotated.
    pub turned: bool,
    /// What they are multiplied with in the end.
    pub scale: f32,
}

impl HeadNorm {
    /// Loads the gains `NAME.weight` `(head_dim)`.
    pub fn load(weights: &Weights, name: &str, dims: &Dims, device: &ComputeDevice) -> Result<Self, LoadError> {
        let tensor = weights.take(&format!("{name}.weight"), &[dims.head_dim], device.tensors())?;
        Ok(Self::new(tensor, dims.norm_eps as f32)?)
    }

    pub(super) fn new(gains: Tensor, eps: f32) -> candle_core::Result<Self> {
        Ok(Self { gains: gains.to_vec1()?, tensor: gains, eps })
    }
}

impl Heads {
    /// For these sizes; `norms` are those of queries and keys.
    pub fn new(dims: &Dims, norms: Option<(HeadNorm, HeadNorm)>, kernels: Kernels) -> Self {
        Self { dims: *dims, norms, kernels }
    }

    /// Splits queries, keys and values, laid side by side as `(rows, (heads + 2 kv_heads) * head_dim)`, into heads
    /// `(heads, rows, head_dim)` and twice `(kv_heads, rows, head_dim)`, each contiguous.
    pub fn split(&self, qkv: &Tensor, turn: &(Tensor, Tensor)) -> candle_core::Result<(Tensor, Tensor, Tensor)> {
        let [query, key] = self.turned();
        let value = HeadKind { count: self.dims.kv_heads, norm: None, turned: false, scale: 1.0 };
        let heads = self.kinds(qkv, turn, &[query, key, value])?;
        let turned = self.dims.heads + self.dims.kv_heads;
        Ok((
            heads.narrow(0, 0, self.dims.heads)?,
            heads.narrow(0, self.dims.heads, self.dims.kv_heads)?,
            heads.narrow(0, turned, self.dims.kv_heads)?,
        ))
    }

    /// Queries and keys.
    fn turned(&self) -> [HeadKind<'_>; 2] {
        let scale = 1.0 / (self.dims.head_dim as f32).sqrt();
        let (query, key) = self.norms.as_ref().map(|(query, key)| (query, key)).unzip();
        [
            HeadKind { count: self.dims.heads, norm: query, turned: true, scale },
            HeadKind { count: self.dims.kv_heads, norm: key, turned: true, scale: 1.0 },
        ]
    }

    fn kinds(&self, x: &Tensor, turn: &(Tensor, Tensor), kinds: &[HeadKind<'_>]) -> candle_core::Result<Tensor> {
        match self.kernels {
            Kernels::Fused => cpu::split_heads(x, self.dims.head_dim, kinds, turn),
            Kernels::Library => split_heads_by_ops(x, self.dims.head_dim, kinds, turn),
        }
    }
}

/// [`cpu::split_heads`] for any device. Norms, rotation and scale are computed in float32 and rounded once.
pub(super) fn split_heads_by_ops(
    x: &Tensor,
    head_dim: usize,
    kinds: &[HeadKind<'_>],
    turn: &(Tensor, Tensor),
) -> candle_core::Result<Tensor> {
    let rows = x.dim(0)?;
    let heads = x.reshape((rows, (), head_dim))?.transpose(0, 1)?.contiguous()?;
    let mut parts = Vec::with_capacity(kinds.len());
    let mut first = 0;
    for kind in kinds {
        let mut part = heads.narrow(0, first, kind.count)?;
        first += kind.count;
        if kind.norm.is_some() || kind.turned || kind.scale != 1.0 {
            part = part.to_dtype(DType::F32)?;
            if let Some(norm) = kind.norm {
                part = ops::rms_norm(&part, &norm.tensor, norm.eps)?;
            }
            if kind.turned {
                part = rotary_emb::rope(&part.unsqueeze(0)?, &turn.0, &turn.1)?.squeeze(0)?;
            }
            part = (part * f64::from(kind.scale))?.to_dtype(x.dtype())?;
        }
        parts.push(part);
    }
    Tensor::cat(&parts, 0)
}

/// Scaled dot-product attention with queries that already carry the scale.
///
/// `q` is `(heads, rows, head_dim)`, `k` and `v` are `(kv_heads, read, head_dim)`, each shared by `heads / kv_heads`
/// consecutive query heads; `visible` gives for each row how many of the read rows it attends to. Returns
/// `(rows, heads * head_dim)`.
pub fn attend(
    q: &Tensor,
    k: &Tensor,
    v: &Tensor,
    visible: Option<&[usize]>,
    kernels: Kernels,
) -> candle_core::Result<Tensor> {
    let (heads, rows, head_dim) = q.dims3()?;
    let kv_heads = k.dim(0)?;
    // The query heads of a group are rows of one matrix: no key or value is repeated.
    let q = q.reshape((kv_heads, heads / kv_heads * rows, head_dim))?;
    let scores = q.matmul(&k.transpose(1, 2)?)?;
    let weights = match kernels {
        Kernels::Fused => {
            cpu::softmax(&scores, visible)?;
            scores
        }
        Kernels::Library => softmax_by_ops(&scores, visible)?,
    };
    let context = weights.matmul(v)?;
    context.reshape((heads, rows, head_dim))?.transpose(0, 1)?.reshape((rows, heads * head_dim))
}

/// [`cpu::softmax`] for any device, not in place.
pub(super) fn softmax_by_ops(scores: &Tensor, visible: Option<&[usize]>) -> candle_core::Result<Tensor> {
    let Some(visible) = visible else {
        return ops::softmax_last_dim(scores);
    };
    let read = scores.dim(D::Minus1)?;
    let row = |&seen: &usize| (0..read).map(move |column| if column < seen { 0.0 } else { f32::NEG_INFINITY });
    let mask: Vec<f32> = visible.iter().flat_map(row).collect();
    let mask = Tensor::from_vec(mask, (visible.len(), read), scores.device())?.to_dtype(scores.dtype())?;
    let by_row = scores.reshape(((), visible.len(), read))?.broadcast_add(&mask)?;
    ops::softmax_last_dim(&by_row.reshape(scores.shape())?)
}
