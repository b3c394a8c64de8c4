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
    /// What each slot shows, from the top, up to the last one that shows something.
    slots: Vec<MapSlot>,
    /// The same for each column, from the left.
    columns: Vec<MapColumn>,
    /// Groups of steps and of positions that wrote what fails in the answer.
    failing: BTreeSet<(usize, usize)>,
}

/// A row of cells, or of halves of cells.
struct MapSlot {
    /// Its group of steps.
    group: usize,
    /// Those of them that are drawn.
    steps: Range<usize>,
    /// Whether they are behind the shown step.
    is_to_come: bool,
    /// Whether the shown step is among them.
    is_shown: bool,
}

/// A column of cells.
struct MapColumn {
    /// Its group of positions.
    group: usize,
    /// Whether a block begins here.
    is_border: bool,
    /// Whether it shows the selected position.
    is_selected: bool,
}

impl<'a> MapPicture<'a> {
    /// At the shown step of `run`, with all steps up to `last`.
    pub(super) fn new(run: &RunView<'_>, step: &StepView<'_>, raster: &'a Raster, grid: MapGrid, last: usize) -> Self {
        let (columns, steps) = (grid.columns, grid.steps);
        let end = run.log.end().filter(|_| last == run.log.len());
        let wrote = |position| {
            let written = run.log.canvas(last).written(position)?.0 + 1;
            Some((steps.group_of(written)?, columns.group_of(position)?))
        };
        Self {
            raster,
            grid,
            slots: slots(&grid, run.at, last),
            columns: map_columns(&grid, run, step),
            failing: end.and_then(|end| end.failed.clone()).into_iter().flatten().filter_map(wrote).collect(),
        }
    }

    /// Draws every cell; returns the kinds of dots that there are, where dots are glyphs.
    pub(super) fn draw(&self, pen: &mut Pen<'_>) -> Vec<MapKind> {
        let (area, theme) = (self.grid.area, pen.theme);
        let mut kinds = Vec::new();
        for (y, slot) in (area.top()..area.bottom()).zip((0..).step_by(self.grid.per_row)) {
            let [upper, lower] = [slot, slot + 1].map(|slot| self.slots.get(slot));
            for (x, column) in (area.left()..area.right()).zip(&self.columns) {
                if halves(theme) {
                    let tones = [upper, lower].map(|slot| self.half(slot?, column, theme));
                    if tones != [None; 2] {
                        pen.cell(x, y, UPPER_HALF, stacked(tones, theme));
                    }
                    continue;
                }
                let dot = upper.and_then(|slot| Some((slot, self.dot(slot, column)?)));
                let (glyph, style) = dot.map_or((" ", Style::new()), |(slot, dot)| glyph(slot, column, dot, theme));
                kinds.extend(dot.map(|(_, dot)| dot.mark.kind).filter(|kind| !kinds.contains(kind)));
                pen.cell(x, y, glyph, style);
            }
        }
        kinds
    }

    /// The dot of a slot and a column; `None` behind the last step that is drawn.
    fn dot(&self, slot: &MapSlot, column: &MapColumn) -> Option<MapDot> {
        let mut dot = self.raster.dot(slot.steps.clone(), column.group)?;
        if dot.mark.kind == MapKind::Commit && self.failing.contains(&(slot.group, column.group)) {
            dot.mark.kind = MapKind::Failing;
        }
        Some(dot)
    }

    /// The tone of half a cell; `None` where there is nothing but the ground.
    fn half(&self, slot: &MapSlot, column: &MapColumn, theme: Theme) -> Option<Tone> {
        let palette = theme.palette();
        let dot = self.dot(slot, column)?;
        let tone = match dot.mark.kind {
            _ if slot.is_shown && column.is_selected => return Some(palette.accent),
            MapKind::Blank if column.is_border => palette.line,
            _ => tone(slot, dot, theme),
        };
        Some(if slot.is_shown || column.is_selected { palette.accent.dot(tone, GLOW) } else { tone })
    }
}

/// What the slots of a grid show where the step `shown` is shown and `last` is the last one that is drawn.
fn slots(grid: &MapGrid, shown: usize, last: usize) -> Vec<MapSlot> {
    let cells = grid.steps.cells_of(shown).unwrap_or_default();
    let slot = |at: usize| {
        let group = grid.steps.group_at(at)?;
        let steps = grid.steps.places(group);
        Some(MapSlot {
            group,
            is_to_come: steps.start > shown,
            is_shown: cells.contains(&at),
            steps: steps.start..steps.end.min(last + 1),
        })
    };
    (0..usize::from(grid.area.height) * grid.per_row).map_while(slot).collect()
}

/// What the columns of a grid show.
fn map_columns(grid: &MapGrid, run: &RunView<'_>, step: &StepView<'_>) -> Vec<MapColumn> {
    let starts = step.block_starts().into_iter().filter_map(|start| grid.columns.cells_of(start));
    let borders: BTreeSet<usize> = starts.map(|cells| cells.start).collect();
    let selected = run.lens.selected.and_then(|at| grid.columns.cells_of(at)).unwrap_or_default();
    let column = |at: usize| {
        let group = grid.columns.group_at(at)?;
        Some(MapColumn { group, is_border: borders.contains(&at), is_selected: selected.contains(&at) })
    };
    (0..grid.columns.length()).map_while(column).collect()
}

/// The tone of a dot, without the cross-hair.
fn tone(slot: &MapSlot, dot: MapDot, theme: Theme) -> Tone {
    let fails = || MapTint::new(theme.palette().vermilion, 1.0).tones(theme);
    let tones = if dot.mark.kind == MapKind::Failing { fails() } else { dot.tones };
    tones[usize::from(slot.is_to_come)]
}

/// The glyph of a cell; what is empty on the row or the column of the cross-hair is its hair.
fn glyph(slot: &MapSlot, column: &MapColumn, dot: MapDot, theme: Theme) -> (&'static str, Style) {
    let glyphs = theme.glyphs;
    let glyph = dot.mark.glyph(glyphs);
    let mut style = theme.ink(tone(slot, dot, theme));
    if !theme.has_colour() {
        style = style.add_modifier(weight(dot.mark.kind, slot.is_to_come));
    }
    let (is_empty, hair) = (dot.mark.kind <= MapKind::Settled, theme.style(Role::Accent));
    match (slot.is_shown, column.is_selected) {
        (true, true) => (if is_empty { glyphs.handle } else { glyph }, style.patch(theme.style(Role::Selected))),
        (true, false) if is_empty => (glyphs.rule, hair),
        (false, true) if is_empty => (glyphs.upright, hair),
        (false, false) if dot.mark.kind == MapKind::Blank && column.is_border => {
            (glyphs.block, theme.style(Role::Line))
        }
        (false, false) => (glyph, style),
        _ => (glyph, style.patch(hair)),
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
