//! The frames of a recording: what the playground shows while a run is played again, and when.

use ratatui::{
    buffer::Buffer,
    layout::Rect,
    style::{Modifier, Style},
};
use unicode_segmentation::UnicodeSegmentation;

use super::options::{ExportError, ExportOptions};
use crate::{
    engine::protocol::{Event, RunId},
    trace::{Entry, Log},
    tui::{
        Action, App, Focus, Scene,
        theme::{Level, Theme},
        update, view,
    },
};

/// Seconds that an empty prompt is shown, that a keystroke of it takes, and that the whole prompt is looked at.
const BEFORE_TYPING: f64 = 0.6;
const KEYSTROKE: f64 = 0.06;
const BEFORE_ENTER: f64 = 0.7;

/// A prompt is typed in so many frames at most: of a longer one, several characters come at once.
const KEYSTROKES: usize = 64;

/// Seconds that the first canvas is shown, before its next step takes what it took.
const FIRST: f64 = 1.0;

/// A screen, and the time from which on it is shown.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// Seconds since the first frame.
    pub time: f64,
    /// The screen.
    pub screen: Buffer,
    /// What begins here, for players that jump from mark to mark.
    pub marker: Option<String>,
}

/// What is shown at a moment.
#[derive(Debug, Clone, Copy)]
enum Shot {
    /// The first so many bytes of the prompt.
    Typed(usize),
    /// Each run after so many steps.
    Steps([usize; 2]),
}

/// The frames of a log: the prompt as it is typed, the canvas of masks, then one for each step. Nothing but the log and the
/// options determines them.
pub struct Frames<'a> {
    log: &'a Log,
    options: &'a ExportOptions,
    app: App,
    runs: Vec<PlayedRun<'a>>,
    plan: Vec<(f64, Shot)>,
    next: usize,
    end: f64,
}

/// A run that is played again.
struct PlayedRun<'a> {
    id: RunId,
    log: &'a Log,
    entries: Box<dyn Iterator<Item = Entry> + 'a>,
    done: usize,
}

impl<'a> PlayedRun<'a> {
    fn new(id: RunId, log: &'a Log) -> Self {
        Self { id, log, entries: Box::new(log.entries()), done: 0 }
    }

    /// Lets it happen up to a step, and end where that is the last one.
    fn play(&mut self, steps: usize, app: &mut App) {
        let run = self.id;
        let before = self.done;
        for entry in self.entries.by_ref().take(steps.saturating_sub(before)) {
            self.done += 1;
            tell(app, Event::Step { run, entry: entry.into() });
        }
        if let Some(end) = self.log.end().filter(|_| self.done == self.log.len() && before < self.done) {
            tell(app, Event::Finished { run, end: Box::new(end.clone()) });
        }
    }
}

fn tell(app: &mut App, event: Event) {
    update(app, Action::Engine(Box::new(event)));
}

impl<'a> Frames<'a> {
    /// Those of `log`.
    ///
    /// # Errors
    /// When the options are out of range or ask for two logs, or the log is empty.
    pub fn of(log: &'a Log, options: &'a ExportOptions) -> Result<Self, ExportError> {
        if options.scene == Scene::Compare {
            return Err(ExportError::Alone);
        }
        let app = App::recording(log.header(), Theme::new(options.theme, Level::True));
        Self::planned(app, vec![PlayedRun::new(0, log)], options)
    }

    /// Those of two logs beside each other.
    ///
    /// # Errors
    /// When the options are out of range or their scene is one of a single log, or both logs are empty.
    pub fn of_two(log: &'a Log, against: &'a Log, options: &'a ExportOptions) -> Result<Self, ExportError> {
        if options.scene != Scene::Compare {
            return Err(ExportError::NotCompared);
        }
        let theme = Theme::new(options.theme, Level::True);
        let app = App::recording_of_two([log.header(), against.header()], options.axis, theme);
        Self::planned(app, vec![PlayedRun::new(0, log), PlayedRun::new(1, against)], options)
    }

    fn planned(mut app: App, runs: Vec<PlayedRun<'a>>, options: &'a ExportOptions) -> Result<Self, ExportError> {
        options.check()?;
        if runs.iter().all(|run| run.log.is_empty()) {
            return Err(ExportError::Empty);
        }
        app.framing = options.framing();
        for action in [Action::Layer(options.layer), Action::Arrange(options.arrangement), Action::Pane(options.pane())]
        {
            update(&mut app, action);
        }
        let logs: Vec<&Log> = runs.iter().map(|run| run.log).collect();
        let (plan, end) = plan(&logs, options)?;
        Ok(Self { log: logs[0], options, app, runs, plan, next: 0, end })
    }

