//! The lanes below the bars: a row each.

use ratatui::{layout::Rect, style::Style};

use super::{
    Column,
    bars::{self, BarSegment, reach},
    column::Descent,
};
use crate::{
    session::CacheGain,
    trace::Log,
    tui::{
        theme::{BarPart, Role},
        view::pen::Pen,
    },
};

/// A lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TimelineLane {
    /// Mean confidence of what was written.
    Confidence,
    /// How long the steps took, and with what.
    Time,
    /// K/V rows recomputed, beside those reused.
    Cache,
    /// What happened.
    Events,
}

/// What the lanes of all columns have in common.
pub(super) struct LaneScale {
    /// Microseconds that a full bar of the time lane stands for.
    longest: f64,
    /// Steps, by their indexes, that wrote what fails in the answer.
    failed: Vec<usize>,
}

impl LaneScale {
    pub(super) fn of(log: &Log, columns: &[Column]) -> Self {
        let longest = columns.iter().map(|column| column.figures.cost.total_us()).max().unwrap_or(0);
        let failed = log.end().and_then(|end| end.failed.clone()).unwrap_or_default();
        let canvas = log.canvas(log.len());
        let failed = failed.filter_map(|position| canvas.written(position)).map(|(index, ..)| index).collect();
        // A power of two, so that the bars of a live run keep their height until one would not fit.
        Self { longest: longest.checked_next_power_of_two().unwrap_or(longest) as f64, failed }
    }
}

impl TimelineLane {
    /// Those of a log, the foremost first, at most `rows` of them.
    pub(super) fn of(log: &Log, rows: u16) -> Vec<Self> {
        let cache = CacheGain::is_in(log).then_some(Self::Cache);
        let lanes = [Self::Confidence, Self::Time].into_iter().chain(cache).chain([Self::Events]);
        lanes.take(rows.into()).collect()
    }

    /// A name of at most six cells.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Confidence => "conf",
            Self::Time => "time",
            Self::Cache => "K/V",
            Self::Events => "events",
        }
    }

    /// Its cells in a column.
    pub(super) fn draw(self, column: &Column, scale: &LaneScale, is_done: bool, area: Rect, pen: &mut Pen<'_>) {
        match self {
            Self::Confidence => confidence(column, is_done, area, pen),
            Self::Time => time(column, scale, is_done, area, pen),
            Self::Cache => cache(column, is_done, area, pen),
            Self::Events => {
                if let Some((glyph, style)) = event(column, scale, is_done, pen) {
                    pen.put(area.x, area.y, 1, glyph, style);
                }
            }
        }
    }
}

/// As high as the mean confidence, in its colour; a rule where there is none.
fn confidence(column: &Column, is_done: bool, area: Rect, pen: &mut Pen<'_>) {
    let cells = usize::from(area.width);
    let Some(mean) = column.confidence() else {
        pen.put(area.x, area.y, area.width, &pen.theme.glyphs.rule.repeat(cells), pen.style(Role::Line));
        return;
    };
    let tone = column.shade(pen.theme.confidence(mean), is_done, pen);
    let glyph = pen.theme.glyphs.rising[((mean * 4.0) as usize).min(3)];
    pen.put(area.x, area.y, area.width, &glyph.repeat(cells), pen.theme.ink(tone));
}

/// As high as the steps took long, on the scale of roots; what took most of it at the foot, the rest above.
fn time(column: &Column, scale: &LaneScale, is_done: bool, area: Rect, pen: &mut Pen<'_>) {
    let (cost, glyphs) = (&column.figures.cost, pen.theme.glyphs);
    let mut parts = [
        (cost.denoiser_us, BarPart::Denoiser, glyphs.rising[7]),
        (cost.guide_us, BarPart::Guide, glyphs.fills[1]),
        (cost.other_us, BarPart::Other, glyphs.fills[2]),
    ];
    parts.sort_by_key(|(micros, ..)| std::cmp::Reverse(*micros));
    let all = reach(cost.total_us() as f64, scale.longest, 8);
    let mut sum = 0;
    let segments = parts.into_iter().filter(|(micros, ..)| *micros > 0).map(|(micros, part, fill)| {
        sum += micros;
        let share = sum as f64 / cost.total_us() as f64;
        let top = (share * all as f64).round() as usize;
        BarSegment { top: top.max(1), tone: column.shade(pen.theme.part(part), is_done, pen), fill }
    });
    bars::draw(&segments.collect::<Vec<_>>(), column.is_faint(is_done), area, pen);
}

/// An R where every row was computed, else as high as the share that was.
fn cache(column: &Column, is_done: bool, area: Rect, pen: &mut Pen<'_>) {
    let figures = &column.figures;
    let cells = usize::from(area.width);
    let [computed, reused] =
        [BarPart::Computed, BarPart::Reused].map(|part| column.shade(pen.theme.part(part), is_done, pen));
    if figures.work.whole_steps > 0 {
        pen.put(area.x, area.y, area.width, &"R".repeat(cells), pen.theme.ink(computed));
        return;
    }
    let shares = f64::from(figures.cost.computed + figures.cost.reused);
    let top = ((1.0 - figures.reuse()) * 8.0).round() as usize;
    if shares > 0.0 {
        let glyphs = pen.theme.glyphs.rising;
        let (top, fill) = (top.clamp(1, 8), glyphs[7]);
        let segments = [BarSegment { top, tone: computed, fill }, BarSegment { top: 8, tone: reused, fill }];
        bars::draw(&segments, column.is_faint(is_done), area, pen);
    }
}

/// The event of a column that matters most.
fn event(column: &Column, scale: &LaneScale, is_done: bool, pen: &Pen<'_>) -> Option<(&'static str, Style)> {
    let glyphs = pen.theme.glyphs;
    let figures = &column.figures;
    let has_failed = scale.failed.iter().any(|index| column.steps.contains(index));
    let ink = |tone| pen.theme.ink(column.shade(tone, is_done, pen));
    let events = [
        (has_failed, glyphs.wrong, pen.style(Role::Bad)),
        (column.descent == Descent::Branching, glyphs.fork, pen.style(Role::Accent)),
        (column.edited, glyphs.edited, pen.style(Role::Strong)),
        (column.changed, glyphs.change, pen.style(Role::Note)),
        (figures.flips > 0, "!", ink(pen.theme.palette().vermilion)),
        (column.remasked, glyphs.mask_again, ink(pen.theme.remasked())),
        (figures.forced > 0, glyphs.rejected, ink(pen.theme.palette().dim)),
    ];
    events.into_iter().find(|(happened, ..)| *happened).map(|(_, glyph, style)| (glyph, style))
}
