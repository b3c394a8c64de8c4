//! The preset picker: what each preset is called, whether it fits, where it is published and what it measured here, by
//! method; a filter to type; and what the selected one does.
//!
//! ```text
//! ╭ presets ─────────────────────────────────────────────────────────────────────────╮
//! │ filter dual█                                                          6 of 53    │
//! │   preset             what it is             fits?           paper      beside plain │
//! │ Fast-dLLM                                                                        │
//! │ ▸ ✓ fast-dllm-dual   Fast-dLLM, dual cache                  arXiv 2505…  8.1× 3.4× │
//! │ ──────────────────────────────────────────────────────────────────────────────── │
//! │ why it does not fit, what it does, its knobs                                     │
//! ╰───────────────────────────────── enter takes it, ^R takes and runs, esc closes ╯
//! ```

use ratatui::{layout::Rect, text::Line};

use super::{
    filter,
    listing::{Listing, grouped},
    pen::{Pen, span, wrap},
};
use crate::{
    session::SpeedUp,
    tui::{
        app::App,
        presets::{Fit, PresetRow},
        theme::Role,
    },
};

/// Cells of a name, the mark before it included.
const NAME: u16 = 24;
/// Cells of the two words for why a preset does not fit.
const FIT: u16 = 16;
/// Cells of where a method is published.
const PAPER: u16 = 17;
/// Cells of a measured speed-up.
const SPEED: u16 = 15;
/// What a title is not cut below.
const LEAST_TITLE: u16 = 17;

/// Draws the picker.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let presets = app.preset_rows();
    let rows = grouped(presets.iter().map(|row| (row.preset.heading().to_owned(), String::new())));
    let detail = if area.height >= 24 { 8 } else { 5 };
    let foot = "enter takes it, ^R takes and runs, esc closes";
    let listing = Listing { title: "presets", foot, wide: 118, detail, rows: &rows, selected: app.list };
    let has_speeds = presets.iter().any(|row| row.speed.is_some());
    let (head, detail) = listing.draw_under(2, area, pen, |index, selected, place, pen| {
        if let Some(row) = presets.get(index) {
            let columns = PresetColumns::of(place.width, has_speeds);
            draw_preset(app, row, columns, selected, place, pen);
        }
    });
    draw_head(app, presets.len(), has_speeds, head, pen);
    if let Some(row) = presets.get(app.list) {
        draw_detail(row, detail, pen);
    } else {
        let sentence = "no preset has all of these words: backspace erases one, ^U all of them";
        pen.cut(detail.x, detail.y, detail.width, sentence, pen.style(Role::Note));
    }
}

/// How wide the columns are; what does not fit beside name and title is left out.
#[derive(Debug, Clone, Copy)]
struct PresetColumns {
    title: u16,
    fit: u16,
    paper: u16,
    speed: u16,
}

impl PresetColumns {
    fn of(width: u16, has_speeds: bool) -> Self {
        let mut left = width.saturating_sub(NAME);
        let mut take = |cells: u16, is_wanted: bool| {
            let fits = is_wanted && left >= LEAST_TITLE + cells;
            left -= if fits { cells } else { 0 };
            if fits { cells } else { 0 }
        };
        let (speed, fit, paper) = (take(SPEED, has_speeds), take(FIT, true), take(PAPER, true));
        Self { title: left, fit, paper, speed }
    }
}

/// What is typed and how many presets it leaves; below it the heads of the columns.
fn draw_head(app: &App, found: usize, has_speeds: bool, head: Rect, pen: &mut Pen<'_>) {
    let faint = pen.style(Role::Faint);
    let all = app.presets.library.all().count();
    let counted = format!("{found} of {all}");
    filter::draw(&app.presets.filter, "type words of a name, a method, a paper, a slot", &counted, head, pen);
    if head.height < 2 {
        return;
    }
    let y = head.y + 1;
    let columns = PresetColumns::of(head.width.saturating_sub(2), has_speeds);
    let mut x = head.x + 4;
    pen.put(x, y, NAME.min(head.width), "preset", faint);
    x += NAME - 2;
    for (cells, word) in [(columns.title, "what it is"), (columns.fit, "fits?"), (columns.paper, "paper")] {
        pen.put(x, y, cells, word, faint);
        x += cells;
    }
    if columns.speed > 0 {
        let words = span(format!("{:>7}{:>7}", "time", "passes"), faint);
        pen.line_right(Rect { y, height: 1, ..head }, &Line::from(words));
    }
}

