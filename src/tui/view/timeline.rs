//! The timeline: a column per step, as high as the step wrote tokens, coloured by why.
//!
//! By hand, since ratatui's bar chart and sparkline have one colour per bar and leave no steps to click.

use std::collections::HashMap;

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::{
    caption::{counted_as, is_scored},
    pen::{Pen, span, width},
    run::RunView,
};
use crate::{
    decode::record::{Reason, ReasonKind},
    trace::Log,
    tui::{
        action::Action,
        theme::{Role, Tone},
    },
};

/// A column never stands for fewer tokens per cell of height than this, so that single tokens stay small.
const LEAST_SCALE: usize = 4;

/// How steps share the columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Spread {
    /// Steps in a column.
    steps: usize,
    /// Cells of a column, the gap after it included.
    cells: u16,
}

impl Spread {
    /// The roomiest that holds `len` steps; it grows by halves and doubles, so that the columns of a live run seldom move.
    fn of(len: usize, width: u16) -> Self {
        let fits =
            |columns: usize, cells: u16| columns * usize::from(cells) <= usize::from(width) + usize::from(cells > 1);
        if let Some(cells) = [3, 2, 1].into_iter().find(|cells| fits(len, *cells)) {
            return Self { steps: 1, cells };
        }
        let (mut steps, mut next) = (2, 3);
        while !fits(len.div_ceil(steps), 1) {
            (steps, next) = (next, steps * 2);
        }
        Self { steps, cells: 1 }
    }

    fn bar_cells(self) -> u16 {
        if self.cells > 1 { self.cells - 1 } else { 1 }
    }
}

/// What the steps of a column wrote.
#[derive(Debug, Clone, Default)]
pub(super) struct Column {
    counts: HashMap<Reason, usize>,
    confidence: f32,
    scored: usize,
    changed: bool,
    edited: bool,
    remasked: bool,
    descent: Descent,
}

/// Whose the steps of a column are, in a fork.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Descent {
    /// The run's own.
    #[default]
    Own,
    /// Its parent's.
    Inherited,
    /// The last one of the parent is among them.
    Branching,
}

impl Descent {
    fn of(inherited: usize, steps: &std::ops::Range<usize>) -> Self {
        match inherited {
            0 => Self::Own,
            inherited if steps.contains(&(inherited - 1)) => Self::Branching,
            inherited if steps.end <= inherited => Self::Inherited,
            _ => Self::Own,
        }
    }
}

impl Column {
    /// Of the steps at these indexes.
    pub(super) fn of(log: &Log, steps: std::ops::Range<usize>) -> Self {
        let header = log.header();
        let mut column = Self { descent: Descent::of(header.inherited(), &steps), ..Self::default() };
        for step in log.steps().get(steps).unwrap_or_default() {
            column.changed |= !step.changes().is_empty();
            column.edited |= !step.edits().is_empty();
            column.remasked |= !step.remasked().is_empty();
            for commit in &step.commits {
                let reason = counted_as(header, commit);
                *column.counts.entry(reason).or_default() += 1;
                if reason != Reason::EndOfText && is_scored(commit) {
                    column.confidence += commit.confidence;
                    column.scored += 1;
                }
            }
        }
        column
    }

    /// A colour for it: paler where its steps are still to come, or another run's.
    fn shade(&self, tone: Tone, is_done: bool, pen: &Pen<'_>) -> Tone {
        match (is_done, self.descent) {
            (false, _) => pen.theme.pale(tone, 0.6),
            (true, Descent::Inherited | Descent::Branching) => pen.theme.pale(tone, 0.4),
            (true, Descent::Own) => tone,
        }
    }

    /// Tokens but for end of text, which would dwarf all else.
    pub(super) fn height(&self) -> usize {
        self.counts.iter().filter(|(reason, _)| **reason != Reason::EndOfText).map(|(_, count)| count).sum()
    }
}

