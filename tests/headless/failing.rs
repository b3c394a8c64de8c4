//! Standard streams and files that cannot be written, weights that are cut short, and a system that gives nothing.

use std::{
    fs::File,
    io::{BufRead, BufReader},
};

use super::{support::models::untrained_gguf, *};

/// A device that has no room.
fn full() -> File {
    File::options().write(true).open("/dev/full").unwrap()
}

#[test]
fn what_cannot_be_printed_is_a_failure() {
    for arguments in [&["--help"][..], &["--version"], &["run", "--help"], &["presets"], &["knobs"]] {
        let output = program().args(arguments).stdout(full()).output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{arguments:?}");
        let told = stderr(&output);
        assert!(told.starts_with("diffuscope: the output cannot be written: No space left"), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }
}

#[test]
fn who_cannot_hear_the_figures_has_the_answer() {
    let pair = pair();
    let output = with_pair(&pair, &["run", "--prompt", PROMPT]).stderr(full()).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stdout(&output), succeed(&mut with_pair(&pair, &["run", "--prompt", PROMPT])));
}

#[test]
fn a_file_that_may_not_grow_costs_the_trace_and_not_the_answer() {
    let pair = pair();
    let run = with_pair(&pair, &["run", "--prompt", PROMPT]);
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -f 8; exec \"$0\" \"$@\""]).arg(run.get_program()).args(run.get_args());
    limited.arg("--trace").arg(pair.path("run.jsonl")).env("DIFFUSCOPE_CONFIG", "").stdin(Stdio::null());
    let output = limited.output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert_eq!(stdout(&output), succeed(&mut with_pair(&pair, &["run", "--prompt", PROMPT])));
    let last = stderr(&output).lines().last().unwrap().to_owned();
    assert!(last.contains("run.jsonl cannot be written: File too large (os error 27)"), "{last}");
}

#[test]
fn weights_that_are_cut_short_end_a_run_with_one_sentence() {
    let folder = Folder::new();
    let (model, trace) = (untrained_gguf(&folder), folder.path("trace"));
    assert!(Command::new("mkfifo").arg(&trace).status().unwrap().success());
    let mut command = program();
    command.args(["run", "--preset", "plain", "--gen-length", "128", "--prompt", PROMPT, "--model"]).arg(&model);
    command.arg("--trace").arg(&trace).stdout(Stdio::null()).stderr(Stdio::piped());
    let run = command.spawn().unwrap();
    // The run cannot get far ahead of who reads its trace: a pipe holds few steps.
    let mut lines = BufReader::new(File::open(&trace).unwrap()).lines();
    let before: Vec<String> = lines.by_ref().take(2).map(Result::unwrap).collect();
    assert!(before[1].contains("\"step\":0"), "{}", before[1]);
    File::options().write(true).open(&model).unwrap().set_len(0).unwrap();
    let steps = lines.count();
    let output = run.wait_with_output().unwrap();
    assert!(steps < 127, "the run came to its end before the weights were cut short");
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    let told = stderr(&output);
    let expected = format!("diffuscope: {} was cut short while its weights were in use: ", model.display());
    assert!(told.starts_with(&expected), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
}

#[test]
fn a_system_without_threads_is_one_sentence() {
    let pair = pair();
    // No address space has room for such a stack.
    let message = refuse(with_pair(&pair, &["run", "--prompt", PROMPT]).env("RUST_MIN_STACK", "140737488355328"));
    assert!(message.starts_with("the system gives no threads to compute with: "), "{message}");
}
