//! What lies beside a `tokenizer.json`: special tokens, ends of text, chat templates.

use std::fs;

use super::{Target, vocabulary};
use crate::mutate::{Format, Language};

#[rustfmt::skip]
const WORDS: &[&str] = &[
    "chat_template", "name", "default", "template", "bos_token", "eos_token", "mask_token", "unk_token", "content",
    "eos_token_id", "<eos>", "<mask>", "{{ messages[0].content }}", "{{ bos_token }}", "{% for m in", "{% if",
    "| trim", "<|im_end|>",
];

pub const SIDE_FILES: Target = Target {
    name: "side-files",
    format: Format::Bundle,
    language: Language { words: WORDS, phrase: None },
    longest: 16 << 10,
    open: |folder| {
        let execute = vocabulary::open(
            folder,
            &[
                "config.json",
                "generation_config.json",
                "special_tokens_map.json",
                "tokenizer_config.json",
                "chat_template.jinja",
            ],
        );
        let tokenizer = include_bytes!("../corpus/tokenizer/bpe.json");
        fs::write(folder.join("model/tokenizer.json"), tokenizer).unwrap();
        execute
    },
};
