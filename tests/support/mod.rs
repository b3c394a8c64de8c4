//! What several test files share.

#![allow(clippy::unwrap_used)]
#![allow(dead_code, reason = "each test file uses its own part")]

pub mod cases;
pub mod files;
pub mod kept;
pub mod models;
pub mod program;
pub mod runs;
pub mod scripted;
pub mod strategies;
