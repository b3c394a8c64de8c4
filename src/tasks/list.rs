//! Lists of words: deterministic operations with one right answer, and dependent ones where the items of the answer
//! must agree with each other (the hard case for tokens that are committed at the same time).

use std::ops::Range;

use super::dice::Dice;
use super::lexicon::{self, Case, is_known};
use super::text::{Reader, quote, split};
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
        let found = FoundItems::of(answer);
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
                Some((reason, failed)) => Assessment::wrong(reason, failed),
            };
        }
        if self.operation == Operation::Shuffle {
            return self.check_shuffle(&found);
        }
        let right = self.free_answers();
        if right.iter().any(|items| *items == found.items) {
            return Assessment::right(match &self.operation {
                Operation::InsertAny { word } => format!("{word} is inserted, the rest is kept"),
                Operation::ReplaceAny { word } => format!("one item is replaced by {word}, the rest is kept"),
                _ => "one item is removed, the rest is kept".to_owned(),
            });
        }
        let reason = match &self.operation {
            Operation::InsertAny { word } => format!("this is not the list with {word} inserted once"),
            Operation::ReplaceAny { word } => format!("this is not the list with exactly one item replaced by {word}"),
            _ => "this is not the list without exactly one item".to_owned(),
        };
        // It fails where none of the right answers continues like it.
        let furthest = right.iter().map(|items| found.common(items)).max().unwrap_or(0);
        let most = right.iter().map(Vec::len).max().unwrap_or(0);
        let failed = if furthest == most { found.from(furthest) } else { found.item(furthest) };
        Assessment::wrong(reason, failed)
    }

    /// All right answers, where any item may be the one that is inserted, removed or replaced.
    fn free_answers(&self) -> Vec<Vec<String>> {
        let changed = |change: &dyn Fn(&mut Vec<String>)| {
            let mut items = self.items.clone();
            change(&mut items);
            items
        };
        let count = self.items.len();
        match &self.operation {
            Operation::InsertAny { word } => {
                (0..=count).map(|at| changed(&|items| items.insert(at, word.clone()))).collect()
            }
            Operation::ReplaceAny { word } => {
                (0..count).map(|at| changed(&|items| items[at].clone_from(word))).collect()
            }
            Operation::RemoveAny => (0..count).map(|at| changed(&|items| drop(items.remove(at)))).collect(),
            _ => Vec::new(),
        }
    }

    fn check_shuffle(&self, found: &FoundItems<'_>) -> Assessment {
        for (at, item) in found.items.iter().enumerate() {
            if !self.items.iter().any(|known| known == item) {
                let reason = format!("item {} is not of the list: {}", at + 1, quote(item));
                return Assessment::wrong(reason, found.item(at));
            }
            if found.items[..at].contains(item) {
                return Assessment::wrong(format!("{item} stands there twice"), found.item(at));
            }
        }
        let count = found.items.len();
        if let Some(missing) = self.items.iter().find(|item| !found.items.contains(&item.as_str())) {
            return Assessment::wrong(format!("{missing} is missing"), found.item(count));
        }
        if self.items == found.items {
            return Assessment::wrong("the order is the old one", found.from(0));
        }
        Assessment::right("the same items in another order")
    }
}

/// The items of an answer, and where they stand in it.
struct FoundItems<'a> {
    items: Vec<&'a str>,
    starts: Vec<usize>,
    /// Bytes of the answer.
    end: usize,
}

impl<'a> FoundItems<'a> {
    fn of(answer: &'a str) -> Self {
        let (starts, items) = split(answer, ", ").unzip();
        Self { items, starts, end: answer.len() }
    }

    /// The bytes of an item; the empty range at the end where there is none.
    fn item(&self, at: usize) -> Range<usize> {
        self.starts.get(at).map_or(self.end..self.end, |start| *start..start + self.items[at].len())
    }

    /// The bytes from an item on.
    fn from(&self, at: usize) -> Range<usize> {
        self.starts.get(at).copied().unwrap_or(self.end)..self.end
    }

    /// How many of the first items are those of `expected`.
    fn common(&self, expected: &[String]) -> usize {
        self.items.iter().zip(expected).take_while(|(found, expected)| found == expected).count()
    }
}

/// The first difference between two lists, in a sentence, and the bytes of the answer that it is about.
fn compare(expected: &[String], found: &FoundItems<'_>) -> Option<(String, Range<usize>)> {
    let at = found.common(expected);
    match (expected.get(at), found.items.get(at)) {
        (None, None) => None,
        (Some(expected), Some(item)) => {
            Some((format!("item {} should be {expected}, found {}", at + 1, quote(item)), found.item(at)))
        }
        _ => {
            let reason = format!("expected {} items, found {}", expected.len(), found.items.len());
            Some((reason, found.from(at)))
        }
    }
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
