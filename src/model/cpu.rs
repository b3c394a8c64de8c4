//! Fused CPU kernels for what stands between the matrix products.
//!
//! With small networks the products are only half of a forward pass: the rest is passes over memory, a library call
//! per exponential, and threads waking each other for microseconds of work. Each kernel here makes one pass over
//! contiguous rows, in loops over fixed-width lanes that compile to vector instructions on every target, and takes
//! a second thread only for work that outweighs its wake-up. [`Kernels`](crate::model::device::Kernels) chooses between
//! these and the tensor library's own operations, which other devices use.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, CustomOp3, InplaceOp1, Layout, Result, Shape, Tensor, bail};
use rayon::prelude::*;

use crate::model::attention::{HeadKind, Visible};

/// Lanes of the vectorised loops: four SSE, two AVX or four NEON registers.
const LANES: usize = 16;

/// Output elements below which one thread does all: some dozens of microseconds of work.
const PARALLEL_FROM: usize = 1 << 16;

/// Softmax over the last dimension, in place. `scores` must be contiguous; its rows repeat in the order of `visible`,
/// which says for each which columns count, the others becoming zero.
pub fn softmax(scores: &Tensor, visible: &Visible) -> Result<()> {
    scores.inplace_op1(&SoftmaxKernel { visible })
}

/// `(rows, 2 * width)` of gates and ups, side by side, to `silu(gate) * up` of `(rows, width)`.
pub fn swiglu(gate_up: &Tensor) -> Result<Tensor> {
    gate_up.apply_op1_no_bwd(&SwiGluKernel)
}

/// RMS norm over the last dimension, with gains.
pub fn rms_norm(x: &Tensor, gains: &Tensor, eps: f32) -> Result<Tensor> {
    x.apply_op2_no_bwd(gains, &RmsNormKernel { eps })
}

/// `(rows, heads * head_dim)` to `(heads, rows, head_dim)`, the heads being those of `kinds` one after the other; what is
/// rotated is so by `turn`, the cosines and sines `(rows, head_dim / 2)`.
pub fn split_heads(x: &Tensor, head_dim: usize, kinds: &[HeadKind<'_>], turn: &(Tensor, Tensor)) -> Result<Tensor> {
    let kinds: Vec<HeadKind<'_>> = kinds.iter().flat_map(|kind| std::iter::repeat_n(*kind, kind.count)).collect();
    x.apply_op3_no_bwd(&turn.0, &turn.1, &SplitHeads { head_dim, kinds })
}

struct SoftmaxKernel<'a> {
    visible: &'a Visible,
}

impl InplaceOp1 for SoftmaxKernel<'_> {
    fn name(&self) -> &'static str {
        "softmax-visible"
    }

    fn cpu_fwd(&self, storage: &mut CpuStorage, layout: &Layout) -> Result<()> {
        let Some((start, end)) = layout.contiguous_offsets() else { bail!("softmax needs contiguous scores") };
        let CpuStorage::F32(values) = storage else { bail!("softmax needs float32 scores") };
        let Some(&width) = layout.dims().last() else { bail!("softmax needs rows") };
        by_rows(&mut values[start..end], width, |first, chunk| {
            for (offset, row) in chunk.chunks_exact_mut(width).enumerate() {
                match self.visible {
                    Visible::All => softmax_row(row),
                    Visible::Prefixes(seen) => {
                        let (seen, hidden) = row.split_at_mut(seen[(first + offset) % seen.len()]);
                        softmax_row(seen);
                        hidden.fill(0.0);
                    }
                    Visible::Each(rows) => {
                        let start = (first + offset) * width % rows.len();
                        softmax_of(row, &rows[start..start + width]);
                    }
                }
            }
        });
        Ok(())
    }
}

struct SwiGluKernel;

