//! What two runs cost, and in what proportion.

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::SideBySide;
use crate::{
    session::{
        ComparedFigure, FigureUnit, compared,
        figure::{PASSES, ROWS_COMPUTED, TIME, TOKENS, TOKENS_PER_SECOND},
    },
    tui::{
        compare::RunSide,
        theme::Role,
        view::{
            figures::{NONE, decimal},
            pen::{Pen, count, fitting, span},
        },
    },
};

impl SideBySide<'_> {
    fn compared(&self) -> Vec<ComparedFigure> {
        compared([RunSide::A, RunSide::B].map(|side| (self.log(side), self.steps[side as usize])))
    }

    /// The figures of both up to the shown place, with their ratios.
    pub(super) fn figures(&self, area: Rect, pen: &mut Pen<'_>) {
        if area.height < 3 {
            return;
        }
        let row = |row: u16| Rect { y: area.y + row, height: 1, ..area };
        let title = Line::from(span("figures", pen.style(Role::Title)));
        pen.rule(Rect { width: area.width.saturating_sub(27), ..row(0) }, &title, &Line::default());
        cells(row(0), ["A", "B", "B:A"].map(|name| span(name, pen.style(Role::Accent))), pen);
        let (dim, strong) = (pen.style(Role::Dim), pen.style(Role::Strong));
        let figures = self.compared();
        for (figure, at) in figures.iter().zip(1..area.height) {
            pen.put(area.x, area.y + at, 14, figure.name, dim);
            let values = [span(value(figure, figure.a), strong), span(value(figure, figure.b), strong)];
            let [a, b] = values;
            cells(row(at), [a, b, span(ratio(figure, pen), dim)], pen);
        }
        let at = figures.len() as u16 + 1;
        if at < area.height {
            pen.put(area.x, area.y + at, 14, "verdict", dim);
            let [a, b] = [RunSide::A, RunSide::B].map(|side| self.verdict(side, pen));
            cells(row(at), [a, b, span("", dim)], pen);
        }
    }

    /// What the checker said of an answer, where that is what is shown.
    fn verdict(&self, side: RunSide, pen: &Pen<'_>) -> Span<'static> {
        let (glyphs, log) = (pen.theme.glyphs, self.log(side));
        let is_whole = self.steps[side as usize] == log.len();
        match log.end().filter(|_| is_whole).and_then(|end| end.correct) {
            Some(true) => span(format!("{} correct", glyphs.right), pen.style(Role::Good)),
            Some(false) => span(format!("{} wrong", glyphs.wrong), pen.style(Role::Bad)),
            None => span(NONE, pen.style(Role::Dim)),
        }
    }

    /// The figures that say most, in a row.
    pub(super) fn strip(&self, cells: u16, pen: &Pen<'_>) -> Line<'static> {
        let (dim, strong) = (pen.style(Role::Dim), pen.style(Role::Strong));
        let figures = self.compared();
        let first = [&PASSES, &ROWS_COMPUTED, &TOKENS_PER_SECOND, &TIME, &TOKENS];
        let items = first.into_iter().filter_map(|first| figures.iter().find(|figure| figure.name == first.short));
        let items = items.map(|figure| {
            let pair = format!("{}:{}", value(figure, figure.a), value(figure, figure.b));
            vec![
                span(format!("{} ", figure.name), dim),
                span(pair, strong),
                span(format!(" {}", ratio(figure, pen)), dim),
            ]
        });
        fitting(items, &span("   ", dim), cells)
    }
}

/// Three values that end where their columns do.
fn cells(row: Rect, values: [Span<'static>; 3], pen: &mut Pen<'_>) {
    for (value, from_right) in values.into_iter().zip([18, 8, 0]) {
        let cell = Rect { width: row.width.saturating_sub(from_right), ..row };
        pen.line_right(cell, &Line::from(value));
    }
}

fn value(figure: &ComparedFigure, value: f64) -> String {
    match figure.unit {
        FigureUnit::Count => count(value as u64),
        FigureUnit::Rate if value == 0.0 => NONE.to_owned(),
        FigureUnit::Rate => decimal(value),
        FigureUnit::Seconds => format!("{}s", decimal(value)),
    }
}

/// "1.28×"; in whole numbers where it is large.
fn ratio(figure: &ComparedFigure, pen: &Pen<'_>) -> String {
    figure.ratio.map_or_else(|| NONE.to_owned(), |ratio| format!("{}{}", decimal(ratio), pen.theme.glyphs.times))
}
