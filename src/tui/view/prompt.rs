//! The prompt editor, and what the pair can make of the prompt.
//!
//! The text area edits but does not draw: it cannot be asked how many rows it will take before it is drawn, scrolls by
//! what it drew before (the same state would give two pictures), and leaves out what is not printable, where the prompt
//! must show that something stands there.

use std::borrow::Cow;

use ratatui::{
    layout::{Position, Rect},
    text::Line,
};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::pen::{Pen, span, width};
use crate::{
    printable,
    tui::{
        action::{Action, Focus},
        app::{App, Origin},
        reading::Reading,
        theme::Role,
    },
};

/// Cells for the text in a field of that width.
fn text_width(field: u16) -> u16 {
    field.saturating_sub(4).max(1)
}

/// Rows that the text takes in a field of that width, `most` of them at most.
pub(super) fn height(app: &App, field: u16, most: u16) -> u16 {
    let lines = app.prompt.lines();
    rows(&lines, 0, text_width(field)).take(usize::from(most)).count() as u16
}

/// A row of the field: its part of a line, and the characters of the line that came before it.
struct EditRow<'a> {
    text: &'a str,
    line: usize,
    first: usize,
    chars: usize,
}

impl EditRow<'_> {
    /// What is drawn of the first `chars` characters; a grapheme is drawn whole or not at all.
    fn shown(&self, chars: usize) -> String {
        let end = self.text.char_indices().nth(chars).map_or(self.text.len(), |(at, _)| at);
        let whole = self.text.grapheme_indices(true).take_while(|(at, grapheme)| at + grapheme.len() <= end);
        whole.map(|(_, grapheme)| shown(grapheme)).collect()
    }
}

/// What is drawn of a grapheme.
fn shown(grapheme: &str) -> Cow<'_, str> {
    printable::standing(printable::text(grapheme))
}

/// Draws the editor.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    if area.height < 2 || area.width < 6 {
        return;
    }
    let focused = app.focus == Focus::Prompt;
    let mut title = vec![span("prompt", pen.style(if focused { Role::TitleFocused } else { Role::Title }))];
    if let Some(turn) = app.next_turn() {
        title.push(span(format!("  turn {turn}"), pen.style(Role::Dim)));
    }
    let rule = Rect { height: 1, ..area };
    pen.rule(rule, &Line::from(title), &note(app, pen));
    let field = Rect { y: area.y + 1, height: area.height - 1, ..area };
    pen.paint(field, pen.style(Role::Surface));
    let edge = pen.style(if focused { Role::Accent } else { Role::Line });
    for y in field.top()..field.bottom() {
        pen.put(field.x, y, 1, pen.theme.glyphs.edge, edge);
    }
    pen.click(area, Action::Focus(Focus::Prompt));

    let lines = app.prompt.lines();
    let (line, column) = app.prompt.cursor();
    let height = usize::from(field.height);
    // Every line has a row at least: what is further from the cursor is out of sight.
    let near = &lines[..lines.len().min(line + height)];
    let rows: Vec<_> = rows(near, line.saturating_sub(height), text_width(area.width)).collect();
    let caret = rows
        .iter()
        .rposition(|row| row.line == line && row.first <= column && (column <= row.first + row.chars))
        .unwrap_or(0);
    let scroll = (caret + 1).saturating_sub(height);
    let style = pen.style(if focused { Role::Text } else { Role::Dim });
    for (row, y) in rows.iter().skip(scroll).zip(field.top()..field.bottom()) {
        pen.put(area.x + 2, y, text_width(area.width), &row.shown(row.chars), style);
    }
    if app.prompt.is_blank() {
        pen.cut(area.x + 2, field.y, text_width(area.width), "type a prompt", pen.style(Role::Faint));
    }
    if focused && app.overlays.is_empty() {
        let before = rows[caret].shown(column - rows[caret].first);
        let x = (area.x + 2 + width(&before)).min(area.right().saturating_sub(1));
        let y = field.y + (caret - scroll).min(height.saturating_sub(1)) as u16;
        pen.drawn.cursor = Some(Position::new(x, y));
    }
}

