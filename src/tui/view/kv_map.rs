//! The K/V map: what every layer did with the K/V row of every position in the shown step, or how far an audit found the
//! rows from what they should be.
//!
//! ```text
//! K/V map  2 use  4 cosine ───────────────────── step 35 of 80
//!
//! layer 6  ▓▓▓▓▓▓▓▓▓▓▓▓▓████████▞▞▞░░░░░░░░        0.635 ▃
//!       1  ▓▓▓▓▓▓▓▓▓▓▓▓▓████████░░░░░░░░░░░        0.990 █
//!          │0 prompt     │14 done │46 block        ▲ least cosine
//! ```
//!
//! Where there are more positions than columns, or more layers than rows, the strongest of a bucket is shown: an event is
//! never hidden by what is usual.

use std::ops::Range;

use ratatui::{
    layout::Rect,
    style::Style,
    text::{Line, Span},
};

use super::{
    layers::{self, Layer},
    pen::{Pen, fitting, plural, span, width, wrap},
    run::RunView,
    sample,
    step::StepView,
};
use crate::{
    decode::record::{AuditReport, KvStatus, KvUse, Region, RowDrift},
    printable,
    settings::CacheChoice,
    tui::{
        action::Action,
        theme::{Role, Theme},
    },
};

/// Cells of the names of the layers.
const NAMES: u16 = 9;

/// Cells of the least cosine of a layer: a gap, the number, its bar.
const LEAST: u16 = 9;

/// From this age on a row is as pale as any: the edges of the shades behind the solid one.
const OLD: [u32; 2] = [3, 9];

/// A layer or a position is at most so many rows high, and so many columns wide.
const MOST_CELLS: u16 = 3;

/// A row of keys and values as the map shows it.
#[derive(Debug, Clone, Copy, PartialEq)]
enum KvCell {
    /// What a layer did with it.
    Use(KvUse),
    /// The worse one of the cosines of its keys and values.
    Cosine(f32),
    /// It was computed in the audited step, or dropped.
    NotMeasured,
}

impl KvCell {
    /// What hides what: the larger, the more it is worth seeing.
    fn strength(self) -> (u8, f32) {
        match self {
            Self::Use(KvUse { status: KvStatus::Stale, age }) => (3, age as f32),
            Self::Use(KvUse { status: KvStatus::Recomputed, .. }) => (2, 0.0),
            Self::Use(KvUse { status: KvStatus::Reused, age }) => (1, age as f32),
            Self::Cosine(cosine) => (1, -cosine),
            Self::Use(KvUse { status: KvStatus::Dropped, .. }) | Self::NotMeasured => (0, 0.0),
        }
    }

    /// How it is drawn.
    fn look(self, theme: Theme) -> (&'static str, Style) {
        let glyphs = theme.glyphs;
        match self {
            Self::Use(kv) => {
                let glyph = match kv.status {
                    KvStatus::Recomputed => glyphs.ages[0],
                    KvStatus::Reused if theme.paints() => glyphs.ages[0],
                    KvStatus::Reused => glyphs.ages[1 + OLD.iter().filter(|old| kv.age >= **old).count()],
                    KvStatus::Stale => glyphs.stale,
                    KvStatus::Dropped => glyphs.mask_dropped,
                };
                (glyph, theme.ink(theme.kv(kv.status, kv.age)))
            }
            Self::Cosine(cosine) => {
                let share = sample::cosine_share(cosine);
                let glyph = if theme.paints() { 0 } else { (share * 3.99) as usize };
                (glyphs.ages[glyph], theme.ink(theme.confidence(share)))
            }
            Self::NotMeasured => (glyphs.mask_dropped, theme.style(Role::Faint)),
        }
    }
}

/// How a number of things share a number of cells, in their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shares {
    things: usize,
    /// Groups of things that are shown as one; as many as things, where there is room.
    groups: usize,
    /// Cells of a group.
    cells: u16,
}

