//! The palette: everything that can be done, by name.
//!
//! ```text
//! ╭ palette ────────────────────────────────────────────────────────╮
//! │ filter layer█                                          9 of 118 │
//! │ Canvas                                                          │
//! │ ▸ next layer                                                  v │
//! │ Not now                                                         │
//! │   run again, with these settings         no run yet           R │
//! │ ─────────────────────────────────────────────────────────────── │
//! │ layer.next                                                      │
//! ╰─────────────────────────────────────── enter does it, esc closes ╯
//! ```

use ratatui::{layout::Rect, text::Line};

use super::{
    filter,
    listing::{ListRow, Listing, grouped},
    pen::{Pen, span, width},
};
use crate::tui::{
    app::App,
    palette::{PaletteEntry, entries},
    theme::Role,
};

/// Cells of the keys.
const KEYS: u16 = 12;

/// Rows of the frame, of what is typed and of what stands below the list.
const ROWS_AROUND: u16 = 5;

/// Draws the palette.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let entries = entries(app);
    let mut rows = grouped(entries.iter().map(|entry| (entry.heading.to_owned(), String::new())));
    // It keeps its size while words are typed.
    rows.resize_with(rows.len().max(usize::from(area.height.saturating_sub(ROWS_AROUND))), || ListRow::Gap);
    let foot = "enter does it, esc closes";
    let listing = Listing { title: "palette", foot, wide: 92, detail: 2, rows: &rows, selected: app.list };
    let (head, detail) = listing.draw_under(1, area, pen, |index, selected, row, pen| {
        if let Some(entry) = entries.get(index) {
            draw_entry(entry, selected, row, pen);
        }
    });
    let counted = if app.filter.is_empty() { String::new() } else { format!("{} found", entries.len()) };
    filter::draw(&app.filter, "type words: an action, a layer, a preset, a prompt", &counted, head, pen);
    let about = match entries.get(app.list) {
        Some(entry) => about(entry),
        None => "nothing has all of these words: backspace erases one, ^U all of them".to_owned(),
    };
    pen.cut(detail.x, detail.y, detail.width, &about, pen.style(Role::Faint));
}

/// What it does on the left, its keys on the right, and before them why it is not possible.
fn draw_entry(entry: &PaletteEntry<'_>, selected: bool, row: Rect, pen: &mut Pen<'_>) {
    let is_possible = entry.available.is_ok();
    let role = match (is_possible, selected) {
        (false, _) => Role::Faint,
        (true, true) => Role::Text,
        (true, false) => Role::Dim,
    };
    let room = row.width.saturating_sub(KEYS);
    let end = pen.cut(row.x, row.y, room, &entry.label, pen.style(role));
    let keys = span(entry.keys.clone(), pen.style(if is_possible { Role::Accent } else { Role::Faint }));
    pen.line_right(row, &Line::from(keys));
    if let Err(reason) = entry.available {
        let at = end + 2;
        let left = (row.x + room).saturating_sub(at);
        let at = at + left.saturating_sub(width(reason));
        pen.cut(at, row.y, left, reason, pen.style(Role::Faint));
    }
}

/// What a configuration calls it.
fn about(entry: &PaletteEntry<'_>) -> String {
    match (entry.name, entry.available) {
        (_, Err(reason)) => format!("not possible now: {reason}"),
        ("", Ok(())) => String::new(),
        (name, Ok(())) => format!("{name}, as [keys] of a configuration calls it"),
    }
}
