//! Terminal events to actions: keys by the table, the mouse by what the last drawing left.

use crossterm::event::{Event, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use super::{action::Action, app::App, keymap, view::Hit};

/// What an event means; `None` where it means nothing.
pub fn action(app: &App, event: Event) -> Option<Action> {
    match event {
        // Some terminals report releases as well.
        Event::Key(key) if key.kind != KeyEventKind::Release => keymap::action(app, key),
        Event::Paste(text) => Some(Action::Paste(pasted(&text))),
        Event::Mouse(mouse) => mouse_action(app, mouse),
        Event::Resize(..) => Some(Action::Exposed),
        Event::FocusGained => Some(Action::TerminalFocus(true)),
        Event::FocusLost => Some(Action::TerminalFocus(false)),
        Event::Key(_) => None,
    }
}

/// What was pasted. Where a multiplexer reports keys with their modifiers, it puts such reports in place of line breaks
/// and tabs: `ESC [ 13 ; 1 u` or `ESC [ 27 ; 1 ; 13 ~`.
fn pasted(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut pasted = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        if let Some((key, rest)) = reported_key(part) {
            pasted.push(key);
            pasted.push_str(rest);
        } else {
            pasted.push_str("\u{1b}[");
            pasted.push_str(part);
        }
    }
    pasted
}

/// The line break or tab that a report without its introducer names, and what follows it.
fn reported_key(report: &str) -> Option<(char, &str)> {
    let end = report.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    let (numbers, rest) = report.split_at(end);
    let numbers: Vec<&str> = numbers.split(';').collect();
    let key = match (rest.as_bytes().first()?, &numbers[..]) {
        (b'u', [key] | [key, _]) | (b'~', ["27", _, key]) => *key,
        _ => return None,
    };
    let key = match key {
        "9" => '\t',
        "10" | "13" => '\n',
        _ => return None,
    };
    Some((key, &rest[1..]))
}

fn mouse_action(app: &App, mouse: MouseEvent) -> Option<Action> {
    let mut hits = app
        .drawn
        .hits
        .iter()
        .rev()
        .filter(|hit| hit.area.contains(ratatui::layout::Position::new(mouse.column, mouse.row)));
    match mouse.kind {
        MouseEventKind::Down(MouseButton::Left) => hits.find_map(|hit| hit.action(mouse.column, mouse.row)),
        MouseEventKind::Drag(MouseButton::Left) => {
            hits.filter(|hit| hit.drag).find_map(|hit| hit.action(mouse.column, mouse.row))
        }
        MouseEventKind::ScrollUp => wheel(hits, mouse.modifiers).map(|(up, _)| up),
        MouseEventKind::ScrollDown => wheel(hits, mouse.modifiers).map(|(_, down)| down),
        _ => None,
    }
}

/// What the wheel does, up and down: with any modifier it scrolls, since terminals keep one or another to themselves.
fn wheel<'a>(mut hits: impl Iterator<Item = &'a Hit>, modifiers: KeyModifiers) -> Option<(Action, Action)> {
    let of = |hit: &Hit| {
        let (wheel, scroll) = (hit.wheel.as_deref(), hit.scroll.as_deref());
        if modifiers.is_empty() { wheel.cloned() } else { scroll.or(wheel).cloned() }
    };
    hits.find_map(of)
}
