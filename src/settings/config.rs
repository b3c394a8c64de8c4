//! The configuration file: settings for every run.
//!
//! ```toml
//! preset = "flashdlm"
//! theme = "dark"
//! motion = false             # whether anything on the screen moves by itself
//! autosave = true            # whether the playground keeps runs and prompts on the disk
//! autosave-limit = "512 MB"  # of runs; the oldest go first
//! memory = "512 MB"          # of the runs of a sitting together
//!
//! [knobs]
//! threshold = 0.8
//!
//! [keys]                     # docs/keys.md has the names of all actions
//! layer.next = "V"
//! palette.toggle = [":", "alt-x"]
//! ```
//!
//! All of it is optional; unknown fields are refused.

use std::{collections::BTreeMap, path::Path};

use serde::Deserialize;

use super::{
    PresetLibrary, SettingsError,
    knobs::Scalar,
    preset::{bad_file, checked_knobs, read, toml_message},
};
use crate::printable;

/// A configuration file, checked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConfigFile {
    /// The preset, as `--preset` takes it.
    pub preset: Option<String>,
    /// The theme's name; which ones there are is the screen's business.
    pub theme: Option<String>,
    /// Whether anything on the screen moves by itself.
    pub motion: Option<bool>,
    /// Whether the playground keeps runs and prompts on the disk.
    pub autosave: Option<bool>,
    /// Bytes of runs that are kept.
    pub autosave_limit: Option<u64>,
    /// Bytes of memory that the runs of a sitting may take together.
    pub memory: Option<u64>,
    /// Keys by the names of actions; which actions and which keys there are is the screen's business.
    pub keys: BTreeMap<String, Vec<String>>,
    knobs: Vec<(&'static str, String)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct ConfigFields {
    preset: Option<String>,
    theme: Option<String>,
    motion: Option<bool>,
    autosave: Option<bool>,
    autosave_limit: Option<String>,
    memory: Option<String>,
    #[serde(default)]
    keys: toml::Table,
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
            motion: parsed.motion,
            autosave: parsed.autosave,
            autosave_limit: size("autosave-limit", parsed.autosave_limit.as_deref()).map_err(bad)?,
            memory: size("memory", parsed.memory.as_deref()).map_err(bad)?,
            keys: keys("", &parsed.keys).map_err(bad)?,
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

fn size(field: &str, text: Option<&str>) -> Result<Option<u64>, String> {
    text.map(|text| bytes(text).map_err(|why| format!("{field} {why}"))).transpose()
}

/// Keys by action, whose names begin with `first`. A name has a dot, which makes a table of its first part where it is not in
/// quotes.
fn keys(first: &str, table: &toml::Table) -> Result<BTreeMap<String, Vec<String>>, String> {
    let mut found = BTreeMap::new();
    for (part, value) in table {
        let name = format!("{first}{part}");
        match value {
            toml::Value::Table(parts) => found.extend(keys(&format!("{name}."), parts)?),
            value => {
                let keys = listed(&name, value)?;
                found.insert(name, keys);
            }
        }
    }
    Ok(found)
}

/// One key, or a list of them.
fn listed(name: &str, value: &toml::Value) -> Result<Vec<String>, String> {
    let word = |value: &toml::Value| value.as_str().map(str::to_owned);
    let keys = match value {
        toml::Value::Array(values) => values.iter().map(word).collect(),
        value => word(value).map(|word| vec![word]),
    };
    let name = printable::line(name);
    keys.ok_or_else(|| {
        format!("the keys of {name} cannot be that: expected a key in quotes, as in \"ctrl-p\", or a list of them")
    })
}

/// Bytes in a size such as "512 MB" or "1.5 GB".
///
/// # Errors
/// The end of a sentence that begins with the name of what was to be so large.
pub fn bytes(text: &str) -> Result<u64, String> {
    let found = crate::printable::line(text);
    let refused = || format!("cannot be '{found}': it takes a size such as \"512 MB\" or \"2 GB\"");
    let (number, unit) = text.trim().split_at(text.trim().trim_end_matches(char::is_alphabetic).len());
    let number: f64 = number.trim().parse().map_err(|_| refused())?;
    let scale = match unit.to_ascii_lowercase().as_str() {
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        _ => return Err(refused()),
    };
    if number.is_finite() && number >= 0.0 { Ok((number * scale) as u64) } else { Err(refused()) }
}
