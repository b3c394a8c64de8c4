//! Recordings of a log, in one file per format.
//!
//! An [`Exporter`] is fed by one iterator of [`Frames`], which the playground's own views draw; so a further format is
//! its file and a line in [`FORMATS`], and `diffuscope export`, its help and its choice by the file's suffix follow from
//! that. The same log and the same options give the same bytes everywhere. Tables of its numbers are in [`table`].

mod ansi;
mod apng;
mod asciicast;
mod asciicast3;
mod demo;
mod field;
mod film;
mod footage;
mod formats;
mod frames;
mod gif;
mod html;
mod markup;
mod menu;
mod numbered;
mod options;
mod png;
mod raster;
mod replayed;
mod svg;
pub mod table;

use std::{
    fmt,
    io::{self, Write},
};

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};

pub use demo::{DemoRequest, FilmingError, film_demo};
pub use field::ExportField;
pub use formats::ExportFormat;
pub use frames::{Frame, Frames};
pub use menu::ExportChoices;
pub use options::{ExportError, ExportOptions, StepRange};
pub use raster::{FontError, Typeface};

use crate::{
    trace::Log,
    tui::{
        App,
        view::{self, FrameInfo},
    },
};

/// A format of recordings.
pub trait Exporter: fmt::Debug + Sync {
    /// What `--format` calls it.
    fn name(&self) -> &'static str;

    /// The suffixes of its files, without the dot; the usual one first.
    fn suffixes(&self) -> &'static [&'static str];

    /// What it is good for, half a line.
    fn about(&self) -> &'static str;

    /// Whether the choice of this makes a difference to its files.
    fn heeds(&self, _: ExportField) -> bool {
        true
    }

    /// Why it cannot be written with these options, where it cannot.
    fn refusal(&self, _: &ExportOptions) -> Option<&'static str> {
        None
    }

    /// Writes the recording, and says on the way how far it is.
    ///
    /// # Errors
    /// Those of `out`, and those by which `observer` stops it.
    fn write(&self, frames: Frames<'_>, observer: &dyn ExportObserver, out: &mut dyn Write) -> io::Result<()>;
}

/// The frames of a log, or of two beside each other.
///
/// # Errors
/// As [`Frames::of`] and [`Frames::of_two`].
pub fn frames<'a>(logs: &[&'a Log], options: &'a ExportOptions) -> Result<Frames<'a>, ExportError> {
    match logs {
        [log] => Frames::of(log, options),
        [log, against, ..] => Frames::of_two(log, against, options),
        [] => Err(ExportError::Empty),
    }
}

/// Hears how far a recording is.
pub trait ExportObserver: Sync {
    /// So many of all frames are written.
    ///
    /// # Errors
    /// One that ends the recording, such as [`io::ErrorKind::Interrupted`].
    fn progress(&self, done: usize, frames: usize) -> io::Result<()>;

    /// So many frames of a demo are filmed, and nobody knows how many it will have.
    ///
    /// # Errors
    /// As [`Self::progress`].
    fn filming(&self, frames: usize) -> io::Result<()> {
        self.progress(0, frames)
    }

    /// Something that a person should know of it, in a sentence.
    fn note(&self, sentence: &str);
}

/// Nobody listens.
impl ExportObserver for () {
    fn progress(&self, _: usize, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn note(&self, _: &str) {}
}

/// Every format. Of those with the same suffix, the first is the one that the suffix stands for.
pub static FORMATS: &[&dyn Exporter] = &[
    &asciicast::Asciicast,
    &asciicast3::Asciicast3,
    &gif::Gif,
    &svg::Svg,
    &svg::SvgStill,
    &png::Png,
    &apng::Apng,
    &html::HtmlPage,
];

/// The format of that name, or of files with that suffix.
pub fn format(name: &str) -> Option<&'static dyn Exporter> {
    FORMATS.iter().find(|format| format.name() == name).copied().or_else(|| format_of(name))
}

/// The format that a file's suffix stands for.
pub fn format_of(suffix: &str) -> Option<&'static dyn Exporter> {
    FORMATS.iter().find(|format| has_suffix(**format, suffix)).copied()
}

/// Whether files of a format may have that suffix.
pub fn has_suffix(format: &dyn Exporter, suffix: &str) -> bool {
    format.suffixes().iter().any(|known| known.eq_ignore_ascii_case(suffix))
}

/// The area of every frame.
fn area(options: &ExportOptions) -> Rect {
    Rect::new(0, 0, options.width, options.height)
}

/// The screen as it is now, its cursor as a cell, and what was drawn where.
fn screen_of(app: &App, options: &ExportOptions) -> (Buffer, FrameInfo) {
    let area = area(options);
    let mut screen = Buffer::empty(area);
    let drawn = view::draw(app, area, &mut screen);
    if let Some(cell) = drawn.cursor.and_then(|cursor| screen.cell_mut(cursor)) {
        cell.set_style(Style::new().add_modifier(Modifier::REVERSED));
    }
    (screen, drawn)
}
