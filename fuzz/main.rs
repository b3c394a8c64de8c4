//! Every reader of foreign bytes against bytes that nobody meant, on stable Rust and with nothing to install.
//!
//! ```text
//! cargo test --test fuzz                                the corpus of every target, as part of `cargo test`
//! cargo test --test fuzz -- --seconds 3                 and three seconds of mutations of each
//! cargo test --test fuzz -- template --seconds 3600     an hour of one of them
//! cargo test --test fuzz -- template --input FILE       one input, with what came of it
//! ```
//!
//! `docs/fuzzing.md` says more.
//!
//! # Why it is a test of its own harness
//! A test target is built by `cargo test` from what that builds anyway: neither dependencies nor their features change,
//! the checks of arithmetic are on, and inputs that once failed are replayed with every `cargo test`. A package in a
//! workspace would have its dependencies built once more, with other features, and nobody would run its corpus.
//!
//! # Why mutations are made here
//! What finds faults in the readers of documents is hostile values in the place of sound ones, words of the format, and
//! parts of other documents. `mutatis` knows neither words nor other documents, and asks for a newer compiler than this
//! package; `arbitrary` and `bolero` make values out of bytes and leave mutation to engines that need a nightly compiler
//! or a program to install; `libafl` asks for a newer compiler, too.
//!
//! # What stands in for coverage
//! A target answers every input with a sentence: the error, or what the document held. An input whose sentence is of a
//! kind that was not heard before joins those that are mutated further.

#![allow(clippy::unwrap_used)]

#[path = "../tests/common/mod.rs"]
#[allow(dead_code, reason = "the logs are wanted, and not all that makes them")]
mod common;
#[path = "../tests/screen/driver.rs"]
#[allow(dead_code, reason = "the screen's tests use the rest")]
mod driver;
mod harness;
#[path = "../tests/hub_server/mod.rs"]
mod hub_server;
mod mutate;
mod targets;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;
use libtest_mimic::{Arguments, Trial};

/// The command line: that of every test, and what makes it a fuzzer.
#[derive(Debug, Clone, Parser)]
pub struct Options {
    #[command(flatten)]
    tests: Arguments,
    /// Fuzz each target for so long, its corpus included [default: the corpus alone]
    #[arg(long, default_value_t = 0.0, value_name = "SECONDS")]
    seconds: f64,
    /// Everything random follows from it
    #[arg(long, default_value_t = 0, value_name = "NUMBER")]
    seed: u64,
    /// An execution that takes longer is a finding
    #[arg(long, default_value_t = 10.0, value_name = "SECONDS")]
    limit: f64,
    /// Memory that a target's process may address; more is a finding
    #[arg(long, default_value_t = 2000, value_name = "MEGABYTES")]
    memory: u64,
    /// Run this input alone and tell what came of it
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Work for the process that started this one: its folder
    #[arg(long, hide = true)]
    worker: Option<PathBuf>,
    /// Executions that earlier workers did
    #[arg(long, hide = true, default_value_t = 0)]
    from: u64,
}

fn main() -> ExitCode {
    let options = Options::parse();
    if let Some(folder) = &options.worker {
        return harness::work(&options, folder);
    }
    let trial = |target: &'static targets::Target| {
        let options = options.clone();
        Trial::test(target.name, move || harness::run(target, &options).map_err(Into::into))
    };
    let mut trials: Vec<Trial> = targets::ALL.iter().map(trial).collect();
    let probed = options.clone();
    trials.push(Trial::test("harness", move || harness::check(&probed).map_err(Into::into)));
    libtest_mimic::run(&options.tests, trials).exit_code()
}
