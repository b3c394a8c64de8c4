//! The smallest pieces of a demo.

use std::time::Duration;

use crate::{
    session::{EventWalk, Phase, Run, RunEvent, RunEventKind},
    tui::{action::Action, app::App},
};

/// A piece of a demo.
#[derive(Debug, Clone, PartialEq)]
pub enum Beat {
    /// Something is done.
    Act(Action),
    /// A row of the key table is done, by its name.
    Key(String),
    /// What was asked about is confirmed by the same action, where something was asked.
    Confirm(Action),
    /// Nothing, for so long.
    Wait(Duration),
    /// Nothing, until the run is so far.
    Until(Milestone),
}

/// How far a run is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Milestone {
    /// It has done so many steps, or has ended before.
    Step(usize),
    /// It is in this block, counted from 1, or has ended before.
    Block(usize),
    /// Something worth a look has happened since it is waited for, as `n` walks over it; or it has ended.
    Event,
    /// It has ended.
    End,
}

impl Milestone {
    /// Whether the run under way is so far; without one, the shown run. It has been waited for since that had done so many
    /// steps.
    ///
    /// # Errors
    /// When it will never be, and why.
    pub fn is_reached(self, app: &App, since: usize) -> Result<bool, String> {
        let run = watched(app).ok_or("there is no run to wait for")?;
        let is_over = !run.is_under_way();
        let is_there = match self {
            Self::Step(step) => run.log.len() >= step,
            Self::Block(block) => run.log.block_starts().count() >= block,
            Self::Event => EventWalk::default().events(&run.log).iter().any(|event| is_news(event, since)),
            Self::End => false,
        };
        if !is_there && !is_over && run.phase == Phase::Paused {
            return Err(format!("{self} is waited for, and the run is paused"));
        }
        Ok(is_there || is_over)
    }
}

/// The run that a demo watches: the one under way, else the shown one.
pub(super) fn watched(app: &App) -> Option<&Run> {
    app.session().under_way().or(app.run())
}

/// Whether an event came behind so many steps. Which token is the least sure of all is no event of its step.
fn is_news(event: &RunEvent, since: usize) -> bool {
    event.place.0 > since && !matches!(event.kind, RunEventKind::LeastSure(_))
}

impl std::fmt::Display for Milestone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Step(step) => write!(f, "step {step}"),
            Self::Block(block) => write!(f, "block {block}"),
            Self::Event => f.write_str("an event"),
            Self::End => f.write_str("the end"),
        }
    }
}
