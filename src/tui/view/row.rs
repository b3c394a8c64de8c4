//! Rows of a canvas: which cells show which position. Running text, grid and sudoku are all laid out in them.

use std::borrow::Cow;

use super::pen::width;

/// What kind of ink a piece of a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Ink {
    /// Text of a token.
    Text,
    /// The draft that stands in place of a mask.
    Draft,
    /// The sign of a mask.
    Mask,
    /// A sign for a token that has no visible text of its own.
    Sign,
    /// The border between two blocks, or the frame of a grid.
    Border,
    /// The mark of a draft that this step changed.
    Mark,
}

impl Ink {
    /// Whether it stands for a place that is still open.
    pub fn is_open(self) -> bool {
        matches!(self, Self::Draft | Self::Mask)
    }
}

/// A token to lay out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token<'a> {
    /// Absolute position.
    pub position: usize,
    /// What is shown of it.
    pub text: Cow<'a, str>,
    /// How.
    pub ink: Ink,
    /// Whether a block begins with it.
    pub opens_block: bool,
    /// Whether it is a draft that this step changed.
    pub is_new_draft: bool,
}

/// A piece of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fragment {
    /// The position that it shows; `None` for borders and marks.
    pub position: Option<usize>,
    /// First cell, from the left of the row.
    pub x: u16,
    /// Cells.
    pub width: u16,
    /// What is shown.
    pub text: String,
    /// How.
    pub ink: Ink,
    /// Positions of later tokens whose text completes the last grapheme of this one.
    pub completed_by: Vec<usize>,
}

impl Fragment {
    /// Whether it shows a position, by itself or as a part of a grapheme.
    pub fn shows(&self, position: usize) -> bool {
        self.position == Some(position) || self.completed_by.contains(&position)
    }
}

/// A row of pieces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextRow {
    /// Its pieces, from left to right.
    pub pieces: Vec<Fragment>,
    /// Whether a block begins with it.
    pub opens_block: bool,
}

impl TextRow {
    /// The first position that the row shows.
    pub fn first(&self) -> Option<usize> {
        self.pieces.iter().find_map(|piece| piece.position)
    }

    /// Whether it shows a position.
    pub fn shows(&self, position: usize) -> bool {
        self.pieces.iter().any(|piece| piece.shows(position))
    }

    /// Adds a part of a position, to its last one where that ends there. Returns the cell behind it.
    pub fn put(&mut self, position: usize, x: u16, text: String, ink: Ink) -> u16 {
        let cells = width(&text);
        match self.pieces.last_mut() {
            Some(last) if last.position == Some(position) && last.ink == ink && last.x + last.width == x => {
                last.text.push_str(&text);
                last.width += cells;
            }
            _ => self.push(Some(position), x, text, ink),
        }
        x + cells
    }

    /// Adds a sign that shows no position.
    pub fn sign(&mut self, x: u16, text: &str, ink: Ink) {
        self.push(None, x, text.to_owned(), ink);
    }

    /// Adds the border before what begins at `x`, if there is a cell for it.
    pub fn border(&mut self, x: u16, border: &str) {
        if self.pieces.last().is_some_and(|last| last.ink == Ink::Mark && last.x + 1 == x) {
            self.pieces.pop();
        }
        let end = self.pieces.last().map_or(0, |last| last.x + last.width);
        if end < x {
            self.sign(x - 1, border, Ink::Border);
        }
    }

    fn push(&mut self, position: Option<usize>, x: u16, text: String, ink: Ink) {
        self.pieces.push(Fragment { position, x, width: width(&text), text, ink, completed_by: Vec::new() });
    }
}
