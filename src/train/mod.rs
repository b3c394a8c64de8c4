//! The trainer of the embedded pair.

pub mod vocabulary;
