//! Takes a script to the playground.

use std::{collections::VecDeque, time::Duration};

use super::{Beat, DemoError, DemoScript, beat::watched};
use crate::{
    engine::protocol::RunId,
    settings::Preset,
    tui::{
        action::Action,
        app::{App, EngineState},
        keymap::Context,
    },
};

/// A demo under way: what of its script is still to come.
#[derive(Debug, Clone)]
pub struct Director {
    file: String,
    beats: VecDeque<(usize, Beat)>,
    /// Until when the beat in front waits.
    waits: Option<Duration>,
    /// How many steps the run had done when the beat in front began to wait for it.
    since: Option<usize>,
    /// Whether something was done already.
    begun: bool,
    /// The play of the last beat.
    play: usize,
    /// The run that was asked for last.
    last_run: RunId,
    /// Whether that has not begun yet.
    awaits_run: bool,
}

/// Something of a demo that could not be done: one sentence that names the play.
pub type Miscue = String;

impl Director {
    /// At the beginning of a script.
    ///
    /// # Errors
    /// When something of it cannot be done at all.
    pub fn new(script: &DemoScript) -> Result<Self, DemoError> {
        let beats = script.beats()?.into();
        Ok(Self {
            file: script.file.clone(),
            beats,
            waits: None,
            since: None,
            begun: false,
            play: 1,
            last_run: 0,
            awaits_run: false,
        })
    }

    /// Whether everything has been done.
    pub fn is_over(&self) -> bool {
        self.beats.is_empty()
    }

    /// The play that is on, from 1.
    pub fn play(&self) -> usize {
        self.play
    }

    /// When it will have something to do; `None` where that depends on a run.
    pub fn due(&self) -> Option<Duration> {
        self.waits
    }

    /// What happens now; `None` where nothing does yet. Ask again after it was done.
    ///
    /// # Errors
    /// When the last action was refused, or the next one cannot be done.
    pub fn next(&mut self, app: &App) -> Result<Option<Action>, Miscue> {
        if let Some(refusal) = app.notice().filter(|notice| self.begun && notice.is_error) {
            return Err(self.miscue(&refusal.text));
        }
        match &app.engine {
            EngineState::Failed(reason) => return Err(self.miscue(reason)),
            EngineState::Loading => return Ok(None),
            EngineState::Ready { .. } | EngineState::Absent => {}
        }
        while !self.awaits_run(app)
            && let Some((play, beat)) = self.beats.front()
        {
            self.play = *play;
            let action = match beat {
                Beat::Act(action) => {
                    check(app, action).map_err(|reason| self.miscue(&reason))?;
                    Some(action.clone())
                }
                Beat::Key(name) => Some(named(app, name).map_err(|reason| self.miscue(&reason))?),
                Beat::Confirm(action) => app.asked.is_some().then(|| action.clone()),
                Beat::Wait(time) => {
                    let until = *self.waits.get_or_insert(app.now() + *time);
                    if app.now() < until {
                        return Ok(None);
                    }
                    self.waits = None;
                    None
                }
                Beat::Until(milestone) => {
                    let since = *self.since.get_or_insert(watched(app).map_or(0, |run| run.log.len()));
                    if !milestone.is_reached(app, since).map_err(|reason| self.miscue(&reason))? {
                        return Ok(None);
                    }
                    self.since = None;
                    None
                }
            };
            self.beats.pop_front();
            if action.is_some() {
                self.begun = true;
                return Ok(action);
            }
        }
        Ok(None)
    }

    /// Whether the run that was asked for last has not begun yet.
    fn awaits_run(&mut self, app: &App) -> bool {
        if app.last_run() != self.last_run {
            (self.last_run, self.awaits_run) = (app.last_run(), true);
        }
        self.awaits_run &= app.session().get(self.last_run).is_none();
        self.awaits_run
    }

    /// A sentence that names the play.
    pub fn miscue(&self, reason: &str) -> Miscue {
        format!("{}, play {}: {reason}", self.file, self.play)
    }
}

/// Refuses what the playground would pass over without a word.
fn check(app: &App, action: &Action) -> Result<(), String> {
    let no_run = || "there is no run yet".to_owned();
    match action {
        Action::TakePreset(name) => {
            let known = |preset: &Preset| preset.name == *name;
            app.presets().library.all().any(known).then_some(()).ok_or_else(|| format!("there is no preset '{name}'"))
        }
        Action::Select(position) => {
            let length = app.log().map(|log| log.header().canvas_length()).ok_or_else(no_run)?;
            (*position < length)
                .then_some(())
                .ok_or_else(|| format!("there is no position {position}: the canvas has {length}"))
        }
        Action::ScrubTo(step) if app.len() < *step => {
            Err(format!("there is no step {step} yet: the run has done {}", app.len()))
        }
        Action::Fork | Action::Follow => app.run().map(drop).ok_or_else(no_run),
        Action::ShowRun(run) => app.session().get(*run).map(drop).ok_or_else(|| format!("there is no run {run}")),
        Action::EntryChar(_) if app.context() == Context::Prompt || !app.context().takes_text() => {
            Err("no line is open to type into: do what opens one before".to_owned())
        }
        _ => Ok(()),
    }
}

/// What a row of the key table does, where keys go now.
fn named(app: &App, name: &str) -> Result<Action, String> {
    let bindings = app.keymap().bindings();
    let binding = bindings.iter().find(|binding| binding.name == name);
    let binding = binding.ok_or_else(|| format!("the key table has no '{name}'"))?;
    if !app.contexts().any(|context| binding.contexts.contains(&context)) {
        return Err(format!("'{name}' does nothing where keys go now"));
    }
    (binding.available)(app).map_err(|reason| format!("{}: {reason}", binding.label))?;
    Ok(binding.action.clone())
}
