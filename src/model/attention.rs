//! Attention: from the stacked projections to heads, and from queries, keys and values to what each row gathers.
//!
//! Heads are `(heads, rows, head_dim)`. Queries leave here with the scale of attention already in them, so that no
//! score has to be multiplied, and queries and keys leave rotated to their positions. candle-nn's fused attention is not
//! used on the CPU: observers ask for the probabilities, which it does not give, and masks would be a number per pair.

use candle_core::{DType, Tensor};
use candle_nn::{ops, rotary_emb};

use crate::model::config::Dims;
use crate::model::cpu;
use crate::model::device::{ComputeDevice, Kernels};
use crate::model::layers::pick;
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

    /// As [`Self::split`] for queries and keys alone, `(rows, (heads + kv_heads) * head_dim)`.
    pub fn split_turned(&self, qk: &Tensor, turn: &(Tensor, Tensor)) -> candle_core::Result<(Tensor, Tensor)> {
        let heads = self.kinds(qk, turn, &self.turned())?;
        Ok((heads.narrow(0, 0, self.dims.heads)?, heads.narrow(0, self.dims.heads, self.dims.kv_heads)?))
    }

    /// As [`Self::split`] for values alone, `(rows, kv_heads * head_dim)`.
    pub fn split_values(&self, v: &Tensor) -> candle_core::Result<Tensor> {
        v.reshape(((), self.dims.kv_heads, self.dims.head_dim))?.transpose(0, 1)?.contiguous()
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

/// Which read rows each row attends to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Visible {
    /// Every row to every read row.
    All,
    /// Each row to so many of the first read rows, at least one.
    Prefixes(Vec<usize>),
    /// Row-major `(rows, read)`: whether the row attends to the read row, each to at least one.
    Each(Vec<bool>),
}

/// What rows attend to, ready for the device.
#[derive(Debug)]
pub struct RowMask {
    visible: Visible,
    /// Number of read rows.
    read: usize,
    /// For the library's kernels: `(rows, read)`, zero where a row attends and minus infinity elsewhere.
    additive: Option<Tensor>,
    device: ComputeDevice,
}

impl Visible {
    /// How one row attends.
    fn row(&self, row: usize, read: usize) -> impl Fn(usize) -> bool + '_ {
        move |column| match self {
            Self::All => true,
            Self::Prefixes(seen) => column < seen[row],
            Self::Each(rows) => rows[row * read + column],
        }
    }
}

impl RowMask {
    /// For `read` read rows.
    pub fn new(visible: Visible, read: usize, device: &ComputeDevice) -> candle_core::Result<Self> {
        let rows = match &visible {
            Visible::All => 0,
            Visible::Prefixes(seen) => seen.len(),
            Visible::Each(rows) => rows.len() / read,
        };
        let mut additive = None;
        if rows > 0 && device.kernels() == Kernels::Library {
            let value = |sees: bool| if sees { 0.0 } else { f32::NEG_INFINITY };
            let values: Vec<f32> = (0..rows).flat_map(|row| (0..read).map(visible.row(row, read)).map(value)).collect();
            let values = Tensor::from_vec(values, (rows, read), device.tensors())?;
            additive = Some(values.to_dtype(device.dtype())?);
        }
        Ok(Self { visible, read, additive, device: device.clone() })
    }

    /// Which read rows each row attends to.
    pub fn visible(&self) -> &Visible {
        &self.visible
    }

    /// Scores, whose rows repeat in the order of the mask's, to probabilities.
    pub(super) fn softmax(&self, scores: Tensor) -> candle_core::Result<Tensor> {
        match self.device.kernels() {
            Kernels::Fused => {
                cpu::softmax(&scores, &self.visible)?;
                Ok(scores)
            }
            Kernels::Library => softmax_by_ops(&scores, self.additive.as_ref()),
        }
    }

