//! Two runs beside each other: their canvases, what each wrote along an axis they share, where they part, and what each
//! cost.
//!
//! ```text
//! A  threshold ━━━━━━━━━━━ step 20 of 69   B  threshold ◆1 ━━━━━━━━ step 20 of 88
//! the tokens                               the tokens, the same selected
//!
//! by  steps  passes  rows  time ─────────── 20 steps   figures     A      B   B:A
//! A ▁▁▁█▂▁▁▁▁▅▇▇▅▃▁▁▁▂▁▁                              passes     69     88 1.28×
//! B ▁▁▁█▁▁▁▁▁▂▃▇▇▆▃▁▁▁▂▂▂▁▁▁
//!   ≠        ▲
//! ≠ first at step 16, position 82  A "."  B "First"
//! ```
//!
//! Below a hundred columns the canvases stand one above the other, and the figures are a strip. Their maps, or K/V maps, can
//! stand in the place of both canvases.

mod ratios;
mod timelines;
mod words;

use ratatui::{layout::Rect, text::Line};

use super::{
    canvas, caption, find, header, kv_map, legend,
    map::{self, MapKind},
    pen::{Pen, cut, span},
    run::RunView,
    step::{State, StepView},
    token_style,
};
use crate::{
    session::{Branch, Diff, Run},
    trace::Log,
    tui::{
        action::Action,
        app::{App, Lens},
        compare::{CompareAction, RunComparison, RunSide},
        pane::Pane,
        theme::Role,
    },
};

/// From this width on the canvases stand beside each other.
const WIDE: u16 = 100;

/// Cells between two panes.
const GAP: u16 = 3;

/// Cells of the figures beside the timelines.
const FIGURES: u16 = 42;

/// Everything that the panes are drawn from.
struct SideBySide<'a> {
    app: &'a App,
    comparison: &'a RunComparison,
    runs: [&'a Run; 2],
    steps: [usize; 2],
}

/// Draws the comparison between header and footer of the screen.
pub(super) fn draw(app: &App, comparison: &RunComparison, screen: Rect, pen: &mut Pen<'_>) {
    let Some(runs) = comparison.runs(&app.session) else { return };
    let both = SideBySide { app, comparison, runs, steps: comparison.steps(runs) };
    let air = u16::from(screen.height >= 20);
    let body = Rect {
        x: screen.x + 1,
        y: screen.y + 1 + air,
        width: screen.width.saturating_sub(2),
        height: screen.height.saturating_sub(2 + air + u16::from(screen.height >= 28)),
    };
    let is_wide = screen.width >= WIDE;
    let bars = if body.height >= 45 { 4 } else { 1 + u16::from(is_wide) };
    let foot = if is_wide { (2 * bars + 6).min(body.height / 2) } else { 7.min(body.height * 2 / 5) };
    let gap = u16::from(body.height >= 24);
    let (panes, foot) = above(body, foot, gap);
    let (panes, legend) = above(panes, u16::from(body.height >= 20), 0);
    let mut kinds = Vec::new();
    for (side, area) in [RunSide::A, RunSide::B].into_iter().zip(halves(panes, is_wide)) {
        kinds.extend(both.pane(side, area, pen));
    }
    both.legend(&kinds, legend, pen);
    let (left, right) = if is_wide { beside(foot, FIGURES) } else { (foot, Rect::ZERO) };
    let rows = both.timelines(left, bars, pen);
    both.lines(rows, is_wide, pen);
    both.figures(right, pen);
}

/// Divides an area: what is above, and `rows` at its foot with a gap before them.
fn above(area: Rect, rows: u16, gap: u16) -> (Rect, Rect) {
    let rows = rows.min(area.height);
    let upper = Rect { height: area.height.saturating_sub(rows + gap), ..area };
    (upper, Rect { y: area.bottom() - rows, height: rows, ..area })
}

/// Divides an area: what is left of it, and `cells` on the right.
fn beside(area: Rect, cells: u16) -> (Rect, Rect) {
    let cells = cells.min(area.width);
    let left = Rect { width: area.width.saturating_sub(cells + GAP), ..area };
    (left, Rect { x: area.right() - cells, width: cells, ..area })
}

/// Two panes of one size, beside each other or one above the other.
fn halves(area: Rect, is_wide: bool) -> [Rect; 2] {
    if is_wide {
        let width = area.width.saturating_sub(GAP) / 2;
        return [Rect { width, ..area }, Rect { x: area.right() - width, width, ..area }];
    }
    let height = area.height / 2;
    [Rect { height, ..area }, Rect { y: area.y + height, height, ..area }]
}

fn letter(side: RunSide) -> &'static str {
    match side {
        RunSide::A => "A",
        RunSide::B => "B",
    }
}

