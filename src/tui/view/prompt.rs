//! The prompt editor, and what the pair can make of the prompt.

use ratatui::{
    layout::{Position, Rect},
    text::Line,
};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::pen::{Pen, span, width};
use crate::tui::{
    action::{Action, Focus},
    app::App,
    reading::Reading,
    theme::Role,
};

/// Cells for the text in a field of that width.
pub(super) fn text_width(field: u16) -> u16 {
    field.saturating_sub(4).max(1)
}

/// A row of the field: its text, and the characters of the line that came before it.
struct EditRow {
    text: String,
    line: usize,
    first: usize,
    chars: usize,
}

/// Draws the editor.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    if area.height < 2 || area.width < 6 {
        return;
    }
    let focused = app.focus == Focus::Prompt;
    let title = span("prompt", pen.style(if focused { Role::TitleFocused } else { Role::Title }));
    let rule = Rect { height: 1, ..area };
    pen.rule(rule, &Line::from(title), &note(app, pen));
    let field = Rect { y: area.y + 1, height: area.height - 1, ..area };
    pen.paint(field, pen.style(Role::Surface));
    let edge = pen.style(if focused { Role::Accent } else { Role::Line });
    for y in field.top()..field.bottom() {
        pen.put(field.x, y, 1, pen.theme.glyphs.edge, edge);
    }
    pen.click(area, Action::Focus(Focus::Prompt));

    let rows = rows(app.prompt.lines(), text_width(area.width));
    let (line, column) = app.prompt.cursor();
    let caret = rows
        .iter()
        .rposition(|row| row.line == line && row.first <= column && (column <= row.first + row.chars))
        .unwrap_or(0);
    let height = usize::from(field.height);
    let scroll = (caret + 1).saturating_sub(height);
    let style = pen.style(if focused { Role::Text } else { Role::Dim });
    for (row, y) in rows.iter().skip(scroll).zip(field.top()..field.bottom()) {
        pen.put(area.x + 2, y, text_width(area.width), &row.text, style);
    }
    if app.prompt.is_blank() {
        pen.cut(area.x + 2, field.y, text_width(area.width), "type a prompt", pen.style(Role::Faint));
    }
    if focused && app.overlays.is_empty() {
        let before: String = rows[caret].text.chars().take(column - rows[caret].first).collect();
        let x = (area.x + 2 + width(&before)).min(area.right().saturating_sub(1));
        let y = field.y + (caret - scroll).min(height.saturating_sub(1)) as u16;
        pen.drawn.cursor = Some(Position::new(x, y));
    }
}

/// The lines in rows of `cells`, broken after blanks where that is possible. Every character stays, so that the text
/// cursor has a place everywhere.
fn rows(lines: &[String], cells: u16) -> Vec<EditRow> {
    let cells = usize::from(cells.max(1));
    let mut rows = Vec::new();
    for (line, text) in lines.iter().enumerate() {
        let mut row = EditRow { text: String::new(), line, first: 0, chars: 0 };
        let mut taken = 0;
        for word in text.split_word_bounds() {
            let shown = word.width();
            if taken > 0 && taken + word.trim_end().width() > cells {
                let first = row.first + row.chars;
                rows.push(std::mem::replace(&mut row, EditRow { text: String::new(), line, first, chars: 0 }));
                taken = 0;
            }
            if shown <= cells || word.trim_end().is_empty() {
                row.text.push_str(word);
                row.chars += word.chars().count();
                taken += shown;
                continue;
            }
            for grapheme in word.graphemes(true) {
                if taken > 0 && taken + grapheme.width() > cells {
                    let first = row.first + row.chars;
                    rows.push(std::mem::replace(&mut row, EditRow { text: String::new(), line, first, chars: 0 }));
                    taken = 0;
                }
                row.text.push_str(grapheme);
                row.chars += grapheme.chars().count();
                taken += grapheme.width();
            }
        }
        rows.push(row);
    }
    rows
}

/// What to expect of the prompt. The lessons are those of the embedded pair, so other models get no note.
fn note(app: &App, pen: &Pen<'_>) -> Line<'static> {
    if !app.has_embedded_pair() {
        return Line::default();
    }
    let (dim, note) = (pen.style(Role::Dim), pen.style(Role::Note));
    match &app.reading {
        Reading::Blank => Line::default(),
        Reading::Misplaced { .. } => {
            Line::from(span("blanks and line breaks are put as the pair has learned them", dim))
        }
        Reading::Unknown => Line::from(span("outside of what the pair has learned: it will make something up", note)),
        Reading::Task { family, unseen, .. } => {
            let dot = pen.theme.glyphs.dot;
            let checked = format!("{}  {dot}  the answer will be checked", family.title());
            if unseen.is_empty() {
                return Line::from(span(checked, dim));
            }
            let words = unseen.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
            let more = if unseen.len() > 3 { ", …" } else { "" };
            Line::from(vec![span(format!("{checked}  {dot}  "), dim), span(format!("never seen: {words}{more}"), note)])
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_character_has_a_row() {
        let lines =
            vec!["Write a story with Laura, a violin and a goat.".to_owned(), String::new(), "日本語日本語".to_owned()];
        for cells in 1..60 {
            let rows = rows(&lines, cells);
            for (index, line) in lines.iter().enumerate() {
                let joined: String = rows.iter().filter(|row| row.line == index).map(|row| row.text.as_str()).collect();
                assert_eq!(&joined, line, "{cells}");
            }
        }
    }

    #[test]
    fn rows_break_after_blanks() {
        let texts: Vec<_> = rows(&["one two three".to_owned()], 8).into_iter().map(|row| row.text).collect();
        assert_eq!(texts, ["one two ", "three"]);
    }
}
