//! Which models are loaded, which are being loaded, and which there are to choose from.

use std::time::Duration;

use crate::{
    engine::{GuideChoice, ModelRequest, PromptLayout},
    model::{
        catalog::{Catalog, CatalogEntry},
        known::ModelRole,
        source::{Progress, Source},
    },
};

/// The longest source that can be typed.
pub const LONGEST_SOURCE: usize = 400;

/// The models, and the picker's state.
#[derive(Debug, Clone)]
pub struct ModelPicker {
    /// What the program was started with: the flags that every later choice keeps.
    pub first: ModelRequest,
    /// What is loaded, where that is known.
    pub loaded: Option<ModelRequest>,
    /// What is being loaded.
    pub loading: Option<ModelLoading>,
    /// What there is to choose from; looked for whenever the picker is opened.
    pub catalog: Option<Catalog>,
    /// For which role the picker chooses.
    pub role: ModelRole,
    /// A source being typed.
    pub entry: String,
    /// Whether it was typed when the picker was last open: the next character begins another one.
    pub is_entry_old: bool,
    /// Why the last choice could not be loaded.
    pub refusal: Option<String>,
    /// Whether the guide's rule was set to off because there was no guide.
    pub guide_put_off: bool,
}

/// A loading under way.
#[derive(Debug, Clone)]
pub struct ModelLoading {
    /// What was asked for.
    pub request: ModelRequest,
    /// What is being done.
    pub progress: Option<Progress>,
    /// When the bytes of what is being done were first counted, and how many there were.
    pub since: Option<(Duration, u64)>,
    /// Whether it was broken off.
    pub is_cancelled: bool,
    /// Whether it was chosen in the picker, and not on the command line.
    pub is_picked: bool,
}

/// A line of the picker that can be taken.
#[derive(Debug, Clone, Copy)]
pub enum PickerLine<'a> {
    /// No guide.
    NoGuide,
    /// A model.
    Item(&'a CatalogEntry),
    /// What is typed.
    Typed,
}

impl Default for ModelPicker {
    fn default() -> Self {
        Self {
            first: ModelRequest::default(),
            loaded: None,
            loading: None,
            catalog: None,
            role: ModelRole::Denoiser,
            entry: String::new(),
            is_entry_old: false,
            refusal: None,
            guide_put_off: false,
        }
    }
}

impl ModelPicker {
    /// Nothing is loaded yet, this is being.
    pub fn loading(request: ModelRequest) -> Self {
        Self { first: request.clone(), loading: Some(ModelLoading::new(request)), ..Self::default() }
    }

    /// The lines that can be taken, in the order of the picker.
    pub fn choices(&self) -> Vec<PickerLine<'_>> {
        let mut choices = Vec::new();
        if self.role == ModelRole::Guide {
            choices.push(PickerLine::NoGuide);
        }
        if let Some(catalog) = &self.catalog {
            choices.extend(catalog.of_role(self.role).map(PickerLine::Item));
        }
        choices.push(PickerLine::Typed);
        choices
    }

    /// Where what plays the picker's role comes from, if that is known.
    pub fn present(&self) -> Option<&Source> {
        let loaded = self.loaded.as_ref()?;
        match self.role {
            ModelRole::Denoiser => Some(&loaded.denoiser),
            ModelRole::Guide => loaded.guide_source(),
        }
    }

    /// Whether the models read prompts as they are: an empty one is a prompt then.
    pub fn is_raw(&self) -> bool {
        self.loaded.as_ref().unwrap_or(&self.first).layout == PromptLayout::Raw
    }

    /// What to ask for when `choice` is taken: a denoiser comes with its own guide or with none, a guide leaves the
    /// denoiser as it is.
    ///
    /// # Errors
    /// Where what is typed is no source.
    pub fn request(&self, choice: PickerLine<'_>) -> Result<ModelRequest, String> {
        let loading = self.loading.as_ref().map(|loading| &loading.request);
        let before = self.loaded.as_ref().or(loading).unwrap_or(&self.first).clone();
        let source = match choice {
            PickerLine::NoGuide => None,
            PickerLine::Item(item) => Some(item.source.clone()),
            PickerLine::Typed => Some(self.entry.trim().parse::<Source>().map_err(|error| error.to_string())?),
        };
        Ok(match (self.role, source) {
            (ModelRole::Denoiser, Some(denoiser)) => {
                // A filter belongs to the denoiser that it was trained on, a mask token to the one that it was given for.
                let mask_token = self.first.mask_token.clone().filter(|_| denoiser == self.first.denoiser);
                ModelRequest { denoiser, guide: GuideChoice::Default, filter: None, mask_token, ..before }
            }
            (ModelRole::Guide, Some(guide)) => ModelRequest { guide: GuideChoice::Source(guide), ..before },
            (_, None) => ModelRequest { guide: GuideChoice::None, ..before },
        })
    }
}

impl ModelLoading {
    /// It has only begun.
    pub fn new(request: ModelRequest) -> Self {
        Self { request, progress: None, since: None, is_cancelled: false, is_picked: false }
    }

    /// Records what is being done.
    pub fn record(&mut self, progress: Progress, now: Duration) {
        let is_same = self
            .progress
            .as_ref()
            .is_some_and(|before| std::mem::discriminant(before) == std::mem::discriminant(&progress));
        let done = match &progress {
            Progress::Checking { done, .. } | Progress::Downloading { done, .. } | Progress::Reading { done, .. } => {
                Some(*done)
            }
            _ => None,
        };
        self.since = match (done, self.since.filter(|_| is_same)) {
            (Some(_), Some(since)) => Some(since),
            (Some(done), None) => Some((now, done)),
            (None, _) => None,
        };
        self.progress = Some(progress);
    }

    /// Bytes that are there, and of how many.
    pub fn bytes(&self) -> Option<(u64, Option<u64>)> {
        match self.progress.as_ref()? {
            Progress::Downloading { done, total, .. } => Some((*done, *total)),
            Progress::Checking { done, total, .. } | Progress::Reading { done, total, .. } => {
                Some((*done, Some(*total)))
            }
            _ => None,
        }
    }

    /// The part that is done, where the whole is known.
    pub fn share(&self) -> Option<f32> {
        let (done, total) = self.bytes()?;
        let total = total.filter(|total| *total > 0)?;
        Some((done as f64 / total as f64) as f32)
    }

    /// Bytes a second, once there is enough to tell.
    pub fn rate(&self, now: Duration) -> Option<f64> {
        let ((done, _), (since, first)) = (self.bytes()?, self.since?);
        let seconds = now.saturating_sub(since).as_secs_f64();
        (seconds >= 1.0 && done > first).then(|| (done - first) as f64 / seconds)
    }
}
