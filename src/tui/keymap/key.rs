//! A key of the keyboard with its modifiers, and its name.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

/// A key with its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    pub(super) code: KeyCode,
    pub(super) modifiers: KeyModifiers,
}

impl Key {
    pub(super) const fn new(code: KeyCode) -> Self {
        Self { code, modifiers: KeyModifiers::NONE }
    }

    pub(super) const fn char(c: char) -> Self {
        Self::new(KeyCode::Char(c))
    }

    pub(super) const fn ctrl(c: char) -> Self {
        Self { code: KeyCode::Char(c), modifiers: KeyModifiers::CONTROL }
    }

    pub(super) const fn shift(code: KeyCode) -> Self {
        Self { code, modifiers: KeyModifiers::SHIFT }
    }

    pub(super) const fn alt(code: KeyCode) -> Self {
        Self { code, modifiers: KeyModifiers::ALT }
    }

    /// The key of an event. Shift is part of a character, so it is dropped there; terminals disagree on whether they
    /// report it.
    pub fn of(event: KeyEvent) -> Self {
        let kept = KeyModifiers::SHIFT | KeyModifiers::CONTROL | KeyModifiers::ALT;
        let mut modifiers = event.modifiers & kept;
        let code = match event.code {
            KeyCode::Char(c) => {
                modifiers -= KeyModifiers::SHIFT;
                let ctrl = modifiers.contains(KeyModifiers::CONTROL);
                KeyCode::Char(if ctrl { c.to_ascii_lowercase() } else { c })
            }
            KeyCode::BackTab => {
                modifiers -= KeyModifiers::SHIFT;
                KeyCode::BackTab
            }
            code => code,
        };
        Self { code, modifiers }
    }

    /// How it is written; arrows as signs or as words.
    pub fn name(self, signs: bool) -> String {
        let base = match self.code {
            KeyCode::Char(' ') => "space".to_owned(),
            KeyCode::Char(c) => c.to_string(),
            KeyCode::Enter => "enter".to_owned(),
            KeyCode::Esc => "esc".to_owned(),
            KeyCode::Tab => "tab".to_owned(),
            KeyCode::BackTab => "shift-tab".to_owned(),
            KeyCode::Backspace => "backspace".to_owned(),
            KeyCode::Left => if signs { "←" } else { "left" }.to_owned(),
            KeyCode::Right => if signs { "→" } else { "right" }.to_owned(),
            KeyCode::Up => if signs { "↑" } else { "up" }.to_owned(),
            KeyCode::Down => if signs { "↓" } else { "down" }.to_owned(),
            KeyCode::Home => "home".to_owned(),
            KeyCode::End => "end".to_owned(),
            KeyCode::PageUp => "pgup".to_owned(),
            KeyCode::PageDown => "pgdn".to_owned(),
            KeyCode::F(n) => format!("F{n}"),
            other => format!("{other:?}").to_lowercase(),
        };
        if self.modifiers.contains(KeyModifiers::CONTROL) {
            return format!("^{}", base.to_uppercase());
        }
        let alt = if self.modifiers.contains(KeyModifiers::ALT) { "alt-" } else { "" };
        let shift = if self.modifiers.contains(KeyModifiers::SHIFT) { "shift-" } else { "" };
        format!("{alt}{shift}{base}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shift_does_not_hide_a_character() {
        let event = KeyEvent::new(KeyCode::Char('R'), KeyModifiers::SHIFT);
        assert_eq!(Key::of(event), Key::char('R'));
        let event = KeyEvent::new(KeyCode::Char('R'), KeyModifiers::CONTROL | KeyModifiers::SHIFT);
        assert_eq!(Key::of(event), Key::ctrl('r'));
    }

    #[test]
    fn keys_have_names_that_people_know() {
        assert_eq!(Key::ctrl('g').name(true), "^G");
        assert_eq!(Key::char(' ').name(true), "space");
        assert_eq!(Key::shift(KeyCode::Left).name(true), "shift-←");
        assert_eq!(Key::new(KeyCode::F(1)).name(true), "F1");
        assert_eq!(Key::new(KeyCode::Up).name(false), "up");
    }
}
