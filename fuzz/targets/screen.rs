//! The playground under keys, mouse, pastes, sizes, time and news from the engine, an event in each line:
//!
//! ```text
//! log story live            which log, and whether it is replayed or comes from an engine; the first line
//! key ctrl c                a key, its modifiers before it
//! paste two\nlines          a paste
//! mouse down 12 3           down, drag, up, move, scroll-up, scroll-down
//! size 80 24                another size
//! tick 90                   so many milliseconds later
//! start, step, finish, hold, fail, refuse, ready, warn, load     news from the engine
//! ```

use std::{path::Path, time::Duration};

use crossterm::event::{
    Event as TerminalEvent, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use diffuscope::{
    engine::protocol::{Event, RequestError},
    export::ExportChoices,
    model::source::Progress,
    trace::{End, Log},
    tui::{Action, App, Effect, Overlay},
};
use ratatui::buffer::Buffer;

use super::{Execute, Target, commands};
use crate::{
    common,
    driver::{DARK, Driver, LIGHT, MONO},
    mutate::{Dice, Format, Language},
};

pub const SCREEN: Target = Target {
    name: "screen",
    format: Format::Text,
    language: Language {
        words: &["key", "ctrl", "alt", "shift", "paste", "mouse", "size", "tick"],
        phrase: Some(phrase),
    },
    longest: 4 << 10,
    open,
};

/// Events of one input.
const MOST: usize = 40;
/// The largest screen: drawing must not take long.
const LARGEST: (u16, u16) = (220, 70);

const KEYS: [(&str, KeyCode); 18] = [
    ("enter", KeyCode::Enter),
    ("esc", KeyCode::Esc),
    ("tab", KeyCode::Tab),
    ("backtab", KeyCode::BackTab),
    ("backspace", KeyCode::Backspace),
    ("delete", KeyCode::Delete),
    ("left", KeyCode::Left),
    ("right", KeyCode::Right),
    ("up", KeyCode::Up),
    ("down", KeyCode::Down),
    ("home", KeyCode::Home),
    ("end", KeyCode::End),
    ("pgup", KeyCode::PageUp),
    ("pgdn", KeyCode::PageDown),
    ("space", KeyCode::Char(' ')),
    ("null", KeyCode::Null),
    ("f1", KeyCode::F(1)),
    ("insert", KeyCode::Insert),
];

/// Keys that do something somewhere.
const LETTERS: &str = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789?.,:;-+=[]{}<>/ é日\u{301}\u{7f}";

/// A line that makes sense.
pub fn phrase(dice: &mut Dice) -> String {
    let cell = |dice: &mut Dice| format!("{} {}", dice.below(130), dice.below(45));
    let letter = |dice: &mut Dice| LETTERS.chars().nth(dice.below(LETTERS.chars().count())).unwrap_or('a');
    match dice.below(14) {
        0..5 => format!("key {}", letter(dice)),
        5 | 6 => format!("key {}", KEYS[dice.below(KEYS.len())].0),
        7 => format!("key {} {}", dice.word(&["ctrl", "alt", "shift"]), letter(dice).to_ascii_lowercase()),
        8 => format!("paste {}", dice.text().escape_default()),
        9 => {
            let kind = dice.word(&["down", "drag", "up", "move", "scroll-up", "scroll-down"]);
            format!("mouse {kind} {}", cell(dice))
        }
        10 => format!("size {}", cell(dice)),
        11 => format!("tick {}", dice.number()),
        _ => format!("{} {}", dice.word(&NEWS), dice.text().escape_default()),
    }
}

const NEWS: [&str; 10] = ["start", "step", "step", "finish", "hold", "fail", "refuse", "ready", "warn", "load"];

fn open(_: &Path) -> Execute {
    let logs = [common::story(), common::code(), common::odd()];
    Box::new(move |input| {
        let text = String::from_utf8_lossy(input);
        let mut lines = text.lines();
        let first = lines.next().unwrap_or_default();
        let log = &logs[["story", "code", "odd"].iter().position(|name| first.contains(name)).unwrap_or(0)];
        let theme = if first.contains("light") {
            LIGHT
        } else if first.contains("mono") {
            MONO
        } else {
            DARK
        };
        let mut driver = if first.contains("live") {
            Driver::ready(log, theme)
        } else {
            let app = App::replay("fuzz.jsonl", Box::new(log.clone()), theme);
            Driver { app, size: (120, 40), effects: Vec::new() }
        };
        driver.app = driver.app.with_exports(Box::new(ExportChoices::new(Vec::new(), Default::default)));
        for (at, line) in lines.take(MOST).enumerate() {
            perform(&mut driver, log, line);
            if at % 8 == 7 {
                check(&driver.draw().0);
            }
            if driver.effects.contains(&Effect::Quit) {
                break;
            }
        }
        check(&driver.draw().0);
        let app = &driver.app;
        let overlay = app.overlays().last().map(|overlay: &Overlay| format!("{overlay:?}"));
        let effects: Vec<String> = driver.effects.iter().map(name).collect();
        format!("{:?} {:?} {overlay:?} {:?} {effects:?}", app.context(), app.lens().layer, app.phase())
    })
}

/// What is asked for, without its details.
fn name(effect: &Effect) -> String {
    let text = format!("{effect:?}");
    text.split(|c: char| !(c.is_alphanumeric() || c == '(')).next().unwrap_or_default().to_owned()
}

/// Lets the event of a line happen; lines that say nothing are passed over.
pub fn perform(driver: &mut Driver, log: &Log, line: &str) {
    let (kind, rest) = line.split_once(' ').unwrap_or((line, ""));
    match kind {
        "key" => drop(key(rest).map(|key| driver.event(TerminalEvent::Key(key)))),
        "paste" => drop(driver.event(TerminalEvent::Paste(unescaped(rest)))),
        "mouse" => drop(mouse(rest).map(|mouse| driver.event(TerminalEvent::Mouse(mouse)))),
        "size" => {
            let (width, height) = pair(rest);
            driver.size = (width.min(LARGEST.0), height.min(LARGEST.1));
            driver.event(TerminalEvent::Resize(width, height));
            driver.redraw();
        }
        "tick" => drop(driver.act(Action::Tick(driver.app.now() + Duration::from_millis(rest.parse().unwrap_or(90))))),
        _ => drop(news(driver, log, kind, unescaped(rest)).map(|event| driver.hear(event))),
    }
}

/// No cell holds what a terminal would obey.
#[track_caller]
pub fn check(buffer: &Buffer) {
    let odd = buffer.content.iter().find(|cell| cell.symbol().contains(commands));
    assert!(odd.is_none(), "a cell with {odd:?}");
}

fn key(text: &str) -> Option<KeyEvent> {
    let mut modifiers = KeyModifiers::NONE;
    let mut rest = text;
    for (name, modifier) in
        [("ctrl ", KeyModifiers::CONTROL), ("alt ", KeyModifiers::ALT), ("shift ", KeyModifiers::SHIFT)]
    {
        if let Some(after) = rest.strip_prefix(name) {
            (modifiers, rest) = (modifiers | modifier, after);
        }
    }
    let named = KEYS.iter().find(|(name, _)| *name == rest).map(|(_, code)| *code);
    Some(KeyEvent::new(named.or_else(|| rest.chars().next().map(KeyCode::Char))?, modifiers))
}

fn mouse(text: &str) -> Option<MouseEvent> {
    let (kind, at) = text.split_once(' ')?;
    let kind = match kind {
        "down" => MouseEventKind::Down(MouseButton::Left),
        "drag" => MouseEventKind::Drag(MouseButton::Left),
        "up" => MouseEventKind::Up(MouseButton::Left),
        "move" => MouseEventKind::Moved,
        "scroll-up" => MouseEventKind::ScrollUp,
        "scroll-down" => MouseEventKind::ScrollDown,
        _ => return None,
    };
    let (column, row) = pair(at);
    Some(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE })
}

