//! How tokens look in the states that several layers share: masked, inactive, written in this very step.

use ratatui::style::{Modifier, Style};

use super::{row::Ink, step::StepView};
use crate::{
    decode::record::Reason,
    tui::theme::{READABLE, Role, Theme, Tone, VISIBLE},
};

/// From this confidence on a token is written without a line under it.
pub const SURE: f32 = 0.5;

/// A masked place as it is drawn: with a draft in it, or as the sign of a mask. `strength` is from 0 to 1.
pub fn masked(theme: Theme, ink: Ink, tone: Tone, strength: f32) -> Style {
    if ink == Ink::Mask { mask(theme, tone, strength) } else { draft(theme, tone, strength) }
}

/// A draft in a masked place: slanted text on a tinted ground. Its contrast grows with its strength: 3:1 for the faintest,
/// [`READABLE`] from [`SURE`] on.
pub fn draft(theme: Theme, tone: Tone, strength: f32) -> Style {
    let strength = bounded(strength);
    let contrast = VISIBLE + (READABLE - VISIBLE) * (strength / SURE);
    let ink = if theme.paints() { theme.legible(theme.wash(tone, 0.5 + 0.35 * strength), contrast) } else { tone };
    let style = theme.ink(ink).patch(theme.fill(theme.wash(tone, 0.10 + 0.14 * strength)));
    let dim = if theme.paints() { Modifier::empty() } else { Modifier::DIM };
    style.add_modifier(Modifier::ITALIC | dim)
}

/// A mask without a draft. Its sign is lower than a row and has no ground of its own, so that neighbouring rows do not
/// run into one another.
pub fn mask(theme: Theme, tone: Tone, strength: f32) -> Style {
    let ink = if theme.paints() { theme.pale(tone, 0.7 - 0.3 * bounded(strength)) } else { tone };
    let style = theme.ink(ink);
    if theme.has_colour() { style } else { style.add_modifier(Modifier::DIM) }
}

/// A masked place that the step left alone: the sign of a mask is as quiet there as a rule, a draft can still be read.
pub fn inactive(theme: Theme, ink: Ink) -> Style {
    let palette = theme.palette();
    let style = match ink {
        Ink::Mask => theme.ink(palette.line),
        _ => theme.ink(palette.faint).patch(theme.fill(theme.wash(palette.line, 0.45))),
    };
    if theme.has_colour() { style } else { style.add_modifier(Modifier::DIM) }
}

/// Whether a position is outside of the active block.
pub fn is_inactive(step: &StepView<'_>, position: usize) -> bool {
    step.region().is_some_and(|region| position < region.start || position >= region.end)
}

/// A written token: wet ink where this very step wrote it.
pub fn written(theme: Theme, tone: Tone, is_fresh: bool) -> Style {
    if is_fresh { fresh(theme, tone) } else { theme.ink(tone) }
}

/// Written in this very step: wet ink.
pub fn fresh(theme: Theme, tone: Tone) -> Style {
    if theme.paints() {
        theme.ink(theme.palette().ground).patch(theme.fill(tone)).add_modifier(Modifier::BOLD)
    } else {
        theme.ink(tone).add_modifier(Modifier::BOLD | Modifier::REVERSED)
    }
}

/// Written in this very step over another token: wet ink in the colour of edits, slanted.
pub fn overwritten(theme: Theme) -> Style {
    fresh(theme, theme.reason(Reason::Edit)).add_modifier(Modifier::ITALIC)
}

/// On top of the style of a token that differs from the one in another run. What has a ground of its own keeps it.
pub fn differing(theme: Theme, has_ground: bool) -> Style {
    let ground = if has_ground { Style::new() } else { theme.fill(theme.wash(theme.palette().vermilion, 0.32)) };
    let mark = if theme.paints() { Modifier::UNDERLINED } else { Modifier::UNDERLINED | Modifier::BOLD };
    ground.add_modifier(mark)
}

/// On top of the style of a token whose text is looked for.
pub fn found(theme: Theme) -> Style {
    let palette = theme.palette();
    let ground = theme.fill(theme.wash(palette.yellow, 0.34));
    let ink = if theme.paints() { theme.ink(palette.strong) } else { Style::new().add_modifier(Modifier::REVERSED) };
    ink.patch(ground).add_modifier(Modifier::UNDERLINED)
}

/// A token of the answer that was there before the first step.
pub fn given(theme: Theme) -> Style {
    theme.style(Role::Dim).add_modifier(Modifier::UNDERLINED)
}

/// Written by hand: nobody was more or less sure of it.
pub fn by_hand(theme: Theme, is_fresh: bool) -> Style {
    written(theme, theme.reason(Reason::ByHand), is_fresh).add_modifier(Modifier::BOLD)
}

/// What marks a token that no rule may change, whatever colour it has.
pub const PINNED: Modifier = Modifier::BOLD.union(Modifier::UNDERLINED);

/// A token of what fails in the answer: underlined and bold whatever the layer says of it, in the colour of what is wrong
/// where that leaves it readable.
pub fn failed(theme: Theme, style: Style) -> Style {
    let ink = if style.bg.is_none() { theme.style(Role::Bad) } else { Style::new() };
    style.patch(ink).remove_modifier(Modifier::DIM).add_modifier(Modifier::UNDERLINED | Modifier::BOLD)
}

/// An end of text, which is no part of the answer.
pub fn end_of_text(theme: Theme, is_fresh: bool) -> Style {
    let style = theme.style(Role::Faint);
    if is_fresh { style.add_modifier(Modifier::BOLD) } else { style }
}

/// A share as it can be drawn: what is no number is nothing.
pub fn bounded(share: f32) -> f32 {
    if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 }
}
