//! Reading the canvas: its layers, its tokens, and words in its text.

use super::{
    Binding, CANVAS, Context, Group, Hint, Key, READING, STEPPING, WATCHING,
    conditions::{always, found, live, long_canvas, run, steps},
    key::{char, ctrl},
};
use crate::tui::{
    action::{Action, Direction, Overlay},
    app::App,
    pane::Pane,
    view::Layer,
};

const WITH_LEGEND: &[Context] = &[Context::Canvas, Context::Compare, Context::Knobs, Context::Figures, Context::Legend];
const FIND: &[Context] = &[Context::Find];
const FINDING: &[Context] = &[Context::Find, Context::FindEntry];

pub(super) fn bindings() -> Vec<Binding> {
    let mut bindings: Vec<_> = Layer::all().zip('1'..='9').map(layer).collect();
    bindings.extend(rows! { Canvas;
        "layer.next"     [char('v')] Action::NextLayer, READING, always, "next layer", 6 "layer";
        "map.toggle"     [char('M')] Action::Pane(Pane::Map), READING, run, "map of all steps, or the canvas", 6 map_words;
        "map.near"       [char('z')] Action::ToggleNear, READING, run, "map: near the cross-hair, or all", 9 near_words;
        "kv-map.toggle"  [char('K')] Action::Pane(Pane::KvMap), READING, run, "K/V rows by layer, or the canvas", 9 kv_map_words;
        "canvas.grid"    [char('#')] Action::NextArrangement, READING, run, "grid, running text, sudoku", 12 "grid";
        "canvas.down"    [ctrl('d')] Action::ScrollHalf(1), CANVAS, long_canvas, "scroll a long canvas down" in "scroll a long canvas (or ^wheel)";
        "canvas.up"      [ctrl('u')] Action::ScrollHalf(-1), CANVAS, long_canvas, "scroll a long canvas up" in "scroll a long canvas (or ^wheel)";
        "audit.toggle"   [char('A')] Action::ToggleAudit, WATCHING, live, "audit every step, or none";
        "drafts.toggle"  [char('d')] Action::ToggleDrafts, READING, always, "drafts or plain masks", 8 "drafts";
        "select.left"    [char('h')] Action::SelectMove(Direction::Left), STEPPING, run, "inspect the token before" in "inspect a token", 7 position_words;
        "select.down"    [char('j'), Key::DOWN] Action::SelectMove(Direction::Down), STEPPING, run, "inspect a token below" in "inspect a token", 7 inspect_words;
        "select.up"      [char('k'), Key::UP] Action::SelectMove(Direction::Up), STEPPING, run, "inspect a token above" in "inspect a token";
        "select.right"   [char('l')] Action::SelectMove(Direction::Right), STEPPING, run, "inspect the token after" in "inspect a token";
        "select.failed"  [char('!')] Action::SelectFailed, CANVAS, steps, "what fails in the answer", 0 failed_words;
        "event.next"     [char('n')] Action::NextEvent, CANVAS, steps, "next event" in "next event, the one before", 10 "next event";
        "event.previous" [char('N')] Action::PreviousEvent, CANVAS, steps, "the event before" in "next event, the one before";
        "find.begin"     [char('/')] Action::Find, STEPPING, run, "find words in the text", 10 "find";
        "find.next"      [Key::ENTER, char('n')] Action::NextHit, FIND, found, "next place, where words are found" in "next place found, the one before", 0 "next";
        "find.previous"  [char('N')] Action::PreviousHit, FIND, found, "the place before, where found" in "next place found, the one before", 0 "before";
        "find.end"       [Key::ESC] Action::Back, FINDING, always, "no longer find words", 0 "end";
        "legend.toggle"  [char('L')] Action::Toggle(Overlay::Legend), WITH_LEGEND, always, "what the colours and marks mean", 11 "legend";
    });
    bindings
}

/// A digit for a layer.
fn layer((layer, digit): (Layer, char)) -> Binding {
    Binding {
        name: format!("layer.{}", layer.name()).into(),
        keys: vec![char(digit)],
        action: Action::Layer(layer),
        contexts: READING,
        available: always,
        label: format!("layer {}", layer.name()).into(),
        line: "choose a layer by its number".into(),
        group: Group::Canvas,
        hint: None,
    }
}

fn failed_words(app: &App) -> &'static str {
    let failed = || app.log().and_then(|log| log.end()).and_then(|end| end.failed.as_ref());
    let is_selected = || failed().is_some_and(|failed| app.lens.selected == Some(failed.start));
    if app.follows() && failed().is_some() && !is_selected() { "what fails" } else { "" }
}

fn map_words(app: &App) -> &'static str {
    if app.lens.pane == Pane::Map { "canvas" } else { "map" }
}

fn near_words(app: &App) -> &'static str {
    match app.lens.pane {
        Pane::Map if app.lens.near => "all of it",
        Pane::Map => "near",
        Pane::Canvas | Pane::KvMap => "",
    }
}

fn kv_map_words(app: &App) -> &'static str {
    if app.lens.pane == Pane::KvMap { "canvas" } else { "K/V map" }
}

fn position_words(app: &App) -> &'static str {
    if app.lens.pane == Pane::Map { "position" } else { "" }
}

fn inspect_words(app: &App) -> &'static str {
    if app.lens.pane == Pane::Map { "step" } else { "inspect" }
}
