//! What the cache changed, by the newest audit: masks by how far the step's distribution was from the truth, tokens by
//! how far their reused K/V rows were.

use ratatui::{
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::{CanvasCell, CanvasLayer, RunView, StepView, not_begun};
use crate::{
    decode::record::{AuditedPosition, RowDrift},
    printable,
    settings::CacheChoice,
    trace::Figures,
    tui::{
        theme::{Role, Theme},
        view::{
            figures,
            inspector::Inspected,
            map::{MapKind, MapMark, MapTint},
            pen::{span, width},
            sample,
            step::State,
            token_style::{self, SURE},
        },
    },
};

pub(super) struct AuditLayer;

/// Another token is the most likely one in the truth.
const FLIP: Modifier = Modifier::UNDERLINED.union(Modifier::BOLD);

impl CanvasLayer for AuditLayer {
    fn name(&self) -> &'static str {
        "audit"
    }

    fn style(&self, cell: &CanvasCell<'_>) -> Style {
        let CanvasCell { theme, step, position, ink } = *cell;
        let is_masked = step.state(position) == State::Masked;
        if let Some(audited) = step.audited(position).filter(|_| is_masked) {
            let fidelity = fidelity(audited);
            let style = token_style::masked(theme, ink, theme.confidence(fidelity), 0.5 + 0.5 * (1.0 - fidelity));
            return if audited.differs { style.add_modifier(FLIP) } else { style };
        }
        match step.drift(position).map(drift_fidelity) {
            Some(fidelity) => {
                let tone = theme.confidence(fidelity);
                let style = if is_masked { token_style::masked(theme, ink, tone, 0.2) } else { theme.ink(tone) };
                // Without colours a row that has moved far still shows.
                if fidelity < SURE && !theme.has_colour() { style.add_modifier(Modifier::UNDERLINED) } else { style }
            }
            None if is_masked => token_style::inactive(theme, ink),
            None => theme.style(Role::Faint),
        }
    }

    /// Flips are events; drafts and reused rows are the brighter the further they are from the truth. Only of the step's own
    /// audit: an earlier one has a row of its own.
    fn mark(&self, step: &StepView<'_>, position: usize) -> MapMark {
        let mark = MapMark::of_state(step, position);
        if step.audit().is_none_or(|(_, made)| made != step.steps) || mark.kind >= MapKind::Commit {
            return if mark.kind == MapKind::Shade { MapMark::default() } else { mark };
        }
        let is_masked = step.state(position) == State::Masked;
        match (step.audited(position).filter(|_| is_masked), step.drift(position)) {
            (Some(audited), _) if audited.differs => MapMark::new(MapKind::Flip, 1.0 - fidelity(audited)),
            (Some(audited), _) => MapMark::new(MapKind::Shade, 1.0 - fidelity(audited)),
            (None, Some(row)) => MapMark::new(MapKind::Shade, 1.0 - drift_fidelity(row)),
            (None, None) if mark.kind == MapKind::Shade => MapMark::default(),
            (None, None) => mark,
        }
    }

    fn tint(&self, cell: &CanvasCell<'_>, mark: MapMark) -> MapTint {
        let theme = cell.theme;
        let palette = theme.palette();
        match mark.kind {
            MapKind::Flip => MapTint::new(palette.vermilion, 1.0),
            MapKind::Shade => MapTint::new(theme.confidence(1.0 - mark.share()), 0.2 + 0.6 * mark.share()),
            MapKind::Settled => MapTint::new(palette.faint, 0.25),
            MapKind::Commit => MapTint::new(palette.faint, 0.8),
            _ => MapTint::of_style(theme, self.style(cell), mark),
        }
    }

    fn shades(&self) -> [&'static str; 2] {
        ["true", "far from it"]
    }

    fn absence(&self, run: &RunView<'_>, step: &StepView<'_>) -> Option<String> {
        not_begun(self.name(), step).or_else(|| {
            let settings = step.log.settings_at(step.steps);
            let words = match settings.audit {
                _ if step.audit().is_some() => return None,
                Some(_) if settings.cache == CacheChoice::Off => "nothing to audit: there is no cache here",
                Some(_) => "audited: no cache has changed anything",
                None if run.recorded => "recorded without an audit",
                None => "not audited so far: A audits each step",
            };
            Some(words.to_owned())
        })
    }

    fn key(&self, theme: Theme, step: &StepView<'_>, cells: u16) -> Vec<Vec<Span<'static>>> {
        let mut items = Vec::new();
        if let Some((_, made)) = step.audit().filter(|(_, made)| *made != step.steps) {
            items.push(vec![span(format!("audit of step {made}"), theme.style(Role::Note))]);
        }
        let far = if sample::is_roomy(cells) { "far from the truth" } else { "far" };
        let ends = [far.to_owned(), "true".to_owned()];
        items.push(sample::key_scale(theme, cells, ends, sample::confidence(theme)));
        items.push(vec![span("another token", theme.style(Role::Text).add_modifier(FLIP))]);
        items
    }

    fn legend(&self, theme: Theme) -> Vec<Line<'static>> {
        let flip = theme.style(Role::Text).add_modifier(FLIP);
        vec![
            sample::legend_scale(
                theme,
                sample::confidence(theme),
                "masks: exp(-KL) to the truth; tokens: K/V cosine, 0.5 to 1",
            ),
            sample::legend_entry(theme, "word", flip, "without the cache another token is the most likely"),
        ]
    }

    /// What the newest audit found here.
    fn inspect(&self, seen: &Inspected<'_>) -> Vec<Line<'static>> {
        let Some((_, made)) = seen.step.audit() else { return Vec::new() };
        let is_masked = seen.step.state(seen.position) == State::Masked;
        if let Some(audited) = seen.step.audited(seen.position).filter(|_| is_masked) {
            distance(seen, audited, made)
        } else if let Some(row) = seen.step.drift(seen.position) {
            drift(seen, row, made)
        } else {
            Vec::new()
        }
    }

    fn figures(&self, _step: &StepView<'_>, figures: &Figures) -> Vec<(String, &'static str)> {
        if figures.audited == 0 {
            return Vec::new();
        }
        vec![(figures::flips(figures), "flips"), (figures::nats(figures.mean_kl), "nats")]
    }
}

/// How far the distribution of a mask was from the truth, and which token the truth prefers.
fn distance(seen: &Inspected<'_>, audited: &AuditedPosition, made: usize) -> Vec<Line<'static>> {
    let (dim, text) = (seen.theme.style(Role::Dim), seen.theme.style(Role::Text));
    let tone = seen.theme.ink(seen.theme.confidence(fidelity(audited)));
    let truth = printable::line(seen.name(audited.token).trim());
    let mark = if audited.differs { FLIP } else { Modifier::empty() };
    let mut lines = seen.heading("the audit", made);
    lines.push(seen.fact("distance", vec![span(format!("KL {:.4}", audited.kl), tone), span(" nats", dim)]));
    let probability = span(format!("  {:.3}", audited.probability), dim);
    lines.push(seen.fact("truth", vec![span(truth, text.add_modifier(mark)), probability]));
    lines
}

/// How similar a reused row is to what it would be, layer by layer of the network.
fn drift(seen: &Inspected<'_>, row: &RowDrift, made: usize) -> Vec<Line<'static>> {
    let mut lines = seen.heading("cosine by layer, audit", made);
    for (label, cosines) in [("keys", &row.keys), ("values", &row.values)] {
        let least = cosines.iter().copied().fold(1.0, f32::min);
        let note = format!("  least {least:.3}");
        let room = seen.value_width().saturating_sub(width(&note));
        let mut shown = sample::by_layer(seen.theme, cosines, room, f32::min, sample::cosine_share);
        shown.push(span(note, seen.theme.style(Role::Dim)));
        lines.push(seen.fact(label, shown));
    }
    lines
}

/// How much of the truth there is in the distribution of a mask: `exp(-KL)`, 1 where nothing changed.
fn fidelity(audited: &AuditedPosition) -> f32 {
    (-audited.kl).exp()
}

/// The same scale for a K/V row: its worst cosine over layers, keys and values.
fn drift_fidelity(row: &RowDrift) -> f32 {
    sample::cosine_share(row.keys.iter().chain(&row.values).copied().fold(1.0, f32::min))
}
