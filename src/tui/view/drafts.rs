//! What a position was about to be, step by step, and what happened on both sides of it.

use ratatui::text::{Line, Span};

use super::{
    inspector::Inspected,
    pen::{cells, cut, packed, span, width},
    sample,
    step::State,
};
use crate::{printable, trace::PositionDraft, tui::theme::Role};

/// The most runs of drafts that are listed: the newest.
const RUNS: usize = 4;

/// The most lines for a neighbour.
const NEIGHBOUR: usize = 2;

/// Cells for the steps of a run, and for its token.
const STEPS: u16 = 8;
const TOKEN: u16 = 10;

/// The drafts of the inspected position up to the step that explains it: a line for each run of steps with the same one, with
/// its confidence from the first of them to the last.
pub(super) fn of(seen: &Inspected<'_>) -> Vec<Line<'static>> {
    let drafts = seen.step.log.drafts(seen.position, seen.origin.steps);
    let runs: Vec<_> = drafts.chunk_by(|one, next| one.token == next.token).collect();
    if runs.is_empty() {
        return Vec::new();
    }
    let changes = match runs.len() - 1 {
        0 => "never another".to_owned(),
        1 => "changed once".to_owned(),
        times => format!("changed {times} times"),
    };
    let newest = if runs.len() > RUNS { ", the newest" } else { "" };
    let faint = seen.theme.style(Role::Faint);
    let headings = ["drafts, step by step: ", "drafts: "].map(|about| format!("{about}{changes}{newest}"));
    let heading = headings.iter().find(|heading| width(heading) <= seen.width).unwrap_or(&headings[1]);
    let heading = cut(heading, seen.width, seen.theme.glyphs.ellipsis);
    let mut lines = vec![Line::default(), Line::from(span(heading, faint))];
    lines.extend(runs.iter().skip(runs.len().saturating_sub(RUNS)).map(|run| row(seen, run)));
    lines
}

/// "4-12    find       0.31 ▂▂▃▃▄ 0.45"
fn row(seen: &Inspected<'_>, run: &[PositionDraft]) -> Line<'static> {
    let (dim, text) = (seen.theme.style(Role::Dim), seen.theme.style(Role::Text));
    let padded = |text: String, cells: u16| {
        let pad = " ".repeat(usize::from(cells.saturating_sub(width(&text))));
        text + &pad
    };
    let token = cut(&name(seen, run[0].token), TOKEN, seen.theme.glyphs.ellipsis);
    let mut line = vec![span(padded(steps(run), STEPS), dim), span(padded(token, TOKEN + 1), text)];
    let confidence = |draft: &PositionDraft| {
        span(format!("{:.2}", draft.confidence), seen.theme.ink(seen.theme.confidence(draft.confidence)))
    };
    let [first, .., last] = run else {
        line.extend(run.iter().map(confidence));
        return Line::from(line);
    };
    line.extend([confidence(first), Span::raw(" ")]);
    let room = seen.width.saturating_sub(cells(&line) + 5);
    if room > 2 {
        line.extend(course(seen, run, usize::from(room)));
        line.push(Span::raw(" "));
    }
    line.push(confidence(last));
    Line::from(line)
}

/// The course of the confidence in at most so many bars; where there are more steps, several share one, which shows their
/// mean.
fn course(seen: &Inspected<'_>, run: &[PositionDraft], bars: usize) -> Vec<Span<'static>> {
    let share = run.len().div_ceil(bars);
    let mean =
        |drafts: &[PositionDraft]| drafts.iter().map(|draft| draft.confidence).sum::<f32>() / drafts.len() as f32;
    run.chunks(share).map(|drafts| sample::rising(seen.theme, mean(drafts))).collect()
}

/// "4-12", or "7".
fn steps(run: &[PositionDraft]) -> String {
    match run {
        [first, .., last] => format!("{}-{}", first.steps, last.steps),
        _ => run.iter().map(|draft| draft.steps.to_string()).collect(),
    }
}

/// What stood, or was about to stand, left and right of the inspected position, up to the shown step.
pub(super) fn of_neighbours(seen: &Inspected<'_>) -> Vec<Line<'static>> {
    let left = seen.position.checked_sub(1);
    let right = Some(seen.position + 1).filter(|right| *right < seen.step.length());
    let sides = [("left", left), ("right", right)].into_iter().filter_map(|(side, at)| Some((side, at?)));
    let lines = sides.flat_map(|(side, position)| neighbour(seen, side, position));
    std::iter::once(Line::default()).chain(lines).collect()
}

/// The newest part of a neighbour's history, in as many lines as there are for it.
fn neighbour(seen: &Inspected<'_>, side: &str, position: usize) -> Vec<Line<'static>> {
    let history = history(seen, position);
    let faint = seen.theme.style(Role::Faint);
    let gap = span(format!(" {} ", seen.theme.glyphs.dot), faint);
    let from = |first: usize| {
        let earlier = (first > 0).then(|| vec![span(seen.theme.glyphs.ellipsis, faint)]);
        packed(earlier.into_iter().chain(history[first..].iter().cloned()), &gap, seen.value_width())
    };
    let most = history.len().saturating_sub(1);
    let rows = (0..=most).map(from).find(|rows| rows.len() <= NEIGHBOUR).unwrap_or_else(|| from(most));
    let label = |at: usize| if at == 0 { format!("{side} {position}") } else { String::new() };
    rows.into_iter().enumerate().map(|(at, row)| seen.fact(label(at), row)).collect()
}

/// The runs of drafts at a position, then what was written there and when.
fn history(seen: &Inspected<'_>, position: usize) -> Vec<Vec<Span<'static>>> {
    let (dim, text) = (seen.theme.style(Role::Dim), seen.theme.style(Role::Text));
    let id = || seen.step.id(position).unwrap_or_default();
    let state = seen.step.state(position);
    if state == State::Prompt {
        return vec![vec![span("the prompt: ", dim), span(name(seen, id()), text)]];
    }
    if state == State::Given {
        return vec![vec![span("given: ", dim), span(name(seen, id()), text)]];
    }
    // What was proposed in the very step that wrote is what was written.
    let last = match state {
        State::Written { step, .. } => step - 1,
        State::Prompt | State::Given | State::Masked => seen.step.steps,
    };
    let drafts = seen.step.log.drafts(position, last);
    let runs = drafts.chunk_by(|one, next| one.token == next.token);
    let mut history: Vec<_> =
        runs.map(|run| vec![span(format!("{} ", steps(run)), dim), span(name(seen, run[0].token), text)]).collect();
    if let State::Written { step, confidence, .. } = state {
        let sure = span(format!(" {confidence:.2}"), seen.theme.ink(seen.theme.confidence(confidence)));
        history.push(vec![span(format!("{step} "), dim), span(name(seen, id()), seen.theme.style(Role::Strong)), sure]);
    }
    if history.is_empty() {
        history.push(vec![span("masked, not scored yet", seen.theme.style(Role::Faint))]);
    }
    history
}

fn name(seen: &Inspected<'_>, id: u32) -> String {
    printable::line(seen.name(id).trim())
}
