//! The configuration that most architectures share, under the names of the `transformers` library, and their tensors'.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Arch, ArchSpec, Biases, BlockNames, ConfigValues, TensorNames};
use crate::model::config::{
    Dims, FieldNames, ROPE_THETA, TokenIds, brief, even_share, fields, in_vocabulary, token_id,
};

pub(super) const NAMES: TensorNames = TensorNames {
    embedding: "model.embed_tokens",
    head: "lm_head",
    norm: "model.norm",
    rope_factors: None,
    blocks: "model.layers",
    block: BlockNames {
        input_norm: "input_layernorm",
        query: "self_attn.q_proj",
        key: "self_attn.k_proj",
        value: "self_attn.v_proj",
        head_norms: None,
        output: "self_attn.o_proj",
        post_norm: "post_attention_layernorm",
        gate: "mlp.gate_proj",
        up: "mlp.up_proj",
        down: "mlp.down_proj",
    },
};

/// Such a configuration, as `Qwen/Qwen2.5-*`, `Qwen/Qwen3-*`, `Dream-org/Dream-v0-*` and `dllm-hub/*` write it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub(super) struct DecoderConfig {
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
    #[serde(default)]
    pub num_key_value_heads: Option<usize>,
    /// Width of a head; see [`Self::dims`] for where it is absent.
    #[serde(default)]
    pub head_dim: Option<usize>,
    /// Longest sequence in tokens.
    pub max_position_embeddings: usize,
    /// Added to the mean square in the norms.
    #[serde(default = "default_eps")]
    pub rms_norm_eps: f64,
    /// Base of the rotary embedding's wavelengths.
    #[serde(default)]
    pub rope_theta: Option<f64>,
    /// Stretching of the rotary embedding; only the plain one is supported.
    #[serde(default)]
    pub rope_scaling: Option<Value>,
    /// Base and stretching together, as newer versions of the reference library write them.
    #[serde(default)]
    pub rope_parameters: Option<Value>,
    /// Whether attention is cut to a window; not supported.
    #[serde(default)]
    pub use_sliding_window: bool,
    /// Attention pattern per layer; `full_attention` throughout where present.
    #[serde(default)]
    pub layer_types: Option<Vec<String>>,
    /// Activation of the feed-forward part; always `silu`.
    #[serde(default = "silu")]
    pub hidden_act: String,
    /// Whether the maps around attention have biases, where that is a choice.
    #[serde(default)]
    pub attention_bias: bool,
    /// Whether the head is the embedding, transposed.
    #[serde(default)]
    pub tie_word_embeddings: bool,
    /// The mask token of a denoiser; A2D checkpoints have it in their tokenizer only.
    #[serde(default, deserialize_with = "token_id")]
    pub mask_token_id: Option<u32>,
    /// End of text; where there is none, it is in the files beside the configuration.
    #[serde(default)]
    pub eos_token_id: TokenIds,
}

const FIELDS: FieldNames = FieldNames {
    vocab: "vocab_size",
    hidden: "hidden_size",
    intermediate_size: "intermediate_size",
    layers: "num_hidden_layers",
    heads: "num_attention_heads",
    kv_heads: "num_key_value_heads",
    max_positions: "max_position_embeddings",
};

fn silu() -> String {
    "silu".into()
}

fn default_eps() -> f64 {
    1e-6
}

impl DecoderConfig {
    /// Reads the fields; the error says which one is wrong.
    pub(super) fn from_json(json: &[u8]) -> Result<Self, String> {
        fields(json)
    }

    /// What the body is made of, once every field is checked against the others; `head_dim` as in [`Self::dims`].
    ///
    /// # Errors
    /// One sentence about the first field that is wrong.
    pub(super) fn spec(
        &self,
        arch: &'static Arch,
        head_dim: Option<usize>,
        biases: Biases,
    ) -> Result<ArchSpec, String> {
        let dims = self.dims(head_dim)?;
        self.check()?;
        Ok(ArchSpec {
            arch,
            dims,
            tied: self.tie_word_embeddings,
            biases,
            rope_stretch: None,
            embedding_scale: None,
            logit_scale: None,
            mask_id: self.mask_token_id,
            eos_id: self.eos_token_id.first(),
        })
    }

