//! A play: what happens together, and how long it is watched.

use std::{collections::BTreeMap, time::Duration};

use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use super::{Beat, DemoAction, Milestone};
use crate::{
    engine::protocol::RunId,
    settings::{Knob, Settings},
    tui::{
        action::{Action, Focus},
        keymap::Keymap,
        playback::PACES,
        typist::keystrokes,
        view::Layer,
    },
};

/// A table `[[play]]` of a script. Whatever the order of its lines, all of it happens in the order of these fields.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Play {
    /// Words below the screen, until there are others; none, where they are empty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caption: Option<String>,
    /// The theme, by its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub theme: Option<String>,
    /// What stands in the canvas's place: canvas, map, kv-map.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub view: Option<String>,
    /// The layer that the canvas is read by, by its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub layer: Option<String>,
    /// How its tokens are arranged: auto, text, grid.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub arrangement: Option<String>,
    /// The pane that has the focus: prompt, canvas, knobs, figures.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub focus: Option<String>,
    /// Shows the canvas after so many steps, or by "newest" the newest one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub show: Option<Value>,
    /// Selects a position, counted from the first token of the prompt.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub select: Option<usize>,
    /// Takes a preset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preset: Option<String>,
    /// Turns knobs, all of them at once.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub set: BTreeMap<String, Value>,
    /// Steps a second, one of the paces of the keys, or "full" for full speed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pace: Option<Value>,
    /// Forks the shown run after so many steps, with the settings in force.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fork: Option<usize>,
    /// Shows a run, by its number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub run: Option<RunId>,
    /// Does what a key does, or several one after the other, by their names in the key table.
    #[serde(rename = "do", skip_serializing_if = "Option::is_none")]
    pub keys: Option<Value>,
    /// Types this into the line that is open, and takes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Types this as the prompt, and has it denoised.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// Watches until the run is so far: "step 16", "block 2", "event", "end".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Watches for so long then: "1.5s", "500ms".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hold: Option<String>,
}

/// The panes by their names.
pub(super) const FOCUSES: [(&str, Focus); 4] =
    [("prompt", Focus::Prompt), ("canvas", Focus::Canvas), ("knobs", Focus::Knobs), ("figures", Focus::Figures)];

/// The fields in the order in which they happen.
const ORDER: [&str; 18] = [
    "caption",
    "theme",
    "view",
    "layer",
    "arrangement",
    "focus",
    "show",
    "select",
    "preset",
    "set",
    "pace",
    "fork",
    "run",
    "do",
    "text",
    "type",
    "until",
    "hold",
];

/// No play is watched longer.
const LONGEST_HOLD: f64 = 600.0;

impl Play {
    /// What happens, in order.
    ///
    /// # Errors
    /// A sentence on what cannot be.
    pub(super) fn beats(&self) -> Result<Vec<Beat>, String> {
        let mut beats = self.looks()?;
        if let Some(step) = self.fork {
            beats.push(Beat::Act(Action::ScrubTo(step)));
        }
        beats.extend(self.settings()?);
        if self.fork.is_some() {
            beats.extend([Beat::Act(Action::Fork), Beat::Confirm(Action::Fork)]);
        }
        beats.extend(self.run.map(|run| Beat::Act(Action::ShowRun(run))));
        for name in self.keys.as_ref().map_or_else(|| Ok(Vec::new()), names)? {
            beats.push(Beat::Key(name));
        }
        if let Some(text) = &self.text {
            beats.push(Beat::Act(Action::Clear));
            beats.extend(text.chars().map(|c| Beat::Act(Action::EntryChar(c))));
            beats.push(Beat::Act(Action::EntryAccept));
        }
        if let Some(prompt) = &self.prompt {
            beats.extend(typed(prompt));
        }
        if let Some(until) = &self.until {
            beats.push(Beat::Until(milestone(until)?));
        }
        if let Some(hold) = &self.hold {
            beats.push(Beat::Wait(duration(hold)?));
        }
        if beats.is_empty() { Err("nothing happens in it".to_owned()) } else { Ok(beats) }
    }

    /// Takes in what happens right after it, where one play can say both. Returns whether it did.
    pub(super) fn takes_in(&mut self, next: &Self) -> bool {
        let (Ok(mut fields), Ok(others)) = (Table::try_from(&*self), Table::try_from(next)) else { return false };
        let place = |(name, _): (&String, &Value)| ORDER.iter().position(|field| field == name);
        let (last, first) = (fields.iter().filter_map(place).max(), others.iter().filter_map(place).min());
        let is_turned_again = last == first && self.set.keys().eq(next.set.keys()) && !self.set.is_empty();
        if self.until.is_some() || self.hold.is_some() || !(last < first || is_turned_again) {
            return false;
        }
        fields.extend(others);
        fields.try_into().map(|joined| *self = joined).is_ok()
    }

