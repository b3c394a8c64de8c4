//! Everything that can be done, by name: the bindings of the one table, the presets, and the prompts of the gallery.

use std::{borrow::Cow, collections::HashSet};

use super::{
    action::{Action, Overlay},
    app::App,
    keymap::{Availability, Binding, Context, Group},
};

/// The contexts of panes: what is done elsewhere is done in a list or to a line of text.
const PANES: [Context; 5] = [Context::Prompt, Context::Canvas, Context::Knobs, Context::Compare, Context::Hands];

/// A line of the palette.
#[derive(Debug, Clone)]
pub struct PaletteEntry<'a> {
    /// Under which heading.
    pub heading: &'static str,
    /// What it does.
    pub label: Cow<'a, str>,
    /// What a configuration calls it; empty where it has no name there.
    pub name: &'a str,
    /// Its keys there; empty where it has none.
    pub keys: String,
    /// What Enter does.
    pub action: Action,
    /// Where it is done.
    pub context: Context,
    /// Whether it is possible now, and why not.
    pub available: Availability,
}

/// The heading of what is not possible.
const NOT_NOW: &str = "Not now";

impl PaletteEntry<'_> {
    fn has_all(&self, words: &[String]) -> bool {
        let text = format!("{} {} {} {}", self.label, self.heading, self.keys, self.name).to_lowercase();
        words.iter().all(|word| begins_word(&text, word))
    }
}

/// Whether a word of `text` begins with `typed`: "one" finds "one step" and not "none".
pub fn begins_word(text: &str, typed: &str) -> bool {
    let is_inside = |at: usize| text[..at].chars().next_back().is_some_and(char::is_alphanumeric);
    text.match_indices(typed).any(|(at, _)| !is_inside(at))
}

/// What the palette lists: what has every word that is typed, in any order; what is possible first. Presets and prompts are
/// listed once something is typed.
pub fn entries(app: &App) -> Vec<PaletteEntry<'_>> {
    let words: Vec<String> = app.filter.split_whitespace().map(str::to_lowercase).collect();
    let mut entries = actions(app);
    if !words.is_empty() {
        entries.extend(presets(app).chain(examples(app)));
    }
    entries.retain(|entry| entry.has_all(&words));
    entries.sort_by_key(|entry| entry.available.is_err());
    for entry in entries.iter_mut().filter(|entry| entry.available.is_err()) {
        entry.heading = NOT_NOW;
    }
    entries
}

/// What the bindings of the panes do, once each, under the headings of the help.
fn actions(app: &App) -> Vec<PaletteEntry<'_>> {
    let mut names = HashSet::new();
    let of_group = |group| app.keymap().bindings().iter().filter(move |binding: &&Binding| binding.group == group);
    let entries = Group::ALL.into_iter().flat_map(of_group).filter_map(|binding| entry(app, binding));
    entries.filter(|entry| names.insert(entry.label.to_string())).collect()
}

fn entry<'a>(app: &'a App, binding: &'a Binding) -> Option<PaletteEntry<'a>> {
    if matches!(binding.action, Action::Toggle(Overlay::Palette) | Action::Back) {
        return None;
    }
    let (context, place) = reach(app, binding)?;
    let signs = app.theme.has_signs();
    let mut keys = binding.key_in(context).map_or_else(String::new, |key| key.name(signs));
    if context == Context::Copy {
        // Its key follows the one that asks what to copy.
        let first = app.keymap().key_of(&Action::Toggle(Overlay::Copy), Context::Canvas);
        keys = first.map_or_else(String::new, |first| format!("{} {keys}", first.name(signs)));
    }
    Some(PaletteEntry {
        heading: binding.group.title(),
        label: Cow::Borrowed(&binding.label),
        name: &binding.name,
        keys,
        action: binding.action.clone(),
        context,
        available: place.and_then(|()| (binding.available)(app)),
    })
}

/// Where a binding is done that the palette lists, and whether one gets there from where it was opened: what the canvas alone
/// has is done there from prompt and knobs, too.
fn reach(app: &App, binding: &Binding) -> Option<(Context, Availability)> {
    let has = |context: Context| binding.contexts.contains(&context);
    let below = app.context_below();
    let origin = if matches!(below, Context::Find | Context::FindEntry) { app.pane() } else { below };
    if has(origin) {
        return Some((origin, Ok(())));
    }
    if has(Context::Copy) {
        return Some((Context::Copy, Ok(())));
    }
    if has(Context::Canvas) && matches!(origin, Context::Prompt | Context::Knobs) {
        return Some((Context::Canvas, Ok(())));
    }
    let elsewhere = PANES.into_iter().find(|context| has(*context))?;
    Some((elsewhere, Err(elsewhere.place())))
}

/// The presets, where the picker can be opened.
fn presets(app: &App) -> impl Iterator<Item = PaletteEntry<'_>> {
    let picker = like(app, &Action::Toggle(Overlay::Presets), "Presets");
    picker.into_iter().flat_map(|picker| {
        app.presets.library.all().map(move |preset| PaletteEntry {
            label: format!("preset {}  {}", preset.name, preset.title).into(),
            action: Action::TakePreset(preset.name.clone()),
            ..picker.clone()
        })
    })
}

/// The prompts of the gallery, where that can be opened.
fn examples(app: &App) -> impl Iterator<Item = PaletteEntry<'_>> {
    let gallery = like(app, &Action::Toggle(Overlay::Gallery), "Gallery");
    gallery.into_iter().flat_map(|gallery| {
        app.examples.iter().enumerate().map(move |(row, example)| PaletteEntry {
            label: format!("prompt {}", example.prompt.replace('\n', " ")).into(),
            action: Action::TakeExample(row),
            ..gallery.clone()
        })
    })
}

/// An entry as that of an action, without its words and keys.
fn like<'a>(app: &'a App, action: &Action, heading: &'static str) -> Option<PaletteEntry<'a>> {
    let binding = app.keymap().bindings().iter().find(|binding| binding.action == *action)?;
    Some(PaletteEntry { heading, name: "", keys: String::new(), ..entry(app, binding)? })
}
