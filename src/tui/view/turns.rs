//! The earlier turns of a conversation, above the canvas of the turn that is denoised.

use ratatui::layout::Rect;

use super::{
    canvas::{GUTTER, MEASURE},
    pen::{Pen, cut, plural, wrap},
};
use crate::{printable, trace::Exchange, tui::theme::Role};

/// Cells of the mark before a prompt.
const MARK: u16 = 2;

/// A turn in rows.
struct TurnRows {
    prompt: Vec<String>,
    answer: Vec<String>,
}

impl TurnRows {
    /// All rows of a turn, or about as many as say that there are more than `most`.
    fn of(turn: &Exchange, width: u16, most: usize) -> Self {
        let rows = |text: &str| {
            let start: String = printable::text(text).chars().take((most + 1) * usize::from(width)).collect();
            wrap(&start, width).into_iter().filter(|row| !row.is_empty()).collect()
        };
        let mut prompt: Vec<String> = rows(&turn.prompt);
        if prompt.is_empty() {
            // The mark before it takes a row, too.
            prompt.push(String::new());
        }
        Self { prompt, answer: rows(&turn.answer) }
    }

    fn len(&self) -> usize {
        self.prompt.len() + self.answer.len()
    }

    /// Cuts it to `most` rows, two at least, of which the prompt has half where the answer needs the others.
    fn cut(&mut self, most: usize, width: u16, ellipsis: &str) {
        let prompt = self.prompt.len().min(most / 2);
        let answer = self.answer.len().min(most - prompt);
        let kept = [(&mut self.prompt, most - answer), (&mut self.answer, answer)];
        for (rows, most) in kept.into_iter().filter(|(rows, most)| rows.len() > *most) {
            rows.truncate(most);
            if let Some(last) = rows.last_mut() {
                *last = format!("{}{ellipsis}", cut(last, width.saturating_sub(1), ""));
            }
        }
    }
}

/// The newest turns that `most` rows hold, the newest first. Where some are left out, a row stays free to say so; the
/// newest is cut rather than left out.
fn newest(turns: &[Exchange], width: u16, most: usize, ellipsis: &str) -> Vec<TurnRows> {
    let mut shown: Vec<TurnRows> = Vec::new();
    let mut free = most;
    for (before, turn) in turns.iter().enumerate().rev() {
        let room = free.saturating_sub(usize::from(before > 0));
        let mut rows = TurnRows::of(turn, width, room);
        if shown.is_empty() && room >= 2 && rows.len() > room {
            rows.cut(room, width, ellipsis);
        }
        if rows.len() > room {
            break;
        }
        free -= rows.len();
        shown.push(rows);
    }
    shown
}

/// Draws what `most` rows hold of the earlier turns, and of the gap below them, at the top of `area`. Returns the rest.
pub(super) fn draw(turns: &[Exchange], area: Rect, most: u16, pen: &mut Pen<'_>) -> Rect {
    let most = most.min(area.height);
    if turns.is_empty() || most < 2 {
        return area;
    }
    let gutter = if area.width >= 60 { GUTTER } else { 0 };
    let x = area.x + gutter;
    let width = (area.width - gutter).min(MEASURE).saturating_sub(MARK);
    let glyphs = pen.theme.glyphs;
    let shown = newest(turns, width, usize::from(most) - 1, glyphs.ellipsis);
    let (dim, faint) = (pen.style(Role::Dim), pen.style(Role::Faint));
    let left_out = turns.len() - shown.len();
    let mut y = area.y;
    if left_out > 0 {
        pen.put(x, y, width + MARK, &format!("{} {}", glyphs.ellipsis, plural(left_out, "earlier turn")), dim);
        y += 1;
    }
    for (number, turn) in (left_out + 1..).zip(shown.iter().rev()) {
        if gutter > 0 {
            pen.put(area.x, y, gutter - 1, &format!("{number:>4}"), faint);
        }
        pen.put(x, y, 1, glyphs.pointer, dim);
        for row in turn.prompt.iter().chain(&turn.answer) {
            pen.put(x + MARK, y, width, row, dim);
            y += 1;
        }
    }
    let y = (y + 1).min(area.bottom());
    Rect { y, height: area.bottom() - y, ..area }
}
