//! Films of demos: a sitting with a real engine, on a clock of its own.
//!
//! Time does not pass, it is moved on to what is due next: a keystroke, the next step at the pace, the end of a wait. A step
//! comes after what the modelled machine of the script would take for it, however long it took here. So the same script
//! gives the same frames at the same times, and a minute of film takes as long as its passes do.

use std::{collections::VecDeque, io, time::Duration};

use thiserror::Error;

use super::{
    ExportError, ExportObserver, ExportOptions, Frames,
    footage::{Camera, Footage},
    screen_of,
};
use crate::{
    engine::{
        InProcess, Link, ModelRequest, Models, WaypointPolicy,
        protocol::{Command, Drive, Event},
    },
    kept::KeptNews,
    printable,
    session::Phase,
    settings::{Layers, PresetLibrary},
    tui::{
        Action, App, Effect, Redraw,
        demo::{DemoAction, DemoError, DemoScript, Director},
        examples,
        theme::{Level, Theme},
        update,
    },
};

/// No film is longer: a run that never comes to what is waited for must end somewhere.
const LONGEST: Duration = Duration::from_secs(3600);

/// What a film is made of.
pub struct DemoRequest<'a> {
    /// What happens.
    pub script: &'a DemoScript,
    /// What denoises.
    pub models: Models,
    /// What they were loaded by.
    pub from: ModelRequest,
    /// The settings to begin with.
    pub layers: Layers,
    /// The presets to choose from.
    pub presets: PresetLibrary,
}

/// Why there is no film.
#[derive(Debug, Error)]
pub enum FilmingError {
    /// The options are out of range.
    #[error(transparent)]
    Options(#[from] ExportError),
    /// Something of the script cannot be done.
    #[error(transparent)]
    Script(#[from] DemoError),
    /// Something of it could not be done when it came to that, in a sentence that names the play.
    #[error("{0}")]
    Miscue(String),
    /// It was stopped.
    #[error("{0}")]
    Stopped(#[from] io::Error),
    /// The engine has ended.
    #[error("the engine's thread has ended")]
    NoEngine,
}

/// Has a demo played, and gives its frames. The first play begins when the networks are there.
///
/// # Errors
/// When the script cannot be played to its end, or `observer` stops it.
pub fn film_demo<'a>(
    request: DemoRequest<'_>,
    options: &'a ExportOptions,
    observer: &dyn ExportObserver,
) -> Result<Frames<'a>, FilmingError> {
    options.check()?;
    let DemoRequest { script, models, from, layers, presets } = request;
    let theme = Theme::new(options.theme, Level::True);
    let mut app = App::live(layers, Some(String::new()), theme, examples(), from).with_presets(presets);
    app.framing = options.framing();
    let rate = script.gflops * 1e9;
    let engine = InProcess::keeping(WaypointPolicy::NONE, move || Ok(models.timed_by_work(rate)))?;
    let studio = Studio {
        app,
        engine,
        director: Director::new(script)?,
        camera: Camera::new(super::area(options)),
        now: Duration::ZERO,
        inbox: VecDeque::new(),
        runs_freely: false,
        marker: None,
    };
    Ok(Frames::of_demo(studio.roll(options, observer)?, options))
}

/// A sitting that is filmed.
struct Studio {
    app: App,
    engine: InProcess,
    director: Director,
    camera: Camera,
    now: Duration,
    /// What the engine has said, and when that is heard.
    inbox: VecDeque<(Duration, Event)>,
    /// Whether the run asks for its next step by itself: the playground would let the engine run.
    runs_freely: bool,
    /// What begins with the next frame.
    marker: Option<String>,
}

impl Studio {
    fn roll(mut self, options: &ExportOptions, observer: &dyn ExportObserver) -> Result<Footage, FilmingError> {
        self.await_models()?;
        loop {
            observer.filming(self.camera.len())?;
            while self.happen()? {}
            if self.app.redraw() != Redraw::No {
                let (screen, drawn) = screen_of(&self.app, options);
                self.camera.shoot(self.now.as_secs_f64(), screen, self.marker.take());
                update(&mut self.app, Action::Drawn(Box::new(drawn)));
            }
            if self.director.is_over() {
                return Ok(self.camera.cut(self.now.as_secs_f64() + options.hold));
            }
            self.move_on()?;
        }
    }

