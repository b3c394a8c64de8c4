//! The inspected token: what it holds and why, how sure the denoiser was, and what each layer knows about it.

use std::iter;

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::{
    layers::Layer,
    pen::{Pen, span, width, wrap},
    run::RunView,
    sample,
    step::{State, StepView},
};
use crate::{
    decode::record::Reason,
    printable,
    trace::PositionDraft,
    tui::theme::{Role, Theme},
};

/// Draws the inspector.
pub(super) fn draw(run: &RunView<'_>, area: Rect, pen: &mut Pen<'_>) {
    if area.height < 3 || area.width < 12 {
        return;
    }
    let step = run.step();
    let selected = run.lens.selected;
    let title_role = if run.focused && selected.is_some() { Role::TitleFocused } else { Role::Title };
    let title = Line::from(span("token", pen.style(title_role)));
    let Some(position) = selected.filter(|position| *position < step.length()) else {
        pen.rule(Rect { height: 1, ..area }, &title, &Line::default());
        let row = Rect { y: area.y + 1, height: 1, ..area };
        pen.line(row, &Line::from(span("hjkl or a click selects one", pen.style(Role::Faint))));
        return;
    };
    // What does not name another step is about the shown one.
    let right = Line::from(span(format!("position {position}, step {}", step.steps), pen.style(Role::Dim)));
    pen.rule(Rect { height: 1, ..area }, &title, &right);
    let writer = match step.state(position) {
        State::Written { step, .. } => Some(StepView::new(run.log, step)),
        State::Prompt | State::Given | State::Masked => None,
    };
    let origin = writer.as_ref().unwrap_or(&step);
    let seen = Inspected { theme: pen.theme, layer: run.lens.layer, step: &step, origin, position, width: area.width };
    for (line, y) in seen.lines().iter().zip(area.top() + 1..area.bottom()) {
        pen.line(Rect { y, height: 1, ..area }, line);
    }
}

/// The cell at which values begin.
const VALUE: u16 = 12;

/// A position that is inspected.
#[derive(Debug, Clone, Copy)]
pub struct Inspected<'a> {
    /// Colours and glyphs.
    pub theme: Theme,
    /// The layer that the canvas is read by.
    pub layer: Layer,
    /// The shown step.
    pub step: &'a StepView<'a>,
    /// The step that explains what the position holds: the one that wrote it; for a mask, the shown one.
    pub origin: &'a StepView<'a>,
    /// The position.
    pub position: usize,
    /// Cells of a line.
    pub width: u16,
}

