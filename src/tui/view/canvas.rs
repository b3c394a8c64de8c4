//! The canvas: prompt and answer as running text, each token coloured by the layer.

use std::borrow::Cow;

use ratatui::{layout::Rect, text::Line};

use super::{
    caption,
    flow::{Ink, TextRow, Token, flow},
    legend, looks,
    pen::{self, Pen, span},
    step::{State, StepView},
};
use crate::{
    printable,
    tui::{
        action::{Action, Focus, Layer},
        app::{App, Phase},
        theme::{Role, Theme},
    },
};

/// Cells of the gutter, where there is one.
const GUTTER: u16 = 6;

/// The longest draft that is shown whole in place of a mask.
const LONGEST_DRAFT: u16 = 14;

/// Longer lines are hard to read, however wide the terminal.
const MEASURE: u16 = 104;

/// Cells that a token and what is around it take, as a rule: to foresee whether the answer leaves room to breathe.
const CELLS_PER_TOKEN: usize = 4;

/// The canvas in rows: the prompt's, then the answer's.
struct Page {
    prompt: Vec<TextRow>,
    answer: Vec<TextRow>,
}

impl Page {
    fn of(app: &App, view: &StepView<'_>, width: u16) -> Self {
        let tokens = tokens(app, view);
        let (prompt, answer) = tokens.split_at(view.prompt_length().min(tokens.len()));
        let glyphs = app.theme.glyphs;
        Self {
            prompt: flow(prompt, width, glyphs.newline, glyphs.block),
            answer: flow(answer, width, glyphs.newline, glyphs.block),
        }
    }

    /// All rows; an empty one stands between prompt and answer.
    fn rows(&self) -> impl Iterator<Item = Option<&TextRow>> {
        let gap = (!self.prompt.is_empty()).then_some(None);
        self.prompt.iter().map(Some).chain(gap).chain(self.answer.iter().map(Some))
    }
}

/// Draws the canvas: its rule, the tokens, what the step did, what the colours mean.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let Some(run) = &app.run else { return };
    if area.height < 3 || area.width < 8 {
        return;
    }
    let view = StepView::new(&run.log, app.shown());
    rule(app, &view, Rect { height: 1, ..area }, pen);
    let foot = if area.height >= 9 { 3 } else { u16::from(area.height >= 5) };
    let body = Rect { y: area.y + 1, height: area.height - 1 - foot, ..area };
    let air = u16::from(body.height >= 10);
    let body = Rect { y: body.y + air, height: body.height - air, ..body };
    let hidden = draw_tokens(app, &view, body, pen);
    if foot > 0 {
        let row = |up: u16| Rect { y: area.bottom() - up, height: 1, ..area };
        if foot == 3 {
            let failure = match &run.phase {
                Phase::Failed(message) if app.follows() => {
                    Some(Line::from(span(format!("{} {message}", pen.theme.glyphs.wrong), pen.style(Role::Bad))))
                }
                _ => None,
            };
            let lines = failure.map_or_else(|| caption::of(&view, pen, area.width), |line| vec![line]);
            for (line, up) in lines.iter().rev().zip([2, 3]) {
                pen.line(row(up), line);
            }
            let [up, down] = pen.theme.glyphs.up_down;
            let more = match hidden {
                (0, 0) => String::new(),
                (0, below) => format!("{down} {below} more"),
                (above, 0) => format!("{up} {above} more"),
                (above, below) => format!("{up} {above}  {down} {below} more"),
            };
            let room = area.width.saturating_sub(pen::width(&more) + 2);
            pen.line_right(row(1), &Line::from(span(more, pen.style(Role::Dim))));
            pen.line(row(1), &legend::compact(app, &view, pen, room));
        } else if let Some(line) = caption::of(&view, pen, area.width).first() {
            pen.line(row(1), line);
        }
    }
}

