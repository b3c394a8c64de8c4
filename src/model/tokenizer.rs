//! Text to token ids and back, for the embedded pair and for real checkpoints: a layer over `tokenizer.json`.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use tokenizers::Tokenizer as Inner;

/// Names of the token that ends a text, the embedded pair's first.
const END_NAMES: [&str; 3] = ["<eos>", "<|endoftext|>", "</s>"];
/// Names of the mask token: of the embedded pair, of Dream, of `LLaDA`.
const MASK_NAMES: [&str; 3] = ["<mask>", "<|mask|>", "<|mdm_mask|>"];
/// The turn marks of the embedded layout.
const USER: &str = "<user>";
const BOT: &str = "<bot>";
/// What decoders put for bytes that are no character (yet).
const BROKEN: char = '\u{FFFD}';

/// A tokenizer that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TokenizerError {
    /// The file cannot be read.
    #[error("reading the tokenizer {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The content is no `tokenizer.json`.
    #[error("{origin} is no tokenizer.json: {reason}")]
    Parse {
        /// The file, or what else the bytes were.
        origin: String,
        /// What the parser says.
        reason: String,
    },
    /// A token that is needed is not there.
    #[error("{origin} has no {role} token: expected one of {expected}")]
    Missing {
        /// The file, or what else the bytes were.
        origin: String,
        /// What the token is for.
        role: &'static str,
        /// Names that were looked for.
        expected: String,
    },
    /// A text has no encoding.
    #[error("encoding a text of {bytes} bytes: {reason}")]
    Encode {
        /// Length of the text.
        bytes: usize,
        /// What the tokenizer says.
        reason: String,
    },
}

/// Text to token ids and back.
#[derive(Debug)]
pub struct Tokenizer {
    inner: Inner,
    /// The same tokenizer, deaf to special tokens in the text; made when a prompt first needs it.
    plain: OnceLock<Inner>,
    /// The text of every id; made when first asked for.
    texts: OnceLock<Vec<String>>,
    origin: String,
    end: u32,
    mask: Option<u32>,
}

impl Tokenizer {
    /// Loads a `tokenizer.json`.
    pub fn from_file(path: &Path) -> Result<Self, TokenizerError> {
        let bytes = std::fs::read(path).map_err(|source| TokenizerError::Read { path: path.to_owned(), source })?;
        Self::parse(&bytes, path.display().to_string())
    }

