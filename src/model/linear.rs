//! Linear maps, and the two maps between token ids and vectors.
//!
//! Floats are kept transposed to `(in, out)`, because that is the order in which the CPU's matrix product is fast.
//! Blocks of small integers (GGUF's `Q8_0`, `Q4_K` and the like) stay as they are stored: the product quantises its input
//! rows to eight bits on the way and multiplies integers, or unpacks the blocks to floats piece by piece where that is
//! faster. Either way they take a fraction of the memory. Maps of floats that share their input are stacked into one.

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
        for (name, stored) in names.iter().zip(&stored) {
            if !Self::reads_in_place(stored, device) {
                stored.release();
            }
            weights.done(name, stored);
        }
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
            Stack::Floats(weight) => with_floats(x, weight)?,
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
            Stack::Floats(weight) if x.device().is_cpu() => with_floats(x, &weight.narrow(1, start, width)?)?,
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

    /// Bytes that a weight takes in memory, be they a copy or pages of the file.
    pub(crate) fn bytes(weight: &Stored<'_>, device: &ComputeDevice) -> usize {
        match weight.encoding() {
            Encoding::Blocks(_) if weight.is_interleaved() => weight.len() + tiles(weight, device),
            Encoding::Blocks(_) if Self::reads_in_place(weight, device) => weight.len(),
            Encoding::Blocks(_) => tiles(weight, device).max(weight.len()),
            _ => device.dtype().size_in_bytes() * weight.elements(),
        }
    }

    /// Whether a weight is read in the file with every product. Otherwise it has been copied.
    fn reads_in_place(weight: &Stored<'_>, device: &ComputeDevice) -> bool {
        let in_blocks = weight.encoding().blocks().is_some();
        in_blocks && device.tensors().is_cpu() && !weight.is_interleaved() && tiles(weight, device) == 0
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
                product(&Tensor::zeros((2, inputs), DType::F32, device.tensors())?, &weight)?;
            }
            Ok(weight)
        };
        Ok(Self::Blocks(maps.iter().map(blocks).collect::<candle_core::Result<_>>()?))
    }
}

/// The product of `(rows, in)` with a matrix of floats `(in, out)`.
fn with_floats(x: &Tensor, weight: &Tensor) -> candle_core::Result<Tensor> {
    if x.device().is_cpu() {
        // The threshold counts rows of `x` in sixes or eights.
        let threshold = if weight.stride()[0] < PAGE { 4 } else { 1 };
        gemm::set_lhs_packing_threshold_single_thread(threshold);
        gemm::set_lhs_packing_threshold_multi_thread(threshold);
    }
    x.matmul(weight)
}

/// Floats in a page of memory. The CPU's matrix product reads a few columns of the weight at a time. Where its rows are so
/// far apart, each of them lies in another page and falls on the same lines of the first cache: it is faster then to have
/// the columns copied to one place for as few as a dozen rows of input, and not only from the hundred on that the library
/// is set to. Measured at 1024 to 3072 and 64 rows: 138 GFLOP/s instead of 58.
const PAGE: usize = 1024;

/// The products with several maps in blocks, `(rows, sum of out)`, in the type of the input.
fn side_by_side(x: &Tensor, maps: &[QTensor]) -> candle_core::Result<Tensor> {
    // Blocks are multiplied with float32.
    let input = x.to_dtype(DType::F32)?.contiguous()?;
    let y = match maps {
        [map] => product(&input, map)?,
        maps => {
            let outputs = maps.iter().map(|map| product(&input, map));
            Tensor::cat(&outputs.collect::<candle_core::Result<Vec<_>>>()?, 1)?
        }
    };
    y.to_dtype(x.dtype())
}

/// The product with one map in blocks: in integers where the library has instructions for them, and otherwise, for more
/// than a few rows, in floats unpacked on the way.
fn product(x: &Tensor, map: &QTensor) -> candle_core::Result<Tensor> {
    let (outputs, inputs) = map.shape().dims2()?;
    if !x.device().is_cpu() || x.dim(0)? < unpacked_from(map.dtype(), outputs, inputs) {
        return x.apply_op1_no_bwd(map);
    }
    let panel = (PANEL / inputs).max(1);
    let part = |start: usize| {
        let end = (start + panel).min(outputs);
        let ids = Tensor::arange(start as u32, end as u32, x.device())?;
        x.matmul(&map.embedding(&ids)?.t()?)
    };
    Tensor::cat(&(0..outputs).step_by(panel).map(part).collect::<candle_core::Result<Vec<_>>>()?, 1)
}

