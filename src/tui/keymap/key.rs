//! A key of the keyboard with its modifiers: its name on the screen, and how a configuration spells it.

use std::str::FromStr;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use crate::{printable, settings::nearest};

/// A key with its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    code: KeyCode,
    modifiers: KeyModifiers,
}

/// Keys without a character of their own, as configurations and the help call them.
const NAMED: [(&str, KeyCode); 14] = [
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("insert", KeyCode::Insert),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pgup", KeyCode::PageUp),
    ("pgdn", KeyCode::PageDown),
];

/// Keys with ctrl that reach a program as another key.
const SAME_BYTES: [(char, &str); 3] = [('i', "tab"), ('m', "enter"), ('[', "esc")];

impl Key {
    pub(super) const ENTER: Self = Self::new(KeyCode::Enter);
    pub(super) const ESC: Self = Self::new(KeyCode::Esc);
    pub(super) const TAB: Self = Self::new(KeyCode::Tab);
    pub(super) const SHIFT_TAB: Self = Self::new(KeyCode::BackTab);
    pub(super) const BACKSPACE: Self = Self::new(KeyCode::Backspace);
    pub(super) const DELETE: Self = Self::new(KeyCode::Delete);
    pub(super) const LEFT: Self = Self::new(KeyCode::Left);
    pub(super) const RIGHT: Self = Self::new(KeyCode::Right);
    pub(super) const UP: Self = Self::new(KeyCode::Up);
    pub(super) const DOWN: Self = Self::new(KeyCode::Down);
    pub(super) const HOME: Self = Self::new(KeyCode::Home);
    pub(super) const END: Self = Self::new(KeyCode::End);
    pub(super) const PAGE_UP: Self = Self::new(KeyCode::PageUp);
    pub(super) const PAGE_DOWN: Self = Self::new(KeyCode::PageDown);
    pub(super) const F1: Self = Self::new(KeyCode::F(1));
    pub(super) const F2: Self = Self::new(KeyCode::F(2));

    const fn new(code: KeyCode) -> Self {
        Self { code, modifiers: KeyModifiers::NONE }
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

    /// Whether it types a character, where text is typed.
    pub fn is_text(self) -> bool {
        matches!(self.code, KeyCode::Char(_)) && self.modifiers.is_empty()
    }

    /// How it is written on the screen; arrows as signs or as words.
    pub fn name(self, signs: bool) -> String {
        let base = match self.code {
            KeyCode::Left if signs => "←".to_owned(),
            KeyCode::Right if signs => "→".to_owned(),
            KeyCode::Up if signs => "↑".to_owned(),
            KeyCode::Down if signs => "↓".to_owned(),
            KeyCode::F(n) => format!("F{n}"),
            _ => self.base(),
        };
        if let (true, KeyCode::Char(_)) = (self.modifiers.contains(KeyModifiers::CONTROL), self.code) {
            let alt = if self.modifiers.contains(KeyModifiers::ALT) { "alt-" } else { "" };
            return format!("{alt}^{}", base.to_uppercase());
        }
        self.with_modifiers(&base)
    }

    /// How a configuration spells it: `ctrl-p`, `shift-left`, `f5`, `space`, `?`.
    pub fn spelled(self) -> String {
        self.with_modifiers(&self.base())
    }

    fn base(self) -> String {
        match self.code {
            KeyCode::Char(' ') => "space".to_owned(),
            KeyCode::Char(c) => c.to_string(),
            KeyCode::BackTab => "shift-tab".to_owned(),
            KeyCode::F(n) => format!("f{n}"),
            other => match NAMED.iter().find(|(_, code)| *code == other) {
                Some((name, _)) => (*name).to_owned(),
                None => format!("{other:?}").to_lowercase(),
            },
        }
    }

    fn with_modifiers(self, base: &str) -> String {
        let words = [(KeyModifiers::CONTROL, "ctrl-"), (KeyModifiers::ALT, "alt-"), (KeyModifiers::SHIFT, "shift-")];
        let held = words.iter().filter(|(modifier, _)| self.modifiers.contains(*modifier));
        held.map(|(_, word)| *word).chain([base]).collect()
    }
}

/// A character, as a row of the table has it.
pub(super) const fn char(c: char) -> Key {
    Key::new(KeyCode::Char(c))
}

/// A key with ctrl held.
pub(super) const fn ctrl(c: char) -> Key {
    Key { code: KeyCode::Char(c), modifiers: KeyModifiers::CONTROL }
}

/// A key with shift held.
pub(super) const fn shift(key: Key) -> Key {
    Key { code: key.code, modifiers: KeyModifiers::SHIFT }
}

/// A key with alt held.
pub(super) const fn alt(key: Key) -> Key {
    Key { code: key.code, modifiers: KeyModifiers::ALT }
}

impl FromStr for Key {
    type Err = String;

