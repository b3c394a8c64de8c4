//! Themes: the next one, which is remembered, and the one that fits the terminal's ground.

use super::Effect;
use crate::tui::{
    action::Notice,
    app::App,
    theme::{Rgb, ThemeName},
};

/// Takes the next theme, and says which that is: some differ little at a glance.
pub(super) fn next(app: &mut App) -> Vec<Effect> {
    let name = app.theme.name.next();
    app.theme.name = name;
    app.follows_ground = false;
    app.tell(Notice::note(format!("theme {name}: {}", name.entry().sentence)));
    vec![Effect::RememberTheme(name)]
}

/// The terminal has said what its own ground is. A theme that was chosen stays.
pub(super) fn fit(app: &mut App, ground: Rgb) -> Vec<Effect> {
    if app.follows_ground {
        app.theme.name = if ground.is_light() { ThemeName::Light } else { ThemeName::Dark };
    }
    Vec::new()
}
