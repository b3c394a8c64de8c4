//! The export menu: a row for each thing that can be chosen, what would come of it, and how far it is once it is written.
//!
//! ```text
//! ╭ export ──────────────────────────────────────────────────────────────────────────╮
//! │ ▸ format       ◂ gif ▸                  an animated picture, for web pages       │
//! │   scene          everything             the whole screen                         │
//! │                                                                                  │
//! │   pace           8 a second             steps, at most; x2 is real time, …       │
//! │                                                                                  │
//! │   file           2026-11-28-140312-flashdlm-story.gif                            │
//! │ ──────────────────────────────────────────────────────────────────────────────── │
//! │ 120×40 cells, 1200×760 pixels, 71 frames, 20.3 s                                 │
//! ╰──────────────────────────────────────────────────────── w writes it, esc closes ╯
//! ```

use ratatui::{
    layout::{Position, Rect},
    text::{Line, Span},
};

use super::{
    listing::{ListRow, Listing},
    models::turning,
    pen::{Pen, span, tail, width, wrap},
    sample,
};
use crate::{
    model::memory::bytes,
    tui::{
        action::Action,
        app::App,
        exporting::{ExportRow, ExportRowKind, PendingExport},
        theme::{BarPart, Role},
    },
};

/// Cells of a name, and of a value beside which it says what that is.
const NAME: u16 = 13;
const VALUE: u16 = 20;

/// Rows below the rule, with the rule.
const DETAIL: u16 = 4;

/// Cells of the file's name in the header: its end says the most.
const BRIEF: u16 = 22;

/// Widest frame.
const WIDE: u16 = 96;

/// Draws the menu.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let menu = &app.exports;
    let mut rows = Vec::new();
    let is_roomy = menu.rows.len() + usize::from(DETAIL) + 6 <= usize::from(area.height);
    for (index, row) in menu.rows.iter().enumerate() {
        if is_roomy && index > 0 && menu.rows[index - 1].group != row.group {
            rows.push(ListRow::Gap);
        }
        rows.push(ListRow::Item(index));
    }
    let foot = foot(app, pen);
    let listing = Listing { title: "export", foot: &foot, wide: WIDE, detail: DETAIL, rows: &rows, selected: app.list };
    let detail = listing.draw(area, pen, |index, selected, place, pen| {
        if let Some(row) = menu.rows.get(index) {
            let entry = menu.entry.as_deref().filter(|_| selected);
            draw_row(row, entry, selected, place, pen);
        }
    });
    match &menu.writing {
        Some(writing) => draw_progress(app, writing, detail, pen),
        None => draw_outlook(app, detail, pen),
    }
}

/// The keys that matter, by the context that they are in.
fn foot(app: &App, pen: &Pen<'_>) -> String {
    let key = |action| app.key_name(&action, app.context(), pen.theme.has_signs()).unwrap_or_default();
    if app.exports.writing.is_some() {
        return format!("{} breaks it off, esc closes: it is written all the same", key(Action::CancelExport));
    }
    let esc = if app.exports.entry.is_some() { "esc drops what is typed" } else { "esc closes" };
    format!("{} writes it, {esc}", key(Action::WriteExport))
}

/// Draws name, value and what that is. What is typed stays in sight at its end.
fn draw_row(row: &ExportRow, entry: Option<&str>, selected: bool, place: Rect, pen: &mut Pen<'_>) {
    let name = pen.style(if selected { Role::Text } else { Role::Dim });
    pen.cut(place.x, place.y, NAME.min(place.width), row.name, name);
    let at = place.x + NAME + 2;
    let room = place.right().saturating_sub(at);
    let is_typed = selected && row.kind != ExportRowKind::Choice;
    let strong = pen.style(if entry.is_some() { Role::Accent } else { Role::Strong });
    let wide = if row.kind == ExportRowKind::Text { room } else { VALUE.min(room) };
    let value = shown(pen, entry.unwrap_or(&row.value));
    let value = if is_typed { tail(&value, wide.saturating_sub(1)) } else { &value };
    let end = pen.cut(at, place.y, wide, value, strong);
    if is_typed {
        pen.drawn.cursor = Some(Position::new(end.min(place.right().saturating_sub(1)), place.y));
    }
    if selected && row.kind != ExportRowKind::Text {
        let [left, right] = pen.theme.glyphs.choice;
        let gap = if is_typed { 2 } else { 1 };
        for (x, sign, presses) in [(at.saturating_sub(2), left, -1), (end + gap, right, 1)] {
            pen.put(x, place.y, place.right().saturating_sub(x), sign, pen.style(Role::Accent));
            pen.click(Rect { x, width: 1, ..place }, Action::ExportTurn(presses));
        }
    }
    let about = match row.kind {
        ExportRowKind::Text => at + if is_typed { 2 } else { 0 },
        ExportRowKind::Choice | ExportRowKind::Number => at + VALUE + 4,
    };
    let has_room = about + 12 <= place.right();
    if has_room && (row.kind != ExportRowKind::Text || value.is_empty()) {
        pen.cut(about, place.y, place.right() - about, &shown(pen, &row.about), pen.style(Role::Faint));
    }
}

