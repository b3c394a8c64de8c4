//! Presets: named sets of knob values, and the layers that settings are made of.
//!
//! Order: default < configuration file < preset < flags < live change. A preset file is TOML with a `title`, a
//! `description` and a `[knobs]` table; unknown fields are refused.

use std::{collections::BTreeMap, ffi::OsStr, path::Path, sync::LazyLock};

use serde::Deserialize;

use super::{Knob, Settings, SettingsError, knob::nearest, knobs::Scalar};
use crate::{files, printable};

/// The preset in force where none is chosen.
pub const DEFAULT_PRESET: &str = "flashdlm";

macro_rules! built_in {
    ($($name:literal),+ $(,)?) => {
        const BUILT_IN: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../presets/", $name, ".toml"))),)+];
    };
}

// One per line, in the order of the picker.
built_in!(
    "plain",
    "llada",
    "llada-pure",
    "dream",
    "mdlm",
    "bd3lm",
    "llada2",
    "llada2-dinfer",
    "llada2-hierarchy",
    "llada21-edit",
    "edit",
    "freecache",
    "guided",
    "flashdlm",
    "flashdlm-window",
    "flashdlm-narrow",
    "flashdlm-speculative",
    "apd",
    "apd-wide",
    "threshold",
    "fast-dllm-factor",
    "frechet",
    "fast-dllm-cache",
    "fast-dllm-prefix",
    "fast-dllm-dual",
    "dkv-decode",
    "dkv-decode-dream",
    "dkv-greedy",
    "elastic-cache",
    "dsb-cache",
    "d2-cache",
    "d2-cache-parallel",
    "dllm-cache",
    "adablock",
    "adablock-dual",
    "adablock-dual-64",
    "adablock-dream",
    "learn2pd",
    "learn2pd-eotp",
    "learn2pd-eotp-prefix",
    "learn2pd-eotp-dual",
    "eotp",
    "prophet",
    "localleap",
    "creditdecoding",
    "creditdecoding-free",
    "dparallel",
    "dparallel-dream",
    "eb-sampler",
    "klass",
    "klass-dream",
    "wino",
    "remdm",
);

/// A named set of knob values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preset {
    /// Name, as `--preset` takes it.
    pub name: String,
    /// One line for lists.
    pub title: String,
    /// Where it comes from and what to expect.
    pub description: String,
    /// The method that it belongs to, as a heading for lists; empty for a person's own.
    pub method: String,
    /// Knob names and values, checked.
    knobs: Vec<(&'static str, String)>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PresetFile {
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    method: String,
    #[serde(default)]
    knobs: BTreeMap<String, Scalar>,
}

impl Preset {
    /// Parses the text of a preset file; `file` names it in errors.
    pub fn parse(name: &str, file: &str, text: &str) -> Result<Self, SettingsError> {
        let bad = |message: String| SettingsError::BadFile { file: file.to_owned(), message };
        let parsed: PresetFile = toml::from_str(text).map_err(|error| bad(toml_message(&error, text)))?;
        Ok(Self {
            name: printable::line(name),
            title: printable::line(&parsed.title),
            description: printable::line(parsed.description.trim()),
            method: printable::line(parsed.method.trim()),
            knobs: checked_knobs(&parsed.knobs).map_err(|error| bad(error.to_string()))?,
        })
    }

    /// Reads a preset file.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let (file, text) = read(path)?;
        let name = path.file_stem().map_or_else(|| file.clone(), |stem| stem.to_string_lossy().into_owned());
        Self::parse(&name, &file, &text)
    }

    /// What it gives over the defaults.
    pub fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        put(&mut settings, self.knobs());
        settings
    }

    /// Its knob names and values.
    pub fn knobs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.knobs.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

/// The built-in presets.
pub fn presets() -> &'static [Preset] {
    static PRESETS: LazyLock<Vec<Preset>> = LazyLock::new(|| {
        BUILT_IN
            .iter()
            .map(|(name, text)| Preset::parse(name, name, text).expect("a test parses every built-in preset"))
            .collect()
    });
    &PRESETS
}

/// The built-in preset of that name, or the preset in the file of that path.
pub fn preset(name: impl AsRef<OsStr>) -> Result<Preset, SettingsError> {
    let path = Path::new(name.as_ref());
    if names_a_file(path) {
        return Preset::read(path);
    }
    let name = path.to_string_lossy();
    presets().iter().find(|preset| preset.name == name).cloned().ok_or_else(|| {
        let nearest = || nearest(&name, presets().iter().map(|preset| preset.name.as_str())).map(str::to_owned);
        let name = printable::line(&name);
        let suggestion = if path.is_file() { Some(format!("./{name}")) } else { nearest() };
        SettingsError::UnknownPreset { name, suggestion }
    })
}

