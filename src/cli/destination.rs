//! Where a command puts what it makes: into a file, which takes the place of another one only where that was asked for,
//! or to standard output.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{failure::Failure, recorded::Recorded};
use crate::{output, printable};

/// The file, by the name that the command was given.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct Destination {
    /// Where it goes; - prints it
    #[arg(long = "output", short = 'o', value_name = "FILE")]
    path: PathBuf,
    /// Write over a file that is there
    #[arg(long)]
    force: bool,
}

impl Destination {
    /// That file.
    pub(super) fn new(path: PathBuf, force: bool) -> Self {
        Self { path, force }
    }

    /// The file's name; `-` is standard output.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it is standard output.
    pub(super) fn is_printed(&self) -> bool {
        self.path == Path::new("-")
    }

    /// What it is called, printable.
    pub(super) fn name(&self) -> String {
        printable::line(&self.path.display().to_string())
    }

    /// Refuses what could not be written in the end, or would take the place of the trace that it is made of: before
    /// anything is made.
    pub(super) fn check(&self, traces: &[&Recorded]) -> Result<(), Failure> {
        if traces.iter().any(|trace| trace.is_in(&self.path)) {
            let name = self.name();
            return Err(Failure::Usage(format!("{name} is the trace itself: give what it becomes another name")));
        }
        if self.is_printed() {
            return Ok(());
        }
        if !self.force && output::is_taken(&self.path) {
            return Err(self.refusal());
        }
        output::check(&self.path).map_err(|error| Failure::writing(&self.path, &error))
    }

    /// Writes all of it or nothing: after an error, what was there before is there still.
    pub(super) fn write(&self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<(), Failure> {
        if self.is_printed() {
            return Ok(write(&mut io::stdout().lock())?);
        }
        output::put(&self.path, self.force, write).map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => self.refusal(),
            _ => Failure::writing(&self.path, &error),
        })
    }

    fn refusal(&self) -> Failure {
        Failure::Usage(format!("{} is there already: --force writes over it", self.name()))
    }
}
