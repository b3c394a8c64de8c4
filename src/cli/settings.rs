//! The options that make settings: preset, configuration file, one flag per knob.

use std::{
    env,
    ffi::{OsStr, OsString},
    path::PathBuf,
};

use etcetera::BaseStrategy;

use super::{failure::Failure, knobs::KnobFlags};
use crate::settings::{ConfigFile, DEFAULT_PRESET, Layers, preset};

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
    pub(super) fn layers(&self) -> Result<(Layers, ConfigFile), Failure> {
        let config = self.config()?;
        let mut layers = Layers::default();
        layers.set_config(config.knobs())?;
        let name = self.preset.as_deref().or(config.preset.as_deref().map(OsStr::new));
        layers.set_preset(preset(name.unwrap_or(OsStr::new(DEFAULT_PRESET)))?);
        layers.set_flags(self.knobs.iter())?;
        Ok((layers, config))
    }

    fn config(&self) -> Result<ConfigFile, Failure> {
        let named = self.config.clone().or_else(|| env::var_os(CONFIG_VARIABLE).map(PathBuf::from));
        let file = match named {
            Some(none) if none.as_os_str().is_empty() => None,
            Some(file) => Some(file),
            None => usual_file().filter(|file| file.exists()),
        };
        Ok(file.map_or(Ok(ConfigFile::default()), |file| ConfigFile::read(&file))?)
    }
}

fn usual_file() -> Option<PathBuf> {
    let folder = etcetera::choose_base_strategy().ok()?.config_dir();
    Some(folder.join("diffuscope").join("config.toml"))
}
