//! Demo scripts: a sitting that is written down, to be played again in the playground or filmed.
//!
//! A [`DemoScript`] is read from TOML, a [`Director`] takes it to the playground, cue by cue, and a [`ScriptWriter`] writes one down
//! while somebody plays. The director knows no clock and no engine: it is asked what comes next, and answers with an
//! [`Action`](super::Action) like those of keys. So the same script drives the screen in real time, and a film at the pace
//! of a clock of its own.

mod beat;
mod director;
mod play;
mod script;
mod writer;

pub use beat::{Beat, Milestone};
pub use director::{Director, Miscue};
pub use play::Play;
pub use script::{DemoError, DemoScript};
pub use writer::{ScriptWriter, Situation};

use super::{pane::Pane, theme::ThemeName};

/// What a demo does that no key does in one press.
#[derive(Debug, Clone, PartialEq)]
pub enum DemoAction {
    /// Put this into the editor of the prompt.
    Prompt(String),
    /// Write this below the screen.
    Caption(String),
    /// Turn these knobs, each by its name, to these values, all at once.
    Turn(Vec<(&'static str, String)>),
    /// So many steps a second; as fast as the engine goes for `None`.
    Pace(Option<f32>),
    /// Show this in the canvas's place.
    View(Pane),
    /// Take this theme, for now.
    Theme(ThemeName),
}
