//! Reading the canvas: its layer, and the token under the glass.

use super::Effect;
use crate::tui::{
    action::{Direction, Focus, Layer},
    app::App,
    view::canvas,
};

/// Reads the canvas by a layer.
pub(super) fn read_by(app: &mut App, layer: Layer) -> Vec<Effect> {
    app.lens.layer = layer;
    Vec::new()
}

/// Selects a position, if the canvas has it.
pub(super) fn select(app: &mut App, position: usize) -> Vec<Effect> {
    if app.log().is_some_and(|log| position < log.header().canvas_length()) {
        app.lens.selected = Some(position);
        app.focus = Focus::Canvas;
    }
    Vec::new()
}

/// Moves the selection; the first move selects the first token of the answer.
pub(super) fn step(app: &mut App, direction: Direction) -> Vec<Effect> {
    let Some(log) = app.log() else { return Vec::new() };
    let (first, length) = (log.header().prompt_ids.len(), log.header().canvas_length());
    let next = match app.lens.selected {
        None => Some(first),
        Some(at) => match direction {
            Direction::Left => at.checked_sub(1),
            Direction::Right => Some(at + 1),
            Direction::Up => canvas::neighbour(app, at, -1),
            Direction::Down => canvas::neighbour(app, at, 1),
        },
    };
    if let Some(next) = next.filter(|next| *next < length) {
        app.lens.selected = Some(next);
    }
    Vec::new()
}
