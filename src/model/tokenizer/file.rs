//! A `tokenizer.json` is a foreign file, and the library that reads it trusts it: it panics at one that is cut or
//! contradicts itself, and takes sizes from it as they are. So what could make a short file or a short text into gigabytes
//! is looked at first, and panics become errors that name the file.

use std::ops::Deref;

use base64::{Engine, prelude::BASE64_STANDARD};
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::Value;
use tokenizers::{
    Decoder, DecoderWrapper, Encoding, ModelWrapper, NormalizerWrapper, PostProcessorWrapper, PreTokenizerWrapper,
    Tokenizer as Inner,
};

use super::{TokenizerError, pieces::Scheme};
use crate::{model::lfs, panics::attempt};

/// How many times as long a text may become before it is cut into tokens, or when it is put together from them. Nothing
/// that a published tokenizer does comes near: the longest entry of `SentencePiece`'s table is 33 bytes.
const MOST_GROWTH: usize = 4096;

/// Fields under which a part lists parts of its own.
const LISTS: [&str; 4] = ["normalizers", "pretokenizers", "processors", "decoders"];

/// Kinds of post-processors. Of other parts the library itself distinguishes an unknown kind from one that it cannot read.
const POST_PROCESSORS: [&str; 5] =
    ["RobertaProcessing", "BertProcessing", "ByteLevel", "TemplateProcessing", "Sequence"];

/// The library's tokenizer; a panic in it is an error that names its file.
#[derive(Debug, Clone)]
pub(super) struct Guarded {
    inner: Inner,
    origin: String,
}

impl Guarded {
    /// Tries it on two texts and on its own tokens. What a file says of cutting texts, of filling them up and of leaving
    /// merges out by chance is for training, and not obeyed.
    pub fn new(mut inner: Inner, origin: String) -> Result<Self, TokenizerError> {
        inner.with_padding(None);
        if let ModelWrapper::BPE(model) = inner.get_model()
            && model.dropout.is_some()
        {
            let mut model = model.clone();
            model.dropout = None;
            inner.with_model(model);
        }
        let untruncated = inner.with_truncation(None).map(drop);
        untruncated.map_err(|error| TokenizerError::Parse { origin: origin.clone(), reason: error.to_string() })?;
        let guarded = Self { inner, origin };
        for text in ["", "a b"] {
            if let Err(damaged @ TokenizerError::Damaged { .. }) = guarded.encoding(text, true) {
                return Err(damaged);
            }
        }
        guarded.try_decoder()?;
        Ok(guarded)
    }

    /// The same, deaf to special tokens in a text.
    pub fn plain(&self) -> Self {
        let mut plain = self.clone();
        plain.inner.set_encode_special_tokens(true);
        plain
    }

    /// Ids of a text.
    pub fn ids(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        Ok(self.encode(text, || self.inner.encode_fast(text, false))?.get_ids().to_vec())
    }

    /// Ids of a text with their places in it; `special` asks for the tokens that belong around every text.
    pub fn encoding(&self, text: &str, special: bool) -> Result<Encoding, TokenizerError> {
        self.encode(text, || self.inner.encode(text, special))
    }

    fn encode(
        &self,
        text: &str,
        work: impl FnOnce() -> tokenizers::Result<Encoding>,
    ) -> Result<Encoding, TokenizerError> {
        match attempt(work) {
            Ok(encoding) => {
                encoding.map_err(|error| TokenizerError::Encode { bytes: text.len(), reason: error.to_string() })
            }
            Err(_) => Err(damaged(&self.origin, "it breaks off where it should encode a text")),
        }
    }

    /// Decodes all tokens as one text. The decoder of byte-level tokens is not asked for anything.
    fn try_decoder(&self) -> Result<(), TokenizerError> {
        let Some(decoder) = self.inner.get_decoder().filter(|_| Scheme::of(&self.inner) != Scheme::ByteLevel) else {
            return Ok(());
        };
        let mut names: Vec<(u32, String)> =
            self.inner.get_vocab(true).into_iter().map(|(name, id)| (id, name)).collect();
        names.sort_unstable();
        let names = names.into_iter().map(|(_, name)| name).collect();
        match attempt(|| decoder.decode(names)) {
            Ok(_) => Ok(()),
            Err(_) => Err(damaged(&self.origin, "its `decoder` breaks off at its own tokens")),
        }
    }
}

impl Deref for Guarded {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.inner
    }
}

/// Reads a `tokenizer.json`; `origin` stands for it in messages.
pub(super) fn read(bytes: &[u8], origin: &str) -> Result<Guarded, TokenizerError> {
    if lfs::is_pointer(bytes) {
        return Err(TokenizerError::Pointer { origin: origin.to_owned() });
    }
    let parts: Parts<IgnoredAny> = serde_json::from_slice(bytes).map_err(|error| unreadable(origin, &error))?;
    parts.check_growth().map_err(|reason| damaged(origin, reason))?;
    match attempt(|| Inner::from_bytes(bytes)) {
        Ok(Ok(inner)) => Guarded::new(inner, origin.to_owned()),
        Ok(Err(error)) => Err(flaw(bytes, origin)
            .unwrap_or_else(|| TokenizerError::Parse { origin: origin.to_owned(), reason: error.to_string() })),
        Err(_) => Err(flaw(bytes, origin).unwrap_or_else(|| damaged(origin, "its parts contradict each other"))),
    }
}

fn unreadable(origin: &str, error: &serde_json::Error) -> TokenizerError {
    if error.is_data() {
        return TokenizerError::Parse { origin: origin.to_owned(), reason: error.to_string() };
    }
    damaged(origin, format!("it is no JSON, or breaks off ({error})"))
}

