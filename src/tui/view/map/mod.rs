//! The map: every step of a run and every position of its answer in one picture, steps downwards.
//!
//! ```text
//! map  1 confidence  2 cache  3 guide … ──────────── step 16 · position 82  "."  0.842 best of the step
//!   10  ▒▒▓▒▒▒░▒▓▓▒▒▒░▒▒▓▒▒▒▒▒▒▒░▒▒▒▒▓▒▒▒░▒▒▒▒▓▒░▒▒
//!   16 ▸─────────────────────────────────█────────────
//!   20◆ ▓▓▒▒██▒██▒▒▓▓▓██▓▒████▒██████ ██ █ ███████ █▓
//!       20        30        40       ▲82
//! ```
//!
//! A cell is a step and a position, or several of both, of which the strongest is drawn. Where backgrounds are painted
//! two steps share a row, as the halves of its cells; elsewhere a dot is a glyph, whose density and form say it all.

mod axis;
mod dot;
mod paint;
mod raster;
mod under;

use std::ops::Range;

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

pub use axis::MapAxis;
pub use dot::{MapKind, MapMark, MapTint};
pub use raster::{MapCache, MapDot, most_telling};

use super::{
    canvas, caption, legend,
    pen::{self, Pen, fitting, span},
    run::RunView,
    step::StepView,
};
use crate::{
    engine::protocol::RunId,
    trace::{Log, Step},
    tui::{
        action::Action,
        app::App,
        compare::RunSide,
        pane::Pane,
        theme::{Role, Theme},
    },
};
use paint::MapPicture;
use raster::RasterKey;

/// Cells of the step gutter: a number, a mark, the pointer.
const GUTTER: u16 = 6;

/// Rows between two numbers of steps, and cells between two of positions.
const STEP_GAP: usize = 4;
const POSITION_GAP: usize = 8;

/// The places that the cells of a map lead to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MapGrid {
    area: Rect,
    columns: MapAxis,
    steps: MapAxis,
    /// Steps that a row shows one above the other.
    per_row: usize,
    /// Of two runs that are compared, the one that it is of.
    side: RunSide,
}

impl MapGrid {
    /// Of a run in `area`, which shows its steps as halves of cells where `halves` are drawn: all of it, or what is around the
    /// cross-hair.
    fn of(run: &RunView<'_>, side: RunSide, area: Rect, halves: bool) -> Self {
        let (log, header) = (run.log, run.log.header());
        let positions = header.prompt_ids.len()..header.canvas_length();
        let per_row = if halves { 2 } else { 1 };
        let height = area.height * per_row;
        let (columns, steps) = if run.lens.near {
            let selected = run.lens.selected.unwrap_or(positions.start);
            (MapAxis::around(selected, positions, area.width), MapAxis::around(run.at, 1..log.len() + 1, height))
        } else {
            let steps = MapAxis::of_steps(log.len(), height, positions.len(), log.end().is_none());
            (MapAxis::of_positions(positions, area.width), steps)
        };
        Self { area, columns, steps, per_row: per_row.into(), side }
    }

    /// What a click on a cell of the screen does: it shows the step and the position that ask most to be seen there.
    pub fn action(&self, column: u16, row: u16) -> Option<Action> {
        let (x, y) = (column.checked_sub(self.area.x)?, row.checked_sub(self.area.y)?);
        let positions = self.columns.places(self.columns.group_at(x.into())?);
        let steps = self.steps_of_row(y);
        (!steps.is_empty()).then_some(Action::Point { side: self.side, steps, positions })
    }

    /// The steps that a row shows.
    fn steps_of_row(&self, y: u16) -> Range<usize> {
        let slots = usize::from(y) * self.per_row..(usize::from(y) + 1) * self.per_row;
        let groups = slots.filter_map(|slot| self.steps.group_at(slot)).map(|group| self.steps.places(group));
        groups.reduce(|all, next| all.start..next.end).unwrap_or(0..0)
    }

    /// The row that shows a step.
    fn row_of(&self, step: usize) -> Option<u16> {
        self.steps.cells_of(step).map(|cells| self.area.y + (cells.start / self.per_row) as u16)
    }

