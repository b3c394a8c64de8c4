//! The inspected token: what it holds and why, what it was about to be, and what each layer knows about it.
//!
//! ```text
//! token ──────────── position 82, step 69
//! token       .  id 368  ✗ fails
//! written     step 16, best of the step
//!             enter goes there
//! then        0.842 ━━━━━━━━━━━━━━╸───
//!             entropy 1.00, margin 0.81
//! guide       would have rejected it …
//!
//! drafts, step by step      never another
//! 1-15   .        0.45 ▃▄▅▅▆▆▆▆ 0.84
//!
//! left 81     4-12 find · 13-19 went · 20 .
//! ```
//!
//! Every part says which step it is about, and none is of a step behind the shown one. Where there is no room for all,
//! whole blocks give way, the least important first.

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::{
    drafts,
    layers::Layer,
    pen::{Pen, packed, span, width},
    run::RunView,
    sample,
    step::{State, StepView},
};
use crate::{
    decode::record::{Proposal, Reason},
    printable,
    tui::{
        action::Action,
        theme::{Role, Theme},
    },
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
    let rows = usize::from(area.height - 1);
    for (line, y) in fitted(seen.blocks(), rows).iter().zip(area.top() + 1..area.bottom()) {
        pen.line(Rect { y, height: 1, ..area }, line);
    }
    if seen.is_from_elsewhere() {
        pen.click(Rect { y: area.y + 2, height: 2.min(area.height - 2), ..area }, Action::OpenToken);
    }
}

/// Lines that belong together.
struct FactBlock {
    /// The larger, the sooner it gives way.
    rank: u8,
    lines: Vec<Line<'static>>,
}

/// The lines of the blocks that have room together, in their order.
fn fitted(mut blocks: Vec<FactBlock>, rows: usize) -> Vec<Line<'static>> {
    let needed = |blocks: &[FactBlock]| blocks.iter().map(|block| block.lines.len()).sum::<usize>();
    while needed(&blocks) > rows && blocks.len() > 1 {
        let least = (0..blocks.len()).max_by_key(|at| (blocks[*at].rank, *at)).unwrap_or_default();
        blocks.remove(least);
    }
    blocks.into_iter().flat_map(|block| block.lines).collect()
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
    pub fn fact(&self, label: impl Into<String>, value: Vec<Span<'static>>) -> Line<'static> {
        let label = label.into();
        let pad = VALUE.saturating_sub(width(&label));
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

    /// Whether another step than the shown one wrote what the position holds.
    fn is_from_elsewhere(&self) -> bool {
        self.origin.steps != self.step.steps
    }

    /// All that is known, in the order in which it is read.
    fn blocks(&self) -> Vec<FactBlock> {
        let mut facts = vec![self.token()];
        if self.step.is_pinned(self.position) {
            facts.push(self.fact("pinned", vec![span("no rule changes it", self.theme.style(Role::Text))]));
        }
        facts.extend(self.state());
        facts.extend(Layer::all().flat_map(|layer| layer.facts(self)));
        let layer = |layer: Layer, rank| FactBlock { rank, lines: layer.inspect(self) };
        let others = Layer::all().filter(|other| *other != self.layer);
        let mut blocks = vec![
            FactBlock { rank: 0, lines: facts },
            FactBlock { rank: 1, lines: drafts::of(self) },
            FactBlock { rank: 2, lines: drafts::of_neighbours(self) },
            layer(self.layer, 3),
        ];
        blocks.extend(others.map(|other| layer(other, 4)));
        blocks
    }

    fn token(&self) -> Line<'static> {
        let id = self.step.id(self.position).unwrap_or_default();
        let piece = self.step.canvas.piece(self.position);
        let shown = if piece.trim().is_empty() { self.name(id) } else { printable::line(piece).trim().to_owned() };
        let mut value = vec![
            span(shown, self.theme.style(Role::Strong)),
            span(format!("  id {id}"), self.theme.style(Role::Faint)),
        ];
        if self.step.failed().is_some_and(|failed| failed.contains(&self.position)) {
            value.push(span(format!("  {} fails", self.theme.glyphs.wrong), self.theme.style(Role::Bad)));
        }
        self.fact("token", value)
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
            lines.extend(self.measure("now", proposal.confidence, Some(proposal)));
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
        if self.is_from_elsewhere() {
            let key = span("enter", self.theme.style(Role::Accent));
            lines.push(self.fact("", vec![key, span(" goes there", dim)]));
        }
        if let Some(before) = self.origin.overwritten(self.position) {
            let name = printable::line(self.name(before).trim());
            lines.push(self.fact("", vec![span("in place of ", dim), span(name, text)]));
        }
        if !matches!(reason, Reason::EndOfText | Reason::ByHand) {
            lines.extend(self.measure("then", confidence, self.origin.proposal(self.position)));
        }
        lines
    }

    /// Confidence in figures and as a bar, entropy, and the lead over the next token.
    fn measure(&self, when: &str, confidence: f32, proposal: Option<&Proposal>) -> Vec<Line<'static>> {
        let style = self.theme.ink(self.theme.confidence(confidence));
        let mut value = vec![span(format!("{confidence:.3}"), style)];
        if self.width > 30 {
            value.push(Span::raw(" "));
            value.extend(sample::bar(self.theme, self.width - VALUE - 7, confidence, style));
        }
        let mut lines = vec![self.fact(when, value)];
        let Some(proposal) = proposal else { return lines };
        let (dim, text) = (self.theme.style(Role::Dim), self.theme.style(Role::Text));
        let mut facts = vec![vec![span("entropy ", dim), span(format!("{:.2}", proposal.entropy), text)]];
        if let [(_, first), (_, second), ..] = proposal.alternatives[..] {
            facts[0].push(span(",", dim));
            facts.push(vec![span("margin ", dim), span(format!("{:.2}", first - second), text)]);
        }
        lines.extend(packed(facts, &Span::raw(" "), self.value_width()).into_iter().map(|row| self.fact("", row)));
        lines
    }

    /// A label and a sentence, in as many lines as it needs.
    pub fn sentence(&self, label: &'static str, parts: &[Span<'static>]) -> Vec<Line<'static>> {
        let words =
            parts.iter().flat_map(|part| part.content.split_whitespace().map(|word| vec![span(word, part.style)]));
        let rows = packed(words, &Span::raw(" "), self.value_width());
        let labels = std::iter::once(label).chain(std::iter::repeat(""));
        labels.zip(rows).map(|(label, row)| self.fact(label, row)).collect()
    }
}
