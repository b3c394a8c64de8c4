//! Reading a fixed format from the left, finding where a text leaves another one, and quoting what does not fit.

use std::ops::Range;

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

/// The parts of `text` between separators, each with the byte at which it begins.
pub(crate) fn split<'a>(text: &'a str, separator: &'a str) -> impl Iterator<Item = (usize, &'a str)> {
    text.split(separator).scan(0, move |next, part| {
        let start = *next;
        *next += part.len() + separator.len();
        Some((start, part))
    })
}

/// Characters that make one token together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum CharClass {
    /// Names and numbers.
    Word,
    Blank,
    /// Each stands by itself.
    Bracket,
    Sign,
}

impl CharClass {
    fn of(character: char) -> Self {
        match character {
            '_' => Self::Word,
            _ if character.is_alphanumeric() => Self::Word,
            _ if character.is_whitespace() => Self::Blank,
            '(' | ')' | '[' | ']' | '{' | '}' | '"' => Self::Bracket,
            _ => Self::Sign,
        }
    }

    /// Whether a token of this class continues with `next`.
    fn joins(self, next: Option<char>) -> bool {
        self != Self::Bracket && next.is_some_and(|next| Self::of(next) == self)
    }
}

/// The bytes of the token at which `found` leaves `expected`: a word, a number, or a run of signs or blanks. Empty at the end
/// where `found` stops too early; `None` where both are the same.
pub(crate) fn departure(found: &str, expected: &str) -> Option<Range<usize>> {
    let common: usize = found
        .chars()
        .zip(expected.chars())
        .take_while(|(found, expected)| found == expected)
        .map(|(c, _)| c.len_utf8())
        .sum();
    let (next, wanted) = (found[common..].chars().next(), expected[common..].chars().next());
    if next == wanted {
        return None;
    }
    // A token that is cut short, or longer than it should be, is wrong from its beginning.
    let within = |class: &CharClass| class.joins(next) || class.joins(wanted);
    let class = found[..common].chars().next_back().map(CharClass::of).filter(within);
    let start = class.map_or(common, |class| {
        let token = found[..common].trim_end_matches(|c| CharClass::of(c) == class);
        token.len()
    });
    Some(start..start + token_length(&found[start..]))
}

/// Bytes of the token that `text` begins with.
fn token_length(text: &str) -> usize {
    let mut rest = text.chars();
    let Some(first) = rest.next() else { return 0 };
    let class = CharClass::of(first);
    first.len_utf8() + rest.take_while(|next| class.joins(Some(*next))).map(char::len_utf8).sum::<usize>()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_departs_at_a_whole_token() {
        let at = |found: &str, expected: &str| departure(found, expected).map(|at| found[at].to_owned());
        assert_eq!(at("if v > 8:", "if v > 7:").as_deref(), Some("8"));
        assert_eq!(at("if v > 7:", "if v >= 7:").as_deref(), Some(">"));
        assert_eq!(at("if v >= 7:", "if v > 7:").as_deref(), Some(">="));
        assert_eq!(at("  acc", "    acc").as_deref(), Some("  "));
        assert_eq!(at("counted", "count").as_deref(), Some("counted"));
        assert_eq!(at("count(", "counted(").as_deref(), Some("count"));
        assert_eq!(at("f((a", "f(a").as_deref(), Some("("));
        assert_eq!(departure("return", "return acc"), Some(6..6));
        assert_eq!(departure("return acc;", "return acc"), Some(10..11));
        assert_eq!(departure("return", "return"), None);
        assert_eq!(at("größe ü", "größe a").as_deref(), Some("ü"));
    }

    #[test]
    fn parts_know_where_they_begin() {
        assert!(split("a, bc, ", ", ").eq([(0, "a"), (3, "bc"), (7, "")]));
    }
}
