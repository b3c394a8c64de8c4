//! Asciicast v3: as v2, with the time between two pieces in place of the time since the start, and an exit event.

use std::io::{self, Write};

use ratatui::buffer::Buffer;
use serde_json::json;

use super::{
    ExportField, ExportObserver, Exporter, Frames, ansi,
    asciicast::{CLOSE, OPEN, micros, seconds},
};

/// The format, as asciinema 3 records it.
#[derive(Debug)]
pub(super) struct Asciicast3;

impl Exporter for Asciicast3 {
    fn name(&self) -> &'static str {
        "asciicast-v3"
    }

    fn suffixes(&self) -> &'static [&'static str] {
        &["cast"]
    }

    fn about(&self) -> &'static str {
        "a recording of the screen, for asciinema 3 and later"
    }

    fn heeds(&self, field: ExportField) -> bool {
        !matches!(field, ExportField::FontSize | ExportField::Font | ExportField::Loop)
    }

    fn write(&self, mut frames: Frames<'_>, observer: &dyn ExportObserver, out: &mut dyn Write) -> io::Result<()> {
        let all = frames.len();
        let options = frames.options();
        let mut header = json!({
            "version": 3,
            "term": { "cols": options.width, "rows": options.height, "type": "xterm-256color" },
            "title": frames.title(),
        });
        if let Some(limit) = options.idle_limit {
            header["idle_time_limit"] = limit.into();
        }
        writeln!(out, "{header}")?;
        let mut shown = Buffer::empty(frames.area());
        let (mut text, mut before) = (OPEN.to_owned(), 0);
        let mut event = |time: f64, code: &str, text: &str| {
            // Differences of rounded times, so that nothing adds up.
            let now = micros(time);
            let interval = now - std::mem::replace(&mut before, now);
            writeln!(out, "[{},\"{code}\",{}]", seconds(interval), serde_json::Value::from(text))
        };
        for (done, frame) in frames.by_ref().enumerate() {
            observer.progress(done, all)?;
            ansi::changes(&shown, &frame.screen, &mut text);
            event(frame.time, "o", &text)?;
            if let Some(marker) = &frame.marker {
                event(frame.time, "m", marker)?;
            }
            shown = frame.screen;
            text.clear();
        }
        event(frames.end(), "o", CLOSE)?;
        event(frames.end(), "x", "0")
    }
}
