//! One sentence about the shown step: what it wrote, why, and what the guide said; at the end, the verdict.

use ratatui::text::{Line, Span};

use super::{
    pen::{Pen, plural, span},
    step::StepView,
};
use crate::{
    decode::record::{Reason, StepRecord, StopReason, Verdict},
    trace::printable,
    tui::theme::Role,
};

/// What the shown step did.
pub(super) fn of(view: &StepView<'_>, pen: &Pen<'_>) -> Line<'static> {
    let (dim, text) = (pen.style(Role::Dim), pen.style(Role::Text));
    let Some(record) = view.record else {
        let masks = plural(view.log.header().gen_length, "mask");
        return Line::from(vec![span("before the first step  ", dim), span(format!("the prompt and {masks}"), text)]);
    };
    if let Some(line) = verdict(view, pen) {
        return line;
    }
    let mut line = vec![span(format!("step {}  ", view.steps), dim)];
    line.extend(written(record, view, pen));
    if let Some(review) = guide(record, view, pen) {
        line.push(span(format!("  {}  ", pen.theme.glyphs.dot), pen.style(Role::Faint)));
        line.extend(review);
    }
    if !record.changes.is_empty() {
        line.push(span(format!("  {}  ", pen.theme.glyphs.dot), pen.style(Role::Faint)));
        let changes: Vec<_> = record
            .changes
            .iter()
            .map(|change| format!("{} {} {}", change.knob, pen.theme.glyphs.arrow, change.value))
            .collect();
        line.push(span(
            format!("{} {}", pen.theme.glyphs.change, printable::line(&changes.join(", "))),
            pen.style(Role::Note),
        ));
    }
    Line::from(line)
}

/// How a reason is told: "by quota".
pub(super) fn because(reason: Reason) -> &'static str {
    match reason {
        Reason::Quota => "by quota",
        Reason::Threshold => "above the threshold",
        Reason::BestOfStep => "best of the step",
        Reason::Drawn => "drawn by lot",
        Reason::GuideAgreed => "agreed by the guide",
        Reason::Forced => "forced",
        Reason::EndOfText => "end-of-text fill",
    }
}

/// Every reason, in the order of their importance.
pub(super) const REASONS: [Reason; 7] = [
    Reason::GuideAgreed,
    Reason::Forced,
    Reason::Threshold,
    Reason::BestOfStep,
    Reason::Quota,
    Reason::Drawn,
    Reason::EndOfText,
];

fn written(record: &StepRecord, view: &StepView<'_>, pen: &Pen<'_>) -> Vec<Span<'static>> {
    let (dim, text) = (pen.style(Role::Dim), pen.style(Role::Text));
    if record.commits.is_empty() {
        return vec![span("wrote nothing", text)];
    }
    let counts: Vec<_> = REASONS
        .into_iter()
        .map(|reason| (reason, record.commits.iter().filter(|commit| commit.reason == reason).count()))
        .filter(|(_, count)| *count > 0)
        .collect();
    let mut spans = vec![span("wrote ", dim)];
    for (index, (reason, count)) in counts.iter().enumerate() {
        if index > 0 {
            spans.push(span(", ", dim));
        }
        let thing = if index == 0 { plural(*count, "token") } else { count.to_string() };
        spans.push(span(format!("{thing} "), text));
        spans.push(span(because(*reason), pen.theme.ink(pen.theme.reason(*reason))));
    }
    let scored: Vec<f32> = record
        .commits
        .iter()
        .filter(|commit| commit.reason != Reason::EndOfText && commit.token != view.log.header().eos_id)
        .map(|commit| commit.confidence)
        .collect();
    if !scored.is_empty() {
        let mean = scored.iter().sum::<f32>() / scored.len() as f32;
        spans.push(span(" at confidence ", dim));
        spans.push(span(format!("{mean:.2}"), pen.theme.ink(pen.theme.confidence(mean))));
    }
    spans
}

/// Where the guide stopped, and what it would have written there.
fn guide(record: &StepRecord, view: &StepView<'_>, pen: &Pen<'_>) -> Option<Vec<Span<'static>>> {
    let review = record.guide.as_ref()?;
    let (dim, text) = (pen.style(Role::Dim), pen.style(Role::Text));
    let objection =
        review.drafts.iter().find(|draft| matches!(draft.verdict, Verdict::Rejected | Verdict::Forced))?;
    let eos = pen.theme.glyphs.eos;
    let name = |id| printable::line(view.name(id, eos).trim());
    let mut spans = vec![span("the guide ", dim)];
    match objection.view {
        Some(seen) if seen.token != objection.draft => {
            spans.push(span("wanted ", dim));
            spans.push(span(name(seen.token), text));
            spans.push(span(" for ", dim));
        }
        _ => spans.push(span("doubted ", dim)),
    }
    spans.push(span(name(objection.draft), pen.theme.ink(pen.theme.verdict(objection.verdict))));
    Some(spans)
}

/// The end of the run, where the last step is shown.
fn verdict(view: &StepView<'_>, pen: &Pen<'_>) -> Option<Line<'static>> {
    let end = view.log.end().filter(|_| view.steps == view.log.len())?;
    let glyphs = pen.theme.glyphs;
    let (dim, text) = (pen.style(Role::Dim), pen.style(Role::Text));
    let why = match end.reason {
        Some(StopReason::NothingMasked) => "nothing is masked any more",
        Some(StopReason::EndOfText) => "end of text is reached",
        Some(StopReason::StepBudget) => "more steps than any method needs",
        None => "stopped by hand",
    };
    let summary = format!("{} in {}", plural(end.tokens, "token"), plural(view.steps, "step"));
    let reason = end.verdict.as_deref().map(printable::line);
    let mut line = match end.correct {
        Some(true) => vec![span(format!("{} correct  ", glyphs.right), pen.style(Role::Good))],
        Some(false) => vec![span(format!("{} wrong  ", glyphs.wrong), pen.style(Role::Bad))],
        None => vec![span(format!("{} {why}  ", glyphs.stopped), text)],
    };
    if let Some(reason) = reason {
        line.push(span(format!("{reason}  "), text));
    }
    line.push(span(summary, dim));
    Some(Line::from(line))
}
