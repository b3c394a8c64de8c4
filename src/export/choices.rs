//! What is chosen for an export in the playground's menu: a table of rows over the options that the command has as well.

use std::path::{Path, PathBuf};

use jiff::civil::DateTime;

use super::{
    ExportField, ExportFormat, ExportOptions, StepRange, background, frames,
    options::PACE,
    table::{LogTable, TableKind},
};
use crate::{
    engine::protocol::RunId,
    kept, printable,
    session::Axis,
    trace::Log,
    tui::{
        Arrangement, ExportForm, ExportRow, ExportRowKind, ExportSight, ExportUnderWay, Layer, Pane, Scene,
        theme::THEMES,
    },
};

/// What is turned to: sizes in cells, letters in pixels, steps a second, times real time, seconds.
const SIZES: [(u16, u16); 6] = [(80, 24), (100, 30), (120, 34), (120, 40), (160, 45), (200, 60)];
const LETTERS: [u16; 8] = [10, 12, 14, 16, 18, 20, 24, 32];
const PACES: [f32; 8] = [1.0, 2.0, 4.0, PACE, 12.0, 16.0, 24.0, 30.0];
const SPEEDS: [f64; 8] = [0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0];
const LIMITS: [Option<f64>; 6] = [None, Some(5.0), Some(2.0), Some(1.0), Some(0.5), Some(0.2)];
const HOLDS: [f64; 6] = [0.0, 1.0, 2.0, 3.0, 5.0, 10.0];
const PLAYS: [u16; 5] = [0, 1, 2, 3, 5];

/// What is chosen, and what it is chosen for.
#[derive(Debug, Clone)]
pub struct ExportChoices {
    pub(super) format: ExportFormat,
    pub(super) table: TableKind,
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
    pub(super) sources: Vec<PathBuf>,
    clock: fn() -> DateTime,
}

/// How the value of a row is changed.
enum ValueChange {
    /// To one of a few others.
    Choice(fn(&mut ExportChoices, i64)),
    /// To another one of a list, or to what is typed.
    Number(fn(&mut ExportChoices, i64), fn(&mut ExportChoices, &str) -> Result<(), String>),
    /// To what is typed.
    Text(fn(&mut ExportChoices, &str) -> Result<(), String>),
}

/// A row of the table.
struct ChoiceRow {
    /// What it chooses; `None` for the format and the file, which every export has.
    field: Option<ExportField>,
    name: &'static str,
    group: u8,
    value: fn(&ExportChoices) -> String,
    about: fn(&ExportChoices) -> String,
    way: ValueChange,
}

macro_rules! rows {
    ($($group:literal $field:expr, $name:literal, $value:expr, $about:expr, $way:expr;)*) => {
        &[$(ChoiceRow { field: $field, name: $name, group: $group, value: $value, about: $about, way: $way }),*]
    };
}

