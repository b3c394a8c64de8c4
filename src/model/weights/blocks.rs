//! Blocks multiplied where they lie in the file.
//!
//! The tensor library would copy them. Here the map of the file is what it multiplies with; where it makes a rearranged
//! copy for its instructions, that copy is all that takes memory, and where it does not, the system can drop pages of
//! the file and fetch them again.

use std::marker::PhantomData;
use std::ops::Range;
use std::sync::Arc;

use candle_core::quantized::k_quants::{
    self, BlockQ2K, BlockQ3K, BlockQ4_0, BlockQ4_1, BlockQ4K, BlockQ5_0, BlockQ5_1, BlockQ5K, BlockQ6K, BlockQ8_0,
};
use candle_core::quantized::{GgmlDType, GgmlType, QuantizedType};
use candle_core::{CpuStorage, Result, bail};
use half::f16;

use super::mapped::Bytes;
use crate::model::cpu;

/// Blocks of one kind in a file.
struct InFile<T> {
    bytes: Arc<Bytes>,
    range: Range<usize>,
    block: PhantomData<T>,
}

/// The blocks that fill `range` of a file, to be multiplied with; `None` for kinds that are not stored in files, and for
/// blocks that are cut or lie at an address where they cannot be read.
pub(super) fn in_file(bytes: &Arc<Bytes>, range: &Range<usize>, kind: GgmlDType) -> Option<Box<dyn QuantizedType>> {
    match kind {
        GgmlDType::Q4_0 => InFile::<BlockQ4_0>::boxed(bytes, range),
        GgmlDType::Q4_1 => InFile::<BlockQ4_1>::boxed(bytes, range),
        GgmlDType::Q5_0 => InFile::<BlockQ5_0>::boxed(bytes, range),
        GgmlDType::Q5_1 => InFile::<BlockQ5_1>::boxed(bytes, range),
        GgmlDType::Q8_0 => InFile::<BlockQ8_0>::boxed(bytes, range),
        GgmlDType::Q2K => InFile::<BlockQ2K>::boxed(bytes, range),
        GgmlDType::Q3K => InFile::<BlockQ3K>::boxed(bytes, range),
        GgmlDType::Q4K => InFile::<BlockQ4K>::boxed(bytes, range),
        GgmlDType::Q5K => InFile::<BlockQ5K>::boxed(bytes, range),
        GgmlDType::Q6K => InFile::<BlockQ6K>::boxed(bytes, range),
        _ => None,
    }
}

impl<T: GgmlType + 'static> InFile<T> {
    fn boxed(bytes: &Arc<Bytes>, range: &Range<usize>) -> Option<Box<dyn QuantizedType>> {
        let slice = bytes.get(range.clone())?;
        let whole = slice.len().is_multiple_of(size_of::<T>()) && slice.as_ptr().cast::<T>().is_aligned();
        let blocks = || Self { bytes: Arc::clone(bytes), range: range.clone(), block: PhantomData };
        whole.then(|| Box::new(blocks()) as Box<dyn QuantizedType>)
    }

    fn blocks(&self) -> &[T] {
        let bytes = &self.bytes[self.range.clone()];
        #[expect(unsafe_code, reason = "the only way to multiply with weights without a second copy of them in memory")]
        // SAFETY: `boxed` has checked length and address, and neither changes with a shared map. `T` is one of the types
        // named in `in_file`, arrays of bytes and half floats in C's layout, which any bytes are values of.
        unsafe {
            std::slice::from_raw_parts(bytes.as_ptr().cast::<T>(), bytes.len() / size_of::<T>())
        }
    }
}

impl<T: GgmlType + 'static> QuantizedType for InFile<T> {
    fn dtype(&self) -> GgmlDType {
        T::DTYPE
    }

    fn matmul_t(&self, mkn: (usize, usize, usize), lhs: &[f32], dst: &mut [f32]) -> Result<()> {
        k_quants::matmul(mkn, lhs, self.blocks(), dst)
    }

    fn matmul_t_f16(&self, mkn: (usize, usize, usize), lhs: &[f16], dst: &mut [f16]) -> Result<()> {
        k_quants::matmul_f16(mkn, lhs, self.blocks(), dst)
    }

    fn embedding(&self, ids: &[u32], rows: usize, hidden: usize) -> Result<CpuStorage> {
        if let Some(id) = ids.iter().find(|&&id| id as usize >= rows) {
            bail!("row {id} is outside a weight of {rows} rows");
        }
        let row = hidden / T::BLCK_SIZE;
        if row * rows != self.blocks().len() {
            bail!("{rows} rows of {hidden} numbers are not {} blocks", self.blocks().len());
        }
        let mut out = vec![0.0; ids.len() * hidden];
        cpu::by_rows(&mut out, hidden, |first, chunk| {
            for (out, &id) in chunk.chunks_exact_mut(hidden).zip(&ids[first..]) {
                T::to_float(&self.blocks()[id as usize * row..][..row], out);
            }
        });
        Ok(CpuStorage::F32(out))
    }

    fn dequantize(&self, elem_count: usize) -> Result<CpuStorage> {
        let mut out = vec![0.0; elem_count];
        T::to_float(self.blocks(), &mut out);
        Ok(CpuStorage::F32(out))
    }

    fn storage_size_in_bytes(&self) -> usize {
        self.range.len()
    }

    fn as_ptr(&self) -> *const u8 {
        self.bytes[self.range.clone()].as_ptr()
    }

    fn block_size(&self) -> usize {
        T::BLCK_SIZE
    }

    // Files are never written to, and the library does so only where it quantises weights itself.
    fn from_float(&mut self, _: &[f32]) {}

    fn from_float_imatrix(&mut self, _: &[f32], _: &[f32], _: usize) {}

    fn size(&self) -> usize {
        self.range.len()
    }
}
