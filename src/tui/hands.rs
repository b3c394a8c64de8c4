//! Hands on the canvas, and lines that are typed anywhere but in the prompt.

use crate::engine::protocol::RunId;

/// The longest line that can be typed.
pub const LONGEST_LINE: usize = 400;

/// Hands on the selected position.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Hands {
    /// The other end of a span, which begins or ends with the selected position.
    pub anchor: Option<usize>,
}

impl Hands {
    /// The span from its first position to one past its last.
    pub fn span(self, selected: usize) -> std::ops::Range<usize> {
        let anchor = self.anchor.unwrap_or(selected);
        anchor.min(selected)..anchor.max(selected) + 1
    }
}

/// What a typed line is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LineUse {
    /// The name of a run.
    Name(RunId),
    /// Text in place of the positions of a span.
    Text(std::ops::Range<usize>),
}

/// A line that is being typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedLine {
    /// What it is for.
    pub used: LineUse,
    /// What it says so far.
    pub text: String,
}
