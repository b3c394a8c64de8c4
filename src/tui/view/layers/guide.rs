//! What the guide said of each draft.

use ratatui::{
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::{CanvasCell, CanvasLayer, RunView, StepView, not_begun};
use crate::{
    decode::record::{DraftReview, Reason, Verdict},
    printable,
    settings::GuideRule,
    tui::{
        theme::{Role, Theme, verdict_mark},
        view::{inspector::Inspected, pen::span, sample, step::State, token_style},
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
            State::Masked => match step.review(position).map(|review| review.verdict) {
                Some(Verdict::NotReached) | None if step.proposal(position).is_none() => {
                    token_style::inactive(theme, ink)
                }
                Some(Verdict::NotReached) | None => token_style::masked(theme, ink, theme.palette().dim, 0.1),
                Some(verdict) => {
                    token_style::masked(theme, ink, theme.verdict(verdict), 0.9).add_modifier(verdict_mark(verdict))
                }
            },
            State::Written { fresh, .. } if step.is_eos(position) => token_style::end_of_text(theme, fresh),
            State::Written { reason, fresh, .. } => {
                let verdict = verdict_of(reason);
                let tone = verdict.map_or(theme.palette().dim, |verdict| theme.verdict(verdict));
                let mark = verdict.map_or_else(Modifier::empty, verdict_mark);
                token_style::written(theme, tone, fresh).add_modifier(mark)
            }
        }
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

    fn inspect(&self, seen: &Inspected<'_>) -> Vec<Line<'static>> {
        seen.origin.review(seen.position).map_or_else(Vec::new, |review| judged(seen, review))
    }
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
    theme.ink(theme.verdict(verdict)).add_modifier(verdict_mark(verdict))
}

/// A draft as the guide saw it.
fn judged(seen: &Inspected<'_>, review: &DraftReview) -> Vec<Line<'static>> {
    let (dim, text) = (seen.theme.style(Role::Dim), seen.theme.style(Role::Text));
    let name = |id| printable::line(seen.name(id).trim());
    let word = match review.verdict {
        Verdict::Agreed => "agreed",
        Verdict::Rejected => "rejected",
        Verdict::Replaced => "rejected, and replaced",
        Verdict::Forced => "forced: nothing agreed",
        Verdict::NotReached => "not reached",
    };
    let mut lines = seen.heading("the guide", seen.origin.steps);
    lines.push(seen.fact("verdict", vec![span(word, mark(seen.theme, review.verdict))]));
    let Some(view) = review.view else { return lines };
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
