//! The canvas: prompt and answer as running text, each token in the style that the layer gives it.

use ratatui::{
    layout::{Rect, Size},
    style::{Modifier, Style},
    text::{Line, Span},
};

use super::{
    caption,
    layers::{CanvasCell, Layer},
    legend,
    page::Page,
    pen::{self, Pen, Viewport, span},
    row::{Fragment, Ink, TextRow},
    run::RunView,
    step::{State, StepView},
    token_style, turns,
};
use crate::{
    session::Phase,
    tui::{
        action::Action,
        app::{Lens, TopRow},
        arrangement::Arrangement,
        theme::{Role, Theme},
    },
};

/// Cells of the gutter, where there is one.
pub(super) const GUTTER: u16 = 6;

/// Longer lines are hard to read, however wide the terminal.
pub(super) const MEASURE: u16 = 104;

/// Rows that a turn of the wheel scrolls by.
const WHEEL: i64 = 3;

/// Draws the canvas: its rule, the tokens, what the step did, what the colours mean.
pub fn draw(run: &RunView<'_>, area: Rect, pen: &mut Pen<'_>) {
    if area.height < 3 || area.width < 8 {
        return;
    }
    let step = run.step();
    rule(run, &step, Rect { height: 1, ..area }, pen);
    let foot = if area.height >= 9 { 3 } else { u16::from(area.height >= 5) };
    let body = Rect { y: area.y + 1, height: area.height - 1 - foot, ..area };
    let air = u16::from(body.height >= 10);
    let body = Rect { y: body.y + air, height: body.height - air, ..body };
    let body = turns::draw(&run.log.header().turns, body, area.height / 3, pen);
    let hidden = draw_tokens(run, &step, body, pen);
    let row = |up: u16| Rect { y: area.bottom() - up, height: 1, ..area };
    if foot == 3 {
        let lines = failure(run, pen).map_or_else(|| caption::of(&step, pen, area.width), |line| vec![line]);
        for (line, up) in lines.iter().rev().zip([2, 3]) {
            pen.line(row(up), line);
        }
        let more = Line::from(span(out_of_sight(hidden, pen.theme), pen.style(Role::Dim)));
        let room = area.width.saturating_sub(pen::width(&more.spans[0].content) + 2);
        pen.line_right(row(1), &more);
        pen.line(row(1), &legend::compact(run, &step, pen.theme, room));
    } else if foot == 1
        && let Some(line) = caption::of(&step, pen, area.width).first()
    {
        pen.line(row(1), line);
    }
}

/// Why the run failed, where its last step is shown.
fn failure(run: &RunView<'_>, pen: &Pen<'_>) -> Option<Line<'static>> {
    match run.phase {
        Phase::Failed(message) if run.follows => {
            Some(Line::from(span(format!("{} {message}", pen.theme.glyphs.wrong), pen.style(Role::Bad))))
        }
        _ => None,
    }
}

/// How many rows there are above and below those in sight.
fn out_of_sight(hidden: (usize, usize), theme: Theme) -> String {
    let [up, down] = theme.glyphs.up_down;
    match hidden {
        (0, 0) => String::new(),
        (0, below) => format!("{down} {below} more"),
        (above, 0) => format!("{up} {above} more"),
        (above, below) => format!("{up} {above}  {down} {below} more"),
    }
}

/// The title of a pane and the layers that it can be read by; returns the cell behind them as well.
pub(super) fn title(name: &str, run: &RunView<'_>, row: Rect, pen: &mut Pen<'_>) -> (Vec<Span<'static>>, u16) {
    let mut title = vec![span(name, pen.style(if run.focused { Role::TitleFocused } else { Role::Title }))];
    let indent = pen::width(name) + 2;
    // Where not all names have room, that of the active layer does.
    let names: u16 = Layer::all().map(|layer| 4 + pen::width(layer.name())).sum();
    let is_narrow = indent + names > row.width;
    // Digits move closer together where they would be cut off.
    let digits = 3 * (Layer::all().len() as u16 - 1) + 4 + pen::width(run.lens.layer.name());
    let gap = if is_narrow && indent + digits > row.width { 1 } else { 2 };
    let mut x = row.x + pen::width(name) + gap;
    for (layer, key) in Layer::all().zip(1..) {
        let active = layer == run.lens.layer;
        let label = if is_narrow && !active { key.to_string() } else { format!("{key} {}", layer.name()) };
        title.push(span(" ".repeat(gap.into()), pen.style(Role::Text)));
        let width = pen::width(&label);
        // The gaps belong to their neighbours, so that a digit is not missed.
        pen.click(Rect { x: x - 1, width: width + gap, ..row }, Action::Layer(layer));
        x += width + gap;
        title.push(span(label, pen.style(if active { Role::Accent } else { Role::Faint })));
    }
    (title, x)
}

