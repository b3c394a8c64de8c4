//! Frames of saved runs, which are played again.

use super::{
    Frame,
    frames::FrameSource,
    options::{ExportError, ExportOptions},
    screen_of,
};
use crate::{
    engine::protocol::{Event, RunId},
    trace::{Entry, Log},
    tui::{
        Action, App, Focus, Scene, keystrokes,
        theme::{Level, Theme},
        update,
    },
};

/// Seconds that the first canvas is shown, before its next step takes what it took.
const FIRST: f64 = 1.0;

/// What is shown at a moment.
#[derive(Debug, Clone, Copy)]
enum Shot {
    /// The first so many bytes of the prompt.
    Typed(usize),
    /// Each run after so many steps.
    Steps([usize; 2]),
}

/// The frames of a log, or of two: the prompt as it is typed, the canvas of masks, then one for each step.
pub(super) struct ReplayedFrames<'a> {
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

impl<'a> ReplayedFrames<'a> {
    /// Those of one.
    pub(super) fn of(log: &'a Log, options: &'a ExportOptions) -> Result<Self, ExportError> {
        if options.scene == Scene::Compare {
            return Err(ExportError::Alone);
        }
        let app = App::recording(log.header(), Theme::new(options.theme, Level::True));
        Self::planned(app, vec![PlayedRun::new(0, log)], options)
    }

    /// Those of two.
    pub(super) fn of_two(log: &'a Log, against: &'a Log, options: &'a ExportOptions) -> Result<Self, ExportError> {
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
}

impl Iterator for ReplayedFrames<'_> {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        let (time, shot) = *self.plan.get(self.next)?;
        self.next += 1;
        self.take(shot);
        let (screen, _) = screen_of(&self.app, self.options);
        Some(Frame { time, screen, marker: self.marker(shot) })
    }
}

impl FrameSource for ReplayedFrames<'_> {
    fn times(&self) -> Vec<f64> {
        self.plan[self.next..].iter().map(|(time, _)| *time).collect()
    }

    fn end(&self) -> f64 {
        self.end
    }

    /// Those before it are not drawn.
    fn last_frame(mut self: Box<Self>) -> Option<Frame> {
        self.next = self.plan.len().checked_sub(1)?;
        self.next()
    }
}

/// What is shown when, and when it ends.
fn plan(logs: &[&Log], options: &ExportOptions) -> Result<(Vec<(f64, Shot)>, f64), ExportError> {
    let mut plan = Vec::new();
    let mut time = 0.0;
    if let ([log], true) = (logs, options.typing && options.steps.begins()) {
        for (bytes, pause) in keystrokes(&log.header().prompt) {
            plan.push((time, Shot::Typed(bytes)));
            time += options.brief(pause.as_secs_f64());
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
