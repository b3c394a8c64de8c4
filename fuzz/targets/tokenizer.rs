//! `tokenizer.json`, and a tokenizer at work.

use diffuscope::model::tokenizer::{SideFiles, Tokenizer};

use super::{Target, chain};
use crate::mutate::{Format, Language};

#[rustfmt::skip]
const WORDS: &[&str] = &[
    "version", "1.0", "truncation", "padding", "added_tokens", "normalizer", "pre_tokenizer", "post_processor",
    "decoder", "model", "type", "BPE", "WordPiece", "WordLevel", "Unigram", "vocab", "merges", "unk_token",
    "byte_fallback", "ignore_merges", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "dropout",
    "Sequence", "NFC", "NFD", "NFKC", "NFKD", "Lowercase", "Strip", "StripAccents", "Replace", "Prepend",
    "Precompiled", "precompiled_charsmap", "BertNormalizer", "Nmt", "ByteLevel", "Whitespace", "Metaspace", "Split",
    "Regex", "String", "pattern", "content", "behavior", "Isolated", "Removed", "MergedWithPrevious", "Punctuation",
    "Digits", "UnicodeScripts", "CharDelimiterSplit", "FixedLength", "BertPreTokenizer", "TemplateProcessing",
    "single", "pair", "special_tokens", "SpecialToken", "RobertaProcessing", "BertProcessing", "Fuse",
    "ByteFallback", "CTC", "BPEDecoder", "start", "stop", "id", "special", "lstrip", "rstrip", "single_word",
    "normalized", "max_length", "stride", "strategy", "LongestFirst", "direction", "Fixed", "BatchLongest", "pad_id",
    "pad_token", "decoders", "normalizers", "pretokenizers", "processors", "add_prefix_space", "trim_offsets",
    "use_regex", "replacement", "prepend_scheme", "(a|a)*$", "(?=x)*", "▁", "Ġ", "<eos>", "</s>", "<|mask|>",
];

pub const TOKENIZER: Target = Target {
    name: "tokenizer",
    format: Format::Json,
    language: Language { words: WORDS, phrase: None },
    longest: 32 << 10,
    open: |_| {
        Box::new(|input| match Tokenizer::from_parts(input, "tokenizer.json".to_owned(), SideFiles::default()) {
            Ok(tokenizer) => put_to_work(&tokenizer),
            Err(error) => chain(&error),
        })
    },
};

/// Texts of many kinds.
const TEXTS: [&str; 8] = [
    "",
    "Hello, world 123!",
    "a",
    "  two  spaces\n\tand\r\nbreaks ",
    "日本語 e\u{301} 👩\u{200d}👩\u{200d}👧 \u{0}\u{feff}",
    "<|mask|><eos></s> [MASK]",
    "ab ab ab aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "\u{10fffe}prompt\u{10fffe}",
];

/// Encodes, decodes, and compares what must be the same.
pub fn put_to_work(tokenizer: &Tokenizer) -> String {
    let mut outcome = "a tokenizer".to_owned();
    for text in TEXTS {
        let ids = match tokenizer.encode(text).and(tokenizer.encode_prompt(text)) {
            Ok(ids) => ids,
            Err(error) => {
                outcome = chain(&error);
                continue;
            }
        };
        assert_eq!(tokenizer.pieces(&ids).concat(), tokenizer.decode(&ids), "pieces of {text:?}");
        for spans in
            [tokenizer.encode_spans(text), tokenizer.encode_plain_spans(text), tokenizer.encode_raw_spans(text)]
        {
            for (_, span) in spans.into_iter().flatten() {
                assert!(span.start <= span.end && span.end <= text.len(), "{span:?} of {text:?}");
            }
        }
    }
    let ids: Vec<u32> = (0..40).chain([u32::MAX, 1 << 31]).collect();
    assert_eq!(tokenizer.pieces(&ids).concat(), tokenizer.decode(&ids), "pieces of the first ids");
    let ends = tokenizer.ids_with(&['.', '\n']).len() + tokenizer.decode_plain(&ids).len();
    assert_eq!(tokenizer.difference(tokenizer), None, "{ends}");
    outcome
}
