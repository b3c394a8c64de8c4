//! What of a canvas no rule has written, and what no rule may change.

use super::{CanvasView, Log};
use crate::decode::record::Reason;

impl CanvasView<'_> {
    /// Whether a position behind the prompt holds a token that no rule has written: it was given, or written by hand.
    pub fn is_by_hand(&self, position: usize) -> bool {
        match self.written(position) {
            Some((_, reason, _)) => reason == Reason::ByHand,
            None => self.is_given(position),
        }
    }
}

impl Log {
    /// One past the last token that is pinned and part of the text, after `steps` steps: no end of text ends the answer
    /// before it. The end of the prompt where nothing is pinned.
    pub fn fixed(&self, steps: usize) -> usize {
        let (header, canvas) = (self.header(), self.canvas(steps));
        let is_text = |position: &usize| canvas.id(*position).is_some_and(|id| !header.is_end(id));
        let last = self.pinned(steps).filter(is_text).last();
        last.map_or(header.prompt_ids.len(), |position| position + 1)
    }
}
