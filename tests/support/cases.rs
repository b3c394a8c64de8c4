//! Suites over a folder of cases: one test for each, called as the case is, with the options of the usual harness.

use std::{fmt::Debug, process::ExitCode};

use libtest_mimic::{Arguments, Failed, Trial};

/// A case that is checked when its turn comes; a panic in it is its failure too.
pub fn case(name: impl Into<String>, check: impl FnOnce() -> Result<(), String> + Send + 'static) -> Trial {
    Trial::test(name, move || check().map_err(Failed::from))
}

/// Runs what the command line asks for.
pub fn run(cases: Vec<Trial>) -> ExitCode {
    libtest_mimic::run(&Arguments::from_args(), cases).exit_code()
}

#[expect(clippy::needless_pass_by_value, reason = "most of what is compared is made for the comparison")]
pub fn same<T: PartialEq + Debug>(what: &str, found: T, expected: T) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what}: found {found:?}, expected {expected:?}")) }
}

/// Whether two numbers agree within `tolerance`; one that is none never does.
pub fn close(what: &str, found: f64, expected: f64, tolerance: f64) -> Result<(), String> {
    if (found - expected).abs() <= tolerance {
        Ok(())
    } else {
        Err(format!("{what}: found {found}, expected {expected}"))
    }
}
