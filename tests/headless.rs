//! The program without a screen: what it prints, writes and refuses, and its exit codes.
//!
//! Most tests run an untrained pair, whose answers mean nothing: they are about everything around the answer. Those in
//! `embedded` ask the trained pair.

#![allow(clippy::unwrap_used)]

#[path = "headless/bad_input.rs"]
mod bad_input;
#[path = "headless/benches.rs"]
mod benches;
#[path = "headless/checkpoints.rs"]
mod checkpoints;
#[path = "headless/demos.rs"]
mod demos;
#[path = "headless/diffs.rs"]
mod diffs;
#[cfg(embedded_pair)]
#[path = "headless/embedded.rs"]
mod embedded;
#[cfg(target_os = "linux")]
#[path = "headless/failing.rs"]
mod failing;
#[path = "headless/forks.rs"]
mod forks;
#[path = "headless/loops.rs"]
mod loops;
#[path = "headless/packed.rs"]
mod packed;
#[path = "headless/pages.rs"]
mod pages;
#[path = "headless/printed.rs"]
mod printed;
#[path = "headless/recordings.rs"]
mod recordings;
#[path = "headless/runs.rs"]
mod runs;
mod support;
#[path = "headless/tables.rs"]
mod tables;
#[path = "headless/unwritten.rs"]
mod unwritten;
#[path = "headless/verified.rs"]
mod verified;

use std::{
    path::Path,
    process::{Command, Output, Stdio},
};

use diffuscope::{
    settings::{KNOBS, preset, presets},
    trace::{Figures, Log, file},
};
use serde_json::{Value, json};
use support::{
    files::Folder,
    models::{respell, untrained_pair},
    program::{program, refusal, stderr, stdout, succeed},
};

const PROMPT: &str = "Reverse this list: Max, Leo, Ruth";

/// A command, the pair in `folder`, then the command's other arguments.
fn with_pair(folder: &Folder, arguments: &[&str]) -> Command {
    let (name, others) = arguments.split_first().unwrap();
    let mut command = program();
    command.arg(name);
    command.arg("--model").arg(folder.path("denoiser")).arg("--guide-model").arg(folder.path("guide"));
    command.args(others);
    command
}

fn pair() -> Folder {
    let folder = Folder::new();
    untrained_pair(&folder);
    folder
}

fn json(command: &mut Command) -> Value {
    serde_json::from_str(&succeed(command)).unwrap()
}

/// The one sentence of a command that refuses.
fn refuse(command: &mut Command) -> String {
    let text = refusal(command);
    assert_eq!(text.lines().count(), 1, "{text}");
    text.trim_end().strip_prefix("diffuscope: ").unwrap().to_owned()
}

/// The path of a trace of the pair.
fn recorded(pair: &Folder) -> String {
    let trace = pair.path("run.jsonl");
    succeed(with_pair(pair, &["run", "--prompt", PROMPT, "--trace"]).arg(&trace));
    trace.display().to_string()
}

fn open(path: &Path) -> Log {
    let opened = file::open(path).unwrap();
    assert_eq!(opened.warnings, [""; 0]);
    opened.log
}

/// The trace with every duration set to 0.
fn timeless(path: &Path) -> String {
    let log = open(path);
    let log = support::runs::timeless(log.header(), log.entries().map(Box::new), log.end());
    let mut bytes = Vec::new();
    file::write(&log, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

/// A pair whose answer to the prompt holds this.
fn pair_that_says(text: &str) -> Folder {
    let pair = pair();
    let log = open(Path::new(&recorded(&pair)));
    respell(&pair, &log, text);
    pair
}

/// The command, allowed files of so many blocks of 512 bytes.
#[cfg(unix)]
fn with_small_files(command: &Command, blocks: u32) -> Command {
    let mut limited = Command::new("sh");
    // Without its signal, the limit is an error like that of a full disk.
    limited.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\""));
    limited.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited.stdin(Stdio::null());
    limited
}

/// What `-h` prints for a command and those below it, with what `--help` puts before the options.
fn help(command: &clap::Command, path: &[&str]) -> String {
    let printed = succeed(program().args(path).arg("-h").env_remove("COLUMNS"));
    let long = command.get_long_about().map_or_else(String::new, |about| format!("{about}\n\n"));
    let own = format!("$ diffuscope {}\n\n{long}{printed}\n", [path, &["-h"]].concat().join(" "));
    command
        .get_subcommands()
        .fold(own, |help_so_far, below| help_so_far + &help(below, &[path, &[below.get_name()]].concat()))
}

