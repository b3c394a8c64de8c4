//! Every key, from the table that also obeys them.

use ratatui::{layout::Rect, text::Line};

use super::pen::{Pen, centred, span, width};
use crate::tui::{
    app::App,
    keymap::{BINDINGS, Group},
    theme::Role,
};

/// Cells for the keys of a line.
const KEYS: usize = 16;

/// The lines of a group: bindings that share a label share a line. Keys that have no room on it follow below, without a
/// label.
fn lines(group: Group, signs: bool) -> Vec<(String, &'static str)> {
    let mut lines: Vec<(Vec<String>, &'static str)> = Vec::new();
    for binding in BINDINGS.iter().filter(|binding| binding.group == group) {
        let names = binding.keys.iter().map(|key| key.name(signs));
        match lines.last_mut() {
            Some((keys, label)) if *label == binding.label => {
                let fresh: Vec<_> = names.filter(|name| !keys.contains(name)).collect();
                keys.extend(fresh);
            }
            _ => lines.push((names.collect(), binding.label)),
        }
    }
    lines
        .into_iter()
        .flat_map(|(keys, label)| {
            let mut rows = vec![String::new()];
            for key in keys {
                let row = rows.last_mut().filter(|row| usize::from(width(row) + 1 + width(&key)) <= KEYS);
                match row {
                    Some(row) if row.is_empty() => *row = key,
                    Some(row) => *row = format!("{row} {key}"),
                    None => rows.push(key),
                }
            }
            rows.into_iter().zip(std::iter::once(label).chain(std::iter::repeat("")))
        })
        .collect()
}

enum HelpEntry {
    Heading(&'static str),
    Line(String, &'static str),
    Gap,
}

/// The entries in so many columns; a group is never divided.
fn columns(count: usize, signs: bool) -> Vec<Vec<HelpEntry>> {
    let groups: Vec<_> = Group::ALL.into_iter().map(|group| (group, lines(group, signs))).collect();
    let total: usize = groups.iter().map(|(_, lines)| lines.len() + 2).sum();
    let mut columns: Vec<Vec<HelpEntry>> = vec![Vec::new()];
    for (group, lines) in groups {
        let current = columns.last().map_or(0, Vec::len);
        if current > 0 && columns.len() < count && current + lines.len() / 2 > total / count {
            columns.push(Vec::new());
        }
        let Some(column) = columns.last_mut() else { continue };
        if !column.is_empty() {
            column.push(HelpEntry::Gap);
        }
        column.push(HelpEntry::Heading(group.title()));
        column.extend(lines.into_iter().map(|(keys, label)| HelpEntry::Line(keys, label)));
    }
    columns
}

/// Number of lines of the help.
pub fn line_count() -> usize {
    columns(1, true).first().map_or(0, Vec::len)
}

/// Draws the help, in two columns where there is room.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let columns = columns(if area.width >= 112 { 2 } else { 1 }, pen.theme.has_signs());
    let count = columns.len() as u16;
    let column_width = 52.min(area.width.saturating_sub(6) / count);
    let longest = columns.iter().map(Vec::len).max().unwrap_or(0);
    let high = (longest as u16 + 2).min(area.height.saturating_sub(1));
    let frame = centred(area, column_width * count + 4 + (count - 1) * 2, high);
    let hidden = longest.saturating_sub(usize::from(frame.height.saturating_sub(2)));
    let foot = if hidden > 0 { " down scrolls, esc closes " } else { " esc closes " };
    let inner = pen.frame(frame, "keys", foot);
    let scroll = app.list.min(hidden);
    for (column, x) in columns.iter().zip((inner.x..).step_by(usize::from(column_width) + 2)) {
        for (entry, y) in column.iter().skip(scroll).zip(inner.top()..inner.bottom()) {
            let row = Rect { x, y, width: column_width.min(inner.right().saturating_sub(x)), height: 1 };
            match entry {
                HelpEntry::Heading(title) => {
                    pen.put(row.x, y, row.width, title, pen.style(Role::Strong));
                }
                HelpEntry::Line(keys, label) => {
                    let pad = KEYS.saturating_sub(usize::from(width(keys)));
                    let line = Line::from(vec![
                        span(format!("{keys}{} ", " ".repeat(pad)), pen.style(Role::Accent)),
                        span(*label, pen.style(Role::Dim)),
                    ]);
                    pen.line(row, &line);
                }
                HelpEntry::Gap => {}
            }
        }
    }
}
