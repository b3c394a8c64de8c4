//! The row above a list in which words are typed.

use ratatui::{
    layout::{Position, Rect},
    text::Line,
};

use super::pen::{Pen, span, width};
use crate::tui::theme::Role;

/// Draws what is typed, or what could be, and how much of the list that leaves; puts the text cursor there.
pub(super) fn draw(typed: &str, invitation: &str, counted: &str, head: Rect, pen: &mut Pen<'_>) {
    let row = Rect { height: head.height.min(1), ..head };
    if row.height == 0 {
        return;
    }
    let at = pen.put(row.x, row.y, row.width, "filter ", pen.style(Role::Dim));
    let room = row.right().saturating_sub(at + width(counted) + 2);
    if typed.is_empty() {
        pen.cut(at + 2, row.y, room.saturating_sub(2), invitation, pen.style(Role::Faint));
    }
    let end = pen.cut(at, row.y, room, typed, pen.style(Role::Accent));
    pen.drawn.cursor = Some(Position::new(end.min(row.right().saturating_sub(1)), row.y));
    pen.line_right(row, &Line::from(span(counted, pen.style(Role::Dim))));
}
