//! Terminal events to actions: keys by the table, the mouse by what the last drawing left.

use crossterm::event::{Event, KeyEventKind, MouseButton, MouseEvent, MouseEventKind};

use super::{action::Action, app::App, keymap};

/// What an event means; `None` where it means nothing.
pub fn action(app: &App, event: Event) -> Option<Action> {
    match event {
        // Some terminals report releases as well.
        Event::Key(key) if key.kind != KeyEventKind::Release => keymap::action(app, key),
        Event::Paste(text) => Some(Action::Paste(text)),
        Event::Mouse(mouse) => mouse_action(app, mouse),
        _ => None,
    }
}

fn mouse_action(app: &App, mouse: MouseEvent) -> Option<Action> {
    let hits = app
        .drawn
        .hits
        .iter()
        .rev()
        .filter(|hit| hit.area.contains(ratatui::layout::Position::new(mouse.column, mouse.row)));
    match mouse.kind {
        MouseEventKind::Down(MouseButton::Left) => hits.map(|hit| hit.click.clone()).find(Option::is_some).flatten(),
        MouseEventKind::Drag(MouseButton::Left) => {
            hits.filter(|hit| hit.drag).map(|hit| hit.click.clone()).find(Option::is_some).flatten()
        }
        MouseEventKind::ScrollUp => hits.filter_map(|hit| hit.wheel.clone()).map(|(up, _)| up).next(),
        MouseEventKind::ScrollDown => hits.filter_map(|hit| hit.wheel.clone()).map(|(_, down)| down).next(),
        _ => None,
    }
}
