//! `diffuscope export`: a saved trace as a recording of the playground's own screen.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{
    export_table::{TableArgs, check_suffix},
    failure::{Failure, warn},
    recorded::Recorded,
};
use crate::{
    export::{
        self, ExportOptions, Exporter, FORMATS, Frames,
        table::{TABLE_FORMATS, TableFormat, table_format},
    },
    output, printable,
    tui::{Arrangement, Layer, Pane, theme::ThemeName},
};

/// Turn a saved trace into a recording or a table: the same bytes for the same trace and options
#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    trace: Recorded,
    /// Where the recording or the table goes; - prints it
    #[arg(long, short, value_name = "FILE")]
    output: PathBuf,
    #[arg(long, value_name = "NAME", value_parser = format, help = formats_help())]
    format: Option<ExportFormat>,
    #[command(flatten)]
    table: TableArgs,
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

/// What the file becomes.
#[derive(Debug, Clone, Copy)]
enum ExportFormat {
    Recording(&'static dyn Exporter),
    Table(&'static dyn TableFormat),
}

/// The format of that name.
fn format(name: &str) -> Result<ExportFormat, String> {
    if let Some(format) = table_format(name)? {
        return Ok(ExportFormat::Table(format));
    }
    let tables = TABLE_FORMATS.iter().map(|format| format.name());
    let format = export::format(name).map_err(|known| format!("{known}, {}", tables.collect::<Vec<_>>().join(", ")));
    format.map(ExportFormat::Recording)
}

/// The format that the suffix of a file stands for; asciicast where it stands for none.
fn format_of(file: &Path) -> Result<ExportFormat, Failure> {
    let suffix = file.extension().and_then(|suffix| suffix.to_str()).unwrap_or_default();
    if let Some(format) = table_format(suffix).map_err(Failure::Usage)? {
        return Ok(ExportFormat::Table(format));
    }
    Ok(ExportFormat::Recording(export::format_of(file).unwrap_or(FORMATS[0])))
}

fn formats_help() -> String {
    let formats = FORMATS.iter().map(|format| format!("{}, {} (.{})", format.name(), format.about(), format.suffix()));
    let tables = TABLE_FORMATS.iter().map(|format| format!("{0}, {1} (.{0})", format.name(), format.about()));
    format!(
        "Format: of a recording {}; of a table {} [default: by the suffix of the file, else {}]",
        formats.collect::<Vec<_>>().join("; "),
        tables.collect::<Vec<_>>().join("; "),
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

/// Makes the recording or the table.
pub(super) fn run(args: &ExportArgs) -> Result<(), Failure> {
    let format = args.format.map_or_else(|| format_of(&args.output), Ok)?;
    if args.trace.is_in(&args.output) {
        return Err(Failure::Usage(format!(
            "{} is the trace itself: give the recording another name",
            printable::line(&args.output.display().to_string())
        )));
    }
    match format {
        ExportFormat::Recording(format) => args.table.refuse(format.name())?,
        ExportFormat::Table(format) => check_suffix(format, &args.output)?,
    }
    let opened = args.trace.open()?;
    for warning in &opened.warnings {
        warn(warning);
    }
    let format = match format {
        ExportFormat::Recording(format) => format,
        ExportFormat::Table(format) => {
            return args.table.save(&args.output, |out| args.table.write(&opened.log, format, out));
        }
    };
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
    let frames = Frames::of(&opened.log, &options).map_err(|error| Failure::Usage(error.to_string()))?;
    if args.output == Path::new("-") {
        return Ok(format.write(frames, &mut io::stdout().lock())?);
    }
    output::replace(&args.output, |out| format.write(frames, out))
        .map_err(|error| Failure::writing(&args.output, &error))
}