/// The rule: the layers, and how much of the answer is written.
fn rule(run: &RunView<'_>, step: &StepView<'_>, row: Rect, pen: &mut Pen<'_>) {
    let (title, x) = title("canvas", run, row, pen);
    let (written, total) = progress(step);
    let mut right = Line::from(vec![
        span(written.to_string(), pen.style(Role::Text)),
        span(format!(" of {total}"), pen.style(Role::Dim)),
        span(" written", pen.style(Role::Dim)),
    ]);
    // Where there is no room for the words, there may be for the numbers.
    if x + pen::cells(&right.spans) + 3 > row.right() {
        right.spans.pop();
    }
    let rule = pen.rule(row, &Line::from(title), &right);
    fill(rule, step, pen);
}

/// How many of how many positions of the answer are written.
fn progress(step: &StepView<'_>) -> (usize, usize) {
    let total = step.log.header().gen_length;
    let masked = (step.prompt_length()..step.length()).filter(|at| step.state(*at) == State::Masked).count();
    (total.saturating_sub(masked), total)
}

/// Fills a rule as far as the answer is written.
pub(super) fn fill(rule: Rect, step: &StepView<'_>, pen: &mut Pen<'_>) {
    let (written, total) = progress(step);
    let done = (f64::from(rule.width) * written as f64 / total.max(1) as f64).round() as u16;
    let bar = pen.theme.glyphs.rule_done.repeat(usize::from(done.min(rule.width)));
    pen.put(rule.x, rule.y, rule.width, &bar, pen.style(Role::Accent));
}

/// Draws the tokens, and returns how many rows are hidden above and below.
pub(super) fn draw_tokens(run: &RunView<'_>, step: &StepView<'_>, area: Rect, pen: &mut Pen<'_>) -> (usize, usize) {
    let gutter = if area.width >= 60 { GUTTER } else { 0 };
    let measure = if run.lens.arrangement == Arrangement::Grid { u16::MAX } else { MEASURE };
    let text = Rect { x: area.x + gutter, width: (area.width - gutter).min(measure), ..area };
    pen.wheel(area, Action::Scrub(-1), Action::Scrub(1));
    let rows = Page { lens: run.lens, step, theme: pen.theme, room: text.as_size() }.rows();
    let height = usize::from(text.height);
    let lowest = rows.len().saturating_sub(height);
    let top = top_row(run.lens, step, &rows, height).min(lowest);
    pen.drawn.canvas = Viewport { width: text.width, height: text.height, top, lowest };
    if lowest > 0 {
        pen.scroll(area, Action::ScrollCanvas(-WHEEL), Action::ScrollCanvas(WHEEL));
    }
    for (row, y) in rows.iter().skip(top).zip(text.top()..text.bottom()) {
        if gutter > 0 {
            draw_gutter(step, row, Rect { y, width: gutter, height: 1, ..area }, pen);
        }
        for piece in &row.pieces {
            draw_piece(run, step, piece, Rect { y, height: 1, ..text }, pen);
        }
    }
    (top, lowest - top)
}

/// What stands before a row: its first position, whether something in it fails, whether a block begins with it.
fn draw_gutter(step: &StepView<'_>, row: &TextRow, gutter: Rect, pen: &mut Pen<'_>) {
    if let Some(first) = row.first() {
        pen.put(gutter.x, gutter.y, gutter.width - 1, &format!("{first:>4}"), pen.style(Role::Faint));
    }
    if row.opens_block {
        pen.put(gutter.right() - 1, gutter.y, 1, pen.theme.glyphs.block, pen.style(Role::Line));
    }
    if row.pieces.iter().any(|piece| fails(step, piece)) {
        pen.put(gutter.right() - 2, gutter.y, 1, pen.theme.glyphs.wrong, pen.style(Role::Bad));
    }
}

