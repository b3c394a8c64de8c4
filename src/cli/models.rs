//! The options that choose models, and loading them.

use std::{path::PathBuf, sync::Arc};

use anyhow::Result;
use clap::builder::{OsStringValueParser, TypedValueParser};

use super::{progress::Console, settings::SettingsArgs};
use crate::{
    engine::{self, GuideRequest, Layout, LoadObserver, ModelRequest, Models},
    model::{device::DeviceChoice, source::Source},
};

/// Which models to run, and where.
#[derive(Debug, Clone, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub(super) struct ModelArgs {
    /// The denoiser: embedded, a folder, a .gguf file or hf:owner/name[@revision]; `diffuscope models` lists some
    #[arg(long, value_name = "SOURCE", default_value = "embedded", value_parser = source())]
    model: Source,
    /// The guide, named in the same way; one of another vocabulary reads the denoiser's text [default: the embedded
    /// guide for the embedded denoiser, none for others]
    #[arg(long, value_name = "SOURCE", value_parser = source())]
    guide_model: Option<Source>,
    /// File of a filter that `diffuscope train-filter` trained on the denoiser [default: the embedded denoiser's, where
    /// that is loaded]
    #[arg(long, value_name = "FILE")]
    filter: Option<PathBuf>,
    /// Load no guide
    #[arg(long, conflicts_with = "guide_model")]
    no_guide: bool,
    /// Use no chat template: the prompt is all that the models read, and may be empty
    #[arg(long)]
    raw: bool,
    /// Instructions that go before every prompt, where the model's chat template has a place for them
    #[arg(long, value_name = "TEXT", conflicts_with = "raw")]
    system: Option<String>,
    /// Where to compute: auto, cpu, cuda, cuda:N or metal
    #[arg(long, value_name = "DEVICE", default_value = "auto")]
    device: DeviceChoice,
    /// Take models of the hub from its cache alone, as `HF_HUB_OFFLINE=1` does
    #[arg(long)]
    offline: bool,
    /// Load models even where the free memory is too small for them
    #[arg(long)]
    overcommit: bool,
}

/// Reads a source; a path need not be text.
pub(super) fn source() -> impl TypedValueParser<Value = Source> {
    OsStringValueParser::new().try_map(Source::try_from)
}

impl ModelArgs {
    /// What is asked for.
    pub(super) fn request(&self) -> ModelRequest {
        ModelRequest {
            denoiser: self.model.clone(),
            guide: match &self.guide_model {
                Some(source) => GuideRequest::From(source.clone()),
                None if self.no_guide => GuideRequest::Nobody,
                None => GuideRequest::Own,
            },
            filter: self.filter.clone(),
            layout: match &self.system {
                _ if self.raw => Layout::Raw,
                Some(text) => Layout::System(text.clone()),
                None => Layout::Template,
            },
            device: self.device,
            offline: self.offline,
            overcommit: self.overcommit,
        }
    }

    /// Presets take for granted that there is a guide. Where there is none, it is off unless a flag asks for it.
    pub(super) fn adapt(&self, settings: &mut SettingsArgs) {
        if self.request().guide_source().is_none() {
            settings.knobs.otherwise("guide", "off");
        }
    }

    /// Loads what was chosen; a download shows its progress on standard error.
    pub(super) fn load(&self) -> Result<Models> {
        let console = Arc::new(Console::new());
        let observer: Arc<dyn LoadObserver> = Arc::clone(&console) as Arc<dyn LoadObserver>;
        let models = engine::load(&self.request(), &observer);
        console.finish();
        models
    }
}
