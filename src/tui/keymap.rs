//! The one table of keys: what each does, where it applies, and how the footer and the help name it.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::{
    action::{Action, Direction, Focus, Layer, Overlay},
    app::{App, EngineState},
};
use crate::session::Phase;

/// The layer that keys go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// The prompt editor.
    Prompt,
    /// Canvas and timeline.
    Canvas,
    /// The knob pane.
    Knobs,
    /// A value being typed in the knob pane.
    Entry,
    /// The help.
    Help,
    /// The legend.
    Legend,
    /// The gallery.
    Gallery,
    /// The presets.
    Presets,
    /// The models, where characters are text.
    Models,
}

impl Context {
    /// Every context.
    pub const ALL: [Self; 9] = [
        Self::Prompt,
        Self::Canvas,
        Self::Knobs,
        Self::Entry,
        Self::Help,
        Self::Legend,
        Self::Gallery,
        Self::Presets,
        Self::Models,
    ];
}

/// Where characters are keys and not text.
const WATCHING: &[Context] = &[Context::Canvas, Context::Knobs];
const LISTS: &[Context] = &[Context::Gallery, Context::Presets, Context::Help, Context::Legend];
const PICKS: &[Context] = &[Context::Gallery, Context::Presets, Context::Models];
const PAGES: &[Context] = &[Context::Gallery, Context::Presets, Context::Help, Context::Legend, Context::Models];
/// Where characters are text.
const TYPED: &[Context] = &[Context::Prompt, Context::Entry, Context::Models];
/// Where characters are the name of a model.
const MODELS: &[Context] = &[Context::Models];
const OVERLAYS: &[Context] = &[Context::Help, Context::Legend, Context::Gallery, Context::Presets];

/// A key with its modifiers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    code: KeyCode,
    modifiers: KeyModifiers,
}

impl Key {
    const fn new(code: KeyCode) -> Self {
        Self { code, modifiers: KeyModifiers::NONE }
    }

    const fn char(c: char) -> Self {
        Self::new(KeyCode::Char(c))
    }

    const fn ctrl(c: char) -> Self {
        Self { code: KeyCode::Char(c), modifiers: KeyModifiers::CONTROL }
    }

    const fn shift(code: KeyCode) -> Self {
        Self { code, modifiers: KeyModifiers::SHIFT }
    }

    const fn alt(code: KeyCode) -> Self {
        Self { code, modifiers: KeyModifiers::ALT }
    }

    /// The key of an event. Shift is part of a character, so it is dropped there; terminals disagree on whether they
    /// report it.
    pub fn of(event: KeyEvent) -> Self {
        let kept = KeyModifiers::SHIFT | KeyModifiers::CONTROL | KeyModifiers::ALT;
        let mut modifiers = event.modifiers & kept;
        let code = match event.code {
            KeyCode::Char(c) => {
                modifiers -= KeyModifiers::SHIFT;
                let ctrl = modifiers.contains(KeyModifiers::CONTROL);
                KeyCode::Char(if ctrl { c.to_ascii_lowercase() } else { c })
            }
            KeyCode::BackTab => {
                modifiers -= KeyModifiers::SHIFT;
                KeyCode::BackTab
            }
            code => code,
        };
        Self { code, modifiers }
    }

    /// How it is written; arrows as signs or as words.
    pub fn name(self, signs: bool) -> String {
        let base = match self.code {
            KeyCode::Char(' ') => "space".to_owned(),
            KeyCode::Char(c) => c.to_string(),
            KeyCode::Enter => "enter".to_owned(),
            KeyCode::Esc => "esc".to_owned(),
            KeyCode::Tab => "tab".to_owned(),
            KeyCode::BackTab => "shift-tab".to_owned(),
            KeyCode::Backspace => "backspace".to_owned(),
            KeyCode::Left => if signs { "←" } else { "left" }.to_owned(),
            KeyCode::Right => if signs { "→" } else { "right" }.to_owned(),
            KeyCode::Up => if signs { "↑" } else { "up" }.to_owned(),
            KeyCode::Down => if signs { "↓" } else { "down" }.to_owned(),
            KeyCode::Home => "home".to_owned(),
            KeyCode::End => "end".to_owned(),
            KeyCode::PageUp => "pgup".to_owned(),
            KeyCode::PageDown => "pgdn".to_owned(),
            KeyCode::F(n) => format!("F{n}"),
            other => format!("{other:?}").to_lowercase(),
        };
        if self.modifiers.contains(KeyModifiers::CONTROL) {
            return format!("^{}", base.to_uppercase());
        }
        let alt = if self.modifiers.contains(KeyModifiers::ALT) { "alt-" } else { "" };
        let shift = if self.modifiers.contains(KeyModifiers::SHIFT) { "shift-" } else { "" };
        format!("{alt}{shift}{base}")
    }
}

