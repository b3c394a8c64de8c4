//! How a recording looks and how fast it plays.

use std::{fmt, str::FromStr};

use thiserror::Error;

use super::raster::{CellSize, Typeface};
use crate::{
    printable,
    session::Axis,
    tui::{Arrangement, Framing, Layer, Pane, Scene, theme::ThemeName, view},
};

/// How a recording looks and how fast it plays.
#[derive(Debug, Clone, PartialEq)]
pub struct ExportOptions {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// What of the screen is shown.
    pub scene: Scene,
    /// A line above it; none where it is empty.
    pub title: String,
    /// Lines below it; none where it is empty.
    pub caption: String,
    /// Which palette.
    pub theme: ThemeName,
    /// How the canvas is read.
    pub layer: Layer,
    /// How its tokens are arranged.
    pub arrangement: Arrangement,
    /// What stands in the canvas's place; `None` for what the scene is called by.
    pub view: Option<Pane>,
    /// What two runs are aligned by.
    pub axis: Axis,
    /// Whether the prompt is typed first.
    pub typing: bool,
    /// Which steps are shown; of two runs, which places of the axis.
    pub steps: StepRange,
    /// Steps shown per second at most. `None` is eight; where a speed is chosen, as many as there are.
    pub fps: Option<f32>,
    /// How many times faster the recorded time passes; `None` is once.
    pub speed: Option<f64>,
    /// The longest pause, in seconds.
    pub idle_limit: Option<f64>,
    /// How long the last frame is shown, in seconds.
    pub hold: f64,
    /// How often an animated picture plays; 0 is for ever.
    pub plays: u16,
    /// The size of its text: pixels of an em.
    pub font_size: u16,
    /// Fonts for what the bundled one does not have, in the order in which they are asked.
    pub fonts: Vec<Typeface>,
}

impl Default for ExportOptions {
    /// 120×40 cells, everything, dark, coloured by confidence, eight steps a second.
    fn default() -> Self {
        Self {
            width: 120,
            height: 40,
            scene: Scene::default(),
            title: String::new(),
            caption: String::new(),
            theme: ThemeName::Dark,
            layer: Layer::default(),
            arrangement: Arrangement::default(),
            view: None,
            axis: Axis::default(),
            typing: true,
            steps: StepRange::default(),
            fps: None,
            speed: None,
            idle_limit: None,
            hold: 3.0,
            plays: 0,
            font_size: 16,
            fonts: Vec::new(),
        }
    }
}

/// Pixels of a picture at most: 100 MB while it is made.
const MOST_PIXELS: usize = 25_000_000;

/// Steps per second where nothing is chosen.
pub(super) const PACE: f32 = 8.0;

impl ExportOptions {
    /// Refuses what is out of range.
    pub(super) fn check(&self) -> Result<(), ExportError> {
        let Self { width, height, fps, speed, idle_limit, hold, .. } = *self;
        let least = (view::SMALLEST.0, view::SMALLEST.1 + view::framing_rows(&self.framing(), width));
        if width < least.0 || height < least.1 {
            return Err(ExportError::TooSmall { width, height, least });
        }
        if width > 500 || height > 200 {
            return Err(ExportError::TooLarge { width, height });
        }
        if let Some(fps) = fps.filter(|fps| !(0.1..=60.0).contains(fps)) {
            return Err(ExportError::BadPace(fps));
        }
        if let Some(speed) = speed.filter(|speed| !(0.01..=1000.0).contains(speed)) {
            return Err(ExportError::BadSpeed(speed));
        }
        if !(6..=64).contains(&self.font_size) {
            return Err(ExportError::BadFontSize(self.font_size));
        }
        let (across, down) = self.pixels();
        if across * down > MOST_PIXELS {
            return Err(ExportError::TooManyPixels { across, down });
        }
        if !(0.0..=3600.0).contains(&hold) {
            return Err(ExportError::BadHold(hold));
        }
        match idle_limit.filter(|limit| !(0.01..=3600.0).contains(limit)) {
            Some(limit) => Err(ExportError::BadIdleLimit(limit)),
            None => Ok(()),
        }
    }

    /// Columns and rows of a picture, in pixels.
    pub(super) fn pixels(&self) -> (usize, usize) {
        let cell = CellSize::of(self.font_size);
        (cell.width * usize::from(self.width), cell.height * usize::from(self.height))
    }

