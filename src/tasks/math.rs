//! Word problems: one to three additions and subtractions, worked out step by step.

use std::fmt::Write as _;

use super::Assessment;
use super::dice::Dice;
use super::lexicon::{self, Case, GOODS};
use super::text::{Reader, quote};

/// What happens to the count.
#[derive(Clone, Debug, PartialEq, Eq)]
enum CountEvent {
    Buys,
    Finds,
    Given { by: String },
    Loses,
    Sells,
    Gives { to: String },
}

impl CountEvent {
    fn adds(&self) -> bool {
        matches!(self, Self::Buys | Self::Finds | Self::Given { .. })
    }
}

/// A word problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MathTask {
    name: String,
    she: bool,
    goods: String,
    start: u32,
    steps: Vec<(CountEvent, u32)>,
}

/// Reads what `subject` does in a sentence, behind the subject, and the number in it. `name` is the person of the sum; `she` is
/// whether pronouns make them a woman, open until the first.
fn read_event(
    reader: &mut Reader<'_>,
    subject: String,
    name: &str,
    she: &mut Option<bool>,
) -> Option<(CountEvent, u32)> {
    let mut bind = |found: bool| (*she.get_or_insert(found) == found).then_some(());
    let verb = reader.letters()?;
    reader.skip(" ")?;
    let mut event = match (subject.as_str(), verb) {
        ("She" | "He", verb) => {
            bind(subject == "She")?;
            match verb {
                "buys" => CountEvent::Buys,
                "finds" => CountEvent::Finds,
                "loses" => CountEvent::Loses,
                "sells" => CountEvent::Sells,
                "gives" => CountEvent::Gives { to: String::new() },
                _ => return None,
            }
        }
        (_, "gives") => {
            let object = reader.letters()?;
            matches!(object, "her" | "him").then(|| bind(object == "her"))??;
            reader.skip(" ")?;
            (subject != name).then_some(())?;
            CountEvent::Given { by: subject }
        }
        _ => return None,
    };
    let amount = reader.number()?;
    if let CountEvent::Gives { to } = &mut event {
        reader.skip(" to ")?;
        *to = reader.word(Case::Capital)?;
        (to != name).then_some(())?;
    }
    reader.skip(if event.adds() { " more. " } else { ". " })?;
    Some((event, amount))
}

/// No count leaves this range, so no number has more than two digits.
const LARGEST: u32 = 99;

impl MathTask {
    pub(super) fn draw(dice: &mut Dice, unseen: bool) -> Self {
        // Which words are invented: the person, the goods, the other people; at least one of the first two.
        let (odd_name, odd_goods) = match (unseen, dice.below(3)) {
            (false, _) => (false, false),
            (true, 0) => (true, true),
            (true, 1) => (true, false),
            (true, _) => (false, true),
        };
        let person = |dice: &mut Dice, odd: bool, taken: &[&str]| {
            if odd { lexicon::invent(dice, Case::Capital, lexicon::LONGEST, taken) } else { lexicon::name(dice, taken) }
        };
        let name = person(dice, odd_name, &[]);
        let she = lexicon::takes_she(&name).unwrap_or_else(|| dice.chance(0.5));
        let goods = if odd_goods {
            lexicon::invent(dice, Case::Lower, lexicon::LONGEST, &[])
        } else {
            lexicon::word(dice, &GOODS, &[])
        };
        let start = dice.between(5, 60);
        let mut count = start;
        let mut steps = Vec::new();
        for _ in 0..dice.between(1, 3) {
            let adds = if count < 12 {
                true
            } else if count > 75 {
                false
            } else {
                dice.chance(0.5)
            };
            let amount =
                if adds { dice.between(2, 30.min(LARGEST - count)) } else { dice.between(2, 30.min(count - 1)) };
            let kind = dice.below(3);
            let odd = odd_name && dice.chance(0.5);
            let event = match (adds, kind) {
                (true, 0) => CountEvent::Buys,
                (true, 1) => CountEvent::Finds,
                (true, _) => CountEvent::Given { by: person(dice, odd, &[&name]) },
                (false, 0) => CountEvent::Loses,
                (false, 1) => CountEvent::Sells,
                (false, _) => CountEvent::Gives { to: person(dice, odd, &[&name]) },
            };
            count = if adds { count + amount } else { count - amount };
            steps.push((event, amount));
        }
        Self { name, she, goods, start, steps }
    }

