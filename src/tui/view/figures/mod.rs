//! The figures of the run up to the shown step, and since the last change of a knob; with the focus, what one of them says.
//!
//! ```text
//! figures ─────────── whole run  since ◆ step 24
//! tokens                     81               40
//! K/V rows reused           61%              74%
//! ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
//! computed 5210  reused 8190
//!
//! Rows of earlier steps that are attended to as
//! they are, rather than computed in this one.
//! ```

mod parts;
mod words;

use ratatui::{layout::Rect, style::Style, text::Line};

use super::{
    pen::{Pen, count, fitting, span, width, wrap},
    run::RunView,
    runs::fork_words,
};
use crate::{
    session::{
        CacheGain, Figure, FigureForm, GainBasis, Measured,
        figure::{ACCEPTED, ENDS, FIGURES, GUIDE_PASSES, PASSES, REUSED, TOKENS_PER_PASS, TOKENS_PER_SECOND},
    },
    trace::{Figures, Log},
    tui::{
        action::{Action, Focus},
        app::App,
        theme::Role,
    },
};
pub(super) use words::{NONE, decimal, flips, nats, value};

/// Cells of a label.
const LABEL: u16 = 18;
/// Where the figures of the whole run end.
const WHOLE: u16 = 24;
/// From this width on, the head of the column beside it is written out.
const ROOMY: u16 = 42;

/// Draws the figures pane; `plain` is the plain run that this one can be measured against, where one is kept, `chosen` the
/// figure that is explained.
pub(super) fn draw(
    run: &RunView<'_>,
    plain: Option<&Log>,
    chosen: Option<&'static Figure>,
    area: Rect,
    pen: &mut Pen<'_>,
) {
    let turned = turned_at(run.log, run.at);
    head(run, turned, chosen.is_some(), area, pen);
    let whole = Measured::of(run.log, run.at, plain);
    let foot = if chosen.is_some() { foot(area.width) } else { 0 };
    let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1 + foot), ..area };
    let figures = Figure::of_pane(&whole);
    let shown = match chosen {
        Some(chosen) => around(&figures, chosen, body.height),
        None => foremost(&figures, body.height),
    };
    let since = turned.map(|step| whole.since(step - 1));
    let mut pane = FiguresPane { area: body, y: body.y, whole, since, pen };
    for figure in shown {
        pane.figure(figure, chosen.is_some_and(|chosen| std::ptr::eq(chosen, figure)));
    }
    if let Some(chosen) = chosen {
        pen.wheel(body, Action::FigureMove(-1), Action::FigureMove(1));
        let lines = wrap(chosen.explanation, area.width);
        for (line, y) in lines.iter().zip(body.bottom() + 1..area.bottom()) {
            pen.put(area.x, y, area.width, line, pen.style(Role::Dim));
        }
    }
}

/// Rows at the foot for what a figure says: those that the longest takes, and a gap.
fn foot(width: u16) -> u16 {
    let lines = FIGURES.iter().map(|figure| wrap(figure.explanation, width).len());
    1 + lines.max().unwrap_or(0) as u16
}

/// Rows that the figures of the shown run take: the same for all of its steps, so that nothing moves while one scrubs.
pub(super) fn height(app: &App, width: u16) -> u16 {
    let Some(log) = app.log() else { return 0 };
    let figures = Figure::of_pane(&Measured::of(log, 0, app.plain_beside()));
    let rows: u16 = figures.iter().map(|figure| figure.form.rows()).sum();
    1 + rows + if app.focus() == Focus::Figures { foot(width) } else { 0 }
}

