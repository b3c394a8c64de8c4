//! The pair that is part of the program: a small denoiser and its guide, trained by `diffuscope train`.
//!
//! `assets/` holds them in the layout of published repositories. A build without it is a build that trains the pair;
//! it runs models from folders only.

use thiserror::Error;

use super::{
    checkpoint::Checkpoint,
    tokenizer::{Tokenizer, TokenizerError},
    weights::LoadError,
};

/// Why the embedded pair cannot be had.
#[derive(Debug, Error)]
pub enum EmbeddedError {
    /// The build has none.
    #[error(
        "this build has no embedded pair: name a model's folder with --model, or build where assets/ holds the pair"
    )]
    Absent,
    /// A network's files are damaged.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// The tokenizer is damaged.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
}

/// The pair, read but not yet turned into networks.
#[derive(Debug)]
pub struct Embedded {
    /// The denoiser.
    pub denoiser: Checkpoint,
    /// Its guide.
    pub guide: Checkpoint,
    /// The tokenizer of both.
    pub tokenizer: Tokenizer,
}

/// Whether this build has the pair.
pub const IS_PRESENT: bool = cfg!(embedded_pair);

/// The filter that was trained on the pair's denoiser, as JSON; `None` in a build that has none.
#[cfg(embedded_filter)]
pub const FILTER: Option<&str> = Some(include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/filter.json")));
/// The filter that was trained on the pair's denoiser, as JSON; `None` in a build that has none.
#[cfg(not(embedded_filter))]
pub const FILTER: Option<&str> = None;

/// Reads the pair.
#[cfg(embedded_pair)]
pub fn pair() -> Result<Embedded, EmbeddedError> {
    macro_rules! asset {
        ($file:literal) => {
            include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/assets/", $file))
        };
    }
    Ok(Embedded {
        denoiser: Checkpoint::embedded(
            "the embedded denoiser",
            asset!("denoiser/config.json"),
            asset!("denoiser/model.safetensors"),
        )?,
        guide: Checkpoint::embedded(
            "the embedded guide",
            asset!("guide/config.json"),
            asset!("guide/model.safetensors"),
        )?,
        tokenizer: Tokenizer::from_bytes(asset!("denoiser/tokenizer.json"))?,
    })
}

/// Reads the pair.
#[cfg(not(embedded_pair))]
pub fn pair() -> Result<Embedded, EmbeddedError> {
    Err(EmbeddedError::Absent)
}