    /// The log; of two, the first.
    pub fn log(&self) -> &'a Log {
        self.log
    }

    /// How the recording looks.
    pub fn options(&self) -> &'a ExportOptions {
        self.options
    }

    /// What the recording is called: as it was asked for, else by its prompt.
    pub fn title(&self) -> String {
        let title = if self.options.title.is_empty() { &self.log.header().prompt } else { &self.options.title };
        crate::printable::line(title)
    }

    /// The area of every frame.
    pub fn area(&self) -> Rect {
        Rect::new(0, 0, self.options.width, self.options.height)
    }

    /// When each of the frames that are to come is shown, in seconds.
    pub fn times(&self) -> impl Iterator<Item = f64> + '_ {
        self.plan[self.next..].iter().map(|(time, _)| *time)
    }

    /// The last frame; those before it are not drawn.
    pub fn last_frame(mut self) -> Option<Frame> {
        self.next = self.plan.len().checked_sub(1)?;
        self.next()
    }

    /// When the last frame has been shown long enough, in seconds: where the recording ends.
    pub fn end(&self) -> f64 {
        self.end
    }

    /// Lets happen what a shot shows.
    fn take(&mut self, shot: Shot) {
        match shot {
            Shot::Typed(bytes) => self.app.prompt.set(&self.log.header().prompt[..bytes]),
            Shot::Steps(steps) => {
                if self.app.run().is_none() {
                    tell(&mut self.app, Event::Started { run: 0, header: Box::new(self.log.header().clone()) });
                    update(&mut self.app, Action::Focus(Focus::Canvas));
                }
                for (run, steps) in self.runs.iter_mut().zip(steps) {
                    run.play(steps, &mut self.app);
                }
            }
        }
    }

    /// The block that begins with the shown step, where one does.
    fn marker(&self, shot: Shot) -> Option<String> {
        let Shot::Steps([steps, _]) = shot else { return None };
        let block = self.log.block_starts().position(|start| start == steps)?;
        Some(format!("block {}", block + 1))
    }

    fn draw(&self) -> Buffer {
        let area = self.area();
        let mut screen = Buffer::empty(area);
        let drawn = view::draw(&self.app, area, &mut screen);
        if let Some(cell) = drawn.cursor.and_then(|cursor| screen.cell_mut(cursor)) {
            cell.set_style(Style::new().add_modifier(Modifier::REVERSED));
        }
        screen
    }
}

impl Iterator for Frames<'_> {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        let (time, shot) = *self.plan.get(self.next)?;
        self.next += 1;
        self.take(shot);
        Some(Frame { time, screen: self.draw(), marker: self.marker(shot) })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.plan.len() - self.next;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Frames<'_> {}

/// What is shown when, and when it ends.
fn plan(logs: &[&Log], options: &ExportOptions) -> Result<(Vec<(f64, Shot)>, f64), ExportError> {
    let mut plan = Vec::new();
    let mut time = 0.0;
    if let ([log], true) = (logs, options.typing && options.steps.begins()) {
        for (bytes, pause) in keystrokes(&log.header().prompt) {
            plan.push((time, Shot::Typed(bytes)));
            time += options.brief(pause);
        }
    }
    let stops = stops(logs, options);
    let Some((first, _)) = stops.first() else {
        let len = logs.iter().map(|log| options.axis.place(log, log.len())).max().unwrap_or_default();
        return Err(ExportError::Beyond { first: options.steps.first, len });
    };
    plan.push((time, Shot::Steps(*first)));
    let mut wait = FIRST;
    for (steps, seconds) in &stops[1..] {
        time += options.brief(wait + options.pause(*seconds));
        wait = 0.0;
        plan.push((time, Shot::Steps(*steps)));
    }
    Ok((plan, time + options.brief(options.hold)))
}

/// How far the prompt is typed, and for how many seconds each.
fn keystrokes(prompt: &str) -> Vec<(usize, f64)> {
    let ends: Vec<usize> = prompt.grapheme_indices(true).map(|(at, grapheme)| at + grapheme.len()).collect();
    let at_once = ends.len().div_ceil(KEYSTROKES).max(1);
    let mut typed = vec![(0, BEFORE_TYPING)];
    typed.extend(ends.chunks(at_once).filter_map(|chunk| Some((*chunk.last()?, KEYSTROKE))));
    if let Some((_, pause)) = typed.last_mut() {
        *pause = BEFORE_ENTER;
    }
    typed
}

/// The steps of each run that are shown, and how many seconds they took after the ones before.
fn stops(logs: &[&Log], options: &ExportOptions) -> Vec<([usize; 2], f64)> {
    let axis = options.axis;
    let both = [logs[0], logs[logs.len() - 1]];
    // One run is shown step by step, whatever two would be aligned by.
    let axis = if logs.len() == 1 { crate::session::Axis::Steps } else { axis };
    let places = std::iter::successors(Some(0), |place| axis.next_stop(both, *place));
    let mut before = [0, 0];
    let mut stops = Vec::new();
    for place in places {
        let steps = both.map(|log| axis.steps(log, place));
        if options.steps.holds(place) {
            let took = |(log, (from, to)): (&&Log, (usize, usize))| {
                log.cost_up_to(to).total_us().saturating_sub(log.cost_up_to(from).total_us()) as f64 / 1e6
            };
            let each = both.iter().zip(before.into_iter().zip(steps)).map(took);
            stops.push((steps, each.fold(0.0, f64::max)));
        }
        before = steps;
    }
    stops
}