    /// Reads the content of a `tokenizer.json`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, TokenizerError> {
        Self::parse(bytes, "the embedded tokenizer".to_owned())
    }

    fn parse(bytes: &[u8], origin: String) -> Result<Self, TokenizerError> {
        let inner = Inner::from_bytes(bytes)
            .map_err(|error| TokenizerError::Parse { origin: origin.clone(), reason: error.to_string() })?;
        let find = |names: &[&str]| names.iter().find_map(|name| inner.token_to_id(name));
        let Some(end) = find(&END_NAMES) else {
            return Err(TokenizerError::Missing { origin, role: "end-of-text", expected: END_NAMES.join(", ") });
        };
        let mask = find(&MASK_NAMES);
        Ok(Self { inner, plain: OnceLock::new(), texts: OnceLock::new(), origin, end, mask })
    }

    /// Ids of `text`, with no template around it. Special tokens that the text spells out are taken as such.
    pub fn encode(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        encode(&self.inner, text)
    }

    /// Ids of `text` with the byte range of `text` that each stands for. Tokens of one character share its range; the
    /// word mark before a spelled word has the range of its first letter.
    pub fn encode_spans(&self, text: &str) -> Result<Vec<(u32, Range<usize>)>, TokenizerError> {
        let encoding = self.inner.encode(text, false).map_err(|error| encode_error(text, &*error))?;
        let spans = encoding.get_offsets().iter().map(|&(start, end)| start..end);
        Ok(encoding.get_ids().iter().copied().zip(spans).collect())
    }

    /// Ids of a prompt in the layout of the embedded pair: `<user>`, the prompt, `<bot>`. The prompt is plain text:
    /// a `<mask>` that somebody types stays six characters.
    pub fn encode_prompt(&self, prompt: &str) -> Result<Vec<u32>, TokenizerError> {
        let turn = |name: &str| {
            self.inner.token_to_id(name).ok_or_else(|| TokenizerError::Missing {
                origin: self.origin.clone(),
                role: "turn",
                expected: name.to_owned(),
            })
        };
        let plain = self.plain.get_or_init(|| {
            let mut plain = self.inner.clone();
            plain.set_encode_special_tokens(true);
            plain
        });
        let mut ids = vec![turn(USER)?];
        ids.extend(encode(plain, prompt)?);
        ids.push(turn(BOT)?);
        Ok(ids)
    }

    /// The text of `ids`; special tokens appear by their names, ids without a token not at all.
    pub fn decode(&self, ids: &[u32]) -> String {
        self.decode_with(ids, false)
    }

    /// The text of `ids` without special tokens.
    pub fn decode_plain(&self, ids: &[u32]) -> String {
        self.decode_with(ids, true)
    }

    fn decode_with(&self, ids: &[u32], skip_specials: bool) -> String {
        self.inner.decode(ids, skip_specials).unwrap_or_else(|_| {
            // A decoder of some checkpoint that gives up on a sequence: its raw tokens say more than nothing.
            ids.iter().filter_map(|&id| self.inner.id_to_token(id)).collect()
        })
    }

    /// The text that each of `ids` contributes: put together, the pieces are exactly [`decode`](Self::decode) of all.
    ///
    /// A character whose bytes lie in several tokens goes to the last of them. A space that is implied between two
    /// tokens goes to the later one.
    pub fn pieces(&self, ids: &[u32]) -> Vec<String> {
        let whole = self.decode(ids);
        let pieces = self.pieces_by_neighbours(ids);
        if pieces.iter().map(String::len).sum::<usize>() == whole.len() && pieces.concat() == whole {
            return pieces;
        }
        self.pieces_by_prefixes(ids, &whole)
    }

    /// Decodes each token behind the last one that ended at a whole character: linear in the number of tokens, and
    /// right wherever a token's text depends on nothing further back.
    fn pieces_by_neighbours(&self, ids: &[u32]) -> Vec<String> {
        let mut pieces = vec![String::new(); ids.len()];
        // `before` is the text of ids[context..settled]; ids[settled..] wait for the rest of a character.
        let (mut context, mut settled) = (0, 0);
        let mut before = String::new();
        for at in 0..ids.len() {
            let text = self.decode(&ids[context..=at]);
            if text.ends_with(BROKEN) && at + 1 < ids.len() {
                continue;
            }
            let piece = text.strip_prefix(before.as_str()).unwrap_or_default();
            if piece.is_empty() {
                // A word mark shows only with the letters behind it: keep what stands before it in view.
                settled = at + 1;
                continue;
            }
            piece.clone_into(&mut pieces[at]);
            context = settled;
            settled = at + 1;
            before = self.decode(&ids[context..settled]);
        }
        pieces
    }

    /// Gives each token the part of `whole` by which it makes the agreeing prefix longer: right for every decoder, but
    /// quadratic.
    fn pieces_by_prefixes(&self, ids: &[u32], whole: &str) -> Vec<String> {
        let mut done = 0;
        (1..=ids.len())
            .map(|count| {
                let end = if count == ids.len() { whole.len() } else { agreement(whole, &self.decode(&ids[..count])) };
                let piece = whole[done..end.max(done)].to_owned();
                done = done.max(end);
                piece
            })
            .collect()
    }

    /// Ids of the tokens whose text holds one of `marks`, ascending; special tokens have no text.
    pub fn ids_with(&self, marks: &[char]) -> Vec<u32> {
        let texts =
            self.texts.get_or_init(|| (0..self.vocab_size() as u32).map(|id| self.decode_plain(&[id])).collect());
        (0u32..).zip(texts).filter(|(_, text)| text.contains(marks)).map(|(id, _)| id).collect()
    }

    /// The id of a token by its name in the vocabulary.
    pub fn token_to_id(&self, token: &str) -> Option<u32> {
        self.inner.token_to_id(token)
    }

    /// The name of a token in the vocabulary.
    pub fn id_to_token(&self, id: u32) -> Option<String> {
        self.inner.id_to_token(id)
    }

    /// The token that ends a text.
    pub fn eos_id(&self) -> u32 {
        self.end
    }

    /// The mask token, where the vocabulary has one.
    pub fn mask_id(&self) -> Option<u32> {
        self.mask
    }

    /// Tokens, special ones among them. A network may have more rows.
    pub fn vocab_size(&self) -> usize {
        self.inner.get_vocab_size(true)
    }
}

