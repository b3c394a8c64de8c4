//! The options that choose models, and loading them.

use std::{path::PathBuf, sync::Arc};

use clap::builder::{OsStringValueParser, TypedValueParser};

use super::{
    failure::{Failure, warn},
    progress::Console,
    settings::SettingsArgs,
};
use crate::{
    engine::{
        self, GuideChoice, InProcess, Link, LoadObserver, ModelRequest, Models, PromptLayout,
        protocol::{Event, RequestError},
    },
    model::{device::DeviceChoice, mask::MaskToken, source::Source},
    panics,
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
    /// The denoiser's mask token, by its exact text or its id [default: what its configuration says, or else its tokenizer]
    #[arg(long, value_name = "TEXT|ID")]
    mask_token: Option<MaskToken>,
    /// Load no guide
    #[arg(long, conflicts_with = "guide_model")]
    no_guide: bool,
    /// Use no chat template: the prompt is all that the models read, and may be empty
    #[arg(long)]
    raw: bool,
    /// Instructions that go before every prompt, where the model's chat template has a place for them
    #[arg(long, value_name = "TEXT", conflicts_with = "raw")]
    system: Option<String>,
    /// Give the chat template a value for a name that it asks for, as in `enable_thinking=true`; true, false, none, numbers
    /// and JSON are taken as such, all else as text. May be given several times
    #[arg(long, value_name = "NAME=VALUE", conflicts_with = "raw", value_parser = template_var)]
    template_var: Vec<(String, serde_json::Value)>,
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

/// Reads a variable of a chat template.
fn template_var(text: &str) -> Result<(String, serde_json::Value), String> {
    let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
    let is_name = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    if !is_name || !name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return Err(format!("'{name}' is no name of a variable: expected letters, digits and '_'"));
    }
    if matches!(name, "messages" | "add_generation_prompt") {
        return Err(format!(
            "{name} is the conversation itself: give the prompt by --prompt, instructions by --system"
        ));
    }
    let value = match value {
        "True" => true.into(),
        "False" => false.into(),
        "None" | "none" => serde_json::Value::Null,
        _ => serde_json::from_str(value).unwrap_or_else(|_| value.into()),
    };
    Ok((name.to_owned(), value))
}

impl ModelArgs {
    /// What is asked for.
    pub(super) fn request(&self) -> ModelRequest {
        ModelRequest {
            denoiser: self.model.clone(),
            guide: match &self.guide_model {
                Some(source) => GuideChoice::Source(source.clone()),
                None if self.no_guide => GuideChoice::None,
                None => GuideChoice::Default,
            },
            filter: self.filter.clone(),
            mask_token: self.mask_token.clone(),
            layout: match &self.system {
                _ if self.raw => PromptLayout::Raw,
                Some(text) => PromptLayout::System(text.clone()),
                None => PromptLayout::Template,
            },
            template_vars: self.template_var.iter().cloned().collect(),
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

    /// Opens an engine and has it load what was chosen; a download shows its progress on standard error.
    pub(super) fn open(&self) -> Result<Box<dyn Link>, Failure> {
        let console = Console::new();
        let mut link = InProcess::open(self.request()).map_err(|error| Failure::Usage(error.to_string()))?;
        let (loaded, warnings) = loop {
            match link.wait() {
                Some(Event::Loading { progress }) => console.show(&progress),
                Some(Event::Ready { warnings, .. }) => break (Ok(()), warnings),
                Some(Event::LoadFailed { error, warnings, .. }) => break (Err(error), warnings),
                Some(_) => {}
                None => break (Err(RequestError::Broken("the engine has ended".to_owned())), Vec::new()),
            }
        };
        console.finish();
        for sentence in &warnings {
            warn(sentence);
        }
        loaded?;
        Ok(Box::new(link))
    }

    /// Loads what was chosen into this thread; a download shows its progress on standard error.
    pub(super) fn load(&self) -> Result<Models, Failure> {
        let console = Arc::new(Console::new());
        let observer: Arc<dyn LoadObserver> = Arc::clone(&console) as Arc<dyn LoadObserver>;
        let models = panics::catch(|| engine::load(&self.request(), &observer));
        console.finish();
        models.map_err(Failure::Runtime)?.map_err(|error| Failure::input(&error))
    }
}
