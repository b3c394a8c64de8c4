//! The gallery: prompts that the pair has learned, by family; the selected one in full, under which preset it is best
//! watched, and what there is to see then.

use ratatui::{layout::Rect, text::Line};

use super::{
    listing::{Listing, grouped},
    pen::{Pen, cut, span, width, wrap},
};
use crate::tui::{
    app::App,
    examples::{Example, what_to_watch},
    theme::Role,
};

/// Draws the gallery.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let heading = |example: &Example| (example.family.title().to_owned(), what_to_watch(example.family).to_owned());
    let listing = Listing {
        title: "gallery",
        foot: "enter denoises it, esc closes",
        wide: 96,
        detail: if area.height >= 24 { 7 } else { 4 },
        rows: &grouped(app.examples.iter().map(heading)),
        selected: app.list,
    };
    let detail = listing.draw(area, pen, |index, selected, row, pen| {
        if let Some(example) = app.examples.get(index) {
            draw_example(example, selected, row, pen);
        }
    });
    if let Some(example) = app.examples.get(app.list) {
        let watch = Line::from(vec![
            span(example.preset, pen.style(Role::Accent)),
            span(format!("  {}", example.watch), pen.style(Role::Dim)),
        ]);
        pen.line(Rect { height: detail.height.min(1), ..detail }, &watch);
        for (line, y) in wrap(&example.prompt, detail.width).iter().zip(detail.top() + 1..detail.bottom()) {
            pen.put(detail.x, y, detail.width, line, pen.style(Role::Text));
        }
    }
}

fn draw_example(example: &Example, selected: bool, row: Rect, pen: &mut Pen<'_>) {
    let note = match (example.fails, example.infills, example.unseen) {
        (true, ..) => "goes wrong",
        (false, true, _) => "fills blanks",
        (false, false, true) => "words never seen",
        (false, false, false) => "",
    };
    let room = row.width.saturating_sub(2 + width(note));
    let text = cut(&example.prompt.replace('\n', pen.theme.glyphs.newline), room, pen.theme.glyphs.ellipsis);
    pen.put(row.x, row.y, room, &text, pen.style(if selected { Role::Text } else { Role::Dim }));
    pen.line_right(row, &Line::from(span(note, pen.style(Role::Note))));
}