/// Headings of the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Group {
    /// Writing prompts.
    Prompt,
    /// The run.
    Run,
    /// Steps and their order.
    Time,
    /// Reading the canvas.
    Canvas,
    /// Turning knobs.
    Knobs,
    /// Choosing models.
    Models,
    /// Lists and overlays.
    Lists,
    /// The program.
    Program,
}

impl Group {
    /// All groups, in the order of the help.
    pub const ALL: [Self; 8] =
        [Self::Prompt, Self::Run, Self::Time, Self::Canvas, Self::Knobs, Self::Models, Self::Lists, Self::Program];

    /// A heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Prompt => "Prompt",
            Self::Run => "Run",
            Self::Time => "Steps",
            Self::Canvas => "Canvas",
            Self::Knobs => "Knobs",
            Self::Models => "Models",
            Self::Lists => "Lists",
            Self::Program => "Program",
        }
    }
}

/// One or two words for the footer, and how soon they are dropped where it is narrow.
pub struct Hint {
    /// The smaller, the longer it stays.
    pub rank: u8,
    /// The words, which may depend on the state.
    pub words: fn(&App) -> &'static str,
}

/// A line of the table.
pub struct Binding {
    /// What it does.
    pub action: Action,
    /// Its keys; the first is the one that is shown.
    pub keys: &'static [Key],
    /// What it does, for the help.
    pub label: &'static str,
    /// Under which heading.
    pub group: Group,
    /// In which contexts.
    pub contexts: &'static [Context],
    /// Whether it applies to the state.
    pub applies: fn(&App) -> bool,
    /// Its place in the footer, if it has one.
    pub hint: Option<Hint>,
}

impl std::fmt::Debug for Binding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Binding").field("action", &self.action).field("keys", &self.keys).finish_non_exhaustive()
    }
}

/// The binding of a key in the present state.
pub fn lookup(app: &App, key: Key) -> Option<&'static Binding> {
    let context = app.context();
    BINDINGS
        .iter()
        .find(|binding| binding.contexts.contains(&context) && binding.keys.contains(&key) && (binding.applies)(app))
}

/// What a key event means; `None` where it means nothing.
pub fn action(app: &App, event: KeyEvent) -> Option<Action> {
    let key = Key::of(event);
    if let Some(binding) = lookup(app, key) {
        return Some(binding.action.clone());
    }
    let plain = !event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
    match (app.context(), event.code) {
        (Context::Prompt, _) => Some(Action::Edit(event)),
        (Context::Entry, KeyCode::Char(c)) if plain => Some(Action::EntryChar(c)),
        (Context::Models, KeyCode::Char(c)) if plain => Some(Action::SourceChar(c)),
        _ => None,
    }
}

/// The bindings that the footer names now, the most important first.
pub fn hints(app: &App) -> Vec<(&'static Binding, &'static str)> {
    let context = app.context();
    let mut hints: Vec<_> = BINDINGS
        .iter()
        .filter(|binding| binding.contexts.contains(&context) && (binding.applies)(app))
        .filter_map(|binding| {
            let hint = binding.hint.as_ref()?;
            Some((hint.rank, binding, (hint.words)(app)))
        })
        .filter(|(_, _, words)| !words.is_empty())
        .collect();
    hints.sort_by_key(|(rank, ..)| *rank);
    hints.into_iter().map(|(_, binding, words)| (binding, words)).collect()
}

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

fn live_run(app: &App) -> bool {
    is_live(app) && has_run(app)
}

fn has_kept(app: &App) -> bool {
    app.session.other().is_some()
}