fn damaged(origin: &str, reason: impl Into<String>) -> TokenizerError {
    TokenizerError::Damaged { origin: origin.to_owned(), reason: reason.into() }
}

/// The parts of a `tokenizer.json`, the model in as much detail as is wanted.
#[derive(Deserialize)]
struct Parts<M> {
    #[serde(default)]
    normalizer: Value,
    #[serde(default)]
    pre_tokenizer: Value,
    #[serde(default)]
    model: M,
    #[serde(default)]
    post_processor: Value,
    #[serde(default)]
    decoder: Value,
}

impl<M> Parts<M> {
    /// Whether texts stay within bounds on their way to tokens and back.
    fn check_growth(&self) -> Result<(), String> {
        let there = growth(&self.normalizer)?.saturating_mul(growth(&self.pre_tokenizer)?);
        for (factor, part) in [(there, "normalizer"), (growth(&self.decoder)?, "decoder")] {
            if factor > MOST_GROWTH {
                return Err(format!("its `{part}` can make a text more than {MOST_GROWTH} times as long"));
            }
        }
        Ok(())
    }
}

/// How many times as long a part may make a text, at most.
fn growth(part: &Value) -> Result<usize, String> {
    // The library takes fields without their names, too, which no file has.
    if !part.is_object() && !part.is_null() {
        return Err("one of its parts has no named fields".to_owned());
    }
    let text = |name: &str| part.get(name).and_then(Value::as_str);
    let own = match (part.get("pattern"), text("content")) {
        (Some(pattern), Some(content)) => match pattern.get("String").and_then(Value::as_str).map(str::len) {
            Some(length @ 1..) => content.len().div_ceil(length).max(1),
            // It may be put between any two characters.
            _ => content.len() + 1,
        },
        _ if part.get("precompiled_charsmap").is_some() => charsmap(text("precompiled_charsmap").unwrap_or_default())?,
        // Every byte beyond ASCII becomes a character of two.
        _ if text("type") == Some("ByteLevel") || part.get("trim_offsets").is_some() => 2,
        // Blanks are put where the empty text is found: between any two characters.
        _ if ["word_delimiter_token", "suffix"].into_iter().any(|name| text(name) == Some("")) => 2,
        _ => 1 + text("prepend").or_else(|| text("replacement")).map_or(0, str::len),
    };
    let inner = LISTS.iter().filter_map(|list| part.get(list)?.as_array()).flatten();
    inner.map(growth).try_fold(own, |product, factor| Ok(product.saturating_mul(factor?)))
}

/// The length of the longest entry of a table of `SentencePiece`, which stands behind a search tree and that tree's length.
fn charsmap(encoded: &str) -> Result<usize, String> {
    // The library decodes what others refuse.
    let Ok(bytes) = BASE64_STANDARD.decode(encoded) else {
        return Err("the `precompiled_charsmap` of its normalizer is no Base64".to_owned());
    };
    let Some((length, rest)) = bytes.split_first_chunk() else { return Ok(1) };
    let tree = u32::from_le_bytes(*length) as usize;
    let Some(entries) = rest.get(tree..) else {
        return Err(format!("the `precompiled_charsmap` of its normalizer claims {tree} bytes and has {}", rest.len()));
    };
    Ok(entries.split(|byte| *byte == 0).map(<[u8]>::len).max().unwrap_or(0).max(1))
}

/// Which part of a file that the library does not read is the cause.
fn flaw(bytes: &[u8], origin: &str) -> Option<TokenizerError> {
    let parts: Parts<Value> = serde_json::from_slice(bytes).ok()?;
    flaw_of::<NormalizerWrapper>("normalizer", &parts.normalizer, origin)
        .or_else(|| flaw_of::<PreTokenizerWrapper>("pre_tokenizer", &parts.pre_tokenizer, origin))
        .or_else(|| flaw_of::<PostProcessorWrapper>("post_processor", &parts.post_processor, origin))
        .or_else(|| flaw_of::<DecoderWrapper>("decoder", &parts.decoder, origin))
        .or_else(|| flaw_of::<ModelWrapper>("model", &parts.model, origin))
}

fn flaw_of<T: DeserializeOwned>(part: &'static str, value: &Value, origin: &str) -> Option<TokenizerError> {
    if value.is_null() {
        return None;
    }
    let mut inner = LISTS.iter().filter_map(|list| value.get(list)?.as_array()).flatten();
    if let Some(flaw) = inner.find_map(|value| flaw_of::<T>(part, value, origin)) {
        return Some(flaw);
    }
    let reason = match attempt(|| serde_json::from_value::<T>(value.clone())) {
        Ok(Ok(_)) => return None,
        Ok(Err(error)) => Some(error.to_string()),
        Err(_) => None,
    };
    let kind = value.get("type").and_then(Value::as_str);
    let fits_no_kind = reason.as_ref().is_some_and(|reason| reason.contains("untagged enum"));
    Some(match (kind, reason) {
        (Some(kind), _) if fits_no_kind && !(part == "post_processor" && POST_PROCESSORS.contains(&kind)) => {
            TokenizerError::Kind { origin: origin.to_owned(), part, kind: kind.to_owned() }
        }
        (_, Some(reason)) if !fits_no_kind => damaged(origin, format!("its `{part}` cannot be read ({reason})")),
        _ if part == "model" => damaged(origin, "its vocabulary and its merges do not fit together"),
        _ => damaged(origin, format!("its `{part}` cannot be read")),
    })
}
