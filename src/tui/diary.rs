//! What the log file says of what a person did, where there is one: presets and knobs.

use super::{action::Action, app::App};
use crate::settings::Settings;

/// The settings before an action, where the log file is to say how it changed them.
pub(super) struct Diary(Option<(Settings, Option<String>)>);

impl Diary {
    /// Looks before the action. What comes with time, from the engine or of a frame changes no setting.
    pub(super) fn before(app: &App, action: &Action) -> Self {
        let may_change = !matches!(action, Action::Tick(_) | Action::Engine(_) | Action::Drawn(_));
        Self((may_change && log::log_enabled!(log::Level::Info)).then(|| (app.layers.resolve(), preset(app))))
    }

    /// Notes what has changed since.
    pub(super) fn note(self, app: &App) {
        let Some((settings, name)) = self.0 else { return };
        if let Some(new) = preset(app).filter(|new| name.as_ref() != Some(new)) {
            log::info!("preset {new}");
        }
        let now = app.layers.resolve();
        for knob in now.differences(&settings) {
            log::info!("knob {}: {} to {}", knob.name, knob.get(&settings), knob.get(&now));
        }
    }
}

fn preset(app: &App) -> Option<String> {
    app.layers.preset().map(|preset| preset.name.clone())
}
