//! Lists of words: deterministic operations with one right answer, and dependent ones where the items of the answer
//! must agree with each other (the hard case for tokens that are committed at the same time).

use super::dice::Dice;
use super::lexicon::{self, Case, is_known};
use super::text::{Reader, quote};
use super::{Assessment, Family};

/// What is asked of the list. Positions count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Operation {
    Copy,
    Reverse,
    Sort,
    Rotate,
    RotateBack,
    InsertAt { word: String, position: usize },
    RemoveAt { position: usize },
    ReplaceAt { position: usize, word: String },
    Shuffle,
    InsertAny { word: String },
    RemoveAny,
    ReplaceAny { word: String },
}

/// One list and what to do with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListTask {
    operation: Operation,
    items: Vec<String>,
}

/// Items of a list.
const ITEMS: std::ops::RangeInclusive<usize> = 3..=8;

impl ListTask {
    /// Draws a list; with `unseen`, some or all of its words are invented. Unknown words are never to be sorted: an
    /// order over spelled words is out of reach for so small a model.
    pub(super) fn draw(dice: &mut Dice, unseen: bool) -> Self {
        let operation = loop {
            let drawn = dice.below(12);
            if !(unseen && drawn == 2) {
                break drawn;
            }
        };
        let length = dice.between(*ITEMS.start() as u32, *ITEMS.end() as u32) as usize;
        let words = draw_words(dice, length + 1, unseen, operation == 2);
        let (items, word) = (words[..length].to_vec(), words[length].clone());
        let position = 1 + dice.below(length);
        let operation = match operation {
            0 => Operation::Copy,
            1 => Operation::Reverse,
            2 => Operation::Sort,
            3 => Operation::Rotate,
            4 => Operation::RotateBack,
            5 => Operation::InsertAt { word, position: 1 + dice.below(length + 1) },
            6 => Operation::RemoveAt { position },
            7 => Operation::ReplaceAt { position, word },
            8 => Operation::Shuffle,
            9 => Operation::InsertAny { word },
            10 => Operation::RemoveAny,
            _ => Operation::ReplaceAny { word },
        };
        Self { operation, items }
    }

    /// Reads the task back from its prompt.
    pub(super) fn parse(prompt: &str) -> Option<Self> {
        let (head, tail) = prompt.split_once(": ")?;
        let mut items = Vec::new();
        for item in tail.split(", ") {
            items.push(list_word(item)?);
        }
        let operation = parse_operation(head)?;
        let task = Self { operation, items };
        let mut all: Vec<&str> = task.words();
        all.sort_unstable();
        let distinct = all.windows(2).all(|pair| pair[0] != pair[1]);
        let count = task.items.len();
        let in_range = match task.operation {
            Operation::InsertAt { position, .. } => (1..=count + 1).contains(&position),
            Operation::RemoveAt { position } | Operation::ReplaceAt { position, .. } => (1..=count).contains(&position),
            _ => true,
        };
        (distinct && in_range && ITEMS.contains(&count)).then_some(task)
    }

    pub(super) fn prompt(&self) -> String {
        let head = match &self.operation {
            Operation::Copy => "Copy this list".to_owned(),
            Operation::Reverse => "Reverse this list".to_owned(),
            Operation::Sort => "Sort this list".to_owned(),
            Operation::Rotate => "Rotate this list".to_owned(),
            Operation::RotateBack => "Rotate this list back".to_owned(),
            Operation::InsertAt { word, position } => format!("Insert {word} at position {position} of this list"),
            Operation::RemoveAt { position } => format!("Remove item {position} of this list"),
            Operation::ReplaceAt { position, word } => format!("Replace item {position} of this list with {word}"),
            Operation::Shuffle => "Shuffle this list".to_owned(),
            Operation::InsertAny { word } => format!("Insert {word} anywhere in this list"),
            Operation::RemoveAny => "Remove any item of this list".to_owned(),
            Operation::ReplaceAny { word } => format!("Replace any item of this list with {word}"),
        };
        format!("{head}: {}", self.items.join(", "))
    }

