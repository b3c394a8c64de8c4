//! Before the first run: what this is, the keys that matter, and two runs that race, until the first key.

use std::time::Duration;

use ratatui::{
    layout::Rect,
    style::Modifier,
    text::{Line, Span},
};

use super::{
    pen::{Pen, cells, packed, span, width, wrap},
    race, token_style,
};
use crate::{
    decode::noise::{Noise, Purpose, Seeded},
    tui::{
        action::{Action, Overlay},
        app::{App, EngineState},
        keymap::Context,
        motion::NAME_LASTS,
        theme::Role,
    },
};

const NAME: &str = "diffuscope";

const WHAT: &str = "A diffusion language model writes everywhere at once: it starts from masks and makes them \
                    certain, step by step. Here you can watch it think, pause it, and turn its knobs while it runs.";

/// The same in few words.
const IN_SHORT: &str = "one prompt, two ways to decode it, on this machine";

/// Rows around the race: the name and air above it, air and keys below.
const AROUND: u16 = 4;

/// Draws the welcome.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let middle = Rect { y: area.y + 2, height: area.height.saturating_sub(AROUND), ..area };
    pen.drawn.stage = race::stage(middle);
    if app.race().runs().is_some() && pen.drawn.stage.is_some() {
        around_race(app, area, middle, pen);
    } else {
        still(app, area, pen);
    }
}

/// The race between the name and the keys.
fn around_race(app: &App, area: Rect, middle: Rect, pen: &mut Pen<'_>) {
    let Some(drawn) = race::draw(app, middle, pen) else { return };
    let row = |y: u16| Rect { x: drawn.x, y, width: drawn.width, height: 1 };
    let top = row(area.y);
    let end = pen.line(top, &wordmark(app, pen));
    let pace = race::pace(app, pen.theme).unwrap_or_default();
    let dot = pen.theme.glyphs.dot;
    let dim = pen.style(Role::Dim);
    let rest = Rect { x: end + 2, width: top.right().saturating_sub(end + 2), ..top };
    let whole = Line::from(span(format!("{IN_SHORT}  {dot}  {pace}"), dim));
    let line = if cells(&whole.spans) <= rest.width { whole } else { Line::from(span(pace, dim)) };
    pen.line_right(rest, &line);
    let gap = span(format!("  {dot}  "), pen.style(Role::Faint));
    let signs = pen.theme.has_signs();
    let known = [(Action::Submit, "denoises the prompt"), (Action::Toggle(Overlay::Tour), "a tour of five cards")];
    let known =
        known.into_iter().filter_map(|(action, what)| Some((app.key_name(&action, Context::Prompt, signs)?, what)));
    let keys = known
        .chain([("any key".to_owned(), "ends the race")])
        .map(|(key, what)| vec![span(format!("{key} "), pen.style(Role::Accent)), span(what, pen.style(Role::Dim))]);
    if let Some(line) = packed(keys, &gap, drawn.width).into_iter().next() {
        pen.line(row(drawn.bottom() + 1), &Line::from(line));
    }
}

/// Name, purpose and keys in the middle.
fn still(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let mut lines = vec![wordmark(app, pen), Line::default()];
    let measure = 66.min(area.width.saturating_sub(2));
    lines.extend(wrap(WHAT, measure).into_iter().map(|line| Line::from(span(line, pen.style(Role::Text)))));
    lines.push(Line::default());
    for (key, what) in keys(app, pen) {
        let pad = 8usize.saturating_sub(usize::from(width(&key)));
        lines.push(Line::from(vec![
            span(format!("{key}{}", " ".repeat(pad)), pen.style(Role::Accent)),
            span(what, pen.style(Role::Dim)),
        ]));
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

/// The keys that matter, and what they do.
fn keys(app: &App, pen: &Pen<'_>) -> Vec<(String, &'static str)> {
    let keys = [
        (Action::Submit, "denoise the prompt above"),
        (Action::Toggle(Overlay::Gallery), "choose another prompt from the gallery"),
        (Action::Toggle(Overlay::Tour), "a tour of five cards"),
        (Action::Toggle(Overlay::Help), "every key"),
    ];
    let signs = pen.theme.has_signs();
    keys.into_iter().filter_map(|(action, what)| Some((app.key_name(&action, Context::Prompt, signs)?, what))).collect()
}

/// A letter of the name.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Letter {
    Mask,
    Draft(char, f32),
    Written { fresh: bool },
}

/// Letters of the name as far as it is denoised, in an order and with drafts of its own: nothing but a toy of a decode.
fn letter(position: usize, clock: Duration) -> Letter {
    const FIRST: Duration = Duration::from_millis(700);
    const APART: Duration = Duration::from_millis(230);
    const DRAFTED: Duration = Duration::from_millis(900);
    const FRESH: Duration = Duration::from_millis(240);
    let noise = Seeded(11);
    let drawn = |position| noise.uniform(Purpose::Order, 0, position);
    let rank = (0..NAME.len()).filter(|other| drawn(*other) < drawn(position)).count();
    let written = FIRST + APART * rank as u32;
    debug_assert!(written + FRESH <= NAME_LASTS);
    if clock >= written {
        return Letter::Written { fresh: clock < written + FRESH };
    }
    if clock + DRAFTED < written {
        return Letter::Mask;
    }
    let step = (clock.as_millis() / 160) as usize;
    let share = noise.uniform(Purpose::Token, step, position);
    let draft = char::from(b'a' + (share * 26.0) as u8 % 26);
    let sure = 1.0 - written.saturating_sub(clock).as_secs_f32() / DRAFTED.as_secs_f32();
    Letter::Draft(draft, 0.15 + 0.6 * sure)
}

/// The name, which is denoised once.
fn wordmark(app: &App, pen: &Pen<'_>) -> Line<'static> {
    const CONFIDENCE: [f32; 10] = [1.0, 0.95, 0.85, 0.8, 1.0, 0.9, 0.75, 0.7, 0.85, 1.0];
    let clock = app.name_clock().unwrap_or(NAME_LASTS);
    let letters = NAME.chars().enumerate().zip(CONFIDENCE).flat_map(|((at, name), confidence)| {
        let theme = pen.theme;
        let letter = match letter(at, clock) {
            Letter::Mask => span(theme.glyphs.mask, token_style::mask(theme, theme.confidence(0.3), 0.8)),
            Letter::Draft(draft, sure) => {
                span(draft.to_string(), token_style::draft(theme, theme.confidence(sure), sure))
            }
            Letter::Written { fresh: true } => span(name.to_string(), token_style::fresh(theme, theme.confidence(1.0))),
            Letter::Written { fresh: false } => {
                span(name.to_string(), theme.ink(theme.confidence(confidence)).add_modifier(Modifier::BOLD))
            }
        };
        [letter, span(" ", pen.style(Role::Text))]
    });
    Line::from(letters.collect::<Vec<Span<'static>>>())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_masked_at_first_and_whole_in_the_end() {
        let at = |millis| (0..NAME.len()).map(|at| letter(at, Duration::from_millis(millis))).collect::<Vec<_>>();
        let written = |millis| at(millis).iter().filter(|letter| matches!(letter, Letter::Written { .. })).count();
        assert_eq!(written(0), 0);
        assert!((1..NAME.len()).contains(&written(1_500)), "{:?}", at(1_500));
        assert!(at(1_500).iter().any(|letter| matches!(letter, Letter::Draft(..))));
        let end = NAME_LASTS.as_millis() as u64;
        assert!(at(end).iter().all(|letter| *letter == Letter::Written { fresh: false }));
    }
}
