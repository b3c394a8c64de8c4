//! `docs/trace.schema.json` against what is written: every line fits it, and it names nothing that no line has.

use std::{cell::RefCell, collections::BTreeSet};

use diffuscope::{
    decode::record::{Edit, Reason, StopReason},
    model::shape::NetworkShape,
    trace::{ForkOrigin, GivenToken},
};
use proptest::{strategy::ValueTree, test_runner::TestRunner};
use serde_json::Value;

use super::*;

const SCHEMA: &str = include_str!("../../docs/trace.schema.json");

/// A schema, and the places of it that values had, as "/header/denoiser/name".
struct Schema {
    root: Value,
    used: RefCell<BTreeSet<String>>,
}

impl Schema {
    fn read() -> Self {
        Self { root: serde_json::from_str(SCHEMA).unwrap(), used: RefCell::default() }
    }

    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        let Some(name) = schema["$ref"].as_str() else { return schema };
        self.root.pointer(name.strip_prefix('#').unwrap()).unwrap()
    }

    /// Checks what the schema uses of its language, and fails on a field that it does not name.
    fn check(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        let schema = self.resolve(schema);
        if let Some(choices) = schema["oneOf"].as_array() {
            let fitting = choices.iter().filter(|choice| self.check(choice, value, at).is_ok()).count();
            return if fitting == 1 { Ok(()) } else { Err(format!("{at}: {fitting} kinds of lines fit {value}")) };
        }
        self.used.borrow_mut().insert(at.to_owned());
        let fits = |kind: &Value| match kind.as_str().unwrap() {
            "object" => value.is_object(),
            "array" => value.is_array(),
            "string" => value.is_string(),
            "boolean" => value.is_boolean(),
            "integer" => value.is_u64() || value.is_i64(),
            "number" => value.is_number(),
            other => panic!("{other}"),
        };
        let is_typed = match &schema["type"] {
            Value::Null => true,
            Value::Array(kinds) => kinds.iter().any(fits),
            kind => fits(kind),
        };
        let is_listed = schema["enum"].as_array().is_none_or(|words| words.contains(value));
        let is_constant = schema.get("const").is_none_or(|constant| constant == value);
        let number = value.as_f64();
        let from = |limit: &str| schema[limit].as_f64().zip(number);
        let is_within = from("minimum").is_none_or(|(least, number)| number >= least)
            && from("maximum").is_none_or(|(most, number)| number <= most);
        if !(is_typed && is_listed && is_constant && is_within) {
            return Err(format!("{at}: {value} is not what {schema} says"));
        }
        self.check_parts(schema, value, at)
    }

    fn check_parts(&self, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
        for required in schema["required"].as_array().into_iter().flatten() {
            if value.get(required.as_str().unwrap()).is_none() {
                return Err(format!("{at}: {required} is missing"));
            }
        }
        for (name, value) in value.as_object().into_iter().flatten() {
            match (schema["properties"].get(name), schema.get("additionalProperties")) {
                (Some(property), _) => self.check(property, value, &format!("{at}/{name}"))?,
                (None, Some(any)) => self.check(any, value, &format!("{at}/*"))?,
                (None, None) => return Err(format!("{at}/{name} is written, and the schema does not name it")),
            }
        }
        for (index, item) in value.as_array().into_iter().flatten().enumerate() {
            let schema = schema["prefixItems"].get(index).unwrap_or(&schema["items"]);
            self.check(schema, item, &format!("{at}[]"))?;
        }
        Ok(())
    }

    /// Every place that the schema names.
    fn places(&self, schema: &Value, at: &str, places: &mut BTreeSet<String>) {
        let schema = self.resolve(schema);
        for choice in schema["oneOf"].as_array().into_iter().flatten() {
            self.places(choice, at, places);
        }
        for (name, property) in schema["properties"].as_object().into_iter().flatten() {
            places.insert(format!("{at}/{name}"));
            self.places(property, &format!("{at}/{name}"), places);
        }
        if schema["items"].is_object() {
            self.places(&schema["items"], &format!("{at}[]"), places);
        }
    }
}

/// What only few runs have.
fn seldom(mut run: Run) -> Run {
    let header = &mut run.header;
    let first = header.prompt_ids.len();
    header.end_ids = vec![0, 3];
    header.peak = Some(1);
    header.given = vec![GivenToken { position: first, token: 7, text: "x".into(), pinned: true }];
    header.origin = Some(ForkOrigin { parent: "0".repeat(32), step: 0, exact: true, cold: false });
    header.denoiser.shape = Some(NetworkShape {
        hidden: 1,
        intermediate: 1,
        heads: 1,
        kv_heads: 1,
        head_dim: 1,
        vocab: 1,
        kv_number: 4,
        weight_bytes: 1,
    });
    header.guide = Some(header.denoiser.clone());
    for entry in &mut run.entries {
        entry.record.remasked = vec![first];
        entry.record.edits = vec![
            Edit::Write { position: first, token: 7 },
            Edit::Pin { position: first, pinned: true },
            Edit::Remask { start: first, end: first + 1 },
        ];
    }
    run
}

#[test]
fn the_schema_names_what_is_written_and_nothing_else() {
    let schema = Schema::read();
    let mut runner = TestRunner::deterministic();
    for _ in 0..200 {
        let run = run().new_tree(&mut runner).unwrap().current();
        for log in [run.log(), seldom(run).log()] {
            for line in String::from_utf8(written(&log)).unwrap().lines() {
                let line: Value = serde_json::from_str(line).unwrap();
                schema.check(&schema.root, &line, "").unwrap();
            }
        }
    }
    let mut places = BTreeSet::new();
    schema.places(&schema.root, "", &mut places);
    let used = schema.used.borrow();
    let unused: Vec<_> = places.difference(&used).collect();
    assert!(unused.is_empty(), "nothing writes {unused:?}");
}

#[test]
fn the_schema_has_every_word() {
    let schema = Schema::read();
    let words = |place: &str| schema.root.pointer(place).unwrap().clone();
    assert_eq!(words("/$defs/reason/enum"), json!(Reason::ALL));
    let stops = [StopReason::NothingMasked, StopReason::EndOfText, StopReason::EarlyCommit, StopReason::StepBudget];
    assert_eq!(words("/$defs/step-line/properties/stop/enum"), json!(stops));
}
