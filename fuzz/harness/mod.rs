//! Runs targets: a worker process does the executions, and the test process watches over it.
//!
//! An input is written to a file before it is executed, so neither an abort nor a hang loses it: the test process finds
//! it there, tries it once more, makes it smaller, and starts the next worker behind it.

mod campaign;
mod findings;
mod minimise;
mod tape;
mod watch;
mod worker;

pub use campaign::run;
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

/// A sentence without what differs from input to input: numbers, and whatever stands in quotes.
fn kind_of(sentence: &str) -> String {
    let mut kind = String::new();
    let mut quote = None;
    for c in sentence.chars().take(400) {
        match quote {
            Some(end) if c == end => quote = None,
            Some(_) => {}
            None if matches!(c, '`' | '"' | '“') => {
                quote = Some(if c == '“' { '”' } else { c });
                kind.push('_');
            }
            None if c.is_ascii_digit() => {
                if !kind.ends_with('0') {
                    kind.push('0');
                }
            }
            None => kind.push(c),
        }
    }
    kind
}
