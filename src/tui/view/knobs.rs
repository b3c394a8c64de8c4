//! The knob pane: every declared knob by slot, its value and range, and when a change takes effect.

use ratatui::{layout::Rect, text::Line};

use super::pen::{Pen, cells, cut, span, width, wrap};
use crate::{
    printable,
    settings::{KNOBS, Kind, Knob, Settings, Slot, Timing, Value},
    tui::{
        action::{Action, Focus},
        app::{App, KnobFilter},
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
    let right = match &app.knobs.filter {
        Some(filter) => filter_line(filter, app.listed_knobs().len(), area.width, pen),
        None => Line::from(span(preset_title(app), pen.style(Role::Dim))),
    };
    let head = Rect { height: 1, ..area };
    pen.rule(head, &Line::from(title), &right);
    pen.click(head, Action::Focus(Focus::Knobs));
    let notes = help_lines(app, area.width, pen);
    let usual = match area.height {
        16.. => HELP,
        12.. if focused => HELP,
        height => 3.min(height.saturating_sub(LEAST_LIST)),
    };
    // Why a knob did not move is said in full: the way out stands at its end.
    let urgent = notes.iter().filter(|(_, role)| matches!(role, Role::Bad | Role::Note)).count() as u16;
    let needed = if urgent == 0 { 0 } else { urgent + u16::from(usual == HELP) };
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
            Row::Knob(index) => {
                pen.click(line, Action::KnobSelect(*index));
                KnobLine::of(app, *index, &settings, in_force.as_ref()).draw(line, pen);
            }
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

/// The end of the filter, and how many knobs it leaves.
fn filter_line(filter: &KnobFilter, found: usize, cells: u16, pen: &Pen<'_>) -> Line<'static> {
    let (accent, dim) = (pen.style(Role::Accent), pen.style(Role::Dim));
    let room = usize::from(cells.saturating_sub(24)).max(4);
    let hidden = filter.text.chars().count().saturating_sub(room);
    let shown: String = filter.text.chars().skip(hidden).collect();
    let caret = span(" ", if filter.is_typed { pen.style(Role::Caret) } else { dim });
    let count = if filter.text.trim().is_empty() { String::new() } else { format!(" {found} of {}", KNOBS.len()) };
    Line::from(vec![span(format!("/{shown}"), accent), caret, span(count, dim)])
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

/// A knob as it stands in its row.
struct KnobLine<'a> {
    knob: &'static Knob,
    value: Value,
    selected: bool,
    is_default: bool,
    is_live: bool,
    name: Role,
    effect: Role,
    field: KnobField<'a>,
}

/// What stands in the field of a knob.
enum KnobField<'a> {
    /// A value that is being typed.
    Typed(&'a str),
    /// A value that left and right change for another one of a few.
    Choice,
    /// A value.
    Plain,
}

impl<'a> KnobLine<'a> {
    fn of(app: &'a App, index: usize, settings: &Settings, in_force: Option<&Settings>) -> Self {
        let knob = &KNOBS[index];
        let value = knob.get(settings);
        let selected = app.knobs.selected == index && app.focus == Focus::Knobs;
        let is_default = value == knob.default();
        let name = match (knob.acts(settings), is_default && !selected) {
            (false, _) => Role::Faint,
            (true, true) => Role::Dim,
            (true, false) => Role::Text,
        };
        // Set, and not yet used by a step of the run under way.
        let is_pending = in_force.is_some_and(|used| knob.get(used) != value);
        let field = match app.knobs.entry.as_deref().filter(|_| selected) {
            Some(entry) => KnobField::Typed(entry),
            None if selected && !app.is_replay() && matches!(knob.kind, Kind::Choice(_) | Kind::Flag) => {
                KnobField::Choice
            }
            None => KnobField::Plain,
        };
        Self {
            knob,
            value,
            selected,
            is_default,
            is_live: app.layers.is_live(knob.name),
            name,
            effect: if is_pending { Role::Accent } else { Role::Faint },
            field,
        }
    }

    /// Draws mark, name, value and, at the right end, when a change takes effect.
    fn draw(&self, row: Rect, pen: &mut Pen<'_>) {
        if self.selected {
            pen.paint(row, pen.style(Role::Marked));
        }
        let name_end = self.draw_name(row, pen);
        let effect = pen.theme.glyphs.effects[match self.knob.effect {
            Timing::NextStep => 0,
            Timing::NextBlock => 1,
            Timing::NextRun => 2,
        }];
        pen.put(row.right().saturating_sub(1), row.y, 1, effect, pen.style(self.effect));
        let room = row.width.saturating_sub(2 + width(self.knob.name) + 3);
        let field = Rect { x: row.right().saturating_sub(2 + room), width: room, ..row };
        match self.field {
            KnobField::Typed(entry) => draw_entry(entry, field, pen),
            KnobField::Choice | KnobField::Plain => self.draw_value(field, name_end, pen),
        }
    }

    /// Draws mark and name, and returns the cell after it.
    fn draw_name(&self, row: Rect, pen: &mut Pen<'_>) -> u16 {
        let glyphs = pen.theme.glyphs;
        let (mark, mark_role) = match (self.selected, self.is_live) {
            (true, _) => (glyphs.pointer, Role::Accent),
            (false, true) => (glyphs.changed, Role::Note),
            (false, false) => (" ", Role::Text),
        };
        pen.put(row.x, row.y, 1, mark, pen.style(mark_role));
        pen.put(row.x + 2, row.y, row.width.saturating_sub(2), self.knob.name, pen.style(self.name))
    }

    fn draw_value(&self, field: Rect, name_end: u16, pen: &mut Pen<'_>) {
        let glyphs = pen.theme.glyphs;
        let style = pen.style(match (self.is_live, self.is_default) {
            (true, _) => Role::Note,
            (false, true) => Role::Dim,
            (false, false) => Role::Text,
        });
        let turns = matches!(self.field, KnobField::Choice);
        let room = field.width.saturating_sub(if turns { 4 } else { 0 });
        let mut line = vec![span(cut(&self.value.to_string(), room, glyphs.ellipsis), style)];
        if turns {
            let [left, right] = glyphs.choice;
            line.insert(0, span(format!("{left} "), pen.style(Role::Accent)));
            line.push(span(format!(" {right}"), pen.style(Role::Accent)));
        }
        let value_width = cells(&line);
        let at = pen.line_right(field, &Line::from(line));
        // Bars stand in one column, whatever the width of the value; a long name has none beside it.
        let x = field.right().saturating_sub(7 + BAR).min(at.saturating_sub(BAR + 1));
        let has_room = value_width + BAR < field.width && x > name_end;
        if let Some(share) = share(self.knob, self.value).filter(|_| has_room) {
            let bar = pen.theme.ink(pen.theme.part(BarPart::Plain));
            pen.slider(x, field.y, BAR, share, if self.is_default { pen.style(Role::Faint) } else { bar });
        }
    }
}

/// Draws a value that is being typed: its end, and the text cursor.
fn draw_entry(entry: &str, field: Rect, pen: &mut Pen<'_>) {
    let hidden = entry.chars().count().saturating_sub(usize::from(field.width.saturating_sub(1)));
    let shown: String = entry.chars().skip(hidden).collect();
    let at = field.right().saturating_sub(width(&shown) + 1);
    pen.put(at, field.y, field.width, &shown, pen.style(Role::Accent));
    pen.put(field.right().saturating_sub(1), field.y, 1, " ", pen.style(Role::Caret));
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
    if app.listed_knobs().is_empty() {
        let sentence = "no knob has all of these words: backspace erases one, esc lists all";
        return wrap(sentence, cells).into_iter().map(|line| (line, Role::Note)).collect();
    }
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
