//! The harness under test: a target that fails in every way, and what must be found of it.

use std::{fs, process};

use super::run;
use crate::{
    Options,
    mutate::{Dice, Format, Language, mutate},
    targets::Target,
};

/// Does what its input says.
pub const PROBE: Target = Target {
    name: "harness",
    format: Format::Text,
    language: Language { words: &["sound"], phrase: None },
    longest: 100,
    open: |_| {
        Box::new(|input| {
            let text = String::from_utf8_lossy(input);
            match text {
                text if text.contains("panic") => panic!("as the input says"),
                text if text.contains("abort") => process::abort(),
                text if text.contains("hang") => loop {
                    std::hint::spin_loop();
                },
                text if text.contains("exhaust") => vec![1_u8; 1 << 45].len().to_string(),
                text => text.into_owned(),
            }
        })
    },
};

/// Whether panics, aborts, hangs and too much memory are found, each with its input, made smaller.
pub fn check(options: &Options) -> Result<(), String> {
    let pool = super::corpus(PROBE.name);
    let made = || (0..50).map(|index| mutate(&PROBE, &pool, &mut Dice::new(1, index))).collect::<Vec<_>>();
    assert_eq!(made(), made(), "the same seed makes the same inputs");
    let options = Options { limit: 1.0, seconds: 0.0, input: None, ..options.clone() };
    let found = run(&PROBE, &options).expect_err("there is much to find");
    let files = found.lines().filter_map(|line| line.strip_prefix("    "));
    let take = |file: &str| {
        let input = fs::read_to_string(file).unwrap();
        fs::remove_file(file).unwrap();
        input
    };
    let mut inputs: Vec<String> = files.map(take).collect();
    inputs.sort();
    let expected = ["abort", "exhaust", "hang", "panic"];
    if inputs == expected { Ok(()) } else { Err(format!("found {inputs:?}, expected {expected:?}:\n{found}")) }
}
