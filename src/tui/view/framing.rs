//! What stands around the screen in a recording: a title above it, a caption below.

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::pen::{Pen, span, width, wrap};
use crate::tui::{app::App, recording::Framing, theme::Role};

/// Rows that a caption takes at most.
const LONGEST: usize = 3;

/// Rows that both take.
pub fn rows(framing: &Framing, width: u16) -> u16 {
    u16::from(!framing.title.is_empty()) + lines(&framing.caption, width).len() as u16
}

fn lines(caption: &str, width: u16) -> Vec<String> {
    let lines = if caption.is_empty() { Vec::new() } else { wrap(caption, width.saturating_sub(2)) };
    lines.into_iter().take(LONGEST).collect()
}

/// Draws both, and returns what is left for the screen.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) -> Rect {
    let (title, caption) = (&app.framing.title, &app.framing.caption);
    let mut rest = area;
    if !title.is_empty() && rest.height > 0 {
        let row = Rect { height: 1, ..rest };
        pen.paint(row, pen.style(Role::Surface));
        pen.cut(row.x + 1, row.y, row.width.saturating_sub(2), title, pen.style(Role::Strong));
        rest = Rect { y: rest.y + 1, height: rest.height - 1, ..rest };
    }
    let lines = lines(caption, area.width);
    let rows = (lines.len() as u16).min(rest.height);
    let below = Rect { y: rest.bottom() - rows, height: rows, ..rest };
    pen.paint(below, pen.style(Role::Surface));
    for (line, y) in lines.iter().zip(below.top()..below.bottom()) {
        let line: Span<'static> = span(line.clone(), pen.style(Role::Text));
        let indent = area.width.saturating_sub(width(&line.content)) / 2;
        pen.line(Rect { x: area.x + indent, y, width: area.width - indent, height: 1 }, &Line::from(line));
    }
    Rect { height: rest.height - rows, ..rest }
}
