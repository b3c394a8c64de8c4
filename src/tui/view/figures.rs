//! The figures of the run up to the shown step, and since the last change of a knob: all of them sums over the log.

use ratatui::{
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::{
    pen::{Pen, count, fitting, span, width},
    run::RunView,
    runs::fork_words,
    sample,
    step::StepView,
};
use crate::{
    session::SpeedUp,
    trace::{Figures, Log},
    tui::theme::{BarPart, Role},
};

/// Draws the figures pane; `plain` is the plain run that this one can be measured against, where one is kept.
pub(super) fn draw(run: &RunView<'_>, plain: Option<&Log>, area: Rect, pen: &mut Pen<'_>) {
    let log = run.log;
    let turned = turned_at(log, run.at);
    head(run, turned, area, pen);
    let figures = Figures::of(log, run.at);
    let since = turned.map(|step| Figures::between(log, step - 1, run.at));
    let mut pane = FiguresPane { area, y: area.y + 1, since, pen };
    pane.tokens(log, &figures);
    pane.speed_up(plain, &figures);
    pane.revision(log, &figures);
    pane.passes(log, &figures);
    pane.time(&figures);
    pane.positions(&figures);
    pane.layers(log, run.at);
    pane.audit(log, &figures);
    pane.shadow(log, &figures);
}

/// The step before which the newest knob change up to the shown step was made; `None` where that is all of them.
fn turned_at(log: &Log, at: usize) -> Option<usize> {
    log.turned_at(at).filter(|step| *step > 1)
}

/// The title, and what the columns count where there are two.
fn head(run: &RunView<'_>, turned: Option<usize>, area: Rect, pen: &mut Pen<'_>) {
    let row = Rect { height: 1, ..area };
    let title = Line::from(span("figures", pen.style(Role::Title)));
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

/// Rows that the figures of a run take: the same for all of its steps, so that nothing moves while one scrubs.
pub(super) fn height(log: Option<&Log>, has_plain: bool) -> u16 {
    let Some(log) = log else { return USUAL };
    let rows =
        [(log.has_revisions(), 1), (has_plain, 2), (log.has_layers(), 2), (log.has_audits(), 2), (log.has_shadow(), 2)];
    USUAL + rows.iter().filter(|(is_there, _)| *is_there).map(|(_, rows)| rows).sum::<u16>()
}

/// Rows of what every run has.
const USUAL: u16 = 14;

struct FiguresPane<'a, 'b> {
    area: Rect,
    y: u16,
    /// Of the steps since the last change of a knob, where there was one.
    since: Option<Figures>,
    pen: &'a mut Pen<'b>,
}

/// Cells of a label.
const LABEL: u16 = 18;
/// Where the figures of the whole run end.
const WHOLE: u16 = 24;
/// From this width on, the head of the column beside it is written out.
const ROOMY: u16 = 42;

impl FiguresPane<'_, '_> {
    fn row(&mut self) -> Option<Rect> {
        let row = Rect { y: self.y, height: 1, ..self.area };
        self.y += 1;
        (row.y < self.area.bottom()).then_some(row)
    }

    /// A label, a value that ends at a fixed cell, and a remark; in place of that the value since the last change of a
    /// knob, where there was one.
    fn figure(&mut self, label: &str, figures: &Figures, value: impl Fn(&Figures) -> String, remark: &str) {
        let Some(row) = self.row() else { return };
        let (dim, strong) = (self.pen.style(Role::Dim), self.pen.style(Role::Strong));
        self.pen.put(row.x, row.y, LABEL, label, dim);
        self.value(row, WHOLE, &value(figures), strong);
        if let Some(since) = self.since {
            self.value(row, row.width, &value(&since), strong);
            return;
        }
        let at = row.x + WHOLE + 1;
        self.pen.cut(at, row.y, row.right().saturating_sub(at), remark, self.pen.style(Role::Faint));
    }

    /// A value that ends before the cell `end`.
    fn value(&mut self, row: Rect, end: u16, value: &str, style: Style) {
        let cells = width(value);
        self.pen.put(row.x + end.saturating_sub(cells), row.y, cells, value, style);
    }

    fn tokens(&mut self, log: &Log, figures: &Figures) {
        let remark =
            if figures.masked > 0 { format!("{} masked", count(figures.masked as u64)) } else { String::new() };
        self.figure("tokens", figures, |figures| count(figures.tokens as u64), &remark);
        self.figure("end of text", figures, |figures| count(figures.ends as u64), "counted apart");
        self.figure("tokens per pass", figures, |figures| decimal(figures.tokens_per_forward()), "");
        let device = crate::printable::line(&log.header().denoiser.device);
        let speed = |figures: &Figures| {
            if figures.seconds() > 0.0 { decimal(figures.tokens_per_second()) } else { NONE.to_owned() }
        };
        self.figure("tokens per second", figures, speed, &format!("on {device}"));
    }

    /// How much faster it is than the plain run that is kept.
    fn speed_up(&mut self, plain: Option<&Log>, figures: &Figures) {
        let Some(plain) = plain else { return };
        let plain = Figures::of(plain, plain.len());
        let times = self.pen.theme.glyphs.times;
        let shown = |value: Option<f64>| value.map_or_else(|| NONE.to_owned(), |value| format!("{value:.1}{times}"));
        let speed = |figures: &Figures| SpeedUp::of(figures, &plain);
        let by_time = |figures: &Figures| shown(speed(figures).and_then(|speed| speed.time));
        self.figure("speed-up by time", figures, by_time, "measured");
        let by_passes = |figures: &Figures| shown(speed(figures).map(|speed| speed.passes));
        self.figure("speed-up by passes", figures, by_passes, "beside plain");
    }

    /// What was taken back.
    fn revision(&mut self, log: &Log, figures: &Figures) {
        if !log.has_revisions() {
            return;
        }
        let parts = [(figures.remasked, "masked again"), (figures.edited, "edited")];
        let remark = match parts.map(|(number, _)| number) {
            [0, 0] => String::new(),
            [_, 0] => parts[0].1.to_owned(),
            [0, _] => parts[1].1.to_owned(),
            [again, _] => format!("{} again", count(again as u64)),
        };
        let revised = |figures: &Figures| count((figures.remasked + figures.edited) as u64);
        self.figure("tokens revised", figures, revised, &remark);
    }

    fn passes(&mut self, log: &Log, figures: &Figures) {
        self.figure("denoiser passes", figures, |figures| count(figures.cost.nfe.into()), "");
        let reading = if StepView::new(log, figures.steps).guide_reads_text() { "reads text" } else { "" };
        self.figure("guide passes", figures, |figures| count(figures.cost.guide_forwards.into()), reading);
        let accepted = |figures: &Figures| figures.acceptance().map_or_else(|| NONE.to_owned(), percent);
        let remark = if figures.reviews == 0 {
            "no guide".to_owned()
        } else {
            format!("{} forced", percent(figures.forced as f64 / figures.reviews as f64))
        };
        self.figure("drafts accepted", figures, accepted, &remark);
    }

    fn time(&mut self, figures: &Figures) {
        let per_step = |figures: &Figures, micros: u64| micros as f64 / 1e3 / figures.steps.max(1) as f64;
        let cost = figures.cost;
        self.figure("ms per step", figures, |figures| decimal(per_step(figures, figures.cost.total_us())), "");
        let part = |name: &str, micros: u64| format!("{name} {}", decimal(per_step(figures, micros)));
        self.split(&[
            (cost.denoiser_us as f64, BarPart::Denoiser, part("denoiser", cost.denoiser_us)),
            (cost.guide_us as f64, BarPart::Guide, part("guide", cost.guide_us)),
            (cost.other_us as f64, BarPart::Other, part("other", cost.other_us)),
        ]);
    }

    fn positions(&mut self, figures: &Figures) {
        let cost = figures.cost;
        let reused = |figures: &Figures| if figures.steps == 0 { NONE.to_owned() } else { percent(figures.reuse()) };
        self.figure("K/V rows reused", figures, reused, "");
        self.split(&[
            (f64::from(cost.computed), BarPart::Computed, format!("computed {}", count(cost.computed.into()))),
            (f64::from(cost.reused), BarPart::Reused, format!("reused {}", count(cost.reused.into()))),
        ]);
    }

    /// What each layer computed in the shown step, and how similar it was to before, from the first layer up.
    fn layers(&mut self, log: &Log, steps: usize) {
        if !log.has_layers() {
            return;
        }
        let (Some(above), Some(below)) = (self.row(), self.row()) else { return };
        let theme = self.pen.theme;
        let (dim, faint) = (self.pen.style(Role::Dim), self.pen.style(Role::Faint));
        self.pen.put(above.x, above.y, LABEL, "rows by layer", dim);
        self.pen.put(below.x, below.y, LABEL, "similarity", dim);
        let layers = log.step(steps).map_or(&[][..], |step| step.layers());
        if layers.is_empty() {
            return;
        }
        let all = log.header().canvas_length() as f32;
        let computed: Vec<f32> = layers.iter().map(|layer| layer.computed as f32 / all).collect();
        let similar: Vec<f32> = layers.iter().filter_map(|layer| layer.similarity).collect();
        let numbers = || layers.iter().map(|layer| layer.computed);
        let note = match (numbers().min().unwrap_or(0), numbers().max().unwrap_or(0)) {
            (few, many) if few == many => format!(" {few} each"),
            (few, many) => format!(" {few} to {many}"),
        };
        let mut line = sample::by_layer(theme, &computed, layer_cells(above, &note), f32::max, |share| share);
        for bar in &mut line {
            bar.style = theme.ink(theme.part(BarPart::Computed));
        }
        line.push(span(note, faint));
        self.pen.line(beside(above), &Line::from(line));
        let note = match similar.iter().copied().reduce(f32::min) {
            Some(least) => format!(" least {least:.2}"),
            None => "not measured".to_owned(),
        };
        let mut line = sample::by_layer(theme, &similar, layer_cells(below, &note), f32::min, sample::cosine_share);
        line.push(span(note, faint));
        self.pen.line(beside(below), &Line::from(line));
    }

    /// What the cache changed, and what finding out took; not in the other figures.
    fn audit(&mut self, log: &Log, figures: &Figures) {
        if !log.has_audits() {
            return;
        }
        self.figure("cache flips", figures, flips, &format!("KL {} nats", nats(figures.mean_kl)));
        let passes = |figures: &Figures| count(figures.cost.audit_forwards.into());
        self.figure("audit passes", figures, passes, &format!("{} ms", decimal(figures.cost.audit_us as f64 / 1e3)));
    }

    /// What a guide would have said that only looked on, and what that took; not in the other figures.
    fn shadow(&mut self, log: &Log, figures: &Figures) {
        if !log.has_shadow() {
            return;
        }
        let accepted = |figures: &Figures| figures.shadow_acceptance().map_or_else(|| NONE.to_owned(), percent);
        self.figure("shadow guide", figures, accepted, "would pass");
        let passes = |figures: &Figures| count(figures.cost.shadow_forwards.into());
        self.figure("its passes", figures, passes, &format!("{} ms", decimal(figures.cost.shadow_us as f64 / 1e3)));
    }

    /// A bar in parts, and below it their names.
    fn split(&mut self, parts: &[(f64, BarPart, String)]) {
        let (Some(bar), Some(row)) = (self.row(), self.row()) else {
            return;
        };
        let theme = self.pen.theme;
        let stacked: Vec<_> = parts.iter().map(|(value, part, _)| (*value, theme.ink(theme.part(*part)))).collect();
        self.pen.stack(bar.x, bar.y, bar.width, &stacked);
        let names = parts.iter().filter(|(value, ..)| *value > 0.0);
        let mut line: Vec<Span<'static>> = Vec::new();
        for (_, part, name) in names {
            let gap = if line.is_empty() { "" } else { "  " };
            line.push(span(format!("{gap}{name}"), theme.ink(theme.part(*part))));
        }
        self.pen.line(row, &Line::from(line));
    }
}

/// What is right of the label of a row.
fn beside(row: Rect) -> Rect {
    Rect { x: row.x + LABEL.min(row.width), width: row.width.saturating_sub(LABEL), ..row }
}

/// Cells for a bar per layer, where a note follows it.
fn layer_cells(row: Rect, note: &str) -> u16 {
    beside(row).width.saturating_sub(width(note))
}

/// In place of a figure that there is not.
pub(super) const NONE: &str = "-";

/// Share of the audited masks at which the truth has another most likely token.
pub(super) fn flips(figures: &Figures) -> String {
    if figures.audited == 0 {
        return NONE.to_owned();
    }
    percent(figures.flips as f64 / figures.audited as f64)
}

/// A divergence: small ones count.
pub(super) fn nats(divergence: f64) -> String {
    if divergence.is_finite() { format!("{divergence:.3}") } else { NONE.to_owned() }
}

fn percent(share: f64) -> String {
    format!("{:.0}%", share * 100.0)
}

/// The figures in one row.
pub(super) fn strip(run: &RunView<'_>, area: Rect, pen: &mut Pen<'_>) {
    let figures = Figures::of(run.log, run.at);
    let nfe = figures.cost.nfe;
    let passes = if nfe == 1 { "pass" } else { "passes" };
    let mut items = vec![(decimal(figures.tokens_per_forward()), "tokens/pass"), (nfe.to_string(), passes)];
    if figures.tokens == 0 && figures.ends > 0 {
        items.insert(0, (count(figures.ends as u64), "end of text"));
    }
    items.extend(run.lens.layer.figures(&run.step(), &figures));
    if figures.cost.guide_forwards > 0 {
        items.push((figures.cost.guide_forwards.to_string(), "guide"));
    }
    if figures.seconds() > 0.0 {
        items.push((decimal(figures.tokens_per_second()), "tokens/s"));
    }
    items.push((percent(figures.reuse()), "reused"));
    if let Some(share) = figures.acceptance() {
        items.push((percent(share), "accepted"));
    }
    let (strong, dim) = (pen.style(Role::Strong), pen.style(Role::Dim));
    let items = items.into_iter().map(|(value, label)| vec![span(value, strong), span(format!(" {label}"), dim)]);
    pen.line(area, &fitting(items, &span("   ", dim), area.width));
}

/// A number with as many decimals as it deserves.
pub(super) fn decimal(value: f64) -> String {
    match value {
        value if !value.is_finite() => NONE.to_owned(),
        value if value < 10.0 => format!("{value:.2}"),
        value if value < 100.0 => format!("{value:.1}"),
        value => count(value.round() as u64),
    }
}
