//! Doing by name what a key would do.

use super::{Effect, perform, set_focus};
use crate::tui::{
    action::{Focus, Notice, Overlay},
    app::App,
    keymap::Context,
    palette::{PaletteEntry, begins_word, entries},
};

/// Does what is selected, where the palette was opened; or says why it is not possible now.
pub(super) fn accept(app: &mut App) -> Vec<Effect> {
    let entries = entries(app);
    let Some(entry) = entries.get(app.list) else { return Vec::new() };
    if let Err(reason) = entry.available {
        let notice = Notice::note(format!("{}: {reason}", entry.label));
        app.tell(notice);
        return Vec::new();
    }
    let (action, context) = (entry.action.clone(), entry.context);
    app.overlays.retain(|overlay| *overlay != Overlay::Palette);
    app.list = 0;
    if context == Context::Canvas {
        set_focus(app, Focus::Canvas);
    }
    perform(app, action)
}

/// The entry that what is typed means most likely: the one that is called that, else the first that is possible and begins
/// with it, else the first with such a word.
pub(super) fn nearest(app: &App) -> usize {
    let typed = app.filter.trim().to_lowercase();
    let entries = entries(app);
    let begins = |label: &str| label.to_lowercase().starts_with(&typed);
    let first = |is_meant: &dyn Fn(&PaletteEntry<'_>) -> bool| entries.iter().position(is_meant);
    first(&|entry| entry.label.to_lowercase() == typed)
        .or_else(|| first(&|entry| entry.available.is_ok() && begins(&entry.label)))
        .or_else(|| first(&|entry| entry.available.is_ok() && begins_word(&entry.label.to_lowercase(), &typed)))
        .unwrap_or(0)
}
