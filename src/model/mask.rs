//! The mask token: the names that it goes by, and how a person gives one.

use std::{fmt, str::FromStr};

use super::tokenizer::Tokenizer;

/// Names of the mask token in the tokenizers of the field, likeliest first: `LLaDA`; Dream and A2D; SDAR and its kin;
/// `DiffuLLaMA` and its kin; the embedded pair and XLM-R; iLLaDA; BERT.
pub(super) const NAMES: [&str; 8] =
    ["<|mdm_mask|>", "<|mask|>", "<|MASK|>", "|<MASK>|", "<mask>", "<MASK>", "<[MASK]>", "[MASK]"];

/// The names, for messages.
pub(super) fn names() -> String {
    NAMES.join(", ")
}

/// A mask token as it is given: digits are an id, all else is the text of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MaskToken {
    /// By its id.
    Id(u32),
    /// By its exact name in the vocabulary.
    Name(String),
}

impl MaskToken {
    /// Its id; `None` where `tokenizer` has no token of exactly this name.
    pub(super) fn id(&self, tokenizer: &Tokenizer) -> Option<u32> {
        match self {
            Self::Id(id) => Some(*id),
            Self::Name(name) => tokenizer.token_to_id(name),
        }
    }
}

impl FromStr for MaskToken {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("expected the text of a token, or an id".to_owned());
        }
        if !text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self::Name(text.to_owned()));
        }
        text.parse().map(Self::Id).map_err(|_| format!("an id is no larger than {}", u32::MAX))
    }
}

impl fmt::Display for MaskToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => id.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn digits_are_an_id_and_all_else_is_a_text() {
        let read = |text: &str| text.parse::<MaskToken>();
        assert_eq!(read("151669"), Ok(MaskToken::Id(151_669)));
        for text in ["<|MASK|>", "mask", "-1", "1 ", "٣"] {
            assert_eq!(read(text), Ok(MaskToken::Name(text.to_owned())));
        }
        for text in ["5", "<[MASK]>"] {
            assert_eq!(read(text).unwrap().to_string(), text);
        }
        assert_eq!(read("").unwrap_err(), "expected the text of a token, or an id");
        assert_eq!(read("4294967296").unwrap_err(), "an id is no larger than 4294967295");
    }
}
