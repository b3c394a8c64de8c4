//! The timeline: a column per step, as high as the step wrote tokens, coloured by why; lanes below it say what else the
//! step was.
//!
//! ```text
//! steps  ■ agreed  ■ forced  ■ end of text ───────────────── 17 of 31
//!     12   ▄
//!          █    ▂         ▂
//! tokens ▆ █ ▆▄ █ ▂  ▆ ▄  █ ▆ ▆
//! conf   ▄ ▃ ▄▃ ▄ ▂  ▃ ▄  ▄ ▃ ▃
//! time   ▇ ▅ ▅▅ ▅ ▄  ▄ ▄  ▄ ▄ ▄
//! K/V    R ▆ ▅▅ ▅ ▅  ▄ ▄  ▄ ▄ ▄
//! events          ◆  !
//!                   ▲        ┊
//! ```
//!
//! By hand, since ratatui's bar chart and sparkline have one colour per bar and leave no steps to click.

mod bars;
mod column;
mod lanes;
mod spread;

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::{
    pen::{Pen, cells, span, width},
    run::RunView,
};
use crate::{
    decode::record::Reason,
    trace::Log,
    tui::{action::Action, theme::Role},
};
pub(super) use bars::{full_scale, stack};
pub(super) use column::Column;
use column::ReasonCounts;
use lanes::{LaneScale, TimelineLane};
use spread::Spread;

/// Cells of the names of lanes, the gap behind them included.
const NAMES: u16 = 7;
/// From this width on there is room for them.
const ROOMY: u16 = 56;

/// Where the parts of a timeline are, and what they have in common.
struct Timeline<'a> {
    log: &'a Log,
    shown: usize,
    /// Everything but names.
    area: Rect,
    /// Cells of the names to the left of that; 0 where there is no room.
    names: u16,
    /// Rows of the bars.
    bars: u16,
    lanes: Vec<TimelineLane>,
    spread: Spread,
    columns: Vec<Column>,
    /// Tokens that a full column stands for.
    full: usize,
    scale: LaneScale,
}

impl<'a> Timeline<'a> {
    fn of(run: &RunView<'a>, area: Rect) -> Self {
        let (log, len) = (run.log, run.log.len());
        let names = if area.width >= ROOMY { NAMES } else { 0 };
        let spread = Spread::of(len, area.width - names);
        let column = |first: usize| Column::of(log, first..(first + spread.steps).min(len));
        let columns: Vec<Column> = (0..len).step_by(spread.steps).map(column).collect();
        let lanes = TimelineLane::of(log, area.height.saturating_sub(5).max(1));
        Self {
            log,
            shown: run.at,
            area: Rect { x: area.x + names, width: area.width - names, ..area },
            names,
            bars: area.height - 2 - lanes.len() as u16,
            lanes,
            spread,
            full: full_scale(columns.iter().map(Column::height).max().unwrap_or(0), spread.steps),
            scale: LaneScale::of(log, &columns),
            columns,
        }
    }

    /// The bars, above the lanes.
    fn bars(&self) -> Rect {
        Rect { y: self.area.y + 1, height: self.bars, ..self.area }
    }

    /// The last row.
    fn axis(&self) -> u16 {
        self.area.bottom() - 1
    }

    fn has_events(&self) -> bool {
        self.lanes.contains(&TimelineLane::Events)
    }

    /// What a full column stands for and, where there is room, one of half the height; then the names of the lanes.
    fn names(&self, pen: &mut Pen<'_>) {
        if self.names == 0 {
            return;
        }
        let (x, bars) = (self.area.x - self.names, self.bars());
        let style = pen.style(Role::Faint);
        let mut scale = |row: u16, tokens: usize| {
            let cells = Rect { x, y: bars.y + row, width: self.names - 1, height: 1 };
            pen.line_right(cells, &Line::from(span(tokens.to_string(), style)));
        };
        scale(0, self.full);
        if self.bars >= 4 && self.bars.is_multiple_of(2) {
            scale(self.bars / 2, self.full / 4);
        }
        if self.bars >= 3 {
            pen.put(x, bars.bottom() - 1, self.names - 1, "tokens", style);
        }
        for (lane, y) in self.lanes.iter().zip(bars.bottom()..) {
            pen.put(x, y, self.names - 1, lane.name(), style);
        }
    }

