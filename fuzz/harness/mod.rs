//! Runs targets: a worker process does the executions, and the test process watches over it.
//!
//! An input is written to a file before it is executed, so neither an abort nor a hang loses it: the test process finds
//! it there, tries it once more, makes it smaller, and starts the next worker behind it.

mod campaign;
mod findings;
mod minimise;
mod probe;
mod scratch;
mod tape;
mod watch;
mod worker;

pub use campaign::run;
pub use probe::check;
pub use worker::work;

use std::{fs, path::PathBuf};

/// Inputs that are mutated, and tried first.
pub fn corpus(target: &str) -> Vec<Vec<u8>> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    files.iter().map(|file| fs::read(file).unwrap()).collect()
}

/// A sentence by those of its words that do not come from the input: what is new about it is new.
fn kind_of(sentence: &str, input: &[u8]) -> String {
    const MOST: usize = 60;
    let input = String::from_utf8_lossy(input);
    let words = sentence.split(|c: char| !c.is_ascii_alphabetic()).filter(|word| !word.is_empty());
    words.filter(|word| !input.contains(*word)).take(MOST).collect::<Vec<_>>().join(" ")
}

/// What makes two faults one: the place of a panic, the words that a process dies with.
fn fault_of(fault: &str) -> String {
    match fault.split_once(": ") {
        Some((place, _)) if place.starts_with("panic at ") => place.to_owned(),
        _ => kind_of(fault, &[]),
    }
}
