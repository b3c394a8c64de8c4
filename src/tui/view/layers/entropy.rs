//! How open each position is: the entropy of the denoiser's distribution, of a token when it was written.

use ratatui::{
    style::Style,
    text::{Line, Span},
};

use super::{
    CanvasCell, CanvasLayer, RunView, StepView,
    certainty::{self, absence, means, sample as sample_of},
};
use crate::{
    trace::{Certainty, Figures},
    tui::{
        theme::{Role, Theme, Tone},
        view::{
            inspector::Inspected,
            pen::{span, width},
            sample, token_style,
        },
    },
};

pub(super) struct EntropyLayer;

/// From this entropy on everything has the hottest colour, nats: as open as 55 tokens that are equally likely. In nats, not as
/// a share of the most that there can be: a log does not name the size of its vocabulary, and a share of it would be
/// near 0 wherever a few tokens are left to choose from.
const OPEN: f32 = 4.0;

fn share(entropy: f32) -> f32 {
    token_style::bounded(entropy / OPEN)
}

#[expect(clippy::unnecessary_wraps, reason = "the signature of a measure")]
fn measure(theme: Theme, certainty: Certainty) -> Option<(Tone, f32)> {
    let share = share(certainty.entropy);
    Some((theme.heat(share), share))
}

impl CanvasLayer for EntropyLayer {
    fn name(&self) -> &'static str {
        "entropy"
    }

    fn style(&self, cell: &CanvasCell<'_>) -> Style {
        certainty::style(cell, measure)
    }

    fn absence(&self, _run: &RunView<'_>, step: &StepView<'_>) -> Option<String> {
        absence(self.name(), step)
    }

    fn key(&self, theme: Theme, _step: &StepView<'_>, cells: u16) -> Vec<Vec<Span<'static>>> {
        let ends = ["entropy 0".to_owned(), format!("{OPEN} nats")];
        let draft = token_style::draft(theme, theme.heat(0.6), 0.6);
        vec![sample::key_scale(theme, cells, ends, scale(theme)), vec![span("draft", draft)]]
    }

    fn legend(&self, theme: Theme) -> Vec<Line<'static>> {
        let draft = token_style::draft(theme, theme.heat(0.8), 0.8);
        vec![
            sample::legend_scale(theme, scale(theme), "of the token when it was written, 0 to 4 nats and more"),
            sample::legend_entry(theme, "word", draft, "a draft: of what is proposed now; warmer the more open"),
        ]
    }

    /// The number as one can imagine it, while that is what the canvas shows.
    fn inspect(&self, seen: &Inspected<'_>) -> Vec<Line<'static>> {
        let certainty = seen.step.certainty(seen.position).filter(|_| seen.layer.name() == self.name());
        let Some(Certainty { entropy, .. }) = certainty else { return Vec::new() };
        let tone = seen.theme.ink(seen.theme.heat(share(entropy)));
        let number = format!("{entropy:.2} nats ");
        let room = seen.value_width().saturating_sub(width(&number));
        let mut value = vec![span(number, tone)];
        value.extend(sample::bar(seen.theme, room, share(entropy), tone));
        let mut lines = seen.heading("how open it was", seen.origin.steps);
        lines.push(seen.fact("entropy", value));
        let alike = format!("{:.1} equally likely tokens", entropy.exp());
        lines.push(seen.fact("as open as", vec![span(alike, seen.theme.style(Role::Text))]));
        lines
    }

    fn figures(&self, step: &StepView<'_>, _figures: &Figures) -> Vec<(String, &'static str)> {
        let means = means(step, |certainty| Some(certainty.entropy));
        let named = means.into_iter().zip(["nats written", "nats open"]);
        named.filter_map(|(mean, name)| Some((format!("{:.2}", mean?), name))).collect()
    }
}

/// How the scale looks.
fn scale(theme: Theme) -> impl Fn(f32) -> Style {
    move |share| sample_of(theme, theme.heat(share), share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scale_ends_at_both_ends() {
        assert_eq!([0.0, 1.0, 4.0, 11.9, f32::NAN].map(share), [0.0, 0.25, 1.0, 1.0, 0.0]);
    }
}
