//! Laying a sudoku out as the grid that it is: boxes, the digits that the prompt gives in brackets, and what else the
//! answer holds below it.

use super::{
    pen::cut,
    row::{Ink, TextRow, Token},
};
use crate::{tasks::SudokuGrid, tui::theme::Glyphs};

/// Cells from one cell of the sudoku to the next.
const PITCH: u16 = 4;

/// A sudoku on its way to rows.
pub struct SudokuBoard<'a> {
    grid: SudokuGrid,
    glyphs: &'a Glyphs,
}

impl<'a> SudokuBoard<'a> {
    /// The sudoku that a prompt asks for, if an answer of these tokens has its shape as far as it is written: a digit for
    /// each cell, and a line break after each row. Also gives the tokens behind it.
    pub fn of<'t>(
        prompt: &str,
        tokens: &'t [Token<'t>],
        width: u16,
        glyphs: &'a Glyphs,
    ) -> Option<(Self, &'t [Token<'t>], &'t [Token<'t>])> {
        let grid = SudokuGrid::read(prompt)?;
        let side = grid.side();
        let (cells, rest) = tokens.split_at_checked(side * (side + 1) - 1)?;
        let fits = |(at, token): (usize, &Token<'_>)| {
            let text = token.text.trim_matches(' ');
            let is_break = at % (side + 1) == side;
            let is_digit = || text.len() == 1 && text.starts_with(|c: char| c.is_ascii_digit());
            token.ink.is_open() || (token.ink == Ink::Text && if is_break { text == "\n" } else { is_digit() })
        };
        let board = Self { grid, glyphs };
        let is_one = cells.iter().enumerate().all(fits) && board.width() + 2 <= width;
        is_one.then_some((board, cells, rest))
    }

    /// Cells between the frames of a box.
    fn box_width(&self) -> u16 {
        self.grid.boxes().1 as u16 * PITCH + 1
    }

    fn boxes_across(&self) -> usize {
        self.grid.side() / self.grid.boxes().1
    }

    fn width(&self) -> u16 {
        self.boxes_across() as u16 * (self.box_width() + 1) + 1
    }

    /// Its rows, the frames included.
    pub fn rows(&self, cells: &[Token<'_>]) -> Vec<TextRow> {
        let glyphs = self.glyphs;
        let ([top_left, top_right, bottom_left, bottom_right], [down, up, right, left, cross]) =
            (glyphs.corners, glyphs.tees);
        let lines = cells.chunks(self.grid.side() + 1).enumerate().map(|(at, tokens)| self.line(at, tokens));
        let lines: Vec<_> = lines.collect();
        let mut rows = vec![self.edge([top_left, down, top_right])];
        for (at, lines) in lines.chunks(self.grid.boxes().0).enumerate() {
            if at > 0 {
                rows.push(self.edge([right, cross, left]));
            }
            rows.extend_from_slice(lines);
        }
        rows.push(self.edge([bottom_left, up, bottom_right]));
        rows
    }

    /// An edge between boxes, by its left end, its crossings and its right end.
    fn edge(&self, [left, cross, right]: [&str; 3]) -> TextRow {
        let across = self.glyphs.rule.repeat(usize::from(self.box_width()));
        let mut row = TextRow::default();
        row.sign(0, &format!("{left}{}{right}", vec![across; self.boxes_across()].join(cross)), Ink::Border);
        row
    }

    /// A row of cells, and the line break behind it.
    fn line(&self, line: usize, tokens: &[Token<'_>]) -> TextRow {
        let mut row = TextRow::default();
        let columns = self.grid.boxes().1;
        for (column, token) in tokens.iter().enumerate() {
            let (block, within) = ((column / columns) as u16, (column % columns) as u16);
            let frame = block * (self.box_width() + 1);
            if within == 0 {
                row.sign(frame, self.glyphs.upright, Ink::Border);
            }
            if column < self.grid.side() {
                self.cell(&mut row, frame + 2 + within * PITCH, self.grid.given(line, column).is_some(), token);
            } else {
                row.put(token.position, frame + 2, self.shown(token, 1), token.ink_by_itself());
            }
        }
        if tokens.len() == self.grid.side() {
            row.sign(self.width() - 1, self.glyphs.upright, Ink::Border);
        }
        row
    }

    /// A cell of three: what the answer holds, in brackets where the prompt gives it.
    fn cell(&self, row: &mut TextRow, x: u16, is_given: bool, token: &Token<'_>) {
        let text = self.shown(token, if is_given { 1 } else { 3 });
        let at = x + u16::from(super::pen::width(&text) == 1);
        if is_given {
            row.sign(x, "[", Ink::Border);
        }
        row.put(token.position, at, text, token.ink);
        if is_given {
            row.sign(x + 2, "]", Ink::Border);
        }
        if token.is_new_draft {
            row.sign(x + 3, self.glyphs.new_draft, Ink::Mark);
        }
    }

    /// A token in so many cells; a mask is one sign.
    fn shown(&self, token: &Token<'_>, cells: u16) -> String {
        match token.ink {
            Ink::Mask => token.text.chars().take(1).collect(),
            _ => cut(&super::grid::word(&token.text, self.glyphs), cells, self.glyphs.ellipsis),
        }
    }
}

impl Token<'_> {
    /// Its ink where it stands by itself: a line break is a sign then.
    fn ink_by_itself(&self) -> Ink {
        if self.ink == Ink::Text { Ink::Sign } else { self.ink }
    }
}
