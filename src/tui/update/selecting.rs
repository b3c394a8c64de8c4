//! Reading the canvas: its layer, and the inspected token.

use super::Effect;
use crate::tui::{
    action::{Direction, Focus},
    app::App,
    pane::Pane,
    view::{Layer, RunView, canvas},
};

/// Positions that up and down move the selection by in the K/V map, whose rows are layers.
const KV_STRIDE: isize = 10;

/// Reads the canvas by a layer.
pub(super) fn read_by(app: &mut App, layer: Layer) -> Vec<Effect> {
    app.lens.layer = layer;
    Vec::new()
}

/// Shows a pane in the canvas's place, or the canvas again.
pub(super) fn toggle_pane(app: &mut App, pane: Pane) -> Vec<Effect> {
    app.lens.pane = pane.asked_for(app.lens.pane);
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
    let Some(run) = RunView::of(app) else { return Vec::new() };
    if let Some(next) = neighbour(app, &run, direction) {
        app.lens.selected = Some(next);
    }
    Vec::new()
}

/// The position that lies in a direction of the selected one; the first token of the answer, where none is selected.
pub(super) fn neighbour(app: &App, run: &RunView<'_>, direction: Direction) -> Option<usize> {
    let (first, length) = (run.log.header().prompt_ids.len(), run.log.header().canvas_length());
    let neighbour = |at, by| match run.lens.pane {
        Pane::Canvas => canvas::neighbour(run, app.theme, app.drawn.text_width, at, by),
        Pane::KvMap => at.checked_add_signed(by as isize * KV_STRIDE),
    };
    let next = match run.lens.selected {
        None => Some(first),
        Some(at) => match direction {
            Direction::Left => at.checked_sub(1),
            Direction::Right => Some(at + 1),
            Direction::Up => neighbour(at, -1),
            Direction::Down => neighbour(at, 1),
        },
    };
    next.filter(|next| *next < length)
}
