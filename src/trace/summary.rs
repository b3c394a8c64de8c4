//! What a list of runs says of a trace, read without building its log.

use std::{fs::File, io::BufRead, io::BufReader, path::Path};

use serde::{Deserialize, de::IgnoredAny};

use super::{
    End,
    file::{Lines, TraceError},
};
use crate::{decode::record::Cost, printable};

/// A run in a few words.
#[derive(Debug, Clone, PartialEq)]
pub struct RunSummary {
    /// Name of its preset.
    pub preset: Option<String>,
    /// Its prompt, as it was typed.
    pub prompt: String,
    /// Whether it branched off another run.
    pub is_fork: bool,
    /// Tokens that each step wrote, without those that end the text.
    pub written: Vec<u32>,
    /// Tokens of the answer before end of text; of a run without an end, all that it holds.
    pub tokens: usize,
    /// What its steps cost together.
    pub cost: Cost,
    /// How it ended, if it did.
    pub end: Option<End>,
    /// Whether the file is cut off within a line.
    pub is_torn: bool,
}

/// A token that was written.
#[derive(Deserialize)]
struct LightCommit {
    token: u32,
}

/// A line, without what is heavy in it.
#[derive(Deserialize)]
struct LightLine {
    #[serde(default)]
    commits: Vec<LightCommit>,
    #[serde(default)]
    remasked: Vec<IgnoredAny>,
    #[serde(default)]
    cost: Option<Cost>,
    #[serde(default)]
    end: Option<End>,
}

impl RunSummary {
    /// Of the trace at `path`. Its steps are counted, not checked: a file that has a summary may still be refused by
    /// [`file::open`](super::file::open).
    ///
    /// # Errors
    /// Where it cannot be read, is no trace or is damaged; messages call it by its name without the folder.
    pub fn open(path: &Path) -> Result<Self, TraceError> {
        let name = path.file_name().unwrap_or(path.as_os_str());
        let name = printable::line(&name.to_string_lossy());
        match File::open(path) {
            Ok(file) => Self::read(&name, BufReader::with_capacity(1 << 16, file)),
            Err(error) => Err(TraceError::Unreadable { file: name, message: error.to_string() }),
        }
    }

    /// Of a trace; `file` names it in messages.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn read(file: &str, input: impl BufRead) -> Result<Self, TraceError> {
        let mut lines = Lines::new(file, input)?;
        let (header, ..) = lines.header()?;
        let mut summary = Self {
            preset: header.preset.clone(),
            prompt: header.prompt.clone(),
            is_fork: header.origin.is_some(),
            written: Vec::new(),
            tokens: 0,
            cost: Cost::default(),
            end: None,
            is_torn: false,
        };
        let mut remasked = 0;
        while lines.next()? {
            let line: LightLine = match serde_json::from_slice(lines.line()) {
                Ok(line) => line,
                Err(_) if !lines.is_whole() => {
                    summary.is_torn = true;
                    break;
                }
                Err(error) => return Err(lines.unreadable(&error)),
            };
            if let Some(cost) = line.cost {
                summary.cost += cost;
                let tokens = line.commits.iter().filter(|commit| !header.is_end(commit.token)).count();
                summary.written.push(tokens as u32);
                remasked += line.remasked.len();
            }
            summary.end = line.end.or(summary.end);
        }
        let held = summary.written.iter().map(|count| *count as usize).sum::<usize>().saturating_sub(remasked);
        summary.tokens = summary.end.as_ref().map_or(held, |end| end.tokens);
        Ok(summary)
    }

    /// Tokens before end of text per second of decoding; 0 where no time was measured.
    pub fn tokens_per_second(&self) -> f64 {
        let seconds = self.cost.total_us() as f64 / 1e6;
        if seconds > 0.0 { self.tokens as f64 / seconds } else { 0.0 }
    }
}
