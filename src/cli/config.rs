//! `diffuscope config`: a configuration file with every field, commented out.

use std::{
    fmt::Write as _,
    io::{self, Write},
};

use super::{failure::Failure, knobs::values, settings::usual_folder};
use crate::{
    settings::{DEFAULT_PRESET, KNOBS, Kind, Knob, Settings, Slot},
    tui::keymap::Keymap,
};

/// Print a sample of the configuration file: every field with its meaning and its default, commented out
///
/// To begin with it: diffuscope config > ~/.config/diffuscope/config.toml
#[derive(Debug, clap::Args)]
pub(super) struct ConfigArgs {}

/// Columns of the comments.
const WIDTH: usize = 80;

/// What the file sets beside keys and knobs: name, sample value, meaning.
const FIELDS: [(&str, &str, &str); 6] = [
    ("preset", DEFAULT_PRESET, "The preset to start from; `diffuscope presets` lists them. --preset is stronger."),
    (
        "theme",
        "dark",
        "The theme: dark, light, high-contrast or colour-blind. Without it, the one that was chosen last, else what fits the \
         terminal.",
    ),
    ("motion", "true", "Whether anything on the screen moves by itself, as the race of the welcome does."),
    ("autosave", "true", "Whether the playground keeps runs and prompts on the disk."),
    ("autosave-limit", "512 MB", "How much of them: the oldest go first."),
    ("memory", "512 MB", "How much memory the runs of a sitting may take together: the oldest leave first."),
];

/// Prints the sample.
pub(super) fn print(_: &ConfigArgs) -> Result<(), Failure> {
    Ok(io::stdout().lock().write_all(sample().as_bytes())?)
}

fn sample() -> String {
    let place = usual_folder().map_or_else(
        || "This user has no folder for it: --config or DIFFUSCOPE_CONFIG names one.".to_owned(),
        |folder| {
            let file = folder.join("config.toml").display().to_string();
            format!("Its place is {}; --config or DIFFUSCOPE_CONFIG names another one.", crate::printable::line(&file))
        },
    );
    let mut sample = String::new();
    comment(&mut sample, "Configuration of diffuscope.");
    comment(&mut sample, &place);
    comment(
        &mut sample,
        "All of it is optional. A line that begins with # and a name stands at its default: take the # away to change \
         it. Settings come in layers: defaults, this file, the preset, flags, and what is turned while the program runs.",
    );
    for (name, value, meaning) in FIELDS {
        sample.push('\n');
        comment(&mut sample, meaning);
        let value = if value == "true" { value.to_owned() } else { format!("\"{value}\"") };
        let _ = writeln!(sample, "#{name} = {value}");
    }
    keys(&mut sample);
    sample.push('\n');
    comment(&mut sample, "Knobs, as flags name them. A preset that sets a knob is stronger than this file.");
    sample.push_str("[knobs]\n");
    for slot in Slot::ALL {
        let _ = writeln!(sample, "\n# -- {} --", slot.title());
        KNOBS.iter().filter(|knob| knob.slot == slot).for_each(|knob| entry(&mut sample, knob));
    }
    sample
}

/// Every action with its keys.
fn keys(sample: &mut String) {
    sample.push('\n');
    comment(
        sample,
        "Keys by the names of actions: one, a list, or \"none\". docs/keys.md says where each of them is read.",
    );
    sample.push_str("[keys]\n");
    for binding in Keymap::default().bindings() {
        let keys: Vec<String> = binding.keys.iter().map(|key| toml::Value::from(key.spelled()).to_string()).collect();
        let keys = if let [key] = &keys[..] { key.clone() } else { format!("[{}]", keys.join(", ")) };
        let _ = writeln!(sample, "#{:<36} # {}", format!("{} = {keys}", binding.name), binding.label);
    }
}

fn entry(sample: &mut String, knob: &Knob) {
    sample.push('\n');
    comment(sample, knob.help);
    if let Kind::Choice(choices) = knob.kind {
        for choice in choices {
            let _ = writeln!(sample, "#   {:<18} {}", choice.word, choice.help);
        }
        comment(sample, &format!("Takes effect with the {}.", knob.effect));
    } else {
        comment(sample, &format!("{}; takes effect with the {}.", values(knob, knob.unit), knob.effect));
    }
    let _ = writeln!(sample, "#{}", knob.toml(&Settings::default()));
}

/// Words behind `#`, in lines of a width.
fn comment(sample: &mut String, text: &str) {
    let mut line = "#".to_owned();
    for word in text.split_whitespace() {
        if line.chars().count() + 1 + word.chars().count() > WIDTH {
            let _ = writeln!(sample, "{line}");
            "#".clone_into(&mut line);
        }
        let _ = write!(line, " {word}");
    }
    let _ = writeln!(sample, "{line}");
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::settings::{ConfigFile, PresetLibrary};

    fn parse(text: &str) -> Result<ConfigFile, String> {
        ConfigFile::parse("config.toml", text, &PresetLibrary::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_sample_changes_nothing_until_it_is_uncommented() {
        assert_eq!(parse(&sample()), Ok(ConfigFile::default()));
        let named = |line: &str| line.strip_prefix('#').is_some_and(|rest| rest.starts_with(char::is_alphabetic));
        let lines = sample();
        let lines = lines.lines().map(|line| if named(line) { &line[1..] } else { line });
        let config = parse(&lines.collect::<Vec<_>>().join("\n")).unwrap();
        assert_eq!(config.knobs().count(), KNOBS.len(), "each knob is there");
        let keymap = Keymap::rebound(config.keys.iter().map(|(name, keys)| (name.as_str(), keys.as_slice()))).unwrap();
        assert_eq!(config.keys.len(), keymap.bindings().len(), "and each key");
        let mut settings = Settings::default();
        config.knobs().for_each(|(name, value)| Knob::find(name).unwrap().set(&mut settings, &value).unwrap());
        assert_eq!(settings, Settings::default(), "and stands at its default");
        assert_eq!(
            (config.preset.as_deref(), config.autosave, config.memory),
            (Some(DEFAULT_PRESET), Some(true), Some(512_000_000))
        );
    }

    #[test]
    fn every_field_is_in_the_sample() {
        let refusal = parse("unknown = 1").unwrap_err();
        let (_, fields) = refusal.split_once("expected one of").unwrap();
        let fields: Vec<&str> =
            fields.split('`').skip(1).step_by(2).filter(|field| !matches!(*field, "keys" | "knobs")).collect();
        assert_eq!(fields, FIELDS.map(|(name, ..)| name), "the sample and the file have the same fields");
    }
}