    /// The first column that shows a position.
    fn column_of(&self, position: usize) -> Option<u16> {
        self.columns.cells_of(position).map(|cells| self.area.x + cells.start as u16)
    }
}

/// Draws the map of the shown run.
pub(super) fn draw(app: &App, run: &RunView<'_>, area: Rect, pen: &mut Pen<'_>) {
    if area.height < 4 || area.width < GUTTER + 8 {
        return;
    }
    let step = run.step();
    let leads = run.lens.pane == Pane::Map;
    let under = under::of(run, &step, pen.theme);
    let told = rule(run, leads, &under, Rect { height: 1, ..area }, pen);
    let foot = match area.height {
        _ if !leads => 0,
        9.. => 2,
        6.. => 1,
        _ => 0,
    };
    pen.wheel(area, Action::Scrub(-1), Action::Scrub(1));
    let id = app.run().map_or(0, |run| run.id);
    let plotted = Rect { y: area.y + 1, height: area.height - 1 - foot, ..area };
    let kinds = plot(app, run, (RunSide::A, id), plotted, pen);
    let row = |up: u16| Rect { y: area.bottom() - up, height: 1, ..area };
    if foot == 2 {
        pen.line(row(2), &sentence(&step, &under, told, pen, area.width));
    }
    if foot > 0 {
        pen.line(row(1), &key(run, &step, &kinds, pen.theme, area.width));
    }
}

/// The map of a run without words: its cells, its steps and its positions. Returns what kinds of dots there are among them.
pub(super) fn plot(
    app: &App,
    run: &RunView<'_>,
    (side, id): (RunSide, RunId),
    area: Rect,
    pen: &mut Pen<'_>,
) -> Vec<MapKind> {
    let step = run.step();
    let cells = Rect { x: area.x + GUTTER, width: area.width - GUTTER, height: area.height - 1, ..area };
    let grid = MapGrid::of(run, side, cells, paint::halves(pen.theme));
    let kinds = picture(app, id, run, &step, grid, pen);
    gutter(run, &grid, Rect { x: area.x, width: GUTTER, ..cells }, pen);
    positions(run, &step, &grid, Rect { y: cells.bottom(), height: 1, ..cells }, pen);
    pen.point(cells, grid);
    kinds
}

/// The cells themselves.
fn picture(
    app: &App,
    id: RunId,
    run: &RunView<'_>,
    step: &StepView<'_>,
    grid: MapGrid,
    pen: &mut Pen<'_>,
) -> Vec<MapKind> {
    let theme = pen.theme;
    let key = RasterKey { run: id, layer: run.lens.layer, theme: (theme.name, theme.level), columns: grid.columns };
    app.maps.with(key, run.log, theme, |raster| MapPicture::new(run, step, raster, grid, run.log.len()).draw(pen))
}

/// The rule: the layers, and what is under the cross-hair, in as many words as there is room for. Returns whether all of
/// it is said.
fn rule(run: &RunView<'_>, leads: bool, under: &[Vec<Span<'static>>], row: Rect, pen: &mut Pen<'_>) -> bool {
    let (title, end) = if leads {
        canvas::title("map", run, row, pen)
    } else {
        (vec![span("map", pen.style(Role::Title))], row.x + 5)
    };
    let room = row.right().saturating_sub(end + 4);
    let said = under.iter().position(|words| pen::cells(words) <= room);
    let right = said.map_or_else(Line::default, |at| Line::from(under[at].clone()));
    pen.rule(row, &Line::from(title), &right);
    said == Some(0)
}

/// What is under the cross-hair where the rule has no room to say so, else what the step did.
fn sentence(step: &StepView<'_>, under: &[Vec<Span<'static>>], told: bool, pen: &Pen<'_>, cells: u16) -> Line<'static> {
    if !told && let Some(words) = under.iter().find(|words| pen::cells(words) <= cells) {
        return Line::from(words.clone());
    }
    caption::of(step, pen, cells).into_iter().next().unwrap_or_default()
}

