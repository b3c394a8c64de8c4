//! The table itself, a function per group of the help.

use std::{slice, sync::LazyLock};

use crossterm::event::KeyCode;

use super::{Binding, Context, Group, Hint, key::Key, sitting};
use crate::{
    session::Phase,
    tui::{
        action::{Action, Direction, Focus, Overlay},
        app::{App, EngineState},
        compare::{CompareAction, RunComparison},
        pane::Pane,
        view::Layer,
    },
};

/// Every key of the playground. The order within a group is that of the help.
pub static BINDINGS: LazyLock<Vec<Binding>> = LazyLock::new(|| {
    let groups =
        [prompt(), run(), kept(), steps(), canvas(), figures(), compare(), knobs(), models(), lists(), program()];
    groups.into_iter().chain([sitting::runs(), sitting::hands(), sitting::tour()]).flatten().collect()
});

/// Where characters are keys and not text.
const WATCHING: &[Context] = &[Context::Canvas, Context::Knobs, Context::Figures];
/// The same, and where runs are compared.
const READING: &[Context] = &[Context::Canvas, Context::Knobs, Context::Figures, Context::Compare];
const COMPARE: &[Context] = &[Context::Compare];
const LISTS: &[Context] = &[Context::Gallery, Context::Help, Context::Legend];
const PICKS: &[Context] = &[Context::Gallery, Context::Presets, Context::Models, Context::Kept];
const PAGES: &[Context] =
    &[Context::Gallery, Context::Presets, Context::Help, Context::Legend, Context::Models, Context::Kept];
/// Where characters are text.
const TYPED: &[Context] = &[
    Context::Prompt,
    Context::Entry,
    Context::Models,
    Context::Presets,
    Context::PresetName,
    Context::KnobFilter,
    Context::Kept,
];
/// Where characters are a line of text beside the prompt.
const ENTRIES: &[Context] = &[Context::Entry, Context::Presets, Context::PresetName, Context::KnobFilter];
/// Where such a line chooses from a list.
const FILTERED: &[Context] = &[Context::Models, Context::Presets];
/// Where characters are the name of a model.
const MODELS: &[Context] = &[Context::Models];
/// Where characters are words of kept runs.
const KEPT: &[Context] = &[Context::Kept];
const OVERLAYS: &[Context] = &[Context::Gallery, Context::Help, Context::Legend];

/// Left and right show other steps.
const SCRUBBING: &[Context] = &[Context::Canvas, Context::Compare, Context::Figures];
/// Where one figure is explained.
const FIGURES: &[Context] = &[Context::Figures];

/// More rows than any list has.
const ALL_ROWS: i64 = 1 << 20;

/// Left and right turn knobs where the knob pane has the focus.
const WATCHING_NOT_KNOBS: &[Context] = &[Context::Canvas, Context::Compare];

fn always(_: &App) -> bool {
    true
}

fn is_live(app: &App) -> bool {
    !app.is_replay()
}

fn has_run(app: &App) -> bool {
    app.run().is_some()
}

fn has_steps(app: &App) -> bool {
    !app.is_empty()
}

fn is_long(app: &App) -> bool {
    app.drawn.canvas.lowest > 0
}

fn has_blocks(app: &App) -> bool {
    app.log().is_some_and(|log| log.block_starts().len() > 1)
}

fn live_run(app: &App) -> bool {
    is_live(app) && has_run(app)
}

fn continues(app: &App) -> bool {
    app.next_turn().is_some()
}

fn has_kept(app: &App) -> bool {
    app.session.other().is_some()
}

fn can_compare(app: &App) -> bool {
    app.comparison.is_some() || !RunComparison::rivals(&app.session).is_empty()
}

fn compare_words(app: &App) -> &'static str {
    if app.comparison.is_some() { "leave" } else { "compare" }
}

fn has_rivals(app: &App) -> bool {
    RunComparison::rivals(&app.session).len() > 1
}

