//! How a command fails: one sentence and an exit code.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use crate::{
    engine::RunError, interrupt::Interrupt, settings::SettingsError, trace::file::TraceError, trace::printable,
};

/// Shown by `--help`.
pub(super) const EXIT_CODES: &str = "\
Exit codes:
  0      done (a wrong answer is a result, not a failure)
  2      bad input: arguments, settings, prompt or files
  3      the run failed, or its result could not be written
  128+n  ended by signal n: 130 by Ctrl-C, 143 by a request to terminate, 129 by a terminal that was closed";

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(super) enum Failure {
    /// What was given cannot be used.
    Input(String),
    /// It broke under way.
    Broken(String),
    /// It was asked to end before it was done, and kept what there was; the exit code says by which signal.
    Interrupted(u8),
    /// Whoever read the output has gone: nothing is left to say, nor anyone to hear it.
    Unheard,
}

impl Failure {
    /// Bad input, told by an error and its causes.
    pub(super) fn input(error: &anyhow::Error) -> Self {
        Self::Input(format!("{error:#}"))
    }

    /// A failure under way, told by an error and its causes.
    pub(super) fn broken(error: &anyhow::Error) -> Self {
        Self::Broken(format!("{error:#}"))
    }

    /// A file that cannot be written: bad input where it is of no use as a file to write, a failure where the device
    /// is full or broken.
    pub(super) fn writing(file: &std::path::Path, error: &io::Error) -> Self {
        use io::ErrorKind::{
            AlreadyExists, InvalidFilename, InvalidInput, IsADirectory, NotADirectory, NotFound, PermissionDenied,
            ReadOnlyFilesystem,
        };
        let message = format!("{} cannot be written: {error}", file.display());
        match error.kind() {
            AlreadyExists | InvalidFilename | InvalidInput | IsADirectory | NotADirectory | NotFound
            | PermissionDenied | ReadOnlyFilesystem => Self::Input(message),
            _ => Self::Broken(message),
        }
    }

    /// Puts what it is about before the sentence.
    pub(super) fn about(self, what: &str) -> Self {
        match self {
            Self::Input(message) => Self::Input(format!("{what}: {message}")),
            Self::Broken(message) => Self::Broken(format!("{what}: {message}")),
            other => other,
        }
    }

    /// Prints the sentence and gives the exit code.
    pub(super) fn report(&self) -> ExitCode {
        let (message, code) = match self {
            Self::Input(message) => (message, 2),
            Self::Broken(message) => (message, 3),
            Self::Interrupted(code) => return ExitCode::from(*code),
            Self::Unheard => return ExitCode::SUCCESS,
        };
        warn(message);
        ExitCode::from(code)
    }
}

/// Has signals ask for an orderly end.
pub(super) fn listen() -> Result<Interrupt, Failure> {
    Interrupt::listen().map_err(|error| Failure::Broken(format!("the system does not tell of signals: {error}")))
}

/// A sentence on standard error, whether or not somebody reads it.
pub(super) fn warn(message: &str) {
    let _ = writeln!(io::stderr(), "diffuscope: {}", printable::line(message));
}

/// An error of standard output.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::Unheard
        } else {
            Self::Broken(format!("the output cannot be written: {error}"))
        }
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Self::Input(error.to_string())
    }
}

impl From<TraceError> for Failure {
    fn from(error: TraceError) -> Self {
        Self::Input(error.to_string())
    }
}

impl From<RunError> for Failure {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Request(message) => Self::Input(message),
            RunError::Broken(_) => Self::Broken(error.to_string()),
        }
    }
}

/// The parser's error without its usage lines, as one sentence.
pub(super) fn of_arguments(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let mut message = String::new();
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    for line in lines.take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more information")) {
        let joint = match line {
            _ if message.is_empty() => "",
            line if line.starts_with("tip:") => "; ",
            _ => " ",
        };
        message.push_str(joint);
        message.push_str(line);
    }
    Failure::Input(format!(
        "{}; `diffuscope --help` lists what there is",
        message.strip_prefix("error: ").unwrap_or(&message)
    ))
}
