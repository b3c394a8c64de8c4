//! What of a canvas no rule has written, and what no rule may change.

use std::collections::BTreeSet;

use super::{Log, fork::follow_pins};
use crate::decode::record::Reason;

impl Log {
    /// Positions that hold a token which no rule has written, after `steps` steps: it was given, or written by hand.
    pub fn by_hand(&self, steps: usize) -> BTreeSet<usize> {
        let mut by_hand: BTreeSet<usize> = self.header().given.iter().map(|token| token.position).collect();
        if !self.has_hands(steps) {
            return by_hand;
        }
        for step in self.steps().iter().take(steps) {
            for position in step.remasked() {
                by_hand.remove(position);
            }
            for commit in &step.commits {
                if commit.reason == Reason::ByHand {
                    by_hand.insert(commit.position);
                } else {
                    by_hand.remove(&commit.position);
                }
            }
        }
        by_hand
    }

    /// Positions that are pinned after `steps` steps.
    pub fn pinned(&self, steps: usize) -> Vec<usize> {
        let mut pinned = self.header().pinned();
        let edits = self.steps().iter().take(steps).flat_map(super::Step::edits);
        edits.for_each(|edit| follow_pins(&mut pinned, edit));
        pinned
    }

    /// Whether a position is pinned after `steps` steps.
    pub fn is_pinned(&self, steps: usize, position: usize) -> bool {
        self.pinned(steps).contains(&position)
    }

    /// One past the last token that is pinned and part of the text, after `steps` steps: no end of text ends the answer
    /// before it. The end of the prompt where nothing is pinned.
    pub fn fixed(&self, steps: usize) -> usize {
        let (header, canvas) = (self.header(), self.canvas(steps));
        let is_text = |position: &usize| canvas.id(*position).is_some_and(|id| !header.is_end(id));
        let last = self.pinned(steps).into_iter().filter(is_text).max();
        last.map_or(header.prompt_ids.len(), |position| position + 1)
    }

    /// Whether anything was given, or changed by hand, in the first `steps` steps.
    fn has_hands(&self, steps: usize) -> bool {
        !self.header().given.is_empty() || self.steps().iter().take(steps).any(|step| !step.edits().is_empty())
    }
}
