//! Sentence patterns: one notation that both writes a sentence and recognises it.
//!
//! A pattern is text with `[one|of|these]`, a free choice, and `{x}`, a slot. A slot is bound when it first occurs (by
//! the prompt or by the first sentence that mentions it) and means the same thing ever after:
//!
//! | slot | meaning | slot | meaning |
//! |---|---|---|---|
//! | `N` | the hero's name | `F` | a friend's name |
//! | `t` | the thing | `a` | the animal |
//! | `c` | the thing's colour | `L` | the place |
//! | `s` | a spot nearby | `d` | something to eat |
//! | `p` `P` | he, she; at a sentence's start | `o` `m` | his, her; him, her |
//!
//! `{an x}` puts "a" or "an" before the slot.

use super::dice::Dice;
use super::lexicon::{self, COLOURS, FOODS, PLACES, SPOTS, article};
use super::text::{Reader, departure};

/// A slot that holds a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WordSlot {
    Name,
    Friend,
    Thing,
    Animal,
    Colour,
    Place,
    Spot,
    Food,
}

/// The forms of the hero's pronoun: (for "she", for "he").
type Pronoun = (&'static str, &'static str);

#[derive(Clone, Debug)]
enum PronounForm {
    Text(&'static str),
    Choice(Vec<&'static str>),
    Slot(WordSlot),
    WithArticle(WordSlot),
    Pronoun(Pronoun),
}

/// What the slots of one story mean.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SlotValues {
    words: [Option<String>; 8],
    /// Whether the hero is a "she"; open until the first pronoun where the name leaves it open.
    she: Option<bool>,
}

impl SlotValues {
    pub(super) fn set(&mut self, slot: WordSlot, word: &str) {
        if slot == WordSlot::Name {
            self.she = lexicon::takes_she(word);
        }
        self.words[slot as usize] = Some(word.to_owned());
    }

    fn get(&self, slot: WordSlot) -> Option<&str> {
        self.words[slot as usize].as_deref()
    }

    /// True when a story itself may bring in `word` for an open slot.
    fn admits(&self, slot: WordSlot, word: &str) -> bool {
        match slot {
            WordSlot::Friend => lexicon::takes_she(word).is_some() && self.get(WordSlot::Name) != Some(word),
            _ => open_lexicon(slot).contains(&word),
        }
    }

    /// The word of `slot`, drawn now if it is still open.
    fn get_or_draw(&mut self, slot: WordSlot, dice: &mut Dice) -> &str {
        if self.get(slot).is_none() {
            let word = if slot == WordSlot::Friend {
                let hero = self.get(WordSlot::Name).unwrap_or_default().to_owned();
                lexicon::name(dice, &[&hero])
            } else {
                lexicon::word(dice, open_lexicon(slot), &[])
            };
            self.words[slot as usize] = Some(word);
        }
        self.words[slot as usize].as_deref().unwrap_or_default()
    }
}

/// What a story may draw for a slot that the prompt leaves open. Name, thing and animal always come from the prompt.
fn open_lexicon(slot: WordSlot) -> &'static [&'static str] {
    match slot {
        WordSlot::Colour => &COLOURS,
        WordSlot::Place => &PLACES,
        WordSlot::Spot => &SPOTS,
        WordSlot::Food => &FOODS,
        WordSlot::Name | WordSlot::Friend | WordSlot::Thing | WordSlot::Animal => &[],
    }
}

/// One sentence pattern.
#[derive(Clone, Debug)]
pub(super) struct Pattern(Vec<PronounForm>);

impl Pattern {
    /// Reads the notation.
    ///
    /// # Panics
    ///
    /// On an unknown slot or an open bracket: patterns are constants of this crate, and a test reads them all.
    pub(super) fn new(notation: &'static str) -> Self {
        let mut parts = Vec::new();
        let mut rest = notation;
        while let Some(at) = rest.find(['[', '{']) {
            if at > 0 {
                parts.push(PronounForm::Text(&rest[..at]));
            }
            let close = if rest.as_bytes()[at] == b'[' { ']' } else { '}' };
            let end = rest.find(close).expect("every bracket of a pattern is closed");
            let inside = &rest[at + 1..end];
            parts.push(if close == ']' { PronounForm::Choice(inside.split('|').collect()) } else { slot_part(inside) });
            rest = &rest[end + 1..];
        }
        if !rest.is_empty() {
            parts.push(PronounForm::Text(rest));
        }
        Self(parts)
    }

    /// Writes a sentence, drawing choices and open slots.
    pub(super) fn write(&self, binding: &mut SlotValues, dice: &mut Dice) -> String {
        let mut sentence = String::new();
        for part in &self.0 {
            match part {
                PronounForm::Text(text) => sentence.push_str(text),
                PronounForm::Choice(choices) => sentence.push_str(choices[dice.below(choices.len())]),
                PronounForm::Slot(slot) => sentence.push_str(binding.get_or_draw(*slot, dice)),
                PronounForm::WithArticle(slot) => {
                    let word = binding.get_or_draw(*slot, dice);
                    sentence.push_str(article(word));
                    sentence.push(' ');
                    sentence.push_str(word);
                }
                PronounForm::Pronoun((she, he)) => {
                    let is_she = *binding.she.get_or_insert_with(|| dice.chance(0.5));
                    sentence.push_str(if is_she { she } else { he });
                }
            }
        }
        sentence
    }

