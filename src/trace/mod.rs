//! The log of a run: its steps, kept as differences, and their file format.
//!
//! A [`Log`] is what a live run and a replayed file have in common, and all that the screen sees.

mod changes;
mod check;
mod columns;
mod compressed;
mod entry;
mod figures;
pub mod file;
mod foreign;
mod fork;
mod hands;
mod header;
mod history;
mod ints;
pub mod json;
mod layers;
mod line;
mod log;
mod mismatch;
mod quantized;
mod recent;
mod recorder;
mod reports;
mod step;
mod summary;
mod work;

pub use changes::PositionChanges;
pub use entry::{Entry, Piece, TokenText};
pub use figures::Figures;
pub use fork::{ForkPoint, ReplayStep};
pub use header::{End, Exchange, ForkOrigin, GivenToken, Header, ModelCard};
pub use log::{CanvasView, Log};
pub use mismatch::StepMismatch;
pub use recent::PositionDraft;
pub use recorder::Recorder;
pub use step::{Certainty, Step};
pub use summary::RunSummary;
pub use work::{MODELLED, Work, modelled_cost};
