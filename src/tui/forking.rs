//! A fork on its way: what it is to be, and how far the engine is with it.

use crate::{
    decode::record::Edit,
    engine::protocol::{RunId, TypedText},
    session::{Branch, Session},
    settings::Settings,
    trace::{Header, Log},
};

/// What a fork changes by hand.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ForkPlan {
    /// Changes of the canvas.
    pub edits: Vec<Edit>,
    /// Text in place of a span.
    pub text: Option<TypedText>,
    /// All that in a few words; `None` where nothing is changed by hand.
    pub by_hand: Option<String>,
}

/// A fork that the engine was asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct PendingFork {
    /// Its number.
    pub run: RunId,
    /// What it leaves, and where.
    pub branch: Branch,
    /// The settings of the parent there.
    pub base: Settings,
    /// Steps repeated, of how many, once the engine repeats them.
    pub progress: Option<(usize, usize)>,
}

impl PendingFork {
    /// The log that the fork begins with, under its header; `None` where its parent is not there any more.
    pub fn log(&self, session: &Session, header: Header) -> Option<Log> {
        if header.origin.as_ref().is_none_or(|origin| origin.cold) {
            return Some(Log::new(header));
        }
        let parent = session.get(self.branch.parent)?;
        Some(parent.log.prefix(self.branch.step, header))
    }
}
