//! The gallery: prompts that the pair has learned, by family; the selected one in full.

use ratatui::{layout::Rect, text::Line};

use super::pen::{Pen, cut, span, wrap};
use crate::tui::{action::Action, app::App, examples::what_to_watch, theme::Role};

enum Row {
    Family(crate::tasks::Family),
    Example(usize),
    Gap,
}

/// Draws the gallery.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let mut rows = Vec::new();
    let mut family = None;
    for (index, example) in app.examples.iter().enumerate() {
        if family != Some(example.family) {
            if family.is_some() {
                rows.push(Row::Gap);
            }
            family = Some(example.family);
            rows.push(Row::Family(example.family));
        }
        rows.push(Row::Example(index));
    }
    let preview = if area.height >= 24 { 6 } else { 3 };
    let wide = 96.min(area.width.saturating_sub(2)).max(20);
    let high = (rows.len() as u16 + preview + 2).min(area.height);
    let frame = Rect {
        x: area.x + area.width.saturating_sub(wide) / 2,
        y: area.y + (area.height - high) / 2,
        width: wide,
        height: high,
    };
    let foot = Line::from(span(" enter denoises it, esc closes ", pen.style(Role::Faint)));
    let inner = pen.frame(frame, "gallery", &foot);
    if inner.height <= preview {
        return;
    }
    let list = Rect { height: inner.height - preview, ..inner };
    let selected = rows.iter().position(|row| matches!(row, Row::Example(index) if *index == app.list)).unwrap_or(0);
    let height = usize::from(list.height);
    let scroll = selected.saturating_sub(height / 2).min(rows.len().saturating_sub(height));
    pen.wheel(frame, Action::ListMove(-1), Action::ListMove(1));
    for (row, y) in rows.iter().skip(scroll).zip(list.top()..list.bottom()) {
        let line = Rect { y, height: 1, ..list };
        match row {
            Row::Gap => {}
            Row::Family(family) => {
                let title = vec![
                    span(family.title(), pen.style(Role::Strong)),
                    span(format!("  {}", what_to_watch(*family)), pen.style(Role::Faint)),
                ];
                pen.line(line, &Line::from(title));
            }
            Row::Example(index) => example(app, *index, line, pen),
        }
    }
    let foot = Rect { y: list.bottom(), height: preview, ..inner };
    let rule = pen.theme.glyphs.rule.repeat(usize::from(foot.width));
    pen.put(foot.x, foot.y, foot.width, &rule, pen.style(Role::Line));
    if let Some(example) = app.examples.get(app.list) {
        for (line, y) in wrap(&example.prompt, foot.width).iter().zip(foot.y + 1..foot.bottom()) {
            pen.put(foot.x, y, foot.width, line, pen.style(Role::Text));
        }
    }
}

fn example(app: &App, index: usize, row: Rect, pen: &mut Pen<'_>) {
    let Some(example) = app.examples.get(index) else { return };
    let selected = app.list == index;
    if selected {
        pen.paint(row, pen.style(Role::Marked));
        pen.put(row.x, row.y, 1, pen.theme.glyphs.pointer, pen.style(Role::Accent));
    }
    pen.click(row, Action::ListSelect(index));
    let note = if example.unseen { "words never seen" } else { "" };
    let note_width = super::pen::width(note);
    let text = example.prompt.replace('\n', " ");
    let room = row.width.saturating_sub(4 + note_width);
    let text = cut(&text, room, pen.theme.glyphs.ellipsis);
    pen.put(row.x + 2, row.y, room, &text, pen.style(if selected { Role::Text } else { Role::Dim }));
    pen.line_right(row, &Line::from(span(note, pen.style(Role::Note))));
}
