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
//! | [`session`] | the runs of this sitting |
//! | [`engine`] | a link to one worker thread that owns the networks |
//! | [`train`] | the trainer of the embedded pair |
//! | [`trace`] | the log: its file format and what makes text printable |
//! | [`decode`] | the algorithms, as values in six slots |
//! | [`model`] | the networks on candle, weights and tokenizers |
//! | [`tasks`] | the synthetic task families |
//! | [`settings`] | every knob, declared once |
//!
//! `docs/architecture.md` tells the whole story.

pub mod cli;
pub mod decode;
pub mod engine;
pub mod export;
mod files;
pub mod interrupt;
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