fn has_differences(app: &App) -> bool {
    app.comparison.as_ref().is_some_and(|comparison| !comparison.diff().differences.is_empty())
}

fn under_way(app: &App) -> bool {
    app.is_under_way()
}

fn can_stop(app: &App) -> bool {
    under_way(app) || app.forking.is_some()
}

fn can_step(app: &App) -> bool {
    under_way(app) || !app.follows()
}

fn can_turn(app: &App) -> bool {
    is_live(app) && !matches!(app.engine, EngineState::Failed(_))
}

fn is_loading(app: &App) -> bool {
    app.picker.loading.is_some()
}

fn models_words(app: &App) -> &'static str {
    if app.overlays.is_empty() { "models" } else { "" }
}

fn play_words(app: &App) -> &'static str {
    match (app.phase().filter(|_| app.follows()), app.playback.playing) {
        (Some(Phase::Running), _) | (_, true) => "pause",
        (Some(Phase::Paused), _) => "resume",
        _ if app.is_empty() => "",
        _ => "play",
    }
}

fn kv_map_words(app: &App) -> &'static str {
    if app.lens.pane == Pane::KvMap { "canvas" } else { "K/V map" }
}

fn failed_words(app: &App) -> &'static str {
    let failed = || app.log().and_then(|log| log.end()).and_then(|end| end.failed.as_ref());
    let is_selected = || failed().is_some_and(|failed| app.lens.selected == Some(failed.start));
    if app.follows() && failed().is_some() && !is_selected() { "what fails" } else { "" }
}

fn is_map(app: &App) -> bool {
    app.lens.pane == Pane::Map
}

fn map_words(app: &App) -> &'static str {
    match app.run() {
        None => "",
        Some(_) if is_map(app) => "canvas",
        Some(_) => "map",
    }
}

fn position_words(app: &App) -> &'static str {
    if is_map(app) { "position" } else { "" }
}

fn inspect_words(app: &App) -> &'static str {
    if is_map(app) { "step" } else { "inspect" }
}

fn step_words(app: &App) -> &'static str {
    if is_map(app) { "" } else { "step" }
}

macro_rules! binding {
    ($action:expr, [$($key:expr),+], $label:literal, $group:ident, $contexts:expr, $applies:expr) => {
        Binding {
            action: $action,
            keys: const { &[$($key),+] },
            label: $label,
            group: Group::$group,
            contexts: $contexts,
            applies: $applies,
            hint: None,
        }
    };
    ($action:expr, [$($key:expr),+], $label:literal, $group:ident, $contexts:expr, $applies:expr, $rank:literal $words:literal) => {
        binding!($action, [$($key),+], $label, $group, $contexts, $applies, $rank |_| $words)
    };
    ($action:expr, [$($key:expr),+], $label:literal, $group:ident, $contexts:expr, $applies:expr, $rank:literal $words:expr) => {
        Binding {
            action: $action,
            keys: const { &[$($key),+] },
            label: $label,
            group: Group::$group,
            contexts: $contexts,
            applies: $applies,
            hint: Some(Hint { rank: $rank, words: $words }),
        }
    };
}

