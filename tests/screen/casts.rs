//! The cast exporter.

use std::sync::Arc;

use diffuscope::{
    trace::{Entry, Log},
    tui::{
        App, Layer,
        cast::{CastError, CastOptions, export},
        theme::ThemeName,
        view,
    },
};
use ratatui::{buffer::Buffer, layout::Rect};
use serde_json::Value;

use super::{
    common,
    driver::{DARK, rows},
};

fn options(width: u16, height: u16) -> CastOptions {
    CastOptions { width, height, ..CastOptions::default() }
}

#[test]
fn the_same_log_gives_the_same_bytes() {
    let options = CastOptions::default();
    assert_eq!(export(&common::story(), &options), export(&common::story(), &options));
}

#[test]
fn it_is_an_asciicast_with_rising_times() {
    let log = common::story();
    let cast = export(&log, &options(100, 30)).unwrap();
    let mut lines = cast.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let header = lines.next().unwrap();
    assert_eq!((&header["version"], &header["width"], &header["height"]), (&2.into(), &100.into(), &30.into()));
    assert_eq!(header["title"], common::STORY_PROMPT);
    let times: Vec<f64> = lines.map(|event| event[0].as_f64().unwrap()).collect();
    assert_eq!(times.len(), log.len() + 2, "a frame for each step, one before, and the end");
    assert!(times.windows(2).all(|pair| pair[0] <= pair[1]), "{times:?}");
}

#[test]
fn a_step_is_shown_for_a_frame_or_for_as_long_as_it_took() {
    let end = |log: &Log, fps| {
        let cast = export(log, &CastOptions { fps, ..options(80, 24) }).unwrap();
        serde_json::from_str::<Value>(cast.lines().last().unwrap()).unwrap()[0].as_f64().unwrap()
    };
    let code = common::code();
    let steps = code.len() as f64;
    assert!((end(&code, 2.0) - 4.0 - steps / 2.0).abs() < 1e-3);
    assert!(end(&code, 60.0) - 4.0 < steps / 50.0);
    let mut slow = Log::new(code.header().clone());
    for (step, entry) in code.entries().iter().enumerate() {
        let mut entry = Entry::clone(entry);
        if step == 3 {
            entry.record.cost.denoiser_us = 2_500_000;
        }
        slow.push(Arc::new(entry));
    }
    assert!((end(&slow, 60.0) - end(&code, 60.0) - 2.5).abs() < 0.05);
}

fn cells(number: u16) -> std::num::NonZeroU16 {
    std::num::NonZeroU16::new(number).unwrap()
}

/// Plays a cast into a terminal and compares what that shows with what the playground draws.
fn plays_back(log: &Log, width: u16, height: u16) {
    let cast = export(log, &options(width, height)).unwrap();
    let mut terminal = vt100::Parser::new(cells(height), cells(width), 0);
    let events: Vec<Value> = cast.lines().skip(1).map(|line| serde_json::from_str(line).unwrap()).collect();
    for (steps, event) in events.iter().take(log.len() + 1).enumerate() {
        terminal.process(event[2].as_str().unwrap().as_bytes());
        let mut app = App::recording(Box::new(log.clone()), DARK);
        app.player.show(steps, log.len());
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        view::draw(&app, area, &mut buffer);
        let shown: Vec<String> = terminal.screen().rows(0, width).map(|row| row.trim_end().to_owned()).collect();
        assert_eq!(shown, rows(&buffer), "after {steps} steps");
    }
}

#[test]
fn it_plays_back_as_the_playground_draws() {
    plays_back(&common::story(), 100, 30);
    plays_back(&common::code(), 80, 24);
}

#[test]
fn nothing_but_our_own_sequences_gets_through() {
    let cast = export(&common::odd(), &options(80, 24)).unwrap();
    for line in cast.lines().skip(1) {
        let event: Value = serde_json::from_str(line).unwrap();
        let mut text = event[2].as_str().unwrap();
        while let Some(at) = text.find('\u{1b}') {
            assert!(!text[..at].contains(char::is_control));
            let end = text[at + 1..].find(|c: char| c.is_ascii_alphabetic()).unwrap();
            let sequence = &text[at + 1..=at + 1 + end];
            let body = sequence.strip_prefix('[').expect("a control sequence");
            assert!(body.chars().all(|c| c.is_ascii_digit() || ";?HmJl".contains(c)), "{sequence}");
            text = &text[at + 2 + end..];
        }
        assert!(!text.contains(char::is_control));
    }
}

#[test]
fn themes_and_layers_give_other_casts() {
    let log = common::story();
    let plain = export(&log, &CastOptions::default()).unwrap();
    let light = export(&log, &CastOptions { theme: ThemeName::Light, ..CastOptions::default() }).unwrap();
    let guide = export(&log, &CastOptions { layer: Layer::Guide, ..CastOptions::default() }).unwrap();
    assert!(plain != light && plain != guide && light != guide);
}

#[test]
fn bad_options_are_refused_with_the_reason() {
    let log = common::story();
    let message = |options| export(&log, &options).unwrap_err().to_string();
    assert_eq!(message(options(39, 30)), "a cast of 39×30 cells is too small: it takes at least 40×12");
    assert_eq!(message(options(80, 201)), "a cast of 80×201 cells is too large: it takes at most 500×200");
    assert_eq!(
        message(CastOptions { fps: f32::NAN, ..CastOptions::default() }),
        "fps cannot be NaN: it takes a number from 0.1 to 60"
    );
    let empty = Log::new(log.header().clone());
    assert_eq!(export(&empty, &CastOptions::default()), Err(CastError::Empty));
}