/// Every row, from top to bottom.
static ROWS: &[ChoiceRow] = {
    use ExportField as F;
    use ValueChange::{Choice, Number, Text};
    rows! {
        0 None, "format", |c| c.format.name().into(), |c| c.format.about().into(), Choice(turn_format);
        0 Some(F::Table), "table", |c| c.table.word().into(), table_about, Choice(|c, by| c.table = step(&TableKind::ALL, c.table, by));
        0 Some(F::Scene), "scene", |c| c.options.scene.word().into(), |c| c.options.scene.about().into(), Choice(turn_scene);
        0 Some(F::View), "view", |c| c.options.pane().name().into(), |_| "what stands in the canvas's place".into(),
            Choice(|c, by| c.options.view = Some(step(&Pane::ALL, c.options.pane(), by)));
        0 Some(F::Axis), "axis", |c| c.options.axis.name().into(), |_| "what the two runs are aligned by".into(),
            Choice(|c, by| c.options.axis = step(&Axis::ALL, c.options.axis, by));
        1 Some(F::Layer), "layer", |c| c.options.layer.name().into(), |_| "how the canvas is read".into(),
            Choice(|c, by| c.options.layer = step(&Layer::all().collect::<Vec<_>>(), c.options.layer, by));
        1 Some(F::Arrangement), "arrangement", |c| c.options.arrangement.word().into(), |_| "how the tokens are laid out".into(),
            Choice(|c, by| c.options.arrangement = step(&Arrangement::ALL.map(|(each, _)| each), c.options.arrangement, by));
        1 Some(F::Theme), "theme", |c| c.options.theme.to_string(), |c| c.options.theme.entry().sentence.into(),
            Choice(|c, by| c.options.theme = step(&THEMES.each_ref().map(|entry| entry.name), c.options.theme, by));
        1 Some(F::Size), "size", |c| format!("{}×{}", c.options.width, c.options.height), |_| "columns and rows, as 120x34".into(),
            Number(turn_size, set_size);
        1 Some(F::FontSize), "letters", |c| format!("{} pixels", c.options.font_size), |_| "the height of a letter's em".into(),
            Number(|c, by| c.options.font_size = rung(&LETTERS, c.options.font_size, by),
                |c, text| number("letters", text, "pixels, as 16").map(|size| c.options.font_size = size));
        2 Some(F::Steps), "steps", |c| c.effective().steps.to_string(), steps_about, Number(turn_steps, set_steps);
        2 Some(F::Pace), "pace", pace, |_| "8 is steps a second, x2 is real time, twice as fast".into(), Number(turn_pace, set_pace);
        2 Some(F::IdleLimit), "longest pause", |c| c.options.idle_limit.map_or_else(|| "as it was".into(), seconds),
            |_| "seconds; 0 leaves every pause as long as its step took".into(),
            Number(|c, by| c.options.idle_limit = step(&LIMITS, c.options.idle_limit, by), set_limit);
        2 Some(F::Typing), "typing", |c| if c.options.typing { "yes" } else { "no" }.into(), |_| "the prompt is typed first".into(),
            Choice(|c, _| c.options.typing ^= true);
        2 Some(F::Hold), "hold", |c| seconds(c.options.hold), |_| "how long the last frame stays".into(),
            Number(|c, by| c.options.hold = rung(&HOLDS, c.options.hold, by),
                |c, text| number("hold", text, "seconds, as 3").map(|hold| c.options.hold = hold));
        2 Some(F::Loop), "loop", plays, |_| "how often it plays; 0 is for ever".into(),
            Number(|c, by| c.options.plays = rung(&PLAYS, c.options.plays, by),
                |c, text| number("loop", text, "times, as 3").map(|plays| c.options.plays = plays));
        3 Some(F::Title), "title", |c| c.options.title.clone(), |_| "none: a line above, and its name in the file".into(),
            Text(|c, text| { c.options.title = text.into(); Ok(()) });
        3 Some(F::Caption), "caption", |c| c.options.caption.clone(), |_| "none: words below the picture".into(),
            Text(|c, text| { c.options.caption = text.into(); Ok(()) });
        3 None, "file", ExportForm::file, |_| "none: a name, in this folder or another".into(), Text(set_file);
    }
};

