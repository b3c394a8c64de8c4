//! The tokenizer inside a GGUF file, as a `tokenizer.json`.
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
//!
//! For any other, and for `SentencePiece`, the model's `tokenizer.json` has to lie beside the file.

use thiserror::Error;
use tokenizers::models::bpe::BPE;
use tokenizers::normalizers::unicode::NFC;
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{AddedToken, SplitDelimiterBehavior, Tokenizer};

use super::GgufFile;
use crate::model::weights::LoadError;

/// Why a GGUF file's tokenizer cannot be used.
#[derive(Debug, Error)]
pub enum VocabularyError {
    /// A field is not what it should be.
    #[error(transparent)]
    Field(#[from] LoadError),
    /// The file has no tokenizer, or one of another kind.
    #[error("{file} {reason}; put the model's tokenizer.json beside it")]
    Unsupported {
        /// Path of the file.
        file: String,
        /// What is wrong, as the rest of a sentence.
        reason: String,
    },
}

/// How text is cut into words before they are looked up.
struct Cut {
    /// `None` for the expression that is built into byte-level BPE.
    expression: Option<&'static str>,
    /// Whether characters are composed first.
    composed: bool,
    /// Whether a word that is a token is one, whatever the merges make of it.
    whole_words: bool,
}

const QWEN2: &str =
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const BAILING: &str =
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+";
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

impl Cut {
    /// What a pre-tokenizer's name stands for.
    fn of(name: &str) -> Option<Self> {
        let cut = |expression, composed, whole_words| Some(Self { expression, composed, whole_words });
        match name {
            "qwen2" | "deepseek-r1-qwen" => cut(Some(QWEN2), true, false),
            "bailingmoe" | "bailingmoe2" | "llada-moe" => cut(Some(BAILING), false, false),
            "llama-bpe" | "llama3" => cut(Some(LLAMA3), false, true),
            "gpt-2" | "default" => cut(None, false, false),
            _ => None,
        }
    }

    fn pre_tokenizer(&self) -> tokenizers::Result<PreTokenizerWrapper> {
        let Some(expression) = self.expression else { return Ok(ByteLevel::new(false, true, true).into()) };
        let pattern = SplitPattern::Regex(expression.to_owned());
        let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false)?;
        Ok(Sequence::new(vec![split.into(), ByteLevel::new(false, false, false).into()]).into())
    }
}

/// Kinds of tokens in `tokenizer.ggml.token_type` that are taken out of text whole.
const CONTROL: i64 = 3;
const USER_DEFINED: i64 = 4;

impl GgufFile {
    /// The tokenizer in the format of `tokenizer.json`.
    pub(crate) fn tokenizer_json(&self) -> Result<Vec<u8>, VocabularyError> {
        let unsupported = |reason: String| VocabularyError::Unsupported { file: self.file.clone(), reason };
        let tokens = self.texts("tokenizer.ggml.tokens")?;
        let tokens = tokens.ok_or_else(|| unsupported("contains no vocabulary".into()))?;
        match self.text("tokenizer.ggml.model")? {
            Some("gpt2") => {}
            Some(other) => {
                return Err(unsupported(format!("has a tokenizer of the kind `{other}`, of which only gpt2 is read")));
            }
            None => return Err(unsupported("does not say of which kind its tokenizer is".into())),
        }
        let pre = self.text("tokenizer.ggml.pre")?.unwrap_or("default");
        let cut = Cut::of(pre).ok_or_else(|| unsupported(format!("cuts words by `{pre}`, which is not known here")))?;
        let merges = self.texts("tokenizer.ggml.merges")?.unwrap_or_default();
        let pair = |merge: &&str| match merge.split_once(' ') {
            Some((left, right)) => Ok((left.to_owned(), right.to_owned())),
            None => Err(unsupported(format!("has a merge `{merge}` that is no pair of tokens"))),
        };
        let merges = merges.iter().map(pair).collect::<Result<Vec<_>, _>>()?;
        let kinds = self.wholes("tokenizer.ggml.token_type")?.unwrap_or_default();
        let failed = |error: tokenizers::Error| unsupported(format!("has a vocabulary that does not fit: {error}"));
        let vocabulary: Vec<(String, u32)> = tokens.iter().map(|token| (*token).to_owned()).zip(0..).collect();
        let model = BPE::builder()
            .vocab_and_merges(vocabulary.into_iter().collect::<tokenizers::models::bpe::Vocab>(), merges)
            .ignore_merges(cut.whole_words)
            .build()
            .map_err(failed)?;
        let mut tokenizer = Tokenizer::new(model);
        if cut.composed {
            tokenizer.with_normalizer(Some(NFC)).map_err(failed)?;
        }
        tokenizer.with_pre_tokenizer(Some(cut.pre_tokenizer().map_err(failed)?));
        tokenizer.with_decoder(Some(ByteLevel::new(false, false, false)));
        let added = tokens.iter().zip(&kinds).filter_map(|(token, kind)| match *kind {
            CONTROL => Some(AddedToken::from(*token, true)),
            USER_DEFINED => Some(AddedToken::from(*token, false).normalized(false)),
            _ => None,
        });
        tokenizer.add_tokens(added.collect::<Vec<_>>()).map_err(failed)?;
        tokenizer.to_string(false).map(String::into_bytes).map_err(failed)
    }
}
