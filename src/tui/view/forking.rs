//! How far a fork is that repeats the steps of its parent, above the footer.

use ratatui::{layout::Rect, text::Line};

use super::{
    pen::{Pen, cells, span},
    sample,
};
use crate::tui::{action::Action, app::App, theme::Role};

/// Cells of the bar.
const BAR: u16 = 16;

/// Draws the line, while steps are repeated.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let Some(fork) = &app.forking else { return };
    let Some((done, steps)) = fork.progress else { return };
    let (text, dim) = (pen.style(Role::Text), pen.style(Role::Dim));
    let mut line = vec![span(format!(" repeating step {done} of {steps} "), text)];
    let share = done as f32 / steps.max(1) as f32;
    line.extend(sample::bar(pen.theme, BAR, share, pen.style(Role::Accent)));
    line.push(span(" of run ", dim));
    line.push(span(fork.branch.parent.to_string(), text));
    line.push(span("  x ", pen.style(Role::Accent)));
    line.push(span("breaks it off ", dim));
    let wide = cells(&line).min(area.width);
    let x = area.x + (area.width - wide) / 2;
    let row = Rect { x, y: area.bottom().saturating_sub(2), width: wide, height: 1 };
    pen.clear(row, Role::Raised);
    pen.line(row, &Line::from(line));
    pen.click(row, Action::StopRun);
}
