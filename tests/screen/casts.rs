//! Recordings as asciicasts.

use diffuscope::{
    export::{self, ExportError, ExportOptions, Frames, StepRange},
    trace::Log,
    tui::{Scene, theme::ThemeName, view},
};
use ratatui::{
    buffer::Buffer,
    style::{Color, Modifier},
};
use serde_json::Value;
use unicode_width::UnicodeWidthChar;

use super::{common, driver::layer};

/// The recording of a log as the text of an asciicast v2 file.
fn export(log: &Log, options: &ExportOptions) -> Result<String, ExportError> {
    Ok(written("asciicast-v2", Frames::of(log, options)?))
}

fn written(format: &str, frames: Frames<'_>) -> String {
    let mut cast = Vec::new();
    export::format(format).unwrap().write(frames, &(), &mut cast).unwrap();
    String::from_utf8(cast).unwrap()
}

fn options(width: u16, height: u16) -> ExportOptions {
    ExportOptions { width, height, typing: false, ..ExportOptions::default() }
}

/// The header of a cast, and what it prints when.
fn lines(cast: &str) -> (Value, Vec<Value>) {
    let mut lines = cast.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let header = lines.next().unwrap();
    (header, lines.filter(|event| event[1] == "o").collect())
}

#[test]
fn the_same_log_gives_the_same_bytes() {
    let options = ExportOptions::default();
    assert_eq!(export(&common::story(), &options), export(&common::story(), &options));
}

#[test]
fn it_is_an_asciicast_with_rising_times() {
    let log = common::story();
    let cast = export(&log, &options(100, 30)).unwrap();
    let (header, events) = lines(&cast);
    assert_eq!((&header["version"], &header["width"], &header["height"]), (&2.into(), &100.into(), &30.into()));
    assert_eq!(header["title"], common::STORY_PROMPT);
    let times: Vec<f64> = events.iter().map(|event| event[0].as_f64().unwrap()).collect();
    assert_eq!(times.len(), log.len() + 2, "a frame for each step, one before, and the end");
    assert!(times.windows(2).all(|pair| pair[0] <= pair[1]), "{times:?}");
}

#[test]
fn a_step_is_shown_for_a_frame_or_for_as_long_as_it_took() {
    let end = |log: &Log, fps| {
        let cast = export(log, &ExportOptions { fps: Some(fps), ..options(80, 24) }).unwrap();
        lines(&cast).1.last().unwrap()[0].as_f64().unwrap()
    };
    let code = common::code();
    let steps = code.len() as f64;
    assert!((end(&code, 2.0) - 4.0 - steps / 2.0).abs() < 1e-3);
    assert!(end(&code, 60.0) - 4.0 < steps / 50.0);
    let mut slow = Log::new(code.header().clone());
    for (step, mut entry) in code.entries().enumerate() {
        if step == 3 {
            entry.record.cost.denoiser_us = 2_500_000;
        }
        slow.push(entry);
    }
    assert!((end(&slow, 60.0) - end(&code, 60.0) - 2.5).abs() < 0.05);
}

fn cells(number: u16) -> std::num::NonZeroU16 {
    std::num::NonZeroU16::new(number).unwrap()
}

/// The screens of a recording.
fn screens(log: &Log, options: &ExportOptions) -> Vec<Buffer> {
    Frames::of(log, options).unwrap().map(|frame| frame.screen).collect()
}

/// A colour of a cell that was drawn, as the terminal has it.
fn colour(colour: Color) -> vt100::Color {
    match colour {
        Color::Rgb(r, g, b) => vt100::Color::Rgb(r, g, b),
        Color::Reset => vt100::Color::Default,
        other => panic!("{other:?} is no exact colour"),
    }
}

/// The emulator leaves out U+FFFD.
fn understood(text: &str) -> String {
    text.replace('\u{fffd}', "?")
}

/// Compares what a terminal shows with what the playground drew: text, colours and attributes of every cell.
fn shows(terminal: &vt100::Screen, frame: &Buffer, at: &str) {
    for (x, y, first) in firsts(frame) {
        let (shown, drawn) = (terminal.cell(y, x).unwrap(), &frame[(x, y)]);
        let symbol = understood(drawn.symbol());
        let at = format!("{at}, cell {x}, {y}");
        // What it does not join to the first character is in other cells, or written over.
        if symbol.chars().skip(1).all(|c| c.width() == Some(0)) {
            assert_eq!(if shown.has_contents() { shown.contents() } else { " " }, symbol, "{at}");
        } else {
            assert_eq!(shown.contents().chars().next(), Some(first), "{at}");
        }
        assert_eq!((shown.fgcolor(), shown.bgcolor()), (colour(drawn.fg), colour(drawn.bg)), "{at}");
        let attributes = [
            (Modifier::BOLD, shown.bold()),
            (Modifier::DIM, shown.dim()),
            (Modifier::ITALIC, shown.italic()),
            (Modifier::UNDERLINED, shown.underline()),
            (Modifier::REVERSED, shown.inverse()),
        ];
        for (attribute, is_shown) in attributes {
            assert_eq!(is_shown, drawn.modifier.contains(attribute), "{attribute:?}, {at}");
        }
    }
}