/// Draws the timeline.
pub(super) fn draw(run: &RunView<'_>, area: Rect, pen: &mut Pen<'_>) {
    if area.height < 4 || area.width < 10 {
        return;
    }
    let (log, shown, len) = (run.log, run.at, run.log.len());
    rule(log, shown, Rect { height: 1, ..area }, pen);
    let bars = Rect { y: area.y + 1, height: area.height - 3, ..area };
    let spread = Spread::of(len, area.width);
    let columns: Vec<Column> =
        (0..len).step_by(spread.steps).map(|first| Column::of(log, first..(first + spread.steps).min(len))).collect();
    let highest = columns.iter().map(Column::height).max().unwrap_or(0).max(LEAST_SCALE * spread.steps);

    pen.wheel(area, Action::Scrub(-1), Action::Scrub(1));
    for (index, column) in columns.iter().enumerate() {
        let x = area.x + index as u16 * spread.cells;
        let first = index * spread.steps;
        let last = (first + spread.steps).min(len);
        let holds_cursor = (first + 1..=last).contains(&shown);
        let is_done = first < shown;
        if holds_cursor {
            let cells = Rect { x, width: spread.bar_cells(), height: area.height - 1, y: area.y + 1 };
            pen.paint(cells, pen.style(Role::Marked).remove_modifier(ratatui::style::Modifier::REVERSED));
        }
        stack(column, highest, is_done, Rect { x, width: spread.bar_cells(), ..bars }, pen);
        strip(column, is_done, Rect { x, y: bars.bottom(), width: spread.bar_cells(), height: 1 }, pen);
        let axis = Rect { x, y: bars.bottom() + 1, width: spread.bar_cells(), height: 1 };
        if holds_cursor {
            pen.put(axis.x, axis.y, 1, pen.theme.glyphs.cursor, pen.style(Role::Accent));
        } else if column.descent == Descent::Branching {
            pen.put(axis.x, axis.y, 1, pen.theme.glyphs.fork, pen.style(Role::Accent));
        } else if column.edited {
            pen.put(axis.x, axis.y, 1, pen.theme.glyphs.edited, pen.style(Role::Strong));
        } else if column.changed {
            pen.put(axis.x, axis.y, 1, pen.theme.glyphs.change, pen.style(Role::Note));
        } else if column.remasked {
            let tone = pen.theme.remasked();
            let style = pen.theme.ink(column.shade(tone, is_done, pen));
            pen.put(axis.x, axis.y, 1, pen.theme.glyphs.mask_again, style);
        }
        let hit = Rect { x, y: area.y + 1, width: spread.cells, height: area.height - 1 };
        pen.drag(hit, Action::ScrubTo(last));
    }
    if shown == 0 {
        pen.put(area.x, bars.bottom() + 1, 1, pen.theme.glyphs.cursor, pen.style(Role::Accent));
    }
}

/// The rule: what the bars mean, and which step is shown.
fn rule(log: &Log, shown: usize, row: Rect, pen: &mut Pen<'_>) {
    let (dim, faint) = (pen.style(Role::Dim), pen.style(Role::Faint));
    let mut counts: HashMap<Reason, usize> = HashMap::new();
    for commit in log.steps().iter().flat_map(|step| &step.commits) {
        *counts.entry(counted_as(log.header(), commit)).or_default() += 1;
    }
    // Where not all have room, the most frequent ones are named.
    let mut occurring: Vec<Reason> = Reason::ALL.iter().copied().filter(|reason| counts.contains_key(reason)).collect();
    occurring.sort_by_key(|reason| std::cmp::Reverse(counts[reason]));
    let mut used = 5 + 16;
    let mut named = Vec::new();
    for reason in &occurring {
        let cells = 4 + width(reason.short());
        if used + cells > row.width {
            break;
        }
        used += cells;
        named.push(*reason);
    }
    let mut title: Vec<Span<'static>> = vec![span("steps", pen.style(Role::Title))];
    for reason in Reason::ALL.iter().copied().filter(|reason| named.contains(reason)) {
        title.push(span(format!("  {} ", swatch(pen, reason)), pen.theme.ink(pen.theme.reason(reason))));
        title.push(span(reason.short(), faint));
    }
    let remasks = log.steps().iter().any(|step| !step.remasked().is_empty());
    let (again, confidence) = ("masked again", "mean confidence");
    let mut others = Vec::new();
    if remasks {
        others.push((pen.theme.glyphs.mask_again, pen.theme.remasked(), again));
    }
    others.push((pen.theme.glyphs.rule_done, pen.theme.confidence(1.0), confidence));
    for (sample, tone, label) in others.into_iter().filter(|_| named.len() == occurring.len()) {
        if used + 4 + width(label) <= row.width {
            used += 4 + width(label);
            title.push(span(format!("  {sample} "), pen.theme.ink(tone)));
            title.push(span(label, faint));
        }
    }
    let right =
        Line::from(vec![span(shown.to_string(), pen.style(Role::Text)), span(format!(" of {}", log.len()), dim)]);
    pen.rule(row, &Line::from(title), &right);
}

