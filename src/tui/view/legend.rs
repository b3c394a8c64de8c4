//! What colours and marks mean: one line under the canvas, and all of it in an overlay.

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::{
    kv_map,
    layers::Layer,
    map::{MapKind, MapMark},
    pen::{Pen, centred, fitting, packed, span, width},
    run::RunView,
    step::StepView,
    token_style,
};
use crate::{
    decode::record::Reason,
    trace::Step,
    tui::{
        action::Action,
        app::App,
        theme::{BarPart, Role, Theme},
    },
};

/// One line for the active layer, as much of it as fits; where the layer has nothing to show, why, and what would give
/// it something.
pub(super) fn compact(run: &RunView<'_>, step: &StepView<'_>, theme: Theme, cells: u16) -> Line<'static> {
    let layer = run.lens.layer;
    if let Some(absence) = layer.absence(run, step) {
        return Line::from(span(absence, theme.style(Role::Note)));
    }
    let faint = theme.style(Role::Faint);
    let mut items = layer.key(theme, step, cells);
    items.extend(
        hands(theme).into_iter().zip(occurring(step)).filter(|(_, occurs)| *occurs).map(|(mark, _)| vec![mark]),
    );
    items.push(vec![span(format!("{} end of text", theme.glyphs.eos), faint)]);
    fitting(items, &span("   ", faint), cells)
}

/// What stands for tokens that no rule wrote: given, written by hand, pinned.
fn hands(theme: Theme) -> [Span<'static>; 3] {
    let pinned = theme.style(Role::Text).add_modifier(token_style::PINNED);
    [
        span("given", token_style::given(theme)),
        span("by hand", token_style::by_hand(theme, false)),
        span("pinned", pinned),
    ]
}

/// Which of these there are at a step.
fn occurring(step: &StepView<'_>) -> [bool; 3] {
    let by_hand = |step: &Step| step.commits.iter().any(|commit| commit.reason == Reason::ByHand);
    let written = step.log.steps().iter().take(step.steps).filter(|step| !step.edits().is_empty()).any(by_hand);
    [!step.log.header().given.is_empty(), written, step.has_pins()]
}

/// The whole legend.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let lines = lines(app.lens.layer, pen.theme);
    let frame = centred(area, 78, lines.len() as u16 + 2);
    let hidden = lines.len().saturating_sub(usize::from(frame.height.saturating_sub(2)));
    let foot = if hidden > 0 { " down scrolls, esc closes " } else { " esc closes " };
    let inner = pen.frame(frame, "legend", foot);
    pen.wheel(frame, Action::ListMove(-1), Action::ListMove(1));
    for (line, y) in lines.iter().skip(app.list.min(hidden)).zip(inner.top()..inner.bottom()) {
        pen.line(Rect { y, height: 1, ..inner }, line);
    }
}

/// Number of lines of the legend.
pub fn line_count(app: &App) -> usize {
    lines(app.lens.layer, app.theme).len()
}

/// The layers, the signs, the timeline: with an empty line between two of them.
fn lines(active: Layer, theme: Theme) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    for (index, layer) in Layer::all().enumerate() {
        lines.push(heading(index + 1, layer, layer == active, theme));
        lines.extend(layer.legend(theme));
        lines.push(Line::default());
    }
    lines.extend(signs(theme));
    let [given, by_hand, pinned] = hands(theme);
    let gap = || span("   ", theme.style(Role::Dim));
    let meaning = span(": no rule changes it", theme.style(Role::Dim));
    lines.push(Line::from(vec![given, gap(), by_hand, gap(), pinned, meaning]));
    lines.push(fails(theme));
    lines.push(Line::default());
    lines.extend(kv_map::legend(theme));
    lines.push(Line::default());
    lines.extend(steps(theme));
    lines.extend(map(theme));
    lines
}

/// The glyphs of the map, which in colour are tones.
fn map(theme: Theme) -> Vec<Line<'static>> {
    let dim = theme.style(Role::Dim);
    let sign = |kind: MapKind| {
        let glyph = MapMark::new(kind, 1.0).glyph(theme.glyphs);
        vec![span(format!("{glyph} "), theme.style(Role::Text)), span(kind.words(), dim)]
    };
    let shades = span(format!("{} ", theme.glyphs.shades.concat()), theme.style(Role::Text));
    let items = std::iter::once(vec![shades, span("drafts, unsure to sure", dim)]).chain(MapKind::SIGNS.map(sign));
    let heads =
        std::iter::once(span("map     ", theme.style(Role::Strong))).chain(std::iter::repeat(span("        ", dim)));
    let rows = packed(items, &span("   ", dim), 64);
    heads.zip(rows).map(|(head, row)| Line::from([vec![head], row].concat())).collect()
}

