//! The preset picker: what each is called, by method, and what the selected one does.

use ratatui::{layout::Rect, text::Line};

use super::{
    listing::{Listing, grouped},
    pen::{Pen, span, wrap},
};
use crate::{
    settings::{Preset, presets},
    tui::{app::App, theme::Role},
};

/// Draws the picker.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let presets = presets();
    let listing = Listing {
        title: "presets",
        foot: "enter takes it, esc closes",
        wide: 84,
        detail: if area.height >= 24 { 8 } else { 5 },
        rows: &grouped(presets.iter().map(|preset| (preset.method.clone(), String::new()))),
        selected: app.list,
    };
    let detail = listing.draw(area, pen, |index, selected, row, pen| {
        if let Some(preset) = presets.get(index) {
            draw_preset(app, preset, selected, row, pen);
        }
    });
    if let Some(preset) = presets.get(app.list) {
        let knobs: Vec<_> = preset.knobs().map(|(name, value)| format!("{name} {value}")).collect();
        let mut lines: Vec<_> =
            wrap(&preset.description, detail.width).into_iter().map(|line| (line, Role::Text)).collect();
        lines.extend(wrap(&knobs.join(", "), detail.width).into_iter().map(|line| (line, Role::Faint)));
        for ((line, role), y) in lines.iter().zip(detail.top()..detail.bottom()) {
            pen.put(detail.x, y, detail.width, line, pen.style(*role));
        }
    }
}

fn draw_preset(app: &App, preset: &Preset, selected: bool, row: Rect, pen: &mut Pen<'_>) {
    let chosen = app.layers.preset().is_some_and(|chosen| chosen.name == preset.name);
    let style = pen.style(if selected || chosen { Role::Text } else { Role::Dim });
    pen.cut(row.x, row.y, row.width.saturating_sub(26), &preset.title, style);
    let name = if chosen { format!("{} {}", pen.theme.glyphs.changed, preset.name) } else { preset.name.clone() };
    pen.line_right(row, &Line::from(span(name, pen.style(Role::Faint))));
}
