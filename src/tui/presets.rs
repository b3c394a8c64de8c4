//! The presets to choose from: which of them a filter leaves, whether each fits the loaded models, and the speed-up that was
//! measured with it; the name of one that is being saved.

use super::app::{App, EngineState};
use crate::{
    decode::{self, Limits},
    engine::gen_length,
    model::{self, known, network::Alignment, source::Source},
    session::SpeedUp,
    settings::{GuideRule, Kind, Knob, MadeFor, Preset, PresetLibrary, Settings},
    tasks::{self, Task},
    trace::Log,
};

/// The presets, and what is being typed about them.
#[derive(Debug, Clone, Default)]
pub struct PresetPicker {
    /// All of them.
    pub library: PresetLibrary,
    /// Words that each listed preset has somewhere.
    pub filter: String,
    /// The name of a preset to save.
    pub name: PresetName,
}

/// A name that is being typed for the settings in force.
#[derive(Debug, Clone, Default)]
pub struct PresetName {
    /// What is typed.
    pub text: String,
    /// Why it was not taken.
    pub refusal: Option<String>,
    /// Whether the user was asked about the file of that name.
    pub replaces: bool,
}

impl PresetPicker {
    /// The presets that the filter leaves, in the order of the list.
    pub fn choices(&self) -> Vec<&Preset> {
        let words: Vec<String> = self.filter.split_whitespace().map(str::to_lowercase).collect();
        let has_all = |preset: &&Preset| {
            let text = searched(preset);
            words.iter().all(|word| text.contains(word.as_str()))
        };
        self.library.all().filter(has_all).collect()
    }
}

/// What a filter looks through: name, title, method, paper, and what fills which slot.
fn searched(preset: &Preset) -> String {
    let slots = preset.knobs().filter_map(|(name, value)| {
        let knob = Knob::find(name).ok().filter(|knob| matches!(knob.kind, Kind::Choice(_)))?;
        Some(format!("{} {name} {value}", knob.slot.title()))
    });
    let fields = [&preset.name, &preset.title, preset.heading(), &preset.paper].map(str::to_owned);
    fields.into_iter().chain(slots).collect::<Vec<_>>().join("\n").to_lowercase()
}

/// Whether a preset goes with the loaded models and the prompt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fit {
    /// It does.
    Fits,
    /// It runs, and was made for networks of another kind.
    MadeForOthers(MadeFor),
    /// It does not run.
    Refused {
        /// Why, in two words.
        short: &'static str,
        /// Why, and the way out.
        reason: String,
    },
}

impl Fit {
    /// Two words for a list; none where it fits.
    pub fn short(&self) -> &'static str {
        match self {
            Self::Fits => "",
            Self::MadeForOthers(kind) => kind.word(),
            Self::Refused { short, .. } => short,
        }
    }

    /// The whole reason, where it does not fit.
    pub fn reason(&self) -> Option<&str> {
        Some(match self {
            Self::Fits => return None,
            Self::MadeForOthers(MadeFor::BlockCausal) => {
                "made for networks that were trained with block-causal attention, which is not known of this one: its text \
                 may suffer"
            }
            Self::MadeForOthers(MadeFor::Shifted) => {
                "made for networks as Dream, whose row i predicts token i + 1; row i of this one predicts token i"
            }
            Self::MadeForOthers(MadeFor::Aligned) => {
                "made for networks as LLaDA, whose row i predicts token i; row i of this one predicts token i + 1"
            }
            Self::Refused { reason, .. } => reason,
        })
    }
}

/// A preset as it is listed.
#[derive(Debug, Clone)]
pub struct PresetRow<'a> {
    /// The preset.
    pub preset: &'a Preset,
    /// Whether it fits.
    pub fit: Fit,
    /// What was measured with it, beside a plain run.
    pub speed: Option<SpeedUp>,
}

impl App {
    /// The presets and what is being typed about them.
    pub fn presets(&self) -> &PresetPicker {
        &self.presets
    }

    /// The presets that the filter leaves, with all that is known of them.
    pub fn preset_rows(&self) -> Vec<PresetRow<'_>> {
        let header = self.log().map(Log::header);
        let prompt = header.map_or_else(|| self.prompt.text(), |header| header.prompt.clone());
        let task = tasks::recognise(&prompt);
        let row = |preset| {
            let settings = self.settings_with(preset);
            PresetRow {
                preset,
                fit: self.fit(preset, &settings, task.as_ref()),
                speed: header.and_then(|header| self.session.speed_up(preset, &settings, header)),
            }
        };
        self.presets.choices().into_iter().map(row).collect()
    }

    /// The settings in force where `preset` is taken.
    fn settings_with(&self, preset: &Preset) -> Settings {
        let mut layers = self.layers.clone();
        layers.set_preset(preset.clone());
        layers.resolve()
    }

    /// Whether `settings` of `preset` go with the models, and with the canvas of a prompt with this `task`. The context's
    /// length is not known here.
    fn fit(&self, preset: &Preset, settings: &Settings, task: Option<&Task>) -> Fit {
        let header = self.log().map(Log::header);
        let has_guide = self.has_guide();
        let limits = Limits {
            prompt: header.map_or(1, |header| header.prompt_ids.len()),
            gen_length: gen_length(settings, task, usize::MAX / 4),
            max_positions: usize::MAX / 2,
            has_guide,
        };
        if let Err(error) = decode::check(settings, &limits) {
            let lacks_guide = settings.guide != GuideRule::Off && !has_guide;
            let short = if lacks_guide { "needs a guide" } else { "conflict" };
            return Fit::Refused { short, reason: error.to_string() };
        }
        if let Some(reason) = decode::needs_filter(settings).filter(|_| !self.has_filter()) {
            return Fit::Refused { short: "needs a filter", reason };
        }
        match preset.made_for.filter(|kind| !self.is_of_kind(*kind)) {
            Some(kind) => Fit::MadeForOthers(kind),
            None => Fit::Fits,
        }
    }

    fn has_filter(&self) -> bool {
        let request = self.picker.loaded.as_ref().unwrap_or(&self.picker.first);
        request.filter.is_some() || request.denoiser == Source::Embedded
    }

    /// Whether the loaded denoiser is of that kind, as far as is known.
    fn is_of_kind(&self, kind: MadeFor) -> bool {
        let EngineState::Ready { denoiser, .. } = &self.engine else { return true };
        let wanted = match kind {
            MadeFor::BlockCausal => {
                return self.picker.loaded.as_ref().is_some_and(|loaded| known::is_block_causal(&loaded.denoiser));
            }
            MadeFor::Shifted => Alignment::Shifted,
            MadeFor::Aligned => Alignment::Aligned,
        };
        model::alignment(&denoiser.architecture).is_none_or(|found| found == wanted)
    }

    /// The plain run that the shown one can be measured against.
    pub fn plain_beside(&self) -> Option<&Log> {
        self.session.plain_beside(self.log()?)
    }
}