    pub(super) fn variant(&self) -> &'static str {
        match self.operation {
            Operation::Copy => "copy",
            Operation::Reverse => "reverse",
            Operation::Sort => "sort",
            Operation::Rotate => "rotate",
            Operation::RotateBack => "rotate back",
            Operation::InsertAt { .. } => "insert at",
            Operation::RemoveAt { .. } => "remove at",
            Operation::ReplaceAt { .. } => "replace at",
            Operation::Shuffle => "shuffle",
            Operation::InsertAny { .. } => "insert any",
            Operation::RemoveAny => "remove any",
            Operation::ReplaceAny { .. } => "replace any",
        }
    }

    pub(super) fn is_deterministic(&self) -> bool {
        self.expected().is_some()
    }

    /// The words that an answer copies.
    pub(super) fn words(&self) -> Vec<&str> {
        let extra = match &self.operation {
            Operation::InsertAt { word, .. }
            | Operation::ReplaceAt { word, .. }
            | Operation::InsertAny { word }
            | Operation::ReplaceAny { word } => Some(word),
            _ => None,
        };
        self.items.iter().chain(extra).map(String::as_str).collect()
    }

    /// The one right answer, where there is one.
    fn expected(&self) -> Option<Vec<String>> {
        let mut items = self.items.clone();
        match &self.operation {
            Operation::Copy => {}
            Operation::Reverse => items.reverse(),
            Operation::Sort => items.sort(),
            Operation::Rotate => items.rotate_left(1),
            Operation::RotateBack => items.rotate_right(1),
            Operation::InsertAt { word, position } => items.insert(position - 1, word.clone()),
            Operation::RemoveAt { position } => {
                items.remove(position - 1);
            }
            Operation::ReplaceAt { position, word } => items[position - 1].clone_from(word),
            Operation::Shuffle | Operation::InsertAny { .. } | Operation::RemoveAny | Operation::ReplaceAny { .. } => {
                return None;
            }
        }
        Some(items)
    }

    /// A right answer; the dice choose among several.
    pub(super) fn solve(&self, dice: &mut Dice) -> String {
        let mut items = self.expected().unwrap_or_else(|| self.items.clone());
        match &self.operation {
            Operation::Shuffle => {
                while items == self.items {
                    dice.shuffle(&mut items);
                }
            }
            Operation::InsertAny { word } => items.insert(dice.below(items.len() + 1), word.clone()),
            Operation::RemoveAny => {
                items.remove(dice.below(items.len()));
            }
            Operation::ReplaceAny { word } => {
                let at = dice.below(items.len());
                items[at].clone_from(word);
            }
            _ => {}
        }
        items.join(", ")
    }

    pub(super) fn check(&self, answer: &str) -> Assessment {
        let found: Vec<&str> = answer.split(", ").collect();
        if let Some(expected) = self.expected() {
            return match compare(&expected, &found) {
                None => Assessment::right(match self.operation {
                    Operation::Copy => "copied as it stands",
                    Operation::Reverse => "reversed as asked",
                    Operation::Sort => "sorted as asked",
                    Operation::Rotate | Operation::RotateBack => "rotated as asked",
                    Operation::InsertAt { .. } => "inserted where asked",
                    Operation::RemoveAt { .. } => "removed the right item",
                    _ => "replaced the right item",
                }),
                Some(reason) => Assessment::wrong(reason),
            };
        }
        match &self.operation {
            Operation::Shuffle => self.check_shuffle(&found),
            Operation::InsertAny { word } => {
                let fits = (0..=self.items.len()).any(|at| {
                    let mut items = self.items.clone();
                    items.insert(at, word.clone());
                    items == found
                });
                if fits {
                    Assessment::right(format!("{word} is inserted, the rest is kept"))
                } else {
                    Assessment::wrong(format!("this is not the list with {word} inserted once"))
                }
            }
            Operation::RemoveAny => {
                let fits = (0..self.items.len()).any(|at| {
                    let mut items = self.items.clone();
                    items.remove(at);
                    items == found
                });
                if fits {
                    Assessment::right("one item is removed, the rest is kept")
                } else {
                    Assessment::wrong("this is not the list without exactly one item")
                }
            }
            _ => {
                let word = self.words()[self.items.len()];
                let changed: Vec<usize> =
                    (0..self.items.len().min(found.len())).filter(|&at| self.items[at] != found[at]).collect();
                if found.len() == self.items.len() && matches!(changed[..], [at] if found[at] == word) {
                    Assessment::right(format!("one item is replaced by {word}, the rest is kept"))
                } else {
                    Assessment::wrong(format!("this is not the list with exactly one item replaced by {word}"))
                }
            }
        }
    }

    fn check_shuffle(&self, found: &[&str]) -> Assessment {
        for (at, item) in found.iter().enumerate() {
            if !self.items.iter().any(|known| known == item) {
                return Assessment::wrong(format!("item {} is not of the list: {}", at + 1, quote(item)));
            }
            if found[..at].contains(item) {
                return Assessment::wrong(format!("{item} stands there twice"));
            }
        }
        if let Some(missing) = self.items.iter().find(|item| !found.contains(&item.as_str())) {
            return Assessment::wrong(format!("{missing} is missing"));
        }
        if self.items == found {
            return Assessment::wrong("the order is the old one");
        }
        Assessment::right("the same items in another order")
    }
}

