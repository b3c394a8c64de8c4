//! By how much the likeliest token of each position leads the next one, of a token when it was written.

use ratatui::{
    style::Style,
    text::{Line, Span},
};

use super::{
    CanvasCell, CanvasLayer, RunView, StepView,
    certainty::{self, absence, means, sample as sample_of},
};
use crate::{
    printable,
    trace::{Certainty, Figures},
    tui::{
        theme::{Role, Theme, Tone},
        view::{inspector::Inspected, pen::span, sample, token_style},
    },
};

pub(super) struct MarginLayer;

fn measure(theme: Theme, certainty: Certainty) -> Option<(Tone, f32)> {
    let margin = token_style::bounded(certainty.margin?);
    Some((theme.confidence(margin), 1.0 - margin))
}

impl CanvasLayer for MarginLayer {
    fn name(&self) -> &'static str {
        "margin"
    }

    fn style(&self, cell: &CanvasCell<'_>) -> Style {
        certainty::style(cell, measure)
    }

    fn absence(&self, _run: &RunView<'_>, step: &StepView<'_>) -> Option<String> {
        absence(self.name(), step)
    }

    fn key(&self, theme: Theme, _step: &StepView<'_>, cells: u16) -> Vec<Vec<Span<'static>>> {
        let draft = token_style::draft(theme, theme.confidence(0.4), 0.6);
        let ends = ["margin 0".to_owned(), "1".to_owned()];
        vec![sample::key_scale(theme, cells, ends, scale(theme)), vec![span("draft", draft)]]
    }

    fn legend(&self, theme: Theme) -> Vec<Line<'static>> {
        let draft = token_style::draft(theme, theme.confidence(0.2), 0.8);
        vec![
            sample::legend_scale(theme, scale(theme), "best less second best probability when it was written"),
            sample::legend_entry(theme, "word", draft, "a draft: of what is proposed now; stronger the closer"),
        ]
    }

    /// The two tokens that it lies between, while that is what the canvas shows.
    fn inspect(&self, seen: &Inspected<'_>) -> Vec<Line<'static>> {
        let proposal = seen.origin.proposal(seen.position).filter(|_| seen.layer.name() == self.name());
        let Some([first, second, ..]) = proposal.map(|proposal| &proposal.alternatives[..]) else {
            return Vec::new();
        };
        let (dim, text) = (seen.theme.style(Role::Dim), seen.theme.style(Role::Text));
        let mut lines = seen.heading("the lead of the best", seen.origin.steps);
        for (label, (id, probability)) in [("best", first), ("second", second)] {
            let name = printable::line(seen.name(*id).trim());
            lines.push(seen.fact(label, vec![span(format!("{probability:.3} "), dim), span(name, text)]));
        }
        let margin = first.1 - second.1;
        let tone = seen.theme.ink(seen.theme.confidence(margin));
        let mut value = vec![span(format!("{margin:.3} "), tone)];
        value.extend(sample::bar(seen.theme, seen.value_width().saturating_sub(6), margin, tone));
        lines.push(seen.fact("margin", value));
        lines
    }

    fn figures(&self, step: &StepView<'_>, _figures: &Figures) -> Vec<(String, &'static str)> {
        let named = means(step, |certainty| certainty.margin).into_iter().zip(["margin written", "margin open"]);
        named.filter_map(|(mean, name)| Some((format!("{:.2}", mean?), name))).collect()
    }
}

/// How the scale looks.
fn scale(theme: Theme) -> impl Fn(f32) -> Style {
    move |margin| sample_of(theme, theme.confidence(margin), 1.0 - margin)
}
