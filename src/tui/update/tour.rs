//! The tour: the canvas is read as the card in front says, and afterwards as before.

use super::{Effect, prompt};
use crate::tui::{
    action::Overlay,
    app::App,
    tour::{CARDS, cards},
    view::Layer,
};

/// The tour has been opened. Where nothing runs yet, the first prompt of the gallery does.
pub(super) fn open(app: &mut App) -> Vec<Effect> {
    app.list = 0;
    app.layer_before_tour = Some(app.lens.layer);
    if app.run().is_some() || app.is_replay() {
        return Vec::new();
    }
    if let Some(first) = app.examples.first().map(|example| example.prompt.clone()) {
        app.prompt.set(&first);
    }
    prompt::submit(app)
}

/// The next card; leaves behind the last one.
pub(super) fn next(app: &mut App) {
    if app.list + 1 < CARDS {
        app.list += 1;
    } else {
        app.overlays.retain(|overlay| *overlay != Overlay::Tour);
        app.list = 0;
    }
}

/// Keeps the layer of the canvas with the card.
pub(super) fn keep_up(app: &mut App) {
    match app.card() {
        Some(card) => {
            if let Some(layer) = Layer::named(cards()[card].layer) {
                app.lens.layer = layer;
            }
        }
        None if !app.overlays.contains(&Overlay::Tour) => {
            if let Some(layer) = app.layer_before_tour.take() {
                app.lens.layer = layer;
            }
        }
        None => {}
    }
}
