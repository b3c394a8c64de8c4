//! Changes of the canvas by hand, between two steps.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::{
    canvas::Canvas,
    record::{Commit, Reason},
};

/// A change of the canvas by hand. Positions are absolute and lie behind the prompt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Edit {
    /// Writes a token, over a mask or over another token.
    Write {
        /// The position.
        position: usize,
        /// The token.
        token: u32,
    },
    /// Masks the tokens of a span again, pinned ones too, which are pinned no more.
    Remask {
        /// First position.
        start: usize,
        /// One past the last position.
        end: usize,
    },
    /// Pins a token, so that no rule masks it again or writes over it; or lets rules have it again.
    Pin {
        /// The position, which holds a token.
        position: usize,
        /// Whether it is pinned from now on.
        pinned: bool,
    },
}

impl Edit {
    /// The positions that it is about.
    pub fn positions(&self) -> Range<usize> {
        match *self {
            Self::Write { position, .. } | Self::Pin { position, .. } => position..position + 1,
            Self::Remask { start, end } => start..end,
        }
    }

    /// Why it cannot be made on `canvas` with a vocabulary of `vocab_size` tokens, if so; one sentence.
    pub(super) fn refusal(&self, canvas: &Canvas, vocab_size: usize) -> Option<String> {
        let Range { start, end } = self.positions();
        let (prompt, length) = (canvas.prompt(), canvas.len());
        if start >= end {
            return Some(format!("a span from position {start} to {end} holds nothing: its end lies behind its start"));
        }
        if start < prompt && end > prompt {
            return Some(format!(
                "the span from position {start} to {end} crosses the border between prompt and answer at {prompt}: choose \
                 positions from {prompt} on"
            ));
        }
        if start < prompt {
            return Some(format!(
                "position {start} is in the prompt, which a run cannot change: choose one from {prompt} on, or type \
                 another prompt"
            ));
        }
        if end > length {
            return Some(format!("position {} is outside the canvas: choose one before {length}", end - 1));
        }
        match *self {
            Self::Write { token, .. } if token as usize >= vocab_size => {
                Some(format!("token {token} is not in the vocabulary of {vocab_size} tokens: choose a smaller id"))
            }
            Self::Write { token, .. } if token == canvas.mask() => {
                Some(format!("token {token} is the mask: mask position {start} again instead of writing it"))
            }
            Self::Pin { pinned: true, .. } if canvas.is_masked(start) => {
                Some(format!("position {start} is masked, and only a token can be pinned: write one first"))
            }
            Self::Write { .. } | Self::Remask { .. } | Self::Pin { .. } => None,
        }
    }

    /// Makes it.
    pub(super) fn apply(&self, canvas: &mut Canvas) {
        match *self {
            Self::Write { position, token } => canvas.write_by_hand(position, token),
            Self::Remask { start, end } => (start..end).for_each(|position| {
                canvas.remask(position);
                canvas.pin(position, false);
            }),
            Self::Pin { position, pinned } => canvas.pin(position, pinned),
        }
    }
}

/// What was changed by hand since the last step.
#[derive(Debug, Clone, Default)]
pub(super) struct Edits {
    made: Vec<Edit>,
    /// The canvas before the first of them.
    before: Vec<u32>,
}

impl Edits {
    /// Makes changes, none of which is refused.
    pub fn make(&mut self, edits: &[Edit], canvas: &mut Canvas) {
        if self.made.is_empty() {
            self.before = canvas.ids().to_vec();
        }
        for edit in edits {
            edit.apply(canvas);
        }
        self.made.extend_from_slice(edits);
    }

    /// The canvas before the first of them, where there are any.
    pub fn before(&self) -> Option<Vec<u32>> {
        (!self.made.is_empty()).then(|| self.before.clone())
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.made.is_empty()
    }

    /// What was written, and which committed positions were masked, both ascending.
    pub fn outcome(&self, canvas: &Canvas) -> (Vec<Commit>, Vec<usize>) {
        let is_written =
            |at: usize| self.made.iter().any(|edit| matches!(edit, Edit::Write { position, .. } if *position == at));
        let commit = |position: usize| Commit {
            position,
            token: canvas.ids()[position],
            confidence: 0.0,
            reason: Reason::ByHand,
        };
        let changed = canvas.prompt()..self.before.len();
        let commits = changed.clone().filter(|at| !canvas.is_masked(*at) && is_written(*at)).map(commit).collect();
        let remasked = changed.filter(|at| canvas.is_masked(*at) && self.before[*at] != canvas.mask()).collect();
        (commits, remasked)
    }

    /// The changes themselves; none are left.
    pub fn take(&mut self) -> Vec<Edit> {
        std::mem::take(&mut self.made)
    }
}