/// A sample of a reason's bars; one that does not touch the bars below it, where colour distinguishes reasons.
fn swatch(pen: &Pen<'_>, reason: Reason) -> &'static str {
    if pen.theme.has_colour() { pen.theme.glyphs.stopped } else { fill(pen, reason) }
}

/// What a bar is filled with: colour distinguishes reasons, and where there is none the fill does.
fn fill(pen: &Pen<'_>, reason: Reason) -> &'static str {
    let glyphs = pen.theme.glyphs;
    if pen.theme.has_colour() {
        return glyphs.rising[7];
    }
    match reason.kind() {
        ReasonKind::Accepted | ReasonKind::Scheduled | ReasonKind::Passed | ReasonKind::ByHand => glyphs.rising[7],
        ReasonKind::Untested | ReasonKind::Replaced | ReasonKind::Relaxed | ReasonKind::Best | ReasonKind::Other => {
            glyphs.fills[1]
        }
        ReasonKind::Filled => glyphs.mask_dropped,
    }
}

/// A bar in eighths of cells, its parts one above the other.
pub(super) fn stack(column: &Column, highest: usize, is_done: bool, area: Rect, pen: &mut Pen<'_>) {
    let glyphs = pen.theme.glyphs;
    let room = usize::from(area.height) * 8;
    let mut parts = Vec::new();
    let mut sum = 0;
    for reason in Reason::ALL.iter().copied() {
        let count = column.counts.get(&reason).copied().unwrap_or(0);
        if count > 0 {
            sum += count;
            // What was written is seen, however little.
            let top = (sum * room / highest).max(parts.last().map_or(0, |(_, top)| *top) + 1).min(room);
            parts.push((reason, top));
        }
    }
    for cell in 0..area.height {
        let (bottom, ceiling) = (usize::from(cell) * 8, usize::from(cell) * 8 + 8);
        let Some((reason, top)) = parts.iter().find(|(_, top)| *top > bottom).copied() else {
            break;
        };
        let y = area.bottom() - 1 - cell;
        let tone = |reason| column.shade(pen.theme.reason(reason), is_done, pen);
        let mut style = pen.theme.ink(tone(reason));
        let glyph = if top >= ceiling {
            fill(pen, reason)
        } else {
            // The part above shows through as the background of the cell.
            if let Some((above, _)) = parts.iter().find(|(_, top_above)| *top_above > top) {
                style = style.patch(pen.theme.fill(tone(*above)));
            }
            if pen.theme.has_colour() || fill(pen, reason) == glyphs.rising[7] {
                glyphs.rising[top - bottom - 1]
            } else {
                fill(pen, reason)
            }
        };
        if (!is_done || column.descent != Descent::Own) && !pen.theme.paints() {
            style = style.add_modifier(ratatui::style::Modifier::DIM);
        }
        pen.put(area.x, y, area.width, &glyph.repeat(usize::from(area.width)), style);
    }
}

/// The mean confidence of what a column wrote, as a low bar of its own.
fn strip(column: &Column, is_done: bool, area: Rect, pen: &mut Pen<'_>) {
    if column.scored == 0 {
        pen.put(
            area.x,
            area.y,
            area.width,
            &pen.theme.glyphs.rule.repeat(usize::from(area.width)),
            pen.style(Role::Line),
        );
        return;
    }
    let mean = column.confidence / column.scored as f32;
    let mean = if mean.is_finite() { mean.clamp(0.0, 1.0) } else { 0.0 };
    let tone = column.shade(pen.theme.confidence(mean), is_done, pen);
    let glyph = pen.theme.glyphs.rising[((mean * 4.0) as usize).min(3)];
    pen.put(area.x, area.y, area.width, &glyph.repeat(usize::from(area.width)), pen.theme.ink(tone));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_roomy_and_grow_dense_only_when_they_must() {
        assert_eq!(Spread::of(20, 80), Spread { steps: 1, cells: 3 });
        assert_eq!(Spread::of(40, 80), Spread { steps: 1, cells: 2 });
        assert_eq!(Spread::of(80, 80), Spread { steps: 1, cells: 1 });
        assert_eq!(Spread::of(81, 80), Spread { steps: 2, cells: 1 });
        assert_eq!(Spread::of(161, 80), Spread { steps: 3, cells: 1 });
        assert_eq!(Spread::of(241, 80), Spread { steps: 4, cells: 1 });
        assert_eq!(Spread::of(1000, 80), Spread { steps: 16, cells: 1 });
        assert_eq!(Spread::of(0, 80), Spread { steps: 1, cells: 3 });
    }
}
