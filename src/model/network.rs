//! What a decoder may ask of a network: rows in, logits out, K/V addressed by absolute position.
//!
//! The trait is free of tensors, so that every algorithm can be tested against a scripted network, and every
//! network against reference logits without any algorithm.

use std::any::Any;

use thiserror::Error;

pub use crate::model::logits::{DeviceRows, Logits, Reduce, RowSummary, TokenChoice, TokenRank};
pub use crate::model::shape::NetworkShape;

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

/// Which of the read rows each fed row attends to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mask<'a> {
    /// What the network's own [`Attention`] says.
    #[default]
    Own,
    /// Rows of its own block and of earlier ones. The row at position `p` lies in block `(p + offset) / length`; an
    /// offset stands for padding to the left of the prompt, which is never fed.
    BlockCausal {
        /// Length of a block, at least 1.
        length: usize,
        /// Positions that the first block lacks.
        offset: usize,
    },
    /// Row-major `(fed, read)`: whether the fed row attends to the read row. Every fed row attends to at least one.
    Dense(&'a [bool]),
}

/// Two independent sets of K/V rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Bank {
    /// The run's own.
    #[default]
    Run,
    /// For looking at the run without touching it: the uncached truth of an audit, the unconditional stream, a guide that
    /// only looks on.
    Audit,
}

/// One forward pass.
#[derive(Debug, Clone, Copy)]
pub struct Pass<'a> {
    /// Token ids that are fed, one per position.
    pub ids: &'a [u32],
    /// Absolute positions of those ids; strictly ascending where `slots` is `None`.
    pub positions: &'a [usize],
    /// K/V slots that the fed rows are written to, strictly ascending; their positions where `None`. A method that feeds
    /// a position twice (WINO's shadow block) gives the second row a slot behind the canvas.
    pub slots: Option<&'a [usize]>,
    /// K/V rows that are attended to, by slot. A row that was never written since [`Network::reset`] is an error.
    pub read: Read<'a>,
    /// Which of them each fed row attends to.
    pub mask: Mask<'a>,
    /// Indexes into `ids`, strictly ascending, of the rows whose logits are wanted.
    pub wanted: &'a [usize],
    /// The K/V rows that are written and read.
    pub bank: Bank,
}

impl<'a> Pass<'a> {
    /// A pass in the network's own attention, its rows written at their positions.
    pub fn new(ids: &'a [u32], positions: &'a [usize], read: Read<'a>, wanted: &'a [usize]) -> Self {
        Self { ids, positions, slots: None, read, mask: Mask::Own, wanted, bank: Bank::Run }
    }

    /// Where the fed rows are written.
    pub fn write_slots(&self) -> &'a [usize] {
        self.slots.unwrap_or(self.positions)
    }

    /// Number of K/V rows that are read.
    pub fn read_len(&self) -> usize {
        match self.read {
            Read::UpTo(end) => end,
            Read::Rows(rows) => rows.len(),
        }
    }

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
        match self.slots {
            None => ascending("position", self.positions)?,
            Some(slots) if slots.len() != fed => {
                return Err(NetworkError::Pass(format!("{fed} ids are written to {} slots", slots.len())));
            }
            Some(slots) => ascending("slot", slots)?,
        }
        match self.mask {
            Mask::Dense(rows) if rows.len() != fed * self.read_len() => {
                let read = self.read_len();
                return Err(NetworkError::Pass(format!(
                    "the mask has {} entries for {fed} by {read} rows",
                    rows.len()
                )));
            }
            Mask::BlockCausal { length: 0, .. } => return Err(NetworkError::Pass("a block has length 0".into())),
            _ => {}
        }
        ascending("wanted index", self.wanted)?;
        if let Some(&index) = self.wanted.last().filter(|&&index| index >= fed) {
            return Err(NetworkError::Pass(format!("row {index} is wanted, but only {fed} are fed")));
        }
        // Slots are ascending, so the last one bounds all; behind the canvas there is room for one shadow of it.
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
        let mut position = self.positions.iter().copied().max().unwrap_or(0);
        let slot = self.write_slots()[fed - 1].max(read_end - 1);
        position = position.max(if self.slots.is_some() { slot / 2 } else { slot });
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
    /// The network cannot do what a method needs.
    #[error("the {architecture} network {what}")]
    Unsupported {
        /// Architecture of the network.
        architecture: String,
        /// What it cannot do, as the rest of a sentence.
        what: &'static str,
    },
    /// The tensor library failed.
    #[error("the network failed: {0}")]
    Backend(String),
}

