//! The table itself. A row is
//!
//! ```text
//! "name" [keys] action, contexts, availability, "label" in "line of the help", rank "words of the footer";
//! ```
//!
//! The line is the label where the row has one to itself; most rows have no place in the footer. The first part of a name
//! says what it is about, the second what is done: no name is the first part of another, so that a configuration may write
//! `layer.next` with quotes or without.

macro_rules! rows {
    (@words $words:literal) => { |_| $words };
    (@words $words:ident) => { $words };
    (@line $label:literal) => { $label };
    (@line $label:literal $line:literal) => { $line };
    ($group:ident; $(
        $name:literal [$($key:expr),+] $action:expr, $contexts:expr, $available:expr,
            $label:literal $(in $line:literal)? $(, $rank:literal $words:tt)?;
    )*) => {
        vec![$(Binding {
            name: $name.into(),
            keys: vec![$($key),+],
            action: $action,
            contexts: $contexts,
            available: $available,
            label: $label.into(),
            line: rows!(@line $label $($line)?).into(),
            group: Group::$group,
            hint: None::<Hint>$(.or(Some(Hint { rank: $rank, words: rows!(@words $words) })))?,
        }),*]
    };
}

mod canvas;
mod exports;
mod hands;
mod knobs;
mod lists;
mod program;
mod prompt;
mod runs;

use super::{Binding, Context, Group, Hint, Key, conditions, key};

/// Where characters are keys and a run is looked at.
const READING: &[Context] = &[Context::Canvas, Context::Knobs, Context::Figures, Context::Compare];
/// The same, of one run.
const WATCHING: &[Context] = &[Context::Canvas, Context::Knobs, Context::Figures];
/// The same, where arrows select tokens.
const STEPPING: &[Context] = &[Context::Canvas, Context::Compare];
/// The same, where arrows show other steps.
const SCRUBBING: &[Context] = &[Context::Canvas, Context::Compare, Context::Figures];
/// One run, or none yet.
const PANES: &[Context] = &[Context::Prompt, Context::Canvas, Context::Knobs, Context::Figures];
const CANVAS: &[Context] = &[Context::Canvas];
/// Wherever text is typed; the prompt first.
const TYPED: &[Context] = &[
    Context::Prompt,
    Context::Entry,
    Context::Help,
    Context::Presets,
    Context::Models,
    Context::Kept,
    Context::Line,
    Context::PresetName,
    Context::KnobFilter,
    Context::Palette,
    Context::FindEntry,
    Context::ExportText,
];
/// The same, beside the prompt.
const LINES: &[Context] = TYPED.split_at(1).1;

/// Every binding, in the order of the help within its group.
pub(super) fn bindings() -> Vec<Binding> {
    let files = [
        prompt::bindings(),
        runs::bindings(),
        exports::bindings(),
        canvas::bindings(),
        hands::bindings(),
        knobs::bindings(),
        lists::bindings(),
        program::bindings(),
    ];
    files.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::tui::{action::Action, keymap::Keymap};

    #[test]
    fn every_key_means_one_thing_and_every_context_can_be_left() {
        assert_eq!(Keymap::default().check(), Ok(()));
        let keymap = Keymap::default();
        for context in Context::ALL {
            assert!(keymap.key_of(&Action::Suspend, context).is_some(), "{context:?}");
        }
    }

    #[test]
    fn every_binding_has_a_name_of_its_own_in_two_parts() {
        let bindings = bindings();
        let names: BTreeSet<_> = bindings.iter().map(|binding| &*binding.name).collect();
        assert_eq!(names.len(), bindings.len());
        for name in names {
            let parts: Vec<_> = name.split('.').collect();
            let is_kebab =
                |part: &&str| !part.is_empty() && part.bytes().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-'));
            assert!(parts.len() == 2 && parts.iter().all(is_kebab), "{name}");
        }
    }

    #[test]
    fn every_key_of_the_table_means_something_somewhere_and_is_read_as_it_is_spelled() {
        for binding in bindings() {
            for key in &binding.keys {
                assert!(binding.contexts.iter().any(|context| binding.means(*context, *key)), "{binding:?}");
                assert_eq!(key.spelled().parse().as_ref(), Ok(key), "{binding:?}");
            }
        }
    }

    #[test]
    fn every_label_fits_a_column_of_the_help() {
        for binding in bindings() {
            assert!(binding.label.len() <= 35 && binding.line.len() <= 35, "{binding:?}");
        }
    }
}
