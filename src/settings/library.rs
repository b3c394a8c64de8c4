//! The presets that there are to choose from: the built-in ones, and a person's own, each a file of one folder.

use std::{
    ffi::OsStr,
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    Preset, SettingsError,
    knob::nearest,
    preset::{bad_file, presets},
};
use crate::{output, printable};

/// The longest name that a preset of one's own may be given.
const LONGEST_NAME: usize = 24;

/// The built-in presets, and those of a folder.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PresetLibrary {
    folder: Option<PathBuf>,
    own: Vec<Preset>,
    /// Files of the folder that are no presets: their names, and what is wrong with them.
    broken: Vec<(String, SettingsError)>,
}

impl PresetLibrary {
    /// The built-in presets and those in `folder`, which need not exist. A file that is no preset leaves the others alone:
    /// [`Self::warnings`].
    pub fn open(folder: Option<PathBuf>) -> Self {
        let mut library = Self { folder, ..Self::default() };
        let Some(folder) = &library.folder else { return library };
        let files = match preset_files(folder) {
            Ok(files) => files,
            Err(error) => {
                let fault = bad_file(&shown(folder), format!("its presets cannot be read: {error}"));
                library.broken.push((String::new(), fault));
                return library;
            }
        };
        for path in files {
            match Preset::read(&path).and_then(|preset| unlike_built_in(&path, preset)) {
                Ok(preset) => library.own.push(preset),
                Err(error) => {
                    let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
                    library.broken.push((name, error));
                }
            }
        }
        library
    }

    /// The person's own presets, by name.
    pub fn own(&self) -> &[Preset] {
        &self.own
    }

    /// All presets: the person's own first, then the built-in ones in their order.
    pub fn all(&self) -> impl Iterator<Item = &Preset> {
        self.own.iter().chain(presets())
    }

    /// What is wrong with files of the folder, a sentence each.
    pub fn warnings(&self) -> impl Iterator<Item = String> {
        self.broken.iter().map(|(_, error)| error.to_string())
    }

    /// The preset of that name, or the preset in the file of that path.
    ///
    /// # Errors
    /// [`SettingsError::UnknownPreset`] where there is no such name, what is wrong with the file of that name, and as
    /// [`Preset::read`].
    pub fn find(&self, name: impl AsRef<OsStr>) -> Result<Preset, SettingsError> {
        let path = Path::new(name.as_ref());
        if names_a_file(path) {
            return Preset::read(path);
        }
        let name = path.to_string_lossy();
        if let Some(preset) = self.all().find(|preset| preset.name == name) {
            return Ok(preset.clone());
        }
        if let Some((_, error)) = self.broken.iter().find(|(broken, _)| *broken == name) {
            return Err(error.clone());
        }
        let nearest = || nearest(&name, self.all().map(|preset| preset.name.as_str())).map(str::to_owned);
        let name = printable::line(&name);
        let suggestion = if path.is_file() { Some(format!("./{name}")) } else { nearest() };
        Err(SettingsError::UnknownPreset { name, suggestion })
    }

    /// Checks a name for a preset of one's own.
    ///
    /// # Errors
    /// [`SettingsError::BadPresetName`] where it is empty or too long, has other characters than those of the built-in
    /// names, or is one of these.
    pub fn check_name(name: &str) -> Result<(), SettingsError> {
        let refuse = |reason: String| Err(SettingsError::BadPresetName { name: printable::line(name), reason });
        let is_plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if name.is_empty() || name.len() > LONGEST_NAME || !name.chars().all(is_plain) || name.starts_with('-') {
            return refuse(format!(
                "it takes 1 to {LONGEST_NAME} of the characters a-z, 0-9 and -, the first of them not -"
            ));
        }
        if presets().iter().any(|preset| preset.name == name) {
            return refuse("a built-in preset is called that: choose another name".to_owned());
        }
        Ok(())
    }

    /// The file of a preset of that name.
    ///
    /// # Errors
    /// [`SettingsError::NoPresetFolder`] where presets are kept nowhere.
    pub fn path(&self, name: &str) -> Result<PathBuf, SettingsError> {
        let folder = self.folder.as_ref().ok_or(SettingsError::NoPresetFolder)?;
        Ok(folder.join(format!("{name}.toml")))
    }

    /// Whether a file has that name, so that saving would replace it.
    pub fn has_file(&self, name: &str) -> bool {
        self.path(name).is_ok_and(|path| fs::symlink_metadata(path).is_ok())
    }

    /// Writes a preset to its file, whole or not at all, and returns the file.
    ///
    /// # Errors
    /// As [`Self::check_name`] and [`Self::path`], and where it cannot be written.
    pub fn save(&self, preset: &Preset) -> Result<PathBuf, SettingsError> {
        Self::check_name(&preset.name)?;
        let path = self.path(&preset.name)?;
        let write = || {
            path.parent().map_or(Ok(()), fs::create_dir_all)?;
            output::replace(&path, |out| out.write_all(preset.file_text().as_bytes()))
        };
        write().map_err(|error| bad_file(&shown(&path), format!("cannot be written: {error}")))?;
        Ok(path)
    }

    /// Takes a preset in that has been saved, in place of the one of that name.
    pub fn add(&mut self, preset: Preset) {
        self.broken.retain(|(name, _)| *name != preset.name);
        match self.own.binary_search_by(|own| own.name.cmp(&preset.name)) {
            Ok(at) => self.own[at] = preset,
            Err(at) => self.own.insert(at, preset),
        }
    }
}

/// The built-in preset of that name, or the preset in the file of that path.
///
/// # Errors
/// As [`PresetLibrary::find`].
pub fn preset(name: impl AsRef<OsStr>) -> Result<Preset, SettingsError> {
    PresetLibrary::default().find(name)
}

/// Whether a preset's name is that of a file: one that ends in `.toml`, or a path with a folder in it.
fn names_a_file(path: &Path) -> bool {
    is_toml(path) || path.components().count() > 1
}

fn is_toml(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"))
}

fn shown(path: &Path) -> String {
    printable::line(&path.display().to_string())
}

/// The preset files of a folder, in the order of their names; none where there is no folder.
fn preset_files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    // Editors keep hidden copies of what they have open.
    let is_hidden = |path: &Path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
    let paths: io::Result<Vec<PathBuf>> = entries.map(|entry| Ok(entry?.path())).collect();
    let mut paths: Vec<PathBuf> = paths?.into_iter().filter(|path| is_toml(path) && !is_hidden(path)).collect();
    paths.sort_by(|one, other| one.file_stem().cmp(&other.file_stem()));
    Ok(paths)
}

/// A preset of a file whose name no built-in one has: the built-in ones mean the same everywhere.
fn unlike_built_in(path: &Path, preset: Preset) -> Result<Preset, SettingsError> {
    if presets().iter().all(|built_in| built_in.name != preset.name) {
        return Ok(preset);
    }
    Err(bad_file(&shown(path), "a built-in preset is called that: give the file another name".to_owned()))
}
