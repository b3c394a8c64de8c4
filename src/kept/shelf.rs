//! The runs that are kept, as a list shows them.

use std::{
    cmp::Reverse,
    collections::HashMap,
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::SystemTime,
};

use jiff::{ZonedDateTime, civil::DateTime};

use super::{EXTENSION, limit, name};
use crate::{printable, tasks::Family, trace::RunSummary};

/// A kept run.
#[derive(Debug, Clone, PartialEq)]
pub struct KeptRun {
    /// Its file.
    pub path: PathBuf,
    /// The file's name, printable.
    pub name: String,
    /// How large it is.
    pub bytes: u64,
    /// When its last step was written, as clocks here show it.
    pub when: DateTime,
    /// What is known of it.
    pub state: KeptState,
    modified: SystemTime,
}

/// What is known of a kept run.
#[derive(Debug, Clone, PartialEq)]
pub enum KeptState {
    /// It has not been read yet.
    Unread,
    /// It was read.
    Read {
        /// In a few words.
        summary: Arc<RunSummary>,
        /// The kind of task, where its prompt is one.
        family: Option<Family>,
        /// Whether a program is writing it.
        is_under_way: bool,
    },
    /// It cannot be read, and why: a printable sentence.
    Unreadable(String),
}

impl KeptRun {
    /// A run whose file is at `path`, as it was found.
    pub fn new(path: PathBuf, bytes: u64, modified: SystemTime, when: DateTime) -> Self {
        let name = printable::line(&path.file_name().unwrap_or_default().to_string_lossy());
        Self { path, name, bytes, when, state: KeptState::Unread, modified }
    }

    /// The same run, once its summary was read.
    #[must_use]
    pub fn known(mut self, summary: RunSummary) -> Self {
        let family = name::family(&summary.prompt);
        self.state = KeptState::Read { summary: Arc::new(summary), family, is_under_way: false };
        self
    }
}

/// A file of the folder.
pub(super) struct KeptFile {
    pub path: PathBuf,
    pub bytes: u64,
    pub modified: SystemTime,
}

/// The files of runs in a folder, the newest first; none where the folder is not there. Links are no runs.
pub(super) fn files(runs: &Path) -> io::Result<Vec<KeptFile>> {
    let entries = match fs::read_dir(runs) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    // What vanishes meanwhile is not there.
    let file = |entry: fs::DirEntry| {
        let metadata = entry.metadata().ok().filter(fs::Metadata::is_file)?;
        let path = entry.path();
        let is_run = path.extension().is_some_and(|extension| extension == EXTENSION);
        is_run.then(|| KeptFile {
            path,
            bytes: metadata.len(),
            modified: metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH),
        })
    };
    let mut files: Vec<_> = entries.filter_map(|entry| file(entry.ok()?)).collect();
    // Names begin with the date, so that they decide where a file system's clock is coarse.
    files.sort_by(|one, other| (Reverse(one.modified), &other.path).cmp(&(Reverse(other.modified), &one.path)));
    Ok(files)
}

/// A folder of runs, with what was read of them before.
pub(super) struct Shelf {
    runs: PathBuf,
    known: HashMap<PathBuf, KeptRun>,
}

impl Shelf {
    pub fn new(runs: PathBuf) -> Self {
        Self { runs, known: HashMap::new() }
    }

    /// Every run, the newest first. One that has changed since it was read, or never was, is unread.
    pub fn list(&mut self) -> io::Result<Vec<KeptRun>> {
        let mut known = std::mem::take(&mut self.known);
        let listed = files(&self.runs)?.into_iter().map(|KeptFile { path, bytes, modified }| {
            let before = known.remove(&path).filter(|run| (run.bytes, run.modified) == (bytes, modified));
            before.unwrap_or_else(|| KeptRun::new(path, bytes, modified, local(modified)))
        });
        let listed: Vec<_> = listed.collect();
        let read = listed.iter().filter(|run| run.state != KeptState::Unread);
        self.known = read.map(|run| (run.path.clone(), run.clone())).collect();
        Ok(listed)
    }

    /// Reads a run of the list.
    pub fn read(&mut self, mut run: KeptRun) -> KeptRun {
        if run.state == KeptState::Unread {
            match RunSummary::open(&run.path) {
                Ok(summary) => run = run.known(summary),
                Err(error) => run.state = KeptState::Unreadable(printable::line(&error.to_string())),
            }
            self.known.insert(run.path.clone(), run.clone());
        }
        if let KeptState::Read { summary, is_under_way, .. } = &mut run.state {
            *is_under_way = summary.end.is_none() && limit::is_in_use(&run.path, run.modified);
        }
        run
    }
}

fn local(time: SystemTime) -> DateTime {
    ZonedDateTime::try_from(time).map_or(DateTime::default(), |time| time.datetime())
}
