//! Presets: named sets of knob values, and the layers that settings are made of.
//!
//! Precedence: default < configuration file < preset < flags < live change. A preset file is TOML with a `title`, a
//! `description`, a `method`, a `paper`, the kind of network that it is `made-for`, a place in lists (`order`) and a `[knobs]`
//! table, of which the title alone is required; unknown fields are refused. A file in `presets/` is a built-in preset, without
//! being named anywhere else.

use std::{collections::BTreeMap, path::Path, sync::LazyLock};

use serde::Deserialize;

use super::{Knob, Settings, SettingsError, knob::quoted, knobs::Scalar};
use crate::{files, printable};

/// The preset in force where none is chosen.
pub const DEFAULT_PRESET: &str = "flashdlm";

/// Name and text of every file of `presets/`, by name; the build script lists them.
const BUILT_IN: &[(&str, &str)] = &include!(concat!(env!("OUT_DIR"), "/presets.rs"));

/// The kind of network that a preset was made for. It runs on others, and may do worse there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MadeFor {
    /// Trained so that no block sees a later one.
    BlockCausal,
    /// Row `i` of its logits predicts token `i + 1`.
    Shifted,
    /// Row `i` of its logits predicts token `i`.
    Aligned,
}

impl MadeFor {
    /// The word in preset files.
    pub fn word(self) -> &'static str {
        match self {
            Self::BlockCausal => "block-causal",
            Self::Shifted => "shifted",
            Self::Aligned => "aligned",
        }
    }
}

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
    /// Where the method is published ("arXiv 2505.21467"); empty where it is not, or not known.
    pub paper: String,
    /// The kind of network that it was made for, where that matters.
    pub made_for: Option<MadeFor>,
    /// Knob names and values, checked.
    knobs: Vec<(&'static str, String)>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct PresetFile {
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    method: String,
    #[serde(default)]
    paper: String,
    #[serde(default)]
    made_for: Option<MadeFor>,
    /// Where it stands in the list of the built-in ones: hundreds count the methods, so that there is room in between.
    #[serde(default)]
    order: u32,
    #[serde(default)]
    knobs: BTreeMap<String, Scalar>,
}

impl PresetFile {
    fn parse(file: &str, text: &str) -> Result<Self, SettingsError> {
        toml::from_str(text).map_err(|error| bad_file(file, toml_message(&error, text)))
    }

    /// The preset under the name `name`; `file` is for errors.
    fn checked(&self, name: &str, file: &str) -> Result<Preset, SettingsError> {
        Ok(Preset {
            name: printable::line(name),
            title: printable::line(&self.title),
            description: printable::line(self.description.trim()),
            method: printable::line(self.method.trim()),
            paper: printable::line(self.paper.trim()),
            made_for: self.made_for,
            knobs: checked_knobs(&self.knobs).map_err(|error| bad_file(file, error.to_string()))?,
        })
    }
}

impl Preset {
    /// Parses the text of a preset file; `file` names it in errors.
    ///
    /// # Errors
    /// Where the text is no TOML, has a field or knob that is unknown, or a value that its knob does not take.
    pub fn parse(name: &str, file: &str, text: &str) -> Result<Self, SettingsError> {
        PresetFile::parse(file, text)?.checked(name, file)
    }

