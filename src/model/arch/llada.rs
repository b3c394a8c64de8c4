//! `LLaDA`: bidirectional denoiser (base, instruct, 1.5; one key and value head per query head or per group).
//!
//! The same pre-norm block as everywhere else under `OLMo`'s names, without biases unless the configuration asks for
//! them; row `i` of the logits predicts token `i`. Configuration fields and their defaults are those of the released
//! `configuration_llada.py`; what its modelling code branches to and no released checkpoint uses is refused by name.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Arch, ArchSpec, Biases, BlockNames, ConfigValues, TensorNames};
use crate::model::config::{Dims, FieldNames, ROPE_THETA, TokenIds, even_share, fields, in_vocabulary, token_id};
use crate::model::network::{Alignment, Attention};

pub(super) const ARCH: Arch = Arch {
    label: "LLaDA",
    model_type: "llada",
    attention: Attention::Bidirectional,
    alignment: Alignment::Aligned,
    names: NAMES,
    gguf: "llada",
    interleaved: true,
    classes: &[],
    guises: &[],
    read,
    write,
};

/// Configuration as `GSAI-ML/LLaDA-*` write it. Options that are `null` or absent have the default of the released code.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "the switches of the checkpoint's own configuration")]
struct LladaConfig {
    /// Number of token ids.
    vocab_size: usize,
    /// Rows of embedding and head, where they are padded beyond the vocabulary.
    #[serde(default)]
    embedding_size: Option<usize>,
    /// Width of the residual stream.
    d_model: usize,
    /// Number of layers.
    n_layers: usize,
    /// Number of query heads.
    n_heads: usize,
    /// Number of key and value heads; see [`Self::kv_heads`].
    #[serde(default)]
    n_kv_heads: Option<usize>,
    /// The older way to ask for a single key and value head.
    #[serde(default)]
    multi_query_attention: Option<bool>,
    /// Width inside the feed-forward part; `mlp_ratio * d_model` where absent.
    #[serde(default)]
    mlp_hidden_size: Option<usize>,
    /// Width inside the feed-forward part as a multiple of `d_model`.
    #[serde(default = "four")]
    mlp_ratio: usize,
    /// Longest sequence in tokens.
    max_sequence_length: usize,
    /// Added to the mean square in the norms.
    #[serde(default = "default_eps")]
    rms_norm_eps: f64,
    /// Base of the rotary embedding's wavelengths.
    #[serde(default = "default_theta")]
    rope_theta: f64,
    /// Whether linear maps have biases.
    #[serde(default)]
    include_bias: bool,
    /// Whether the maps to queries, keys and values have biases.
    #[serde(default)]
    include_qkv_bias: bool,
    /// Whether the norms have biases; as `include_bias` where absent.
    #[serde(default)]
    bias_for_layer_norm: Option<bool>,
    /// Whether the head is the embedding, transposed.
    #[serde(default = "yes")]
    weight_tying: bool,
    /// Whether logits are divided by the square root of `d_model`.
    #[serde(default)]
    scale_logits: bool,
    /// Whether token vectors are multiplied by the square root of `d_model`.
    #[serde(default)]
    input_emb_norm: bool,
    /// The mask token.
    #[serde(default, deserialize_with = "token_id")]
    mask_token_id: Option<u32>,
    /// End of text; where there is none, it is in the files beside the configuration.
    #[serde(default)]
    eos_token_id: TokenIds,
    /// The remaining switches, of which only one position is supported each.
    #[serde(flatten)]
    others: serde_json::Map<String, Value>,
}

fn four() -> usize {
    4
}

fn yes() -> bool {
    true
}

fn default_eps() -> f64 {
    1e-5
}

fn default_theta() -> f64 {
    ROPE_THETA
}

const FIELDS: FieldNames = FieldNames {
    vocab: "embedding_size",
    hidden: "d_model",
    intermediate_size: "mlp_hidden_size",
    layers: "n_layers",
    heads: "n_heads",
    kv_heads: "n_kv_heads",
    max_positions: "max_sequence_length",
};

const NAMES: TensorNames = TensorNames {
    embedding: "model.transformer.wte",
    head: "model.transformer.ff_out",
    norm: "model.transformer.ln_f",
    rope_factors: None,
    blocks: "model.transformer.blocks",
    block: BlockNames {
        input_norm: "attn_norm",
        query: "q_proj",
        key: "k_proj",
        value: "v_proj",
        head_norms: None,
        output: "attn_out",
        post_norm: "ff_norm",
        gate: "ff_proj",
        up: "up_proj",
        down: "ff_out",
    },
};

fn read(arch: &'static Arch, json: &[u8]) -> Result<ArchSpec, String> {
    fields::<LladaConfig>(json)?.spec(arch)
}