/// Writing prompts.
fn prompt() -> Vec<Binding> {
    vec![
        binding!(Action::Submit, [Key::new(KeyCode::Enter)], "denoise the prompt", Prompt, &[Context::Prompt], is_live, 1 "denoise"),
        binding!(
            Action::Newline,
            [Key::ctrl('j'), Key::alt(KeyCode::Enter), Key::shift(KeyCode::Enter)],
            "break the line",
            Prompt, &[Context::Prompt], is_live, 6 "new line"
        ),
        binding!(Action::Clear, [Key::ctrl('u')], "clear to the start of the line", Prompt, TYPED, always),
        // Terminals send the same byte for the three.
        binding!(
            Action::Undo,
            [Key::ctrl('_'), Key::ctrl('/'), Key::ctrl('7')],
            "undo, redo",
            Prompt,
            &[Context::Prompt],
            is_live
        ),
        binding!(Action::Redo, [Key::ctrl('r')], "undo, redo", Prompt, &[Context::Prompt], is_live),
        binding!(
            Action::HistoryOlder,
            [Key::new(KeyCode::Up)],
            "earlier and later prompts",
            Prompt,
            &[Context::Prompt],
            is_live
        ),
        binding!(
            Action::HistoryNewer,
            [Key::new(KeyCode::Down)],
            "earlier and later prompts",
            Prompt,
            &[Context::Prompt],
            is_live
        ),
        binding!(
            Action::Toggle(Overlay::Gallery),
            [Key::ctrl('g')],
            "gallery of prompts",
            Prompt, &[Context::Prompt, Context::Canvas, Context::Knobs, Context::Figures, Context::Gallery], is_live, 2 "gallery"
        ),
        binding!(Action::Toggle(Overlay::Gallery), [Key::char('e')], "gallery of prompts", Prompt, WATCHING, is_live),
        binding!(
            Action::NewConversation,
            [Key::ctrl('n')],
            "begin a new conversation",
            Prompt, &[Context::Prompt, Context::Canvas, Context::Knobs], continues, 7 "new conversation"
        ),
        binding!(Action::Focus(Focus::Prompt), [Key::char('i')], "edit the prompt", Prompt, WATCHING, is_live, 5 "prompt"),
        binding!(
            Action::Focus(Focus::Prompt),
            [Key::char('/')],
            "edit the prompt",
            Prompt,
            WATCHING_NOT_KNOBS,
            is_live
        ),
    ]
}

/// The run.
fn run() -> Vec<Binding> {
    vec![
        binding!(Action::TogglePlay, [Key::char(' ')], "pause, resume; play the log", Run, READING, has_steps, 1 play_words),
        binding!(Action::StepOnce, [Key::char('.')], "one step", Run, READING, can_step, 3 "one step"),
        binding!(Action::Restart, [Key::char('R'), Key::ctrl('r')], "run again, with these settings", Run, WATCHING, live_run, 4 "again"),
        binding!(Action::SwapRuns, [Key::char('b')], "the run shown before, and back", Run, WATCHING, has_kept, 8 "other run"),
        binding!(Action::StopRun, [Key::char('x')], "end the run here", Run, WATCHING, can_stop),
        binding!(Action::Pace(1), [Key::char('+'), Key::char('=')], "faster, slower", Run, READING, has_run),
        binding!(Action::Pace(-1), [Key::char('-')], "faster, slower", Run, READING, has_run),
        binding!(Action::ToggleFullSpeed, [Key::char('f')], "full speed, and back", Run, READING, has_run, 9 "full speed"),
        binding!(Action::SaveTrace, [Key::char('w')], "write the trace to a file", Run, WATCHING, live_run, 12 "save"),
    ]
}

/// Runs that are kept on the disk.
fn kept() -> Vec<Binding> {
    vec![
        binding!(Action::Toggle(Overlay::Kept), [Key::char('o')], "kept runs: open one", Run, WATCHING, always),
        binding!(Action::KeptDelete, [Key::ctrl('d'), Key::new(KeyCode::Delete)], "delete a kept run", Run, KEPT, always, 3 "delete"),
        binding!(Action::KeptErase, [Key::new(KeyCode::Backspace)], "erase what is typed", Models, KEPT, always),
        binding!(Action::ListMove(-1), [Key::new(KeyCode::Up)], "choose", Lists, KEPT, always),
        binding!(Action::ListMove(1), [Key::new(KeyCode::Down)], "choose", Lists, KEPT, always, 2 "choose"),
        binding!(Action::Back, [Key::new(KeyCode::Esc)], "close, leave, let go", Program, KEPT, always, 5 "close"),
    ]
}

