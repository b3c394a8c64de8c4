//! One tensor as its file stores it, and the ways to get numbers out of it.
//!
//! candle's own way makes a tensor of the stored type, then one of float32, and multiplies by its transposed view. Here
//! numbers go from the mapped file straight into the order in which they are multiplied.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use candle_core::quantized::{GgmlDType, QStorage, QTensor, QuantizedType};
use candle_core::{Device, Result, Tensor, bail};

use super::blocks::in_file;
use super::mapped::Bytes;
use crate::model::cpu;

/// How the numbers of a tensor are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    /// One by one, in single precision.
    F32,
    /// One by one, in half precision.
    F16,
    /// One by one, with the exponents of single precision and seven bits of fraction.
    BF16,
    /// In blocks of a row that share a scale.
    Blocks(GgmlDType),
}

impl Encoding {
    /// Bytes of so many numbers of a row; whole blocks of them.
    pub(crate) fn bytes(self, numbers: usize) -> usize {
        match self {
            Self::F32 => 4 * numbers,
            Self::F16 | Self::BF16 => 2 * numbers,
            Self::Blocks(blocks) => numbers / blocks.block_size() * blocks.type_size(),
        }
    }

    /// The kind of block, where numbers come in blocks.
    pub(crate) fn blocks(self) -> Option<GgmlDType> {
        match self {
            Self::Blocks(blocks) => Some(blocks),
            _ => None,
        }
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = match self {
            Self::Blocks(GgmlDType::Q2K) => "Q2_K",
            Self::Blocks(GgmlDType::Q3K) => "Q3_K",
            Self::Blocks(GgmlDType::Q4K) => "Q4_K",
            Self::Blocks(GgmlDType::Q5K) => "Q5_K",
            Self::Blocks(GgmlDType::Q6K) => "Q6_K",
            Self::Blocks(other) => return write!(f, "{other:?}"),
            Self::F32 => "F32",
            Self::F16 => "F16",
            Self::BF16 => "BF16",
        };
        f.write_str(name)
    }
}

/// A tensor in its file.
#[derive(Debug, Clone)]
pub(crate) struct Stored<'a> {
    bytes: &'a Arc<Bytes>,
    range: Range<usize>,
    encoding: Encoding,
    shape: Vec<usize>,
    /// Rows per head, where the rows of a head are stored such that row `2i` and row `2i + 1` make a rotary pair; they
    /// are read in the order in which row `i` and row `i + half` do.
    interleaved: Option<usize>,
}

impl<'a> Stored<'a> {
    /// A tensor that fills `range` of the file, which lies within it.
    pub(crate) fn new(bytes: &'a Arc<Bytes>, range: Range<usize>, encoding: Encoding, shape: Vec<usize>) -> Self {
        debug_assert_eq!(encoding.bytes(shape.iter().product()), range.len());
        Self { bytes, range, encoding, shape, interleaved: None }
    }

    /// The same with the rows of each head interleaved; there are whole heads of an even number of rows.
    pub(crate) fn interleaved(mut self, rows_per_head: usize) -> Self {
        self.interleaved = Some(rows_per_head);
        self
    }

    /// How numbers are stored.
    pub(crate) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The shape, outermost first.
    pub(crate) fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Bytes in the file.
    pub(crate) fn len(&self) -> usize {
        self.range.len()
    }

    /// Number of numbers.
    pub(crate) fn elements(&self) -> usize {
        self.shape.iter().product()
    }

    /// The blocks where they lie, if they can be computed with there.
    fn in_place(&self, device: &Device) -> Option<Box<dyn QuantizedType>> {
        let blocks = self.encoding.blocks().filter(|_| self.interleaved.is_none() && device.is_cpu())?;
        in_file(self.bytes, &self.range, blocks)
    }

    /// Whether the rows have to be put in another order.
    pub(crate) fn is_interleaved(&self) -> bool {
        self.interleaved.is_some()
    }

    /// Lets the file's pages go.
    pub(crate) fn release(&self) {
        self.bytes.release(&self.range);
    }

    /// Its bytes in the file.
    pub(super) fn data(&self) -> &'a [u8] {
        &self.bytes[self.range.clone()]
    }

    /// Rows of the outermost dimension.
    fn rows(&self) -> usize {
        self.shape[0]
    }

    /// Numbers per row.
    fn width(&self) -> usize {
        self.shape[1..].iter().product()
    }

    /// Where row `row` is stored.
    fn source_row(&self, row: usize) -> usize {
        match self.interleaved {
            None => row,
            Some(head) => {
                let (start, within, half) = (row / head * head, row % head, head / 2);
                start + 2 * (within % half) + within / half
            }
        }
    }

    /// The stored bytes of one row.
    fn row(&self, row: usize) -> &'a [u8] {
        let length = self.encoding.bytes(self.width());
        &self.data()[self.source_row(row) * length..][..length]
    }

    /// All numbers in order; `None` where they are in blocks.
    pub(crate) fn numbers(&self) -> Option<Vec<f32>> {
        let mut numbers = Vec::with_capacity(self.elements());
        let (width, rows) = (self.width(), self.rows());
        for row in 0..rows {
            let bytes = self.row(row);
            match self.encoding {
                Encoding::F32 => numbers.extend(bytes.as_chunks().0.iter().map(|number| f32(*number))),
                Encoding::F16 => numbers.extend(bytes.as_chunks().0.iter().map(|number| f16(*number))),
                Encoding::BF16 => numbers.extend(bytes.as_chunks().0.iter().map(|number| bf16(*number))),
                Encoding::Blocks(_) => return None,
            }
        }
        debug_assert_eq!(numbers.len(), rows * width);
        Some(numbers)
    }
}