impl CustomOp1 for SwiGluKernel {
    fn name(&self) -> &'static str {
        "swiglu"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let source = contiguous(storage, layout)?;
        let (rows, both) = layout.shape().dims2()?;
        let width = both / 2;
        let mut out = vec![0.0; rows * width];
        by_rows(&mut out, width, |first, chunk| {
            for (row, gate_up) in chunk.chunks_exact_mut(width).zip(source[first * both..].chunks_exact(both)) {
                let (gate, up) = gate_up.split_at(width);
                for ((y, &gate), &up) in row.iter_mut().zip(gate).zip(up) {
                    *y = gate * up / (1.0 + exp(-gate));
                }
            }
        });
        Ok((CpuStorage::F32(out), (rows, width).into()))
    }
}

struct RmsNormKernel {
    eps: f32,
}

impl CustomOp2 for RmsNormKernel {
    fn name(&self) -> &'static str {
        "rms-norm"
    }

    fn cpu_fwd(&self, x: &CpuStorage, lx: &Layout, gains: &CpuStorage, lg: &Layout) -> Result<(CpuStorage, Shape)> {
        let (x, gains) = (contiguous(x, lx)?, contiguous(gains, lg)?);
        let width = gains.len();
        let mut out = vec![0.0; x.len()];
        by_rows(&mut out, width, |first, chunk| {
            for (row, x) in chunk.chunks_exact_mut(width).zip(x[first * width..].chunks_exact(width)) {
                rms_norm_row(row, x, gains, self.eps);
            }
        });
        Ok((CpuStorage::F32(out), lx.shape().clone()))
    }
}

struct SplitHeads<'a> {
    head_dim: usize,
    /// Of each head.
    kinds: Vec<HeadKind<'a>>,
}

impl CustomOp3 for SplitHeads<'_> {
    fn name(&self) -> &'static str {
        "split-heads"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        lx: &Layout,
        cos: &CpuStorage,
        lcos: &Layout,
        sin: &CpuStorage,
        lsin: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, cos, sin) = (contiguous(x, lx)?, contiguous(cos, lcos)?, contiguous(sin, lsin)?);
        let (rows, width) = lx.shape().dims2()?;
        let (head_dim, half) = (self.head_dim, self.head_dim / 2);
        let heads = self.kinds.len();
        if heads * head_dim != width {
            bail!("{heads} heads of width {head_dim} do not make rows of width {width}");
        }
        let mut out = vec![0.0; rows * width];
        by_rows(&mut out, head_dim, |first, chunk| {
            for (offset, y) in chunk.chunks_exact_mut(head_dim).enumerate() {
                let (head, row) = ((first + offset) / rows, (first + offset) % rows);
                let x = &x[row * width + head * head_dim..][..head_dim];
                let HeadKind { norm, turned, scale, .. } = self.kinds[head];
                match norm {
                    None => y.copy_from_slice(x),
                    Some(norm) => rms_norm_row(y, x, &norm.gains, norm.eps),
                }
                if turned {
                    // The scale goes along with the turn.
                    let (cos, sin) = (&cos[row * half..][..half], &sin[row * half..][..half]);
                    let (ya, yb) = y.split_at_mut(half);
                    for i in 0..half {
                        let (a, b) = (ya[i] * scale, yb[i] * scale);
                        ya[i] = a * cos[i] - b * sin[i];
                        yb[i] = b * cos[i] + a * sin[i];
                    }
                } else if scale != 1.0 {
                    for y in y {
                        *y *= scale;
                    }
                }
            }
        });
        Ok((CpuStorage::F32(out), (heads, rows, head_dim).into()))
    }
}

fn contiguous<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let Some((start, end)) = layout.contiguous_offsets() else { bail!("the kernel needs contiguous tensors") };
    match storage {
        CpuStorage::F32(values) => Ok(&values[start..end]),
        _ => bail!("the kernel needs float32 tensors"),
    }
}

/// Calls `work` with runs of whole rows of `out` and the number of the first, on several threads if it is worth it.
pub(super) fn by_rows(out: &mut [f32], width: usize, work: impl Fn(usize, &mut [f32]) + Sync) {
    let rows = out.len() / width.max(1);
    if out.len() < PARALLEL_FROM {
        return work(0, out);
    }
    // Some runs per thread, so that a thread that comes late finds the others already at its share.
    let run = rows.div_ceil(4 * rayon::current_num_threads()).max(1);
    out.par_chunks_mut(run * width).enumerate().for_each(|(number, chunk)| work(number * run, chunk));
}

