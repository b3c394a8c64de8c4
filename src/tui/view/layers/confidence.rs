//! How sure the denoiser was of each token, and is of each draft.

use ratatui::{
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::{CanvasCell, CanvasLayer, RunView, StepView};
use crate::{
    decode::record::{Proposal, Reason},
    printable,
    tui::{
        theme::{Role, Theme},
        view::{
            inspector::Inspected,
            map::{MapKind, MapMark, MapTint},
            pen::{cut, span, width},
            sample,
            step::State,
            token_style::{self, SURE},
        },
    },
};

pub(super) struct ConfidenceLayer;

impl CanvasLayer for ConfidenceLayer {
    fn name(&self) -> &'static str {
        "confidence"
    }

    fn style(&self, cell: &CanvasCell<'_>) -> Style {
        let CanvasCell { theme, step, position, ink } = *cell;
        match step.state(position) {
            State::Prompt => theme.style(Role::Dim),
            State::Given => token_style::given(theme),
            State::Masked if step.is_remasked(position) => {
                token_style::masked(theme, ink, theme.remasked(), 1.0).add_modifier(Modifier::BOLD)
            }
            State::Masked if token_style::is_inactive(step, position) => token_style::inactive(theme, ink),
            State::Masked => match step.proposal(position) {
                // That nothing more will come is soon sure, and not worth a colour.
                Some(proposal) if !step.log.header().is_end(proposal.token) => {
                    token_style::masked(theme, ink, theme.confidence(proposal.confidence), proposal.confidence)
                }
                _ => token_style::inactive(theme, ink),
            },
            State::Written { fresh, .. } if step.is_eos(position) => token_style::end_of_text(theme, fresh),
            State::Written { reason: Reason::ByHand, fresh, .. } => token_style::by_hand(theme, fresh),
            State::Written { confidence, fresh, .. } => {
                let style = if step.overwritten(position).is_some() {
                    token_style::overwritten(theme)
                } else {
                    token_style::written(theme, theme.confidence(confidence), fresh)
                };
                if confidence < SURE { style.add_modifier(Modifier::UNDERLINED) } else { style }
            }
        }
    }

    fn mask_sign(&self, theme: Theme, step: &StepView<'_>, position: usize) -> &'static str {
        if step.is_remasked(position) { theme.glyphs.mask_again } else { theme.glyphs.mask }
    }

    /// Drafts by their brightness, what is written in full, dark afterwards.
    fn tint(&self, cell: &CanvasCell<'_>, mark: MapMark) -> MapTint {
        let CanvasCell { theme, step, position, .. } = *cell;
        let palette = theme.palette();
        let end = |share| MapTint::new(palette.faint, share);
        match (mark.kind, step.state(position)) {
            (MapKind::Commit, _) if step.is_eos(position) => end(1.0),
            (MapKind::Settled, _) if step.is_eos(position) => end(0.13),
            (MapKind::Shade, _) if mark.level == 0 => end(0.4),
            (MapKind::Shade, _) => MapTint::new(theme.confidence(mark.share()), 0.24 + 0.36 * mark.share()),
            (MapKind::Settled, State::Written { confidence, .. }) => MapTint::new(theme.confidence(confidence), 0.15),
            (MapKind::Commit, State::Written { confidence, .. }) => MapTint::new(theme.confidence(confidence), 1.0),
            _ => MapTint::of_style(theme, self.style(cell), mark),
        }
    }

    /// The drafts to come are masks before the first step: there is nothing to explain.
    fn absence(&self, _run: &RunView<'_>, _step: &StepView<'_>) -> Option<String> {
        None
    }

    fn key(&self, theme: Theme, _step: &StepView<'_>, cells: u16) -> Vec<Vec<Span<'static>>> {
        let ends = ["confidence 0".to_owned(), "1".to_owned()];
        let scale = sample::key_scale(theme, cells, ends, sample::confidence(theme));
        vec![scale, vec![span("draft", draft(theme))], vec![span(" new ", fresh(theme))]]
    }

    fn legend(&self, theme: Theme) -> Vec<Line<'static>> {
        let glyphs = theme.glyphs;
        let doubtful = theme.style(Role::Text).add_modifier(Modifier::UNDERLINED);
        let mask = token_style::mask(theme, theme.confidence(0.6), 0.6);
        let again = token_style::mask(theme, theme.remasked(), 1.0).add_modifier(Modifier::BOLD);
        let overwritten = token_style::overwritten(theme);
        let entry = |sample: &str, style, meaning| sample::legend_entry(theme, sample, style, meaning);
        vec![
            sample::legend_scale(
                theme,
                sample::confidence(theme),
                "probability of the token when it was written, 0 to 1",
            ),
            entry("word", doubtful, "written below 0.5"),
            entry("word", fresh(theme), "written in this step"),
            entry("word", draft(theme), "a draft on a masked place; stronger the surer"),
            entry(&glyphs.mask.repeat(2), mask, "masked; d switches between drafts and masks"),
            entry("word", overwritten, "written in this step over another token"),
            entry(&glyphs.mask_again.repeat(2), again, "written before, masked again by this step"),
        ]
    }

    /// What the denoiser proposed.
    fn inspect(&self, seen: &Inspected<'_>) -> Vec<Line<'static>> {
        let Some(proposal) = seen.origin.proposal(seen.position) else { return Vec::new() };
        let mut lines = grounds(seen, proposal);
        lines.extend(candidates(seen, proposal));
        lines
    }
}

fn draft(theme: Theme) -> Style {
    token_style::draft(theme, theme.confidence(0.6), 0.6)
}

fn fresh(theme: Theme) -> Style {
    token_style::fresh(theme, theme.confidence(1.0))
}

/// What a rule with a memory knows of a proposal: its credit, and what it did; how far its distribution moved.
fn grounds(seen: &Inspected<'_>, proposal: &Proposal) -> Vec<Line<'static>> {
    let (dim, text) = (seen.theme.style(Role::Dim), seen.theme.style(Role::Text));
    let mut lines = Vec::new();
    if let Some(credit) = proposal.credit {
        let arrow = seen.theme.glyphs.arrow;
        let change = format!("  {:.3} {arrow} {:.3}", credit.confidence, proposal.confidence);
        lines.push(seen.fact("credit", vec![span(format!("{:.2}", credit.amount), text), span(change, dim)]));
        if credit.token != proposal.token {
            let name = printable::line(seen.name(credit.token).trim());
            lines.push(seen.fact("", vec![span("instead of ", dim), span(name, text)]));
        }
    }
    if let Some(moved) = proposal.moved {
        let unit = span(" nats", seen.theme.style(Role::Faint));
        lines.push(seen.fact("moved", vec![span(format!("{moved:.4}"), text), unit]));
    }
    lines
}

/// The likeliest tokens, with bars; the one that was taken is marked.
fn candidates(seen: &Inspected<'_>, proposal: &Proposal) -> Vec<Line<'static>> {
    let theme = seen.theme;
    let mask = seen.step.log.header().mask_id;
    let taken = seen.origin.id(seen.position).filter(|id| *id != mask).unwrap_or(proposal.token);
    let name_cells = 14.min(seen.width / 2);
    let bar_cells = seen.width.saturating_sub(name_cells + 9);
    let mut lines = seen.heading("the denoiser's candidates", seen.origin.steps);
    for (id, probability) in proposal.alternatives.iter().take(Proposal::ALTERNATIVES) {
        let is_taken = *id == taken;
        let style = theme.style(if is_taken { Role::Strong } else { Role::Dim });
        let name = cut(seen.name(*id).trim(), name_cells, theme.glyphs.ellipsis);
        let pad = usize::from(name_cells - width(&name)) + 1;
        let mut line = vec![
            if is_taken { span(theme.glyphs.pointer, theme.style(Role::Accent)) } else { Span::raw(" ") },
            Span::raw(" "),
            span(name, style),
            Span::raw(" ".repeat(pad)),
            span(format!("{probability:.3}"), style),
            Span::raw(" "),
        ];
        let tone = theme.ink(theme.confidence(*probability));
        line.extend(sample::bar(theme, bar_cells, *probability, tone));
        lines.push(Line::from(line));
    }
    lines
}
