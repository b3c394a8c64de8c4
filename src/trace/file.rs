//! The file format of a log: JSON lines.
//!
//! ```text
//! {"diffuscope":{"format":2,"program":"0.1.0"},"header":{…}}
//! {"step":0,"region":{…},"commits":[…],"cost":{…},"columns":{…},…}     one line per step
//! {"end":{…}}
//! ```
//!
//! A step is written as the difference to the line before; `docs/trace-format.md` describes every field. Format 1, in
//! which every line stood for itself, is still read.
//!
//! Every line is written whole and flushed, so that a run that was interrupted leaves a file that opens up to its
//! last step. A file may be compressed, which its first bytes tell. It is untrusted: whatever views index by is checked
//! while it is read.
//!
//! A later version may add fields, knobs, words and kinds of lines without another number of the format. What can be
//! left out is left out, with a warning; where something cannot, the message says that the file knows more, and never
//! that it is damaged.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    End, Entry, Header, Log,
    check::{self, plural},
    compressed::{self, FRAME},
    foreign::{Knobs, shortened},
    json,
    line::{self, StepLine},
};
use crate::{output, printable};

/// The version of the format; it grows when an older program would misread the file.
pub const FORMAT: u32 = 2;

/// The longest line that is read: twice a step of format 1 of forty thousand positions whose cache is audited through
/// forty layers.
const LONGEST_LINE: u64 = 64 << 20;

/// The longest reason that a message quotes, in characters: it may quote the file.
const LONGEST_REASON: usize = 240;

const BEHIND_THE_END: &str = "there is more after the end of the run";

/// This program's version.
const VERSION: &str = env!("CARGO_PKG_VERSION");

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
    /// A later version wrote a line that this one cannot read.
    #[error(
        "{file}, line {line}: {message}; it was written by diffuscope {program}, which knows more than this one \
         ({VERSION}): use a newer diffuscope"
    )]
    Beyond {
        /// The file, printable.
        file: String,
        /// The line, from 1.
        line: usize,
        /// What is not understood.
        message: String,
        /// The version that wrote it, printable.
        program: String,
    },
    /// A line does not say what it should.
    #[error("{file}, line {line}: {message}; the trace is damaged: record it again with `diffuscope run --trace`")]
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

/// The part of a header that a later version may say more in.
#[derive(Deserialize)]
struct KnobsField {
    header: HeaderKnobs,
}

#[derive(Deserialize)]
struct HeaderKnobs {
    settings: Knobs,
}

#[derive(Serialize)]
struct EndLine<'a> {
    end: &'a End,
}

#[derive(Deserialize)]
struct EndField {
    end: End,
}

/// Which kind of line it is.
#[derive(Deserialize)]
struct LineKind {
    #[serde(default)]
    step: Option<serde::de::IgnoredAny>,
    #[serde(default)]
    end: Option<serde::de::IgnoredAny>,
}

/// Whether a trace of that name is written compressed. Whether one that is read is, its first bytes tell.
pub fn is_compressed_name(path: &Path) -> bool {
    path.extension().is_some_and(|suffix| suffix == "dscope" || suffix == "zst")
}

/// Writes a trace, line by line. One that is compressed is complete with its end, or when it is dropped.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: W,
    lines: line::LineState,
    /// Lines that are not written yet.
    pending: Vec<u8>,
    is_compressed: bool,
}

impl<W: Write> Writer<W> {
    /// Writes the header.
    pub fn new(out: W, header: &Header) -> io::Result<Self> {
        Self::begin(out, header, false)
    }

    /// The same for a file that is compressed.
    pub fn compressed(out: W, header: &Header) -> io::Result<Self> {
        Self::begin(out, header, true)
    }

    fn begin(out: W, header: &Header, is_compressed: bool) -> io::Result<Self> {
        let mut writer = Self { out, lines: line::LineState::new(header), pending: Vec::new(), is_compressed };
        let stamp = Stamp { format: FORMAT, program: VERSION.to_owned() };
        writer.write(&HeaderLine { diffuscope: stamp, header })?;
        Ok(writer)
    }

    /// Writes a step.
    pub fn step(&mut self, entry: &Entry) -> io::Result<()> {
        let line = self.lines.line(entry);
        self.write(&line)
    }

    /// Writes how the run ended.
    pub fn end(&mut self, end: &End) -> io::Result<()> {
        self.write(&EndLine { end })?;
        self.send()
    }

