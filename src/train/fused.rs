//! The trainer's engine for the CPU: forward and backward passes written by hand on plain buffers.
//!
//! Each thread takes whole chunks, so that threads meet once per step, and every chunk writes its gradient to a
//! buffer of its own. These are added in the chunks' order: the result does not depend on the number of threads.
//! Sequences lie behind each other without padding. From the last layer's attention on only the wanted rows are
//! computed.
//!
//! Written by hand although candle differentiates ([`super::composed`] lets it): candle pads, keeps a graph and allocates in
//! every step, where here three quarters of the time are matrix products, and that decides how many hours a run takes.

use super::gradient::{Chunk, EngineError, GradientEngine, Outcome};
use super::kernels;
use super::matmul::{Store, View, ViewMut, product};
use super::parameters::{LayerPlaces, ParameterLayout, RMS_NORM_EPS, ROPE_THETA, Shape};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};

/// The engine.
#[derive(Debug)]
pub struct Fused {
    layout: ParameterLayout,
    rotation: Rotation,
    threads: usize,
    /// One per thread; kept between steps, so that nothing is allocated while training.
    workspaces: Vec<Workspace>,
    /// One per chunk.
    gradients: Vec<Vec<f32>>,
}

/// Cosines and sines of the rotary embedding, `(positions, head / 2)`.
#[derive(Debug)]
struct Rotation {
    cos: Vec<f32>,
    sin: Vec<f32>,
    positions: usize,
}

impl Rotation {
    fn new(positions: usize, head: usize) -> Self {
        let half = head / 2;
        let angles = (0..positions).flat_map(|position| {
            (0..half).map(move |i| position as f64 * ROPE_THETA.powf(-2.0 * i as f64 / head as f64))
        });
        let (sin, cos) = angles.map(|angle| (angle.sin() as f32, angle.cos() as f32)).unzip();
        Self { cos, sin, positions }
    }
}

/// What the backward pass needs of one layer. `R` rows of the chunk, `Q` query rows: all, or in the last layer the
/// wanted ones; `d` hidden, `f` feed-forward width.
#[derive(Debug, Default)]
struct Saved {
    /// `(R, d)`: input
    x: Vec<f32>,
    /// `(R)`
    attention_inverse: Vec<f32>,
    /// `(R, d)`: input after its norm
    attention_in: Vec<f32>,
    /// `(R, 3 d)`: q, k and v, rotated
    qkv: Vec<f32>,
    /// `(Q, d)`: the query rows of q; empty where these are all rows
    queries: Vec<f32>,
    /// `(heads, Q_s, R_s)` for each sequence `s`
    probabilities: Vec<f32>,
    /// `(Q, d)`: what attention gathered
    gathered: Vec<f32>,
    /// `(Q, d)`: residual stream after attention
    middle: Vec<f32>,
    /// `(Q)`
    ffn_inverse: Vec<f32>,
    /// `(Q, d)`: the same after its norm
    ffn_in: Vec<f32>,
    /// `(Q, 2 f)`
    gate_up: Vec<f32>,
    /// `(Q, f)`
    activated: Vec<f32>,
}

#[derive(Debug, Default)]
struct Workspace {
    layers: Vec<Saved>,
    positions: Vec<u32>,
    /// In-sequence index of each query row of the last layer.
    last_queries: Vec<u32>,
    /// `(Q, d)`: output of the last layer
    x: Vec<f32>,
    inverse: Vec<f32>,
    normed: Vec<f32>,
    logits: Vec<f32>,
    /// Gradients on their way down.
    dx: Vec<f32>,
    dmiddle: Vec<f32>,
    dnarrow: Vec<f32>,
    dactivated: Vec<f32>,
    dqkv: Vec<f32>,
    dqueries: Vec<f32>,
    dscores: Vec<f32>,
}

/// Makes `buffer` hold `len` values; which ones is not specified.
fn sized(buffer: &mut Vec<f32>, len: usize) -> &mut [f32] {
    buffer.resize(len, 0.0);
    buffer
}

impl Fused {
    /// An engine for sequences of at most `positions` tokens on `threads` threads.
    pub fn new(layout: ParameterLayout, positions: usize, threads: usize) -> Self {
        let rotation = Rotation::new(positions, layout.shape.hidden / layout.shape.heads);
        Self { layout, rotation, threads: threads.max(1), workspaces: Vec::new(), gradients: Vec::new() }
    }