fn rms_norm_row(y: &mut [f32], x: &[f32], gains: &[f32], eps: f32) {
    let mean_square = reduce(x, 0.0, |sum, x| sum + x * x, |a, b| a + b) / x.len() as f32;
    // A row whose squares overflow would become one of zeros, which looks like numbers.
    let scale = if mean_square.is_finite() { 1.0 / (mean_square + eps).sqrt() } else { f32::NAN };
    for ((y, &x), &gain) in y.iter_mut().zip(x).zip(gains) {
        *y = x * scale * gain;
    }
}

fn softmax_row(row: &mut [f32]) {
    let top = reduce(row, f32::NEG_INFINITY, f32::max, f32::max);
    for x in row.iter_mut() {
        *x = exp(*x - top);
    }
    let scale = 1.0 / reduce(row, 0.0, |sum, x| sum + x, |a, b| a + b);
    for x in row.iter_mut() {
        *x *= scale;
    }
}

/// As [`softmax_row`], over the columns that are seen.
fn softmax_of(row: &mut [f32], seen: &[bool]) {
    for (x, _) in row.iter_mut().zip(seen).filter(|(_, seen)| !**seen) {
        *x = f32::NEG_INFINITY;
    }
    let top = reduce(row, f32::NEG_INFINITY, f32::max, f32::max);
    for (x, &seen) in row.iter_mut().zip(seen) {
        *x = if seen { exp(*x - top) } else { 0.0 };
    }
    let scale = 1.0 / reduce(row, 0.0, |sum, x| sum + x, |a, b| a + b);
    for x in row.iter_mut() {
        *x *= scale;
    }
}

/// Folds `values` lane by lane, then the lanes.
fn reduce(values: &[f32], start: f32, fold: impl Fn(f32, f32) -> f32, join: impl Fn(f32, f32) -> f32) -> f32 {
    let mut lanes = [start; LANES];
    let (chunks, rest) = values.as_chunks::<LANES>();
    for chunk in chunks {
        for (lane, &value) in lanes.iter_mut().zip(chunk) {
            *lane = fold(*lane, value);
        }
    }
    let tail = rest.iter().fold(start, |sum, &value| fold(sum, value));
    lanes.into_iter().fold(tail, join)
}

