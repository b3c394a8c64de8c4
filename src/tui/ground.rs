//! Asking the terminal for its own background (OSC 11), and telling its answer from the keys that it comes among.
//!
//! Libraries that ask read the keyboard by themselves until the answer is there, and lose what is typed meanwhile. Here
//! keys and answer come in one stream: keys stay in their order, and an answer that is late is still no key.

use std::{collections::VecDeque, io, time::Duration};

use crossterm::event::{Event, EventStream, KeyCode, KeyEvent, KeyModifiers};
use futures_util::StreamExt;
use tokio::time::{Instant, timeout_at};

use super::theme::Rgb;
use crate::panics;

/// What is written to ask. The answer ends as the question does, and a bell is what every terminal knows as an end.
pub(super) const QUESTION: &str = "\x1b]11;?\x07";

/// How long the first frame waits for an answer, so that it need not change its colours. Terminals answer within a few
/// milliseconds; those that do not know the question say nothing.
const PATIENCE: Duration = Duration::from_millis(60);

/// No answer is longer.
const LONGEST: usize = 40;

/// What comes from the terminal, with the answer sifted out.
pub(super) struct Keyboard {
    stream: EventStream,
    ready: VecDeque<Typed>,
    sieve: AnswerSieve,
}

/// Something that came from the terminal.
#[derive(Debug, PartialEq)]
pub(super) enum Typed {
    /// A key and the like.
    Event(Event),
    /// What the terminal's own background is.
    Ground(Rgb),
}

impl Keyboard {
    /// Begins to listen.
    pub(super) fn new() -> anyhow::Result<Self> {
        let stream = panics::catch(EventStream::new)
            .map_err(|_| anyhow::anyhow!("the system gives no thread, or no file, to read the keyboard with"))?;
        Ok(Self { stream, ready: VecDeque::new(), sieve: AnswerSieve::default() })
    }

    /// The next of what comes; `None` when the terminal has gone. Nothing is lost where the wait is given up.
    pub(super) async fn next(&mut self) -> Option<io::Result<Typed>> {
        while self.ready.is_empty() {
            match self.stream.next().await? {
                Ok(event) => self.sieve.sift(event, &mut self.ready),
                Err(error) => return Some(Err(error)),
            }
        }
        self.ready.pop_front().map(Ok)
    }

    /// The answer to a question that was just asked, if it comes soon. What comes before it is kept for [`Self::next`].
    pub(super) async fn answer(&mut self) -> Option<Rgb> {
        let deadline = Instant::now() + PATIENCE;
        let mut early = VecDeque::new();
        let answer = loop {
            match timeout_at(deadline, self.next()).await {
                Ok(Some(Ok(Typed::Ground(ground)))) => break Some(ground),
                Ok(Some(Ok(event))) => early.push_back(event),
                // What is wrong with the terminal is found again by the next read.
                Ok(Some(Err(_)) | None) | Err(_) => break None,
            }
        };
        early.append(&mut self.ready);
        self.ready = early;
        answer
    }
}

/// Holds back what may be an answer, which the terminal library takes for keys: `Alt-]`, its characters, and `^G` or
/// `Alt-\` for its end.
#[derive(Debug, Default)]
struct AnswerSieve {
    held: Vec<Event>,
    text: String,
}

impl AnswerSieve {
    /// Passes an event on, or holds it back. What turns out to be no answer is passed on late, in its order.
    fn sift(&mut self, event: Event, passed: &mut VecDeque<Typed>) {
        let Event::Key(key) = &event else {
            // Where the mouse is, or how large the window, has nothing to do with keys.
            passed.push_back(Typed::Event(event));
            return;
        };
        let sign = sign(*key);
        match sign {
            Some(Sign::Char(c)) if !self.held.is_empty() && self.may_continue(c) => self.text.push(c),
            Some(Sign::End) if !self.held.is_empty() => {
                if let Some(ground) = ground(&self.text) {
                    self.held.clear();
                    self.text.clear();
                    passed.push_back(Typed::Ground(ground));
                    return;
                }
                self.release(passed);
            }
            _ => self.release(passed),
        }
        if sign == Some(Sign::Begin) || !self.held.is_empty() {
            self.held.push(event);
        } else {
            passed.push_back(Typed::Event(event));
        }
    }

    fn may_continue(&self, c: char) -> bool {
        const START: &str = "11;";
        match START.chars().nth(self.text.len()) {
            Some(expected) => c == expected,
            None => self.text.len() < LONGEST && (c.is_ascii_hexdigit() || "rgba:/#".contains(c)),
        }
    }

    fn release(&mut self, passed: &mut VecDeque<Typed>) {
        self.text.clear();
        passed.extend(self.held.drain(..).map(Typed::Event));
    }
}

