//! Drawing into a buffer: cut text at grapheme borders, rules with titles, bars, and the places that can be clicked.
//!
//! Ratatui's widgets draw, but cannot be asked beforehand how many rows a wrapped text takes, cut without a sign that
//! something is missing, and know of no mouse: what its buffer does better (styling, setting text) is its own.

use ratatui::{
    buffer::{Buffer, Cell},
    layout::{Position, Rect},
    style::{Modifier, Style},
    text::{Line, Span},
};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::{map::MapGrid, token_style::bounded};
use crate::tui::{
    action::Action,
    theme::{Role, Theme},
};

/// A place that the mouse can use. There is one for every token and every step, so that what few of them have is apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hit {
    /// Where.
    pub area: Rect,
    /// What a click does.
    pub click: Option<Action>,
    /// What the wheel does, up and down.
    pub wheel: Option<Box<(Action, Action)>>,
    /// What it does while a modifier is held.
    pub scroll: Option<Box<(Action, Action)>>,
    /// Whether a drag is as good as a click.
    pub drag: bool,
    /// What a click does instead, cell by cell.
    pub grid: Option<Box<MapGrid>>,
}

impl Hit {
    /// What a click on one of its cells does.
    pub fn action(&self, column: u16, row: u16) -> Option<Action> {
        match &self.grid {
            Some(grid) => grid.action(column, row),
            None => self.click.clone(),
        }
    }
}

/// What drawing leaves for the next event.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct FrameInfo {
    /// Columns and rows of the whole screen.
    pub size: (u16, u16),
    /// The places that the mouse can use; a later one lies above an earlier one.
    pub hits: Vec<Hit>,
    /// Where the text cursor stands, if anywhere.
    pub cursor: Option<Position>,
    /// How the canvas was laid out.
    pub canvas: Viewport,
    /// Columns and rows for each canvas of a race, where a welcome with room for one is shown.
    pub stage: Option<(u16, u16)>,
}

/// The part of a canvas that was drawn.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Viewport {
    /// Cells of a row.
    pub width: u16,
    /// Rows in sight.
    pub height: u16,
    /// The first row in sight.
    pub top: usize,
    /// The first row in sight where the last one is.
    pub lowest: usize,
}

impl FrameInfo {
    /// The topmost place at a cell.
    pub fn at(&self, column: u16, row: u16) -> Option<&Hit> {
        self.hits.iter().rev().find(|hit| hit.area.contains(Position::new(column, row)))
    }
}

/// A buffer, a theme and the places drawn so far.
pub struct Pen<'a> {
    buffer: &'a mut Buffer,
    /// Colours and glyphs.
    pub theme: Theme,
    /// What the next event needs.
    pub drawn: FrameInfo,
}

