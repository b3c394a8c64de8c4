//! The fields of a checkpoint's `config.json`, under the checkpoint's own names.
//!
//! Unknown fields are ignored (real configurations are full of them); known ones are checked against each other, so
//! that a body can trust its sizes.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::network::{Alignment, Attention, NetworkSpec};
use crate::model::weights::LoadError;

/// The two uses of the Qwen2 body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Qwen2Use {
    /// Masked denoiser with bidirectional attention.
    Dream,
    /// Autoregressive language model with causal attention.
    Causal,
}

impl Qwen2Use {
    /// The use that a configuration's `model_type` stands for.
    pub fn of(model_type: &str) -> Option<Self> {
        match model_type {
            "Dream" => Some(Self::Dream),
            "qwen2" => Some(Self::Causal),
            _ => None,
        }
    }

    /// The `model_type` of this use.
    pub fn model_type(self) -> &'static str {
        match self {
            Self::Dream => "Dream",
            Self::Causal => "qwen2",
        }
    }
}

/// One token id or several: real checkpoints have both under `eos_token_id`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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

/// Configuration of a Qwen2 body, as `Qwen/Qwen2.5-*` and `Dream-org/Dream-v0-*` write it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Qwen2Config {
    /// Class names of the reference implementation, e.g. `DreamModel`.
    #[serde(default)]
    pub architectures: Vec<String>,
    /// `Dream` or `qwen2`.
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
    /// Width of a head; `hidden_size / num_attention_heads` where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head_dim: Option<usize>,
    /// Longest sequence in tokens.
    pub max_position_embeddings: usize,
    /// Added to the mean square in the norms.
    pub rms_norm_eps: f64,
    /// Base of the rotary embedding's wavelengths.
    pub rope_theta: f64,
    /// Stretching of the rotary embedding; only the plain one is supported.
    #[serde(default)]
    pub rope_scaling: Option<Value>,
    /// Whether attention is cut to a window; not supported.
    #[serde(default)]
    pub use_sliding_window: bool,
    /// Activation of the feed-forward part; always `silu`.
    #[serde(default = "silu")]
    pub hidden_act: String,
    /// Whether the head is the embedding, transposed.
    #[serde(default)]
    pub tie_word_embeddings: bool,
    /// The mask token of a denoiser.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mask_token_id: Option<u32>,
    /// End of text.
    pub eos_token_id: TokenIds,
}

fn silu() -> String {
    "silu".into()
}

impl Qwen2Config {
    /// Reads and checks a configuration; `file` is its name in messages.
    pub fn from_json(file: &str, json: &[u8]) -> Result<Self, LoadError> {
        let wrong = |reason: String| LoadError::Config { file: file.to_owned(), reason };
        let config: Self = serde_json::from_slice(json).map_err(|error| wrong(error.to_string()))?;
        config.validate().map_err(wrong)?;
        Ok(config)
    }

    /// Number of key and value heads.
    pub fn kv_heads(&self) -> usize {
        self.num_key_value_heads.unwrap_or(self.num_attention_heads)
    }

    /// Width of a head.
    pub fn head_width(&self) -> usize {
        self.head_dim.unwrap_or(self.hidden_size / self.num_attention_heads.max(1))
    }

