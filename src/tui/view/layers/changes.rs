//! How often each position changed its mind, from the first step on.
//!
//! A token that was taken back says more than a draft that was never written, so the two have halves of a scale of their
//! own: whatever was revised once is warmer than what only had other drafts, however many.

use ratatui::{
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::{CanvasCell, CanvasLayer, RunView, StepView, not_begun};
use crate::{
    trace::{Figures, PositionChanges},
    tui::{
        theme::{Role, Theme},
        view::{
            inspector::Inspected,
            pen::{plural, span},
            row::Ink,
            sample,
            step::State,
            token_style,
        },
    },
};

pub(super) struct ChangesLayer;

/// So many changed drafts have the warmest colour of the cool half.
const MANY_DRAFTS: usize = 16;

/// So many revisions have the warmest colour of all.
const MANY_REVISIONS: usize = 4;

/// From this share of the scale on something was revised.
const REVISED: f32 = 0.5;

/// How much a position changed, 0 to 1: up to a half by its drafts, above by revisions.
fn share(changes: PositionChanges) -> f32 {
    let part = |count: usize, many: usize| count.min(many) as f32 / many as f32;
    match changes.revisions() {
        0 => 0.45 * part(changes.drafts, MANY_DRAFTS),
        revisions => REVISED + (1.0 - REVISED) * part(revisions, MANY_REVISIONS),
    }
}

/// The weight that distinguishes shares without colour.
fn mark(theme: Theme, share: f32) -> Modifier {
    match share {
        _ if theme.has_colour() => Modifier::empty(),
        share if share > 0.7 => Modifier::UNDERLINED | Modifier::ITALIC,
        share if share >= REVISED => Modifier::UNDERLINED,
        share if share > 0.2 => Modifier::BOLD,
        share if share > 0.0 => Modifier::empty(),
        _ => Modifier::DIM,
    }
}

/// A token that changed so much.
fn written(theme: Theme, share: f32, is_fresh: bool) -> Style {
    let tone = if share > 0.0 { theme.heat(share) } else { theme.palette().dim };
    token_style::written(theme, tone, is_fresh).add_modifier(mark(theme, share))
}

/// A masked place that changed so much.
fn open(theme: Theme, ink: Ink, share: f32) -> Style {
    if share == 0.0 {
        return token_style::inactive(theme, ink);
    }
    let style = token_style::masked(theme, ink, theme.heat(share), 0.2 + 0.8 * share);
    style.add_modifier(mark(theme, share) - Modifier::DIM)
}

impl CanvasLayer for ChangesLayer {
    fn name(&self) -> &'static str {
        "changes"
    }

    fn style(&self, cell: &CanvasCell<'_>) -> Style {
        let CanvasCell { theme, step, position, ink } = *cell;
        let share = share(step.changes(position));
        match step.state(position) {
            State::Prompt => theme.style(Role::Dim),
            State::Given if share == 0.0 => token_style::given(theme),
            State::Masked => open(theme, ink, share),
            State::Written { fresh, .. } if share == 0.0 && step.is_eos(position) => {
                token_style::end_of_text(theme, fresh)
            }
            State::Written { fresh, .. } => written(theme, share, fresh),
            State::Given => written(theme, share, false),
        }
    }

    fn mask_sign(&self, theme: Theme, step: &StepView<'_>, position: usize) -> &'static str {
        if step.is_remasked(position) { theme.glyphs.mask_again } else { theme.glyphs.mask }
    }

    fn absence(&self, _run: &RunView<'_>, step: &StepView<'_>) -> Option<String> {
        not_begun(self.name(), step).or_else(|| {
            let (drafts, revisions) = sums(step);
            (drafts + revisions == 0).then(|| "nothing has changed so far: no draft, no token".to_owned())
        })
    }

    fn key(&self, theme: Theme, _step: &StepView<'_>, cells: u16) -> Vec<Vec<Span<'static>>> {
        let is_roomy = sample::is_roomy(cells);
        let ends = if is_roomy { ["drafts changed", "revised"] } else { ["drafts", "revised"] };
        vec![
            sample::key_scale(theme, cells, ends.map(str::to_owned), |share| written(theme, share.max(0.05), false)),
            vec![span("as drafted at first", written(theme, 0.0, false))],
        ]
    }

    fn legend(&self, theme: Theme) -> Vec<Line<'static>> {
        let scale = |share: f32| written(theme, share.max(0.05), false);
        vec![
            sample::legend_scale(theme, scale, "cool half: 1 to 16 changed drafts; warm half: revisions"),
            sample::legend_entry(theme, "word", written(theme, 0.75, false), "revised: masked again, or written over"),
            sample::legend_entry(theme, "word", written(theme, 0.3, false), "only its drafts changed, however often"),
            sample::legend_entry(theme, "word", written(theme, 0.0, false), "still what was drafted at first"),
        ]
    }

    /// The counts, while that is what the canvas shows; revisions always.
    fn facts(&self, seen: &Inspected<'_>) -> Vec<Line<'static>> {
        let changes = seen.step.changes(seen.position);
        let is_shown = seen.layer.name() == self.name();
        if !is_shown && changes.revisions() == 0 {
            return Vec::new();
        }
        let style = |share| seen.theme.ink(seen.theme.heat(share));
        let counted = [
            (changes.masked_again, "masked again", style(share(changes))),
            (changes.written_over, "written over", style(share(changes))),
            (if is_shown { changes.drafts } else { 0 }, "drafts changed", seen.theme.style(Role::Text)),
        ];
        let mut parts: Vec<Span<'static>> = Vec::new();
        for (count, words, style) in counted.into_iter().filter(|(count, ..)| *count > 0) {
            let words = if count == 1 { words.replace("drafts", "draft") } else { words.to_owned() };
            let comma = if parts.is_empty() { "" } else { ", " };
            let times = if words.starts_with("draft") { format!("{count} {words}") } else { times(&words, count) };
            parts.extend([span(comma, seen.theme.style(Role::Dim)), span(times, style)]);
        }
        if parts.is_empty() {
            parts.push(span("none: as drafted at first", seen.theme.style(Role::Dim)));
        }
        seen.sentence("changes", &parts)
    }

    fn figures(&self, step: &StepView<'_>, _figures: &Figures) -> Vec<(String, &'static str)> {
        let (drafts, revisions) = sums(step);
        vec![(revisions.to_string(), "revised"), (drafts.to_string(), "drafts changed")]
    }
}

/// "masked again", "masked again 3 times".
fn times(words: &str, count: usize) -> String {
    if count == 1 { words.to_owned() } else { format!("{words} {}", plural(count, "time")) }
}

/// How many changed drafts and revisions there were on the whole canvas.
fn sums(step: &StepView<'_>) -> (usize, usize) {
    let changes = (step.prompt_length()..step.length()).map(|position| step.changes(position));
    changes.fold((0, 0), |(drafts, revisions), changes| (drafts + changes.drafts, revisions + changes.revisions()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_revision_counts_more_than_any_number_of_drafts() {
        let drafts = |drafts| share(PositionChanges { drafts, ..PositionChanges::default() });
        let again = |masked_again| share(PositionChanges { masked_again, ..PositionChanges::default() });
        assert!(drafts(0) == 0.0 && drafts(1) > 0.0 && drafts(1) < drafts(16));
        assert!(drafts(usize::MAX) < again(1));
        assert!(again(1) < again(2) && again(2) < again(4));
        assert_eq!((again(4), again(usize::MAX)), (1.0, 1.0));
        assert_eq!(share(PositionChanges { drafts: 99, masked_again: 1, written_over: 1 }), again(2));
    }

    #[test]
    fn counts_are_spoken() {
        assert_eq!([1, 3].map(|count| times("written over", count)), ["written over", "written over 3 times"]);
    }
}
