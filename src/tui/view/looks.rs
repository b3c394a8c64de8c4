//! How a token looks, by layer: the one place where states become styles.

use ratatui::{
    style::{Modifier, Style},
    text::Span,
};

use super::{
    flow::Ink,
    pen::span,
    step::{State, StepView},
};
use crate::{
    decode::record::{AuditedPosition, KvStatus, Reason, RowDrift, Verdict},
    tui::{
        action::Layer,
        theme::{Role, Theme, Tone, kv_mark, verdict_mark},
    },
};

/// From this confidence on a token is written without a line under it.
pub const SURE: f32 = 0.5;

/// The style of a position that is drawn as `ink`.
pub fn look(theme: Theme, view: &StepView<'_>, layer: Layer, position: usize, ink: Ink) -> Style {
    match layer {
        Layer::Confidence => by_confidence(theme, view, position, ink),
        Layer::Cache => by_cache(theme, view, position, ink),
        Layer::Guide => by_guide(theme, view, position, ink),
        Layer::Audit => by_audit(theme, view, position, ink),
    }
}

/// The sign of a masked position without a draft.
pub fn mask_sign(theme: Theme, view: &StepView<'_>, layer: Layer, position: usize) -> &'static str {
    let glyphs = theme.glyphs;
    match (layer, view.kv(position).map(|kv| kv.status)) {
        (Layer::Confidence, _) if view.is_remasked(position) => glyphs.mask_again,
        (Layer::Cache, Some(KvStatus::Reused | KvStatus::Stale)) => glyphs.mask_reused,
        (Layer::Cache, Some(KvStatus::Dropped)) => glyphs.mask_dropped,
        _ => glyphs.mask,
    }
}

fn by_confidence(theme: Theme, view: &StepView<'_>, position: usize, ink: Ink) -> Style {
    match view.state(position) {
        State::Prompt => theme.style(Role::Dim),
        State::Masked if view.is_remasked(position) => {
            open(theme, ink, theme.remasked(), 1.0).add_modifier(Modifier::BOLD)
        }
        State::Masked if is_idle(view, position) => idle(theme, ink),
        State::Masked => match view.proposal(position) {
            // That nothing more will come is soon sure, and not worth a colour.
            Some(proposal) if view.log.header().is_end(proposal.token) => idle(theme, ink),
            Some(proposal) => open(theme, ink, theme.confidence(proposal.confidence), proposal.confidence),
            None => idle(theme, ink),
        },
        State::Written { fresh, .. } if view.is_eos(position) => end_of_text(theme, fresh),
        State::Written { confidence, fresh, .. } => {
            let tone = theme.confidence(confidence);
            let doubt = if confidence < SURE { Modifier::UNDERLINED } else { Modifier::empty() };
            if view.overwritten(position).is_some() {
                written_over(theme).add_modifier(doubt)
            } else if fresh {
                lit(theme, tone).add_modifier(doubt)
            } else {
                theme.ink(tone).add_modifier(doubt)
            }
        }
    }
}

fn by_cache(theme: Theme, view: &StepView<'_>, position: usize, ink: Ink) -> Style {
    let Some(kv) = view.kv(position) else {
        return before_any_step(theme, view, position, ink);
    };
    let tone = theme.kv(kv.status, kv.age);
    match view.state(position) {
        State::Masked => {
            let strength = match kv.status {
                KvStatus::Recomputed => 0.3,
                KvStatus::Reused | KvStatus::Stale => 0.2,
                KvStatus::Dropped => 0.0,
            };
            let mark = if theme.has_colour() { Modifier::empty() } else { kv_mark(kv.status) };
            open(theme, ink, tone, strength).add_modifier(mark)
        }
        State::Prompt | State::Written { .. } => theme.ink(tone).add_modifier(kv_mark(kv.status)),
    }
}

fn by_guide(theme: Theme, view: &StepView<'_>, position: usize, ink: Ink) -> Style {
    let review = view.review(position);
    match view.state(position) {
        State::Prompt => theme.style(Role::Dim),
        State::Masked => match review.map(|review| review.verdict) {
            Some(Verdict::NotReached) | None if view.proposal(position).is_none() => idle(theme, ink),
            Some(Verdict::NotReached) | None => open(theme, ink, theme.palette().dim, 0.1),
            Some(verdict) => open(theme, ink, theme.verdict(verdict), 0.9).add_modifier(verdict_mark(verdict)),
        },
        State::Written { fresh, .. } if view.is_eos(position) => end_of_text(theme, fresh),
        State::Written { reason, fresh, .. } => {
            let verdict = match reason {
                Reason::GuideAgreed => Some(Verdict::Agreed),
                Reason::Forced => Some(Verdict::Forced),
                Reason::GuideWrote => Some(Verdict::Replaced),
                _ => None,
            };
            let tone = verdict.map_or(theme.palette().dim, |verdict| theme.verdict(verdict));
            let mark = verdict.map_or_else(Modifier::empty, verdict_mark);
            if fresh { lit(theme, tone).add_modifier(mark) } else { theme.ink(tone).add_modifier(mark) }
        }
    }
}

/// Masks by how far the step's distribution was from the truth, tokens by how far their reused rows were.
fn by_audit(theme: Theme, view: &StepView<'_>, position: usize, ink: Ink) -> Style {
    let is_masked = view.state(position) == State::Masked;
    if let Some(audited) = view.audited(position).filter(|_| is_masked) {
        let fidelity = fidelity_of(audited);
        let style = open(theme, ink, theme.confidence(fidelity), 0.5 + 0.5 * (1.0 - fidelity));
        return if audited.differs { style.add_modifier(FLIP) } else { style };
    }
    match view.drift(position) {
        Some(row) => {
            let fidelity = drift_fidelity(row);
            let style = if is_masked {
                open(theme, ink, theme.confidence(fidelity), 0.2)
            } else {
                theme.ink(theme.confidence(fidelity))
            };
            // Without colours a row that has moved far still shows.
            if fidelity < SURE && !theme.has_colour() { style.add_modifier(Modifier::UNDERLINED) } else { style }
        }
        None if is_masked => idle(theme, ink),
        None => theme.style(Role::Faint),
    }
}

/// Another token is the most likely one in the truth.
pub(super) const FLIP: Modifier = Modifier::UNDERLINED.union(Modifier::BOLD);

/// How much of the truth is left at a masked position: `exp(-KL)`, 1 where nothing changed.
pub(super) fn fidelity_of(audited: &AuditedPosition) -> f32 {
    (-audited.kl).exp()
}

/// The same scale for a K/V row: its worst cosine over layers, keys and values; 0 from a cosine of one half down.
pub(super) fn drift_fidelity(row: &RowDrift) -> f32 {
    cosine_fidelity(row.keys.iter().chain(&row.values).copied().fold(1.0, f32::min))
}

/// A cosine on the same scale.
pub(super) fn cosine_fidelity(cosine: f32) -> f32 {
    if cosine.is_finite() { (2.0 * cosine - 1.0).clamp(0.0, 1.0) } else { 0.0 }
}

/// A row of bars from the first layer up, at most `cells` of them, on the scale of confidence. Where there are more
/// layers than cells, several share one, which shows the `pick` of them.
pub(super) fn by_layer(
    theme: Theme,
    values: &[f32],
    cells: u16,
    pick: fn(f32, f32) -> f32,
    scale: fn(f32) -> f32,
) -> Vec<Span<'static>> {
    let share = values.len().div_ceil(usize::from(cells.max(1))).max(1);
    values
        .chunks(share)
        .filter_map(|chunk| chunk.iter().copied().reduce(pick))
        .map(|value| {
            let height = scale(value);
            let height = if height.is_finite() { height.clamp(0.0, 1.0) } else { 0.0 };
            span(theme.glyphs.rising[((height * 7.99) as usize).min(7)], theme.ink(theme.confidence(height)))
        })
        .collect()
}

