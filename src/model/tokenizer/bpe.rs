//! Byte-level BPE put together from its parts: for GGUF files, and for checkpoints without a `tokenizer.json` (Dream),
//! which have `vocab.json` and `merges.txt`.
//!
//! The parts do not say by which expression text is cut into words before they are looked up. The expressions here are
//! those of the models' own tokenizers.
//!
//! candle has this for GGUF files (`TokenizerFromGguf`), and a test compares both; it takes every cut that it does not know
//! for GPT-2's, puts a space before the text there, and has nothing for `vocab.json` and `merges.txt`.

use std::{collections::BTreeMap, io::ErrorKind, path::Path};

use serde::{Deserialize, de::DeserializeOwned};
use tokenizers::{
    AddedToken, SplitDelimiterBehavior, Tokenizer as Inner,
    models::bpe::{BPE, Vocab},
    normalizers::unicode::NFC,
    pre_tokenizers::{
        PreTokenizerWrapper,
        byte_level::ByteLevel,
        digits::Digits,
        sequence::Sequence,
        split::{Split, SplitPattern},
    },
    processors::template::TemplateProcessing,
};

use super::TokenizerError;
use crate::{
    files,
    model::{config::fields, lfs},
    panics::attempt,
};

/// How text is cut into words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::model) enum Cut {
    /// Qwen2, Qwen2.5, Qwen3, Dream, A2D.
    Qwen2,
    /// `LLaDA`, whose tokenizer is that of the Bailing models.
    Bailing,
    /// Llama 3.
    Llama3,
    /// GPT-2: the expression that is built into byte-level BPE.
    Gpt2,
    /// `SmolLM`: digits one by one, the rest as GPT-2.
    SmolLm,
}

const QWEN2: &str =
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
const BAILING: &str =
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+";
const LLAMA3: &str = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

impl Cut {
    fn expression(self) -> Option<&'static str> {
        match self {
            Self::Qwen2 => Some(QWEN2),
            Self::Bailing => Some(BAILING),
            Self::Llama3 => Some(LLAMA3),
            Self::Gpt2 | Self::SmolLm => None,
        }
    }

    /// Of the tokenizer that Python calls so.
    fn of_class(name: &str) -> Option<Self> {
        match name.strip_suffix("Fast").unwrap_or(name) {
            "Qwen2Tokenizer" | "DreamTokenizer" => Some(Self::Qwen2),
            "GPT2Tokenizer" => Some(Self::Gpt2),
            _ => None,
        }
    }

    /// Whether characters are composed first.
    fn composes(self) -> bool {
        self == Self::Qwen2
    }

    /// Whether a word that is a token is one, whatever the merges make of it.
    fn has_whole_words(self) -> bool {
        self == Self::Llama3
    }

    fn pre_tokenizer(self) -> tokenizers::Result<PreTokenizerWrapper> {
        let Some(expression) = self.expression() else {
            let words = ByteLevel::new(false, true, true).into();
            return Ok(match self {
                Self::SmolLm => Sequence::new(vec![Digits::new(true).into(), words]).into(),
                _ => words,
            });
        };
        let pattern = SplitPattern::Regex(expression.to_owned());
        let split = Split::new(pattern, SplitDelimiterBehavior::Isolated, false)?;
        Ok(Sequence::new(vec![split.into(), ByteLevel::new(false, false, false).into()]).into())
    }
}

/// A token that is taken out of text whole.
#[derive(Debug, Clone, Copy)]
pub(in crate::model) struct Added<'a> {
    /// The token.
    pub text: &'a str,
    /// Whether it is no part of the text.
    pub special: bool,
}