impl Shares {
    fn of(things: usize, room: u16) -> Self {
        let room = room.max(1);
        let things = things.max(1);
        let groups = things.min(usize::from(room));
        Self { things, groups, cells: (room / groups as u16).clamp(1, MOST_CELLS) }
    }

    /// The group of a thing.
    fn group(self, thing: usize) -> usize {
        thing.min(self.things - 1) * self.groups / self.things
    }

    /// The things of a group.
    fn things(self, group: usize) -> Range<usize> {
        (group * self.things).div_ceil(self.groups)..((group + 1) * self.things).div_ceil(self.groups)
    }

    /// Cells of all groups.
    fn width(self) -> u16 {
        self.groups as u16 * self.cells
    }
}

/// What the map shows of a step.
struct KvRows {
    /// From the first layer up; a single row that stands for all, where all did the same.
    layers: Vec<Vec<KvCell>>,
    /// How many layers the network has, where one row stands for all.
    alike: Option<usize>,
    /// Least cosine of each layer in an audit of the shown step.
    least: Vec<f32>,
    /// What is to be known about them.
    note: Option<String>,
}

impl KvRows {
    /// What the layers did, or why that is not known and what would make it so.
    fn uses(step: &StepView<'_>) -> Result<Self, String> {
        let Some(record) = step.record.as_deref() else { return Err("the K/V map begins with step 1".to_owned()) };
        let rows = |uses: Vec<KvUse>| uses.into_iter().map(KvCell::Use).collect();
        let layers: Vec<_> = step.log.layer_kv(step.steps, 0..step.length()).into_iter().map(rows).collect();
        let least =
            step.audit().filter(|(_, made)| *made == step.steps).map_or_else(Vec::new, |(report, _)| least(report));
        if !layers.is_empty() {
            return Ok(Self { layers, alike: None, least, note: None });
        }
        let note = if !record.layers.is_empty() {
            "layers differ, and this older trace does not say where"
        } else if step.log.settings_at(step.steps).cache == CacheChoice::Off {
            "no cache: all rows are computed; elastic-cache decides by layer"
        } else {
            "this cache treats all layers alike; elastic-cache decides by layer"
        };
        let alike = Some(step.log.header().denoiser.layers);
        Ok(Self { layers: vec![rows(record.kv.clone())], alike, least, note: Some(note.to_owned()) })
    }

    /// What the newest audit found, or why there is none.
    fn cosines(run: &RunView<'_>, step: &StepView<'_>) -> Result<Self, String> {
        let Some((report, made)) = step.audit() else {
            let absence = Layer::AUDIT.absence(run, step);
            return Err(absence.unwrap_or_else(|| "nothing is audited so far".to_owned()));
        };
        let count = report.drift.iter().map(|row| row.keys.len().max(row.values.len())).max().unwrap_or(0);
        if count == 0 {
            return Err(format!("the audit of step {made} found no reused row to compare"));
        }
        let mut layers = vec![vec![KvCell::NotMeasured; step.length()]; count];
        for row in &report.drift {
            for (layer, cells) in layers.iter_mut().enumerate() {
                if let (Some(cell), Some(cosine)) = (cells.get_mut(row.position), worse(row, layer)) {
                    *cell = KvCell::Cosine(cosine);
                }
            }
        }
        let note = (made != step.steps).then(|| format!("audit of step {made}"));
        Ok(Self { layers, alike: None, least: least(report), note })
    }

    /// The strongest of a group of rows, with its position.
    fn strongest(&self, layers: Range<usize>, positions: Range<usize>) -> Option<(usize, KvCell)> {
        let rows = self.layers.get(layers)?.iter();
        let cells = rows.flat_map(|row| positions.clone().filter_map(|position| Some((position, *row.get(position)?))));
        cells.reduce(|best, next| {
            let ((kind, degree), (next_kind, next_degree)) = (best.1.strength(), next.1.strength());
            let order = next_kind.cmp(&kind).then(next_degree.total_cmp(&degree));
            if order.is_gt() { next } else { best }
        })
    }
}

