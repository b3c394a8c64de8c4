//! `diffuscope cast`: a saved trace as a recording of the playground's own screen.

use std::{
    fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::failure::{Failure, warn};
use crate::{
    trace::file,
    tui::{
        Layer,
        cast::{CastOptions, export},
        theme::ThemeName,
    },
};

/// Turn a saved trace into an asciicast v2 recording: the same bytes for the same trace and options
#[derive(Debug, clap::Args)]
pub(super) struct CastArgs {
    /// The trace
    file: PathBuf,
    /// Where the recording goes; - prints it
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    /// Columns of the screen
    #[arg(long, value_name = "CELLS", default_value_t = CastOptions::default().width)]
    width: u16,
    /// Rows of the screen
    #[arg(long, value_name = "CELLS", default_value_t = CastOptions::default().height)]
    height: u16,
    /// Steps shown per second, at most
    #[arg(long, value_name = "NUMBER", default_value_t = CastOptions::default().fps)]
    fps: f32,
    /// Palette: dark or light
    #[arg(long, value_name = "NAME", default_value = "dark")]
    theme: ThemeName,
    /// How the canvas is read: confidence, cache or guide
    #[arg(long, value_name = "NAME", default_value = "confidence", value_parser = layer)]
    layer: Layer,
}

fn layer(name: &str) -> Result<Layer, String> {
    let known = Layer::ALL.into_iter().find(|layer| layer.name() == name);
    known.ok_or_else(|| format!("there are {}", Layer::ALL.map(Layer::name).join(", ")))
}

/// Makes the recording.
pub(super) fn run(args: &CastArgs) -> Result<(), Failure> {
    let opened = file::open(&args.file)?;
    for warning in &opened.warnings {
        warn(warning);
    }
    let options =
        CastOptions { width: args.width, height: args.height, fps: args.fps, theme: args.theme, layer: args.layer };
    let cast = export(&opened.log, &options).map_err(|error| Failure::Input(error.to_string()))?;
    if args.output == Path::new("-") {
        io::stdout().lock().write_all(cast.as_bytes())?;
        return Ok(());
    }
    fs::write(&args.output, cast).map_err(|error| Failure::writing(&args.output, &error))
}
