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
        let config = std::fs::read(&path).map_err(|source| LoadError::Read {
            file: file.clone(),
            source,
        })?;
        // The small file first: an unknown architecture should not cost reading the weights.
        let architecture = architecture(&file, &config)?;
        let weights = Weights::open(&folder.join("model.safetensors"))?;
        Ok(Self {
            config_file: file,
            config: config.into(),
            architecture,
            weights,
        })
    }

    /// Takes bytes that are part of the program; `name` stands for the folder in messages.
    pub fn embedded(name: &str, config: &'static [u8], weights: &'static [u8]) -> Result<Self, LoadError> {
        let config_file = format!("{name}/config.json");
        let architecture = architecture(&config_file, config)?;
        let weights = Weights::from_bytes(format!("{name}/model.safetensors"), weights)?;
        Ok(Self {
            config_file,
            config: config.into(),
            architecture,
            weights,
        })
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
    let kind: Kind = serde_json::from_slice(config).map_err(|error| LoadError::Config {
        file: file.into(),
        reason: error.to_string(),
    })?;
    if Qwen2Use::of(&kind.model_type).is_some() {
        return Ok(Architecture::Qwen2);
    }
    let found = if kind.model_type.is_empty() {
        kind.architectures.join(", ")
    } else {
        kind.model_type
    };
    Err(LoadError::Architecture {
        file: file.into(),
        found,
        supported: SUPPORTED.into(),
    })
}