/// A configuration with these values.
fn write(arch: &Arch, values: &ConfigValues) -> Value {
    let dims = &values.dims;
    json!({
        "architectures": ["LLaDAModelLM"],
        "model_type": arch.model_type,
        "block_type": "llama",
        "activation_type": "silu",
        "layer_norm_type": "rms",
        "rope": true,
        "alibi": false,
        "include_bias": false,
        "include_qkv_bias": false,
        "bias_for_layer_norm": false,
        "scale_logits": false,
        "input_emb_norm": false,
        "weight_tying": values.tied,
        "vocab_size": dims.vocab,
        "embedding_size": dims.vocab,
        "d_model": dims.hidden,
        "mlp_hidden_size": dims.intermediate_size,
        "n_layers": dims.layers,
        "n_heads": dims.heads,
        "n_kv_heads": dims.kv_heads,
        "max_sequence_length": dims.max_positions,
        "rms_norm_eps": dims.norm_eps,
        "rope_theta": dims.rope_theta,
        "mask_token_id": values.mask_id,
        "eos_token_id": values.eos_id,
    })
}

impl LladaConfig {
    /// Number of key and value heads: `n_kv_heads` and `multi_query_attention` may both be given, if they agree.
    fn kv_heads(&self) -> Result<usize, String> {
        let older = self.multi_query_attention.map(|single| if single { 1 } else { self.n_heads });
        match (self.n_kv_heads, older) {
            (Some(heads), Some(older)) if heads != older => {
                Err(format!("`n_kv_heads` is {heads}, but `multi_query_attention` asks for {older}"))
            }
            (heads, older) => Ok(heads.or(older).unwrap_or(self.n_heads)),
        }
    }

    /// The body's sizes.
    fn dims(&self) -> Result<Dims, String> {
        let dims = Dims {
            vocab: self.embedding_size.unwrap_or(self.vocab_size),
            hidden: self.d_model,
            intermediate_size: self.mlp_hidden_size.unwrap_or(self.mlp_ratio.saturating_mul(self.d_model)),
            layers: self.n_layers,
            heads: self.n_heads,
            kv_heads: self.kv_heads()?,
            head_dim: even_share(&FIELDS, self.d_model, self.n_heads)?,
            max_positions: self.max_sequence_length,
            norm_eps: self.rms_norm_eps,
            rope_theta: self.rope_theta,
        };
        dims.check(&FIELDS)?;
        Ok(dims)
    }

    /// The other fields, as one sentence about the first that is wrong.
    fn check(&self, vocab: usize) -> Result<(), String> {
        if vocab < self.vocab_size {
            return Err(format!("`embedding_size` is {vocab}, less than `vocab_size` {}", self.vocab_size));
        }
        for (field, supported) in [
            ("block_type", Value::from("llama")),
            ("layer_norm_type", Value::from("rms")),
            ("activation_type", Value::from("silu")),
            ("layer_norm_with_affine", Value::from(true)),
            ("attention_layer_norm", Value::from(false)),
            ("alibi", Value::from(false)),
            ("rope", Value::from(true)),
            ("block_group_size", Value::from(1)),
        ] {
            if let Some(found) = self.others.get(field).filter(|found| !found.is_null() && **found != supported) {
                return Err(format!("`{field}` is {found}, only {supported} is supported"));
            }
        }
        if self.bias_for_layer_norm.unwrap_or(self.include_bias) {
            return Err("the norms have biases (`bias_for_layer_norm`), which is not supported".into());
        }
        let ids = [("eos_token_id", self.eos_token_id.first()), ("mask_token_id", self.mask_token_id)];
        ids.into_iter().filter(|(_, id)| id.is_some()).try_for_each(|(name, id)| in_vocabulary(name, id, vocab))
    }

