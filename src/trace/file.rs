//! The file format of a log: JSON lines.
//!
//! ```text
//! {"diffuscope":{"format":1,"program":"0.1.0"},"header":{…}}
//! {"step":0,"region":{…},"ids":[…],…}     one line per step
//! {"end":{…}}
//! ```
//!
//! Every line is written whole and flushed, so that a run that was interrupted leaves a file that opens up to its
//! last step. A file is untrusted: whatever views index by is checked while it is read.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    path::Path,
    sync::Arc,
};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{End, Entry, Header, Log, check, json, printable};

/// The version of the format; it grows when an older program would misread the file.
pub const FORMAT: u32 = 1;

/// The longest line that is read: more than a hundred times a step of the longest context.
const LONGEST_LINE: u64 = 256 << 20;

/// Why a trace could not be read. Every message names the file.
#[derive(Debug, Error)]
pub enum TraceError {
    /// The file could not be opened or read.
    #[error("{file} cannot be read: {message}")]
    Unreadable {
        /// The file, printable.
        file: String,
        /// What the system says.
        message: String,
    },
    /// It holds something else.
    #[error("{file} is not a diffuscope trace: {message}; `diffuscope run --trace FILE` writes one")]
    NotATrace {
        /// The file, printable.
        file: String,
        /// How that shows.
        message: String,
    },
    /// A later version wrote it.
    #[error(
        "{file} was written by diffuscope {program} in trace format {format}, and this version reads up to {FORMAT}: \
         use a newer diffuscope"
    )]
    Newer {
        /// The file, printable.
        file: String,
        /// The version that wrote it, printable.
        program: String,
        /// Its format.
        format: u32,
    },
    /// A line does not say what it should.
    #[error("{file}, line {line}: {message}; the trace is damaged, record it anew with `diffuscope run --trace`")]
    Damaged {
        /// The file, printable.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is wrong.
        message: String,
    },
}

#[derive(Serialize, Deserialize)]
struct Stamp {
    format: u32,
    program: String,
}

#[derive(Serialize)]
struct HeaderLine<'a> {
    diffuscope: Stamp,
    header: &'a Header,
}

#[derive(Deserialize)]
struct StampLine {
    diffuscope: Stamp,
}

#[derive(Deserialize)]
struct HeaderField {
    header: Header,
}

#[derive(Serialize)]
struct EndLine<'a> {
    end: &'a End,
}

#[derive(Deserialize)]
struct EndField {
    end: End,
}

/// Which of the two kinds of line it is.
#[derive(Deserialize)]
struct Kind {
    #[serde(default)]
    end: Option<serde::de::IgnoredAny>,
}

/// Writes a trace, line by line.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    line: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Writes the header.
    pub fn new(out: W, header: &Header) -> io::Result<Self> {
        let mut writer = Self { out, line: Vec::new() };
        let stamp = Stamp { format: FORMAT, program: env!("CARGO_PKG_VERSION").to_owned() };
        writer.write(&HeaderLine { diffuscope: stamp, header })?;
        Ok(writer)
    }

    /// Writes a step.
    pub fn step(&mut self, entry: &Entry) -> io::Result<()> {
        self.write(entry)
    }

    /// Writes how the run ended.
    pub fn end(&mut self, end: &End) -> io::Result<()> {
        self.write(&EndLine { end })
    }

    fn write(&mut self, line: &impl Serialize) -> io::Result<()> {
        self.line.clear();
        json::write(&mut self.line, line)?;
        self.line.push(b'\n');
        self.out.write_all(&self.line)?;
        self.out.flush()
    }
}

/// Writes a whole log.
pub fn write(log: &Log, out: impl Write) -> io::Result<()> {
    let mut writer = Writer::new(out, log.header())?;
    for entry in log.entries() {
        writer.step(entry)?;
    }
    log.end().map_or(Ok(()), |end| writer.end(end))
}

/// A log that was read, and what is worth telling about the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// The log: every step that is whole.
    pub log: Log,
    /// One sentence each: the file is cut off, the run has no end.
    pub warnings: Vec<String>,
}

