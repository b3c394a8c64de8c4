//! The race of the welcome: two runs of one prompt beside each other, by the time that they took, and how many times as
//! long the slower one takes.
//!
//! ```text
//! plain  the yardstick ━━━━━━━━━─────── step 116   flashdlm-narrow  cache and guide ━━━━━━━━━━━━ step 53
//!   the tokens                                       the tokens
//!
//!                                                                                  █▄ ▄▄▖  7.8×
//! 0.73 s  116 of 224 written                       ✓ correct after 0.094 s
//! ```

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::{
    big_number, canvas,
    pen::{Pen, span},
    run::RunView,
    step::State,
};
use crate::{
    session::{Axis, Run},
    tui::{
        app::{App, Lens},
        race::{CELLS_PER_TOKEN, LASTS, PRESETS, Race},
        theme::{Role, Theme},
    },
};

/// What there is to say of each, beside its preset.
const REMARKS: [&str; 2] = ["the yardstick", "cache and guide"];

/// Cells between the two.
const GAP: u16 = 3;

/// No wider than lines can be read well.
const WIDEST: u16 = 149;

/// No higher than a story needs, so that it does not hang in emptiness.
const HIGHEST: u16 = 40;

/// Rows of a lane beside its canvas: title, air, what became of it.
const AROUND: u16 = 3;

/// The room for a race in an area: where both lanes are, or `None` where there is too little.
fn lanes(area: Rect) -> Option<[Rect; 2]> {
    if area.width < 70 || area.height < 11 {
        return None;
    }
    let width = (area.width.min(WIDEST) - GAP) / 2;
    let left = Rect { x: area.x + (area.width - 2 * width - GAP) / 2, width, height: area.height.min(HIGHEST), ..area };
    Some([left, Rect { x: left.right() + GAP, ..left }])
}

/// Columns and rows for each canvas, where there is room for a race.
pub(super) fn stage(area: Rect) -> Option<(u16, u16)> {
    lanes(area).map(|[lane, _]| (lane.width - 2, lane.height - AROUND))
}

/// Draws the race. Returns where, or `None` where there is none, or no room.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) -> Option<Rect> {
    let (runs, place) = (app.race().runs()?, app.race().place(app.motion.clock())?);
    let lanes = lanes(area)?;
    let times = Race::times(runs);
    let winner = usize::from(times[1] <= times[0]);
    let clicks = pen.drawn.hits.len();
    for (lane, at) in lanes.into_iter().zip(0..) {
        let factor = (at == winner).then(|| factor(times[winner], place)).flatten();
        draw_lane(app, (at, runs[at]), place, factor, lane, pen);
    }
    // Nothing of it can be chosen: a click is as good as a key.
    pen.drawn.hits.truncate(clicks);
    Some(Rect { width: lanes[1].right() - lanes[0].x, ..lanes[0] })
}

/// How many times as long as the winner the other one has taken so far.
fn factor(winner: u64, place: u64) -> Option<f64> {
    (winner > 0 && place > winner).then(|| place as f64 / winner as f64)
}

fn draw_lane(app: &App, (at, run): (usize, &Run), place: u64, factor: Option<f64>, lane: Rect, pen: &mut Pen<'_>) {
    let (width, height) = (usize::from(lane.width), usize::from(lane.height));
    // Drafts, where even a canvas full of them is in sight.
    let drafts = run.log.header().gen_length * (CELLS_PER_TOKEN + 1) / width.max(1) + 6 < height;
    let lens = Lens { drafts, selected: None, ..app.lens().clone() };
    let steps = Axis::Time.steps(&run.log, place);
    let is_over = steps == run.log.len();
    let view = RunView {
        log: &run.log,
        at: steps,
        phase: &run.phase,
        lens: &lens,
        follows: is_over,
        focused: true,
        recorded: false,
        span: None,
        shown_for: None,
    };
    let step = view.step();
    let (dim, text) = (pen.style(Role::Dim), pen.style(Role::Text));
    let mut title = vec![span(PRESETS[at], pen.style(Role::TitleFocused))];
    if lane.width >= 50 {
        title.push(span(format!("  {}", REMARKS[at]), dim));
    }
    let right = vec![span("step ", dim), span(steps.to_string(), text)];
    let rule = pen.rule(Rect { height: 1, ..lane }, &Line::from(title), &Line::from(right));
    canvas::fill(rule, &step, pen);

    let body = Rect { y: lane.y + 2, height: lane.height - AROUND, x: lane.x + 2, width: lane.width - 2 };
    let first = pen.drawn.hits.len();
    canvas::draw_tokens(&view, &step, body, pen);
    let used = pen.drawn.hits[first..].iter().filter(|hit| hit.click.is_some()).map(|hit| hit.area.bottom()).max();

    let foot = Rect { y: lane.bottom() - 1, height: 1, ..body };
    let masked = (step.prompt_length()..step.length()).filter(|at| step.state(*at) == State::Masked).count();
    pen.line(foot, &Line::from(outcome(run, place, masked, is_over, pen)));
    if let Some(factor) = factor {
        let free = Rect { y: used.unwrap_or(body.y), ..body };
        draw_factor(factor, free, foot, pen);
    }
}

/// "0.73 s  116 of 224 written", and in the end "✓ correct after 1.412 s".
fn outcome(run: &Run, place: u64, masked: usize, is_over: bool, pen: &Pen<'_>) -> Vec<Span<'static>> {
    let (dim, text) = (pen.style(Role::Dim), pen.style(Role::Text));
    if !is_over {
        let all = run.log.header().gen_length;
        let written = format!("  {} of {all} written", all - masked.min(all));
        return vec![span(format!("{:.2} s", place as f64 / 1e6), text), span(written, dim)];
    }
    let glyphs = pen.theme.glyphs;
    let verdict = match run.log.end().and_then(|end| end.correct) {
        Some(true) => span(format!("{} correct", glyphs.right), pen.style(Role::Good)),
        Some(false) => span(format!("{} wrong", glyphs.wrong), pen.style(Role::Bad)),
        None => span(format!("{} done", glyphs.stopped), text),
    };
    let took = Axis::Time.words(Axis::Time.place(&run.log, run.log.len()));
    vec![verdict, span(" after ", dim), span(took, text)]
}

/// How many times as long the other one takes: large where there is room below the answer, else beside the outcome.
fn draw_factor(factor: f64, free: Rect, foot: Rect, pen: &mut Pen<'_>) {
    let number = format!("{factor:.1}{}", pen.theme.glyphs.times);
    let style = pen.style(Role::Accent);
    let top = foot.y.saturating_sub(big_number::ROWS);
    if pen.theme.has_signs() && free.y < top {
        let x = foot.right().saturating_sub(big_number::width(&number));
        big_number::draw(&number, x, top + 1, style, pen);
    } else {
        pen.line_right(foot, &Line::from(span(number, style)));
    }
}

/// How far the times are stretched, in words.
pub(super) fn pace(app: &App, theme: Theme) -> Option<String> {
    let slower = Race::times(app.race().runs()?).into_iter().max()?;
    let stretched = LASTS.as_secs_f64() * 1e6 / slower.max(1) as f64;
    let times = theme.glyphs.times;
    Some(match stretched {
        10.0.. => format!("slowed {stretched:.0}{times}"),
        1.05.. => format!("slowed {stretched:.1}{times}"),
        0.95.. => "in real time".to_owned(),
        _ => format!("hastened {:.1}{times}", 1.0 / stretched),
    })
}
