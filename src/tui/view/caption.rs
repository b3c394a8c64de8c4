//! One sentence about the shown step: what it wrote, why, and what the guide said; at the end, the verdict.

use ratatui::text::{Line, Span};

use super::{
    pen::{self, Pen, plural, span, width, wrap},
    step::StepView,
};
use crate::{
    decode::record::{Commit, Edit, Reason, StepRecord, StopReason, Verdict},
    printable,
    trace::{End, Header},
    tui::theme::Role,
};

/// What the shown step did, in lines of at most `cells` cells: what does not fit whole is left out. A verdict may take
/// two lines.
pub(super) fn of(view: &StepView<'_>, pen: &Pen<'_>, cells: u16) -> Vec<Line<'static>> {
    let (dim, text) = (pen.style(Role::Dim), pen.style(Role::Text));
    let Some(record) = view.record.as_deref() else {
        let masks = plural(view.log.header().gen_length, "mask");
        return vec![Line::from(vec![
            span("before the first step  ", dim),
            span(format!("the prompt and {masks}"), text),
        ])];
    };
    if let Some(end) = view.log.end().filter(|_| view.is_end()) {
        return verdict(end, view.steps, pen, cells);
    }
    let sentence = |words, places| {
        let mut line = vec![span(format!("step {}  ", view.steps), dim)];
        line.extend(written(record, view.log.header(), words, places, pen));
        line
    };
    let ways =
        [(Reason::phrase as Words, true), (Reason::phrase, false), (Reason::short, true), (Reason::short, false)];
    let mut line = Vec::new();
    for (words, places) in ways {
        line = sentence(words, places);
        if pen::cells(&line) <= cells {
            break;
        }
    }
    let objection = [objection(record, view, pen), doubt(record, view, pen)].concat();
    for part in [pinned(record, pen), changed(record, pen), objection, confidence(record, view, pen), gap(record, pen)]
    {
        if pen::cells(&line) + pen::cells(&part) <= cells {
            line.extend(part);
        }
    }
    vec![Line::from(line)]
}

