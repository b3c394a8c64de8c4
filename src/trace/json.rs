//! JSON that a terminal can be sent: what is not printable is escaped, which changes nothing for programs.

use std::io;

use serde::Serialize;
use serde_json::ser::{Formatter, Serializer};

use crate::printable::is_printable;

/// Writes a value on one line.
pub fn write(out: impl io::Write, value: &impl Serialize) -> io::Result<()> {
    Ok(value.serialize(&mut Serializer::with_formatter(out, Escaping))?)
}

/// A value on one line.
pub fn text(value: &impl Serialize) -> io::Result<String> {
    let mut bytes = Vec::new();
    write(&mut bytes, value)?;
    String::from_utf8(bytes).map_err(io::Error::other)
}

struct Escaping;

impl Formatter for Escaping {
    fn write_string_fragment<W: ?Sized + io::Write>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let mut written = 0;
        for (at, c) in fragment.char_indices().filter(|(_, c)| !is_printable(*c)) {
            out.write_all(&fragment.as_bytes()[written..at])?;
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}")?;
            }
            written = at + c.len_utf8();
        }
        out.write_all(&fragment.as_bytes()[written..])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_escaped() {
        let dangerous = "a\u{1b}\u{9d}0;t\u{9c}\u{7f}\u{202e}b\u{e0041}\"";
        assert_eq!(text(&dangerous).unwrap(), r#""a\u001b\u009d0;t\u009c\u007f\u202eb\udb40\udc41\"""#,);
        assert_eq!(text(&"می\u{200c} ❤\u{fe0f} 日本").unwrap(), "\"می\u{200c} ❤\u{fe0f} 日本\"");
    }

    proptest! {
        #[test]
        fn readers_see_no_difference(value in any::<String>()) {
            let json = text(&value).unwrap();
            prop_assert!(json.chars().all(is_printable), "{json:?}");
            prop_assert_eq!(serde_json::from_str::<String>(&json).unwrap(), value);
        }
    }
}