/// The worse one of the cosines that a row has in a layer.
fn worse(row: &RowDrift, layer: usize) -> Option<f32> {
    [&row.keys, &row.values].into_iter().filter_map(|cosines| cosines.get(layer)).copied().reduce(f32::min)
}

/// The least cosine of each layer over all rows.
fn least(report: &AuditReport) -> Vec<f32> {
    let of_layer = |layer| report.drift.iter().filter_map(|row| worse(row, layer)).reduce(f32::min);
    (0..).map_while(of_layer).collect()
}

/// Draws the K/V map in the canvas's place.
pub(super) fn draw(run: &RunView<'_>, area: Rect, pen: &mut Pen<'_>) {
    if area.height < 5 || area.width < 24 {
        return;
    }
    rule(run, &run.step(), Rect { height: 1, ..area }, pen);
    pen.wheel(area, Action::Scrub(-1), Action::Scrub(1));
    plot(run, Rect { y: area.y + 1, height: area.height - 1, ..area }, pen);
}

/// The K/V map of a run without its rule, or why there is none.
pub(super) fn plot(run: &RunView<'_>, area: Rect, pen: &mut Pen<'_>) {
    if area.height < 4 {
        return;
    }
    let step = run.step();
    let shows_cosines = shows_cosines(run);
    let rows = if shows_cosines { KvRows::cosines(run, &step) } else { KvRows::uses(&step) };
    let rows = match rows {
        Ok(rows) => rows,
        Err(absence) => {
            for (line, y) in wrap(&absence, area.width).iter().zip(area.top() + 1..area.bottom()) {
                pen.put(area.x, y, area.width, line, pen.style(Role::Note));
            }
            return;
        }
    };
    let note = rows.note.as_ref().map_or(0, |note| wrap(note, area.width).len() as u16);
    let foot = if area.height >= 11 { 3 + note.max(1) } else { 2 };
    let head = u16::from(area.height >= 7);
    let body = Rect { y: area.y + head, height: area.height.saturating_sub(head + foot), ..area };
    let drawn = MapPane::of(run, &step, &rows, body).draw(pen);
    axis(&step, drawn, run.lens.selected, pen);
    let below = Rect { y: drawn.area.bottom() + 1, ..area };
    let key = fitting(key(pen.theme, shows_cosines, area.width), &span("   ", pen.style(Role::Faint)), area.width);
    if foot < 4 {
        pen.line(Rect { height: 1, ..below }, &key);
        return;
    }
    let mut lines = vec![readout(&step, &rows, run.lens.selected, pen.theme)];
    let note = rows.note.iter().flat_map(|note| wrap(note, area.width));
    lines.extend(note.map(|line| Line::from(span(line, pen.style(Role::Note)))));
    lines.push(key);
    for (line, y) in lines.iter().zip(below.y + 1..area.bottom()) {
        pen.line(Rect { y, height: 1, ..area }, line);
    }
}

/// Whether the map shows cosines rather than uses.
fn shows_cosines(run: &RunView<'_>) -> bool {
    run.lens.layer == Layer::AUDIT
}

/// The rule: both readings of the map, and which step is shown.
fn rule(run: &RunView<'_>, step: &StepView<'_>, row: Rect, pen: &mut Pen<'_>) {
    let shows_cosines = shows_cosines(run);
    let mut title = vec![span("K/V map", pen.style(if run.focused { Role::TitleFocused } else { Role::Title }))];
    let mut x = row.x + 9;
    for (layer, name, is_shown) in [(Layer::CACHE, "use", !shows_cosines), (Layer::AUDIT, "cosine", shows_cosines)] {
        let label = format!("{} {name}", layer.digit());
        let cells = width(&label);
        pen.click(Rect { x: x - 1, width: cells + 2, ..row }, Action::Layer(layer));
        x += cells + 2;
        title.extend([
            span("  ", pen.style(Role::Text)),
            span(label, pen.style(if is_shown { Role::Accent } else { Role::Faint })),
        ]);
    }
    let right = vec![
        span(format!("step {}", step.steps), pen.style(Role::Text)),
        span(format!(" of {}", step.log.len()), pen.style(Role::Dim)),
    ];
    pen.rule(row, &Line::from(title), &Line::from(right));
}

