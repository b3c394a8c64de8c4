//! Recordings and tables of what is shown, made while the playground stays open.
//!
//! What can be made is the business of the room above, which the playground knows as an [`ExportForm`]: rows with values to
//! choose, what would come of them, and a way to begin. What is being made tells [`ExportNews`], and ends when its
//! handle is dropped.

use std::{
    borrow::Cow,
    convert::Infallible,
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc,
    },
    time::Duration,
};

use tokio::sync::mpsc as news;

use super::{app::App, arrangement::Arrangement, pane::Pane, theme::ThemeName, view::Layer};
use crate::{engine::protocol::RunId, session::Axis, trace::Log};

/// How long a dropped export is waited for, so that it takes away what it has begun to write. A disk that hangs never answers.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is chosen for an export, row by row.
pub trait ExportForm: fmt::Debug + Send {
    /// Something is shown, to be exported: what a recording has in common with the screen follows it.
    fn look(&mut self, sight: &ExportSight<'_>);

    /// The rows that the chosen format has.
    fn rows(&self) -> Vec<ExportRow>;

    /// Takes the value so many further on, where the row has several.
    fn turn(&mut self, row: usize, presses: i64);

    /// Takes what was typed.
    ///
    /// # Errors
    /// One sentence, where it is no value of the row.
    fn set(&mut self, row: usize, text: &str) -> Result<(), String>;

    /// What would come of it, in a line.
    ///
    /// # Errors
    /// One sentence, where nothing would.
    fn outlook(&self, logs: &[&Log]) -> Result<String, String>;

    /// The file that is written, printable.
    fn file(&self) -> String;

    /// Begins to write it, on a thread of its own. A file that is there is replaced only where that is asked for.
    ///
    /// # Errors
    /// When the system gives no thread.
    fn begin(&self, logs: Vec<Log>, replaces: bool) -> Result<ExportUnderWay, String>;
}

/// What is on the screen.
#[derive(Debug, Clone)]
pub struct ExportSight<'a> {
    /// The shown run, and the one that it is compared with.
    pub runs: Vec<RunId>,
    /// The log of the shown run.
    pub log: &'a Log,
    /// The file that it was read from, printable.
    pub file: Option<&'a str>,
    /// The step that is shown; `None` for the newest.
    pub step: Option<usize>,
    /// What two runs are aligned by.
    pub axis: Axis,
    /// Which palette.
    pub theme: ThemeName,
    /// How the canvas is read.
    pub layer: Layer,
    /// How its tokens are arranged.
    pub arrangement: Arrangement,
    /// What stands in the canvas's place.
    pub pane: Pane,
}

/// A row of the form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportRow {
    /// What it is about.
    pub name: &'static str,
    /// What is chosen.
    pub value: String,
    /// What that is, or how it is written: half a line.
    pub about: Cow<'static, str>,
    /// How it is changed.
    pub kind: ExportRowKind,
    /// Rows of one group stand together.
    pub group: u8,
}

/// How the value of a row is changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportRowKind {
    /// It is one of a few.
    Choice,
    /// It is turned, or typed in place of the one that is there.
    Number,
    /// It is typed, after what is there.
    Text,
}

/// News of an export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportNews {
    /// How far it is.
    Progress(ExportCount),
    /// Something that a person should know of it: a printable sentence.
    Note(String),
    /// Nothing is written: a file of that name is there.
    Taken,
    /// It is written, so many bytes.
    Made(u64),
    /// It is not written, and why: a printable sentence. What was there before is there still.
    Failed(String),
    /// It was broken off: nothing is written.
    Cancelled,
}

impl ExportNews {
    /// Whether nothing comes after it.
    pub fn is_last(&self) -> bool {
        !matches!(self, Self::Progress(_) | Self::Note(_))
    }
}

/// How far an export is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ExportCount {
    /// Frames that are done.
    pub done: usize,
    /// All frames; 0 where there are none, or it is not known yet.
    pub all: usize,
    /// Bytes that are written.
    pub bytes: u64,
}

impl ExportCount {
    /// The part that is done, where the whole is known.
    pub fn share(&self) -> Option<f32> {
        (self.all > 0).then(|| self.done as f32 / self.all as f32)
    }
}

/// An export under way. Dropping it breaks it off, and waits for a while until nothing of it is left.
#[derive(Debug)]
pub struct ExportUnderWay {
    news: news::UnboundedReceiver<ExportNews>,
    stop: Arc<AtomicBool>,
    /// Closed when its thread is done.
    ended: mpsc::Receiver<Infallible>,
}

/// The other end of it, for the thread that writes.
#[derive(Debug)]
pub struct ExportReporter {
    news: news::UnboundedSender<ExportNews>,
    stop: Arc<AtomicBool>,
    _alive: mpsc::Sender<Infallible>,
}

