//! A line for the user, above the footer: what was refused, what was saved.

use ratatui::layout::Rect;

use super::pen::{Pen, wrap};
use crate::tui::{app::App, theme::Role};

/// Cells of a line of text, at most: longer ones are hard to read.
const WIDEST: u16 = 110;

/// Draws the notice, if there is one.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let Some((notice, _)) = &app.notice else { return };
    let most = WIDEST.min(area.width.saturating_sub(3)).max(8);
    let lines = wrap(&notice.text, most);
    let high = (lines.len() as u16).min(area.height.saturating_sub(2));
    // Whole rows, so that nothing beside it is cut in the middle of a word.
    let place = Rect { y: area.bottom().saturating_sub(1 + high), height: high, ..area };
    pen.clear(place, Role::Raised);
    let role = if notice.is_error { Role::Bad } else { Role::Accent };
    let mark = pen.theme.glyphs.edge;
    for (line, y) in lines.iter().zip(place.top()..place.bottom()) {
        pen.put(place.x, y, 1, mark, pen.style(role));
        pen.put(place.x + 2, y, most, line, pen.style(Role::Text));
    }
}
