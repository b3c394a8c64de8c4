//! The architectures that can be run, as a list: what one has that no other has stands in its own file.
//!
//! | file | architecture |
//! |---|---|
//! | `dream.rs` | Dream: Qwen2 within, made a denoiser |
//! | `llada.rs` | `LLaDA` |
//! | `a2d.rs` | the A2D denoisers, made from Qwen2 and Qwen3 |
//! | `qwen2.rs`, `qwen3.rs`, `llama.rs` | the language models, as guides |
//! | `decoder.rs` | the configuration that all of these but `LLaDA` share |
//! | `guise.rs` | what says the `model_type` of one of these and is of something else |
//! | `spec.rs` | what a configuration comes to: the parts of a transformer |
//!
//! Detection in folders and GGUF files, the lists in messages, the names of tensors and fields, memory needs and loading
//! follow from [`ARCHS`]; a test holds `docs/models.md` against it. To add an architecture of the same make is to write its
//! file and to add a line here.

mod a2d;
mod decoder;
mod dream;
mod guise;
mod llada;
mod llama;
mod qwen2;
mod qwen3;
mod spec;

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use self::guise::ConfigCode;
use crate::model::config::{Dims, fields};
use crate::model::network::{Alignment, Attention};
use crate::model::weights::LoadError;

pub(super) use self::spec::{ArchSpec, Biases, BlockNames, TensorNames};

/// Every architecture, in the order of the lists in messages.
pub(super) const ARCHS: &[&Arch] =
    &[&dream::ARCH, &llada::ARCH, &a2d::QWEN2, &a2d::QWEN3, &qwen2::ARCH, &qwen3::ARCH, &llama::ARCH];

/// Which token a row of an architecture of that name predicts; `None` where there is no such architecture.
pub fn alignment(architecture: &str) -> Option<Alignment> {
    ARCHS.iter().find(|arch| arch.label == architecture).map(|arch| arch.alignment)
}

/// An architecture.
pub(super) struct Arch {
    /// Its name, for people.
    pub label: &'static str,
    /// The `model_type` of its configurations.
    pub model_type: &'static str,
    /// Bidirectional for a denoiser, causal for a guide.
    pub attention: Attention,
    /// Which token a row predicts.
    pub alignment: Alignment,
    /// Names of its tensors in the published checkpoints.
    pub names: TensorNames,
    /// The `general.architecture` of its GGUF files, which the names of their fields begin with.
    pub gguf: &'static str,
    /// Whether llama.cpp's converter puts the rows of each head of queries and keys into the order in which neighbours
    /// make a rotary pair. The published weights turn channel `i` with channel `i + half`.
    pub interleaved: bool,
    /// The classes of the reference implementation that compute it; none where any class of this `model_type` does.
    pub classes: &'static [&'static str],
    /// Classes of this `model_type` that are known to compute something else, and what.
    pub guises: &'static [(&'static str, &'static str)],
    /// Reads a configuration and checks its fields against each other; the error is one sentence about the first that is
    /// wrong.
    pub read: fn(&'static Arch, &[u8]) -> Result<ArchSpec, String>,
    /// A configuration with these values, as the published ones are written.
    pub write: fn(&Arch, &ConfigValues) -> Value,
}

impl fmt::Debug for Arch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label)
    }
}

/// The fields of any configuration that say what it is of.
#[derive(Deserialize)]
struct ConfigIdentity {
    #[serde(default)]
    model_type: String,
    #[serde(default)]
    quantization_config: Option<Value>,
}

/// What a configuration has to say, whatever it calls that.
#[derive(Debug, Clone)]
pub(super) struct ConfigValues {
    pub dims: Dims,
    /// How the rotary embedding is stretched, where it is.
    pub rope_scaling: Option<String>,
    /// Whether the head is the embedding, transposed.
    pub tied: bool,
    pub eos_id: Option<u64>,
    pub mask_id: Option<u64>,
}

