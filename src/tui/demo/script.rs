//! A script as a file.

use std::path::Path;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Beat, Play};
use crate::{
    files, printable,
    settings::toml_message,
    tui::{
        recording::{Framing, Scene},
        theme::ThemeName,
    },
};

/// A demo.
#[derive(Debug, Clone, PartialEq)]
pub struct DemoScript {
    /// Its file, printable.
    pub file: String,
    /// Columns and rows of the screen.
    pub size: (u16, u16),
    /// The theme that it begins with.
    pub theme: Option<ThemeName>,
    /// What of the screen is shown.
    pub scene: Scene,
    /// A line above it; none where it is empty.
    pub title: String,
    /// Floating-point operations a second of the machine whose times a film shows, in billions.
    pub gflops: f64,
    /// What happens, in this order.
    pub plays: Vec<Play>,
}

/// Why a file is no script, in one printable sentence that names the place.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct DemoError(String);

/// The size of a screen where a script says none.
const SIZE: (u16, u16) = (120, 34);

/// A script as TOML has it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ScriptFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    theme: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    scene: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gflops: Option<f64>,
    #[serde(default)]
    play: Vec<Play>,
}

impl DemoScript {
    /// What a laptop's processor does with a small network.
    pub const GFLOPS: f64 = 100.0;

    /// Reads a file.
    ///
    /// # Errors
    /// When it cannot be read or is no script.
    pub fn open(path: &Path) -> Result<Self, DemoError> {
        let file = printable::line(&path.display().to_string());
        let text = files::read_text(path).map_err(|error| DemoError(format!("{file} cannot be read: {error}")))?;
        Self::parse(&file, &text)
    }

    /// Reads the text of a file.
    ///
    /// # Errors
    /// When it is no script.
    pub fn parse(file: &str, text: &str) -> Result<Self, DemoError> {
        let bad = |message: String| DemoError(printable::line(&format!("{file}: {message}")));
        let fields: ScriptFields = toml::from_str(text).map_err(|error| bad(toml_message(&error, text)))?;
        let script = Self {
            file: file.to_owned(),
            size: fields.size.map_or(Ok(SIZE), |size| read_size(&size)).map_err(bad)?,
            theme: fields.theme.map(|theme| theme.parse()).transpose().map_err(bad)?,
            scene: fields.scene.map_or_else(|| Ok(Scene::default()), |scene| read_scene(&scene)).map_err(bad)?,
            title: fields.title.unwrap_or_default(),
            gflops: fields.gflops.unwrap_or(Self::GFLOPS),
            plays: fields.play,
        };
        if !(0.1..=1e6).contains(&script.gflops) {
            return Err(bad(format!("gflops cannot be {}: it takes a number from 0.1 to 1000000", script.gflops)));
        }
        if script.plays.is_empty() {
            return Err(bad("nothing happens in it: a script has at least one [[play]]".to_owned()));
        }
        script.beats().map(|_| script)
    }

    /// What of the screen is shown, and its title.
    pub fn framing(&self) -> Framing {
        Framing { scene: self.scene, title: printable::line(&self.title), caption: String::new() }
    }

    /// The script as TOML.
    ///
    /// # Errors
    /// None that is known: all of it can be written.
    pub fn to_toml(&self) -> Result<String, DemoError> {
        let fields = ScriptFields {
            size: Some(format!("{}x{}", self.size.0, self.size.1)),
            theme: self.theme.map(|theme| theme.entry().word.to_owned()),
            scene: Some(self.scene).filter(|scene| *scene != Scene::default()).map(|scene| scene.word().to_owned()),
            title: Some(self.title.clone()).filter(|title| !title.is_empty()),
            gflops: Some(self.gflops).filter(|gflops| *gflops != Self::GFLOPS),
            play: self.plays.clone(),
        };
        toml::to_string(&fields).map_err(|error| DemoError(error.to_string()))
    }

    /// What happens, beat by beat, with the number of its play, from 1.
    pub(super) fn beats(&self) -> Result<Vec<(usize, Beat)>, DemoError> {
        let mut beats = Vec::new();
        for (index, play) in self.plays.iter().enumerate() {
            let number = index + 1;
            let bad = |message| DemoError(printable::line(&format!("{}, play {number}: {message}", self.file)));
            beats.extend(play.beats().map_err(bad)?.into_iter().map(|beat| (number, beat)));
        }
        Ok(beats)
    }
}

/// "120x34".
fn read_size(text: &str) -> Result<(u16, u16), String> {
    let sides = text.split_once(['x', '×']).map(|(width, height)| (width.trim().parse(), height.trim().parse()));
    match sides {
        Some((Ok(width), Ok(height))) => Ok((width, height)),
        _ => Err(format!("size cannot be '{text}': it takes columns and rows, as in \"120x34\"")),
    }
}

/// The word of flags. Two runs stand beside each other once a play compares them.
fn read_scene(word: &str) -> Result<Scene, String> {
    match word.parse() {
        Ok(Scene::Compare) => {
            Err("the scene compare is of two traces: in a demo, do = \"compare.toggle\" compares two runs".to_owned())
        }
        Ok(scene) => Ok(scene),
        Err(known) => Err(format!("unknown scene '{word}': {known}")),
    }
}