    /// Reads a key as [`Self::spelled`] writes it, and also `^P`.
    fn from_str(text: &str) -> Result<Self, String> {
        let (mut base, mut modifiers) = (text, KeyModifiers::NONE);
        if let Some(letter) = text.strip_prefix('^').filter(|letter| letter.chars().count() == 1) {
            (base, modifiers) = (letter, KeyModifiers::CONTROL);
        }
        while let Some((word, behind)) = base.split_once('-').filter(|(_, behind)| !behind.is_empty()) {
            modifiers |= match word.to_ascii_lowercase().as_str() {
                "ctrl" => KeyModifiers::CONTROL,
                "alt" => KeyModifiers::ALT,
                "shift" => KeyModifiers::SHIFT,
                _ => return Err(unknown(text)),
            };
            base = behind;
        }
        let code = code(base).ok_or_else(|| unknown(text))?;
        pressable(text, code, modifiers)
    }
}

/// The key of a name without modifiers.
fn code(base: &str) -> Option<KeyCode> {
    let mut chars = base.chars();
    if let (Some(c), None) = (chars.next(), chars.next()) {
        return (!c.is_control()).then_some(KeyCode::Char(c));
    }
    let name = base.to_ascii_lowercase();
    if let Some(number) = name.strip_prefix('f').and_then(|number| number.parse().ok()) {
        return (1..=24).contains(&number).then_some(KeyCode::F(number));
    }
    let named = || NAMED.iter().find(|(known, _)| *known == name).map(|(_, code)| *code);
    if name == "space" { Some(KeyCode::Char(' ')) } else { named() }
}

/// The key that a terminal reports for code and modifiers, if there is one.
fn pressable(text: &str, code: KeyCode, modifiers: KeyModifiers) -> Result<Key, String> {
    let has_shift = modifiers.contains(KeyModifiers::SHIFT);
    let has_ctrl = modifiers.contains(KeyModifiers::CONTROL);
    match code {
        KeyCode::Char(c) if has_shift && (has_ctrl || !c.is_ascii_alphabetic()) => Err(format!(
            "'{text}' is no key that a terminal reports: shift is a part of the character, so write the character alone"
        )),
        KeyCode::Char(c) if has_shift => {
            Ok(Key { code: KeyCode::Char(c.to_ascii_uppercase()), modifiers: modifiers - KeyModifiers::SHIFT })
        }
        KeyCode::Char(c) if has_ctrl => match SAME_BYTES.iter().find(|(same, _)| *same == c.to_ascii_lowercase()) {
            Some((_, other)) => {
                Err(format!("'{text}' is no key of its own: terminals send the same for it and for {other}"))
            }
            None => Ok(Key { code: KeyCode::Char(c.to_ascii_lowercase()), modifiers }),
        },
        KeyCode::Tab if has_shift => Ok(Key { code: KeyCode::BackTab, modifiers: modifiers - KeyModifiers::SHIFT }),
        code => Ok(Key { code, modifiers }),
    }
}

fn unknown(text: &str) -> String {
    let known = NAMED.iter().map(|(name, _)| *name).chain(["space", "ctrl-", "alt-", "shift-"]);
    let meant = nearest(text, known).map_or_else(String::new, |name| format!("; did you mean '{name}'?"));
    format!(
        "'{}' is no key{meant}: a key is a character, or one of {}, space and f1 to f24, with ctrl-, alt- or shift- before it",
        printable::line(text),
        NAMED.map(|(name, _)| name).join(", ")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shift_does_not_hide_a_character() {
        let event = KeyEvent::new(KeyCode::Char('R'), KeyModifiers::SHIFT);
        assert_eq!(Key::of(event), char('R'));
        let event = KeyEvent::new(KeyCode::Char('R'), KeyModifiers::CONTROL | KeyModifiers::SHIFT);
        assert_eq!(Key::of(event), ctrl('r'));
    }

    #[test]
    fn keys_have_names_that_people_know() {
        assert_eq!(ctrl('g').name(true), "^G");
        assert_eq!(char(' ').name(true), "space");
        assert_eq!(shift(Key::LEFT).name(true), "shift-←");
        assert_eq!(Key::F1.name(true), "F1");
        assert_eq!(Key::UP.name(false), "up");
    }

    #[test]
    fn keys_are_read_as_they_are_spelled() {
        let keys =
            [ctrl('p'), alt(char('x')), Key::new(KeyCode::F(5)), char(' '), shift(Key::LEFT), char('-'), ctrl('-')];
        for key in keys {
            assert_eq!(key.spelled().parse(), Ok(key));
        }
        assert_eq!("^P".parse(), Ok(ctrl('p')));
        assert_eq!("shift-a".parse(), Ok(char('A')));
        assert_eq!("shift-tab".parse(), Ok(Key::SHIFT_TAB));
        for (text, start) in [
            ("ctl-p", "'ctl-p' is no key"),
            ("entr", "'entr' is no key; did you mean 'enter'?"),
            ("f25", "'f25' is no key"),
            ("", "'' is no key"),
            ("\u{1b}", "'\u{fffd}' is no key"),
            ("shift-1", "'shift-1' is no key that a terminal reports"),
            ("ctrl-i", "'ctrl-i' is no key of its own: terminals send the same for it and for tab"),
        ] {
            let refusal = text.parse::<Key>().expect_err(text);
            assert!(refusal.starts_with(start), "{refusal}");
        }
    }
}