    pub(super) fn parse(prompt: &str) -> Option<Self> {
        let mut reader = Reader(prompt);
        let name = reader.word(Case::Capital)?;
        reader.skip(" has ")?;
        let start = reader.number()?;
        reader.skip(" ")?;
        let goods = reader.word(Case::Lower)?;
        reader.skip(". ")?;
        let mut she = None;
        let mut count = start;
        let mut steps = Vec::new();
        loop {
            let subject = reader.word(Case::Capital)?;
            reader.skip(" ")?;
            if subject == "How" && reader.0.starts_with("many ") {
                break;
            }
            let (event, amount) = read_event(&mut reader, subject, &name, &mut she)?;
            count = if event.adds() { count + amount } else { count.checked_sub(amount)? };
            (count <= LARGEST).then_some(())?;
            steps.push((event, amount));
        }
        reader.skip("many ")?;
        reader.skip(&goods)?;
        reader.skip(" are left?")?;
        reader.end()?;
        (1..=3).contains(&steps.len()).then_some(())?;
        Some(Self { name, she: she?, goods, start, steps })
    }

    pub(super) fn prompt(&self) -> String {
        let mut prompt = format!("{} has {} {}. ", self.name, self.start, self.goods);
        let (subject, object) = if self.she { ("She", "her") } else { ("He", "him") };
        for (event, amount) in &self.steps {
            let sentence = match event {
                CountEvent::Buys => format!("{subject} buys {amount} more. "),
                CountEvent::Finds => format!("{subject} finds {amount} more. "),
                CountEvent::Given { by } => format!("{by} gives {object} {amount} more. "),
                CountEvent::Loses => format!("{subject} loses {amount}. "),
                CountEvent::Sells => format!("{subject} sells {amount}. "),
                CountEvent::Gives { to } => format!("{subject} gives {amount} to {to}. "),
            };
            prompt.push_str(&sentence);
        }
        prompt + "How many " + &self.goods + " are left?"
    }

    pub(super) fn variant(&self) -> &'static str {
        ["1 step", "2 steps", "3 steps"][self.steps.len() - 1]
    }

    pub(super) fn words(&self) -> Vec<&str> {
        let others = self.steps.iter().filter_map(|(event, _)| match event {
            CountEvent::Given { by } => Some(by.as_str()),
            CountEvent::Gives { to } => Some(to.as_str()),
            _ => None,
        });
        [self.name.as_str(), self.goods.as_str()].into_iter().chain(others).collect()
    }

    /// Every step of the working, and the last count.
    fn working(&self) -> (String, u32) {
        let mut working = String::new();
        let mut count = self.start;
        for (at, (event, amount)) in self.steps.iter().enumerate() {
            let (sign, next) = if event.adds() { ('+', count + amount) } else { ('-', count - amount) };
            let space = if at == 0 { "" } else { " " };
            write!(working, "{space}{count}{sign}{amount}={next}.").expect("writing to a string cannot fail");
            count = next;
        }
        (working, count)
    }

    pub(super) fn solve(&self) -> String {
        let (working, count) = self.working();
        format!("{working}\n#### {count}")
    }

    /// The number after `####` decides; a slip in the working is reported but forgiven.
    pub(super) fn check(&self, answer: &str) -> Assessment {
        let (working, count) = self.working();
        let Some((shown, result)) = answer.split_once("\n#### ") else {
            let second = answer.find('\n').map_or(answer.len(), |line| line + 1);
            return Assessment::wrong("the second line should be #### and the result", second..answer.len());
        };
        if result != count.to_string() {
            let reason = format!("the result should be {count}, found {}", quote(result));
            return Assessment::wrong(reason, answer.len() - result.len()..answer.len());
        }
        if shown == working {
            Assessment::right(format!("{count} is right, and so is the working"))
        } else {
            Assessment::right(format!("{count} is right, though the working is not as expected"))
        }
    }
}
