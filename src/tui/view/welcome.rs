//! Before the first run: what this is, and the three keys that matter.

use ratatui::{
    layout::Rect,
    style::Modifier,
    text::{Line, Span},
};

use super::{
    pen::{Pen, span, width, wrap},
    token_style,
};
use crate::tui::{
    action::{Action, Overlay},
    app::{App, EngineState},
    keymap::Context,
    theme::Role,
};

const WHAT: &str = "A diffusion language model writes everywhere at once: it starts from masks and makes them \
                    certain, step by step. Here you can watch it think, pause it, and turn its knobs while it runs.";

/// Draws the welcome.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let mut lines = vec![wordmark(pen), Line::default()];
    let measure = 66.min(area.width.saturating_sub(2));
    lines.extend(wrap(WHAT, measure).into_iter().map(|line| Line::from(span(line, pen.style(Role::Text)))));
    lines.push(Line::default());
    let keys = [
        (Action::Submit, "denoise the prompt above"),
        (Action::Toggle(Overlay::Gallery), "choose another prompt from the gallery"),
        (Action::Toggle(Overlay::Help), "every key"),
    ];
    for (action, what) in keys {
        if let Some(key) = app.keymap.key_of(&action, Context::Prompt) {
            let key = key.name(pen.theme.has_signs());
            let pad = 8usize.saturating_sub(usize::from(width(&key)));
            lines.push(Line::from(vec![
                span(format!("{key}{}", " ".repeat(pad)), pen.style(Role::Accent)),
                span(what, pen.style(Role::Dim)),
            ]));
        }
    }
    lines.push(Line::default());
    lines.extend(models(app, measure, pen));
    let high = (lines.len() as u16).min(area.height);
    let left = area.x + area.width.saturating_sub(measure) / 2;
    let top = area.y + (area.height - high) * 2 / 5;
    for (line, y) in lines.iter().zip(top..area.bottom()) {
        pen.line(Rect { x: left, y, width: measure, height: 1 }, line);
    }
}

/// The name, half denoised.
fn wordmark(pen: &Pen<'_>) -> Line<'static> {
    let confidence = [1.0, 0.95, 0.4, 0.8, 1.0, 0.9, 0.15, 0.7, 0.3, 1.0];
    let masked = [false, false, true, false, false, false, true, false, true, false];
    let spans: Vec<Span<'static>> = "diffuscope"
        .chars()
        .zip(confidence)
        .zip(masked)
        .flat_map(|((letter, confidence), masked)| {
            let tone = pen.theme.confidence(confidence);
            let letter = if masked {
                span(pen.theme.glyphs.mask, token_style::mask(pen.theme, tone, 0.8))
            } else {
                span(letter.to_string(), pen.theme.ink(tone).add_modifier(Modifier::BOLD))
            };
            [letter, span(" ", pen.style(Role::Text))]
        })
        .collect();
    Line::from(spans)
}

fn models(app: &App, measure: u16, pen: &Pen<'_>) -> Vec<Line<'static>> {
    let (text, role) = match &app.engine {
        EngineState::Loading => {
            let loading = app.picker.loading.as_ref().filter(|loading| loading.progress.is_some());
            let what = loading.map_or_else(
                || "The networks are being loaded".to_owned(),
                |loading| {
                    let words = super::models::words(loading);
                    let first = words.chars().next().map_or(0, char::len_utf8);
                    format!("{}{}", words[..first].to_uppercase(), &words[first..])
                },
            );
            (format!("{what}; type in the meantime."), Role::Faint)
        }
        EngineState::Ready { denoiser, .. } if denoiser.name == "embedded" => (
            "The embedded pair is small and has learned six things: stories, lists, sums, JSON, Python and sudoku."
                .to_owned(),
            Role::Faint,
        ),
        EngineState::Ready { .. } | EngineState::Absent => return Vec::new(),
        EngineState::Failed(message) => (format!("The networks could not be loaded: {message}"), Role::Bad),
    };
    wrap(&text, measure).into_iter().map(|line| Line::from(span(line, pen.style(role)))).collect()
}
