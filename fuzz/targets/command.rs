//! The command line, an argument in each line, and the names of models.

use std::str::FromStr;

use diffuscope::{cli, model::source::Source, settings::KNOBS};

use super::{Execute, Target, of_text};
use crate::mutate::{Dice, Format, Language};

pub const COMMAND: Target = Target {
    name: "command",
    format: Format::Text,
    language: Language { words: WORDS, phrase: Some(argument) },
    longest: 4 << 10,
    open: |_| command(),
};

#[rustfmt::skip]
const PARTS: &[&str] = &[
    "hf:", "/", "@", ".gguf", "..", "--", "embedded", "refs/pr/1", "main", "\\", "~", ":", "owner", "name",
];

pub const SOURCE: Target = Target {
    name: "source",
    format: Format::Text,
    language: Language { words: PARTS, phrase: None },
    longest: 2 << 10,
    open: |_| of_text(source),
};

#[rustfmt::skip]
const WORDS: &[&str] = &[
    "play", "run", "bench", "replay", "cast", "train", "train-filter", "knobs", "presets", "models", "pull", "help",
    "--help", "--version", "--prompt", "-p", "--json", "--model", "--guide-model", "--no-guide", "--raw", "--system",
    "--device", "cuda:99999999999", "cpu", "auto", "metal", "--offline", "--overcommit", "--preset", "--config",
    "--filter", "--trace", "--width", "--height", "--fps", "--theme", "--layer", "-o", "--output", "--", "-", "=",
    "hf:owner/name", "embedded", "--markdown", "--seed", "nan", "inf",
];

/// An argument that makes sense somewhere.
fn argument(dice: &mut Dice) -> String {
    match dice.below(3) {
        0 => dice.pick(KNOBS).map_or_else(String::new, |knob| format!("\n--{}\n{}\n", knob.name, dice.number())),
        1 => format!("\n--{}\n", super::settings::line(dice)),
        _ => format!("\n{}\n", dice.word(WORDS)),
    }
}

fn command() -> Execute {
    let command = cli::command();
    of_text(move |text| {
        let arguments = std::iter::once("diffuscope").chain(text.lines());
        match command.clone().try_get_matches_from(arguments) {
            Ok(matches) => format!("taken: {}", matches.subcommand_name().unwrap_or("none")),
            Err(error) => error.kind().to_string(),
        }
    })
}

fn source(text: &str) -> String {
    match Source::from_str(text) {
        Ok(source) => {
            assert_eq!(Source::from_str(&source.to_string()).unwrap(), source, "it reads back what it prints");
            match source {
                Source::Embedded => "embedded".to_owned(),
                Source::Path(_) => "a path".to_owned(),
                Source::Hub(model) => format!("a model with {:?}, {:?}", model.revision(), model.file()),
            }
        }
        Err(error) => error.to_string(),
    }
}
