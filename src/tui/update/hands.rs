//! Hands on the canvas: a candidate written, tokens masked again, pinned, typed over. At the newest step of a run under way the
//! engine changes that run; anywhere else a change is a fork.

use std::ops::Range;

use super::{Effect, command, forking, keeping};
use crate::{
    decode::record::Edit,
    engine::protocol::{Command, TypedText},
    printable,
    session::{Branch, Run},
    tui::{
        action::Notice,
        app::App,
        forking::ForkPlan,
        hands::{Hands, LineUse, TypedLine},
        view::{Candidates, place},
    },
};

/// Opens the candidates of the selected position.
pub(super) fn open(app: &mut App) -> Vec<Effect> {
    let (Some(position), Some(log)) = (app.lens.selected, app.log()) else { return Vec::new() };
    if position < log.header().prompt_ids.len() {
        app.tell(Notice::note(format!(
            "position {position} is in the prompt, which a run cannot change: i edits the prompt for the next one"
        )));
    } else {
        app.hands = Some(Hands::default());
    }
    Vec::new()
}

/// Closes them; a span first.
pub(super) fn close(app: &mut App) {
    app.hands = app.hands.filter(|hands| hands.anchor.is_some()).map(|_| Hands::default());
}

/// Begins a span at the selected position, or drops it.
pub(super) fn toggle_span(app: &mut App) -> Vec<Effect> {
    let selected = app.lens.selected;
    if let Some(hands) = &mut app.hands {
        hands.anchor = if hands.anchor.is_some() { None } else { selected };
    }
    Vec::new()
}

/// The positions that are meant; none where they reach into the prompt, which is said.
fn span(app: &mut App) -> Option<Range<usize>> {
    let span = app.hands?.span(app.lens.selected?);
    let (prompt, length) = app.log().map(|log| (log.header().prompt_ids.len(), log.header().canvas_length()))?;
    if span.start < prompt {
        app.tell(Notice::error(format!(
            "the span from {} reaches into the prompt, which a run cannot change: begin it at {prompt} or behind",
            place(&span)
        )));
        return None;
    }
    (span.end <= length).then_some(span)
}

/// Writes a candidate at the selected position.
pub(super) fn write(app: &mut App, row: usize) -> Vec<Effect> {
    let Some(position) = span(app).map(|_| app.lens.selected.unwrap_or_default()) else { return Vec::new() };
    let at = app.shown();
    let Some(log) = app.log() else { return Vec::new() };
    let Some((token, _)) = Candidates::of(log, at, position).newest().get(row).copied() else {
        app.tell(Notice::error(format!("there is no candidate {} at position {position}: e types a text", row + 1)));
        return Vec::new();
    };
    if log.canvas(at).id(position) == Some(token) {
        app.tell(Notice::note(format!("position {position} holds it already: P pins it there")));
        return Vec::new();
    }
    let name = match log.text_of(token) {
        _ if log.header().is_end(token) => app.theme.glyphs.eos.to_owned(),
        Some(text) if !text.trim().is_empty() => printable::line(text.trim()),
        _ => format!("#{token}"),
    };
    make(app, vec![Edit::Write { position, token }], format!("{position} = {name}"))
}

/// Masks the selected position or span again.
pub(super) fn mask(app: &mut App) -> Vec<Effect> {
    let (Some(span), at) = (span(app), app.shown()) else { return Vec::new() };
    let Some(log) = app.log() else { return Vec::new() };
    let (canvas, mask) = (log.canvas(at), log.header().mask_id);
    if span.clone().all(|position| canvas.id(position) == Some(mask)) {
        app.tell(Notice::note(format!("{} is masked already", place(&span))));
        return Vec::new();
    }
    let label = format!("{} masked", place(&span));
    make(app, vec![Edit::Remask { start: span.start, end: span.end }], label)
}

/// Pins the tokens of the selected position or span; lets rules have them again where all are pinned.
pub(super) fn toggle_pin(app: &mut App) -> Vec<Effect> {
    let (Some(span), at) = (span(app), app.shown()) else { return Vec::new() };
    let Some(log) = app.log() else { return Vec::new() };
    let (canvas, mask, before) = (log.canvas(at), log.header().mask_id, log.pinned(at).collect::<Vec<_>>());
    let held: Vec<usize> = span.clone().filter(|position| canvas.id(*position) != Some(mask)).collect();
    if held.is_empty() {
        app.tell(Notice::error(format!("{} is masked, and only a token can be pinned: write one first", place(&span))));
        return Vec::new();
    }
    let pinned = !held.iter().all(|position| before.contains(position));
    let edits = held.iter().map(|position| Edit::Pin { position: *position, pinned }).collect();
    let label = format!("{} {}", place(&span), if pinned { "pinned" } else { "unpinned" });
    make(app, edits, label)
}

/// Begins to type text in place of the selected position or span.
pub(super) fn begin_text(app: &mut App) -> Vec<Effect> {
    if let Some(span) = span(app) {
        app.line = Some(TypedLine { used: LineUse::Text(span), text: String::new() });
    }
    Vec::new()
}

/// Puts a text in place of a span. Its tokens are the tokenizer's business, so that it is always a fork.
pub(super) fn type_over(app: &mut App, span: Range<usize>, text: String) -> Vec<Effect> {
    if text.is_empty() {
        app.tell(Notice::note("nothing was typed, and nothing is changed: x masks a span again"));
        return Vec::new();
    }
    app.hands = None;
    let by_hand = Some(format!("{} = \"{text}\"", place(&span)));
    let text = Some(TypedText { start: span.start, end: span.end, text });
    forking::ask(app, ForkPlan { edits: Vec::new(), text, by_hand })
}

/// Takes the last change by hand back: goes to the run that the shown one left by it, or forks the shown run before it.
pub(super) fn take_back(app: &mut App) -> Vec<Effect> {
    let Some((step, branch)) = app.run().and_then(changed_at) else {
        app.tell(Notice::note("nothing to undo: no token of this run was changed by hand"));
        return Vec::new();
    };
    let Some(branch) = branch else {
        app.hands = None;
        app.playback.show(step, app.len());
        return forking::ask(app, ForkPlan::default());
    };
    if app.session.get(branch.parent).is_none() {
        app.tell(Notice::error(format!("run {}, which was changed here, is closed", branch.parent)));
        return Vec::new();
    }
    let effects = keeping::show(app, branch.parent);
    app.playback.show(branch.step, app.len());
    app.tell(Notice::note(format!("run {} at step {}, as it was; b is the changed one", branch.parent, branch.step)));
    effects
}

/// After which step a run was last changed by hand, and where it branched off another one by that.
fn changed_at(run: &Run) -> Option<(usize, Option<Branch>)> {
    let step = run.log.steps().iter().rposition(|step| !step.edits().is_empty());
    let branch = run.branch().filter(|branch| branch.by_hand.is_some());
    let inherited = run.log.header().inherited();
    match (step, branch) {
        (Some(step), Some(_)) if step > inherited => Some((step, None)),
        (_, Some(branch)) => Some((branch.step, Some(branch.clone()))),
        (step, None) => step.map(|step| (step, None)),
    }
}

/// Makes a change: of the run under way at its newest step, by a fork anywhere else.
fn make(app: &mut App, edits: Vec<Edit>, by_hand: String) -> Vec<Effect> {
    app.hands = None;
    if app.is_under_way() && app.follows() && app.forking.is_none() {
        app.tell(Notice::note(format!("{by_hand}: with the next step")));
        return command(Command::Edit(edits));
    }
    forking::ask(app, ForkPlan { edits, text: None, by_hand: Some(by_hand) })
}
