//! The row-wise operations of the fused engine, forward and backward, on plain slices.
//!
//! Each is compiled twice on x86-64, once for every CPU and once for AVX2, and picks at run time. Together with
//! `matmul` this is the trainer's only `unsafe` code. They are written by hand because candle's fused operations have no
//! backward pass, and its plain ones allocate a tensor for every term.

#![expect(clippy::inline_always, reason = "code is compiled for a CPU feature only where it is inlined")]
#![expect(clippy::needless_range_loop, reason = "indexed lanes are what the compiler turns into vectors")]

/// Wraps functions so that their loops are vectorised with AVX2 where the CPU has it.
macro_rules! wide {
    ($($(#[$meta:meta])* pub fn $name:ident($($arg:ident: $type:ty),* $(,)?) $body:block)*) => {$(
        $(#[$meta])*
        #[allow(clippy::too_many_arguments, reason = "a kernel takes every slice and size that it works on")]
        pub fn $name($($arg: $type),*) {
            #[inline(always)]
            #[allow(clippy::too_many_arguments, reason = "a kernel takes every slice and size that it works on")]
            fn narrow($($arg: $type),*) $body
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx2,fma")]
                #[allow(clippy::too_many_arguments, reason = "a kernel takes every slice and size that it works on")]
                fn wide($($arg: $type),*) {
                    narrow($($arg),*);
                }
                if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
                    #[expect(unsafe_code, reason = "the features that the function asks for were just detected")]
                    // SAFETY: `wide` is safe code that only needs these two CPU features.
                    unsafe {
                        wide($($arg),*);
                    }
                    return;
                }
            }
            narrow($($arg),*);
        }
    )*};
}

/// Lanes of the partial sums: two AVX2 registers, so that additions overlap.
const LANES: usize = 16;

/// The inner product.
#[inline(always)]
pub fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(LANES), b.chunks_exact(LANES));
    let tail: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(x, y)| x * y).sum();
    for (x, y) in a_chunks.zip(b_chunks) {
        for lane in 0..LANES {
            lanes[lane] += x[lane] * y[lane];
        }
    }
    lanes.iter().sum::<f32>() + tail
}

#[inline(always)]
fn sum(a: &[f32]) -> f32 {
    let mut lanes = [0.0f32; LANES];
    let chunks = a.chunks_exact(LANES);
    let tail: f32 = chunks.remainder().iter().sum();
    for x in chunks {
        for lane in 0..LANES {
            lanes[lane] += x[lane];
        }
    }
    lanes.iter().sum::<f32>() + tail
}

#[inline(always)]
fn largest(a: &[f32]) -> f32 {
    let mut lanes = [f32::NEG_INFINITY; LANES];
    let chunks = a.chunks_exact(LANES);
    let tail = chunks.remainder().iter().fold(f32::NEG_INFINITY, |best, x| if *x > best { *x } else { best });
    for x in chunks {
        for lane in 0..LANES {
            lanes[lane] = if x[lane] > lanes[lane] { x[lane] } else { lanes[lane] };
        }
    }
    lanes.iter().fold(tail, |best, x| if *x > best { *x } else { best })
}

/// `e^x` to about 2 ulp by the Cephes polynomial, free of branches so that loops over it vectorise.
///
/// Zero below -60: such a probability is far under the rounding of a sum near one, and the denormal numbers that
/// its products would be are slow.
#[inline(always)]
fn exp(x: f32) -> f32 {
    /// Adding it leaves the nearest integer in the low bits of the mantissa.
    const ROUND: f32 = 12_582_912.0;
    let clamped = if x < -60.0 { -60.0 } else { x };
    let clamped = if clamped > 80.0 { 80.0 } else { clamped };
    let shifted = clamped * std::f32::consts::LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = clamped - n * 0.693_359_4;
    let r = r + n * 2.121_944_4e-4;
    let mut p = 1.987_569_1e-4;
    p = p * r + 1.398_199_9e-3;
    p = p * r + 8.333_452e-3;
    p = p * r + 4.166_579_6e-2;
    p = p * r + 1.666_666_5e-1;
    p = p * r + 0.5;
    let y = p * r * r + r + 1.0;
    let scale = f32::from_bits((shifted.to_bits() << 23).wrapping_add(0x3f80_0000));
    if x < -60.0 { 0.0 } else { y * scale }
}

