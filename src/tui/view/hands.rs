//! Hands on a position: what else could stand there, as it was when it was written and as it is now.

use ratatui::{layout::Rect, text::Line};

use super::{
    pen::{Pen, cut, span, width, wrap},
    run::RunView,
    runs::type_line,
    sample,
    step::{State, StepView},
};
use crate::{
    decode::record::Proposal,
    printable,
    trace::Log,
    tui::{
        action::Action,
        app::App,
        hands::LineUse,
        theme::{Role, Theme},
    },
};

/// "82", "82-90".
pub fn place(span: &std::ops::Range<usize>) -> String {
    if span.len() == 1 { span.start.to_string() } else { format!("{}-{}", span.start, span.end - 1) }
}

/// The likeliest tokens of a position, with their probabilities, the likeliest first.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Candidates {
    /// When a token was last written there, or proposed where none was: after how many steps.
    pub then: Option<(usize, Vec<(u32, f32)>)>,
    /// In the shown step, where the position is masked.
    pub now: Option<Vec<(u32, f32)>>,
}

impl Candidates {
    /// Of a position after `at` steps.
    pub fn of(log: &Log, at: usize, position: usize) -> Self {
        let at = at.min(log.len());
        let proposed = |steps: usize| {
            let record = log.record(steps)?;
            let index = record.proposals.binary_search_by_key(&position, |proposal| proposal.position).ok()?;
            Some(record.proposals[index].alternatives.iter().copied().take(Proposal::ALTERNATIVES).collect::<Vec<_>>())
        };
        let is_masked = log.canvas(at).id(position) == Some(log.header().mask_id);
        let now = Some(at).filter(|_| is_masked).and_then(proposed);
        let writer =
            (1..=at).rev().find(|steps| log.step(*steps).is_some_and(|step| step.commit_at(position).is_some()));
        let with_step = |steps| Some((steps, proposed(steps)?));
        let last_draft = || log.drafts(position, at).last().map(|draft| draft.steps);
        let then = writer.and_then(with_step).or_else(|| last_draft().filter(|_| now.is_none()).and_then(with_step));
        Self { then, now }
    }

    /// The newest ones: what a digit writes.
    pub fn newest(&self) -> &[(u32, f32)] {
        self.now.as_deref().or(self.then.as_ref().map(|(_, tokens)| tokens.as_slice())).unwrap_or_default()
    }
}

/// Cells of a token's name.
const NAME: u16 = 13;

/// Draws the panel.
pub(super) fn draw(app: &App, run: &RunView<'_>, area: Rect, pen: &mut Pen<'_>) {
    let Some(position) = run.lens.selected.filter(|_| area.height >= 3 && area.width >= 12) else { return };
    let step = run.step();
    let title = Line::from(span("candidates", pen.style(Role::TitleFocused)));
    let right = Line::from(span(format!("position {position}, step {}", step.steps), pen.style(Role::Dim)));
    pen.rule(Rect { height: 1, ..area }, &title, &right);
    let mut rows = (area.top() + 1..area.bottom()).map(|y| Rect { y, height: 1, ..area });
    let mut next = || rows.next().unwrap_or(Rect { height: 0, width: 0, y: area.bottom(), ..area });
    pen.line(next(), &holds(&step, position, pen.theme));
    next();
    let candidates = Candidates::of(run.log, run.at, position);
    pen.line(next(), &heading(&candidates, pen.theme));
    for (row, (token, _)) in candidates.newest().iter().enumerate() {
        let line = next();
        pen.line(line, &candidate(&step, &candidates, row, *token, area.width, pen.theme));
        pen.click(line, Action::WriteCandidate(row));
    }
    next();
    let typed = app.line.as_ref().filter(|line| matches!(line.used, LineUse::Text(_)));
    if let Some(line) = typed {
        let label = app.hands.map_or_else(String::new, |hands| format!("{} = ", place(&hands.span(position))));
        type_line(&label, &line.text, next(), pen);
        return;
    }
    for line in advice(app, run, position).into_iter().flat_map(|text| wrap(&text, area.width)) {
        pen.line(next(), &Line::from(span(line, pen.style(Role::Faint))));
    }
}

