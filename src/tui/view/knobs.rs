//! The knob pane: every declared knob by slot, its value and range, and when a change takes effect.

use ratatui::{
    layout::Rect,
    text::{Line, Span},
};

use super::pen::{Pen, cut, span, width, wrap};
use crate::{
    printable,
    settings::{KNOBS, Kind, Knob, Settings, Slot, Timing, Value},
    tui::{
        action::{Action, Focus},
        app::App,
        theme::{BarPart, Role},
    },
};

/// Cells of a range bar.
const BAR: u16 = 8;

/// Rows of the help at the foot.
const HELP: u16 = 6;

/// Rows of the list that stay where a refusal takes more than the help.
const LEAST_LIST: u16 = 4;

enum Row {
    Slot(Slot),
    Knob(usize),
}

/// Draws the pane.
pub(super) fn draw(app: &App, area: Rect, pen: &mut Pen<'_>) {
    if area.height < 3 || area.width < 12 {
        return;
    }
    let focused = app.focus == Focus::Knobs;
    let title = span("knobs", pen.style(if focused { Role::TitleFocused } else { Role::Title }));
    let right = Line::from(span(preset_title(app), pen.style(Role::Dim)));
    let head = Rect { height: 1, ..area };
    pen.rule(head, &Line::from(title), &right);
    pen.click(head, Action::Focus(Focus::Knobs));
    let notes = help_lines(app, area.width, pen);
    let usual = match area.height {
        16.. => HELP,
        12.. if focused => HELP,
        height => 3.min(height.saturating_sub(LEAST_LIST)),
    };
    // Why a knob did not move is told whole: the way out stands at its end.
    let told = notes.iter().filter(|(_, role)| matches!(role, Role::Bad | Role::Note)).count() as u16;
    let needed = if told == 0 { 0 } else { told + u16::from(usual == HELP) };
    let help = usual.max(needed.min(area.height.saturating_sub(1 + LEAST_LIST)));
    let list = Rect { y: area.y + 1, height: area.height.saturating_sub(1 + help), ..area };
    pen.wheel(list, Action::KnobMove(-1), Action::KnobMove(1));

    let rows = rows(app);
    let selected =
        rows.iter().position(|row| matches!(row, Row::Knob(index) if *index == app.knobs.selected)).unwrap_or(0);
    let height = usize::from(list.height);
    let scroll = selected.saturating_sub(height / 2).min(rows.len().saturating_sub(height));
    let settings = app.settings();
    let in_force = app.log().filter(|_| app.is_under_way()).map(|log| log.settings_at(log.len()));
    for (row, y) in rows.iter().skip(scroll).zip(list.top()..list.bottom()) {
        let line = Rect { y, height: 1, ..list };
        match row {
            Row::Slot(slot) => {
                pen.put(line.x, y, line.width, slot.title(), pen.style(Role::Faint));
            }
            Row::Knob(index) => draw_knob(app, *index, &settings, in_force.as_ref(), line, pen),
        }
    }
    let below = rows.len().saturating_sub(scroll + height);
    let has_gap = help >= HELP;
    if below > 0 && has_gap {
        let more = format!(" {} {below} more", pen.theme.glyphs.up_down[1]);
        let row = Rect { y: list.bottom(), height: 1, ..area };
        pen.line_right(row, &Line::from(span(more, pen.style(Role::Faint))));
    }
    let foot = Rect { y: list.bottom(), height: help, ..area };
    for ((line, role), y) in notes.iter().zip(foot.top() + u16::from(has_gap)..foot.bottom()) {
        pen.cut(foot.x, y, foot.width, line, pen.style(*role));
    }
}

fn preset_title(app: &App) -> String {
    if app.is_replay() {
        return "as recorded".to_owned();
    }
    app.layers.preset().map_or_else(|| "no preset".to_owned(), |preset| preset.title.clone())
}

fn rows(app: &App) -> Vec<Row> {
    let listed = app.listed_knobs();
    let mut rows = Vec::new();
    for slot in Slot::ALL {
        let mut knobs = listed.iter().filter(|index| KNOBS[**index].slot == slot).peekable();
        if knobs.peek().is_some() {
            rows.push(Row::Slot(slot));
            rows.extend(knobs.map(|index| Row::Knob(*index)));
        }
    }
    rows
}

