//! Turning knobs: live changes, checked before they leave the pane, which can be taken back.

use super::Effect;
use crate::{
    decode::{self, Limits},
    printable,
    settings::{KNOBS, Kind, Knob, Layers, Settings, SettingsError},
    tui::{action::Notice, app::App, turns::Turns, view::Layer},
};

/// The longest value that can be typed.
const LONGEST_ENTRY: usize = 24;

/// As many changed knobs are named where a turn is taken back.
const MOST_NAMED: usize = 3;

/// The selected knob.
pub(super) fn selected(app: &App) -> &'static Knob {
    &KNOBS[app.knobs.selected.min(KNOBS.len() - 1)]
}

/// Selects another knob.
pub(super) fn step(app: &mut App, rows: i64) -> Vec<Effect> {
    let listed = app.listed_knobs();
    if listed.is_empty() {
        return Vec::new();
    }
    let now = listed.iter().position(|index| *index == app.knobs.selected).unwrap_or(0) as i64;
    let at = now.saturating_add(rows).clamp(0, listed.len() as i64 - 1);
    let typing = app.knobs.filter.as_ref().is_some_and(|filter| filter.is_typed);
    let effects = select(app, listed[at as usize]);
    if let Some(filter) = &mut app.knobs.filter {
        filter.is_typed = typing;
    }
    effects
}

/// Lists every knob, or those only that do something.
pub(super) fn list_all(app: &mut App) -> Vec<Effect> {
    app.knobs.all = !app.knobs.all;
    Vec::new()
}

/// Selects a knob by its index.
pub(super) fn select(app: &mut App, index: usize) -> Vec<Effect> {
    if index < KNOBS.len() {
        app.knobs.selected = index;
        end_filter_entry(app);
        app.knobs.entry = None;
        app.knobs.refusal = None;
        app.knobs.passed = None;
        app.focus = crate::tui::action::Focus::Knobs;
    }
    Vec::new()
}

/// Turns the selected knob. Words that do not go with the other knobs are passed over, or none behind them could be
/// reached; what was passed over is shown with the reason.
pub(super) fn nudge(app: &mut App, presses: i64) -> Vec<Effect> {
    let turn = |presses| {
        move |knob: &'static Knob, settings: &mut Settings| {
            knob.nudge(settings, presses);
            Ok(())
        }
    };
    let Kind::Choice(choices) = selected(app).kind else { return change(app, turn(presses)) };
    let mut passed: Option<(Vec<String>, String)> = None;
    for distance in 0..choices.len() as i64 - 1 {
        let effects = change(app, turn(presses + presses.signum() * distance));
        let Some(refusal) = app.knobs.refusal.take() else {
            app.knobs.passed = passed.map(|(words, reason)| format!("passed over {}: {reason}", words.join(", ")));
            return effects;
        };
        let mut settings = app.layers.resolve();
        selected(app).nudge(&mut settings, presses + presses.signum() * distance);
        let word = selected(app).get(&settings).to_string();
        let (words, _) = passed.get_or_insert_with(|| (Vec::new(), refusal));
        words.push(word);
    }
    app.knobs.refusal = passed.map(|(_, reason)| reason);
    Vec::new()
}

/// Back to what preset, flags and configuration say.
pub(super) fn reset(app: &mut App) -> Vec<Effect> {
    if app.is_replay() {
        return Vec::new();
    }
    let mut layers = app.layers.clone();
    layers.clear_live(selected(app).name);
    put(app, layers)
}

/// Audits every step and shows it, or none.
pub(super) fn toggle_audit(app: &mut App) -> Vec<Effect> {
    let mut settings = app.layers.resolve();
    let Ok(knob) = Knob::find("audit") else { return Vec::new() };
    settings.audit = if settings.audit.is_some() { None } else { Some(1) };
    let (on, idle) = (settings.audit.is_some(), !knob.acts(&settings));
    let mut layers = app.layers.clone();
    layers.set_live(knob, knob.get(&settings).to_string());
    app.lens.layer = if on { Layer::AUDIT } else { Layer::default() };
    let effects = put(app, layers);
    app.tell(Notice::note(match (on, idle) {
        (true, true) => "audit on: it will have something to measure once a cache is on",
        (true, false) => "audit on: every step is compared with the uncached truth",
        (false, _) => "audit off",
    }));
    effects
}

