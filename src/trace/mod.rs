//! The log of a run: step records, their file format, and printable text.

pub mod printable;
