//! The words of the tasks: closed lexicons, invented words, and how text falls into pieces.
//!
//! A word of a lexicon is one token of the embedded pair. An *invented* word (2 to 8 random letters) is in no lexicon;
//! the tokenizer spells it letter by letter, and so a model learns to copy words that it has never met.

use std::collections::HashSet;
use std::sync::LazyLock;

use super::dice::Dice;

/// Longest invented word, in letters.
pub(crate) const LONGEST: usize = 8;

/// Names that take "she".
pub(crate) const WOMEN: [&str; 33] = [
    "Alice", "Anna", "Clara", "Diana", "Elsa", "Emma", "Eva", "Frida", "Greta", "Hanna", "Helen", "Ida", "Ingrid",
    "Irene", "Jane", "Julia", "Karen", "Kate", "Laura", "Lisa", "Lucy", "Maria", "Mona", "Nora", "Olga", "Paula",
    "Rita", "Ruth", "Sara", "Tina", "Vera", "Wendy", "Zoe",
];

/// Names that take "he".
pub(crate) const MEN: [&str; 33] = [
    "Adam", "Ben", "Bruno", "Carl", "Daniel", "David", "Emil", "Erik", "Felix", "Frank", "George", "Henry", "Hugo",
    "Ivan", "Jack", "Jonas", "Kurt", "Leo", "Louis", "Luke", "Martin", "Max", "Noah", "Oliver", "Oscar", "Paul",
    "Peter", "Robert", "Samuel", "Simon", "Theo", "Tom", "Victor",
];

/// Things that a story can turn around.
pub(crate) const THINGS: [&str; 36] = [
    "violin", "kite", "lamp", "basket", "book", "drum", "clock", "ladder", "mirror", "umbrella", "teapot", "sled",
    "flute", "hammer", "rope", "bell", "scarf", "blanket", "lantern", "map", "wagon", "bucket", "guitar", "statue",
    "carpet", "vase", "anchor", "compass", "broom", "quilt", "trumpet", "pillow", "chair", "oar", "wheel", "box",
];

/// Animals of the stories.
pub(crate) const ANIMALS: [&str; 24] = [
    "goat", "dog", "cat", "horse", "donkey", "fox", "owl", "rabbit", "pony", "wolf", "bear", "otter", "hen", "goose",
    "sheep", "pig", "mouse", "crow", "badger", "eagle", "camel", "tiger", "monkey", "deer",
];

/// Where a story happens.
pub(crate) const PLACES: [&str; 12] =
    ["farm", "harbour", "market", "river", "castle", "library", "station", "school", "mill", "lake", "beach", "garden"];

/// Colours of things.
pub(crate) const COLOURS: [&str; 10] =
    ["red", "blue", "green", "yellow", "white", "black", "brown", "purple", "orange", "pink"];

/// What a story's people and animals eat.
pub(crate) const FOODS: [&str; 10] =
    ["bread", "cheese", "soup", "corn", "honey", "cake", "rice", "fruit", "porridge", "butter"];

/// Spots near a place, drawn by the story itself.
pub(crate) const SPOTS: [&str; 8] = ["tree", "gate", "bridge", "wall", "fence", "hill", "bush", "tower"];

/// Countable goods of sums and orders.
pub(crate) const GOODS: [&str; 24] = [
    "pens", "cups", "hats", "apples", "coins", "cards", "shells", "stamps", "marbles", "books", "keys", "eggs",
    "pears", "lemons", "buttons", "candles", "plates", "spoons", "socks", "stones", "tickets", "flowers", "ribbons",
    "balls",
];

/// Cities.
pub(crate) const CITIES: [&str; 30] = [
    "Oslo", "Rome", "Madrid", "Lisbon", "Vienna", "Prague", "Berlin", "Dublin", "Athens", "Cairo", "Tokyo", "Lima",
    "Delhi", "Seoul", "Boston", "Denver", "Quito", "Riga", "Warsaw", "Zurich", "Milan", "Naples", "Porto", "Ghent",
    "Malmo", "Turin", "Kyoto", "Hanoi", "Dakar", "Perth",
];

/// Jobs.
pub(crate) const JOBS: [&str; 24] = [
    "pilot", "baker", "nurse", "doctor", "farmer", "painter", "teacher", "driver", "singer", "writer", "judge",
    "sailor", "tailor", "miner", "dancer", "lawyer", "actor", "chemist", "engineer", "artist", "waiter", "plumber",
    "gardener", "florist",
];