/// The rule: the layers, and how much of the answer is written.
fn rule(app: &App, view: &StepView<'_>, row: Rect, pen: &mut Pen<'_>) {
    let focused = app.focus == Focus::Canvas;
    let mut title = vec![span("canvas", pen.style(if focused { Role::TitleFocused } else { Role::Title }))];
    let mut x = row.x + 8;
    // Where not all names have room, that of the active layer does.
    let names: u16 = Layer::ALL.into_iter().map(|layer| 4 + pen::width(layer.name())).sum();
    let is_narrow = 8 + names > row.width;
    for (layer, key) in Layer::ALL.into_iter().zip(["1", "2", "3", "4"]) {
        let active = layer == app.lens.layer;
        let label = if is_narrow && !active { key.to_owned() } else { format!("{key} {}", layer.name()) };
        title.push(span("  ", pen.style(Role::Text)));
        let width = pen::width(&label);
        pen.click(Rect { x, width, ..row }, Action::Layer(layer));
        x += width + 2;
        title.push(span(label, pen.style(if active { Role::Accent } else { Role::Faint })));
    }
    let total = view.log.header().gen_length;
    let masked = (view.prompt_length()..view.length()).filter(|at| view.state(*at) == State::Masked).count();
    let written = total.saturating_sub(masked);
    let right = Line::from(vec![
        span(written.to_string(), pen.style(Role::Text)),
        span(format!(" of {total} written"), pen.style(Role::Dim)),
    ]);
    let rule = pen.rule(row, &Line::from(title), &right);
    let done = (f64::from(rule.width) * written as f64 / total.max(1) as f64).round() as u16;
    let bar = pen.theme.glyphs.rule_done.repeat(usize::from(done.min(rule.width)));
    pen.put(rule.x, rule.y, rule.width, &bar, pen.style(Role::Accent));
}

/// Draws the tokens, and tells how many rows are hidden above and below.
fn draw_tokens(app: &App, view: &StepView<'_>, area: Rect, pen: &mut Pen<'_>) -> (usize, usize) {
    let gutter = if area.width >= 60 { GUTTER } else { 0 };
    let text = Rect { x: area.x + gutter, width: (area.width - gutter).min(MEASURE), ..area };
    pen.drawn.text_width = text.width;
    pen.wheel(area, Action::Scrub(-1), Action::Scrub(1));
    let page = Page::of(app, view, text.width);
    let rows: Vec<_> = page.rows().collect();
    let leading = leading(view, &page, text);
    let visible = usize::from(area.height / leading);
    let scroll = scroll(app, view, &rows, visible);
    let mut below = area.top();
    for row in rows.iter().skip(scroll) {
        let y = below;
        if y >= area.bottom() {
            break;
        }
        below += if row.is_some() { leading } else { 1 };
        let Some(row) = row else { continue };
        if let Some(first) = row.first().filter(|_| gutter > 0) {
            let number = format!("{first:>4}");
            pen.put(area.x, y, gutter - 1, &number, pen.style(Role::Faint));
        }
        for piece in &row.pieces {
            let cells =
                Rect { x: text.x + piece.x, y, width: piece.width.min(text.width.saturating_sub(piece.x)), height: 1 };
            let Some(position) = piece.position else {
                pen.put(cells.x, y, cells.width, &piece.text, pen.style(Role::Line));
                continue;
            };
            let mut style = looks::look(app.theme, view, app.lens.layer, position, piece.ink);
            if piece.ink == Ink::Sign && !matches!(view.state(position), State::Masked) && !view.is_eos(position) {
                style = style.patch(faded(app.theme, style));
            }
            if app.lens.selected.is_some_and(|selected| piece.shows(selected)) {
                style = style.patch(pen.style(Role::Selected));
            }
            // The space that a word brings along is no part of what is marked.
            let bare = piece.text.trim_matches(' ');
            let before = (piece.text.len() - piece.text.trim_start_matches(' ').len()) as u16;
            if bare.is_empty() {
                pen.put(cells.x, y, cells.width, &piece.text, style);
            } else {
                pen.put(cells.x + before, y, cells.width.saturating_sub(before), bare, style);
            }
            pen.click(cells, Action::Select(position));
        }
    }
    (scroll, rows.len().saturating_sub(scroll + visible))
}

