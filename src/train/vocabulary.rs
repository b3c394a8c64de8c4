//! The vocabulary of the embedded pair: one token per word of the tasks, written as a `tokenizer.json`.
//!
//! A token is a maximal run of ASCII letters, one digit, or a maximal run of anything else ([`tasks::pieces`]); the
//! space between two runs of letters is implied. A word then has the same token in every context, which is what lets a
//! network of three million parameters copy it. Unknown pieces fall to a word mark and their characters, and characters
//! outside of printable ASCII to bytes, so that every text without the two marks `▁` and `␣` survives.

use std::collections::HashMap;

use serde_json::{Map, Value, json};

use crate::tasks::{self, Options, Sample, Unseen};

/// Marks the start of a piece.
const MARK: char = '▁';
/// Stands for a written space.
const SPACE: char = '␣';
/// The special tokens, by id.
const SPECIALS: [&str; 4] = ["<eos>", "<mask>", "<user>", "<bot>"];
/// How often a piece must occur to get a token.
const RARE: usize = 3;
/// Embedding rows are padded to a multiple of this.
pub const ROWS: usize = 64;
/// Samples behind the embedded vocabulary.
const SAMPLES: u64 = 60_000;

/// A finished vocabulary.
#[derive(Clone, Debug)]
pub struct Vocabulary {
    /// The `tokenizer.json` of the `tokenizers` library.
    pub json: String,
    /// Tokens.
    pub size: usize,
    /// Rows for the embedding: `size` rounded up to a multiple of 64.
    pub padded: usize,
}

/// A vocabulary that could not be built.
#[derive(Debug, thiserror::Error)]
pub enum VocabularyError {
    /// There was no sample to count.
    #[error("no samples to build a vocabulary from, expected at least one")]
    NoSamples,
    /// The file could not be written as JSON.
    #[error("writing the vocabulary as JSON")]
    Json(#[from] serde_json::Error),
}

/// The vocabulary of the embedded pair, from the closed lexicons.
///
/// # Errors
/// As [`build`].
pub fn embedded() -> Result<Vocabulary, VocabularyError> {
    let options = Options { unseen: Unseen::Never };
    build((0..SAMPLES).map(|index| tasks::generate_mixed(0, index, options)))
}

/// Counts the pieces of `samples` and gives every piece that is not rare a token, the most frequent first.
///
/// # Errors
/// [`VocabularyError::NoSamples`] where there are none.
pub fn build(samples: impl Iterator<Item = Sample>) -> Result<Vocabulary, VocabularyError> {
    let mut counts: HashMap<String, usize> = HashMap::new();
    for sample in samples {
        for text in [&sample.prompt, &sample.answer] {
            for piece in tasks::pieces(text) {
                match counts.get_mut(piece) {
                    Some(count) => *count += 1,
                    None => {
                        counts.insert(piece.to_owned(), 1);
                    }
                }
            }
        }
    }
    if counts.is_empty() {
        return Err(VocabularyError::NoSamples);
    }
    let mut pieces: Vec<(String, usize)> = counts.into_iter().filter(|&(_, count)| count >= RARE).collect();
    pieces.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));

    let mut vocabulary = Map::new();
    let mut add = |token: String| {
        let id = vocabulary.len();
        vocabulary.entry(token).or_insert(json!(id));
    };
    let bytes = (0..=255_u8).map(|byte| format!("<0x{byte:02X}>"));
    let characters = [MARK, SPACE].into_iter().chain('!'..='~').chain(['\n']).map(String::from);
    let digits = ('0'..='9').map(|digit| format!("{MARK}{digit}"));
    for token in SPECIALS.map(str::to_owned).into_iter().chain(bytes).chain(characters).chain(digits) {
        add(token);
    }
    for (piece, _) in pieces {
        add(format!("{MARK}{}", piece.replace(' ', &SPACE.to_string())));
    }
    let size = vocabulary.len();
    let json = serde_json::to_string_pretty(&tokenizer(&vocabulary))?;
    Ok(Vocabulary { json, size, padded: size.next_multiple_of(ROWS) })
}