/// Drinks.
pub(crate) const DRINKS: [&str; 16] = [
    "tea", "coffee", "milk", "water", "juice", "cocoa", "wine", "beer", "cider", "lemonade", "punch", "mead", "rum",
    "soda", "broth", "tonic",
];

/// Names of functions.
pub(crate) const FUNCTIONS: [&str; 16] = [
    "find", "solve", "compute", "check", "collect", "reduce", "scan", "measure", "inspect", "process", "tally",
    "gather", "handle", "select", "search", "review",
];

/// Names of the collections that code runs through.
pub(crate) const COLLECTIONS: [&str; 16] = [
    "ages", "prices", "scores", "weights", "heights", "values", "points", "grades", "speeds", "costs", "depths",
    "years", "sizes", "wages", "marks", "days",
];

/// Loop variables.
pub(crate) const LOOP_NAMES: [&str; 8] = ["v", "x", "n", "item", "entry", "value", "number", "current"];

/// Variables that hold an answer.
pub(crate) const RESULT_NAMES: [&str; 8] = ["acc", "total", "result", "out", "answer", "best", "res", "state"];

/// Words with a role in the formats; an invented word must not be one of them.
const RESERVED: [&str; 48] = [
    "a", "an", "and", "any", "are", "as", "at", "away", "back", "but", "by", "def", "for", "from", "gave", "had",
    "has", "he", "her", "him", "his", "how", "if", "in", "is", "it", "item", "its", "left", "list", "many", "more",
    "no", "not", "of", "oh", "on", "or", "other", "said", "she", "so", "the", "then", "this", "to", "was", "with",
];

static KNOWN: LazyLock<HashSet<&'static str>> = LazyLock::new(|| {
    let lexicons: [&[&str]; 16] = [
        &WOMEN,
        &MEN,
        &THINGS,
        &ANIMALS,
        &PLACES,
        &COLOURS,
        &FOODS,
        &SPOTS,
        &GOODS,
        &CITIES,
        &JOBS,
        &DRINKS,
        &FUNCTIONS,
        &COLLECTIONS,
        &LOOP_NAMES,
        &RESULT_NAMES,
    ];
    lexicons.into_iter().flatten().copied().collect()
});

/// How a word is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    /// First letter upper case, the others lower case: names and cities.
    Capital,
    /// Lower case throughout.
    Lower,
}

impl Case {
    fn holds(self, word: &str) -> bool {
        let mut letters = word.bytes();
        let first = letters.next().is_some_and(|b| match self {
            Self::Capital => b.is_ascii_uppercase(),
            Self::Lower => b.is_ascii_lowercase(),
        });
        first && letters.all(|b| b.is_ascii_lowercase())
    }
}

/// True when `word` stands in one of the lexicons.
pub(crate) fn is_known(word: &str) -> bool {
    KNOWN.contains(word)
}

/// True when a model can have learned to copy `word`, written as `case` asks: known, or of an invented word's length.
pub(crate) fn fits(word: &str, case: Case) -> bool {
    case.holds(word) && (is_known(word) || (2..=LONGEST).contains(&word.len()))
}

/// The pronoun's gender of a known name; `None` for an invented one.
pub(crate) fn takes_she(name: &str) -> Option<bool> {
    if WOMEN.contains(&name) {
        Some(true)
    } else if MEN.contains(&name) {
        Some(false)
    } else {
        None
    }
}

/// A name of the lexicon that is not in `taken`.
pub(crate) fn name(dice: &mut Dice, taken: &[&str]) -> String {
    loop {
        let name = if dice.chance(0.5) { dice.pick(&WOMEN) } else { dice.pick(&MEN) };
        if !taken.contains(name) {
            return (*name).to_owned();
        }
    }
}

/// A word of `lexicon` that is not in `taken`; there must be one.
pub(crate) fn word(dice: &mut Dice, lexicon: &[&str], taken: &[&str]) -> String {
    loop {
        let word = *dice.pick(lexicon);
        if !taken.contains(&word) {
            return word.to_owned();
        }
    }
}

