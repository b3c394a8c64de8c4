//! Job control: the playground is stopped and continued under a shell.

use super::terminal::{Terminal, assert_given_back, signal};

/// Starts the playground in the background, brings it forward, and once more after it was stopped.
const SCRIPT: &str =
    r#""$0" "$@" & echo "it is $!."; fg; stty sane; echo "it has stopped"; read go; fg; echo "left: $?""#;

/// The playground under a shell, and its process.
fn playground(script: &str) -> (Terminal, String) {
    let mut terminal = Terminal::shell(script, &[]);
    terminal.wait_until("the process", |terminal| process(terminal).is_some());
    let process = process(&terminal).unwrap();
    terminal.wait_for("gallery");
    (terminal, process)
}

fn process(terminal: &Terminal) -> Option<String> {
    let raw = String::from_utf8_lossy(terminal.raw()).into_owned();
    let (_, behind) = raw.split_once("it is ")?;
    Some(behind.split_once('.')?.0.to_owned())
}

/// How often the playground has taken the screen.
fn takings(terminal: &Terminal) -> usize {
    String::from_utf8_lossy(terminal.raw()).matches("\x1b[?1049h").count()
}

/// The playground is in the foreground again: it has drawn itself, and hears keys.
fn works_to_its_end(mut terminal: Terminal, takings_before: usize) {
    terminal.wait_until("the playground again", |terminal| {
        takings(terminal) > takings_before && terminal.contents().contains("gallery")
    });
    assert!(!terminal.contents().contains("it has stopped"), "{}", terminal.contents());
    terminal.press("listening");
    terminal.wait_for("listening");
    terminal.press("\x03");
    terminal.wait_for("left: 0");
    let (status, raw) = terminal.finish();
    assert_eq!(status.exit_code(), 0);
    assert_given_back(&raw);
}

#[test]
fn the_key_that_suspends_gives_the_terminal_to_the_shell() {
    let (mut terminal, _) = playground(SCRIPT);
    terminal.press("\x1a");
    terminal.wait_for("it has stopped");
    assert_given_back(terminal.raw());
    let before = takings(&terminal);
    terminal.press("\n");
    works_to_its_end(terminal, before);
}

#[test]
fn a_stop_by_kill_gives_the_terminal_to_the_shell() {
    let (mut terminal, process) = playground(SCRIPT);
    signal(&process, "TSTP");
    terminal.wait_for("it has stopped");
    assert_given_back(terminal.raw());
    let before = takings(&terminal);
    terminal.press("\n");
    works_to_its_end(terminal, before);
}

#[test]
fn a_stop_that_nobody_can_see_coming_is_recovered_from() {
    let (mut terminal, process) = playground(SCRIPT);
    signal(&process, "STOP");
    terminal.wait_for("it has stopped");
    assert!(terminal.is_cooked());
    let before = takings(&terminal);
    terminal.press("\n");
    works_to_its_end(terminal, before);
}

#[test]
fn in_the_background_the_terminal_is_not_touched() {
    let script = SCRIPT.replace("read go;", r#"read go; bg; echo "it is behind"; read go;"#);
    for stop in ["TSTP", "STOP"] {
        let (mut terminal, process) = playground(&script);
        signal(&process, stop);
        terminal.wait_for("it has stopped");
        let before = takings(&terminal);
        terminal.press("\n");
        terminal.wait_for("it is behind");
        // The system stops it as soon as it tries to take the terminal.
        assert!(terminal.is_cooked());
        assert_eq!(takings(&terminal), before);
        terminal.press("\n");
        works_to_its_end(terminal, before);
    }
}