/// The `tokenizer.json` around a vocabulary.
fn tokenizer(vocabulary: &Map<String, Value>) -> Value {
    let added: Vec<Value> = SPECIALS
        .iter()
        .enumerate()
        .map(|(id, special)| {
            json!({
                "id": id, "content": special, "single_word": false, "lstrip": false, "rstrip": false,
                "normalized": false, "special": true
            })
        })
        .collect();
    let implied_space = format!("(?<=[A-Za-z]){SPACE}(?=[A-Za-z])");
    let implied_mark = format!("(?<=[A-Za-z]){MARK}(?=[A-Za-z])");
    json!({
        "version": "1.0",
        "truncation": null,
        "padding": null,
        "added_tokens": added,
        "normalizer": { "type": "Replace", "pattern": { "String": " " }, "content": SPACE.to_string() },
        "pre_tokenizer": { "type": "Sequence", "pretokenizers": [
            { "type": "Split", "pattern": { "Regex": implied_space }, "behavior": "Removed", "invert": false },
            {
                "type": "Split", "pattern": { "Regex": "[A-Za-z]+|[0-9]|[^A-Za-z0-9]+" },
                "behavior": "Isolated", "invert": false
            },
            { "type": "Metaspace", "replacement": MARK.to_string(), "prepend_scheme": "always", "split": false }
        ] },
        "post_processor": null,
        "decoder": { "type": "Sequence", "decoders": [
            { "type": "ByteFallback" },
            { "type": "Fuse" },
            { "type": "Replace", "pattern": { "Regex": implied_mark }, "content": " " },
            { "type": "Replace", "pattern": { "String": MARK.to_string() }, "content": "" },
            { "type": "Replace", "pattern": { "String": SPACE.to_string() }, "content": " " }
        ] },
        "model": {
            "type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
            "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": true, "ignore_merges": true,
            "vocab": vocabulary, "merges": []
        }
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::LazyLock;

    use super::*;
    use crate::model::tokenizer::Tokenizer;
    use crate::tasks::{Family, copied_words, generate};

    static VOCABULARY: LazyLock<Vocabulary> = LazyLock::new(|| embedded().unwrap());
    static TOKENIZER: LazyLock<Tokenizer> =
        LazyLock::new(|| Tokenizer::from_bytes(VOCABULARY.json.as_bytes()).unwrap());

    #[test]
    fn the_layout_is_fixed() {
        for (id, special) in SPECIALS.iter().enumerate() {
            assert_eq!(TOKENIZER.token_to_id(special), Some(id as u32));
        }
        assert_eq!((TOKENIZER.eos_id(), TOKENIZER.mask_id()), (0, Some(1)));
        assert_eq!(TOKENIZER.token_to_id("<0x00>"), Some(4));
        assert_eq!(TOKENIZER.vocab_size(), VOCABULARY.size);
        assert_eq!(VOCABULARY.padded % ROWS, 0);
        assert!((0..ROWS).contains(&(VOCABULARY.padded - VOCABULARY.size)));
    }

    #[test]
    fn a_vocabulary_depends_on_its_samples_only() {
        assert_eq!(embedded().unwrap().json, VOCABULARY.json);
        assert!(matches!(build(std::iter::empty()), Err(VocabularyError::NoSamples)));
    }

    #[test]
    fn every_sample_survives_and_known_words_are_one_token() {
        for unseen in [Unseen::Never, Unseen::Usual, Unseen::Always] {
            for family in Family::ALL {
                for index in 0..400 {
                    let sample = generate(family, 21, index, Options { unseen });
                    let spelled = tasks::recognise(&sample.prompt).unwrap().unseen_words();
                    for text in [&sample.prompt, &sample.answer] {
                        let ids = TOKENIZER.encode(text).unwrap();
                        assert_eq!(&TOKENIZER.decode(&ids), text);
                        assert_eq!(TOKENIZER.pieces(&ids).concat(), *text);
                        // An invented word may happen to be a word of the formats, which has a token.
                        let longest = tasks::length(text, &spelled);
                        assert!(ids.len() <= longest && (sample.unseen || ids.len() == longest), "{text}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_word_has_one_token_in_every_context() {
        let ids = |text: &str| TOKENIZER.encode(text).unwrap();
        let max = ids("Max");
        assert_eq!(max.len(), 1);
        for text in ["Leo Max", "Leo, Max", "\"Max\"", "(Max)", "\nMax"] {
            assert!(ids(text).contains(&max[0]), "{text}");
        }
    }

    #[test]
    fn an_unknown_word_is_a_mark_and_its_letters() {
        let names = |text: &str| -> Vec<String> {
            TOKENIZER.encode(text).unwrap().into_iter().filter_map(|id| TOKENIZER.id_to_token(id)).collect()
        };
        assert_eq!(names("Zorb"), ["▁", "Z", "o", "r", "b"]);
        assert_eq!(names("Max Zorb has 12"), ["▁Max", "▁", "Z", "o", "r", "b", "▁has", "▁␣", "▁1", "▁2"]);
    }

    #[test]
    fn any_text_without_the_two_marks_survives() {
        for text in [
            "",
            " ",
            "  two  spaces ",
            "a\tb\r\nc\n\n",
            "Ana\u{ef} caf\u{e9} d\u{e9}j\u{e0} vu",
            "日本語 ok",
            "🦀 crab 🦀",
            "x1y2 z3",
            "<mas k>",
            "e\u{301}",
            "a - b",
            "naïve Max é",
        ] {
            let ids = TOKENIZER.encode(text).unwrap();
            assert_eq!(TOKENIZER.decode(&ids), text);
            assert_eq!(TOKENIZER.pieces(&ids).concat(), text);
        }
    }

    #[test]
    fn spans_cover_the_copied_words() {
        for family in Family::ALL {
            for index in 0..300 {
                let sample = generate(family, 22, index, Options { unseen: Unseen::Share(0.5) });
                let spans = TOKENIZER.encode_spans(&sample.answer).unwrap();
                let ids: Vec<u32> = spans.iter().map(|(id, _)| *id).collect();
                assert_eq!(ids, TOKENIZER.encode(&sample.answer).unwrap());
                for word in copied_words(&sample) {
                    let inside: Vec<u32> = spans
                        .iter()
                        .filter(|(_, span)| span.start < word.end && word.start < span.end)
                        .map(|(id, _)| *id)
                        .collect();
                    assert_eq!(TOKENIZER.decode(&inside), &sample.answer[word]);
                }
            }
        }
    }
}
