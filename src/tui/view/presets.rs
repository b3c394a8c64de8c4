//! The preset picker: what each is called, and what the selected one does.

use ratatui::{layout::Rect, text::Line};

use super::pen::{Pen, span, wrap};
use crate::{
    settings::presets,
    tui::{action::Action, app::App, theme::Role},
};

/// Rows for the description.
const DESCRIPTION: u16 = 7;

/// Draws the picker.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let presets = presets();
    let wide = 72.min(area.width.saturating_sub(2)).max(20);
    let high = (presets.len() as u16 + DESCRIPTION + 2).min(area.height);
    let frame = Rect {
        x: area.x + area.width.saturating_sub(wide) / 2,
        y: area.y + (area.height - high) / 2,
        width: wide,
        height: high,
    };
    let foot = Line::from(span(" enter takes it, esc closes ", pen.style(Role::Faint)));
    let inner = pen.frame(frame, "presets", &foot);
    let list = Rect { height: inner.height.saturating_sub(DESCRIPTION).max(1), ..inner };
    let height = usize::from(list.height);
    let scroll = app.list.saturating_sub(height.saturating_sub(1));
    pen.wheel(frame, Action::ListMove(-1), Action::ListMove(1));
    for ((index, preset), y) in presets.iter().enumerate().skip(scroll).zip(list.top()..list.bottom()) {
        let row = Rect { y, height: 1, ..list };
        let selected = index == app.list;
        if selected {
            pen.paint(row, pen.style(Role::Marked));
            pen.put(row.x, y, 1, pen.theme.glyphs.pointer, pen.style(Role::Accent));
        }
        pen.click(row, Action::ListSelect(index));
        let chosen = app.layers.preset().is_some_and(|chosen| chosen.name == preset.name);
        let style = pen.style(if selected || chosen { Role::Text } else { Role::Dim });
        pen.cut(row.x + 2, y, row.width.saturating_sub(24), &preset.title, style);
        let name = if chosen { format!("{} {}", pen.theme.glyphs.changed, preset.name) } else { preset.name.clone() };
        pen.line_right(row, &Line::from(span(name, pen.style(Role::Faint))));
    }
    let foot = Rect { y: list.bottom(), height: inner.bottom().saturating_sub(list.bottom()), ..inner };
    if let Some(preset) = presets.get(app.list).filter(|_| foot.height > 1) {
        let rule = pen.theme.glyphs.rule.repeat(usize::from(foot.width));
        pen.put(foot.x, foot.y, foot.width, &rule, pen.style(Role::Line));
        let knobs: Vec<_> = preset.knobs().map(|(name, value)| format!("{name} {value}")).collect();
        let mut lines: Vec<_> =
            wrap(&preset.description, foot.width).into_iter().map(|line| (line, Role::Text)).collect();
        lines.extend(wrap(&knobs.join(", "), foot.width).into_iter().map(|line| (line, Role::Faint)));
        for ((line, role), y) in lines.iter().zip(foot.y + 1..foot.bottom()) {
            pen.put(foot.x, y, foot.width, line, pen.style(*role));
        }
    }
}