    /// Reads a preset file.
    ///
    /// # Errors
    /// Where it cannot be read, and as [`Self::parse`].
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let (file, text) = read(path)?;
        let name = path.file_stem().map_or_else(|| file.clone(), |stem| stem.to_string_lossy().into_owned());
        Self::parse(&name, &file, &text)
    }

    /// The knobs of `settings` that stand elsewhere than by default, under a name of one's own.
    pub fn of_settings(name: &str, description: String, settings: &Settings) -> Self {
        let usual = Settings::default();
        // In the order in which a file gives them.
        let knobs: BTreeMap<_, _> =
            settings.differences(&usual).map(|knob| (knob.name, knob.get(settings).to_string())).collect();
        Self {
            name: name.to_owned(),
            title: name.to_owned(),
            description,
            method: String::new(),
            paper: String::new(),
            made_for: None,
            knobs: knobs.into_iter().collect(),
        }
    }

    /// The file that makes it; its place among the built-in ones is left out.
    pub fn file_text(&self) -> String {
        let made_for = self.made_for.map_or("", MadeFor::word);
        let fields = [
            ("title", self.title.as_str()),
            ("description", &self.description),
            ("method", &self.method),
            ("paper", &self.paper),
            ("made-for", made_for),
        ];
        let fields = fields.into_iter().filter(|(_, text)| !text.is_empty());
        let mut lines: Vec<String> = fields.map(|(name, text)| format!("{name} = {}", quoted(text))).collect();
        lines.extend([String::new(), "[knobs]".to_owned()]);
        let settings = self.settings();
        let knobs = self.knobs.iter().filter_map(|(name, _)| Knob::find(name).ok());
        lines.extend(knobs.map(|knob| knob.toml(&settings)));
        lines.join("\n") + "\n"
    }

    /// What it gives over the defaults.
    pub fn settings(&self) -> Settings {
        let mut settings = Settings::default();
        put(&mut settings, self.knobs());
        settings
    }

    /// Under which heading it is listed: its method's.
    pub fn heading(&self) -> &str {
        if self.method.is_empty() { "Your own" } else { &self.method }
    }

    /// Its knob names and values.
    pub fn knobs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.knobs.iter().map(|(name, value)| (*name, value.as_str()))
    }
}

/// The built-in presets, in the order that their files ask for, which groups them by method.
pub fn presets() -> &'static [Preset] {
    static PRESETS: LazyLock<Vec<Preset>> = LazyLock::new(|| {
        let mut presets: Vec<(u32, Preset)> = BUILT_IN
            .iter()
            .map(|(name, text)| {
                let file = PresetFile::parse(name, text).expect("a test parses every built-in preset");
                (file.order, file.checked(name, name).expect("a test checks every built-in preset"))
            })
            .collect();
        presets.sort_by_key(|(order, _)| *order);
        presets.into_iter().map(|(_, preset)| preset).collect()
    });
    &PRESETS
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
    ///
    /// # Errors
    /// Where a knob is unknown, or does not take its value; nothing is set then.
    pub fn set_config<'a>(&mut self, knobs: impl IntoIterator<Item = (&'a str, String)>) -> Result<(), SettingsError> {
        self.config = check(knobs)?;
        Ok(())
    }

    /// The preset. Live changes are dropped: picking a preset means seeing it as it is.
    pub fn set_preset(&mut self, preset: Preset) {
        self.preset = Some(preset);
        self.live.clear();
    }

    /// The preset that was chosen.
    pub fn preset(&self) -> Option<&Preset> {
        self.preset.as_ref()
    }

    /// The layer of the command line.
    ///
    /// # Errors
    /// As [`Self::set_config`].
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

pub(super) fn bad_file(file: &str, message: String) -> SettingsError {
    SettingsError::BadFile { file: file.to_owned(), message }
}

/// The name of a settings file, printable, and its text.
pub(super) fn read(path: &Path) -> Result<(String, String), SettingsError> {
    let file = printable::line(&path.display().to_string());
    match files::read_text(path) {
        Ok(text) => Ok((file, text)),
        Err(error) => Err(bad_file(&file, format!("cannot be read: {error}"))),
    }
}

/// The message of a TOML error without its excerpt of `text`, with the line number.
pub(crate) fn toml_message(error: &toml::de::Error, text: &str) -> String {
    let line = error
        .span()
        .and_then(|span| text.get(..span.start))
        .map(|before| format!("line {}: ", before.matches('\n').count() + 1));
    // Some messages have a second line that says what was expected.
    let message = error.message().trim().replace('\n', "; ");
    printable::line(&format!("{}{message}", line.unwrap_or_default()))
}
