//! The rows of the menu: what each chooses, what it says of that, and how it is changed.

use std::borrow::Cow;

use super::{
    ExportChoices,
    values::{
        HOLDS, LETTERS, LIMITS, PLAYS, next, number, pace, plays, rung, seconds, set_file, set_limit, set_pace,
        set_size, set_steps, steps_about, turn_format, turn_pace, turn_scene, turn_size, turn_steps,
    },
};
use crate::{
    export::{ExportField as Field, table::TableKind},
    session::Axis,
    tui::{Arrangement, ExportForm, Layer, Pane, theme::THEMES},
};

/// How the value of a row is changed.
pub(super) enum ValueChange {
    /// To one of a few others.
    Choice(fn(&mut ExportChoices, i64)),
    /// To another one of a list, or to what is typed.
    Number(fn(&mut ExportChoices, i64), fn(&mut ExportChoices, &str) -> Result<(), String>),
    /// To what is typed.
    Text(fn(&mut ExportChoices, &str) -> Result<(), String>),
}

/// A row.
pub(super) struct ChoiceRow {
    /// What it chooses; `None` for the format and the file, which every export has.
    pub field: Option<Field>,
    pub name: &'static str,
    /// Rows of one group stand together.
    pub group: u8,
    pub value: fn(&ExportChoices) -> String,
    /// What that is, or how it is written.
    pub about: fn(&ExportChoices) -> Cow<'static, str>,
    pub change: ValueChange,
}

/// What is shown, how it looks, how it moves, in which words and where.
const WHAT: u8 = 0;
const LOOK: u8 = 1;
const TIME: u8 = 2;
const WORDS: u8 = 3;

const fn row(
    (group, field, name): (u8, Option<Field>, &'static str),
    value: fn(&ExportChoices) -> String,
    about: fn(&ExportChoices) -> Cow<'static, str>,
    change: ValueChange,
) -> ChoiceRow {
    ChoiceRow { field, name, group, value, about, change }
}

/// Every row, from top to bottom.
pub(super) static ROWS: &[ChoiceRow] = {
    use ValueChange::{Choice, Number, Text};
    &[
        row((WHAT, None, "format"), |c| c.format.name().to_owned(), |c| c.format.about().into(), Choice(turn_format)),
        row(
            (WHAT, Some(Field::Table), "table"),
            |c| c.table.word().to_owned(),
            |c| c.table.about().into(),
            Choice(|c, by| c.table = next(&TableKind::ALL, c.table, by)),
        ),
        row(
            (WHAT, Some(Field::Scene), "scene"),
            |c| c.options.scene.word().to_owned(),
            |c| c.options.scene.about().into(),
            Choice(turn_scene),
        ),
        row(
            (WHAT, Some(Field::View), "view"),
            |c| c.options.pane().name().to_owned(),
            |_| "what stands in the canvas's place".into(),
            Choice(|c, by| c.options.view = Some(next(&Pane::ALL, c.options.pane(), by))),
        ),
        row(
            (WHAT, Some(Field::Axis), "axis"),
            |c| c.options.axis.name().to_owned(),
            |_| "what the two runs are aligned by".into(),
            Choice(|c, by| c.options.axis = next(&Axis::ALL, c.options.axis, by)),
        ),
        row(
            (LOOK, Some(Field::Layer), "layer"),
            |c| c.options.layer.name().to_owned(),
            |_| "how the canvas is read".into(),
            Choice(|c, by| c.options.layer = next(&Layer::all().collect::<Vec<_>>(), c.options.layer, by)),
        ),
        row(
            (LOOK, Some(Field::Arrangement), "arrangement"),
            |c| c.options.arrangement.word().to_owned(),
            |_| "how the tokens are laid out".into(),
            Choice(|c, by| {
                c.options.arrangement = next(&Arrangement::ALL.map(|(each, _)| each), c.options.arrangement, by);
            }),
        ),
        row(
            (LOOK, Some(Field::Theme), "theme"),
            |c| c.options.theme.to_string(),
            |c| c.options.theme.entry().sentence.into(),
            Choice(|c, by| c.options.theme = next(&THEMES.each_ref().map(|entry| entry.name), c.options.theme, by)),
        ),
        row(
            (LOOK, Some(Field::Size), "size"),
            |c| format!("{}×{}", c.options.width, c.options.height),
            |_| "columns and rows, as 120x34".into(),
            Number(turn_size, set_size),
        ),
        row(
            (LOOK, Some(Field::FontSize), "letters"),
            |c| format!("{} pixels", c.options.font_size),
            |_| "the height of a letter's em".into(),
            Number(
                |c, by| c.options.font_size = rung(&LETTERS, c.options.font_size, by),
                |c, text| number("letters", text, "pixels, as 16").map(|size| c.options.font_size = size),
            ),
        ),
        row(
            (TIME, Some(Field::Steps), "steps"),
            |c| c.effective().steps.to_string(),
            steps_about,
            Number(turn_steps, set_steps),
        ),
        row(
            (TIME, Some(Field::Pace), "pace"),
            pace,
            |_| "8 is steps a second, x2 is real time, twice as fast".into(),
            Number(turn_pace, set_pace),
        ),
        row(
            (TIME, Some(Field::IdleLimit), "longest pause"),
            |c| c.options.idle_limit.map_or_else(|| "as it was".to_owned(), seconds),
            |_| "seconds; 0 leaves pauses as long as they were".into(),
            Number(|c, by| c.options.idle_limit = next(&LIMITS, c.options.idle_limit, by), set_limit),
        ),
        row(
            (TIME, Some(Field::Typing), "typing"),
            |c| if c.options.typing { "yes" } else { "no" }.to_owned(),
            |_| "the prompt is typed first".into(),
            Choice(|c, _| c.options.typing ^= true),
        ),
        row(
            (TIME, Some(Field::Hold), "hold"),
            |c| seconds(c.options.hold),
            |_| "how long the last frame stays".into(),
            Number(
                |c, by| c.options.hold = rung(&HOLDS, c.options.hold, by),
                |c, text| number("hold", text, "seconds, as 3").map(|hold| c.options.hold = hold),
            ),
        ),
        row(
            (TIME, Some(Field::Loop), "loop"),
            plays,
            |_| "how often it plays; 0 is for ever".into(),
            Number(
                |c, by| c.options.plays = rung(&PLAYS, c.options.plays, by),
                |c, text| number("loop", text, "times, as 3").map(|plays| c.options.plays = plays),
            ),
        ),
        row(
            (WORDS, Some(Field::Title), "title"),
            |c| c.options.title.clone(),
            |_| "none: a line above, and its name in the file".into(),
            Text(|c, text| {
                text.clone_into(&mut c.options.title);
                Ok(())
            }),
        ),
        row(
            (WORDS, Some(Field::Caption), "caption"),
            |c| c.options.caption.clone(),
            |_| "none: words below the picture".into(),
            Text(|c, text| {
                text.clone_into(&mut c.options.caption);
                Ok(())
            }),
        ),
        row((WORDS, None, "file"), ExportForm::file, |_| "the usual name".into(), Text(set_file)),
    ]
};
