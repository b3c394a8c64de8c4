//! The preset picker, and saving the settings in force as a preset.

use super::{Effect, knobs, lists, prompt};
use crate::{
    printable,
    settings::{KNOBS, Layers, Preset, PresetLibrary, Timing},
    tui::{
        action::{Notice, Overlay},
        app::App,
        mend::Mend,
        presets::PresetName,
    },
};

/// The longest filter or name that can be typed.
const LONGEST: usize = 40;

/// The picker has been opened: nothing is filtered, and the preset in force is selected; below a wrong answer, the one
/// that would likely mend it.
pub(super) fn open(app: &mut App) {
    app.presets.filter.clear();
    let chosen = match app.mend() {
        Some(Mend::Guide(preset)) => Some(preset.to_owned()),
        _ => app.layers.preset().map(|preset| preset.name.clone()),
    };
    app.list = app.presets.choices().iter().position(|preset| Some(&preset.name) == chosen.as_ref()).unwrap_or(0);
}

/// Types a part of the filter, as far as there is room.
pub(super) fn filter_by(app: &mut App, text: &str) -> Vec<Effect> {
    filter(app, |filter| extend(filter, text))
}

/// Changes the filter. The selected preset stays selected while it is listed.
pub(super) fn filter(app: &mut App, change: impl FnOnce(&mut String)) -> Vec<Effect> {
    let selected = app.presets.choices().get(app.list).map(|preset| preset.name.clone());
    change(&mut app.presets.filter);
    let (choices, typed) = (app.presets.choices(), app.presets.filter.trim());
    let named = |is_meant: &dyn Fn(&str) -> bool| choices.iter().position(|preset| is_meant(&preset.name));
    let found = named(&|name| name == typed)
        .or_else(|| named(&|name| Some(name) == selected.as_deref()))
        .or_else(|| named(&|name| name.starts_with(typed)));
    app.list = found.unwrap_or(0);
    Vec::new()
}

fn extend(typed: &mut String, text: &str) {
    let room = LONGEST.saturating_sub(typed.chars().count());
    typed.extend(printable::line(text).chars().take(room));
}

/// Takes the selected preset.
pub(super) fn accept(app: &mut App) -> Vec<Effect> {
    accepted(app).map_or_else(Vec::new, |(effects, _)| effects)
}

/// Takes the selected preset and runs the prompt with it.
pub(super) fn take_and_run(app: &mut App) -> Vec<Effect> {
    match accepted(app) {
        Some((mut effects, true)) => {
            effects.extend(prompt::restart(app));
            effects
        }
        _ => Vec::new(),
    }
}

/// Takes the selected preset and closes the picker, if anything is listed. Also says whether it is in force now.
fn accepted(app: &mut App) -> Option<(Vec<Effect>, bool)> {
    let preset = app.presets.choices().get(app.list).map(|preset| (*preset).clone())?;
    app.overlays.retain(|overlay| *overlay != Overlay::Presets);
    app.list = 0;
    Some(put_in_force(app, preset))
}

/// Takes the preset of a name, if there is one.
pub(super) fn take(app: &mut App, name: &str) -> Vec<Effect> {
    let preset = app.presets.library.all().find(|preset| preset.name == name).cloned();
    preset.map_or_else(Vec::new, |preset| put_in_force(app, preset).0)
}

/// Puts a preset in force, and says when it acts. Where it does not fit, says why, and puts nothing in force.
fn put_in_force(app: &mut App, preset: Preset) -> (Vec<Effect>, bool) {
    let mut layers = app.layers.clone();
    layers.set_preset(preset);
    if let Err(error) = knobs::check(app, &layers.resolve()) {
        app.tell(Notice::error(error.to_string()));
        return (Vec::new(), false);
    }
    let note = when_it_acts(app, &layers);
    let effects = knobs::turn_to(app, layers);
    app.tell(Notice::note(note));
    (effects, true)
}