impl<'a> Pen<'a> {
    /// Draws into `buffer`.
    pub fn new(buffer: &'a mut Buffer, theme: Theme) -> Self {
        Self { buffer, theme, drawn: FrameInfo::default() }
    }

    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        self.theme.style(role)
    }

    /// Styles an area, text and all.
    pub fn paint(&mut self, area: Rect, style: Style) {
        let area = area.intersection(self.buffer.area);
        self.buffer.set_style(area, style);
    }

    /// Styles the cells of an area that hold something.
    pub fn mark(&mut self, area: Rect, style: Style) {
        for at in area.intersection(self.buffer.area).positions() {
            if self.buffer[at].symbol() != " " {
                self.buffer[at].set_style(style);
            }
        }
    }

    /// Empties an area and styles it.
    pub fn clear(&mut self, area: Rect, role: Role) {
        let area = area.intersection(self.buffer.area);
        let mut blank = Cell::EMPTY;
        blank.set_style(self.theme.style(role));
        // By rows, as cells lie in memory: the widget for it goes by columns.
        for row in area.rows().filter(|row| row.width > 0) {
            let first = self.buffer.index_of(row.x, row.y);
            self.buffer.content[first..first + usize::from(row.width)].fill(blank.clone());
        }
    }

    /// Writes on one row, at most `width` cells, and returns the cell after it. What does not fit is not written.
    pub fn put(&mut self, x: u16, y: u16, width: u16, text: &str, style: Style) -> u16 {
        let area = self.buffer.area;
        if y < area.top() || y >= area.bottom() || x < area.left() || x >= area.right() {
            return x;
        }
        if !is_plain(text) {
            return self.buffer.set_stringn(x, y, text, usize::from(width), style).0;
        }
        // Most text needs no look at graphemes: each of its bytes is a cell.
        let cells = text.len().min(usize::from(width.min(area.right() - x)));
        let first = self.buffer.index_of(x, y);
        for (at, cell) in self.buffer.content[first..first + cells].iter_mut().enumerate() {
            cell.set_symbol(&text[at..=at]).set_style(style);
        }
        x + cells as u16
    }

    /// Writes one cell, where there is one.
    pub fn cell(&mut self, x: u16, y: u16, glyph: &str, style: Style) {
        if let Some(cell) = self.buffer.cell_mut(Position::new(x, y)) {
            cell.set_symbol(glyph).set_style(style);
        }
    }

    /// As [`Self::put`], cut with an ellipsis.
    pub fn cut(&mut self, x: u16, y: u16, width: u16, text: &str, style: Style) -> u16 {
        if self::width(text) <= width {
            return self.put(x, y, width, text, style);
        }
        let text = cut(text, width, self.theme.glyphs.ellipsis);
        self.put(x, y, width, &text, style)
    }

    /// Writes a line from the left of a row.
    pub fn line(&mut self, row: Rect, line: &Line<'_>) -> u16 {
        let mut x = row.x;
        for span in &line.spans {
            let left = row.right().saturating_sub(x);
            if left == 0 {
                break;
            }
            x = self.cut(x, row.y, left, &span.content, span.style);
        }
        x
    }

    /// Writes a line to the right of a row, if all of it fits.
    pub fn line_right(&mut self, row: Rect, line: &Line<'_>) -> u16 {
        let width = cells(&line.spans);
        if width > row.width {
            return row.right();
        }
        let at = row.right() - width;
        self.line(Rect { x: at, width, ..row }, line);
        at
    }

    /// A pane's first row: its title, a rule, and what stands at the right end. Returns the cells of the rule itself.
    pub fn rule(&mut self, row: Rect, title: &Line<'_>, right: &Line<'_>) -> Rect {
        let end = self.line(row, title).saturating_add(1);
        let right_width = cells(&right.spans);
        let free = row.right().saturating_sub(end);
        let shows_right = right_width > 0 && right_width + 4 <= free;
        let rule_width = if shows_right { free - right_width - 1 } else { free };
        let rule = Rect { x: end, y: row.y, width: rule_width, height: 1 };
        let line = self.theme.glyphs.rule.repeat(usize::from(rule_width));
        self.put(end, row.y, rule_width, &line, self.style(Role::Line));
        if shows_right {
            self.line_right(row, right);
        }
        rule
    }

    /// A frame with a title and a note at its foot; returns what is inside.
    pub fn frame(&mut self, area: Rect, title: &str, note: &str) -> Rect {
        self.clear(area, Role::Raised);
        if area.width < 4 || area.height < 3 {
            return Rect::ZERO;
        }
        let glyphs = self.theme.glyphs;
        let style = self.style(Role::Line);
        let across = glyphs.rule.repeat(usize::from(area.width - 2));
        let [top_left, top_right, bottom_left, bottom_right] = glyphs.corners;
        let (right, bottom) = (area.right() - 1, area.bottom() - 1);
        self.put(area.x, area.y, area.width, &format!("{top_left}{across}{top_right}"), style);
        self.put(area.x, bottom, area.width, &format!("{bottom_left}{across}{bottom_right}"), style);
        for y in area.top() + 1..bottom {
            self.put(area.x, y, 1, glyphs.upright, style);
            self.put(right, y, 1, glyphs.upright, style);
        }
        let heading = format!(" {title} ");
        self.cut(area.x + 2, area.y, area.width.saturating_sub(4), &heading, self.style(Role::TitleFocused));
        let foot = Rect { x: area.x + 2, y: bottom, width: area.width.saturating_sub(4), height: 1 };
        self.line_right(foot, &Line::from(span(note, self.style(Role::Faint))));
        Rect { x: area.x + 2, y: area.y + 1, width: area.width - 4, height: area.height - 2 }
    }

    /// A slider: a handle at `share` of its track.
    pub fn slider(&mut self, x: u16, y: u16, width: u16, share: f32, style: Style) {
        let glyphs = self.theme.glyphs;
        let at = (bounded(share) * f32::from(width.saturating_sub(1))).round() as u16;
        self.put(x, y, width, &glyphs.rule.repeat(usize::from(width)), self.style(Role::Line));
        self.put(x, y, at, &glyphs.rule_done.repeat(usize::from(at)), style);
        self.put(x + at, y, 1, glyphs.handle, style);
    }

    /// A bar of whole cells in several parts that add up to its width. Without colour each part has its own fill.
    pub fn stack(&mut self, x: u16, y: u16, width: u16, parts: &[(f64, Style)]) {
        let total: f64 = parts.iter().map(|(value, _)| value).sum();
        if total <= 0.0 || width == 0 {
            return;
        }
        let glyphs = self.theme.glyphs;
        let fills = if self.theme.has_colour() { [glyphs.rule_done; 3] } else { glyphs.fills };
        let (mut sum, mut at) = (0.0, 0u16);
        for ((value, style), fill) in parts.iter().zip(fills.iter().cycle()) {
            sum += value;
            let end = (sum / total * f64::from(width)).round() as u16;
            self.put(x + at, y, end.saturating_sub(at), &fill.repeat(usize::from(end.saturating_sub(at))), *style);
            at = at.max(end);
        }
    }

    /// Takes the light off an area, so that what lies above it stands out; where backgrounds are painted.
    pub fn shade(&mut self, area: Rect) {
        if self.theme.paints() {
            let palette = self.theme.palette();
            let style = self.theme.ink(self.theme.pale(palette.faint, 0.4)).patch(self.theme.fill(palette.ground));
            self.paint(area, style.remove_modifier(Modifier::all()));
        }
    }

    /// A place to click.
    pub fn click(&mut self, area: Rect, action: Action) {
        self.hit(area, Hit { click: Some(action), ..Hit::default() });
    }

    /// A place to drag over.
    pub fn drag(&mut self, area: Rect, action: Action) {
        self.hit(area, Hit { click: Some(action), drag: true, ..Hit::default() });
    }

    /// A place where the wheel scrolls while a modifier is held.
    pub fn scroll(&mut self, area: Rect, up: Action, down: Action) {
        self.hit(area, Hit { scroll: Some(Box::new((up, down))), ..Hit::default() });
    }

    /// A place for the wheel.
    pub fn wheel(&mut self, area: Rect, up: Action, down: Action) {
        self.hit(area, Hit { wheel: Some(Box::new((up, down))), ..Hit::default() });
    }

    /// A map to click and to drag over.
    pub fn point(&mut self, area: Rect, grid: MapGrid) {
        self.hit(area, Hit { drag: true, grid: Some(Box::new(grid)), ..Hit::default() });
    }

    fn hit(&mut self, area: Rect, hit: Hit) {
        self.drawn.hits.push(Hit { area, ..hit });
    }
}