fn encode(inner: &Inner, text: &str) -> Result<Vec<u32>, TokenizerError> {
    let encoding = inner.encode_fast(text, false).map_err(|error| encode_error(text, &*error))?;
    Ok(encoding.get_ids().to_vec())
}

fn encode_error(text: &str, error: &(dyn std::error::Error + Send + Sync)) -> TokenizerError {
    TokenizerError::Encode { bytes: text.len(), reason: error.to_string() }
}

/// Bytes of the longest prefix, in whole characters, that both texts share.
fn agreement(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::sync::LazyLock;

    use proptest::prelude::*;
    use tokenizers::models::bpe::BPE;
    use tokenizers::pre_tokenizers::byte_level::ByteLevel;

    use super::*;
    use crate::tasks::{self, Options};
    use crate::train::vocabulary;

    /// The layout of the embedded pair, on a vocabulary of few words.
    static WORDS: LazyLock<Tokenizer> = LazyLock::new(|| {
        let samples = (0..500).map(|index| tasks::generate_mixed(1, index, Options::default()));
        Tokenizer::from_bytes(vocabulary::build(samples).unwrap().json.as_bytes()).unwrap()
    });

    /// The layout of Qwen2 and its descendants: one token per byte here, as nothing is merged.
    static BYTES: LazyLock<Tokenizer> = LazyLock::new(|| {
        let mut alphabet: Vec<char> = ByteLevel::alphabet().into_iter().collect();
        alphabet.sort_unstable();
        let vocabulary: Vec<(String, u32)> = alphabet.into_iter().map(String::from).zip(0..).collect();
        let vocabulary = <[(String, u32); 256]>::try_from(vocabulary).unwrap();
        let model = BPE::builder().vocab_and_merges(vocabulary, Vec::new()).build().unwrap();
        let mut inner = Inner::new(model);
        inner.with_pre_tokenizer(Some(ByteLevel::new(false, false, false)));
        inner.with_decoder(Some(ByteLevel::new(false, false, false)));
        let specials = ["<|endoftext|>", "<|mask|>"].map(|name| tokenizers::AddedToken::from(name, true));
        inner.add_special_tokens(specials).unwrap();
        Tokenizer::from_bytes(inner.to_string(false).unwrap().as_bytes()).unwrap()
    });

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
        let error = BYTES.encode_prompt("x").unwrap_err().to_string();
        assert_eq!(error, "the embedded tokenizer has no turn token: expected one of <user>");
    }

    #[test]
    fn errors_name_the_file() {
        let missing = Tokenizer::from_file(Path::new("no/such/tokenizer.json")).unwrap_err();
        assert_eq!(missing.to_string(), "reading the tokenizer no/such/tokenizer.json");
        let wrong = Tokenizer::from_bytes(b"{}").unwrap_err().to_string();
        assert!(wrong.starts_with("the embedded tokenizer is no tokenizer.json: "), "{wrong}");
        let endless = Inner::new(BPE::default()).to_string(false).unwrap();
        let endless = Tokenizer::from_bytes(endless.as_bytes()).unwrap_err().to_string();
        assert_eq!(
            endless,
            "the embedded tokenizer has no end-of-text token: expected one of <eos>, <|endoftext|>, </s>"
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
}
