//! What can be copied, each by one key.

use ratatui::{layout::Rect, text::Line};

use super::{
    listing::{ListRow, Listing},
    pen::{Pen, span, width},
};
use crate::tui::{
    action::Action,
    app::App,
    copy::{self, CopySource},
    keymap::Context,
    theme::Role,
};

/// Draws the list; what is not possible is quiet, and says why.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let rows: Vec<_> = (0..CopySource::ALL.len()).map(ListRow::Item).collect();
    let listing = Listing { title: "copy", foot: "esc closes", wide: 76, detail: 0, rows: &rows, selected: app.list };
    listing.draw(area, pen, |index, selected, row, pen| {
        if let Some(source) = CopySource::ALL.get(index) {
            draw_source(app, *source, selected, row, pen);
        }
    });
}

fn draw_source(app: &App, source: CopySource, selected: bool, row: Rect, pen: &mut Pen<'_>) {
    let key = app.keymap.key_of(&Action::Copy(source), Context::Copy);
    let key = key.map_or_else(String::new, |key| key.name(pen.theme.has_signs()));
    let possible = copy::possible(app, source);
    let role = match possible {
        Err(_) => Role::Faint,
        Ok(()) if selected => Role::Text,
        Ok(()) => Role::Dim,
    };
    pen.put(row.x, row.y, 3, &key, pen.style(if possible.is_ok() { Role::Accent } else { Role::Faint }));
    let at = row.x + width(&key).max(1) + 2;
    let words = match possible {
        Ok(()) => source.about().to_owned(),
        Err(reason) => format!("{}: {reason}", source.title()),
    };
    let room = Rect { x: at, width: row.right().saturating_sub(at), ..row };
    pen.line(room, &Line::from(span(words, pen.style(role))));
}