/// Opens the trace at `path`.
pub fn open(path: &Path) -> Result<Opened, TraceError> {
    let name = printable::line(&path.display().to_string());
    match File::open(path) {
        Ok(file) => read(&name, BufReader::new(file)),
        Err(error) => Err(TraceError::Unreadable { file: name, message: error.to_string() }),
    }
}

/// Reads a trace; `file` names it in messages.
pub fn read(file: &str, input: impl BufRead) -> Result<Opened, TraceError> {
    let mut lines = Lines { file: file.to_owned(), input, number: 0, line: Vec::new(), whole: true };
    let header = lines.header()?;
    let mut steps = check::Steps::new(&header);
    let mut log = Log::new(header);
    let mut warnings = Vec::new();
    while lines.next()? {
        if log.end().is_some() {
            return Err(lines.damaged("there is more after the end of the run".to_owned()));
        }
        let kind: Kind = match serde_json::from_slice(&lines.line) {
            Ok(kind) => kind,
            // A number that is cut off is no proper end of a line either, so the parser's reason does not matter.
            Err(_) if !lines.whole => {
                warnings.push(format!(
                    "line {} of the trace is cut off: it opens with the {} steps before it",
                    lines.number,
                    log.len()
                ));
                break;
            }
            Err(error) => return Err(lines.damaged(json_message(&error))),
        };
        if kind.end.is_some() {
            let EndField { end } = lines.parse()?;
            log.finish(end);
        } else {
            let entry: Entry = lines.parse()?;
            steps.check(&entry).map_err(|message| lines.damaged(message))?;
            log.push(Arc::new(entry));
        }
    }
    if log.end().is_none() && warnings.is_empty() {
        warnings.push(format!("the trace has no end: its run was interrupted after {} steps", log.len()));
    }
    Ok(Opened { log, warnings })
}

/// The lines of a file, one at a time.
struct Lines<R> {
    file: String,
    input: R,
    /// Of the current line, from 1.
    number: usize,
    line: Vec<u8>,
    /// Whether the current line ends with a line break.
    whole: bool,
}

impl<R: BufRead> Lines<R> {
    /// Reads the next line that is not blank; `false` at the end of the file.
    fn next(&mut self) -> Result<bool, TraceError> {
        loop {
            self.line.clear();
            self.number += 1;
            let read = (&mut self.input)
                .take(LONGEST_LINE)
                .read_until(b'\n', &mut self.line)
                .map_err(|error| TraceError::Unreadable { file: self.file.clone(), message: error.to_string() })?;
            self.whole = self.line.ends_with(b"\n");
            if read == 0 {
                return Ok(false);
            }
            if read as u64 == LONGEST_LINE && !self.whole {
                return Err(self.damaged(format!("it is longer than {LONGEST_LINE} bytes")));
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }

    fn header(&mut self) -> Result<Header, TraceError> {
        let not_a_trace = |lines: &Self, message: &str| TraceError::NotATrace {
            file: lines.file.clone(),
            message: message.to_owned(),
        };
        if !self.next()? {
            return Err(not_a_trace(self, "it is empty"));
        }
        let Ok(StampLine { diffuscope: stamp }) = serde_json::from_slice(&self.line) else {
            let cut = !self.whole && self.line.starts_with(b"{\"diffuscope\"");
            return Err(not_a_trace(self, if cut { "its header is cut off" } else { "its first line is no header" }));
        };
        if stamp.format > FORMAT {
            return Err(TraceError::Newer {
                file: self.file.clone(),
                program: printable::line(&stamp.program),
                format: stamp.format,
            });
        }
        let HeaderField { header } = self.parse()?;
        check::header(&header).map_err(|message| self.damaged(message))?;
        Ok(header)
    }

    fn parse<'a, T: Deserialize<'a>>(&'a self) -> Result<T, TraceError> {
        serde_json::from_slice(&self.line).map_err(|error| self.damaged(json_message(&error)))
    }

    fn damaged(&self, message: String) -> TraceError {
        TraceError::Damaged { file: self.file.clone(), line: self.number, message }
    }
}

/// The parser counts lines within a line; only the column means something here.
fn json_message(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    let column = error.column();
    if column > 0 { printable::line(&format!("{message} (column {column})")) } else { printable::line(message) }
}