    /// Adds a line, which waits for others where a frame is not full yet.
    fn write(&mut self, line: &impl Serialize) -> io::Result<()> {
        json::write(&mut self.pending, line)?;
        self.pending.push(b'\n');
        if self.is_compressed && self.pending.len() < FRAME { Ok(()) } else { self.send() }
    }

    /// Writes the lines that wait. What could not be written is not tried again.
    fn send(&mut self) -> io::Result<()> {
        if self.pending.is_empty() {
            return Ok(());
        }
        let sent = if self.is_compressed {
            self.out.write_all(&compressed::frame(&self.pending))
        } else {
            self.out.write_all(&self.pending)
        };
        self.pending.clear();
        sent?;
        self.out.flush()
    }
}

/// The steps of a run that was broken off.
impl<W: Write> Drop for Writer<W> {
    fn drop(&mut self) {
        // There is nobody to report it to.
        let _ = self.send();
    }
}

/// Writes a whole log.
pub fn write(log: &Log, out: impl Write) -> io::Result<()> {
    let mut writer = Writer::new(out, log.header())?;
    for entry in log.entries() {
        writer.step(&entry)?;
    }
    log.end().map_or(Ok(()), |end| writer.end(end))
}

/// A trace that could not be saved.
#[derive(Debug, Error)]
#[error("the trace could not be saved as {file}: {source}")]
pub struct SaveError {
    /// The file, printable.
    pub file: String,
    /// What the system says.
    pub source: io::Error,
}

/// Writes a log into a new file; where the name is taken, a number is added to it. Returns the file. One that cannot be
/// written whole is not there afterwards.
pub fn save(log: &Log, wanted: &Path) -> Result<PathBuf, SaveError> {
    output::create_numbered(wanted, |out| write(log, out))
        .map_err(|source| SaveError { file: printable::line(&wanted.display().to_string()), source })
}

/// A log that was read, and what is worth saying about the file.
#[derive(Debug, Clone, PartialEq)]
pub struct Opened {
    /// The log: every step that is whole.
    pub log: Log,
    /// One sentence each: the file is cut off, the run has no end, a later version said more.
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
    let mut lines = Lines::new(file, input)?;
    let (header, knobs, warning) = lines.header()?;
    let mut warnings = Vec::from_iter(warning);
    let mut steps = check::Steps::new(&header);
    let mut before = line::LineState::new(&header);
    let mut log = Log::new(header);
    log.note_unknown_knobs(knobs.unknown);
    let (mut cut, mut left_out) = (false, 0);
    while lines.next()? {
        let kind: LineKind = match serde_json::from_slice(&lines.line) {
            _ if log.end().is_some() && lines.later.is_none() => return Err(lines.damaged(BEHIND_THE_END.to_owned())),
            Ok(kind) => kind,
            // A number that is cut off is no proper end of a line either, so the parser's reason does not matter.
            Err(_) if !lines.whole => {
                cut = true;
                break;
            }
            Err(error) => return Err(lines.unreadable(&error)),
        };
        match kind {
            LineKind { step: None, end: None } if lines.later.is_some() => left_out += 1,
            _ if log.end().is_some() => return Err(lines.misfit(BEHIND_THE_END.to_owned())),
            LineKind { end: Some(_), .. } => {
                let EndField { end } = lines.parse()?;
                check::end(log.header(), &end).map_err(|message| lines.misfit(message))?;
                log.finish(end);
            }
            LineKind { end: None, .. } => {
                let entry = lines.entry(&mut before)?;
                steps.check(&entry).map_err(|message| lines.misfit(message))?;
                log.push(&entry);
            }
        }
    }
    if let (1.., Some(program)) = (left_out, &lines.later) {
        let lines = plural(left_out, "line");
        warnings.push(format!("the trace has {lines} of diffuscope {program} that this one ({VERSION}) leaves out"));
    }
    let steps = plural(log.len(), "step");
    if cut {
        warnings.push(format!("line {} of the trace is cut off: it opens with the {steps} before it", lines.number));
    } else if log.end().is_none() {
        warnings.push(format!("the trace has no end: its run was interrupted after {steps}"));
    }
    Ok(Opened { log, warnings })
}

/// Whether a version is later than this program's.
fn is_later(version: &str) -> bool {
    let numbers = |version: &str| -> Vec<u64> {
        version.split(['.', '-', '+']).map_while(|part| part.parse().ok()).take(3).collect()
    };
    numbers(version) > numbers(VERSION)
}

