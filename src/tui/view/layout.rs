//! What stands where: panes by the room there is, the canvas first.

use ratatui::layout::Rect;

use super::figures;
use crate::tui::{action::Focus, app::App, pane::Pane, recording::Scene};

/// From this width on there is a right column.
const WIDE: u16 = 100;

/// From this width of the screen, and this many rows on, the canvas and the map are both shown.
const BOTH: (u16, u16) = (150, 30);

/// Rows that knobs or inspector keep below the figures, the gap included.
const LEAST_SIDE: u16 = 10;

/// Rows that figures take where there are as many, before they stop at half of the column.
const LEAST_FIGURES: u16 = 20;

/// What the right column can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The knob pane.
    Knobs,
    /// The figures, where the right column is not high enough for them and others.
    Figures,
    /// The selected token.
    Inspector,
    /// Its candidates.
    Hands,
}

/// The areas of the regions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regions {
    /// First row.
    pub header: Rect,
    /// The runs of this sitting, where there are several.
    pub runs: Option<Rect>,
    /// The prompt editor, while it is in use.
    pub prompt: Option<Rect>,
    /// The canvas, or what stands in its place.
    pub canvas: Rect,
    /// What else is shown of the run as a whole, where there is room for two.
    pub companion: Option<Rect>,
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
        if !app.framing.scene.is_whole() {
            return Self::of_part(app, area);
        }
        let mut rest = area;
        let header = top(&mut rest, 1);
        let footer = bottom(&mut rest, 1);
        let runs = (app.session.runs().len() > 1).then(|| top(&mut rest, 1));
        // Air below the header and above the footer, where there is some.
        if area.height >= if runs.is_some() { 28 } else { 20 } {
            top(&mut rest, 1);
        }
        let mut body = Rect { x: rest.x + 1, width: rest.width.saturating_sub(2), ..rest };
        let mut asked = asked(app);
        // A welcome stands alone.
        let has_column = app.run().is_some() || asked.is_some();
        let mut column = if has_column { right_column(area.width, asked.is_some(), &mut body) } else { None };
        let has_figures = area.width >= WIDE && app.run().is_some();
        let figures = column.as_mut().filter(|column| has_figures && column.height >= 27).map(|column| {
            // Where the knobs would be left with too little, what matters less gives way, unless it is looked at.
            let most = match app.focus {
                Focus::Figures => column.height,
                _ => (column.height / 2).max(LEAST_FIGURES).min(column.height.saturating_sub(LEAST_SIDE)),
            };
            let figures = top(column, figures::height(app, column.width).min(most));
            top(column, 1);
            figures
        });
        if figures.is_some() {
            asked = asked.filter(|side| *side != Side::Figures);
        }
        let sides = column.map_or_else(Vec::new, |column| sides(app, asked, column));
        let strip = (figures.is_none() && body.height >= 14 && app.run().is_some()).then(|| bottom(&mut body, 1));
        let timeline = app.run().and_then(|_| timeline(&mut body));
        let prompt = prompt(app, &mut body);
        let companion = companion(app, area.width, &mut body);
        Self { header, runs, prompt, canvas: body, companion, timeline, figures, strip, sides, footer }
    }

    /// The same for a recording of a part of the screen: the header, the prompt while it is typed, and what the scene shows.
    fn of_part(app: &App, area: Rect) -> Self {
        let mut rest = area;
        let header = top(&mut rest, 1);
        if area.height >= 16 {
            top(&mut rest, 1);
        }
        let mut body = Rect { x: rest.x + 1, width: rest.width.saturating_sub(2), ..rest };
        let shows_timeline = app.framing.scene == Scene::CanvasTimeline && app.run().is_some();
        let timeline = if shows_timeline { timeline(&mut body) } else { None };
        let prompt = prompt(app, &mut body);
        Self {
            header,
            runs: None,
            prompt,
            canvas: body,
            companion: None,
            timeline,
            figures: None,
            strip: None,
            sides: Vec::new(),
            footer: Rect { y: area.bottom(), height: 0, ..area },
        }
    }
}

/// What was asked for beside the canvas.
fn asked(app: &App) -> Option<Side> {
    match app.focus {
        Focus::Knobs => Some(Side::Knobs),
        Focus::Figures => Some(Side::Figures),
        Focus::Canvas if app.has_hands() => Some(Side::Hands),
        Focus::Canvas if app.lens.selected.is_some() => Some(Side::Inspector),
        Focus::Canvas | Focus::Prompt => None,
    }
}

/// Takes the right column off `body`: on wide screens, and where something is asked for.
fn right_column(screen: u16, is_asked: bool, body: &mut Rect) -> Option<Rect> {
    let (width, gap) = match screen {
        150.. => (44, 3),
        WIDE.. => (38, 3),
        72.. if is_asked => (36, 2),
        // Where both do not fit side by side, what was asked for takes the canvas's place.
        _ if is_asked => (body.width, 2),
        _ => return None,
    };
    let column = right(body, width);
    right(body, gap);
    Some(column)
}

/// Knobs or inspector; both, where there is room.
fn sides(app: &App, asked: Option<Side>, column: Rect) -> Vec<(Side, Rect)> {
    if app.lens.selected.is_none() || column.height < 44 {
        return vec![(asked.unwrap_or(Side::Knobs), column)];
    }
    let mut upper = column;
    let lower = bottom(&mut upper, 21);
    bottom(&mut upper, 1);
    let token = asked.filter(|side| *side == Side::Hands).unwrap_or(Side::Inspector);
    vec![(Side::Knobs, upper), (token, lower)]
}

/// Takes the timeline off `body`, where that is high enough.
fn timeline(body: &mut Rect) -> Option<Rect> {
    let height = match body.height {
        44.. => 12,
        32.. => 9,
        20.. => 6,
        15.. => 5,
        _ => return None,
    };
    let timeline = bottom(body, height);
    if body.height >= 22 {
        bottom(body, 1);
    }
    Some(timeline)
}

/// Takes what is shown below the canvas off `body`, on screens that have room for both. The map has the larger part.
fn companion(app: &App, screen: u16, body: &mut Rect) -> Option<Rect> {
    if app.run().is_none() || screen < BOTH.0 || body.height < BOTH.1 {
        return None;
    }
    let share = if app.lens.pane == Pane::Map { 2 } else { 3 };
    let companion = bottom(body, body.height * share / 5);
    bottom(body, 1);
    Some(companion)
}

/// Takes the prompt editor off `body`, while it is in use.
fn prompt(app: &App, body: &mut Rect) -> Option<Rect> {
    let is_edited = app.focus == Focus::Prompt || (app.run().is_none() && !app.is_replay());
    if !is_edited || body.width == 0 {
        return None;
    }
    let most = (body.height / 3).max(1);
    let rows = super::prompt::height(app, body.width, most).max(2.min(most));
    let prompt = top(body, 1 + rows);
    if body.height >= 12 {
        top(body, 1);
    }
    Some(prompt)
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
