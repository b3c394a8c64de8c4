//! The figure that is explained.

use super::Effect;
use crate::{
    session::figure::FIGURES,
    tui::{action::Focus, app::App},
};

/// Chooses another figure, by so many of those that the pane has.
pub(super) fn step(app: &mut App, by: i64) -> Vec<Effect> {
    let figures = app.figures();
    let chosen = app.chosen_figure();
    let at = figures.iter().position(|figure| chosen.is_some_and(|chosen| std::ptr::eq(*figure, chosen)));
    let last = figures.len().saturating_sub(1) as i64;
    let next = (at.unwrap_or(0) as i64).saturating_add(by).clamp(0, last);
    if let Some(figure) = figures.get(next as usize) {
        app.figure = figure.index();
    }
    Vec::new()
}

/// Chooses a figure by its place in the table.
pub(super) fn select(app: &mut App, index: usize) -> Vec<Effect> {
    if index < FIGURES.len() && app.run().is_some() {
        app.figure = index;
        app.focus = Focus::Figures;
    }
    Vec::new()
}