fn draw_knob(app: &App, index: usize, settings: &Settings, in_force: Option<&Settings>, row: Rect, pen: &mut Pen<'_>) {
    let knob = &KNOBS[index];
    let selected = app.knobs.selected == index && app.focus == Focus::Knobs;
    let glyphs = pen.theme.glyphs;
    let value = knob.get(settings);
    let is_default = value == knob.default();
    let is_live = app.layers.is_live(knob.name);
    // Set, and not yet used by a step of the run under way.
    let is_pending = in_force.is_some_and(|used| knob.get(used) != value);
    if selected {
        pen.paint(row, pen.style(Role::Marked));
    }
    pen.click(row, Action::KnobSelect(index));
    let name_style = match (knob.acts(settings), is_default && !selected) {
        (false, _) => Role::Faint,
        (true, true) => Role::Dim,
        (true, false) => Role::Text,
    };
    let mark = match (selected, is_live) {
        (true, _) => span(glyphs.pointer, pen.style(Role::Accent)),
        (false, true) => span(glyphs.changed, pen.style(Role::Note)),
        (false, false) => span(" ", pen.style(Role::Text)),
    };
    pen.put(row.x, row.y, 1, &mark.content, mark.style);
    let name_end = pen.put(row.x + 2, row.y, row.width.saturating_sub(2), knob.name, pen.style(name_style));

    let effect = glyphs.effects[match knob.effect {
        Timing::NextStep => 0,
        Timing::NextBlock => 1,
        Timing::NextRun => 2,
    }];
    let effect_role = if is_pending { Role::Accent } else { Role::Line };
    pen.put(row.right().saturating_sub(1), row.y, 1, effect, pen.style(effect_role));

    let room = row.width.saturating_sub(2 + width(knob.name) + 3);
    let end = row.right().saturating_sub(2);
    if let Some(entry) = app.knobs.entry.as_ref().filter(|_| selected) {
        let shown: String = entry
            .chars()
            .rev()
            .take(usize::from(room.saturating_sub(1)))
            .collect::<Vec<_>>()
            .into_iter()
            .rev()
            .collect();
        let at = end.saturating_sub(width(&shown) + 1);
        pen.put(at, row.y, room, &shown, pen.style(Role::Accent));
        pen.put(end.saturating_sub(1), row.y, 1, " ", pen.style(Role::Caret));
        return;
    }
    let style = pen.style(match (is_live, is_default) {
        (true, _) => Role::Note,
        (false, true) => Role::Dim,
        (false, false) => Role::Text,
    });
    let mut line: Vec<Span<'static>> = Vec::new();
    let turns = selected && !app.is_replay() && matches!(knob.kind, Kind::Choice(_) | Kind::Flag);
    let text = cut(&value.to_string(), room.saturating_sub(if turns { 4 } else { 0 }), glyphs.ellipsis);
    if turns {
        let [left, right] = glyphs.choice;
        line.push(span(format!("{left} "), pen.style(Role::Accent)));
        line.push(span(text, style));
        line.push(span(format!(" {right}"), pen.style(Role::Accent)));
    } else {
        line.push(span(text, style));
    }
    let value_width: u16 = line.iter().map(|span| width(&span.content)).sum();
    let at = pen.line_right(Rect { x: end.saturating_sub(room), width: room, ..row }, &Line::from(line));
    // Bars stand in one column, whatever the width of the value; a long name has none beside it.
    let x = (end.saturating_sub(7 + BAR)).min(at.saturating_sub(BAR + 1));
    if let Some(share) = share(knob, value).filter(|_| value_width + BAR < room && x > name_end) {
        let style = if is_default { pen.style(Role::Faint) } else { pen.theme.ink(pen.theme.part(BarPart::Plain)) };
        pen.slider(x, row.y, BAR, share, style);
    }
}

/// Where a number stands in its range; long ranges by magnitude.
fn share(knob: &Knob, value: Value) -> Option<f32> {
    match (knob.kind, value) {
        (Kind::Int { max: u64::MAX, .. }, _) => None,
        (Kind::Int { min, max, .. }, Value::Int(value)) if max > 100 => {
            let magnitude = |number: u64| ((number - min + 1) as f32).ln();
            Some(magnitude(value.clamp(min, max)) / magnitude(max))
        }
        (Kind::Int { min, max, .. }, Value::Int(value)) => {
            Some((value.saturating_sub(min)) as f32 / (max - min).max(1) as f32)
        }
        (Kind::Float { min, max, .. }, Value::Float(value)) => Some((value - min) / (max - min)),
        _ => None,
    }
}

/// The selected knob in words, or why it did not move.
fn help_lines(app: &App, cells: u16, pen: &Pen<'_>) -> Vec<(String, Role)> {
    let knob = &KNOBS[app.knobs.selected.min(KNOBS.len() - 1)];
    let mut lines: Vec<(String, Role)> = Vec::new();
    if let Some(refusal) = &app.knobs.refusal {
        lines.extend(wrap(&printable::line(refusal), cells).into_iter().map(|line| (line, Role::Bad)));
    } else if let Some(passed) = &app.knobs.passed {
        lines.extend(wrap(&printable::line(passed), cells).into_iter().map(|line| (line, Role::Note)));
    } else {
        let settings = app.settings();
        let choice = match (knob.kind, knob.get(&settings)) {
            (Kind::Choice(choices), Value::Word(word)) => choices.iter().find(|choice| choice.word == word),
            _ => None,
        };
        lines.extend(wrap(knob.help, cells).into_iter().map(|line| (line, Role::Text)));
        let detail = match choice {
            Some(choice) => format!("{}: {}", choice.word, choice.help),
            None => knob.expectation(),
        };
        lines.extend(wrap(&detail, cells).into_iter().map(|line| (line, Role::Dim)));
        let when = if app.is_replay() {
            "a recorded run keeps its settings".to_owned()
        } else if !knob.acts(&settings) {
            "without effect beside the other knobs".to_owned()
        } else {
            format!("{} acts with the {}", pen.theme.glyphs.effects[knob.effect as usize], knob.effect)
        };
        lines.push((when, Role::Faint));
    }
    lines
}
