//! A trace as an asciicast v2: the playground's own screen, step by step, as terminal output with times.
//!
//! Nothing but the log and the options goes in, so the same log gives the same bytes everywhere; and nothing depends on
//! where the terminal that plays it takes its cursor to be.

use std::fmt::Write as _;

use ratatui::{
    buffer::{Buffer, Cell},
    layout::Rect,
    style::{Color, Modifier},
};
use serde_json::json;
use thiserror::Error;

use super::{
    action::Layer,
    app::App,
    theme::{Level, Theme, ThemeName},
    view,
};
use crate::{printable, trace::Log};

/// How a cast looks.
#[derive(Debug, Clone, PartialEq)]
pub struct CastOptions {
    /// Columns.
    pub width: u16,
    /// Rows.
    pub height: u16,
    /// Steps shown per second at most; a step that took longer is shown for as long as it took.
    pub fps: f32,
    /// Which palette.
    pub theme: ThemeName,
    /// How the canvas is read.
    pub layer: Layer,
    /// How many times faster the recorded time passes.
    pub speed: f64,
    /// The longest pause, in seconds.
    pub idle_limit: Option<f64>,
}

impl Default for CastOptions {
    /// 120×40 cells, eight steps a second, dark, coloured by confidence.
    fn default() -> Self {
        Self {
            width: 120,
            height: 40,
            fps: 8.0,
            theme: ThemeName::Dark,
            layer: Layer::Confidence,
            speed: 1.0,
            idle_limit: None,
        }
    }
}

/// Why a cast could not be made.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum CastError {
    /// The picture would not fit.
    #[error("a cast of {width}×{height} cells is too small: it takes at least {}×{}", view::SMALLEST.0, view::SMALLEST.1)]
    TooSmall {
        /// Columns.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// The picture would be too large to be sensible.
    #[error("a cast of {width}×{height} cells is too large: it takes at most 500×200")]
    TooLarge {
        /// Columns.
        width: u16,
        /// Rows.
        height: u16,
    },
    /// The pace is no pace.
    #[error("fps cannot be {0}: it takes a number from 0.1 to 60")]
    BadPace(f32),
    /// The time cannot pass so.
    #[error("speed cannot be {0}: it takes a number from 0.01 to 1000")]
    BadSpeed(f64),
    /// The limit is none.
    #[error("idle-limit cannot be {0}: it takes a number of seconds from 0.01 to 3600")]
    BadIdleLimit(f64),
    /// There is nothing to show.
    #[error("the trace holds no step: there is nothing to show")]
    Empty,
}

/// Seconds that the canvas of masks is shown, and the finished one.
const FIRST: f64 = 1.0;
const LAST: f64 = 3.0;

/// Makes the cast of a log, as the text of an asciicast v2 file.
///
/// # Errors
/// When the options are out of range, or the log is empty.
pub fn export(log: &Log, options: &CastOptions) -> Result<String, CastError> {
    let CastOptions { width, height, fps, theme, layer, speed, idle_limit } = *options;
    if width < view::SMALLEST.0 || height < view::SMALLEST.1 {
        return Err(CastError::TooSmall { width, height });
    }
    if width > 500 || height > 200 {
        return Err(CastError::TooLarge { width, height });
    }
    if !(0.1..=60.0).contains(&fps) {
        return Err(CastError::BadPace(fps));
    }
    if !(0.01..=1000.0).contains(&speed) {
        return Err(CastError::BadSpeed(speed));
    }
    if let Some(limit) = idle_limit.filter(|limit| !(0.01..=3600.0).contains(limit)) {
        return Err(CastError::BadIdleLimit(limit));
    }
    if log.is_empty() {
        return Err(CastError::Empty);
    }
    let longest = idle_limit.unwrap_or(f64::INFINITY);
    let mut app = App::recording(Box::new(log.clone()), Theme::new(theme, Level::True));
    app.lens.layer = layer;
    let area = Rect::new(0, 0, width, height);
    let mut shown = Buffer::empty(area);
    let mut out = String::new();
    let title = printable::line(&log.header().prompt);
    let mut header = json!({
        "version": 2, "width": width, "height": height, "title": title, "env": { "TERM": "xterm-256color" },
    });
    if let Some(limit) = idle_limit {
        header["idle_time_limit"] = limit.into();
    }
    line(&mut out, &header);
    let mut time = 0.0;
    for steps in 0..=log.len() {
        app.player.show(steps, log.len());
        let mut frame = Buffer::empty(area);
        view::draw(&app, area, &mut frame);
        let mut text = String::new();
        if steps == 0 {
            // Clear, hide the cursor.
            text.push_str("\x1b[2J\x1b[?25l");
        }
        changes(&shown, &frame, &mut text);
        let duration = log.cost(steps).map_or(0.0, |cost| cost.total_us() as f64 / 1e6);
        let pause = (duration / speed).max(1.0 / f64::from(fps));
        time += match steps {
            0 => 0.0,
            1 => (FIRST + pause).min(longest),
            _ => pause.min(longest),
        };
        event(&mut out, time, &text);
        shown = frame;
    }
    event(&mut out, time + LAST.min(longest), "\x1b[0m");
    Ok(out)
}

