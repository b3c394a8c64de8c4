//! The real program in a pseudo-terminal, with an emulator behind it.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

#[allow(dead_code, reason = "other tests use the rest")]
mod common;
#[cfg(feature = "hub")]
mod hub_server;
mod support;

#[path = "pty/demos.rs"]
mod demos;
#[path = "pty/endings.rs"]
mod endings;
#[path = "pty/files.rs"]
mod files;
#[path = "pty/ground.rs"]
mod ground;
#[path = "pty/jobs.rs"]
mod jobs;
#[path = "pty/kept.rs"]
mod kept;
#[path = "pty/kinds.rs"]
mod kinds;
#[path = "pty/playing.rs"]
mod playing;
#[path = "pty/terminal.rs"]
mod terminal;
