//! The fields of a checkpoint's `config.json`, under the checkpoint's own names.
//!
//! Unknown fields are ignored (real configurations are full of them); known ones are checked against each other, so
//! that a body can trust its sizes. What the Qwen family shares is here; `LLaDA`'s own names stand in
//! [`llada`](crate::model::llada).

use std::fmt;

use serde::de::{DeserializeOwned, Deserializer, Error, SeqAccess, Visitor};
use serde::{Deserialize, Serialize};
use serde_json::{Value, error::Category};

use crate::model::lfs;
use crate::model::network::{Alignment, Attention};
use crate::model::weights::LoadError;

/// One token id or several: real checkpoints have both under `eos_token_id`. The id -1 stands for none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
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

/// The sizes of a transformer body, whatever its configuration calls them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Dims {
    /// Rows of the embedding and of the head.
    pub vocab: usize,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Width inside the feed-forward part.
    pub inner: usize,
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
    pub inner: &'static str,
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
            (names.inner, self.inner),
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

/// What an architecture of the Qwen family is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct QwenUse {
    /// The architecture, for people.
    pub architecture: &'static str,
    /// Generation of the body: 2 has biases on queries, keys and values, 3 a norm on the heads of queries and keys.
    pub generation: u8,
    /// Bidirectional for a denoiser, causal for a language model.
    pub attention: Attention,
    /// Which token a row predicts.
    pub alignment: Alignment,
}

impl QwenUse {
    /// The use that a configuration's `model_type` stands for.
    pub fn of(model_type: &str) -> Option<Self> {
        let (architecture, generation, attention, alignment) = match model_type {
            "Dream" => ("Dream", 2, Attention::Bidirectional, Alignment::Shifted),
            "a2d-qwen2" => ("A2D-Qwen2", 2, Attention::Bidirectional, Alignment::Aligned),
            "a2d-qwen3" => ("A2D-Qwen3", 3, Attention::Bidirectional, Alignment::Aligned),
            "qwen2" => ("Qwen2", 2, Attention::Causal, Alignment::Shifted),
            "qwen3" => ("Qwen3", 3, Attention::Causal, Alignment::Shifted),
            _ => return None,
        };
        Some(Self { architecture, generation, attention, alignment })
    }

    /// Whether it fills masks.
    pub fn denoises(self) -> bool {
        self.attention == Attention::Bidirectional
    }
}

/// Configuration of a body of the Qwen family, as `Qwen/Qwen2.5-*`, `Qwen/Qwen3-*`, `Dream-org/Dream-v0-*` and
/// `dllm-hub/*` write it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QwenConfig {
    /// Class names of the reference implementation, e.g. `DreamModel`.
    #[serde(default)]
    pub architectures: Vec<String>,
    /// `Dream`, `a2d-qwen2`, `a2d-qwen3`, `qwen2` or `qwen3`.
    pub model_type: String,
    /// Rows of the embedding and of the head.
    pub vocab_size: usize,
    /// Width of the residual stream.
    pub hidden_size: usize,
    /// Width inside the feed-forward part.
    pub intermediate_size: usize,
    /// Number of layers.
    pub num_hidden_layers: usize,
    /// Number of query heads.
    pub num_attention_heads: usize,
    /// Number of key and value heads, each shared by a group of query heads; as many as query heads where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub num_key_value_heads: Option<usize>,
    /// Width of a head; where absent, `hidden_size / num_attention_heads` in generation 2 and 128 in generation 3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_dim: Option<usize>,
    /// Longest sequence in tokens.
    pub max_position_embeddings: usize,
    /// Added to the mean square in the norms.
    pub rms_norm_eps: f64,
    /// Base of the rotary embedding's wavelengths.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rope_theta: Option<f64>,
    /// Stretching of the rotary embedding; only the plain one is supported.
    #[serde(default)]
    pub rope_scaling: Option<Value>,
    /// Base and stretching together, as newer versions of the reference library write them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rope_parameters: Option<Value>,
    /// Whether attention is cut to a window; not supported.
    #[serde(default)]
    pub use_sliding_window: bool,
    /// Attention pattern per layer; `full_attention` throughout where present.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer_types: Option<Vec<String>>,
    /// Activation of the feed-forward part; always `silu`.
    #[serde(default = "silu")]
    pub hidden_act: String,
    /// Whether the maps around attention have biases (generation 3; generation 2 always has those of its inputs).
    #[serde(default)]
    pub attention_bias: bool,
    /// Whether the head is the embedding, transposed.
    #[serde(default)]
    pub tie_word_embeddings: bool,
    /// The mask token of a denoiser; A2D checkpoints have it in their tokenizer only.
    #[serde(default, deserialize_with = "token_id", skip_serializing_if = "Option::is_none")]
    pub mask_token_id: Option<u32>,
    /// End of text; where there is none, it is in the files beside the configuration.
    #[serde(default)]
    pub eos_token_id: TokenIds,
}

