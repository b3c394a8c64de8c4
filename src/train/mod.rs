//! The trainer of the embedded pair.
