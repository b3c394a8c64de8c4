//! The playground on the terminal: model, update, view.
//!
//! [`App`] is the whole state, [`update()`] the only thing that changes it, [`view::draw`] a pure function of it.
//! [`keymap`] is the one table of keys. What must happen outside comes back from `update` as [`Effect`]s.

mod action;
mod app;
mod arrangement;
mod autosave;
mod browser;
mod compare;
mod conversation;
mod copy;
pub mod demo;
mod diary;
mod examples;
mod exporting;
mod find;
mod forking;
mod frames;
mod ground;
mod hands;
mod input;
pub mod keymap;
mod mend;
mod motion;
mod pacing;
mod palette;
mod pane;
mod picker;
mod playback;
mod presets;
mod prompt;
mod race;
mod reading;
mod recording;
pub mod reveal;
mod run;
mod terminal;
pub mod theme;
mod tour;
mod turns;
mod typist;
mod update;
pub mod view;

pub use action::{Action, Direction, Effect, Focus, Notice, Overlay};
pub use app::{App, Confirmation, EngineState, KnobFilter, KnobPane, Lens, Origin};
pub use arrangement::Arrangement;
pub use browser::{KeptOutcome, RunBrowser};
pub use compare::{CompareAction, RunComparison, RunSide};
pub use copy::CopySource;
pub use examples::{Example, Showing, examples};
pub use exporting::{
    ExportCount, ExportForm, ExportMenu, ExportNews, ExportReporter, ExportRow, ExportRowKind, ExportSight,
    ExportUnderWay, PendingExport,
};
pub use find::TextSearch;
pub use forking::{ForkPlan, PendingFork};
pub use hands::{Hands, LineUse, TypedLine};
pub use input::action as input_action;
pub use mend::Mend;
pub use motion::Motion;
pub use pacing::{FrameClock, Redraw};
pub use palette::{PaletteEntry, entries as palette};
pub use pane::Pane;
pub use picker::{ModelLoading, ModelPicker, PickerLine};
pub use playback::Playback;
pub use presets::{Fit, PresetName, PresetPicker, PresetRow};
pub use prompt::PromptEditor;
pub use race::{LASTS as RACE_LASTS, RACERS, Race, RaceStage};
pub use reading::Reading;
pub use recording::{Framing, Scene};
pub use run::{Left, LogSource, PlayOptions, play};
pub use terminal::check as check_terminal;
pub use tour::{CARDS, TourCard, TourPane, cards};
pub use turns::Turns;
pub use typist::keystrokes;
pub use update::update;
pub use view::{Layer, cut};
