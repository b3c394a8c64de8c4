//! The playground on the terminal: model, update, view.
//!
//! [`App`] is the whole state, [`update()`] the only thing that changes it, [`view::draw`] a pure function of it.
//! [`keymap`] is the one table of keys. What must happen outside comes back from `update` as [`Effect`]s.

mod action;
mod app;
mod autosave;
mod browser;
mod compare;
mod conversation;
mod copy;
mod examples;
mod find;
mod forking;
mod frames;
mod hands;
mod input;
pub mod keymap;
mod palette;
mod picker;
mod playback;
mod presets;
mod prompt;
mod reading;
mod run;
mod terminal;
pub mod theme;
mod turns;
mod update;
pub mod view;

pub use action::{Action, Direction, Effect, Focus, Notice, Overlay};
pub use app::{App, Confirmation, EngineState, KnobFilter, KnobPane, Lens, Origin};
pub use browser::{KeptOutcome, RunBrowser};
pub use compare::{CompareAction, RunComparison, RunSide};
pub use copy::CopySource;
pub use examples::{Example, examples};
pub use find::TextSearch;
pub use forking::{ForkPlan, PendingFork};
pub use hands::{Hands, LineUse, TypedLine};
pub use input::action as input_action;
pub use palette::{PaletteEntry, entries as palette};
pub use picker::{ModelLoading, ModelPicker, PickerLine};
pub use playback::Playback;
pub use presets::{Fit, PresetName, PresetPicker, PresetRow};
pub use prompt::PromptEditor;
pub use reading::Reading;
pub use run::{Left, LogSource, PlayOptions, play};
pub use terminal::check as check_terminal;
pub use turns::Turns;
pub use update::update;
pub use view::{Layer, cut};