/// The figures that matter most, as many as `rows` hold, in the order of the table.
fn foremost(figures: &[&'static Figure], rows: u16) -> Vec<&'static Figure> {
    let mut by_rank: Vec<usize> = (0..figures.len()).collect();
    by_rank.sort_by_key(|at| figures[*at].rank);
    let mut left = rows;
    let mut kept = vec![false; figures.len()];
    for at in by_rank {
        let rows = figures[at].form.rows();
        if rows <= left {
            left -= rows;
            kept[at] = true;
        }
    }
    figures.iter().zip(kept).filter(|(_, kept)| *kept).map(|(figure, _)| *figure).collect()
}

/// The figures from the one on that lets the chosen one stand in the last of `rows` at the latest.
fn around(figures: &[&'static Figure], chosen: &Figure, rows: u16) -> Vec<&'static Figure> {
    let at = figures.iter().position(|figure| std::ptr::eq(*figure, chosen)).unwrap_or(0);
    let taken = |from: usize| figures[from..=at].iter().map(|figure| figure.form.rows()).sum::<u16>();
    let first = (0..at).find(|from| taken(*from) <= rows).unwrap_or(at);
    let fits = |used: &mut u16, figure: &&'static Figure| {
        *used += figure.form.rows();
        (*used <= rows).then_some(*figure)
    };
    figures.iter().skip(first).scan(0, fits).collect()
}

/// The step before which the newest knob change up to the shown step was made; `None` where that is all of them.
fn turned_at(log: &Log, at: usize) -> Option<usize> {
    log.turned_at(at).filter(|step| *step > 1)
}

/// The title, and what the columns count where there are two.
fn head(run: &RunView<'_>, turned: Option<usize>, is_focused: bool, area: Rect, pen: &mut Pen<'_>) {
    let row = Rect { height: 1, ..area };
    let title = Line::from(span("figures", pen.style(if is_focused { Role::TitleFocused } else { Role::Title })));
    pen.click(row, Action::Focus(Focus::Figures));
    let shows_past = !run.follows && !run.log.is_empty();
    let Some(turned) = turned else {
        let upto = match &run.log.header().origin {
            _ if shows_past => format!("up to step {}", run.at),
            Some(origin) => fork_words(origin, None),
            None => String::new(),
        };
        pen.rule(row, &title, &Line::from(span(upto, pen.style(Role::Dim))));
        return;
    };
    pen.rule(row, &title, &Line::default());
    let whole = if shows_past { format!(" to step {} ", run.at) } else { " whole run ".to_owned() };
    let step = if area.width < ROOMY { "" } else { "step " };
    let since = format!(" since {} {step}{turned}", pen.theme.glyphs.change);
    for (end, heading, role) in [(WHOLE + 1, whole, Role::Dim), (area.width, since, Role::Note)] {
        let cells = Rect { width: end.min(row.width), ..row };
        pen.line_right(cells, &Line::from(span(heading, pen.style(role))));
    }
}

struct FiguresPane<'a, 'b> {
    area: Rect,
    y: u16,
    whole: Measured<'a>,
    /// The steps since the last change of a knob, where there was one.
    since: Option<Measured<'a>>,
    pen: &'a mut Pen<'b>,
}

impl FiguresPane<'_, '_> {
    fn row(&mut self) -> Option<Rect> {
        let row = Rect { y: self.y, height: 1, ..self.area };
        self.y += 1;
        (row.y < self.area.bottom()).then_some(row)
    }

    /// A figure, and what stands below it.
    fn figure(&mut self, figure: &'static Figure, is_chosen: bool) {
        let hit = Rect { y: self.y, height: figure.form.rows(), ..self.area };
        self.pen.click(hit.intersection(self.area), Action::FigureSelect(figure.index()));
        let Some(row) = self.row() else { return };
        if is_chosen {
            self.pen.paint(row, self.pen.style(Role::Marked));
        }
        match figure.form {
            FigureForm::LayerRows => self.layer_rows(figure, row),
            FigureForm::LayerSimilarity => self.similarity(figure, row),
            FigureForm::Verdict => self.verdict(figure, row),
            _ => self.line(figure, row, self.pen.style(Role::Strong)),
        }
        match figure.form {
            FigureForm::TimeSplit => self.time_split(),
            FigureForm::RowSplit => self.row_split(),
            _ => {}
        }
    }

    /// A label, a value that ends at a fixed cell, and a remark; in place of that the value since the last change of a
    /// knob, where there was one.
    fn line(&mut self, figure: &Figure, row: Rect, style: Style) {
        self.pen.put(row.x, row.y, LABEL, figure.label, self.pen.style(Role::Dim));
        let whole = value((figure.read)(&self.whole), self.pen.theme);
        self.value(row, WHOLE, &whole, style);
        if let Some(since) = self.since.filter(|_| figure.form != FigureForm::Fixed) {
            let since = value((figure.read)(&since), self.pen.theme);
            self.value(row, row.width, &since, style);
            return;
        }
        let at = row.x + WHOLE + 1;
        let remark = (figure.remark)(&self.whole);
        self.pen.cut(at, row.y, row.right().saturating_sub(at), &remark, self.pen.style(Role::Faint));
    }

    /// A value that ends before the cell `end`.
    fn value(&mut self, row: Rect, end: u16, value: &str, style: Style) {
        let cells = width(value);
        self.pen.put(row.x + end.saturating_sub(cells), row.y, cells, value, style);
    }

    /// What a cache gains, and a sentence on it.
    fn verdict(&mut self, figure: &Figure, row: Rect) {
        let gain = CacheGain::of(self.since.as_ref().unwrap_or(&self.whole));
        let is_loss = gain.is_some_and(|gain| gain.is_loss());
        let role = if is_loss { Role::Bad } else { Role::Strong };
        self.line(figure, row, self.pen.style(role));
        let (Some(row), Some(gain)) = (self.row(), gain) else { return };
        let (sentence, role) = match gain.basis {
            _ if is_loss => (format!("costs more than it saves, {}", gain.basis.words()), Role::Bad),
            GainBasis::PlainRun { own, without } => {
                (format!("{} ms a step, {} in the plain run", decimal(own), decimal(without)), Role::Faint)
            }
            GainBasis::WholeSteps { own, without } => {
                (format!("{} ms a step, {} with all rows", decimal(own), decimal(without)), Role::Faint)
            }
            GainBasis::Rows => ("no step could be timed".to_owned(), Role::Faint),
        };
        self.pen.cut(row.x, row.y, row.width, &sentence, self.pen.style(role));
    }
}

/// The figures in one row.
pub(super) fn strip(run: &RunView<'_>, area: Rect, pen: &mut Pen<'_>) {
    let of = Measured::of(run.log, run.at, None);
    let Figures { tokens, ends, cost, .. } = of.figures;
    let item = |figure: &Figure| (value((figure.read)(&of), pen.theme), figure.short);
    let mut items = vec![item(&TOKENS_PER_PASS), item(&PASSES)];
    if cost.nfe == 1 {
        items[1].1 = "pass";
    }
    if tokens == 0 && ends > 0 {
        items.insert(0, item(&ENDS));
    }
    items.extend(run.lens.layer.figures(&run.step(), &of.figures));
    if cost.guide_forwards > 0 {
        items.push((
            count(cost.guide_forwards.into()),
            if cost.guide_forwards == 1 { "guide pass" } else { GUIDE_PASSES.short },
        ));
    }
    if of.figures.seconds() > 0.0 {
        items.push(item(&TOKENS_PER_SECOND));
    }
    items.push(item(&REUSED));
    if of.figures.judged > 0 {
        items.push(item(&ACCEPTED));
    }
    let (strong, dim) = (pen.style(Role::Strong), pen.style(Role::Dim));
    let items = items.into_iter().map(|(value, label)| vec![span(value, strong), span(format!(" {label}"), dim)]);
    pen.line(area, &fitting(items, &span("   ", dim), area.width));
}