/// Where the map stands.
#[derive(Debug, Clone, Copy)]
struct DrawnMap {
    /// Its cells.
    area: Rect,
    /// Positions by columns.
    columns: Shares,
}

impl DrawnMap {
    /// The first cell of the column of a position.
    fn x(self, position: usize) -> u16 {
        self.area.x + self.columns.group(position) as u16 * self.columns.cells
    }
}

/// The map itself: layers from the top down, the last one first, as it is nearest to what comes out.
struct MapPane<'a> {
    rows: &'a KvRows,
    selected: Option<usize>,
    area: Rect,
    columns: Shares,
    lines: Shares,
}

impl<'a> MapPane<'a> {
    fn of(run: &RunView<'_>, step: &StepView<'_>, rows: &'a KvRows, body: Rect) -> Self {
        let least = if rows.least.is_empty() { 0 } else { LEAST };
        let columns = Shares::of(step.length(), body.width.saturating_sub(NAMES + least));
        let lines = Shares::of(rows.layers.len(), body.height.saturating_sub(1));
        let area = Rect { x: body.x + NAMES, y: body.y, width: columns.width(), height: lines.width() };
        Self { rows, selected: run.lens.selected, area, columns, lines }
    }

    fn draw(&self, pen: &mut Pen<'_>) -> DrawnMap {
        for group in 0..self.lines.groups {
            let y = self.area.bottom() - (group as u16 + 1) * self.lines.cells;
            let band = Rect { y, height: self.lines.cells, ..self.area };
            self.name(group, band, pen);
            for column in 0..self.columns.groups {
                self.cell(group, column, band, pen);
            }
            self.least(group, band, pen);
        }
        DrawnMap { area: self.area, columns: self.columns }
    }

    /// A group of rows, which selects the position that it shows where it is clicked.
    fn cell(&self, group: usize, column: usize, band: Rect, pen: &mut Pen<'_>) {
        let positions = self.columns.things(column);
        let Some((position, cell)) = self.rows.strongest(self.lines.things(group), positions.clone()) else { return };
        let (glyph, mut style) = cell.look(pen.theme);
        if self.selected.is_some_and(|selected| positions.contains(&selected)) {
            style = selected(pen.theme, style);
        }
        let cells = self.columns.cells;
        let area = Rect { x: band.x + column as u16 * cells, width: cells, ..band };
        for y in band.top()..band.bottom() {
            // A line of the ground parts the layers, where a cell has eighths.
            let is_parted = glyph == pen.theme.glyphs.ages[0] && y == band.top() && self.lines.groups > 1;
            let glyph = if is_parted && pen.theme.paints() { pen.theme.glyphs.rising[6] } else { glyph };
            pen.put(area.x, y, cells, &glyph.repeat(usize::from(cells)), style);
        }
        pen.drag(area, Action::Select(position));
    }

    /// The number of a layer, or of the last one of a group.
    fn name(&self, group: usize, band: Rect, pen: &mut Pen<'_>) {
        let last = self.lines.things(group).end;
        let name = match self.rows.alike {
            Some(layers) => format!("all {layers}"),
            None if group + 1 == self.lines.groups => format!("layer {last}"),
            None => last.to_string(),
        };
        let cells = width(&name).min(NAMES - 1);
        pen.put(band.x.saturating_sub(cells + 1), band.y + (band.height - 1) / 2, cells, &name, pen.style(Role::Dim));
    }

