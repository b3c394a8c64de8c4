//! The layers above the screen: help, legend, gallery, presets.

use super::{Effect, browser, copying, exporting, keeping, models, palette, presets, prompt, tour};
use crate::{
    printable,
    settings::{KNOBS, preset},
    tui::{
        action::{Focus, Notice, Overlay},
        app::App,
        copy::CopySource,
        palette::entries,
        tour::CARDS,
        view::{help, legend},
    },
};

/// The longest filter that can be typed.
const LONGEST_FILTER: usize = 60;

/// Opens a layer, or closes it where it is in front.
pub(super) fn toggle(app: &mut App, overlay: Overlay) -> Vec<Effect> {
    if app.overlays.last() == Some(&overlay) {
        app.overlays.pop();
    } else {
        app.overlays.retain(|open| *open != overlay);
        app.overlays.push(overlay);
    }
    app.filter.clear();
    if app.overlays.last() == Some(&Overlay::Models) {
        return models::refresh(app);
    }
    match app.overlays.last() {
        Some(Overlay::Tour) => return tour::open(app),
        Some(Overlay::Kept) => return browser::refresh(app),
        Some(Overlay::Export) => {
            exporting::open(app);
            return Vec::new();
        }
        Some(Overlay::Presets) => {
            presets::open(app);
            return Vec::new();
        }
        _ => {}
    }
    app.list = match app.overlays.last() {
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
        Some(Overlay::Presets) => app.presets.choices().len(),
        Some(Overlay::Models) => app.picker.choices().len(),
        Some(Overlay::Kept) => app.browser.listed().len(),
        Some(Overlay::Runs) => app.session.runs().len(),
        Some(Overlay::Help) => help::line_count(app),
        Some(Overlay::Legend) => legend::line_count(app),
        Some(Overlay::Tour) => CARDS,
        Some(Overlay::Palette) => entries(app).len(),
        Some(Overlay::Copy) => CopySource::ALL.len(),
        Some(Overlay::Export) => app.exports.rows.len(),
        _ => 0,
    }
}

/// Whether the selected row can be left: what is typed in it has to be a value.
fn leaves_row(app: &mut App) -> bool {
    app.overlays.last() != Some(&Overlay::Export) || exporting::settle(app)
}

/// Moves the selected row, or the first visible line.
pub(super) fn step(app: &mut App, by: i64) -> Vec<Effect> {
    if !leaves_row(app) {
        return Vec::new();
    }
    let last = rows(app).saturating_sub(1) as i64;
    app.list = (app.list as i64).saturating_add(by).clamp(0, last) as usize;
    Vec::new()
}

/// Selects a row; the row that is selected already is taken.
pub(super) fn select(app: &mut App, row: usize) -> Vec<Effect> {
    if row >= rows(app) || !leaves_row(app) {
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
    match app.overlays.last() {
        Some(Overlay::Models) => return models::accept(app),
        Some(Overlay::Presets) => return presets::accept(app),
        Some(Overlay::Kept) => return browser::accept(app),
        Some(Overlay::Tour) => {
            tour::next(app);
            return Vec::new();
        }
        Some(Overlay::Palette) => return palette::accept(app),
        Some(Overlay::Copy) => return copying::accept(app),
        Some(Overlay::Export) => return exporting::accept(app),
        _ => {}
    }
    let row = app.list;
    match app.overlays.pop() {
        Some(Overlay::Gallery) => {
            app.list = 0;
            denoise(app, row)
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

/// Takes a preset for a prompt of the gallery, unless knobs were turned by hand, or by other models than the embedded pair.
fn watch_under(app: &mut App, name: &str, words: &str) {
    let is_turned = KNOBS.iter().any(|knob| app.layers.is_live(knob.name));
    let is_chosen = app.layers.preset().is_some_and(|preset| preset.name == name);
    if is_turned || is_chosen || !app.has_embedded_pair() || !app.has_guide() {
        return;
    }
    if let Ok(preset) = preset(name) {
        app.layers.set_preset(preset);
        app.tell(Notice::note(format!("with {name}: {words}")));
    }
}

/// Denoises a prompt of the gallery.
pub(super) fn denoise(app: &mut App, row: usize) -> Vec<Effect> {
    let Some(example) = app.examples.get(row).cloned() else { return Vec::new() };
    prompt::edit(app, |editor| editor.set(&example.prompt));
    watch_under(app, example.shown.preset, example.watch);
    prompt::submit(app)
}

/// Denoises the selected prompt of the gallery under the preset that gets it right.
pub(super) fn mend(app: &mut App) -> Vec<Effect> {
    let Some((prompt, mended)) =
        app.examples.get(app.list).and_then(|example| Some((example.prompt.clone(), example.mended?)))
    else {
        return Vec::new();
    };
    app.overlays.pop();
    app.list = 0;
    prompt::edit(app, |editor| editor.set(&prompt));
    watch_under(app, mended.preset, "this preset gets it right");
    prompt::submit(app)
}

/// Changes what is typed into the palette or the help, and shows what that leaves from its beginning.
pub(super) fn filter(app: &mut App, change: impl FnOnce(&mut String)) -> Vec<Effect> {
    change(&mut app.filter);
    app.list = match app.overlays.last() {
        Some(Overlay::Palette) => palette::nearest(app),
        _ => 0,
    };
    Vec::new()
}

/// Types a part of it, as far as there is room.
pub(super) fn filter_by(app: &mut App, text: &str) -> Vec<Effect> {
    filter(app, |filter| {
        let room = LONGEST_FILTER.saturating_sub(filter.chars().count());
        filter.extend(printable::line(text).chars().take(room));
    })
}
