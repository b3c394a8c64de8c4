//! The runs of this sitting in one row: number, what each is called, what became of it, after how many steps.

use ratatui::{layout::Rect, text::Span};

use super::pen::{Pen, cells, cut, span};
use crate::{
    session::{Run, RunOutcome},
    tui::{
        action::Action,
        app::App,
        theme::{Role, Theme},
    },
};

/// Cells that a title has at most.
const TITLE: u16 = 22;

/// Cells for how many runs are out of sight on one side.
const MORE: u16 = 5;

/// Draws the row; a click shows a run.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let mut row = Rect { x: area.x + 1, width: area.width.saturating_sub(2), ..area };
    if area.width >= 60 {
        let begin = pen.put(row.x, row.y, row.width, "runs", pen.style(Role::Faint)) + 1;
        row = Rect { x: begin, width: row.right().saturating_sub(begin), ..row };
    }
    pen.wheel(row, Action::RunMove(-1), Action::RunMove(1));
    let runs = app.session.runs();
    let shown = app.run().map(|run| run.id);
    let items: Vec<Vec<Span<'static>>> = runs.iter().map(|run| item(run, Some(run.id) == shown, pen.theme)).collect();
    let widths: Vec<u16> = items.iter().map(|item| cells(item)).collect();
    let at = runs.iter().position(|run| Some(run.id) == shown).unwrap_or(0);
    let seen = window(&widths, at, row.width);
    let mut x = row.x;
    if seen.start > 0 {
        let more = format!("{}{} ", pen.theme.glyphs.choice[0], seen.start);
        x = pen.put(x, row.y, MORE, &more, pen.style(Role::Faint));
    }
    for ((run, item), width) in runs.iter().zip(&items).zip(&widths).take(seen.end).skip(seen.start) {
        let cell = Rect { x, width: *width, ..row };
        if Some(run.id) == shown {
            pen.paint(cell, pen.style(Role::Marked));
        }
        x = pen.line(cell, &item.clone().into()) + 1;
        pen.click(cell, Action::ShowRun(run.id));
    }
    let hidden = runs.len() - seen.end;
    if hidden > 0 {
        let more = format!("{hidden}{}", pen.theme.glyphs.choice[1]);
        pen.put(x, row.y, row.right().saturating_sub(x), &more, pen.style(Role::Faint));
    }
}

/// Which of the runs have room in `room` cells, so that the one at `at` is among them.
fn window(widths: &[u16], at: usize, room: u16) -> std::ops::Range<usize> {
    let needed = |range: std::ops::Range<usize>| widths[range].iter().map(|width| width + 1).sum::<u16>();
    if needed(0..widths.len()) <= room + 1 {
        return 0..widths.len();
    }
    let room = room.saturating_sub(2 * MORE);
    let first = (0..=at).find(|first| needed(*first..at + 1) <= room).unwrap_or(at);
    let end = (at + 1..=widths.len()).rev().find(|end| needed(first..*end) <= room).unwrap_or(at + 1);
    first..end
}

/// " 4 ↳2@15 threshold 0.97 ✓ 71 "; a pointer in front where it is shown.
fn item(run: &Run, is_shown: bool, theme: Theme) -> Vec<Span<'static>> {
    let (glyphs, faint) = (theme.glyphs, theme.style(Role::Faint));
    let text = theme.style(if is_shown { Role::Strong } else { Role::Dim });
    let mark = if is_shown { glyphs.pointer } else { " " };
    let mut item = vec![span(mark, theme.style(Role::Accent)), span(format!("{} ", run.id), text)];
    if let Some(branch) = run.branch() {
        item.push(span(format!("{}{}@{} ", glyphs.fork, branch.parent, branch.step), theme.style(Role::Accent)));
    }
    if !run.title().is_empty() {
        item.push(span(format!("{} ", cut(run.title(), TITLE, glyphs.ellipsis)), text));
    }
    let (sign, role) = sign(run.outcome(), theme);
    item.push(span(sign, theme.style(role)));
    item.push(span(format!(" {} ", run.log.len()), faint));
    item
}

/// A sign for what became of a run.
pub(super) fn sign(outcome: RunOutcome, theme: Theme) -> (&'static str, Role) {
    match outcome {
        RunOutcome::UnderWay => (theme.glyphs.ellipsis, Role::Accent),
        RunOutcome::Right => (theme.glyphs.right, Role::Good),
        RunOutcome::Wrong => (theme.glyphs.wrong, Role::Bad),
        RunOutcome::Unjudged => (theme.glyphs.rule, Role::Dim),
        RunOutcome::Broken => ("!", Role::Bad),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shown_run_is_in_sight_wherever_it_is() {
        assert_eq!(window(&[10, 10, 10], 2, 32), 0..3);
        assert_eq!(window(&[10; 8], 0, 40), 0..2);
        assert_eq!(window(&[10; 8], 7, 40), 6..8);
        assert_eq!(window(&[10; 8], 4, 40), 3..5);
        assert_eq!(window(&[10; 8], 4, 3), 4..5);
    }
}
