//! The fields of a checkpoint's `config.json`, under the checkpoint's own names.
//!
//! Unknown fields are ignored (real configurations are full of them); known ones are checked against each other, so
//! that a network can trust its sizes. What is common to all is here; which fields there are is known to
//! `model::arch`.

use std::fmt;

use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error, SeqAccess, Visitor};
use serde_json::{Value, error::Category};

use crate::model::lfs;

/// One token id or several: real checkpoints have both under `eos_token_id`. The id -1 stands for none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenIds {
    /// A single id.
    One(u32),
    /// Several ids, the main one first.
    Many(Vec<u32>),
}

impl TokenIds {
    /// The main id; `None` for an empty list.
    pub fn first(&self) -> Option<u32> {
        match self {
            Self::One(id) => Some(*id),
            Self::Many(ids) => ids.first().copied(),
        }
    }

    /// All of them.
    pub fn all(&self) -> &[u32] {
        match self {
            Self::One(id) => std::slice::from_ref(id),
            Self::Many(ids) => ids,
        }
    }
}

impl Default for TokenIds {
    /// None.
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl<'de> Deserialize<'de> for TokenIds {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Ids;

        impl<'de> Visitor<'de> for Ids {
            type Value = TokenIds;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a token id or a list of them")
            }

            fn visit_unit<E: Error>(self) -> Result<TokenIds, E> {
                Ok(TokenIds::default())
            }

            fn visit_i64<E: Error>(self, id: i64) -> Result<TokenIds, E> {
                match (id, u32::try_from(id)) {
                    (-1, _) => Ok(TokenIds::default()),
                    (_, Ok(id)) => Ok(TokenIds::One(id)),
                    (_, Err(_)) => Err(E::custom("no token id, expected a token id or a list of them")),
                }
            }

            fn visit_u64<E: Error>(self, id: u64) -> Result<TokenIds, E> {
                self.visit_i64(i64::try_from(id).unwrap_or(i64::MAX))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<TokenIds, A::Error> {
                let mut all = Vec::new();
                while let Some(ids) = list.next_element::<TokenIds>()? {
                    all.extend_from_slice(ids.all());
                }
                Ok(TokenIds::Many(all))
            }
        }

        deserializer.deserialize_any(Ids)
    }
}

/// Reads the field of a single token, which may be -1 for none.
pub(super) fn token_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    TokenIds::deserialize(deserializer).map(|ids| ids.first())
}

/// Base of the rotary embedding where nothing is said of it, as in the reference implementations.
pub(super) const ROPE_THETA: f64 = 1e4;

/// The sizes of a transformer body, whatever its configuration calls them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dims {
    /// Rows of the embedding and of the head.
    pub vocab: usize,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Width inside the feed-forward part.
    pub intermediate_size: usize,
    /// Number of layers.
    pub layers: usize,
    /// Number of query heads.
    pub heads: usize,
    /// Number of key and value heads, each shared by a group of query heads.
    pub kv_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Longest sequence in tokens.
    pub max_positions: usize,
    /// Added to the mean square in the norms.
    pub norm_eps: f64,
    /// Base of the rotary embedding's wavelengths.
    pub rope_theta: f64,
}

/// What a configuration calls the sizes, for messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct FieldNames {
    pub vocab: &'static str,
    pub hidden: &'static str,
    pub intermediate_size: &'static str,
    pub layers: &'static str,
    pub heads: &'static str,
    pub kv_heads: &'static str,
    pub max_positions: &'static str,
}

impl Dims {
    /// The sizes against each other, as one sentence about the first that is wrong.
    pub(super) fn check(&self, names: &FieldNames) -> Result<(), String> {
        let sizes = [
            (names.vocab, self.vocab),
            (names.hidden, self.hidden),
            (names.intermediate_size, self.intermediate_size),
            (names.layers, self.layers),
            (names.heads, self.heads),
            (names.kv_heads, self.kv_heads),
            (names.max_positions, self.max_positions),
        ];
        for (name, size) in sizes {
            // Products of two sizes are formed before any tensor is looked at: they must not overflow.
            if size == 0 || u32::try_from(size).is_err() {
                return Err(format!("`{name}` is {size}, expected a number from 1 to {}", u32::MAX));
            }
        }
        let (heads, kv_heads) = (self.heads, self.kv_heads);
        if !heads.is_multiple_of(kv_heads) {
            return Err(format!("`{}` is {kv_heads}, which does not divide the {heads} query heads", names.kv_heads));
        }
        let width = self.head_dim;
        if width == 0 || !width.is_multiple_of(2) || u32::try_from(width).is_err() {
            return Err(format!("a head is {width} wide; the rotary embedding needs an even width"));
        }
        if !(self.norm_eps > 0.0 && self.norm_eps.is_finite()) {
            return Err(format!("`rms_norm_eps` is {}, expected a number above 0", self.norm_eps));
        }
        if !(self.rope_theta >= 1.0 && self.rope_theta.is_finite()) {
            return Err(format!("`rope_theta` is {}, expected a number of 1 or more", self.rope_theta));
        }
        Ok(())
    }
}