fn pair(text: &str) -> (u16, u16) {
    let mut numbers = text.split(' ').map(|number| number.parse().unwrap_or(u16::MAX));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// `\n`, `\t`, `\r` and `\u{…}` as what they stand for.
fn unescaped(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        let code = rest[at..].strip_prefix("\\u{").and_then(|code| code.split_once('}'));
        let (c, after) = match (code, rest[at + 1..].chars().next()) {
            (Some((code, after)), _) => (u32::from_str_radix(code, 16).ok().and_then(char::from_u32), after),
            (None, Some(c)) => {
                let meant = [('n', '\n'), ('t', '\t'), ('r', '\r')].into_iter().find(|(letter, _)| *letter == c);
                (Some(meant.map_or(c, |(_, meant)| meant)), &rest[at + 1 + c.len_utf8()..])
            }
            (None, None) => (None, ""),
        };
        plain.extend(c);
        rest = after;
    }
    plain + rest
}

/// News of the run that was asked for last.
fn news(driver: &Driver, log: &Log, kind: &str, text: String) -> Option<Event> {
    let (run, header) = (driver.app.last_run(), log.header());
    let done = driver.app.len();
    Some(match kind {
        "start" => Event::Started { run, header: Box::new(header.clone()) },
        "step" => Event::Step { run, entry: log.entry(done + 1)?.into() },
        "finish" => {
            let none = End { reason: None, answer: text, tokens: 0, correct: None, verdict: None, failed: None };
            Event::Finished { run, end: Box::new(log.end().cloned().unwrap_or(none)) }
        }
        "hold" => Event::Paused { run, paused: text.is_empty() },
        "fail" if text.is_empty() => {
            Event::LoadFailed { error: RequestError::Refused(text), request: None, warnings: Vec::new() }
        }
        "fail" => Event::Failed { run, error: RequestError::Broken(text) },
        "refuse" => Event::Refused { run, message: text },
        "ready" => Event::Ready {
            denoiser: header.denoiser.clone(),
            guide: header.guide.clone(),
            request: None,
            warnings: Vec::new(),
        },
        "warn" => Event::Warning { message: text },
        "load" => {
            let (done, total) = (done as u64, Some(text.len() as u64));
            Event::Loading { progress: Progress::Downloading { model: text.clone(), file: text, done, total } }
        }
        _ => return None,
    })
}
