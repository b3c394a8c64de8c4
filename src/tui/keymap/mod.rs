//! The one table of keys: what each does, where it applies, and how the footer and the help name it.

mod key;
#[macro_use]
mod table;
mod sitting;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

pub use key::Key;
pub use table::BINDINGS;

use super::{action::Action, app::App};

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
    /// The help.
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
}

impl Context {
    /// Every context.
    pub const ALL: [Self; 18] = [
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
    ];
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
    /// Lists and overlays.
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
        (Context::Entry | Context::Presets | Context::PresetName | Context::KnobFilter, KeyCode::Char(c)) if plain => {
            Some(Action::EntryChar(c))
        }
        (Context::Models, KeyCode::Char(c)) if plain => Some(Action::SourceChar(c)),
        (Context::Kept, KeyCode::Char(c)) if plain => Some(Action::KeptChar(c)),
        (Context::Line, KeyCode::Char(c)) if plain => Some(Action::LineChar(c)),
        // Whoever is done with it need not look for the way out.
        (Context::Tour, _) => Some(Action::Back),
        _ => None,
    }
}

/// The key that a context has for an action, as it is written.
pub fn key_of(action: &Action, context: Context, signs: bool) -> Option<String> {
    let has_it = |binding: &&Binding| binding.action == *action && binding.contexts.contains(&context);
    BINDINGS.iter().find(has_it).and_then(|binding| binding.keys.first()).map(|key| key.name(signs))
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

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn no_key_means_two_things_in_one_context() {
        let mut seen: HashMap<(Context, Key), &Action> = HashMap::new();
        for binding in BINDINGS.iter() {
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
        for binding in BINDINGS.iter() {
            let typed = |context: &Context| {
                use Context::{Entry, Kept, KnobFilter, Line, Models, PresetName, Presets, Prompt};
                matches!(context, Prompt | Entry | Models | Presets | PresetName | KnobFilter | Kept | Line)
            };
            if binding.contexts.iter().any(typed) {
                for key in binding.keys {
                    let types = matches!(key.code, KeyCode::Char(_)) && key.modifiers.is_empty();
                    assert!(!types, "{} would be swallowed", key.name(true));
                }
            }
        }
    }

    #[test]
    fn every_label_fits_a_column_of_the_help() {
        for binding in BINDINGS.iter() {
            assert!(binding.label.len() <= 35, "{}", binding.label);
        }
    }
}
