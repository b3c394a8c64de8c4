//! Progress of loading and of what takes a while, on standard error: a line on a terminal, with a bar where bytes are counted; a few sentences
//! elsewhere.

use std::{
    io::{self, IsTerminal},
    ops::ControlFlow,
    sync::{
        Mutex,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use indicatif::{ProgressBar, ProgressStyle};

use super::failure::warn;
use crate::{
    engine::LoadObserver,
    model::{memory::bytes, source::Progress},
    printable,
};

/// Models whose files are smaller load before a line could be read.
const NOTABLE: u64 = 64 << 20;

/// How often a line moves while nothing else does.
const TICK: Duration = Duration::from_millis(100);

/// What the line shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
enum Look {
    Nothing,
    /// A sentence.
    Words,
    /// Bytes.
    Amount,
    /// Bytes of a known number.
    Share,
    /// Steps of a known number.
    Steps,
}

impl Look {
    fn style(self) -> ProgressStyle {
        let template = match self {
            Self::Nothing | Self::Words => "{spinner} {wide_msg}",
            Self::Amount => "{spinner} {msg} {decimal_bytes}",
            Self::Share => {
                "{msg} {wide_bar} {decimal_bytes} of {decimal_total_bytes} ({percent} %), {decimal_bytes_per_sec}, {eta}"
            }
            Self::Steps => "{msg} {wide_bar} {pos} of {len}, {eta}",
        };
        let style = ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner());
        style.progress_chars("━╸─")
    }
}

/// Shows progress on standard error.
pub(super) struct Console {
    bar: ProgressBar,
    /// The [`Look`] of the bar.
    look: AtomicU8,
    /// Without a terminal: what was said last.
    said: Option<Mutex<String>>,
}

impl Console {
    /// Nothing is shown yet.
    pub(super) fn new() -> Self {
        let said = (!io::stderr().is_terminal()).then(Mutex::default);
        // Draws on standard error, and nothing where that is no terminal.
        let bar = ProgressBar::no_length().with_style(Look::Words.style());
        Self { bar, look: AtomicU8::new(Look::Nothing as u8), said }
    }

    /// Takes the line away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }

    /// Draws in another way from now on. The rate and the time left are those of what is counted now.
    fn look(&self, look: Look) {
        if self.look.swap(look as u8, Ordering::Relaxed) == look as u8 {
            return;
        }
        self.bar.set_style(look.style());
        self.bar.reset();
        if matches!(look, Look::Share | Look::Steps) {
            self.bar.disable_steady_tick();
        } else {
            self.bar.enable_steady_tick(TICK);
        }
    }

    /// Shows a number of bytes, of `total` where that is known, under a heading.
    fn count(&self, heading: &str, done: u64, total: Option<u64>) {
        match total {
            Some(total) => self.bar.set_length(total),
            None => self.bar.unset_length(),
        }
        self.bar.set_message(printable::line(heading));
        self.look(if total.is_some() { Look::Share } else { Look::Amount });
        self.bar.set_position(done);
    }

    /// Shows how many steps of its parent a fork has repeated.
    pub(super) fn replaying(&self, done: usize, steps: usize) {
        self.bar.set_length(steps as u64);
        self.bar.set_message("repeating the steps of the parent");
        self.look(Look::Steps);
        self.bar.set_position(done as u64);
    }

    /// Shows how many frames of a recording are made.
    pub(super) fn drawing(&self, done: usize, frames: usize) {
        self.bar.set_length(frames as u64);
        self.bar.set_message("drawing");
        self.look(Look::Steps);
        self.bar.set_position(done as u64);
    }

    /// Shows how many frames of a demo are filmed so far.
    pub(super) fn filming(&self, frames: usize) {
        self.bar.set_message(format!("filming: {frames} frames"));
        self.look(Look::Words);
    }

    /// Says a sentence where there is no bar, once.
    fn say(&self, sentence: &str) {
        match self.said.as_ref().map(Mutex::lock) {
            None => {
                self.bar.set_message(printable::line(sentence));
                self.look(Look::Words);
            }
            Some(Ok(mut said)) if *said != sentence => {
                warn(sentence);
                sentence.clone_into(&mut said);
            }
            Some(_) => {}
        }
    }

    /// Shows what is being done.
    pub(super) fn show(&self, progress: &Progress) {
        match progress {
            Progress::Asking { model } => self.say(&format!("asking the hub for {model}")),
            Progress::Waiting { model, seconds: None } => {
                self.say(&format!("the hub does not answer about {model}; trying again"));
            }
            Progress::Waiting { model, seconds: Some(seconds) } => {
                self.say(&format!("the hub asks to wait {seconds} s before it is asked about {model} again"));
            }
            Progress::Found { model, weights } => self.say(&format!("downloading {model}, {}", bytes(*weights))),
            Progress::Checking { model, file, done, total } => {
                self.count(&format!("checking what is there of {model} {file}"), *done, Some(*total));
            }
            Progress::Downloading { model, file, done, total } => self.count(&format!("{model} {file}"), *done, *total),
            Progress::Reading { model, done, total } if *total >= NOTABLE => {
                self.count(&format!("reading {model}"), *done, Some(*total));
            }
            Progress::Reading { .. } => {}
        }
    }
}

impl LoadObserver for Console {
    fn progress(&self, progress: &Progress) -> ControlFlow<()> {
        self.show(progress);
        ControlFlow::Continue(())
    }

    fn warn(&self, sentence: String) {
        self.bar.suspend(|| warn(&sentence));
    }
}
