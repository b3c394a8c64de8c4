//! Sentences to be written as JSON: a person, or an order of one to three goods.

use serde::{Deserialize, Serialize};

use super::Assessment;
use super::dice::Dice;
use super::lexicon::{self, CITIES, Case, DRINKS, GOODS, JOBS, article};
use super::text::{Reader, quote};

/// The object that describes a person; the fields are in the order of the answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Person {
    name: String,
    age: u32,
    job: String,
    city: String,
    likes: String,
}

/// The object that describes an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    customer: String,
    items: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    item: String,
    count: u32,
}

/// One sentence to be written as JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JsonTask(Record);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Record {
    Person { person: Person, she: bool },
    Order(Order),
}

const HEAD: &str = "Write as JSON: ";

impl JsonTask {
    pub(super) fn draw(dice: &mut Dice, unseen: bool) -> Self {
        let longest = lexicon::LONGEST;
        let all = unseen && dice.chance(0.3);
        let person = dice.chance(0.5);
        let lines = if person { 0 } else { dice.between(1, 3) as usize };
        let slots = if person { 4 } else { 1 + lines };
        let sure = dice.below(slots);
        let odd: Vec<bool> = (0..slots).map(|at| unseen && (all || at == sure || dice.chance(0.3))).collect();
        let mut slot = |at: usize, case: Case, lexicon: Option<&[&str]>, taken: &[&str]| match (odd[at], lexicon) {
            (true, _) => lexicon::invent(dice, case, longest, taken),
            (false, Some(lexicon)) => lexicon::word(dice, lexicon, taken),
            (false, None) => lexicon::name(dice, taken),
        };
        let name = slot(0, Case::Capital, None, &[]);
        if person {
            let job = slot(1, Case::Lower, Some(&JOBS), &[]);
            let city = slot(2, Case::Capital, Some(&CITIES), &[&name]);
            let likes = slot(3, Case::Lower, Some(&DRINKS), &[&job]);
            let she = lexicon::takes_she(&name).unwrap_or_else(|| dice.chance(0.5));
            let person = Person { name, age: dice.between(18, 79), job, city, likes };
            return Self(Record::Person { person, she });
        }
        let mut items: Vec<Line> = Vec::new();
        for at in 0..lines {
            let taken: Vec<&str> = items.iter().map(|line| line.item.as_str()).collect();
            let item = slot(1 + at, Case::Lower, Some(&GOODS), &taken);
            items.push(Line { item, count: 0 });
        }
        for line in &mut items {
            line.count = dice.between(2, 9);
        }
        Self(Record::Order(Order { customer: name, items }))
    }

    pub(super) fn parse(prompt: &str) -> Option<Self> {
        let mut reader = Reader(prompt);
        reader.skip(HEAD)?;
        let name = reader.word(Case::Capital)?;
        if reader.skip(" orders ").is_some() {
            return Self::parse_order(name, reader);
        }
        reader.skip(", ")?;
        let found = reader.letters()?;
        reader.skip(" ")?;
        let job = reader.word(Case::Lower)?;
        (found == article(&job)).then_some(())?;
        reader.skip(" from ")?;
        let city = reader.word(Case::Capital)?;
        reader.skip(", is ")?;
        let age = reader.number()?;
        reader.skip(". ")?;
        let she = match reader.letters()? {
            "She" => true,
            "He" => false,
            _ => return None,
        };
        reader.skip(" likes ")?;
        let likes = reader.word(Case::Lower)?;
        reader.skip(".")?;
        reader.end()?;
        Some(Self(Record::Person { person: Person { name, age, job, city, likes }, she }))
    }

    fn parse_order(customer: String, mut reader: Reader<'_>) -> Option<Self> {
        let mut items = Vec::new();
        let mut last = false;
        loop {
            let count = reader.number()?;
            reader.skip(" ")?;
            let item = reader.word(Case::Lower)?;
            items.push(Line { item, count });
            if reader.skip(".").is_some() {
                break;
            }
            // Nothing but the full stop may follow the good after "and".
            (!last).then_some(())?;
            last = reader.skip(" and ").is_some();
            if !last {
                reader.skip(", ")?;
            }
        }
        reader.end()?;
        let well_joined = items.len() == 1 || last;
        let in_range = items.len() <= 3 && items.iter().all(|line| (1..=9).contains(&line.count));
        (well_joined && in_range).then_some(Self(Record::Order(Order { customer, items })))
    }