    /// Lets one thing happen that is due. Returns whether there was one.
    fn happen(&mut self) -> Result<bool, FilmingError> {
        if self.inbox.front().is_some_and(|(due, _)| *due <= self.now)
            && let Some((_, event)) = self.inbox.pop_front()
        {
            self.perform(Action::Engine(Box::new(event)))?;
            return Ok(true);
        }
        if self.runs_freely && self.inbox.is_empty() && self.is_running() {
            self.command(Command::Advance)?;
            return Ok(!self.inbox.is_empty());
        }
        match self.director.next(&self.app).map_err(FilmingError::Miscue)? {
            Some(action) => self.perform(action).map(|()| true),
            None => Ok(false),
        }
    }

    fn is_running(&self) -> bool {
        self.app.session().under_way().is_some_and(|run| run.phase == Phase::Running)
    }

    /// Moves the clock on to what is due next.
    fn move_on(&mut self) -> Result<(), FilmingError> {
        let heard = self.inbox.front().map(|(due, _)| *due);
        let next = [heard, self.director.due(), self.app.next_tick()].into_iter().flatten().min();
        let stuck = |reason| FilmingError::Miscue(self.director.miscue(reason));
        let next = next.ok_or_else(|| stuck("nothing happens any more, and it waits for something"))?;
        if next > LONGEST {
            return Err(stuck("the film is an hour long by then, and no film is longer"));
        }
        self.now = self.now.max(next);
        self.perform(Action::Tick(self.now))
    }

    fn perform(&mut self, action: Action) -> Result<(), FilmingError> {
        if let Action::Demo(DemoAction::Caption(caption)) = &action
            && !caption.is_empty()
        {
            self.marker = Some(printable::line(caption));
        }
        for effect in update(&mut self.app, action) {
            match effect {
                Effect::Engine(command) => self.command(command)?,
                Effect::Kept(_) => self.perform(Action::Kept(Box::new(KeptNews::without_folder())))?,
                // Nothing outside of the film is touched by it.
                Effect::SaveTrace(_)
                | Effect::SavePreset(_)
                | Effect::SaveDemo(_)
                | Effect::Export { .. }
                | Effect::CancelExport
                | Effect::RememberTheme(_)
                | Effect::Copy(_)
                | Effect::Repaint
                | Effect::Suspend
                | Effect::Quit => {}
            }
        }
        Ok(())
    }

    /// Has the engine do something, and waits until that is done. It takes every step by itself: a run that would be as
    /// fast as the engine is must come to the same steps at the same times here.
    fn command(&mut self, command: Command) -> Result<(), FilmingError> {
        match command {
            Command::Start(mut request) => {
                self.runs_freely = request.drive == Drive::Free;
                request.drive = Drive::Paced;
                self.settle(Command::Start(request))
            }
            Command::Drive(drive) => {
                self.runs_freely = drive == Drive::Free;
                Ok(())
            }
            Command::Load(_) => {
                Err(FilmingError::Miscue(self.director.miscue("a film keeps the models that it begins with")))
            }
            command => self.settle(command),
        }
    }

    /// Waits until the models are there. How they are loaded is no part of the film.
    fn await_models(&mut self) -> Result<(), FilmingError> {
        loop {
            let event = self.engine.wait().ok_or(FilmingError::NoEngine)?;
            if !matches!(event, Event::Loading { .. }) {
                return self.perform(Action::Engine(Box::new(event)));
            }
        }
    }

    fn settle(&mut self, command: Command) -> Result<(), FilmingError> {
        self.engine.send(command);
        self.engine.send(Command::Settle);
        loop {
            match self.engine.wait().ok_or(FilmingError::NoEngine)? {
                Event::Settled => return Ok(()),
                event => self.hear(event),
            }
        }
    }

    /// Notes when something is heard: a step after what it took, all else at once, and nothing before what came earlier.
    fn hear(&mut self, event: Event) {
        let took = match &event {
            Event::Step { entry, .. } => Duration::from_micros(entry.record.cost.total_us()),
            _ => Duration::ZERO,
        };
        let since = self.inbox.back().map_or(self.now, |(due, _)| self.now.max(*due));
        self.inbox.push_back((since + took, event));
    }
}
