//! A line for the user, above the footer: what was refused, what was saved.

use ratatui::layout::Rect;

use super::pen::{Pen, width, wrap};
use crate::tui::{app::App, theme::Role};

/// Draws the notice, if there is one.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let Some((notice, _)) = &app.notice else { return };
    let most = 84.min(area.width.saturating_sub(6)).max(8);
    let lines = wrap(&notice.text, most);
    let wide = lines.iter().map(|line| width(line)).max().unwrap_or(0) + 4;
    let high = (lines.len() as u16).min(area.height.saturating_sub(2));
    let left = area.x + area.width.saturating_sub(wide) / 2;
    let place = Rect { x: left, y: area.bottom().saturating_sub(1 + high), width: wide, height: high };
    pen.clear(place, Role::Raised);
    let role = if notice.is_error { Role::Bad } else { Role::Accent };
    let mark = pen.theme.glyphs.edge;
    for (line, y) in lines.iter().zip(place.top()..place.bottom()) {
        pen.put(place.x, y, 1, mark, pen.style(role));
        pen.put(place.x + 2, y, most, line, pen.style(Role::Text));
    }
}