fn line(out: &mut String, value: &serde_json::Value) {
    out.push_str(&value.to_string());
    out.push('\n');
}

/// An output event; times in microseconds, so that no platform rounds them otherwise.
fn event(out: &mut String, time: f64, text: &str) {
    let micros = (time * 1e6).round() as u64;
    let text = serde_json::Value::from(text);
    let _ = writeln!(out, "[{}.{:06},\"o\",{text}]", micros / 1_000_000, micros % 1_000_000);
}

/// What turns a screen that shows `before` into one that shows `after`.
///
/// Terminals agree about the width of ASCII alone. Behind anything else the cursor may be anywhere up to two
/// cells for each character further on, so it is placed again, and the cells that may have been run over are written
/// again.
fn changes(before: &Buffer, after: &Buffer, out: &mut String) {
    let area = after.area;
    let mut pen: Option<(Color, Color, Modifier)> = None;
    for y in area.top()..area.bottom() {
        // Where the cursor is, while that is sure.
        let mut next = None;
        // From the left up to here, cells may have been run over.
        let mut reach = area.left();
        let mut x = area.left();
        while x < area.right() {
            let (old, new) = (&before[(x, y)], &after[(x, y)]);
            let width = cells(new);
            let mut own = x..(x + width).min(area.right());
            if x < reach || own.any(|x| before[(x, y)] != after[(x, y)]) {
                if next != Some(x) {
                    place(x, y, out);
                }
                let style = (new.fg, new.bg, new.modifier);
                if pen != Some(style) {
                    select(style, out);
                    pen = Some(style);
                }
                if width > 1 {
                    // Where it takes fewer cells, nothing older shows in the others.
                    out.extend(std::iter::repeat_n(' ', width.into()));
                    place(x, y, out);
                }
                let end = x + spread(new);
                if end > area.right() {
                    // Not into the next row. Where nothing joins, what follows the first character would fall on it.
                    let first = new.symbol().chars().next().unwrap_or(' ');
                    let _ = write!(out, "\x1b[?7l{first}\x1b[?7h");
                } else {
                    out.push_str(new.symbol());
                }
                next = is_plain(new).then_some(end);
                reach = reach.max(end).max(x + spread(old));
            }
            x += width;
        }
    }
}

fn place(x: u16, y: u16, out: &mut String) {
    let _ = write!(out, "\x1b[{};{}H", y + 1, x + 1);
}

fn cells(cell: &Cell) -> u16 {
    super::view::cells(cell.symbol()).max(1)
}

/// Whether every terminal gives it one cell, whatever its tables and its locale.
fn is_plain(cell: &Cell) -> bool {
    cell.symbol().len() == 1
}

/// How many cells it takes at most.
fn spread(cell: &Cell) -> u16 {
    // No row is as long as the most that is counted here.
    let most = || (2 * cell.symbol().chars().count()).min(1000) as u16;
    if is_plain(cell) { 1 } else { cells(cell).max(most()) }
}

/// "Select graphic rendition": from scratch, so that no attribute leaks from cell to cell.
fn select((fg, bg, modifier): (Color, Color, Modifier), out: &mut String) {
    out.push_str("\x1b[0");
    let attributes = [
        (Modifier::BOLD, 1),
        (Modifier::DIM, 2),
        (Modifier::ITALIC, 3),
        (Modifier::UNDERLINED, 4),
        (Modifier::REVERSED, 7),
        (Modifier::CROSSED_OUT, 9),
    ];
    for (attribute, code) in attributes {
        if modifier.contains(attribute) {
            let _ = write!(out, ";{code}");
        }
    }
    for (colour, ground) in [(fg, 38), (bg, 48)] {
        match colour {
            Color::Rgb(r, g, b) => {
                let _ = write!(out, ";{ground};2;{r};{g};{b}");
            }
            Color::Indexed(index) => {
                let _ = write!(out, ";{ground};5;{index}");
            }
            // The themes name no other colour at the level of casts.
            _ => {}
        }
    }
    out.push('m');
}
