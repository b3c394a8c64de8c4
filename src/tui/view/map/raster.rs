//! The map as a raster: a row per step and a dot per position or group of positions, away from any drawing.
//!
//! A row is a function of the log up to its step, and so never changes: a raster of a log that grows is extended. What
//! depends on the height of the pane, on the shown step and on how the run ended is left to drawing.

use std::{
    ops::Range,
    sync::{Mutex, PoisonError},
};

use super::{MapAxis, MapMark, MapTint};
use crate::{
    engine::protocol::RunId,
    trace::Log,
    tui::{
        theme::{Level, Theme, ThemeName, Tone},
        view::{
            layers::{CanvasCell, Layer},
            row::Ink,
            step::StepView,
        },
    },
};

/// What there is to see of a group of positions at a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapDot {
    /// What marks it: the greatest mark of the group.
    pub mark: MapMark,
    /// Its tone, and that while its step is still to come.
    pub tones: [Tone; 2],
}

impl MapDot {
    /// The one that asks more to be seen; the first of equals.
    #[must_use]
    pub fn stronger(self, other: Self) -> Self {
        if other.mark > self.mark { other } else { self }
    }
}

/// What the rows of a raster depend on, beside the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RasterKey {
    pub(super) run: RunId,
    pub(super) layer: Layer,
    pub(super) theme: (ThemeName, Level),
    pub(super) columns: MapAxis,
}

/// The rows of a log, as many as were asked for.
#[derive(Debug)]
pub(super) struct Raster {
    key: RasterKey,
    rows: Vec<Box<[MapDot]>>,
    /// The tints of the last row: most dots keep theirs from step to step, and so their tones.
    tints: Vec<MapTint>,
}

impl Raster {
    pub(super) fn new(key: RasterKey) -> Self {
        Self { key, rows: Vec::new(), tints: Vec::new() }
    }

    /// Adds the steps that are new.
    pub(super) fn extend(&mut self, log: &Log, theme: Theme) {
        // Tints are mixed from exact colours.
        let exact = if theme.paints() { Theme { level: Level::True, ..theme } } else { theme };
        for steps in self.rows.len() + 1..=log.len() {
            let step = StepView::new(log, steps);
            let dot = |group| {
                let (position, mark) = strongest(self.key.layer, &step, self.key.columns.places(group));
                let tint =
                    self.key.layer.tint(&CanvasCell { theme: exact, step: &step, position, ink: Ink::Draft }, mark);
                let tones = self.tones_before(group, tint).unwrap_or_else(|| tint.tones(theme));
                (MapDot { mark, tones }, tint)
            };
            let (row, tints): (Vec<MapDot>, Vec<MapTint>) = (0..self.key.columns.groups()).map(dot).unzip();
            self.rows.push(row.into());
            self.tints = tints;
        }
    }

    /// The tones of a group in the last row, where it had the same tint there.
    fn tones_before(&self, group: usize, tint: MapTint) -> Option<[Tone; 2]> {
        let before = self.tints.get(group).filter(|before| **before == tint);
        before.and(self.rows.last()).map(|row| row[group].tones)
    }

    /// What there is to see of a group of positions in steps counted from 1: the strongest of them.
    pub(super) fn dot(&self, steps: Range<usize>, group: usize) -> Option<MapDot> {
        let rows = self.rows.get(steps.start.saturating_sub(1)..steps.end.saturating_sub(1))?;
        rows.iter().filter_map(|row| row.get(group)).copied().reduce(MapDot::stronger)
    }
}

/// The position among several that asks most to be seen at a step, and its mark; the first of equals.
fn strongest(layer: Layer, step: &StepView<'_>, positions: Range<usize>) -> (usize, MapMark) {
    let first = (positions.start, layer.mark(step, positions.start));
    positions
        .skip(1)
        .map(|position| (position, layer.mark(step, position)))
        .fold(first, |best, next| if next.1 > best.1 { next } else { best })
}

/// The step, counted from 1, and the position that ask most to be seen among several; of equal steps the last one, which
/// the others led to.
pub fn most_telling(log: &Log, layer: Layer, steps: Range<usize>, positions: Range<usize>) -> Option<(usize, usize)> {
    let in_step = |steps| {
        let (position, mark) = strongest(layer, &StepView::new(log, steps), positions.clone());
        (mark.kind, steps, position)
    };
    let found = steps.filter(|_| !positions.is_empty()).map(in_step).max();
    found.map(|(_, step, position)| (step, position))
}

/// Rasters that may be drawn beside each other.
const KEPT: usize = 2;

/// The rasters that were drawn last, so that a frame adds what is new and no more. They are no part of the state's value:
/// what is drawn with them is what would be drawn without.
#[derive(Debug, Default)]
pub struct MapCache(Mutex<Vec<Raster>>);

impl MapCache {
    /// The raster of a log by `key`, with all of its steps, lent to `draw`.
    pub(super) fn with<T>(&self, key: RasterKey, log: &Log, theme: Theme, draw: impl FnOnce(&Raster) -> T) -> T {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = kept.iter().position(|raster| raster.key == key && raster.rows.len() <= log.len());
        let mut raster = at.map_or_else(|| Raster::new(key), |at| kept.remove(at));
        raster.extend(log, theme);
        let drawn = draw(&raster);
        kept.truncate(KEPT - 1);
        kept.insert(0, raster);
        drawn
    }
}
