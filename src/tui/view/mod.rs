//! Drawing: pure functions of the state into a buffer, one file per region.
//!
//! ```text
//! ┌ header ─────────────────────────────────────────────────────────────────┐
//! │ runs    (where there are several)                                       │
//! │ prompt  (while it is edited)                      │ figures             │
//! │ canvas                                            │                     │
//! │   the tokens, as a layer reads them               │ knobs, or           │
//! │   what the step did · what the colours mean       │ inspector           │
//! │ map     (in the canvas's place, or below it)      │                     │
//! │ timeline                                          │                     │
//! └ footer ─────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Below a hundred columns the right column gives way: figures become a strip, knobs and inspector appear when asked
//! for. Below forty by twelve there is one sentence.

mod big_number;
mod browser;
pub mod canvas;
mod caption;
mod compare;
mod copy;
mod drafts;
mod exporting;
mod figures;
mod filter;
mod find;
mod flow;
mod footer;
mod forking;
mod framing;
mod gallery;
mod grid;
mod hands;
mod header;
pub mod help;
mod inspector;
mod knobs;
mod kv_map;
mod layers;
mod layout;
pub mod legend;
mod listing;
mod map;
mod mend;
mod models;
mod notice;
mod page;
mod palette;
mod pen;
mod presets;
mod prompt;
mod race;
mod row;
mod run;
mod run_strip;
mod runs;
mod sample;
mod save_preset;
mod sheet;
mod step;
mod sudoku;
mod timeline;
mod token_style;
mod tour;
mod turns;
mod welcome;

use ratatui::{buffer::Buffer, layout::Rect};

pub use framing::rows as framing_rows;
pub use hands::{Candidates, place};
pub use layers::Layer;
pub use map::{MapCache, MapGrid, most_telling};
pub use pen::{FrameInfo, Hit, Pen, Viewport, cut, plural, width as cells};
pub use row::Ink;
pub use run::RunView;
pub use sheet::{Sheet, SheetCell, sheet};

use super::{
    action::{Action, Overlay},
    app::App,
    pane::Pane,
    theme::Role,
};
use layout::{Regions, Side};
use pen::wrap;

/// The smallest terminal that shows a picture.
pub const SMALLEST: (u16, u16) = (40, 12);

/// Draws everything into `area` of `buffer`, and returns what the next event needs.
pub fn draw(app: &App, area: Rect, buffer: &mut Buffer) -> FrameInfo {
    let area = area.intersection(buffer.area);
    let mut pen = Pen::new(buffer, app.theme);
    pen.drawn.size = (area.width, area.height);
    pen.clear(area, Role::Ground);
    let area = framing::draw(app, area, &mut pen);
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        too_small(area, &mut pen);
        return pen.drawn;
    }
    let plan = Regions::of(app, area);
    header::draw(app, plan.header, &mut pen);
    if let Some(comparison) = app.comparison() {
        compare::draw(app, comparison, area, &mut pen);
        front(app, plan.footer, area, &mut pen);
        return pen.drawn;
    }
    if let Some(area) = plan.runs {
        run_strip::draw(app, area, &mut pen);
    }
    if let Some(area) = plan.prompt {
        prompt::draw(app, area, &mut pen);
    }
    let run = RunView::of(app);
    match &run {
        Some(run) => {
            draw_run(app, run, &plan, &mut pen);
            mend::draw(app, plan.canvas, &mut pen);
        }
        None if app.framing.scene.is_whole() => welcome::draw(app, plan.canvas, &mut pen),
        None => {}
    }
    for (side, area) in plan.sides {
        match (side, &run) {
            (Side::Knobs, _) => knobs::draw(app, area, &mut pen),
            (Side::Figures, Some(run)) => figures::draw(run, app.plain_beside(), app.chosen_figure(), area, &mut pen),
            (Side::Inspector, Some(run)) => inspector::draw(run, area, &mut pen),
            (Side::Hands, Some(run)) => hands::draw(app, run, area, &mut pen),
            (Side::Figures | Side::Inspector | Side::Hands, None) => {}
        }
    }
    front(app, plan.footer, area, &mut pen);
    pen.drawn
}

/// Draws what stands below and in front of the panes. The footer names keys of the layer that is in front, so nothing lies
/// above it.
fn front(app: &App, footer: Rect, area: Rect, pen: &mut Pen<'_>) {
    overlay(app, area, pen);
    footer::draw(app, footer, pen);
    find::draw(app, area, pen);
    forking::draw(app, area, pen);
    notice::draw(app, area, pen);
}

/// Draws the panes of a run that are there without being asked for; its figures beside those of a plain run, where one is
/// kept.
fn draw_run(app: &App, run: &RunView<'_>, plan: &Regions, pen: &mut Pen<'_>) {
    let pane = run.lens.pane;
    let mut panes = [(pane, Some(plan.canvas)), (pane.companion(), plan.companion)];
    // The map first: it reads all steps that are new, in their order, and the canvas finds the last of them at hand.
    panes.sort_by_key(|(pane, _)| *pane != Pane::Map);
    for (pane, area) in panes {
        match (pane, area) {
            (Pane::Canvas, Some(area)) => {
                let first = pen.drawn.hits.len();
                canvas::draw(run, area, pen);
                find::mark(run, first, pen);
            }
            (Pane::Map, Some(area)) => map::draw(app, run, area, pen),
            (Pane::KvMap, Some(area)) => kv_map::draw(run, area, pen),
            (_, None) => {}
        }
    }
    if let Some(area) = plan.timeline {
        timeline::draw(run, area, pen);
    }
    if let Some(area) = plan.figures {
        figures::draw(run, app.plain_beside(), app.chosen_figure(), area, pen);
    }
    if let Some(area) = plan.strip {
        figures::strip(run, area, pen);
    }
}

/// The layer above the screen, if one is open. A click beside it closes it.
fn overlay(app: &App, area: Rect, pen: &mut Pen<'_>) {
    let Some(overlay) = app.overlays.last() else { return };
    pen.drawn.cursor = None;
    if *overlay != Overlay::Tour {
        pen.shade(area);
    }
    pen.click(area, Action::Back);
    let area = Rect { height: area.height.saturating_sub(1), ..area };
    match overlay {
        Overlay::Help => help::draw(app, area, pen),
        Overlay::Legend => legend::draw(app, area, pen),
        Overlay::Gallery => gallery::draw(app, area, pen),
        Overlay::Presets => presets::draw(app, area, pen),
        Overlay::Models => models::draw(app, area, pen),
        Overlay::Kept => browser::draw(app, area, pen),
        Overlay::Runs => runs::draw(app, area, pen),
        Overlay::SavePreset => save_preset::draw(app, area, pen),
        Overlay::Tour => tour::draw(app, area, pen),
        Overlay::Palette => palette::draw(app, area, pen),
        Overlay::Copy => copy::draw(app, area, pen),
        Overlay::Export => exporting::draw(app, area, pen),
    }
}

fn too_small(area: Rect, pen: &mut Pen<'_>) {
    let sentence = format!(
        "diffuscope needs {}×{} cells and has {}×{}: make the window larger.",
        SMALLEST.0, SMALLEST.1, area.width, area.height
    );
    for (line, y) in wrap(&sentence, area.width).iter().zip(area.top()..area.bottom()) {
        pen.put(area.x, y, area.width, line, pen.style(Role::Text));
    }
}
