//! `diffuscope export`: a saved trace as a recording of the playground's own screen, or as a table.

use std::{io, path::PathBuf};

use super::{
    destination::Destination,
    export_table::{self, TableArgs},
    failure::{self, Failure, warn},
    given_flags::GivenFlags,
    progress::Console,
    recorded::Recorded,
};
use crate::{
    engine::LoadObserver,
    export::{self, ExportField, ExportFormat, ExportObserver, ExportOptions, FORMATS, FontError, StepRange, Typeface},
    interrupt::Interrupt,
    session::Axis,
    trace::Log,
    tui::{Arrangement, Layer, Pane, Scene, theme::ThemeName},
};

/// Turn a saved trace into a recording or a table: the same bytes for the same trace and options
#[derive(Debug, clap::Args)]
pub(super) struct ExportArgs {
    // First, since what is read is taken from the parser.
    #[command(flatten)]
    given: GivenFlags,
    #[command(flatten)]
    trace: Recorded,
    #[command(flatten)]
    destination: Destination,
    #[arg(long, value_name = "NAME", value_parser = ExportFormat::named, help = formats_help())]
    format: Option<ExportFormat>,
    #[command(flatten)]
    table: TableArgs,
    #[command(flatten)]
    picture: PictureArgs,
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

/// The size of a recording, its letters and its end.
#[derive(Debug, clap::Args)]
pub(super) struct PictureArgs {
    /// Columns of the screen [default: 120, or what a demo says]
    #[arg(long, value_name = "CELLS")]
    pub(super) width: Option<u16>,
    /// Rows of the screen [default: 40, or what a demo says]
    #[arg(long, value_name = "CELLS")]
    pub(super) height: Option<u16>,
    /// How long the last frame is shown
    #[arg(long, value_name = "SECONDS", default_value_t = ExportOptions::default().hold)]
    hold: f64,
    /// How often an animated picture plays; 0 is for ever
    #[arg(id = "loop", long, value_name = "TIMES", default_value_t = ExportOptions::default().plays)]
    plays: u16,
    /// The size of letters in a picture, in pixels
    #[arg(long, value_name = "PIXELS", default_value_t = ExportOptions::default().font_size)]
    font_size: u16,
    /// A font for scripts that the bundled one does not have: TrueType or OpenType. Can be given several times
    #[arg(id = "font", long, value_name = "FILE")]
    fonts: Vec<PathBuf>,
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
    /// Reads the trace, and the other one where there is one; with what a person should know of them.
    fn logs(&self) -> Result<(Log, Option<Log>, Vec<String>), Failure> {
        let (opened, against) = match &self.against {
            Some(other) => {
                let (opened, against) = self.trace.open_both(other)?;
                (opened, Some((other.name(), against)))
            }
            None => (self.trace.open()?, None),
        };
        let mut warnings = opened.warnings;
        let against = against.map(|(name, against)| {
            warnings.extend(against.warnings.iter().map(|warning| format!("{name}: {warning}")));
            against.log
        });
        Ok((opened.log, against, warnings))
    }

    /// Names the flags that were given and make no difference to the format.
    fn warn_of_idle(&self, format: ExportFormat) {
        let is_idle = |flag: &&str| ExportField::of_flag(flag).is_some_and(|field| !format.heeds(field));
        let idle = self.given.iter().filter(is_idle).map(|flag| format!("--{flag}")).collect::<Vec<_>>();
        if !idle.is_empty() {
            warn(&format!("{} makes no use of {}", format.name(), idle.join(", ")));
        }
    }

    fn options(&self) -> Result<ExportOptions, Failure> {
        Ok(ExportOptions {
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
            ..self.picture.options()?
        })
    }
}

impl PictureArgs {
    /// All else is as usual.
    pub(super) fn options(&self) -> Result<ExportOptions, Failure> {
        let fonts: Result<Vec<_>, FontError> = self.fonts.iter().map(|file| Typeface::read(file)).collect();
        let usual = ExportOptions::default();
        Ok(ExportOptions {
            width: self.width.unwrap_or(usual.width),
            height: self.height.unwrap_or(usual.height),
            hold: self.hold,
            plays: self.plays,
            font_size: self.font_size,
            fonts: fonts.map_err(|error| Failure::Usage(error.to_string()))?,
            ..usual
        })
    }
}

/// Shows on a terminal how far the recording is, and stops it once its end is asked for.
pub(super) struct DrawingProgress {
    console: Console,
    interrupt: Interrupt,
}

impl DrawingProgress {
    pub(super) fn new(interrupt: Interrupt) -> Self {
        Self { console: Console::new(), interrupt }
    }

    fn check(&self) -> io::Result<()> {
        if self.interrupt.is_asked() { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
    }

    /// What came of it: the signal, where one has stopped it.
    pub(super) fn finish(self, written: Result<(), Failure>) -> Result<(), Failure> {
        self.console.finish();
        match self.interrupt.code() {
            Some(code) if written.is_err() => Err(Failure::Interrupted(code)),
            _ => written,
        }
    }
}

impl ExportObserver for DrawingProgress {
    fn progress(&self, done: usize, frames: usize) -> io::Result<()> {
        self.check()?;
        self.console.drawing(done, frames);
        Ok(())
    }

    fn filming(&self, frames: usize) -> io::Result<()> {
        self.check()?;
        self.console.filming(frames);
        Ok(())
    }

    fn note(&self, sentence: &str) {
        self.console.warn(sentence.to_owned());
    }
}

/// Makes the recording or the table.
pub(super) fn run(args: &ExportArgs) -> Result<(), Failure> {
    let traces: Vec<&Recorded> = std::iter::once(&args.trace).chain(&args.against).collect();
    let format = ExportFormat::of_file(args.format, args.destination.path()).map_err(Failure::Usage)?;
    let recording = match format {
        ExportFormat::Recording(recording) => args.table.refuse(recording.name()).map(|()| recording)?,
        ExportFormat::Table(table) => {
            args.destination.check(&traces)?;
            args.warn_of_idle(format);
            return export_table::write(&args.trace, &args.table, table, &args.destination);
        }
    };
    // From here on there may be a file that would be left behind.
    let interrupt = failure::listen()?;
    args.destination.check(&traces)?;
    let (log, against, warnings) = args.logs()?;
    let options = args.options()?;
    let logs: Vec<&Log> = std::iter::once(&log).chain(&against).collect();
    let frames = export::frames(&logs, &options).map_err(|error| Failure::Usage(error.to_string()))?;
    for warning in &warnings {
        warn(warning);
    }
    args.warn_of_idle(format);
    let progress = DrawingProgress::new(interrupt);
    let written = args.destination.write(|out| recording.write(frames, &progress, out));
    progress.finish(written)
}