/// What the position holds, and since when.
fn holds(step: &StepView<'_>, position: usize, theme: Theme) -> Line<'static> {
    let (strong, dim) = (theme.style(Role::Strong), theme.style(Role::Dim));
    let what = match step.state(position) {
        State::Prompt => "of the prompt".to_owned(),
        State::Given => "given".to_owned(),
        State::Masked => return Line::from(span("masked", strong)),
        State::Written { step, reason, .. } => format!("step {step}, {}", reason.short()),
    };
    let pinned = if step.is_pinned(position) { ", pinned" } else { "" };
    let token = name(step, step.id(position).unwrap_or_default(), theme);
    Line::from(vec![span(token, strong), span(format!("  {what}{pinned}"), dim)])
}

/// Which step each column of numbers is of.
fn heading(candidates: &Candidates, theme: Theme) -> Line<'static> {
    let faint = theme.style(Role::Faint);
    let pad = " ".repeat(usize::from(NAME) + 3);
    let then = candidates.then.as_ref().map(|(steps, _)| format!("{:>7}", format!("at {steps}")));
    let now = candidates.now.as_ref().map(|_| format!("{:>7}", "now"));
    if then.is_none() && now.is_none() {
        return Line::from(span("nothing was proposed here", faint));
    }
    Line::from(span([Some(pad), then, now].into_iter().flatten().collect::<String>(), faint))
}

/// A row: its digit, the token, its probability then and now, a bar of the newer one.
fn candidate(
    step: &StepView<'_>,
    candidates: &Candidates,
    row: usize,
    token: u32,
    cells: u16,
    theme: Theme,
) -> Line<'static> {
    let share = |tokens: &[(u32, f32)]| tokens.iter().find(|(id, _)| *id == token).map(|(_, share)| *share);
    let number = |share: Option<f32>| share.map_or_else(|| format!("{:>7}", "-"), |share| format!("  {share:.3}"));
    let text = theme.style(Role::Text);
    let named = cut(&name(step, token, theme), NAME, theme.glyphs.ellipsis);
    let pad = " ".repeat(usize::from(NAME.saturating_sub(width(&named))));
    let mut line = vec![span(format!(" {} ", row + 1), theme.style(Role::Accent)), span(named + &pad, text)];
    if let Some((_, tokens)) = &candidates.then {
        line.push(span(number(share(tokens)), theme.style(Role::Dim)));
    }
    if let Some(tokens) = &candidates.now {
        line.push(span(number(share(tokens)), text));
    }
    let newest = share(candidates.newest()).unwrap_or_default();
    let used: u16 = line.iter().map(|span| width(&span.content)).sum();
    line.push(span(" ", text));
    line.extend(sample::bar(theme, cells.saturating_sub(used + 2), newest, theme.ink(theme.confidence(newest))));
    Line::from(line)
}

/// A token by its id, so that it can be seen.
fn name(step: &StepView<'_>, id: u32, theme: Theme) -> String {
    let visible = printable::line(&step.name(id, theme.glyphs.eos));
    if visible.trim().is_empty() {
        theme.glyphs.blank.repeat(visible.chars().count().max(1))
    } else {
        visible.trim().to_owned()
    }
}

/// What a change means here.
fn advice(app: &App, run: &RunView<'_>, position: usize) -> Vec<String> {
    let span = app.hands.map(|hands| hands.span(position)).filter(|span| span.len() > 1);
    let about = span.map(|span| format!("the span {}: x masks, P pins, e types over all of it", place(&span)));
    let means = if app.is_replay() {
        "a replayed file can be looked at, not changed".to_owned()
    } else if app.is_under_way() && app.follows() {
        "a change acts on this run, from its next step on".to_owned()
    } else {
        format!("a change is a fork at step {}; this run stays", run.at)
    };
    about.into_iter().chain([means]).collect()
}
