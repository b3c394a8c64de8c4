//! When each token was written: from the first step to the shown one.

use ratatui::{
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::{CanvasCell, CanvasLayer, StepView};
use crate::tui::{
    theme::{Role, Theme, Tone},
    view::{
        flow::Ink,
        inspector::Inspected,
        pen::{plural, span},
        sample,
        step::State,
        token_style,
    },
};

pub(super) struct OrderLayer;

impl CanvasLayer for OrderLayer {
    fn name(&self) -> &'static str {
        "order"
    }

    fn style(&self, cell: &CanvasCell<'_>) -> Style {
        let CanvasCell { theme, step, position, ink } = *cell;
        match step.state(position) {
            State::Prompt => theme.style(Role::Dim),
            State::Given => token_style::given(theme),
            State::Masked => open(theme, ink),
            State::Written { fresh: true, .. } => token_style::fresh(theme, heat(theme, 1.0)),
            State::Written { step: written, .. } => written_at(theme, lateness(written, step.steps)),
        }
    }

    fn key(&self, theme: Theme, step: &StepView<'_>, cells: u16) -> Vec<Vec<Span<'static>>> {
        let ends = ["written at step 1".to_owned(), step.steps.to_string()];
        let scale = sample::key_scale(theme, cells, ends, |lateness| written_at(theme, lateness));
        vec![scale, vec![span(" new ", token_style::fresh(theme, heat(theme, 1.0)))]]
    }

    fn legend(&self, theme: Theme) -> Vec<Line<'static>> {
        let fresh = token_style::fresh(theme, heat(theme, 1.0));
        vec![
            sample::legend_scale(
                theme,
                |lateness| written_at(theme, lateness),
                "when the token was written: step 1 to the shown step",
            ),
            sample::legend_entry(theme, "word", fresh, "written in this step"),
            sample::legend_entry(theme, "word", open(theme, Ink::Draft), "a draft: not written yet"),
        ]
    }

    /// The place of the token among all that are written, while that is what the canvas shows.
    fn inspect(&self, seen: &Inspected<'_>) -> Vec<Line<'static>> {
        let state = seen.step.state(seen.position);
        if seen.layer.name() != self.name() || matches!(state, State::Prompt | State::Given) {
            return Vec::new();
        }
        let steps = written_in(seen.step);
        let (dim, text) = (seen.theme.style(Role::Dim), seen.theme.style(Role::Text));
        let of = span(format!(" of {} written", steps.len()), dim);
        let mut lines = seen.heading("its place in the order", seen.step.steps);
        let State::Written { step, .. } = state else {
            lines.push(seen.fact("order", vec![span("none yet,", text), of]));
            return lines;
        };
        let late = lateness(step, seen.step.steps);
        let tone = seen.theme.ink(heat(seen.theme, late));
        let mut when = vec![span(format!("{step:<4}"), tone), Span::raw(" ")];
        when.extend(sample::bar(seen.theme, seen.value_width().saturating_sub(6), late, tone));
        let before = steps.iter().filter(|other| **other < step).count();
        let together = steps.iter().filter(|other| **other == step).count();
        lines.push(seen.fact("step", when));
        lines.push(seen.fact("order", vec![span(ordinal(before + 1), text), of]));
        if together > 1 {
            lines.push(seen.fact("with it", vec![span(plural(together - 1, "other"), text)]));
        }
        lines
    }
}

/// The steps that wrote what is written.
fn written_in(step: &StepView<'_>) -> Vec<usize> {
    let written = |position| match step.state(position) {
        State::Written { step, .. } => Some(step),
        State::Prompt | State::Given | State::Masked => None,
    };
    (step.prompt_length()..step.length()).filter_map(written).collect()
}

/// Where a step stands between the first and the shown one, 0 to 1.
fn lateness(step: usize, shown: usize) -> f32 {
    if shown <= 1 { 1.0 } else { (step - 1) as f32 / (shown - 1) as f32 }
}

/// From cool to hot.
fn heat(theme: Theme, lateness: f32) -> Tone {
    let palette = theme.palette();
    theme.along(&[palette.sky, palette.purple, palette.vermilion, palette.yellow], lateness)
}

/// A token that was written earlier; without colours, ink that fades: a third of the steps bold, a third plain, a third
/// dim.
fn written_at(theme: Theme, lateness: f32) -> Style {
    let style = theme.ink(heat(theme, lateness));
    match lateness {
        _ if theme.has_colour() => style,
        late if late > 2.0 / 3.0 => style.add_modifier(Modifier::BOLD),
        late if late > 1.0 / 3.0 => style,
        _ => style.add_modifier(Modifier::DIM),
    }
}

/// A place where nothing is written; drafts are slanted, since old ink is as dim as they are without colours.
fn open(theme: Theme, ink: Ink) -> Style {
    let style = token_style::inactive(theme, ink);
    if ink == Ink::Draft { style.add_modifier(Modifier::ITALIC) } else { style }
}

/// "1st", "22nd", "113th".
fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (1, hundredths) if hundredths != 11 => "st",
        (2, hundredths) if hundredths != 12 => "nd",
        (3, hundredths) if hundredths != 13 => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_spoken_as_people_do() {
        let spoken = [1, 2, 3, 4, 11, 12, 13, 21, 102, 111].map(ordinal);
        assert_eq!(spoken, ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "111th"]);
    }

    #[test]
    fn the_shown_step_is_the_latest() {
        assert_eq!([lateness(1, 1), lateness(1, 9), lateness(5, 9), lateness(9, 9)], [1.0, 0.0, 0.5, 1.0]);
    }
}
