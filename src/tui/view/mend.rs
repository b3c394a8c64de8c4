//! Below a wrong answer: what would likely mend it.

use ratatui::{layout::Rect, text::Line};

use super::pen::{Pen, span};
use crate::tui::{
    action::{Action, Focus, Overlay},
    app::App,
    keymap::Context,
    mend::Mend,
    theme::Role,
};

/// Draws the suggestion in the last row of the canvas, which has the legend otherwise.
pub(super) fn draw(app: &App, canvas: Rect, pen: &mut Pen<'_>) {
    let Some(mend) = app.mend().filter(|_| canvas.height >= 9) else { return };
    let row = Rect { y: canvas.bottom() - 1, height: 1, ..canvas };
    let (action, words) = match mend {
        Mend::Guide(preset) => (Action::Toggle(Overlay::Presets), format!("{preset}: the guide may well repair this")),
        Mend::Threshold(threshold) => (
            Action::Focus(Focus::Knobs),
            format!("knobs: the threshold of {threshold:.2} is low, and 0.90 may be enough"),
        ),
    };
    let key = match action {
        // Tab goes there, by way of the panes between.
        Action::Focus(_) => app.key_name(&Action::FocusNext, Context::Canvas, pen.theme.has_signs()),
        _ => app.key_name(&action, Context::Canvas, pen.theme.has_signs()),
    };
    let Some(key) = key else { return };
    pen.clear(row, Role::Ground);
    let line = [span(format!("{key} "), pen.style(Role::Accent)), span(words, pen.style(Role::Note))];
    let end = pen.line(row, &Line::from(line.to_vec()));
    pen.click(Rect { width: end.saturating_sub(row.x), ..row }, action);
}