/// Whether a preset's name is that of a file: one that ends in `.toml`, or a path with a folder in it.
fn names_a_file(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml")) || path.components().count() > 1
}

/// The layers of the settings in force, kept apart so that a change of preset leaves flags and live changes alone.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    config: Vec<(&'static str, String)>,
    preset: Option<Preset>,
    flags: Vec<(&'static str, String)>,
    live: Vec<(&'static str, String)>,
}

impl Layers {
    /// The layer of the configuration file.
    pub fn set_config<'a>(&mut self, knobs: impl IntoIterator<Item = (&'a str, String)>) -> Result<(), SettingsError> {
        self.config = check(knobs)?;
        Ok(())
    }

    /// The preset. Live changes are dropped: whoever picks a preset wants to see it.
    pub fn set_preset(&mut self, preset: Preset) {
        self.preset = Some(preset);
        self.live.clear();
    }

    /// The preset that was chosen.
    pub fn preset(&self) -> Option<&Preset> {
        self.preset.as_ref()
    }

    /// The layer of the command line.
    pub fn set_flags<'a>(&mut self, knobs: impl IntoIterator<Item = (&'a str, String)>) -> Result<(), SettingsError> {
        self.flags = check(knobs)?;
        Ok(())
    }

    /// A change while the program runs.
    pub fn set_live(&mut self, knob: &'static Knob, value: String) {
        self.live.retain(|(name, _)| *name != knob.name);
        self.live.push((knob.name, value));
    }

    /// Takes the live change of a knob back.
    pub fn clear_live(&mut self, name: &str) {
        self.live.retain(|(known, _)| *known != name);
    }

    /// Whether any layer above the defaults sets the knob.
    pub fn is_set(&self, name: &str) -> bool {
        self.all().any(|(known, _)| known == name)
    }

    /// Whether the knob was changed while the program runs.
    pub fn is_live(&self, name: &str) -> bool {
        self.live.iter().any(|(known, _)| *known == name)
    }

    /// All layers, the strongest last.
    pub fn resolve(&self) -> Settings {
        let mut settings = Settings::default();
        put(&mut settings, self.all());
        settings
    }

    fn all(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.config
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .chain(self.preset.iter().flat_map(Preset::knobs))
            .chain(self.flags.iter().chain(&self.live).map(|(name, value)| (*name, value.as_str())))
    }
}

/// Sets knobs whose names and values were checked before.
fn put<'a>(settings: &mut Settings, knobs: impl Iterator<Item = (&'static str, &'a str)>) {
    for (name, value) in knobs {
        Knob::find(name).and_then(|knob| knob.set(settings, value)).expect("every layer was checked when it was set");
    }
}

fn check<'a>(knobs: impl IntoIterator<Item = (&'a str, String)>) -> Result<Vec<(&'static str, String)>, SettingsError> {
    knobs
        .into_iter()
        .map(|(name, value)| {
            let knob = Knob::find(name)?;
            knob.parse(&value)?;
            Ok((knob.name, value))
        })
        .collect()
}

pub(super) fn checked_knobs(knobs: &BTreeMap<String, Scalar>) -> Result<Vec<(&'static str, String)>, SettingsError> {
    check(knobs.iter().map(|(name, value)| (name.as_str(), value.to_string())))
}

/// The name of a settings file, printable, and its text.
pub(super) fn read(path: &Path) -> Result<(String, String), SettingsError> {
    let file = printable::line(&path.display().to_string());
    match files::read_text(path) {
        Ok(text) => Ok((file, text)),
        Err(error) => Err(SettingsError::BadFile { file, message: format!("cannot be read: {error}") }),
    }
}

/// The message of a TOML error without its excerpt of `text`, with the line number.
pub(super) fn toml_message(error: &toml::de::Error, text: &str) -> String {
    let line = error
        .span()
        .and_then(|span| text.get(..span.start))
        .map(|before| format!("line {}: ", before.matches('\n').count() + 1));
    // Some messages have a second line that says what was expected.
    let message = error.message().trim().replace('\n', "; ");
    printable::line(&format!("{}{message}", line.unwrap_or_default()))
}
