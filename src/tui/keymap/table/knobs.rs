//! Turning knobs, presets and models.

use super::{
    Binding, Context, Group, Hint, Key, WATCHING,
    conditions::{always, live, loading, turnable},
    key::{char, ctrl, shift},
};
use crate::tui::{
    action::{Action, Overlay},
    app::App,
};

const KNOBS: &[Context] = &[Context::Knobs];
const KNOB_LIST: &[Context] = &[Context::Knobs, Context::KnobFilter];
const PRESETS: &[Context] = &[Context::Presets];
const MODELS: &[Context] = &[Context::Models];
const WITH_MODELS: &[Context] = &[Context::Prompt, Context::Canvas, Context::Knobs, Context::Figures, Context::Models];

pub(super) fn bindings() -> Vec<Binding> {
    let mut bindings = rows! { Knobs;
        "knob.up"        [Key::UP, char('k')] Action::KnobMove(-1), KNOB_LIST, always, "the knob above" in "choose a knob";
        "knob.down"      [Key::DOWN, char('j')] Action::KnobMove(1), KNOB_LIST, always, "the knob below" in "choose a knob";
        "knob.page-up"   [Key::PAGE_UP] Action::KnobMove(-8), KNOBS, always, "eight knobs up" in "choose a knob, by pages";
        "knob.page-down" [Key::PAGE_DOWN] Action::KnobMove(8), KNOBS, always, "eight knobs down" in "choose a knob, by pages";
        "knob.less"      [Key::LEFT, char('h'), char('[')] Action::KnobNudge(-1), KNOBS, turnable, "turn it down" in "turn it";
        "knob.more"      [Key::RIGHT, char('l'), char(']')] Action::KnobNudge(1), KNOBS, turnable, "turn it up" in "turn it", 0 "turn";
        "knob.ten-less"  [char('{')] Action::KnobNudge(-10), KNOBS, turnable, "turn it down, ten times as far" in "turn it ten times as far";
        "knob.ten-more"  [char('}')] Action::KnobNudge(10), KNOBS, turnable, "turn it up, ten times as far" in "turn it ten times as far";
        "knob.type"      [Key::ENTER] Action::KnobType, KNOBS, turnable, "type a value", 2 "type";
        "knob.reset"     [char('r'), Key::BACKSPACE] Action::KnobReset, KNOBS, turnable, "back to preset and flags", 3 "reset";
        "knob.all"       [char('a')] Action::KnobsAll, KNOBS, always, "all knobs, or those that act", 6 "all";
        "knob.filter"    [char('/')] Action::KnobFilter, KNOBS, always, "filter the knobs by words", 7 "filter";
        "knob.undo"      [char('u')] Action::UndoTurn, KNOBS, turnable, "take the last turn back", 4 "undo";
        "knob.redo"      [char('U')] Action::RedoTurn, KNOBS, turnable, "do it again";
        "presets.toggle" [char('p')] Action::Toggle(Overlay::Presets), WATCHING, turnable, "presets: named sets of knobs", 5 "presets";
        "presets.run"    [ctrl('r'), shift(Key::ENTER)] Action::TakeAndRun, PRESETS, turnable, "take the preset and run", 2 "take and run";
        "presets.save"   [char('W')] Action::SavePreset, WATCHING, always, "save the knobs as a preset", 13 "save preset";
    };
    bindings.extend(rows! { Models;
        "models.toggle"  [ctrl('o'), char('m')] Action::Toggle(Overlay::Models), WITH_MODELS, live, "models: load another one", 7 models_words;
        "models.role"    [Key::TAB, Key::SHIFT_TAB] Action::ModelRole, MODELS, always, "denoisers or guides", 3 "denoisers, guides";
        "models.cancel"  [ctrl('x')] Action::CancelLoad, WITH_MODELS, loading, "break the loading off", 4 "break off";
    });
    bindings
}

fn models_words(app: &App) -> &'static str {
    if app.overlays.is_empty() { "models" } else { "" }
}
