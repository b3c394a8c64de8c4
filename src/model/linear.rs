//! Linear maps, and the two maps between token ids and vectors.
//!
//! Floats are kept transposed to `(in, out)`, because that is the order in which the CPU's matrix product is fast.
//! Blocks of small integers (GGUF's Q8_0, Q4_K and the like) stay as they are stored: the product quantises its input
//! rows to eight bits on the way and multiplies integers, which is faster than floats and takes a fraction of their
//! memory. Maps of floats that share their input are stacked into one.

use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{DType, Tensor};

use crate::model::device::ComputeDevice;
use crate::model::weights::stored::{self, Encoding, Stored};
use crate::model::weights::{LoadError, Weights};

/// A linear map, or several of the same input stacked side by side.
#[derive(Debug)]
pub struct Linear {
    stack: Stack,
    /// `(out)`.
    bias: Option<Tensor>,
    /// Outputs of each map of the stack.
    widths: Vec<usize>,
}

#[derive(Debug)]
enum Stack {
    /// All maps as one matrix of floats, `(in, out)`.
    Floats(Tensor),
    /// Each map by itself.
    Blocks(Vec<QTensor>),
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
        let mut names = Vec::with_capacity(maps.len());
        let mut stored = Vec::with_capacity(maps.len());
        for (name, outputs) in maps {
            let name = format!("{name}.weight");
            stored.push(weights.expect(&name, &[*outputs, inputs])?);
            names.push(name);
        }
        let widths: Vec<usize> = maps.iter().map(|(_, outputs)| *outputs).collect();
        let stack = Stack::load(&stored, widths.iter().sum(), inputs, device)?;
        names.iter().zip(&stored).for_each(|(name, stored)| weights.done(name, stored));
        let mut bias = None;
        if biased {
            let biases =
                maps.iter().map(|(name, outputs)| weights.take(&format!("{name}.bias"), &[*outputs], device.tensors()));
            bias = Some(Tensor::cat(&biases.collect::<Result<Vec<_>, _>>()?, 0)?.to_dtype(device.dtype())?);
        }
        Ok(Self { stack, bias, widths })
    }

    /// `(rows, in)` to `(rows, out)`.
    pub fn forward(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        let y = match &self.stack {
            Stack::Floats(weight) => x.matmul(weight)?,
            Stack::Blocks(maps) => side_by_side(x, maps)?,
        };
        match &self.bias {
            Some(bias) => y.broadcast_add(bias),
            None => Ok(y),
        }
    }

    /// As [`Self::forward`] for the maps `first..end` of the stack alone.
    pub fn forward_part(&self, x: &Tensor, first: usize, end: usize) -> candle_core::Result<Tensor> {
        let start: usize = self.widths[..first].iter().sum();
        let width: usize = self.widths[first..end].iter().sum();
        let y = match &self.stack {
            // Only the CPU's matrix product takes columns where they lie.
            Stack::Floats(weight) if x.device().is_cpu() => x.matmul(&weight.narrow(1, start, width)?)?,
            Stack::Floats(weight) => x.matmul(&weight.narrow(1, start, width)?.contiguous()?)?,
            Stack::Blocks(maps) => side_by_side(x, &maps[first..end])?,
        };
        match &self.bias {
            Some(bias) => y.broadcast_add(&bias.narrow(0, start, width)?),
            None => Ok(y),
        }
    }

    /// What the outputs `ids` of a single map are made with, `(ids, in)`: rows of the weight as checkpoints store it.
    fn rows(&self, ids: &Tensor) -> candle_core::Result<Tensor> {
        match &self.stack {
            Stack::Floats(weight) => weight.index_select(ids, 1)?.t()?.contiguous(),
            Stack::Blocks(maps) => maps[0].embedding(ids),
        }
    }

    /// Bytes that a weight takes in memory.
    pub(crate) fn bytes(weight: &Stored<'_>, device: &ComputeDevice) -> usize {
        match (weight.encoding(), weight.shape()) {
            (Encoding::Blocks(blocks), &[outputs, inputs]) if device.tensors().is_cpu() => {
                weight.len() + tiles(blocks, outputs, inputs)
            }
            (Encoding::Blocks(_), _) => weight.len(),
            _ => device.dtype().size_in_bytes() * weight.elements(),
        }
    }
}

