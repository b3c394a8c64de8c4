//! Doing by name what a key would do.

use super::{Effect, perform, set_focus};
use crate::tui::{
    action::{Focus, Notice, Overlay},
    app::App,
    keymap::Context,
    palette::entries,
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

/// The entry that what is typed means most likely: one whose words begin with it, in the order of the list.
pub(super) fn nearest(app: &App) -> usize {
    let typed = app.filter.trim().to_lowercase();
    let entries = entries(app);
    let begins = |label: &str| label.to_lowercase().starts_with(&typed);
    let has_word = |label: &str| label.to_lowercase().split(' ').any(|word| word.starts_with(&typed));
    let possible = || entries.iter().enumerate().filter(|(_, entry)| entry.available.is_ok());
    let first = possible().find(|(_, entry)| begins(&entry.label));
    first.or_else(|| possible().find(|(_, entry)| has_word(&entry.label))).map_or(0, |(index, _)| index)
}