fn heading(key: usize, layer: Layer, is_active: bool, theme: Theme) -> Line<'static> {
    let style = theme.style(if is_active { Role::TitleFocused } else { Role::Strong });
    let now = if is_active { "  shown now" } else { "" };
    Line::from(vec![span(format!("{key} {}", layer.name()), style), span(now, theme.style(Role::Faint))])
}

/// What stands for tokens that have no text to show, and beside them.
fn signs(theme: Theme) -> [Line<'static>; 2] {
    let glyphs = theme.glyphs;
    let text = [
        (glyphs.eos, "end of text   "),
        (glyphs.newline, "line break   "),
        (glyphs.empty, "no text of its own, or part of a character"),
    ];
    let beside = [(glyphs.block, "block   "), (glyphs.new_draft, "this step changed the draft   ")];
    let given = [("[ ]", "given by the sudoku")];
    let sign =
        |(glyph, meaning)| [span(format!("{glyph} "), theme.style(Role::Faint)), span(meaning, theme.style(Role::Dim))];
    let line =
        |signs: Vec<(&'static str, &'static str)>| Line::from(signs.into_iter().flat_map(sign).collect::<Vec<_>>());
    [line(text.to_vec()), line([&beside[..], &given[..]].concat())]
}

/// How what fails in an answer is marked.
fn fails(theme: Theme) -> Line<'static> {
    let word = token_style::failed(theme, theme.style(Role::Text));
    Line::from(vec![
        span(format!("{} ", theme.glyphs.wrong), theme.style(Role::Bad)),
        span("word", word),
        span("  fails in a wrong answer; ! selects it", theme.style(Role::Dim)),
    ])
}

/// The bars of the timeline and what stands under them.
fn steps(theme: Theme) -> Vec<Line<'static>> {
    let dim = theme.style(Role::Dim);
    let mut lines = Vec::new();
    let mut row = vec![span("steps   ", theme.style(Role::Strong))];
    let mut used = 8;
    for reason in Reason::ALL.iter().copied() {
        let label = format!("{}   ", reason.short());
        if used + 2 + width(&label) > 68 {
            lines.push(Line::from(std::mem::replace(&mut row, vec![span("        ", dim)])));
            used = 8;
        }
        used += 2 + width(&label);
        row.push(span(format!("{} ", theme.glyphs.rising[5]), theme.ink(theme.reason(reason))));
        row.push(span(label, dim));
    }
    lines.push(Line::from(row));
    let marks: [(&str, _, &str); 3] = [
        (theme.glyphs.cursor, theme.style(Role::Accent), "the shown step   "),
        (theme.glyphs.change, theme.style(Role::Note), "a knob was turned   "),
        (theme.glyphs.mask_again, theme.ink(theme.remasked()), "tokens were masked again"),
    ];
    let more: [(&str, _, &str); 2] = [
        (theme.glyphs.edited, theme.style(Role::Strong), "changed by hand before this step   "),
        (theme.glyphs.fork, theme.style(Role::Accent), "the run branches off another one"),
    ];
    let trouble: [(&str, _, &str); 3] = [
        (theme.glyphs.wrong, theme.style(Role::Bad), "wrote what fails   "),
        ("!", theme.ink(theme.palette().vermilion), "the cache flips a token   "),
        (theme.glyphs.rejected, dim, "the guide accepts nothing"),
    ];
    let lanes: [(&str, _, &str); 2] = [
        ("R", theme.ink(theme.part(BarPart::Computed)), "every K/V row is computed   "),
        (theme.glyphs.block, dim, "a block begins"),
    ];
    let mark = |(glyph, style, meaning)| [span(format!("{glyph} "), style), span(meaning, dim)];
    for marks in [&marks[..], &more, &trouble, &lanes] {
        let marks = marks.iter().copied().flat_map(mark).collect::<Vec<Span<'static>>>();
        lines.push(Line::from([vec![span("        ", dim)], marks].concat()));
    }
    lines
}
