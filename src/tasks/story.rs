//! Stories of 9 to 15 sentences: long answers that cannot be checked word by word, but by a grammar.
//!
//! A story follows one plot of [`super::plots`]. It is right when its sentences are patterns of one plot in their
//! order, from the opening to an ending, under one binding of the slots that agrees with the prompt; a sentence may be
//! left out, as long as [`SHORTEST`] remain and the prompt's words all occur, the name at least twice.

use super::dice::Dice;
use super::grammar::{SlotValues, WordSlot};
use super::lexicon::{self, ANIMALS, COLOURS, Case, PLACES, THINGS, article};
use super::plots::{PLOTS, Position};
use super::text::{Reader, quote};
use super::{Assessment, Family};

/// Sentences of the shortest story that is accepted.
const SHORTEST: usize = 8;

/// Who and what a story is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoryTask {
    name: String,
    colour: Option<String>,
    thing: String,
    animal: String,
    place: Option<String>,
}

impl StoryTask {
    pub(super) fn draw(dice: &mut Dice, unseen: bool) -> Self {
        // Names are what people put in most: invented in two of three such stories, the thing and the animal more rarely.
        let odd = match (unseen, dice.below(6)) {
            (false, _) => [false, false, false],
            (true, 0 | 1) => [true, false, false],
            (true, 2) => [false, true, false],
            (true, 3) => [false, false, true],
            (true, 4) => [true, true, false],
            (true, _) => [true, false, true],
        };
        // Two spelled words must leave room on the canvas for each other.
        let longest = if odd.iter().filter(|&&odd| odd).count() > 1 { 5 } else { lexicon::LONGEST };
        let name = if odd[0] { lexicon::invent(dice, Case::Capital, longest, &[]) } else { lexicon::name(dice, &[]) };
        let thing =
            if odd[1] { lexicon::invent(dice, Case::Lower, longest, &[]) } else { lexicon::word(dice, &THINGS, &[]) };
        let animal =
            if odd[2] { lexicon::invent(dice, Case::Lower, longest, &[]) } else { lexicon::word(dice, &ANIMALS, &[]) };
        let colour = dice.chance(0.25).then(|| lexicon::word(dice, &COLOURS, &[]));
        let place = dice.chance(0.25).then(|| lexicon::word(dice, &PLACES, &[]));
        Self { name, colour, thing, animal, place }
    }

    pub(super) fn parse(prompt: &str) -> Option<Self> {
        let mut reader = Reader(prompt);
        reader.skip("Write a story with ")?;
        let name = reader.word(Case::Capital)?;
        reader.skip(", ")?;
        let found = reader.letters()?;
        reader.skip(" ")?;
        let first = reader.word(Case::Lower)?;
        (found == article(&first)).then_some(())?;
        let (colour, thing) = if reader.skip(" and ").is_some() {
            (None, first)
        } else {
            COLOURS.contains(&first.as_str()).then_some(())?;
            reader.skip(" ")?;
            let thing = reader.word(Case::Lower)?;
            reader.skip(" and ")?;
            (Some(first), thing)
        };
        let found = reader.letters()?;
        reader.skip(" ")?;
        let animal = reader.word(Case::Lower)?;
        (found == article(&animal)).then_some(())?;
        let place = match reader.skip(" at the ") {
            Some(()) => Some(reader.word(Case::Lower).filter(|place| PLACES.contains(&place.as_str()))?),
            None => None,
        };
        reader.skip(".")?;
        reader.end()?;
        (thing != animal).then_some(Self { name, colour, thing, animal, place })
    }

    pub(super) fn prompt(&self) -> String {
        let Self { name, colour, thing, animal, place } = self;
        let thing = match colour {
            Some(colour) => format!("{} {colour} {thing}", article(colour)),
            None => format!("{} {thing}", article(thing)),
        };
        let place = place.as_ref().map_or_else(String::new, |place| format!(" at the {place}"));
        format!("Write a story with {name}, {thing} and {} {animal}{place}.", article(animal))
    }

