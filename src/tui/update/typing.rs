//! One line that is being typed: a value, a name, a filter, by where keys go.

use super::{Effect, browser, exporting, finding, knobs, line, lists, models, presets, prompt};
use crate::tui::{app::App, keymap::Context, prompt::PromptEditor};

/// Whether characters are part of one line of text there, which is not the prompt.
pub(super) fn is_line(context: Context) -> bool {
    context.takes_text() && context != Context::Prompt
}

/// Types text.
pub(super) fn add(app: &mut App, text: &str) -> Vec<Effect> {
    match app.context() {
        Context::Models => models::typed(app, text),
        Context::Presets => presets::filter_by(app, text),
        Context::PresetName => presets::name_by(app, text),
        Context::KnobFilter => knobs::filter_by(app, text),
        Context::Kept => browser::typed(app, text),
        Context::Line => line::typed(app, text),
        Context::Palette | Context::Help => lists::filter_by(app, text),
        Context::FindEntry => finding::typed(app, text),
        Context::ExportText => exporting::typed(app, text),
        _ => knobs::entry_type(app, text),
    }
}

/// Erases the last character.
pub(super) fn erase(app: &mut App) -> Vec<Effect> {
    let pop = |typed: &mut String| {
        typed.pop();
    };
    match app.context() {
        Context::Models => models::erase(app),
        Context::Presets => presets::filter(app, pop),
        Context::PresetName => presets::name(app, pop),
        Context::KnobFilter => knobs::filter(app, pop),
        Context::Kept => browser::erase(app),
        Context::Line => line::erase(app),
        Context::Palette | Context::Help => lists::filter(app, pop),
        Context::FindEntry => finding::change(app, pop),
        Context::ExportText => exporting::erase(app),
        _ => knobs::entry_erase(app),
    }
}

/// Clears the line, up to the cursor where there is one.
pub(super) fn clear(app: &mut App) -> Vec<Effect> {
    match app.context() {
        Context::Models => models::clear(app),
        Context::Presets => presets::filter(app, String::clear),
        Context::PresetName => presets::name(app, String::clear),
        Context::KnobFilter => knobs::filter(app, String::clear),
        Context::Kept => browser::clear(app),
        Context::Line => line::clear(app),
        Context::Palette | Context::Help => lists::filter(app, String::clear),
        Context::FindEntry => finding::change(app, String::clear),
        Context::ExportText => exporting::clear(app),
        Context::Entry => knobs::entry_clear(app),
        _ => prompt::edit(app, PromptEditor::clear),
    }
}

/// Takes what is typed.
pub(super) fn accept(app: &mut App) -> Vec<Effect> {
    match app.context() {
        Context::PresetName => presets::save(app),
        Context::KnobFilter => knobs::filter_accept(app),
        Context::Line => line::accept(app),
        Context::FindEntry => finding::accept(app),
        Context::ExportText => exporting::accept(app),
        _ => knobs::entry_accept(app),
    }
}
