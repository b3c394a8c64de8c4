//! The gallery: prompts that the pair has learned, by family; the selected one in full, what the preset makes of it under
//! which it is best watched, and what there is to see then.

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::{
    listing::{Listing, grouped},
    pen::{Pen, cut, plural, span, width, wrap},
};
use crate::tui::{
    action::Action,
    app::App,
    examples::{Example, Showing, what_to_watch},
    keymap::Context,
    theme::Role,
};

/// Draws the gallery.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let heading = |example: &Example| (example.family.title().to_owned(), what_to_watch(example.family).to_owned());
    let listing = Listing {
        title: "gallery",
        foot: "enter denoises it, esc closes",
        wide: 96,
        detail: if area.height >= 24 { 8 } else { 4 },
        rows: &grouped(app.examples.iter().map(heading)),
        selected: app.list,
    };
    let detail = listing.draw(area, pen, |index, selected, row, pen| {
        if let Some(example) = app.examples.get(index) {
            draw_example(example, selected, row, pen);
        }
    });
    if let Some(example) = app.examples.get(app.list) {
        draw_detail(app, example, detail, pen);
    }
}

/// What the presets make of the selected prompt, what there is to see, and all of the prompt.
fn draw_detail(app: &App, example: &Example, area: Rect, pen: &mut Pen<'_>) {
    let mut line = showing(&example.shown, pen);
    if let Some(mended) = &example.mended {
        line.push(span("   ", pen.style(Role::Dim)));
        if let Some(key) = app.key_name(&Action::MendExample, Context::Gallery, pen.theme.has_signs()) {
            line.push(span(format!("{key} "), pen.style(Role::Accent)));
        }
        line.extend(showing(mended, pen));
    }
    let watch = span(example.watch, pen.style(Role::Dim));
    for (line, y) in [Line::from(line), Line::from(watch)].iter().zip(area.top()..area.bottom()) {
        pen.line(Rect { y, height: 1, ..area }, line);
    }
    for (line, y) in wrap(&example.prompt, area.width).iter().zip(area.top() + 2..area.bottom()) {
        pen.put(area.x, y, area.width, line, pen.style(Role::Text));
    }
}

/// "threshold  ✗ wrong, 3 steps"
fn showing(showing: &Showing, pen: &Pen<'_>) -> Vec<Span<'static>> {
    let glyphs = pen.theme.glyphs;
    let (sign, word, role) =
        if showing.is_right { (glyphs.right, "right", Role::Good) } else { (glyphs.wrong, "wrong", Role::Bad) };
    vec![
        span(format!("{}  ", showing.preset), pen.style(Role::Strong)),
        span(format!("{sign} {word}"), pen.style(role)),
        span(format!(", {}", plural(showing.steps, "step")), pen.style(Role::Dim)),
    ]
}

fn draw_example(example: &Example, selected: bool, row: Rect, pen: &mut Pen<'_>) {
    let note = match (example.shown.is_right, example.infills, example.unseen) {
        (false, ..) => "goes wrong",
        (true, true, _) => "fills blanks",
        (true, false, true) => "words never seen",
        (true, false, false) => "",
    };
    let room = row.width.saturating_sub(2 + width(note));
    let text = cut(&example.prompt.replace('\n', pen.theme.glyphs.newline), room, pen.theme.glyphs.ellipsis);
    pen.put(row.x, row.y, room, &text, pen.style(if selected { Role::Text } else { Role::Dim }));
    pen.line_right(row, &Line::from(span(note, pen.style(Role::Note))));
}