/// Outside of the active block, or not scored.
fn is_idle(view: &StepView<'_>, position: usize) -> bool {
    view.region().is_some_and(|region| position < region.start || position >= region.end)
}

fn before_any_step(theme: Theme, view: &StepView<'_>, position: usize, ink: Ink) -> Style {
    if view.state(position) == State::Masked { idle(theme, ink) } else { theme.style(Role::Dim) }
}

/// A mask that the step left alone.
fn idle(theme: Theme, ink: Ink) -> Style {
    let palette = theme.palette();
    if ink == Ink::Mask {
        return mask(theme, palette.line, 0.4);
    }
    let style = theme.ink(palette.faint).patch(theme.fill(palette.ground.mix(palette.line, 0.45)));
    if theme.has_colour() { style } else { style.add_modifier(Modifier::DIM) }
}

/// A place that is still open: a tinted slab, and slanted text where a draft stands in it.
pub(super) fn slab(theme: Theme, tone: Tone, strength: f32) -> Style {
    let strength = if strength.is_finite() { strength.clamp(0.0, 1.0) } else { 0.0 };
    let ground = theme.palette().ground;
    let ink = if theme.paints() { ground.mix(tone, 0.5 + 0.35 * strength) } else { tone };
    let style = theme.ink(ink).patch(theme.fill(ground.mix(tone, 0.10 + 0.14 * strength)));
    let dim = if theme.paints() { Modifier::empty() } else { Modifier::DIM };
    style.add_modifier(Modifier::ITALIC | dim)
}

/// A mask without a draft. Its sign is lower than a row and has no ground of its own, so that neighbouring rows do not
/// run into one another.
pub(super) fn mask(theme: Theme, tone: Tone, strength: f32) -> Style {
    let strength = if strength.is_finite() { strength.clamp(0.0, 1.0) } else { 0.0 };
    let ink = if theme.paints() { theme.palette().ground.mix(tone, 0.3 + 0.3 * strength) } else { tone };
    let style = theme.ink(ink);
    if theme.has_colour() { style } else { style.add_modifier(Modifier::DIM) }
}

/// An open place as it is drawn: with a draft in it, or as the sign of a mask.
fn open(theme: Theme, ink: Ink, tone: Tone, strength: f32) -> Style {
    if ink == Ink::Mask { mask(theme, tone, strength) } else { slab(theme, tone, strength) }
}

/// Written in this very step: wet ink.
pub(super) fn lit(theme: Theme, tone: Tone) -> Style {
    if theme.paints() {
        theme.ink(theme.palette().ground).patch(theme.fill(tone)).add_modifier(Modifier::BOLD)
    } else {
        theme.ink(tone).add_modifier(Modifier::BOLD | Modifier::REVERSED)
    }
}

/// Written in this very step over another token: wet ink in the colour of edits, slanted.
pub(super) fn written_over(theme: Theme) -> Style {
    lit(theme, theme.reason(Reason::Edit)).add_modifier(Modifier::ITALIC)
}

fn end_of_text(theme: Theme, fresh: bool) -> Style {
    let style = theme.style(Role::Faint);
    if fresh { style.add_modifier(Modifier::BOLD) } else { style }
}
