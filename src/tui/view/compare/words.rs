//! Two runs in words: where they part, what the selected position holds, how much differs.

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::{SideBySide, letter};
use crate::{
    printable,
    session::{Axis, DivergedRun, Passage},
    tui::{
        compare::RunSide,
        theme::Role,
        view::pen::{self, Pen, cut, plural, span},
    },
};

/// The longest text of a token or passage that a line quotes.
const LONGEST_QUOTE: u16 = 24;

impl SideBySide<'_> {
    /// In words: what cannot be compared, where the two part, what is selected, how much differs; what matters most comes
    /// first. On narrow screens the figures follow.
    pub(super) fn lines(&self, area: Rect, is_wide: bool, pen: &mut Pen<'_>) {
        let mut lines = Vec::new();
        if !self.diff().caveats.is_empty() {
            let caveats: Vec<String> = self.diff().caveats.iter().map(ToString::to_string).collect();
            let sentence = pen::wrap(&caveats.join("; "), area.width).into_iter();
            lines.extend(sentence.map(|part| Line::from(span(part, pen.style(Role::Note)))));
        }
        lines.extend(self.parting(area.width, pen));
        let selection = self.selection(pen);
        let summary = (is_wide || selection.is_none()).then(|| self.summary(area.width, pen));
        lines.extend(selection.into_iter().chain(summary));
        if !is_wide {
            lines.push(self.strip(area.width, pen));
        }
        for (line, y) in lines.iter().zip(area.top()..area.bottom()) {
            pen.line(Rect { y, height: 1, ..area }, line);
        }
    }

    /// Where the two first hold something else, in as many words as fit.
    fn parting(&self, cells: u16, pen: &Pen<'_>) -> Option<Line<'static>> {
        let divergence = self.diff().divergence.as_ref()?;
        let place = match self.comparison.axis() {
            Axis::Steps => format!("step {}", divergence.place),
            axis => axis.words(divergence.place),
        };
        let sentence = |detail| {
            let place = format!("first at {place}, position {}", divergence.position);
            let mut line = vec![
                span(format!("{} ", pen.theme.glyphs.differs), pen.style(Role::Bad)),
                span(place, pen.style(Role::Text)),
            ];
            for (name, run) in [("A", &divergence.a), ("B", &divergence.b)] {
                line.push(span(format!("  {name} "), pen.style(Role::Accent)));
                line.extend(parted(run, detail, pen));
            }
            line
        };
        let sentences = [WriteDetail::Reason, WriteDetail::Confidence, WriteDetail::Step].map(sentence);
        let fitting = sentences.iter().find(|line| pen::cells(line) <= cells).unwrap_or(&sentences[2]);
        Some(Line::from(fitting.clone()))
    }

    /// What both hold at the selected position in the end.
    fn selection(&self, pen: &Pen<'_>) -> Option<Line<'static>> {
        if self.diff().is_by_text() {
            return self.visited(pen);
        }
        let sides = [RunSide::A, RunSide::B];
        let position = sides.iter().find_map(|side| self.comparison.selected(*side))?;
        let mut line = vec![span(format!("position {position}"), pen.style(Role::Text))];
        for side in sides {
            line.push(span(format!("  {} ", letter(side)), pen.style(Role::Accent)));
            let log = self.log(side);
            match Passage::at(log, log.len(), position) {
                Some(passage) => line.extend(written(&passage, true, WriteDetail::Confidence, pen)),
                None if position < log.header().canvas_length() => line.push(span("masked", pen.style(Role::Dim))),
                None => line.push(span("outside its canvas", pen.style(Role::Dim))),
            }
        }
        Some(Line::from(line))
    }

    /// The passages that were visited last, where words are compared.
    fn visited(&self, pen: &Pen<'_>) -> Option<Line<'static>> {
        let difference = self.diff().differences.get(self.comparison.visited?)?;
        let mut line = Vec::new();
        for (name, passage) in [("A ", &difference.a), ("  B ", &difference.b)] {
            line.push(span(name, pen.style(Role::Accent)));
            line.extend(written(passage, true, WriteDetail::Reason, pen));
        }
        Some(Line::from(line))
    }

    /// How much differs, which difference is visited, and how far the orders agree.
    fn summary(&self, cells: u16, pen: &Pen<'_>) -> Line<'static> {
        let (dim, text) = (pen.style(Role::Dim), pen.style(Role::Text));
        let diff = self.diff();
        let thing = if diff.is_by_text() { "passage" } else { "token" };
        let [a, b] = self.runs.map(|run| run.log.len());
        let mut line = match diff.differences.len() {
            0 if diff.is_by_text() => vec![span("no difference: the same words", text)],
            0 if diff.is_empty() && a != b => {
                vec![span(format!("no difference in the first {}", plural(a.min(b), "step")), text)]
            }
            0 if diff.is_empty() => vec![span("no difference", text)],
            0 => vec![span("the same tokens, in another order", text)],
            1 => vec![span(format!("1 {thing} differs"), text)],
            count => vec![span(format!("{count} {thing}s differ"), text)],
        };
        if let Some(visited) = self.comparison.visited {
            line.push(span(format!(", this is number {}", visited + 1), dim));
        } else if let Some(first) = diff.differences.first() {
            line.push(span(format!(", the first from step {} on", first.arises()), dim));
        }
        if let Some(order) = diff.order {
            let tau = if pen.theme.has_signs() { "τ" } else { "tau" };
            line.push(span(format!("  {}  order {tau} ", pen.theme.glyphs.dot), dim));
            line.push(span(format!("{:.2}", order.tau), text));
            let over = span(format!(" over {}", plural(order.positions, "position")), dim);
            if pen::cells(&line) + over.width() as u16 <= cells {
                line.push(over);
            }
        }
        Line::from(line)
    }
}

/// What is said of a write beside its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum WriteDetail {
    /// When it was.
    Step,
    /// That, and how sure it was.
    Confidence,
    /// That, and why it was written.
    Reason,
}

/// What a run holds where it first differs; where it is masked, what it wrote later.
fn parted(run: &DivergedRun, detail: WriteDetail, pen: &Pen<'_>) -> Vec<Span<'static>> {
    match (&run.then, &run.newest) {
        (Some(then), _) => written(then, false, detail, pen),
        (None, Some(newest)) => written(newest, true, detail, pen),
        (None, None) => vec![span("masked", pen.style(Role::Dim))],
    }
}

/// A token or words, and what is asked for of their write; the step where it is not known.
fn written(passage: &Passage, names_step: bool, detail: WriteDetail, pen: &Pen<'_>) -> Vec<Span<'static>> {
    let dim = pen.style(Role::Dim);
    let mut spans = vec![span(quote(passage, pen), pen.style(Role::Strong))];
    let Some(written) = passage.written else {
        spans.push(span(if passage.positions.is_empty() { "" } else { " given" }, dim));
        return spans;
    };
    if detail >= WriteDetail::Confidence {
        let tone = pen.theme.ink(pen.theme.confidence(written.confidence));
        spans.push(span(format!(" {:.3}", written.confidence), tone));
    }
    if detail == WriteDetail::Reason {
        let why = pen.theme.ink(pen.theme.reason(written.reason));
        spans.push(span(format!(" {}", written.reason.short()), why));
    }
    if names_step {
        spans.push(span(format!(" at step {}", written.step), dim));
    }
    spans
}

/// A token or words as they are quoted.
fn quote(passage: &Passage, pen: &Pen<'_>) -> String {
    let glyphs = pen.theme.glyphs;
    let text = printable::line(&passage.text.replace('\n', glyphs.newline));
    match text.trim() {
        _ if passage.is_end => glyphs.eos.to_owned(),
        _ if passage.positions.is_empty() => "nothing".to_owned(),
        "" if text.is_empty() => glyphs.empty.to_owned(),
        "" => glyphs.blank.repeat(text.chars().count()),
        text => format!("\"{}\"", cut(text, LONGEST_QUOTE, glyphs.ellipsis)),
    }
}
