//! diffuscope: watch how a diffusion language model turns masks into text.
//!
//! A decode is a log of *step records*; everything that the program shows, saves, compares or exports is a
//! function of that log. The modules are floors of one house, and each uses only what stands below it:
//!
//! | floor | what it holds |
//! |---|---|
//! | [`cli`] | the commands |
//! | [`export`] | recordings of a log |
//! | [`tui`] | the playground: model, update, view |
//! | [`session`] | the runs that are there while the program is open |
//! | [`engine`] | a link to one worker thread that owns the networks |
//! | [`train`] | the trainer of the embedded pair |
//! | [`kept`] | the runs and prompts that outlive the program |
//! | [`trace`] | the log and its file format |
//! | [`decode`] | the algorithms, as values in seven slots |
//! | [`model`] | the networks on candle, weights and tokenizers |
//! | [`tasks`] | the synthetic task families |
//! | [`settings`] | every knob, declared once |
//!
//! Below them all stand [`interrupt`], `panics`, [`process`], `output`, `files` and [`printable`]. `docs/architecture.md` has
//! the whole picture.

pub mod cli;
pub mod decode;
pub mod engine;
pub mod export;
mod files;
pub mod interrupt;
pub mod kept;
pub mod model;
mod output;
mod panics;
pub mod printable;
pub mod process;
pub mod session;
pub mod settings;
pub mod tasks;
pub mod trace;
pub mod train;
pub mod tui;
