//! The last row: the keys that apply now, from the table that obeys them.

use ratatui::layout::Rect;

use super::pen::{Pen, width};
use crate::tui::{app::App, keymap, theme::Role};

/// Draws the footer. Every hint can be clicked.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let (key_style, dim) = (pen.style(Role::Accent), pen.style(Role::Dim));
    let mut x = area.x + 1;
    for (binding, words) in keymap::hints(app) {
        let Some(key) = binding.keys.first().map(|key| key.name()) else { continue };
        let needed = width(&key) + 1 + width(words);
        if x + needed > area.right() {
            continue;
        }
        let start = x;
        x = pen.put(x, area.y, width(&key), &key, key_style) + 1;
        x = pen.put(x, area.y, width(words), words, dim);
        pen.click(Rect { x: start, y: area.y, width: needed, height: 1 }, binding.action.clone());
        x += 3;
    }
}
