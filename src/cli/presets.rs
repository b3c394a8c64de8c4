//! `diffuscope presets`: the list, or one of them as the file that would make it.

use std::{
    ffi::OsString,
    io::{self, Write},
};

use super::{
    failure::{Failure, warn},
    settings::preset_library,
};
use crate::settings::DEFAULT_PRESET;

/// List the presets, the built-in ones and those saved from the playground, or print one as a preset file
#[derive(Debug, clap::Args)]
pub(super) struct PresetsArgs {
    /// Name of a preset, or a file: a path, or a name that ends in .toml
    #[arg(value_name = "NAME|FILE")]
    name: Option<OsString>,
}

/// Prints the list, or the preset that was named.
pub(super) fn list(args: &PresetsArgs) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    let library = preset_library();
    if let Some(name) = &args.name {
        write!(out, "{}", library.find(name)?.file_text())?;
        return Ok(());
    }
    library.warnings().for_each(|warning| warn(&warning));
    let mut heading = "";
    for preset in library.all() {
        let method = preset.heading();
        if heading != method {
            writeln!(out, "{}{method}", if heading.is_empty() { "" } else { "\n" })?;
            heading = method;
        }
        let mark = if preset.name == DEFAULT_PRESET { " (default)" } else { "" };
        writeln!(out, "  {:<24} {}{mark}", preset.name, preset.title)?;
        writeln!(out, "  {:24} {}", "", preset.description)?;
    }
    Ok(())
}