    /// The least cosine of a group of layers.
    fn least(&self, group: usize, band: Rect, pen: &mut Pen<'_>) {
        // One row that stands for all layers has the least of all.
        let layers = if self.rows.alike.is_some() { 0..self.rows.least.len() } else { self.lines.things(group) };
        let least = self.rows.least.get(layers).and_then(|least| least.iter().copied().reduce(f32::min));
        let Some(least) = least else { return };
        let row = Rect { x: band.right() + 2, y: band.y + (band.height - 1) / 2, width: LEAST, height: 1 };
        let number = span(format!("{least:.3} "), pen.style(Role::Dim));
        pen.line(row, &Line::from(vec![number, sample::rising(pen.theme, sample::cosine_share(least))]));
    }
}

/// A cell of the selected position: the cross-hair.
fn selected(theme: Theme, style: Style) -> Style {
    let palette = theme.palette();
    if theme.paints() {
        theme.ink(palette.accent).patch(theme.fill(palette.marked))
    } else {
        style.patch(theme.style(Role::Selected))
    }
}

/// What stands left and right of what: the prompt, what is done, the active block, what is ahead of it.
fn parts(step: &StepView<'_>) -> Vec<(Range<usize>, &'static str)> {
    let (prompt, length) = (step.prompt_length(), step.length());
    let Region { start, end, .. } = step.region().unwrap_or(Region { block: 0, start: prompt, end: length });
    let parts =
        [(0..prompt, "prompt"), (prompt..start, "done"), (start.max(prompt)..end, "block"), (end..length, "ahead")];
    parts.into_iter().filter(|(part, _)| !part.is_empty()).collect()
}

/// The axis: where the parts of the canvas begin, and the selected position.
fn axis(step: &StepView<'_>, map: DrawnMap, selected: Option<usize>, pen: &mut Pen<'_>) {
    let y = map.area.bottom();
    let parts = parts(step);
    let cursor = selected.filter(|position| *position < step.length()).map(|position| map.x(position));
    for (at, (part, name)) in parts.iter().enumerate() {
        let x = map.x(part.start);
        let end = parts.get(at + 1).map_or(map.area.right().max(x + 14), |(next, _)| map.x(next.start));
        let labels = [format!("{} {name}", part.start), part.start.to_string(), String::new()];
        let mark = if end > x { pen.theme.glyphs.upright } else { "" };
        pen.put(x, y, 1, mark, pen.style(Role::Line));
        let role = if *name == "block" { Role::Text } else { Role::Dim };
        // The cursor stands before a label, or behind it, but never within.
        let fits = |label: &&String| {
            let places = [Some(x + 1), cursor.filter(|cursor| *cursor > x).map(|cursor| cursor + 1)];
            let is_free = |at: &u16| {
                let cells = *at..*at + width(label);
                cells.end < end && cursor.is_none_or(|cursor| !cells.contains(&cursor))
            };
            places.into_iter().flatten().find(is_free)
        };
        if let Some((label, at)) = labels.iter().find_map(|label| Some((label, fits(&label)?))) {
            pen.put(at, y, width(label), label, pen.style(role));
        }
    }
    if let Some(x) = cursor {
        pen.put(x, y, 1, pen.theme.glyphs.cursor, pen.style(Role::Accent));
    }
}