/// Puts a tokenizer together; `first` is the token before every text. The error is what does not fit.
pub(in crate::model) fn build(
    vocabulary: Vocab,
    merges: Vec<(String, String)>,
    added: &[Added<'_>],
    first: Option<&str>,
    cut: Cut,
) -> Result<Inner, String> {
    let id = first.and_then(|first| vocabulary.get(first).copied());
    let model = BPE::builder().vocab_and_merges(vocabulary, merges).ignore_merges(cut.has_whole_words());
    // The library panics where a merge makes a token that is longer than any in the vocabulary.
    let model = attempt(|| model.build()).map_err(|_| "a merge makes a token that the vocabulary lacks".to_owned())?;
    let model = model.map_err(|error| error.to_string())?;
    assemble(model, added, first.zip(id), cut).map_err(|error| error.to_string())
}

fn assemble(model: BPE, added: &[Added<'_>], first: Option<(&str, u32)>, cut: Cut) -> tokenizers::Result<Inner> {
    let mut tokenizer = Inner::new(model);
    if cut.composes() {
        tokenizer.with_normalizer(Some(NFC))?;
    }
    tokenizer.with_pre_tokenizer(Some(cut.pre_tokenizer()?));
    tokenizer.with_decoder(Some(ByteLevel::new(false, false, false)));
    if let Some((first, id)) = first {
        let template = TemplateProcessing::builder()
            .try_single(vec![first.to_owned(), "$A".to_owned()])?
            .special_tokens(vec![(first.to_owned(), id)])
            .build()?;
        tokenizer.with_post_processor(Some(template));
    }
    let added = added.iter().map(|token| AddedToken::from(token.text, token.special).normalized(false));
    tokenizer.add_tokens(added.collect::<Vec<_>>())?;
    Ok(tokenizer)
}

/// The vocabulary's file.
pub(super) const VOCABULARY: &str = "vocab.json";
const MERGES: &str = "merges.txt";
const CONFIG: &str = "tokenizer_config.json";
const ADDED: &str = "added_tokens.json";

/// What [`CONFIG`] says of the tokenizer's kind and of tokens beside the vocabulary.
#[derive(Deserialize, Default)]
struct TokenizerConfig {
    #[serde(default)]
    tokenizer_class: String,
    #[serde(default)]
    added_tokens_decoder: BTreeMap<u32, AddedField>,
}

#[derive(Deserialize)]
struct AddedField {
    content: String,
    #[serde(default)]
    special: bool,
}

/// The tokenizer of a folder that has [`VOCABULARY`] and [`MERGES`].
pub(super) fn from_folder(folder: &Path) -> Result<Inner, TokenizerError> {
    let path = folder.join(CONFIG);
    let config: TokenizerConfig = json(&path)?;
    let class = &config.tokenizer_class;
    let cut = Cut::of_class(class).ok_or_else(|| TokenizerError::SideFile {
        path,
        reason: format!(
            "`tokenizer_class` is `{class}`, and without a tokenizer.json only Qwen2Tokenizer, DreamTokenizer and \
             GPT2Tokenizer can be made of {VOCABULARY} and {MERGES}: add the model's tokenizer.json"
        ),
    })?;
    let vocabulary: BTreeMap<String, u32> = json(&folder.join(VOCABULARY))?;
    let more: BTreeMap<String, u32> = match json(&folder.join(ADDED)) {
        Err(TokenizerError::Read { source, .. }) if source.kind() == ErrorKind::NotFound => BTreeMap::new(),
        more => more?,
    };

    let mut by_id: BTreeMap<u32, (&str, Option<bool>)> = BTreeMap::new();
    by_id.extend(vocabulary.iter().map(|(text, id)| (*id, (text.as_str(), None))));
    by_id.extend(more.iter().map(|(text, id)| (*id, (text.as_str(), Some(true)))));
    let named = config.added_tokens_decoder.iter();
    by_id.extend(named.map(|(id, token)| (*id, (token.content.as_str(), Some(token.special)))));
    let tokens = by_id.iter().map(|(id, (text, _))| ((*text).to_owned(), *id)).collect();
    let added: Vec<Added<'_>> =
        by_id.values().filter_map(|(text, special)| special.map(|special| Added { text, special })).collect();
    build(tokens, merges(&folder.join(MERGES))?, &added, None, cut).map_err(|reason| TokenizerError::SideFile {
        path: folder.join(VOCABULARY),
        reason: format!("does not fit {MERGES}: {reason}"),
    })
}

fn json<T: DeserializeOwned>(path: &Path) -> Result<T, TokenizerError> {
    fields(&read(path)?).map_err(|reason| TokenizerError::SideFile { path: path.to_owned(), reason })
}

fn read(path: &Path) -> Result<Vec<u8>, TokenizerError> {
    let bytes = files::read(path).map_err(|source| TokenizerError::Read { path: path.to_owned(), source })?;
    if lfs::is_pointer(&bytes) {
        return Err(TokenizerError::Pointer { origin: path.display().to_string() });
    }
    Ok(bytes)
}

/// Pairs of tokens, the most frequent first.
fn merges(path: &Path) -> Result<Vec<(String, String)>, TokenizerError> {
    let text = files::text(read(path)?)
        .map_err(|error| TokenizerError::SideFile { path: path.to_owned(), reason: error.to_string() })?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with("#version"));
    let pair = |(index, line): (usize, &str)| match line.split_once(' ') {
        Some((left, right)) if !right.contains(' ') => Ok((left.to_owned(), right.to_owned())),
        _ => Err(TokenizerError::SideFile {
            path: path.to_owned(),
            reason: format!("line {} is no pair of tokens", index + 1),
        }),
    };
    lines.map(pair).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use std::fs;

    use serde_json::json;

    use super::*;
    use crate::model::{testing::Folder, tokenizer::Tokenizer};

    /// A checkpoint of Dream's kind: every byte, three merges, and tokens beside the vocabulary.
    fn write(class: &str) -> Folder {
        let folder = Folder::new();
        let mut bytes: Vec<char> = ByteLevel::alphabet().into_iter().collect();
        bytes.sort_unstable();
        let tokens = bytes.iter().map(char::to_string).chain(["ll", "ell", "Ġw"].map(str::to_owned));
        let vocabulary: BTreeMap<String, u32> = tokens.zip(0..).collect();
        let added = json!({
            "259": {"content": "<|endoftext|>", "special": true},
            "261": {"content": "<|mask|>", "special": true},
            "262": {"content": "<tool_call>", "special": false},
        });
        let config = json!({"tokenizer_class": class, "added_tokens_decoder": added, "mask_token": "<|mask|>"});
        let put = |name: &str, text: String| fs::write(folder.path().join(name), text).unwrap();
        put(VOCABULARY, serde_json::to_string(&vocabulary).unwrap());
        put(MERGES, "#version: 0.2\nl l\ne ll\nĠ w\n".to_owned());
        put(CONFIG, config.to_string());
        put(ADDED, json!({"<|mask|>": 261, "<|beginoftext|>": 260}).to_string());
        folder
    }

    fn texts(tokenizer: &Tokenizer, text: &str) -> Vec<String> {
        tokenizer.encode(text).unwrap().iter().map(|id| tokenizer.decode(&[*id])).collect()
    }

    #[test]
    fn vocabulary_and_merges_make_the_tokenizer_of_dream() {
        let folder = write("DreamTokenizer");
        let tokenizer = Tokenizer::open(folder.path()).unwrap();
        assert_eq!(texts(&tokenizer, "hell w12"), ["h", "ell", " w", "1", "2"]);
        assert_eq!(tokenizer.encode("<|endoftext|><|beginoftext|><|mask|><tool_call>").unwrap(), [259, 260, 261, 262]);
        assert_eq!((tokenizer.mask_id(), tokenizer.eos_id()), (Some(261), 259));
        // Composed first, as Qwen2 does: e and a combining acute are é.
        assert_eq!(tokenizer.encode("e\u{301}").unwrap(), tokenizer.encode("é").unwrap());
        assert_eq!(tokenizer.decode(&tokenizer.encode("déjà vu\n  日本").unwrap()), "déjà vu\n  日本");
    }

    #[test]
    fn a_tokenizer_json_goes_first() {
        let folder = write("SomethingElse");
        let other = write("Qwen2TokenizerFast");
        let text = from_folder(other.path()).unwrap().to_string(false).unwrap();
        fs::write(folder.path().join("tokenizer.json"), text).unwrap();
        assert!(Tokenizer::open(folder.path()).is_ok());
    }

    #[test]
    fn what_does_not_fit_together_is_named() {
        let message = |folder: &Folder| {
            let error = Tokenizer::open(folder.path()).unwrap_err();
            std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source())
                .map(ToString::to_string)
                .collect::<Vec<_>>()
                .join(": ")
        };
        let unknown = message(&write("LlamaTokenizer"));
        assert!(unknown.contains("tokenizer_config.json: `tokenizer_class` is `LlamaTokenizer`"), "{unknown}");
        let folder = write("DreamTokenizer");
        fs::write(folder.path().join(MERGES), "l l\nell\n").unwrap();
        assert!(message(&folder).ends_with("merges.txt: line 2 is no pair of tokens"), "{}", message(&folder));
        fs::write(folder.path().join(MERGES), "x yz\n").unwrap();
        assert!(message(&folder).contains("vocab.json: "), "{}", message(&folder));
        fs::remove_file(folder.path().join(MERGES)).unwrap();
        assert!(message(&folder).contains("merges.txt"), "{}", message(&folder));
        let folder = write("DreamTokenizer");
        fs::write(folder.path().join(MERGES), "é é\n").unwrap();
        assert!(message(&folder).contains("vocab.json: does not fit merges.txt: "), "{}", message(&folder));
        fs::write(folder.path().join(ADDED), r#"{"<|mask|>": 4294967296}"#).unwrap();
        let large = message(&folder);
        assert!(
            large
                .ends_with("added_tokens.json: `<|mask|>` is 4294967296, expected a whole number from 0 to 4294967295"),
            "{large}"
        );
        let empty = Folder::new();
        assert!(message(&empty).contains("tokenizer.json"), "{}", message(&empty));
    }
}