/// Plays both versions of a cast into a terminal and compares every frame.
fn plays_back<'a>(frames: impl Fn() -> Frames<'a>) {
    for format in ["asciicast-v2", "asciicast-v3"] {
        let cast = written(format, frames());
        let (events, frames) = (lines(&cast).1, frames());
        assert_eq!(events.len(), frames.len() + 1, "a frame for each, and the end");
        let mut terminal = vt100::Parser::new(cells(frames.area().height), cells(frames.area().width), 0);
        for (number, (event, frame)) in events.iter().zip(frames).enumerate() {
            terminal.process(understood(event[2].as_str().unwrap()).as_bytes());
            shows(terminal.screen(), &frame.screen, &format!("{format}, frame {number}"));
        }
    }
}

#[test]
fn every_cell_of_every_frame_plays_back_as_the_playground_draws_it() {
    for (log, layer_name, theme, width, height) in [
        (common::story(), "confidence", ThemeName::Dark, 100, 30),
        (common::story(), "guide", ThemeName::HighContrast, 120, 36),
        (common::code(), "cache", ThemeName::Light, 80, 24),
        (common::failing(), "reason", ThemeName::ColourBlind, 60, 16),
        (many_widths(), "confidence", ThemeName::Dark, 100, 30),
        (common::odd(), "confidence", ThemeName::Dark, 40, 12),
    ] {
        let options = ExportOptions { typing: true, layer: layer(layer_name), theme, ..options(width, height) };
        plays_back(|| Frames::of(&log, &options).unwrap());
    }
    let (a, b) = (common::story(), common::code());
    let options = ExportOptions { scene: Scene::Compare, ..options(110, 30) };
    plays_back(|| Frames::of_two(&a, &b, &options).unwrap());
}

/// How many cells a terminal gives a character; none where it joins the one before.
type Widths = fn(char) -> usize;

/// As asciinema's own terminal has it: nothing joins, and skin tones are wide.
fn asciinema(c: char) -> usize {
    match c {
        '\u{1f3fb}'..='\u{1f3ff}' => 2,
        _ => c.width().unwrap_or(0).max(1),
    }
}

/// As terminals have it that ask no table.
fn narrow(_: char) -> usize {
    1
}

/// As a terminal has it in an East Asian locale.
fn east_asian(c: char) -> usize {
    c.width_cjk().unwrap_or(0)
}

/// As the widest have it.
fn generous(c: char) -> usize {
    if c.is_ascii() { 1 } else { 2 }
}

/// A terminal that is sure of its widths.
struct Emulator {
    /// What each cell shows; `None` for the right half of a wide character.
    rows: Vec<Vec<Option<char>>>,
    at: (usize, usize),
    wraps: bool,
    widths: Widths,
}

impl Emulator {
    fn new(width: u16, height: u16, widths: Widths) -> Self {
        let rows = vec![vec![Some(' '); width.into()]; height.into()];
        Self { rows, at: (0, 0), wraps: true, widths }
    }

    fn process(&mut self, mut text: &str) {
        while let Some(c) = text.chars().next() {
            let Some(sequence) = text.strip_prefix("\x1b[") else {
                self.put(c);
                text = &text[c.len_utf8()..];
                continue;
            };
            let end = sequence.find(|c: char| c.is_ascii_alphabetic()).unwrap();
            match (&sequence[..end], &sequence[end..=end]) {
                (place, "H") => {
                    let (y, x) = place.split_once(';').unwrap();
                    self.at = (x.parse::<usize>().unwrap() - 1, y.parse::<usize>().unwrap() - 1);
                }
                ("?7", mode) => self.wraps = mode == "h",
                ("2", "J") | ("?25", "l") | (_, "m") => {}
                other => panic!("{other:?}"),
            }
            text = &sequence[end + 1..];
        }
    }

    fn put(&mut self, c: char) {
        let columns = self.rows[0].len();
        let width = (self.widths)(c).min(columns);
        if width == 0 {
            return;
        }
        if self.at.0 + width > columns {
            self.at = if self.wraps { (0, self.at.1 + 1) } else { (columns - width, self.at.1) };
            assert!(self.at.1 < self.rows.len(), "the screen scrolls");
        }
        let ((x, y), end) = (self.at, self.at.0 + width);
        let row = &mut self.rows[y];
        // Half a wide character is none.
        if row[x].is_none() {
            row[x - 1] = Some(' ');
        }
        if row.get(end).is_some_and(Option::is_none) {
            row[end] = Some(' ');
        }
        row[x] = Some(c);
        row[x + 1..end].fill(None);
        self.at.0 = end;
    }
}

