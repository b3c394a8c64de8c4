//! `diffuscope presets`: the list, or one of them as the file that would make it.

use std::{
    ffi::OsString,
    io::{self, Write},
};

use super::failure::Failure;
use crate::settings::{DEFAULT_PRESET, Knob, Preset, Value, preset, presets};

/// List the presets, or print one as a preset file
#[derive(Debug, clap::Args)]
pub(super) struct PresetsArgs {
    /// Name of a built-in preset, or a file: a path, or a name that ends in .toml
    #[arg(value_name = "NAME|FILE")]
    name: Option<OsString>,
}

/// Prints the list, or the preset that was named.
pub(super) fn list(args: &PresetsArgs) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    if let Some(name) = &args.name {
        return write_file(&preset(name)?, &mut out);
    }
    let mut method = "";
    for preset in presets() {
        if preset.method != method {
            writeln!(out, "{}{}", if method.is_empty() { "" } else { "\n" }, preset.method)?;
            method = &preset.method;
        }
        let mark = if preset.name == DEFAULT_PRESET { " (default)" } else { "" };
        writeln!(out, "  {:<24} {}{mark}", preset.name, preset.title)?;
        writeln!(out, "  {:24} {}", "", preset.description)?;
    }
    Ok(())
}

/// Writes the file that makes this preset; its place among the built-in ones is left out.
fn write_file(preset: &Preset, out: &mut dyn Write) -> Result<(), Failure> {
    let quoted = |text: &str| toml::Value::from(text).to_string();
    writeln!(out, "title = {}", quoted(&preset.title))?;
    writeln!(out, "description = {}", quoted(&preset.description))?;
    if !preset.method.is_empty() {
        writeln!(out, "method = {}", quoted(&preset.method))?;
    }
    writeln!(out)?;
    writeln!(out, "[knobs]")?;
    for (name, value) in preset.knobs() {
        match Knob::find(name)?.parse(value)? {
            Value::Word(word) => writeln!(out, "{name} = {}", quoted(word))?,
            Value::Flag(on) => writeln!(out, "{name} = {on}")?,
            number => writeln!(out, "{name} = {number}")?,
        }
    }
    Ok(())
}
