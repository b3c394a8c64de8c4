//! Reading the canvas: its layer, and the inspected token.

use std::ops::Range;

use super::{Effect, arranging, playing};
use crate::tui::{
    action::{Direction, Focus},
    app::App,
    pane::Pane,
    view::{Layer, RunView, canvas, most_telling},
};

/// Positions that up and down move the selection by in the K/V map, whose rows are layers.
const KV_STRIDE: isize = 10;

/// Reads the canvas by a layer.
pub(super) fn read_by(app: &mut App, layer: Layer) -> Vec<Effect> {
    app.lens.layer = layer;
    Vec::new()
}

/// Shows something in the canvas's place, or the canvas again.
pub(super) fn swap(app: &mut App, pane: Pane) -> Vec<Effect> {
    app.lens.pane = if app.lens.pane == pane { Pane::Canvas } else { pane };
    Vec::new()
}

/// Shows the step and selects the position that ask most to be seen among several.
pub(super) fn point(app: &mut App, steps: Range<usize>, positions: Range<usize>) -> Vec<Effect> {
    let found = app.log().and_then(|log| most_telling(log, app.lens.layer, steps, positions));
    let Some((step, position)) = found else { return Vec::new() };
    select(app, position);
    playing::scrub_to(app, step)
}

/// Selects a position, if the canvas has it.
pub(super) fn select(app: &mut App, position: usize) -> Vec<Effect> {
    if app.log().is_some_and(|log| position < log.header().canvas_length()) {
        app.lens.selected = Some(position);
        app.focus = Focus::Canvas;
        arranging::keep_selected(app);
    }
    Vec::new()
}

/// Moves the selection; the first move selects the first token of the answer.
pub(super) fn step(app: &mut App, direction: Direction) -> Vec<Effect> {
    match direction {
        // Down the map is on in time; what hands are on is a position of the shown step.
        Direction::Up | Direction::Down if app.lens.pane == Pane::Map && app.has_hands() => return Vec::new(),
        Direction::Up if app.lens.pane == Pane::Map => return playing::scrub(app, -1),
        Direction::Down if app.lens.pane == Pane::Map => return playing::scrub(app, 1),
        _ => {}
    }
    let Some(run) = RunView::of(app) else { return Vec::new() };
    if let Some(next) = neighbour(app, &run, direction) {
        app.lens.selected = Some(next);
        arranging::keep_selected(app);
    }
    Vec::new()
}

/// The position that lies in a direction of the selected one; the first token of the answer, where none is selected.
pub(super) fn neighbour(app: &App, run: &RunView<'_>, direction: Direction) -> Option<usize> {
    let (first, length) = (run.log.header().prompt_ids.len(), run.log.header().canvas_length());
    let neighbour = |at, by| match run.lens.pane {
        Pane::Canvas | Pane::Map => canvas::neighbour(run, app.theme, app.drawn.canvas, at, by),
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
