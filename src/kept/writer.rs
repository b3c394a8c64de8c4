//! The run under way on the disk: a file of its own, a line as soon as a step is done.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use jiff::{ZonedDateTime, civil::DateTime};

use super::{KeepLimit, make_folder, name, private};
use crate::{
    output,
    trace::{End, Entry, Log, file::Writer},
};

/// How often another name is tried.
const NAMES: usize = 1000;

/// Writes one run after the other into a folder.
pub(super) struct RunWriter {
    runs: PathBuf,
    limit: KeepLimit,
    current: Option<Current>,
}

/// The run under way.
struct Current {
    run: u64,
    began: DateTime,
    part: Part,
}

/// How much of a run is written.
enum Part {
    /// It has no step yet, and no file.
    Nothing(Box<Log>),
    /// So many steps.
    Steps(Kept),
    /// It could not be written to its end; nothing more is tried.
    Broken,
}

/// A file that holds a run as far as it is.
struct Kept {
    out: Writer<File>,
    path: PathBuf,
    steps: usize,
}

/// What a file holds of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HeldSteps {
    pub run: u64,
    pub steps: usize,
    pub has_end: bool,
}

impl RunWriter {
    pub fn new(runs: PathBuf, limit: KeepLimit) -> Self {
        limit.enforce(&runs);
        Self { runs, limit, current: None }
    }

    /// A run has begun, of which `log` is there already: the steps that a fork repeats. The one before is over.
    ///
    /// # Errors
    /// A sentence's part, where these cannot be written.
    pub fn begin(&mut self, run: u64, log: Box<Log>) -> Result<Option<HeldSteps>, String> {
        self.close();
        let is_empty = log.is_empty();
        self.current = Some(Current { run, began: ZonedDateTime::now().datetime(), part: Part::Nothing(log) });
        if is_empty { Ok(None) } else { self.write(run, |_| Ok(())) }
    }

    /// A step of the run is done.
    ///
    /// # Errors
    /// A sentence's part, where it cannot be written. What follows of the run is passed over.
    pub fn step(&mut self, run: u64, entry: &Entry) -> Result<Option<HeldSteps>, String> {
        self.write(run, |kept| {
            kept.out.step(entry)?;
            kept.steps += 1;
            Ok(())
        })
    }

    /// The run is over: with an end, or because it failed.
    ///
    /// # Errors
    /// As [`Self::step`].
    pub fn end(&mut self, run: u64, end: Option<&End>) -> Result<Option<HeldSteps>, String> {
        let is_written = matches!(&self.current, Some(Current { part: Part::Steps(_), .. }));
        let held = match end {
            Some(end) if is_written => self.write(run, |kept| kept.out.end(end)),
            _ => Ok(None),
        };
        if self.current.as_ref().is_some_and(|current| current.run == run) {
            self.close();
        }
        held.map(|held| held.map(|held| HeldSteps { has_end: true, ..held }))
    }

    /// Closes the file, which others may remove from now on, and makes room.
    fn close(&mut self) {
        if self.current.take().is_some_and(|current| matches!(current.part, Part::Steps(_))) {
            self.limit.enforce(&self.runs);
        }
    }

    /// Writes into the file of the run, which is made where there is none.
    fn write(&mut self, run: u64, line: impl FnOnce(&mut Kept) -> io::Result<()>) -> Result<Option<HeldSteps>, String> {
        let Some(current) = self.current.as_mut().filter(|current| current.run == run) else { return Ok(None) };
        if let Part::Nothing(log) = &current.part {
            match create(&self.runs, log, current.began) {
                Ok(kept) => current.part = Part::Steps(kept),
                Err(error) => {
                    current.part = Part::Broken;
                    return Err(output::refusal(&self.runs, &error));
                }
            }
        }
        let Part::Steps(kept) = &mut current.part else { return Ok(None) };
        let error = match line(kept) {
            Ok(()) => return Ok(Some(HeldSteps { run, steps: kept.steps, has_end: false })),
            Err(error) => output::refusal(&kept.path, &error),
        };
        if kept.steps == 0 {
            // Nobody misses it, and nothing can be done about it.
            let _ = fs::remove_file(&kept.path);
        }
        current.part = Part::Broken;
        Err(error)
    }
}

/// Makes the file of a run, and writes what is there of it.
fn create(runs: &Path, log: &Log, began: DateTime) -> io::Result<Kept> {
    make_folder(runs)?;
    let wanted = runs.join(name::name(log.header(), began));
    let (file, path) = create_new(&wanted)?;
    // Others that look for room pass it over as long as it is held. Where there are no locks, they go by its age.
    let _ = file.lock();
    let write = || {
        let mut out = Writer::new(file, log.header())?;
        log.entries().try_for_each(|entry| out.step(&entry))?;
        Ok(Kept { out, path: path.clone(), steps: log.len() })
    };
    write().inspect_err(|_: &io::Error| {
        let _ = fs::remove_file(&path);
    })
}

/// Makes a file of the wanted name, with a number where it is taken. Never follows a link.
fn create_new(wanted: &Path) -> io::Result<(File, PathBuf)> {
    let mut path = wanted.to_owned();
    for number in 2..=NAMES {
        match private().write(true).create_new(true).open(&path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => path = output::numbered(wanted, number),
            opened => return opened.map(|file| (file, path)),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}