/// What is to be read of the selected position, or of the whole map.
fn readout(step: &StepView<'_>, rows: &KvRows, selected: Option<usize>, theme: Theme) -> Line<'static> {
    let (dim, text) = (theme.style(Role::Dim), theme.style(Role::Text));
    let Some(position) = selected.filter(|position| *position < step.length()) else {
        return Line::from(totals(rows, theme));
    };
    let name = printable::line(&step.id(position).map_or_else(String::new, |id| step.name(id, theme.glyphs.eos)));
    let mut line =
        vec![span(format!("position {position} "), dim), span(name.trim().to_owned(), text), span("  ", dim)];
    let column: Vec<KvCell> = rows.layers.iter().filter_map(|row| row.get(position).copied()).collect();
    let uses: Vec<KvUse> = column
        .iter()
        .filter_map(|cell| match cell {
            KvCell::Use(kv) => Some(*kv),
            KvCell::Cosine(_) | KvCell::NotMeasured => None,
        })
        .collect();
    if let ([kv], Some(layers)) = (&uses[..], rows.alike) {
        line.push(layers::named(theme, kv.status));
        let age = if kv.age > 0 { format!(" ({} old)", plural(kv.age as usize, "step")) } else { String::new() };
        line.push(span(format!("{age} in all {layers} layers"), dim));
    } else if uses.is_empty() {
        line.extend(cosines(&column, theme));
    } else {
        line.extend(layers::by_layer(theme, &uses));
    }
    Line::from(line)
}

/// The cosines of a position, from the first layer up.
fn cosines(column: &[KvCell], theme: Theme) -> Vec<Span<'static>> {
    let cosines: Vec<f32> = column
        .iter()
        .filter_map(|cell| match cell {
            KvCell::Cosine(cosine) => Some(*cosine),
            KvCell::Use(_) | KvCell::NotMeasured => None,
        })
        .collect();
    let Some(least) = cosines.iter().copied().reduce(f32::min) else {
        return vec![span("not reused in the audited step", theme.style(Role::Dim))];
    };
    let mut spans = vec![span("cosine by layer ", theme.style(Role::Dim))];
    spans.extend(sample::by_layer(theme, &cosines, 24, f32::min, sample::cosine_share));
    spans.push(span(format!("  least {least:.3}"), theme.style(Role::Text)));
    spans
}

/// How many rows of all layers were used in which way, or measured.
fn totals(rows: &KvRows, theme: Theme) -> Vec<Span<'static>> {
    let (dim, text) = (theme.style(Role::Dim), theme.style(Role::Text));
    let all = || rows.layers.iter().flatten();
    let count = |status| all().filter(|cell| matches!(cell, KvCell::Use(kv) if kv.status == status)).count();
    let measured = all().filter(|cell| matches!(cell, KvCell::Cosine(_))).count();
    if measured > 0 {
        let of = format!(" of {} rows compared with the truth", all().count());
        return vec![span(measured.to_string(), text), span(of, dim)];
    }
    let uses = [KvStatus::Recomputed, KvStatus::Reused, KvStatus::Stale, KvStatus::Dropped];
    let mut spans = Vec::new();
    for status in uses.into_iter().filter(|status| count(*status) > 0) {
        let gap = if spans.is_empty() { "" } else { ", " };
        spans.extend([span(gap, dim), span(format!("{} ", count(status)), text), layers::named(theme, status)]);
    }
    spans.push(span(format!(" of {} rows", all().count()), dim));
    spans
}

/// What the glyphs and colours mean.
fn key(theme: Theme, shows_cosines: bool, cells: u16) -> Vec<Vec<Span<'static>>> {
    let faint = theme.style(Role::Faint);
    if shows_cosines {
        let looks = |share: f32| KvCell::Cosine(0.5 + share / 2.0).look(theme);
        let mut scale = vec![span(if sample::is_roomy(cells) { "far from the truth " } else { "far " }, faint)];
        scale.extend((0..8u8).map(|cell| looks(f32::from(cell) / 7.0)).map(|(glyph, style)| span(glyph, style)));
        scale.push(span(" true", faint));
        let (glyph, style) = KvCell::NotMeasured.look(theme);
        return vec![scale, vec![span(glyph, style), span(" not reused", faint)]];
    }
    let sample = |status, ages: &[u32]| -> Vec<Span<'static>> {
        ages.iter()
            .map(|age| KvCell::Use(KvUse { status, age: *age }).look(theme))
            .map(|(glyph, style)| span(glyph, style))
            .collect()
    };
    let entry = |status, ages: &[u32], words: &'static str| [sample(status, ages), vec![span(words, faint)]].concat();
    vec![
        entry(KvStatus::Recomputed, &[0], " recomputed"),
        entry(KvStatus::Reused, &[1, 6, 24], " reused, paler the older"),
        entry(KvStatus::Stale, &[1], " stale"),
        entry(KvStatus::Dropped, &[0], " dropped"),
    ]
}

