//! The synthetic task families: generate, prompt, check.
//!
//! A family draws a *task* (what is asked), states it as a prompt, and knows a right answer. The way back is as
//! important: [`recognise`] reads a task from any prompt that is typed, and [`Task::check`] judges any answer by
//! the prompt alone. Six families, chosen so that decoding methods differ on them: JSON, code and sudoku can be filled
//! in parallel, sums and lists punish haste, stories are long and follow a grammar.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

mod code;
mod dice;
mod grammar;
mod grid;
mod json;
mod lexicon;
mod list;
mod math;
mod plots;
mod story;
mod sudoku;
mod text;

pub use code::CodeTask;
pub use grid::SudokuGrid;
pub use json::JsonTask;
pub use lexicon::{length, pieces};
pub use list::ListTask;
pub use math::MathTask;
pub use story::StoryTask;
pub use sudoku::SudokuTask;

use dice::Dice;

/// A kind of task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// Operations on a list of words.
    List,
    /// Word problems.
    Math,
    /// Long stories with given people and things.
    Story,
    /// Sentences as JSON.
    Json,
    /// Small Python functions.
    Code,
    /// Sudoku of four by four.
    Sudoku,
}

impl Family {
    /// Every family, in the order of tables.
    pub const ALL: [Self; 6] = [Self::List, Self::Math, Self::Story, Self::Json, Self::Code, Self::Sudoku];

    /// The name in flags and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::List => "list",
            Self::Math => "math",
            Self::Story => "story",
            Self::Json => "json",
            Self::Code => "code",
            Self::Sudoku => "sudoku",
        }
    }

    /// The name for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::List => "Lists",
            Self::Math => "Sums in words",
            Self::Story => "Stories",
            Self::Json => "JSON records",
            Self::Code => "Python functions",
            Self::Sudoku => "Sudoku 4x4",
        }
    }

    /// Share of the family's samples in the training mix; the shares sum to 1.
    pub fn share(self) -> f64 {
        match self {
            Self::List => 0.32,
            Self::Math => 0.24,
            Self::Code => 0.08,
            Self::Story | Self::Json | Self::Sudoku => 0.12,
        }
    }

    /// Generation length, in tokens of the embedded pair, that fits the longest generated answer and its end.
    pub fn canvas(self) -> usize {
        match self {
            Self::List => 40,
            Self::Math => 32,
            Self::Story => 224,
            Self::Json => 64,
            Self::Code => 48,
            Self::Sudoku => 24,
        }
    }

    /// Share of samples with invented words under [`Unseen::Usual`]. A sudoku has no words.
    fn unseen_share(self) -> f64 {
        match self {
            Self::List => 0.22,
            Self::Math | Self::Story | Self::Json | Self::Code => 0.15,
            Self::Sudoku => 0.0,
        }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A family's name that is none.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no task family is called {found:?}: expected list, math, story, json, code or sudoku")]
pub struct UnknownFamily {
    found: String,
}

impl FromStr for Family {
    type Err = UnknownFamily;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|family| family.name() == text)
            .ok_or_else(|| UnknownFamily { found: text.to_owned() })
    }
}

/// A prompt with one right answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// What kind of task it is.
    pub family: Family,
    /// The prompt as a person would type it.
    pub prompt: String,
    /// A right answer; for dependent tasks one of several.
    pub answer: String,
    /// True when invented words stand in the prompt.
    pub unseen: bool,
    /// The kind within the family: the list's operation, "person" or "order", the givens of a sudoku.
    pub variant: &'static str,
}

/// How often invented words take the place of known ones.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Unseen {
    /// As often as in training: lists 22 %, sudoku never, the others 15 %.
    #[default]
    Usual,
    /// Known words only.
    Never,
    /// In every sample of a family that has words.
    Always,
    /// In this share of the samples, 0 to 1.
    Share(f64),
}

/// What [`generate`] may draw.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Options {
    /// How often invented words occur.
    pub unseen: Unseen,
}

/// Draws sample `index` of a family from the data set `seed`; equal on every machine.
pub fn generate(family: Family, seed: u64, index: u64, options: Options) -> Sample {
    let mut dice = Dice::new(seed, family as u64, index);
    let share = match options.unseen {
        Unseen::Usual => family.unseen_share(),
        Unseen::Never => 0.0,
        Unseen::Always => 1.0,
        Unseen::Share(share) => share,
    };
    let unseen = dice.chance(share);
    let task = match family {
        Family::List => Task::List(ListTask::draw(&mut dice, unseen)),
        Family::Math => Task::Math(MathTask::draw(&mut dice, unseen)),
        Family::Story => Task::Story(StoryTask::draw(&mut dice, unseen)),
        Family::Json => Task::Json(JsonTask::draw(&mut dice, unseen)),
        Family::Code => Task::Code(CodeTask::draw(&mut dice, unseen)),
        Family::Sudoku => Task::Sudoku(SudokuTask::draw(&mut dice)),
    };
    task.sample(&mut dice)
}

