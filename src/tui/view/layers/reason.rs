//! Why each token was committed, in the colours of the timeline.

use std::collections::HashMap;

use ratatui::{
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::{CanvasCell, CanvasLayer, RunView, StepView, not_begun};
use crate::{
    decode::record::{Reason, ReasonKind},
    trace::Figures,
    tui::{
        theme::{Role, Theme},
        view::{
            caption::counted_as,
            inspector::Inspected,
            pen::{plural, span},
            row::Ink,
            sample,
            step::State,
            token_style,
        },
    },
};

pub(super) struct ReasonLayer;

/// A kind, a reason of it, and what the reasons of it have in common.
const KINDS: [(Reason, &str, &str); 9] = [
    (Reason::Threshold, "passed", "it passed the test of its rule, or the guide's"),
    (Reason::Neighbour, "relaxed", "it passed a test that was relaxed for it"),
    (Reason::Quota, "scheduled", "among the best few, as many as the step had to write"),
    (Reason::BestOfStep, "best", "nothing passed, and it was the best"),
    (Reason::Forced, "untested", "written without a test: forced, on entry, by early commit"),
    (Reason::GuideWrote, "replaced", "the guide wrote its own token"),
    (Reason::Revised, "other", "sampled, edited, revised, or by credit for earlier steps"),
    (Reason::ByHand, "by hand", "somebody wrote it"),
    (Reason::EndOfText, "end of text", "written or filled in behind the answer"),
];

/// The weight that distinguishes kinds of reasons without colour.
fn mark(reason: Reason) -> Modifier {
    match reason.kind() {
        ReasonKind::Accepted | ReasonKind::Passed => Modifier::empty(),
        ReasonKind::Relaxed => Modifier::ITALIC,
        ReasonKind::Scheduled | ReasonKind::Filled => Modifier::DIM,
        ReasonKind::Best => Modifier::UNDERLINED,
        ReasonKind::Untested => Modifier::UNDERLINED.union(Modifier::ITALIC),
        ReasonKind::Replaced => Modifier::BOLD.union(Modifier::ITALIC),
        ReasonKind::Other => Modifier::DIM.union(Modifier::UNDERLINED),
        ReasonKind::ByHand => Modifier::BOLD,
    }
}

/// A token that was written for a reason.
fn written(theme: Theme, reason: Reason, is_fresh: bool) -> Style {
    let mark = if theme.has_colour() { Modifier::empty() } else { mark(reason) };
    token_style::written(theme, theme.reason(reason), is_fresh).add_modifier(mark)
}

/// A place where nothing is committed; drafts are slanted, since without colours some tokens are as dim as they are.
fn open(theme: Theme, ink: Ink) -> Style {
    let style = token_style::inactive(theme, ink);
    if ink == Ink::Draft { style.add_modifier(Modifier::ITALIC) } else { style }
}

impl CanvasLayer for ReasonLayer {
    fn name(&self) -> &'static str {
        "reason"
    }

    fn style(&self, cell: &CanvasCell<'_>) -> Style {
        let CanvasCell { theme, step, position, ink } = *cell;
        match step.state(position) {
            State::Prompt => theme.style(Role::Dim),
            State::Given => token_style::given(theme),
            State::Masked if step.is_remasked(position) => {
                token_style::masked(theme, ink, theme.remasked(), 1.0).add_modifier(Modifier::BOLD)
            }
            State::Masked => open(theme, ink),
            State::Written { fresh, .. } if step.is_eos(position) => token_style::end_of_text(theme, fresh),
            State::Written { reason, fresh, .. } => written(theme, reason, fresh),
        }
    }

    fn mask_sign(&self, theme: Theme, step: &StepView<'_>, position: usize) -> &'static str {
        if step.is_remasked(position) { theme.glyphs.mask_again } else { theme.glyphs.mask }
    }

    fn absence(&self, _run: &RunView<'_>, step: &StepView<'_>) -> Option<String> {
        not_begun(self.name(), step).or_else(|| {
            counts(step).is_empty().then(|| "nothing is written up to this step, so there are no reasons".to_owned())
        })
    }

    fn key(&self, theme: Theme, step: &StepView<'_>, _cells: u16) -> Vec<Vec<Span<'static>>> {
        let text = counts(step).into_iter().filter(|(reason, _)| *reason != Reason::EndOfText);
        text.map(|(reason, _)| vec![span(reason.short(), written(theme, reason, false))]).collect()
    }

    fn legend(&self, theme: Theme) -> Vec<Line<'static>> {
        let entry = |(reason, name, meaning): (Reason, &str, _)| {
            sample::legend_entry(theme, name, written(theme, reason, false), meaning)
        };
        KINDS.into_iter().map(entry).collect()
    }

    /// What the reason means, and what else the step wrote for it, while that is what the canvas shows.
    fn inspect(&self, seen: &Inspected<'_>) -> Vec<Line<'static>> {
        let State::Written { step, reason, .. } = seen.step.state(seen.position) else { return Vec::new() };
        if seen.layer.name() != self.name() {
            return Vec::new();
        }
        let (dim, text) = (seen.theme.style(Role::Dim), seen.theme.style(Role::Text));
        let mut lines = seen.heading("its reason", step);
        lines.push(seen.fact("committed", vec![span(reason.phrase(), written(seen.theme, reason, false))]));
        lines.extend(seen.sentence("", &[span(reason.meaning(), dim)]));
        let commits = seen.step.log.step(step).map_or(&[][..], |step| &step.commits);
        let alike = commits.iter().filter(|commit| commit.reason == reason).count();
        if alike > 1 {
            let others = format!("{} for the same reason", plural(alike - 1, "other"));
            lines.push(seen.fact("with it", vec![span(others, text)]));
        }
        lines
    }

    fn figures(&self, step: &StepView<'_>, _figures: &Figures) -> Vec<(String, &'static str)> {
        let text = counts(step).into_iter().filter(|(reason, _)| *reason != Reason::EndOfText);
        text.take(2).map(|(reason, count)| (count.to_string(), reason.short())).collect()
    }
}

/// The reasons of what is written, end of text apart whatever rule wrote it, the most frequent first.
fn counts(step: &StepView<'_>) -> Vec<(Reason, usize)> {
    let mut counts: HashMap<Reason, usize> = HashMap::new();
    for position in step.prompt_length()..step.length() {
        if let State::Written { step: written, .. } = step.state(position)
            && let Some(commit) = step.log.step(written).and_then(|step| step.commit_at(position))
        {
            *counts.entry(counted_as(step.log.header(), commit)).or_default() += 1;
        }
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    let rank = |reason| Reason::ALL.iter().position(|other| *other == reason);
    counts.sort_by_key(|(reason, count)| (std::cmp::Reverse(*count), rank(*reason)));
    counts
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::tui::theme::{Level, ThemeName};

    #[test]
    fn what_shares_a_look_shares_a_colour_or_both_passed_a_test() {
        let mono = Theme::new(ThemeName::Dark, Level::Mono);
        let mut looks: BTreeMap<String, Vec<ReasonKind>> = BTreeMap::new();
        for reason in Reason::ALL.iter().filter(|reason| **reason != Reason::EndOfText) {
            let kinds = looks.entry(format!("{:?}", written(mono, *reason, false))).or_default();
            if !kinds.contains(&reason.kind()) {
                kinds.push(reason.kind());
            }
        }
        let shared: Vec<_> = looks.into_values().filter(|kinds| kinds.len() > 1).collect();
        assert_eq!(shared, [vec![ReasonKind::Accepted, ReasonKind::Passed]]);
    }

    #[test]
    fn every_kind_is_explained() {
        for reason in Reason::ALL {
            let explains = |(of, ..): &(Reason, _, _)| {
                of.kind() == reason.kind() || (of.kind(), reason.kind()) == (ReasonKind::Passed, ReasonKind::Accepted)
            };
            assert!(KINDS.iter().any(explains), "{reason:?}");
        }
    }
}
