//! How a command fails: one sentence and an exit code.

use std::{
    io::{self, Write},
    process::ExitCode,
};

use crate::{
    engine::protocol::RequestError, interrupt::Interrupt, output, printable, settings::SettingsError,
    trace::file::TraceError,
};

/// Exit codes and what they mean.
pub(super) const EXIT_CODES: [(&str, &str); 5] = [
    ("0", "done (a wrong answer is a result, not a failure)"),
    ("1", "traces differ, where `diff --exit-code` asked, or a step does from its trace (`replay --verify`)"),
    ("2", "bad input: arguments, settings, prompt or files"),
    ("3", "the run failed, or its result could not be written"),
    ("128+n", "ended by signal n: 130 by Ctrl-C, 143 by a request to terminate, 129 by a terminal that was closed"),
];

/// Shown by `--help`.
pub(super) fn exit_codes() -> String {
    EXIT_CODES.iter().fold("Exit codes:".to_owned(), |text, (code, meaning)| format!("{text}\n  {code:<6} {meaning}"))
}

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(super) enum Failure {
    /// What was given cannot be used.
    Usage(String),
    /// It broke under way.
    Runtime(String),
    /// It was asked to end before it was done, and kept what there was; the exit code says by which signal.
    Interrupted(u8),
    /// What was compared differs, and the exit code was asked to say so; all else is said already.
    Differs,
    /// Standard output was closed: the command exits silently.
    BrokenPipe,
}

impl Failure {
    /// Bad input, described by an error and its causes.
    pub(super) fn input(error: &anyhow::Error) -> Self {
        Self::Usage(format!("{error:#}"))
    }

    /// A failure under way, described by an error and its causes.
    pub(super) fn broken(error: &anyhow::Error) -> Self {
        Self::Runtime(format!("{error:#}"))
    }

    /// A file that cannot be written: bad input where it is of no use as a file to write, a failure where the device
    /// is full or broken.
    pub(super) fn writing(file: &std::path::Path, error: &io::Error) -> Self {
        use io::ErrorKind::{
            AlreadyExists, InvalidFilename, InvalidInput, IsADirectory, NotADirectory, NotFound, PermissionDenied,
            ReadOnlyFilesystem,
        };
        let message = output::refusal(file, error);
        match error.kind() {
            AlreadyExists | InvalidFilename | InvalidInput | IsADirectory | NotADirectory | NotFound
            | PermissionDenied | ReadOnlyFilesystem => Self::Usage(message),
            _ => Self::Runtime(message),
        }
    }

    /// Puts what it is about before the sentence.
    pub(super) fn about(self, what: &str) -> Self {
        match self {
            Self::Usage(message) => Self::Usage(format!("{what}: {message}")),
            Self::Runtime(message) => Self::Runtime(format!("{what}: {message}")),
            other => other,
        }
    }

    /// Prints the sentence and gives the exit code.
    pub(super) fn report(&self) -> ExitCode {
        let (message, code) = match self {
            Self::Usage(message) => (message, 2),
            Self::Runtime(message) => (message, 3),
            Self::Interrupted(code) => return ExitCode::from(*code),
            Self::Differs => return ExitCode::FAILURE,
            Self::BrokenPipe => return ExitCode::SUCCESS,
        };
        log::error!("exit code {code}: {message}");
        warn(message);
        ExitCode::from(code)
    }
}

/// Turns signals into requests for an orderly end.
pub(super) fn listen() -> Result<Interrupt, Failure> {
    Interrupt::listen().map_err(|error| Failure::Runtime(format!("signals cannot be handled: {error}")))
}

/// A sentence on standard error; a failure to write it is ignored.
pub(super) fn warn(message: &str) {
    let _ = writeln!(io::stderr(), "diffuscope: {}", printable::line(message));
}

/// An error of standard output.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::BrokenPipe
        } else {
            Self::Runtime(format!("the output cannot be written: {error}"))
        }
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<TraceError> for Failure {
    fn from(error: TraceError) -> Self {
        Self::Usage(error.to_string())
    }
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        match error {
            RequestError::Refused(message) => Self::Usage(message),
            RequestError::Broken(message) => Self::Runtime(message),
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
    Failure::Usage(format!(
        "{}; `diffuscope --help` lists commands and options",
        message.strip_prefix("error: ").unwrap_or(&message)
    ))
}