/// Steps and their order.
fn steps() -> Vec<Binding> {
    vec![
        binding!(Action::Scrub(-1), [Key::new(KeyCode::Left), Key::char(',')], "one step back, on", Time, SCRUBBING, has_steps, 2 step_words),
        binding!(Action::Scrub(1), [Key::new(KeyCode::Right)], "one step back, on", Time, SCRUBBING, has_steps),
        binding!(Action::Scrub(-10), [Key::shift(KeyCode::Left)], "ten steps back, on", Time, READING, has_steps),
        binding!(Action::Scrub(-10), [Key::new(KeyCode::PageUp)], "ten steps back, on", Time, SCRUBBING, has_steps),
        binding!(Action::Scrub(10), [Key::shift(KeyCode::Right)], "ten steps back, on", Time, READING, has_steps),
        binding!(Action::Scrub(10), [Key::new(KeyCode::PageDown)], "ten steps back, on", Time, SCRUBBING, has_steps),
        binding!(
            Action::BlockMove(-1),
            [Key::char('[')],
            "previous and next block",
            Time,
            &[Context::Canvas],
            has_blocks
        ),
        binding!(
            Action::BlockMove(1),
            [Key::char(']')],
            "previous and next block",
            Time,
            &[Context::Canvas],
            has_blocks
        ),
        binding!(
            Action::ScrubTo(0),
            [Key::char('g'), Key::new(KeyCode::Home)],
            "before the first step",
            Time,
            READING,
            has_steps
        ),
        binding!(
            Action::Follow,
            [Key::char('G'), Key::new(KeyCode::End)],
            "the newest step, and follow",
            Time,
            READING,
            has_steps
        ),
    ]
}

/// Reading the canvas.
fn canvas() -> Vec<Binding> {
    let mut bindings = layers();
    bindings.extend([
        binding!(Action::Pane(Pane::Map), [Key::char('M')], "map of all steps, or the canvas", Canvas, WATCHING, has_run, 6 map_words),
        binding!(Action::NextLayer, [Key::char('v')], "next layer", Canvas, READING, always, 6 "layer"),
        binding!(Action::Pane(Pane::KvMap), [Key::char('K')], "K/V rows by layer, or the canvas", Canvas, WATCHING, has_run, 9 kv_map_words),
        binding!(Action::ToggleAudit, [Key::char('A')], "audit every step, or none", Canvas, WATCHING, is_live),
        binding!(Action::ToggleDrafts, [Key::char('d')], "drafts or plain masks", Canvas, READING, always, 8 "drafts"),
        binding!(Action::NextArrangement, [Key::char('#')], "grid, running text, sudoku", Canvas, READING, has_run, 12 "grid"),
        binding!(Action::ScrollHalf(1), [Key::ctrl('d')], "scroll a long canvas (or ^wheel)", Canvas, &[Context::Canvas], is_long),
        binding!(Action::ScrollHalf(-1), [Key::ctrl('u')], "scroll a long canvas (or ^wheel)", Canvas, &[Context::Canvas], is_long),
        binding!(
            Action::SelectMove(Direction::Left),
            [Key::char('h')],
            "inspect a token",
            Canvas,
            WATCHING_NOT_KNOBS,
            has_run,
            7 position_words
        ),
        binding!(Action::SelectMove(Direction::Down), [Key::char('j'), Key::new(KeyCode::Down)], "inspect a token", Canvas, WATCHING_NOT_KNOBS, has_run, 7 inspect_words),
        binding!(
            Action::SelectMove(Direction::Up),
            [Key::char('k'), Key::new(KeyCode::Up)],
            "inspect a token",
            Canvas,
            WATCHING_NOT_KNOBS,
            has_run
        ),
        binding!(
            Action::SelectMove(Direction::Right),
            [Key::char('l')],
            "inspect a token",
            Canvas,
            WATCHING_NOT_KNOBS,
            has_run
        ),
        binding!(Action::SelectFailed, [Key::char('!')], "what fails in the answer", Canvas, &[Context::Canvas], has_steps, 0 failed_words),
        binding!(Action::NextEvent, [Key::char('n')], "next event, the one before", Canvas, &[Context::Canvas], has_steps, 10 "next event"),
        binding!(Action::PreviousEvent, [Key::char('N')], "next event, the one before", Canvas, &[Context::Canvas], has_steps),
        binding!(Action::Toggle(Overlay::Legend), [Key::char('L')], "what the colours and marks mean", Canvas, &[Context::Canvas, Context::Compare, Context::Knobs, Context::Figures, Context::Legend], always, 11 "legend"),
    ]);
    bindings
}

