//! The theme: what the terminal says of its ground, and what was chosen before.

use super::{
    support::files::Folder,
    terminal::{Terminal, assert_given_back, program},
};

const DARK: vt100::Color = vt100::Color::Rgb(0x0f, 0x12, 0x18);
const PAPER: vt100::Color = vt100::Color::Rgb(0xfb, 0xfa, 0xf6);
const QUESTION: &str = "\x1b]11;?\x07";
const ANSWER: &str = "\x1b]11;rgb:fdfd/f6f6/e3e3\x07";

fn is_asked(terminal: &Terminal) -> bool {
    String::from_utf8_lossy(terminal.raw()).contains(QUESTION)
}

fn leave(mut terminal: Terminal) {
    terminal.press("\x03");
    let (status, raw) = terminal.finish();
    assert_eq!(status.exit_code(), 0, "{status:?}");
    assert_given_back(&raw);
}

#[test]
fn the_terminals_ground_is_asked_for_and_no_key_is_lost_or_added() {
    let mut terminal = Terminal::start(&["--prompt", "a"], (100, 30));
    terminal.wait_until("a question", is_asked);
    terminal.press(&format!("bc{ANSWER}de"));
    terminal.wait_for("abcde");
    terminal.wait_until("paper", |terminal| terminal.ground() == PAPER);
    assert!(!terminal.contents().contains("rgb"), "{}", terminal.contents());
    leave(terminal);
}

#[test]
fn an_answer_that_is_late_or_in_pieces_is_no_key_either() {
    let mut terminal = Terminal::start(&["--prompt", "a"], (100, 30));
    // The picture does not wait for a terminal that says nothing.
    terminal.wait_for("gallery");
    terminal.wait_until("the dark", |terminal| terminal.ground() == DARK);
    terminal.press("b");
    terminal.wait_for("ab");
    let (start, end) = ANSWER.split_at(9);
    terminal.press(start);
    terminal.press(end);
    terminal.press("c");
    terminal.wait_for("abc");
    terminal.wait_until("paper", |terminal| terminal.ground() == PAPER);
    leave(terminal);
}

#[test]
fn a_theme_that_was_chosen_is_there_again_and_asks_nothing() {
    let folder = Folder::new();
    let state = folder.path("state");
    let start = |arguments: &[&str]| {
        let mut command = program(arguments);
        command.env("DIFFUSCOPE_STATE", &state);
        let mut terminal = Terminal::spawn(command, (100, 30));
        terminal.wait_for("gallery");
        terminal
    };
    let mut terminal = start(&[]);
    terminal.press("\x1b");
    terminal.wait_for("quit");
    terminal.press("t");
    terminal.wait_until("paper", |terminal| terminal.ground() == PAPER);
    leave(terminal);
    assert_eq!(std::fs::read_to_string(state.join("theme")).unwrap(), "light\n");

    let mut terminal = start(&[]);
    terminal.wait_until("paper", |terminal| terminal.ground() == PAPER);
    assert!(!is_asked(&terminal));
    leave(terminal);

    let config = folder.write("config.toml", "theme = 'dark'\n");
    for arguments in [&["--theme", "dark"][..], &["--config", config.to_str().unwrap()]] {
        let mut terminal = start(arguments);
        terminal.wait_until("the dark", |terminal| terminal.ground() == DARK);
        assert!(!is_asked(&terminal), "{arguments:?}");
        leave(terminal);
    }
    assert_eq!(std::fs::read_to_string(state.join("theme")).unwrap(), "light\n", "a flag is for once");
}
