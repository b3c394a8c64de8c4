//! The canvas in rows, as the lens arranges it: the prompt's, then the answer's.
//!
//! Nothing but the log up to the shown step and the size of the pane decides where a position stands.

use std::borrow::Cow;

use ratatui::layout::Size;

use super::{
    flow::{Ruling, flow},
    grid::{self, GridRule, grid},
    row::{Ink, TextRow, Token},
    step::{State, StepView},
    sudoku::SudokuBoard,
};
use crate::tui::{app::Lens, arrangement::Arrangement, theme::Theme};

/// What is laid out, and the room for it.
pub(super) struct Page<'a> {
    pub(super) lens: &'a Lens,
    pub(super) step: &'a StepView<'a>,
    pub(super) theme: Theme,
    pub(super) room: Size,
}

impl Page<'_> {
    /// All rows, empty ones between the parts.
    pub(super) fn rows(&self) -> Vec<TextRow> {
        let tokens = tokens(self.lens, self.step, self.theme);
        let (prompt, answer) = tokens.split_at(self.step.prompt_length().min(tokens.len()));
        // Earlier turns stand above, as text.
        let prompt = &prompt[self.step.log.header().turn_start().min(prompt.len())..];
        match self.lens.arrangement {
            Arrangement::Grid => self.grid(prompt, answer),
            Arrangement::Auto => self.sudoku(prompt, answer).unwrap_or_else(|| self.text(prompt, answer)),
            Arrangement::Text => self.text(prompt, answer),
        }
    }

    /// Whether the arrangement that suits the prompt is running text.
    pub(super) fn suits_text(&self) -> bool {
        let tokens = tokens(self.lens, self.step, self.theme);
        self.board(tokens.get(self.step.prompt_length()..).unwrap_or_default()).is_none()
    }

    fn text(&self, prompt: &[Token<'_>], answer: &[Token<'_>]) -> Vec<TextRow> {
        let prompt = self.plain(prompt);
        let height = self.height_below(prompt.len());
        let ruling = Ruling::of(answer.len(), self.room.width, height);
        let rows = flow(answer, ruling, self.theme.glyphs);
        // Two rows from one line to the next, where the whole canvas fits so: foreseen from the number of positions, so that
        // it holds for the whole run.
        let is_airy = (ruling.lines(answer.len()) + 1) * 2 < usize::from(height);
        let rows = if is_airy { spread(rows) } else { rows };
        parts([prompt, rows])
    }

    fn grid(&self, prompt: &[Token<'_>], answer: &[Token<'_>]) -> Vec<TextRow> {
        let Size { width, height } = self.room;
        // What breaks its last row takes a row more.
        let height = height.saturating_sub(2);
        let rule = GridRule::of(prompt.len() + answer.len(), width, height);
        parts([prompt, answer].map(|tokens| grid(tokens, rule, self.theme.glyphs)))
    }

    fn sudoku(&self, prompt: &[Token<'_>], answer: &[Token<'_>]) -> Option<Vec<TextRow>> {
        let (board, cells, rest) = self.board(answer)?;
        let rest = flow(rest, Ruling::of(rest.len(), self.room.width, 0), self.theme.glyphs);
        Some(parts([self.plain(prompt), board.rows(cells), rest]))
    }

    fn board<'t>(&self, answer: &'t [Token<'t>]) -> Option<(SudokuBoard<'_>, &'t [Token<'t>], &'t [Token<'t>])> {
        SudokuBoard::of(&self.step.log.header().prompt, answer, self.room.width, self.theme.glyphs)
    }

    /// What is written from the beginning.
    fn plain(&self, tokens: &[Token<'_>]) -> Vec<TextRow> {
        flow(tokens, Ruling::none(self.room.width), self.theme.glyphs)
    }

    /// Rows below the prompt's and the gap behind them.
    fn height_below(&self, prompt: usize) -> u16 {
        let above = prompt + usize::from(prompt > 0);
        self.room.height.saturating_sub(above.min(usize::from(u16::MAX)) as u16)
    }
}

/// Parts with an empty row between two of them.
fn parts<const N: usize>(parts: [Vec<TextRow>; N]) -> Vec<TextRow> {
    let mut rows: Vec<TextRow> = Vec::new();
    for part in parts.into_iter().filter(|part| !part.is_empty()) {
        if !rows.is_empty() {
            rows.push(TextRow::default());
        }
        rows.extend(part);
    }
    rows
}

/// Rows with an empty one between two of them.
fn spread(rows: Vec<TextRow>) -> Vec<TextRow> {
    let mut spread: Vec<_> = rows.into_iter().flat_map(|row| [row, TextRow::default()]).collect();
    spread.pop();
    spread
}

/// What is shown of each position.
fn tokens<'a>(lens: &Lens, step: &StepView<'a>, theme: Theme) -> Vec<Token<'a>> {
    let starts = step.block_starts();
    (0..step.length())
        .map(|position| {
            let (text, ink) = token(lens, step, theme, position);
            let is_new_draft = ink == Ink::Draft && step.has_new_draft(position);
            Token { position, text, ink, opens_block: starts.binary_search(&position).is_ok(), is_new_draft }
        })
        .collect()
}

pub(super) fn token<'a>(lens: &Lens, step: &StepView<'a>, theme: Theme, position: usize) -> (Cow<'a, str>, Ink) {
    if step.state(position) == State::Masked {
        let shows_drafts = lens.drafts || lens.layer.needs_drafts();
        let draft = step.proposal(position).filter(|_| shows_drafts).map(|proposal| proposal.token);
        return match draft {
            Some(id) if step.log.header().is_end(id) => (Cow::Borrowed(theme.glyphs.eos), Ink::Draft),
            Some(id) => (grid::word(step.log.text_of(id).unwrap_or_default(), theme.glyphs), Ink::Draft),
            None => (Cow::Owned(lens.layer.mask_sign(theme, step, position).repeat(2)), Ink::Mask),
        };
    }
    if step.is_eos(position) {
        return (Cow::Borrowed(theme.glyphs.eos), Ink::Sign);
    }
    match step.canvas.piece(position) {
        "" => (Cow::Borrowed(theme.glyphs.empty), Ink::Sign),
        piece => (Cow::Borrowed(piece), Ink::Text),
    }
}
