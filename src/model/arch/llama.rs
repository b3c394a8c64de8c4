//! Llama and what is built alike (`SmolLM2`, `TinyLlama`) as guides: no biases unless the configuration asks for them, no
//! norms on heads, and rows of queries and keys that llama.cpp's converter interleaves.
//!
//! Denoisers were built on the same body and kept its `model_type` (`Stable-DiffCoder`, `iLLaDA`): see `guise.rs`.

use serde::Deserialize;
use serde_json::Value;

use super::decoder::{self, DecoderConfig};
use super::{Arch, ArchSpec, Biases, TensorNames, qwen2};
use crate::model::config::{brief, fields};
use crate::model::layers::RopeStretch;

pub(super) const ARCH: Arch = Arch {
    label: "Llama",
    model_type: "llama",
    names: TensorNames { rope_factors: Some("rope_factors"), ..decoder::NAMES },
    gguf: "llama",
    interleaved: true,
    classes: &CLASSES,
    read,
    ..qwen2::ARCH
};

/// Names of the causal class, today's and that of early conversions.
const CLASSES: [&str; 2] = ["LlamaForCausalLM", "LLaMAForCausalLM"];

/// The field that Llama has beside those of other decoders.
#[derive(Deserialize)]
struct LlamaFields {
    /// Whether the maps of the feed-forward part have biases.
    #[serde(default)]
    mlp_bias: bool,
}

/// The entry about a rotary embedding that is stretched as that of Llama 3.1.
#[derive(Deserialize)]
struct Llama3Rope {
    factor: f64,
    low_freq_factor: f64,
    high_freq_factor: f64,
    original_max_position_embeddings: f64,
}

fn read(arch: &'static Arch, json: &[u8]) -> Result<ArchSpec, String> {
    let mut config = DecoderConfig::from_json(json)?;
    let LlamaFields { mlp_bias } = fields(json)?;
    config.rope_theta = config.rope_base();
    let mut rope_stretch = None;
    for entry in [&mut config.rope_scaling, &mut config.rope_parameters] {
        if let Some(entry) = entry.take_if(|entry| is_llama3(entry)) {
            rope_stretch = Some(stretch(&entry)?);
        }
    }
    let biases = Biases { qkv: config.attention_bias, output: config.attention_bias, feed_forward: mlp_bias };
    Ok(ArchSpec { rope_stretch, ..config.spec(arch, None, biases)? })
}

fn is_llama3(entry: &Value) -> bool {
    ["rope_type", "type"].iter().any(|name| entry.get(name).is_some_and(|kind| kind == "llama3"))
}

fn stretch(entry: &Value) -> Result<RopeStretch, String> {
    let wrong = |reason: &str| format!("the rotary embedding's entry {} is not usable: {reason}", brief(entry));
    let rope = Llama3Rope::deserialize(entry).map_err(|error| wrong(&error.to_string()))?;
    let (low, high, original) = (rope.low_freq_factor, rope.high_freq_factor, rope.original_max_position_embeddings);
    if !(rope.factor >= 1.0 && low > 0.0 && low < high && original > 0.0) {
        return Err(wrong("expected a `factor` of at least 1, and 0 < `low_freq_factor` < `high_freq_factor`"));
    }
    Ok(RopeStretch::Llama3 { factor: rope.factor, low, high, original })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;
    use crate::model::weights::LoadError;

    /// The configuration of a `SmolLM2` with fewer of everything.
    fn small() -> Value {
        json!({
            "architectures": ["LlamaForCausalLM"], "attention_bias": false, "attention_dropout": 0.0, "bos_token_id": 1,
            "eos_token_id": 2, "hidden_act": "silu", "hidden_size": 12, "initializer_range": 0.04,
            "intermediate_size": 16, "is_llama_config": true, "max_position_embeddings": 64, "mlp_bias": false,
            "model_type": "llama", "num_attention_heads": 6, "num_hidden_layers": 2, "num_key_value_heads": 3,
            "pretraining_tp": 1, "rms_norm_eps": 1e-5, "rope_interleaved": false, "rope_scaling": null,
            "rope_theta": 100_000, "tie_word_embeddings": true, "torch_dtype": "bfloat16", "vocab_size": 40
        })
    }

    fn detected(config: &Value) -> Result<&'static Arch, LoadError> {
        Arch::of_config("m/config.json", config.to_string().as_bytes())
    }

    fn spec(config: &Value) -> Result<ArchSpec, String> {
        read(&ARCH, config.to_string().as_bytes())
    }

    #[test]
    fn published_configurations_are_read() {
        let mut config = small();
        assert_eq!(detected(&config).unwrap().label, "Llama");
        let found = spec(&config).unwrap();
        assert_eq!((found.dims.head_dim, found.dims.kv_heads, found.dims.rope_theta), (2, 3, 1e5));
        assert_eq!((found.tied, found.biases, found.eos_id), (true, Biases::default(), Some(2)));
        for field in ["rope_theta", "num_key_value_heads", "tie_word_embeddings", "mlp_bias", "architectures"] {
            config.as_object_mut().unwrap().remove(field);
        }
        let found = spec(&config).unwrap();
        assert_eq!((found.dims.rope_theta, found.dims.kv_heads, found.tied), (1e4, 6, false));
        assert_eq!(detected(&config).unwrap().label, "Llama");
        config["attention_bias"] = json!(true);
        assert_eq!(spec(&config).unwrap().biases, Biases { qkv: true, output: true, feed_forward: false });
        config["mlp_bias"] = json!(true);
        assert!(spec(&config).unwrap().biases.feed_forward);
    }

    #[test]
    fn a_rotary_embedding_may_be_stretched_as_that_of_llama_3() {
        let entry = json!({
            "rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 8192
        });
        let expected = RopeStretch::Llama3 { factor: 32.0, low: 1.0, high: 4.0, original: 8192.0 };
        let mut config = small();
        config["rope_scaling"] = entry.clone();
        assert_eq!(spec(&config).unwrap().rope_stretch.unwrap(), expected);
        // As newer versions of the reference library write it, with the base.
        config.as_object_mut().unwrap().retain(|field, _| !field.starts_with("rope_"));
        config["rope_parameters"] = entry.clone();
        config["rope_parameters"]["rope_theta"] = json!(5e5);
        let found = spec(&config).unwrap();
        assert_eq!((found.rope_stretch.unwrap(), found.dims.rope_theta), (expected, 5e5));
        let cases = [
            ("factor", json!(0.5), "expected a `factor` of at least 1"),
            ("high_freq_factor", json!(1.0), "expected a `factor` of at least 1"),
            ("low_freq_factor", json!("low"), "invalid type: string \"low\""),
            ("rope_type", json!("yarn"), "only plain rotary embeddings are"),
        ];
        for (field, value, expected) in cases {
            let mut config = small();
            config["rope_scaling"] = entry.clone();
            config["rope_scaling"][field] = value;
            let message = spec(&config).unwrap_err();
            assert!(message.contains(expected), "{message}");
        }
    }
}
