//! What the `config.json` of the published checkpoint would say, out of a GGUF file's fields.
//!
//! The text goes through the same parser and the same checks as the real one, under the same field names.

use serde_json::{Value, json};

use super::GgufFile;
use super::names::Family;
use crate::model::weights::LoadError;

/// Base of the rotary wavelengths where a file names none, as llama.cpp has it.
const ROPE_THETA: f64 = 10_000.0;

/// The fields that all families share.
struct GgufShape {
    layers: u64,
    context: u64,
    hidden: u64,
    inner: u64,
    heads: u64,
    kv_heads: u64,
    head_width: u64,
    vocab: u64,
    eps: f64,
    theta: f64,
    tied: bool,
    eos: u64,
    mask: Option<u64>,
}

impl GgufFile {
    /// The configuration as JSON.
    pub(crate) fn config_json(&self) -> Result<Vec<u8>, LoadError> {
        let shape = self.shape()?;
        let config = match self.family {
            Family::Llada => Self::llada(&shape),
            Family::Dream => self.qwen(&shape, "Dream")?,
            Family::Qwen2 => self.qwen(&shape, if self.is_causal()? { "qwen2" } else { "a2d-qwen2" })?,
            Family::Qwen3 => self.qwen(&shape, if self.is_causal()? { "qwen3" } else { "a2d-qwen3" })?,
        };
        Ok(config.to_string().into_bytes())
    }

    /// Rows of a query head, with every field that it depends on checked.
    pub(super) fn checked_head_width(&self) -> Result<usize, LoadError> {
        let (hidden, heads) = (self.required("embedding_length")?, self.required("attention.head_count")?);
        if heads == 0 || hidden == 0 {
            return Err(self.unsound(format!("it has {heads} heads in rows of {hidden}")));
        }
        let width = self.own("attention.key_length")?.unwrap_or(hidden / heads);
        let values = self.own("attention.value_length")?.unwrap_or(width);
        if values != width {
            return Err(self.unsound(format!(
                "its keys are {width} wide and its values {values}; only one width for both is supported"
            )));
        }
        let turned = self.own("rope.dimension_count")?.unwrap_or(width);
        if turned != width {
            return Err(self.unsound(format!(
                "it turns {turned} of the {width} channels of a head; only turning all of them is supported"
            )));
        }
        if width == 0 || !width.is_multiple_of(2) || width > u64::from(u32::MAX) {
            return Err(self.unsound(format!("a head is {width} wide, expected an even width")));
        }
        Ok(width as usize)
    }

    fn shape(&self) -> Result<GgufShape, LoadError> {
        let Some(table) = self.header.tensors.get("token_embd.weight") else {
            return Err(self.unsound("it has no tensor `token_embd.weight`".into()));
        };
        let heads = self.required("attention.head_count")?;
        let shape = GgufShape {
            layers: self.required("block_count")?,
            context: self.required("context_length")?,
            hidden: self.required("embedding_length")?,
            inner: self.required("feed_forward_length")?,
            heads,
            kv_heads: self.own("attention.head_count_kv")?.unwrap_or(heads),
            head_width: self.head_width as u64,
            vocab: table.shape[0] as u64,
            eps: self.precise("attention.layer_norm_rms_epsilon")?.ok_or_else(|| {
                self.unsound(format!("field `{}` is missing", self.key("attention.layer_norm_rms_epsilon")))
            })?,
            theta: self.precise("rope.freq_base")?.unwrap_or(ROPE_THETA),
            tied: !self.header.tensors.contains_key("output.weight"),
            eos: self
                .whole("tokenizer.ggml.eos_token_id")?
                .ok_or_else(|| self.unsound("field `tokenizer.ggml.eos_token_id` is missing".into()))?,
            mask: self.whole("tokenizer.ggml.mask_token_id")?,
        };
        Ok(shape)
    }

    fn llada(shape: &GgufShape) -> Value {
        json!({
            "architectures": ["LLaDAModelLM"],
            "model_type": "llada",
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
            "weight_tying": shape.tied,
            "vocab_size": shape.vocab,
            "embedding_size": shape.vocab,
            "d_model": shape.hidden,
            "mlp_hidden_size": shape.inner,
            "n_layers": shape.layers,
            "n_heads": shape.heads,
            "n_kv_heads": shape.kv_heads,
            "max_sequence_length": shape.context,
            "rms_norm_eps": shape.eps,
            "rope_theta": shape.theta,
            "mask_token_id": shape.mask,
            "eos_token_id": shape.eos,
        })
    }

    fn qwen(&self, shape: &GgufShape, model_type: &str) -> Result<Value, LoadError> {
        let scaling = match self.text(&self.key("rope.scaling.type"))? {
            None | Some("none") => Value::Null,
            Some(kind) => json!({ "rope_type": kind }),
        };
        Ok(json!({
            "model_type": model_type,
            "vocab_size": shape.vocab,
            "hidden_size": shape.hidden,
            "intermediate_size": shape.inner,
            "num_hidden_layers": shape.layers,
            "num_attention_heads": shape.heads,
            "num_key_value_heads": shape.kv_heads,
            "head_dim": shape.head_width,
            "max_position_embeddings": shape.context,
            "rms_norm_eps": shape.eps,
            "rope_theta": shape.theta,
            "rope_scaling": scaling,
            "hidden_act": "silu",
            "tie_word_embeddings": shape.tied,
            "mask_token_id": shape.mask,
            "eos_token_id": shape.eos,
        }))
    }

    /// Denoisers that were made from a causal model say that their attention is not causal.
    fn is_causal(&self) -> Result<bool, LoadError> {
        Ok(self.flag(&self.key("attention.causal"))?.unwrap_or(true))
    }

    fn key(&self, field: &str) -> String {
        format!("{}.{field}", self.family.prefix())
    }

    /// A whole number of the architecture, if it is there.
    fn own(&self, field: &str) -> Result<Option<u64>, LoadError> {
        self.whole(&self.key(field))
    }

    fn required(&self, field: &str) -> Result<u64, LoadError> {
        self.own(field)?.ok_or_else(|| self.unsound(format!("field `{}` is missing", self.key(field))))
    }

    /// A number of the architecture that the file rounded to float32, as the decimal that was rounded.
    fn precise(&self, field: &str) -> Result<Option<f64>, LoadError> {
        let number = self.number(&self.key(field))?;
        // The shortest decimal that rounds to the same float32 is what the published configuration says: 1e-6, not
        // 9.99999997e-7.
        Ok(number.map(|number| (number as f32).to_string().parse().unwrap_or(number)))
    }
}
