//! Frames that were drawn already, kept as what changes from each to the next.

use ratatui::{
    buffer::{Buffer, Cell},
    layout::Rect,
};

use super::{Frame, frames::FrameSource};

/// Frames in their order.
#[derive(Debug)]
pub(super) struct Footage {
    frames: std::vec::IntoIter<FootageFrame>,
    screen: Buffer,
    end: f64,
}

/// A frame beside the one before it.
#[derive(Debug)]
struct FootageFrame {
    time: f64,
    changes: Vec<(usize, Cell)>,
    marker: Option<String>,
}

/// Footage that is being shot.
#[derive(Debug)]
pub(super) struct Camera {
    frames: Vec<FootageFrame>,
    area: Rect,
    screen: Buffer,
}

impl Camera {
    /// With nothing before it.
    pub(super) fn new(area: Rect) -> Self {
        Self { frames: Vec::new(), area, screen: Buffer::empty(area) }
    }

    /// Takes a screen in that is shown from `time` on, unless it is the one that is shown already.
    pub(super) fn shoot(&mut self, time: f64, screen: Buffer, marker: Option<String>) {
        let cells = self.screen.content.iter().zip(&screen.content).enumerate();
        let changes: Vec<_> =
            cells.filter(|(_, (before, now))| before != now).map(|(at, (_, now))| (at, now.clone())).collect();
        if changes.is_empty() && marker.is_none() && !self.frames.is_empty() {
            return;
        }
        self.frames.push(FootageFrame { time, changes, marker });
        self.screen = screen;
    }

    /// How many frames there are.
    pub(super) fn len(&self) -> usize {
        self.frames.len()
    }

    /// All of it, up to `end`.
    pub(super) fn cut(self, end: f64) -> Footage {
        Footage { frames: self.frames.into_iter(), screen: Buffer::empty(self.area), end }
    }
}

impl Iterator for Footage {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        let FootageFrame { time, changes, marker } = self.frames.next()?;
        for (at, cell) in changes {
            self.screen.content[at] = cell;
        }
        Some(Frame { time, screen: self.screen.clone(), marker })
    }
}

impl FrameSource for Footage {
    fn times(&self) -> Vec<f64> {
        self.frames.as_slice().iter().map(|frame| frame.time).collect()
    }

    fn end(&self) -> f64 {
        self.end
    }

    fn last_frame(mut self: Box<Self>) -> Option<Frame> {
        let mut last = None;
        for frame in self.by_ref() {
            last = Some((frame.time, frame.marker));
        }
        last.map(|(time, marker)| Frame { time, screen: self.screen, marker })
    }
}
