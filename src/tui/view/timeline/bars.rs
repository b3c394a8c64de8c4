//! Bars in parts, an eighth of a cell at a time, on a scale of roots: few tokens stay visible beside many.

use ratatui::{layout::Rect, style::Modifier};

use super::Column;
use crate::{
    decode::record::{Reason, ReasonKind},
    tui::{theme::Tone, view::pen::Pen},
};

/// A full column never stands for fewer tokens for each of its steps, so that single tokens stay small.
const LEAST: usize = 4;

/// A part of a bar.
pub(super) struct BarSegment {
    /// Where it ends, in eighths of a cell from the foot of the bar.
    pub top: usize,
    pub tone: Tone,
    /// What it is filled with where there are no colours.
    pub fill: &'static str,
}

/// Tokens that a full column stands for, where the highest has so many: 4, 8, 12, 16, 24, 32, 48, …, so that the bars of
/// a live run keep their height until one would not fit.
pub(in crate::tui::view) fn full_scale(highest: usize, steps: usize) -> usize {
    let highest = highest.max(LEAST * steps);
    let power = highest.next_power_of_two();
    // Three quarters of a power of two lie between it and the one before; a quarter of a scale is a whole number.
    if power >= 16 && highest <= power / 4 * 3 { power / 4 * 3 } else { power }
}

/// How many of `room` eighths stand for `amount` where all of them stand for `full`: at least one for anything.
pub(super) fn reach(amount: f64, full: f64, room: usize) -> usize {
    if amount <= 0.0 || full <= 0.0 {
        return 0;
    }
    (((amount / full).sqrt() * room as f64).round() as usize).clamp(1, room)
}

/// Lets every part have an eighth at least, as long as there are enough of them.
fn separate(segments: &mut [BarSegment], room: usize) {
    let mut least = 1;
    for segment in &mut *segments {
        segment.top = segment.top.max(least);
        least = segment.top + 1;
    }
    let mut most = room;
    for segment in segments.iter_mut().rev() {
        segment.top = segment.top.min(most);
        most = segment.top.saturating_sub(1);
    }
}

/// What a column wrote, by reason, from the foot up; the end of text is a cap of a cell at most, on no scale of tokens.
fn segments(column: &Column, full: usize, is_done: bool, room: usize, pen: &Pen<'_>) -> Vec<BarSegment> {
    let mut sum = 0;
    let mut segments = Vec::new();
    let count = |reason: &Reason| Some(column.counts.of(*reason)).filter(|count| *count > 0);
    let texts = Reason::ALL.iter().copied().filter(|reason| *reason != Reason::EndOfText);
    for (reason, count) in texts.filter_map(|reason| Some((reason, count(&reason)?))) {
        sum += count;
        let tone = column.shade(pen.theme.reason(reason), is_done, pen);
        segments.push(BarSegment { top: reach(sum as f64, full as f64, room), tone, fill: fill(pen, reason) });
    }
    if let Some(ends) = count(&Reason::EndOfText) {
        let below = segments.last().map_or(0, |segment: &BarSegment| segment.top);
        let tone = column.shade(pen.theme.reason(Reason::EndOfText), is_done, pen);
        let cap = reach(ends as f64, 64.0, 8);
        segments.push(BarSegment { top: below + cap, tone, fill: fill(pen, Reason::EndOfText) });
    }
    separate(&mut segments, room);
    segments
}

