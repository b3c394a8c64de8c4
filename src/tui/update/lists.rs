//! The layers above the screen: help, legend, gallery, presets.

use super::{Effect, browser, keeping, models, prompt};
use crate::{
    settings::{KNOBS, Timing, presets},
    tui::{
        action::{Focus, Notice, Overlay},
        app::App,
        view::{help, legend},
    },
};

/// Opens a layer, or closes it where it is in front.
pub(super) fn toggle(app: &mut App, overlay: Overlay) -> Vec<Effect> {
    if app.overlays.last() == Some(&overlay) {
        app.overlays.pop();
    } else {
        app.overlays.retain(|open| *open != overlay);
        app.overlays.push(overlay);
    }
    if app.overlays.last() == Some(&Overlay::Models) {
        return models::refresh(app);
    }
    if app.overlays.last() == Some(&Overlay::Kept) {
        return browser::refresh(app);
    }
    app.list = match app.overlays.last() {
        Some(Overlay::Presets) => {
            let chosen = app.layers.preset().map(|preset| preset.name.clone());
            presets().iter().position(|preset| Some(&preset.name) == chosen.as_ref()).unwrap_or(0)
        }
        Some(Overlay::Runs) => keeping::row_of_shown(app),
        Some(Overlay::Gallery) => {
            let text = app.prompt.text();
            app.examples.iter().position(|example| example.prompt == text).unwrap_or(0)
        }
        _ => 0,
    };
    Vec::new()
}

fn rows(app: &App) -> usize {
    match app.overlays.last() {
        Some(Overlay::Gallery) => app.examples.len(),
        Some(Overlay::Presets) => presets().len(),
        Some(Overlay::Models) => app.picker.choices().len(),
        Some(Overlay::Kept) => app.browser.listed().len(),
        Some(Overlay::Runs) => app.session.runs().len(),
        Some(Overlay::Help) => help::line_count(),
        Some(Overlay::Legend) => legend::line_count(app),
        _ => 0,
    }
}

/// Moves the selected row, or the first visible line.
pub(super) fn step(app: &mut App, by: i64) -> Vec<Effect> {
    let last = rows(app).saturating_sub(1) as i64;
    app.list = (app.list as i64).saturating_add(by).clamp(0, last) as usize;
    Vec::new()
}

/// Selects a row; the row that is selected already is taken.
pub(super) fn select(app: &mut App, row: usize) -> Vec<Effect> {
    if row >= rows(app) {
        return Vec::new();
    }
    if app.list == row {
        return accept(app);
    }
    app.list = row;
    Vec::new()
}

/// Takes the selected row.
pub(super) fn accept(app: &mut App) -> Vec<Effect> {
    if app.overlays.last() == Some(&Overlay::Models) {
        return models::accept(app);
    }
    if app.overlays.last() == Some(&Overlay::Kept) {
        return browser::accept(app);
    }
    let row = app.list;
    match app.overlays.pop() {
        Some(Overlay::Gallery) => {
            app.list = 0;
            let Some(text) = app.examples.get(row).map(|example| example.prompt.clone()) else {
                return Vec::new();
            };
            prompt::edit(app, |editor| editor.set(&text));
            prompt::submit(app)
        }
        Some(Overlay::Presets) => {
            app.list = 0;
            take_preset(app, row)
        }
        Some(Overlay::Runs) => {
            let run = keeping::listed(app).map(|run| run.id);
            app.list = 0;
            app.focus = Focus::Canvas;
            run.map_or_else(Vec::new, |run| keeping::show(app, run))
        }
        Some(other) => {
            app.overlays.push(other);
            Vec::new()
        }
        None => Vec::new(),
    }
}

fn take_preset(app: &mut App, row: usize) -> Vec<Effect> {
    let Some(preset) = presets().get(row) else {
        return Vec::new();
    };
    let title = preset.title.clone();
    let mut layers = app.layers.clone();
    layers.set_preset(preset.clone());
    if let Err(error) = super::knobs::check(app, &layers.resolve()) {
        app.tell(Notice::error(error.to_string()));
        return Vec::new();
    }
    let (before, after) = (app.layers.resolve(), layers.resolve());
    let waiting: Vec<_> = KNOBS
        .iter()
        .filter(|knob| knob.effect == Timing::NextRun && knob.get(&before) != knob.get(&after))
        .map(|knob| knob.name)
        .collect();
    app.layers_before = Some(std::mem::replace(&mut app.layers, layers));
    app.knobs.refusal = None;
    app.knobs.passed = None;
    let when = if app.is_under_way() && waiting.is_empty() {
        "it acts from the next step on".to_owned()
    } else if app.is_under_way() {
        format!("it acts from the next step on, but {} with the next run", waiting.join(", "))
    } else if app.run().is_some() {
        "press R to run again with it".to_owned()
    } else {
        "it acts on the next run".to_owned()
    };
    app.tell(Notice::note(format!("preset {title}: {when}")));
    app.configure()
}
