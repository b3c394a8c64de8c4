//! Frames as pixels.
//!
//! A cell is a [`Stencil`] (which pixels its text covers, in sixteenths) and three colours. So a frame is never painted whole:
//! what has changed since the one before is a rectangle of cells, and a pixel of it is looked up in the few colours of its cell.

mod font;
mod shapes;
mod stencil;
mod stencils;
mod surface;

pub use font::{FontError, Typeface};
pub(super) use shapes::{CellShape, ShapePart, shape};
pub(super) use stencil::{INKED, LEVELS};
pub(super) use stencils::Stencils;
pub(super) use surface::{CellPicture, Colours, Patch, Surface, coarser, is_same, places};
#[cfg(test)]
pub(super) use {stencil::Stencil, surface::CellInks};

/// The size of a cell, and where its text stands.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct CellSize {
    /// Pixels across.
    pub width: usize,
    /// Pixels down.
    pub height: usize,
    /// The baseline, in pixels from the top.
    pub baseline: usize,
    /// Pixels that an em of the bundled font takes across and down. They differ a little, so that a letter begins and ends at
    /// whole pixels and all of them look the same.
    pub em: (f32, f32),
}

impl Patch {
    /// One in which nothing changes: animations need a frame for every time.
    pub fn hole() -> Self {
        Self { left: 0, top: 0, width: 1, height: 1, cells: Vec::new() }
    }
}

impl CellSize {
    /// What text of that size takes, an em in pixels.
    pub fn of(font_size: u16) -> Self {
        let size = f32::from(font_size);
        let width = (font::ADVANCE * size).round().max(1.0);
        let across = width / font::ADVANCE;
        let down = (font::X_HEIGHT * across).round().max(1.0) / font::X_HEIGHT;
        let baseline = (font::ASCENT * down).round();
        let height = baseline + (font::DESCENT * down).round();
        Self { width: width as usize, height: height as usize, baseline: baseline as usize, em: (across, down) }
    }

    /// How thick a line is, in pixels.
    pub fn stroke(&self) -> usize {
        (self.em.0 / 14.0).round().max(1.0) as usize
    }

    /// Where a line through text begins, in pixels from the top.
    pub fn strike(&self) -> usize {
        self.baseline.saturating_sub(self.height / 4)
    }

    /// Where a line below text begins.
    pub fn underline(&self) -> usize {
        let below = self.height - self.baseline;
        self.baseline + (below / 2).min(below.saturating_sub(self.stroke()))
    }
}