    /// Runs `work` on every chunk, and returns the results in the chunks' order.
    fn spread<R: Send>(
        &mut self,
        chunks: &[Chunk],
        want_gradient: bool,
        work: impl Fn(&ParameterLayout, &Rotation, &mut Workspace, &mut Vec<f32>, &Chunk) -> R + Sync,
    ) -> Result<Vec<R>, EngineError> {
        let limit = self.rotation.positions;
        if let Some(len) = chunks.iter().flat_map(|c| &c.sequences).map(ExactSizeIterator::len).find(|l| *l > limit) {
            return Err(EngineError::TooLong { len, limit });
        }
        let threads = self.threads.min(chunks.len()).max(1);
        if self.workspaces.len() < threads {
            self.workspaces.resize_with(threads, Workspace::default);
        }
        if want_gradient {
            if self.gradients.len() < chunks.len() {
                self.gradients.resize_with(chunks.len(), Vec::new);
            }
            for gradient in &mut self.gradients[..chunks.len()] {
                gradient.resize(self.layout.len, 0.0);
            }
        }
        let mut none = vec![Vec::new(); if want_gradient { 0 } else { chunks.len() }];
        let buffers = if want_gradient { &mut self.gradients[..chunks.len()] } else { &mut none[..] };
        let jobs: Vec<_> =
            chunks.iter().zip(buffers).map(|(chunk, buffer)| Mutex::new((chunk, buffer, None))).collect();
        let next = AtomicUsize::new(0);
        let (layout, rotation) = (&self.layout, &self.rotation);
        let run = |workspace: &mut Workspace| {
            while let Some(job) = jobs.get(next.fetch_add(1, Ordering::Relaxed)) {
                let mut job = job.lock().unwrap_or_else(PoisonError::into_inner);
                let (chunk, buffer, result) = &mut *job;
                *result = Some(work(layout, rotation, workspace, buffer, chunk));
            }
        };
        std::thread::scope(|scope| {
            let mut workspaces = self.workspaces[..threads].iter_mut();
            let own = workspaces.next();
            for workspace in workspaces {
                scope.spawn(|| run(workspace));
            }
            if let Some(workspace) = own {
                run(workspace);
            }
        });
        Ok(jobs.into_iter().filter_map(|job| job.into_inner().unwrap_or_else(PoisonError::into_inner).2).collect())
    }
}

impl GradientEngine for Fused {
    fn layout(&self) -> &ParameterLayout {
        &self.layout
    }

    fn gradient(
        &mut self,
        weights: &[f32],
        chunks: &[Chunk],
        future: f32,
        gradient: &mut [f32],
    ) -> Result<Vec<Outcome>, EngineError> {
        let outcomes = self.spread(chunks, true, |layout, rotation, workspace, buffer, chunk| {
            forward(layout, rotation, workspace, weights, chunk, future);
            backward(layout, rotation, workspace, weights, chunk, buffer)
        })?;
        // Disjoint parts of the vector, each summed in the chunks' order.
        let part = self.layout.len.div_ceil(self.threads);
        let parts = &self.gradients[..chunks.len()];
        std::thread::scope(|scope| {
            for (index, total) in gradient.chunks_mut(part).enumerate() {
                scope.spawn(move || {
                    total.fill(0.0);
                    for other in parts {
                        kernels::accumulate(total, &other[index * part..index * part + total.len()]);
                    }
                });
            }
        });
        Ok(outcomes)
    }

    fn logits(&mut self, weights: &[f32], chunks: &[Chunk], future: f32) -> Result<Vec<Vec<f32>>, EngineError> {
        self.spread(chunks, false, |layout, rotation, workspace, _, chunk| {
            forward(layout, rotation, workspace, weights, chunk, future);
            std::mem::take(&mut workspace.logits)
        })
    }
}

