//! The real program, run to its end.

use std::process::{Child, Command, Output, Stdio};

/// The program, which neither reads the user's configuration nor has a folder to keep anything in.
pub fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_diffuscope"));
    command.env("DIFFUSCOPE_CONFIG", "").env("DIFFUSCOPE_STATE", "").env_remove("RUST_BACKTRACE").stdin(Stdio::null());
    command
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Standard output of a command that does what it is asked.
pub fn succeed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    stdout(&output)
}

/// What a command says that refuses: sentences, the last of which is the reason.
pub fn refusal(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    assert_eq!(stdout(&output), "");
    stderr(&output)
}

/// Sends a signal by its name (`TERM`).
pub fn signal(child: &Child, name: &str) {
    let sent = Command::new("sh").args(["-c", "kill -$0 $1", name, &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
}

/// Signals by number and name, with the exit codes that tell of them; those alone that the tests were not started to
/// ignore, as in the background of some shells.
pub fn signals() -> impl Iterator<Item = (&'static str, i32)> {
    let all = [(2, "INT", 130), (15, "TERM", 143), (1, "HUP", 129)];
    all.into_iter().filter(|(signal, ..)| !diffuscope::process::ignores(*signal)).map(|(_, name, code)| (name, code))
}