/// A sample of a reason's bars; one that does not touch the bars below it, where colour distinguishes reasons.
pub(super) fn swatch(pen: &Pen<'_>, reason: Reason) -> &'static str {
    if pen.theme.has_colour() { pen.theme.glyphs.stopped } else { fill(pen, reason) }
}

/// What a reason's bars are filled with where there are no colours.
fn fill(pen: &Pen<'_>, reason: Reason) -> &'static str {
    let glyphs = pen.theme.glyphs;
    match reason.kind() {
        ReasonKind::Accepted | ReasonKind::Scheduled | ReasonKind::Passed | ReasonKind::ByHand => glyphs.rising[7],
        ReasonKind::Untested | ReasonKind::Replaced | ReasonKind::Relaxed | ReasonKind::Best | ReasonKind::Other => {
            glyphs.fills[1]
        }
        ReasonKind::Filled => glyphs.mask_dropped,
    }
}

/// What a column wrote, as a bar.
pub(in crate::tui::view) fn stack(column: &Column, full: usize, is_done: bool, area: Rect, pen: &mut Pen<'_>) {
    let segments = segments(column, full, is_done, usize::from(area.height) * 8, pen);
    draw(&segments, column.is_faint(is_done), area, pen);
}

/// A bar in parts, from the foot of `area` up.
pub(super) fn draw(segments: &[BarSegment], is_faint: bool, area: Rect, pen: &mut Pen<'_>) {
    let (glyphs, has_colour) = (pen.theme.glyphs, pen.theme.has_colour());
    for cell in 0..area.height {
        let (bottom, ceiling) = (usize::from(cell) * 8, usize::from(cell) * 8 + 8);
        let Some(at) = segments.iter().position(|segment| segment.top > bottom) else {
            break;
        };
        let BarSegment { top, tone, fill } = segments[at];
        let mut style = pen.theme.ink(tone);
        // The part above shows through as the background of the cell.
        if let Some(above) = segments.get(at + 1).filter(|_| top < ceiling) {
            style = style.patch(pen.theme.fill(above.tone));
        }
        let glyph =
            if has_colour || fill == glyphs.rising[7] { glyphs.rising[top.min(ceiling) - bottom - 1] } else { fill };
        if is_faint && !pen.theme.paints() {
            style = style.add_modifier(Modifier::DIM);
        }
        pen.put(area.x, area.bottom() - 1 - cell, area.width, &glyph.repeat(usize::from(area.width)), style);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::tui::theme::{Level, Theme, ThemeName};

    #[test]
    fn a_full_column_stands_for_a_round_number() {
        let full = |highest| full_scale(highest, 1);
        assert_eq!([0, 4, 5, 9, 12, 13, 17, 25, 40, 97].map(full), [4, 4, 8, 12, 12, 16, 24, 32, 48, 128]);
        assert_eq!(full_scale(3, 16), 64, "single tokens stay small, however many steps share a column");
    }

    proptest! {
        #[test]
        fn more_is_never_lower_and_something_is_always_seen(
            amounts in prop::collection::vec(0..5000_usize, 2..20),
            room in 1..80_usize,
            steps in 1..40_usize,
        ) {
            let mut amounts = amounts;
            amounts.sort_unstable();
            let full = full_scale(amounts[amounts.len() - 1], steps);
            prop_assert!(full.is_multiple_of(4) && full >= amounts[amounts.len() - 1]);
            let heights: Vec<usize> = amounts.iter().map(|amount| reach(*amount as f64, full as f64, room)).collect();
            for (amount, height) in amounts.iter().zip(&heights) {
                prop_assert_eq!(*amount == 0, *height == 0);
                prop_assert!(*height <= room);
            }
            prop_assert!(heights.is_sorted());
        }

        #[test]
        fn every_part_is_seen_and_none_outgrows_the_bar(
            tops in prop::collection::vec(0..100_usize, 1..8),
            room in 8..80_usize,
        ) {
            let tone = Theme::new(ThemeName::Dark, Level::True).palette().text;
            let mut tops = tops;
            tops.sort_unstable();
            let mut segments: Vec<BarSegment> =
                tops.iter().map(|top| BarSegment { top: *top, tone, fill: " " }).collect();
            separate(&mut segments, room);
            let mut below = 0;
            for segment in &segments {
                prop_assert!(segment.top > below && segment.top <= room);
                below = segment.top;
            }
        }
    }
}
