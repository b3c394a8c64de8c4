//! The export menu: what is chosen in it, and what becomes of what is written beside the playground.

use super::Effect;
use crate::{
    model::memory::bytes,
    printable,
    tui::{
        action::{Action, Notice, Overlay},
        app::{App, Confirmation},
        exporting::{ExportNews, ExportRowKind, PendingExport},
        hands::LONGEST_LINE,
    },
};

/// The menu has been opened: it is about what is shown now.
pub(super) fn open(app: &mut App) {
    (app.exports.entry, app.exports.refusal) = (None, None);
    look(app);
    app.list = 0;
}

/// Looks at what is shown.
fn look(app: &mut App) {
    let Some(mut form) = app.exports.form.take() else { return };
    if let Some(sight) = app.export_sight() {
        form.look(&sight);
    }
    app.exports.form = Some(form);
    refresh(app);
}

/// Works out rows and outlook.
fn refresh(app: &mut App) {
    let Some(form) = &app.exports.form else { return };
    let runs = app.exported();
    let logs: Vec<_> = runs.iter().map(|(_, log)| *log).collect();
    let (rows, outlook) = (form.rows(), form.outlook(&logs));
    let seen = runs.iter().map(|(id, log)| (*id, log.len())).collect();
    let menu = &mut app.exports;
    (menu.rows, menu.outlook, menu.seen) = (rows, outlook, seen);
    if app.overlays.last() == Some(&Overlay::Export) {
        app.list = app.list.min(app.exports.rows.len().saturating_sub(1));
    }
}

/// After every action: a run that has made steps gives a longer recording, and another run another one.
pub(super) fn keep_up(app: &mut App) {
    if !app.overlays.contains(&Overlay::Export) {
        return;
    }
    let now: Vec<_> = app.exported().iter().map(|(id, log)| (*id, log.len())).collect();
    let ids = |runs: &[(_, usize)]| runs.iter().map(|(id, _)| *id).collect::<Vec<_>>();
    if now.is_empty() {
        app.overlays.retain(|overlay| *overlay != Overlay::Export);
    } else if ids(&now) != ids(&app.exports.seen) {
        look(app);
    } else if now != app.exports.seen {
        refresh(app);
    }
}

/// Takes another value of the selected row.
pub(super) fn turn(app: &mut App, presses: i64) -> Vec<Effect> {
    if settle(app) {
        let row = app.list;
        if let Some(form) = &mut app.exports.form {
            form.turn(row, presses);
        }
        refresh(app);
    }
    Vec::new()
}

/// Enter: the next of a few values; what is typed, elsewhere.
pub(super) fn accept(app: &mut App) -> Vec<Effect> {
    if app.exports.kind(app.list) == Some(ExportRowKind::Choice) {
        return turn(app, 1);
    }
    settle(app);
    Vec::new()
}

/// Changes what is typed for the selected row: a text is continued, a number is typed from its beginning.
fn change(app: &mut App, change: impl FnOnce(&mut String)) -> Vec<Effect> {
    let Some(row) = app.exports.rows.get(app.list) else { return Vec::new() };
    let begun = if row.kind == ExportRowKind::Text { row.value.clone() } else { String::new() };
    change(app.exports.entry.get_or_insert(begun));
    app.exports.refusal = None;
    Vec::new()
}

/// Types a part of a value, as far as there is room.
pub(super) fn typed(app: &mut App, text: &str) -> Vec<Effect> {
    change(app, |entry| {
        let room = LONGEST_LINE.saturating_sub(entry.chars().count());
        entry.extend(printable::line(text).chars().take(room));
    })
}

/// Erases a character.
pub(super) fn erase(app: &mut App) -> Vec<Effect> {
    change(app, |entry| {
        entry.pop();
    })
}

/// Erases what is typed.
pub(super) fn clear(app: &mut App) -> Vec<Effect> {
    change(app, String::clear)
}

/// Takes what is typed. Returns whether nothing is left to be mended.
pub(super) fn settle(app: &mut App) -> bool {
    let Some(text) = app.exports.entry.take() else { return true };
    let row = app.list;
    // No number leaves the one that is there.
    if text.trim().is_empty() && app.exports.kind(row) == Some(ExportRowKind::Number) {
        app.exports.refusal = None;
        return true;
    }
    let taken = app.exports.form.as_mut().map_or(Ok(()), |form| form.set(row, text.trim()));
    match taken {
        Ok(()) => {
            app.exports.refusal = None;
            refresh(app);
            true
        }
        Err(refusal) => {
            app.exports.refusal = Some(printable::line(&refusal));
            app.exports.entry = Some(text);
            false
        }
    }
}

/// Writes what is chosen; over a file that is there, at the second asking.
pub(super) fn write(app: &mut App) -> Vec<Effect> {
    if !settle(app) {
        return Vec::new();
    }
    let refusal = match (&app.exports.writing, &app.exports.outlook) {
        (Some(writing), _) => Some(format!("{} is being written: one file at a time", writing.file)),
        (None, Err(why)) => Some(why.clone()),
        (None, Ok(_)) => None,
    };
    if let Some(refusal) = refusal {
        app.tell(Notice::error(refusal));
        return Vec::new();
    }
    let Some(form) = &app.exports.form else { return Vec::new() };
    app.exports.writing = Some(PendingExport { file: form.file(), ..PendingExport::default() });
    vec![Effect::Export { replaces: app.asked == Some(Confirmation::Replace) }]
}

/// Breaks off what is being written.
pub(super) fn cancel(app: &mut App) -> Vec<Effect> {
    match &mut app.exports.writing {
        Some(writing) => {
            writing.is_cancelled = true;
            vec![Effect::CancelExport]
        }
        None => Vec::new(),
    }
}

/// News of what is being written.
pub(super) fn on_news(app: &mut App, news: ExportNews) -> Vec<Effect> {
    match news {
        ExportNews::Progress(count) => {
            if let Some(writing) = &mut app.exports.writing {
                writing.count = count;
            }
        }
        ExportNews::Note(note) => {
            if let Some(writing) = &mut app.exports.writing {
                writing.notes.push(note);
            }
        }
        end => {
            if let Some(writing) = app.exports.writing.take() {
                ended(app, writing, end);
            }
        }
    }
    Vec::new()
}

/// Nothing more is written.
fn ended(app: &mut App, writing: PendingExport, end: ExportNews) {
    let file = writing.file;
    let notice = match end {
        ExportNews::Made(size) => {
            let said = std::iter::once(format!("{file} is written: {}", bytes(size))).chain(writing.notes);
            Notice::note(said.collect::<Vec<_>>().join("; "))
        }
        ExportNews::Taken => {
            app.asked = Some(Confirmation::Replace);
            let key = app.key_name(&Action::WriteExport, app.context(), app.theme.has_signs());
            let again = key.map_or_else(String::new, |key| format!(": {key} again replaces it"));
            Notice::note(format!("{file} is there already{again}"))
        }
        ExportNews::Cancelled => Notice::note(format!("{file} is broken off: nothing is written")),
        ExportNews::Failed(why) => Notice::error(why),
        ExportNews::Progress(_) | ExportNews::Note(_) => return,
    };
    app.tell(notice);
}