    /// What the network is made of, once every field is checked.
    fn spec(&self, arch: &'static Arch) -> Result<ArchSpec, String> {
        let dims = self.dims()?;
        self.check(dims.vocab)?;
        let root = (self.d_model as f64).sqrt();
        Ok(ArchSpec {
            arch,
            dims,
            tied: self.weight_tying,
            biases: Biases {
                qkv: self.include_bias || self.include_qkv_bias,
                output: self.include_bias,
                feed_forward: self.include_bias,
            },
            rope_stretch: None,
            embedding_scale: self.input_emb_norm.then_some(root),
            logit_scale: self.scale_logits.then_some(1.0 / root),
            mask_id: self.mask_token_id,
            eos_id: self.eos_token_id.first(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn config() -> Value {
        json!({
            "model_type": "llada", "vocab_size": 20, "embedding_size": 24, "d_model": 16, "n_layers": 2, "n_heads": 4,
            "n_kv_heads": 2, "multi_query_attention": null, "mlp_hidden_size": 20, "mlp_ratio": 4,
            "max_sequence_length": 64, "rms_norm_eps": 1e-5, "rope_theta": 5e5, "rope": true, "alibi": false,
            "block_type": "llama", "layer_norm_type": "rms", "activation_type": "silu", "block_group_size": 1,
            "include_bias": false, "include_qkv_bias": false, "bias_for_layer_norm": false, "weight_tying": false,
            "mask_token_id": 1, "eos_token_id": 0, "attention_layer_norm": false, "layer_norm_with_affine": true
        })
    }

    fn read(value: &Value) -> Result<LladaConfig, String> {
        let config: LladaConfig = fields(value.to_string().as_bytes())?;
        config.spec(&ARCH)?;
        Ok(config)
    }

    #[test]
    fn sizes_follow_the_released_defaults() {
        let mut value = config();
        let dims = read(&value).unwrap().dims().unwrap();
        assert_eq!((dims.vocab, dims.intermediate_size, dims.kv_heads, dims.head_dim), (24, 20, 2, 4));
        for (field, replacement, expected) in [
            ("n_kv_heads", json!(null), 4),
            ("multi_query_attention", json!(true), 1),
            ("multi_query_attention", json!(false), 4),
            ("n_kv_heads", json!(4), 4),
        ] {
            value[field] = replacement;
            assert_eq!(read(&value).unwrap().kv_heads().unwrap(), expected, "{value}");
        }
        value["mlp_hidden_size"] = json!(null);
        value["embedding_size"] = json!(null);
        let dims = read(&value).unwrap().dims().unwrap();
        assert_eq!((dims.vocab, dims.intermediate_size), (20, 64));
    }

    #[test]
    fn a_null_field_is_absent() {
        for field in ["mlp_ratio", "rms_norm_eps", "rope_theta", "include_bias", "weight_tying", "scale_logits", "rope"]
        {
            let (mut null, mut absent) = (config(), config());
            // So that the norms have none where `include_bias` is not there.
            (null["bias_for_layer_norm"], absent["bias_for_layer_norm"]) = (json!(false), json!(false));
            null[field] = json!(null);
            absent.as_object_mut().unwrap().remove(field);
            assert_eq!(read(&null).unwrap(), read(&absent).unwrap(), "{field}");
        }
        let mut none = config();
        (none["eos_token_id"], none["mask_token_id"]) = (json!(null), json!(-1));
        let none = read(&none).unwrap();
        assert_eq!((none.eos_token_id.first(), none.mask_token_id), (None, None));
    }

    #[test]
    fn biases_and_scales_follow_their_switches() {
        let mut value = config();
        let plain = read(&value).unwrap().spec(&ARCH).unwrap();
        assert_eq!(plain.biases, Biases { qkv: false, output: false, feed_forward: false });
        assert_eq!((plain.embedding_scale, plain.logit_scale), (None, None));
        value["include_qkv_bias"] = json!(true);
        value["scale_logits"] = json!(true);
        value["input_emb_norm"] = json!(true);
        let other = read(&value).unwrap().spec(&ARCH).unwrap();
        assert_eq!(other.biases, Biases { qkv: true, output: false, feed_forward: false });
        assert_eq!((other.embedding_scale, other.logit_scale), (Some(4.0), Some(0.25)));
    }

    #[test]
    fn contradictions_are_named() {
        let cases = [
            ("n_heads", json!(3), "`n_heads` is 3, which does not divide `d_model` 16"),
            ("n_kv_heads", json!(3), "`n_kv_heads` is 3"),
            ("multi_query_attention", json!(true), "`n_kv_heads` is 2, but `multi_query_attention` asks for 1"),
            ("embedding_size", json!(19), "`embedding_size` is 19, less than `vocab_size` 20"),
            ("block_type", json!("sequential"), "`block_type` is \"sequential\", only \"llama\" is supported"),
            ("layer_norm_type", json!("low_precision"), "`layer_norm_type`"),
            ("alibi", json!(true), "`alibi` is true"),
            ("rope", json!(false), "`rope` is false"),
            ("block_group_size", json!(2), "`block_group_size` is 2"),
            ("bias_for_layer_norm", json!(true), "`bias_for_layer_norm`"),
            ("mask_token_id", json!(24), "`mask_token_id` is 24, outside the vocabulary of 24"),
            ("d_model", json!(0), "`d_model` is 0"),
            ("mlp_ratio", json!("four"), "`mlp_ratio` is \"four\", expected a whole number"),
        ];
        for (field, value, expected) in cases {
            let mut config = config();
            config[field] = value;
            let message = read(&config).unwrap_err();
            assert!(message.contains(expected), "{field}: {message}");
        }
    }
}
