//! Small Python functions from a sentence: eight loops over one collection, with the names that the prompt gives.

use super::dice::Dice;
use super::lexicon::{self, COLLECTIONS, Case, FUNCTIONS, LOOP_NAMES, RESULT_NAMES};
use super::text::{Reader, departure, quote, split};
use super::{Assessment, Family};

/// What the function does with the collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Goal {
    CountAtLeast(u32),
    CountBelow(u32),
    Add,
    AddAbove(u32),
    Largest,
    Smallest,
    KeepAtLeast(u32),
    Multiply(u32),
}

/// One function to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeTask {
    goal: Goal,
    function: String,
    collection: String,
    each: String,
    result: String,
}

/// Largest number in a prompt.
const LARGEST: u32 = 20;

impl CodeTask {
    pub(super) fn draw(dice: &mut Dice, unseen: bool) -> Self {
        let number = dice.between(2, LARGEST);
        let goal = match dice.below(8) {
            0 => Goal::CountAtLeast(number),
            1 => Goal::CountBelow(number),
            2 => Goal::Add,
            3 => Goal::AddAbove(number),
            4 => Goal::Largest,
            5 => Goal::Smallest,
            6 => Goal::KeepAtLeast(number),
            _ => Goal::Multiply(number),
        };
        loop {
            let task = Self::draw_names(dice, goal, unseen);
            // Spelled names are repeated in the function: draw again when it would not fit the canvas.
            let spelled: Vec<String> =
                task.words().into_iter().filter(|word| !lexicon::is_known(word)).map(str::to_owned).collect();
            if lexicon::length(&task.solve(), &spelled) < Family::Code.canvas() {
                return task;
            }
        }
    }

    fn draw_names(dice: &mut Dice, goal: Goal, unseen: bool) -> Self {
        let sure = dice.below(4);
        let mut names: Vec<String> = Vec::with_capacity(4);
        // The loop's and the answer's names are repeated most; as invented words they stay short.
        let slots: [(&[&str], usize, f64); 4] = [
            (&FUNCTIONS, lexicon::LONGEST, 0.5),
            (&COLLECTIONS, lexicon::LONGEST, 0.4),
            (&LOOP_NAMES, 4, 0.15),
            (&RESULT_NAMES, 4, 0.15),
        ];
        for (at, (lexicon, longest, share)) in slots.into_iter().enumerate() {
            let taken: Vec<&str> = names.iter().map(String::as_str).collect();
            let invented = unseen && (at == sure || dice.chance(share));
            let name = if invented {
                lexicon::invent(dice, Case::Lower, longest, &taken)
            } else {
                lexicon::word(dice, lexicon, &taken)
            };
            names.push(name);
        }
        let [function, collection, each, result] = <[String; 4]>::try_from(names).expect("four slots were just filled");
        Self { goal, function, collection, each, result }
    }

    pub(super) fn parse(prompt: &str) -> Option<Self> {
        let mut reader = Reader(prompt);
        reader.skip("Code a function ")?;
        let function = identifier(&mut reader)?;
        reader.skip(" that ")?;
        let verb = reader.letters()?;
        reader.skip(" the ")?;
        let extreme = match verb {
            "finds" => {
                let extreme = reader.letters()?;
                reader.skip(" of the ")?;
                Some(extreme)
            }
            _ => None,
        };
        let collection = identifier(&mut reader)?;
        let goal = match (verb, extreme) {
            ("finds", Some("largest")) => Goal::Largest,
            ("finds", Some("smallest")) => Goal::Smallest,
            ("counts", _) if reader.skip(" at least ").is_some() => Goal::CountAtLeast(reader.number()?),
            ("counts", _) if reader.skip(" below ").is_some() => Goal::CountBelow(reader.number()?),
            ("keeps", _) if reader.skip(" at least ").is_some() => Goal::KeepAtLeast(reader.number()?),
            ("multiplies", _) if reader.skip(" by ").is_some() => Goal::Multiply(reader.number()?),
            ("adds", _) if reader.skip(" above ").is_some() => Goal::AddAbove(reader.number()?),
            ("adds", _) => Goal::Add,
            _ => return None,
        };
        reader.skip(". Use ")?;
        let each = identifier(&mut reader)?;
        reader.skip(" in the loop and ")?;
        let result = identifier(&mut reader)?;
        reader.skip(" for the answer.")?;
        reader.end()?;
        let task = Self { goal, function, collection, each, result };
        let mut names = task.words();
        names.sort_unstable();
        names.windows(2).all(|pair| pair[0] != pair[1]).then_some(task)
    }

