//! What each token contributes to a text.
//!
//! Tokens are not texts: a byte-level token may hold half a character, and a word token may imply a space before it. So
//! a run of tokens is decoded as a whole and shared out among them. A character whose bytes lie in several tokens goes
//! to the last of them; only bytes that no neighbour completes become `U+FFFD`.
//! The library decodes a run as a whole, or token after token to the right; a canvas fills in any order.

use tokenizers::{Decoder, DecoderWrapper, Tokenizer as Inner};

use crate::panics::attempt;

/// What decoders put for bytes that are no character.
const BROKEN: char = '\u{FFFD}';

/// What a token contributes to the text of its run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TokenPart {
    /// Its text: the characters that end in it, and the space that is implied before them.
    pub text: String,
    /// Whether it holds the beginning of a character, or a mark, that shows only with a later token.
    pub open: bool,
}

/// How token names become text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// Every character of a name stands for one byte (GPT-2 and its descendants: Qwen, Dream, `LLaDA`).
    ByteLevel,
    /// Names are text, and names like `<0xE4>` are bytes of it (`SentencePiece` with byte fallback).
    ByteFallback,
    /// Whatever else the decoder does.
    Other,
}

impl Scheme {
    pub(super) fn of(inner: &Inner) -> Self {
        let parts = match inner.get_decoder() {
            None => return Self::Other,
            Some(DecoderWrapper::Sequence(sequence)) => sequence.get_decoders(),
            Some(single) => std::slice::from_ref(single),
        };
        let has = |wanted: fn(&DecoderWrapper) -> bool| parts.iter().any(wanted);
        if has(|part| matches!(part, DecoderWrapper::ByteLevel(_)))
            && parts.iter().all(|part| matches!(part, DecoderWrapper::ByteLevel(_) | DecoderWrapper::Fuse(_)))
        {
            Self::ByteLevel
        } else if has(|part| matches!(part, DecoderWrapper::ByteFallback(_))) {
            Self::ByteFallback
        } else {
            Self::Other
        }
    }
}

/// A run of tokens on its way to text; a token that does not exist has no name and no text.
pub(super) struct TokenRun<'a> {
    inner: &'a Inner,
    scheme: Scheme,
    names: Vec<Option<String>>,
}

impl<'a> TokenRun<'a> {
    pub(super) fn new(inner: &'a Inner, scheme: Scheme, names: Vec<Option<String>>) -> Self {
        Self { inner, scheme, names }
    }

    /// The text of the whole run.
    pub(super) fn text(self) -> String {
        match self.scheme {
            Scheme::ByteLevel => assemble(&self.bytes()).into_iter().map(|part| part.text).collect(),
            Scheme::ByteFallback => {
                let (names, _) = self.with_bytes_as_text();
                self.decode(names)
            }
            Scheme::Other => self.decode(self.names.clone()),
        }
    }

    /// Shares the text of the run out among its tokens: put together, the parts are exactly [`Self::text`].
    pub(super) fn parts(self) -> Vec<TokenPart> {
        match self.scheme {
            Scheme::ByteLevel => assemble(&self.bytes()),
            Scheme::ByteFallback => {
                let (names, open) = self.with_bytes_as_text();
                let mut parts = self.share(&names);
                for (part, open) in parts.iter_mut().zip(open) {
                    part.open |= open;
                }
                parts
            }
            Scheme::Other => self.share(&self.names),
        }
    }

    /// The bytes of every token of a byte-level run.
    fn bytes(&self) -> Vec<Vec<u8>> {
        let bytes = |name: &Option<String>| {
            let name = name.as_deref().unwrap_or_default();
            // A special token need not be written in the byte alphabet; it stands for itself then.
            name.chars().map(byte).collect::<Option<_>>().unwrap_or_else(|| name.as_bytes().to_vec())
        };
        self.names.iter().map(bytes).collect()
    }