/// Leaves the logits of the wanted rows in the workspace, and everything that the backward pass needs.
fn forward(
    layout: &ParameterLayout,
    rotation: &Rotation,
    workspace: &mut Workspace,
    weights: &[f32],
    chunk: &Chunk,
    future: f32,
) {
    let d = layout.shape.hidden;
    let rows = chunk.ids.len();
    let wanted = chunk.wanted.len();
    let Workspace { layers, positions, last_queries, x, inverse, normed, logits, .. } = workspace;
    layers.resize_with(layout.layers.len(), Saved::default);
    positions.clear();
    positions.extend(chunk.sequences.iter().flat_map(|s| 0..s.len() as u32));
    last_queries.clear();
    last_queries.extend(chunk.wanted.iter().map(|row| positions[*row as usize]));

    let embedding = &weights[layout.embedding.clone()];
    let first = sized(&mut layers[0].x, rows * d);
    for (row, id) in first.chunks_exact_mut(d).zip(&chunk.ids) {
        row.copy_from_slice(&embedding[*id as usize * d..][..d]);
    }
    let last = layers.len() - 1;
    for (index, places) in layout.layers.iter().enumerate() {
        let (done, after) = layers.split_at_mut(index + 1);
        let saved = &mut done[index];
        let wanted_only = index == last;
        let queries: &[u32] = if wanted_only { last_queries } else { positions };
        let out = if wanted_only { sized(x, wanted * d) } else { sized(&mut after[0].x, rows * d) };
        let pass = LayerPass { shape: layout.shape, places, weights, rotation, chunk, positions, queries, wanted_only };
        pass.forward(future, saved, out);
    }
    let norm = &weights[layout.norm.clone()];
    kernels::rms_norm(x, norm, RMS_NORM_EPS, sized(normed, wanted * d), sized(inverse, wanted));
    let head = View::new(&weights[layout.head.clone()], layout.vocab, d);
    let out = ViewMut::new(sized(logits, wanted * layout.vocab), wanted, layout.vocab);
    product(out, Store::Replace, View::new(normed, wanted, d), head.t(), 1.0);
}

/// Turns the logits in the workspace into the gradient of every weight.
fn backward(
    layout: &ParameterLayout,
    rotation: &Rotation,
    workspace: &mut Workspace,
    weights: &[f32],
    chunk: &Chunk,
    gradient: &mut [f32],
) -> Outcome {
    let d = layout.shape.hidden;
    let wanted = chunk.wanted.len();
    let Workspace {
        layers,
        positions,
        last_queries,
        x,
        inverse,
        normed,
        logits,
        dx,
        dmiddle,
        dnarrow,
        dactivated,
        dqkv,
        dqueries,
        dscores,
    } = workspace;
    let mut outcome = Outcome { losses: vec![0.0; wanted], hits: vec![false; wanted] };
    kernels::cross_entropy(
        logits,
        layout.vocab,
        &chunk.targets,
        &chunk.weights,
        &mut outcome.losses,
        &mut outcome.hits,
    );
    let dlogits = View::new(logits, wanted, layout.vocab);
    let to = ViewMut::new(&mut gradient[layout.head.clone()], layout.vocab, d);
    product(to, Store::Replace, dlogits.t(), View::new(normed, wanted, d), 1.0);
    let head = View::new(&weights[layout.head.clone()], layout.vocab, d);
    product(ViewMut::new(sized(dnarrow, wanted * d), wanted, d), Store::Replace, dlogits, head, 1.0);
    let dnorm = &mut gradient[layout.norm.clone()];
    dnorm.fill(0.0);
    sized(dx, wanted * d).fill(0.0);
    kernels::rms_norm_backward(x, &weights[layout.norm.clone()], inverse, dnarrow, dx, dnorm);

    let last = layers.len() - 1;
    for (index, places) in layout.layers.iter().enumerate().rev() {
        let wanted_only = index == last;
        let queries: &[u32] = if wanted_only { last_queries } else { positions };
        let pass = LayerPass { shape: layout.shape, places, weights, rotation, chunk, positions, queries, wanted_only };
        let mut flow = Flow { dx, dmiddle, dnarrow, dactivated, dqkv, dqueries, dscores };
        pass.backward(&mut layers[index], &mut flow, gradient);
    }
    let dembedding = &mut gradient[layout.embedding.clone()];
    dembedding.fill(0.0);
    for (row, id) in dx.chunks_exact(d).zip(&chunk.ids) {
        kernels::accumulate(&mut dembedding[*id as usize * d..][..d], row);
    }
    outcome
}

/// Buffers of the gradients on their way down; `dx` enters as the gradient of a layer's output and leaves as that of
/// its input.
struct Flow<'a> {
    dx: &'a mut Vec<f32>,
    dmiddle: &'a mut Vec<f32>,
    dnarrow: &'a mut Vec<f32>,
    dactivated: &'a mut Vec<f32>,
    dqkv: &'a mut Vec<f32>,
    dqueries: &'a mut Vec<f32>,
    dscores: &'a mut Vec<f32>,
}

