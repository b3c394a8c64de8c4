//! Recordings of a log, in one file per format.
//!
//! An [`Exporter`] is fed by one iterator of [`Frames`], which the playground's own views draw; so a further format is
//! its file and a line in [`FORMATS`], and `diffuscope export`, its help and its choice by the file's suffix follow from
//! that. The same log and the same options give the same bytes everywhere. Tables of its numbers are in [`table`].

mod ansi;
mod asciicast;
mod asciicast3;
mod frames;
pub mod table;

use std::{
    fmt,
    io::{self, Write},
};

pub use frames::{ExportError, ExportOptions, Frame, Frames};

/// A format of recordings.
pub trait Exporter: fmt::Debug + Sync {
    /// What `--format` calls it.
    fn name(&self) -> &'static str;

    /// The suffix of its files, without the dot.
    fn suffix(&self) -> &'static str;

    /// What it is good for, half a line.
    fn about(&self) -> &'static str;

    /// Writes the recording.
    ///
    /// # Errors
    /// Only those of `out`.
    fn write(&self, frames: Frames<'_>, out: &mut dyn Write) -> io::Result<()>;
}

/// Every format. Of those with the same suffix, the first is the one that the suffix stands for.
pub static FORMATS: &[&dyn Exporter] = &[&asciicast::Asciicast, &asciicast3::Asciicast3];

/// The format of that name.
///
/// # Errors
/// One sentence that names those there are.
pub fn format(name: &str) -> Result<&'static dyn Exporter, String> {
    let names: Vec<&str> = FORMATS.iter().map(|format| format.name()).collect();
    let known = FORMATS.iter().find(|format| format.name() == name);
    known.copied().ok_or_else(|| format!("there are {}", names.join(", ")))
}

/// The format that a file's suffix stands for.
pub fn format_of(file: &std::path::Path) -> Option<&'static dyn Exporter> {
    let suffix = file.extension()?.to_str()?;
    FORMATS.iter().find(|format| format.suffix().eq_ignore_ascii_case(suffix)).copied()
}
