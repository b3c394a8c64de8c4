//! The tokenizer inside a GGUF file.
//!
//! Byte-level BPE is supported (`tokenizer.ggml.model` `gpt2`), with the pre-tokenizers that models of the supported
//! architectures come with. The file names its pre-tokenizer, the expression that cuts text into words, but does not
//! contain it; those here are the expressions of the models' own `tokenizer.json`:
//!
//! | `tokenizer.ggml.pre` | models |
//! |---|---|
//! | `qwen2`, `deepseek-r1-qwen` | Qwen2, Qwen2.5, Qwen3, Dream, A2D |
//! | `bailingmoe`, `bailingmoe2`, `llada-moe` | `LLaDA`, whose tokenizer is that of the Bailing models |
//! | `llama-bpe`, `llama3` | Llama 3 |
//! | `gpt-2`, `default` | GPT-2 |
//! | `smollm` | `SmolLM`, `SmolLM2` |
//!
//! For any other, and for `SentencePiece`, the model's `tokenizer.json` has to lie beside the file.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::GgufFile;
use crate::model::template::{ChatTemplate, TemplateError};
use crate::model::tokenizer::bpe::{self, Added, Cut};
use crate::model::tokenizer::{SideFiles, Tokenizer, TokenizerError};
use crate::model::weights::LoadError;
use thiserror::Error;

/// Why a checkpoint's tokenizer cannot be used.
#[derive(Debug, Error)]
pub enum GgufTokenizerError {
    /// A field is not what it should be.
    #[error(transparent)]
    Field(#[from] LoadError),
    /// The tokenizer is damaged, or lacks what is needed.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// The file has no tokenizer, or one of another kind.
    #[error("{file} {reason}; put the model's tokenizer.json beside it")]
    Unsupported {
        /// Path of the file.
        file: String,
        /// What is wrong, as the rest of a sentence.
        reason: String,
    },
}

/// Kinds of tokens in `tokenizer.ggml.token_type` that are taken out of text whole.
const CONTROL: i64 = 3;
const USER_DEFINED: i64 = 4;

/// What a pre-tokenizer's name stands for.
fn cut(name: &str) -> Option<Cut> {
    match name {
        "qwen2" | "deepseek-r1-qwen" => Some(Cut::Qwen2),
        "bailingmoe" | "bailingmoe2" | "llada-moe" => Some(Cut::Bailing),
        "llama-bpe" | "llama3" => Some(Cut::Llama3),
        "gpt-2" | "default" => Some(Cut::Gpt2),
        "smollm" => Some(Cut::SmolLm),
        _ => None,
    }
}

/// What the fields `tokenizer.ggml.NAME_token_id` are called in a published checkpoint.
const ROLES: [(&str, &str); 6] = [
    ("bos", "bos_token"),
    ("eos", "eos_token"),
    ("unknown", "unk_token"),
    ("seperator", "sep_token"),
    ("padding", "pad_token"),
    ("mask", "mask_token"),
];
/// Those that end a text or a turn.
const ENDS: [&str; 3] = ["eos", "eot", "eom"];

impl GgufFile {
    /// The tokenizer: the file's own, or else the `tokenizer.json` beside it.
    pub fn tokenizer(&self) -> Result<Tokenizer, GgufTokenizerError> {
        match self.own_tokenizer() {
            Err(error @ GgufTokenizerError::Unsupported { .. }) => {
                let folder = self.path.parent().unwrap_or(Path::new(""));
                if !folder.join("tokenizer.json").is_file() {
                    return Err(error);
                }
                Ok(Tokenizer::open(folder)?)
            }
            own => own,
        }
    }

    fn own_tokenizer(&self) -> Result<Tokenizer, GgufTokenizerError> {
        let tokens = self.texts("tokenizer.ggml.tokens")?;
        let tokens = tokens.ok_or_else(|| self.unsupported("contains no vocabulary"))?;
        let id = |role: &str| self.whole(&format!("tokenizer.ggml.{role}_token_id"));
        let named = |id: u64| usize::try_from(id).ok().and_then(|id| tokens.get(id)).map(|token| (*token).to_owned());
        let mut specials = BTreeMap::new();
        for (role, name) in ROLES {
            if let Some(token) = id(role)?.and_then(named) {
                specials.insert(name.to_owned(), token);
            }
        }
        let mut end_ids = BTreeSet::new();
        for role in ENDS {
            end_ids.extend(id(role)?.and_then(|id| u32::try_from(id).ok()));
        }
        let template = self.chat_template(&specials);
        let library = self.library_tokenizer(&tokens, &specials)?;
        let side = SideFiles { specials, end_ids, template };
        Ok(Tokenizer::from_library(library, self.file.clone(), side)?)
    }

    /// The chat template, usable or not; an empty one is none.
    fn chat_template(&self, specials: &BTreeMap<String, String>) -> Option<ChatTemplate> {
        let origin = self.file.as_str();
        let Ok(text) = self.text("tokenizer.chat_template") else {
            let reason = "the field `tokenizer.chat_template` is no text".to_owned();
            let error = TemplateError::Unreadable { origin: origin.to_owned(), reason };
            return Some(ChatTemplate::unusable(origin, error));
        };
        let text = text.filter(|text| !text.is_empty())?;
        Some(ChatTemplate::lenient(origin, text, specials.clone()))
    }

    /// The tokenizer as the library has it.
    fn library_tokenizer(
        &self,
        tokens: &[&str],
        specials: &BTreeMap<String, String>,
    ) -> Result<tokenizers::Tokenizer, GgufTokenizerError> {
        match self.text("tokenizer.ggml.model")? {
            Some("gpt2") => {}
            Some(kind) => {
                return Err(
                    self.unsupported(&format!("has a tokenizer of the kind `{kind}`, of which only gpt2 is read"))
                );
            }
            None => return Err(self.unsupported("does not say of which kind its tokenizer is")),
        }
        let pre = self.text("tokenizer.ggml.pre")?.unwrap_or("default");
        let cut = cut(pre)
            .ok_or_else(|| self.unsupported(&format!("cuts text into words by `{pre}`, which is not known here")))?;
        let merges = self.texts("tokenizer.ggml.merges")?.unwrap_or_default();
        let pair = |merge: &&str| match merge.split_once(' ') {
            Some((left, right)) => Ok((left.to_owned(), right.to_owned())),
            None => Err(self.unsupported(&format!("has a merge `{merge}` that is no pair of tokens"))),
        };
        let merges = merges.iter().map(pair).collect::<Result<Vec<_>, _>>()?;
        let kinds = self.wholes("tokenizer.ggml.token_type")?.unwrap_or_default();
        // Where the file is silent, llama.cpp puts it before texts that are cut as Llama 3 does.
        let has_first = self.flag("tokenizer.ggml.add_bos_token")?.unwrap_or(cut == Cut::Llama3);
        let first = specials.get("bos_token").filter(|_| has_first);
        let added = tokens.iter().zip(&kinds).filter_map(|(token, kind)| match *kind {
            CONTROL => Some(Added { text: token, special: true }),
            USER_DEFINED => Some(Added { text: token, special: false }),
            _ => None,
        });
        let vocabulary = tokens.iter().map(|token| (*token).to_owned()).zip(0..).collect();
        bpe::build(vocabulary, merges, &added.collect::<Vec<_>>(), first.map(String::as_str), cut)
            .map_err(|reason| self.unsupported(&format!("has a vocabulary that does not fit together: {reason}")))
    }

    fn unsupported(&self, reason: &str) -> GgufTokenizerError {
        GgufTokenizerError::Unsupported { file: self.file.clone(), reason: reason.to_owned() }
    }
}
