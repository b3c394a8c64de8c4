//! What a prompt may hold, wherever it comes from.

use std::borrow::Cow;

/// The text as a model is given it: every line break is a line feed, and no control character is left but that and the
/// tab. Everything else stays as it is, seen or not: joiners, selectors, marks of direction.
pub fn plain(text: &str) -> Cow<'_, str> {
    let is_plain = |c: char| matches!(c, '\n' | '\t') || !c.is_control();
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let lines = text.replace("\r\n", "\n").replace('\r', "\n");
    Cow::Owned(lines.chars().filter(|c| is_plain(*c)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_break_is_a_line_feed() {
        assert_eq!(plain("a\r\nb\rc\nd\r\r\ne"), "a\nb\nc\nd\n\ne");
    }

    #[test]
    fn controls_go_and_all_else_stays() {
        assert_eq!(plain("\u{1b}[31ma\u{7f}\u{9b}b\0"), "[31mab");
        let kept = "\tمی\u{200c}خواهم ❤\u{fe0f} 👩\u{200d}💻 e\u{301}\u{202e}\u{feff}\n";
        assert!(matches!(plain(kept), Cow::Borrowed(text) if text == kept));
    }
}
