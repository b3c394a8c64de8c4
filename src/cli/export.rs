//! `diffuscope export`: a saved trace as a recording of the playground's own screen, or as a table.

use std::{io, path::PathBuf};

use super::{
    destination::Destination,
    export_table::{self, TableArgs},
    failure::{self, Failure, warn},
    progress::Console,
    recorded::Recorded,
};
use crate::{
    engine::LoadObserver,
    export::{self, ExportFormat, ExportObserver, ExportOptions, FORMATS, FontError, StepRange, Typeface},
    interrupt::Interrupt,
    session::Axis,
    trace::Log,
    tui::{Arrangement, Layer, Pane, Scene, theme::ThemeName},
};

/// Turn a saved trace into a recording or a table: the same bytes for the same trace and options
#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    #[command(flatten)]
    trace: Recorded,
    #[command(flatten)]
    destination: Destination,
    #[arg(long, value_name = "NAME", value_parser = ExportFormat::named, help = formats_help())]
    format: Option<ExportFormat>,
    #[command(flatten)]
    table: TableArgs,
    /// Columns of the screen
    #[arg(long, value_name = "CELLS", default_value_t = ExportOptions::default().width)]
    width: u16,
    /// Rows of the screen
    #[arg(long, value_name = "CELLS", default_value_t = ExportOptions::default().height)]
    height: u16,
    #[arg(long, value_name = "NAME", help = scenes_help())]
    scene: Option<Scene>,
    /// The other trace of the scene compare
    #[arg(long, value_name = "OTHER")]
    against: Option<Recorded>,
    /// What two runs are aligned by: steps, passes, rows or time
    #[arg(long, value_name = "AXIS", default_value = Axis::default().name(), requires = "against")]
    axis: Axis,
    /// A line above the picture, and what the recording is called in its file, in place of its prompt
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    title: String,
    /// Words below the picture
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    caption: String,
    /// Which steps are shown: 16, 10..20, ..20 or 10..; 0 is the canvas of masks. Of two runs, places of the axis
    #[arg(long, value_name = "A..B", default_value = "0..", hide_default_value = true)]
    steps: StepRange,
    /// Leave out that the prompt is typed first
    #[arg(long)]
    no_typing: bool,
    /// Steps shown per second, at most [default: 8; with --speed, as many as there are]
    #[arg(long, value_name = "NUMBER")]
    fps: Option<f32>,
    /// Show the run in real time, so many times faster than it ran: a faster method looks faster
    #[arg(long, value_name = "NUMBER")]
    speed: Option<f64>,
    /// How long the last frame is shown
    #[arg(long, value_name = "SECONDS", default_value_t = ExportOptions::default().hold)]
    hold: f64,
    /// How often an animated picture plays; 0 is for ever
    #[arg(long = "loop", value_name = "TIMES", default_value_t = ExportOptions::default().plays)]
    plays: u16,
    /// The size of letters in a picture, in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = ExportOptions::default().font_size)]
    font_size: u16,
    /// A font for scripts that the bundled one does not have: TrueType or OpenType. Can be given several times
    #[arg(long = "font", value_name = "FILE")]
    fonts: Vec<PathBuf>,
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
    /// What is shown in the canvas's place: canvas, map (every step and every position) or kv-map (every layer and every position)
    /// [default: canvas; map in the scene map]
    #[arg(long, value_name = "NAME")]
    view: Option<Pane>,
}

/// Names, what they are good for, and their suffixes.
fn formats_help() -> String {
    let help = |format: ExportFormat| format!("{}, {} ({})", format.name(), format.about(), format.suffixes());
    format!(
        "Format: {} [default: by the suffix of the file, else {}]",
        ExportFormat::all().map(help).collect::<Vec<_>>().join("; "),
        FORMATS[0].name()
    )
}

fn scenes_help() -> String {
    format!(
        "What of the screen is shown: {} [default: {}; compare with --against]",
        Scene::ALL.map(|(_, word)| word).join(", "),
        Scene::default().word()
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

impl ExportArgs {
    /// Reads the trace, and the other one where there is one.
    fn logs(&self) -> Result<(Log, Option<Log>), Failure> {
        let (opened, against) = match &self.against {
            Some(other) => {
                let (opened, against) = self.trace.open_both(other)?;
                (opened, Some((other.name(), against)))
            }
            None => (self.trace.open()?, None),
        };
        for warning in &opened.warnings {
            warn(warning);
        }
        let against = against.map(|(name, against)| {
            against.warnings.iter().for_each(|warning| warn(&format!("{name}: {warning}")));
            against.log
        });
        Ok((opened.log, against))
    }

    fn options(&self) -> Result<ExportOptions, Failure> {
        let fonts: Result<Vec<_>, FontError> = self.fonts.iter().map(|file| Typeface::read(file)).collect();
        let fonts = fonts.map_err(|error| Failure::Usage(error.to_string()))?;
        Ok(ExportOptions {
            width: self.width,
            height: self.height,
            scene: self.scene.unwrap_or(if self.against.is_some() { Scene::Compare } else { Scene::default() }),
            title: self.title.clone(),
            caption: self.caption.clone(),
            theme: self.theme,
            layer: self.layer,
            arrangement: self.arrangement,
            view: self.view,
            axis: self.axis,
            typing: !self.no_typing,
            steps: self.steps,
            fps: self.fps,
            speed: self.speed,
            idle_limit: self.idle_limit,
            hold: self.hold,
            plays: self.plays,
            font_size: self.font_size,
            fonts,
        })
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

    fn note(&self, sentence: &str) {
        self.console.warn(sentence.to_owned());
    }
}

/// Makes the recording or the table.
pub(super) fn run(args: &ExportArgs) -> Result<(), Failure> {
    let traces: Vec<&Recorded> = std::iter::once(&args.trace).chain(&args.against).collect();
    let format = match ExportFormat::of_file(args.format, args.destination.path()).map_err(Failure::Usage)? {
        ExportFormat::Recording(format) => args.table.refuse(format.name()).map(|()| format)?,
        ExportFormat::Table(format) => {
            args.destination.check(&traces)?;
            return export_table::write(&args.trace, &args.table, format, &args.destination);
        }
    };
    // From here on there may be a file that would be left behind.
    let interrupt = failure::listen()?;
    args.destination.check(&traces)?;
    let (log, against) = args.logs()?;
    let options = args.options()?;
    let logs: Vec<&Log> = std::iter::once(&log).chain(&against).collect();
    let frames = export::frames(&logs, &options).map_err(|error| Failure::Usage(error.to_string()))?;
    let progress = ExportProgress { console: Console::new(), interrupt };
    let written = args.destination.write(|out| format.write(frames, &progress, out));
    progress.console.finish();
    match progress.interrupt.code() {
        Some(code) if written.is_err() => Err(Failure::Interrupted(code)),
        _ => written,
    }
}
