//! The decoding algorithms: a loop with six slots, blind to who listens.
//!
//! A decoder is a composition of values, one per slot (schedule, cache, proposal, unmask, guide, stop), built from
//! [`Settings`](crate::settings::Settings). Each step yields one [`StepRecord`](record::StepRecord).

pub mod clock;
mod decoder;
pub mod record;

pub use decoder::{DecodeError, Decoder, Networks};
