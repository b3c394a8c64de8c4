//! Asciicast v2: terminal output with the time of each piece, for asciinema and whatever plays its recordings.

use std::io::{self, Write};

use ratatui::buffer::Buffer;
use serde_json::json;

use super::{ExportField, ExportObserver, Exporter, Frames, ansi};

/// Clears the screen and hides the cursor: before the first frame.
pub(super) const OPEN: &str = "\x1b[2J\x1b[?25l";

/// Resets colours and attributes: when the last frame has been shown.
pub(super) const CLOSE: &str = "\x1b[0m";

/// The format.
#[derive(Debug)]
pub(super) struct Asciicast;

impl Exporter for Asciicast {
    fn name(&self) -> &'static str {
        "asciicast-v2"
    }

    fn suffixes(&self) -> &'static [&'static str] {
        &["cast"]
    }

    fn about(&self) -> &'static str {
        "a recording of the screen, for asciinema"
    }

    fn heeds(&self, field: ExportField) -> bool {
        !matches!(field, ExportField::FontSize | ExportField::Font | ExportField::Loop)
    }

    fn write(&self, mut frames: Frames<'_>, observer: &dyn ExportObserver, out: &mut dyn Write) -> io::Result<()> {
        let all = frames.len();
        let options = frames.options();
        let mut header = json!({
            "version": 2, "width": options.width, "height": options.height,
            "title": frames.title(), "env": { "TERM": "xterm-256color" },
        });
        if let Some(limit) = options.idle_limit {
            header["idle_time_limit"] = limit.into();
        }
        writeln!(out, "{header}")?;
        let mut shown = Buffer::empty(frames.area());
        let mut text = OPEN.to_owned();
        for (done, frame) in frames.by_ref().enumerate() {
            observer.progress(done, all)?;
            ansi::changes(&shown, &frame.screen, &mut text);
            event(out, frame.time, "o", &text)?;
            if let Some(marker) = &frame.marker {
                event(out, frame.time, "m", marker)?;
            }
            shown = frame.screen;
            text.clear();
        }
        event(out, frames.end(), "o", CLOSE)
    }
}

fn event(out: &mut dyn Write, time: f64, code: &str, text: &str) -> io::Result<()> {
    writeln!(out, "[{},\"{code}\",{}]", seconds(micros(time)), serde_json::Value::from(text))
}

/// Whole microseconds, so that no platform rounds times otherwise.
pub(super) fn micros(time: f64) -> u64 {
    (time * 1e6).round() as u64
}

/// Microseconds as seconds, with all of their digits.
pub(super) fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}
