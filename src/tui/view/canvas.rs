//! The canvas: prompt and answer as running text, each token in the style that the layer gives it.

use std::borrow::Cow;

use ratatui::{
    layout::Rect,
    style::{Modifier, Style},
    text::Line,
};

use super::{
    caption,
    flow::{Fragment, Ink, TextRow, Token, flow},
    layers::{CanvasCell, Layer},
    legend,
    pen::{self, Pen, span},
    run::RunView,
    step::{State, StepView},
    token_style, turns,
};
use crate::{
    printable,
    session::Phase,
    tui::{
        action::Action,
        app::Lens,
        theme::{Role, Theme},
    },
};

/// Cells of the gutter, where there is one.
pub(super) const GUTTER: u16 = 6;

/// The longest draft that is shown whole in place of a mask.
const LONGEST_DRAFT: u16 = 14;

/// Longer lines are hard to read, however wide the terminal.
pub(super) const MEASURE: u16 = 104;

/// Cells that a token and what is around it take, as a rule: to foresee whether the answer leaves room to breathe.
const CELLS_PER_TOKEN: usize = 4;

/// The canvas in rows: the prompt's, then the answer's.
struct Page {
    prompt: Vec<TextRow>,
    answer: Vec<TextRow>,
}

impl Page {
    fn of(lens: &Lens, step: &StepView<'_>, theme: Theme, width: u16) -> Self {
        let tokens = tokens(lens, step, theme);
        let (prompt, answer) = tokens.split_at(step.prompt_length().min(tokens.len()));
        // Earlier turns stand above, as text.
        let prompt = &prompt[step.log.header().turn_start().min(prompt.len())..];
        let rows = |tokens| flow(tokens, width, theme.glyphs.newline, theme.glyphs.block);
        Self { prompt: rows(prompt), answer: rows(answer) }
    }

    /// All rows; an empty one stands between prompt and answer.
    fn rows(&self) -> impl Iterator<Item = Option<&TextRow>> {
        let gap = (!self.prompt.is_empty()).then_some(None);
        self.prompt.iter().map(Some).chain(gap).chain(self.answer.iter().map(Some))
    }
}

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

/// The rule: the layers, and how much of the answer is written.
fn rule(run: &RunView<'_>, step: &StepView<'_>, row: Rect, pen: &mut Pen<'_>) {
    let mut title = vec![span("canvas", pen.style(if run.focused { Role::TitleFocused } else { Role::Title }))];
    // Where not all names have room, that of the active layer does.
    let names: u16 = Layer::all().map(|layer| 4 + pen::width(layer.name())).sum();
    let is_narrow = 8 + names > row.width;
    // Digits move closer together where they would be cut off.
    let digits = 3 * (Layer::all().len() as u16 - 1) + 4 + pen::width(run.lens.layer.name());
    let gap = if is_narrow && 8 + digits > row.width { 1 } else { 2 };
    let mut x = row.x + 6 + gap;
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
    let text = Rect { x: area.x + gutter, width: (area.width - gutter).min(MEASURE), ..area };
    pen.drawn.text_width = text.width;
    pen.wheel(area, Action::Scrub(-1), Action::Scrub(1));
    let page = Page::of(run.lens, step, pen.theme, text.width);
    let rows: Vec<_> = page.rows().collect();
    let leading = leading(step, &page, text);
    let visible = usize::from(area.height / leading);
    let scroll = scroll(run.lens, step, &rows, visible);
    let mut below = area.top();
    for row in rows.iter().skip(scroll) {
        let y = below;
        if y >= area.bottom() {
            break;
        }
        below += if row.is_some() { leading } else { 1 };
        let Some(row) = row else { continue };
        if let Some(first) = row.first().filter(|_| gutter > 0) {
            pen.put(area.x, y, gutter - 1, &format!("{first:>4}"), pen.style(Role::Faint));
        }
        if gutter > 0 && row.pieces.iter().any(|piece| fails(step, piece)) {
            pen.put(area.x + gutter - 2, y, 1, pen.theme.glyphs.wrong, pen.style(Role::Bad));
        }
        for piece in &row.pieces {
            draw_piece(run, step, piece, Rect { y, height: 1, ..text }, pen);
        }
    }
    (scroll, rows.len().saturating_sub(scroll + visible))
}