/// A text with the sign of products that the terminal has.
fn shown(pen: &Pen<'_>, text: &str) -> String {
    text.replace('×', pen.theme.glyphs.times)
}

/// What would come of it, or why nothing would; then what the selected row is, or why what is typed there is no value.
fn draw_outlook(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let menu = &app.exports;
    // What the selected row is, where that has no room beside it.
    let beside = area.width.saturating_sub(2 + NAME + 2 + VALUE + 4);
    let is_cut = |row: &&ExportRow| row.kind != ExportRowKind::Text && width(&row.about) > beside;
    let about = menu.rows.get(app.list).filter(is_cut).map_or("", |row| &row.about);
    let (outlook, role) = match &menu.outlook {
        Ok(words) => (words, Role::Text),
        Err(why) => (why, Role::Bad),
    };
    let second = menu.refusal.as_ref().map_or((about, Role::Faint), |refusal| (refusal, Role::Bad));
    let lines = [(outlook.as_str(), role), second].into_iter();
    let lines =
        lines.flat_map(|(text, role)| wrap(&shown(pen, text), area.width).into_iter().map(move |line| (line, role)));
    for ((line, role), y) in lines.collect::<Vec<_>>().iter().zip(area.top()..area.bottom()) {
        pen.put(area.x, y, area.width, line, pen.style(*role));
    }
}

/// How far it is, with a bar; in place of numbers, why what is typed meanwhile is no value.
fn draw_progress(app: &App, writing: &PendingExport, area: Rect, pen: &mut Pen<'_>) {
    let verb = if writing.is_cancelled { "breaking off" } else { "writing" };
    let line = vec![turning(app, pen), span(format!(" {verb} {}", writing.file), pen.style(Role::Text))];
    let row = |below: u16| Rect { y: area.y + below, height: 1, ..area };
    if area.height >= 1 {
        pen.line(row(0), &Line::from(line));
    }
    if area.height >= 2 {
        let style = pen.theme.ink(pen.theme.part(BarPart::Plain));
        let share = writing.count.share().unwrap_or_default();
        pen.line(row(1), &Line::from(sample::bar(pen.theme, area.width, share, style)));
    }
    if area.height >= 3 {
        let words = match &app.exports.refusal {
            Some(refusal) => span(refusal.clone(), pen.style(Role::Bad)),
            None => span(amounts(writing), pen.style(Role::Dim)),
        };
        pen.line(row(2), &Line::from(words));
    }
}

/// "34 of 71 frames, 1.20 MB".
fn amounts(writing: &PendingExport) -> String {
    let count = writing.count;
    let frames = (count.all > 0).then(|| format!("{} of {} frames", count.done, count.all));
    let size = (count.bytes > 0).then(|| bytes(count.bytes));
    frames.into_iter().chain(size).collect::<Vec<_>>().join(", ")
}

/// How far it is, in the header's few cells.
pub(super) fn brief(app: &App, writing: &PendingExport, pen: &Pen<'_>) -> Vec<Span<'static>> {
    let share = writing.count.share().map_or_else(String::new, |share| format!(" {:.0} %", 100.0 * share));
    let name = writing.file.rsplit('/').next().unwrap_or_default();
    let cut = if width(name) > BRIEF { pen.theme.glyphs.ellipsis } else { "" };
    let text = format!(" writing {cut}{}{share}", tail(name, BRIEF - width(cut)));
    vec![turning(app, pen), span(text, pen.style(Role::Dim))]
}
