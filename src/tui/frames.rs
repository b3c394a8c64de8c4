//! What is drawn, on its way to the terminal: frame by frame, and in the colours that the terminal knows.
//!
//! Crossterm marks a synchronised frame but writes what is queued at once, and names the sixteen colours by entries of
//! the palette of 256.

use std::{
    io::{self, Write},
    mem,
};

use super::theme::Level;
use crate::process::terminal;

/// Collects a frame and writes it when it is flushed. What has not been flushed when the terminal is given back is never
/// written: not after a panic in the middle of a frame either.
pub(super) struct WholeFrames<W> {
    out: W,
    level: Level,
    frame: Vec<u8>,
}

impl<W: Write> WholeFrames<W> {
    pub(super) fn new(out: W, level: Level) -> Self {
        Self { out, level, frame: Vec::new() }
    }
}

impl<W: Write> Write for WholeFrames<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.frame.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let mut frame = mem::take(&mut self.frame);
        if !terminal::is_taken() {
            return Ok(());
        }
        if self.level < Level::Ansi256 {
            frame = in_sixteen_colours(&frame);
        }
        self.out.write_all(&frame)?;
        self.out.flush()
    }
}

/// The terminal's own sixteen colours by the codes that every terminal with colours knows. The terminal library names
/// them as entries of the palette of 256, whose "5" older terminals take for blinking.
fn in_sixteen_colours(frame: &[u8]) -> Vec<u8> {
    const START: &[u8] = b"\x1b[";
    let mut out = Vec::with_capacity(frame.len());
    let mut rest = frame;
    while let Some(at) = rest.windows(START.len()).position(|bytes| bytes == START) {
        let (text, sequence) = rest.split_at(at);
        let is_parameter = |byte: &&u8| byte.is_ascii_digit() || **byte == b';';
        let length = START.len() + sequence[START.len()..].iter().take_while(is_parameter).count();
        let (sequence, behind) = sequence.split_at(length);
        out.extend_from_slice(text);
        rest = behind;
        if let Some(behind) = behind.strip_prefix(b"m") {
            out.extend(own_colours(&String::from_utf8_lossy(&sequence[START.len()..])).into_bytes());
            rest = behind;
        } else {
            out.extend_from_slice(sequence);
        }
    }
    out.extend_from_slice(rest);
    out
}

/// A "select graphic rendition" in which entries of the palette below 16 are colours of their own. Underlines keep the
/// colour of the text; where nothing is left, nothing is written.
fn own_colours(parameters: &str) -> String {
    let mut own = Vec::new();
    let mut all = parameters.split(';');
    while let Some(parameter) = all.next() {
        match parameter {
            "38" | "48" | "58" => {
                let index = all.nth(1).and_then(|index| index.parse().ok());
                own.extend(index.and_then(|index| own_colour(parameter, index)).map(|code| code.to_string()));
            }
            "59" => {}
            other => own.push(other.to_owned()),
        }
    }
    if own.is_empty() { String::new() } else { format!("\x1b[{}m", own.join(";")) }
}

fn own_colour(ground: &str, index: u8) -> Option<u8> {
    match (ground, index) {
        ("38", 0..8) => Some(30 + index),
        ("38", 8..16) => Some(90 + index - 8),
        ("48", 0..8) => Some(40 + index),
        ("48", 8..16) => Some(100 + index - 8),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn sixteen_colours_have_codes_of_their_own() {
        let cases = [
            ("\x1b[38;5;1;49mred\x1b[0m", "\x1b[31;49mred\x1b[0m"),
            ("\x1b[38;5;15;48;5;8mwhite", "\x1b[97;100mwhite"),
            ("\x1b[39;48;5;7m", "\x1b[39;47m"),
            ("\x1b[1m\x1b[38;5;10mx\x1b[m", "\x1b[1m\x1b[92mx\x1b[m"),
            ("\x1b[58;5;1m\x1b[59mx", "x"),
            ("\x1b[2;38H\x1b[?2026h38;5;1m", "\x1b[2;38H\x1b[?2026h38;5;1m"),
            ("café\x1b", "café\x1b"),
        ];
        for (frame, expected) in cases {
            assert_eq!(String::from_utf8(in_sixteen_colours(frame.as_bytes())).unwrap(), expected);
        }
    }

    #[test]
    fn a_frame_that_is_not_whole_when_the_terminal_is_given_back_is_dropped() {
        let mut frames = WholeFrames::new(Vec::new(), Level::True);
        frames.write_all(b"\x1b[?2026h").unwrap();
        frames.flush().unwrap();
        assert!(frames.out.is_empty() && frames.frame.is_empty());
    }
}