/// What a [`LayerObserver`] requests of a layer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LayerRequest {
    /// Indexes into the fed rows, strictly ascending, whose attention rows are wanted.
    pub attention: Vec<usize>,
    /// Slots, strictly ascending, whose attention rows are also wanted as they were *before* the layer wrote its rows:
    /// their last queries against the keys at hand then.
    pub before: Vec<usize>,
}

/// Attention probabilities of some rows, `(heads, rows, read)`, row-major.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct AttentionRows {
    /// Query heads.
    pub heads: usize,
    /// Rows that were wanted.
    pub rows: usize,
    /// Read K/V rows that each is a distribution over.
    pub read: usize,
    /// The probabilities.
    pub values: Vec<f32>,
}

impl AttentionRows {
    /// The distribution of one row in one head.
    pub fn row(&self, head: usize, row: usize) -> &[f32] {
        let start = (head * self.rows + row) * self.read;
        &self.values[start..start + self.read]
    }
}

/// What a [`LayerObserver`] sees of a layer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LayerView {
    /// The wanted rows, in this pass.
    pub attention: AttentionRows,
    /// The wanted slots, before the layer wrote.
    pub before: AttentionRows,
}

/// How a pass continues above a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Control {
    /// With the rows that it has.
    Same,
    /// With all rows that are read: those that were not fed continue from the inputs that the next layer last had.
    Widen,
}

/// Watches a pass layer by layer, and may widen it (Elastic-Cache). The pass must read a prefix ([`Read::UpTo`]).
pub trait LayerObserver {
    /// What to show of `layer`; called before the layer runs.
    fn requests(&mut self, layer: usize) -> LayerRequest;

    /// Shown what `layer` did, says how the pass continues. After [`Control::Widen`] the fed rows of the layers above are
    /// all read slots, in order.
    fn observe(&mut self, layer: usize, view: &LayerView) -> Control;
}

/// Decides per layer which rows are recomputed by how far their values have moved (dLLM-Cache).
pub trait RefreshHook {
    /// `similarity` is, for every fed row, the cosine of its new value vector with the one that is cached at its slot (1
    /// where none is). Returns the indexes, ascending, of the rows whose attention and feed-forward outputs are
    /// recomputed; the others take the cached ones.
    fn refresh(&mut self, layer: usize, similarity: &[f32]) -> Vec<usize>;
}

/// How far the run's K/V rows are from the audit's, `(layers, positions)`, row-major cosines.
#[derive(Debug, Clone, PartialEq)]
pub struct Drift {
    /// Layers.
    pub layers: usize,
    /// Cosine of the key vectors, all heads together.
    pub keys: Vec<f32>,
    /// Cosine of the value vectors.
    pub values: Vec<f32>,
}

/// All that the passes of a network have left behind at one time: K/V rows of both banks, and whatever else it keeps.
pub struct NetworkState {
    bytes: u64,
    kept: Box<dyn Any + Send>,
}

impl NetworkState {
    /// Of a network that keeps `kept`, which takes so many bytes.
    pub fn new(bytes: u64, kept: impl Any + Send) -> Self {
        Self { bytes, kept: Box::new(kept) }
    }

    /// Bytes of memory that it takes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// What is kept, where it is of this type.
    pub fn get<T: Any>(&self) -> Option<&T> {
        self.kept.downcast_ref()
    }
}

