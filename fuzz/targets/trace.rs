//! Trace files: read, written and read again, replayed at several steps, exported in every format.

use diffuscope::{
    export::{
        ExportOptions, FORMATS, Frames,
        table::{LogTable, TABLE_FORMATS, TableKind},
    },
    trace::{Figures, Log, file},
    tui::{Action, App, Layer, update},
};
use ratatui::{buffer::Buffer, layout::Rect};

use super::{Target, commands, printable, screen};
use crate::{
    driver::{DARK, Driver},
    mutate::{Dice, Format, Language},
};

#[rustfmt::skip]
const WORDS: &[&str] = &[
    "diffuscope", "header", "end", "step", "region", "block", "start", "changes", "knob", "value", "ids",
    "proposals", "position", "token", "confidence", "score", "entropy", "alternatives", "credit", "moved", "commits",
    "reason", "remasked", "kv", "status", "age", "layers", "computed", "similarity", "guide", "drafts", "verdict",
    "view", "instead", "accepted", "forwards", "reading", "gap", "audit", "positions", "drift", "kl", "keys",
    "values", "cost", "stop", "pieces", "texts", "text", "answer", "correct", "tokens", "gen_length", "mask_id",
    "eos_id", "end_ids", "prompt_ids", "prompt_pieces", "settings", "preset", "format", "quota", "recomputed",
    "reused", "stale", "end_of_text", "nothing_masked", "columns", "at", "kinds", "order", "shares", "numbers",
    "edits", "write", "remask", "pin", "pinned", "given", "origin", "parent", "exact", "cold", "fingerprint", "by-hand",
    "review", "drafts_at", "draft_ids", "draft_numbers", "audited_at", "audited", "drift_at", "drift_layers", "AAI=", "AgA=",
];

pub const TRACE: Target = Target {
    name: "trace",
    format: Format::JsonLines,
    language: Language { words: WORDS, phrase: None },
    longest: 48 << 10,
    open: |_| Box::new(read),
};

/// Positions that are drawn often; a longer canvas is drawn once.
const USUAL: usize = 4000;

fn read(input: &[u8]) -> String {
    let opened = match file::read("fuzz.jsonl", input) {
        Ok(opened) => opened,
        Err(error) => return printable(&error.to_string()),
    };
    let log = opened.log;
    let mut written = Vec::new();
    file::write(&log, &mut written).unwrap();
    assert_eq!(file::read("again.jsonl", written.as_slice()).unwrap().log, log, "what is written is read back");
    let written = String::from_utf8(written).unwrap();
    assert!(!written.contains(|c| commands(c) && c != '\n'), "a terminal would obey the file");
    fork(&log);
    tables(&log);
    let figures = Figures::of(&log, log.len());
    let seed = input.iter().fold(0_u64, |seed, byte| seed.wrapping_mul(31).wrapping_add(u64::from(*byte)));
    show(&log, &mut Dice::new(seed, 0));
    let warnings: String = opened.warnings.iter().map(|warning| printable(warning)).collect();
    let end = log.end().map(|end| (end.reason, end.correct));
    format!(
        "a trace, {} reviews, {} edited, {} audited, {end:?}; {warnings}",
        figures.reviews, figures.edited, figures.audited
    )
}

/// Takes the log as one that a fork starts with.
fn fork(log: &Log) {
    let steps = log.len() / 2;
    let point = log.fork_point(steps);
    let prompt = log.header().prompt_ids.len();
    assert!(point.canvas().into_iter().skip(prompt).eq(log.canvas(steps).ids().skip(prompt)));
    let prefix = log.prefix(steps, log.header().clone());
    assert_eq!((prefix.len(), prefix.hash(steps)), (steps, point.hash));
}

/// Writes its tables, of which that of tokens has a row for every position in every step.
fn tables(log: &Log) {
    let rows = log.len() * log.header().canvas_length();
    for kind in TableKind::ALL.into_iter().filter(|kind| *kind == TableKind::Steps || rows <= USUAL) {
        for format in TABLE_FORMATS {
            let mut table = Vec::new();
            format.write(&LogTable::new(log, kind), &mut table).expect("memory takes it");
            let is_obeyed = |text: &str| text.contains(|c| commands(c) && c != '\n');
            assert!(!std::str::from_utf8(&table).is_ok_and(is_obeyed), "a terminal would obey the table");
        }
    }
}

/// Draws some steps in some sizes, presses some keys, exports a cast.
fn show(log: &Log, dice: &mut Dice) {
    let usual = log.header().canvas_length() <= USUAL;
    let mut app = App::replay("fuzz.jsonl", Box::new(log.clone()), DARK);
    for layer in Layer::all().take(if usual { usize::MAX } else { 1 }) {
        update(&mut app, Action::Layer(layer));
        update(&mut app, Action::ScrubTo(dice.below(log.len() + 1)));
        let area = Rect::new(0, 0, [120, 60, 40][dice.below(3)], [40, 12, 24][dice.below(3)]);
        let mut buffer = Buffer::empty(area);
        diffuscope::tui::view::draw(&app, area, &mut buffer);
        screen::check(&buffer);
    }
    if !usual {
        return;
    }
    let mut driver = Driver { app, size: (100, 30), effects: Vec::new() };
    for _ in 0..4 {
        screen::perform(&mut driver, log, &screen::phrase(dice));
    }
    screen::check(&driver.draw().0);
    if log.len() <= 12 {
        let layer = Layer::all().nth(dice.below(Layer::all().len())).unwrap_or_default();
        let options = ExportOptions { width: 60, height: 16, font_size: 6, layer, ..ExportOptions::default() };
        for format in FORMATS {
            let mut recording = Vec::new();
            match Frames::of(log, &options).map(|frames| format.write(frames, &(), &mut recording)) {
                Ok(written) => {
                    written.expect("memory takes it");
                    if !format.suffixes().contains(&"cast") {
                        continue;
                    }
                    let text = String::from_utf8(recording).expect("a cast is text");
                    assert!(!text.contains(|c| commands(c) && c != '\n'), "a terminal would obey the recording");
                }
                Err(error) => drop(printable(&error.to_string())),
            }
        }
    }
}
