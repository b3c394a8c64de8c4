//! What outlives the program: the runs of the playground, and the prompts that were run.
//!
//! ```text
//! STATE/runs/2026-11-28-140312-flashdlm-story.dscope    a trace, written while the run makes its steps
//! STATE/history                                         a prompt a line, as JSON strings
//! ```
//!
//! The disk is touched by two threads alone, of which [`Keeper`] is the handle: one writes what happens, the other answers
//! questions. Nothing here knows an engine or a screen.

mod history;
mod keeper;
mod limit;
mod name;
mod shelf;
mod writer;

use std::{
    fs, io,
    path::{Path, PathBuf},
};

pub use keeper::{Keeper, KeptNews, KeptRequest};
pub use limit::KeepLimit;
pub use shelf::{KeptRun, KeptState};

use crate::printable;

/// The end of a kept run's name.
const EXTENSION: &str = "dscope";

/// The folder that everything is kept in. It need not be there yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateFolder(PathBuf);

impl StateFolder {
    /// The folder at `root`.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self(root.into())
    }

    /// The folder of the runs.
    pub fn runs(&self) -> PathBuf {
        self.0.join("runs")
    }

    /// The file of the prompts.
    pub fn history(&self) -> PathBuf {
        self.0.join("history")
    }

    /// The run that was written to last, if one is kept.
    ///
    /// # Errors
    /// Where the folder is there and cannot be read.
    pub fn newest(&self) -> io::Result<Option<PathBuf>> {
        Ok(shelf::files(&self.runs())?.into_iter().next().map(|file| file.path))
    }

    /// Every run that is kept, the newest first, each read as far as a list needs it.
    ///
    /// # Errors
    /// Where the folder is there and cannot be read.
    pub fn list(&self) -> io::Result<Vec<KeptRun>> {
        let mut shelf = shelf::Shelf::new(self.runs());
        Ok(shelf.list()?.into_iter().map(|run| shelf.read(run)).collect())
    }
}

/// Makes a folder and those above it, for this user alone. One that is there stays as it is.
fn make_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// How a file is opened that this user alone may read, once it is made.
fn private() -> fs::OpenOptions {
    let mut options = fs::OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// A sentence's part about what cannot be written.
fn cannot_write(path: &Path, error: &io::Error) -> String {
    printable::line(&format!("{} cannot be written: {error}", path.display()))
}