fn under_way(app: &App) -> bool {
    app.is_under_way()
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

macro_rules! binding {
    ($action:expr, [$($key:expr),+], $label:literal, $group:ident, $contexts:expr, $applies:expr) => {
        Binding {
            action: $action,
            keys: &[$($key),+],
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
            keys: &[$($key),+],
            label: $label,
            group: Group::$group,
            contexts: $contexts,
            applies: $applies,
            hint: Some(Hint { rank: $rank, words: $words }),
        }
    };
}

/// Every key of the playground. The order within a group is that of the help.
pub static BINDINGS: &[Binding] = &[
    // Prompt
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
        Prompt, &[Context::Prompt, Context::Canvas, Context::Knobs, Context::Gallery], is_live, 2 "gallery"
    ),
    binding!(Action::Toggle(Overlay::Gallery), [Key::char('e')], "gallery of prompts", Prompt, WATCHING, is_live),
    binding!(Action::Focus(Focus::Prompt), [Key::char('i'), Key::char('/')], "edit the prompt", Prompt, WATCHING, is_live, 5 "prompt"),
    // Run
    binding!(Action::TogglePlay, [Key::char(' ')], "pause, resume; play the log", Run, WATCHING, has_steps, 1 play_words),
    binding!(Action::StepOnce, [Key::char('.')], "one step", Run, WATCHING, can_step, 3 "one step"),
    binding!(Action::Restart, [Key::char('R'), Key::ctrl('r')], "run again, with these settings", Run, WATCHING, live_run, 4 "again"),
    binding!(Action::SwapRuns, [Key::char('b')], "the run before, and back", Run, WATCHING, has_kept, 8 "run before"),
    binding!(Action::StopRun, [Key::char('x')], "end the run here", Run, WATCHING, under_way),
    binding!(Action::Pace(1), [Key::char('+'), Key::char('=')], "faster, slower", Run, WATCHING, has_run),
    binding!(Action::Pace(-1), [Key::char('-')], "faster, slower", Run, WATCHING, has_run),
    binding!(Action::ToggleFullSpeed, [Key::char('f')], "full speed, and back", Run, WATCHING, has_run, 9 "full speed"),
    binding!(Action::SaveTrace, [Key::char('w')], "write the trace to a file", Run, WATCHING, live_run, 12 "save"),
    // Steps
    binding!(Action::Scrub(-1), [Key::new(KeyCode::Left), Key::char(',')], "one step back, on", Time, WATCHING_NOT_KNOBS, has_steps, 2 "step"),
    binding!(Action::Scrub(1), [Key::new(KeyCode::Right)], "one step back, on", Time, WATCHING_NOT_KNOBS, has_steps),
    binding!(Action::Scrub(-10), [Key::shift(KeyCode::Left)], "ten steps back, on", Time, WATCHING, has_steps),
    binding!(
        Action::Scrub(-10),
        [Key::new(KeyCode::PageUp)],
        "ten steps back, on",
        Time,
        WATCHING_NOT_KNOBS,
        has_steps
    ),
    binding!(Action::Scrub(10), [Key::shift(KeyCode::Right)], "ten steps back, on", Time, WATCHING, has_steps),
    binding!(
        Action::Scrub(10),
        [Key::new(KeyCode::PageDown)],
        "ten steps back, on",
        Time,
        WATCHING_NOT_KNOBS,
        has_steps
    ),
    binding!(
        Action::ScrubTo(0),
        [Key::char('g'), Key::new(KeyCode::Home)],
        "before the first step",
        Time,
        WATCHING,
        has_steps
    ),
    binding!(
        Action::Follow,
        [Key::char('G'), Key::new(KeyCode::End)],
        "the newest step, and follow",
        Time,
        WATCHING,
        has_steps
    ),
    // Canvas
    binding!(
        Action::Layer(Layer::Confidence),
        [Key::char('1')],
        "choose a layer by its number",
        Canvas,
        WATCHING,
        always
    ),
    binding!(Action::Layer(Layer::Cache), [Key::char('2')], "choose a layer by its number", Canvas, WATCHING, always),
    binding!(Action::Layer(Layer::Guide), [Key::char('3')], "choose a layer by its number", Canvas, WATCHING, always),
    binding!(Action::Layer(Layer::Audit), [Key::char('4')], "choose a layer by its number", Canvas, WATCHING, always),
    binding!(Action::NextLayer, [Key::char('v')], "next layer", Canvas, WATCHING, always, 6 "layer"),
    binding!(Action::ToggleAudit, [Key::char('A')], "audit every step, or none", Canvas, WATCHING, is_live),
    binding!(Action::ToggleDrafts, [Key::char('d')], "drafts or plain masks", Canvas, WATCHING, always, 8 "drafts"),
    binding!(
        Action::SelectMove(Direction::Left),
        [Key::char('h')],
        "inspect a token",
        Canvas,
        &[Context::Canvas],
        has_run
    ),
    binding!(Action::SelectMove(Direction::Down), [Key::char('j'), Key::new(KeyCode::Down)], "inspect a token", Canvas, &[Context::Canvas], has_run, 7 "inspect"),
    binding!(
        Action::SelectMove(Direction::Up),
        [Key::char('k'), Key::new(KeyCode::Up)],
        "inspect a token",
        Canvas,
        &[Context::Canvas],
        has_run
    ),
    binding!(
        Action::SelectMove(Direction::Right),
        [Key::char('l')],
        "inspect a token",
        Canvas,
        &[Context::Canvas],
        has_run
    ),
    binding!(Action::Toggle(Overlay::Legend), [Key::char('L')], "what the colours and marks mean", Canvas, &[Context::Canvas, Context::Knobs, Context::Legend], always, 11 "legend"),
    // Knobs
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
    binding!(Action::KnobNudge(-10), [Key::char('{')], "turn it ten times as far", Knobs, &[Context::Knobs], can_turn),
    binding!(Action::KnobNudge(10), [Key::char('}')], "turn it ten times as far", Knobs, &[Context::Knobs], can_turn),
    binding!(Action::KnobType, [Key::new(KeyCode::Enter)], "type a value", Knobs, &[Context::Knobs], can_turn, 2 "type"),
    binding!(Action::KnobReset, [Key::char('r'), Key::new(KeyCode::Backspace)], "back to preset and flags", Knobs, &[Context::Knobs], can_turn, 3 "reset"),
    binding!(Action::KnobsAll, [Key::char('a')], "all knobs, or those that act", Knobs, &[Context::Knobs], always, 6 "all"),
    binding!(Action::EntryAccept, [Key::new(KeyCode::Enter)], "take the typed value", Knobs, &[Context::Entry], always, 1 "take"),
    binding!(Action::EntryErase, [Key::new(KeyCode::Backspace)], "erase a character", Knobs, &[Context::Entry], always),
    binding!(Action::Toggle(Overlay::Presets), [Key::char('p')], "presets: named sets of knobs", Knobs, &[Context::Canvas, Context::Knobs, Context::Presets], can_turn, 5 "presets"),
    // Models
    binding!(Action::Toggle(Overlay::Models), [Key::ctrl('o')], "models: load another one", Models, &[Context::Prompt, Context::Canvas, Context::Knobs, Context::Models], is_live, 7 models_words),
    binding!(Action::Toggle(Overlay::Models), [Key::char('m')], "models: load another one", Models, WATCHING, is_live),
    binding!(Action::ModelRole, [Key::new(KeyCode::Tab), Key::new(KeyCode::BackTab)], "denoisers or guides", Models, MODELS, always, 3 "denoisers, guides"),
    binding!(Action::SourceErase, [Key::new(KeyCode::Backspace)], "erase what is typed", Models, MODELS, always),
    binding!(Action::CancelLoad, [Key::ctrl('x')], "break the loading off", Models, &[Context::Prompt, Context::Canvas, Context::Knobs, Context::Models], is_loading, 4 "break off"),
    // Lists
    binding!(Action::ListMove(-1), [Key::new(KeyCode::Up), Key::char('k')], "choose", Lists, LISTS, always),
    binding!(Action::ListMove(1), [Key::new(KeyCode::Down), Key::char('j')], "choose", Lists, LISTS, always, 2 "choose"),
    binding!(Action::ListMove(-1), [Key::new(KeyCode::Up)], "choose", Lists, MODELS, always),
    binding!(Action::ListMove(1), [Key::new(KeyCode::Down)], "choose", Lists, MODELS, always, 2 "choose"),
    binding!(Action::ListMove(-ALL_ROWS), [Key::new(KeyCode::Home)], "the first, the last", Lists, PAGES, always),
    binding!(Action::ListMove(ALL_ROWS), [Key::new(KeyCode::End)], "the first, the last", Lists, PAGES, always),
    binding!(Action::ListMove(-8), [Key::new(KeyCode::PageUp)], "choose, by pages", Lists, PAGES, always),
    binding!(Action::ListMove(8), [Key::new(KeyCode::PageDown)], "choose, by pages", Lists, PAGES, always),
    binding!(Action::ListAccept, [Key::new(KeyCode::Enter)], "take it", Lists, PICKS, always, 1 "take"),
    // Program
    binding!(Action::FocusNext, [Key::new(KeyCode::Tab)], "next pane, and back", Program, &[Context::Prompt, Context::Canvas, Context::Knobs], always, 10 "pane"),
    binding!(
        Action::FocusPrevious,
        [Key::new(KeyCode::BackTab)],
        "next pane, and back",
        Program,
        &[Context::Prompt, Context::Canvas, Context::Knobs],
        always
    ),
    binding!(Action::Back, [Key::new(KeyCode::Esc)], "close, leave, let go", Program, &[Context::Prompt, Context::Canvas, Context::Knobs, Context::Entry], always, 12 "back"),
    binding!(Action::Back, [Key::new(KeyCode::Esc)], "close, leave, let go", Program, MODELS, always, 5 "close"),
    binding!(Action::Back, [Key::new(KeyCode::Esc), Key::char('q')], "close, leave, let go", Program, OVERLAYS, always, 3 "close"),
    binding!(Action::ToggleTheme, [Key::char('t')], "dark or light", Program, WATCHING, always),
    binding!(Action::Toggle(Overlay::Help), [Key::new(KeyCode::F(1))], "this help", Program, &[Context::Prompt, Context::Entry], always, 13 "help"),
    binding!(Action::Toggle(Overlay::Help), [Key::char('?'), Key::new(KeyCode::F(1))], "this help", Program, &[Context::Canvas, Context::Knobs, Context::Help, Context::Legend, Context::Gallery, Context::Presets], always, 13 "help"),
    binding!(Action::Repaint, [Key::ctrl('l')], "draw everything again", Program, &Context::ALL, always),
    binding!(Action::Suspend, [Key::ctrl('z')], "suspend to the shell", Program, &Context::ALL, always),
    binding!(Action::Quit, [Key::char('q')], "quit", Program, WATCHING, always, 14 "quit"),
    binding!(Action::Quit, [Key::ctrl('c')], "quit", Program, &Context::ALL, always),
];

