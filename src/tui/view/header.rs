//! The first row: which models, which preset, and how far the run is.

use ratatui::{layout::Rect, text::Line};

use super::{
    models,
    pen::{Pen, count, span, width},
    step::StepView,
};
use crate::{
    decode::record::StopReason,
    settings::DEFAULT_PRESET,
    trace::{ModelCard, printable},
    tui::{
        app::{App, Engine, Origin, Phase},
        theme::Role,
    },
};

/// Draws the header.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    pen.paint(area, pen.style(Role::Surface));
    let inner = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    let state = state(app, pen);
    let state_width: u16 = state.spans.iter().map(|span| width(&span.content)).sum();
    let state_at = pen.line_right(inner, &state);
    let left = if state_width > inner.width { inner.width } else { state_at.saturating_sub(inner.x + 2) };
    let (dim, faint) = (pen.style(Role::Dim), pen.style(Role::Faint));
    let gap = || span(format!("  {}  ", pen.theme.glyphs.dot), faint);
    let mut line = vec![span("diffuscope", pen.style(Role::Strong))];
    for fact in facts(app) {
        let so_far: u16 = line.iter().map(|span| width(&span.content)).sum();
        // A fact is shown whole or not at all, but for the first.
        if so_far + 5 + width(&fact) > left && line.len() > 1 {
            break;
        }
        line.push(gap());
        line.push(span(fact, dim));
    }
    pen.line(Rect { width: left, ..inner }, &Line::from(line));
}

fn facts(app: &App) -> Vec<String> {
    let mut facts = Vec::new();
    if let Origin::Replay { file } = &app.origin {
        facts.push(format!("replay of {file}"));
    }
    if let Some((denoiser, guide)) = app.models() {
        facts.push(format!("{} {}", printable::line(&denoiser.name), weights(denoiser)));
        if let Some(guide) = guide {
            let by_text = app.log().is_some_and(|log| StepView::new(log, log.len()).guide_reads_text());
            facts.push(format!("guide {}{}", weights(guide), if by_text { ", reads text" } else { "" }));
        }
    }
    let preset = match app.log().filter(|_| app.is_replay()) {
        Some(log) => log.header().preset.as_deref().map(printable::line),
        None => Some(app.layers.preset().map_or(DEFAULT_PRESET, |preset| &preset.name).to_owned()),
    };
    facts.extend(preset);
    facts
}

fn weights(card: &ModelCard) -> String {
    count(card.parameters as u64)
}

/// What goes on, in a few words.
fn state(app: &App, pen: &Pen<'_>) -> Line<'static> {
    let glyphs = pen.theme.glyphs;
    let (dim, accent) = (pen.style(Role::Dim), pen.style(Role::Accent));
    let (good, bad) = (pen.style(Role::Good), pen.style(Role::Bad));
    let mut line = Vec::new();
    if let Some(loading) = &app.picker.loading {
        line = models::brief(app, loading, pen);
    }
    let Some(run) = &app.run else {
        return Line::from(match &app.engine {
            _ if !line.is_empty() => line,
            Engine::Loading | Engine::Absent => Vec::new(),
            Engine::Ready { .. } => vec![span("ready", dim)],
            Engine::Failed(_) => vec![span(format!("{} no model", glyphs.wrong), bad)],
        });
    };
    let (shown, len) = (app.shown(), run.log.len());
    if !line.is_empty() {
        line.push(span(format!("  {}  ", glyphs.dot), pen.style(Role::Faint)));
    }
    if !app.follows() {
        let word = if app.player.playing { format!("{} plays", glyphs.pointer) } else { glyphs.scrubbed.to_owned() };
        line.push(span(format!("{word} step {shown} of {len}"), accent));
        line.push(span(format!("  {}  ", glyphs.dot), pen.style(Role::Faint)));
    }
    let pace = || {
        if app.player.full_speed { "full speed".to_owned() } else { format!("{}/s", app.player.pace()) }
    };
    match &run.phase {
        Phase::Failed(_) => line.push(span(format!("{} failed at step {len}", glyphs.wrong), bad)),
        Phase::Under if app.player.held => line.push(span(format!("{} held at step {len}", glyphs.held), accent)),
        Phase::Under => {
            line.push(span(format!("{} running", glyphs.running), good));
            line.push(span(format!("  step {len}  at {}", pace()), dim));
        }
        Phase::Over => {
            let end = run.log.end();
            let (mark, word, style) = match end.map(|end| (end.correct, end.reason)) {
                Some((Some(true), _)) => (glyphs.right, "correct", good),
                Some((Some(false), _)) => (glyphs.wrong, "wrong", bad),
                Some((None, Some(StopReason::StepBudget))) => (glyphs.stopped, "out of steps", bad),
                Some((None, Some(_))) => (glyphs.stopped, "finished", dim),
                Some((None, None)) => (glyphs.stopped, "stopped by hand", dim),
                None => (glyphs.stopped, "unfinished", dim),
            };
            line.push(span(format!("{mark} {word}"), style));
            if app.follows() {
                line.push(span(format!("  after {}", super::pen::plural(len, "step")), dim));
            }
        }
    }
    Line::from(line)
}