impl ExportUnderWay {
    /// Both ends.
    pub fn new() -> (Self, ExportReporter) {
        let (sender, news) = news::unbounded_channel();
        let (alive, ended) = mpsc::channel();
        let stop = Arc::new(AtomicBool::new(false));
        let reporter = ExportReporter { news: sender, stop: Arc::clone(&stop), _alive: alive };
        (Self { news, stop, ended }, reporter)
    }

    /// Breaks it off; that is done when the news says so.
    pub fn cancel(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }

    /// Waits for news; `None` when there will be no more.
    pub async fn next(&mut self) -> Option<ExportNews> {
        self.news.recv().await
    }
}

impl Drop for ExportUnderWay {
    fn drop(&mut self) {
        self.cancel();
        let _ = self.ended.recv_timeout(PATIENCE);
    }
}

impl ExportReporter {
    /// Whether it was broken off.
    pub fn is_cancelled(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Tells something. Nobody listens any more when the program is about to end.
    pub fn tell(&self, news: ExportNews) {
        let _ = self.news.send(news);
    }
}

/// The export menu, and what is being written.
#[derive(Debug)]
pub struct ExportMenu {
    /// What is chosen; `None` where nothing makes exports.
    pub(super) form: Option<Box<dyn ExportForm>>,
    /// Its rows.
    pub(super) rows: Vec<ExportRow>,
    /// What would come of it, or why nothing would.
    pub(super) outlook: Result<String, String>,
    /// The runs that this is about, and the steps that they had.
    pub(super) seen: Vec<(RunId, usize)>,
    /// A value that is being typed for the selected row.
    pub(super) entry: Option<String>,
    /// Why it was not taken.
    pub(super) refusal: Option<String>,
    /// What is being written.
    pub(super) writing: Option<PendingExport>,
}

/// A file that is being written.
#[derive(Debug, Clone, Default)]
pub struct PendingExport {
    /// Its name, printable.
    pub file: String,
    /// How far it is.
    pub count: ExportCount,
    /// What should be known of it.
    pub notes: Vec<String>,
    /// Whether it was broken off.
    pub is_cancelled: bool,
}

impl Default for ExportMenu {
    fn default() -> Self {
        Self {
            form: None,
            rows: Vec::new(),
            outlook: Ok(String::new()),
            seen: Vec::new(),
            entry: None,
            refusal: None,
            writing: None,
        }
    }
}

impl ExportMenu {
    /// How the row's value is changed.
    pub(super) fn kind(&self, row: usize) -> Option<ExportRowKind> {
        self.rows.get(row).map(|row| row.kind)
    }

    /// What is being written.
    pub fn writing(&self) -> Option<&PendingExport> {
        self.writing.as_ref()
    }

    /// The rows of the form.
    pub fn rows(&self) -> &[ExportRow] {
        &self.rows
    }
}

impl App {
    /// Gives it what makes exports.
    #[must_use]
    pub fn with_exports(mut self, form: Box<dyn ExportForm>) -> Self {
        self.exports.form = Some(form);
        self
    }

    /// The export menu.
    pub fn exports(&self) -> &ExportMenu {
        &self.exports
    }

    /// The runs that an export is made of: the shown one, or the two that are compared.
    pub(super) fn exported(&self) -> Vec<(RunId, &Log)> {
        let compared = self.comparison.as_ref().and_then(|comparison| comparison.runs(&self.session));
        let runs = compared.map_or_else(|| self.run().into_iter().collect(), Vec::from);
        runs.into_iter().map(|run| (run.id, &*run.log)).collect()
    }

    /// What an export has in common with the screen.
    pub(super) fn export_sight(&self) -> Option<ExportSight<'_>> {
        let run = self.run()?;
        Some(ExportSight {
            runs: self.exported().iter().map(|(id, _)| *id).collect(),
            log: &run.log,
            file: run.file.as_deref().or(match &self.origin {
                super::app::Origin::Replay { file } => Some(file),
                _ => None,
            }),
            step: self.playback.at.filter(|_| self.comparison.is_none()),
            axis: self.comparison.as_ref().map_or_else(Axis::default, super::compare::RunComparison::axis),
            theme: self.theme.name,
            layer: self.lens.layer,
            arrangement: self.lens.arrangement,
            pane: self.lens.pane,
        })
    }

    /// Begins the export that was asked for, of the logs as they are now.
    ///
    /// # Errors
    /// Why it cannot begin: a printable sentence.
    pub fn begin_export(&self, replaces: bool) -> Result<ExportUnderWay, String> {
        let form = self.exports.form.as_ref().ok_or("nothing here makes exports")?;
        form.begin(self.exported().into_iter().map(|(_, log)| log.clone()).collect(), replaces)
    }
}