/// The first character of every cell that is not covered by a wide one.
fn firsts(frame: &Buffer) -> Vec<(u16, u16, char)> {
    let mut firsts = Vec::new();
    for y in frame.area.top()..frame.area.bottom() {
        let mut x = frame.area.left();
        while x < frame.area.right() {
            let symbol = frame[(x, y)].symbol();
            firsts.push((x, y, symbol.chars().next().unwrap()));
            x += view::cells(symbol).max(1);
        }
    }
    firsts
}

/// Every way that a grapheme can have another width elsewhere, and plain words between and behind, which come and go.
fn many_widths() -> Log {
    let answer = "Cafe\u{301} au lait, cre\u{300}me bru\u{302}le\u{301}e. हिन्दी में नमस्ते. Thumbs 👍🏽 up 👍🏿 END \
                  สวัสดีครับ END 👩\u{200d}👩\u{200d}👧 family 🇩🇪 flag ❤\u{fe0f} heart é日本 plain … · ½ end";
    let mut fixture = common::Fixture::new("Say e\u{301} 👍🏽 in plain words", answer, 48, "plain");
    while fixture.quota_step(3, None) {}
    fixture.finish(None, None)
}

#[test]
fn no_text_is_lost_wherever_the_terminal_takes_its_cursor_to_be() {
    for log in [many_widths(), common::odd()] {
        for (width, height) in [(110, 24), (40, 12)] {
            let cast = export(&log, &options(width, height)).unwrap();
            let frames = screens(&log, &options(width, height));
            for (widths, is_asciinema) in
                [(asciinema as Widths, true), (narrow, false), (east_asian, false), (generous, false)]
            {
                let mut terminal = Emulator::new(width, height, widths);
                for (event, frame) in lines(&cast).1.iter().zip(&frames) {
                    terminal.process(event[2].as_str().unwrap());
                    for (x, y, first) in firsts(frame) {
                        let plain = first.is_ascii() && frame[(x, y)].symbol().len() == 1;
                        if plain || is_asciinema {
                            assert_eq!(terminal.rows[usize::from(y)][usize::from(x)], Some(first), "at {x}, {y}");
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn plain_text_costs_no_more_than_its_characters() {
    let log = common::story();
    let cast = export(&log, &options(120, 40)).unwrap();
    let first: Value = serde_json::from_str(cast.lines().nth(1).unwrap()).unwrap();
    assert!(first[2].as_str().unwrap().contains("Laura"), "a word is written in one go");
}

#[test]
fn time_can_pass_faster_and_pauses_be_cut() {
    let mut slow = Log::new(common::code().header().clone());
    for (step, mut entry) in common::code().entries().enumerate() {
        entry.record.cost.denoiser_us = if step == 3 { 60_000_000 } else { 4_000_000 };
        (entry.record.cost.guide_us, entry.record.cost.other_us) = (0, 0);
        slow.push(entry);
    }
    let steps = slow.len() as f64;
    let cast = |options: ExportOptions| {
        let cast = export(&slow, &options).unwrap();
        let (header, events) = lines(&cast);
        let times: Vec<f64> = events.iter().map(|event| event[0].as_f64().unwrap()).collect();
        (header["idle_time_limit"].clone(), times)
    };
    let near = |a: f64, b: f64| assert!((a - b).abs() < 1e-3, "{a} is not {b}");
    let usual = || ExportOptions { fps: Some(60.0), ..options(80, 24) };
    let (limit, times) = cast(usual());
    assert_eq!(limit, Value::Null);
    near(*times.last().unwrap(), 4.0 + 60.0 + 4.0 * (steps - 1.0));
    let (_, times) = cast(ExportOptions { speed: Some(8.0), ..usual() });
    near(*times.last().unwrap(), 4.0 + 7.5 + 0.5 * (steps - 1.0));
    let (_, times) = cast(ExportOptions { fps: None, speed: Some(2000.0 / 2.0), ..usual() });
    near(*times.last().unwrap(), 4.0 + 0.06 + 0.004 * (steps - 1.0));
    let (limit, times) = cast(ExportOptions { idle_limit: Some(2.5), ..usual() });
    assert_eq!(limit, 2.5);
    near(*times.last().unwrap(), 2.5 * steps + 2.5);
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] < 2.501), "{times:?}");
    let (_, times) = cast(ExportOptions { idle_limit: Some(2.5), speed: Some(8.0), ..usual() });
    near(*times.last().unwrap(), 1.0 + 2.5 + 0.5 * (steps - 1.0) + 2.5);
}

#[test]
fn version_3_says_the_same_by_intervals() {
    let (log, options) = (common::story(), ExportOptions { idle_limit: Some(0.5), ..options(80, 24) });
    let old = export(&log, &options).unwrap();
    let cast = written("asciicast-v3", Frames::of(&log, &options).unwrap());
    let all = |cast: &str| -> Vec<Value> { cast.lines().map(|line| serde_json::from_str(line).unwrap()).collect() };
    let (old, new) = (all(&old), all(&cast));
    assert_eq!(
        (&new[0]["version"], &new[0]["term"]["cols"], &new[0]["term"]["rows"]),
        (&3.into(), &80.into(), &24.into())
    );
    assert_eq!((&new[0]["title"], &new[0]["idle_time_limit"]), (&old[0]["title"], &old[0]["idle_time_limit"]));
    assert_eq!(new.len(), old.len() + 1);
    let mut time = 0.0;
    for (old, new) in old.iter().zip(&new).skip(1) {
        time += new[0].as_f64().unwrap();
        assert!((time - old[0].as_f64().unwrap()).abs() < 1e-6, "{time} is not {old}");
        assert_eq!((&old[1], &old[2]), (&new[1], &new[2]));
    }
    assert_eq!(new.last().unwrap(), &serde_json::json!([0.0, "x", "0"]));
}

#[test]
fn nothing_but_our_own_sequences_gets_through() {
    let cast = export(&common::odd(), &options(80, 24)).unwrap();
    for event in lines(&cast).1 {
        let mut text = event[2].as_str().unwrap();
        while let Some(at) = text.find('\u{1b}') {
            assert!(!text[..at].contains(char::is_control));
            let end = text[at + 1..].find(|c: char| c.is_ascii_alphabetic()).unwrap();
            let sequence = &text[at + 1..=at + 1 + end];
            let body = sequence.strip_prefix('[').expect("a control sequence");
            assert!(body.chars().all(|c| c.is_ascii_digit() || ";?HmJhl".contains(c)), "{sequence}");
            text = &text[at + 2 + end..];
        }
        assert!(!text.contains(char::is_control));
    }
}

#[test]
fn themes_and_layers_give_other_casts() {
    let log = common::story();
    let plain = export(&log, &ExportOptions::default()).unwrap();
    let light = export(&log, &ExportOptions { theme: ThemeName::Light, ..ExportOptions::default() }).unwrap();
    let guide = export(&log, &ExportOptions { layer: layer("guide"), ..ExportOptions::default() }).unwrap();
    assert!(plain != light && plain != guide && light != guide);
}

#[test]
fn bad_options_are_refused_with_the_reason() {
    let log = common::story();
    let message = |options| export(&log, &options).unwrap_err().to_string();
    let captioned = ExportOptions { title: "t".to_owned(), caption: "c\nd".to_owned(), ..options(80, 14) };
    assert_eq!(message(captioned), "a recording of 80×14 cells is too small: it takes at least 40×15");
    assert_eq!(message(options(39, 30)), "a recording of 39×30 cells is too small: it takes at least 40×12");
    assert_eq!(message(options(80, 201)), "a recording of 80×201 cells is too large: it takes at most 500×200");
    assert_eq!(
        message(ExportOptions { fps: Some(f32::NAN), ..ExportOptions::default() }),
        "fps cannot be NaN: it takes a number from 0.1 to 60"
    );
    assert_eq!(
        message(ExportOptions { speed: Some(0.0), ..ExportOptions::default() }),
        "speed cannot be 0: it takes a number from 0.01 to 1000"
    );
    assert_eq!(
        message(ExportOptions { idle_limit: Some(f64::INFINITY), ..ExportOptions::default() }),
        "idle-limit cannot be inf: it takes a number of seconds from 0.01 to 3600"
    );
    assert_eq!(
        message(ExportOptions { hold: -1.0, ..options(80, 24) }),
        "hold cannot be -1: it takes a number of seconds from 0 to 3600"
    );
    assert_eq!(
        message(ExportOptions { scene: Scene::Compare, ..options(80, 24) }),
        "the scene compare takes two traces: name the other one by --against"
    );
    let beyond = ExportOptions { steps: "1000..".parse().unwrap(), ..options(80, 24) };
    let sentence = format!("the recording would begin at step 1000, and the trace ends at {}", log.len());
    assert_eq!(message(beyond), sentence);
    assert_eq!("9..3".parse::<StepRange>().unwrap_err(), "9..3 ends before it begins");
    assert_eq!("a..b".parse::<StepRange>().unwrap_err(), "steps are written as 16, 10..20, ..20 or 10..");
    let empty = Log::new(log.header().clone());
    assert_eq!(export(&empty, &ExportOptions::default()), Err(ExportError::Empty));
}