/// Cells that a text takes.
pub fn width(text: &str) -> u16 {
    if is_plain(text) {
        return text.len().min(usize::from(u16::MAX)) as u16;
    }
    text.graphemes(true).map(UnicodeWidthStr::width).sum::<usize>().min(usize::from(u16::MAX)) as u16
}

/// Whether a text has a byte for each of its cells, as most have: letters, digits, signs and blanks of ASCII.
pub fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~'))
}

/// Cells that spans take together.
pub fn cells(spans: &[Span<'_>]) -> u16 {
    spans.iter().map(|span| width(&span.content)).sum()
}

/// An area of that size, or as much of it as there is, in the middle of another one.
pub fn centred(area: Rect, wide: u16, high: u16) -> Rect {
    let (width, height) = (wide.min(area.width), high.min(area.height));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

/// A text cut to `cells`, with `ellipsis` (one cell) where something is left out.
pub fn cut(text: &str, cells: u16, ellipsis: &str) -> String {
    if width(text) <= cells {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut left = usize::from(cells).saturating_sub(1);
    for grapheme in text.graphemes(true) {
        let width = grapheme.width();
        if width > left {
            break;
        }
        left -= width;
        kept.push_str(grapheme);
    }
    if cells > 0 {
        kept.push_str(ellipsis);
    }
    kept
}

/// The end of a text, in at most so many cells.
pub fn tail(text: &str, cells: u16) -> &str {
    let mut shown = text;
    while width(shown) > cells {
        let first = shown.graphemes(true).next().map_or(shown.len(), str::len);
        shown = &shown[first..];
    }
    shown
}

/// A text in lines of at most `cells`, broken at blanks where it can be.
pub fn wrap(text: &str, cells: u16) -> Vec<String> {
    let cells = cells.max(1);
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let mut line = String::new();
        for word in paragraph.split_whitespace() {
            let gap = u16::from(!line.is_empty());
            if width(&line) + gap + width(word) <= cells {
                if gap == 1 {
                    line.push(' ');
                }
                line.push_str(word);
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            for grapheme in word.graphemes(true) {
                if width(&line) + width(grapheme) > cells && !line.is_empty() {
                    lines.push(std::mem::take(&mut line));
                }
                line.push_str(grapheme);
            }
        }
        lines.push(line);
    }
    lines
}

/// Items with a gap between two of them: as many of the first ones as fit whole into `cells`.
pub fn fitting(items: impl IntoIterator<Item = Vec<Span<'static>>>, gap: &Span<'static>, cells: u16) -> Line<'static> {
    let mut line: Vec<Span<'static>> = Vec::new();
    let mut used = 0;
    for item in items {
        let gap = Some(gap.clone()).filter(|_| !line.is_empty());
        let more: Vec<_> = gap.into_iter().chain(item).collect();
        used += self::cells(&more);
        if used > cells {
            break;
        }
        line.extend(more);
    }
    Line::from(line)
}

/// Items with a gap between two of them, in as many lines of `cells` as they need; a wider one has a line of its own.
pub fn packed(
    items: impl IntoIterator<Item = Vec<Span<'static>>>,
    gap: &Span<'static>,
    cells: u16,
) -> Vec<Vec<Span<'static>>> {
    let mut lines: Vec<Vec<Span<'static>>> = Vec::new();
    for item in items {
        match lines.last_mut() {
            Some(line) if self::cells(line) + width(&gap.content) + self::cells(&item) <= cells => {
                line.push(gap.clone());
                line.extend(item);
            }
            _ => lines.push(item),
        }
    }
    lines
}

/// A span that owns its text.
pub fn span(text: impl Into<String>, style: Style) -> Span<'static> {
    Span::styled(text.into(), style)
}

