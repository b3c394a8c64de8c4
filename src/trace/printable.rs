//! The one place where untrusted text becomes printable.
//!
//! Text from a model, a file or a hub may hold escape sequences, control characters, bidirectional overrides or
//! broken characters. Nothing of it reaches a terminal, a cast or a message without passing here.

use std::borrow::Cow;

/// Whether a terminal may be sent `c` as it is.
fn is_printable(c: char) -> bool {
    !c.is_control()
        && !matches!(c,
            '\u{200b}'..='\u{200f}'     // zero width, direction marks
            | '\u{2028}'..='\u{202e}'   // line separators, direction overrides
            | '\u{2060}'..='\u{206f}'   // word joiner, direction isolates
            | '\u{fe00}'..='\u{fe0f}'   // variation selectors: they change the width of what is before them
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{fffe}' | '\u{ffff}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Text with line breaks kept and everything that is not printable shown as `�`; tabs become four spaces.
pub fn text(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| c == '\n' || is_printable(c)) {
        return Cow::Borrowed(text);
    }
    let mut printable = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' => printable.push('\n'),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\t' => printable.push_str("    "),
            c if is_printable(c) => printable.push(c),
            _ => printable.push('\u{fffd}'),
        }
    }
    Cow::Owned(printable)
}

/// Text on one line: as [`text()`], with line breaks shown as `⏎`.
pub fn line(line: &str) -> String {
    text(line).replace('\n', "⏎")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_untouched() {
        assert!(matches!(text("Ruth, Leo\nMax é 日本 👍"), Cow::Borrowed(_)));
    }

    #[test]
    fn escapes_and_overrides_cannot_pass() {
        assert_eq!(text("a\u{1b}[31mb\u{7}\u{202e}c\u{9b}d"), "a\u{fffd}[31mb\u{fffd}\u{fffd}c\u{fffd}d");
    }

    #[test]
    fn tabs_and_windows_line_ends_are_made_plain() {
        assert_eq!(text("a\tb\r\nc\rd"), "a    b\nc\u{fffd}d");
        assert_eq!(line("a\r\nb"), "a⏎b");
    }
}
