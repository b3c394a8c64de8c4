//! The targets: one for each reader of foreign bytes.
//!
//! A target makes of its input what the program would, checks what must hold of the result, and says in a sentence what
//! came of it. A panic is a finding, and so are an abort, a hang, and memory beyond measure.

mod command;
mod compressed;
mod engine;
mod filter;
mod gguf;
mod hub;
mod index;
mod model_config;
mod recipe;
mod safetensors;
mod screen;
mod settings;
mod side_files;
mod tasks;
mod template;
mod tiny;
mod tokenizer;
mod trace;
mod vocabulary;

use std::path::Path;

use crate::mutate::{Format, Language};

/// Executes an input and says what came of it.
pub type Execute = Box<dyn FnMut(&[u8]) -> String>;

/// A reader and its inputs.
#[derive(Debug)]
pub struct Target {
    /// What it is called; its corpus is called the same.
    pub name: &'static str,
    pub format: Format,
    pub language: Language,
    /// Bytes of an input.
    pub longest: usize,
    /// Prepares what all executions share. The folder is the target's own.
    pub open: fn(&Path) -> Execute,
}

/// All of them, by name.
pub const ALL: &[Target] = &[
    command::COMMAND,
    compressed::COMPRESSED,
    settings::CONFIG,
    engine::ENGINE,
    filter::FILTER,
    gguf::GGUF,
    hub::HUB,
    index::INDEX,
    settings::KNOBS,
    model_config::MODEL_CONFIG,
    settings::PRESET,
    recipe::RECIPE,
    safetensors::SAFETENSORS,
    screen::SCREEN,
    side_files::SIDE_FILES,
    command::SOURCE,
    tasks::TASKS,
    template::TEMPLATE,
    tokenizer::TOKENIZER,
    trace::TRACE,
    vocabulary::VOCABULARY,
];

/// A target of texts; what is no text is none of its business.
fn of_text(read: impl Fn(&str) -> String + 'static) -> Execute {
    Box::new(move |input| std::str::from_utf8(input).map_or_else(|error| error.to_string(), &read))
}

/// A sentence that goes to a terminal as it is.
#[track_caller]
fn printable(sentence: &str) -> String {
    assert!(!sentence.contains(commands), "not printable: {sentence:?}");
    sentence.to_owned()
}

/// Whether a terminal may take a character for a command, or turn the text around it.
fn commands(c: char) -> bool {
    let turns = matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    turns || c.is_control()
}

/// An error and its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
