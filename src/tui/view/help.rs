//! Every key, from the table that also obeys them, under the keys that the user gave them; words that are typed choose
//! among the lines.

use ratatui::{layout::Rect, text::Line};

use super::{
    filter,
    pen::{Pen, centred, span, width},
};
use crate::tui::{
    action::Action,
    app::App,
    keymap::{Group, Keymap},
    palette::begins_word,
    theme::Role,
};

/// Cells for the keys of a line.
const KEYS: usize = 16;

/// A line of the help: keys, and what they do.
struct HelpLine<'a> {
    keys: Vec<String>,
    label: &'a str,
    /// Everything that can be typed to find it, in small letters.
    searched: String,
}

/// The lines of a group: bindings that share a line stand on one. What has no key has no line.
fn lines(keymap: &Keymap, group: Group, signs: bool) -> Vec<HelpLine<'_>> {
    let mut lines: Vec<HelpLine<'_>> = Vec::new();
    let bindings = keymap.bindings().iter().filter(|binding| binding.group == group && !binding.keys.is_empty());
    for binding in bindings {
        let names = binding.keys.iter().map(|key| key.name(signs));
        let words = format!(
            " {} {} {}",
            binding.name,
            binding.label,
            binding.keys.iter().map(|key| key.spelled()).collect::<Vec<_>>().join(" ")
        );
        match lines.last_mut() {
            Some(line) if *line.label == *binding.line => {
                let fresh: Vec<_> = names.filter(|name| !line.keys.contains(name)).collect();
                line.keys.extend(fresh);
                line.searched.push_str(&words.to_lowercase());
            }
            _ => {
                let keys: Vec<_> = names.collect();
                let searched = format!("{} {}{words}", group.title(), binding.line).to_lowercase();
                lines.push(HelpLine { keys, label: &binding.line, searched });
            }
        }
    }
    lines
}

/// The keys of a line in rows that have room for them.
fn key_rows(keys: Vec<String>) -> Vec<String> {
    let mut rows = vec![String::new()];
    for key in keys {
        let row = rows.last_mut().filter(|row| usize::from(width(row) + 1 + width(&key)) <= KEYS);
        match row {
            Some(row) if row.is_empty() => *row = key,
            Some(row) => *row = format!("{row} {key}"),
            None => rows.push(key),
        }
    }
    rows
}

enum HelpEntry<'a> {
    Heading(&'static str),
    Line(String, &'a str),
    Gap,
}

/// The groups that have a line with every word that is typed, with those lines.
fn groups<'a>(keymap: &'a Keymap, typed: &str, signs: bool) -> Vec<(Group, Vec<HelpLine<'a>>)> {
    let words: Vec<String> = typed.split_whitespace().map(str::to_lowercase).collect();
    let has_all = |line: &HelpLine<'_>| words.iter().all(|word| begins_word(&line.searched, word));
    let groups = Group::ALL.into_iter().map(|group| {
        let lines = lines(keymap, group, signs).into_iter().filter(has_all);
        (group, lines.collect::<Vec<_>>())
    });
    groups.filter(|(_, lines)| !lines.is_empty()).collect()
}

/// The entries in so many columns; a group is never divided.
fn columns<'a>(keymap: &'a Keymap, typed: &str, count: usize, signs: bool) -> Vec<Vec<HelpEntry<'a>>> {
    let groups: Vec<_> = groups(keymap, typed, signs)
        .into_iter()
        .map(|(group, lines)| {
            let rows = lines.into_iter().flat_map(|line| {
                let labels = std::iter::once(line.label).chain(std::iter::repeat(""));
                key_rows(line.keys).into_iter().zip(labels).map(|(keys, label)| HelpEntry::Line(keys, label))
            });
            (group, rows.collect::<Vec<_>>())
        })
        .collect();
    let total: usize = groups.iter().map(|(_, rows)| rows.len() + 2).sum();
    let mut columns: Vec<Vec<HelpEntry<'a>>> = vec![Vec::new()];
    for (group, rows) in groups {
        let current = columns.last().map_or(0, Vec::len);
        if current > 0 && columns.len() < count && current + rows.len() / 2 > total / count {
            columns.push(Vec::new());
        }
        let Some(column) = columns.last_mut() else { continue };
        if !column.is_empty() {
            column.push(HelpEntry::Gap);
        }
        column.push(HelpEntry::Heading(group.title()));
        column.extend(rows);
    }
    columns
}

/// Number of lines of the help, as far as they have what is typed.
pub fn line_count(app: &App) -> usize {
    columns(&app.keymap, &app.filter, 1, true).first().map_or(0, Vec::len)
}

/// How many lines have what is typed.
fn counted(app: &App) -> String {
    if app.filter.is_empty() {
        return String::new();
    }
    let found: usize = groups(&app.keymap, &app.filter, true).iter().map(|(_, lines)| lines.len()).sum();
    format!("{found} found")
}

/// Draws the help, in two columns where there is room.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let wanted: u16 = if area.width >= 112 { 2 } else { 1 };
    let with = |typed: &str| columns(&app.keymap, typed, usize::from(wanted), pen.theme.has_signs());
    let rows = |columns: &[Vec<HelpEntry<'_>>]| columns.iter().map(Vec::len).max().unwrap_or(0);
    let columns = with(&app.filter);
    let longest = rows(&columns);
    let column_width = 52.min(area.width.saturating_sub(6) / wanted);
    // It keeps its size while words are typed.
    let high = (rows(&with("")) as u16 + 4).min(area.height);
    let frame = centred(area, column_width * wanted + 4 + (wanted - 1) * 2, high);
    let hidden = longest.saturating_sub(usize::from(frame.height.saturating_sub(4)));
    let foot = if hidden > 0 { " down scrolls, esc closes " } else { " esc closes " };
    let inner = pen.frame(frame, "keys", foot);
    pen.wheel(frame, Action::ListMove(-1), Action::ListMove(1));
    filter::draw(&app.filter, "type words of what a key does, or a key", &counted(app), inner, pen);
    let body = Rect { y: inner.y + 2, height: inner.height.saturating_sub(2), ..inner };
    if longest == 0 {
        let sentence = "no key has all of these words: backspace erases one, ^U all of them";
        pen.cut(body.x, body.y, body.width, sentence, pen.style(Role::Note));
    }
    let scroll = app.list.min(hidden);
    for (column, x) in columns.iter().zip((body.x..).step_by(usize::from(column_width) + 2)) {
        for (entry, y) in column.iter().skip(scroll).zip(body.top()..body.bottom()) {
            let row = Rect { x, y, width: column_width.min(body.right().saturating_sub(x)), height: 1 };
            draw_entry(entry, row, pen);
        }
    }
}

fn draw_entry(entry: &HelpEntry<'_>, row: Rect, pen: &mut Pen<'_>) {
    match entry {
        HelpEntry::Heading(title) => {
            pen.put(row.x, row.y, row.width, title, pen.style(Role::Strong));
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
