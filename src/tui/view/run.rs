//! A run as it is shown: all that the views of a run read.

use std::time::Duration;

use super::step::StepView;
use crate::{
    session::Phase,
    trace::Log,
    tui::{
        action::Focus,
        app::{App, Lens},
        reveal,
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
    /// The positions that hands are on, where those are several.
    pub span: Option<(usize, usize)>,
    /// How long the shown step has been appearing; `None` where all of it is there.
    pub shown_for: Option<Duration>,
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
            span: span(app),
            shown_for: app.shown_for(),
        })
    }

    /// Whether a position is to be changed in the shown step and in no earlier one: it is masked, was written by that very
    /// step, or by none.
    pub fn is_at_hand(&self, position: usize) -> bool {
        let canvas = self.log.canvas(self.at);
        let is_masked = canvas.id(position) == Some(self.log.header().mask_id);
        is_masked || canvas.written(position).is_none_or(|(index, ..)| index + 1 == self.at)
    }

    /// The shown step, to be asked position by position.
    pub(super) fn step(&self) -> StepView<'a> {
        let hidden = self.shown_for.map_or_else(Vec::new, |shown_for| reveal::hidden(self.log, self.at, shown_for));
        StepView::new(self.log, self.at).without(hidden)
    }
}

/// The first and the last position of the span that hands are on.
fn span(app: &App) -> Option<(usize, usize)> {
    let (hands, selected) = (app.hands.filter(|_| app.has_hands())?, app.lens.selected?);
    hands.anchor.map(|anchor| (anchor.min(selected), anchor.max(selected)))
}
