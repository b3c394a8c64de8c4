//! The first row: which models, what made the shown run, what the next one will be made with, and how far the run is.

use std::{ffi::OsStr, path::Path};

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::{
    exporting, models,
    pen::{Pen, cells, count, span, width},
    runs::fork_words,
};
use crate::{
    decode::record::{GuideReading, StopReason},
    printable,
    session::{Phase, Run, preset_of},
    settings::{Preset, Settings},
    trace::{End, Log, ModelCard},
    tui::{
        app::{App, EngineState, Origin},
        theme::{Role, Theme},
    },
};

/// Draws the header.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    pen.paint(area, pen.style(Role::Surface));
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let state = state(app, pen);
    let state_width = cells(&state.spans);
    let state_at = pen.line_right(inner, &state);
    let left = if state_width > inner.width { inner.width } else { state_at.saturating_sub(inner.x + 2) };
    let (dim, faint) = (pen.style(Role::Dim), pen.style(Role::Faint));
    let gap = || span(format!("  {}  ", pen.theme.glyphs.dot), faint);
    let mut facts = facts(app, pen.theme);
    let cells = |facts: &[Fact]| facts.iter().map(|fact| width(&fact.text)).sum::<u16>() + 5 * (facts.len() as u16 - 1);
    // A fact is shown whole, in its short form, or not at all.
    while facts.len() > 1 && cells(&facts) > left {
        if let Some((fact, short)) = facts.iter_mut().find_map(|fact| fact.short.take().map(|short| (fact, short))) {
            fact.text = short;
            continue;
        }
        let least = facts.iter().enumerate().max_by_key(|(_, fact)| fact.rank).map_or(0, |(at, _)| at);
        facts.remove(least);
    }
    let mut line = Vec::new();
    for fact in facts {
        if !line.is_empty() {
            line.push(gap());
        }
        let style = match fact.kind {
            FactKind::Name => pen.style(Role::Strong),
            FactKind::Plain => dim,
            FactKind::Next => pen.style(Role::Note),
        };
        line.push(span(fact.text, style));
    }
    pen.line(Rect { width: left, ..inner }, &Line::from(line));
}

/// Something that the header says.
struct Fact {
    text: String,
    short: Option<String>,
    /// The smaller, the longer it stays where the header is narrow.
    rank: u8,
    kind: FactKind,
}

/// How a fact is drawn.
enum FactKind {
    Name,
    Plain,
    /// It is not about what is shown.
    Next,
}

fn facts(app: &App, theme: Theme) -> Vec<Fact> {
    let plain = |rank, text| Fact { text, short: None, rank, kind: FactKind::Plain };
    let mut facts = vec![Fact { kind: FactKind::Name, ..plain(4, "diffuscope".to_owned()) }];
    if app.script.is_some() {
        let short = Some("script".to_owned());
        facts.push(Fact { short, kind: FactKind::Next, ..plain(0, "writing a script".to_owned()) });
    }
    let replayed = match &app.origin {
        Origin::Replay { file } => Some(file),
        Origin::Live | Origin::Recording => None,
    };
    if let Some(file) = app.run().and_then(|run| run.file.as_ref()).or(replayed) {
        let name = Path::new(file).file_name().map_or_else(|| file.into(), OsStr::to_string_lossy);
        let short = Some(format!("replay of {name}"));
        facts.push(Fact { short, ..plain(1, format!("replay of {file}")) });
    }
    if let Some((denoiser, guide)) = app.models() {
        facts.push(plain(3, format!("{} {}", printable::line(&denoiser.name), weights(denoiser))));
        if let Some(guide) = guide {
            let by_text = app.log().and_then(Log::guide_reading) == Some(GuideReading::Text);
            facts.push(plain(5, format!("guide {}{}", weights(guide), if by_text { ", reads text" } else { "" })));
        }
    }
    if let Some(run) = app.run() {
        let verb = if run.is_under_way() { "runs with" } else { "ran with" };
        facts.push(plain(0, format!("{verb} {}", made_with(app, &run.log, theme))));
        // Two files that are compared are distinguished by their names.
        let runs = if app.is_replay() { 1 } else { app.session.runs().len() };
        facts.extend(which(run, runs).map(|words| plain(0, words)));
        facts.extend(turn(&run.log).map(|words| plain(2, words)));
        let next = app.layers.resolve();
        let then = run.log.settings_at(run.log.len());
        // A knob that acts in neither changes nothing.
        let differs = || next.differences(&then).any(|knob| knob.acts(&next) || knob.acts(&then));
        if !app.is_replay() && differs() {
            facts.push(Fact { kind: FactKind::Next, ..plain(1, format!("next: {}", chosen(app, &next, theme))) });
        }
    } else {
        facts.push(plain(0, chosen(app, &app.layers.resolve(), theme)));
    }
    facts
}

/// Which of several runs it is: its number and what it is called, and where it branched off another one.
fn which(run: &Run, runs: usize) -> Option<String> {
    let name = if run.name().is_empty() { String::new() } else { format!(" {}", run.name()) };
    let number = (runs > 1 || !name.is_empty()).then(|| format!("run {}{name}", run.id));
    let parent = run.branch().map(|branch| branch.parent);
    let origin = run.log.header().origin.as_ref().map(|origin| fork_words(origin, parent));
    number.into_iter().chain(origin).reduce(|number, origin| format!("{number}, {origin}"))
}