    /// What changes how a run is looked at.
    fn looks(&self) -> Result<Vec<Beat>, String> {
        let mut actions = Vec::new();
        if let Some(caption) = &self.caption {
            actions.push(Action::Demo(DemoAction::Caption(caption.clone())));
        }
        if let Some(theme) = &self.theme {
            actions.push(Action::Demo(DemoAction::Theme(theme.parse()?)));
        }
        if let Some(view) = &self.view {
            actions.push(Action::Demo(DemoAction::View(view.parse()?)));
        }
        if let Some(layer) = &self.layer {
            actions.push(Action::Layer(Layer::named(layer).ok_or_else(|| {
                let known: Vec<_> = Layer::all().map(|layer| layer.name()).collect();
                format!("unknown layer '{layer}': there are {}", known.join(", "))
            })?));
        }
        if let Some(arrangement) = &self.arrangement {
            actions.push(Action::Arrange(arrangement.parse()?));
        }
        if let Some(focus) = &self.focus {
            let known = FOCUSES.iter().find(|(name, _)| name == focus).map(|(_, focus)| Action::Focus(*focus));
            actions.push(known.ok_or_else(|| {
                format!("unknown focus '{focus}': there are {}", FOCUSES.map(|(name, _)| name).join(", "))
            })?);
        }
        if let Some(show) = &self.show {
            actions.push(match (show.as_integer(), show.as_str()) {
                (Some(step), _) if step >= 0 => Action::ScrubTo(step as usize),
                (_, Some("newest")) => Action::Follow,
                _ => return Err(format!("show cannot be {show}: it takes a number of steps, or \"newest\"")),
            });
        }
        actions.extend(self.select.map(Action::Select));
        Ok(actions.into_iter().map(Beat::Act).collect())
    }

    /// What changes the settings and the pace.
    fn settings(&self) -> Result<Vec<Beat>, String> {
        let mut actions = Vec::new();
        actions.extend(self.preset.clone().map(Action::TakePreset));
        if !self.set.is_empty() {
            let turns: Result<Vec<_>, String> = self.set.iter().map(|(name, value)| turn(name, value)).collect();
            actions.push(Action::Demo(DemoAction::Turn(turns?)));
        }
        if let Some(pace) = &self.pace {
            actions.push(Action::Demo(DemoAction::Pace(read_pace(pace)?)));
        }
        Ok(actions.into_iter().map(Beat::Act).collect())
    }
}

/// A knob and the value that it is turned to, as a flag has it.
fn turn(name: &str, value: &Value) -> Result<(&'static str, String), String> {
    let knob = Knob::find(name).map_err(|error| error.to_string())?;
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Integer(_) | Value::Float(_) | Value::Boolean(_) => value.to_string(),
        _ => return Err(format!("{name} cannot be {value}: it takes one value")),
    };
    knob.set(&mut Settings::default(), &text).map_err(|error| error.to_string())?;
    Ok((knob.name, text))
}

fn read_pace(pace: &Value) -> Result<Option<f32>, String> {
    let number = pace.as_float().or(pace.as_integer().map(|number| number as f64)).map(|number| number as f32);
    match number.filter(|number| PACES.contains(number)) {
        Some(steps) => Ok(Some(steps)),
        None if pace.as_str() == Some("full") => Ok(None),
        None => {
            let paces = PACES.map(|pace| pace.to_string()).join(", ");
            Err(format!("pace cannot be {pace}: it takes steps a second, one of {paces}, or \"full\""))
        }
    }
}

/// One name, or several.
fn names(value: &Value) -> Result<Vec<String>, String> {
    let words = match value {
        Value::Array(words) => words.as_slice(),
        word => std::slice::from_ref(word),
    };
    words.iter().map(name).collect()
}

fn name(word: &Value) -> Result<String, String> {
    let word = word.as_str().ok_or_else(|| format!("do cannot be {word}: it takes names of the key table"))?;
    let keymap = Keymap::default();
    let mut known = keymap.bindings().iter().map(|binding| &*binding.name);
    if known.clone().any(|name| name == word) {
        return Ok(word.to_owned());
    }
    let meant = crate::settings::nearest(word, &mut known).map(|near| format!(", did you mean '{near}'?"));
    Err(format!("the key table has no '{word}'{}", meant.unwrap_or_default()))
}

/// A prompt as it is typed, and sent off.
fn typed(prompt: &str) -> Vec<Beat> {
    let text = |text: &str| Beat::Act(Action::Demo(DemoAction::Prompt(text.to_owned())));
    let keystrokes = keystrokes(prompt).into_iter();
    let typing = keystrokes.flat_map(|(bytes, pause)| [text(&prompt[..bytes]), Beat::Wait(pause)]);
    typing.chain([Beat::Act(Action::Submit)]).collect()
}

fn milestone(text: &str) -> Result<Milestone, String> {
    let bad = || format!("until cannot be '{text}': it takes \"step 16\", \"block 2\", \"event\" or \"end\"");
    let number = |number: &str| number.trim().parse().map_err(|_| bad());
    match text.trim().split_once(' ') {
        Some(("step", step)) => Ok(Milestone::Step(number(step)?)),
        Some(("block", block)) => Ok(Milestone::Block(number(block)?)),
        None if text.trim() == "event" => Ok(Milestone::Event),
        None if text.trim() == "end" => Ok(Milestone::End),
        _ => Err(bad()),
    }
}

/// "1.5s", "500ms".
fn duration(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.strip_suffix("ms").map_or((text.strip_suffix('s'), 1.0), |number| (Some(number), 1e-3));
    let seconds = number.and_then(|number| number.trim().parse::<f64>().ok()).map(|number| number * unit);
    match seconds.filter(|seconds| (0.0..=LONGEST_HOLD).contains(seconds)) {
        Some(seconds) => Ok(Duration::from_secs_f64(seconds)),
        None => {
            Err(format!("hold cannot be '{text}': it takes seconds up to {LONGEST_HOLD}, as in \"1.5s\" or \"500ms\""))
        }
    }
}
