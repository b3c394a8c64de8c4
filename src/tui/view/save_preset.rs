//! A name for the settings that are shown, before they become a preset: one line to type, the file, and what will be in it.

use ratatui::layout::{Position, Rect};

use super::pen::{Pen, centred, plural, wrap};
use crate::{
    printable,
    settings::Settings,
    tui::{app::App, theme::Role},
};

/// Widest frame, in cells.
const WIDE: u16 = 76;

/// Draws it.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let wide = WIDE.min(area.width.saturating_sub(2)).max(20);
    let lines = about(app, wide.saturating_sub(4));
    let frame = centred(area, wide, lines.len() as u16 + 4);
    let inner = pen.frame(frame, "save as preset", " enter saves it, esc closes ");
    if inner.height == 0 {
        return;
    }
    let at = pen.put(inner.x, inner.y, inner.width, "name ", pen.style(Role::Dim));
    let room = inner.right().saturating_sub(at + 1);
    let end = pen.put(at, inner.y, room, &app.presets.name.text, pen.style(Role::Accent));
    pen.drawn.cursor = Some(Position::new(end, inner.y));
    for ((line, role), y) in lines.iter().zip(inner.top() + 2..inner.bottom()) {
        pen.put(inner.x, y, inner.width, line, pen.style(*role));
    }
}

/// Why the name was not taken, or where the file will be; and the knobs that it will hold.
fn about(app: &App, cells: u16) -> Vec<(String, Role)> {
    let name = &app.presets.name;
    let (first, role) = match (&name.refusal, app.presets.library.path(name.text.trim())) {
        (Some(refusal), _) => (printable::line(refusal), if name.replaces { Role::Note } else { Role::Bad }),
        (None, Ok(_)) if name.text.trim().is_empty() => {
            ("a name of the characters a-z, 0-9 and -, as --preset will take it".to_owned(), Role::Dim)
        }
        (None, Ok(path)) => (printable::line(&path.display().to_string()), Role::Dim),
        (None, Err(error)) => (error.to_string(), Role::Bad),
    };
    let settings = app.settings();
    let knobs: Vec<_> = settings
        .differences(&Settings::default())
        .map(|knob| format!("{} {}", knob.name, knob.get(&settings)))
        .collect();
    let holds = match knobs.len() {
        0 => "it holds no knob: all of them stand at their defaults".to_owned(),
        number => format!("it holds {} that differ from the defaults", plural(number, "knob")),
    };
    let paragraphs = [(first, role), (String::new(), role), (holds, Role::Text), (knobs.join(", "), Role::Faint)];
    let lines = paragraphs.iter().map(|(text, role)| (wrap(text, cells), *role));
    lines.flat_map(|(lines, role)| lines.into_iter().map(move |line| (line, role))).collect()
}