/// What taking a preset does, and when.
fn when_it_acts(app: &App, layers: &Layers) -> String {
    let (before, after) = (app.layers.resolve(), layers.resolve());
    let waits = |knob: &&crate::settings::Knob| knob.effect == Timing::NextRun && knob.get(&before) != knob.get(&after);
    let waiting: Vec<_> = KNOBS.iter().filter(waits).map(|knob| knob.name).collect();
    let when = if app.is_under_way() && waiting.is_empty() {
        "it acts from the next step on".to_owned()
    } else if app.is_under_way() {
        format!("it acts from the next step on, but {} with the next run", waiting.join(", "))
    } else if app.run().is_some() {
        "press R to run again with it".to_owned()
    } else {
        "it acts on the next run".to_owned()
    };
    let title = layers.preset().map_or("", |preset| &preset.title);
    format!("preset {title}: {when}")
}

/// Asks for a name for the settings that are shown. That of a preset of one's own is at hand, to be replaced.
pub(super) fn begin_saving(app: &mut App) -> Vec<Effect> {
    if let Err(error) = app.presets.library.path("") {
        app.tell(Notice::error(error.to_string()));
        return Vec::new();
    }
    let own = |preset: &&Preset| app.presets.library.own().contains(preset);
    let text = app.layers.preset().filter(own).map(|preset| preset.name.clone()).unwrap_or_default();
    app.presets.name = PresetName { text, ..PresetName::default() };
    lists::toggle(app, Overlay::SavePreset)
}

/// Types a part of the name, as far as there is room.
pub(super) fn name_by(app: &mut App, text: &str) -> Vec<Effect> {
    name(app, |name| extend(name, text))
}

/// Changes the name.
pub(super) fn name(app: &mut App, change: impl FnOnce(&mut String)) -> Vec<Effect> {
    let name = &mut app.presets.name;
    change(&mut name.text);
    (name.refusal, name.replaces) = (None, false);
    Vec::new()
}

/// Saves the settings under the name, if it can have that; where a file has it already, at the second asking.
pub(super) fn save(app: &mut App) -> Vec<Effect> {
    let name = app.presets.name.text.trim().to_owned();
    if let Err(error) = PresetLibrary::check_name(&name) {
        app.presets.name.refusal = Some(error.to_string());
        return Vec::new();
    }
    if !app.presets.name.replaces && app.presets.library.has_file(&name) {
        app.presets.name.refusal = Some(format!("a preset of yours is called '{name}': enter again replaces it"));
        app.presets.name.replaces = true;
        return Vec::new();
    }
    let preset = Preset::of_settings(&name, description(app), &app.settings());
    vec![Effect::SavePreset(Box::new(preset))]
}

/// Where the settings come from, for lists.
fn description(app: &App) -> String {
    let header = app.log().filter(|_| app.is_replay()).map(crate::trace::Log::header);
    let base = match header {
        Some(header) => header.preset.as_deref().map(printable::line),
        None => app.layers.preset().map(|preset| preset.title.clone()),
    };
    base.map_or_else(
        || "Saved from the playground.".to_owned(),
        |base| format!("Saved from the playground; began as {base}."),
    )
}

/// What became of a preset to save: its file, or why there is none.
pub(super) fn saved(app: &mut App, preset: Preset, outcome: Result<String, String>) -> Vec<Effect> {
    match outcome {
        Ok(file) => {
            app.overlays.retain(|overlay| *overlay != Overlay::SavePreset);
            app.tell(Notice::note(format!("saved as {file}; `--preset {}` takes it", preset.name)));
            if !app.is_replay() {
                rename_layers(app, &preset);
            }
            app.presets.library.add(preset);
        }
        Err(message) => app.presets.name.refusal = Some(message),
    }
    Vec::new()
}

/// Puts the saved preset in force: the same settings, under the name that they have now.
fn rename_layers(app: &mut App, preset: &Preset) {
    let settings = app.layers.resolve();
    app.layers.set_preset(preset.clone());
    // A preset says nothing of a knob at its default, where the configuration may.
    let renamed = app.layers.resolve();
    for knob in settings.differences(&renamed) {
        app.layers.set_live(knob, knob.get(&settings).to_string());
    }
}
