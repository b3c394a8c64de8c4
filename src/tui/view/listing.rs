//! A list in a layer above the screen: rows under headings, one of them selected, and below a rule what that one is.

use ratatui::{layout::Rect, text::Line};

use super::pen::{Pen, centred, span};
use crate::tui::{action::Action, theme::Role};

/// A row of a list.
pub(super) enum ListRow {
    /// The name of what follows, and a remark.
    Heading(String, String),
    /// An item, by its index.
    Item(usize),
    /// Nothing.
    Gap,
}

/// Groups items under headings: a gap and a heading wherever the heading changes. Items without one stand by themselves.
pub(super) fn grouped(headings: impl IntoIterator<Item = (String, String)>) -> Vec<ListRow> {
    let mut rows = Vec::new();
    let mut current: Option<String> = None;
    for (index, (title, note)) in headings.into_iter().enumerate() {
        if current.as_ref() != Some(&title) {
            if current.is_some() {
                rows.push(ListRow::Gap);
            }
            if !title.is_empty() {
                rows.push(ListRow::Heading(title.clone(), note));
            }
            current = Some(title);
        }
        rows.push(ListRow::Item(index));
    }
    rows
}

/// A list as it is drawn.
pub(super) struct Listing<'a> {
    /// On the frame.
    pub title: &'a str,
    /// At the frame's foot: the keys that matter.
    pub foot: &'a str,
    /// Widest frame, in cells.
    pub wide: u16,
    /// Rows below the rule.
    pub detail: u16,
    /// What is listed.
    pub rows: &'a [ListRow],
    /// Index of the selected item.
    pub selected: usize,
}

impl Listing<'_> {
    /// Draws frame and rows; `item` fills the row of an item, given whether it is the selected one. Returns the area
    /// below the rule, which is empty where there is no room for it.
    pub fn draw(&self, area: Rect, pen: &mut Pen<'_>, item: impl FnMut(usize, bool, Rect, &mut Pen<'_>)) -> Rect {
        self.draw_under(0, area, pen, item).1
    }

    /// As [`Self::draw`], below `head` rows that the caller fills. Returns those as well, first.
    pub fn draw_under(
        &self,
        head: u16,
        area: Rect,
        pen: &mut Pen<'_>,
        mut item: impl FnMut(usize, bool, Rect, &mut Pen<'_>),
    ) -> (Rect, Rect) {
        let frame = self.frame(head, area);
        let whole = pen.frame(frame, self.title, &self.note(frame.height.saturating_sub(head), pen));
        let head = Rect { height: head.min(whole.height), ..whole };
        let inner = Rect { y: head.bottom(), height: whole.height - head.height, ..whole };
        let list = Rect { height: inner.height.saturating_sub(self.detail).max(1.min(inner.height)), ..inner };
        let is_selected = |row: &ListRow| matches!(row, ListRow::Item(index) if *index == self.selected);
        let at = self.rows.iter().position(is_selected).unwrap_or(0);
        let height = usize::from(list.height);
        let scroll = at.saturating_sub(height / 2).min(self.rows.len().saturating_sub(height));
        pen.wheel(frame, Action::ListMove(-1), Action::ListMove(1));
        for (row, y) in self.rows.iter().skip(scroll).zip(list.top()..list.bottom()) {
            let line = Rect { y, height: 1, ..list };
            match row {
                ListRow::Gap => {}
                ListRow::Heading(title, note) => {
                    let title = span(title.clone(), pen.style(Role::Strong));
                    let note = span(format!("  {note}"), pen.style(Role::Faint));
                    pen.line(line, &Line::from(vec![title, note]));
                }
                ListRow::Item(index) => {
                    let rest = self.mark(*index, line, pen);
                    item(*index, *index == self.selected, rest, pen);
                }
            }
        }
        (head, below(list, inner, pen))
    }

    /// Where the frame is, with `head` rows above the list.
    pub fn frame(&self, head: u16, area: Rect) -> Rect {
        let wide = self.wide.min(area.width.saturating_sub(2)).max(20);
        let rows = u16::try_from(self.rows.len()).unwrap_or(u16::MAX);
        centred(area, wide, rows.saturating_add(head + self.detail + 2))
    }

    /// What stands at the foot: the keys, and where some rows are out of sight, how many there are.
    fn note(&self, high: u16, pen: &Pen<'_>) -> String {
        if self.rows.len() <= usize::from(high.saturating_sub(self.detail + 2)) {
            return format!(" {} ", self.foot);
        }
        let items = self.rows.iter().filter(|row| matches!(row, ListRow::Item(_))).count();
        format!(" {} of {items} {} {} ", self.selected + 1, pen.theme.glyphs.dot, self.foot)
    }

    /// Marks the row of an item where it is selected, and returns the rest of it for the item.
    fn mark(&self, index: usize, line: Rect, pen: &mut Pen<'_>) -> Rect {
        if index == self.selected {
            pen.paint(line, pen.style(Role::Marked));
            pen.put(line.x, line.y, 1, pen.theme.glyphs.pointer, pen.style(Role::Accent));
        }
        pen.click(line, Action::ListSelect(index));
        Rect { x: line.x + 2.min(line.width), width: line.width.saturating_sub(2), ..line }
    }
}

/// Draws the rule below the list, and returns what is below that.
fn below(list: Rect, inner: Rect, pen: &mut Pen<'_>) -> Rect {
    let foot = Rect { y: list.bottom(), height: inner.bottom().saturating_sub(list.bottom()), ..inner };
    if foot.height < 2 {
        return Rect { height: 0, ..foot };
    }
    let rule = pen.theme.glyphs.rule.repeat(usize::from(foot.width));
    pen.put(foot.x, foot.y, foot.width, &rule, pen.style(Role::Line));
    Rect { y: foot.y + 1, height: foot.height - 1, ..foot }
}
