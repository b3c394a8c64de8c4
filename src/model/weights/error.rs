//! Why a checkpoint cannot be loaded: one sentence each.

use thiserror::Error;

use crate::model::device::plain;
use crate::model::lfs;

/// Why a checkpoint cannot be loaded.
#[derive(Debug, Error)]
pub enum LoadError {
    /// The file is not there or not readable.
    #[error("cannot read {file}: {error}")]
    Read {
        /// Path of the file.
        file: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// The configuration does not parse, or its fields contradict each other.
    #[error("{file}: {reason}")]
    Config {
        /// Path of the configuration.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// The architecture is none of those that are built.
    #[error("{file}: architecture `{found}` is not supported (supported: {supported})")]
    Architecture {
        /// Path of the configuration.
        file: String,
        /// What the configuration names.
        found: String,
        /// What this program can run.
        supported: String,
    },
    /// The file itself was not fetched.
    #[error("{file} {}", lfs::SENTENCE)]
    Pointer {
        /// Path of the file.
        file: String,
    },
    /// A folder without weights in a form that can be read.
    #[error(
        "{folder} holds no weights that can be read (model.safetensors, or its index and the files that this names): {found}"
    )]
    NoWeights {
        /// Path of the folder.
        folder: String,
        /// What it holds instead, and what to do.
        found: String,
    },
    /// Weights in numbers that only another program can compute with.
    #[error(
        "{file}: the weights are quantised by `{method}`, which is not supported: take the model as it was before, or a GGUF \
         file of it"
    )]
    Quantised {
        /// Path of the configuration.
        file: String,
        /// What the configuration calls the method.
        method: String,
    },
    /// A tokenizer of another model, or an embedding that was not resized for it.
    #[error(
        "{file} has the token `{token}` (id {id}), for which the network has no row: its vocabulary is of {rows}; tokenizer \
         and weights are of different models, or tokens were added and the embedding was not resized"
    )]
    NoRow {
        /// Path of the tokenizer.
        file: String,
        /// The token of the largest id.
        token: String,
        /// Its id.
        id: u32,
        /// Rows of the embedding.
        rows: usize,
    },
    /// The file ends before its header says it does, or continues after it.
    #[error("{file} is {found} bytes long, but its header describes {expected}: the file is {}",
        if found < expected { "truncated" } else { "damaged" })]
    Length {
        /// Path of the weights.
        file: String,
        /// Length in bytes.
        found: u64,
        /// Length in bytes that the header implies.
        expected: u64,
    },
    /// Not a safetensors file.
    #[error("{file} is not a safetensors file: {reason}")]
    Header {
        /// Path of the weights.
        file: String,
        /// What the parser said.
        reason: String,
    },
    /// Not a GGUF file, or one that contradicts itself.
    #[error("{file} is not a sound GGUF file: {reason}")]
    Gguf {
        /// Path of the file.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// The index of a sharded checkpoint does not fit its shards.
    #[error("{file}: {reason}")]
    Index {
        /// Path of the index.
        file: String,
        /// What is wrong.
        reason: String,
    },
    /// A file that the index of a sharded checkpoint names is not there or not readable.
    #[error("cannot read {file}, one of the {shards} files that {index} names: {error}")]
    Shard {
        /// Path of the missing file.
        file: String,
        /// Path of the index.
        index: String,
        /// Number of files that the index names.
        shards: usize,
        /// What the system said.
        error: std::io::Error,
    },
    /// A tensor is missing.
    #[error("{file} has no tensor `{name}` of shape {expected:?}{instead}")]
    Missing {
        /// Path of the weights.
        file: String,
        /// Name of the tensor.
        name: String,
        /// The shape that the configuration implies.
        expected: Vec<usize>,
        /// The name under which it may be there, with what that means; or nothing.
        instead: String,
    },
    /// A tensor has another shape than the configuration implies.
    #[error("{file}: tensor `{name}` has shape {found:?}, expected {expected:?}")]
    Shape {
        /// Path of the weights.
        file: String,
        /// Name of the tensor.
        name: String,
        /// The shape in the file.
        found: Vec<usize>,
        /// The shape that the configuration implies.
        expected: Vec<usize>,
    },
    /// There is a tensor that the architecture has no use for: leaving it out would compute something else.
    #[error(
        "{file} has a tensor `{name}` that the {architecture} architecture does not know, {}: \
         the file is of another architecture, or of a variant that is not supported",
        if *others == 0 { "the only one".to_owned() } else { format!("and {others} more") }
    )]
    Extra {
        /// Path of the weights.
        file: String,
        /// Name of the tensor.
        name: String,
        /// Further ones.
        others: usize,
        /// The architecture that the configuration names.
        architecture: String,
    },
    /// A tensor is stored as something that cannot be computed with.
    #[error("{file}: tensor `{name}` is stored as {found}, expected {expected}")]
    Type {
        /// Path of the weights.
        file: String,
        /// Name of the tensor.
        name: String,
        /// How it is stored.
        found: String,
        /// How it may be stored.
        expected: &'static str,
    },
    /// A tensor of an encoding that is not computed with; the file is sound.
    #[error(
        "{file}: the quantisation of tensor `{name}`, {encoding}, is not supported: choose a file in F16, BF16, Q8_0, Q6_K, \
         Q5_K_M or Q4_K_M"
    )]
    Encoding {
        /// Path of the weights.
        file: String,
        /// Name of the tensor.
        name: String,
        /// How it is stored.
        encoding: String,
    },
    /// A causal model where a denoiser was asked for.
    #[error(
        "{file}: {architecture} is a causal language model and has no mask token, so it cannot denoise: choose a diffusion \
         model{}",
        of_its_body(denoisers)
    )]
    Causal {
        /// Path of the configuration.
        file: String,
        /// The architecture that the configuration names.
        architecture: String,
        /// Types of denoisers of the same body.
        denoisers: Vec<String>,
    },
    /// A denoiser where a guide was asked for.
    #[error(
        "{file}: the {architecture} model is not autoregressive, so it cannot guide: choose an autoregressive model"
    )]
    Bidirectional {
        /// Path of the configuration.
        file: String,
        /// The architecture that the configuration names.
        architecture: String,
    },
    /// A denoiser without a mask token.
    #[error(
        "{file} has no `mask_token_id`, and its tokenizer names no mask token (looked for {expected}): name one with \
         --mask-token, by its text or its id"
    )]
    NoMask {
        /// Path of the configuration.
        file: String,
        /// Names that were looked for.
        expected: String,
    },
    /// A mask token was given by a name that no token has.
    #[error("{file} has no token {name:?} to be the mask: --mask-token takes the exact text of a token, or its id")]
    MaskName {
        /// The tokenizer's file.
        file: String,
        /// The name.
        name: String,
    },
    /// A mask token was given by an id that is none.
    #[error("{file}: token {id} cannot be the mask: --mask-token takes an id below {rows}, the size of the vocabulary")]
    MaskId {
        /// Path of the configuration.
        file: String,
        /// The id.
        id: u32,
        /// Rows of the embedding.
        rows: usize,
    },
    /// The tensor library failed.
    #[error("cannot set up the network: {0}")]
    Backend(String),
}

impl LoadError {
    /// A tensor whose numbers are none that can be computed with.
    pub(super) fn number_type(file: String, name: &str, found: String) -> Self {
        Self::Type { file, name: name.to_owned(), found, expected: "F32, F16 or BF16" }
    }
}

/// What to do with weights that were trained to denoise and say otherwise.
fn of_its_body(denoisers: &[String]) -> String {
    match denoisers {
        [] => String::new(),
        types => format!("; weights that were trained to denoise must say so as `model_type` ({})", types.join(" or ")),
    }
}

impl From<candle_core::Error> for LoadError {
    fn from(error: candle_core::Error) -> Self {
        Self::Backend(plain(&error))
    }
}
