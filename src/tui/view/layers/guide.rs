//! What the guide said of each draft.

use ratatui::{
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::{CanvasCell, CanvasLayer, RunView, StepView, not_begun};
use crate::{
    decode::record::{DraftReview, GuideView, Reason, Verdict},
    printable,
    settings::GuideRule,
    tui::{
        theme::{Role, Theme, verdict_mark},
        view::{
            inspector::Inspected,
            map::{MapKind, MapMark, MapTint},
            pen::span,
            sample,
            step::State,
            token_style,
        },
    },
};

pub(super) struct GuideLayer;

const VERDICTS: [(Verdict, &str, &str); 5] = [
    (Verdict::Agreed, "agreed", "the guide accepts the draft"),
    (Verdict::Rejected, "rejected", "the first draft that it does not accept"),
    (Verdict::Forced, "forced", "nothing accepted: the first draft is written all the same"),
    (Verdict::Replaced, "replaced", "the guide's own token is written in its place"),
    (Verdict::NotReached, "not reached", "behind the first rejection: not judged"),
];

impl CanvasLayer for GuideLayer {
    fn name(&self) -> &'static str {
        "guide"
    }

    fn style(&self, cell: &CanvasCell<'_>) -> Style {
        let CanvasCell { theme, step, position, ink } = *cell;
        match step.state(position) {
            State::Prompt => theme.style(Role::Dim),
            State::Given => token_style::given(theme),
            State::Masked => match opinion(step, position).map(|review| review.verdict) {
                Some(Verdict::NotReached) | None if step.proposal(position).is_none() => {
                    token_style::inactive(theme, ink)
                }
                Some(Verdict::NotReached) | None => token_style::masked(theme, ink, theme.palette().dim, 0.1),
                Some(verdict) => token_style::masked(theme, ink, theme.verdict(verdict), 0.9)
                    .add_modifier(theme.weight(verdict_mark(verdict))),
            },
            State::Written { fresh, .. } if step.is_eos(position) => token_style::end_of_text(theme, fresh),
            State::Written { reason, fresh, .. } => {
                // A guide that only looks on speaks of what the step writes, in that step.
                let looked_on = || step.shadow(position).map(|review| review.verdict);
                let verdict = verdict_of(reason).or_else(looked_on);
                let tone = verdict.map_or(theme.palette().dim, |verdict| theme.verdict(verdict));
                let mark = theme.weight(verdict.map_or_else(Modifier::empty, verdict_mark));
                token_style::written(theme, tone, fresh).add_modifier(mark)
            }
        }
    }

    /// Verdicts stand out, and so does what was written against one.
    fn mark(&self, step: &StepView<'_>, position: usize) -> MapMark {
        let mark = MapMark::of_state(step, position);
        let kind = match opinion(step, position).map(|review| review.verdict) {
            Some(Verdict::Rejected) => MapKind::Refused,
            Some(Verdict::Forced) => MapKind::Forced,
            Some(Verdict::Replaced) => MapKind::Edited,
            Some(Verdict::Agreed | Verdict::NotReached) | None => return mark,
        };
        MapMark { kind, ..mark }
    }

    fn tint(&self, cell: &CanvasCell<'_>, mark: MapMark) -> MapTint {
        let CanvasCell { theme, step, position, .. } = *cell;
        let written = match step.state(position) {
            State::Written { reason, .. } => verdict_of(reason),
            State::Prompt | State::Given | State::Masked => None,
        };
        let verdict = opinion(step, position).map(|review| review.verdict).or(written);
        let tone = verdict.map_or(theme.palette().dim, |verdict| theme.verdict(verdict));
        let share = match mark.kind {
            MapKind::Blank => 0.0,
            MapKind::Settled => 0.24,
            MapKind::Shade if verdict == Some(Verdict::Agreed) => 0.7,
            MapKind::Shade => 0.08 + 0.16 * mark.share(),
            MapKind::Commit if step.is_eos(position) => 0.5,
            _ => 1.0,
        };
        MapTint::new(tone, share)
    }

    /// The guide judges drafts.
    fn needs_drafts(&self) -> bool {
        true
    }

    fn absence(&self, run: &RunView<'_>, step: &StepView<'_>) -> Option<String> {
        not_begun(self.name(), step).or_else(|| {
            let words = match step.log.settings_at(step.steps).guide {
                _ if step.has_reviews() => return None,
                GuideRule::Off if run.recorded => "recorded without a guide",
                GuideRule::Off => "no guide here: preset flashdlm has one",
                _ => "the guide has judged nothing yet",
            };
            Some(words.to_owned())
        })
    }

    fn key(&self, theme: Theme, _step: &StepView<'_>, _cells: u16) -> Vec<Vec<Span<'static>>> {
        VERDICTS.iter().map(|(verdict, name, _)| vec![span(*name, mark(theme, *verdict))]).collect()
    }

    fn legend(&self, theme: Theme) -> Vec<Line<'static>> {
        let entry = |(verdict, name, meaning)| sample::legend_entry(theme, name, mark(theme, verdict), meaning);
        VERDICTS.into_iter().map(entry).collect()
    }

    /// What it said of the token, in a sentence.
    fn facts(&self, seen: &Inspected<'_>) -> Vec<Line<'static>> {
        match (seen.origin.review(seen.position), seen.origin.shadow(seen.position)) {
            (Some(review), _) => said(seen, review, false),
            (None, Some(review)) => said(seen, review, true),
            (None, None) => Vec::new(),
        }
    }

    /// The same in figures, while that is what the canvas shows.
    fn inspect(&self, seen: &Inspected<'_>) -> Vec<Line<'static>> {
        let view = opinion(seen.origin, seen.position).and_then(|review| Some((review, review.view?)));
        match view.filter(|_| seen.layer.name() == self.name()) {
            Some((review, view)) => figures(seen, review, view),
            None => Vec::new(),
        }
    }
}

/// What a guide said of a position, with a say or without.
fn opinion<'a>(step: &'a StepView<'_>, position: usize) -> Option<&'a DraftReview> {
    step.review(position).or_else(|| step.shadow(position))
}

/// What the guide must have said of a token that was written for this reason.
fn verdict_of(reason: Reason) -> Option<Verdict> {
    match reason {
        Reason::GuideAgreed => Some(Verdict::Agreed),
        Reason::Forced => Some(Verdict::Forced),
        Reason::GuideWrote => Some(Verdict::Replaced),
        _ => None,
    }
}

fn mark(theme: Theme, verdict: Verdict) -> Style {
    theme.ink(theme.verdict(verdict)).add_modifier(theme.weight(verdict_mark(verdict)))
}

/// "would have rejected it: wants The 0.62, . is no. 9 (shadow: it did not decide)"
fn said(seen: &Inspected<'_>, review: &DraftReview, is_shadow: bool) -> Vec<Line<'static>> {
    let (dim, text) = (seen.theme.style(Role::Dim), seen.theme.style(Role::Text));
    let word = match (review.verdict, is_shadow) {
        (Verdict::Agreed, false) => "agreed",
        (Verdict::Rejected, false) => "rejected",
        (Verdict::Replaced, false) => "rejected, and replaced",
        (Verdict::Forced, false) => "forced: nothing agreed",
        (Verdict::NotReached, false) => "not reached",
        (Verdict::Agreed, true) => "would have agreed",
        (Verdict::NotReached, true) => "could not read that far",
        (_, true) => "would have rejected it",
    };
    let name = |id| printable::line(seen.name(id).trim());
    let mut parts = vec![span(word, mark(seen.theme, review.verdict))];
    if let Some(view) = review.view.filter(|view| view.rank > 0) {
        let wants = review.instead.filter(|_| is_shadow).unwrap_or(view.token);
        parts.extend([span("wants", dim), span(name(wants), text)]);
        parts.extend((wants == view.token).then(|| span(format!("{:.2},", view.top_probability), dim)));
        parts.extend([span(name(review.draft), text), span(format!("is no. {}", u64::from(view.rank) + 1), dim)]);
    }
    if is_shadow {
        parts.push(span("(shadow: it did not decide)", seen.theme.style(Role::Faint)));
    }
    seen.sentence("guide", &parts)
}

/// A draft as the guide saw it.
fn figures(seen: &Inspected<'_>, review: &DraftReview, view: GuideView) -> Vec<Line<'static>> {
    let (dim, text) = (seen.theme.style(Role::Dim), seen.theme.style(Role::Text));
    let name = |id| printable::line(seen.name(id).trim());
    let mut lines = seen.heading("the guide", seen.origin.steps);
    let place = match view.rank {
        0 => "its first choice".to_owned(),
        rank => format!("its choice no. {}", u64::from(rank) + 1),
    };
    let probability = |probability: f32| span(format!("  {probability:.3}"), dim);
    lines.push(seen.fact("draft", vec![span(name(review.draft), text), probability(view.draft_probability)]));
    lines.push(seen.fact("", vec![span(place, dim)]));
    if let Some(other) = review.instead {
        let label = if review.verdict == Verdict::Replaced { "wrote" } else { "drew" };
        lines.push(seen.fact(label, vec![span(name(other), text)]));
    }
    if view.rank > 0 {
        lines.push(seen.fact("wanted", vec![span(name(view.token), text), probability(view.top_probability)]));
    }
    lines
}
