//! The cells of the map: halves of cells in colour, or glyphs.

use std::{collections::BTreeSet, ops::Range};

use ratatui::style::{Modifier, Style};

use super::{MapDot, MapGrid, MapKind, MapTint, raster::Raster};
use crate::tui::{
    theme::{Role, Theme, Tone},
    view::{pen::Pen, run::RunView, step::StepView},
};

/// Whether two steps share a row as the halves of its cells.
pub(super) fn halves(theme: Theme) -> bool {
    theme.paints() && theme.has_signs()
}

/// The upper half of a cell; its background is the lower one.
const UPPER_HALF: &str = "▀";

/// How much of the accent lies over the row and the column of the cross-hair.
const GLOW: f32 = 0.24;

/// A raster on a grid, at a step.
pub(super) struct MapPicture<'a> {
    raster: &'a Raster,
    grid: MapGrid,
    /// The shown step; steps behind it are still to come.
    shown: usize,
    /// The last step that is drawn.
    last: usize,
    /// Slots of the shown step, and columns of the selected position.
    slots: Range<usize>,
    columns: Range<usize>,
    /// Columns at which blocks begin.
    borders: BTreeSet<usize>,
    /// Groups of steps and of positions that wrote what fails in the answer.
    failing: BTreeSet<(usize, usize)>,
}

impl<'a> MapPicture<'a> {
    pub(super) fn new(run: &RunView<'_>, step: &StepView<'_>, raster: &'a Raster, grid: MapGrid, last: usize) -> Self {
        let (columns, steps) = (grid.columns, grid.steps);
        let starts = step.block_starts().into_iter().filter_map(|start| columns.cells_of(start));
        let end = run.log.end().filter(|_| last == run.log.len());
        let wrote = |position| {
            let written = run.log.canvas(last).written(position)?.0 + 1;
            Some((steps.group_of(written)?, columns.group_of(position)?))
        };
        Self {
            raster,
            grid,
            shown: run.at,
            last,
            slots: steps.cells_of(run.at).unwrap_or_default(),
            columns: run.lens.selected.and_then(|at| columns.cells_of(at)).unwrap_or_default(),
            borders: starts.map(|cells| cells.start).collect(),
            failing: end.and_then(|end| end.failed.clone()).into_iter().flatten().filter_map(wrote).collect(),
        }
    }

    /// Draws every cell; returns the kinds of dots that there are.
    pub(super) fn draw(&self, pen: &mut Pen<'_>) -> Vec<MapKind> {
        let mut kinds = Vec::new();
        let halves = halves(pen.theme);
        for (y, slot) in (self.grid.area.top()..self.grid.area.bottom()).zip((0..).step_by(self.grid.per_row)) {
            for (x, column) in (self.grid.area.left()..self.grid.area.right()).zip(0..self.grid.columns.length()) {
                let dot = self.dot(slot, column);
                let (glyph, style) = if halves {
                    let lower = self.dot(slot + 1, column);
                    let tones =
                        [(slot, dot), (slot + 1, lower)].map(|(slot, dot)| self.half(slot, column, dot, pen.theme));
                    if tones == [None; 2] {
                        continue;
                    }
                    (UPPER_HALF, stacked(tones, pen.theme))
                } else {
                    self.glyph(slot, column, dot, pen.theme)
                };
                kinds.extend(dot.map(|dot| dot.mark.kind).filter(|kind| !kinds.contains(kind)));
                pen.cell(x, y, glyph, style);
            }
        }
        kinds
    }

    /// The dot of a slot and a column; `None` behind the last step that is drawn.
    fn dot(&self, slot: usize, column: usize) -> Option<MapDot> {
        let (row, group) = (self.grid.steps.group_at(slot)?, self.grid.columns.group_at(column)?);
        let steps = self.grid.steps.places(row);
        let mut dot = self.raster.dot(steps.start..steps.end.min(self.last + 1), group)?;
        if dot.mark.kind == MapKind::Commit && self.failing.contains(&(row, group)) {
            dot.mark.kind = MapKind::Failing;
        }
        Some(dot)
    }

    /// Whether the steps of a slot are still to come.
    fn is_to_come(&self, slot: usize) -> bool {
        self.grid.steps.group_at(slot).is_some_and(|row| self.grid.steps.places(row).start > self.shown)
    }

    /// The tone of half a cell; `None` where there is nothing but the ground.
    fn half(&self, slot: usize, column: usize, dot: Option<MapDot>, theme: Theme) -> Option<Tone> {
        let (palette, is_row, is_column) =
            (theme.palette(), self.slots.contains(&slot), self.columns.contains(&column));
        let dot = dot?;
        let tone = match dot.mark.kind {
            _ if is_row && is_column => return Some(palette.accent),
            MapKind::Blank if self.borders.contains(&column) => palette.line,
            kind => self.tone(kind, dot, slot, theme),
        };
        Some(if is_row || is_column { palette.accent.dot(tone, GLOW) } else { tone })
    }

    /// The tone of a dot, without the cross-hair.
    fn tone(&self, kind: MapKind, dot: MapDot, slot: usize, theme: Theme) -> Tone {
        let to_come = usize::from(self.is_to_come(slot));
        let fails = || MapTint::new(theme.palette().vermilion, 1.0).tones(theme);
        if kind == MapKind::Failing { fails()[to_come] } else { dot.tones[to_come] }
    }

    /// The glyph of a cell; what is empty on the row or the column of the cross-hair is its hair.
    fn glyph(&self, slot: usize, column: usize, dot: Option<MapDot>, theme: Theme) -> (&'static str, Style) {
        let glyphs = theme.glyphs;
        let Some(dot) = dot else { return (" ", Style::new()) };
        let glyph = dot.mark.glyph(glyphs);
        let mut style = theme.ink(self.tone(dot.mark.kind, dot, slot, theme));
        if !theme.has_colour() {
            style = style.add_modifier(weight(dot.mark.kind, self.is_to_come(slot)));
        }
        let (is_empty, hair) = (dot.mark.kind <= MapKind::Settled, theme.style(Role::Accent));
        match (self.slots.contains(&slot), self.columns.contains(&column)) {
            (true, true) => (if is_empty { glyphs.handle } else { glyph }, style.patch(theme.style(Role::Selected))),
            (true, false) if is_empty => (glyphs.rule, hair),
            (false, true) if is_empty => (glyphs.upright, hair),
            (false, false) if dot.mark.kind == MapKind::Blank && self.borders.contains(&column) => {
                (glyphs.block, theme.style(Role::Line))
            }
            (false, false) => (glyph, style),
            _ => (glyph, style.patch(hair)),
        }
    }
}

/// Two halves of a cell; one that has no tone is as dark as the ground.
fn stacked(tones: [Option<Tone>; 2], theme: Theme) -> Style {
    let [upper, lower] = tones.map(|tone| tone.unwrap_or(theme.palette().ground));
    theme.ink(upper).patch(theme.fill(lower))
}

/// The weight of a glyph where there are no colours.
fn weight(kind: MapKind, to_come: bool) -> Modifier {
    match kind {
        _ if to_come => Modifier::DIM,
        MapKind::Blank | MapKind::Settled | MapKind::Shade => Modifier::empty(),
        _ => Modifier::BOLD,
    }
}