/// Draws a piece of a row, which selects its position where it is clicked.
fn draw_piece(run: &RunView<'_>, step: &StepView<'_>, piece: &Fragment, row: Rect, pen: &mut Pen<'_>) {
    let lens = run.lens;
    let cells = Rect { x: row.x + piece.x, width: piece.width.min(row.width.saturating_sub(piece.x)), ..row };
    let Some(position) = piece.position else {
        pen.put(cells.x, cells.y, cells.width, &piece.text, pen.style(Role::Line));
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
    if lens.selected.is_some_and(|selected| piece.shows(selected)) {
        style = style.patch(pen.style(Role::Selected));
    }
    // The space that a word brings along is no part of what is marked.
    let bare = piece.text.trim_matches(' ');
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

/// Rows from one line to the next: two where the whole canvas fits so. Foreseen from the number of masks, so that it
/// holds for the whole run.
fn leading(step: &StepView<'_>, page: &Page, text: Rect) -> u16 {
    let answer = step.log.header().gen_length * CELLS_PER_TOKEN / usize::from(text.width.max(1)) + 1;
    let rows = page.prompt.len() + answer;
    if rows * 2 < usize::from(text.height) { 2 } else { 1 }
}

/// Signs (line breaks, tokens without text) keep their colour only where they are fresh.
fn faded(theme: Theme, style: Style) -> Style {
    if style.bg.is_some() { Style::new() } else { theme.style(Role::Faint) }
}

/// The first row to show: the selected token, or what the step wrote last, stays in sight.
fn scroll(lens: &Lens, step: &StepView<'_>, rows: &[Option<&TextRow>], height: usize) -> usize {
    let last_written = step.record.as_ref().and_then(|record| {
        let text = record.commits.iter().filter(|commit| !step.log.header().is_end(commit.token));
        text.map(|commit| commit.position).max().or_else(|| record.commits.first().map(|commit| commit.position))
    });
    let kept = lens.selected.or(last_written).unwrap_or(0);
    let at = rows.iter().position(|row| row.is_some_and(|row| row.shows(kept))).unwrap_or(0);
    let most = rows.len().saturating_sub(height);
    at.saturating_sub(height.saturating_mul(2) / 3).min(most)
}

/// The nearest position in the row above (`by` −1) or below (+1), where the rows are `width` cells wide.
pub fn neighbour(run: &RunView<'_>, theme: Theme, width: u16, position: usize, by: i64) -> Option<usize> {
    let page = Page::of(run.lens, &run.step(), theme, width.max(20));
    let rows: Vec<&TextRow> = page.rows().flatten().collect();
    let at = rows.iter().position(|row| row.shows(position))?;
    let x = rows[at].pieces.iter().find(|piece| piece.shows(position)).map_or(0, |piece| piece.x);
    let target = usize::try_from(at as i64 + by).ok()?;
    let pieces = rows.get(target)?.pieces.iter().filter(|piece| piece.position.is_some());
    pieces.min_by_key(|piece| piece.x.abs_diff(x)).and_then(|piece| piece.position)
}

/// What is shown of each position.
fn tokens<'a>(lens: &Lens, step: &StepView<'a>, theme: Theme) -> Vec<Token<'a>> {
    let starts = step.block_starts();
    (0..step.length())
        .map(|position| {
            let (text, ink) = token(lens, step, theme, position);
            Token { position, text, ink, opens_block: starts.binary_search(&position).is_ok() }
        })
        .collect()
}

fn token<'a>(lens: &Lens, step: &StepView<'a>, theme: Theme, position: usize) -> (Cow<'a, str>, Ink) {
    if step.state(position) == State::Masked {
        let shows_drafts = lens.drafts || lens.layer.needs_drafts();
        let draft = step.proposal(position).filter(|_| shows_drafts).map(|proposal| proposal.token);
        return match draft {
            Some(id) => (Cow::Owned(draft_text(theme, step, id)), Ink::Draft),
            None => (Cow::Owned(lens.layer.mask_sign(theme, step, position).repeat(2)), Ink::Mask),
        };
    }
    if step.is_eos(position) {
        return (Cow::Borrowed(theme.glyphs.eos), Ink::Sign);
    }
    match step.canvas.piece(position) {
        "" => (Cow::Borrowed(theme.glyphs.empty), Ink::Sign),
        piece => (Cow::Borrowed(piece), Ink::Text),
    }
}

/// A draft as it is drawn: its text without blanks around it.
fn draft_text(theme: Theme, step: &StepView<'_>, id: u32) -> String {
    let glyphs = theme.glyphs;
    let shown = if step.log.header().is_end(id) {
        glyphs.eos.to_owned()
    } else {
        let text = step.log.text_of(id).map_or("", |text| text);
        let visible = text.trim().replace('\n', glyphs.newline);
        match (visible.is_empty(), text.contains('\n'), text.is_empty()) {
            (false, ..) => printable::standing(Cow::Owned(visible)).into_owned(),
            (_, true, _) => glyphs.newline.to_owned(),
            (_, _, false) => glyphs.blank.to_owned(),
            (_, _, true) => glyphs.empty.to_owned(),
        }
    };
    pen::cut(&shown, LONGEST_DRAFT, glyphs.ellipsis)
}
