//! What a run is called: by its preset, and by the knobs that stand elsewhere.

use crate::{
    printable,
    settings::{Kind, Knob, Preset, Settings, Timing, Value, presets},
    trace::Header,
};

/// Knobs that a title names; of others it says how many there are.
const NAMED: usize = 2;

/// The settings of the preset that made a run; those that it started with where that is not known here.
pub(super) fn preset_settings(header: &Header) -> Settings {
    match header.preset.as_deref() {
        Some(name) => presets()
            .iter()
            .find(|preset| preset.name == name)
            .map_or(header.settings, crate::settings::Preset::settings),
        None => Settings::default(),
    }
}

/// "threshold+0.97", "flashdlm+verify-batch 40": the preset, and the knobs that stand elsewhere than `base` and act.
pub(super) fn of(header: &Header, settings: &Settings, base: &Settings) -> String {
    let preset = header.preset.as_deref().map_or_else(|| "no preset".to_owned(), printable::line);
    let knobs = turned(&preset, settings, base);
    if knobs.is_empty() { preset } else { format!("{preset}+{knobs}") }
}

/// The preset whose knobs these are, but for those that are settled when a run starts.
pub fn preset_of(settings: &Settings) -> Option<&'static str> {
    let is_taken =
        |preset: &&Preset| settings.differences(&preset.settings()).all(|knob| knob.effect == Timing::NextRun);
    presets().iter().find(is_taken).map(|preset| preset.name.as_str())
}

/// What a branch does otherwise than the run that it left: "82 = First, threshold 0.97", or the preset that it took.
pub(super) fn of_branch(by_hand: Option<&str>, settings: &Settings, base: &Settings) -> String {
    let several = settings.differences(base).filter(|knob| knob.acts(settings)).nth(1).is_some();
    let preset = several.then(|| preset_of(settings)).flatten().map(str::to_owned);
    let knobs = preset.or_else(|| Some(turned("", settings, base)).filter(|knobs| !knobs.is_empty()));
    by_hand.map(str::to_owned).into_iter().chain(knobs).collect::<Vec<_>>().join(", ")
}

/// "threshold 0.97": the knobs that stand elsewhere in `settings` than in `base`, and act. Of the knob that gave the preset
/// its name, the value.
pub fn turned(preset: &str, settings: &Settings, base: &Settings) -> String {
    let knobs: Vec<_> = settings.differences(base).filter(|knob| knob.acts(settings)).collect();
    let mut words: Vec<String> = knobs.iter().take(NAMED).map(|knob| word(preset, knob, settings)).collect();
    match knobs.len().saturating_sub(NAMED) {
        0 => {}
        1 => words.push(word(preset, knobs[NAMED], settings)),
        more => words.push(format!("{more} more")),
    }
    words.join(", ")
}

/// A knob and its value; the value alone where it says by itself what it is of.
fn word(preset: &str, knob: &Knob, settings: &Settings) -> String {
    let value = knob.get(settings);
    match (knob.kind, &value) {
        (Kind::Flag, Value::Flag(true)) => knob.name.to_owned(),
        (Kind::Flag, _) => format!("no {}", knob.name),
        _ if knob.name == preset => value.to_string(),
        _ => format!("{} {value}", knob.name),
    }
}
