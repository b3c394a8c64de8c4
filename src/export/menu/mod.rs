//! The export menu of the playground: what is chosen in it are the options of the command, which check themselves; what is
//! written is what the command writes.

mod background;
mod outlook;
mod rows;
mod values;

use std::path::{Path, PathBuf};

use jiff::civil::DateTime;

use self::rows::{ChoiceRow, ROWS, ValueChange};
use super::{ExportField, ExportFormat, ExportOptions, FORMATS, StepRange, table::TableKind};
use crate::{
    engine::protocol::RunId,
    kept, printable,
    trace::Log,
    tui::{ExportForm, ExportRow, ExportRowKind, ExportSight, ExportUnderWay, Pane, Scene},
};

/// What is chosen, and what it is chosen for.
#[derive(Debug, Clone)]
pub struct ExportChoices {
    format: ExportFormat,
    table: TableKind,
    options: ExportOptions,
    /// What is typed for the file.
    file: Option<PathBuf>,
    /// What the file is called otherwise, without its suffix.
    stem: String,
    /// The runs that this was chosen for.
    runs: Vec<RunId>,
    /// The step on the screen; `None` for the newest.
    step: Option<u64>,
    /// Files that are never written over: the traces that are shown.
    sources: Vec<PathBuf>,
    clock: fn() -> DateTime,
}

impl ExportChoices {
    /// Nothing is chosen yet. The files that are shown, `sources`, are never written over; `clock` is asked for the date of
    /// names.
    pub fn new(sources: Vec<PathBuf>, clock: fn() -> DateTime) -> Self {
        Self {
            format: ExportFormat::named("gif").unwrap_or(ExportFormat::Recording(FORMATS[0])),
            table: TableKind::default(),
            options: ExportOptions::default(),
            file: None,
            stem: String::new(),
            runs: Vec::new(),
            step: None,
            sources,
            clock,
        }
    }

    /// The rows that the format has.
    fn shown(&self) -> Vec<&'static ChoiceRow> {
        let is_there = |row: &&ChoiceRow| match row.field {
            None => true,
            Some(ExportField::Axis) if !self.is_of_two() => false,
            // Two runs begin with both canvases: their prompts need not be the same.
            Some(ExportField::Typing) if self.is_of_two() => false,
            Some(field) => self.format.heeds(field),
        };
        ROWS.iter().filter(is_there).collect()
    }

    fn is_of_two(&self) -> bool {
        self.runs.len() > 1
    }

    /// The options as they are meant: a still picture is of the step on the screen, where no other is asked for.
    fn effective(&self) -> ExportOptions {
        let mut options = self.options.clone();
        if self.format.is_still() && options.steps == StepRange::default() {
            options.steps.last = self.step;
        }
        options
    }

    /// The file that is written.
    fn path(&self) -> PathBuf {
        let suffix = self.format.suffix();
        match &self.file {
            None => PathBuf::from(format!("{}.{suffix}", self.stem)),
            // A name that goes with the format stays as it was typed; where the format was changed, its suffix follows.
            Some(typed) if typed.extension().is_some() && ExportFormat::of_file(Some(self.format), typed).is_ok() => {
                typed.clone()
            }
            Some(typed) => typed.with_extension(suffix),
        }
    }
}

impl ExportForm for ExportChoices {
    fn look(&mut self, sight: &ExportSight<'_>) {
        if self.runs != sight.runs {
            let options = ExportOptions::default();
            (self.options.steps, self.options.title, self.options.caption) =
                (options.steps, options.title, options.caption);
            (self.file, self.runs) = (None, sight.runs.clone());
        }
        // What has no suffix is no file, but standard input.
        let file = sight.file.map(Path::new).filter(|file| file.extension().is_some());
        let name = file.and_then(Path::file_stem).map(|stem| stem.to_string_lossy().into_owned());
        self.stem = name.unwrap_or_else(|| kept::stem(sight.log.header(), (self.clock)()));
        if self.is_of_two() {
            self.stem.push_str("-compared");
        }
        self.step = sight.step.map(|step| step as u64);
        let (scene, view) = match (self.is_of_two(), sight.pane) {
            (true, pane) => (Scene::Compare, Some(pane)),
            (false, Pane::Map) => (Scene::Map, None),
            (false, Pane::KvMap) => (Scene::Everything, Some(Pane::KvMap)),
            (false, Pane::Canvas) => (Scene::Everything, None),
        };
        (self.options.scene, self.options.view, self.options.axis) = (scene, view, sight.axis);
        (self.options.theme, self.options.layer) = (sight.theme, sight.layer);
        self.options.arrangement = sight.arrangement;
    }

    fn rows(&self) -> Vec<ExportRow> {
        let row = |row: &ChoiceRow| ExportRow {
            name: row.name,
            value: (row.value)(self),
            about: (row.about)(self),
            kind: match row.change {
                ValueChange::Choice(_) => ExportRowKind::Choice,
                ValueChange::Number(..) => ExportRowKind::Number,
                ValueChange::Text(_) => ExportRowKind::Text,
            },
            group: row.group,
        };
        self.shown().into_iter().map(row).collect()
    }

    fn turn(&mut self, row: usize, presses: i64) {
        match self.shown().get(row).map(|row| &row.change) {
            Some(ValueChange::Choice(turn) | ValueChange::Number(turn, _)) => turn(self, presses),
            Some(ValueChange::Text(_)) | None => {}
        }
    }

    fn set(&mut self, row: usize, text: &str) -> Result<(), String> {
        match self.shown().get(row).map(|row| &row.change) {
            Some(ValueChange::Number(_, set) | ValueChange::Text(set)) => set(self, text),
            Some(ValueChange::Choice(_)) | None => Ok(()),
        }
    }

    fn outlook(&self, logs: &[&Log]) -> Result<String, String> {
        outlook::of(self, logs)
    }

    fn file(&self) -> String {
        printable::line(&self.path().display().to_string())
    }

    fn begin(&self, logs: Vec<Log>, replaces: bool) -> Result<ExportUnderWay, String> {
        background::begin(self.clone(), logs, replaces)
    }
}
