//! `--log`: a file that says what the program did, for reports of bugs. There is none unless it is asked for.

use std::{
    env,
    fs::{File, OpenOptions},
    io::{self, Write},
    panic,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, OnceLock, PoisonError},
    thread,
};

use jiff::Timestamp;
use log::{LevelFilter, Log, Metadata, Record};

use super::failure::{Failure, warn};
use crate::{panics, printable};

/// Names the file, or is empty for none.
const LOG_VARIABLE: &str = "DIFFUSCOPE_LOG";

/// Variables that change what the program does, and say nothing about the person.
const TELLING: [&str; 16] = [
    "TERM",
    "COLORTERM",
    "TERM_PROGRAM",
    "TERM_PROGRAM_VERSION",
    "NO_COLOR",
    "LANG",
    "LC_ALL",
    "LC_CTYPE",
    "DIFFUSCOPE_CONFIG",
    "DIFFUSCOPE_STATE",
    "HF_HOME",
    "HF_HUB_CACHE",
    "HF_HUB_OFFLINE",
    "RAYON_NUM_THREADS",
    "CUDA_VISIBLE_DEVICES",
    "RUST_BACKTRACE",
];

/// Variables of which the file says only that they are set: some hold names and passwords.
const SECRET: [&str; 7] = ["TMUX", "SSH_TTY", "HF_TOKEN", "HF_ENDPOINT", "HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY"];

/// Whether to note what the program does.
#[derive(Debug, clap::Args)]
pub(super) struct LogArgs {
    /// Add to this file what the program does, with times, for a bug report: no text of prompts and answers
    /// [default: `DIFFUSCOPE_LOG` of the environment, else none]
    #[arg(long, global = true, value_name = "FILE", help_heading = "Bug reports")]
    log: Option<PathBuf>,
    /// Add the text of prompts and answers to that file, too
    #[arg(long, global = true, help_heading = "Bug reports")]
    log_text: bool,
}

impl LogArgs {
    /// Opens the file, if there is to be one, and begins it with what a report needs first.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(super) fn open(&self, command: &str) -> Result<(), Failure> {
        let named = self.log.clone().or_else(|| env::var_os(LOG_VARIABLE).map(PathBuf::from));
        let Some(path) = named.filter(|path| !path.as_os_str().is_empty()) else { return Ok(()) };
        let file = OpenOptions::new().append(true).create(true).open(&path);
        let file = file.map_err(|error| Failure::writing(&path, &error))?;
        let log = LOG.get_or_init(|| LogFile { path, state: Mutex::new(Ok(file)) });
        if log::set_logger(log).is_ok() {
            log::set_max_level(if self.log_text { LevelFilter::Debug } else { LevelFilter::Info });
            note_panics();
            introduce(command);
        }
        Ok(())
    }
}

/// Says where the log file could not be written to its end. The program does its work all the same.
pub(super) fn close() {
    if let Some(LogFile { path, state }) = LOG.get()
        && let Err(error) = &*lock(state)
    {
        warn(&format!("the log file {} ends early: {error}", path.display()));
    }
}

static LOG: OnceLock<LogFile> = OnceLock::new();

struct LogFile {
    path: PathBuf,
    /// What is written to, or why nothing is any more.
    state: Mutex<io::Result<File>>,
}

impl Log for LogFile {
    /// Libraries have messages that were not written to be shown to strangers.
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with(env!("CARGO_PKG_NAME"))
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let line = line(Timestamp::now(), record);
        let mut state = lock(&self.state);
        // At once and whole: of a program that is killed, the last line counts most.
        if let Ok(file) = &mut *state
            && let Err(error) = file.write_all(line.as_bytes())
        {
            *state = Err(error);
        }
    }

    fn flush(&self) {}
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `2026-11-28T08:14:02.031Z INFO  engine: run 1: paused`
fn line(time: Timestamp, record: &Record<'_>) -> String {
    let room = record.target().split("::").nth(1).unwrap_or("diffuscope");
    format!("{time:.3} {:<5} {room}: {}\n", record.level(), printable::line(&record.args().to_string()))
}

/// What a report needs first: which program, where, and what may make it behave in another way.
fn introduce(command: &str) {
    let cores = thread::available_parallelism().map_or(0, usize::from);
    let (version, system, machine) = (env!("CARGO_PKG_VERSION"), env::consts::OS, env::consts::ARCH);
    log::info!("diffuscope {version}, {command}, {system} on {machine}, {cores} cores, process {}", std::process::id());
    let telling = TELLING.iter().filter_map(|name| {
        let value = env::var_os(name)?;
        Some(format!("{name}={}", Path::new(&value).display()))
    });
    let secret = SECRET.iter().filter(|name| env::var_os(name).is_some()).map(|name| format!("{name} is set"));
    log::info!("environment: {}", telling.chain(secret).collect::<Vec<_>>().join(", "));
    if let Ok((columns, rows)) = crossterm::terminal::size() {
        log::info!("terminal: {columns} columns, {rows} rows");
    }
}

/// Panics that are caught are noted where they are.
fn note_panics() {
    let otherwise = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        log::error!("panic: {}", panics::describe(info));
        otherwise(info);
    }));
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use log::Level;

    use super::*;

    #[test]
    fn a_line_has_a_time_and_nothing_that_a_terminal_obeys() {
        let time = Timestamp::from_millisecond(1_795_853_642_031).unwrap();
        let message = format_args!("a\u{1b}[31m name\nof two lines");
        let record = Record::builder().target("diffuscope::engine::worker").level(Level::Warn).args(message).build();
        assert_eq!(line(time, &record), "2026-11-28T08:14:02.031Z WARN  engine: a\u{fffd}[31m name⏎of two lines\n");
    }

    #[test]
    fn libraries_are_left_out() {
        let log = LogFile { path: PathBuf::new(), state: Mutex::new(Err(io::ErrorKind::NotFound.into())) };
        let metadata = |target| Metadata::builder().target(target).level(Level::Warn).build();
        assert!(log.enabled(&metadata("diffuscope::tui")));
        assert!(!log.enabled(&metadata("rustls::client")));
    }
}
