//! `diffuscope export`: a saved trace as a recording of the playground's own screen.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{
    failure::{Failure, warn},
    recorded::Recorded,
};
use crate::{
    export::{self, ExportOptions, Exporter, FORMATS, Frames},
    output, printable,
    tui::{Arrangement, Layer, Pane, theme::ThemeName},
};

/// Turn a saved trace into a recording: the same bytes for the same trace and options
#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    trace: Recorded,
    /// Where the recording goes; - prints it
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    #[arg(long, value_name = "NAME", value_parser = export::format, help = formats_help())]
    format: Option<&'static dyn Exporter>,
    /// Columns of the screen
    #[arg(long, value_name = "CELLS", default_value_t = ExportOptions::default().width)]
    width: u16,
    /// Rows of the screen
    #[arg(long, value_name = "CELLS", default_value_t = ExportOptions::default().height)]
    height: u16,
    /// Steps shown per second, at most
    #[arg(long, value_name = "NUMBER", default_value_t = ExportOptions::default().fps)]
    fps: f32,
    /// How many times faster than it ran the run is shown
    #[arg(long, value_name = "NUMBER", default_value_t = ExportOptions::default().speed)]
    speed: f64,
    /// The longest pause [default: as long as the slowest step took]
    #[arg(long, value_name = "SECONDS")]
    idle_limit: Option<f64>,
    #[arg(long, value_name = "NAME", default_value_t = ThemeName::Dark, help = format!("Theme: {}", ThemeName::words()))]
    theme: ThemeName,
    #[arg(long, value_name = "NAME", default_value = ExportOptions::default().layer.name(), value_parser = layer, help = layers_help())]
    layer: Layer,
    /// How the tokens are arranged: auto (a sudoku as its grid, else as text), text, or grid (cells for every position)
    #[arg(long, value_name = "NAME", default_value = ExportOptions::default().arrangement.word())]
    arrangement: Arrangement,
    /// What is shown large: canvas, map (every step and every position) or kv-map (every layer and every position)
    #[arg(long, value_name = "NAME", default_value = Pane::default().name())]
    view: Pane,
}

fn formats_help() -> String {
    let formats = FORMATS.iter().map(|format| format!("{}, {} (.{})", format.name(), format.about(), format.suffix()));
    format!(
        "Format of the recording: {} [default: by the suffix of the file, else {}]",
        formats.collect::<Vec<_>>().join("; "),
        FORMATS[0].name()
    )
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
pub(super) fn run(args: &ExportArgs) -> Result<(), Failure> {
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
    let options = ExportOptions {
        width: args.width,
        height: args.height,
        fps: args.fps,
        theme: args.theme,
        layer: args.layer,
        arrangement: args.arrangement,
        view: args.view,
        speed: args.speed,
        idle_limit: args.idle_limit,
    };
    let format = args.format.or_else(|| export::format_of(&args.output)).unwrap_or(FORMATS[0]);
    let frames = Frames::of(&opened.log, &options).map_err(|error| Failure::Usage(error.to_string()))?;
    if args.output == Path::new("-") {
        return Ok(format.write(frames, &mut io::stdout().lock())?);
    }
    output::replace(&args.output, |out| format.write(frames, out))
        .map_err(|error| Failure::writing(&args.output, &error))
}
