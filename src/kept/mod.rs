//! What outlives the program: the runs of the playground, and the prompts that were run.
//!
//! ```text
//! STATE/runs/2026-11-28-140312-flashdlm-story.dscope    a trace, written while the run makes its steps
//! STATE/history                                         a prompt a line, as JSON strings
//! STATE/theme                                           the name of the theme that was chosen last
//! ```
//!
//! Runs and prompts are touched by two threads alone, of which [`Keeper`] is the handle: one writes what happens, the other
//! answers questions. Nothing here knows an engine or a screen.

mod history;
mod keeper;
mod limit;
mod name;
mod shelf;
mod writer;

use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

pub use keeper::{Keeper, KeptNews, KeptRequest};
pub use limit::KeepLimit;
pub use name::stem;
pub use shelf::{KeptRun, KeptState};

use crate::output;

/// The end of a kept run's name.
const EXTENSION: &str = "dscope";

/// No theme's name has more bytes.
const LONGEST_NAME: u64 = 64;

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

    /// The name of the theme that was chosen last, if one was; whether there is such a theme is the screen's business.
    pub fn theme(&self) -> Option<String> {
        let mut name = String::new();
        fs::File::open(self.theme_file()).ok()?.take(LONGEST_NAME).read_to_string(&mut name).ok()?;
        Some(name.trim().to_owned())
    }

    /// Keeps the name of the theme that was chosen.
    ///
    /// # Errors
    /// A sentence, where it cannot be written.
    pub fn keep_theme(&self, name: &str) -> Result<(), String> {
        let file = self.theme_file();
        let written = make_folder(&self.0).and_then(|()| output::replace(&file, |out| writeln!(out, "{name}")));
        written.map_err(|error| format!("the theme is not remembered: {}", output::refusal(&file, &error)))
    }

    fn theme_file(&self) -> PathBuf {
        self.0.join("theme")
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn the_theme_that_was_chosen_last_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let state = StateFolder::new(folder.path().join("new/state"));
        assert_eq!(state.theme(), None);
        for name in ["light", "dark"] {
            state.keep_theme(name).unwrap();
            assert_eq!(state.theme().as_deref(), Some(name));
        }
        let blocked = StateFolder::new(state.theme_file());
        let told = blocked.keep_theme("dark").unwrap_err();
        assert!(told.starts_with("the theme is not remembered: ") && told.contains("cannot be written"), "{told}");
    }
}
