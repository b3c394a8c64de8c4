//! The turns of knobs that can be taken back.

use std::collections::VecDeque;

use crate::settings::Layers;

/// The layers before each of the last turns, and after those that were taken back.
#[derive(Debug, Clone, Default)]
pub struct Turns {
    before: VecDeque<Layers>,
    after: Vec<Layers>,
    last: LastTurn,
}

/// What happened last, which the engine may still refuse.
#[derive(Debug, Clone, Copy, Default)]
enum LastTurn {
    #[default]
    Turned,
    Undone,
    Redone,
}

impl Turns {
    /// How many are kept.
    const MOST: usize = 100;

    /// Notes a turn, by the layers `before` it. What was taken back before cannot be done again.
    pub fn note(&mut self, before: Layers) {
        self.after.clear();
        self.keep(before);
        self.last = LastTurn::Turned;
    }

    fn keep(&mut self, before: Layers) {
        if self.before.len() == Self::MOST {
            self.before.pop_front();
        }
        self.before.push_back(before);
    }

    /// The layers before the last turn.
    pub fn earlier(&self) -> Option<&Layers> {
        self.before.back()
    }

    /// The layers after the turn that was taken back last.
    pub fn later(&self) -> Option<&Layers> {
        self.after.last()
    }

    /// The last turn is taken back; `now` are the layers after it.
    pub fn undo(&mut self, now: Layers) {
        self.before.pop_back();
        self.after.push(now);
        self.last = LastTurn::Undone;
    }

    /// The turn that was taken back last is done again; `now` are the layers before it.
    pub fn redo(&mut self, now: Layers) {
        self.after.pop();
        self.keep(now);
        self.last = LastTurn::Redone;
    }

    /// What happened last did not come into force; `refused` are the layers that it led to.
    pub fn refuse(&mut self, refused: Layers) {
        match self.last {
            LastTurn::Turned => drop(self.before.pop_back()),
            LastTurn::Undone => {
                self.after.pop();
                self.keep(refused);
            }
            LastTurn::Redone => {
                self.before.pop_back();
                self.after.push(refused);
            }
        }
    }
}