/// The rows without blocks as they are stored, in a tensor of the same type.
pub(crate) fn table(stored: &Stored<'_>, device: &Device) -> Result<Tensor> {
    let (bytes, shape) = (stored.data(), stored.shape());
    let pairs = || bytes.as_chunks().0.iter().copied();
    match stored.encoding {
        Encoding::F32 => {
            let numbers: Vec<f32> = bytes.as_chunks().0.iter().map(|number| f32(*number)).collect();
            Tensor::from_vec(numbers, shape, device)
        }
        Encoding::F16 => Tensor::from_vec(pairs().map(half::f16::from_le_bytes).collect::<Vec<_>>(), shape, device),
        Encoding::BF16 => Tensor::from_vec(pairs().map(half::bf16::from_le_bytes).collect::<Vec<_>>(), shape, device),
        Encoding::Blocks(blocks) => bail!("a table in blocks of {blocks:?} has no rows of floats"),
    }
}

fn f32(bytes: [u8; 4]) -> f32 {
    f32::from_le_bytes(bytes)
}

fn f16(bytes: [u8; 2]) -> f32 {
    half::f16::from_le_bytes(bytes).to_f32()
}

fn bf16(bytes: [u8; 2]) -> f32 {
    half::bf16::from_le_bytes(bytes).to_f32()
}

/// Several weights `(out, in)` without blocks side by side as one `(in, sum of out)`, row-major. The file is read once
/// and no other copy is made.
pub(crate) fn transposed(weights: &[Stored<'_>], inputs: usize) -> Result<Vec<f32>> {
    if let Some(weight) = weights.iter().find(|weight| weight.encoding.blocks().is_some()) {
        bail!("a weight in {} has no single numbers", weight.encoding);
    }
    let outputs: usize = weights.iter().map(Stored::rows).sum();
    let mut out = vec![0.0; inputs * outputs];
    cpu::by_rows(&mut out, outputs, |first, chunk| {
        let mut start = 0;
        for weight in weights {
            let target = TransposedChunk { chunk, first, stride: outputs, start };
            match weight.encoding {
                Encoding::F32 => target.fill(weight, f32),
                Encoding::F16 => target.fill(weight, f16),
                Encoding::BF16 => target.fill(weight, bf16),
                Encoding::Blocks(_) => {}
            }
            start += weight.rows();
        }
    });
    Ok(out)
}

/// Rows `first..` of the transposed weights and the columns of one part in them.
struct TransposedChunk<'a> {
    chunk: &'a mut [f32],
    first: usize,
    stride: usize,
    start: usize,
}

/// Side of the squares in which a matrix is turned: source and target of one fit the innermost cache.
const SQUARE: usize = 32;

impl TransposedChunk<'_> {
    fn fill<const N: usize>(self, part: &Stored<'_>, read: impl Fn([u8; N]) -> f32) {
        let inputs = self.chunk.len() / self.stride;
        for row in (0..part.rows()).step_by(SQUARE) {
            for input in (0..inputs).step_by(SQUARE) {
                let end = (input + SQUARE).min(inputs);
                for row in row..(row + SQUARE).min(part.rows()) {
                    let numbers = &part.row(row).as_chunks().0[self.first + input..self.first + end];
                    let column = self.start + row;
                    for (number, input) in numbers.iter().zip(input..) {
                        self.chunk[input * self.stride + column] = read(*number);
                    }
                }
            }
        }
    }
}

/// A weight `(out, in)` in blocks; single numbers count as blocks of one.
pub(crate) fn blocks(weight: &Stored<'_>, device: &Device) -> Result<QTensor> {
    let blocks = match weight.encoding {
        Encoding::Blocks(blocks) => blocks,
        Encoding::F32 => GgmlDType::F32,
        Encoding::F16 => GgmlDType::F16,
        Encoding::BF16 => GgmlDType::BF16,
    };
    let data = weight.data();
    let in_order = weight.interleaved.is_none();
    let storage = if let Some(in_file) = weight.in_place(device) {
        QStorage::Cpu(in_file)
    } else if in_order && data.as_ptr().align_offset(ALIGNMENT) == 0 {
        QStorage::from_data(Cow::Borrowed(data), device, blocks)?
    } else {
        // The library takes blocks from an aligned address only.
        let mut gathered: Vec<u8> = Vec::with_capacity(data.len() + ALIGNMENT);
        gathered.resize(gathered.as_ptr().align_offset(ALIGNMENT), 0);
        let start = gathered.len();
        (0..weight.rows()).for_each(|row| gathered.extend_from_slice(weight.row(row)));
        QStorage::from_data(Cow::Borrowed(&gathered[start..]), device, blocks)?
    };
    QTensor::new(storage, weight.shape())
}

/// No block needs more.
const ALIGNMENT: usize = 16;
