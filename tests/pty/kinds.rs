//! Kinds of terminals: what each is given, and what is asked of none.

use super::terminal::{Terminal, assert_given_back, program};

/// All that the playground writes up to its first whole picture, on a terminal of this name.
fn written_to(term: &str) -> String {
    let mut command = program(&[]);
    command.env("TERM", term);
    command.env_remove("COLORTERM");
    let mut terminal = Terminal::spawn(command, (100, 30));
    terminal.wait_for("gallery");
    terminal.press("\x03");
    let (status, raw) = terminal.finish();
    assert_eq!(status.exit_code(), 0, "{status:?}");
    assert_given_back(&raw);
    String::from_utf8_lossy(&raw).into_owned()
}

/// The parameters of everything that sets colours and attributes.
fn renditions(text: &str) -> Vec<u16> {
    let sequences =
        text.split("\x1b[").skip(1).filter_map(|rest| rest.split_once('m').map(|(parameters, _)| parameters));
    let parameters = sequences.filter(|all| all.bytes().all(|byte| byte.is_ascii_digit() || byte == b';'));
    parameters.flat_map(|all| all.split(';').map(|one| one.parse().unwrap_or(0)).collect::<Vec<_>>()).collect()
}

#[test]
fn sixteen_colours_are_written_as_every_terminal_reads_them() {
    let found = renditions(&written_to("xterm"));
    assert!(found.iter().any(|code| matches!(code, 30..=37 | 90..=97)), "{found:?}");
    assert!(!found.iter().any(|code| matches!(code, 5 | 38 | 48 | 58 | 59)), "{found:?}");
}

#[test]
fn terminals_without_colours_get_none() {
    for term in ["vt100", "xterm-mono"] {
        let found = renditions(&written_to(term));
        assert!(found.iter().all(|code| matches!(code, 0..=4 | 7..=9 | 22..=24 | 27..=29 | 39 | 49)), "{found:?}");
    }
}

#[test]
fn a_terminal_that_cannot_place_text_is_refused() {
    for (term, expected) in [(Some("dumb"), "TERM says that this one is dumb"), (None, "TERM is not set")] {
        let mut command = program(&[]);
        match term {
            Some(term) => command.env("TERM", term),
            None => command.env_remove("TERM"),
        }
        let (status, raw) = Terminal::spawn(command, (100, 30)).finish();
        let text = String::from_utf8_lossy(&raw);
        assert_eq!(status.exit_code(), 2, "{text}");
        assert!(text.contains(expected) && text.contains("diffuscope run"), "{text}");
        assert!(!text.contains('\x1b'), "{text:?}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }
}