/// What was pinned by hand, which changes no token.
fn pinned(record: &StepRecord, pen: &Pen<'_>) -> Vec<Span<'static>> {
    let pins = record.edits.iter().filter(|edit| matches!(edit, Edit::Pin { pinned: true, .. })).count();
    if pins == 0 {
        return Vec::new();
    }
    vec![span(format!("  {} {pins} pinned", pen.theme.glyphs.edited), pen.style(Role::Strong))]
}

/// The knobs that were turned.
fn changed(record: &StepRecord, pen: &Pen<'_>) -> Vec<Span<'static>> {
    if record.changes.is_empty() {
        return Vec::new();
    }
    let glyphs = pen.theme.glyphs;
    let changes: Vec<_> =
        record.changes.iter().map(|change| format!("{} {} {}", change.knob, glyphs.arrow, change.value)).collect();
    vec![span(format!("  {} {}", glyphs.change, printable::line(&changes.join(", "))), pen.style(Role::Note))]
}

/// How reasons are named.
type Words = fn(Reason) -> &'static str;

/// The reason that a commit is counted under: end of text stands apart, whatever rule wrote it, since it adds nothing
/// to the answer.
pub(super) fn counted_as(header: &Header, commit: &Commit) -> Reason {
    if header.is_end(commit.token) { Reason::EndOfText } else { commit.reason }
}

/// What was written, why, and where: "wrote 2 tokens above the threshold at 31-32, 3 end of text at 150-152".
fn written(record: &StepRecord, header: &Header, words: Words, places: bool, pen: &Pen<'_>) -> Vec<Span<'static>> {
    let (dim, text) = (pen.style(Role::Dim), pen.style(Role::Text));
    let mut taken_back = taken_back(record, pen);
    if record.commits.is_empty() {
        taken_back.insert(0, span("wrote nothing", text));
        return taken_back;
    }
    let of = |reason| record.commits.iter().filter(move |commit| counted_as(header, commit) == reason);
    let is_text = |reason: &Reason| *reason != Reason::EndOfText;
    let mut spans = vec![span("wrote ", dim)];
    for reason in Reason::ALL.iter().copied().filter(is_text).filter(|reason| of(*reason).count() > 0) {
        let is_first = spans.len() == 1;
        let count = of(reason).count();
        let thing = if is_first { plural(count, "token") } else { format!(", {count}") };
        spans.push(span(format!("{thing} "), text));
        spans.push(span(words(reason), pen.theme.ink(pen.theme.reason(reason))));
    }
    let place = |positions: Vec<usize>| if places { self::place(&positions) } else { String::new() };
    let written = record.commits.iter().filter(|commit| is_text(&counted_as(header, commit)));
    spans.push(span(place(written.map(|commit| commit.position).collect()), dim));
    let ends: Vec<usize> = of(Reason::EndOfText).map(|commit| commit.position).collect();
    if !ends.is_empty() {
        let comma = if ends.len() < record.commits.len() { ", " } else { "" };
        spans.push(span(format!("{comma}{} ", ends.len()), text));
        spans.push(span("end of text", pen.theme.ink(pen.theme.reason(Reason::EndOfText))));
        spans.push(span(place(ends), dim));
    }
    spans.append(&mut taken_back);
    spans
}

/// Where ascending positions are: " at 31", " at 31-33", " from 31 to 90" where there are others between them.
fn place(positions: &[usize]) -> String {
    match positions {
        [] => String::new(),
        [only] => format!(" at {only}"),
        [first, .., last] if last - first + 1 == positions.len() => format!(" at {first}-{last}"),
        [first, .., last] => format!(" from {first} to {last}"),
    }
}

/// What was masked again: ", masked 2 again".
fn taken_back(record: &StepRecord, pen: &Pen<'_>) -> Vec<Span<'static>> {
    if record.remasked.is_empty() {
        return Vec::new();
    }
    let (dim, text) = (pen.style(Role::Dim), pen.style(Role::Text));
    vec![
        span(", masked ", dim),
        span(format!("{} ", record.remasked.len()), text),
        span("again", pen.theme.ink(pen.theme.remasked())),
    ]
}

/// Whether its confidence says something.
pub(super) fn is_scored(commit: &Commit) -> bool {
    !matches!(commit.reason, Reason::EndOfText | Reason::ByHand)
}

/// Mean confidence of what the step wrote; end of text is left out, it is always sure.
fn confidence(record: &StepRecord, view: &StepView<'_>, pen: &Pen<'_>) -> Vec<Span<'static>> {
    let header = view.log.header();
    let scored = record.commits.iter().filter(|commit| is_scored(commit) && !header.is_end(commit.token));
    let (sum, count) = scored.fold((0.0, 0), |(sum, count), commit| (sum + commit.confidence, count + 1));
    if count == 0 {
        return Vec::new();
    }
    let mean = sum / count as f32;
    vec![
        span(format!("  {}  confidence ", pen.theme.glyphs.dot), pen.style(Role::Dim)),
        span(format!("{mean:.2}"), pen.theme.ink(pen.theme.confidence(mean))),
    ]
}

/// How far the best tokens lead, and how far they must for an early commit: "gap 3.1 of 7.5".
fn gap(record: &StepRecord, pen: &Pen<'_>) -> Vec<Span<'static>> {
    let Some(gap) = record.gap else { return Vec::new() };
    let role = if gap.mean >= gap.needed { Role::Accent } else { Role::Text };
    vec![
        span(format!("  {}  gap ", pen.theme.glyphs.dot), pen.style(Role::Dim)),
        span(format!("{:.1}", gap.mean), pen.style(role)),
        span(format!(" of {:.1}", gap.needed), pen.style(Role::Dim)),
    ]
}

/// Where the guide stopped, and what it would have written there: ", which then wanted dog, not goat".
fn objection(record: &StepRecord, view: &StepView<'_>, pen: &Pen<'_>) -> Vec<Span<'static>> {
    let mut drafts = record.guide.iter().flat_map(|review| &review.drafts);
    let refused = drafts.find(|draft| matches!(draft.verdict, Verdict::Rejected | Verdict::Forced | Verdict::Replaced));
    let Some((draft, seen)) = refused.and_then(|draft| Some((draft, draft.view?))) else {
        return Vec::new();
    };
    let (dim, text) = (pen.style(Role::Dim), pen.style(Role::Text));
    let name = |id| printable::line(view.name(id, pen.theme.glyphs.eos).trim());
    let agreed = drafts_agreed(record);
    let mut spans = vec![span(if agreed { ", which then " } else { ": the guide " }, dim)];
    let favourite = draft.instead.unwrap_or(seen.token);
    if favourite == draft.draft || (seen.rank == 0 && draft.instead.is_none()) {
        spans.push(span("doubted ", dim));
    } else {
        spans.push(span(if draft.verdict == Verdict::Replaced { "wrote " } else { "wanted " }, dim));
        spans.push(span(name(favourite), text));
        spans.push(span(", not ", dim));
    }
    spans.push(span(name(draft.draft), pen.theme.ink(pen.theme.verdict(draft.verdict))));
    spans
}

/// The first written token that a guide which only looked on would not have accepted: "; shadow guide wants dog, not goat".
fn doubt(record: &StepRecord, view: &StepView<'_>, pen: &Pen<'_>) -> Vec<Span<'static>> {
    let written = record.commits.iter().filter_map(|commit| record.shadow.as_ref()?.of(commit.position));
    let refused = written.into_iter().find(|draft| draft.verdict == Verdict::Rejected);
    let Some((draft, seen)) = refused.and_then(|draft| Some((draft, draft.view?))) else {
        return Vec::new();
    };
    let (dim, text) = (pen.style(Role::Dim), pen.style(Role::Text));
    let name = |id| printable::line(view.name(id, pen.theme.glyphs.eos).trim());
    vec![
        span("; shadow guide wants ", dim),
        span(name(draft.instead.unwrap_or(seen.token)), text),
        span(", not ", dim),
        span(name(draft.draft), pen.theme.ink(pen.theme.verdict(draft.verdict))),
    ]
}

/// Whether the guide accepted any draft of the step.
fn drafts_agreed(record: &StepRecord) -> bool {
    record.guide.as_ref().is_some_and(|review| review.accepted > 0)
}

/// The end of the run: the checker's verdict where there is one, else why it ended.
fn verdict(end: &End, steps: usize, pen: &Pen<'_>, cells: u16) -> Vec<Line<'static>> {
    let glyphs = pen.theme.glyphs;
    let (dim, text) = (pen.style(Role::Dim), pen.style(Role::Text));
    let why = match end.reason {
        Some(StopReason::NothingMasked) => "nothing is masked any more",
        Some(StopReason::EndOfText) => "end of text is reached",
        Some(StopReason::EarlyCommit) => "the rest was settled early",
        Some(StopReason::StepBudget) => "more steps than any method needs",
        None => "stopped by hand",
    };
    let failed = end.failed.clone().map(|failed| place(&failed.collect::<Vec<_>>()));
    let failed = failed.map_or_else(String::new, |place| format!("{}, ", place.trim_start()));
    let summary = format!("{failed}{} in {}", plural(end.tokens, "token"), plural(steps, "step"));
    let (head, head_style) = match end.correct {
        Some(true) => (format!("{} correct  ", glyphs.right), pen.style(Role::Good)),
        Some(false) => (format!("{} wrong  ", glyphs.wrong), pen.style(Role::Bad)),
        None => (format!("{} {why}  ", glyphs.stopped), text),
    };
    let indent = width(&head);
    let reason = end.verdict.as_deref().map(printable::line).unwrap_or_default();
    let room = cells.saturating_sub(indent).max(8);
    let mut lines: Vec<Vec<Span<'static>>> = Vec::new();
    for part in wrap(&reason, room).into_iter().take(2) {
        let start =
            if lines.is_empty() { span(head.clone(), head_style) } else { span(" ".repeat(indent.into()), text) };
        lines.push(vec![start, span(part, text)]);
    }
    if let Some(last) = lines.last_mut() {
        let used = pen::cells(last);
        if used + 2 + width(&summary) <= cells {
            let gap = if used > indent { "  " } else { "" };
            last.push(span(format!("{gap}{summary}"), dim));
        }
    }
    lines.into_iter().map(Line::from).collect()
}