/// e^x without branches, to about one unit in the last place; beyond what float32 can hold it stays at the border.
///
/// `2^n * e^r` with `|r| <= ln 2 / 2`: `n` is rounded by adding a number so large that no fraction bit is left, and
/// becomes the exponent by a shift. The polynomial is the classic minimax one of the Cephes library.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    const ROUND: f32 = 12_582_912.0; // 1.5 * 2^23, whose low nine bits are zero
    const LN2_HIGH: f32 = 0.693_359_4; // few bits, so that n times it is exact
    const LN2_LOW: f32 = -2.121_944_4e-4;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * LN2_HIGH - n * LN2_LOW;
    let mut p = 1.987_569_1e-4;
    for coefficient in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        p = p * r + coefficient;
    }
    let fraction = p * r * r + r + 1.0;
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1.0_f32.to_bits()));
    fraction * power
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::{Device, IndexOp};
    use candle_nn::ops;

    use super::*;
    use crate::model::attention::{self, HeadNorm, RowMask};
    use crate::model::{device::ComputeDevice, layers, testing};

    fn random(shape: &[usize]) -> Tensor {
        (testing::random(shape) * 2.0).unwrap()
    }

    /// Equal to a few units in the last place, relative to the larger of one and the value.
    fn assert_close(found: &Tensor, expected: &Tensor) {
        assert_eq!(found.dims(), expected.dims());
        let values = |tensor: &Tensor| tensor.flatten_all().unwrap().to_vec1::<f32>().unwrap();
        for (found, expected) in values(found).into_iter().zip(values(expected)) {
            let scale = expected.abs().max(1.0);
            assert!((found - expected).abs() <= 2e-6 * scale, "{found}, expected {expected}");
        }
    }

    #[test]
    fn exp_is_exact_to_a_few_units_in_the_last_place() {
        for i in -86_000..=87_000 {
            let x = i as f32 * 1e-3;
            let (found, expected) = (f64::from(exp(x)), f64::from(x).exp());
            assert!((found / expected - 1.0).abs() < 3e-7, "exp({x}) = {found}, expected {expected}");
        }
        assert_eq!(exp(0.0), 1.0);
        assert!(exp(f32::NEG_INFINITY) < 1e-37 && exp(f32::INFINITY) > 1e38);
    }

    /// Sizes on both sides of every border: lanes, odd tails, more than one thread.
    const SIZES: [(usize, usize); 5] = [(1, 1), (3, 16), (5, 33), (2, 150), (700, 400)];

    #[test]
    fn softmax_equals_the_library() {
        for (rows, width) in SIZES {
            let scores = random(&[rows, width]);
            let expected = attention::softmax_by_ops(&scores, None).unwrap();
            softmax(&scores, &Visible::All).unwrap();
            assert_close(&scores, &expected);
        }
    }

    #[test]
    fn softmax_ignores_what_is_not_visible() {
        // Two heads of two rows.
        let each = [true, false, true, true, false, false, false, false, true, true, true, true, true, true];
        let prefixes = [true, true, true, false, false, false, false, true, true, true, true, true, true, true];
        for (visible, seen) in [(Visible::Prefixes(vec![3, 7]), prefixes), (Visible::Each(each.to_vec()), each)] {
            let scores = random(&[2, 2, 7]);
            let mask = RowMask::new(visible.clone(), 7, &ComputeDevice::cpu_by_library()).unwrap();
            let expected = mask.softmax(scores.clone()).unwrap();
            softmax(&scores, &visible).unwrap();
            assert_close(&scores, &expected);
            for head in 0..2 {
                for (row, seen) in seen.chunks(7).enumerate() {
                    let values: Vec<f32> = scores.i((head, row)).unwrap().to_vec1().unwrap();
                    assert!(values.iter().zip(seen).all(|(&p, &seen)| (p > 0.0) == seen), "{values:?}");
                }
            }
        }
    }

    #[test]
    fn swiglu_and_norm_equal_the_library() {
        for (rows, width) in SIZES {
            let x = random(&[rows, 2 * width]);
            assert_close(&swiglu(&x).unwrap(), &ops::swiglu(&x).unwrap());
            let gains = random(&[2 * width]);
            assert_close(&rms_norm(&x, &gains, 1e-5).unwrap(), &ops::rms_norm(&x, &gains, 1e-5).unwrap());
        }
    }

    #[test]
    fn split_heads_equals_the_library() {
        let head_dim = 8;
        let norm = |seed: f64| {
            let gains = (random(&[head_dim]) + seed).unwrap();
            HeadNorm::new(gains, 1e-6).unwrap()
        };
        let (query, key) = (norm(0.5), norm(1.5));
        for norms in [None, Some((&query, &key))] {
            let (query, key) = norms.unzip();
            let kinds = [
                HeadKind { count: 3, norm: query, turned: true, scale: 0.3 },
                HeadKind { count: 1, norm: key, turned: true, scale: 1.0 },
                HeadKind { count: 1, norm: None, turned: false, scale: 2.0 },
            ];
            for rows in [1, 7, 8_000] {
                let x = random(&[rows, 5 * head_dim]);
                let positions: Vec<usize> = (0..rows).map(|row| 2 * row).collect();
                let turn = layers::Rotary::new(head_dim, 1e4, None, &Device::Cpu).unwrap().rows(&positions).unwrap();
                let expected = attention::split_heads_by_ops(&x, head_dim, &kinds, &turn).unwrap();
                assert_close(&split_heads(&x, head_dim, &kinds, &turn).unwrap(), &expected);
            }
        }
    }
}