impl Stack {
    fn load(maps: &[Stored<'_>], outputs: usize, inputs: usize, device: &ComputeDevice) -> candle_core::Result<Self> {
        if maps.iter().all(|map| map.encoding().blocks().is_none()) {
            let numbers = stored::transposed(maps, inputs)?;
            let weight = Tensor::from_vec(numbers, (inputs, outputs), device.tensors())?;
            return Ok(Self::Floats(weight.to_dtype(device.dtype())?));
        }
        let blocks = |map: &Stored<'_>| {
            let weight = stored::blocks(map, device.tensors())?;
            if device.tensors().is_cpu() {
                // The library rearranges blocks for this processor when they are first multiplied with several rows;
                // that belongs to loading.
                Tensor::zeros((2, inputs), DType::F32, device.tensors())?.apply_op1_no_bwd(&weight)?;
            }
            Ok(weight)
        };
        Ok(Self::Blocks(maps.iter().map(blocks).collect::<candle_core::Result<_>>()?))
    }
}

/// The products with several maps in blocks, `(rows, sum of out)`, in the type of the input.
fn side_by_side(x: &Tensor, maps: &[QTensor]) -> candle_core::Result<Tensor> {
    // Blocks are multiplied with float32.
    let input = x.to_dtype(DType::F32)?.contiguous()?;
    let y = match maps {
        [map] => input.apply_op1_no_bwd(map)?,
        maps => {
            let outputs = maps.iter().map(|map| input.apply_op1_no_bwd(map));
            Tensor::cat(&outputs.collect::<candle_core::Result<Vec<_>>>()?, 1)?
        }
    };
    y.to_dtype(x.dtype())
}

/// Bytes of the copy that the library makes of blocks on this processor, rearranged for its instructions: tiles of 16
/// rows with their scales unpacked to floats.
#[cfg(target_arch = "x86_64")]
fn tiles(blocks: GgmlDType, outputs: usize, inputs: usize) -> usize {
    const ROWS: usize = 16;
    if !outputs.is_multiple_of(ROWS) || !inputs.is_multiple_of(256) || !is_x86_feature_detected!("avx2") {
        return 0;
    }
    let integers = is_x86_feature_detected!("avx512vnni") || is_x86_feature_detected!("avxvnni");
    // Bytes per 256 numbers of each of the rows: floats for scales and minima, then the integers.
    let tile = match blocks {
        GgmlDType::Q4K => 2 * 8 * 4 + 128,
        GgmlDType::Q6K => 16 * 4 + 256,
        GgmlDType::Q8_0 if integers => 8 * 2 + 256,
        _ => 0,
    };
    outputs * inputs / 256 * tile
}

/// Bytes of the copy that the library makes of blocks on this processor, rearranged for its instructions: groups of rows
/// as large as the blocks themselves.
#[cfg(target_arch = "aarch64")]
fn tiles(blocks: GgmlDType, outputs: usize, inputs: usize) -> usize {
    match blocks {
        GgmlDType::Q4K | GgmlDType::Q5K | GgmlDType::Q6K | GgmlDType::Q8_0 | GgmlDType::Q4_0 => {
            Encoding::Blocks(blocks).bytes(outputs * inputs)
        }
        _ => 0,
    }
}

/// Other processors multiply blocks as they are stored.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn tiles(_: GgmlDType, _: usize, _: usize) -> usize {
    0
}

/// The two ends of a body: ids to token vectors, and the last hidden rows to logits.
#[derive(Debug)]
pub struct Vocabulary {
    embedding: Embedding,
    head: Linear,
    /// The type of token vectors.
    dtype: DType,
}

/// Where token vectors come from.
#[derive(Debug)]
enum Embedding {
    /// Rows of `(vocab, hidden)`, in the precision in which the file has them: looked-up rows are converted.
    Floats(Tensor),
    /// The same in blocks.
    Blocks(QTensor),
    /// The head's weight: held once, in the order that the head needs.
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
        let dtype = device.dtype();
        let Some(head) = head else {
            let head = Linear::load(weights, &[(embedding.to_owned(), vocab)], hidden, false, device)?;
            return Ok(Self { embedding: Embedding::Tied, head, dtype });
        };
        let name = format!("{embedding}.weight");
        let table = weights.expect(&name, &[vocab, hidden])?;
        let embedding = match table.encoding() {
            Encoding::Blocks(_) => Embedding::Blocks(stored::blocks(&table, device.tensors())?),
            _ => Embedding::Floats(stored::table(&table, device.tensors())?),
        };
        weights.done(&name, &table);
        Ok(Self { embedding, head: Linear::load(weights, &[(head.to_owned(), vocab)], hidden, false, device)?, dtype })
    }

    /// Token vectors of `ids`, `(ids, hidden)`.
    pub fn embed(&self, ids: &Tensor) -> candle_core::Result<Tensor> {
        let rows = match &self.embedding {
            Embedding::Floats(table) => table.index_select(ids, 0)?,
            Embedding::Blocks(table) => table.embedding(ids)?,
            Embedding::Tied => self.head.rows(ids)?,
        };
        rows.to_dtype(self.dtype)
    }

    /// `(rows, hidden)` to `(rows, vocab)`.
    pub fn logits(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        self.head.forward(x)
    }
}