/// Draws a piece of a row, which selects its position where it is clicked.
fn draw_piece(run: &RunView<'_>, step: &StepView<'_>, piece: &Fragment, row: Rect, pen: &mut Pen<'_>) {
    let lens = run.lens;
    let cells = Rect { x: row.x + piece.x, width: piece.width.min(row.width.saturating_sub(piece.x)), ..row };
    let Some(position) = piece.position else {
        let role = if piece.ink == Ink::Mark { Role::Faint } else { Role::Line };
        pen.put(cells.x, cells.y, cells.width, &piece.text, pen.style(role));
        return;
    };
    let mut style = lens.layer.style(&CanvasCell { theme: pen.theme, step, position, ink: piece.ink });
    if piece.ink == Ink::Sign && step.state(position) != State::Masked && !step.is_eos(position) {
        style = style.patch(faded(pen.theme, style));
    }
    if step.is_pinned(position) {
        style = style.add_modifier(token_style::PINNED);
    }
    if run.span.is_some_and(|(first, last)| (first..=last).contains(&position)) {
        style = style.patch(pen.style(Role::Marked)).add_modifier(Modifier::UNDERLINED);
    }
    if fails(step, piece) {
        style = token_style::failed(pen.theme, style);
    }
    // The space that a word brings along is no part of what is marked.
    let bare = piece.text.trim_matches(' ');
    let is_beside = bare.is_empty() && !step.canvas.piece(position).trim().is_empty();
    if is_beside {
        return pen.click(cells, Action::Select(position));
    }
    if lens.selected.is_some_and(|selected| piece.shows(selected)) {
        style = style.patch(pen.style(Role::Selected));
    }
    let before = (piece.text.len() - piece.text.trim_start_matches(' ').len()) as u16;
    if bare.is_empty() {
        pen.put(cells.x, cells.y, cells.width, &piece.text, style);
    } else {
        pen.put(cells.x + before, cells.y, cells.width.saturating_sub(before), bare, style);
    }
    pen.click(cells, Action::Select(position));
}

/// Whether a piece shows a part of what fails in the answer.
fn fails(step: &StepView<'_>, piece: &Fragment) -> bool {
    step.failed().is_some_and(|mut failed| failed.any(|position| piece.shows(position)))
}

/// Signs (line breaks, tokens without text) keep their colour only where they are fresh.
fn faded(theme: Theme, style: Style) -> Style {
    if style.bg.is_some() { Style::new() } else { theme.style(Role::Faint) }
}

/// The first row to show.
fn top_row(lens: &Lens, step: &StepView<'_>, rows: &[TextRow], height: usize) -> usize {
    let row_of = |position: usize| rows.iter().position(|row| row.shows(position));
    match (lens.top, lens.selected) {
        (Some(TopRow::Chosen(top)), _) => top,
        (Some(TopRow::Near(top)), Some(selected)) => {
            row_of(selected).map_or(top, |row| top.clamp((row + 1).saturating_sub(height.max(1)), row))
        }
        (_, selected) => {
            let at = selected.unwrap_or_else(|| frontier(step));
            let lowest = rows.len().saturating_sub(height);
            // An answer that the pane can hold is shown whole, with a row before it.
            if at >= step.prompt_length() && row_of(step.prompt_length()).is_some_and(|row| row > lowest) {
                return lowest;
            }
            // By halves of the pane, so that what is looked at stands in its middle and the rows seldom move.
            let row = row_of(at).unwrap_or(0);
            let half = (height / 2).max(1);
            (row / half * half).saturating_sub(half / 2)
        }
    }
}

/// How far the writing is: the beginning of the active block and as many positions behind it as have been written in it, in
/// whatever order. It never goes back within a block, even where tokens are masked again.
fn frontier(step: &StepView<'_>) -> usize {
    let header = step.log.header();
    let is_text = |id: u32| id != header.mask_id && !header.is_end(id);
    let held = |position: &usize| step.log.held(*position).take_while(|(since, _)| *since <= step.steps);
    let (start, end) = match step.region() {
        Some(region) if region.start < region.end => (region.start, region.end.min(step.length())),
        _ => (step.prompt_length(), step.length()),
    };
    let written = (start..end).filter(|position| held(position).any(|(_, id)| is_text(id))).count();
    // Before the first step the prompt is looked at.
    if step.steps == 0 { 0 } else { start + written.saturating_sub(1) }
}

/// Whether the arrangement that suits a canvas which was drawn so is running text.
pub fn suits_text(run: &RunView<'_>, theme: Theme, drawn: Viewport) -> bool {
    Page { lens: run.lens, step: &run.step(), theme, room: room(drawn) }.suits_text()
}

/// The nearest position in the row above (`by` −1) or below (+1) of a canvas that was drawn so.
pub fn neighbour(run: &RunView<'_>, theme: Theme, drawn: Viewport, position: usize, by: i64) -> Option<usize> {
    let rows = Page { lens: run.lens, step: &run.step(), theme, room: room(drawn) }.rows();
    let rows: Vec<&TextRow> = rows.iter().filter(|row| row.first().is_some()).collect();
    let at = rows.iter().position(|row| row.shows(position))?;
    let x = rows[at].pieces.iter().find(|piece| piece.shows(position)).map_or(0, |piece| piece.x);
    let target = usize::try_from(at as i64 + by).ok()?;
    let pieces = rows.get(target)?.pieces.iter().filter(|piece| piece.position.is_some());
    pieces.min_by_key(|piece| piece.x.abs_diff(x)).and_then(|piece| piece.position)
}

/// The room that a canvas was laid out in; some, before there was one.
fn room(drawn: Viewport) -> Size {
    Size::new(drawn.width.max(20), drawn.height)
}