/// More rows than any list has.
const ALL_ROWS: i64 = 1 << 20;

/// Left and right turn knobs where the knob pane has the focus.
const WATCHING_NOT_KNOBS: &[Context] = &[Context::Canvas];

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn no_key_means_two_things_in_one_context() {
        let mut seen: HashMap<(Context, Key), &Action> = HashMap::new();
        for binding in BINDINGS {
            for context in binding.contexts {
                for key in binding.keys {
                    let before = seen.insert((*context, *key), &binding.action);
                    assert!(before.is_none(), "{} in {context:?}: {before:?} and {:?}", key.name(true), binding.action);
                }
            }
        }
    }

    #[test]
    fn one_can_leave_every_context() {
        for context in Context::ALL {
            for action in [Action::Quit, Action::Suspend, Action::Back] {
                assert!(
                    BINDINGS.iter().any(|binding| binding.action == action && binding.contexts.contains(&context)),
                    "{action:?} in {context:?}"
                );
            }
        }
    }

    #[test]
    fn text_is_never_a_key_where_text_is_typed() {
        for binding in BINDINGS {
            if binding.contexts.iter().any(|context| matches!(context, Context::Prompt | Context::Entry)) {
                for key in binding.keys {
                    let types = matches!(key.code, KeyCode::Char(_)) && key.modifiers.is_empty();
                    assert!(!types, "{} would be swallowed", key.name(true));
                }
            }
        }
    }

    #[test]
    fn every_label_fits_a_column_of_the_help() {
        for binding in BINDINGS {
            assert!(binding.label.len() <= 35, "{}", binding.label);
        }
    }

    #[test]
    fn shift_does_not_hide_a_character() {
        let event = KeyEvent::new(KeyCode::Char('R'), KeyModifiers::SHIFT);
        assert_eq!(Key::of(event), Key::char('R'));
        let event = KeyEvent::new(KeyCode::Char('R'), KeyModifiers::CONTROL | KeyModifiers::SHIFT);
        assert_eq!(Key::of(event), Key::ctrl('r'));
    }

    #[test]
    fn keys_have_names_that_people_know() {
        assert_eq!(Key::ctrl('g').name(true), "^G");
        assert_eq!(Key::char(' ').name(true), "space");
        assert_eq!(Key::shift(KeyCode::Left).name(true), "shift-←");
        assert_eq!(Key::new(KeyCode::F(1)).name(true), "F1");
        assert_eq!(Key::new(KeyCode::Up).name(false), "up");
    }
}