/// A network with K/V buffers addressed by absolute position.
///
/// Any type with `spec`, `reset`, `crop` and `forward` can be decoded with. This one keeps ids for its K/V rows, and each
/// of its rows predicts the sum of what it reads:
///
/// ```
/// use diffuscope::model::network::{
///     Alignment, Attention, Logits, Network, NetworkError, NetworkSpec, Pass, Read, Reduce,
/// };
///
/// struct Adder {
///     spec: NetworkSpec,
///     rows: Vec<Option<u32>>,
/// }
///
/// impl Network for Adder {
///     fn spec(&self) -> &NetworkSpec {
///         &self.spec
///     }
///     fn reset(&mut self) {
///         self.crop(0);
///     }
///     fn crop(&mut self, len: usize) {
///         self.rows[len..].fill(None);
///     }
///     fn forward(&mut self, pass: Pass<'_>) -> Result<Logits, NetworkError> {
///         pass.check(&self.spec)?;
///         for (&id, &slot) in pass.ids.iter().zip(pass.write_slots()) {
///             self.rows[slot] = Some(id);
///         }
///         let Read::UpTo(end) = pass.read else { return Err(self.unsupported("reads prefixes only")) };
///         let row = |position: usize| self.rows[position].ok_or(NetworkError::Unwritten { position });
///         let sum = (0..end).map(row).sum::<Result<u32, _>>()? as usize;
///         let vocab = self.spec.vocab_size;
///         let logits = (0..vocab).map(|id| if id == sum % vocab { 3.0 } else { 0.0 });
///         Ok(Logits::new(vocab, pass.wanted.iter().flat_map(|_| logits.clone()).collect()))
///     }
/// }
///
/// let spec = NetworkSpec {
///     architecture: "Adder".into(),
///     vocab_size: 10,
///     mask_id: Some(9),
///     eos_id: 0,
///     max_positions: 8,
///     layers: 1,
///     parameters: 0,
///     attention: Attention::Bidirectional,
///     alignment: Alignment::Aligned,
/// };
/// let mut network = Adder { spec, rows: vec![None; 8] };
/// let likeliest = |logits: Logits| {
///     let summaries = logits.summaries(Reduce { top: 1, ..Reduce::default() })?;
///     Ok::<_, NetworkError>(summaries[0].top[0].id)
/// };
///
/// // Two tokens of a prompt and a mask, of which the mask's logits are wanted.
/// let logits = network.forward(Pass::new(&[3, 1, 9], &[0, 1, 2], Read::UpTo(3), &[2]))?;
/// assert_eq!(likeliest(logits)?, 3); // 3 + 1 + 9, modulo 10
/// // Position 2 alone is recomputed; the K/V rows of the prompt are reused.
/// let logits = network.forward(Pass::new(&[2], &[2], Read::UpTo(3), &[0]))?;
/// assert_eq!(likeliest(logits)?, 6);
/// # Ok::<(), NetworkError>(())
/// ```
pub trait Network: Send {
    /// The facts that decoding depends on.
    fn spec(&self) -> &NetworkSpec;

    /// Forgets all K/V rows of both banks.
    fn reset(&mut self);

    /// Forgets the run's K/V rows at positions `len..`.
    fn crop(&mut self, len: usize);

    /// Feeds the rows of `pass`, writes their K/V, and returns the wanted logits.
    fn forward(&mut self, pass: Pass<'_>) -> Result<Logits, NetworkError>;

    /// As [`Self::forward`], watched by `hook`. Queries and layer inputs of all rows are kept from here until the next
    /// reset, so that a pass can be widened.
    fn forward_observed(&mut self, _pass: Pass<'_>, _hook: &mut dyn LayerObserver) -> Result<Logits, NetworkError> {
        Err(self.unsupported("cannot be watched layer by layer"))
    }

    /// As [`Self::forward`], but attention and feed-forward outputs are kept per row and recomputed only for the
    /// rows that `hook` picks; value vectors are computed for all fed rows.
    fn forward_refreshed(&mut self, _pass: Pass<'_>, _hook: &mut dyn RefreshHook) -> Result<Logits, NetworkError> {
        Err(self.unsupported("cannot keep the outputs of its layers"))
    }

    /// A copy of all that passes have left behind; `None` where the network gives none.
    ///
    /// # Errors
    /// When the device fails.
    fn state(&self) -> Result<Option<NetworkState>, NetworkError> {
        Ok(None)
    }

    /// Puts back what [`Self::state`] of this network gave: the passes after it are those that would have followed then.
    ///
    /// # Errors
    /// When the state is another network's, or the device fails; the network has to be reset then.
    fn restore(&mut self, _state: &NetworkState) -> Result<(), NetworkError> {
        Err(self.unsupported("cannot be put back to an earlier state"))
    }

    /// Compares the K/V rows at `positions`, written in both banks, between the banks.
    fn drift(&self, _positions: &[usize]) -> Result<Drift, NetworkError> {
        Err(self.unsupported("cannot compare its K/V rows"))
    }

    /// The sizes that its arithmetic and its memory follow from; `None` where it is no transformer.
    fn shape(&self) -> Option<NetworkShape> {
        None
    }

    /// The floating-point operations a second that its device reaches, measured now in some tens of milliseconds; `None`
    /// where there is no device to measure.
    fn peak(&mut self) -> Option<u64> {
        None
    }

    /// The error of a method that this network does not have.
    fn unsupported(&self, what: &'static str) -> NetworkError {
        NetworkError::Unsupported { architecture: self.spec().architecture.clone(), what }
    }
}
