//! What is kept on the disk of what the engine says.

use std::sync::Arc;

use crate::{
    engine::protocol::{Event, RunId},
    kept::Keeper,
    session::Session,
    trace::{End, Entry},
};

/// What an event adds to a kept run.
pub(super) enum Addition {
    Start(RunId),
    Step(RunId, Arc<Entry>),
    End(RunId, Option<Box<End>>),
}

impl Addition {
    /// Of an event, if it adds anything.
    pub fn of(event: &Event) -> Option<Self> {
        match event {
            Event::Started { run, .. } => Some(Self::Start(*run)),
            Event::Step { run, entry } => Some(Self::Step(*run, Arc::clone(entry))),
            Event::Finished { run, end } => Some(Self::End(*run, Some(end.clone()))),
            Event::Failed { run, .. } => Some(Self::End(*run, None)),
            _ => None,
        }
    }

    /// Keeps it. A run begins with what the session has of it then, which is what a fork repeats.
    pub fn keep(self, keeper: &Keeper, session: &Session) {
        match self {
            Self::Start(run) => {
                if let Some(started) = session.runs().iter().find(|started| started.id == run) {
                    keeper.begin(run, started.log.clone());
                }
            }
            Self::Step(run, entry) => keeper.step(run, entry),
            Self::End(run, end) => keeper.end(run, end),
        }
    }
}
