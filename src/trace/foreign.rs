//! Settings out of a file of any version: what this one does not know is kept aside.

use std::fmt;

use serde::{
    Deserialize, Deserializer,
    de::{IgnoredAny, MapAccess, SeqAccess, Visitor},
};

use crate::printable;
use crate::settings::{Knob, Settings};

/// How many unknown knobs are named; the others are counted.
const NAMED: usize = 3;

/// How much of one is shown, in characters.
const SHOWN: usize = 40;

/// The knobs of a file.
#[derive(Debug, Default)]
pub(super) struct Knobs {
    /// Those that are known here, the others as they are by default.
    pub(super) settings: Settings,
    /// The first of those that are not, or whose value is not: "unmask = by-tea-leaves", printable.
    pub(super) unknown: Vec<String>,
    /// How many more there are.
    pub(super) more: usize,
}

impl Knobs {
    fn set(&mut self, name: &str, value: Option<&str>) {
        let known =
            value.is_some_and(|value| Knob::find(name).and_then(|knob| knob.set(&mut self.settings, value)).is_ok());
        if known {
            return;
        }
        if self.unknown.len() == NAMED {
            self.more += 1;
            return;
        }
        self.unknown.push(setting(name, value));
    }
}

/// "unmask = by-tea-leaves", printable.
pub(super) fn setting(name: &str, value: Option<&str>) -> String {
    shortened(&value.map_or_else(|| name.to_owned(), |value| format!("{name} = {value}")), SHOWN)
}

/// Knobs that a log was read with and that this version does not know, printable, each with the number of steps after
/// which it was set.
#[derive(Debug, Clone, Default)]
pub(super) struct UnknownKnobs(Vec<(usize, String)>);

impl UnknownKnobs {
    pub(super) fn note(&mut self, steps: usize, knob: String) {
        self.0.push((steps, knob));
    }

    /// Those of the first `steps` steps.
    pub(super) fn until(&self, steps: usize) -> impl Iterator<Item = &str> {
        self.0.iter().filter(move |(since, _)| *since <= steps).map(|(_, knob)| knob.as_str())
    }
}

/// A log is what can be saved of it, and these are left out.
impl PartialEq for UnknownKnobs {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// The beginning of a text, printable, on one line.
pub(super) fn shortened(text: &str, most: usize) -> String {
    let mut chars = text.chars();
    let mut start: String = chars.by_ref().take(most).collect();
    if chars.next().is_some() {
        start.push('…');
    }
    printable::line(&start)
}

/// Reads the settings alone.
pub(super) fn settings<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Settings, D::Error> {
    Ok(Knobs::deserialize(deserializer)?.settings)
}

impl<'de> Deserialize<'de> for Knobs {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KnobMap;

        impl<'de> Visitor<'de> for KnobMap {
            type Value = Knobs;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of knobs to values")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Knobs, A::Error> {
                let mut knobs = Knobs::default();
                while let Some((name, PlainValue(value))) = map.next_entry::<String, PlainValue>()? {
                    knobs.set(&name, value.as_deref());
                }
                Ok(knobs)
            }
        }

        deserializer.deserialize_map(KnobMap)
    }
}

/// A number, a word or a switch, as text; `None` for anything else.
struct PlainValue(Option<String>);

impl<'de> Deserialize<'de> for PlainValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Any;

        impl<'de> Visitor<'de> for Any {
            type Value = PlainValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a value")
            }

            fn visit_bool<E>(self, value: bool) -> Result<PlainValue, E> {
                Ok(PlainValue(Some(value.to_string())))
            }

            fn visit_u64<E>(self, value: u64) -> Result<PlainValue, E> {
                Ok(PlainValue(Some(value.to_string())))
            }

            fn visit_i64<E>(self, value: i64) -> Result<PlainValue, E> {
                Ok(PlainValue(Some(value.to_string())))
            }

            fn visit_f64<E>(self, value: f64) -> Result<PlainValue, E> {
                Ok(PlainValue(Some(value.to_string())))
            }

            fn visit_str<E>(self, value: &str) -> Result<PlainValue, E> {
                Ok(PlainValue(Some(value.to_owned())))
            }

            fn visit_unit<E>(self) -> Result<PlainValue, E> {
                Ok(PlainValue(None))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<PlainValue, A::Error> {
                while seq.next_element::<IgnoredAny>()?.is_some() {}
                Ok(PlainValue(None))
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<PlainValue, A::Error> {
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                Ok(PlainValue(None))
            }
        }

        deserializer.deserialize_any(Any)
    }
}