/// The lines from the `start`-th on in rows of `cells`.
fn rows(lines: &[String], start: usize, cells: u16) -> impl Iterator<Item = EditRow<'_>> {
    let cells = usize::from(cells.max(1));
    lines.iter().enumerate().skip(start).flat_map(move |(line, text)| rows_of(line, text, cells))
}

/// A line in rows, broken after blanks where that is possible. Every character stays, so that the text cursor has a
/// place everywhere.
fn rows_of(line: usize, text: &str, cells: usize) -> Vec<EditRow<'_>> {
    let cells_of = |text: &str| text.graphemes(true).map(|grapheme| shown(grapheme).width()).sum::<usize>();
    let mut breaks = vec![0];
    let mut taken = 0;
    for (at, word) in text.split_word_bound_indices() {
        if taken > 0 && taken + cells_of(word.trim_end()) > cells {
            breaks.push(at);
            taken = 0;
        }
        let wanted = cells_of(word);
        if wanted <= cells || word.trim_end().is_empty() {
            taken += wanted;
            continue;
        }
        for (within, grapheme) in word.grapheme_indices(true) {
            let wanted = cells_of(grapheme);
            if taken > 0 && taken + wanted > cells {
                breaks.push(at + within);
                taken = 0;
            }
            taken += wanted;
        }
    }
    breaks.push(text.len());
    let mut first = 0;
    let row = |ends: &[usize]| {
        let text = &text[ends[0]..ends[1]];
        let row = EditRow { text, line, first, chars: text.chars().count() };
        first += row.chars;
        row
    };
    breaks.windows(2).map(row).collect()
}

/// What to expect of the prompt. The lessons are those of the embedded pair, so other models get no note.
fn note(app: &App, pen: &Pen<'_>) -> Line<'static> {
    let (dim, note) = (pen.style(Role::Dim), pen.style(Role::Note));
    // While a prompt types itself there is nothing to be advised of.
    if app.origin == Origin::Recording {
        return Line::default();
    }
    if !app.has_embedded_pair() {
        return if app.begins { Line::from(span("a new conversation", dim)) } else { Line::default() };
    }
    match app.reading() {
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
        let lines = [
            "Write a story with Laura, a violin and a goat.",
            "",
            "日本語日本語",
            "\tif x:\t👩\u{200d}💻 می\u{200c}خواهم",
        ];
        let lines = lines.map(str::to_owned);
        for cells in 1..60 {
            for (index, line) in lines.iter().enumerate() {
                let of_line = rows(&lines, 0, cells).filter(|row| row.line == index);
                let (joined, last) = of_line.fold((String::new(), 0), |(joined, chars), row| {
                    assert_eq!(row.first, chars, "{cells}");
                    (joined + row.text, chars + row.chars)
                });
                assert_eq!((&joined, last), (line, line.chars().count()), "{cells}");
            }
        }
    }

    #[test]
    fn rows_break_after_blanks() {
        let lines = ["one two three".to_owned()];
        let texts: Vec<_> = rows(&lines, 0, 8).map(|row| row.text).collect();
        assert_eq!(texts, ["one two ", "three"]);
    }

    #[test]
    fn what_is_drawn_is_printable_and_keeps_graphemes_whole() {
        let lines = ["\ta\u{200b}👩\u{200d}💻\u{202e}".to_owned()];
        let row = rows(&lines, 0, 40).next().expect("a line has a row");
        assert_eq!(row.shown(row.chars), "    a\u{fffd}👩\u{200d}💻\u{fffd}");
        assert_eq!((row.shown(1), row.shown(4)), ("    ".to_owned(), "    a\u{fffd}".to_owned()));
    }
}