/// Draws sample `index` of the training mix `seed`: first the family by its share, then its sample.
pub fn generate_mixed(seed: u64, index: u64, options: Options) -> Sample {
    let mut left = Dice::new(seed, u64::from(u32::MAX), index).unit();
    let family = Family::ALL.into_iter().find(|family| {
        left -= family.share();
        left < 0.0
    });
    // Rounding may leave a crumb behind the last share.
    generate(family.unwrap_or(Family::Sudoku), seed, index, options)
}

/// What a prompt asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    /// See [`Family::List`].
    List(ListTask),
    /// See [`Family::Math`].
    Math(MathTask),
    /// See [`Family::Story`].
    Story(StoryTask),
    /// See [`Family::Json`].
    Json(JsonTask),
    /// See [`Family::Code`].
    Code(CodeTask),
    /// See [`Family::Sudoku`].
    Sudoku(SudokuTask),
}

/// Reads the task that `prompt` states; `None` when the embedded pair has learned nothing of the kind. White space at
/// the end is ignored.
pub fn recognise(prompt: &str) -> Option<Task> {
    let prompt = prompt.trim_end();
    ListTask::parse(prompt)
        .map(Task::List)
        .or_else(|| MathTask::parse(prompt).map(Task::Math))
        .or_else(|| StoryTask::parse(prompt).map(Task::Story))
        .or_else(|| JsonTask::parse(prompt).map(Task::Json))
        .or_else(|| CodeTask::parse(prompt).map(Task::Code))
        .or_else(|| SudokuTask::parse(prompt).map(Task::Sudoku))
}

/// The prompt as the embedded pair has learned it, where only blanks and line breaks keep it from being recognised: two
/// blanks between words, or the rows of a sudoku on one line.
pub fn laid_out(prompt: &str) -> Option<String> {
    if recognise(prompt).is_some() {
        return None;
    }
    let words: Vec<&str> = prompt.split_whitespace().collect();
    let on_one_line = words.join(" ");
    let in_rows = SudokuTask::laid_out(&words);
    [on_one_line].into_iter().chain(in_rows).find(|text| recognise(text).is_some())
}

impl Task {
    /// The family it belongs to.
    pub fn family(&self) -> Family {
        match self {
            Self::List(_) => Family::List,
            Self::Math(_) => Family::Math,
            Self::Story(_) => Family::Story,
            Self::Json(_) => Family::Json,
            Self::Code(_) => Family::Code,
            Self::Sudoku(_) => Family::Sudoku,
        }
    }

    /// The kind within the family, as in [`Sample::variant`].
    pub fn variant(&self) -> &'static str {
        match self {
            Self::List(task) => task.variant(),
            Self::Math(task) => task.variant(),
            Self::Story(task) => task.variant(),
            Self::Json(task) => task.variant(),
            Self::Code(task) => task.variant(),
            Self::Sudoku(task) => task.variant(),
        }
    }

    /// The prompt that states the task.
    pub fn prompt(&self) -> String {
        match self {
            Self::List(task) => task.prompt(),
            Self::Math(task) => task.prompt(),
            Self::Story(task) => task.prompt(),
            Self::Json(task) => task.prompt(),
            Self::Code(task) => task.prompt(),
            Self::Sudoku(task) => task.prompt(),
        }
    }

    /// Judges an answer. White space at its end is ignored, everything else counts.
    pub fn check(&self, answer: &str) -> Assessment {
        let answer = answer.trim_end();
        if answer.is_empty() {
            return Assessment::wrong("there is no answer", 0..0);
        }
        match self {
            Self::List(task) => task.check(answer),
            Self::Math(task) => task.check(answer),
            Self::Story(task) => task.check(answer),
            Self::Json(task) => task.check(answer),
            Self::Code(task) => task.check(answer),
            Self::Sudoku(task) => task.check(answer),
        }
    }

    /// True when there is only one right answer (or one result, where the way to it is free).
    pub fn is_deterministic(&self) -> bool {
        match self {
            Self::List(task) => task.is_deterministic(),
            Self::Story(_) => false,
            Self::Math(_) | Self::Json(_) | Self::Code(_) => true,
            Self::Sudoku(task) => task.is_deterministic(),
        }
    }

    /// The words of the prompt that stand in no lexicon, each once.
    pub fn unseen_words(&self) -> Vec<String> {
        let mut unseen: Vec<String> = Vec::new();
        for word in self.words() {
            if !lexicon::is_known(word) && !unseen.iter().any(|known| known == word) {
                unseen.push(word.to_owned());
            }
        }
        unseen
    }

    /// The open words of the prompt: those that another prompt of the kind would have others for.
    fn words(&self) -> Vec<&str> {
        match self {
            Self::List(task) => task.words(),
            Self::Math(task) => task.words(),
            Self::Story(task) => task.words(),
            Self::Json(task) => task.words(),
            Self::Code(task) => task.words(),
            Self::Sudoku(_) => Vec::new(),
        }
    }

    /// The task with a right answer.
    fn sample(&self, dice: &mut Dice) -> Sample {
        let answer = match self {
            Self::List(task) => task.solve(dice),
            Self::Math(task) => task.solve(),
            Self::Story(task) => task.solve(dice),
            Self::Json(task) => task.solve(),
            Self::Code(task) => task.solve(),
            Self::Sudoku(task) => task.solve(),
        };
        Sample {
            family: self.family(),
            prompt: self.prompt(),
            answer,
            unseen: !self.unseen_words().is_empty(),
            variant: self.variant(),
        }
    }
}

