//! What a decoder may ask of a network: rows in, logits out, K/V addressed by absolute position.
//!
//! The trait is free of tensors, so that every algorithm can be tested against a scripted network, and every
//! network against reference logits without any algorithm.

use thiserror::Error;

/// Which positions a query may attend to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attention {
    /// Every readable K/V row (LLaDA, Dream).
    Bidirectional,
    /// Readable K/V rows at or before the query's own position (autoregressive guides).
    Causal,
}

/// Which token an output row predicts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Alignment {
    /// Row `i` predicts token `i` (LLaDA).
    Aligned,
    /// Row `i` predicts token `i + 1` (Dream, and every autoregressive model).
    Shifted,
}

/// The facts about a network that decoding depends on.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkSpec {
    /// Architecture as the checkpoint names it, for people ("Dream", "Qwen2").
    pub architecture: String,
    /// Width of a logits row.
    pub vocab_size: usize,
    /// The mask token; `None` for an autoregressive guide.
    pub mask_id: Option<u32>,
    /// End of text.
    pub eos_id: u32,
    /// Longest sequence (prompt and generation together) in tokens.
    pub max_positions: usize,
    /// Number of transformer layers.
    pub layers: usize,
    /// Number of weights.
    pub parameters: usize,
    /// Attention pattern.
    pub attention: Attention,
    /// What a logits row predicts.
    pub alignment: Alignment,
}

/// The K/V rows that the queries of a pass attend to, the pass's own rows included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Read<'a> {
    /// All rows at positions `0..end`.
    UpTo(usize),
    /// The rows at exactly these positions, strictly ascending.
    Rows(&'a [usize]),
}

/// One forward pass.
#[derive(Debug, Clone, Copy)]
pub struct Pass<'a> {
    /// Token ids that are fed, one per position.
    pub ids: &'a [u32],
    /// Absolute positions of those ids, strictly ascending. Their K/V rows are written in every layer.
    pub positions: &'a [usize],
    /// K/V rows that are attended to. A row that was never written since [`Network::reset`] is an error.
    pub read: Read<'a>,
    /// Indexes into `ids`, strictly ascending, of the rows whose logits are wanted.
    pub wanted: &'a [usize],
}

impl Pass<'_> {
    /// Checks everything that can be known without the K/V rows: lengths, orders, ids and positions.
    pub fn check(&self, spec: &NetworkSpec) -> Result<(), NetworkError> {
        let fed = self.ids.len();
        if fed == 0 {
            return Err(NetworkError::Pass("no row is fed".into()));
        }
        if self.positions.len() != fed {
            return Err(NetworkError::Pass(format!("{fed} ids are fed at {} positions", self.positions.len())));
        }
        if let Some(&id) = self.ids.iter().find(|&&id| id as usize >= spec.vocab_size) {
            return Err(NetworkError::UnknownToken { id, vocab_size: spec.vocab_size });
        }
        ascending("position", self.positions)?;
        ascending("wanted index", self.wanted)?;
        if let Some(&index) = self.wanted.last().filter(|&&index| index >= fed) {
            return Err(NetworkError::Pass(format!("row {index} is wanted, but only {fed} are fed")));
        }
        // Both orders are ascending, so the last position speaks for all.
        let read_end = match self.read {
            Read::UpTo(end) => end,
            Read::Rows(rows) => {
                ascending("read row", rows)?;
                rows.last().map_or(0, |&row| row + 1)
            }
        };
        if read_end == 0 {
            return Err(NetworkError::Pass("no K/V row is read".into()));
        }
        let position = self.positions[fed - 1].max(read_end - 1);
        if position >= spec.max_positions {
            return Err(NetworkError::TooLong { position, max_positions: spec.max_positions });
        }
        Ok(())
    }
}

fn ascending(what: &str, values: &[usize]) -> Result<(), NetworkError> {
    match values.windows(2).find(|pair| pair[0] >= pair[1]) {
        Some(pair) => {
            Err(NetworkError::Pass(format!("{what} {} follows {}; the order must be ascending", pair[1], pair[0])))
        }
        None => Ok(()),
    }
}

/// Logits of the wanted rows of a pass, row-major `(wanted, vocab)`, exactly as the network gives them (not shifted).
#[derive(Debug, Clone, PartialEq)]
pub struct Logits {
    vocab: usize,
    values: Vec<f32>,
}

impl Logits {
    /// Wraps `values`, whose length must be a multiple of `vocab`.
    pub fn new(vocab: usize, values: Vec<f32>) -> Self {
        debug_assert!(vocab > 0 && values.len().is_multiple_of(vocab));
        Self { vocab, values }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.values.len() / self.vocab
    }

    /// Width of a row.
    pub fn vocab(&self) -> usize {
        self.vocab
    }

    /// Row `index` of the wanted rows.
    pub fn row(&self, index: usize) -> &[f32] {
        &self.values[index * self.vocab..(index + 1) * self.vocab]
    }
}

/// Why a pass could not be run.
#[derive(Debug, Error)]
pub enum NetworkError {
    /// The pass itself is malformed: a mistake of the caller.
    #[error("malformed pass: {0}")]
    Pass(String),
    /// A K/V row was read that has not been written since the last reset.
    #[error("K/V row {position} is read before it was written")]
    Unwritten {
        /// The absolute position of the row.
        position: usize,
    },
    /// A position beyond what the network was made for.
    #[error("position {position} is beyond the network's context of {max_positions} tokens")]
    TooLong {
        /// The offending absolute position.
        position: usize,
        /// The longest sequence that the network takes.
        max_positions: usize,
    },
    /// A token id that the embedding does not have.
    #[error("token id {id} is outside the vocabulary of {vocab_size}")]
    UnknownToken {
        /// The offending id.
        id: u32,
        /// Number of ids.
        vocab_size: usize,
    },
    /// The tensor library failed.
    #[error("the network failed: {0}")]
    Backend(String),
}

/// A network with K/V buffers addressed by absolute position.
pub trait Network: Send {
    /// The facts that decoding depends on.
    fn spec(&self) -> &NetworkSpec;

    /// Forgets all K/V rows.
    fn reset(&mut self);

    /// Forgets the K/V rows at positions `len..`.
    fn crop(&mut self, len: usize);

    /// Feeds the rows of `pass`, writes their K/V, and returns the wanted logits.
    fn forward(&mut self, pass: Pass<'_>) -> Result<Logits, NetworkError>;
}
