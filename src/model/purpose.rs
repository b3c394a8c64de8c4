//! What a model is wanted for, and what of its files rules that out: asked before its weights are downloaded, of the small
//! files and then of the first bytes of the weights.

use std::path::Path;

use thiserror::Error;

use super::{
    checkpoint::Checkpoint,
    gguf::{GgufFile, GgufTokenizerError},
    known::ModelRole,
    mask::MaskToken,
    source::is_gguf,
    tokenizer::TokenizerError,
    weights::{BegunFile, LoadError},
};

/// The longest header of a GGUF file that is waited for; real ones, with their vocabularies, have some megabytes.
const LONGEST_HEADER: u64 = 256 << 20;

/// What a model is wanted for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModelPurpose {
    /// What it is to do in a run; `None` where it is only to be kept.
    pub role: Option<ModelRole>,
    /// Whether prompts are laid out by its chat template, where it has one.
    pub chats: bool,
    /// The mask token of a denoiser, where one is given.
    pub mask: Option<MaskToken>,
}

/// Why files cannot serve a purpose, in one sentence.
#[derive(Debug, Error)]
pub enum RuledOut {
    /// By configuration or tensors.
    #[error(transparent)]
    Checkpoint(#[from] LoadError),
    /// By the tokenizer.
    #[error(transparent)]
    Tokenizer(#[from] GgufTokenizerError),
    /// By the chat template.
    #[error(transparent)]
    Prompt(#[from] TokenizerError),
}

impl ModelPurpose {
    /// To be kept.
    pub const KEEP: Self = Self { role: None, chats: false, mask: None };

    /// The small files of a folder, whose weights need not be there.
    pub fn check_small_files(&self, folder: &Path) -> Result<(), RuledOut> {
        self.check(Checkpoint::awaited(folder)?)
    }

    /// The first bytes of weights, the small files beside them being there; `None` where they suffice, else how many of
    /// them are to be shown next.
    pub fn check_beginning(&self, begun: &BegunFile<'_>) -> Result<Option<u64>, RuledOut> {
        if !is_gguf(begun.path) {
            let folder = begun.path.parent().unwrap_or(Path::new(""));
            return Ok(Checkpoint::awaited(folder)?.check_beginning(begun)?);
        }
        let Some(file) = GgufFile::begun(begun.path, begun.size, begun.bytes)? else {
            let next = 2 * begun.bytes.len() as u64;
            return Ok((next <= LONGEST_HEADER).then_some(next));
        };
        self.check(Checkpoint::from_gguf(file)?)?;
        Ok(None)
    }

    fn check(&self, mut checkpoint: Checkpoint) -> Result<(), RuledOut> {
        checkpoint.check_tensors()?;
        let Some(role) = self.role else { return Ok(()) };
        checkpoint.check_role(role)?;
        let tokenizer = checkpoint.tokenizer()?;
        if let (ModelRole::Denoiser, Some(mask)) = (role, &self.mask) {
            checkpoint.give_mask(mask, &tokenizer)?;
        }
        checkpoint.check_tokens(&tokenizer)?;
        if self.chats {
            tokenizer.encode_prompt("Hello")?;
        }
        Ok(())
    }
}