impl<'a> SideBySide<'a> {
    fn log(&self, side: RunSide) -> &'a Log {
        &self.runs[side as usize].log
    }

    fn diff(&self) -> &Diff {
        self.comparison.diff()
    }

    /// A run as one of the two is looked at.
    fn view<'b>(&'b self, side: RunSide, lens: &'b Lens) -> RunView<'b> {
        let (run, at) = (self.runs[side as usize], self.steps[side as usize]);
        RunView {
            log: &run.log,
            at,
            phase: &run.phase,
            lens,
            follows: at == run.log.len(),
            focused: true,
            recorded: self.app.is_replay(),
            span: None,
            shown_for: None,
        }
    }

    /// A canvas or a map under the name of its run, with a caption where there is room. Returns what kinds of dots there are on
    /// a map.
    fn pane(&self, side: RunSide, area: Rect, pen: &mut Pen<'_>) -> Vec<MapKind> {
        if area.height < 2 || area.width < 20 {
            return Vec::new();
        }
        let lens = Lens { selected: self.comparison.selected(side), top: None, ..self.app.lens().clone() };
        let view = self.view(side, &lens);
        let step = view.step();
        self.title(side, &step, Rect { height: 1, ..area }, pen);
        // A K/V map says by itself what the step did.
        let foot = if area.height >= 10 && lens.pane != Pane::KvMap { 2 } else { 0 };
        let below = 1 + u16::from(area.height >= 14);
        let body = Rect { y: area.y + below, height: area.height - below - foot, ..area };
        // The first cells are the gutter in which rows with a difference are marked.
        let inner = Rect { x: area.x + 2, width: area.width - 2, ..body };
        let first = pen.drawn.hits.len();
        let mut kinds = Vec::new();
        match lens.pane {
            Pane::Canvas => {
                canvas::draw_tokens(&view, &step, inner, pen);
                find::mark(&view, first, pen);
                self.mark(side, &step, first, area.x, pen);
            }
            Pane::Map if body.height >= 3 => {
                kinds = map::plot(self.app, &view, (side, self.runs[side as usize].id), body, pen);
            }
            Pane::Map => {}
            Pane::KvMap => kv_map::plot(&view, body, pen),
        }
        lead(side, first, pen);
        if foot > 0
            && let Some(line) = caption::of(&step, pen, inner.width).first()
        {
            pen.line(Rect { y: area.bottom() - 1, height: 1, ..inner }, line);
        }
        kinds
    }

    /// The rule of a pane: which run, how far it is shown, and how much of it is written.
    fn title(&self, side: RunSide, step: &StepView<'_>, row: Rect, pen: &mut Pen<'_>) {
        let run = self.runs[side as usize];
        let (dim, text) = (pen.style(Role::Dim), pen.style(Role::Text));
        let right = Line::from(vec![
            span("step ", dim),
            span(step.steps.to_string(), text),
            span(format!(" of {}", run.log.len()), dim),
        ]);
        let made = match run.branch() {
            Some(Branch { parent, step, .. }) => {
                format!("{} {}{parent}@{step} {}", run.id, pen.theme.glyphs.fork, run.title())
            }
            None => header::made_with(self.app, &run.log, pen.theme),
        };
        let name = match &run.file {
            Some(file) => format!("{file}  {made}"),
            None => made,
        };
        let name = cut(&name, row.width.saturating_sub(24).max(8), pen.theme.glyphs.ellipsis);
        let title = vec![span(letter(side), pen.style(Role::TitleFocused)), span(format!("  {name}"), dim)];
        let rule = pen.rule(row, &Line::from(title), &right);
        canvas::fill(rule, step, pen);
    }

    /// Marks the tokens that differ, their rows in the gutter as well.
    fn mark(&self, side: RunSide, step: &StepView<'_>, first: usize, gutter: u16, pen: &mut Pen<'_>) {
        let selected = self.comparison.selected(side);
        for at in first..pen.drawn.hits.len() {
            let hit = &pen.drawn.hits[at];
            let (area, Some(Action::Select(position))) = (hit.area, hit.click.clone()) else { continue };
            let fresh = match step.state(position) {
                State::Masked => continue,
                State::Written { fresh, .. } => fresh,
                State::Prompt | State::Given => false,
            };
            if self.comparison.differs(side, position) {
                let style = token_style::differing(pen.theme, fresh || selected == Some(position));
                pen.mark(area, style);
                pen.put(gutter, area.y, 1, pen.theme.glyphs.differs, pen.style(Role::Bad));
            }
        }
    }

    /// What the colours of both panes mean; a K/V map says it by itself.
    fn legend(&self, kinds: &[MapKind], row: Rect, pen: &mut Pen<'_>) {
        let pane = self.app.lens().pane;
        if row.height == 0 || pane == Pane::KvMap {
            return;
        }
        let view = self.view(RunSide::A, self.app.lens());
        if pane == Pane::Map {
            pen.line(row, &map::key(&view, &view.step(), kinds, pen.theme, row.width));
            return;
        }
        let differs = format!("{} differs from the other run", pen.theme.glyphs.differs);
        let differs = Line::from(span(differs, pen.style(Role::Bad)));
        let at = pen.line_right(row, &differs);
        let room = at.saturating_sub(row.x + 2);
        pen.line(row, &legend::compact(&view, &view.step(), pen.theme, room));
    }
}

/// Has clicks on what was drawn behind the first `first` places select in a run.
fn lead(side: RunSide, first: usize, pen: &mut Pen<'_>) {
    for hit in &mut pen.drawn.hits[first..] {
        if let Some(Action::Select(position)) = hit.click {
            hit.click = Some(Action::Compare(CompareAction::Select(side, position)));
        }
    }
}