/// Width of a head where the configuration does not give one.
pub(super) fn even_share(names: &FieldNames, hidden: usize, heads: usize) -> Result<usize, String> {
    if heads > 0 && !hidden.is_multiple_of(heads) {
        return Err(format!("`{}` is {heads}, which does not divide `{}` {hidden}", names.heads, names.hidden));
    }
    Ok(hidden / heads.max(1))
}

/// Checks a token id against the vocabulary; `name` is its field.
pub(super) fn in_vocabulary(name: &str, id: Option<u32>, vocab: usize) -> Result<(), String> {
    match id {
        Some(id) if (id as usize) < vocab => Ok(()),
        Some(id) => Err(format!("`{name}` is {id}, outside the vocabulary of {vocab}")),
        None => Err(format!("`{name}` is missing")),
    }
}

/// Why JSON cannot be read as what it should be.
fn unreadable(error: &serde_json::Error) -> String {
    match error.classify() {
        Category::Data => error.to_string(),
        _ => format!("it is no JSON, or breaks off ({error}): get the file again"),
    }
}

/// Numbers that Python writes into JSON although JSON has none such.
const NO_NUMBERS: [&[u8]; 3] = [b"NaN", b"Infinity", b"-Infinity"];

/// Reads JSON as Python writes it: what JSON has no number for becomes a text, which no field that is read takes for a
/// number.
pub(super) fn python_json(json: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice(json).or_else(|error| serde_json::from_slice(&quote_no_numbers(json)).map_err(|_| error))
}

fn quote_no_numbers(json: &[u8]) -> Vec<u8> {
    let (mut quoted, mut rest, mut is_text) = (Vec::with_capacity(json.len()), json, false);
    while let [first, behind @ ..] = rest {
        let found = NO_NUMBERS.iter().find(|name| !is_text && rest.starts_with(name));
        let taken = match (found, first) {
            (Some(name), _) => name.len(),
            (None, b'\\') if !behind.is_empty() => 2,
            (None, _) => 1,
        };
        is_text ^= *first == b'"';
        let mark: &[u8] = if found.is_some() { b"\"" } else { b"" };
        quoted.extend([mark, &rest[..taken], mark].concat());
        rest = &rest[taken..];
    }
    quoted
}

/// Reads the fields of a JSON object. A field that is `null` is one that is absent, as in the reference library; the error
/// says which field is wrong, and how.
pub(super) fn fields<T: DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    if lfs::is_pointer(json) {
        return Err(format!("it {}", lfs::SENTENCE));
    }
    let mut fields = python_json(json).map_err(|error| unreadable(&error))?;
    match fields.as_object_mut() {
        Some(fields) => fields.retain(|_, value| !value.is_null()),
        None => return Err("it is no JSON object with fields".to_owned()),
    }
    serde_path_to_error::deserialize(&fields).map_err(|error| wrong_field(&fields, &error))
}

/// A sentence about the field that cannot be read.
fn wrong_field(fields: &Value, error: &serde_path_to_error::Error<serde_json::Error>) -> String {
    let (field, reason) = (error.path().to_string(), error.inner().to_string());
    let pointer = format!("/{}", field.replace(['.', '['], "/").replace(']', ""));
    match (fields.get(&field).or_else(|| fields.pointer(&pointer)), reason.rsplit_once("expected ")) {
        (Some(value), Some((_, expected))) => {
            format!("`{field}` is {}, expected {}", brief(value), plain_type(expected))
        }
        (Some(_), None) => format!("`{field}`: {reason}"),
        (None, _) => reason,
    }
}

/// A value in a sentence.
pub(super) fn brief(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = value.to_string();
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// What the parser calls a type, for people.
fn plain_type(name: &str) -> &str {
    match name {
        "a boolean" => "true or false",
        "a string" => "a text",
        "a sequence" => "a list",
        "u32" => "a whole number from 0 to 4294967295",
        "usize" | "u64" => "a whole number",
        "f64" => "a number",
        other => other,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn numbers_that_only_python_writes_are_texts() {
        let written = br#"{"a": NaN, "b": [0.0, Infinity, -Infinity], "c": "NaN \\\\\" Infinity", "d": -1}"#;
        let read = python_json(written).unwrap();
        let expected = r#"{"a": "NaN", "b": [0.0, "Infinity", "-Infinity"], "c": "NaN \\\\\" Infinity", "d": -1}"#;
        assert_eq!(read, serde_json::from_str::<Value>(expected).unwrap());
        let position = |text: &str| python_json(text.as_bytes()).unwrap_err().column();
        assert_eq!(position(r#"{"a": NaN, "b": }"#), 7, "of the text as it stands");
        assert!(python_json(b"{\"a\": Nan}").is_err() && python_json(b"{\"a\\").is_err());
    }

    #[test]
    fn what_is_no_configuration_is_refused() {
        let message = |text: &str| fields::<Value>(text.as_bytes()).unwrap_err();
        assert!(message("{\"a\":").starts_with("it is no JSON, or breaks off ("));
        assert_eq!(message("[1]"), "it is no JSON object with fields");
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n";
        assert!(message(pointer).starts_with("it is a Git LFS pointer, not the file itself: "));
    }
}