/// Begins to type a value.
pub(super) fn begin_entry(app: &mut App) -> Vec<Effect> {
    if !app.is_replay() {
        app.knobs.refusal = None;
        // A choice and a switch have few values: the next one is at hand.
        match selected(app).kind {
            Kind::Choice(_) | Kind::Flag => return nudge(app, 1),
            Kind::Int { .. } | Kind::Float { .. } => app.knobs.entry = Some(String::new()),
        }
    }
    Vec::new()
}

/// Types a part of the value, as far as there is room.
pub(super) fn entry_type(app: &mut App, text: &str) -> Vec<Effect> {
    if let Some(entry) = &mut app.knobs.entry {
        let room = LONGEST_ENTRY.saturating_sub(entry.chars().count());
        entry.extend(printable::line(text).chars().take(room));
        app.knobs.refusal = None;
    }
    Vec::new()
}

/// Clears what is typed.
pub(super) fn entry_clear(app: &mut App) -> Vec<Effect> {
    if let Some(entry) = &mut app.knobs.entry {
        entry.clear();
        app.knobs.refusal = None;
    }
    Vec::new()
}

/// Erases a character.
pub(super) fn entry_erase(app: &mut App) -> Vec<Effect> {
    if let Some(entry) = &mut app.knobs.entry {
        entry.pop();
        app.knobs.refusal = None;
    }
    Vec::new()
}

/// Takes the typed value; a refused one can be mended.
pub(super) fn entry_accept(app: &mut App) -> Vec<Effect> {
    let Some(text) = app.knobs.entry.take() else {
        return Vec::new();
    };
    if text.trim().is_empty() {
        return Vec::new();
    }
    let effects = change(app, |knob, settings| knob.set(settings, &text));
    if app.knobs.refusal.is_some() {
        app.knobs.entry = Some(text);
    }
    effects
}

