//! Runs, keys and models.

use super::{
    support::{files::Folder, models::untrained_pair},
    terminal::{Terminal, assert_given_back},
};

#[test]
fn a_run_is_watched_to_its_end_and_keys_work_afterwards() {
    let prompt = "Write as JSON: Max, a pilot from Oslo, is 31. He likes tea.";
    let mut terminal = Terminal::start(&["--prompt", prompt], (120, 40));
    terminal.wait_for("denoise the prompt");
    terminal.press("\r");
    terminal.wait_for("after 1 step");
    // Idle now: a key must still wake the program.
    terminal.press("2");
    terminal.wait_for("recomputed");
    terminal.press("3");
    terminal.wait_for("not reached");
    terminal.resize(20, 5);
    terminal.wait_for("needs");
    terminal.resize(80, 24);
    terminal.wait_for("agreed");
    terminal.press("q");
    let (status, raw) = terminal.finish();
    assert_eq!(status.exit_code(), 0, "{status:?}");
    assert_given_back(&raw);
}

#[test]
fn ctrl_c_in_the_middle_of_a_run_gives_the_terminal_back() {
    let mut terminal = Terminal::start(&["--preset", "plain"], (80, 24));
    terminal.wait_for("enter");
    terminal.press("\r");
    terminal.wait_for("running");
    terminal.press("\x03");
    let (status, raw) = terminal.finish();
    assert_eq!(status.exit_code(), 0, "{status:?}");
    assert_given_back(&raw);
}

#[test]
fn other_models_are_loaded_while_the_program_runs() {
    let pair = Folder::new();
    untrained_pair(&pair);
    let mut terminal = Terminal::start(&["--device", "cpu"], (100, 30));
    terminal.wait_for("ready");
    terminal.press("\x0f");
    terminal.wait_for("to download");
    terminal.press(pair.path("nowhere").to_str().unwrap());
    terminal.press("\r");
    terminal.wait_for("nowhere is not there: a model is");
    terminal.press(&"\x7f".repeat("nowhere".len()));
    terminal.press("denoiser\r");
    terminal.wait_for("denoiser is loaded without a guide");
    terminal.press("\r");
    terminal.wait_for("denoiser 42.2k");
    terminal.press("\x03");
    let (status, raw) = terminal.finish();
    assert_eq!(status.exit_code(), 0, "{status:?}");
    assert_given_back(&raw);
}

#[test]
fn keys_beyond_the_first_1024_bytes_of_a_burst_are_read_at_once() {
    let mut terminal = Terminal::start(&["--prompt", "x"], (100, 30));
    terminal.wait_for("gallery");
    terminal.press(&format!("{} tothelast", "x".repeat(3000)));
    terminal.wait_for("tothelast");
    terminal.press("\x03");
    let (status, raw) = terminal.finish();
    assert_eq!(status.exit_code(), 0, "{status:?}");
    assert_given_back(&raw);
}

#[test]
fn the_screen_is_painted_again_on_a_terminal_that_answers_nothing() {
    let mut terminal = Terminal::start(&[], (100, 30));
    terminal.wait_for("gallery");
    let before = terminal.raw().len();
    terminal.press("\x0c");
    terminal.wait_until("another picture", |terminal| {
        let painted = String::from_utf8_lossy(&terminal.raw()[before..]).into_owned();
        painted.contains("\x1b[2J") && painted.contains("gallery")
    });
    terminal.press("\x03");
    let (status, raw) = terminal.finish();
    assert_eq!(status.exit_code(), 0, "{status:?}");
    assert!(!String::from_utf8_lossy(&raw).contains("\x1b[6n"), "nothing is asked");
    assert_given_back(&raw);
}
