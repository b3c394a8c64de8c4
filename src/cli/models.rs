//! The options that choose models, and loading them.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, bail};

use super::settings::SettingsArgs;
use crate::{
    decode::filter::Filter,
    engine::Models,
    model::{
        checkpoint::Checkpoint,
        device::{ComputeDevice, DeviceChoice},
        embedded,
        network::Network,
        tokenizer::Tokenizer,
    },
    trace::{ModelCard, printable},
};

/// Which models to run, and where.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ModelArgs {
    /// Folder of the denoiser: config.json, model.safetensors and tokenizer.json [default: the embedded pair]
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Folder of the guide; one of another vocabulary reads the denoiser's text [default: the embedded pair's, where no
    /// --model is given]
    #[arg(long, value_name = "DIR")]
    guide_model: Option<PathBuf>,
    /// File of a filter that `diffuscope train-filter` trained on the denoiser [default: the embedded pair's, where no
    /// --model is given]
    #[arg(long, value_name = "FILE")]
    filter: Option<PathBuf>,
    /// Load no guide
    #[arg(long, conflicts_with = "guide_model")]
    no_guide: bool,
    /// Use no chat template: the prompt is all that the models read
    #[arg(long)]
    raw: bool,
    /// Instructions that go before every prompt, where the model's chat template has a place for them
    #[arg(long, value_name = "TEXT", conflicts_with = "raw")]
    system: Option<String>,
    /// Where to compute: auto, cpu, cuda or cuda:N
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: DeviceChoice,
}

impl ModelArgs {
    /// Whether a guide will be loaded.
    pub(super) fn has_guide(&self) -> bool {
        self.guide_model.is_some() || (self.model.is_none() && !self.no_guide)
    }

    /// Presets take for granted that there is a guide. Where there is none, it is off unless a flag asks for it.
    pub(super) fn adapt(&self, settings: &mut SettingsArgs) {
        if !self.has_guide() {
            settings.knobs.otherwise("guide", "off");
        }
    }

    /// Loads what was chosen.
    pub(super) fn load(&self) -> Result<Models> {
        let device = ComputeDevice::open(self.device)?;
        let (denoiser, denoiser_name, tokenizer, own_guide) = match &self.model {
            None => {
                let pair = embedded::pair()?;
                (pair.denoiser, "embedded".to_owned(), self.laid_out(pair.tokenizer)?, Some(pair.guide))
            }
            Some(folder) => (open(folder)?, name(folder), self.laid_out(Tokenizer::open(folder)?)?, None),
        };
        let mut guide_tokenizer = None;
        let guide = match &self.guide_model {
            Some(folder) => {
                let own = Tokenizer::open(folder).context("the guide's vocabulary cannot be compared")?;
                if tokenizer.difference(&own).is_some() {
                    guide_tokenizer = Some(Arc::new(self.laid_out(own)?));
                }
                Some((open(folder)?, name(folder)))
            }
            None => own_guide.filter(|_| !self.no_guide).map(|guide| (guide, "embedded guide".to_owned())),
        };
        let denoiser = denoiser.network(&device)?;
        let mut models = Models {
            denoiser_card: card(&*denoiser, denoiser_name, &device),
            denoiser,
            guide: None,
            guide_card: None,
            tokenizer: Arc::new(tokenizer),
            guide_tokenizer,
            filter: self.filter()?,
        };
        if let Some((guide, name)) = guide {
            let guide = guide.network(&device)?;
            models.guide_card = Some(card(&*guide, name, &device));
            models.guide = Some(guide);
        }
        Ok(models)
    }

    /// A tokenizer with prompts laid out as the flags ask for.
    fn laid_out(&self, tokenizer: Tokenizer) -> Result<Tokenizer> {
        Ok(match &self.system {
            _ if self.raw => tokenizer.without_template(),
            Some(text) => tokenizer.with_system(text)?,
            None => tokenizer,
        })
    }
}

impl ModelArgs {
    /// The filter that was named; without, the one that belongs to the embedded denoiser, where that is loaded.
    fn filter(&self) -> Result<Option<Filter>> {
        let Some(file) = &self.filter else {
            let own = embedded::FILTER.filter(|_| self.model.is_none());
            return own.map(|json| Filter::parse(json).context("the embedded filter is damaged")).transpose();
        };
        let name = printable::line(&file.display().to_string());
        let json = std::fs::read_to_string(file).with_context(|| format!("the filter {name} cannot be read"))?;
        Ok(Some(Filter::parse(&json).with_context(|| name.clone())?))
    }
}

fn open(folder: &Path) -> Result<Checkpoint> {
    if !folder.is_dir() {
        bail!("{} is not a folder with a model", folder.display());
    }
    Ok(Checkpoint::open(folder)?)
}

fn name(folder: &Path) -> String {
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let name = folder.file_name().unwrap_or(folder.as_os_str());
    printable::line(&name.to_string_lossy())
}

fn card(network: &dyn Network, name: String, device: &ComputeDevice) -> ModelCard {
    let spec = network.spec();
    ModelCard {
        name,
        architecture: spec.architecture.clone(),
        parameters: spec.parameters,
        layers: spec.layers,
        device: device.to_string(),
    }
}
