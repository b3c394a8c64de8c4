//! The one table of keys: what each does, where and when it can, and how footer, help and palette name it.
//!
//! `table` has a file for each part of the screen, with a row for each binding; `conditions` says of each when it is
//! possible, and why it is not; `rebinding` puts the keys of a configuration in the place of those of the table.

mod conditions;
mod key;
mod rebinding;
mod table;

use std::borrow::Cow;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

pub use conditions::Availability;
pub use key::Key;

use super::{
    action::{Action, Notice},
    app::App,
};

/// The layer that keys go to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Context {
    /// The prompt editor.
    Prompt,
    /// Canvas and timeline.
    Canvas,
    /// Two runs beside each other.
    Compare,
    /// The knob pane.
    Knobs,
    /// The figures.
    Figures,
    /// A value being typed in the knob pane.
    Entry,
    /// The help, where characters are text.
    Help,
    /// The legend.
    Legend,
    /// The gallery.
    Gallery,
    /// The presets, where characters are text.
    Presets,
    /// The models, where characters are text.
    Models,
    /// The kept runs, where characters are text.
    Kept,
    /// The runs of this sitting.
    Runs,
    /// The candidates of a position.
    Hands,
    /// A line that is being typed.
    Line,
    /// A name for a preset, being typed.
    PresetName,
    /// A filter of the knobs, being typed.
    KnobFilter,
    /// The tour.
    Tour,
    /// The palette, where characters are text.
    Palette,
    /// What to copy.
    Copy,
    /// A row of the export menu with a few values.
    Export,
    /// A row of the export menu that is typed.
    ExportText,
    /// Words to find, being typed.
    FindEntry,
    /// Found words, above the canvas or the comparison that they are found in.
    Find,
}

impl Context {
    /// Every context.
    pub const ALL: [Self; 24] = [
        Self::Prompt,
        Self::Canvas,
        Self::Compare,
        Self::Knobs,
        Self::Figures,
        Self::Entry,
        Self::Help,
        Self::Legend,
        Self::Gallery,
        Self::Presets,
        Self::Models,
        Self::Kept,
        Self::Runs,
        Self::Hands,
        Self::Line,
        Self::PresetName,
        Self::KnobFilter,
        Self::Tour,
        Self::Palette,
        Self::Copy,
        Self::Export,
        Self::ExportText,
        Self::FindEntry,
        Self::Find,
    ];

    /// Whether characters are text there, and no keys.
    pub fn takes_text(self) -> bool {
        use Context::{
            Entry, ExportText, FindEntry, Help, Kept, KnobFilter, Line, Models, Palette, PresetName, Presets, Prompt,
        };
        matches!(
            self,
            Prompt
                | Entry
                | Help
                | Presets
                | Models
                | Kept
                | Line
                | PresetName
                | KnobFilter
                | Palette
                | FindEntry
                | ExportText
        )
    }

    /// Where it is, for sentences.
    pub fn place(self) -> &'static str {
        match self {
            Self::Prompt => "in the prompt",
            Self::Canvas => "on the canvas",
            Self::Compare => "where runs are compared",
            Self::Knobs => "among the knobs",
            Self::Entry => "where a value is typed",
            Self::Help => "in the help",
            Self::Legend => "in the legend",
            Self::Gallery => "in the gallery",
            Self::Presets => "among the presets",
            Self::Models => "among the models",
            Self::Kept => "among the kept runs",
            Self::Runs => "in the list of runs",
            Self::Hands => "with a token's candidates open",
            Self::Line => "where a line is typed",
            Self::PresetName => "where a preset is named",
            Self::KnobFilter => "where knobs are filtered",
            Self::Palette => "in the palette",
            Self::Copy => "where something is copied",
            Self::Export => "in the export menu",
            Self::ExportText => "where a value of the export menu is typed",
            Self::FindEntry => "where words to find are typed",
            Self::Find => "where words are found",
            Self::Figures => "among the figures",
            Self::Tour => "on a card of the tour",
        }
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
    /// Two runs beside each other.
    Compare,
    /// Turning knobs.
    Knobs,
    /// Choosing models.
    Models,
    /// Several runs.
    Runs,
    /// Changing tokens by hand.
    Hands,
    /// Lists, overlays and lines of text.
    Lists,
    /// The program.
    Program,
}

impl Group {
    /// All groups, in the order of the help.
    pub const ALL: [Self; 11] = [
        Self::Prompt,
        Self::Run,
        Self::Runs,
        Self::Time,
        Self::Canvas,
        Self::Hands,
        Self::Compare,
        Self::Knobs,
        Self::Models,
        Self::Lists,
        Self::Program,
    ];

