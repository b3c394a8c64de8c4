//! The last row: the keys that apply now, from the table that obeys them.

use ratatui::layout::Rect;

use super::pen::{Pen, width};
use crate::tui::{
    action::{Action, Overlay},
    app::{App, Origin},
    keymap::{self, Binding, Key},
    theme::Role,
};

/// Cells between two hints.
const GAP: u16 = 3;

/// A hint of the footer: its binding, its key, its words.
type FooterHint<'a> = (&'a Binding, Key, &'static str);

/// Draws the footer. Every hint can be clicked.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    if app.origin == Origin::Recording {
        return;
    }
    if !app.overlays.is_empty() {
        pen.clear(area, Role::Ground);
    }
    let hints = keymap::hints(app);
    // Help and the way out stand at the right end, and never give way.
    let (last, first): (Vec<_>, Vec<_>) = hints
        .into_iter()
        .partition(|(binding, ..)| matches!(binding.action, Action::Quit | Action::Toggle(Overlay::Help)));
    let signs = pen.theme.has_signs();
    let needed = |(_, key, words): &FooterHint<'_>| width(&key.name(signs)) + 1 + width(words) + GAP;
    let right: u16 = last.iter().map(needed).sum();
    let mut x = area.x + 1;
    let end = area.right().saturating_sub(1 + right);
    for hint in &first {
        if x + needed(hint) <= end + GAP {
            x = draw_hint(hint, x, area.y, pen);
        }
    }
    let mut x = (end + GAP).max(x);
    for hint in &last {
        x = draw_hint(hint, x, area.y, pen);
    }
}

/// Draws a hint, and returns where the next one may begin.
fn draw_hint((binding, key, words): &FooterHint<'_>, x: u16, y: u16, pen: &mut Pen<'_>) -> u16 {
    let key = key.name(pen.theme.has_signs());
    let after_key = pen.put(x, y, width(&key), &key, pen.style(Role::Accent)) + 1;
    let end = pen.put(after_key, y, width(words), words, pen.style(Role::Dim));
    pen.click(Rect { x, y, width: end.saturating_sub(x), height: 1 }, binding.action.clone());
    end + GAP
}
