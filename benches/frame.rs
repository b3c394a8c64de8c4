//! How long a full frame of 200×60 cells takes over a run of 1,024 tokens in 1,024 steps: of a live run at its newest
//! step, and scrubbed, with a step drawn again and again and with another step in every frame.
//!
//! ```sh
//! cargo bench --bench frame
//! ```

use diffuscope::{
    trace::{Entry, Log},
    tui::{
        App,
        theme::{Level, Theme, ThemeName},
        view,
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
            let mut frames =
                Frames { app: App::recording(Box::new(log.clone()), Theme::new(ThemeName::Dark, Level::True)) };
            frames.app.lens.selected = selected;
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
}

/// A frame for each step as it arrives.
fn live(entries: &[Entry]) {
    let mut frames = Frames {
        app: App::recording(Box::new(Log::new(support::header(1024))), Theme::new(ThemeName::Dark, Level::True)),
    };
    let mut at = 0;
    for (name, until) in [("live, at step 10", 10), ("live, at step 1,000", 960)] {
        let push = |frames: &mut Frames, at: &mut usize| {
            if let Some(run) = &mut frames.app.run {
                run.log.push(&entries[*at]);
            }
            *at += 1;
        };
        while at < until {
            push(&mut frames, &mut at);
        }
        let frame = support::median(FRAMES, |_| {
            push(&mut frames, &mut at);
            frames.draw(at);
        });
        println!("{name:<36} {:>8.2} ms", frame.as_secs_f64() * 1e3);
    }
}

struct Frames {
    app: App,
}

impl Frames {
    fn draw(&mut self, steps: usize) {
        let len = self.app.len();
        self.app.player.show(steps.min(len), len);
        let mut buffer = Buffer::empty(AREA);
        view::draw(&self.app, AREA, &mut buffer);
        std::hint::black_box(&buffer);
    }
}
