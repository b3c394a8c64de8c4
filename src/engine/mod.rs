//! The engine: one worker thread that owns the networks; commands in, events out.
//!
//! [`protocol`] is all that a client needs to know.

pub mod protocol;
