//! Every knob, declared once: flags, presets, the knob pane and the help are made from it.
//!
//! [`Settings`] and [`KNOBS`] come from one declaration in `knobs.rs`. Values travel as [`Value`] where the knob is
//! not known at compile time (a flag, a preset field, a key press in the pane), and as typed fields where it is.

mod config;
mod knob;
mod knobs;
mod preset;

pub use config::ConfigFile;
pub use knob::{Choice, Kind, Knob, Slot, Timing, Value, exact};
pub use knobs::{
    AlphaSchedule, AttentionChoice, CacheChoice, ConfidenceTest, CreditRule, DelimiterWindow, Delimiters, DriftAxis,
    EarlyCommit, EosStop, FreezeChoice, GuideMismatch, GuideRule, KNOBS, OrderScore, Revision, SamplerStyle,
    ScheduleChoice, Settings, UnmaskRule,
};
pub use preset::{DEFAULT_PRESET, Layers, Preset, preset, presets};

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
