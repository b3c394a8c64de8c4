//! The options that choose models, and loading them.

use std::path::{Path, PathBuf};

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

/// What a denoiser's and a guide's tokenizer must agree on to be taken for the same: words, digits, marks, breaks.
const PROBE: &str = "One day Ruth's 27 boats, {\"left\": 3.5}\n    went to the harbour (again)!";

/// Which models to run, and where.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ModelArgs {
    /// Folder of the denoiser: config.json, model.safetensors and tokenizer.json [default: the embedded pair]
    #[arg(long, value_name = "DIR")]
    model: Option<PathBuf>,
    /// Folder of the guide, which must share the denoiser's vocabulary [default: the embedded pair's, where no --model
    /// is given]
    #[arg(long, value_name = "DIR")]
    guide_model: Option<PathBuf>,
    /// File of a filter that `diffuscope train-filter` trained on the denoiser [default: the embedded pair's, where no
    /// --model is given]
    #[arg(long, value_name = "FILE")]
    filter: Option<PathBuf>,
    /// Load no guide
    #[arg(long, conflicts_with = "guide_model")]
    no_guide: bool,
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
                (pair.denoiser, "embedded".to_owned(), pair.tokenizer, Some(pair.guide))
            }
            Some(folder) => (open(folder)?, name(folder), tokenizer(folder)?, None),
        };
        let guide = match &self.guide_model {
            Some(folder) => {
                check_vocabulary(&tokenizer, folder)?;
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
            tokenizer,
            filter: self.filter()?,
        };
        if let Some((guide, name)) = guide {
            let guide = guide.network(&device)?;
            models.guide_card = Some(card(&*guide, name, &device));
            models.guide = Some(guide);
        }
        Ok(models)
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

fn tokenizer(folder: &Path) -> Result<Tokenizer> {
    Ok(Tokenizer::open(folder)?)
}

/// A guide reads the denoiser's ids as they are.
fn check_vocabulary(denoiser: &Tokenizer, folder: &Path) -> Result<()> {
    let guide = tokenizer(folder).context("the guide's vocabulary cannot be compared")?;
    if denoiser.encode(PROBE)? != guide.encode(PROBE)? {
        bail!(
            "the guide in {} has another vocabulary than the denoiser: choose a guide that shares it, or --no-guide",
            folder.display()
        );
    }
    Ok(())
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