/// The judgement of an answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assessment {
    /// Whether the answer does what the prompt asks.
    pub correct: bool,
    /// Why, in one short sentence for people. Parts of the answer in it are quoted and escaped.
    pub reason: String,
    /// What of a wrong answer fails, in bytes, as exactly as the checker can say; where something is missing, the empty
    /// range at its place. `None` where the answer is right.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<Range<usize>>,
}

impl Assessment {
    fn right(reason: impl Into<String>) -> Self {
        Self { correct: true, reason: reason.into(), failed: None }
    }

    fn wrong(reason: impl Into<String>, failed: Range<usize>) -> Self {
        Self { correct: false, reason: reason.into(), failed: Some(failed) }
    }
}

/// Byte ranges of the answer's words that are copied from the prompt: its open words (names, things, cities, …), known
/// or invented. Empty when the prompt states no task.
pub fn copied_words(sample: &Sample) -> Vec<Range<usize>> {
    let Some(task) = recognise(&sample.prompt) else {
        return Vec::new();
    };
    let open = task.words();
    lexicon::words(&sample.answer).filter(|(_, word)| open.contains(word)).map(|(range, _)| range).collect()
}

/// The gallery's prompts.
const PROMPTS: [&str; 20] = [
    "Reverse this list: Max, Leo, Ruth, Anna, Tom",
    "Sort this list: Oscar, Clara, Hugo, Zoe, Ben, Irene",
    "Insert Emma at position 3 of this list: Peter, Lucy, Frank, Ida",
    "Rotate this list: Zorbo, Mixl, Quafe, Ruth",
    "Anna has 12 pens. She buys 7 more. How many pens are left?",
    "Victor has 45 shells. He gives 12 to Nora. He finds 8 more. How many shells are left?",
    "Plim has 20 zorks. She loses 4. Leo gives her 15 more. She sells 6. How many zorks are left?",
    "Write a story with Laura, a violin and a goat.",
    "Write a story with Hugo, a red kite and an owl.",
    "Write a story with Zelda, a lantern and a dragon.",
    "Write as JSON: Max, a pilot from Oslo, is 31. He likes tea.",
    "Write as JSON: Ruth orders 3 cups, 2 pens and 4 hats.",
    "Write as JSON: Brixa, an engineer from Velm, is 27. She likes fizz.",
    "Code a function find that counts the ages at least 7. Use v in the loop and acc for the answer.",
    "Code a function solve that finds the largest of the prices. Use x in the loop and best for the answer.",
    "Code a function grok that adds the blips above 12. Use n in the loop and total for the answer.",
    "Solve this sudoku:\n1030\n0412\n2140\n4021",
    "Solve this sudoku:\n3042\n0430\n4010\n0324",
    "Solve this sudoku:\n2004\n0312\n1040\n3020",
    "Remove any item of this list: goat, owl, otter, fox, bear",
];

/// Prompts for a start, three or four of every family, the last of each with words that were never seen (where a
/// family has words).
pub fn gallery() -> Vec<Sample> {
    let mut samples: Vec<Sample> =
        PROMPTS.iter().filter_map(|prompt| Some(recognise(prompt)?.sample(&mut Dice::new(0, 0, 0)))).collect();
    samples.sort_by_key(|sample| sample.family as usize);
    samples
}

#[cfg(test)]
mod tests;