/// What a key may be of an answer.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Sign {
    Begin,
    Char(char),
    End,
}

fn sign(key: KeyEvent) -> Option<Sign> {
    match (key.code, key.modifiers - KeyModifiers::SHIFT) {
        (KeyCode::Char(']'), KeyModifiers::ALT) => Some(Sign::Begin),
        (KeyCode::Char('\\'), KeyModifiers::ALT) | (KeyCode::Char('g'), KeyModifiers::CONTROL) => Some(Sign::End),
        (KeyCode::Char(c), KeyModifiers::NONE) => Some(Sign::Char(c)),
        _ => None,
    }
}

/// The colour of an answer: `11;rgb:RRRR/GGGG/BBBB`, with one to four digits each, or `rgba:` with a fourth part.
fn ground(answer: &str) -> Option<Rgb> {
    let (form, parts) = answer.strip_prefix("11;")?.split_once(':')?;
    let parts = parts.split('/').map(channel).collect::<Option<Vec<u8>>>()?;
    match (form, parts.as_slice()) {
        ("rgb", [r, g, b]) | ("rgba", [r, g, b, _]) => Some(Rgb(*r, *g, *b)),
        _ => None,
    }
}

fn channel(digits: &str) -> Option<u8> {
    let most = match digits.len() {
        length @ 1..=4 => (1u32 << (4 * length)) - 1,
        _ => return None,
    };
    let value = u32::from_str_radix(digits, 16).ok()?;
    Some((value * 255 / most) as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the terminal library makes of what a terminal writes.
    fn keys(text: &str) -> Vec<Event> {
        let mut alt = KeyModifiers::NONE;
        let mut keys = Vec::new();
        for c in text.chars() {
            let (code, modifiers) = match c {
                '\x1b' => {
                    alt = KeyModifiers::ALT;
                    continue;
                }
                '\x07' => ('g', KeyModifiers::CONTROL),
                c if c.is_ascii_uppercase() => (c, KeyModifiers::SHIFT),
                c => (c, KeyModifiers::NONE),
            };
            keys.push(Event::Key(KeyEvent::new(KeyCode::Char(code), modifiers | alt)));
            alt = KeyModifiers::NONE;
        }
        keys
    }

    fn sifted(events: impl IntoIterator<Item = Event>) -> Vec<Typed> {
        let (mut sieve, mut passed) = (AnswerSieve::default(), VecDeque::new());
        events.into_iter().for_each(|event| sieve.sift(event, &mut passed));
        passed.into()
    }

    #[test]
    fn an_answer_is_found_among_the_keys_that_were_typed() {
        for (answer, ground) in [
            ("\x1b]11;rgb:ffff/ffff/ffff\x07", Rgb(255, 255, 255)),
            ("\x1b]11;rgb:1E1e/1e1e/2E2E\x1b\\", Rgb(0x1e, 0x1e, 0x2e)),
            ("\x1b]11;rgba:28/2a/36/ff\x07", Rgb(0x28, 0x2a, 0x36)),
            ("\x1b]11;rgb:f/0/8\x07", Rgb(255, 0, 136)),
        ] {
            let passed = sifted(keys(&format!("ab{answer}cd")));
            let (before, after) = (keys("ab"), keys("cd"));
            let events = before.into_iter().map(Typed::Event);
            let expected: Vec<_> =
                events.chain([Typed::Ground(ground)]).chain(after.into_iter().map(Typed::Event)).collect();
            assert_eq!(passed, expected, "{answer:?}");
        }
    }

    #[test]
    fn what_is_no_answer_is_passed_on_in_its_order() {
        for text in [
            "\x1b]11 keys",
            "\x1b]11;rgb:zz/1/1\x07",
            "\x1b]11;rgb:12/34\x07x",
            "\x1b]\x1b]112",
            "\x1b]11;rgb:12345/1/1\x07",
            "11;rgb:1/2/3\x07",
            "\x1b]10;rgb:1/2/3\x07",
        ] {
            assert_eq!(sifted(keys(text)), keys(text).into_iter().map(Typed::Event).collect::<Vec<_>>(), "{text:?}");
        }
        let endless = format!("\x1b]11;{}", "f".repeat(2 * LONGEST));
        assert_eq!(sifted(keys(&endless)).len(), 2 * LONGEST + 4);
    }

    #[test]
    fn a_window_that_changes_its_size_does_not_wait_for_the_end_of_an_answer() {
        let mut events = keys("\x1b]11;rgb:0/0/0\x07");
        events.insert(4, Event::Resize(80, 24));
        assert_eq!(sifted(events), [Typed::Event(Event::Resize(80, 24)), Typed::Ground(Rgb(0, 0, 0))]);
    }
}
