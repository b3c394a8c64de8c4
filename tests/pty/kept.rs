//! Runs and prompts outlive the program, however that ends.

use std::path::{Path, PathBuf};

use diffuscope::trace::file;

use super::{
    support::{
        files::Folder,
        models::untrained_pair,
        program::{program as headless, refusal, succeed},
    },
    terminal::{Terminal, assert_given_back, program},
};

/// The playground on an untrained pair, which keeps what happens in a folder of the test.
fn playground(pair: &Folder, state: &Path, arguments: &[&str]) -> Terminal {
    let model = pair.path("denoiser");
    let mut all = vec!["--device", "cpu", "--model", model.to_str().unwrap(), "--preset", "plain", "--prompt", "hello"];
    all.extend(arguments);
    let mut command = program(&all);
    command.env("DIFFUSCOPE_STATE", state);
    let mut terminal = Terminal::spawn(command, (140, 40));
    terminal.wait_for("ready");
    terminal
}

fn replay(state: &Path, arguments: &[&str]) -> Terminal {
    let mut command = program(&[&["replay"][..], arguments].concat());
    command.env("DIFFUSCOPE_STATE", state);
    Terminal::spawn(command, (140, 40))
}

fn leave(mut terminal: Terminal) {
    terminal.press("\x03");
    let (status, raw) = terminal.finish();
    assert_eq!(status.exit_code(), 0, "{status:?}");
    assert_given_back(&raw);
}

fn runs(state: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(state.join("runs"));
    let mut runs: Vec<_> = entries.into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    runs.sort();
    runs
}

#[test]
fn a_run_is_kept_whole_and_opens_again() {
    let pair = Folder::new();
    untrained_pair(&pair);
    let state = pair.path("state");
    let mut terminal = playground(&pair, &state, &["--gen-length", "8"]);
    terminal.press("\rf");
    terminal.wait_for("after 8 steps");
    leave(terminal);
    let [run] = &runs(&state)[..] else { panic!("{:?}", runs(&state)) };
    assert!(run.to_str().unwrap().ends_with("-plain-hello.dscope"), "{run:?}");
    let opened = file::open(run).unwrap();
    assert_eq!((opened.log.len(), opened.warnings), (8, Vec::new()));
    use std::os::unix::fs::PermissionsExt;
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(
        [mode(&state), mode(&state.join("runs")), mode(run), mode(&state.join("history"))],
        [0o700, 0o700, 0o600, 0o600]
    );

    let mut terminal = replay(&state, &[]);
    terminal.wait_for("-plain-hello.dscope");
    leave(terminal);
    let listed = succeed(headless().args(["runs"]).env("DIFFUSCOPE_STATE", &state));
    assert!(listed.contains("finished") && listed.contains("-plain-hello.dscope"), "{listed}");
    let listed = succeed(headless().args(["runs", "--json"]).env("DIFFUSCOPE_STATE", &state));
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!((&listed[0]["steps"], &listed[0]["prompt"]), (&8.into(), &"hello".into()));

    // The prompt is there after a restart, and so is the run.
    let mut terminal = playground(&pair, &state, &[]);
    terminal.press("\x15");
    terminal.wait_for("type a prompt");
    terminal.press("\x1b[A");
    terminal.wait_for("hello");
    terminal.press("\x1b");
    terminal.wait_for("quit");
    terminal.press("o");
    terminal.wait_for("kept runs");
    terminal.wait_for("8 tokens in 8 passes");
    terminal.press("\r");
    terminal.wait_for("replay of ");
    leave(terminal);
}

#[test]
fn a_kill_loses_at_most_the_step_in_flight() {
    let pair = Folder::new();
    untrained_pair(&pair);
    let state = pair.path("state");
    let mut terminal = playground(&pair, &state, &["--gen-length", "64"]);
    terminal.press("\r");
    terminal.wait_for("step 3 ");
    terminal.signal("KILL");
    drop(terminal);
    let [run] = &runs(&state)[..] else { panic!("{:?}", runs(&state)) };
    let opened = file::open(run).unwrap();
    assert!(opened.log.len() >= 2, "{}", opened.log.len());
    assert_eq!(opened.warnings.len(), 1, "{:?}", opened.warnings);

    // As a kill within a line would leave it.
    let bytes = std::fs::read(run).unwrap();
    std::fs::write(run, &bytes[..bytes.len() - 40]).unwrap();
    let mut terminal = replay(&state, &[]);
    terminal.wait_for("of the trace is cut off: it opens with the");
    leave(terminal);
}

#[test]
fn what_cannot_be_kept_is_said_once_and_the_run_continues() {
    let pair = Folder::new();
    untrained_pair(&pair);
    let state = pair.write("state", "no folder");
    let mut terminal = playground(&pair, &state, &["--gen-length", "8"]);
    terminal.press("\r");
    terminal.wait_for("cannot be written: ");
    terminal.press("f");
    terminal.wait_for("after 8 steps");
    leave(terminal);
    assert_eq!(std::fs::read(&state).unwrap(), b"no folder");
}

#[test]
fn a_full_disk_is_said_and_the_run_continues() {
    let pair = Folder::new();
    untrained_pair(&pair);
    let state = pair.path("state");
    let line = "trap '' XFSZ; ulimit -f 8; exec \"$0\" --device cpu --model denoiser --preset plain --prompt hello \
                --gen-length 16";
    let mut command = portable_pty::CommandBuilder::new("sh");
    command.args(["-c", line, env!("CARGO_BIN_EXE_diffuscope")]);
    command.cwd(pair.root());
    let mut command = super::terminal::on_a_usual_terminal(command);
    command.env("DIFFUSCOPE_STATE", &state);
    let mut terminal = Terminal::spawn(command, (160, 40));
    terminal.wait_for("ready");
    terminal.press("\rf");
    terminal.wait_for("File too large");
    terminal.wait_for("after 16 steps");
    leave(terminal);
    let [run] = &runs(&state)[..] else { panic!("{:?}", runs(&state)) };
    let opened = file::open(run).unwrap();
    assert!(!opened.log.is_empty() && opened.log.len() < 16, "{}", opened.log.len());
}

#[test]
fn without_autosave_nothing_is_written() {
    let pair = Folder::new();
    untrained_pair(&pair);
    let state = pair.path("state");
    let config = pair.write("config.toml", "autosave = false\n");
    for arguments in [&["--no-autosave"][..], &["--config", config.to_str().unwrap()]] {
        let mut terminal = playground(&pair, &state, &[&["--gen-length", "4"], arguments].concat());
        terminal.press("\rf");
        terminal.wait_for("after 4 steps");
        leave(terminal);
        assert!(!state.exists());
    }
    let told = refusal(headless().args(["replay"]).env("DIFFUSCOPE_STATE", &state));
    assert!(told.contains("no run is kept in ") && told.contains("runs yet"), "{told}");
    let told = refusal(headless().args(["replay"]));
    assert!(told.contains("no run is kept: DIFFUSCOPE_STATE is empty"), "{told}");
}