    /// The names with every run of byte tokens turned into the characters that it makes, each at its last token, and
    /// which of the tokens wait for a later one. The library's decoder would give up a whole run of byte tokens for a
    /// single half character in it.
    fn with_bytes_as_text(&self) -> (Vec<Option<String>>, Vec<bool>) {
        let mut names = self.names.clone();
        let mut open = vec![false; names.len()];
        let bytes: Vec<Option<u8>> = names.iter().map(|name| name.as_deref().and_then(fallback_byte)).collect();
        let mut at = 0;
        while at < names.len() {
            let run: Vec<Vec<u8>> = bytes[at..].iter().map_while(|byte| byte.map(|byte| vec![byte])).collect();
            for (offset, part) in assemble(&run).into_iter().enumerate() {
                names[at + offset] = Some(part.text);
                open[at + offset] = part.open;
            }
            at += run.len().max(1);
        }
        (names, open)
    }

    fn decode(&self, names: Vec<Option<String>>) -> String {
        let names: Vec<String> = names.into_iter().flatten().collect();
        // Some decoders make a blank of nothing.
        if names.is_empty() {
            return String::new();
        }
        match self.inner.get_decoder() {
            // A decoder of some checkpoint that gives up on a sequence: its raw tokens say more than nothing.
            Some(decoder) => match attempt(|| decoder.decode(names.clone())) {
                Ok(Ok(text)) => text,
                Ok(Err(_)) | Err(_) => names.concat(),
            },
            None => names.join(" "),
        }
    }

    fn share(&self, names: &[Option<String>]) -> Vec<TokenPart> {
        let whole = self.decode(names.to_vec());
        let mut texts = self.by_neighbours(names);
        if texts.iter().map(String::len).sum::<usize>() != whole.len() || texts.concat() != whole {
            texts = self.by_prefixes(names, &whole);
        }
        let part =
            |(text, name): (String, &Option<String>)| TokenPart { open: text.is_empty() && name.is_some(), text };
        texts.into_iter().zip(names).map(part).collect()
    }

    /// Decodes each token behind the last one that ended at a whole character: linear in the number of tokens, and
    /// right wherever a token's text depends on nothing further back.
    fn by_neighbours(&self, names: &[Option<String>]) -> Vec<String> {
        let mut texts = vec![String::new(); names.len()];
        // `before` is the text of names[context..settled]; names[settled..] wait for the rest of a character.
        let (mut context, mut settled) = (0, 0);
        let mut before = String::new();
        for at in 0..names.len() {
            let text = self.decode(names[context..=at].to_vec());
            if text.ends_with(BROKEN) && at + 1 < names.len() {
                continue;
            }
            let new = text.strip_prefix(before.as_str()).unwrap_or_default();
            if new.is_empty() {
                // A word mark shows only with the letters behind it: keep what stands before it in view.
                settled = at + 1;
                continue;
            }
            new.clone_into(&mut texts[at]);
            context = settled;
            settled = at + 1;
            before = self.decode(names[context..settled].to_vec());
        }
        texts
    }

    /// Gives each token the part of `whole` by which it makes the agreeing prefix longer: right for every decoder, but
    /// quadratic.
    fn by_prefixes(&self, names: &[Option<String>], whole: &str) -> Vec<String> {
        let mut done = 0;
        (1..=names.len())
            .map(|count| {
                let end = if count == names.len() {
                    whole.len()
                } else {
                    agreement(whole, &self.decode(names[..count].to_vec()))
                };
                let text = whole[done..end.max(done)].to_owned();
                done = done.max(end);
                text
            })
            .collect()
    }
}