fn draw_preset(app: &App, row: &PresetRow<'_>, columns: PresetColumns, selected: bool, place: Rect, pen: &mut Pen<'_>) {
    let glyphs = pen.theme.glyphs;
    let preset = row.preset;
    let chosen = app.layers.preset().is_some_and(|chosen| chosen.name == preset.name);
    let (mark, role) = match &row.fit {
        Fit::Fits => (glyphs.right, Role::Good),
        Fit::MadeForOthers(_) => ("~", Role::Note),
        Fit::Refused { .. } => (glyphs.wrong, Role::Bad),
    };
    pen.put(place.x, place.y, 1, mark, pen.style(role));
    let strength = if selected || chosen { Role::Text } else { Role::Dim };
    let name = if chosen { format!("{} {}", preset.name, glyphs.changed) } else { preset.name.clone() };
    let mut x = place.x + 2;
    pen.cut(x, place.y, (NAME - 3).min(place.width.saturating_sub(2)), &name, pen.style(strength));
    x += NAME - 2;
    let cells = [
        (columns.title, preset.title.as_str(), strength),
        (columns.fit, row.fit.short(), role),
        (columns.paper, &preset.paper, Role::Faint),
    ];
    for (cells, text, role) in cells {
        pen.cut(x, place.y, cells.saturating_sub(1), text, pen.style(role));
        x += cells;
    }
    if let Some(speed) = row.speed.filter(|_| columns.speed > 0) {
        let measured = span(measured(speed, glyphs.times), pen.style(Role::Strong));
        pen.line_right(place, &Line::from(measured));
    }
}

/// "15.3×   3.4×": by time and by passes.
fn measured(speed: SpeedUp, times: &str) -> String {
    let time = speed.time.map_or_else(String::new, |time| format!("{time:.1}{times}"));
    let passes = format!("{:.1}{times}", speed.passes);
    format!("{time:>7}{passes:>7}")
}

/// Why the preset does not fit, what it does, what was measured, and its knobs.
fn draw_detail(row: &PresetRow<'_>, area: Rect, pen: &mut Pen<'_>) {
    let preset = row.preset;
    let knobs: Vec<_> = preset.knobs().map(|(name, value)| format!("{name} {value}")).collect();
    let times = pen.theme.glyphs.times;
    let speed = row.speed.map(|speed| {
        let time = speed.time.map_or_else(String::new, |time| format!("{time:.1}{times} as fast, "));
        format!("measured beside the plain run of this prompt: {time}{:.1}{times} the tokens per pass", speed.passes)
    });
    let why = if matches!(row.fit, Fit::Refused { .. }) { Role::Bad } else { Role::Note };
    let paper = Some(preset.paper.as_str()).filter(|paper| !paper.is_empty());
    let paragraphs = [
        (row.fit.reason().map(str::to_owned), why),
        (Some(preset.description.clone()), Role::Text),
        (speed, Role::Dim),
        (paper.map(str::to_owned), Role::Faint),
        (Some(knobs.join(", ")), Role::Faint),
    ];
    let lines = paragraphs.into_iter().filter_map(|(text, role)| Some((wrap(&text?, area.width), role)));
    let lines = lines.flat_map(|(lines, role)| lines.into_iter().map(move |line| (line, role)));
    for ((line, role), y) in lines.zip(area.top()..area.bottom()) {
        pen.put(area.x, y, area.width, &line, pen.style(role));
    }
}