fn change(app: &mut App, turn: impl FnOnce(&'static Knob, &mut Settings) -> Result<(), SettingsError>) -> Vec<Effect> {
    app.knobs.passed = None;
    if app.is_replay() {
        return Vec::new();
    }
    let knob = selected(app);
    let mut settings = app.layers.resolve();
    let before = knob.get(&settings);
    if let Err(error) = turn(knob, &mut settings) {
        app.knobs.refusal = Some(error.to_string());
        return Vec::new();
    }
    if knob.get(&settings) == before {
        app.knobs.refusal = None;
        return Vec::new();
    }
    let mut layers = app.layers.clone();
    layers.set_live(knob, knob.get(&settings).to_string());
    put(app, layers)
}

/// Puts new layers in force, unless the settings that they give conflict.
fn put(app: &mut App, layers: Layers) -> Vec<Effect> {
    if let Err(error) = check(app, &layers.resolve()) {
        app.knobs.refusal = Some(error.to_string());
        return Vec::new();
    }
    turn_to(app, layers)
}

/// Puts layers in force that were checked, so that it can be taken back.
pub(super) fn turn_to(app: &mut App, layers: Layers) -> Vec<Effect> {
    app.knobs.turns.note(app.layers.clone());
    replace(app, layers)
}

fn replace(app: &mut App, layers: Layers) -> Vec<Effect> {
    app.knobs.refusal = None;
    app.knobs.passed = None;
    app.layers_before = Some(std::mem::replace(&mut app.layers, layers));
    app.configure()
}

/// Takes the last turn back, or a preset.
pub(super) fn undo(app: &mut App) -> Vec<Effect> {
    match app.knobs.turns.earlier().cloned() {
        Some(earlier) => walk(app, earlier, "undone", Turns::undo),
        None => nothing(app, "there is no turn of a knob to take back"),
    }
}

/// Does the turn again that was taken back last.
pub(super) fn redo(app: &mut App) -> Vec<Effect> {
    match app.knobs.turns.later().cloned() {
        Some(later) => walk(app, later, "done again", Turns::redo),
        None => nothing(app, "no turn of a knob was taken back"),
    }
}

fn nothing(app: &mut App, sentence: &str) -> Vec<Effect> {
    app.tell(Notice::note(sentence));
    Vec::new()
}

/// Puts layers in force that were in force once, and says what that changed.
fn walk(app: &mut App, layers: Layers, verb: &str, note: fn(&mut Turns, Layers)) -> Vec<Effect> {
    if let Err(error) = check(app, &layers.resolve()) {
        app.knobs.refusal = Some(error.to_string());
        return Vec::new();
    }
    let change = change_between(&app.layers, &layers);
    note(&mut app.knobs.turns, app.layers.clone());
    let effects = replace(app, layers);
    app.tell(Notice::note(format!("{verb}: {change}")));
    effects
}

/// What another set of layers changes, in words.
fn change_between(now: &Layers, then: &Layers) -> String {
    let title = |layers: &Layers| layers.preset().map_or("no preset", |preset| &preset.title).to_owned();
    if title(now) != title(then) {
        return format!("preset {} in place of {}", title(then), title(now));
    }
    let (before, after) = (now.resolve(), then.resolve());
    let mut changed: Vec<_> =
        after.differences(&before).map(|knob| format!("{} is {}", knob.name, knob.get(&after))).collect();
    let more = changed.len().saturating_sub(MOST_NAMED);
    changed.truncate(MOST_NAMED);
    if more > 0 {
        changed.push(format!("{more} more"));
    }
    if changed.is_empty() { "a turn that changed nothing in force".to_owned() } else { changed.join(", ") }
}

/// The engine did not take what was turned last.
pub(super) fn on_refused(app: &mut App, message: String) {
    if let Some(before) = app.layers_before.take() {
        let refused = std::mem::replace(&mut app.layers, before);
        app.knobs.turns.refuse(refused);
        app.knobs.refusal = Some(printable::line(&message));
    }
    app.tell(Notice::error(message));
}

/// Begins to type a filter of the knobs, after the one that there is.
pub(super) fn begin_filter(app: &mut App) -> Vec<Effect> {
    app.knobs.filter.get_or_insert_default().is_typed = true;
    Vec::new()
}

/// Changes the filter. Where that leaves the selected knob out, the first that is listed is selected.
pub(super) fn filter(app: &mut App, change: impl FnOnce(&mut String)) -> Vec<Effect> {
    if let Some(filter) = &mut app.knobs.filter {
        change(&mut filter.text);
    }
    (app.knobs.refusal, app.knobs.passed) = (None, None);
    let listed = app.listed_knobs();
    if let Some(first) = listed.first().filter(|_| !listed.contains(&app.knobs.selected)) {
        app.knobs.selected = *first;
    }
    Vec::new()
}

/// Types a part of the filter, as far as there is room.
pub(super) fn filter_by(app: &mut App, text: &str) -> Vec<Effect> {
    filter(app, |filter| {
        let room = LONGEST_ENTRY.saturating_sub(filter.chars().count());
        filter.extend(printable::line(text).chars().take(room));
    })
}

/// The filter is typed: keys turn the knobs that it leaves. An empty one is none.
pub(super) fn filter_accept(app: &mut App) -> Vec<Effect> {
    if !app.listed_knobs().is_empty() {
        end_filter_entry(app);
    }
    Vec::new()
}

/// No longer types; an empty filter is none.
pub(super) fn end_filter_entry(app: &mut App) {
    if let Some(filter) = &mut app.knobs.filter {
        filter.is_typed = false;
    }
    app.knobs.filter.take_if(|filter| filter.text.trim().is_empty());
}

/// Checks settings against each other and against what is known of prompt and models. The context's length is not
/// known here; the engine checks it when a run starts.
pub(super) fn check(app: &App, settings: &Settings) -> Result<(), SettingsError> {
    let header = app.log().map(crate::trace::Log::header);
    let known = header.filter(|_| app.is_under_way()).map(|header| header.gen_length).or(settings.gen_length);
    let limits = Limits {
        prompt: header.map_or(1, |header| header.prompt_ids.len()),
        gen_length: known.unwrap_or(usize::MAX / 4),
        max_positions: usize::MAX / 2,
        has_guide: app.has_guide(),
    };
    decode::check(settings, &limits)
}
