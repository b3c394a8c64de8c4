//! Who stands where: panes by the room there is, the canvas first.

use ratatui::layout::Rect;

use super::{figures, prompt};
use crate::tui::{action::Focus, app::App};

/// From this width on there is a right column.
const WIDE: u16 = 100;

/// Rows that knobs or inspector keep below the figures, the gap included.
const LEAST_SIDE: u16 = 10;

/// What the right column can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The knob pane.
    Knobs,
    /// The selected token.
    Inspector,
}

/// The areas of the regions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regions {
    /// First row.
    pub header: Rect,
    /// The prompt editor, while it is in use.
    pub prompt: Option<Rect>,
    /// The canvas.
    pub canvas: Rect,
    /// The timeline.
    pub timeline: Option<Rect>,
    /// The figures, in the right column.
    pub figures: Option<Rect>,
    /// The figures in one row, where there is no right column.
    pub strip: Option<Rect>,
    /// What else is in the right column.
    pub sides: Vec<(Side, Rect)>,
    /// Last row.
    pub footer: Rect,
}

impl Regions {
    /// Divides `area`, which is not smaller than [`super::SMALLEST`].
    pub fn of(app: &App, area: Rect) -> Self {
        let mut rest = area;
        let header = top(&mut rest, 1);
        let footer = bottom(&mut rest, 1);
        let wide = area.width >= WIDE;
        // Air below the header and above the footer, where there is some.
        if area.height >= 20 {
            top(&mut rest, 1);
        }
        let mut body = Rect { x: rest.x + 1, width: rest.width.saturating_sub(2), ..rest };

        let asked = match app.focus {
            Focus::Knobs => Some(Side::Knobs),
            Focus::Canvas if app.lens.selected.is_some() => Some(Side::Inspector),
            Focus::Canvas | Focus::Prompt => None,
        };
        let mut column = None;
        if wide {
            let width = if area.width >= 150 { 44 } else { 38 };
            let side = right(&mut body, width);
            right(&mut body, 3);
            column = Some(side);
        } else if asked.is_some() {
            // Where both do not fit side by side, what was asked for takes the canvas's place.
            let width = if area.width >= 72 { 36 } else { body.width };
            let side = right(&mut body, width);
            right(&mut body, 2);
            column = Some(side);
        }

        let has_figures = wide && app.run().is_some();
        let figures = column.as_mut().filter(|side| has_figures && side.height >= 27).map(|side| {
            // Where the knobs would be left with too little, what is rare gives way.
            let rows = figures::height(app.log()).min(side.height.saturating_sub(LEAST_SIDE));
            let figures = top(side, rows);
            top(side, 1);
            figures
        });
        let sides = match (column, asked) {
            (Some(side), _) if app.lens.selected.is_some() && side.height >= 44 => {
                let mut upper = side;
                let lower = bottom(&mut upper, 21);
                bottom(&mut upper, 1);
                vec![(Side::Knobs, upper), (Side::Inspector, lower)]
            }
            (Some(side), asked) => vec![(asked.unwrap_or(Side::Knobs), side)],
            (None, _) => Vec::new(),
        };

        let strip = (figures.is_none() && body.height >= 14 && app.run().is_some()).then(|| bottom(&mut body, 1));
        let timeline_height = match body.height {
            32.. => 8,
            20.. => 6,
            15.. => 5,
            _ => 0,
        };
        let timeline = (timeline_height > 0 && app.run().is_some()).then(|| {
            let timeline = bottom(&mut body, timeline_height);
            if body.height >= 22 {
                bottom(&mut body, 1);
            }
            timeline
        });
        let edits = app.focus == Focus::Prompt || (app.run().is_none() && !app.is_replay());
        let prompt = (edits && body.width > 0).then(|| {
            let most = (body.height / 3).max(1);
            let rows = prompt::height(app, body.width, most).max(2.min(most));
            let prompt = top(&mut body, 1 + rows);
            if body.height >= 12 {
                top(&mut body, 1);
            }
            prompt
        });
        Self { header, prompt, canvas: body, timeline, figures, strip, sides, footer }
    }
}

fn top(area: &mut Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    let taken = Rect { height: rows, ..*area };
    area.y += rows;
    area.height -= rows;
    taken
}

fn bottom(area: &mut Rect, rows: u16) -> Rect {
    let rows = rows.min(area.height);
    area.height -= rows;
    Rect { y: area.y + area.height, height: rows, ..*area }
}

fn right(area: &mut Rect, columns: u16) -> Rect {
    let columns = columns.min(area.width);
    area.width -= columns;
    Rect { x: area.x + area.width, width: columns, ..*area }
}
