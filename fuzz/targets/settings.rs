//! Presets, the configuration file, and the knobs as flags set them.

use diffuscope::{
    decode::{self, Limits},
    settings::{ConfigFile, Kind, Knob, Layers, Preset, PresetLibrary, Settings, SettingsError},
};

use super::{Target, of_text, printable};
use crate::mutate::{Dice, Format, Language};

const LIMITS: Limits = Limits { prompt: 20, gen_length: 64, max_positions: 512, has_guide: true };

#[rustfmt::skip]
const WORDS: &[&str] = &[
    "title", "description", "method", "paper", "made-for", "[knobs]", "preset", "theme", "dark", "light", "flashdlm", "plain", "on",
    "off", "auto", "whole", "none", "true", "false", "inf", "nan", "=", "\"\"\"", "'''", "[[knobs]]", "knobs.steps",
    "#", "1979-05-27T07:32:00Z", "0x_f", "+1", "{}", "[]",
];

pub const PRESET: Target = Target {
    name: "preset",
    format: Format::Text,
    language: Language { words: WORDS, phrase: Some(toml) },
    longest: 16 << 10,
    open: |_| of_text(preset),
};

pub const CONFIG: Target = Target { name: "config", open: |_| of_text(config), ..PRESET };

pub const KNOBS: Target = Target {
    name: "knobs",
    format: Format::Text,
    language: Language { words: WORDS, phrase: Some(line) },
    // What an unknown name was meant to be is looked for letter by letter.
    longest: 400,
    open: |_| of_text(knobs),
};

/// A knob and a value of its kind, or not.
fn knob(dice: &mut Dice) -> (&'static str, String) {
    let knob = dice.pick(diffuscope::settings::KNOBS).expect("there are knobs");
    let value = match knob.kind {
        Kind::Choice(choices) if !dice.one_in(8) => dice.pick(choices).map_or("", |choice| choice.word).to_owned(),
        Kind::Flag if !dice.one_in(8) => dice.word(&["on", "off", "true", "false"]).to_owned(),
        Kind::Int { min, max, .. } if dice.one_in(2) => (min + dice.many(64) as u64).min(max).to_string(),
        Kind::Float { min, max, .. } if dice.one_in(2) => (min + (max - min) * dice.below(9) as f32 / 8.0).to_string(),
        _ => dice.number(),
    };
    (knob.name, value)
}

/// A line of a table of knobs.
fn toml(dice: &mut Dice) -> String {
    let (name, value) = knob(dice);
    if dice.one_in(3) { format!("\n{name} = {value}\n") } else { format!("\n{name} = \"{value}\"\n") }
}

/// A flag without its dashes.
pub fn line(dice: &mut Dice) -> String {
    let (name, value) = knob(dice);
    format!("{name}={value}")
}

fn preset(text: &str) -> String {
    match Preset::parse("fuzz", "fuzz.toml", text) {
        Ok(preset) => {
            printable(&[preset.title.as_str(), &preset.description, &preset.method].concat());
            let mut layers = Layers::default();
            layers.set_preset(preset);
            judged(&layers.resolve())
        }
        Err(error) => printable(&error.to_string()),
    }
}

fn config(text: &str) -> String {
    match ConfigFile::parse("config.toml", text, &PresetLibrary::default()) {
        Ok(config) => {
            let mut layers = Layers::default();
            layers.set_config(config.knobs()).expect("the file's knobs were checked");
            judged(&layers.resolve())
        }
        Err(error) => printable(&error.to_string()),
    }
}

fn knobs(text: &str) -> String {
    let mut settings = Settings::default();
    let mut refusal = None;
    for (presses, line) in (-3..).zip(text.lines()) {
        let (name, value) = line.split_once('=').unwrap_or((line, ""));
        match set(&mut settings, name, value, presses) {
            Ok(()) => {}
            Err(error) => refusal = Some(printable(&error.to_string())),
        }
    }
    let judged = judged(&settings);
    refusal.unwrap_or(judged)
}

/// Sets a knob and turns it; what it shows is what sets it.
fn set(settings: &mut Settings, name: &str, value: &str, presses: i64) -> Result<(), SettingsError> {
    let knob = Knob::find(name)?;
    knob.set(settings, value)?;
    knob.nudge(settings, presses);
    let shown = knob.get(settings).to_string();
    assert_eq!(knob.parse(&shown), Ok(knob.get(settings)), "{name} reads back what it shows");
    Ok(())
}

/// Whether settings go together.
fn judged(settings: &Settings) -> String {
    match decode::check(settings, &LIMITS) {
        Ok(()) => "valid".to_owned(),
        Err(error) => printable(&error.to_string()),
    }
}
