//! A checkpoint: configuration and weights together, from a folder or from embedded bytes.
//!
//! This is where an architecture's name meets its body.

use std::borrow::Cow;
use std::path::Path;

use serde::Deserialize;

use crate::model::config::{Qwen2Config, Qwen2Use};
use crate::model::device::ComputeDevice;
use crate::model::network::Network;
use crate::model::qwen2::Qwen2Network;
use crate::model::weights::{LoadError, Weights};

/// Architectures that can be run, for messages.
const SUPPORTED: &str = "Dream, qwen2";

/// A checkpoint whose files have been read but not yet turned into a network.
#[derive(Debug)]
pub struct Checkpoint {
    config_file: String,
    config: Cow<'static, [u8]>,
    architecture: Architecture,
    weights: Weights,
}

/// The bodies that exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Architecture {
    Qwen2,
}

/// The two fields of any configuration that tell its architecture.
#[derive(Deserialize)]
struct Kind {
    #[serde(default)]
    model_type: String,
    #[serde(default)]
    architectures: Vec<String>,
}

impl Checkpoint {
    /// Opens a folder in the layout of the published repositories: `config.json` and `model.safetensors`.
    pub fn open(folder: &Path) -> Result<Self, LoadError> {
        let path = folder.join("config.json");
        let file = path.display().to_string();
        let config = std::fs::read(&path).map_err(|error| LoadError::Read { file: file.clone(), error })?;
        // The small file first: an unknown architecture should not cost reading the weights.
        let architecture = architecture(&file, &config)?;
        let weights = Weights::open(&folder.join("model.safetensors"))?;
        Ok(Self { config_file: file, config: config.into(), architecture, weights })
    }

    /// Takes bytes that are part of the program; `name` stands for the folder in messages.
    pub fn embedded(name: &str, config: &'static [u8], weights: &'static [u8]) -> Result<Self, LoadError> {
        let config_file = format!("{name}/config.json");
        let architecture = architecture(&config_file, config)?;
        let weights = Weights::from_bytes(format!("{name}/model.safetensors"), weights)?;
        Ok(Self { config_file, config: config.into(), architecture, weights })
    }

    /// The network, whatever its architecture.
    pub fn network(&self, device: &ComputeDevice) -> Result<Box<dyn Network>, LoadError> {
        match self.architecture {
            Architecture::Qwen2 => Ok(Box::new(self.qwen2(device)?)),
        }
    }

    /// The network as a Qwen2 body, which fails for any other architecture.
    pub fn qwen2(&self, device: &ComputeDevice) -> Result<Qwen2Network, LoadError> {
        let config = Qwen2Config::from_json(&self.config_file, &self.config)?;
        Qwen2Network::new(&config, &self.weights, device)
    }
}

fn architecture(file: &str, config: &[u8]) -> Result<Architecture, LoadError> {
    let kind: Kind = serde_json::from_slice(config)
        .map_err(|error| LoadError::Config { file: file.into(), reason: error.to_string() })?;
    if Qwen2Use::of(&kind.model_type).is_some() {
        return Ok(Architecture::Qwen2);
    }
    let found = if kind.model_type.is_empty() { kind.architectures.join(", ") } else { kind.model_type };
    Err(LoadError::Architecture { file: file.into(), found, supported: SUPPORTED.into() })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use safetensors::tensor::Dtype;
    use serde_json::json;

    use super::*;
    use crate::model::testing::Tiny;

    fn load(tiny: &Tiny) -> Result<Box<dyn Network>, LoadError> {
        Checkpoint::open(tiny.write().path())?.network(&ComputeDevice::cpu())
    }

    fn message(tiny: &Tiny) -> String {
        load(tiny).err().expect("the checkpoint is damaged").to_string()
    }

    #[test]
    fn a_folder_becomes_a_network() {
        let tiny = Tiny::new("Dream", false);
        let network = load(&tiny).unwrap();
        let spec = network.spec();
        assert_eq!((spec.architecture.as_str(), spec.mask_id, spec.eos_id), ("Dream", Some(1), 0));
        let weights: usize = tiny.tensors.values().map(|(_, values)| values.len()).sum();
        assert_eq!(spec.parameters, weights);
    }

    #[test]
    fn a_tied_head_needs_no_tensor_and_counts_once() {
        let tied = load(&Tiny::new("qwen2", true)).unwrap().spec().parameters;
        let untied = load(&Tiny::new("qwen2", false)).unwrap().spec().parameters;
        assert_eq!(untied - tied, 24 * 16);
    }

    #[test]
    fn missing_files_are_named() {
        let folder = Tiny::new("Dream", false).write();
        std::fs::remove_file(folder.path().join("model.safetensors")).unwrap();
        let message = Checkpoint::open(folder.path()).unwrap_err().to_string();
        assert!(message.contains("cannot read") && message.contains("model.safetensors"), "{message}");
        std::fs::remove_file(folder.path().join("config.json")).unwrap();
        let message = Checkpoint::open(folder.path()).unwrap_err().to_string();
        assert!(message.contains("cannot read") && message.contains("config.json"), "{message}");
    }

    #[test]
    fn an_unknown_architecture_is_named_before_the_weights_are_read() {
        let mut tiny = Tiny::new("Dream", false);
        tiny.config["model_type"] = json!("mamba");
        let folder = tiny.write();
        std::fs::remove_file(folder.path().join("model.safetensors")).unwrap();
        let message = Checkpoint::open(folder.path()).unwrap_err().to_string();
        assert!(message.contains("`mamba` is not supported (supported: Dream, qwen2)"), "{message}");
    }

    #[test]
    fn damaged_tensors_are_named() {
        let name = "model.layers.1.self_attn.k_proj.weight";
        let mut tiny = Tiny::new("Dream", false);
        let (shape, values) = tiny.tensors.remove(name).unwrap();
        let text = message(&tiny);
        assert!(text.contains(&format!("has no tensor `{name}` of shape [12, 16]")), "{text}");
        tiny.tensors.insert(name.into(), (vec![shape[1], shape[0]], values));
        let text = message(&tiny);
        assert!(text.contains(&format!("`{name}` has shape [16, 12], expected [12, 16]")), "{text}");
        assert!(text.contains("model.safetensors"), "{text}");
    }

    #[test]
    fn half_precision_is_read_as_what_it_stands_for() {
        let mut tiny = Tiny::new("Dream", false);
        let config: &'static [u8] = tiny.config.to_string().leak().as_bytes();
        for dtype in [Dtype::F16, Dtype::BF16] {
            // Values that both half types hold exactly.
            for (_, values) in tiny.tensors.values_mut() {
                for value in values {
                    *value = (*value * 64.0).round() / 64.0;
                }
            }
            let logits = |bytes: Vec<u8>| {
                let checkpoint = Checkpoint::embedded("tiny", config, bytes.leak()).unwrap();
                let mut network = checkpoint.network(&ComputeDevice::cpu()).unwrap();
                let read = crate::model::network::Read::UpTo(2);
                let pass = crate::model::network::Pass::new(&[3, 4], &[0, 1], read, &[1]);
                network.forward(pass).unwrap()
            };
            assert_eq!(logits(tiny.weights(dtype)), logits(tiny.weights(Dtype::F32)));
        }
        let bytes = tiny.weights(Dtype::I32);
        let checkpoint = Checkpoint::embedded("tiny", config, bytes.leak()).unwrap();
        let text = checkpoint.qwen2(&ComputeDevice::cpu()).unwrap_err().to_string();
        assert!(text.contains("stored as I32, expected F32, F16 or BF16"), "{text}");
    }
}
