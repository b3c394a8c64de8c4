//! How a token looks, by layer: the one place where states become styles.

use ratatui::style::{Modifier, Style};

use super::step::{State, StepView};
use crate::{
    decode::record::{KvStatus, Verdict},
    tui::{
        action::Layer,
        theme::{Role, Theme, Tone, kv_mark, verdict_mark},
    },
};

/// From this confidence on a token is written without a line under it.
pub const SURE: f32 = 0.5;

/// The style of a position.
pub fn look(theme: Theme, view: &StepView<'_>, layer: Layer, position: usize) -> Style {
    match layer {
        Layer::Confidence => by_confidence(theme, view, position),
        Layer::Cache => by_cache(theme, view, position),
        Layer::Guide => by_guide(theme, view, position),
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

fn by_confidence(theme: Theme, view: &StepView<'_>, position: usize) -> Style {
    match view.state(position) {
        State::Prompt => theme.style(Role::Dim),
        State::Masked if view.is_remasked(position) => taken_back(theme),
        State::Masked if is_idle(view, position) => idle(theme),
        State::Masked => match view.proposal(position) {
            // That nothing more will come is soon sure, and not worth a colour.
            Some(proposal) if proposal.token == view.log.header().eos_id => idle(theme),
            Some(proposal) => slab(theme, theme.confidence(proposal.confidence), proposal.confidence),
            None => idle(theme),
        },
        State::Written { fresh, .. } if view.is_eos(position) => end_of_text(theme, fresh),
        State::Written { confidence, fresh, .. } => {
            let tone = theme.confidence(confidence);
            let doubt = if confidence < SURE { Modifier::UNDERLINED } else { Modifier::empty() };
            if fresh { lit(theme, tone).add_modifier(doubt) } else { theme.ink(tone).add_modifier(doubt) }
        }
    }
}

fn by_cache(theme: Theme, view: &StepView<'_>, position: usize) -> Style {
    let Some(kv) = view.kv(position) else {
        return before_any_step(theme, view, position);
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
            slab(theme, tone, strength).add_modifier(mark)
        }
        State::Prompt | State::Written { .. } => theme.ink(tone).add_modifier(kv_mark(kv.status)),
    }
}

fn by_guide(theme: Theme, view: &StepView<'_>, position: usize) -> Style {
    let review = view.review(position);
    match view.state(position) {
        State::Prompt => theme.style(Role::Dim),
        State::Masked => match review.map(|review| review.verdict) {
            Some(Verdict::NotReached) | None if view.proposal(position).is_none() => idle(theme),
            Some(Verdict::NotReached) | None => slab(theme, theme.palette().dim, 0.1),
            Some(verdict) => slab(theme, theme.verdict(verdict), 0.9).add_modifier(verdict_mark(verdict)),
        },
        State::Written { fresh, .. } if view.is_eos(position) => end_of_text(theme, fresh),
        State::Written { reason, fresh, .. } => {
            let verdict = match reason {
                crate::decode::record::Reason::GuideAgreed => Some(Verdict::Agreed),
                crate::decode::record::Reason::Forced => Some(Verdict::Forced),
                _ => None,
            };
            let tone = verdict.map_or(theme.palette().dim, |verdict| theme.verdict(verdict));
            let mark = verdict.map_or_else(Modifier::empty, verdict_mark);
            if fresh { lit(theme, tone).add_modifier(mark) } else { theme.ink(tone).add_modifier(mark) }
        }
    }
}

/// Outside of the active block, or not scored.
fn is_idle(view: &StepView<'_>, position: usize) -> bool {
    view.region().is_some_and(|region| position < region.start || position >= region.end)
}

fn before_any_step(theme: Theme, view: &StepView<'_>, position: usize) -> Style {
    if view.state(position) == State::Masked { idle(theme) } else { theme.style(Role::Dim) }
}

/// A mask that the step left alone.
fn idle(theme: Theme) -> Style {
    let palette = theme.palette();
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

/// Masked again in this very step: the slab of a mask, in the colour of what is refused.
pub(super) fn taken_back(theme: Theme) -> Style {
    slab(theme, theme.remasked(), 1.0).add_modifier(Modifier::BOLD)
}

/// Written in this very step: wet ink.
pub(super) fn lit(theme: Theme, tone: Tone) -> Style {
    if theme.paints() {
        theme.ink(theme.palette().ground).patch(theme.fill(tone)).add_modifier(Modifier::BOLD)
    } else {
        theme.ink(tone).add_modifier(Modifier::BOLD | Modifier::REVERSED)
    }
}

fn end_of_text(theme: Theme, fresh: bool) -> Style {
    let style = theme.style(Role::Faint);
    if fresh { style.add_modifier(Modifier::BOLD) } else { style }
}
