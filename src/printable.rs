//! The one place where untrusted text becomes printable.
//!
//! Text from a model, a file or a hub may hold escape sequences, control characters, bidirectional overrides or
//! broken characters. Nothing of it reaches a terminal, a cast or a message without passing here. Text that is kept or
//! handed to a program stays as it is.

use std::borrow::Cow;

use unicode_properties::{GeneralCategory as Category, UnicodeGeneralCategory};
use unicode_width::UnicodeWidthStr;

/// Whether a terminal may be sent `c` as it is: not where it would be obeyed, would reorder its neighbours, or would
/// not be seen, so that text could hide in it.
pub fn is_printable(c: char) -> bool {
    if c.is_ascii() {
        return !c.is_ascii_control();
    }
    match c {
        // Without the joiners Persian and Hindi are misspelt, without them and the selectors of text and emoji style many
        // an emoji is another.
        '\u{200c}' | '\u{200d}' | '\u{fe0e}' | '\u{fe0f}' => true,
        // Fillers, letters and marks without a shape; the other selectors.
        '\u{34f}'
        | '\u{115f}'
        | '\u{1160}'
        | '\u{17b4}'
        | '\u{17b5}'
        | '\u{3164}'
        | '\u{ffa0}'
        | '\u{fe00}'..='\u{fe0d}'
        | '\u{e0100}'..='\u{e01ef}' => false,
        _ => !matches!(
            c.general_category(),
            Category::Control
                | Category::Format
                | Category::Surrogate
                | Category::Unassigned
                | Category::LineSeparator
                | Category::ParagraphSeparator
        ),
    }
}

/// Text with line breaks kept and everything that is not printable shown as `�`; tabs become four spaces.
pub fn text(text: &str) -> Cow<'_, str> {
    with_tabs_as(text, "    ")
}

/// Text for a terminal that no picture is drawn on: as [`text()`], but tabs stay.
pub fn output(text: &str) -> Cow<'_, str> {
    with_tabs_as(text, "\t")
}

fn with_tabs_as<'a>(text: &'a str, tab: &str) -> Cow<'a, str> {
    if text.chars().all(|c| c == '\n' || is_printable(c)) {
        return Cow::Borrowed(text);
    }
    let mut printable = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' => printable.push('\n'),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\t' => printable.push_str(tab),
            c if is_printable(c) => printable.push(c),
            _ => printable.push('\u{fffd}'),
        }
    }
    Cow::Owned(printable)
}

/// Text on one line: as [`text()`], with line breaks shown as `⏎`, and [`standing`].
pub fn line(line: &str) -> String {
    standing(Cow::Owned(text(line).replace('\n', "⏎"))).into_owned()
}

/// Printable text that takes cells: marks and joiners without a letter stand on a dotted circle, as in the charts of
/// Unicode.
pub fn standing(text: Cow<'_, str>) -> Cow<'_, str> {
    if !text.is_empty() && text.width() == 0 { Cow::Owned(format!("◌{text}")) } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_untouched() {
        assert!(matches!(text("Ruth, Leo\nMax é 日本 👍"), Cow::Borrowed(_)));
    }

    #[test]
    fn joiners_and_styles_of_emoji_are_text() {
        for kept in ["می\u{200c}خواهم", "क\u{94d}\u{200d}ष", "👩\u{200d}💻", "❤\u{fe0f} ❤\u{fe0e}"] {
            assert_eq!(text(kept), kept);
        }
    }

    #[test]
    fn escapes_and_overrides_cannot_pass() {
        assert_eq!(text("a\u{1b}[31mb\u{7}\u{202e}c\u{9b}d"), "a\u{fffd}[31mb\u{fffd}\u{fffd}c\u{fffd}d");
    }

    #[test]
    fn nothing_that_is_not_seen_can_pass() {
        let unseen = "\u{61c}\u{180e}\u{115f}\u{1160}\u{3164}\u{ffa0}\u{8e2}\u{13430}\u{600}\u{605}\u{1d173}\u{1bca0}\
                      \u{ad}\u{200b}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}\u{2060}\u{2066}\u{206f}\u{34f}\
                      \u{fe00}\u{feff}\u{fff9}\u{e0001}\u{e0041}\u{e0100}\u{fdd0}\u{fffe}\u{10ffff}";
        for c in unseen.chars() {
            assert_eq!(text(c.encode_utf8(&mut [0; 4])), "\u{fffd}", "{c:?}");
        }
    }

    #[test]
    fn tabs_and_windows_line_ends_are_made_plain() {
        assert_eq!(text("a\tb\r\nc\rd"), "a    b\nc\u{fffd}d");
        assert_eq!(output("a\tb\r\nc\u{1b}"), "a\tb\nc\u{fffd}");
        assert_eq!(line("a\r\nb"), "a⏎b");
    }

    #[test]
    fn marks_alone_can_be_seen() {
        assert_eq!(line("\u{200d}"), "◌\u{200d}");
        assert_eq!(line("\u{301}"), "◌\u{301}");
        assert_eq!([line(""), line("e\u{301}")], ["", "e\u{301}"]);
    }
}