impl Arch {
    /// The architecture that a configuration is of; `file` is its name in messages.
    ///
    /// # Errors
    /// Where it is none of the list, or the weights are stored in a way that cannot be computed with.
    pub(super) fn of_config(file: &str, json: &[u8]) -> Result<&'static Self, LoadError> {
        let wrong = |reason| LoadError::Config { file: file.to_owned(), reason };
        let identity: ConfigIdentity = fields(json).map_err(wrong)?;
        if let Some(settings) = identity.quantization_config {
            let method = settings.get("quant_method").and_then(Value::as_str).unwrap_or("an unnamed method").to_owned();
            return Err(LoadError::Quantised { file: file.to_owned(), method });
        }
        let (model_type, code) = (identity.model_type, fields::<ConfigCode>(json).map_err(wrong)?);
        if let Some(reason) = code.experts() {
            return Err(wrong(reason));
        }
        let Some(arch) = ARCHS.iter().find(|arch| arch.model_type == model_type) else {
            let found = if model_type.is_empty() { code.architectures.join(", ") } else { model_type };
            return Err(Self::unsupported(file, found, |arch| arch.model_type));
        };
        code.guise(arch).map_or(Ok(arch), |reason| Err(wrong(reason)))
    }

    /// The architectures whose GGUF files name this `general.architecture`; `file` is the file's name in messages.
    ///
    /// # Errors
    /// Where there is none.
    pub(super) fn of_gguf(file: &str, name: &str) -> Result<Vec<&'static Self>, LoadError> {
        let found: Vec<_> = ARCHS.iter().filter(|arch| arch.gguf == name).copied().collect();
        if found.is_empty() { Err(Self::unsupported(file, name.to_owned(), |arch| arch.gguf)) } else { Ok(found) }
    }

    /// The error for an architecture that is not on the list, with what the list calls those that are.
    fn unsupported(file: &str, found: String, name: impl Fn(&Self) -> &'static str) -> LoadError {
        let mut names: Vec<_> = Vec::new();
        for name in ARCHS.iter().map(|arch| name(arch)) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        LoadError::Architecture { file: file.to_owned(), found, supported: names.join(", ") }
    }

    /// The `model_type`s under which denoisers of the same body are published.
    pub(super) fn denoisers_of_its_body(&self) -> impl Iterator<Item = &'static str> {
        let (names, interleaved) = (self.names, self.interleaved);
        let alike = move |arch: &&&Self| arch.denoises() && arch.names == names && arch.interleaved == interleaved;
        ARCHS.iter().filter(alike).map(|arch| arch.model_type)
    }

    /// Whether it fills masks.
    pub(super) fn denoises(&self) -> bool {
        self.attention == Attention::Bidirectional
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    /// Sizes that every architecture can have.
    pub(super) fn values() -> ConfigValues {
        let dims = Dims {
            vocab: 16,
            hidden: 8,
            intermediate_size: 12,
            layers: 2,
            heads: 4,
            kv_heads: 2,
            head_dim: 2,
            max_positions: 64,
            norm_eps: 1e-6,
            rope_theta: 1e4,
        };
        ConfigValues { dims, rope_scaling: None, tied: false, eos_id: Some(0), mask_id: Some(1) }
    }

    /// A configuration of this type.
    pub(super) fn configuration(model_type: &str) -> Value {
        let arch = ARCHS.iter().find(|arch| arch.model_type == model_type).unwrap();
        (arch.write)(arch, &values())
    }

    #[test]
    fn what_an_architecture_writes_it_detects_and_reads() {
        for arch in ARCHS {
            for tied in [false, true] {
                let json = (arch.write)(arch, &ConfigValues { tied, ..values() }).to_string();
                let found = Arch::of_config("m/config.json", json.as_bytes()).unwrap();
                assert_eq!(found.label, arch.label);
                let spec = (found.read)(found, json.as_bytes()).unwrap();
                assert_eq!((spec.dims, spec.tied), (values().dims, tied), "{arch:?}");
                assert_eq!((spec.eos_id, spec.mask_id), (Some(0), Some(1)), "{arch:?}");
            }
        }
    }

    fn read(arch: &'static Arch, config: &Value) -> Result<String, String> {
        let json = config.to_string();
        let arch = Arch::of_config("m/config.json", json.as_bytes()).map_err(|error| format!("{arch:?}: {error}"))?;
        // What a specification is compared by.
        (arch.read)(arch, json.as_bytes()).map(|spec| format!("{spec:?}"))
    }

    /// The sizes, without which there is no network.
    const REQUIRED: [&str; 12] = [
        "model_type",
        "vocab_size",
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads",
        "max_position_embeddings",
        "d_model",
        "n_layers",
        "n_heads",
        "max_sequence_length",
        "embedding_size",
    ];

    #[test]
    fn a_field_is_null_as_it_is_absent_and_all_but_the_sizes_may_be() {
        for arch in ARCHS {
            let whole = (arch.write)(arch, &values());
            for field in whole.as_object().unwrap().keys() {
                let (mut null, mut absent) = (whole.clone(), whole.clone());
                null[field] = Value::Null;
                absent.as_object_mut().unwrap().remove(field);
                let (null, absent) = (read(arch, &null), read(arch, &absent));
                assert_eq!(null, absent, "{arch:?}: {field}");
                let is_required = REQUIRED.contains(&field.as_str()) && field != "embedding_size";
                assert_eq!(null.is_err(), is_required, "{arch:?}: {field}: {null:?}");
                if let Err(message) = null.as_ref().map_err(|message| message.replace('`', "")).map(drop) {
                    assert!(message.contains(field.as_str()) || field == "model_type", "{arch:?}: {message}");
                }
            }
        }
    }

    #[test]
    fn fields_that_python_adds_without_a_value_change_nothing() {
        const EMPTY: [&str; 18] = [
            "architectures",
            "attention_bias",
            "auto_map",
            "bias_for_layer_norm",
            "head_dim",
            "include_bias",
            "include_qkv_bias",
            "input_emb_norm",
            "layer_types",
            "mlp_bias",
            "multi_query_attention",
            "quantization_config",
            "rope_parameters",
            "rope_scaling",
            "scale_logits",
            "sliding_window",
            "use_sliding_window",
            "weight_tying",
        ];
        for arch in ARCHS {
            let mut config = (arch.write)(arch, &values());
            let fields = config.as_object_mut().unwrap();
            fields.retain(|field, _| !EMPTY.contains(&field.as_str()));
            let expected = read(arch, &config).unwrap();
            config.as_object_mut().unwrap().extend(EMPTY.map(|field| (field.to_owned(), Value::Null)));
            assert_eq!(read(arch, &config).unwrap(), expected);
            for field in ["rope_scaling", "rope_parameters"] {
                config[field] = serde_json::json!({});
                assert_eq!(read(arch, &config).unwrap(), expected, "{field}");
            }
            config["time_step_limit"] = serde_json::json!([0.0, "?"]);
            let endless = config.to_string().replace("\"?\"", "Infinity");
            let found = Arch::of_config("m/config.json", endless.as_bytes()).unwrap();
            assert_eq!(format!("{:?}", (arch.read)(found, endless.as_bytes()).unwrap()), expected);
        }
    }

    #[test]
    fn what_a_configuration_leaves_out_is_as_in_the_reference_implementations() {
        for arch in ARCHS {
            let mut config = (arch.write)(arch, &values());
            config.as_object_mut().unwrap().retain(|field, _| REQUIRED.contains(&field.as_str()));
            let json = config.to_string();
            let spec = (arch.read)(arch, json.as_bytes()).unwrap();
            let is_llada = arch.model_type == "llada";
            assert_eq!((spec.dims.rope_theta, spec.dims.kv_heads, spec.tied), (1e4, 4, is_llada), "{arch:?}");
            assert_eq!(spec.dims.norm_eps, if is_llada { 1e-5 } else { 1e-6 }, "{arch:?}");
            let qkv = matches!(arch.model_type, "Dream" | "qwen2" | "a2d-qwen2");
            assert_eq!(spec.biases, Biases { qkv, ..Biases::default() }, "{arch:?}");
            assert_eq!((spec.eos_id, spec.mask_id, spec.embedding_scale, spec.logit_scale), (None, None, None, None));
        }
    }

    #[test]
    fn the_documentation_lists_them() {
        let page = include_str!("../../../docs/models.md");
        for arch in ARCHS {
            let role = if arch.denoises() { "denoiser" } else { "guide" };
            let row = format!("| {} | `{}` | `{}` | {role} |", arch.label, arch.model_type, arch.gguf);
            assert!(page.contains(&row), "{row}");
        }
    }

    #[test]
    fn no_two_architectures_answer_to_the_same_names() {
        for (index, arch) in ARCHS.iter().enumerate() {
            for other in &ARCHS[..index] {
                assert_ne!(arch.model_type, other.model_type);
                assert_ne!(arch.label, other.label);
                // A flag in the file distinguishes the two uses of a body.
                assert_ne!((arch.gguf, arch.attention), (other.gguf, other.attention));
            }
        }
    }
}