/// Which turn of a conversation it is, where it is not the first.
fn turn(log: &Log) -> Option<String> {
    let earlier = log.header().turns.len();
    (earlier > 0).then(|| format!("turn {}", earlier + 1))
}

/// What made a run: its preset, and another one that was taken on the way or how many knobs stood elsewhere in the end.
pub(super) fn made_with(app: &App, log: &Log, theme: Theme) -> String {
    let (header, end) = (log.header(), log.settings_at(log.len()));
    let name = header.preset.as_deref().unwrap_or("no preset");
    let known = app.layers.preset().into_iter().chain(app.presets.library.all()).find(|preset| preset.name == name);
    // Of a preset that is not here only the knobs that were turned on the way are known.
    let base = known.map_or(header.settings, Preset::settings);
    let turned = end.differences(&base).filter(|knob| knob.acts(&end)).count();
    // Every preset is looked through: only where it may be another one.
    let then = if turned > 1 { preset_of(&end).filter(|then| *then != name) } else { None };
    match then {
        Some(then) => format!("{}, then {then}", printable::line(name)),
        None => marked(&printable::line(name), &end, &base, theme),
    }
}

/// What the next run will be made with.
fn chosen(app: &App, settings: &Settings, theme: Theme) -> String {
    match app.layers.preset() {
        Some(preset) => marked(&preset.name, settings, &preset.settings(), theme),
        None => marked("no preset", settings, &Settings::default(), theme),
    }
}

/// "flashdlm ◆2": a name, and the number of knobs that stand elsewhere than it puts them and have an effect.
fn marked(name: &str, settings: &Settings, base: &Settings, theme: Theme) -> String {
    match settings.differences(base).filter(|knob| knob.acts(settings)).count() {
        0 => name.to_owned(),
        turned => format!("{name} {}{turned}", theme.glyphs.change),
    }
}

fn weights(card: &ModelCard) -> String {
    count(card.parameters as u64)
}

/// How far the run is, in a few words.
fn state(app: &App, pen: &Pen<'_>) -> Line<'static> {
    let glyphs = pen.theme.glyphs;
    let (dim, accent) = (pen.style(Role::Dim), pen.style(Role::Accent));
    let (good, bad) = (pen.style(Role::Good), pen.style(Role::Bad));
    let mut line = Vec::new();
    if let Some(loading) = &app.picker.loading {
        line = models::brief(app, loading, pen);
    }
    if let Some(writing) = &app.exports.writing {
        if !line.is_empty() {
            line.push(span(format!("  {}  ", glyphs.dot), pen.style(Role::Faint)));
        }
        line.extend(exporting::brief(app, writing, pen));
    }
    let Some(run) = app.run() else {
        return Line::from(match &app.engine {
            _ if !line.is_empty() => line,
            EngineState::Loading | EngineState::Absent => Vec::new(),
            EngineState::Ready { .. } => vec![span("ready", dim)],
            EngineState::Failed(_) => vec![span(format!("{} no model", glyphs.wrong), bad)],
        });
    };
    let (shown, len) = (app.shown(), run.log.len());
    if !line.is_empty() {
        line.push(span(format!("  {}  ", glyphs.dot), pen.style(Role::Faint)));
    }
    if !app.follows() {
        let word = if app.playback.playing { format!("{} plays", glyphs.pointer) } else { glyphs.scrubbed.to_owned() };
        line.push(span(format!("{word} step {shown} of {len}"), accent));
        line.push(span(format!("  {}  ", glyphs.dot), pen.style(Role::Faint)));
    }
    let pace = || {
        if app.playback.full_speed { "full speed".to_owned() } else { format!("{}/s", app.playback.pace()) }
    };
    match &run.phase {
        Phase::Failed(_) => line.push(span(format!("{} failed at step {len}", glyphs.wrong), bad)),
        Phase::Paused => line.push(span(format!("{} paused at step {len}", glyphs.paused), accent)),
        Phase::Running => {
            line.push(span(format!("{} running", glyphs.running), good));
            // How fast a recording plays is up to its player.
            let pace = if app.origin == Origin::Recording { String::new() } else { format!("  at {}", pace()) };
            line.push(span(format!("  step {len}{pace}"), dim));
        }
        Phase::Over if app.is_appearing() => line.push(span(format!("{} step {len}", glyphs.running), good)),
        Phase::Over => {
            line.push(verdict(run.log.end(), pen));
            if app.follows() {
                line.push(span(format!("  after {}", super::pen::plural(len, "step")), dim));
            }
        }
    }
    Line::from(line)
}

/// How a run ended.
fn verdict(end: Option<&End>, pen: &Pen<'_>) -> Span<'static> {
    let glyphs = pen.theme.glyphs;
    let (mark, word, role) = match end.map(|end| (end.correct, end.reason)) {
        Some((Some(true), _)) => (glyphs.right, "correct", Role::Good),
        Some((Some(false), _)) => (glyphs.wrong, "wrong", Role::Bad),
        Some((None, Some(StopReason::StepBudget))) => (glyphs.stopped, "out of steps", Role::Bad),
        Some((None, Some(_))) => (glyphs.stopped, "finished", Role::Dim),
        Some((None, None)) => (glyphs.stopped, "stopped by hand", Role::Dim),
        None => (glyphs.stopped, "unfinished", Role::Dim),
    };
    span(format!("{mark} {word}"), pen.style(role))
}