    /// The fields against each other, as one sentence about the first that is wrong.
    pub fn validate(&self) -> Result<(), String> {
        let sizes = [
            ("vocab_size", self.vocab_size),
            ("hidden_size", self.hidden_size),
            ("intermediate_size", self.intermediate_size),
            ("num_hidden_layers", self.num_hidden_layers),
            ("num_attention_heads", self.num_attention_heads),
            ("num_key_value_heads", self.kv_heads()),
            ("max_position_embeddings", self.max_position_embeddings),
        ];
        if let Some((name, _)) = sizes.iter().find(|(_, size)| *size == 0) {
            return Err(format!("`{name}` is 0"));
        }
        let (hidden, heads, kv_heads) = (self.hidden_size, self.num_attention_heads, self.kv_heads());
        if self.head_dim.is_none() && !hidden.is_multiple_of(heads) {
            return Err(format!("`num_attention_heads` is {heads}, which does not divide `hidden_size` {hidden}"));
        }
        if !heads.is_multiple_of(kv_heads) {
            return Err(format!("`num_key_value_heads` is {kv_heads}, which does not divide the {heads} query heads"));
        }
        let width = self.head_width();
        if width == 0 || !width.is_multiple_of(2) {
            return Err(format!("a head is {width} wide; the rotary embedding needs an even width"));
        }
        if !(self.rms_norm_eps > 0.0 && self.rms_norm_eps.is_finite()) {
            return Err(format!("`rms_norm_eps` is {}, expected a number above 0", self.rms_norm_eps));
        }
        if !(self.rope_theta >= 1.0 && self.rope_theta.is_finite()) {
            return Err(format!("`rope_theta` is {}, expected a number of 1 or more", self.rope_theta));
        }
        if self.hidden_act != "silu" {
            return Err(format!("`hidden_act` is `{}`, only `silu` is supported", self.hidden_act));
        }
        if let Some(scaling) = self.rope_scaling.as_ref().filter(|scaling| !is_plain(scaling)) {
            return Err(format!("`rope_scaling` {scaling} is not supported"));
        }
        if self.use_sliding_window {
            return Err("`use_sliding_window` is true, which is not supported".into());
        }
        let in_vocabulary = |name: &str, id: Option<u32>| match id {
            Some(id) if (id as usize) < self.vocab_size => Ok(()),
            Some(id) => Err(format!("`{name}` is {id}, outside the vocabulary of {}", self.vocab_size)),
            None => Err(format!("`{name}` is missing")),
        };
        in_vocabulary("eos_token_id", self.eos_token_id.first())?;
        match Qwen2Use::of(&self.model_type) {
            Some(Qwen2Use::Dream) => in_vocabulary("mask_token_id", self.mask_token_id),
            Some(Qwen2Use::Causal) => Ok(()),
            None => Err(format!("`model_type` is `{}`, expected Dream or qwen2", self.model_type)),
        }
    }

    /// The facts that decoding depends on, for a validated configuration and this number of weights.
    pub fn spec(&self, parameters: usize) -> NetworkSpec {
        let denoises = Qwen2Use::of(&self.model_type) == Some(Qwen2Use::Dream);
        NetworkSpec {
            architecture: if denoises { "Dream" } else { "Qwen2" }.into(),
            vocab_size: self.vocab_size,
            mask_id: self.mask_token_id.filter(|_| denoises),
            eos_id: self.eos_token_id.first().unwrap_or_default(),
            max_positions: self.max_position_embeddings,
            layers: self.num_hidden_layers,
            parameters,
            attention: if denoises { Attention::Bidirectional } else { Attention::Causal },
            alignment: Alignment::Shifted,
        }
    }
}

/// Whether a `rope_scaling` entry asks for nothing.
fn is_plain(scaling: &Value) -> bool {
    let kind = scaling.get("rope_type").or_else(|| scaling.get("type"));
    scaling.is_null() || kind.and_then(Value::as_str) == Some("default")
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

    fn read(value: &Value) -> Result<Qwen2Config, LoadError> {
        Qwen2Config::from_json("m/config.json", value.to_string().as_bytes())
    }

    #[test]
    fn defaults_follow_the_published_configurations() {
        let mut value = dream();
        let config = read(&value).unwrap();
        assert_eq!((config.head_width(), config.kv_heads(), config.tie_word_embeddings), (2, 2, false));
        assert_eq!(config.spec(7).eos_id, 0);
        assert_eq!(config.spec(7).attention, Attention::Bidirectional);
        value.as_object_mut().unwrap().remove("num_key_value_heads");
        value["head_dim"] = json!(6);
        value["model_type"] = json!("qwen2");
        let config = read(&value).unwrap();
        assert_eq!((config.head_width(), config.kv_heads()), (6, 4));
        assert_eq!((config.spec(7).attention, config.spec(7).mask_id), (Attention::Causal, None));
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
            ("eos_token_id", json!([]), "`eos_token_id` is missing"),
            ("mask_token_id", json!(99), "`mask_token_id` is 99"),
            ("mask_token_id", json!(null), "`mask_token_id` is missing"),
            ("model_type", json!("llama"), "`llama`"),
            ("vocab_size", json!("many"), "invalid type"),
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
    fn plain_rotary_embeddings_pass() {
        let mut config = dream();
        config["rope_scaling"] = json!({"rope_type": "default"});
        assert!(read(&config).is_ok());
    }
}