    /// A column with its lanes, and where it can be clicked.
    fn column(&self, index: usize, pen: &mut Pen<'_>) {
        let column = &self.columns[index];
        let (cells, bars) = (self.spread.bar_cells(), self.bars());
        let x = self.area.x + index as u16 * self.spread.cells;
        let below = Rect { x, y: self.area.y + 1, width: cells, height: self.area.height - 1 };
        let holds_cursor = column.holds(self.shown);
        if holds_cursor {
            pen.paint(below, pen.style(Role::Marked).remove_modifier(ratatui::style::Modifier::REVERSED));
        }
        let is_done = column.steps.start < self.shown;
        stack(column, self.full, is_done, Rect { x, width: cells, ..bars }, pen);
        for (lane, y) in self.lanes.iter().zip(bars.bottom()..) {
            lane.draw(column, &self.scale, is_done, Rect { x, y, width: cells, height: 1 }, pen);
        }
        let axis = Rect { x, y: self.axis(), width: cells, height: 1 };
        if holds_cursor {
            pen.put(x, axis.y, 1, pen.theme.glyphs.cursor, pen.style(Role::Accent));
        } else if !self.has_events() {
            TimelineLane::Events.draw(column, &self.scale, is_done, axis, pen);
        }
        pen.drag(Rect { width: self.spread.cells, ..below }, Action::ScrubTo(column.steps.end));
    }

    /// Where blocks begin, but the first; left out where they are about as many as columns.
    fn blocks(&self, pen: &mut Pen<'_>) {
        let starts = self.log.block_starts();
        if starts.len() * 2 > self.columns.len().max(2) {
            return;
        }
        let (glyph, style) = (pen.theme.glyphs.block, pen.style(Role::Dim));
        for start in starts.skip(1) {
            let x = self.area.x + ((start - 1) / self.spread.steps) as u16 * self.spread.cells;
            pen.put(x, self.axis(), 1, glyph, style);
        }
    }
}

/// Draws the timeline.
pub(super) fn draw(run: &RunView<'_>, area: Rect, pen: &mut Pen<'_>) {
    if area.height < 4 || area.width < 10 {
        return;
    }
    let timeline = Timeline::of(run, area);
    rule(&timeline, Rect { height: 1, ..area }, pen);
    timeline.names(pen);
    timeline.blocks(pen);
    pen.wheel(area, Action::Scrub(-1), Action::Scrub(1));
    for index in 0..timeline.columns.len() {
        timeline.column(index, pen);
    }
    if timeline.shown == 0 {
        pen.put(timeline.area.x, timeline.axis(), 1, pen.theme.glyphs.cursor, pen.style(Role::Accent));
    }
}

/// The rule: what the bars mean, and which step is shown.
fn rule(timeline: &Timeline<'_>, row: Rect, pen: &mut Pen<'_>) {
    let log = timeline.log;
    let (dim, faint) = (pen.style(Role::Dim), pen.style(Role::Faint));
    let mut counts = ReasonCounts::default();
    timeline.columns.iter().for_each(|column| counts += column.counts);
    let mut title: Vec<Span<'static>> = vec![span("steps", pen.style(Role::Title))];
    let mut right =
        vec![span(timeline.shown.to_string(), pen.style(Role::Text)), span(format!(" of {}", log.len()), dim)];
    if timeline.spread.steps > 1 {
        title.push(span(format!("  {} a column", timeline.spread.steps), faint));
    }
    let top = format!("top {}  ", timeline.full);
    // The rule stands between both, and is seen.
    let between = 5;
    if timeline.names == 0 && cells(&title) + cells(&right) + width(&top) + between <= row.width {
        right.insert(0, span(top, faint));
    }
    // Where not all have room, the most frequent ones are named.
    let mut occurring: Vec<Reason> = Reason::ALL.iter().copied().filter(|reason| counts.of(*reason) > 0).collect();
    occurring.sort_by_key(|reason| std::cmp::Reverse(counts.of(*reason)));
    let mut used = cells(&title) + cells(&right) + between;
    let mut named = Vec::new();
    for reason in &occurring {
        let cells = 4 + width(reason.short());
        if used + cells > row.width {
            break;
        }
        used += cells;
        named.push(*reason);
    }
    for reason in Reason::ALL.iter().copied().filter(|reason| named.contains(reason)) {
        title.push(span(format!("  {} ", bars::swatch(pen, reason)), pen.theme.ink(pen.theme.reason(reason))));
        title.push(span(reason.short(), faint));
    }
    pen.rule(row, &Line::from(title), &Line::from(right));
}