    pub(super) fn prompt(&self) -> String {
        match &self.0 {
            Record::Person { person: Person { name, age, job, city, likes }, she } => {
                let (article, pronoun) = (article(job), if *she { "She" } else { "He" });
                format!("{HEAD}{name}, {article} {job} from {city}, is {age}. {pronoun} likes {likes}.")
            }
            Record::Order(Order { customer, items }) => {
                let goods: Vec<String> = items.iter().map(|line| format!("{} {}", line.count, line.item)).collect();
                let goods = match goods.split_last() {
                    Some((last, [])) => last.clone(),
                    Some((last, first)) => format!("{} and {last}", first.join(", ")),
                    None => String::new(),
                };
                format!("{HEAD}{customer} orders {goods}.")
            }
        }
    }

    pub(super) fn variant(&self) -> &'static str {
        match self.0 {
            Record::Person { .. } => "person",
            Record::Order(_) => "order",
        }
    }

    pub(super) fn words(&self) -> Vec<&str> {
        match &self.0 {
            Record::Person { person: p, .. } => vec![&p.name, &p.job, &p.city, &p.likes],
            Record::Order(order) => std::iter::once(&order.customer)
                .chain(order.items.iter().map(|l| &l.item))
                .map(String::as_str)
                .collect(),
        }
    }

    pub(super) fn solve(&self) -> String {
        match &self.0 {
            Record::Person { person: Person { name, age, job, city, likes }, .. } => {
                format!(r#"{{"name": "{name}", "age": {age}, "job": "{job}", "city": "{city}", "likes": "{likes}"}}"#)
            }
            Record::Order(Order { customer, items }) => {
                let lines: Vec<String> = items
                    .iter()
                    .map(|Line { item, count }| format!(r#"{{"item": "{item}", "count": {count}}}"#))
                    .collect();
                format!(r#"{{"customer": "{customer}", "items": [{}]}}"#, lines.join(", "))
            }
        }
    }

    /// Parsed and equal; spacing and the order of the fields are free, doubled and additional fields are not.
    pub(super) fn check(&self, answer: &str) -> Assessment {
        match &self.0 {
            Record::Person { person, .. } => match serde_json::from_str::<Person>(answer) {
                Err(error) => unreadable(&error),
                Ok(found) => {
                    let ages = (person.age.to_string(), found.age.to_string());
                    let fields = [
                        ("name", &person.name, &found.name),
                        ("age", &ages.0, &ages.1),
                        ("job", &person.job, &found.job),
                        ("city", &person.city, &found.city),
                        ("likes", &person.likes, &found.likes),
                    ];
                    fields
                        .into_iter()
                        .find_map(|(field, expected, found)| differs(field, expected, found))
                        .map_or_else(|| Assessment::right("valid JSON with the right five fields"), Assessment::wrong)
                }
            },
            Record::Order(order) => match serde_json::from_str::<Order>(answer) {
                Err(error) => unreadable(&error),
                Ok(found) => order_difference(order, &found).map_or_else(
                    || Assessment::right("valid JSON with the right customer and items"),
                    Assessment::wrong,
                ),
            },
        }
    }
}

fn unreadable(error: &serde_json::Error) -> Assessment {
    Assessment::wrong(format!("not the JSON asked for: {}", quote(&error.to_string())))
}

fn differs(field: &str, expected: &str, found: &str) -> Option<String> {
    (expected != found).then(|| format!("{field} should be {expected}, found {}", quote(found)))
}

fn order_difference(expected: &Order, found: &Order) -> Option<String> {
    if let Some(reason) = differs("customer", &expected.customer, &found.customer) {
        return Some(reason);
    }
    if expected.items.len() != found.items.len() {
        return Some(format!("expected {} items, found {}", expected.items.len(), found.items.len()));
    }
    expected.items.iter().zip(&found.items).find_map(|(expected, found)| {
        differs("item", &expected.item, &found.item).or_else(|| {
            differs(&format!("the count of {}", expected.item), &expected.count.to_string(), &found.count.to_string())
        })
    })
}
