//! The log of a run: step records, their file format, and printable text.
//!
//! A [`Log`] is what a live run and a replayed file have in common, and all that the screen sees.

mod check;
mod figures;
pub mod file;
mod foreign;
pub mod json;
mod log;
mod recorder;

pub use figures::Figures;
pub use log::{CanvasView, End, Entry, Header, Log, ModelCard, Piece, TokenText};
pub use recorder::Recorder;
