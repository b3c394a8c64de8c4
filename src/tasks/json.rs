//! Sentences to be written as JSON: a person, or an order of one to three goods.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Assessment;
use super::dice::Dice;
use super::lexicon::{self, CITIES, Case, DRINKS, GOODS, JOBS, article};
use super::text::{Reader, quote, split};

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
        let found = JsonTokens::of(answer);
        match &self.0 {
            Record::Person { person, .. } => match serde_json::from_str::<Person>(answer) {
                Err(error) => unreadable(&error, &found),
                Ok(person_found) => match person_difference(person, &person_found) {
                    Some((field, reason)) => Assessment::wrong(reason, found.value(0, field)),
                    None => Assessment::right("valid JSON with the right five fields"),
                },
            },
            Record::Order(order) => match serde_json::from_str::<Order>(answer) {
                Err(error) => unreadable(&error, &found),
                Ok(order_found) => order_difference(order, &order_found, &found)
                    .unwrap_or_else(|| Assessment::right("valid JSON with the right customer and items")),
            },
        }
    }
}

fn unreadable(error: &serde_json::Error, found: &JsonTokens<'_>) -> Assessment {
    let reason = format!("not the JSON asked for: {}", quote(&error.to_string()));
    Assessment::wrong(reason, found.misread(error))
}

fn differs(field: &str, expected: &str, found: &str) -> Option<String> {
    (expected != found).then(|| format!("{field} should be {expected}, found {}", quote(found)))
}

/// The first field with another value, and what is wrong with it.
fn person_difference(expected: &Person, found: &Person) -> Option<(&'static str, String)> {
    let ages = (expected.age.to_string(), found.age.to_string());
    let fields = [
        ("name", &expected.name, &found.name),
        ("age", &ages.0, &ages.1),
        ("job", &expected.job, &found.job),
        ("city", &expected.city, &found.city),
        ("likes", &expected.likes, &found.likes),
    ];
    fields.into_iter().find_map(|(field, expected, found)| Some((field, differs(field, expected, found)?)))
}

fn order_difference(expected: &Order, found: &Order, tokens: &JsonTokens<'_>) -> Option<Assessment> {
    if let Some(reason) = differs("customer", &expected.customer, &found.customer) {
        return Some(Assessment::wrong(reason, tokens.value(0, "customer")));
    }
    let (wanted, count) = (expected.items.len(), found.items.len());
    if wanted != count {
        let reason = format!("expected {wanted} items, found {count}");
        return Some(Assessment::wrong(reason, tokens.objects_from(1 + wanted)));
    }
    let pairs = expected.items.iter().zip(&found.items).zip(1..);
    pairs.into_iter().find_map(|((expected, found), object)| {
        if let Some(reason) = differs("item", &expected.item, &found.item) {
            return Some(Assessment::wrong(reason, tokens.value(object, "item")));
        }
        let what = format!("the count of {}", expected.item);
        let reason = differs(&what, &expected.count.to_string(), &found.count.to_string())?;
        Some(Assessment::wrong(reason, tokens.value(object, "count")))
    })
}

/// The tokens of a text that is JSON, or nearly: strings with their quotes, signs, and whatever else is between blanks. The
/// parser says what is wrong; these say where that stands.
struct JsonTokens<'a> {
    text: &'a str,
    tokens: Vec<Range<usize>>,
}

impl<'a> JsonTokens<'a> {
    fn of(text: &'a str) -> Self {
        let is_sign = |c: char| "{}[]:,".contains(c);
        let mut tokens = Vec::new();
        let mut at = 0;
        while let Some(first) = text[at..].chars().next() {
            let rest = &text[at..];
            let length = match first {
                '"' => string_length(rest),
                _ if is_sign(first) || first.is_whitespace() => first.len_utf8(),
                _ => rest.find(|c: char| c == '"' || is_sign(c) || c.is_whitespace()).unwrap_or(rest.len()),
            };
            if !first.is_whitespace() {
                tokens.push(at..at + length);
            }
            at += length;
        }
        Self { text, tokens }
    }

    fn is(&self, token: usize, text: &str) -> bool {
        self.tokens.get(token).is_some_and(|range| &self.text[range.clone()] == text)
    }

    /// The tokens that open objects, in their order.
    fn openings(&self) -> impl Iterator<Item = usize> {
        (0..self.tokens.len()).filter(|token| self.is(*token, "{"))
    }

    fn end(&self) -> Range<usize> {
        self.text.len()..self.text.len()
    }

    /// The value of a field of the object of that number, the outermost first.
    fn value(&self, object: usize, field: &str) -> Range<usize> {
        let from = self.openings().nth(object).unwrap_or(0);
        let is_key = |key: &usize| self.is(*key, &format!("\"{field}\"")) && self.is(*key + 1, ":");
        let value = (from..self.tokens.len()).find(is_key).and_then(|key| self.tokens.get(key + 2));
        value.cloned().unwrap_or_else(|| self.end())
    }

    /// From the object of that number to the end of its list; the end of the list where there are fewer.
    fn objects_from(&self, object: usize) -> Range<usize> {
        let close = (0..self.tokens.len()).rfind(|token| self.is(*token, "]"));
        let close = close.map_or(self.text.len(), |token| self.tokens[token].start);
        let open = self.openings().nth(object).map_or(close, |token| self.tokens[token].start);
        open.min(close)..close
    }

    /// The token at which the parser gave up; the end of the text where it expected more.
    fn misread(&self, error: &serde_json::Error) -> Range<usize> {
        if error.is_eof() {
            return self.end();
        }
        let line = split(self.text, "\n").nth(error.line().saturating_sub(1)).map_or(0, |(start, _)| start);
        let at = line + error.column().saturating_sub(1);
        self.tokens.iter().find(|token| at < token.end).cloned().unwrap_or_else(|| self.end())
    }
}

/// Bytes of the string that `text` begins with, up to its closing quote; of all of it where there is none.
fn string_length(text: &str) -> usize {
    let mut is_escaped = false;
    let close = text.char_indices().skip(1).find(|(_, c)| {
        let closes = *c == '"' && !is_escaped;
        is_escaped = *c == '\\' && !is_escaped;
        closes
    });
    close.map_or(text.len(), |(at, _)| at + 1)
}
