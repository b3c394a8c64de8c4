//! Every key, from the table that also obeys them.

use ratatui::{layout::Rect, text::Line};

use super::pen::{Pen, span, width};
use crate::tui::{
    app::App,
    keymap::{BINDINGS, Group},
    theme::Role,
};

/// Cells for the keys of a line.
const KEYS: usize = 20;

enum Entry {
    Heading(&'static str),
    Line(String, &'static str),
    Gap,
}

fn entries() -> Vec<Entry> {
    let mut entries = Vec::new();
    for group in Group::ALL {
        if !entries.is_empty() {
            entries.push(Entry::Gap);
        }
        entries.push(Entry::Heading(group.title()));
        for binding in BINDINGS.iter().filter(|binding| binding.group == group) {
            let keys: Vec<_> = binding.keys.iter().map(|key| key.name()).collect();
            entries.push(Entry::Line(keys.join("  "), binding.label));
        }
    }
    entries
}

/// Number of lines of the help.
pub fn line_count() -> usize {
    entries().len()
}

/// Draws the help, in two columns where there is room.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let entries = entries();
    let columns: u16 = if area.width >= 116 { 2 } else { 1 };
    let column_width = 54.min(area.width.saturating_sub(6) / columns);
    let wide = (column_width * columns + 4 + (columns - 1) * 2).min(area.width);
    let per_column = entries.len().div_ceil(usize::from(columns)) + usize::from(columns > 1);
    let high = (per_column as u16 + 2).min(area.height);
    let frame = Rect {
        x: area.x + (area.width - wide) / 2,
        y: area.y + (area.height - high) / 2,
        width: wide,
        height: high,
    };
    let rows = usize::from(high.saturating_sub(2));
    let hidden = entries.len().saturating_sub(rows * usize::from(columns));
    let foot = if hidden > 0 { " ↑↓ scrolls, esc closes " } else { " esc closes " };
    let inner = pen.frame(frame, "keys", &Line::from(span(foot, pen.style(Role::Faint))));
    if inner.height == 0 {
        return;
    }
    let scroll = app.list.min(hidden);
    for column in 0..columns {
        let x = inner.x + column * (column_width + 2);
        let visible = entries.iter().skip(scroll + usize::from(column) * rows);
        for (entry, y) in visible.zip(inner.top()..inner.bottom()) {
            let row = Rect { x, y, width: column_width.min(inner.right().saturating_sub(x)), height: 1 };
            match entry {
                Entry::Heading(title) => {
                    pen.put(row.x, y, row.width, title, pen.style(Role::Strong));
                }
                Entry::Line(keys, label) => {
                    let pad = KEYS.saturating_sub(usize::from(width(keys)));
                    let line = Line::from(vec![
                        span(format!("  {keys}{} ", " ".repeat(pad)), pen.style(Role::Accent)),
                        span(*label, pen.style(Role::Dim)),
                    ]);
                    pen.line(row, &line);
                }
                Entry::Gap => {}
            }
        }
    }
}