/// Rows from one line to the next: two where the whole canvas fits so. Foreseen from the number of masks, so that it
/// holds for the whole run.
fn leading(view: &StepView<'_>, page: &Page, text: Rect) -> u16 {
    let answer = view.log.header().gen_length * CELLS_PER_TOKEN / usize::from(text.width.max(1)) + 1;
    let rows = page.prompt.len() + answer;
    if rows * 2 < usize::from(text.height) { 2 } else { 1 }
}

/// Signs (line breaks, tokens without text) keep their colour only where they are fresh.
fn faded(theme: Theme, style: ratatui::style::Style) -> ratatui::style::Style {
    if style.bg.is_some() { ratatui::style::Style::new() } else { theme.style(Role::Faint) }
}

/// The first row to show: the selected token, or what the step wrote last, stays in sight.
fn scroll(app: &App, view: &StepView<'_>, rows: &[Option<&TextRow>], height: usize) -> usize {
    let last_written = view.record.as_ref().and_then(|record| {
        let text = record.commits.iter().filter(|commit| !view.log.header().is_end(commit.token));
        text.map(|commit| commit.position).max().or_else(|| record.commits.first().map(|commit| commit.position))
    });
    let kept = app.lens.selected.or(last_written).unwrap_or(0);
    let at = rows.iter().position(|row| row.is_some_and(|row| row.shows(kept))).unwrap_or(0);
    let most = rows.len().saturating_sub(height);
    at.saturating_sub(height.saturating_mul(2) / 3).min(most)
}

/// The nearest position in the row above (`by` −1) or below (+1).
pub fn neighbour(app: &App, position: usize, by: i64) -> Option<usize> {
    let log = app.log()?;
    let view = StepView::new(log, app.shown());
    let page = Page::of(app, &view, app.drawn.text_width.max(20));
    let rows: Vec<&TextRow> = page.rows().flatten().collect();
    let at = rows.iter().position(|row| row.shows(position))?;
    let x = rows[at].pieces.iter().find(|piece| piece.shows(position)).map_or(0, |piece| piece.x);
    let target = usize::try_from(at as i64 + by).ok()?;
    let pieces = rows.get(target)?.pieces.iter().filter(|piece| piece.position.is_some());
    pieces.min_by_key(|piece| piece.x.abs_diff(x)).and_then(|piece| piece.position)
}

/// What is shown of each position.
fn tokens<'a>(app: &App, view: &StepView<'a>) -> Vec<Token<'a>> {
    let starts = view.block_starts();
    (0..view.length())
        .map(|position| {
            let (text, ink) = token(app, view, position);
            Token { position, text, ink, opens_block: starts.binary_search(&position).is_ok() }
        })
        .collect()
}

fn token<'a>(app: &App, view: &StepView<'a>, position: usize) -> (Cow<'a, str>, Ink) {
    let glyphs = app.theme.glyphs;
    if view.state(position) == State::Masked {
        // The guide judges drafts, so its layer always shows them.
        let shows_drafts = app.lens.drafts || app.lens.layer == Layer::Guide;
        let draft = view.proposal(position).filter(|_| shows_drafts).map(|proposal| proposal.token);
        return match draft {
            Some(id) => (Cow::Owned(draft_text(app.theme, view, id)), Ink::Slab),
            None => (Cow::Owned(looks::mask_sign(app.theme, view, app.lens.layer, position).repeat(2)), Ink::Mask),
        };
    }
    if view.is_eos(position) {
        return (Cow::Borrowed(glyphs.eos), Ink::Sign);
    }
    match view.canvas.piece(position) {
        "" => (Cow::Borrowed(glyphs.empty), Ink::Sign),
        piece => (Cow::Borrowed(piece), Ink::Text),
    }
}

/// A draft on its slab: its text without blanks around it.
fn draft_text(theme: Theme, view: &StepView<'_>, id: u32) -> String {
    let glyphs = theme.glyphs;
    let shown = if view.log.header().is_end(id) {
        glyphs.eos.to_owned()
    } else {
        let text = view.log.text_of(id).map_or("", |text| text);
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