    /// Recognises the pattern at the start of `text`: what follows the sentence, and the binding that it extends.
    ///
    /// # Errors
    /// The text from the first word or sign on that is not of the pattern.
    pub(super) fn read<'a>(&self, text: &'a str, binding: &SlotValues) -> Result<(&'a str, SlotValues), &'a str> {
        let mut reader = Reader(text);
        let mut binding = binding.clone();
        for part in &self.0 {
            let unread = reader.0;
            part.read(&mut reader, &mut binding).ok_or_else(|| part.misfit(unread))?;
        }
        Ok((reader.0, binding))
    }
}

impl PronounForm {
    fn read(&self, reader: &mut Reader<'_>, binding: &mut SlotValues) -> Option<()> {
        match self {
            Self::Text(text) => reader.skip(text),
            Self::Choice(choices) => choices.contains(&reader.letters()?).then_some(()),
            Self::Slot(slot) => read_slot(*slot, reader.letters()?, binding),
            Self::WithArticle(slot) => {
                let found = reader.letters()?;
                reader.skip(" ")?;
                let word = reader.letters()?;
                (found == article(word)).then_some(())?;
                read_slot(*slot, word, binding)
            }
            Self::Pronoun((she, he)) => {
                let is_she = match reader.letters()? {
                    word if word == *she => true,
                    word if word == *he => false,
                    _ => return None,
                };
                (*binding.she.get_or_insert(is_she) == is_she).then_some(())
            }
        }
    }

    /// The text from where it is not this part: within a text of several words, from the first that is another one.
    fn misfit<'a>(&self, text: &'a str) -> &'a str {
        let at = match self {
            Self::Text(expected) => departure(text, expected).map_or(0, |token| token.start),
            _ => 0,
        };
        &text[at..]
    }
}

fn read_slot(slot: WordSlot, word: &str, binding: &mut SlotValues) -> Option<()> {
    match binding.get(slot) {
        Some(bound) => (bound == word).then_some(()),
        None if binding.admits(slot, word) => {
            binding.words[slot as usize] = Some(word.to_owned());
            Some(())
        }
        None => None,
    }
}

fn slot_part(inside: &str) -> PronounForm {
    if let Some(name) = inside.strip_prefix("an ") {
        return PronounForm::WithArticle(word_slot(name));
    }
    match inside {
        "p" => PronounForm::Pronoun(("she", "he")),
        "P" => PronounForm::Pronoun(("She", "He")),
        "o" => PronounForm::Pronoun(("her", "his")),
        "m" => PronounForm::Pronoun(("her", "him")),
        name => PronounForm::Slot(word_slot(name)),
    }
}

fn word_slot(name: &str) -> WordSlot {
    match name {
        "N" => WordSlot::Name,
        "F" => WordSlot::Friend,
        "t" => WordSlot::Thing,
        "a" => WordSlot::Animal,
        "c" => WordSlot::Colour,
        "L" => WordSlot::Place,
        "s" => WordSlot::Spot,
        "d" => WordSlot::Food,
        other => unreachable!("no slot is called {other}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn binding() -> SlotValues {
        let mut binding = SlotValues::default();
        binding.set(WordSlot::Name, "Zorb");
        binding.set(WordSlot::Animal, "owl");
        binding
    }

    #[test]
    fn a_slot_is_bound_at_its_first_mention_and_kept() {
        let pattern = Pattern::new("{P} met {an a} at the {L}.");
        let (rest, bound) = pattern.read("She met an owl at the mill. And", &binding()).unwrap();
        assert_eq!(rest, " And");
        assert!(pattern.read("She met an owl at the mill.", &bound).is_ok());
        let misfit = |text, binding: &SlotValues| pattern.read(text, binding).unwrap_err();
        assert_eq!(misfit("He met an owl at the mill.", &bound), "He met an owl at the mill.", "the pronoun changed");
        assert_eq!(misfit("She met an owl at the lake.", &bound), "lake.", "the place changed");
        assert_eq!(misfit("She met a owl at the mill.", &bound), "a owl at the mill.", "the article is wrong");
        assert_eq!(misfit("She met an owl at the moon.", &binding()), "moon.", "no such place");
        assert_eq!(misfit("She met an owl near the mill.", &binding()), "near the mill.");
        assert_eq!(misfit("She met an owl at the mill, and", &binding()), ", and");
    }

    #[test]
    fn what_is_written_is_read_back_with_the_same_binding() {
        let pattern = Pattern::new("[Soon|Then] {N} gave {o} {c} hat and some {d} to {F} by the {s}.");
        for index in 0..200 {
            let mut written = binding();
            let sentence = pattern.write(&mut written, &mut Dice::new(3, 0, index));
            let (rest, read) = pattern.read(&sentence, &binding()).unwrap();
            assert_eq!((rest, read), ("", written));
        }
    }
}