/// The first difference between two lists, in a sentence.
fn compare(expected: &[String], found: &[&str]) -> Option<String> {
    for (at, (expected, found)) in expected.iter().zip(found).enumerate() {
        if expected != found {
            return Some(format!("item {} should be {expected}, found {}", at + 1, quote(found)));
        }
    }
    (expected.len() != found.len()).then(|| format!("expected {} items, found {}", expected.len(), found.len()))
}

fn list_word(word: &str) -> Option<String> {
    let fits = lexicon::fits(word, Case::Capital) || lexicon::fits(word, Case::Lower);
    fits.then(|| word.to_owned())
}

fn parse_operation(head: &str) -> Option<Operation> {
    match head {
        "Copy this list" => return Some(Operation::Copy),
        "Reverse this list" => return Some(Operation::Reverse),
        "Sort this list" => return Some(Operation::Sort),
        "Rotate this list" => return Some(Operation::Rotate),
        "Rotate this list back" => return Some(Operation::RotateBack),
        "Shuffle this list" => return Some(Operation::Shuffle),
        "Remove any item of this list" => return Some(Operation::RemoveAny),
        _ => {}
    }
    if let Some(word) = head.strip_prefix("Replace any item of this list with ") {
        return Some(Operation::ReplaceAny { word: list_word(word)? });
    }
    let mut reader = Reader(head);
    match reader.letters()? {
        "Remove" => {
            reader.skip(" item ")?;
            let position = reader.number()? as usize;
            reader.skip(" of this list")?;
            reader.end()?;
            Some(Operation::RemoveAt { position })
        }
        "Replace" => {
            reader.skip(" item ")?;
            let position = reader.number()? as usize;
            reader.skip(" of this list with ")?;
            Some(Operation::ReplaceAt { position, word: list_word(reader.0)? })
        }
        "Insert" => {
            reader.skip(" ")?;
            let word = list_word(reader.letters()?)?;
            if reader.0 == " anywhere in this list" {
                return Some(Operation::InsertAny { word });
            }
            reader.skip(" at position ")?;
            let position = reader.number()? as usize;
            reader.skip(" of this list")?;
            reader.end()?;
            Some(Operation::InsertAt { word, position })
        }
        _ => None,
    }
}

/// `count` distinct words: names three times out of four, otherwise words of one other lexicon. With `unseen` some or
/// all are invented, as long as an answer that holds all of them fits the canvas.
fn draw_words(dice: &mut Dice, count: usize, unseen: bool, names_only: bool) -> Vec<String> {
    let others: [&[&str]; 5] =
        [&lexicon::ANIMALS, &lexicon::CITIES, &lexicon::THINGS, &lexicon::COLOURS, &lexicon::GOODS];
    let lexicon = if names_only || dice.chance(0.75) { None } else { Some(*dice.pick(&others)) };
    let share = if dice.chance(0.4) { 1.0 } else { 0.5 };
    let case = if dice.chance(0.7) { Case::Capital } else { Case::Lower };
    // The last word is not used by every operation.
    let sure = dice.below(count - 1);
    // The end of the answer needs a place too.
    let mut left = Family::List.canvas() - 1 - (2 * count - 1);
    let mut words: Vec<String> = Vec::with_capacity(count);
    for at in 0..count {
        let taken: Vec<&str> = words.iter().map(String::as_str).collect();
        let invented = (unseen && (at == sure || dice.chance(share)))
            .then(|| lexicon::invent(dice, case, lexicon::LONGEST, &taken))
            .filter(|word| word.len() <= left);
        let word = match (invented, lexicon) {
            (Some(word), _) => word,
            (None, Some(lexicon)) => lexicon::word(dice, lexicon, &taken),
            (None, None) => lexicon::name(dice, &taken),
        };
        if !is_known(&word) {
            left -= word.len();
        }
        words.push(word);
    }
    words
}