    /// The mask of these rows alone.
    pub fn pick(&self, rows: &[usize]) -> candle_core::Result<Self> {
        let visible = match &self.visible {
            Visible::All => Visible::All,
            Visible::Prefixes(seen) => Visible::Prefixes(rows.iter().map(|&row| seen[row]).collect()),
            Visible::Each(each) => Visible::Each(
                rows.iter().flat_map(|&row| &each[row * self.read..(row + 1) * self.read]).copied().collect(),
            ),
        };
        let additive = self.additive.as_ref().map(|all| pick(all, 0, rows)).transpose()?;
        Ok(Self { visible, read: self.read, additive, device: self.device.clone() })
    }
}

/// Scaled dot-product attention with queries that already carry the scale.
///
/// `q` is `(heads, rows, head_dim)`, `k` and `v` are `(kv_heads, read, head_dim)`, each shared by `heads / kv_heads`
/// consecutive query heads. Returns `(rows, heads * head_dim)`.
pub fn attend(q: &Tensor, k: &Tensor, v: &Tensor, mask: &RowMask) -> candle_core::Result<Tensor> {
    let (heads, rows, head_dim) = q.dims3()?;
    #[cfg(feature = "flash-attn")]
    if flash::takes(q, mask) {
        return flash::attend(q, k, v);
    }
    let context = probabilities(q, k, mask)?.matmul(v)?;
    context.reshape((heads, rows, head_dim))?.transpose(0, 1)?.reshape((rows, heads * head_dim))
}

/// What each row attends to how much: `(kv_heads, heads / kv_heads * rows, read)`, which is `(heads, rows, read)` laid
/// out for one product with the values.
pub fn probabilities(q: &Tensor, k: &Tensor, mask: &RowMask) -> candle_core::Result<Tensor> {
    let (heads, rows, head_dim) = q.dims3()?;
    let kv_heads = k.dim(0)?;
    // The query heads of a group are rows of one matrix: no key or value is repeated.
    let q = q.reshape((kv_heads, heads / kv_heads * rows, head_dim))?;
    let scores = q.matmul(&k.transpose(1, 2)?)?;
    mask.softmax(scores)
}

/// [`cpu::softmax`] for any device, not in place; the mask is `(rows, read)`, repeated for every head.
pub(super) fn softmax_by_ops(scores: &Tensor, additive: Option<&Tensor>) -> candle_core::Result<Tensor> {
    let Some(additive) = additive else {
        return ops::softmax_last_dim(scores);
    };
    let (rows, read) = additive.dims2()?;
    let by_row = scores.reshape(((), rows, read))?.broadcast_add(additive)?;
    ops::softmax_last_dim(&by_row.reshape(scores.shape())?)
}

/// Fused attention on NVIDIA GPUs, for what it can do: 16 bits, and every row seeing every other.
#[cfg(feature = "flash-attn")]
mod flash {
    use candle_core::{DType, Tensor};

    use super::{RowMask, Visible};

    /// Head widths beyond this, and such as are no multiple of eight, have no kernel.
    const WIDEST: usize = 256;

    pub fn takes(q: &Tensor, mask: &RowMask) -> bool {
        let width = q.dims().last().copied().unwrap_or_default();
        q.device().is_cuda()
            && mask.visible == Visible::All
            && matches!(q.dtype(), DType::BF16 | DType::F16)
            && width <= WIDEST
            && width.is_multiple_of(8)
    }

    /// As [`super::attend`].
    pub fn attend(q: &Tensor, k: &Tensor, v: &Tensor) -> candle_core::Result<Tensor> {
        let (heads, rows, head_dim) = q.dims3()?;
        // (heads, rows, width) to (1, rows, heads, width), without a copy; the queries carry the scale.
        let turned = |x: &Tensor| x.transpose(0, 1)?.unsqueeze(0);
        let context = candle_flash_attn::flash_attn(&turned(q)?, &turned(k)?, &turned(v)?, 1.0, false)?;
        context.reshape((rows, heads * head_dim))
    }
}
