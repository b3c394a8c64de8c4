//! How long a full frame of 200×60 cells takes over a run of 1,024 tokens in 1,024 steps: of a live run at its newest
//! step, and scrubbed, with a step drawn again and again and with another step in every frame; and of the welcome, while
//! two runs of 224 tokens race.
//!
//! ```sh
//! cargo bench --bench frame
//! ```

use std::time::Duration;

use diffuscope::{
    decode::record::StopReason,
    engine::{ModelRequest, protocol::Event},
    settings::Layers,
    trace::{End, Entry, Log, ModelCard},
    tui::{
        Action, App, Layer, Pane, RACERS, examples,
        theme::{Level, Theme, ThemeName},
        update,
        view::{self, FrameInfo},
    },
};
use ratatui::{buffer::Buffer, layout::Rect};

mod support;

const FRAMES: usize = 41;
const AREA: Rect = Rect::new(0, 0, 200, 60);

fn main() {
    let entries = support::run(1024);
    for (name, steps) in [("80 steps", 80), ("1,024 steps", entries.len())] {
        let mut log = Log::new(support::header(1024));
        entries[..steps].iter().for_each(|entry| log.push(entry));
        for selected in [None, Some(600)] {
            let what = if selected.is_some() { "with a token inspected" } else { "nothing inspected" };
            println!("{name}, {what}");
            let mut frames = Frames { app: App::replay("run.jsonl", Box::new(log.clone()), theme()) };
            if let Some(position) = selected {
                update(&mut frames.app, Action::Select(position));
            }
            for (name, first, moves) in [
                ("  step 10, again and again", 10, 0),
                ("  from step 10 on", 10, 1),
                ("  near the end, again and again", steps - 24, 0),
                ("  near the end, moving", steps - 60, 1),
            ] {
                let frame = support::median(FRAMES, |frame| frames.draw(first + frame * moves));
                println!("{name:<36} {:>8.2} ms", frame.as_secs_f64() * 1e3);
            }
        }
    }
    live(&entries);
    map(&entries);
    race();
}

/// The welcome while two runs race, frame by frame.
fn race() {
    const TOKENS: usize = 224;
    let mut frames = Frames {
        app: App::live(Layers::default(), None, theme(), examples(), ModelRequest::default()).with_motion(true),
    };
    let header = support::header(TOKENS);
    let denoiser = ModelCard { name: "embedded".into(), ..header.denoiser.clone() };
    let guide = Some(denoiser.clone());
    frames.hear(Event::Ready { denoiser, guide, request: None, warnings: Vec::new() });
    for millis in [0, 5_000] {
        frames.show();
        update(&mut frames.app, Action::Tick(Duration::from_millis(millis)));
    }
    for run in [RACERS[1], RACERS[0]] {
        frames.hear(Event::Started { run, header: Box::new(header.clone()) });
        for entry in support::run(TOKENS) {
            frames.hear(Event::Step { run, entry: entry.into() });
        }
        let end = End {
            reason: Some(StopReason::NothingMasked),
            answer: String::new(),
            tokens: TOKENS,
            correct: None,
            verdict: None,
            failed: None,
        };
        frames.hear(Event::Finished { run, end: Box::new(end) });
    }
    assert!(frames.app.race().runs().is_some(), "there is no race to draw");
    let frame = support::median(FRAMES, |frame| {
        update(&mut frames.app, Action::Tick(Duration::from_millis(5_000 + 125 * frame as u64)));
        frames.show();
    });
    println!("{:<36} {:>8.2} ms", "race on the welcome", frame.as_secs_f64() * 1e3);
}

/// The map in the canvas's place: the first frame, which looks at every step, and those behind it.
fn map(entries: &[Entry]) {
    let mut log = Log::new(support::header(1024));
    for entry in entries {
        log.push(entry);
    }
    println!("map of 1,024 steps");
    for layer in Layer::all() {
        let first = support::median(5, |_| {
            let mut frames = Frames { app: App::replay("run.jsonl", Box::new(log.clone()), theme()) };
            update(&mut frames.app, Action::Layer(layer));
            frames.draw(entries.len());
        });
        let mut frames = Frames { app: App::replay("run.jsonl", Box::new(log.clone()), theme()) };
        update(&mut frames.app, Action::Pane(Pane::Map));
        update(&mut frames.app, Action::Layer(layer));
        frames.draw(entries.len());
        let moving = support::median(FRAMES, |frame| frames.draw(entries.len() - 60 + frame));
        let (first, moving) = (first.as_secs_f64() * 1e3, moving.as_secs_f64() * 1e3);
        println!("  {:<12} first frame {first:>8.2} ms, then {moving:>6.2} ms", layer.name());
    }
}

/// A frame for each step as it arrives.
fn live(entries: &[Entry]) {
    let header = support::header(1024);
    let mut frames = Frames {
        app: App::live(Layers::default(), Some(header.prompt.clone()), theme(), Vec::new(), ModelRequest::default()),
    };
    frames.hear(Event::Ready { denoiser: header.denoiser.clone(), guide: None, request: None, warnings: Vec::new() });
    update(&mut frames.app, Action::Submit);
    frames.hear(Event::Started { run: 1, header: Box::new(header) });
    let mut steps = entries.iter();
    for (name, until) in [("live, at step 10", 10), ("live, at step 1,000", 960)] {
        let mut push = |frames: &mut Frames| {
            let entry = steps.next().expect("there are more steps than frames").clone();
            frames.hear(Event::Step { run: 1, entry: entry.into() });
        };
        while frames.app.len() < until {
            push(&mut frames);
        }
        let frame = support::median(FRAMES, |_| {
            push(&mut frames);
            frames.picture();
        });
        println!("{name:<36} {:>8.2} ms", frame.as_secs_f64() * 1e3);
    }
}

fn theme() -> Theme {
    Theme::new(ThemeName::Dark, Level::True)
}

struct Frames {
    app: App,
}

impl Frames {
    fn hear(&mut self, event: Event) {
        update(&mut self.app, Action::Engine(Box::new(event)));
    }

    /// Shows a step.
    fn draw(&mut self, steps: usize) {
        update(&mut self.app, Action::ScrubTo(steps));
        self.picture();
    }

    fn picture(&self) -> FrameInfo {
        let mut buffer = Buffer::empty(AREA);
        let drawn = view::draw(&self.app, AREA, &mut buffer);
        std::hint::black_box(&buffer);
        drawn
    }

    /// Draws, and lets the state know what was drawn.
    fn show(&mut self) {
        let drawn = self.picture();
        update(&mut self.app, Action::Drawn(Box::new(drawn)));
    }
}