/// Names the knobs that only the version that wrote the trace knows.
fn unknown_knobs(knobs: &Knobs, program: &str) -> Option<String> {
    let (last, others) = knobs.unknown.split_last()?;
    let named = match (others, knobs.more) {
        ([], 0) => last.clone(),
        (_, 0) => format!("{} and {last}", others.join(", ")),
        (_, more) => format!("{}, {last} and {more} more", others.join(", ")),
    };
    let left_out = if others.is_empty() { "it is" } else { "they are" };
    Some(format!(
        "the trace was written by diffuscope {program} and sets {named}, which this one ({VERSION}) does not know: \
         {left_out} left out"
    ))
}

/// The lines of a file, one at a time.
pub(super) struct Lines<'a> {
    file: String,
    input: Box<dyn BufRead + 'a>,
    /// Of the current line, from 1.
    number: usize,
    line: Vec<u8>,
    /// Whether the current line ends with a line break.
    whole: bool,
    /// The version that wrote the file, printable, where it is later than this one.
    later: Option<String>,
    /// The format of the file.
    format: u32,
}

impl<'a> Lines<'a> {
    /// Before the first line of a file, which may be compressed; `file` names it in messages.
    pub(super) fn new(file: &str, input: impl BufRead + 'a) -> Result<Self, TraceError> {
        let (file, number) = (file.to_owned(), 0);
        match compressed::unpacked(input) {
            Ok(input) => Ok(Self { file, input, number, line: Vec::new(), whole: true, later: None, format: FORMAT }),
            Err(error) => Err(TraceError::Unreadable { file, message: error.to_string() }),
        }
    }

    /// The current line.
    pub(super) fn line(&self) -> &[u8] {
        &self.line
    }

    /// Whether the current line ends with a line break.
    pub(super) fn is_whole(&self) -> bool {
        self.whole
    }

    /// Reads the next line that is not blank; `false` at the end of the file.
    pub(super) fn next(&mut self) -> Result<bool, TraceError> {
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
                return Err(self.misfit(format!("it is longer than {LONGEST_LINE} bytes")));
            }
            if !self.line.trim_ascii().is_empty() {
                return Ok(true);
            }
        }
    }

    /// The header, its knobs, and a warning where they are more than this version knows.
    pub(super) fn header(&mut self) -> Result<(Header, Knobs, Option<String>), TraceError> {
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
        let program = shortened(&stamp.program, 40);
        if stamp.format > FORMAT {
            return Err(TraceError::Newer { file: self.file.clone(), program, format: stamp.format });
        }
        self.format = stamp.format;
        self.later = is_later(&stamp.program).then(|| program.clone());
        let HeaderField { header } = self.parse()?;
        check::header(&header).map_err(|message| self.misfit(message))?;
        let KnobsField { header: HeaderKnobs { settings } } = self.parse()?;
        let warning = unknown_knobs(&settings, &program);
        Ok((header, settings, warning))
    }

    /// The step of the current line, which follows on `before`.
    fn entry(&self, before: &mut line::LineState) -> Result<Entry, TraceError> {
        if self.format < 2 {
            return line::whole_entry(&self.line).map_err(|error| self.unreadable(&error));
        }
        let line: StepLine = self.parse()?;
        before.entry(line).map_err(|message| self.misfit(message))
    }

    fn parse<'b, T: Deserialize<'b>>(&'b self) -> Result<T, TraceError> {
        serde_json::from_slice(&self.line).map_err(|error| self.unreadable(&error))
    }

    /// A line that is no JSON is damaged, whatever version wrote it.
    pub(super) fn unreadable(&self, error: &serde_json::Error) -> TraceError {
        let message = json_message(error);
        if error.is_data() { self.misfit(message) } else { self.damaged(message) }
    }

    /// A line that this version has no use for.
    fn misfit(&self, message: String) -> TraceError {
        match self.later.clone() {
            Some(program) => TraceError::Beyond { file: self.file.clone(), line: self.number, message, program },
            None => self.damaged(message),
        }
    }

    fn damaged(&self, message: String) -> TraceError {
        TraceError::Damaged { file: self.file.clone(), line: self.number, message }
    }
}

/// The parser counts lines within a line; only the column means something here.
fn json_message(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    let message = shortened(message, LONGEST_REASON);
    let column = error.column();
    if column > 0 { format!("{message} (column {column})") } else { message }
}