    /// What is shown of the screen, and what stands around that.
    pub(super) fn framing(&self) -> Framing {
        Framing {
            scene: self.scene,
            title: printable::line(&self.title),
            caption: printable::text(&self.caption).into_owned(),
        }
    }

    /// What stands in the canvas's place.
    pub(super) fn pane(&self) -> Pane {
        self.view.unwrap_or(if self.scene == Scene::Map { Pane::Map } else { Pane::Canvas })
    }

    /// How long something is shown that took `seconds`.
    pub(super) fn pause(&self, seconds: f64) -> f64 {
        let least = match (self.fps, self.speed) {
            (None, Some(_)) => 0.0,
            (fps, _) => 1.0 / f64::from(fps.unwrap_or(PACE)),
        };
        self.brief((seconds / self.speed.unwrap_or(1.0)).max(least))
    }

    /// A pause, or the longest there may be.
    pub(super) fn brief(&self, seconds: f64) -> f64 {
        self.idle_limit.map_or(seconds, |longest| seconds.min(longest))
    }
}

/// Steps, both ends included: "16", "10..20", "..20", "10..".
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StepRange {
    /// The first one; 0 is the canvas of masks.
    pub first: u64,
    /// The last one; the newest for `None`.
    pub last: Option<u64>,
}

impl StepRange {
    /// Whether everything is shown from the beginning.
    pub fn begins(&self) -> bool {
        self.first == 0
    }

    /// Whether it is among them.
    pub fn holds(&self, step: u64) -> bool {
        step >= self.first && self.last.is_none_or(|last| step <= last)
    }
}

/// As it is read; "all" for every step.
impl fmt::Display for StepRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.first, self.last) {
            (0, None) => f.write_str("all"),
            (first, Some(last)) if first == last => write!(f, "{first}"),
            (0, Some(last)) => write!(f, "..{last}"),
            (first, None) => write!(f, "{first}.."),
            (first, Some(last)) => write!(f, "{first}..{last}"),
        }
    }
}

impl FromStr for StepRange {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| text.parse::<u64>().map_err(|_| "steps are written as 16, 10..20, ..20 or 10..");
        let range = match text.split_once("..") {
            None => Self { first: number(text)?, last: Some(number(text)?) },
            Some((first, last)) => Self {
                first: if first.is_empty() { 0 } else { number(first)? },
                last: if last.is_empty() { None } else { Some(number(last)?) },
            },
        };
        match range.last {
            Some(last) if last < range.first => Err(format!("{text} ends before it begins")),
            _ => Ok(range),
        }
    }
}

/// Why a recording cannot be made.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ExportError {
    /// The picture would not fit.
    #[error("a recording of {width}×{height} cells is too small: it takes at least {}×{}", least.0, least.1)]
    TooSmall {
        /// Columns.
        width: u16,
        /// Rows.
        height: u16,
        /// The columns and rows that it takes, with title and caption.
        least: (u16, u16),
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
    /// Letters cannot have that size.
    #[error("font-size cannot be {0}: it takes a number of pixels from 6 to 64")]
    BadFontSize(u16),
    /// The picture would be too large to be sensible, in pixels.
    #[error("a picture of {across}×{down} pixels is too large: take fewer cells, or smaller letters by --font-size")]
    TooManyPixels {
        /// Pixels across.
        across: usize,
        /// Pixels down.
        down: usize,
    },
    /// The last frame cannot be shown so long.
    #[error("hold cannot be {0}: it takes a number of seconds from 0 to 3600")]
    BadHold(f64),
    /// There is nothing to show.
    #[error("the trace holds no step: there is nothing to show")]
    Empty,
    /// The steps that were chosen are not there.
    #[error("the recording would begin at step {first}, and the trace ends at {len}")]
    Beyond {
        /// The first one.
        first: u64,
        /// Where the trace ends, in the unit of the axis.
        len: u64,
    },
    /// A comparison of one.
    #[error("the scene compare takes two traces: name the other one by --against")]
    Alone,
    /// Two traces in a scene of one.
    #[error("two traces are shown by the scene compare, and by no other")]
    NotCompared,
}
