//! Words that are looked for: the tokens that hold them are marked, and a line above the footer says how many places there
//! are.

use ratatui::{
    layout::{Position, Rect},
    text::Line,
};

use super::{
    pen::{Pen, cells, plural, span},
    run::RunView,
    token_style,
};
use crate::tui::{
    action::Action,
    app::App,
    find::{self, FoundPlaces},
    keymap::Context,
    theme::Role,
};

/// Marks the tokens of a run among the places that were drawn behind the first `first` ones.
pub(super) fn mark(run: &RunView<'_>, first: usize, pen: &mut Pen<'_>) {
    let Some(search) = &run.lens.find else { return };
    let places = search.places(run.log, run.at);
    for at in first..pen.drawn.hits.len() {
        let hit = &pen.drawn.hits[at];
        let (area, Some(Action::Select(position))) = (hit.area, hit.click.clone()) else { continue };
        let Some(place) = places.iter().find(|place| place.contains(&position)) else { continue };
        let is_selected = run.lens.selected.is_some_and(|selected| place.contains(&selected));
        let style = if is_selected { pen.style(Role::Selected) } else { token_style::found(pen.theme) };
        pen.mark(area, style);
    }
}

/// Draws the line, while something is looked for.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let context = app.context();
    let (Some(search), Some(found)) = (&app.lens.find, find::found(app)) else { return };
    if !matches!(context, Context::Find | Context::FindEntry) {
        return;
    }
    let row = Rect { y: area.bottom().saturating_sub(2), height: 1, ..area };
    pen.clear(row, Role::Raised);
    let (dim, accent) = (pen.style(Role::Dim), pen.style(Role::Accent));
    let row = Rect { x: row.x + 1, width: row.width.saturating_sub(2), ..row };
    let words = pen.line(row, &Line::from(vec![span("find ", dim), span(search.text.clone(), accent)]));
    if context == Context::FindEntry {
        pen.drawn.cursor = Some(Position::new(words.min(row.right().saturating_sub(1)), row.y));
    }
    let count = Line::from(span(counted(&search.text, &found), dim));
    // Where both have no room, what is typed has.
    if words + 2 + cells(&count.spans) <= row.right() {
        pen.line_right(row, &count);
    }
}

/// "3 of 12 places", or what could be typed.
fn counted(text: &str, found: &FoundPlaces) -> String {
    if text.trim().is_empty() {
        return "words in the written text of this step, not in drafts; a capital letter makes case count".to_owned();
    }
    let places = match (found.selected, found.places.len()) {
        (_, 0) => "not in the text of this step".to_owned(),
        (Some(selected), all) => format!("{} of {}", selected + 1, plural(all, "place")),
        (None, all) => plural(all, "place"),
    };
    match found.beside {
        Some(beside) => format!("A  {places}   B  {}", plural(beside, "place")),
        None => places,
    }
}
