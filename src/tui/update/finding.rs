//! Finding words in the text of what is shown.

use super::{Effect, perform};
use crate::{
    printable,
    tui::{
        action::{Action, Focus},
        app::App,
        compare::{CompareAction, RunSide},
        find::{self, LONGEST_SEARCH},
    },
};

/// Begins to type what to find, after what was looked for last.
pub(super) fn begin(app: &mut App) -> Vec<Effect> {
    if app.run().is_some() {
        app.focus = Focus::Canvas;
        app.lens.find.get_or_insert_default().is_typed = true;
    }
    Vec::new()
}

/// Types a part of it, as far as there is room.
pub(super) fn typed(app: &mut App, text: &str) -> Vec<Effect> {
    change(app, |typed| {
        let room = LONGEST_SEARCH.saturating_sub(typed.chars().count());
        typed.extend(printable::line(text).chars().take(room));
    })
}

/// Changes it.
pub(super) fn change(app: &mut App, change: impl FnOnce(&mut String)) -> Vec<Effect> {
    if let Some(search) = &mut app.lens.find {
        change(&mut search.text);
    }
    Vec::new()
}

/// It is typed: selects the first place from the selected position on. Without words nothing is looked for.
pub(super) fn accept(app: &mut App) -> Vec<Effect> {
    end_entry(app);
    match find::found(app) {
        Some(found) if found.selected.is_none() => walk(app, true),
        _ => Vec::new(),
    }
}

/// No longer types; without words nothing is looked for.
pub(super) fn end_entry(app: &mut App) {
    if let Some(search) = &mut app.lens.find {
        search.is_typed = false;
    }
    app.lens.find.take_if(|search| search.text.trim().is_empty());
}

/// Selects the next place where the words are, or the one before; after the last, the first.
pub(super) fn walk(app: &mut App, forward: bool) -> Vec<Effect> {
    let Some(found) = find::found(app) else { return Vec::new() };
    let selected = match &app.comparison {
        Some(comparison) => comparison.selected(RunSide::A),
        None => app.lens.selected,
    };
    let starts = || found.places.iter().map(|place| *place.start());
    let target = match selected {
        Some(from) if forward => starts().find(|start| *start > from).or_else(|| starts().next()),
        Some(from) => starts().rev().find(|start| *start < from).or_else(|| starts().next_back()),
        None if forward => starts().next(),
        None => starts().next_back(),
    };
    match target {
        Some(position) if app.comparison.is_some() => {
            perform(app, Action::Compare(CompareAction::Select(RunSide::A, position)))
        }
        Some(position) => perform(app, Action::Select(position)),
        None => Vec::new(),
    }
}
