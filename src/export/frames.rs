//! The frames of a recording: what the playground shows, and when.

use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    footage::Footage,
    options::{ExportError, ExportOptions},
    replayed::ReplayedFrames,
};
use crate::{printable, trace::Log};

/// A screen, and the time from which on it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Seconds since the first frame.
    pub time: f64,
    /// The screen.
    pub screen: Buffer,
    /// What begins here, for players that jump from mark to mark.
    pub marker: Option<String>,
}

/// Where frames come from.
pub(super) trait FrameSource: Iterator<Item = Frame> {
    /// When each of the frames that are to come is shown, in seconds.
    fn times(&self) -> Vec<f64>;

    /// When the last frame has been shown long enough, in seconds.
    fn end(&self) -> f64;

    /// The last frame.
    fn last_frame(self: Box<Self>) -> Option<Frame>;
}

/// The frames of a recording. Nothing but what is recorded and the options determines them.
pub struct Frames<'a> {
    options: &'a ExportOptions,
    title: String,
    log: Option<&'a Log>,
    source: Box<dyn FrameSource + 'a>,
    left: usize,
}

impl<'a> Frames<'a> {
    /// Those of a log: the prompt as it is typed, the canvas of masks, then one for each step.
    ///
    /// # Errors
    /// When the options are out of range or ask for two logs, or the log is empty.
    pub fn of(log: &'a Log, options: &'a ExportOptions) -> Result<Self, ExportError> {
        Ok(Self::new(options, Some(log), Box::new(ReplayedFrames::of(log, options)?)))
    }

    /// Those of two logs beside each other.
    ///
    /// # Errors
    /// When the options are out of range or their scene is one of a single log, or both logs are empty.
    pub fn of_two(log: &'a Log, against: &'a Log, options: &'a ExportOptions) -> Result<Self, ExportError> {
        Ok(Self::new(options, Some(log), Box::new(ReplayedFrames::of_two(log, against, options)?)))
    }

    /// Those of a demo.
    pub(super) fn of_demo(footage: Footage, options: &'a ExportOptions) -> Self {
        Self::new(options, None, Box::new(footage))
    }

    fn new(options: &'a ExportOptions, log: Option<&'a Log>, source: Box<dyn FrameSource + 'a>) -> Self {
        let prompt = log.map_or("", |log| &log.header().prompt);
        let title = printable::line(if options.title.is_empty() { prompt } else { &options.title });
        let left = source.times().len();
        Self { options, title, log, source, left }
    }

    /// The log, where it is of one; of two, the first.
    pub fn log(&self) -> Option<&'a Log> {
        self.log
    }

    /// How the recording looks.
    pub fn options(&self) -> &'a ExportOptions {
        self.options
    }

    /// What the recording is called: as it was asked for, else by its prompt; printable.
    pub fn title(&self) -> String {
        self.title.clone()
    }

    /// The area of every frame.
    pub fn area(&self) -> Rect {
        super::area(self.options)
    }

    /// When each of the frames that are to come is shown, in seconds.
    pub fn times(&self) -> impl Iterator<Item = f64> + use<> {
        self.source.times().into_iter()
    }

    /// The last frame; those before it are not drawn.
    pub fn last_frame(self) -> Option<Frame> {
        self.source.last_frame()
    }

    /// When the last frame has been shown long enough, in seconds: where the recording ends.
    pub fn end(&self) -> f64 {
        self.source.end()
    }
}

impl Iterator for Frames<'_> {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        self.left = self.left.saturating_sub(1);
        self.source.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl ExactSizeIterator for Frames<'_> {}