    pub(super) fn prompt(&self) -> String {
        let Self { goal, function, collection, each, result } = self;
        let goal = match goal {
            Goal::CountAtLeast(n) => format!("counts the {collection} at least {n}"),
            Goal::CountBelow(n) => format!("counts the {collection} below {n}"),
            Goal::Add => format!("adds the {collection}"),
            Goal::AddAbove(n) => format!("adds the {collection} above {n}"),
            Goal::Largest => format!("finds the largest of the {collection}"),
            Goal::Smallest => format!("finds the smallest of the {collection}"),
            Goal::KeepAtLeast(n) => format!("keeps the {collection} at least {n}"),
            Goal::Multiply(n) => format!("multiplies the {collection} by {n}"),
        };
        format!("Code a function {function} that {goal}. Use {each} in the loop and {result} for the answer.")
    }

    pub(super) fn variant(&self) -> &'static str {
        match self.goal {
            Goal::CountAtLeast(_) => "count at least",
            Goal::CountBelow(_) => "count below",
            Goal::Add => "add",
            Goal::AddAbove(_) => "add above",
            Goal::Largest => "largest",
            Goal::Smallest => "smallest",
            Goal::KeepAtLeast(_) => "keep at least",
            Goal::Multiply(_) => "multiply",
        }
    }

    pub(super) fn words(&self) -> Vec<&str> {
        vec![&self.function, &self.collection, &self.each, &self.result]
    }

    pub(super) fn solve(&self) -> String {
        let Self { goal, function, collection, each, result } = self;
        let start = match goal {
            Goal::CountAtLeast(_) | Goal::CountBelow(_) | Goal::Add | Goal::AddAbove(_) => "0".to_owned(),
            Goal::Largest | Goal::Smallest => format!("{collection}[0]"),
            Goal::KeepAtLeast(_) | Goal::Multiply(_) => "[]".to_owned(),
        };
        let body = |test: String, action: String| format!("        if {each} {test}:\n            {action}");
        let body = match goal {
            Goal::CountAtLeast(n) => body(format!(">= {n}"), format!("{result} += 1")),
            Goal::CountBelow(n) => body(format!("< {n}"), format!("{result} += 1")),
            Goal::Add => format!("        {result} += {each}"),
            Goal::AddAbove(n) => body(format!("> {n}"), format!("{result} += {each}")),
            Goal::Largest => body(format!("> {result}"), format!("{result} = {each}")),
            Goal::Smallest => body(format!("< {result}"), format!("{result} = {each}")),
            Goal::KeepAtLeast(n) => body(format!(">= {n}"), format!("{result}.append({each})")),
            Goal::Multiply(n) => format!("        {result}.append({each} * {n})"),
        };
        format!(
            "def {function}({collection}):\n    {result} = {start}\n    for {each} in {collection}:\n{body}\n    return {result}"
        )
    }

    pub(super) fn check(&self, answer: &str) -> Assessment {
        let expected = self.solve();
        if answer == expected {
            return Assessment::right("the function is as asked");
        }
        let mut found = split(answer, "\n");
        for (at, line) in expected.split('\n').enumerate() {
            match found.next() {
                Some((_, found)) if found == line => {}
                Some((start, found)) => {
                    let reason = format!("line {} should be {}, found {}", at + 1, quote(line), quote(found));
                    let token = departure(found, line).unwrap_or(found.len()..found.len());
                    return Assessment::wrong(reason, start + token.start..start + token.end);
                }
                None => {
                    let reason = format!("line {} is missing: {}", at + 1, quote(line));
                    return Assessment::wrong(reason, answer.len()..answer.len());
                }
            }
        }
        Assessment::wrong("there are lines after the return", expected.len()..answer.len())
    }
}

/// A name for code: a loop variable of one letter is known, everything else is a word in lower case.
fn identifier(reader: &mut Reader<'_>) -> Option<String> {
    reader.word(Case::Lower)
}
