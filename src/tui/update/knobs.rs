//! Turning knobs: live changes, checked before they leave the pane.

use super::Effect;
use crate::{
    decode::{self, Limits},
    printable,
    settings::{self, KNOBS, Kind, Knob, Settings, SettingsError},
    tui::{action::Notice, app::App, view::Layer},
};

/// The longest value that can be typed.
const LONGEST_ENTRY: usize = 24;

/// The selected knob.
pub(super) fn selected(app: &App) -> &'static Knob {
    &KNOBS[app.knobs.selected.min(KNOBS.len() - 1)]
}

/// Selects another knob.
pub(super) fn step(app: &mut App, rows: i64) -> Vec<Effect> {
    let listed = app.listed_knobs();
    let now = listed.iter().position(|index| *index == app.knobs.selected).unwrap_or(0) as i64;
    let at = now.saturating_add(rows).clamp(0, listed.len() as i64 - 1);
    select(app, listed[at as usize])
}

/// Lists every knob, or those only that do something.
pub(super) fn list_all(app: &mut App) -> Vec<Effect> {
    app.knobs.all = !app.knobs.all;
    Vec::new()
}

/// Selects a knob by its index.
pub(super) fn select(app: &mut App, index: usize) -> Vec<Effect> {
    if index < KNOBS.len() {
        app.knobs.selected = index;
        app.knobs.entry = None;
        app.knobs.refusal = None;
        app.knobs.passed = None;
        app.focus = crate::tui::action::Focus::Knobs;
    }
    Vec::new()
}

/// Turns the selected knob. Words that do not go with the other knobs are passed over, or none behind them could be
/// reached; what was passed over is shown with the reason.
pub(super) fn nudge(app: &mut App, presses: i64) -> Vec<Effect> {
    let turn = |presses| {
        move |knob: &'static Knob, settings: &mut Settings| {
            knob.nudge(settings, presses);
            Ok(())
        }
    };
    let Kind::Choice(choices) = selected(app).kind else { return change(app, turn(presses)) };
    let mut passed: Option<(Vec<String>, String)> = None;
    for distance in 0..choices.len() as i64 - 1 {
        let effects = change(app, turn(presses + presses.signum() * distance));
        let Some(refusal) = app.knobs.refusal.take() else {
            app.knobs.passed = passed.map(|(words, reason)| format!("passed over {}: {reason}", words.join(", ")));
            return effects;
        };
        let mut settings = app.layers.resolve();
        selected(app).nudge(&mut settings, presses + presses.signum() * distance);
        let word = selected(app).get(&settings).to_string();
        let (words, _) = passed.get_or_insert_with(|| (Vec::new(), refusal));
        words.push(word);
    }
    app.knobs.refusal = passed.map(|(_, reason)| reason);
    Vec::new()
}

/// Back to what preset, flags and configuration say.
pub(super) fn reset(app: &mut App) -> Vec<Effect> {
    if app.is_replay() {
        return Vec::new();
    }
    let mut layers = app.layers.clone();
    layers.clear_live(selected(app).name);
    put(app, layers)
}

/// Audits every step and shows it, or none.
pub(super) fn toggle_audit(app: &mut App) -> Vec<Effect> {
    let mut settings = app.layers.resolve();
    let Ok(knob) = Knob::find("audit") else { return Vec::new() };
    settings.audit = if settings.audit.is_some() { None } else { Some(1) };
    let (on, idle) = (settings.audit.is_some(), !knob.acts(&settings));
    let mut layers = app.layers.clone();
    layers.set_live(knob, knob.get(&settings).to_string());
    app.lens.layer = if on { Layer::AUDIT } else { Layer::default() };
    let effects = put(app, layers);
    app.tell(Notice::note(match (on, idle) {
        (true, true) => "audit on: it will have something to measure once a cache is on",
        (true, false) => "audit on: every step is compared with the uncached truth",
        (false, _) => "audit off",
    }));
    effects
}

/// Begins to type a value.
pub(super) fn begin_entry(app: &mut App) -> Vec<Effect> {
    if !app.is_replay() {
        app.knobs.refusal = None;
        // A choice and a switch have few values: the next one is at hand.
        match selected(app).kind {
            Kind::Choice(_) | Kind::Flag => return nudge(app, 1),
            Kind::Int { .. } | Kind::Float { .. } => app.knobs.entry = Some(String::new()),
        }
    }
    Vec::new()
}

/// Types a part of the value, as far as there is room.
pub(super) fn entry_type(app: &mut App, text: &str) -> Vec<Effect> {
    if let Some(entry) = &mut app.knobs.entry {
        let room = LONGEST_ENTRY.saturating_sub(entry.chars().count());
        entry.extend(printable::line(text).chars().take(room));
        app.knobs.refusal = None;
    }
    Vec::new()
}

/// Clears what is typed.
pub(super) fn entry_clear(app: &mut App) -> Vec<Effect> {
    if let Some(entry) = &mut app.knobs.entry {
        entry.clear();
        app.knobs.refusal = None;
    }
    Vec::new()
}

/// Erases a character.
pub(super) fn entry_erase(app: &mut App) -> Vec<Effect> {
    if let Some(entry) = &mut app.knobs.entry {
        entry.pop();
        app.knobs.refusal = None;
    }
    Vec::new()
}

/// Takes the typed value; a refused one can be mended.
pub(super) fn entry_accept(app: &mut App) -> Vec<Effect> {
    let Some(text) = app.knobs.entry.take() else {
        return Vec::new();
    };
    if text.trim().is_empty() {
        return Vec::new();
    }
    let effects = change(app, |knob, settings| knob.set(settings, &text));
    if app.knobs.refusal.is_some() {
        app.knobs.entry = Some(text);
    }
    effects
}

fn change(app: &mut App, turn: impl FnOnce(&'static Knob, &mut Settings) -> Result<(), SettingsError>) -> Vec<Effect> {
    app.knobs.passed = None;
    if app.is_replay() {
        return Vec::new();
    }
    let knob = selected(app);
    let mut settings = app.layers.resolve();
    let before = knob.get(&settings);
    if let Err(error) = turn(knob, &mut settings) {
        app.knobs.refusal = Some(error.to_string());
        return Vec::new();
    }
    if knob.get(&settings) == before {
        app.knobs.refusal = None;
        return Vec::new();
    }
    let mut layers = app.layers.clone();
    layers.set_live(knob, knob.get(&settings).to_string());
    put(app, layers)
}

/// Puts new layers in force, unless the settings that they give conflict.
fn put(app: &mut App, layers: settings::Layers) -> Vec<Effect> {
    if let Err(error) = check(app, &layers.resolve()) {
        app.knobs.refusal = Some(error.to_string());
        return Vec::new();
    }
    app.knobs.refusal = None;
    app.knobs.passed = None;
    app.layers_before = Some(std::mem::replace(&mut app.layers, layers));
    app.configure()
}

/// Checks settings against each other and against what is known of prompt and models. The context's length is not
/// known here; the engine checks it when a run starts.
pub(super) fn check(app: &App, settings: &Settings) -> Result<(), SettingsError> {
    let header = app.log().map(crate::trace::Log::header);
    let known = header.filter(|_| app.is_under_way()).map(|header| header.gen_length).or(settings.gen_length);
    let limits = Limits {
        prompt: header.map_or(1, |header| header.prompt_ids.len()),
        gen_length: known.unwrap_or(usize::MAX / 4),
        max_positions: usize::MAX / 2,
        has_guide: app.has_guide(),
    };
    decode::check(settings, &limits)
}
