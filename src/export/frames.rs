//! The frames of a recording: what the playground shows after each step, and when.

use ratatui::{buffer::Buffer, layout::Rect};
use thiserror::Error;

use crate::{
    trace::Log,
    tui::{
        Action, App, Arrangement, Layer, Pane,
        theme::{Level, Theme, ThemeName},
        update, view,
    },
};

/// How a recording looks.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportOptions {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// Steps shown per second at most; a step that took longer is shown for as long as it took.
    pub fps: f32,
    /// Which palette.
    pub theme: ThemeName,
    /// How the canvas is read.
    pub layer: Layer,
    /// How its tokens are arranged.
    pub arrangement: Arrangement,
    /// What stands in the canvas's place.
    pub view: Pane,
    /// How many times faster the recorded time passes.
    pub speed: f64,
    /// The longest pause, in seconds.
    pub idle_limit: Option<f64>,
}

impl Default for ExportOptions {
    /// 120×40 cells, eight steps a second, dark, coloured by confidence.
    fn default() -> Self {
        Self {
            width: 120,
            height: 40,
            fps: 8.0,
            theme: ThemeName::Dark,
            layer: Layer::default(),
            arrangement: Arrangement::default(),
            view: Pane::default(),
            speed: 1.0,
            idle_limit: None,
        }
    }
}

/// Why a recording cannot be made.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ExportError {
    /// The picture would not fit.
    #[error("a recording of {width}×{height} cells is too small: it takes at least {}×{}", view::SMALLEST.0, view::SMALLEST.1)]
    TooSmall {
        /// Columns.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// The picture would be too large to be sensible.
    #[error("a recording of {width}×{height} cells is too large: it takes at most 500×200")]
    TooLarge {
        /// Columns.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// The pace is no pace.
    #[error("fps cannot be {0}: it takes a number from 0.1 to 60")]
    BadPace(f32),
    /// The time cannot pass so.
    #[error("speed cannot be {0}: it takes a number from 0.01 to 1000")]
    BadSpeed(f64),
    /// The limit is none.
    #[error("idle-limit cannot be {0}: it takes a number of seconds from 0.01 to 3600")]
    BadIdleLimit(f64),
    /// There is nothing to show.
    #[error("the trace holds no step: there is nothing to show")]
    Empty,
}

impl ExportOptions {
    fn check(&self) -> Result<(), ExportError> {
        let Self { width, height, fps, speed, idle_limit, .. } = *self;
        if width < view::SMALLEST.0 || height < view::SMALLEST.1 {
            return Err(ExportError::TooSmall { width, height });
        }
        if width > 500 || height > 200 {
            return Err(ExportError::TooLarge { width, height });
        }
        if !(0.1..=60.0).contains(&fps) {
            return Err(ExportError::BadPace(fps));
        }
        if !(0.01..=1000.0).contains(&speed) {
            return Err(ExportError::BadSpeed(speed));
        }
        match idle_limit.filter(|limit| !(0.01..=3600.0).contains(limit)) {
            Some(limit) => Err(ExportError::BadIdleLimit(limit)),
            None => Ok(()),
        }
    }
}

/// Seconds that the canvas of masks is shown, and the finished one.
const FIRST: f64 = 1.0;
const LAST: f64 = 3.0;

/// A screen, and the time from which on it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Seconds since the first frame.
    pub time: f64,
    /// The screen.
    pub screen: Buffer,
}

/// The frames of a log: the canvas of masks, then one per step. Nothing but the log and the options determines them.
#[derive(Debug)]
pub struct Frames<'a> {
    log: &'a Log,
    options: &'a ExportOptions,
    app: App,
    next: usize,
    time: f64,
}

impl<'a> Frames<'a> {
    /// Those of `log`.
    ///
    /// # Errors
    /// When the options are out of range, or the log is empty.
    pub fn of(log: &'a Log, options: &'a ExportOptions) -> Result<Self, ExportError> {
        options.check()?;
        if log.is_empty() {
            return Err(ExportError::Empty);
        }
        let mut app = App::recording(Box::new(log.clone()), Theme::new(options.theme, Level::True));
        update(&mut app, Action::Layer(options.layer));
        update(&mut app, Action::Arrange(options.arrangement));
        update(&mut app, Action::Pane(options.view));
        Ok(Self { log, options, app, next: 0, time: 0.0 })
    }

    /// The log.
    pub fn log(&self) -> &'a Log {
        self.log
    }

    /// How the recording looks.
    pub fn options(&self) -> &'a ExportOptions {
        self.options
    }

    /// The area of every frame.
    pub fn area(&self) -> Rect {
        Rect::new(0, 0, self.options.width, self.options.height)
    }

    /// When the newest frame has been shown long enough, in seconds: where a recording ends, once there are no more.
    pub fn end(&self) -> f64 {
        self.time + LAST.min(self.longest())
    }

    fn longest(&self) -> f64 {
        self.options.idle_limit.unwrap_or(f64::INFINITY)
    }
}

impl Iterator for Frames<'_> {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        let steps = self.next;
        if steps > self.log.len() {
            return None;
        }
        self.next += 1;
        update(&mut self.app, Action::ScrubTo(steps));
        let area = self.area();
        let mut screen = Buffer::empty(area);
        view::draw(&self.app, area, &mut screen);
        let duration = self.log.record(steps).map_or(0.0, |record| record.cost.total_us() as f64 / 1e6);
        let pause = (duration / self.options.speed).max(1.0 / f64::from(self.options.fps));
        self.time += match steps {
            0 => 0.0,
            1 => (FIRST + pause).min(self.longest()),
            _ => pause.min(self.longest()),
        };
        Some(Frame { time: self.time, screen })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.log.len() + 1 - self.next.min(self.log.len() + 1);
        (left, Some(left))
    }
}

impl ExactSizeIterator for Frames<'_> {}