/// Numbers that are unpacked at a time: four megabytes of floats, so that they are still in the cache when they are used.
const PANEL: usize = 1 << 20;

/// Rows from which on unpacking is faster than the library's product. Measured with two cores without integer
/// instructions (`benches/forward.rs`, `products`); where there are such instructions, or the library has rearranged the
/// weight for others, its product is faster for any number of rows.
fn unpacked_from(blocks: GgmlDType, outputs: usize, inputs: usize) -> usize {
    match blocks {
        // Builds that check what the library assumes end the program at rows with an odd number of these blocks.
        GgmlDType::Q4_1 | GgmlDType::Q5_0 | GgmlDType::Q5_1 if !inputs.is_multiple_of(2 * blocks.block_size()) => 0,
        _ if cfg!(not(target_arch = "x86_64")) || tiles_of(blocks, outputs, inputs) > 0 => usize::MAX,
        // The library has no vector instructions for these at all.
        GgmlDType::Q4_1 | GgmlDType::Q5_0 | GgmlDType::Q5_1 => 4,
        GgmlDType::Q8_0 | GgmlDType::Q4_0 => 32,
        GgmlDType::Q2K | GgmlDType::Q3K | GgmlDType::Q4K | GgmlDType::Q5K | GgmlDType::Q6K => 128,
        _ => usize::MAX,
    }
}

/// Bytes of the copy that the library makes of a weight in blocks, rearranged for the instructions of this processor; 0
/// where it makes none.
fn tiles(weight: &Stored<'_>, device: &ComputeDevice) -> usize {
    match (weight.encoding().blocks(), weight.shape()) {
        (Some(blocks), &[outputs, inputs]) if device.tensors().is_cpu() => tiles_of(blocks, outputs, inputs),
        _ => 0,
    }
}

