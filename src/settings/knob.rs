//! The shape of a knob: its name, slot, kind, range, effect, and how text becomes a value of it.

use std::fmt;

use serde::{Serialize, Serializer};

use super::{Settings, SettingsError};

/// The slot of a decoder that a knob belongs to. The order is that of the knob pane.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Slot {
    /// The canvas and the randomness of a run.
    Canvas,
    /// Which positions are active.
    Schedule,
    /// Which positions are recomputed and which K/V rows are reused.
    Cache,
    /// What happens to the logits before a token is drawn from them.
    Adjust,
    /// How a token is drawn from the logits, and how confident the draw is.
    Proposal,
    /// Which proposals are committed.
    Unmask,
    /// The autoregressive guide that accepts or rejects drafts.
    Guide,
    /// When a run ends early.
    Stop,
    /// Looking at a run without changing it.
    Audit,
}

impl Slot {
    /// All slots, in the order of the knob pane.
    pub const ALL: [Self; 9] = [
        Self::Canvas,
        Self::Schedule,
        Self::Cache,
        Self::Adjust,
        Self::Proposal,
        Self::Unmask,
        Self::Guide,
        Self::Stop,
        Self::Audit,
    ];

    /// A heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Canvas => "Canvas",
            Self::Schedule => "Schedule",
            Self::Cache => "Cache",
            Self::Adjust => "Adjust",
            Self::Proposal => "Proposal",
            Self::Unmask => "Unmask",
            Self::Guide => "Guide",
            Self::Stop => "Stop",
            Self::Audit => "Audit",
        }
    }
}

/// When a change of a knob takes effect in a run that is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timing {
    /// With the next denoising step.
    NextStep,
    /// With the next block.
    NextBlock,
    /// With the next run.
    NextRun,
}

impl fmt::Display for Timing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NextStep => "next step",
            Self::NextBlock => "next block",
            Self::NextRun => "next run",
        })
    }
}

/// One value of a choice knob.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Choice {
    /// The word in flags, presets and the pane.
    pub word: &'static str,
    /// What it does, in half a line.
    pub help: &'static str,
}

/// What values a knob takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// A whole number.
    Int {
        /// Smallest value.
        min: u64,
        /// Largest value.
        max: u64,
        /// Step of the knob pane.
        step: u64,
        /// The word for "not set", where the knob may be left unset.
        unset: Option<&'static str>,
    },
    /// A real number.
    Float {
        /// Smallest value.
        min: f32,
        /// Largest value.
        max: f32,
        /// Step of the knob pane.
        step: f32,
        /// The word for "not set", where the knob may be left unset.
        unset: Option<&'static str>,
    },
    /// One of several words.
    Choice(&'static [Choice]),
    /// On or off.
    Flag,
}

/// A value of a knob that is not known at compile time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Value {
    /// On or off.
    Flag(bool),
    /// A whole number.
    Int(#[serde(serialize_with = "exact")] u64),
    /// A real number.
    Float(f32),
    /// A word of a choice knob, or the word for "not set".
    Word(&'static str),
}

/// Writes a whole number so that no program rounds it. Many hold numbers as floats, which are exact up to 2^53: larger
/// ones are written as text.
pub fn exact<S: Serializer>(number: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    if *number <= 1 << 53 { serializer.serialize_u64(*number) } else { serializer.collect_str(number) }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flag(true) => f.write_str("on"),
            Self::Flag(false) => f.write_str("off"),
            Self::Int(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
            Self::Word(word) => f.write_str(word),
        }
    }
}

impl Settings {
    /// Takes over from `wanted` every knob that takes effect at `due` or sooner.
    pub fn adopt(&mut self, wanted: &Self, due: Timing) {
        for knob in super::KNOBS.iter().filter(|knob| knob.effect <= due) {
            (knob.write)(self, knob.get(wanted));
        }
    }

    /// The knobs that stand elsewhere than in `other`.
    pub fn differences<'a>(&'a self, other: &'a Self) -> impl Iterator<Item = &'static Knob> + 'a {
        super::KNOBS.iter().filter(|knob| knob.get(self) != knob.get(other))
    }
}

/// A declared knob.
#[derive(Debug)]
pub struct Knob {
    /// Name in flags and presets, kebab-case.
    pub name: &'static str,
    /// The slot that it belongs to.
    pub slot: Slot,
    /// Unit of its numbers ("tokens", "probability"), empty for choices.
    pub unit: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// When a live change takes effect.
    pub effect: Timing,
    /// What it does, one line.
    pub help: &'static str,
    /// Whether it changes anything beside these other settings.
    pub(super) acts: fn(&Settings) -> bool,
    /// Reads it.
    pub(super) read: fn(&Settings) -> Value,
    /// Writes it; the value is of the knob's kind and in range.
    pub(super) write: fn(&mut Settings, Value),
}

/// Text as TOML has it.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