    /// The base of the rotary embedding, wherever it stands.
    pub(super) fn rope_base(&self) -> Option<f64> {
        let within = |rope: &Value| rope.get("rope_theta").and_then(Value::as_f64);
        let newer = || [&self.rope_parameters, &self.rope_scaling].into_iter().flatten().find_map(within);
        self.rope_theta.or_else(newer)
    }

    /// The network's sizes; `head_dim` is the width of a head where the configuration names none, an equal share of the
    /// hidden width where there is none either.
    fn dims(&self, head_dim: Option<usize>) -> Result<Dims, String> {
        let head_dim = match self.head_dim.or(head_dim) {
            Some(width) => width,
            None => even_share(&FIELDS, self.hidden_size, self.num_attention_heads)?,
        };
        let dims = Dims {
            vocab: self.vocab_size,
            hidden: self.hidden_size,
            intermediate_size: self.intermediate_size,
            layers: self.num_hidden_layers,
            heads: self.num_attention_heads,
            kv_heads: self.num_key_value_heads.unwrap_or(self.num_attention_heads),
            head_dim,
            max_positions: self.max_position_embeddings,
            norm_eps: self.rms_norm_eps,
            rope_theta: self.rope_base().unwrap_or(ROPE_THETA),
        };
        dims.check(&FIELDS)?;
        Ok(dims)
    }

    /// The other fields, as one sentence about the first that is wrong.
    fn check(&self) -> Result<(), String> {
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

/// A configuration with these values.
pub(super) fn write(arch: &Arch, values: &ConfigValues) -> Value {
    let dims = &values.dims;
    json!({
        "model_type": arch.model_type,
        "vocab_size": dims.vocab,
        "hidden_size": dims.hidden,
        "intermediate_size": dims.intermediate_size,
        "num_hidden_layers": dims.layers,
        "num_attention_heads": dims.heads,
        "num_key_value_heads": dims.kv_heads,
        "head_dim": dims.head_dim,
        "max_position_embeddings": dims.max_positions,
        "rms_norm_eps": dims.norm_eps,
        "rope_theta": dims.rope_theta,
        "rope_scaling": values.rope_scaling.as_ref().map(|kind| json!({ "rope_type": kind })),
        "hidden_act": "silu",
        "tie_word_embeddings": values.tied,
        "mask_token_id": values.mask_id,
        "eos_token_id": values.eos_id,
    })
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

    use super::*;
    use crate::model::arch::dream;

    fn dream() -> Value {
        json!({
            "architectures": ["DreamModel"], "model_type": "Dream", "vocab_size": 16, "hidden_size": 8,
            "intermediate_size": 12, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
            "max_position_embeddings": 64, "rms_norm_eps": 1e-6, "rope_theta": 1e4, "mask_token_id": 1,
            "eos_token_id": [0, 3], "torch_dtype": "float32"
        })
    }

    fn read(value: &Value) -> Result<DecoderConfig, String> {
        let config = DecoderConfig::from_json(value.to_string().as_bytes())?;
        config.spec(&dream::ARCH, None, Biases::default())?;
        Ok(config)
    }

    fn dims(value: &Value, head_dim: Option<usize>) -> Dims {
        read(value).unwrap().dims(head_dim).unwrap()
    }

    #[test]
    fn defaults_follow_the_published_configurations() {
        let mut value = dream();
        let sizes = dims(&value, None);
        assert_eq!((sizes.head_dim, sizes.kv_heads, read(&value).unwrap().tie_word_embeddings), (2, 2, false));
        assert_eq!(dims(&value, Some(128)).head_dim, 128);
        value.as_object_mut().unwrap().remove("num_key_value_heads");
        value["head_dim"] = json!(6);
        let sizes = dims(&value, Some(128));
        assert_eq!((sizes.head_dim, sizes.kv_heads), (6, 4));
    }

    #[test]
    fn the_newer_place_of_the_rotary_base_is_read() {
        let mut value = dream();
        value.as_object_mut().unwrap().remove("rope_theta");
        assert_eq!(dims(&value, None).rope_theta, 1e4);
        value["rope_parameters"] = json!({"rope_theta": 5e5, "rope_type": "default"});
        assert_eq!(dims(&value, None).rope_theta, 5e5);
        value["rope_parameters"]["rope_type"] = json!("yarn");
        assert!(read(&value).unwrap_err().contains("yarn"));
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
            let message = read(&config).unwrap_err();
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
            assert_eq!(dims(&config, None).rope_theta, 5e5);
        }
    }
}