/// The characters that the bytes of consecutive tokens make, each given to the token with its last byte. Bytes that
/// are no character become one `U+FFFD` per broken character, as in [`String::from_utf8_lossy`].
fn assemble(tokens: &[Vec<u8>]) -> Vec<TokenPart> {
    let mut parts = vec![TokenPart::default(); tokens.len()];
    let ends: Vec<usize> = tokens
        .iter()
        .scan(0, |end, token| {
            *end += token.len();
            Some(*end)
        })
        .collect();
    let (mut owner, mut at) = (0, 0);
    let mut put = |length: usize, c: char| {
        let first = owner + ends[owner..].partition_point(|end| *end <= at);
        at += length;
        owner = first + ends[first..].partition_point(|end| *end < at);
        for part in &mut parts[first..owner] {
            part.open = true;
        }
        parts[owner].text.push(c);
    };
    for chunk in tokens.concat().utf8_chunks() {
        for c in chunk.valid().chars() {
            put(c.len_utf8(), c);
        }
        if !chunk.invalid().is_empty() {
            put(chunk.invalid().len(), BROKEN);
        }
    }
    parts
}

/// The byte that a character of a byte-level name stands for: printable Latin-1 characters stand for themselves, and
/// the 68 other bytes, in order, for the characters from `U+0100` on.
fn byte(c: char) -> Option<u8> {
    let code = u32::from(c);
    match code {
        0x21..=0x7E | 0xA1..=0xAC | 0xAE..=0xFF => Some(code as u8),
        0x100..=0x120 => Some((code - 0x100) as u8),
        0x121..=0x142 => Some((code - 0x121 + 0x7F) as u8),
        0x143 => Some(0xAD),
        _ => None,
    }
}

/// The byte that a name like `<0x0A>` stands for.
fn fallback_byte(name: &str) -> Option<u8> {
    let digits = name.strip_prefix("<0x")?.strip_suffix('>')?;
    let hexadecimal = digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    hexadecimal.then(|| u8::from_str_radix(digits, 16).ok())?
}

/// Bytes of the longest prefix, in whole characters, that both texts share.
fn agreement(a: &str, b: &str) -> usize {
    a.chars().zip(b.chars()).take_while(|(a, b)| a == b).map(|(a, _)| a.len_utf8()).sum()
}

#[cfg(test)]
mod tests {
    use tokenizers::pre_tokenizers::byte_level::ByteLevel;

    use super::*;

    #[test]
    fn the_byte_alphabet_is_the_librarys() {
        let mut bytes: Vec<u8> = ByteLevel::alphabet().into_iter().filter_map(byte).collect();
        bytes.sort_unstable();
        assert_eq!(bytes, (0..=255).collect::<Vec<u8>>());
        assert_eq!(
            (byte('Ġ'), byte('Ċ'), byte('ł'), byte('Ń'), byte('中')),
            (Some(32), Some(10), Some(160), Some(173), None)
        );
        assert_eq!((fallback_byte("<0x0a>"), fallback_byte("<0x+A>"), fallback_byte("<0x0A")), (Some(10), None, None));
    }

    fn assembled(tokens: &[&[u8]]) -> Vec<(String, bool)> {
        let tokens: Vec<Vec<u8>> = tokens.iter().map(|token| token.to_vec()).collect();
        assemble(&tokens).into_iter().map(|part| (part.text, part.open)).collect()
    }

    #[test]
    fn a_character_belongs_to_the_token_with_its_last_byte() {
        let part = |text: &str, open| (text.to_owned(), open);
        assert_eq!(assembled(&[b"a\xE4", b"\xB8", b"\xADb"]), [part("a", true), part("", true), part("中b", false)]);
        assert_eq!(assembled(&[b"", b"x", b""]), [part("", false), part("x", false), part("", false)]);
        // Half a character that nothing completes stays with the token that holds the last of it.
        assert_eq!(assembled(&[b"\xE4", b"A"]), [part("\u{FFFD}", false), part("A", false)]);
        assert_eq!(
            assembled(&[b"\xF0\x9F", b"\xA6", b"\xE4"]),
            [part("", true), part("\u{FFFD}", false), part("\u{FFFD}", false)]
        );
        assert_eq!(
            assembled(&[b"\xE4\xB8", b"\xAD\xF0", b"\x9F\xA6\x80"]),
            [part("", true), part("中", true), part("🦀", false)]
        );
    }
}