/// What the figures say.
fn figures() -> Vec<Binding> {
    vec![
        binding!(
            Action::FigureMove(-1),
            [Key::new(KeyCode::Up), Key::char('k')],
            "what a figure says",
            Time,
            FIGURES,
            always
        ),
        binding!(Action::FigureMove(1), [Key::new(KeyCode::Down), Key::char('j')], "what a figure says", Time, FIGURES, always, 0 "figure"),
    ]
}

/// Two runs beside each other.
fn compare() -> Vec<Binding> {
    vec![
        binding!(Action::Compare(CompareAction::Toggle), [Key::char('c')], "compare with another run; leave", Compare, &[Context::Canvas, Context::Compare], can_compare, 5 compare_words),
        binding!(Action::Compare(CompareAction::Difference(1)), [Key::char('n')], "next, previous difference", Compare, COMPARE, has_differences, 1 "difference"),
        binding!(
            Action::Compare(CompareAction::Difference(-1)),
            [Key::char('N')],
            "next, previous difference",
            Compare,
            COMPARE,
            has_differences
        ),
        binding!(Action::Compare(CompareAction::NextAxis), [Key::char('a')], "by steps, passes, rows or time", Compare, COMPARE, always, 3 "axis"),
        binding!(Action::Compare(CompareAction::Rival(1)), [Key::new(KeyCode::Tab), Key::char(')')], "compare with the next run, before", Compare, COMPARE, has_rivals, 5 "other run"),
        binding!(
            Action::Compare(CompareAction::Rival(-1)),
            [Key::new(KeyCode::BackTab), Key::char('(')],
            "compare with the next run, before",
            Compare,
            COMPARE,
            has_rivals
        ),
    ]
}

