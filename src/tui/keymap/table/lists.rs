//! Lists, what scrolls, and lines of text.

use super::{
    Binding, Context, Group, Hint, Key, LINES,
    conditions::{always, run},
    key::char,
};
use crate::tui::{
    action::{Action, Overlay},
    app::App,
    copy::{self, CopySource},
};

/// Where a row is chosen.
const PICKS: &[Context] = &[
    Context::Gallery,
    Context::Presets,
    Context::Models,
    Context::Kept,
    Context::Runs,
    Context::Palette,
    Context::Copy,
    Context::Export,
];
/// The same, and where a text is scrolled.
const ROWS: &[Context] = &[
    Context::Gallery,
    Context::Presets,
    Context::Models,
    Context::Kept,
    Context::Runs,
    Context::Palette,
    Context::Copy,
    Context::Export,
    Context::ExportText,
    Context::Help,
    Context::Legend,
];
/// Where text is typed that is taken by itself and chooses nothing from a list.
const ENTRIES: &[Context] =
    &[Context::Entry, Context::Line, Context::PresetName, Context::KnobFilter, Context::FindEntry, Context::ExportText];
const COPY: &[Context] = &[Context::Copy];
const TOUR: &[Context] = &[Context::Tour];
const WITH_COPY: &[Context] =
    &[Context::Canvas, Context::Knobs, Context::Figures, Context::Compare, Context::Hands, Context::Copy];

/// More rows than any list has.
const ALL_ROWS: i64 = 1 << 20;

pub(super) fn bindings() -> Vec<Binding> {
    rows! { Lists;
        "list.up"        [Key::UP, char('k')] Action::ListMove(-1), ROWS, always, "the row above" in "choose";
        "list.down"      [Key::DOWN, char('j')] Action::ListMove(1), ROWS, always, "the row below" in "choose", 2 choose_words;
        "list.first"     [Key::HOME] Action::ListMove(-ALL_ROWS), ROWS, always, "the first row" in "the first, the last";
        "list.last"      [Key::END] Action::ListMove(ALL_ROWS), ROWS, always, "the last row" in "the first, the last";
        "list.page-up"   [Key::PAGE_UP] Action::ListMove(-8), ROWS, always, "eight rows up" in "choose, by pages";
        "list.page-down" [Key::PAGE_DOWN] Action::ListMove(8), ROWS, always, "eight rows down" in "choose, by pages";
        "card.previous"  [Key::LEFT, char('h')] Action::ListMove(-1), TOUR, always, "the card before" in "the card before, the next";
        "card.next"      [Key::RIGHT, char('l')] Action::ListMove(1), TOUR, always, "the next card" in "the card before, the next", 2 "walk";
        "card.on"        [Key::ENTER, char(' ')] Action::ListAccept, TOUR, always, "the next card, out of the last", 1 "next";
        "list.take"      [Key::ENTER] Action::ListAccept, PICKS, always, "take it, show it, do it", 1 take_words;
        "text.take"      [Key::ENTER] Action::EntryAccept, ENTRIES, always, "take what is typed", 1 "take";
        "text.erase"     [Key::BACKSPACE] Action::EntryErase, LINES, always, "erase a character";
        "copy.toggle"    [char('y')] Action::Toggle(Overlay::Copy), WITH_COPY, run, "copy something", 11 copy_words;
        "copy.token"     [char('t')] Action::Copy(CopySource::Token), COPY, |app| copy::possible(app, CopySource::Token), "copy the selected token";
        "copy.answer"    [char('a')] Action::Copy(CopySource::Answer), COPY, |app| copy::possible(app, CopySource::Answer), "copy the answer";
        "copy.settings"  [char('s')] Action::Copy(CopySource::Settings), COPY, |app| copy::possible(app, CopySource::Settings), "copy the settings as flags";
        "copy.step"      [char('m')] Action::Copy(CopySource::Step), COPY, |app| copy::possible(app, CopySource::Step), "copy the step as Markdown";
    }
}

fn choose_words(app: &App) -> &'static str {
    if matches!(app.context(), Context::Help | Context::Legend) { "scroll" } else { "choose" }
}

fn copy_words(app: &App) -> &'static str {
    if app.overlays.is_empty() { "copy" } else { "" }
}

fn take_words(app: &App) -> &'static str {
    match app.context() {
        Context::Runs => "show",
        Context::Palette => "do it",
        Context::Copy => "copy",
        Context::Export => "",
        _ => "take",
    }
}
