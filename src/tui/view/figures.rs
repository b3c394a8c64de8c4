//! The figures of the run up to the shown step: all of them sums over the log.

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::pen::{Pen, count, span, width};
use crate::{
    trace::{Figures, Log},
    tui::{
        app::App,
        theme::{Part, Role},
    },
};

/// Draws the figures pane.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let right = Line::from(span(
        if app.follows() || app.is_empty() { String::new() } else { format!("up to step {}", app.shown()) },
        pen.style(Role::Dim),
    ));
    let title = Line::from(span("figures", pen.style(Role::Title)));
    pen.rule(Rect { height: 1, ..area }, &title, &right);
    let Some(log) = app.log() else {
        let row = Rect { y: area.y + 1, height: 1, ..area };
        pen.line(row, &Line::from(span("they begin with the first step", pen.style(Role::Faint))));
        return;
    };
    let figures = Figures::of(log, app.shown());
    let mut sheet = Sheet { area, y: area.y + 1, pen };
    sheet.tokens(&figures);
    sheet.forwards(&figures);
    sheet.speed(log, &figures);
    sheet.time(&figures);
    sheet.positions(&figures);
    sheet.guide(&figures);
}

struct Sheet<'a, 'b> {
    area: Rect,
    y: u16,
    pen: &'a mut Pen<'b>,
}

/// Cells before the value's last one.
const LABEL: u16 = 18;

impl Sheet<'_, '_> {
    fn row(&mut self) -> Option<Rect> {
        let row = Rect { y: self.y, height: 1, ..self.area };
        self.y += 1;
        (row.y < self.area.bottom()).then_some(row)
    }

    /// A label, a value that ends at a fixed cell, and a remark.
    fn figure(&mut self, label: &str, value: &str, remark: &str) {
        let Some(row) = self.row() else { return };
        let (dim, strong, faint) =
            (self.pen.style(Role::Dim), self.pen.style(Role::Strong), self.pen.style(Role::Faint));
        self.pen.put(row.x, row.y, LABEL - 2, label, dim);
        let value_width = width(value);
        let end = LABEL + 6;
        self.pen.put(row.x + end.saturating_sub(value_width), row.y, value_width, value, strong);
        let at = row.x + end + 1;
        self.pen.cut(at, row.y, row.right().saturating_sub(at), remark, faint);
    }

    fn tokens(&mut self, figures: &Figures) {
        let remark = if figures.masked > 0 { format!("{} masked", count(figures.masked as u64)) } else { String::new() };
        self.figure("tokens", &count(figures.tokens as u64), &remark);
    }

    fn forwards(&mut self, figures: &Figures) {
        self.figure("denoiser passes", &count(figures.cost.nfe.into()), "NFE");
        self.figure("guide passes", &count(figures.cost.guide_forwards.into()), "");
        self.figure("tokens per pass", &decimal(figures.tokens_per_forward()), "");
    }

    fn speed(&mut self, log: &Log, figures: &Figures) {
        let device = crate::trace::printable::line(&log.header().denoiser.device);
        let remark = format!("/s on {device}");
        let speed = if figures.seconds() > 0.0 { decimal(figures.tokens_per_second()) } else { "·".to_owned() };
        self.figure("tokens", &speed, &remark);
    }

    fn time(&mut self, figures: &Figures) {
        let steps = figures.steps.max(1) as f64;
        let per_step = figures.seconds() * 1e3 / steps;
        self.figure("time", &decimal(per_step), "ms per step");
        let cost = figures.cost;
        let parts = [
            (cost.denoiser_us as f64, Part::Denoiser, "denoiser"),
            (cost.guide_us as f64, Part::Guide, "guide"),
            (cost.other_us as f64, Part::Other, "other"),
        ];
        self.split(&parts);
    }

    fn positions(&mut self, figures: &Figures) {
        let reuse = figures.reuse();
        let value = if figures.steps == 0 { "·".to_owned() } else { format!("{:.0}%", reuse * 100.0) };
        self.figure("K/V reused", &value, "of all rows");
        let computed = f64::from(figures.cost.computed);
        let reused = f64::from(figures.cost.reused);
        let labels = [
            format!("computed {}", count(figures.cost.computed.into())),
            format!("reused {}", count(figures.cost.reused.into())),
        ];
        self.split(&[(computed, Part::Computed, &labels[0]), (reused, Part::Reused, &labels[1])]);
    }

    fn guide(&mut self, figures: &Figures) {
        let value = figures.acceptance().map_or_else(|| "·".to_owned(), |share| format!("{:.0}%", share * 100.0));
        let remark = if figures.reviews == 0 {
            "no guide yet".to_owned()
        } else {
            format!("{:.0}% forced", figures.forced as f64 * 100.0 / figures.reviews as f64)
        };
        self.figure("drafts accepted", &value, &remark);
    }

    /// A bar in parts, with their names after it.
    fn split(&mut self, parts: &[(f64, Part, &str)]) {
        let Some(row) = self.row() else { return };
        let total: f64 = parts.iter().map(|(value, ..)| value).sum();
        if total <= 0.0 {
            return;
        }
        let names: Vec<Span<'static>> = parts
            .iter()
            .filter(|(value, ..)| *value > 0.0)
            .map(|(_, part, name)| span(format!(" {name}"), self.pen.theme.ink(self.pen.theme.part(*part))))
            .collect();
        let names_width: u16 = names.iter().map(|name| width(&name.content)).sum();
        let bar = row.width.saturating_sub(names_width + 1).max(6);
        let stacked: Vec<_> =
            parts.iter().map(|(value, part, _)| (*value, self.pen.theme.ink(self.pen.theme.part(*part)))).collect();
        self.pen.stack(row.x, row.y, bar, &stacked);
        self.pen.line(Rect { x: row.x + bar, width: row.width.saturating_sub(bar), ..row }, &Line::from(names));
    }
}

/// The figures in one row.
pub(super) fn strip(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let Some(log) = app.log() else { return };
    let figures = Figures::of(log, app.shown());
    let mut items = vec![
        (decimal(figures.tokens_per_forward()), "tokens/pass"),
        (figures.cost.nfe.to_string(), "NFE"),
        (figures.cost.guide_forwards.to_string(), "guide"),
    ];
    if figures.seconds() > 0.0 {
        items.push((decimal(figures.tokens_per_second()), "tokens/s"));
    }
    items.push((format!("{:.0}%", figures.reuse() * 100.0), "reused"));
    if let Some(share) = figures.acceptance() {
        items.push((format!("{:.0}%", share * 100.0), "accepted"));
    }
    let (strong, dim) = (pen.style(Role::Strong), pen.style(Role::Dim));
    let mut line = Vec::new();
    let mut used = 0;
    for (value, label) in items {
        let item = width(&value) + 1 + width(label) + 3;
        if used + item > area.width + 3 {
            break;
        }
        used += item;
        line.push(span(value, strong));
        line.push(span(format!(" {label}   "), dim));
    }
    pen.line(area, &Line::from(line));
}

/// A number with as many decimals as it deserves.
fn decimal(value: f64) -> String {
    match value {
        value if !value.is_finite() => "·".to_owned(),
        value if value < 10.0 => format!("{value:.2}"),
        value if value < 100.0 => format!("{value:.1}"),
        value => count(value.round() as u64),
    }
}