/// Turning knobs.
fn knobs() -> Vec<Binding> {
    vec![
        binding!(
            Action::KnobMove(-1),
            [Key::new(KeyCode::Up), Key::char('k')],
            "choose a knob",
            Knobs,
            &[Context::Knobs],
            always
        ),
        binding!(
            Action::KnobMove(1),
            [Key::new(KeyCode::Down), Key::char('j')],
            "choose a knob",
            Knobs,
            &[Context::Knobs],
            always
        ),
        binding!(
            Action::KnobMove(-8),
            [Key::new(KeyCode::PageUp)],
            "choose a knob, by pages",
            Knobs,
            &[Context::Knobs],
            always
        ),
        binding!(
            Action::KnobMove(8),
            [Key::new(KeyCode::PageDown)],
            "choose a knob, by pages",
            Knobs,
            &[Context::Knobs],
            always
        ),
        binding!(
            Action::KnobNudge(-1),
            [Key::new(KeyCode::Left), Key::char('h'), Key::char('[')],
            "turn it",
            Knobs,
            &[Context::Knobs],
            can_turn
        ),
        binding!(Action::KnobNudge(1), [Key::new(KeyCode::Right), Key::char('l'), Key::char(']')], "turn it", Knobs, &[Context::Knobs], can_turn, 0 "turn"),
        binding!(
            Action::KnobNudge(-10),
            [Key::char('{')],
            "turn it ten times as far",
            Knobs,
            &[Context::Knobs],
            can_turn
        ),
        binding!(
            Action::KnobNudge(10),
            [Key::char('}')],
            "turn it ten times as far",
            Knobs,
            &[Context::Knobs],
            can_turn
        ),
        binding!(Action::KnobType, [Key::new(KeyCode::Enter)], "type a value", Knobs, &[Context::Knobs], can_turn, 2 "type"),
        binding!(Action::KnobReset, [Key::char('r'), Key::new(KeyCode::Backspace)], "back to preset and flags", Knobs, &[Context::Knobs], can_turn, 3 "reset"),
        binding!(Action::KnobsAll, [Key::char('a')], "all knobs, or those that act", Knobs, &[Context::Knobs], always, 6 "all"),
        binding!(Action::KnobFilter, [Key::char('/')], "filter the knobs by words", Knobs, &[Context::Knobs], always, 7 "filter"),
        binding!(Action::KnobMove(-1), [Key::new(KeyCode::Up)], "choose a knob", Knobs, &[Context::KnobFilter], always),
        binding!(
            Action::KnobMove(1),
            [Key::new(KeyCode::Down)],
            "choose a knob",
            Knobs,
            &[Context::KnobFilter],
            always
        ),
        binding!(Action::UndoTurn, [Key::char('u')], "take the last turn back", Knobs, &[Context::Knobs], can_turn, 4 "undo"),
        binding!(Action::RedoTurn, [Key::char('U')], "do it again", Knobs, &[Context::Knobs], can_turn),
        binding!(Action::EntryAccept, [Key::new(KeyCode::Enter)], "take what is typed", Knobs, &[Context::Entry, Context::PresetName, Context::KnobFilter], always, 1 "take"),
        binding!(Action::EntryErase, [Key::new(KeyCode::Backspace)], "erase a character", Knobs, ENTRIES, always),
        binding!(Action::Toggle(Overlay::Presets), [Key::char('p')], "presets: named sets of knobs", Knobs, WATCHING, can_turn, 5 "presets"),
        binding!(Action::TakeAndRun, [Key::ctrl('r'), Key::shift(KeyCode::Enter)], "take the preset and run", Knobs, &[Context::Presets], can_turn, 2 "take and run"),
        binding!(Action::SavePreset, [Key::char('W')], "save the knobs as a preset", Knobs, WATCHING, always, 13 "save preset"),
    ]
}

/// Choosing models.
fn models() -> Vec<Binding> {
    vec![
        binding!(Action::Toggle(Overlay::Models), [Key::ctrl('o')], "models: load another one", Models, &[Context::Prompt, Context::Canvas, Context::Knobs, Context::Figures, Context::Models], is_live, 7 models_words),
        binding!(
            Action::Toggle(Overlay::Models),
            [Key::char('m')],
            "models: load another one",
            Models,
            WATCHING,
            is_live
        ),
        binding!(Action::ModelRole, [Key::new(KeyCode::Tab), Key::new(KeyCode::BackTab)], "denoisers or guides", Models, MODELS, always, 3 "denoisers, guides"),
        binding!(Action::SourceErase, [Key::new(KeyCode::Backspace)], "erase what is typed", Models, MODELS, always),
        binding!(Action::CancelLoad, [Key::ctrl('x')], "break the loading off", Models, &[Context::Prompt, Context::Canvas, Context::Knobs, Context::Figures, Context::Models], is_loading, 4 "break off"),
    ]
}