impl Knob {
    /// The knob of that name.
    ///
    /// # Errors
    /// [`SettingsError::UnknownKnob`], with the nearest name.
    pub fn find(name: &str) -> Result<&'static Self, SettingsError> {
        super::KNOBS.iter().find(|knob| knob.name == name).ok_or_else(|| SettingsError::UnknownKnob {
            name: crate::printable::line(name),
            suggestion: nearest(name, super::KNOBS.iter().map(|knob| knob.name)).map(str::to_owned),
        })
    }

    /// Its value in `settings`.
    pub fn get(&self, settings: &Settings) -> Value {
        (self.read)(settings)
    }

    /// Whether it changes anything beside the other `settings`: a threshold does nothing for a rule that has none.
    pub fn acts(&self, settings: &Settings) -> bool {
        (self.acts)(settings)
    }

    /// Its value in `settings` as a line of a preset or configuration file: `threshold = 0.9`.
    pub fn toml(&self, settings: &Settings) -> String {
        let value = match self.get(settings) {
            Value::Word(word) => quoted(word),
            Value::Flag(on) => on.to_string(),
            // Numbers of TOML have a sign.
            Value::Int(number) if i64::try_from(number).is_err() => format!("\"{number}\""),
            number => number.to_string(),
        };
        format!("{} = {value}", self.name)
    }

    /// Its default.
    pub fn default(&self) -> Value {
        self.get(&Settings::default())
    }

    /// Parses `text` and writes it into `settings`.
    ///
    /// # Errors
    /// As [`Self::parse`].
    pub fn set(&self, settings: &mut Settings, text: &str) -> Result<(), SettingsError> {
        (self.write)(settings, self.parse(text)?);
        Ok(())
    }

    /// Text to value, checked against kind and range.
    ///
    /// # Errors
    /// [`SettingsError::BadValue`], with what the knob takes.
    pub fn parse(&self, text: &str) -> Result<Value, SettingsError> {
        let text = text.trim();
        let value = match self.kind {
            Kind::Int { min, max, unset, .. } => match unset {
                Some(word) if word == text => Some(Value::Word(word)),
                _ => text.parse().ok().filter(|value| (min..=max).contains(value)).map(Value::Int),
            },
            Kind::Float { min, max, unset, .. } => match unset {
                Some(word) if word == text => Some(Value::Word(word)),
                _ => text.parse().ok().filter(|value| (min..=max).contains(value)).map(Value::Float),
            },
            Kind::Choice(choices) => {
                choices.iter().find(|choice| choice.word == text).map(|choice| Value::Word(choice.word))
            }
            Kind::Flag => match text {
                "on" | "true" => Some(Value::Flag(true)),
                "off" | "false" => Some(Value::Flag(false)),
                _ => None,
            },
        };
        value.ok_or_else(|| SettingsError::BadValue {
            knob: self.name,
            found: crate::printable::line(text),
            expected: self.expectation(),
        })
    }

    /// What it takes, in words: "a whole number from 1 to 4096 (tokens), or 'whole'".
    pub fn expectation(&self) -> String {
        let unit = if self.unit.is_empty() { String::new() } else { format!(" ({})", self.unit) };
        let or_unset = |unset: Option<&str>| unset.map_or(String::new(), |word| format!(", or '{word}'"));
        match self.kind {
            Kind::Int { min, max: u64::MAX, unset, .. } => {
                format!("it takes a whole number from {min}{unit}{}", or_unset(unset))
            }
            Kind::Int { min, max, unset, .. } => {
                format!("it takes a whole number from {min} to {max}{unit}{}", or_unset(unset))
            }
            Kind::Float { min, max, unset, .. } => {
                format!("it takes a number from {min} to {max}{unit}{}", or_unset(unset))
            }
            Kind::Choice(choices) => {
                let words: Vec<_> = choices.iter().map(|choice| choice.word).collect();
                format!("it takes one of {}", words.join(", "))
            }
            Kind::Flag => "it takes on or off".to_owned(),
        }
    }

    /// The value that `presses` key presses up (or down, if negative) lead to, within the range.
    ///
    /// A number that may be left unset has its "not set" below the smallest value.
    pub fn nudge(&self, settings: &mut Settings, presses: i64) {
        let now = self.get(settings);
        let next = match (self.kind, now) {
            (Kind::Int { min, unset: Some(_), .. }, Value::Word(_)) if presses > 0 => Value::Int(min),
            (Kind::Float { min, unset: Some(_), .. }, Value::Word(_)) if presses > 0 => Value::Float(min),
            (Kind::Int { min, unset: Some(word), .. }, Value::Int(value)) if presses < 0 && value <= min => {
                Value::Word(word)
            }
            (Kind::Float { min, unset: Some(word), .. }, Value::Float(value)) if presses < 0 && value <= min => {
                Value::Word(word)
            }
            (Kind::Int { min, max, step, .. }, Value::Int(value)) => {
                // Land on the grid of the step, so that 1 + 8 is 8 and not 9.
                let target = i128::from(value) + i128::from(presses) * i128::from(step);
                let step = i128::from(step);
                let on_grid =
                    if presses > 0 { target.div_euclid(step) * step } else { -((-target).div_euclid(step)) * step };
                Value::Int(on_grid.clamp(i128::from(min), i128::from(max)) as u64)
            }
            (Kind::Float { min, max, step, .. }, Value::Float(value)) => {
                let steps = (f64::from(value) / f64::from(step)).round() + presses as f64;
                // Through decimal text, so that ten presses of 0.05 give 0.5 and not 0.50000001.
                let value: f64 = format!("{:.4}", steps * f64::from(step)).parse().unwrap_or(f64::from(value));
                Value::Float((value as f32).clamp(min, max))
            }
            (Kind::Choice(choices), Value::Word(word)) => {
                let at = choices.iter().position(|choice| choice.word == word).unwrap_or(0) as i64;
                Value::Word(choices[(at + presses).rem_euclid(choices.len() as i64) as usize].word)
            }
            (Kind::Flag, Value::Flag(on)) => Value::Flag(on ^ (presses % 2 != 0)),
            (_, unchanged) => unchanged,
        };
        (self.write)(settings, next);
    }
}

/// The one of `names` with the smallest edit distance to `name`, unless that is more than half of its letters: then it is not
/// what was meant.
pub(crate) fn nearest<'a>(name: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let near = names.map(|known| (strsim::levenshtein(name, known), known)).min_by_key(|(distance, _)| *distance);
    near.filter(|(distance, known)| distance * 2 <= known.chars().count()).map(|(_, known)| known)
}
