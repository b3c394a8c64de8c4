//! `diffuscope export`: a saved trace as a recording of the playground's own screen.

use std::{ffi::OsStr, io};

use super::{
    destination::Destination,
    failure::{self, Failure, warn},
    progress::Console,
    recorded::Recorded,
};
use crate::{
    export::{self, ExportObserver, ExportOptions, Exporter, FORMATS, Frames},
    interrupt::Interrupt,
    printable,
    tui::{Arrangement, Layer, Pane, theme::ThemeName},
};

/// Turn a saved trace into a recording: the same bytes for the same trace and options
#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    trace: Recorded,
    #[command(flatten)]
    destination: Destination,
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
    let formats = FORMATS.iter().map(|format| format!("{}, {} ({})", format.name(), format.about(), suffixes(*format)));
    format!(
        "Format of the recording: {} [default: by the suffix of the file, else {}]",
        formats.collect::<Vec<_>>().join("; "),
        FORMATS[0].name()
    )
}

/// ".png or .apng".
fn suffixes(format: &dyn Exporter) -> String {
    format.suffixes().iter().map(|suffix| format!(".{suffix}")).collect::<Vec<_>>().join(" or ")
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

impl ExportArgs {
    /// The format: the one that was named, which has to fit the file's suffix, or the one that the suffix stands for.
    fn format(&self) -> Result<&'static dyn Exporter, Failure> {
        let file = self.destination.name();
        let suffix = self.destination.path().extension().map(OsStr::to_string_lossy);
        match (self.format, suffix) {
            (Some(format), Some(suffix)) if !export::has_suffix(format, &suffix) => {
                let fitting = suffixes(format);
                let name = format.name();
                Err(Failure::Usage(format!("{file} is no name for {name}: its files end in {fitting}")))
            }
            (Some(format), _) => Ok(format),
            (None, Some(suffix)) => export::format_of(&suffix).ok_or_else(|| {
                let known = FORMATS.iter().map(|format| format.name()).collect::<Vec<_>>().join(", ");
                let suffix = printable::line(&suffix);
                Failure::Usage(format!("{file}: .{suffix} stands for no format; choose one by --format: {known}"))
            }),
            (None, None) => Ok(FORMATS[0]),
        }
    }

    fn options(&self) -> ExportOptions {
        ExportOptions {
            width: self.width,
            height: self.height,
            fps: self.fps,
            theme: self.theme,
            layer: self.layer,
            arrangement: self.arrangement,
            view: self.view,
            speed: self.speed,
            idle_limit: self.idle_limit,
        }
    }
}

/// Shows on a terminal how far the recording is, and stops it once its end is asked for.
struct ExportProgress {
    console: Console,
    interrupt: Interrupt,
}

impl ExportObserver for ExportProgress {
    fn progress(&self, done: usize, frames: usize) -> io::Result<()> {
        if self.interrupt.is_asked() {
            return Err(io::ErrorKind::Interrupted.into());
        }
        self.console.drawing(done, frames);
        Ok(())
    }
}

/// Makes the recording.
pub(super) fn run(args: &ExportArgs) -> Result<(), Failure> {
    args.destination.check(&[&args.trace])?;
    let format = args.format()?;
    let opened = args.trace.open()?;
    for warning in &opened.warnings {
        warn(warning);
    }
    let options = args.options();
    let frames = Frames::of(&opened.log, &options).map_err(|error| Failure::Usage(error.to_string()))?;
    let progress = ExportProgress { console: Console::new(), interrupt: failure::listen()? };
    let written = args.destination.write(|out| format.write(frames, &progress, out));
    progress.console.finish();
    match progress.interrupt.code() {
        Some(code) if written.is_err() => Err(Failure::Interrupted(code)),
        _ => written,
    }
}
