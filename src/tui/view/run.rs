//! A run as it is shown: all that the views of a run read.

use super::step::StepView;
use crate::{
    session::Phase,
    trace::Log,
    tui::{
        action::Focus,
        app::{App, Lens},
    },
};

/// A run at a step, and how it is looked at. The views of a run see this, a theme and nothing else, so that several
/// runs can be drawn beside each other.
#[derive(Debug, Clone, Copy)]
pub struct RunView<'a> {
    /// Its log.
    pub log: &'a Log,
    /// Number of steps that are shown done.
    pub at: usize,
    /// How far it is.
    pub phase: &'a Phase,
    /// How its canvas is read.
    pub lens: &'a Lens,
    /// Whether the newest step is shown, and the next one as soon as it is there.
    pub follows: bool,
    /// Whether its canvas has the focus.
    pub focused: bool,
    /// Whether it is a recording: no key can turn a knob of it.
    pub recorded: bool,
}

impl<'a> RunView<'a> {
    /// The run that the playground shows.
    pub fn of(app: &'a App) -> Option<Self> {
        let run = app.run()?;
        Some(Self {
            log: &run.log,
            at: app.shown(),
            phase: &run.phase,
            lens: &app.lens,
            follows: app.follows(),
            focused: app.focus == Focus::Canvas,
            recorded: app.is_replay(),
        })
    }

    /// The shown step, to be asked position by position.
    pub(super) fn step(&self) -> StepView<'a> {
        StepView::new(self.log, self.at)
    }
}
