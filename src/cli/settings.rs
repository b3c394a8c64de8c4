//! The options that make settings: preset, configuration file, one flag per knob.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use etcetera::BaseStrategy;

use super::{failure::Failure, knobs::KnobFlags};
use crate::settings::{ConfigFile, DEFAULT_PRESET, Layers, PresetLibrary};

/// Names the configuration file, or is empty for none.
const CONFIG_VARIABLE: &str = "DIFFUSCOPE_CONFIG";

/// Preset, configuration file and knobs.
#[derive(Debug, clap::Args)]
pub(super) struct SettingsArgs {
    /// Preset to start from, or a file with one; `diffuscope presets` lists them
    #[arg(long, value_name = "NAME|FILE")]
    pub(super) preset: Option<OsString>,
    /// Configuration file [default: `DIFFUSCOPE_CONFIG` of the environment, else diffuscope/config.toml where this
    /// platform keeps configuration]
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// One flag per knob
    #[command(flatten)]
    pub(super) knobs: KnobFlags,
}

impl SettingsArgs {
    /// The layers: configuration file, preset, flags. Also gives the configuration.
    pub(super) fn layers(&self, presets: &PresetLibrary) -> Result<(Layers, ConfigFile), Failure> {
        let config = configuration(self.config.clone(), presets)?;
        let mut layers = Layers::default();
        layers.set_config(config.knobs())?;
        let name = self.preset.as_deref().or(config.preset.as_deref().map(OsStr::new));
        layers.set_preset(presets.find(name.unwrap_or(OsStr::new(DEFAULT_PRESET)))?);
        layers.set_flags(self.knobs.iter())?;
        Ok((layers, config))
    }
}

/// The configuration: of the file that is named, else of the one that the environment names, else of the usual one.
pub(super) fn configuration(named: Option<PathBuf>, presets: &PresetLibrary) -> Result<ConfigFile, Failure> {
    let named = named.or_else(|| env::var_os(CONFIG_VARIABLE).map(PathBuf::from));
    let file = match named {
        Some(none) if none.as_os_str().is_empty() => None,
        Some(file) => Some(file),
        None => usual_folder().map(|folder| folder.join("config.toml")).filter(|file| file.exists()),
    };
    Ok(file.map_or(Ok(ConfigFile::default()), |file| ConfigFile::read(&file, presets))?)
}

/// The built-in presets, and the person's own in the configuration folder; those are left out where there is to be no
/// configuration at all.
pub(super) fn preset_library() -> PresetLibrary {
    let is_wanted = env::var_os(CONFIG_VARIABLE).is_none_or(|file| !file.is_empty());
    PresetLibrary::open(usual_folder().filter(|_| is_wanted).map(|folder| folder.join("presets")))
}

/// Where this platform keeps the configuration of this program.
pub(super) fn usual_folder() -> Option<PathBuf> {
    Some(etcetera::choose_base_strategy().ok()?.config_dir().join("diffuscope"))
}
