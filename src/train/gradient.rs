//! What an engine computes: losses, gradients and logits of chunks of sequences.
//!
//! Two engines do it. [`super::fused`] is written by hand for the CPU: no padding, no graph, the head and the last
//! layer only over the rows whose loss is wanted. [`super::composed`] is made of candle's differentiable operations
//! and runs on any device. They agree to rounding, and tests say so.

use super::parameters::ParameterLayout;
use std::ops::Range;
use thiserror::Error;

/// Sequences that are computed together.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chunk {
    /// Token ids of all sequences, one after the other.
    pub ids: Vec<u32>,
    /// Where each sequence lies in `ids`; they tile it.
    pub sequences: Vec<Range<usize>>,
    /// Rows (indexes into `ids`) whose prediction is wanted, ascending.
    pub wanted: Vec<u32>,
    /// Which part of `wanted` belongs to each sequence.
    pub wanted_ranges: Vec<Range<usize>>,
    /// The token that each wanted row should predict.
    pub targets: Vec<u32>,
    /// Factor of each wanted row's cross entropy. The factors of one step sum to one.
    pub weights: Vec<f32>,
    /// What each wanted row counts as in the figures.
    pub labels: Vec<Label>,
}

impl Chunk {
    /// Adds a sequence; `wanted` are rows of it with their targets, factors and labels.
    pub fn push(&mut self, ids: &[u32], wanted: impl IntoIterator<Item = WantedRow>) {
        let start = self.ids.len();
        self.ids.extend_from_slice(ids);
        self.sequences.push(start..self.ids.len());
        let first = self.wanted.len();
        for row in wanted {
            self.wanted.push((start + row.row) as u32);
            self.targets.push(row.target);
            self.weights.push(row.weight);
            self.labels.push(row.label);
        }
        self.wanted_ranges.push(first..self.wanted.len());
    }
}

/// What a wanted row counts as in the figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Label {
    /// Index of the task family.
    pub family: u8,
    /// The part of the answer that the token belongs to.
    pub kind: TokenKind,
}

/// Parts of an answer that are learned at very different times.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenKind {
    /// A word that the answer takes from the prompt: the part that a healthy-looking loss can hide the failure of.
    Copied,
    /// A token of a word that the answer takes from the prompt and that has no token of its own: copied letter by
    /// letter.
    Spelled,
    /// Any other token of the answer, its end included.
    Other,
    /// The fill behind the end of the answer.
    Fill,
}

/// One row whose prediction is wanted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct WantedRow {
    /// Index in its sequence.
    pub row: usize,
    /// The token to predict.
    pub target: u32,
    /// Factor of the cross entropy.
    pub weight: f32,
    /// What it counts as.
    pub label: Label,
}

/// The outcome of one chunk, one entry per wanted row.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Outcome {
    /// Cross entropy, not weighted.
    pub losses: Vec<f32>,
    /// Whether the target had the largest logit.
    pub hits: Vec<bool>,
}

/// Why an engine could not compute.
#[derive(Debug, Error)]
pub enum EngineError {
    /// A sequence is longer than the positions that the engine was made for.
    #[error("a sequence of {len} tokens is longer than the {limit} positions of the network")]
    TooLong {
        /// Its length.
        len: usize,
        /// The longest that is possible.
        limit: usize,
    },
    /// The tensor library failed.
    #[error("the tensor library failed: {0}")]
    Backend(#[from] candle_core::Error),
}

/// Computes losses, gradients and logits of one network.
///
/// `future` is added to the attention scores of keys after the query: minus infinity makes the network causal, zero
/// bidirectional.
pub trait GradientEngine: Send {
    /// The network that it computes.
    fn layout(&self) -> &ParameterLayout;

    /// Writes the gradient of the weighted loss of all chunks to `gradient`, and returns one outcome per chunk.
    fn gradient(
        &mut self,
        weights: &[f32],
        chunks: &[Chunk],
        future: f32,
        gradient: &mut [f32],
    ) -> Result<Vec<Outcome>, EngineError>;

    /// The logits of the wanted rows of each chunk, row-major `(wanted, vocab)`.
    fn logits(&mut self, weights: &[f32], chunks: &[Chunk], future: f32) -> Result<Vec<Vec<f32>>, EngineError>;
}
