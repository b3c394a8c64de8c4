//! Samples of what the screen is drawn with: scales, bars and the entries of the legend, as spans and lines.

use ratatui::{
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::{
    pen::{span, width},
    token_style::{SURE, bounded},
};
use crate::tui::theme::{Role, Theme};

/// A scale from 0 to 1 in so many cells. Without colours the bars themselves rise.
fn scale(theme: Theme, cells: u16, style: impl Fn(f32) -> Style) -> Vec<Span<'static>> {
    let rising = theme.glyphs.rising;
    let glyph = |cell: u16| if theme.has_colour() { 5 } else { usize::from(cell) * 8 / usize::from(cells) };
    (0..cells).map(|cell| span(rising[glyph(cell)], style(f32::from(cell) / f32::from(cells - 1)))).collect()
}

/// A scale between the names of its ends, shorter where there are few `cells` for the whole line under the canvas.
pub fn key_scale(
    theme: Theme,
    cells: u16,
    [from, to]: [String; 2],
    style: impl Fn(f32) -> Style,
) -> Vec<Span<'static>> {
    let faint = theme.style(Role::Faint);
    let mut line = vec![span(format!("{from} "), faint)];
    line.extend(scale(theme, if is_roomy(cells) { 12 } else { 6 }, style));
    line.push(span(format!(" {to}"), faint));
    line
}

/// Whether the line under the canvas has room for long scales and names.
pub fn is_roomy(cells: u16) -> bool {
    cells >= 44
}

/// A scale in the legend, and what it measures.
pub fn legend_scale(theme: Theme, style: impl Fn(f32) -> Style, meaning: &'static str) -> Line<'static> {
    let mut line = vec![span("  ", theme.style(Role::Text))];
    line.extend(scale(theme, 12, style));
    line.push(span(format!("  {meaning}"), theme.style(Role::Dim)));
    Line::from(line)
}

/// How the scale of confidence looks; what is underlined in the text is underlined here, where there are no colours.
pub fn confidence(theme: Theme) -> impl Fn(f32) -> Style {
    move |confidence| {
        let is_marked = confidence < SURE && !theme.has_colour();
        let mark = if is_marked { Modifier::UNDERLINED } else { Modifier::empty() };
        theme.ink(theme.confidence(confidence)).add_modifier(mark)
    }
}

/// An entry of the legend: a sample, and what it means.
pub fn legend_entry(theme: Theme, sample: impl Into<String>, style: Style, meaning: &'static str) -> Line<'static> {
    let text = theme.style(Role::Text);
    let sample = span(sample, style);
    let pad = 14u16.saturating_sub(width(&sample.content));
    Line::from(vec![
        span("  ", text),
        sample,
        span(" ".repeat(usize::from(pad)), text),
        span(meaning, theme.style(Role::Dim)),
    ])
}

/// A thin bar that is filled to `share`, half a cell at a time, on its track.
pub fn bar(theme: Theme, cells: u16, share: f32, style: Style) -> Vec<Span<'static>> {
    let glyphs = theme.glyphs;
    let cells = usize::from(cells);
    let halves = (bounded(share) * cells as f32 * 2.0).round() as usize;
    let (full, half) = (halves / 2, halves % 2);
    let track = theme.style(Role::Line);
    let filled = track.patch(style);
    vec![
        span(glyphs.rule_done.repeat(full), filled),
        span(glyphs.rule_half.repeat(half), filled),
        span(glyphs.rule.repeat(cells - full - half), track),
    ]
}

/// A bar of one cell, as high as `share` and in the colour of that confidence.
pub fn rising(theme: Theme, share: f32) -> Span<'static> {
    let share = bounded(share);
    span(theme.glyphs.rising[((share * 7.99) as usize).min(7)], theme.ink(theme.confidence(share)))
}

/// A row of bars from the first layer of a network up, at most `cells` of them, on the scale of confidence. Where there
/// are more layers than cells, several share one, which shows the `pick` of them.
pub fn by_layer(
    theme: Theme,
    values: &[f32],
    cells: u16,
    pick: fn(f32, f32) -> f32,
    scale: fn(f32) -> f32,
) -> Vec<Span<'static>> {
    let share = values.len().div_ceil(usize::from(cells.max(1))).max(1);
    let picked = values.chunks(share).filter_map(|chunk| chunk.iter().copied().reduce(pick));
    picked.map(|value| rising(theme, scale(value))).collect()
}

/// A cosine on the scale of confidence; 0 from one half down.
pub fn cosine_share(cosine: f32) -> f32 {
    bounded(2.0 * cosine - 1.0)
}
