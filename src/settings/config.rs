//! The configuration file: settings for every run.
//!
//! TOML with the name of a preset, the name of a theme and a `[knobs]` table, all optional; unknown fields are refused.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

use super::{
    PresetLibrary, SettingsError,
    knobs::Scalar,
    preset::{bad_file, checked_knobs, read, toml_message},
};

/// A configuration file, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigFile {
    /// The preset, as `--preset` takes it.
    pub preset: Option<String>,
    /// The theme's name; which ones there are is the screen's business.
    pub theme: Option<String>,
    knobs: Vec<(&'static str, String)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFields {
    preset: Option<String>,
    theme: Option<String>,
    #[serde(default)]
    knobs: BTreeMap<String, Scalar>,
}

impl ConfigFile {
    /// Parses the text of a configuration file; `file` names it in errors, and its preset is one of `presets`.
    ///
    /// # Errors
    /// Where the text is no TOML, has a field, preset or knob that is unknown, or a value that its knob does not take.
    pub fn parse(file: &str, text: &str, presets: &PresetLibrary) -> Result<Self, SettingsError> {
        let bad = |message: String| bad_file(file, message);
        let parsed: ConfigFields = toml::from_str(text).map_err(|error| bad(toml_message(&error, text)))?;
        if let Some(name) = &parsed.preset {
            presets.find(name).map_err(|error| bad(error.to_string()))?;
        }
        Ok(Self {
            preset: parsed.preset,
            theme: parsed.theme,
            knobs: checked_knobs(&parsed.knobs).map_err(|error| bad(error.to_string()))?,
        })
    }

    /// Reads a configuration file.
    ///
    /// # Errors
    /// Where it cannot be read, and as [`Self::parse`].
    pub fn read(path: &Path, presets: &PresetLibrary) -> Result<Self, SettingsError> {
        let (file, text) = read(path)?;
        Self::parse(&file, &text, presets)
    }

    /// Its knob names and values.
    pub fn knobs(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.knobs.iter().cloned()
    }
}