/// Width of a Qwen3 head where the configuration is silent, as in the reference implementation.
const QWEN3_HEAD_DIM: usize = 128;

const FIELDS: FieldNames = FieldNames {
    vocab: "vocab_size",
    hidden: "hidden_size",
    inner: "intermediate_size",
    layers: "num_hidden_layers",
    heads: "num_attention_heads",
    kv_heads: "num_key_value_heads",
    max_positions: "max_position_embeddings",
};

fn silu() -> String {
    "silu".into()
}

/// Why JSON cannot be read as what it should be.
fn unreadable(error: &serde_json::Error) -> String {
    match error.classify() {
        Category::Data => error.to_string(),
        _ => format!("it is no JSON, or breaks off ({error}): get the file again"),
    }
}

/// Reads the fields of a JSON object. A field that is `null` is one that is absent, as in the reference library; the error
/// says which field is wrong, and how.
pub(super) fn fields<T: DeserializeOwned>(json: &[u8]) -> Result<T, String> {
    if lfs::is_pointer(json) {
        return Err(format!("it {}", lfs::SENTENCE));
    }
    let mut fields: Value = serde_json::from_slice(json).map_err(|error| unreadable(&error))?;
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
fn brief(value: &Value) -> String {
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

/// Reads a configuration and checks it; `file` is its name in messages.
pub(super) fn checked<T: DeserializeOwned>(
    file: &str,
    json: &[u8],
    validate: impl FnOnce(&T) -> Result<(), String>,
) -> Result<T, LoadError> {
    let wrong = |reason: String| LoadError::Config { file: file.to_owned(), reason };
    let config: T = fields(json).map_err(wrong)?;
    validate(&config).map_err(wrong)?;
    Ok(config)
}

impl QwenConfig {
    /// Reads and checks a configuration; `file` is its name in messages.
    pub fn from_json(file: &str, json: &[u8]) -> Result<Self, LoadError> {
        checked(file, json, Self::validate)
    }

    /// What the body is used for, or which `model_type` is none of this family.
    pub fn usage(&self) -> Result<QwenUse, String> {
        let expected = "Dream, a2d-qwen2, a2d-qwen3, qwen2 or qwen3";
        QwenUse::of(&self.model_type)
            .ok_or_else(|| format!("`model_type` is `{}`, expected {expected}", self.model_type))
    }

    /// The body's sizes.
    pub fn dims(&self) -> Result<Dims, String> {
        let head_dim = match self.head_dim {
            Some(width) => width,
            None if self.usage()?.generation == 3 => QWEN3_HEAD_DIM,
            None => even_share(&FIELDS, self.hidden_size, self.num_attention_heads)?,
        };
        let within = |rope: &Value| rope.get("rope_theta").and_then(Value::as_f64);
        let newer = [&self.rope_parameters, &self.rope_scaling].into_iter().flatten().find_map(within);
        let dims = Dims {
            vocab: self.vocab_size,
            hidden: self.hidden_size,
            inner: self.intermediate_size,
            layers: self.num_hidden_layers,
            heads: self.num_attention_heads,
            kv_heads: self.num_key_value_heads.unwrap_or(self.num_attention_heads),
            head_dim,
            max_positions: self.max_position_embeddings,
            norm_eps: self.rms_norm_eps,
            rope_theta: self.rope_theta.or(newer).ok_or("`rope_theta` is missing")?,
        };
        dims.check(&FIELDS)?;
        Ok(dims)
    }

    /// The fields against each other, as one sentence about the first that is wrong.
    pub fn validate(&self) -> Result<(), String> {
        self.usage()?;
        self.dims()?;
        if self.hidden_act != "silu" {
            return Err(format!("`hidden_act` is `{}`, only `silu` is supported", self.hidden_act));
        }
        for (field, scaling) in [("rope_scaling", &self.rope_scaling), ("rope_parameters", &self.rope_parameters)] {
            if let Some(scaling) = scaling.as_ref().filter(|scaling| !is_plain(scaling)) {
                return Err(format!("`{field}` {} is not supported, only plain rotary embeddings are", brief(scaling)));
            }
        }
        if self.use_sliding_window {
            return Err("`use_sliding_window` is true, which is not supported".into());
        }
        if let Some(kind) = self.layer_types.iter().flatten().find(|kind| *kind != "full_attention") {
            return Err(format!("`layer_types` has `{kind}`, only `full_attention` is supported"));
        }
        let ids = [("eos_token_id", self.eos_token_id.first()), ("mask_token_id", self.mask_token_id)];
        ids.into_iter()
            .filter(|(_, id)| id.is_some())
            .try_for_each(|(name, id)| in_vocabulary(name, id, self.vocab_size))
    }
}

/// Whether an entry about the rotary embedding asks for nothing but a base: it is of the kind `default`, or of no kind
/// and with nothing that one would need.
fn is_plain(scaling: &Value) -> bool {
    let kind = ["rope_type", "type"].iter().filter_map(|name| scaling.get(name)).find(|kind| !kind.is_null());
    match kind {
        Some(kind) => kind == "default",
        None => scaling.as_object().is_none_or(|entry| {
            entry
                .iter()
                .all(|(name, value)| value.is_null() || ["rope_theta", "rope_type", "type"].contains(&name.as_str()))
        }),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn dream() -> Value {
        json!({
            "architectures": ["DreamModel"], "model_type": "Dream", "vocab_size": 16, "hidden_size": 8,
            "intermediate_size": 12, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
            "max_position_embeddings": 64, "rms_norm_eps": 1e-6, "rope_theta": 1e4, "mask_token_id": 1,
            "eos_token_id": [0, 3], "torch_dtype": "float32"
        })
    }

    fn read(value: &Value) -> Result<QwenConfig, LoadError> {
        QwenConfig::from_json("m/config.json", value.to_string().as_bytes())
    }

    #[test]
    fn defaults_follow_the_published_configurations() {
        let mut value = dream();
        let dims = read(&value).unwrap().dims().unwrap();
        assert_eq!((dims.head_dim, dims.kv_heads), (2, 2));
        assert_eq!(read(&value).unwrap().usage().unwrap().attention, Attention::Bidirectional);
        value.as_object_mut().unwrap().remove("num_key_value_heads");
        value["head_dim"] = json!(6);
        value["model_type"] = json!("qwen2");
        let config = read(&value).unwrap();
        let dims = config.dims().unwrap();
        assert_eq!((dims.head_dim, dims.kv_heads, config.tie_word_embeddings), (6, 4, false));
        assert!(!config.usage().unwrap().denoises());
        value.as_object_mut().unwrap().remove("head_dim");
        value["model_type"] = json!("qwen3");
        assert_eq!(read(&value).unwrap().dims().unwrap().head_dim, 128);
    }

    #[test]
    fn the_newer_place_of_the_rotary_base_is_read() {
        let mut value = dream();
        value.as_object_mut().unwrap().remove("rope_theta");
        assert!(read(&value).unwrap_err().to_string().ends_with("`rope_theta` is missing"));
        value["rope_parameters"] = json!({"rope_theta": 5e5, "rope_type": "default"});
        assert_eq!(read(&value).unwrap().dims().unwrap().rope_theta, 5e5);
        value["rope_parameters"]["rope_type"] = json!("yarn");
        assert!(read(&value).unwrap_err().to_string().contains("yarn"));
    }

    #[test]
    fn what_is_written_reads_back() {
        let config = read(&dream()).unwrap();
        assert_eq!(read(&serde_json::to_value(&config).unwrap()).unwrap(), config);
    }

    #[test]
    fn contradictions_are_named() {
        let cases = [
            ("num_attention_heads", json!(3), "does not divide `hidden_size` 8"),
            ("num_key_value_heads", json!(3), "`num_key_value_heads` is 3"),
            ("num_hidden_layers", json!(0), "`num_hidden_layers` is 0"),
            ("head_dim", json!(3), "even width"),
            ("rms_norm_eps", json!(0.0), "`rms_norm_eps` is 0"),
            ("rope_theta", json!(0.5), "`rope_theta` is 0.5"),
            ("hidden_act", json!("gelu"), "`gelu`"),
            ("rope_scaling", json!({"type": "yarn", "factor": 4.0}), "yarn"),
            ("use_sliding_window", json!(true), "`use_sliding_window`"),
            ("eos_token_id", json!(16), "`eos_token_id` is 16, outside the vocabulary of 16"),
            ("eos_token_id", json!("x"), "`eos_token_id` is \"x\", expected a token id or a list of them"),
            ("eos_token_id", json!(-2), "`eos_token_id` is -2, expected a token id or a list of them"),
            ("eos_token_id", json!([0, "x"]), "`eos_token_id[1]` is \"x\", expected a token id or a list of them"),
            ("mask_token_id", json!(99), "`mask_token_id` is 99"),
            ("layer_types", json!(["full_attention", "sliding_attention"]), "`sliding_attention`"),
            ("hidden_size", json!(5_000_000_000_u64), "`hidden_size` is 5000000000"),
            ("model_type", json!("llama"), "`llama`"),
            ("vocab_size", json!("many"), "`vocab_size` is \"many\", expected a whole number"),
            ("vocab_size", json!(-1), "`vocab_size` is -1, expected a whole number"),
            ("vocab_size", json!(null), "missing field `vocab_size`"),
            ("rope_theta", json!("x"), "`rope_theta` is \"x\", expected a number"),
            ("use_sliding_window", json!("no"), "`use_sliding_window` is \"no\", expected true or false"),
            ("hidden_act", json!(1), "`hidden_act` is 1, expected a text"),
            ("layer_types", json!("full"), "`layer_types` is \"full\", expected a list"),
            ("rope_scaling", json!({"factor": 4.0}), "`rope_scaling` {\"factor\":4.0} is not supported"),
            ("rope_parameters", json!({"rope_theta": 1e4, "factor": 2.0}), "`rope_parameters` {"),
        ];
        for (field, value, expected) in cases {
            let mut config = dream();
            config[field] = value;
            let message = read(&config).unwrap_err().to_string();
            assert!(message.starts_with("m/config.json: "), "{message}");
            assert!(message.contains(expected), "{field}: {message}");
        }
    }

    #[test]
    fn a_null_field_is_absent() {
        let plain = read(&dream()).unwrap();
        for field in [
            "num_key_value_heads",
            "head_dim",
            "rope_scaling",
            "rope_parameters",
            "use_sliding_window",
            "layer_types",
            "hidden_act",
            "attention_bias",
            "tie_word_embeddings",
            "mask_token_id",
            "eos_token_id",
            "architectures",
        ] {
            let (mut null, mut absent) = (dream(), dream());
            null[field] = json!(null);
            absent.as_object_mut().unwrap().remove(field);
            assert_eq!(read(&null).unwrap(), read(&absent).unwrap(), "{field}");
        }
        let mut none = dream();
        (none["eos_token_id"], none["mask_token_id"]) = (json!([-1, null]), json!(-1));
        let none = read(&none).unwrap();
        assert_eq!((none.eos_token_id.first(), none.mask_token_id), (None, None));
        assert_eq!(plain.eos_token_id.all(), [0, 3]);
    }

    #[test]
    fn plain_rotary_embeddings_pass() {
        for plain in [json!({"rope_type": "default"}), json!({}), json!({"rope_type": null, "factor": null})] {
            let mut config = dream();
            config["rope_scaling"] = plain;
            assert!(read(&config).is_ok(), "{config}");
        }
        for field in ["rope_scaling", "rope_parameters"] {
            let mut config = dream();
            config.as_object_mut().unwrap().remove("rope_theta");
            config[field] = json!({"rope_theta": 5e5});
            assert_eq!(read(&config).unwrap().dims().unwrap().rope_theta, 5e5);
        }
    }

    #[test]
    fn what_is_no_configuration_is_refused() {
        let message = |text: &str| QwenConfig::from_json("m/config.json", text.as_bytes()).unwrap_err().to_string();
        assert!(message("{\"a\":").starts_with("m/config.json: it is no JSON, or breaks off ("));
        assert_eq!(message("[1]"), "m/config.json: it is no JSON object with fields");
        let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n";
        assert!(message(pointer).starts_with("m/config.json: it is a Git LFS pointer, not the file itself: "));
    }
}
