//! A card of the tour beside the pane that it is about; the light is taken off the others.

use ratatui::{
    layout::Rect,
    style::Modifier,
    text::{Line, Span},
};

use super::{
    layout::Regions,
    pen::{Pen, packed, span, wrap},
};
use crate::tui::{
    action::Action,
    app::App,
    keymap::Context,
    theme::Role,
    tour::{CARDS, TourCard, TourPane, cards},
};

/// Widest card, in cells.
const WIDE: u16 = 84;

/// Narrower than the pane only down to here.
const LEAST: u16 = 60;

/// Draws the card.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let Some(number) = app.card() else { return };
    let card = &cards()[number];
    let plan = Regions::of(app, area);
    let pane = match card.pane {
        TourPane::Canvas => plan.canvas,
        TourPane::Timeline => plan.timeline.unwrap_or(plan.canvas),
    };
    shade_around(pane, area, pen);
    let wide = WIDE.min(pane.width.max(LEAST)).min(area.width.saturating_sub(2));
    let lines = lines(app, card, wide.saturating_sub(4), pen);
    let high = (lines.len() as u16 + 2).min(area.height);
    let x = pane.x + pane.width.saturating_sub(wide) / 2;
    let x = x.min(area.right().saturating_sub(wide));
    let place = Rect { x, y: row(pane, area, high), width: wide, height: high };
    let title = format!("{} of {CARDS} {} {}", number + 1, pen.theme.glyphs.dot, card.title);
    let inner = pen.frame(place, &title, &foot(app, number, pen));
    for (line, y) in lines.into_iter().zip(inner.top()..inner.bottom()) {
        pen.line(Rect { y, height: 1, ..inner }, &Line::from(line));
    }
    pen.click(place, Action::ListAccept);
}

/// Where a card of that height hides nothing of the pane: below, above, or where it hides least.
fn row(pane: Rect, area: Rect, high: u16) -> u16 {
    if pane.bottom() + high <= area.bottom() {
        pane.bottom()
    } else if area.y + high <= pane.y {
        pane.y - high
    } else {
        area.bottom() - high
    }
}

/// Takes the light off what is around a pane.
fn shade_around(pane: Rect, area: Rect, pen: &mut Pen<'_>) {
    let around = [
        Rect { height: pane.y - area.y, ..area },
        Rect { y: pane.bottom(), height: area.bottom() - pane.bottom(), ..area },
        Rect { width: pane.x - area.x, y: pane.y, height: pane.height, ..area },
        Rect { x: pane.right(), width: area.right() - pane.right(), y: pane.y, height: pane.height },
    ];
    for part in around {
        pen.shade(part);
        if !pen.theme.paints() {
            pen.paint(part, pen.style(Role::Text).remove_modifier(Modifier::all()).add_modifier(Modifier::DIM));
        }
    }
}

/// What a card says, then the keys that belong to it.
fn lines(app: &App, card: &TourCard, cells: u16, pen: &Pen<'_>) -> Vec<Vec<Span<'static>>> {
    let text = wrap(card.text, cells).into_iter().map(|line| vec![span(line, pen.style(Role::Text))]);
    let keys = card.actions.iter().filter_map(|action| {
        let key = app.key_name(action, Context::Canvas, pen.theme.has_signs())?;
        let binding = app.keymap().bindings().iter().find(|binding| binding.action == *action)?;
        Some(vec![
            span(format!("{key} "), pen.style(Role::Accent)),
            span(binding.label.to_string(), pen.style(Role::Dim)),
        ])
    });
    let gap = span(format!("  {}  ", pen.theme.glyphs.dot), pen.style(Role::Faint));
    text.chain([Vec::new()]).chain(packed(keys, &gap, cells)).collect()
}

fn foot(app: &App, number: usize, pen: &Pen<'_>) -> String {
    let signs = pen.theme.has_signs();
    let key = |by| app.key_name(&Action::ListMove(by), Context::Tour, signs).unwrap_or_default();
    match number {
        0 => format!(" {} next, any other key leaves ", key(1)),
        number if number + 1 == CARDS => format!(" {} back, any other key leaves ", key(-1)),
        _ => format!(" {} {} the others, any other key leaves ", key(-1), key(1)),
    }
}
