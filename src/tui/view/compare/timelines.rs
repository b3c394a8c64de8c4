//! What two runs wrote along the axis that they are aligned by.

use ratatui::{layout::Rect, text::Line};

use super::{SideBySide, letter};
use crate::{
    session::Axis,
    trace::Log,
    tui::{
        action::Action,
        compare::{CompareAction, RunSide},
        theme::Role,
        view::{
            pen::{Pen, span, width},
            timeline::{self, Column},
        },
    },
};

/// Cells before the bars of a timeline: the name of its run.
const NAME: u16 = 2;

impl SideBySide<'_> {
    /// What both wrote along the axis, and the place that is shown. Returns the rows below.
    pub(super) fn timelines(&self, area: Rect, bars: u16, pen: &mut Pen<'_>) -> Rect {
        self.axes(Rect { height: 1.min(area.height), ..area }, pen);
        let bars = bars.min(area.height.saturating_sub(2) / 2);
        let used = (1 + 2 * bars + 1).min(area.height);
        let below = Rect { y: area.y + used, height: area.height - used, ..area };
        if bars == 0 || area.width < NAME + 10 {
            return below;
        }
        let scale = Scale::of(self, area.width - NAME);
        let columns = self.runs.map(|run| scale.columns(&run.log));
        let full = timeline::full_scale(columns.iter().flatten().map(Column::height).max().unwrap_or(0), 1);
        let shown = self.comparison.shown_place(self.runs);
        let axis_row = area.y + 1 + 2 * bars;
        for (index, columns) in columns.iter().enumerate() {
            let top = area.y + 1 + index as u16 * bars;
            let name = letter([RunSide::A, RunSide::B][index]);
            pen.put(area.x, top + bars - 1, 1, name, pen.style(Role::Accent));
            for (column, drawn) in columns.iter().enumerate() {
                let x = area.x + NAME + column as u16 * scale.cells;
                let cell = Rect { x, y: top, width: scale.bar_cells(), height: bars };
                timeline::stack(drawn, full, scale.start(column) < shown, cell, pen);
            }
        }
        for column in 0..scale.columns {
            let x = area.x + NAME + column as u16 * scale.cells;
            let hit = Rect { x, y: area.y + 1, width: scale.cells, height: 2 * bars + 1 };
            pen.drag(hit, Action::Compare(CompareAction::ScrubTo(scale.start(column + 1))));
        }
        let at = |place: u64| area.x + NAME + scale.column(place) as u16 * scale.cells;
        if let Some(divergence) = &self.diff().divergence {
            pen.put(at(divergence.place), axis_row, 1, pen.theme.glyphs.differs, pen.style(Role::Bad));
        }
        pen.put(at(shown), axis_row, 1, pen.theme.glyphs.cursor, pen.style(Role::Accent));
        pen.wheel(Rect { height: used, ..area }, Action::Scrub(-1), Action::Scrub(1));
        below
    }

    /// The axes to choose from, and the place on the one that is chosen.
    fn axes(&self, row: Rect, pen: &mut Pen<'_>) {
        if row.height == 0 {
            return;
        }
        let chosen = self.comparison.axis();
        let mut title = vec![span("by", pen.style(Role::Title))];
        let mut x = row.x + 2;
        for axis in Axis::ALL {
            let role = if axis == chosen { Role::Accent } else { Role::Faint };
            title.push(span(format!("  {}", axis.name()), pen.style(role)));
            let cells = width(axis.name());
            pen.click(Rect { x: x + 2, width: cells, ..row }, Action::Compare(CompareAction::Axis(axis)));
            x += 2 + cells;
        }
        let place = chosen.words(self.comparison.shown_place(self.runs));
        pen.rule(row, &Line::from(title), &Line::from(span(place, pen.style(Role::Text))));
    }
}

/// How an axis is divided into columns of the timelines.
struct Scale {
    axis: Axis,
    end: u64,
    columns: usize,
    /// Cells of a column, the gap after it included.
    cells: u16,
}

impl Scale {
    /// A column for each unit of the axis, up to three cells wide, as far as `cells` reach; else a column for each cell.
    fn of(both: &SideBySide<'_>, cells: u16) -> Self {
        let axis = both.comparison.axis();
        let end = axis.end(both.runs.map(|run| &*run.log));
        let columns = end.clamp(1, u64::from(cells.max(1))) as u16;
        Self { axis, end, columns: columns.into(), cells: (cells / columns).clamp(1, 3) }
    }

    fn bar_cells(&self) -> u16 {
        if self.cells > 1 { self.cells - 1 } else { 1 }
    }

    /// The place at which a column begins: its places are those behind it, up to the next column's.
    fn start(&self, column: usize) -> u64 {
        (u128::from(self.end) * column as u128 / self.columns as u128) as u64
    }

    /// The column of a place; the first one for the beginning.
    fn column(&self, place: u64) -> usize {
        (0..self.columns).rev().find(|column| self.start(*column) < place).unwrap_or_default()
    }

    /// What the steps that end in each column wrote.
    fn columns(&self, log: &Log) -> Vec<Column> {
        let ends: Vec<usize> = (0..=self.columns).map(|column| self.axis.steps(log, self.start(column))).collect();
        ends.windows(2).map(|pair| Column::of(log, pair[0]..pair[1])).collect()
    }
}