/// A number for people: exact below ten thousand, with a unit above.
pub fn count(number: u64) -> String {
    match number {
        0..10_000 => number.to_string(),
        10_000..100_000 => format!("{:.1}k", number as f64 / 1e3),
        100_000..1_000_000 => format!("{:.0}k", number as f64 / 1e3),
        1_000_000..1_000_000_000 => format!("{:.1}M", number as f64 / 1e6),
        _ => format!("{:.1}G", number as f64 / 1e9),
    }
}

/// "1 token", "2 tokens".
pub fn plural(number: usize, thing: &str) -> String {
    if number == 1 { format!("1 {thing}") } else { format!("{number} {thing}s") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_keeps_graphemes_whole() {
        assert_eq!(cut("abcdef", 4, "…"), "abc…");
        assert_eq!(cut("日本語", 4, "…"), "日…");
        assert_eq!(cut("e\u{301}a", 1, "…"), "…");
        assert_eq!(cut("abc", 3, "…"), "abc");
        assert_eq!(cut("abc", 0, "…"), "");
        assert_eq!(
            [tail("日本語", 3), tail("ae\u{301}", 1), tail("abc", 3), tail("abc", 0)],
            ["語", "e\u{301}", "abc", ""]
        );
    }

    #[test]
    fn wrapping_breaks_at_blanks_and_splits_what_is_too_long() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("", 3), [""]);
    }

    #[test]
    fn numbers_stay_short() {
        assert_eq!([count(9_999), count(12_345), count(7_600_000)], ["9999", "12.3k", "7.6M"]);
        assert_eq!([plural(1, "token"), plural(0, "token")], ["1 token", "0 tokens"]);
    }
}