#[test]
fn every_command_prints_its_help() {
    insta::assert_snapshot!("help", help(&diffuscope::cli::command(), &[]));
}

#[test]
fn knobs_and_presets_are_listed_whole() {
    let list = |arguments: &[&str]| succeed(program().args(arguments));
    let (knobs, table, help) = (list(&["knobs"]), list(&["knobs", "--markdown"]), list(&["run", "--help"]));
    for knob in KNOBS {
        assert!(knobs.contains(&format!("  {} ", knob.name)) && knobs.contains(knob.help), "{}", knob.name);
        assert!(table.contains(&format!("| `{}` | {} |", knob.name, knob.slot.title())));
        assert!(help.contains(&format!("--{}", knob.name)));
    }
    assert!(!list(&["run", "-h"]).contains("--threshold"), "the short help is short");
    let listed = list(&["presets"]);
    for preset in presets() {
        assert!(listed.contains(&preset.title) && listed.contains(&preset.description));
    }
    assert_eq!(
        list(&["presets", "plain"]).lines().next(),
        Some(&*format!("title = \"{}\"", preset("plain").unwrap().title))
    );
    let version = list(&["--version"]);
    assert_eq!(version, format!("diffuscope {}\n", env!("CARGO_PKG_VERSION")));
    assert!(list(&["--help"]).contains("Exit codes:"));
}

#[test]
fn presets_of_the_configuration_folder_are_taken_by_name() {
    let pair = pair();
    let own = pair.path("config/diffuscope/presets");
    std::fs::create_dir_all(&own).unwrap();
    std::fs::write(own.join("mine.toml"), "title = 'Mine'\ndescription = 'As I like it.'\n[knobs]\nthreshold = 0.7\n")
        .unwrap();
    std::fs::write(own.join("odd.toml"), "title = 'Odd'\n[knobs]\nthreshold = 7\n").unwrap();
    let with_config = |mut command: Command| {
        command.env_remove("DIFFUSCOPE_CONFIG").env("XDG_CONFIG_HOME", pair.path("config")).output().unwrap()
    };
    let of = |arguments: &[&str]| {
        let mut command = program();
        command.args(arguments);
        with_config(command)
    };
    let listed = of(&["presets"]);
    assert!(stdout(&listed).starts_with("Your own\n  mine                     Mine\n"), "{}", stdout(&listed));
    assert!(stdout(&listed).contains("As I like it.") && stdout(&listed).contains("FlashDLM"));
    let sentence = "threshold cannot be '7': it takes a number from 0 to 1 (probability)";
    assert_eq!(stderr(&listed), format!("diffuscope: {}: {sentence}\n", own.join("odd.toml").display()));
    assert!(stdout(&of(&["presets", "mine"])).contains("threshold = 0.7"));
    let run = |name: &str| with_config(with_pair(&pair, &["run", "--json", "--prompt", PROMPT, "--preset", name]));
    let outcome: Value = serde_json::from_str(&stdout(&run("mine"))).unwrap();
    assert_eq!(outcome["preset"], "mine");
    assert!(stderr(&run("odd")).contains(sentence), "{}", stderr(&run("odd")));
    assert!(
        refuse(program().args(["presets", "mine"])).contains("unknown preset 'mine'"),
        "no configuration, no presets"
    );
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    for arguments in [&["knobs"][..], &["run", "--help"], &["presets"]] {
        let mut child = program().args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert_eq!(stderr(&output), "", "{arguments:?}");
    }
}

#[test]
fn without_a_terminal_the_playground_says_so() {
    let pair = pair();
    let trace = recorded(&pair);
    let sentence = "the playground needs a terminal: run it in one, or use `diffuscope run`, which prints an answer";
    for arguments in [&[][..], &["play"], &["--prompt", PROMPT, "--preset", "plain"], &["replay", &trace]] {
        assert_eq!(refuse(program().args(arguments)), sentence, "{arguments:?}");
    }
    assert_eq!(
        refuse(program().args(["play", "--theme", "sepia"])),
        "unknown theme 'sepia': there are dark, light, high-contrast and colour-blind"
    );
}

#[cfg(not(embedded_pair))]
#[test]
fn a_build_without_the_pair_says_so() {
    assert_eq!(
        refuse(program().args(["run", "--prompt", PROMPT])),
        "this build has no embedded pair: name a model's folder with --model, or build where assets/ holds the pair"
    );
}
