//! `diffuscope cast`: a saved trace as a recording of the playground's own screen.

use std::{
    io::{self, Write},
    path::{Path, PathBuf},
};

use super::{
    failure::{Failure, warn},
    recorded::Recorded,
};
use crate::{
    output, printable,
    tui::{
        Layer,
        cast::{CastOptions, export},
        theme::ThemeName,
    },
};

/// Turn a saved trace into an asciicast v2 recording: the same bytes for the same trace and options
#[derive(Debug, clap::Args)]
pub(super) struct CastArgs {
    #[command(flatten)]
    trace: Recorded,
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
    /// How many times faster than it was the run is shown
    #[arg(long, value_name = "NUMBER", default_value_t = CastOptions::default().speed)]
    speed: f64,
    /// The longest pause [default: as long as the slowest step took]
    #[arg(long, value_name = "SECONDS")]
    idle_limit: Option<f64>,
    /// Palette: dark or light
    #[arg(long, value_name = "NAME", default_value = "dark")]
    theme: ThemeName,
    #[arg(long, value_name = "NAME", default_value = CastOptions::default().layer.name(), value_parser = layer, help = layers_help())]
    layer: Layer,
}

fn layer(name: &str) -> Result<Layer, String> {
    Layer::named(name).ok_or_else(|| format!("there are {}", names().join(", ")))
}

fn layers_help() -> String {
    let mut names = names();
    let last = names.pop().unwrap_or_default();
    format!("How the canvas is read: {} or {last}", names.join(", "))
}

fn names() -> Vec<&'static str> {
    Layer::all().map(|layer| layer.name()).collect()
}

/// Makes the recording.
pub(super) fn run(args: &CastArgs) -> Result<(), Failure> {
    if args.trace.is_in(&args.output) {
        return Err(Failure::Usage(format!(
            "{} is the trace itself: give the recording another name",
            printable::line(&args.output.display().to_string())
        )));
    }
    let opened = args.trace.open()?;
    for warning in &opened.warnings {
        warn(warning);
    }
    let options = CastOptions {
        width: args.width,
        height: args.height,
        fps: args.fps,
        theme: args.theme,
        layer: args.layer,
        speed: args.speed,
        idle_limit: args.idle_limit,
    };
    let cast = export(&opened.log, &options).map_err(|error| Failure::Usage(error.to_string()))?;
    if args.output == Path::new("-") {
        io::stdout().lock().write_all(cast.as_bytes())?;
        return Ok(());
    }
    output::replace(&args.output, |out| out.write_all(cast.as_bytes()))
        .map_err(|error| Failure::writing(&args.output, &error))
}