    pub(super) fn variant(&self) -> &'static str {
        match (&self.colour, &self.place) {
            (None, None) => "plain",
            (Some(_), None) => "colour",
            (None, Some(_)) => "place",
            (Some(_), Some(_)) => "colour and place",
        }
    }

    pub(super) fn words(&self) -> Vec<&str> {
        let Self { name, colour, thing, animal, place } = self;
        [Some(name), colour.as_ref(), Some(thing), Some(animal), place.as_ref()]
            .into_iter()
            .flatten()
            .map(String::as_str)
            .collect()
    }

    fn binding(&self) -> SlotValues {
        let mut binding = SlotValues::default();
        binding.set(WordSlot::Name, &self.name);
        binding.set(WordSlot::Thing, &self.thing);
        binding.set(WordSlot::Animal, &self.animal);
        if let Some(colour) = &self.colour {
            binding.set(WordSlot::Colour, colour);
        }
        if let Some(place) = &self.place {
            binding.set(WordSlot::Place, place);
        }
        binding
    }

    /// A story that fits the canvas: with long spelled words the optional sentences are given up first.
    pub(super) fn solve(&self, dice: &mut Dice) -> String {
        let spelled: Vec<String> =
            self.words().into_iter().filter(|word| !lexicon::is_known(word)).map(str::to_owned).collect();
        let plot = dice.pick(&*PLOTS);
        let mut story = self.compose(plot, 0.5, dice);
        for _ in 0..8 {
            if lexicon::length(&story, &spelled) < Family::Story.canvas() {
                break;
            }
            story = self.compose(plot, 0.0, dice);
        }
        story
    }

    fn compose(&self, plot: &[Position], optional: f64, dice: &mut Dice) -> String {
        let mut binding = self.binding();
        let mut sentences = Vec::with_capacity(plot.len());
        for position in plot {
            if !position.optional || dice.chance(optional) {
                sentences.push(dice.pick(&position.variants).write(&mut binding, dice));
            }
        }
        sentences.join(" ")
    }

    pub(super) fn check(&self, answer: &str) -> Assessment {
        let mut furthest = ParseFailure { sentences: 0, rest: answer, misfit: answer };
        let mut found = None;
        for plot in PLOTS.iter() {
            found = found.or_else(|| read_story(&plot[..1], &plot[1..], answer, &self.binding(), 0, &mut furthest));
        }
        let end = answer.len();
        let Some(sentences) = found else {
            return furthest.assess(answer);
        };
        if sentences < SHORTEST {
            let reason = format!("the story has {sentences} sentences, expected at least {SHORTEST}");
            return Assessment::wrong(reason, end..end);
        }
        for wanted in self.words() {
            let expected = if wanted == self.name { 2 } else { 1 };
            let found = lexicon::words(answer).filter(|(_, word)| *word == wanted).count();
            if found < expected {
                let reason = format!("{wanted} should occur {expected} times at least, found {found}");
                return Assessment::wrong(reason, end..end);
            }
        }
        Assessment::right(format!("{sentences} sentences in order, with the right words and an ending"))
    }
}

/// How far the reading of a story came.
struct ParseFailure<'a> {
    /// Sentences that were read.
    sentences: usize,
    /// What follows them.
    rest: &'a str,
    /// The same from the word on with which no plot continues.
    misfit: &'a str,
}

impl<'a> ParseFailure<'a> {
    /// Notes that this many sentences could be read before `rest`.
    fn note(&mut self, sentences: usize, rest: &'a str) {
        if sentences > self.sentences {
            *self = Self { sentences, rest, misfit: rest };
        }
    }

    /// Notes that the sentence behind so many could be read up to `misfit`.
    fn note_misfit(&mut self, sentences: usize, misfit: &'a str) {
        if sentences == self.sentences && misfit.len() < self.misfit.len() {
            self.misfit = misfit;
        }
    }

    /// The judgement of a story that could not be read to its end: it fails from the word that no plot continues with to the
    /// end of its sentence.
    fn assess(&self, answer: &str) -> Assessment {
        let at = |rest: &str| answer.len() - rest.len();
        if self.rest.is_empty() {
            let reason = format!("the story stops after {} sentences without an ending", self.sentences);
            return Assessment::wrong(reason, answer.len()..answer.len());
        }
        let sentence = self.rest.split_inclusive(['.', '!']).next().unwrap_or_default();
        let failed = self.misfit.split_inclusive(['.', '!']).next().unwrap_or_default();
        let reason = format!("sentence {} does not fit the story so far: {}", self.sentences + 1, quote(sentence));
        Assessment::wrong(reason, at(self.misfit)..at(self.misfit) + failed.len())
    }
}

/// Reads one sentence at any of the positions `now`, then the rest of the story from the positions after it. Returns
/// the number of sentences when the text ends with the plot's last position.
fn read_story<'a>(
    now: &[Position],
    later: &[Position],
    text: &'a str,
    binding: &SlotValues,
    sentences: usize,
    furthest: &mut ParseFailure<'a>,
) -> Option<usize> {
    for (at, position) in now.iter().enumerate() {
        // What follows this position: the rest of `now`, or `later` behind the opening.
        let next = if later.is_empty() { &now[at + 1..] } else { later };
        for variant in &position.variants {
            let (rest, binding) = match variant.read(text, binding) {
                Ok(read) => read,
                Err(misfit) => {
                    furthest.note_misfit(sentences, misfit);
                    continue;
                }
            };
            furthest.note(sentences + 1, rest.trim_start_matches(' '));
            if rest.is_empty() && next.is_empty() {
                return Some(sentences + 1);
            }
            let found =
                rest.strip_prefix(' ').and_then(|rest| read_story(next, &[], rest, &binding, sentences + 1, furthest));
            if found.is_some() {
                return found;
            }
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Pieces that a sentence adds between two others.
    fn pieces(sentence: &str) -> usize {
        lexicon::pieces(&format!("So. {sentence} So")).len()
    }

    #[test]
    fn variants_of_one_position_have_one_length() {
        let task = StoryTask::parse("Write a story with Laura, a violin and a goat.").unwrap();
        let mut dice = Dice::new(0, 0, 0);
        let mut uneven = Vec::new();
        for (number, plot) in PLOTS.iter().enumerate() {
            for (at, position) in plot.iter().enumerate() {
                let mut lengths: Vec<usize> = position
                    .variants
                    .iter()
                    .flat_map(|variant| std::iter::repeat_n(variant, 20))
                    .map(|variant| pieces(&variant.write(&mut task.binding(), &mut dice)))
                    .collect();
                lengths.dedup();
                if lengths.len() > 1 {
                    uneven.push(format!("plot {number}, position {at}: {lengths:?}"));
                }
            }
        }
        assert!(uneven.is_empty(), "{uneven:#?}");
    }
}
