//! Keys out of a configuration's `[keys]` table, in the place of those that the table of bindings has.

use super::{Context, Key, Keymap};
use crate::{printable, settings::nearest, tui::action::Action};

/// The word that leaves an action without a key.
const UNBOUND: &str = "none";

impl Keymap {
    /// The table with other keys: for the names of actions, all the keys that each is to have. A plain character is a key
    /// where no text is typed.
    ///
    /// # Errors
    /// In one sentence: an action or a key that there is not, a key that would mean two things in one place, a character
    /// for what is done only where characters are text, and a place that no key would leave.
    pub fn rebound<'a>(keys: impl IntoIterator<Item = (&'a str, &'a [String])>) -> Result<Self, String> {
        let mut keymap = Self::default();
        for (name, spelled) in keys {
            keymap.rebind(name, spelled)?;
        }
        keymap.check()?;
        Ok(keymap)
    }

    fn rebind(&mut self, name: &str, spelled: &[String]) -> Result<(), String> {
        let Some(at) = self.bindings.iter().position(|binding| binding.name == name) else {
            let names = self.bindings.iter().map(|binding| &*binding.name);
            let meant = nearest(name, names).map_or_else(String::new, |known| format!("; did you mean '{known}'?"));
            let name = printable::line(name);
            return Err(format!(
                "unknown action '{name}'{meant} (the palette shows the name of each, docs/keys.md all)"
            ));
        };
        let words = spelled.iter().filter(|word| *word != UNBOUND);
        let keys = words.map(|word| word.parse()).collect::<Result<Vec<Key>, _>>();
        let binding = &mut self.bindings[at];
        binding.keys = keys.map_err(|refusal| format!("{name}: {refusal}"))?;
        let is_lost = |key: &&Key| binding.contexts.iter().all(|context| !binding.means(*context, **key));
        match binding.keys.iter().find(is_lost) {
            Some(key) => Err(format!(
                "{name}: '{}' would be text, since this is done {}: give it a key with ctrl or alt, or one that types nothing",
                key.spelled(),
                binding.contexts[0].place()
            )),
            None => Ok(()),
        }
    }

    /// Whether every key means one thing, and every place can be left.
    pub(super) fn check(&self) -> Result<(), String> {
        for context in Context::ALL {
            self.check_meanings(context)?;
            for action in [Action::Back, Action::Quit] {
                if self.key_of(&action, context).is_none() {
                    return Err(self.no_way_out(&action, context));
                }
            }
        }
        Ok(())
    }

    fn check_meanings(&self, context: Context) -> Result<(), String> {
        for (at, binding) in self.bindings.iter().enumerate() {
            for key in binding.keys.iter().filter(|key| binding.means(context, **key)) {
                if let Some(other) = self.bindings[..at].iter().find(|other| other.means(context, *key)) {
                    return Err(format!(
                        "{} would mean both {} ({}) and {} ({}) {}: give one of them another key, or \"{UNBOUND}\"",
                        key.spelled(),
                        other.name,
                        other.label,
                        binding.name,
                        binding.label,
                        context.place()
                    ));
                }
            }
        }
        Ok(())
    }

    fn no_way_out(&self, action: &Action, context: Context) -> String {
        let ways =
            self.bindings.iter().filter(|binding| binding.action == *action && binding.contexts.contains(&context));
        let names: Vec<_> = ways.map(|binding| &*binding.name).collect();
        let usual = if *action == Action::Quit { "ctrl-c" } else { "esc" };
        let what = if *action == Action::Quit { "the program could not be left" } else { "there would be no way back" };
        let character = if context.takes_text() { " that is no plain character" } else { "" };
        format!("{what} {}: {} needs a key{character}, such as {usual}", context.place(), names.join(" or "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(keys: &[(&str, &str)]) -> String {
        let keys: Vec<_> = keys.iter().map(|(name, key)| (*name, vec![(*key).to_owned()])).collect();
        Keymap::rebound(keys.iter().map(|(name, keys)| (*name, keys.as_slice()))).expect_err("it is refused")
    }

    #[test]
    fn what_cannot_be_is_refused_in_one_sentence() {
        assert_eq!(
            refusal(&[("layer.nxt", "V")]),
            "unknown action 'layer.nxt'; did you mean 'layer.next'? (the palette shows the name of each, docs/keys.md all)"
        );
        assert_eq!(
            refusal(&[("xyz", "V")]),
            "unknown action 'xyz' (the palette shows the name of each, docs/keys.md all)"
        );
        assert!(refusal(&[("layer.next", "ctl-v")]).starts_with("layer.next: 'ctl-v' is no key"));
        assert_eq!(
            refusal(&[("layer.next", "d")]),
            "d would mean both layer.next (next layer) and drafts.toggle (drafts or plain masks) on the canvas: give one \
             of them another key, or \"none\""
        );
        assert_eq!(
            refusal(&[("prompt.denoise", "x")]),
            "prompt.denoise: 'x' would be text, since this is done in the prompt: give it a key with ctrl or alt, or one \
             that types nothing"
        );
        assert_eq!(
            refusal(&[("program.leave", "none")]),
            "the program could not be left in the prompt: program.leave needs a key that is no plain character, such as \
             ctrl-c"
        );
        assert_eq!(
            refusal(&[("screen.close", "q")]),
            "there would be no way back in the help: screen.close needs a key that is no plain character, such as esc"
        );
    }

    #[test]
    fn keys_can_be_exchanged_and_taken_away() {
        let keys = [("layer.next", vec!["d".to_owned()]), ("drafts.toggle", vec!["none".to_owned()])];
        let keymap = Keymap::rebound(keys.iter().map(|(name, keys)| (*name, keys.as_slice()))).expect("it can be so");
        assert_eq!(keymap.key_of(&Action::ToggleDrafts, Context::Canvas), None);
        assert_eq!(keymap.key_of(&Action::NextLayer, Context::Canvas).map(Key::spelled).as_deref(), Some("d"));
    }
}