/// Lists and overlays.
fn lists() -> Vec<Binding> {
    vec![
        binding!(Action::ListMove(-1), [Key::new(KeyCode::Up), Key::char('k')], "choose", Lists, LISTS, always),
        binding!(Action::ListMove(1), [Key::new(KeyCode::Down), Key::char('j')], "choose", Lists, LISTS, always, 2 "choose"),
        binding!(Action::ListMove(-1), [Key::new(KeyCode::Up)], "choose", Lists, FILTERED, always),
        binding!(Action::ListMove(1), [Key::new(KeyCode::Down)], "choose", Lists, FILTERED, always, 2 "choose"),
        binding!(Action::ListMove(-ALL_ROWS), [Key::new(KeyCode::Home)], "the first, the last", Lists, PAGES, always),
        binding!(Action::ListMove(ALL_ROWS), [Key::new(KeyCode::End)], "the first, the last", Lists, PAGES, always),
        binding!(Action::ListMove(-8), [Key::new(KeyCode::PageUp)], "choose, by pages", Lists, PAGES, always),
        binding!(Action::ListMove(8), [Key::new(KeyCode::PageDown)], "choose, by pages", Lists, PAGES, always),
        binding!(Action::ListAccept, [Key::new(KeyCode::Enter)], "take it", Lists, PICKS, always, 1 "take"),
    ]
}

/// The program.
fn program() -> Vec<Binding> {
    vec![
        binding!(Action::FocusNext, [Key::new(KeyCode::Tab)], "next pane, and back", Program, &[Context::Prompt, Context::Canvas, Context::Knobs, Context::Figures], always, 10 "pane"),
        binding!(
            Action::FocusPrevious,
            [Key::new(KeyCode::BackTab)],
            "next pane, and back",
            Program,
            &[Context::Prompt, Context::Canvas, Context::Knobs, Context::Figures],
            always
        ),
        binding!(Action::Back, [Key::new(KeyCode::Esc)], "close, leave, let go", Program, &[Context::Prompt, Context::Canvas, Context::Compare, Context::Knobs, Context::Figures, Context::Entry, Context::KnobFilter], always, 12 "back"),
        binding!(Action::Back, [Key::new(KeyCode::Esc)], "close, leave, let go", Program, &[Context::Models, Context::Presets, Context::PresetName], always, 5 "close"),
        binding!(Action::Back, [Key::new(KeyCode::Esc), Key::char('q')], "close, leave, let go", Program, OVERLAYS, always, 3 "close"),
        binding!(Action::NextTheme, [Key::char('t')], "next theme", Program, READING, always),
        binding!(Action::Toggle(Overlay::Help), [Key::new(KeyCode::F(1))], "this help", Program, &[Context::Prompt, Context::Entry, Context::Presets, Context::KnobFilter], always, 13 "help"),
        binding!(Action::Toggle(Overlay::Help), [Key::char('?'), Key::new(KeyCode::F(1))], "this help", Program, &[Context::Canvas, Context::Compare, Context::Knobs, Context::Figures, Context::Help, Context::Legend, Context::Gallery], always, 13 "help"),
        binding!(Action::Repaint, [Key::ctrl('l')], "draw everything again", Program, &Context::ALL, always),
        binding!(Action::Suspend, [Key::ctrl('z')], "suspend to the shell", Program, &Context::ALL, always),
        binding!(Action::Quit, [Key::char('q')], "quit", Program, READING, always, 14 "quit"),
        binding!(Action::Quit, [Key::ctrl('c')], "quit", Program, &Context::ALL, always),
    ]
}

/// The keys of the layers.
static DIGITS: [Key; 9] = [
    Key::char('1'),
    Key::char('2'),
    Key::char('3'),
    Key::char('4'),
    Key::char('5'),
    Key::char('6'),
    Key::char('7'),
    Key::char('8'),
    Key::char('9'),
];

/// A digit for each layer.
fn layers() -> Vec<Binding> {
    let digit = |(layer, key)| Binding {
        action: Action::Layer(layer),
        keys: slice::from_ref(key),
        label: "choose a layer by its number",
        group: Group::Canvas,
        contexts: READING,
        applies: always,
        hint: None,
    };
    Layer::all().zip(&DIGITS).map(digit).collect()
}