/// What the colours mean; where dots are glyphs, what the glyphs mean that there are.
pub(super) fn key(
    run: &RunView<'_>,
    step: &StepView<'_>,
    kinds: &[MapKind],
    theme: Theme,
    cells: u16,
) -> Line<'static> {
    if paint::halves(theme) || run.lens.layer.absence(run, step).is_some() {
        return legend::compact(run, step, theme, cells);
    }
    let (text, faint) = (theme.style(Role::Text), theme.style(Role::Faint));
    let mut items = Vec::new();
    if kinds.contains(&MapKind::Shade) {
        let [low, high] = run.lens.layer.shades();
        let shades = theme.glyphs.shades.concat();
        items.push(vec![span(format!("{low} "), faint), span(shades, text), span(format!(" {high}"), faint)]);
    }
    let sign = |kind: &MapKind| {
        let glyph = MapMark::new(*kind, 1.0).glyph(theme.glyphs);
        vec![span(format!("{glyph} "), text), span(kind.words(), faint)]
    };
    items.extend(MapKind::SIGNS.iter().filter(|kind| kinds.contains(kind)).map(sign));
    fitting(items, &span("   ", faint), cells)
}

/// Numbers of steps, what happened before them, and which one is shown.
fn gutter(run: &RunView<'_>, grid: &MapGrid, area: Rect, pen: &mut Pen<'_>) {
    for step in grid.steps.ticks(STEP_GAP * grid.per_row) {
        if let Some(y) = grid.row_of(step) {
            pen.put(area.x, y, 4, &format!("{step:>4}"), pen.style(Role::Faint));
        }
    }
    for y in area.top()..area.bottom() {
        let steps = grid.steps_of_row(y - area.y);
        if let Some((glyph, role)) = event(run.log, &steps, pen.theme) {
            pen.put(area.x + 4, y, 1, glyph, pen.style(role));
        }
    }
    if let Some(y) = grid.row_of(run.at) {
        let accent = pen.style(Role::Accent);
        pen.put(area.x, y, 4, &format!("{:>4}", run.at), accent);
        pen.put(area.x + 5, y, 1, pen.theme.glyphs.pointer, accent);
    }
}

/// The mark of what happened to a run before one of these steps: it branched off, was changed by hand, a knob was turned.
fn event(log: &Log, steps: &Range<usize>, theme: Theme) -> Option<(&'static str, Role)> {
    let (glyphs, inherited) = (theme.glyphs, log.header().inherited());
    let any = |holds: fn(&Step) -> bool| steps.clone().filter_map(|step| log.step(step)).any(holds);
    if inherited > 0 && steps.contains(&inherited) {
        Some((glyphs.fork, Role::Accent))
    } else if any(|step| !step.edits().is_empty()) {
        Some((glyphs.edited, Role::Strong))
    } else if any(|step| !step.changes().is_empty()) {
        Some((glyphs.change, Role::Note))
    } else {
        None
    }
}

/// Numbers of positions, the borders of blocks, what fails in the answer, and which one is selected.
fn positions(run: &RunView<'_>, step: &StepView<'_>, grid: &MapGrid, row: Rect, pen: &mut Pen<'_>) {
    let glyphs = pen.theme.glyphs;
    let mut taken = Vec::new();
    let borders = step.block_starts().into_iter().map(|start| (start, glyphs.block, Role::Dim));
    let failed = step.failed().into_iter().flatten().map(|position| (position, glyphs.wrong, Role::Bad));
    for (position, glyph, role) in borders.chain(failed) {
        if let Some(x) = grid.column_of(position) {
            pen.put(x, row.y, 1, glyph, pen.style(role));
            taken.push(x);
        }
    }
    if let Some((position, x)) = run.lens.selected.and_then(|selected| Some((selected, grid.column_of(selected)?))) {
        let label = format!("{}{position}", glyphs.cursor);
        let x = x.min(row.right().saturating_sub(pen::width(&label)));
        let end = pen.put(x, row.y, row.right() - x, &label, pen.style(Role::Accent));
        taken.extend(x..=end);
    }
    for position in grid.columns.ticks(POSITION_GAP) {
        let label = position.to_string();
        let is_free = |x: &u16| !taken.iter().any(|cell| (*x..x + pen::width(&label)).contains(cell));
        if let Some(x) = grid.column_of(position).filter(is_free) {
            pen.put(x, row.y, row.right() - x, &label, pen.style(Role::Faint));
        }
    }
}
