//! Traces that commands take: from a file, or from standard input where the name is `-`.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

use super::failure::Failure;
use crate::{
    output, printable,
    trace::file::{self, Opened},
};

/// What messages call standard input.
const STANDARD_INPUT: &str = "standard input";

/// A trace, by the name that a command was given.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Recorded {
    /// The trace; - reads it from standard input
    file: PathBuf,
}

/// As the value of an argument with a name of its own.
impl From<OsString> for Recorded {
    fn from(file: OsString) -> Self {
        Self { file: file.into() }
    }
}

impl Recorded {
    /// The trace of that name.
    pub(super) fn named(file: PathBuf) -> Self {
        Self { file }
    }

    /// The file that it is read from; `-` is standard input.
    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Reads two of them, of which standard input can be only one.
    pub(super) fn open_both(&self, other: &Self) -> Result<(Opened, Opened), Failure> {
        if self.is_piped() && other.is_piped() {
            let message = "only one of the two traces can come from standard input: give the other one as a file";
            return Err(Failure::Usage(message.to_owned()));
        }
        Ok((self.open()?, other.open()?))
    }

    /// Reads it.
    pub(super) fn open(&self) -> Result<Opened, Failure> {
        let opened =
            if self.is_piped() { file::read(STANDARD_INPUT, io::stdin().lock()) } else { file::open(&self.file) };
        Ok(opened?)
    }

    /// Whether it comes from standard input.
    pub(super) fn is_piped(&self) -> bool {
        self.file == Path::new("-")
    }

    /// What it is called, printable.
    pub(super) fn name(&self) -> String {
        if self.is_piped() { STANDARD_INPUT.to_owned() } else { printable::line(&self.file.display().to_string()) }
    }

    /// Whether `path` is the very file that it is read from.
    pub(super) fn is_in(&self, path: &Path) -> bool {
        // Where the system has that name, it leads to what standard input is.
        let file = if self.is_piped() { Path::new("/dev/stdin") } else { &self.file };
        output::is_same(file, path)
    }
}