impl Inspected<'_> {
    /// A label and its value.
    pub fn fact(&self, label: &'static str, value: Vec<Span<'static>>) -> Line<'static> {
        let pad = VALUE.saturating_sub(width(label));
        let mut line = vec![span(label, self.theme.style(Role::Dim)), Span::raw(" ".repeat(usize::from(pad)))];
        line.extend(value);
        Line::from(line)
    }

    /// Cells that the value of a fact has.
    pub fn value_width(&self) -> u16 {
        self.width.saturating_sub(VALUE)
    }

    /// A gap, and what follows with the step that it is from.
    pub fn heading(&self, what: &str, step: usize) -> Vec<Line<'static>> {
        vec![Line::default(), Line::from(span(format!("{what} at step {step}"), self.theme.style(Role::Faint)))]
    }

    /// A token by its id, so that it can be seen.
    pub fn name(&self, id: u32) -> String {
        let visible = printable::line(&self.step.name(id, self.theme.glyphs.eos));
        if visible.trim().is_empty() { self.theme.glyphs.blank.repeat(visible.chars().count().max(1)) } else { visible }
    }

    /// All that is known: what the layer shows comes before what does not fit under it.
    fn lines(&self) -> Vec<Line<'static>> {
        let mut lines = vec![self.token()];
        if self.step.is_pinned(self.position) {
            lines.push(self.fact("pinned", vec![span("no rule changes it", self.theme.style(Role::Text))]));
        }
        lines.extend(Layer::all().filter_map(|layer| layer.fact(self)));
        lines.extend(self.state());
        let others = Layer::all().filter(|layer| *layer != self.layer);
        lines.extend(iter::once(self.layer).chain(others).flat_map(|layer| layer.inspect(self)));
        lines.extend(self.history());
        lines
    }

    fn token(&self) -> Line<'static> {
        let id = self.step.id(self.position).unwrap_or_default();
        let piece = self.step.canvas.piece(self.position);
        let shown = if piece.trim().is_empty() { self.name(id) } else { printable::line(piece).trim().to_owned() };
        let id = span(format!("  id {id}"), self.theme.style(Role::Faint));
        self.fact("token", vec![span(shown, self.theme.style(Role::Strong)), id])
    }

    fn state(&self) -> Vec<Line<'static>> {
        match self.step.state(self.position) {
            State::Prompt => vec![self.fact("state", vec![span("prompt, given", self.theme.style(Role::Text))])],
            State::Given => vec![self.fact("state", vec![span("given, not denoised", self.theme.style(Role::Text))])],
            State::Masked => self.masked(),
            State::Written { step, reason, confidence, .. } => self.written(step, reason, confidence),
        }
    }

    fn masked(&self) -> Vec<Line<'static>> {
        let again = if self.step.is_remasked(self.position) { " again by this step" } else { "" };
        let again = span(again, self.theme.ink(self.theme.remasked()));
        let mut lines = vec![self.fact("state", vec![span("masked", self.theme.style(Role::Text)), again])];
        if let Some(proposal) = self.step.proposal(self.position) {
            lines.extend(self.measure(proposal.confidence, proposal.entropy));
        } else if self.step.record.is_some() {
            lines.push(self.fact("", vec![span("not scored in this step", self.theme.style(Role::Faint))]));
        }
        lines
    }

    fn written(&self, step: usize, reason: Reason, confidence: f32) -> Vec<Line<'static>> {
        let (dim, text) = (self.theme.style(Role::Dim), self.theme.style(Role::Text));
        let when = format!("step {step}, ");
        let room = self.value_width().saturating_sub(width(&when));
        let words = if width(reason.phrase()) <= room { reason.phrase() } else { reason.short() };
        let why = self.theme.ink(self.theme.reason(reason));
        let mut lines = vec![self.fact("written", vec![span(when, text), span(words, why)])];
        if let Some(before) = self.origin.overwritten(self.position) {
            let name = printable::line(self.name(before).trim());
            lines.push(self.fact("", vec![span("in place of ", dim), span(name, text)]));
        }
        if !matches!(reason, Reason::EndOfText | Reason::ByHand) {
            let entropy = self.origin.proposal(self.position).map_or(f32::NAN, |proposal| proposal.entropy);
            lines.extend(self.measure(confidence, entropy));
        }
        lines
    }

    /// Confidence and entropy, in figures and as a bar.
    fn measure(&self, confidence: f32, entropy: f32) -> Vec<Line<'static>> {
        let style = self.theme.ink(self.theme.confidence(confidence));
        let mut value = vec![span(format!("{confidence:.3}"), style)];
        if self.width > 30 {
            value.push(Span::raw(" "));
            value.extend(sample::bar(self.theme, self.width - VALUE - 7, confidence, style));
        }
        let mut lines = vec![self.fact("confidence", value)];
        if entropy.is_finite() {
            let unit = span(" nats", self.theme.style(Role::Faint));
            let value = vec![span(format!("{entropy:.2}"), self.theme.style(Role::Text)), unit];
            lines.push(self.fact("entropy", value));
        }
        lines
    }

    /// The confidence of the draft at this position, step by step, as far as is shown.
    fn history(&self) -> Vec<Line<'static>> {
        let bars = self.step.log.drafts(self.position, self.step.steps);
        if bars.len() < 2 {
            return Vec::new();
        }
        let changed = |pair: &&[PositionDraft]| pair[0].steps + 1 == pair[1].steps && pair[0].token != pair[1].token;
        let changes = bars.windows(2).filter(changed).count();
        let drafts = match changes {
            0 => "never another draft".to_owned(),
            1 => "the draft changed once".to_owned(),
            times => format!("the draft changed {times} times"),
        };
        let faint = self.theme.style(Role::Faint);
        let label = wrap(&format!("its confidence, step by step; {drafts}"), self.width);
        let skip = bars.len().saturating_sub(usize::from(self.width));
        let bars: Vec<_> =
            bars.into_iter().skip(skip).map(|draft| sample::rising(self.theme, draft.confidence)).collect();
        iter::once(Line::default())
            .chain(label.into_iter().map(|line| Line::from(span(line, faint))))
            .chain(iter::once(Line::from(bars)))
            .collect()
    }
}