    /// A heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Prompt => "Prompt",
            Self::Run => "Run",
            Self::Time => "Steps",
            Self::Canvas => "Canvas",
            Self::Compare => "Compare",
            Self::Knobs => "Knobs",
            Self::Models => "Models",
            Self::Runs => "Runs",
            Self::Hands => "Hands",
            Self::Lists => "Lists",
            Self::Program => "Program",
        }
    }
}

/// One or two words for the footer, and how soon they are dropped where it is narrow.
#[derive(Clone, Copy)]
pub struct Hint {
    /// The smaller, the longer it stays.
    pub rank: u8,
    /// The words, which may depend on the state.
    pub words: fn(&App) -> &'static str,
}

/// A row of the table.
pub struct Binding {
    /// What a configuration calls it: `layer.next`.
    pub name: Cow<'static, str>,
    /// Its keys; the first that means it is the one that is shown. A character is none where text is typed.
    pub keys: Vec<Key>,
    /// What it does.
    pub action: Action,
    /// In which contexts.
    pub contexts: &'static [Context],
    /// Whether it is possible now, and why not.
    pub available: fn(&App) -> Availability,
    /// What it does, in words.
    pub label: Cow<'static, str>,
    /// The line of the help that it shares with its neighbours.
    pub line: Cow<'static, str>,
    /// Under which heading.
    pub group: Group,
    /// Its place in the footer, if it has one.
    pub hint: Option<Hint>,
}

impl Binding {
    /// Whether a key means it in a context.
    pub fn means(&self, context: Context, key: Key) -> bool {
        self.contexts.contains(&context) && self.keys.contains(&key) && !(key.is_text() && context.takes_text())
    }

    /// The key to show for it in a context.
    pub fn key_in(&self, context: Context) -> Option<Key> {
        self.keys.iter().copied().find(|key| self.means(context, *key))
    }
}

impl std::fmt::Debug for Binding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Binding").field("name", &self.name).field("keys", &self.keys).finish_non_exhaustive()
    }
}

/// The bindings in force, in the order of the help: those of the table, under the keys that the user gave them.
#[derive(Debug)]
pub struct Keymap {
    bindings: Vec<Binding>,
}

impl Default for Keymap {
    fn default() -> Self {
        Self { bindings: table::bindings() }
    }
}

impl Keymap {
    /// All of them.
    pub fn bindings(&self) -> &[Binding] {
        &self.bindings
    }

    /// The binding that a key has in a context.
    pub fn at(&self, context: Context, key: Key) -> Option<&Binding> {
        self.bindings.iter().find(|binding| binding.means(context, key))
    }

    /// The key that an action has in a context.
    pub fn key_of(&self, action: &Action, context: Context) -> Option<Key> {
        let mut bindings = self.bindings.iter().filter(|binding| binding.action == *action);
        bindings.find_map(|binding| binding.key_in(context))
    }
}

/// The binding of a key where keys go now, possible or not.
pub fn lookup(app: &App, key: Key) -> Option<&Binding> {
    app.contexts().find_map(|context| app.keymap().at(context, key))
}

/// What a key event means; `None` where it means nothing. What is not possible now is answered by the reason.
pub fn action(app: &App, event: KeyEvent) -> Option<Action> {
    let context = app.context();
    if let Some(binding) = lookup(app, Key::of(event)) {
        match (binding.available)(app) {
            Ok(()) => return Some(binding.action.clone()),
            Err(_) if context.takes_text() => {}
            Err(reason) => return Some(Action::Tell(Notice::note(format!("{}: {reason}", binding.label)))),
        }
    }
    let is_plain = !event.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
    match (context, event.code) {
        (Context::Prompt, _) => Some(Action::Edit(event)),
        (_, KeyCode::Char(c)) if is_plain && context.takes_text() => Some(Action::EntryChar(c)),
        // Nobody who is done with it has to look for the way out.
        (Context::Tour, _) => Some(Action::Back),
        _ => None,
    }
}

/// What the footer names now, the most important first: a binding, its key, and words for it.
pub fn hints(app: &App) -> Vec<(&Binding, Key, &'static str)> {
    let named = |binding: &'_ Binding| {
        let hint = binding.hint?;
        let key = app.contexts().find_map(|context| binding.key_in(context))?;
        // What lies below a layer may have its key taken by that.
        let is_reached = lookup(app, key).is_some_and(|found| std::ptr::eq(found, binding));
        let words = (hint.words)(app);
        (is_reached && !words.is_empty() && (binding.available)(app).is_ok()).then_some((hint.rank, key, words))
    };
    let bindings = app.keymap().bindings().iter();
    let mut hints: Vec<_> = bindings.filter_map(|binding| Some((binding, named(binding)?))).collect();
    hints.sort_by_key(|(_, (rank, ..))| *rank);
    hints.into_iter().map(|(binding, (_, key, words))| (binding, key, words)).collect()
}