wide! {
    /// `out = x / rms(x) * weight` per row of `weight.len()` values; `inverse` receives one `1 / rms` per row.
    pub fn rms_norm(x: &[f32], weight: &[f32], eps: f32, out: &mut [f32], inverse: &mut [f32]) {
        let width = weight.len();
        for ((x, out), inverse) in x.chunks_exact(width).zip(out.chunks_exact_mut(width)).zip(inverse) {
            let scale = 1.0 / (dot(x, x) / width as f32 + eps).sqrt();
            *inverse = scale;
            for ((out, x), w) in out.iter_mut().zip(x).zip(weight) {
                *out = x * scale * w;
            }
        }
    }

    /// Adds the gradient of [`rms_norm`] to `dx`, and to `dweight`, given that of its output.
    pub fn rms_norm_backward(
        x: &[f32],
        weight: &[f32],
        inverse: &[f32],
        dy: &[f32],
        dx: &mut [f32],
        dweight: &mut [f32],
    ) {
        let width = weight.len();
        for (((x, dy), dx), scale) in
            x.chunks_exact(width).zip(dy.chunks_exact(width)).zip(dx.chunks_exact_mut(width)).zip(inverse)
        {
            let scale = *scale;
            let mut lanes = [0.0f32; LANES];
            let whole = width / LANES * LANES;
            for start in (0..whole).step_by(LANES) {
                for lane in 0..LANES {
                    let at = start + lane;
                    lanes[lane] += dy[at] * weight[at] * x[at];
                }
            }
            let mut total: f32 = lanes.iter().sum();
            for at in whole..width {
                total += dy[at] * weight[at] * x[at];
            }
            let pull = total * scale * scale * scale / width as f32;
            for ((((dx, dw), dy), x), w) in dx.iter_mut().zip(dweight.iter_mut()).zip(dy).zip(x).zip(weight) {
                *dw += dy * x * scale;
                *dx += dy * w * scale - x * pull;
            }
        }
    }

    /// Adds `bias` to every row.
    pub fn add_bias(x: &mut [f32], bias: &[f32]) {
        for row in x.chunks_exact_mut(bias.len()) {
            for (x, b) in row.iter_mut().zip(bias) {
                *x += b;
            }
        }
    }

    /// `out` = the sum of all rows.
    pub fn sum_rows(x: &[f32], out: &mut [f32]) {
        out.fill(0.0);
        for row in x.chunks_exact(out.len()) {
            for (out, x) in out.iter_mut().zip(row) {
                *out += x;
            }
        }
    }

    /// Rotates the first `heads` heads of each row of `stride` values, rotate-half convention.
    ///
    /// `cos` and `sin` hold `width / 2` values per position; row `i` has position `positions[i]`. `direction` is 1
    /// for the rotation and -1 for its inverse, which is also its gradient.
    pub fn rope(
        x: &mut [f32],
        stride: usize,
        heads: usize,
        width: usize,
        positions: &[u32],
        cos: &[f32],
        sin: &[f32],
        direction: f32,
    ) {
        let half = width / 2;
        for (row, position) in x.chunks_exact_mut(stride).zip(positions) {
            let at = *position as usize * half;
            let (cos, sin) = (&cos[at..at + half], &sin[at..at + half]);
            for head in row[..heads * width].chunks_exact_mut(width) {
                let (low, high) = head.split_at_mut(half);
                for (((low, high), c), s) in low.iter_mut().zip(high).zip(cos).zip(sin) {
                    let (a, b, s) = (*low, *high, s * direction);
                    *low = a * c - b * s;
                    *high = b * c + a * s;
                }
            }
        }
    }

    /// Softmax of each row of `keys` scores. Row `i` is the query at index `queries[i]` of its sequence; `future` is
    /// added to the scores of later keys, and minus infinity hides them.
    pub fn softmax(scores: &mut [f32], keys: usize, queries: &[u32], future: f32) {
        for (row, query) in scores.chunks_exact_mut(keys).zip(queries) {
            let past = (*query as usize + 1).min(keys);
            let row = if future == f32::NEG_INFINITY {
                row[past..].fill(0.0);
                &mut row[..past]
            } else {
                for score in &mut row[past..] {
                    *score += future;
                }
                row
            };
            let top = largest(row);
            for x in row.iter_mut() {
                *x = exp(*x - top);
            }
            let scale = 1.0 / sum(row);
            for x in row.iter_mut() {
                *x *= scale;
            }
        }
    }

    /// Turns the gradient of the probabilities into that of the scores, in place.
    pub fn softmax_backward(probabilities: &[f32], gradient: &mut [f32], keys: usize) {
        for (p, g) in probabilities.chunks_exact(keys).zip(gradient.chunks_exact_mut(keys)) {
            let mean = dot(p, g);
            for (g, p) in g.iter_mut().zip(p) {
                *g = p * (*g - mean);
            }
        }
    }

    /// `out = silu(gate) * up`; a row of `gate_up` holds the gate's `width` values, then those of up.
    pub fn silu_mul(gate_up: &[f32], width: usize, out: &mut [f32]) {
        for (row, out) in gate_up.chunks_exact(2 * width).zip(out.chunks_exact_mut(width)) {
            let (gate, up) = row.split_at(width);
            for ((out, g), u) in out.iter_mut().zip(gate).zip(up) {
                *out = g / (1.0 + exp(-g)) * u;
            }
        }
    }

    /// Replaces `gate_up` by its gradient, given that of the output of [`silu_mul`].
    pub fn silu_mul_backward(gate_up: &mut [f32], width: usize, dout: &[f32]) {
        for (row, dout) in gate_up.chunks_exact_mut(2 * width).zip(dout.chunks_exact(width)) {
            let (gate, up) = row.split_at_mut(width);
            let (mut gates, mut ups, downs) =
                (gate.chunks_exact_mut(LANES), up.chunks_exact_mut(LANES), dout.chunks_exact(LANES));
            for ((gate, up), down) in gates.by_ref().zip(ups.by_ref()).zip(downs.clone()) {
                let mut s = [0.0f32; LANES];
                for lane in 0..LANES {
                    s[lane] = 1.0 / (1.0 + exp(-gate[lane]));
                }
                for lane in 0..LANES {
                    let (g, u, d) = (gate[lane], up[lane], down[lane]);
                    gate[lane] = d * u * s[lane] * (1.0 + g * (1.0 - s[lane]));
                    up[lane] = d * g * s[lane];
                }
            }
            for ((gate, up), d) in gates.into_remainder().iter_mut().zip(ups.into_remainder()).zip(downs.remainder()) {
                let (g, u, s) = (*gate, *up, 1.0 / (1.0 + exp(-*gate)));
                *gate = d * u * s * (1.0 + g * (1.0 - s));
                *up = d * g * s;
            }
        }
    }

    /// Replaces each row of `logits` by the gradient of `weights[i] * cross entropy`, and writes the unweighted
    /// cross entropy and whether the target had the largest logit.
    pub fn cross_entropy(
        logits: &mut [f32],
        vocab: usize,
        targets: &[u32],
        weights: &[f32],
        losses: &mut [f32],
        hits: &mut [bool],
    ) {
        for (index, row) in logits.chunks_exact_mut(vocab).enumerate() {
            let target = targets[index] as usize;
            let top = largest(row);
            let aimed = row[target];
            hits[index] = aimed >= top;
            for x in row.iter_mut() {
                *x = exp(*x - top);
            }
            let total = sum(row);
            losses[index] = total.ln() + top - aimed;
            let scale = weights[index] / total;
            for x in row.iter_mut() {
                *x *= scale;
            }
            row[target] -= weights[index];
        }
    }

    /// One step of decoupled-weight-decay Adam on a run of parameters; see [`super::optimizer`].
    ///
    /// `rate` is the learning rate, `first` and `second` are the moments' decays, `first_bias` and `second_bias` the
    /// divisors that undo their zero start, `shrink` the factor of the weight decay, `scale` that of the gradient.
    pub fn adamw(
        weights: &mut [f32],
        gradient: &[f32],
        first_moment: &mut [f32],
        second_moment: &mut [f32],
        scale: f32,
        rate: f32,
        first: f32,
        second: f32,
        first_bias: f32,
        second_bias: f32,
        shrink: f32,
    ) {
        let step = rate / first_bias;
        let unbias = 1.0 / second_bias;
        for (((w, g), m), v) in weights.iter_mut().zip(gradient).zip(first_moment).zip(second_moment) {
            let g = g * scale;
            *m += (1.0 - first) * (g - *m);
            *v += (1.0 - second) * (g * g - *v);
            *w = *w * shrink - step * *m / ((*v * unbias).sqrt() + 1e-8);
        }
    }

    /// `total[i] += part[i]`.
    pub fn accumulate(total: &mut [f32], part: &[f32]) {
        for (total, part) in total.iter_mut().zip(part) {
            *total += part;
        }
    }

    /// `average[i]` moves towards `value[i]` by `1 - keep` of the way.
    pub fn blend(average: &mut [f32], value: &[f32], keep: f32) {
        for (average, value) in average.iter_mut().zip(value) {
            *average += (1.0 - keep) * (value - *average);
        }
    }
}

/// Sum of squares, in double precision across blocks so that it does not depend on the length.
pub fn sum_of_squares(x: &[f32]) -> f64 {
    x.chunks(4096).map(|block| f64::from(dot(block, block))).sum()
}
