//! Tokenizers out of `vocab.json`, `merges.txt` and what belongs to them.

use std::{fs, path::Path};

use diffuscope::model::tokenizer::Tokenizer;

use super::{Execute, Target, chain, tokenizer};
use crate::mutate::{Format, Language, parts};

#[rustfmt::skip]
const WORDS: &[&str] = &[
    "tokenizer_class", "Qwen2Tokenizer", "DreamTokenizer", "GPT2Tokenizer", "added_tokens_decoder", "content",
    "special", "#version: 0.2", "Ġ", "a b", "<|endoftext|>", "<|mask|>", "eos_token", "mask_token",
];

pub const VOCABULARY: Target = Target {
    name: "vocabulary",
    format: Format::Bundle,
    language: Language { words: WORDS, phrase: None },
    longest: 32 << 10,
    open: |folder| open(folder, &["vocab.json", "merges.txt", "added_tokens.json", "tokenizer_config.json"]),
};

/// A folder with the files of a bundle that are among these, and whatever was there before.
pub(super) fn open(folder: &Path, names: &'static [&'static str]) -> Execute {
    let folder = folder.join("model");
    fs::create_dir_all(&folder).unwrap();
    Box::new(move |input| {
        for name in names {
            let _ = fs::remove_file(folder.join(name));
        }
        for (name, content) in parts(&String::from_utf8_lossy(input)) {
            if names.contains(&name) {
                fs::write(folder.join(name), content).unwrap();
            }
        }
        match Tokenizer::open(&folder) {
            Ok(tokenizer) => tokenizer::put_to_work(&tokenizer),
            Err(error) => chain(&error),
        }
    })
}