/// An invented word of 2 to `longest` letters: pronounceable three times out of five, otherwise letters at random.
pub(crate) fn invent(dice: &mut Dice, case: Case, longest: usize, taken: &[&str]) -> String {
    const CONSONANTS: &[u8] = b"bcdfghjklmnprstvwxyz";
    const VOWELS: &[u8] = b"aeiou";
    loop {
        // The shorter of two draws: typed names are short more often than long.
        let length = 2 + dice.below(longest - 1).min(dice.below(longest - 1) + 1);
        let mut letters = Vec::with_capacity(length + 2);
        if dice.chance(0.6) {
            if dice.chance(0.2) {
                letters.push(*dice.pick(VOWELS));
            }
            while letters.len() < length {
                letters.push(*dice.pick(CONSONANTS));
                letters.push(*dice.pick(VOWELS));
                if dice.chance(0.35) {
                    letters.push(*dice.pick(b"nrlstmkd"));
                }
            }
            letters.truncate(length);
        } else {
            letters.extend((0..length).map(|_| b'a' + dice.below(26) as u8));
        }
        let lower: String = letters.iter().map(|&b| char::from(b)).collect();
        let word = match case {
            Case::Lower => lower.clone(),
            Case::Capital => capitalised(&lower),
        };
        if !is_known(&word) && !RESERVED.contains(&lower.as_str()) && !taken.contains(&word.as_str()) {
            return word;
        }
    }
}

/// `word` with its first ASCII letter in upper case.
pub(crate) fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_uppercase().to_string() + letters.as_str())
}

/// "a" or "an", by the first letter.
pub(crate) fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" }
}

/// What a piece of text is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Letters,
    Digit,
    Other,
}

impl Class {
    fn of(c: char) -> Self {
        match c {
            'a'..='z' | 'A'..='Z' => Self::Letters,
            '0'..='9' => Self::Digit,
            _ => Self::Other,
        }
    }
}

/// Cuts `text` into the pieces that the embedded tokenizer makes one token of where it knows them: a maximal run of
/// ASCII letters, one digit, or a maximal run of anything else. A single space between two letters is no piece.
pub fn pieces(text: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    let mut class = None;
    for (at, c) in text.char_indices() {
        let next = Class::of(c);
        if class.is_some_and(|last| last != next || last == Class::Digit) {
            pieces.push(&text[start..at]);
            start = at;
        }
        class = Some(next);
    }
    if start < text.len() {
        pieces.push(&text[start..]);
    }
    let starts_word = |piece: &&str| piece.starts_with(|c: char| c.is_ascii_alphabetic());
    let implied: Vec<bool> = (0..pieces.len())
        .map(|i| pieces[i] == " " && i > 0 && starts_word(&pieces[i - 1]) && pieces.get(i + 1).is_some_and(starts_word))
        .collect();
    pieces.into_iter().zip(implied).filter_map(|(piece, implied)| (!implied).then_some(piece)).collect()
}

/// Runs of ASCII letters with their byte ranges.
pub(crate) fn words(text: &str) -> impl Iterator<Item = (std::ops::Range<usize>, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text[at..].find(|c: char| c.is_ascii_alphabetic())?;
        let end = text[start..].find(|c: char| !c.is_ascii_alphabetic()).map_or(text.len(), |length| start + length);
        at = end;
        Some((start..end, &text[start..end]))
    })
}

/// Tokens that `text` takes when each of the `spelled` words is written letter by letter (a word mark and its letters).
pub fn length(text: &str, spelled: &[String]) -> usize {
    pieces(text)
        .into_iter()
        .map(|piece| if spelled.iter().any(|word| word == piece) { piece.len() + 1 } else { 1 })
        .sum()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn text_falls_into_words_digits_and_the_rest() {
        assert_eq!(pieces("Max has 12 pens. So"), ["Max", "has", " ", "1", "2", " ", "pens", ". ", "So"]);
        assert_eq!(pieces("a  b\tc"), ["a", "  ", "b", "\t", "c"]);
        assert_eq!(pieces(" é x "), [" é ", "x", " "]);
        assert!(pieces("").is_empty());
    }

    #[test]
    fn no_word_stands_in_two_lexicons_with_one_spelling_twice() {
        let mut names: Vec<&str> = WOMEN.iter().chain(&MEN).copied().collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), 66);
        for word in KNOWN.iter() {
            assert!(word.bytes().all(|b| b.is_ascii_alphabetic()), "{word}");
        }
    }

    #[test]
    fn invented_words_are_new_short_and_in_the_asked_case() {
        let mut dice = Dice::new(1, 0, 0);
        let mut longest = 0;
        for _ in 0..5_000 {
            for case in [Case::Capital, Case::Lower] {
                let word = invent(&mut dice, case, LONGEST, &[]);
                assert!(fits(&word, case) && !is_known(&word), "{word}");
                longest = longest.max(word.len());
            }
        }
        assert_eq!(longest, LONGEST);
    }

    #[test]
    fn length_counts_a_mark_and_the_letters_of_a_spelled_word() {
        assert_eq!(length("Zorb, Max", &["Zorb".to_owned()]), 5 + 1 + 1);
    }
}