/// Tiles of 16 rows, with their scales unpacked to floats.
#[cfg(target_arch = "x86_64")]
fn tiles_of(blocks: GgmlDType, outputs: usize, inputs: usize) -> usize {
    if !outputs.is_multiple_of(16) || !inputs.is_multiple_of(256) || !is_x86_feature_detected!("avx2") {
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

/// Groups of four or eight rows, as large as the blocks themselves.
#[cfg(target_arch = "aarch64")]
fn tiles_of(blocks: GgmlDType, outputs: usize, inputs: usize) -> usize {
    match blocks {
        GgmlDType::Q4K | GgmlDType::Q5K | GgmlDType::Q6K | GgmlDType::Q8_0 | GgmlDType::Q4_0 => {
            Encoding::Blocks(blocks).bytes(outputs * inputs)
        }
        _ => 0,
    }
}

/// Other processors multiply blocks as they are stored.
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
fn tiles_of(_: GgmlDType, _: usize, _: usize) -> usize {
    0
}

/// The two ends of a body: ids to token vectors, and the last hidden rows to logits.
#[derive(Debug)]
pub struct EmbeddingAndHead {
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
    /// The same in blocks. Boxed: on a GPU their handle is large.
    Blocks(Box<QTensor>),
    /// The head's weight: held once, in the order that the head needs.
    Tied,
}

impl EmbeddingAndHead {
    /// Loads `embedding.weight` `(vocab, hidden)` and, unless it is tied to that, `head.weight` of the same shape.
    #[expect(clippy::single_match_else, reason = "neither case is the exception")]
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
            Encoding::Blocks(_) => Embedding::Blocks(Box::new(stored::blocks(&table, device.tensors())?)),
            _ => {
                let rows = stored::table(&table, device.tensors())?;
                table.release();
                Embedding::Floats(rows)
            }
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::sync::Arc;

    use candle_core::Device;

    use super::*;
    use crate::model::testing::random;
    use crate::model::weights::mapped::Bytes;

    /// Bytes of a matrix in this encoding, and what they stand for.
    fn stored(weight: &Tensor, encoding: GgmlDType) -> (Arc<Bytes>, Tensor) {
        let blocks = QTensor::quantize(weight, encoding).unwrap();
        let bytes = blocks.data().unwrap().into_owned();
        (Arc::new(Bytes::Held(bytes.into())), blocks.dequantize(&Device::Cpu).unwrap())
    }

    fn view<'a>(bytes: &'a Arc<Bytes>, encoding: Encoding, weight: &Tensor) -> Stored<'a> {
        Stored::new(bytes, 0..bytes.len(), encoding, weight.dims().to_vec())
    }

    fn linear(maps: &[Stored<'_>]) -> Linear {
        let widths: Vec<usize> = maps.iter().map(|map| map.shape()[0]).collect();
        let stack = Stack::load(maps, widths.iter().sum(), maps[0].shape()[1], &ComputeDevice::cpu()).unwrap();
        let bias = random(widths.iter().sum::<usize>());
        Linear { stack, bias: Some(bias), widths }
    }

    /// Root of the mean squared difference over that of the expected values.
    fn relative_error(found: &Tensor, expected: &Tensor) -> f32 {
        assert_eq!(found.dims(), expected.dims());
        let energy = |tensor: Tensor| tensor.sqr().unwrap().sum_all().unwrap().to_scalar::<f32>().unwrap();
        (energy((found - expected).unwrap()) / energy(expected.clone())).sqrt()
    }

    /// What a stack computes, against the products with what its weights stand for.
    fn check(linear: &Linear, weights: &[Tensor], tolerance: f32) {
        let expected = |x: &Tensor, first: usize, end: usize| {
            let weight = Tensor::cat(&weights[first..end], 0).unwrap();
            let start: usize = linear.widths[..first].iter().sum();
            let bias = linear.bias.as_ref().unwrap().narrow(0, start, weight.dim(0).unwrap()).unwrap();
            x.matmul(&weight.t().unwrap()).unwrap().broadcast_add(&bias).unwrap()
        };
        for rows in [1, 2, 5, 33, 130] {
            let x = random((rows, weights[0].dim(1).unwrap()));
            let error = relative_error(&linear.forward(&x).unwrap(), &expected(&x, 0, weights.len()));
            assert!(error <= tolerance, "{rows} rows: relative error {error}");
            for (first, end) in [(0, 1), (1, weights.len())] {
                let part = linear.forward_part(&x, first, end).unwrap();
                let error = relative_error(&part, &expected(&x, first, end));
                assert!(error <= tolerance, "maps {first}..{end}, {rows} rows: relative error {error}");
            }
        }
    }

    const KINDS: [GgmlDType; 6] =
        [GgmlDType::Q8_0, GgmlDType::Q4K, GgmlDType::Q5K, GgmlDType::Q6K, GgmlDType::Q4_0, GgmlDType::Q5_0];

    #[test]
    fn blocks_multiply_as_what_they_stand_for_up_to_eight_bits_of_the_input() {
        for kind in KINDS {
            let parts = [random((48, 512)), random((16, 512)), random((24, 512))].map(|weight| stored(&weight, kind));
            let maps: Vec<_> = parts.iter().map(|(b, w)| view(b, Encoding::Blocks(kind), w)).collect();
            let weights: Vec<Tensor> = parts.iter().map(|(_, weight)| weight.clone()).collect();
            check(&linear(&maps), &weights, 0.012);
        }
    }

    #[test]
    fn rows_may_have_an_odd_number_of_blocks() {
        for kind in [GgmlDType::Q4_0, GgmlDType::Q4_1, GgmlDType::Q5_0, GgmlDType::Q5_1, GgmlDType::Q8_0] {
            let parts = [random((48, 96)), random((16, 96))].map(|weight| stored(&weight, kind));
            let maps: Vec<_> = parts.iter().map(|(b, w)| view(b, Encoding::Blocks(kind), w)).collect();
            let weights: Vec<Tensor> = parts.iter().map(|(_, weight)| weight.clone()).collect();
            check(&linear(&maps), &weights, 0.012);
        }
    }

    #[test]
    fn a_map_of_several_panels_is_unpacked_whole() {
        let (bytes, weight) = stored(&random((700, 2048)), GgmlDType::Q5_0);
        let blocks = stored::blocks(&view(&bytes, Encoding::Blocks(GgmlDType::Q5_0), &weight), &Device::Cpu).unwrap();
        let x = random((40, 2048));
        let error = relative_error(&product(&x, &blocks).unwrap(), &x.matmul(&weight.t().unwrap()).unwrap());
        assert!(error < 0.012, "{error}");
    }

    #[test]
    fn floats_and_blocks_may_lie_side_by_side() {
        let (floats, blocks) = (stored(&random((16, 256)), GgmlDType::F16), stored(&random((32, 256)), GgmlDType::Q6K));
        let maps =
            [view(&floats.0, Encoding::F16, &floats.1), view(&blocks.0, Encoding::Blocks(GgmlDType::Q6K), &blocks.1)];
        check(&linear(&maps), &[floats.1.clone(), blocks.1.clone()], 0.012);
    }

    #[test]
    fn floats_multiply_exactly_in_any_precision_and_size() {
        for (outputs, inputs) in [(1, 1), (5, 7), (64, 33), (40, 2100), (700, 640)] {
            for (kind, encoding) in
                [(GgmlDType::F32, Encoding::F32), (GgmlDType::F16, Encoding::F16), (GgmlDType::BF16, Encoding::BF16)]
            {
                let parts = [random((outputs, inputs)), random((3, inputs))].map(|weight| stored(&weight, kind));
                let maps: Vec<_> = parts.iter().map(|(b, w)| view(b, encoding, w)).collect();
                let weights: Vec<Tensor> = parts.iter().map(|(_, weight)| weight.clone()).collect();
                check(&linear(&maps), &weights, 1e-5);
            }
        }
    }

    #[test]
    fn interleaved_rows_are_put_in_order() {
        // Two heads of four rows: the file has 0 2 1 3 of each.
        for kind in [GgmlDType::F32, GgmlDType::Q8_0] {
            let encoding = if kind == GgmlDType::F32 { Encoding::F32 } else { Encoding::Blocks(kind) };
            let (bytes, weight) = stored(&random((8, 32)), kind);
            let map = view(&bytes, encoding, &weight).interleaved(4);
            let order = Tensor::new(&[0_u32, 2, 1, 3, 4, 6, 5, 7], &Device::Cpu).unwrap();
            let expected = weight.index_select(&order, 0).unwrap();
            let x = random((3, 32));
            let stack = Stack::load(&[map], 8, 32, &ComputeDevice::cpu()).unwrap();
            let found = Linear { stack, bias: None, widths: vec![8] }.forward(&x).unwrap();
            assert!(relative_error(&found, &x.matmul(&expected.t().unwrap()).unwrap()) < 0.012);
        }
    }

    #[test]
    fn rows_of_a_tied_head_are_token_vectors() {
        let ids = Tensor::new(&[3_u32, 0, 3, 95], &Device::Cpu).unwrap();
        for kind in [GgmlDType::F32, GgmlDType::Q4K] {
            let encoding = if kind == GgmlDType::F32 { Encoding::F32 } else { Encoding::Blocks(kind) };
            let (bytes, weight) = stored(&random((96, 256)), kind);
            let stack = Stack::load(&[view(&bytes, encoding, &weight)], 96, 256, &ComputeDevice::cpu()).unwrap();
            let head = Linear { stack, bias: None, widths: vec![96] };
            let tied = EmbeddingAndHead { embedding: Embedding::Tied, head, dtype: DType::F32 };
            let found = tied.embed(&ids).unwrap();
            assert_eq!(relative_error(&found, &weight.index_select(&ids, 0).unwrap()), 0.0);
            assert_eq!(tied.logits(&found).unwrap().dims(), [4, 96]);
        }
    }

    #[test]
    fn blocks_at_odd_addresses_are_copied_first() {
        let blocks = QTensor::quantize(&random((4, 64)), GgmlDType::Q8_0).unwrap();
        let mut bytes = vec![0_u8];
        bytes.extend_from_slice(&blocks.data().unwrap());
        let bytes = Arc::new(Bytes::Held(bytes.into()));
        let map = Stored::new(&bytes, 1..bytes.len(), Encoding::Blocks(GgmlDType::Q8_0), vec![4, 64]);
        let found = stored::blocks(&map, &Device::Cpu).unwrap();
        assert_eq!(found.data().unwrap(), blocks.data().unwrap());
    }

    #[test]
    fn memory_counts_what_the_library_keeps_besides() {
        let device = ComputeDevice::cpu();
        let (bytes, weight) = stored(&random((64, 512)), GgmlDType::Q4K);
        let map = view(&bytes, Encoding::Blocks(GgmlDType::Q4K), &weight);
        let kept = Linear::bytes(&map, &device);
        assert!(kept >= bytes.len() && kept <= 3 * bytes.len(), "{kept} of {}", bytes.len());
        let (bytes, weight) = stored(&random((64, 512)), GgmlDType::F16);
        assert_eq!(Linear::bytes(&view(&bytes, Encoding::F16, &weight), &device), 64 * 512 * 4);
    }
}
