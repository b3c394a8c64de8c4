//! What the layers have in common that show how certain the denoiser was: of a token when it was written, of a draft now.

use ratatui::style::{Modifier, Style};

use super::{CanvasCell, StepView, not_begun};
use crate::{
    trace::Certainty,
    tui::{
        theme::{Role, Theme, Tone},
        view::{row::Ink, step::State, token_style},
    },
};

/// What a layer makes of a certainty: its colour, and how much doubt there is in it, 0 to 1.
pub(super) type Measure = fn(Theme, Certainty) -> Option<(Tone, f32)>;

/// How a position looks by a measure.
pub(super) fn style(cell: &CanvasCell<'_>, measure: Measure) -> Style {
    let CanvasCell { theme, step, position, ink } = *cell;
    let measured = step.certainty(position).and_then(|certainty| measure(theme, certainty));
    match step.state(position) {
        State::Prompt => theme.style(Role::Dim),
        State::Given => token_style::given(theme),
        State::Masked => match measured.filter(|_| !step.drafts_end(position)) {
            Some((tone, doubt)) => {
                token_style::masked(theme, ink, tone, 0.2 + 0.8 * doubt).add_modifier(mark(theme, ink, doubt))
            }
            None => token_style::inactive(theme, ink),
        },
        State::Written { fresh, .. } if step.is_eos(position) => token_style::end_of_text(theme, fresh),
        State::Written { fresh, .. } => match measured {
            Some((tone, doubt)) => token_style::written(theme, tone, fresh).add_modifier(mark(theme, ink, doubt)),
            None => token_style::written(theme, theme.palette().dim, fresh),
        },
    }
}

/// The sample of a measure for a scale.
pub(super) fn sample(theme: Theme, tone: Tone, doubt: f32) -> Style {
    theme.ink(tone).add_modifier(mark(theme, Ink::Text, doubt))
}

/// Without colours, doubt is a line under the token; much of it slants a token, which a draft is already.
fn mark(theme: Theme, ink: Ink, doubt: f32) -> Modifier {
    match (doubt, ink) {
        _ if theme.has_colour() => Modifier::empty(),
        (doubt, Ink::Text | Ink::Sign) if doubt > 2.0 / 3.0 => Modifier::UNDERLINED | Modifier::ITALIC,
        (doubt, _) if doubt > 2.0 / 3.0 => Modifier::UNDERLINED | Modifier::BOLD,
        (doubt, _) if doubt > 1.0 / 3.0 => Modifier::UNDERLINED,
        _ => Modifier::empty(),
    }
}

/// The mean of a number over what is written before end of text, and over the masks whose drafts are text.
pub(super) fn means(step: &StepView<'_>, number: fn(Certainty) -> Option<f32>) -> [Option<f32>; 2] {
    let (mut sums, mut counts) = ([0.0_f64; 2], [0_u32; 2]);
    for position in step.prompt_length()..step.length() {
        if step.is_eos(position) || step.drafts_end(position) {
            continue;
        }
        if let Some(number) = step.certainty(position).and_then(number).filter(|number| number.is_finite()) {
            let is_masked = usize::from(step.state(position) == State::Masked);
            sums[is_masked] += f64::from(number);
            counts[is_masked] += 1;
        }
    }
    [0, 1].map(|at| (counts[at] > 0).then(|| (sums[at] / f64::from(counts[at])) as f32))
}

/// Why there is nothing to show: no position was ever scored.
pub(super) fn absence(name: &str, step: &StepView<'_>) -> Option<String> {
    not_begun(name, step).or_else(|| {
        let is_scored = (step.prompt_length()..step.length()).any(|position| step.certainty(position).is_some());
        (!is_scored).then(|| "the denoiser has scored nothing that is shown".to_owned())
    })
}