impl ExportChoices {
    /// Nothing is chosen yet. The files that are shown, `sources`, are never written over; `clock` is asked for the date of
    /// names.
    pub fn new(sources: Vec<PathBuf>, clock: fn() -> DateTime) -> Self {
        Self {
            format: ExportFormat::named("gif").unwrap_or(ExportFormat::Recording(super::FORMATS[0])),
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
    pub(super) fn effective(&self) -> ExportOptions {
        let mut options = self.options.clone();
        let is_still = self.format.heeds(ExportField::Steps) && !self.format.heeds(ExportField::Pace);
        if is_still && options.steps == StepRange::default() {
            options.steps.last = self.step;
        }
        options
    }

    /// The file that is written.
    pub(super) fn path(&self) -> PathBuf {
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
        let name =
            sight.file.and_then(|file| Path::new(file).file_stem()).map(|stem| stem.to_string_lossy().into_owned());
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
            kind: match row.way {
                ValueChange::Choice(_) => ExportRowKind::Choice,
                ValueChange::Number(..) => ExportRowKind::Number,
                ValueChange::Text(_) => ExportRowKind::Text,
            },
            group: row.group,
        };
        self.shown().into_iter().map(row).collect()
    }

    fn turn(&mut self, row: usize, presses: i64) {
        match self.shown().get(row).map(|row| &row.way) {
            Some(ValueChange::Choice(turn) | ValueChange::Number(turn, _)) => turn(self, presses),
            Some(ValueChange::Text(_)) | None => {}
        }
    }

    fn set(&mut self, row: usize, text: &str) -> Result<(), String> {
        match self.shown().get(row).map(|row| &row.way) {
            Some(ValueChange::Number(_, set) | ValueChange::Text(set)) => set(self, text),
            Some(ValueChange::Choice(_)) | None => Ok(()),
        }
    }

    fn outlook(&self, logs: &[&Log]) -> Result<String, String> {
        let format = match self.format {
            ExportFormat::Recording(format) => format,
            ExportFormat::Table(_) => return Ok(table_outlook(self.table, logs)),
        };
        let options = self.effective();
        let frames = frames(logs, &options).map_err(|error| error.to_string())?;
        if let Some(refusal) = format.refusal(&options) {
            return Err(refusal.to_owned());
        }
        let mut parts = Vec::new();
        if format.heeds(ExportField::Size) {
            parts.push(format!("{}×{} cells", options.width, options.height));
        }
        if format.heeds(ExportField::FontSize) {
            let (across, down) = options.pixels();
            parts.push(format!("{across}×{down} pixels"));
        }
        if format.heeds(ExportField::Pace) {
            parts.extend([format!("{} frames", frames.len()), seconds(frames.end())]);
        } else if format.heeds(ExportField::Steps) {
            parts.push("one picture".to_owned());
        } else {
            parts.push(format!("{} steps", logs.iter().map(|log| log.len()).sum::<usize>()));
        }
        Ok(parts.join(", "))
    }

    fn file(&self) -> String {
        printable::line(&self.path().display().to_string())
    }

    fn begin(&self, logs: Vec<Log>, replaces: bool) -> Result<ExportUnderWay, String> {
        background::begin(self.clone(), logs, replaces)
    }
}

/// The value so many further on; behind the last one comes the first.
fn step<T: Copy + PartialEq>(all: &[T], now: T, by: i64) -> T {
    let at = all.iter().position(|each| *each == now).unwrap_or_default() as i64;
    let count = i64::try_from(all.len()).unwrap_or(1).max(1);
    all.get((at + by).rem_euclid(count) as usize).copied().unwrap_or(now)
}

/// The next larger or smaller value of an ascending list; at its ends, what there is.
fn rung<T: Copy + PartialOrd>(all: &[T], now: T, by: i64) -> T {
    let next = if by < 0 { all.iter().rev().find(|each| **each < now) } else { all.iter().find(|each| **each > now) };
    next.copied().unwrap_or(now)
}

/// A number that was typed, with its unit or without.
fn number<T: std::str::FromStr>(name: &str, text: &str, unit: &str) -> Result<T, String> {
    let digits = text.split_whitespace().next().unwrap_or_default();
    digits.parse().map_err(|_| format!("{name} cannot be '{text}': it takes a number of {unit}"))
}

fn seconds(seconds: f64) -> String {
    let text = format!("{seconds:.1}");
    format!("{} s", text.strip_suffix(".0").unwrap_or(&text))
}

fn turn_format(choices: &mut ExportChoices, by: i64) {
    let all: Vec<ExportFormat> = ExportFormat::all().collect();
    let at = all.iter().position(|format| format.name() == choices.format.name()).unwrap_or_default();
    let names: Vec<usize> = (0..all.len()).collect();
    choices.format = all[step(&names, at, by)];
}

fn turn_scene(choices: &mut ExportChoices, by: i64) {
    if choices.is_of_two() {
        return;
    }
    let scenes = Scene::ALL.map(|(scene, _)| scene);
    let of_one: Vec<Scene> = scenes.into_iter().filter(|scene| *scene != Scene::Compare).collect();
    choices.options.scene = step(&of_one, choices.options.scene, by);
    choices.options.view = None;
}

fn turn_size(choices: &mut ExportChoices, by: i64) {
    let now = (choices.options.width, choices.options.height);
    (choices.options.width, choices.options.height) = rung(&SIZES, now, by);
}

fn set_size(choices: &mut ExportChoices, text: &str) -> Result<(), String> {
    let size = text.split_once(['x', '×']);
    let size = size.and_then(|(width, height)| Some((width.trim().parse().ok()?, height.trim().parse().ok()?)));
    let size = size.ok_or_else(|| format!("size cannot be '{text}': it takes columns and rows, as 120x34"))?;
    (choices.options.width, choices.options.height) = size;
    Ok(())
}

/// All of them; where an earlier step is on the screen, up to it, from it on, and it alone.
fn turn_steps(choices: &mut ExportChoices, by: i64) {
    let Some(shown) = choices.step else { return };
    let range = |first, last| StepRange { first, last };
    let ranges = [range(0, None), range(0, Some(shown)), range(shown, None), range(shown, Some(shown))];
    choices.options.steps = step(&ranges, choices.options.steps, by);
}

fn set_steps(choices: &mut ExportChoices, text: &str) -> Result<(), String> {
    choices.options.steps = if text == "all" || text.is_empty() { StepRange::default() } else { text.parse()? };
    Ok(())
}

fn steps_about(choices: &ExportChoices) -> String {
    let unit = if choices.is_of_two() { "places of the axis, as" } else { "as" };
    format!("{unit} 16, 10..20, ..20 or 10..; 0 is the canvas of masks")
}

fn pace(choices: &ExportChoices) -> String {
    match (choices.options.fps, choices.options.speed) {
        (None, Some(speed)) => format!("real time ×{speed}"),
        (fps, _) => format!("{} a second", fps.unwrap_or(PACE)),
    }
}

/// Through the steps a second, from the fewest on, then through the multiples of real time.
fn turn_pace(choices: &mut ExportChoices, by: i64) {
    let options = &mut choices.options;
    let (fps, speed) = match (options.fps.unwrap_or(PACE), options.speed) {
        (_, Some(speed)) if by < 0 && speed <= SPEEDS[0] => (PACES.last().copied(), None),
        (_, Some(speed)) => (None, Some(rung(&SPEEDS, speed, by))),
        (fps, None) if by > 0 && PACES.last().is_some_and(|last| fps >= *last) => (None, Some(SPEEDS[0])),
        (fps, None) => (Some(rung(&PACES, fps, by)), None),
    };
    (options.fps, options.speed) = (fps.filter(|fps| *fps != PACE), speed);
}

fn set_pace(choices: &mut ExportChoices, text: &str) -> Result<(), String> {
    let refusal = || format!("pace cannot be '{text}': it takes steps a second, as 8, or times real time, as x2");
    let times = text.trim_start_matches("real time").trim().trim_matches(['x', '×']);
    if times == text.trim() {
        let digits = text.split_whitespace().next().unwrap_or_default();
        let fps: f32 = digits.parse().map_err(|_| refusal())?;
        (choices.options.fps, choices.options.speed) = (Some(fps), None);
    } else {
        let speed: f64 = times.trim().parse().map_err(|_| refusal())?;
        (choices.options.fps, choices.options.speed) = (None, Some(speed));
    }
    Ok(())
}

fn set_limit(choices: &mut ExportChoices, text: &str) -> Result<(), String> {
    let limit: f64 = number("longest pause", text, "seconds, as 2")?;
    choices.options.idle_limit = Some(limit).filter(|limit| *limit != 0.0);
    Ok(())
}

fn plays(choices: &ExportChoices) -> String {
    match choices.options.plays {
        0 => "for ever".to_owned(),
        1 => "once".to_owned(),
        times => format!("{times} times"),
    }
}

fn set_file(choices: &mut ExportChoices, text: &str) -> Result<(), String> {
    let path = PathBuf::from(text);
    if text.is_empty() {
        choices.file = None;
        return Ok(());
    }
    if path.file_name().is_none() || text.ends_with('/') {
        return Err(format!("{} is a folder: the file has no name yet", printable::line(text)));
    }
    ExportFormat::of_file(Some(choices.format), &path)?;
    choices.file = Some(path);
    Ok(())
}

fn table_about(choices: &ExportChoices) -> String {
    match choices.table {
        TableKind::Steps => "a row for every step".to_owned(),
        TableKind::Tokens => "a row for every step and position".to_owned(),
    }
}

/// Rows and columns of a table. Of two runs, the first has one.
fn table_outlook(kind: TableKind, logs: &[&Log]) -> String {
    let Some(log) = logs.first() else { return String::new() };
    let table = LogTable::new(log, kind);
    let (rows, columns) = (table.len(), table.headings().len());
    let of_two = if logs.len() > 1 { "of the first run alone: " } else { "" };
    format!("{of_two}{rows} rows of {columns} columns")
}
