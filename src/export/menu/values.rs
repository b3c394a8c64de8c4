//! The values of the rows: in which words they stand, what they are turned to, and how they are typed.

use std::{
    borrow::Cow,
    env,
    path::{PathBuf, is_separator},
};

use super::ExportChoices;
use crate::{
    export::{ExportFormat, StepRange, options::PACE},
    printable,
    tui::Scene,
};

/// What is turned to: sizes in cells, letters in pixels, steps a second, times real time, seconds.
const SIZES: [(u16, u16); 6] = [(80, 24), (100, 30), (120, 34), (120, 40), (160, 45), (200, 60)];
pub(super) const LETTERS: [u16; 8] = [10, 12, 14, 16, 18, 20, 24, 32];
const PACES: [f32; 8] = [1.0, 2.0, 4.0, PACE, 12.0, 16.0, 24.0, 30.0];
const SPEEDS: [f64; 8] = [0.1, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0];
pub(super) const LIMITS: [Option<f64>; 6] = [None, Some(5.0), Some(2.0), Some(1.0), Some(0.5), Some(0.2)];
pub(super) const HOLDS: [f64; 6] = [0.0, 1.0, 2.0, 3.0, 5.0, 10.0];
pub(super) const PLAYS: [u16; 5] = [0, 1, 2, 3, 5];

/// The value so many further on; behind the last one comes the first.
pub(super) fn next<T: Copy + PartialEq>(all: &[T], now: T, by: i64) -> T {
    let at = all.iter().position(|each| *each == now).unwrap_or_default() as i64;
    let count = i64::try_from(all.len()).unwrap_or(1).max(1);
    all.get((at + by).rem_euclid(count) as usize).copied().unwrap_or(now)
}

/// The next larger or smaller value of an ascending list; at its ends, what there is.
pub(super) fn rung<T: Copy + PartialOrd>(all: &[T], now: T, by: i64) -> T {
    let found = if by < 0 { all.iter().rev().find(|each| **each < now) } else { all.iter().find(|each| **each > now) };
    found.copied().unwrap_or(now)
}

/// A number that was typed, with its unit or without.
pub(super) fn number<T: std::str::FromStr>(name: &str, text: &str, unit: &str) -> Result<T, String> {
    let digits = text.split_whitespace().next().unwrap_or_default();
    digits.parse().map_err(|_| format!("{name} cannot be '{text}': it takes a number of {unit}"))
}

pub(super) fn seconds(seconds: f64) -> String {
    let text = format!("{seconds:.1}");
    format!("{} s", text.strip_suffix(".0").unwrap_or(&text))
}

pub(super) fn turn_format(choices: &mut ExportChoices, by: i64) {
    choices.format = next(&ExportFormat::all().collect::<Vec<_>>(), choices.format, by);
}

pub(super) fn turn_scene(choices: &mut ExportChoices, by: i64) {
    if choices.is_of_two() {
        return;
    }
    let scenes = Scene::ALL.map(|(scene, _)| scene);
    let of_one: Vec<Scene> = scenes.into_iter().filter(|scene| *scene != Scene::Compare).collect();
    choices.options.scene = next(&of_one, choices.options.scene, by);
    choices.options.view = None;
}

pub(super) fn turn_size(choices: &mut ExportChoices, by: i64) {
    let now = (choices.options.width, choices.options.height);
    (choices.options.width, choices.options.height) = rung(&SIZES, now, by);
}

pub(super) fn set_size(choices: &mut ExportChoices, text: &str) -> Result<(), String> {
    let size = text.split_once(['x', '×']);
    let size = size.and_then(|(width, height)| Some((width.trim().parse().ok()?, height.trim().parse().ok()?)));
    let size = size.ok_or_else(|| format!("size cannot be '{text}': it takes columns and rows, as 120x34"))?;
    (choices.options.width, choices.options.height) = size;
    Ok(())
}

/// All of them; where an earlier step is on the screen, up to it, from it on, and it alone.
pub(super) fn turn_steps(choices: &mut ExportChoices, by: i64) {
    let Some(shown) = choices.step else { return };
    let range = |first, last| StepRange { first, last };
    let ranges = [range(0, None), range(0, Some(shown)), range(shown, None), range(shown, Some(shown))];
    choices.options.steps = next(&ranges, choices.options.steps, by);
}

pub(super) fn set_steps(choices: &mut ExportChoices, text: &str) -> Result<(), String> {
    choices.options.steps = if text == "all" || text.is_empty() { StepRange::default() } else { text.parse()? };
    Ok(())
}

pub(super) fn steps_about(choices: &ExportChoices) -> Cow<'static, str> {
    if choices.is_of_two() {
        "places of the axis, as 10..20, ..20 or 10.."
    } else {
        "as 16, 10..20, ..20 or 10..; 0 is all masks"
    }
    .into()
}

pub(super) fn pace(choices: &ExportChoices) -> String {
    match (choices.options.fps, choices.options.speed) {
        (None, Some(speed)) => format!("real time ×{speed}"),
        (fps, _) => format!("{} a second", fps.unwrap_or(PACE)),
    }
}

/// Through the steps a second, from the fewest on, then through the multiples of real time.
pub(super) fn turn_pace(choices: &mut ExportChoices, by: i64) {
    let options = &mut choices.options;
    let (fps, speed) = match (options.fps.unwrap_or(PACE), options.speed) {
        (_, Some(speed)) if by < 0 && speed <= SPEEDS[0] => (PACES.last().copied(), None),
        (_, Some(speed)) => (None, Some(rung(&SPEEDS, speed, by))),
        (fps, None) if by > 0 && PACES.last().is_some_and(|last| fps >= *last) => (None, Some(SPEEDS[0])),
        (fps, None) => (Some(rung(&PACES, fps, by)), None),
    };
    (options.fps, options.speed) = (fps.filter(|fps| *fps != PACE), speed);
}

pub(super) fn set_pace(choices: &mut ExportChoices, text: &str) -> Result<(), String> {
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

pub(super) fn set_limit(choices: &mut ExportChoices, text: &str) -> Result<(), String> {
    let limit: f64 = number("longest pause", text, "seconds, as 2")?;
    choices.options.idle_limit = Some(limit).filter(|limit| *limit != 0.0);
    Ok(())
}

pub(super) fn plays(choices: &ExportChoices) -> String {
    match choices.options.plays {
        0 => "for ever".to_owned(),
        1 => "once".to_owned(),
        times => format!("{times} times"),
    }
}

pub(super) fn set_file(choices: &mut ExportChoices, text: &str) -> Result<(), String> {
    if text.is_empty() {
        choices.file = None;
        return Ok(());
    }
    // As a shell has it.
    let home = text.strip_prefix("~/").and_then(|rest| Some(env::home_dir()?.join(rest)));
    let path = home.unwrap_or_else(|| PathBuf::from(text));
    if path.file_name().is_none() || text.ends_with(is_separator) || path.is_dir() {
        return Err(format!("{} is a folder: the file in it needs a name", printable::line(text)));
    }
    ExportFormat::of_file(Some(choices.format), &path)?;
    choices.file = Some(path);
    Ok(())
}
