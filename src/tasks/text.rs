//! Reading a fixed format from the left, and quoting what does not fit.

use super::lexicon::{Case, fits};

/// The unread rest of a text.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(pub(crate) &'a str);

impl<'a> Reader<'a> {
    /// Reads exactly `expected`.
    pub(crate) fn skip(&mut self, expected: &str) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }

    /// Reads a run of ASCII letters.
    pub(crate) fn letters(&mut self) -> Option<&'a str> {
        let end = self.0.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(self.0.len());
        let (word, rest) = self.0.split_at(end);
        self.0 = rest;
        (!word.is_empty()).then_some(word)
    }

    /// Reads a word that can have been learned, written as `case` asks.
    pub(crate) fn word(&mut self, case: Case) -> Option<String> {
        self.letters().filter(|word| fits(word, case)).map(str::to_owned)
    }

    /// Reads a number of one or two digits, without a leading zero.
    pub(crate) fn number(&mut self) -> Option<u32> {
        let end = self.0.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.0.len());
        let (digits, rest) = self.0.split_at(end);
        self.0 = rest;
        let plain = digits == "0" || !digits.starts_with('0');
        (plain && (1..=2).contains(&digits.len())).then(|| digits.parse().ok()).flatten()
    }

    /// Succeeds at the end of the text.
    pub(crate) fn end(self) -> Option<()> {
        self.0.is_empty().then_some(())
    }
}

/// `text` for a message: escaped, in quotes, cut to a readable length.
pub(crate) fn quote(text: &str) -> String {
    const SHOWN: usize = 40;
    if text.chars().count() > SHOWN {
        format!("{:?}…", text.chars().take(SHOWN).collect::<String>())
    } else {
        format!("{text:?}")
    }
}