/// One layer and one chunk: what the layer's forward and backward pass share.
struct LayerPass<'a> {
    shape: Shape,
    places: &'a LayerPlaces,
    weights: &'a [f32],
    rotation: &'a Rotation,
    chunk: &'a Chunk,
    /// In-sequence index of each row.
    positions: &'a [u32],
    /// In-sequence index of each query row.
    queries: &'a [u32],
    /// Only the wanted rows are queries.
    wanted_only: bool,
}

impl LayerPass<'_> {
    /// `(queries, keys)` of each sequence.
    fn ranges(&self) -> impl Iterator<Item = (Range<usize>, Range<usize>)> + '_ {
        let sequences = self.chunk.sequences.iter().zip(&self.chunk.wanted_ranges);
        sequences.map(|(keys, wanted)| (if self.wanted_only { wanted.clone() } else { keys.clone() }, keys.clone()))
    }

    fn weights(&self, range: &Range<usize>) -> &[f32] {
        &self.weights[range.clone()]
    }

    fn matrix(&self, range: &Range<usize>, out: usize, inner: usize) -> View<'_> {
        View::new(self.weights(range), out, inner)
    }

    /// Width of a head.
    fn head(&self) -> usize {
        self.shape.hidden / self.shape.heads
    }

    /// The queries of head `h` for the query rows from `start` on: rows of their own in the last layer, else the first third
    /// of the q, k, v rows.
    fn query_view<'a>(&self, own: &'a [f32], qkv: &'a [f32], start: usize, count: usize, h: usize) -> View<'a> {
        let (d, head) = (self.shape.hidden, self.head());
        if self.wanted_only {
            View::strided(&own[start * d + h * head..], count, head, d)
        } else {
            View::strided(&qkv[start * 3 * d + h * head..], count, head, 3 * d)
        }
    }

    /// Turns `saved.x` into the layer's output, and fills the rest of `saved`.
    fn forward(&self, future: f32, saved: &mut Saved, out: &mut [f32]) {
        self.project(saved);
        self.attend(future, saved);
        self.feed_forward(saved, out);
    }

    /// Queries, keys and values; the residual stream goes to `saved.middle`.
    fn project(&self, saved: &mut Saved) {
        let (d, all) = (self.shape.hidden, self.positions.len());
        let attention_in = sized(&mut saved.attention_in, all * d);
        let inverse = sized(&mut saved.attention_inverse, all);
        kernels::rms_norm(&saved.x, self.weights(&self.places.attention_norm), RMS_NORM_EPS, attention_in, inverse);
        let qkv = sized(&mut saved.qkv, all * 3 * d);
        let (input, matrix) = (View::new(attention_in, all, d), self.matrix(&self.places.qkv, 3 * d, d));
        product(ViewMut::new(qkv, all, 3 * d), Store::Replace, input, matrix.t(), 1.0);
        kernels::add_bias(qkv, self.weights(&self.places.qkv_bias));
        let Rotation { cos, sin, .. } = self.rotation;
        kernels::rope(qkv, 3 * d, 2 * self.shape.heads, self.head(), self.positions, cos, sin, 1.0);

        saved.queries.clear();
        let middle = sized(&mut saved.middle, self.queries.len() * d);
        if self.wanted_only {
            for (row, to) in self.chunk.wanted.iter().zip(middle.chunks_exact_mut(d)) {
                let row = *row as usize;
                saved.queries.extend_from_slice(&qkv[row * 3 * d..][..d]);
                to.copy_from_slice(&saved.x[row * d..][..d]);
            }
        } else {
            middle.copy_from_slice(&saved.x);
        }
    }

    /// Attention, added to `saved.middle`.
    fn attend(&self, future: f32, saved: &mut Saved) {
        let (d, head, count) = (self.shape.hidden, self.head(), self.queries.len());
        let total: usize = self.ranges().map(|(queries, keys)| queries.len() * keys.len() * self.shape.heads).sum();
        let Saved { qkv, queries: own, probabilities, gathered, middle, .. } = saved;
        let probabilities = sized(probabilities, total);
        let gathered = sized(gathered, count * d);
        let scale = (head as f32).powf(-0.5);
        let mut at = 0;
        for (queries, keys) in self.ranges() {
            let (m, n) = (queries.len(), keys.len());
            for h in 0..self.shape.heads {
                let scores = &mut probabilities[at..at + m * n];
                at += m * n;
                if m == 0 {
                    continue;
                }
                let q = self.query_view(own, qkv, queries.start, m, h);
                let k = View::strided(&qkv[keys.start * 3 * d + d + h * head..], n, head, 3 * d);
                let v = View::strided(&qkv[keys.start * 3 * d + 2 * d + h * head..], n, head, 3 * d);
                product(ViewMut::new(scores, m, n), Store::Replace, q, k.t(), scale);
                kernels::softmax(scores, n, &self.queries[queries.clone()], future);
                let to = ViewMut::strided(&mut gathered[queries.start * d + h * head..], m, head, d);
                product(to, Store::Replace, View::new(scores, m, n), v, 1.0);
            }
        }
        let (from, matrix) = (View::new(gathered, count, d), self.matrix(&self.places.output, d, d));
        product(ViewMut::new(middle, count, d), Store::Add, from, matrix.t(), 1.0);
    }

    /// The feed-forward layer: `saved.middle` and what the layer adds to it, in `out`.
    fn feed_forward(&self, saved: &mut Saved, out: &mut [f32]) {
        let (d, f, count) = (self.shape.hidden, self.shape.ffn, self.queries.len());
        let ffn_in = sized(&mut saved.ffn_in, count * d);
        let inverse = sized(&mut saved.ffn_inverse, count);
        kernels::rms_norm(&saved.middle, self.weights(&self.places.ffn_norm), RMS_NORM_EPS, ffn_in, inverse);
        let gate_up = sized(&mut saved.gate_up, count * 2 * f);
        let (input, matrix) = (View::new(ffn_in, count, d), self.matrix(&self.places.gate_up, 2 * f, d));
        product(ViewMut::new(gate_up, count, 2 * f), Store::Replace, input, matrix.t(), 1.0);
        let activated = sized(&mut saved.activated, count * f);
        kernels::silu_mul(gate_up, f, activated);
        out.copy_from_slice(&saved.middle);
        let (input, matrix) = (View::new(activated, count, f), self.matrix(&self.places.down, d, f));
        product(ViewMut::new(out, count, d), Store::Add, input, matrix.t(), 1.0);
    }

    /// Turns `flow.dx` from the gradient of the layer's output into that of its input, and writes the gradients of the
    /// layer's weights.
    fn backward(&self, saved: &mut Saved, flow: &mut Flow<'_>, gradient: &mut [f32]) {
        self.feed_forward_backward(saved, flow, gradient);
        self.attend_backward(saved, flow, gradient);
        self.project_backward(saved, flow, gradient);
    }

    /// From `flow.dx` to `flow.dmiddle`.
    fn feed_forward_backward(&self, saved: &mut Saved, flow: &mut Flow<'_>, gradient: &mut [f32]) {
        let (d, f, count, places) = (self.shape.hidden, self.shape.ffn, self.queries.len(), self.places);
        let dout = View::new(flow.dx, count, d);
        let dactivated = sized(flow.dactivated, count * f);
        product(ViewMut::new(dactivated, count, f), Store::Replace, dout, self.matrix(&places.down, d, f), 1.0);
        let to = ViewMut::new(&mut gradient[places.down.clone()], d, f);
        product(to, Store::Replace, dout.t(), View::new(&saved.activated, count, f), 1.0);
        kernels::silu_mul_backward(&mut saved.gate_up, f, dactivated);
        let dgate_up = View::new(&saved.gate_up, count, 2 * f);
        let to = ViewMut::new(&mut gradient[places.gate_up.clone()], 2 * f, d);
        product(to, Store::Replace, dgate_up.t(), View::new(&saved.ffn_in, count, d), 1.0);
        let dnarrow = sized(flow.dnarrow, count * d);
        let matrix = self.matrix(&places.gate_up, 2 * f, d);
        product(ViewMut::new(dnarrow, count, d), Store::Replace, dgate_up, matrix, 1.0);
        let dmiddle = sized(flow.dmiddle, count * d);
        dmiddle.copy_from_slice(flow.dx);
        let dnorm = &mut gradient[places.ffn_norm.clone()];
        dnorm.fill(0.0);
        let norm = self.weights(&places.ffn_norm);
        kernels::rms_norm_backward(&saved.middle, norm, &saved.ffn_inverse, dnarrow, dmiddle, dnorm);
    }

    /// From `flow.dmiddle` to `flow.dqkv`, whose queries are in `flow.dqueries` where only the wanted rows are queries.
    fn attend_backward(&self, saved: &Saved, flow: &mut Flow<'_>, gradient: &mut [f32]) {
        let (d, head, count, places) = (self.shape.hidden, self.head(), self.queries.len(), self.places);
        let dout = View::new(flow.dmiddle, count, d);
        let to = ViewMut::new(&mut gradient[places.output.clone()], d, d);
        product(to, Store::Replace, dout.t(), View::new(&saved.gathered, count, d), 1.0);
        let dgathered = sized(flow.dnarrow, count * d);
        product(ViewMut::new(dgathered, count, d), Store::Replace, dout, self.matrix(&places.output, d, d), 1.0);
        let dqkv = sized(flow.dqkv, self.positions.len() * 3 * d);
        let dqueries = sized(flow.dqueries, if self.wanted_only { count * d } else { 0 });
        let scale = (head as f32).powf(-0.5);
        let mut at = 0;
        for (queries, keys) in self.ranges() {
            let (m, n) = (queries.len(), keys.len());
            if m == 0 {
                // No query looked at this sequence.
                dqkv[keys.start * 3 * d..keys.end * 3 * d].fill(0.0);
                continue;
            }
            for h in 0..self.shape.heads {
                let probabilities = &saved.probabilities[at..at + m * n];
                at += m * n;
                let dscores = sized(flow.dscores, m * n);
                let down = View::strided(&dgathered[queries.start * d + h * head..], m, head, d);
                let v = View::strided(&saved.qkv[keys.start * 3 * d + 2 * d + h * head..], n, head, 3 * d);
                product(ViewMut::new(dscores, m, n), Store::Replace, down, v.t(), 1.0);
                let dv = ViewMut::strided(&mut dqkv[keys.start * 3 * d + 2 * d + h * head..], n, head, 3 * d);
                product(dv, Store::Replace, View::new(probabilities, m, n).t(), down, 1.0);
                kernels::softmax_backward(probabilities, dscores, n);
                let dscores = View::new(dscores, m, n);
                let dk = ViewMut::strided(&mut dqkv[keys.start * 3 * d + d + h * head..], n, head, 3 * d);
                let q = self.query_view(&saved.queries, &saved.qkv, queries.start, m, h);
                product(dk, Store::Replace, dscores.t(), q, scale);
                let k = View::strided(&saved.qkv[keys.start * 3 * d + d + h * head..], n, head, 3 * d);
                let dq = if self.wanted_only {
                    ViewMut::strided(&mut dqueries[queries.start * d + h * head..], m, head, d)
                } else {
                    ViewMut::strided(&mut dqkv[queries.start * 3 * d + h * head..], m, head, 3 * d)
                };
                product(dq, Store::Replace, dscores, k, scale);
            }
        }
    }

    /// From `flow.dqkv`, `flow.dqueries` and `flow.dmiddle` to `flow.dx`.
    fn project_backward(&self, saved: &Saved, flow: &mut Flow<'_>, gradient: &mut [f32]) {
        let (d, all, places) = (self.shape.hidden, self.positions.len(), self.places);
        let (dx, dqkv) = (sized(flow.dx, all * d), &mut flow.dqkv[..]);
        if self.wanted_only {
            dx.fill(0.0);
            for row in dqkv.chunks_exact_mut(3 * d) {
                row[..d].fill(0.0);
            }
            for (index, row) in self.chunk.wanted.iter().enumerate() {
                let (row, from) = (*row as usize, index * d..(index + 1) * d);
                dqkv[row * 3 * d..][..d].copy_from_slice(&flow.dqueries[from.clone()]);
                dx[row * d..][..d].copy_from_slice(&flow.dmiddle[from]);
            }
        } else {
            dx.copy_from_slice(flow.dmiddle);
        }
        let Rotation { cos, sin, .. } = self.rotation;
        kernels::rope(dqkv, 3 * d, 2 * self.shape.heads, self.head(), self.positions, cos, sin, -1.0);
        kernels::sum_rows(dqkv, &mut gradient[places.qkv_bias.clone()]);
        let dqkv = View::new(dqkv, all, 3 * d);
        let to = ViewMut::new(&mut gradient[places.qkv.clone()], 3 * d, d);
        product(to, Store::Replace, dqkv.t(), View::new(&saved.attention_in, all, d), 1.0);
        let dnarrow = sized(flow.dnarrow, all * d);
        product(ViewMut::new(dnarrow, all, d), Store::Replace, dqkv, self.matrix(&places.qkv, 3 * d, d), 1.0);
        let dnorm = &mut gradient[places.attention_norm.clone()];
        dnorm.fill(0.0);
        let norm = self.weights(&places.attention_norm);
        kernels::rms_norm_backward(&saved.x, norm, &saved.attention_inverse, dnarrow, dx, dnorm);
    }
}
