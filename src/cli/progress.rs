//! How loading goes, on standard error: a line with a bar on a terminal, a few sentences elsewhere.

use std::{
    io::{self, IsTerminal},
    ops::ControlFlow,
    sync::Mutex,
};

use indicatif::{ProgressBar, ProgressStyle};

use super::failure::warn;
use crate::{
    engine::LoadObserver,
    model::{memory::bytes, source::Progress},
    trace::printable,
};

/// Models whose files are smaller are there before one could read what goes on.
const NOTABLE: u64 = 64 << 20;

/// Shows progress on standard error.
pub(super) struct Console {
    bar: ProgressBar,
    /// Without a terminal: what was said last.
    said: Option<Mutex<String>>,
}

impl Console {
    /// Nothing is shown yet.
    pub(super) fn new() -> Self {
        let said = (!io::stderr().is_terminal()).then(Mutex::default);
        // Draws on standard error, and nothing where that is no terminal.
        Self { bar: ProgressBar::no_length(), said }
    }

    /// Takes the line away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Shows bytes of how many, under a heading.
    fn show(&self, heading: &str, done: u64, total: Option<u64>) {
        let template = match total {
            Some(_) => {
                "{msg} {wide_bar} {decimal_bytes} of {decimal_total_bytes} ({percent} %), {decimal_bytes_per_sec}, {eta}"
            }
            None => "{msg} {decimal_bytes}",
        };
        if self.bar.length() != total
            && let Ok(style) = ProgressStyle::with_template(template)
        {
            self.bar.set_style(style.progress_chars("━╸─"));
        }
        match total {
            Some(total) => self.bar.set_length(total),
            None => self.bar.unset_length(),
        }
        self.bar.set_message(printable::line(heading));
        self.bar.set_position(done);
    }

    /// Says a sentence where there is no bar, once.
    fn say(&self, sentence: &str) {
        match self.said.as_ref().map(Mutex::lock) {
            None => self.bar.set_message(printable::line(sentence)),
            Some(Ok(mut said)) if *said != sentence => {
                warn(sentence);
                sentence.clone_into(&mut said);
            }
            Some(_) => {}
        }
    }
}

impl LoadObserver for Console {
    fn progress(&self, progress: &Progress) -> ControlFlow<()> {
        match progress {
            Progress::Asking { model } => self.say(&format!("asking the hub for {model}")),
            Progress::Waiting { model } => self.say(&format!("the hub does not answer about {model}; trying again")),
            Progress::Found { model, weights } => self.say(&format!("downloading {model}, {}", bytes(*weights))),
            Progress::Checking { model, file, done, total } => {
                self.show(&format!("checking what is there of {model} {file}"), *done, Some(*total));
            }
            Progress::Downloading { model, file, done, total } => self.show(&format!("{model} {file}"), *done, *total),
            Progress::Reading { model, done, total } if *total >= NOTABLE => {
                self.show(&format!("reading {model}"), *done, Some(*total));
            }
            Progress::Reading { .. } => {}
        }
        ControlFlow::Continue(())
    }

    fn warn(&self, sentence: String) {
        self.bar.suspend(|| warn(&sentence));
    }
}
