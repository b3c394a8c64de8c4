//! However the program ends, the terminal is as it was, and the exit code says what happened.

use std::path::PathBuf;

use diffuscope::trace::file;

use super::{
    common,
    support::{
        files::Folder,
        models::{untrained_gguf, untrained_pair},
    },
    terminal::{Terminal, assert_given_back, program},
};

/// A trace to replay, which needs no models.
fn trace(folder: &Folder) -> PathBuf {
    let mut bytes = Vec::new();
    file::write(&common::story(), &mut bytes).unwrap();
    folder.write("story.jsonl", bytes)
}

fn replay(folder: &Folder) -> Terminal {
    let trace = trace(folder);
    let mut terminal = Terminal::start(&["replay", trace.to_str().unwrap()], (100, 30));
    terminal.wait_for("story.jsonl");
    terminal
}

#[test]
fn requests_to_leave_are_exit_codes() {
    let folder = Folder::new();
    for (name, code) in [("HUP", 129), ("INT", 130), ("TERM", 143)] {
        let terminal = replay(&folder);
        terminal.signal(name);
        let (status, raw) = terminal.finish();
        assert_eq!((status.exit_code(), status.signal()), (code, None), "{name}");
        assert_given_back(&raw);
    }
}

#[test]
fn signals_that_end_the_program_give_the_terminal_back() {
    let folder = Folder::new();
    for name in ["ABRT", "QUIT", "BUS", "SEGV", "FPE", "ILL", "ALRM", "USR1", "USR2", "XCPU"] {
        let terminal = replay(&folder);
        terminal.signal(name);
        let (status, raw) = terminal.finish();
        assert!(status.signal().is_some(), "{name}: {status:?}");
        assert_given_back(&raw);
    }
}

#[test]
fn a_terminal_that_vanishes_ends_the_program() {
    let folder = Folder::new();
    let status = replay(&folder).vanish();
    assert_eq!((status.exit_code(), status.signal()), (129, None));

    let mut running = Terminal::start(&["--preset", "plain", "--gen-length", "200"], (80, 24));
    running.wait_for("enter");
    running.press("\r");
    running.wait_for("running");
    let status = running.vanish();
    assert_eq!((status.exit_code(), status.signal()), (129, None));
}

#[test]
fn weights_that_are_cut_short_end_a_run_with_one_sentence() {
    let folder = Folder::new();
    let model = untrained_gguf(&folder);
    let mut terminal = Terminal::start(&["--device", "cpu", "--model", model.to_str().unwrap()], (100, 30));
    terminal.wait_for("ready");
    std::fs::File::options().write(true).open(&model).unwrap().set_len(0).unwrap();
    terminal.press("\r");
    let (status, raw) = terminal.finish();
    assert_eq!((status.exit_code(), status.signal()), (3, None));
    assert_given_back(&raw);
    let text = String::from_utf8_lossy(&raw);
    let last = text.lines().last().unwrap();
    assert!(last.contains("diffuscope: ") && last.contains("denoiser.gguf was cut short while"), "{last}");
}

#[test]
fn without_threads_there_is_one_sentence() {
    let folder = Folder::new();
    untrained_pair(&folder);
    let trace = trace(&folder);
    let cases: [&[&str]; 2] = [&[], &["replay", trace.to_str().unwrap()]];
    for arguments in cases {
        let mut command = program(arguments);
        // No address space has room for such a stack.
        command.env("RUST_MIN_STACK", (1_u64 << 47).to_string());
        let (status, raw) = Terminal::spawn(command, (100, 30)).finish();
        assert_eq!((status.exit_code(), status.signal()), (3, None));
        assert_given_back(&raw);
        let text = String::from_utf8_lossy(&raw);
        let last = text.lines().last().unwrap();
        assert!(last.contains("diffuscope: ") && last.contains("to read the keyboard with"), "{last}");
    }
}
