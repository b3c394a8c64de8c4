//! How the canvas is arranged, and which part of a long one is shown.

use super::Effect;
use crate::tui::{
    app::{App, TopRow},
    arrangement::Arrangement,
    view::{RunView, canvas},
};

/// Arranges the tokens in the next way.
pub(super) fn next(app: &mut App) -> Vec<Effect> {
    let is_text = RunView::of(app).is_none_or(|run| canvas::suits_text(&run, app.theme, app.drawn.canvas));
    arrange(app, app.lens.arrangement.next(is_text))
}

/// Arranges the tokens; what was scrolled to is elsewhere then.
pub(super) fn arrange(app: &mut App, arrangement: Arrangement) -> Vec<Effect> {
    (app.lens.arrangement, app.lens.top) = (arrangement, None);
    Vec::new()
}

/// Scrolls by rows, as far as there are some.
pub(super) fn scroll(app: &mut App, rows: i64) -> Vec<Effect> {
    let drawn = app.drawn.canvas;
    if drawn.lowest > 0 {
        let top = drawn.top.saturating_add_signed(rows as isize).min(drawn.lowest);
        app.lens.top = Some(TopRow::Chosen(top));
    }
    Vec::new()
}

/// Scrolls by halves of the pane.
pub(super) fn scroll_half(app: &mut App, halves: i64) -> Vec<Effect> {
    let half = i64::from(app.drawn.canvas.height / 2).max(1);
    scroll(app, halves * half)
}

/// Keeps the selected position in sight: nothing moves more than it must.
pub(super) fn keep_selected(app: &mut App) {
    app.lens.top = Some(TopRow::Near(app.drawn.canvas.top));
}
