//! A line that is typed for a run's name, or in place of tokens.

use super::{Effect, hands};
use crate::{
    printable,
    tui::{
        app::App,
        hands::{LONGEST_LINE, LineUse},
    },
};

/// Types a part of the line, as far as there is room.
pub(super) fn typed(app: &mut App, text: &str) -> Vec<Effect> {
    if let Some(line) = &mut app.line {
        let room = LONGEST_LINE.saturating_sub(line.text.chars().count());
        line.text.extend(printable::line(text).chars().take(room));
    }
    Vec::new()
}

/// Erases a character.
pub(super) fn erase(app: &mut App) -> Vec<Effect> {
    if let Some(line) = &mut app.line {
        line.text.pop();
    }
    Vec::new()
}

/// Clears the line.
pub(super) fn clear(app: &mut App) -> Vec<Effect> {
    if let Some(line) = &mut app.line {
        line.text.clear();
    }
    Vec::new()
}

/// Takes the line.
pub(super) fn accept(app: &mut App) -> Vec<Effect> {
    let Some(line) = app.line.take() else { return Vec::new() };
    match line.used {
        LineUse::Name(run) => {
            if let Some(run) = app.session.get_mut(run) {
                run.rename(&line.text);
            }
            Vec::new()
        }
        LineUse::Text(span) => hands::type_over(app, span, line.text),
    }
}
