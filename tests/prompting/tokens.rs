//! Tokens by themselves: text to ids and back, pieces, and the special ones, in words and in bytes.

use std::{path::Path, sync::LazyLock};

use diffuscope::model::tokenizer::Tokenizer;
use proptest::prelude::*;
use tokenizers::{models::bpe::BPE, pre_tokenizers::byte_level::ByteLevel};

use super::support::models::tokenizer;

/// The layout of the embedded pair.
static WORDS: LazyLock<Tokenizer> = LazyLock::new(tokenizer);

/// The layout of Qwen2 and its descendants: one token per byte here, as nothing is merged.
static BYTES: LazyLock<Tokenizer> = LazyLock::new(|| {
    let mut alphabet: Vec<char> = ByteLevel::alphabet().into_iter().collect();
    alphabet.sort_unstable();
    let vocabulary: Vec<(String, u32)> = alphabet.into_iter().map(String::from).zip(0..).collect();
    let vocabulary = <[(String, u32); 256]>::try_from(vocabulary).unwrap();
    let model = BPE::builder().vocab_and_merges(vocabulary, Vec::new()).build().unwrap();
    let mut inner = tokenizers::Tokenizer::new(model);
    inner.with_pre_tokenizer(Some(ByteLevel::new(false, false, false)));
    inner.with_decoder(Some(ByteLevel::new(false, false, false)));
    let specials = ["<|endoftext|>", "<|mask|>"].map(|name| tokenizers::AddedToken::from(name, true));
    inner.add_special_tokens(specials).unwrap();
    Tokenizer::from_bytes(inner.to_string(false).unwrap().as_bytes()).unwrap()
});

fn without_mask() -> Tokenizer {
    let model = BPE::builder().vocab_and_merges([("a".to_owned(), 0)], Vec::new()).build().unwrap();
    let mut inner = tokenizers::Tokenizer::new(model);
    inner.add_special_tokens([tokenizers::AddedToken::from("</s>", true)]).unwrap();
    Tokenizer::from_bytes(inner.to_string(false).unwrap().as_bytes()).unwrap()
}

#[test]
fn tokens_are_found_by_what_their_text_holds() {
    for (marks, text) in [(&[','][..], "Max, Leo"), (&['\n'], "1\n2"), (&['\n', ',', '.'], "Max.\nLeo, Max")] {
        let found = WORDS.ids_with(marks);
        assert!(found.is_sorted());
        for id in 0..WORDS.vocab_size() as u32 {
            assert_eq!(found.binary_search(&id).is_ok(), WORDS.decode_plain(&[id]).contains(marks), "id {id}");
        }
        let ids = WORDS.encode(text).unwrap();
        assert!(ids.iter().any(|id| found.contains(id)), "{text:?}");
    }
}

#[test]
fn a_prompt_stands_between_the_turn_marks_and_is_plain_text() {
    let ids = WORDS.encode_prompt("a <mask> <bot>").unwrap();
    let id = |name: &str| WORDS.token_to_id(name).unwrap();
    assert_eq!((ids[0], ids[ids.len() - 1]), (id("<user>"), id("<bot>")));
    assert_eq!(WORDS.decode(&ids), "<user>a <mask> <bot><bot>");
    assert!(!ids[1..ids.len() - 1].iter().any(|&inside| inside == id("<mask>") || inside == id("<bot>")));
    assert_eq!(WORDS.encode("<mask>").unwrap(), [id("<mask>")], "a template's special tokens are taken as such");
}

#[test]
fn special_tokens_are_shown_or_left_out() {
    let mut ids = WORDS.encode("Max, Leo").unwrap();
    ids.extend([WORDS.mask_id().unwrap(), WORDS.eos_id(), 9_999_999]);
    assert_eq!(WORDS.decode(&ids), "Max, Leo<mask><eos>");
    assert_eq!(WORDS.decode_plain(&ids), "Max, Leo");
}

#[test]
fn a_split_character_goes_to_the_last_of_its_tokens() {
    let ids = BYTES.encode("aé🦀b").unwrap();
    assert_eq!(BYTES.pieces(&ids), ["a", "", "é", "", "", "", "🦀", "b"]);
    assert_eq!(BYTES.pieces(&ids[..4]), ["a", "", "é", "\u{FFFD}"], "half a character is shown as broken");
    let ids = WORDS.encode("aé").unwrap();
    let pieces = WORDS.pieces(&ids);
    assert_eq!(pieces.last().unwrap(), "é");
    assert_eq!(pieces.concat(), "aé");
}

#[test]
fn an_implied_space_goes_to_the_later_word() {
    let ids = WORDS.encode("Write a Zqx").unwrap();
    assert_eq!(WORDS.pieces(&ids), ["Write", " a", "", " Z", "q", "x"]);
}

#[test]
fn end_and_mask_are_found_by_name() {
    assert_eq!(BYTES.eos_id(), BYTES.token_to_id("<|endoftext|>").unwrap());
    assert_eq!(BYTES.mask_id(), BYTES.token_to_id("<|mask|>"));
    assert_eq!(BYTES.vocab_size(), 258);
    assert_eq!(BYTES.end_ids().iter().copied().collect::<Vec<_>>(), [BYTES.eos_id()]);
    let error = without_mask().require_mask().unwrap_err().to_string();
    assert_eq!(
        error,
        "the embedded tokenizer has no mask token: expected one of <|mdm_mask|>, <|mask|>, <|MASK|>, |<MASK>|, <mask>, \
         <MASK>, <[MASK]>, [MASK]"
    );
}

#[test]
fn errors_name_the_file() {
    let missing = Tokenizer::from_file(Path::new("no/such/tokenizer.json")).unwrap_err();
    assert_eq!(missing.to_string(), "reading no/such/tokenizer.json");
    let wrong = Tokenizer::from_bytes(b"{}").unwrap_err().to_string();
    assert!(wrong.starts_with("the embedded tokenizer is no tokenizer.json: "), "{wrong}");
    let endless = tokenizers::Tokenizer::new(BPE::default()).to_string(false).unwrap();
    let endless = Tokenizer::from_bytes(endless.as_bytes()).unwrap_err().to_string();
    assert_eq!(
        endless,
        "the embedded tokenizer has no end-of-text token: expected one of <eos>, <|endoftext|>, </s>, \
         <|end_of_text|>, <|im_end|>"
    );
}

proptest! {
    #[test]
    fn pieces_put_together_are_the_decoded_text(words in prop::collection::vec(0..900_u32, 0..40),
                                                 bytes in prop::collection::vec(0..260_u32, 0..40)) {
        prop_assert_eq!(WORDS.pieces(&words).concat(), WORDS.decode(&words));
        prop_assert_eq!(BYTES.pieces(&bytes).concat(), BYTES.decode(&bytes));
    }

    #[test]
    fn a_text_comes_back(text in "[^▁␣]{0,40}") {
        prop_assert_eq!(WORDS.decode(&WORDS.encode_prompt(&text).unwrap()), format!("<user>{text}<bot>"));
        prop_assert_eq!(BYTES.decode(&BYTES.encode(&text).unwrap()), text);
    }
}