/// The map's part of the legend.
pub(super) fn legend(theme: Theme) -> Vec<Line<'static>> {
    let about = "  layers and positions at the shown step; of several rows the strongest";
    let head = vec![span("K K/V map", theme.style(Role::Strong)), span(about, theme.style(Role::Dim))];
    let indented = |items: Vec<Vec<Span<'static>>>| fitting(items, &span("   ", theme.style(Role::Dim)), 70);
    let line = |items| {
        let mut line = indented(items);
        line.spans.insert(0, Span::raw("  "));
        line
    };
    vec![Line::from(head), line(key(theme, false, 80)), line(key(theme, true, 80))]
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn used(status: KvStatus, age: u32) -> KvCell {
        KvCell::Use(KvUse { status, age })
    }

    proptest! {
        #[test]
        fn every_thing_is_in_the_one_group_that_it_names(things in 1usize..700, room in 0u16..300) {
            let shares = Shares::of(things, room);
            let groups: Vec<_> = (0..shares.groups).map(|group| shares.things(group)).collect();
            prop_assert!(groups.iter().all(|group| !group.is_empty()));
            prop_assert!(groups.iter().flat_map(Clone::clone).eq(0..things), "in order, each once");
            prop_assert!((0..things).all(|thing| groups[shares.group(thing)].contains(&thing)));
            prop_assert!(shares.width() <= room.max(1) && shares.cells >= 1);
            prop_assert_eq!(shares.groups == things, things <= usize::from(room.max(1)));
        }

        #[test]
        fn nothing_usual_hides_an_event(
            statuses in prop::collection::vec(0usize..4, 1..60), room in 1u16..60, ages in prop::collection::vec(1u32..40, 60)
        ) {
            let all = [KvStatus::Dropped, KvStatus::Reused, KvStatus::Recomputed, KvStatus::Stale];
            let row: Vec<KvCell> = statuses.iter().zip(ages).map(|(status, age)| used(all[*status], age)).collect();
            let rows = KvRows { layers: vec![row.clone()], alike: None, least: Vec::new(), note: None };
            let shares = Shares::of(row.len(), room);
            for group in 0..shares.groups {
                let (position, cell) = rows.strongest(0..1, shares.things(group)).expect("no group is empty");
                prop_assert!(shares.things(group).contains(&position));
                prop_assert_eq!(row[position], cell, "a click selects what is seen");
                prop_assert!(shares.things(group).all(|other| row[other].strength() <= cell.strength()));
            }
        }
    }

    #[test]
    fn the_worst_cosine_of_a_bucket_is_seen() {
        let row = [0.9, 0.2, 0.99].map(KvCell::Cosine).to_vec();
        let rows =
            KvRows { layers: vec![vec![KvCell::NotMeasured; 3], row], alike: None, least: Vec::new(), note: None };
        assert_eq!(rows.strongest(0..2, 0..3), Some((1, KvCell::Cosine(0.2))));
        assert_eq!(rows.strongest(0..1, 0..3), Some((0, KvCell::NotMeasured)));
        assert_eq!(rows.strongest(2..3, 0..3), None);
    }

    #[test]
    fn the_least_of_each_layer_is_over_keys_and_values() {
        let row = |position, keys: [f32; 2], values: [f32; 2]| RowDrift {
            position,
            keys: keys.into(),
            values: values.into(),
        };
        let drift = vec![row(1, [0.9, 0.8], [0.95, 0.7]), row(4, [0.6, 1.0], [1.0, 1.0])];
        assert_eq!(least(&AuditReport { positions: Vec::new(), drift }), [0.6, 0.7]);
    }
}
