//! Every knob, declared once: flags, presets, the knob pane and the help are made from it.
//!
//! [`Settings`] and [`KNOBS`] come from one declaration in `knobs.rs`. Values travel as [`Value`] where the knob is
//! not known at compile time (a flag, a preset field, a key press in the pane), and as typed fields where it is.

mod config;
mod knob;
mod knobs;
mod library;
mod preset;

pub use config::{ConfigFile, bytes};
pub(crate) use knob::nearest;
pub use knob::{Choice, Kind, Knob, Slot, Timing, Value, exact};
pub use knobs::{
    AlphaSchedule, AttentionChoice, CacheChoice, ConfidenceTest, CreditRule, DelimiterWindow, Delimiters, DriftAxis,
    EarlyCommit, EosStop, FreezeChoice, GuideMismatch, GuideRule, KNOBS, OrderScore, Revision, SamplerStyle,
    ScheduleChoice, Settings, UnmaskRule,
};
pub use library::{PresetLibrary, preset};
pub(crate) use preset::toml_message;
pub use preset::{DEFAULT_PRESET, Layers, MadeFor, Preset, presets};

use thiserror::Error;

/// Why a setting was refused. Every message names the knob, the value and the way out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SettingsError {
    /// There is no knob of that name.
    #[error("unknown knob '{name}'; {}`diffuscope knobs` lists them all", perhaps(.suggestion.as_deref()))]
    UnknownKnob {
        /// What was asked for.
        name: String,
        /// The name that was meant, where one is near.
        suggestion: Option<String>,
    },
    /// The text is no value of the knob.
    #[error("{knob} cannot be '{found}': {expected}")]
    BadValue {
        /// The knob's name.
        knob: &'static str,
        /// The text that was given, printable.
        found: String,
        /// What the knob takes.
        expected: String,
    },
    /// Two settings, or a setting and the prompt or model, do not go together.
    #[error("{0}")]
    Conflict(String),
    /// There is no preset of that name.
    #[error("unknown preset '{name}'; {}`diffuscope presets` lists them all", perhaps(.suggestion.as_deref()))]
    UnknownPreset {
        /// What was asked for.
        name: String,
        /// The name that was meant, where one is near.
        suggestion: Option<String>,
    },
    /// A preset of one's own cannot have that name.
    #[error("a preset cannot be called '{name}': {reason}")]
    BadPresetName {
        /// What was asked for.
        name: String,
        /// Why not, and what would do.
        reason: String,
    },
    /// There is no folder for presets of one's own.
    #[error(
        "there is no folder for presets: DIFFUSCOPE_CONFIG is empty, which does without configuration, or this system \
         names no home; leave the variable unset, or set HOME"
    )]
    NoPresetFolder,
    /// A preset or configuration file that cannot be understood.
    #[error("{file}: {message}")]
    BadFile {
        /// Where the text came from.
        file: String,
        /// What is wrong with it.
        message: String,
    },
}

fn perhaps(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |name| format!("did you mean '{name}'? "))
}
