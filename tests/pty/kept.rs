//! Runs and prompts outlive the program, however that ends.

use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use diffuscope::{
    kept::{KeepLimit, Keeper, KeptState, StateFolder},
    trace::{Log, file},
};

use super::{
    common,
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
    // Where the notice breaks its lines depends on how long the name of the folder is.
    let sentences =
        |terminal: &Terminal| terminal.contents().replace('▌', " ").split_whitespace().collect::<Vec<_>>().join(" ");
    terminal.wait_until("File too large", |terminal| sentences(terminal).contains("File too large"));
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

/// Keeps the story as the run of that number, its first `repeated` steps as those that a fork repeats.
fn keep(keeper: &Keeper, run: u64, repeated: usize, steps: usize) -> Log {
    let story = common::story();
    let mut log = Log::new(story.header().clone());
    story.entries().take(repeated).for_each(|entry| log.push(entry));
    keeper.begin(run, Box::new(log.clone()));
    for entry in story.entries().take(steps).skip(repeated) {
        keeper.step(run, entry.clone().into());
        log.push(entry);
    }
    if let Some(end) = story.end().filter(|_| steps == story.len()) {
        keeper.end(run, Some(Box::new(end.clone())));
        log.finish(end.clone());
    }
    log
}

#[test]
fn a_fork_is_kept_with_the_steps_that_it_repeats_and_programs_do_not_disturb_each_other() {
    let folder = Folder::new();
    let state = StateFolder::new(folder.path("state"));
    let length = common::story().len();
    let open = || Keeper::open(&state, Some(KeepLimit::default())).unwrap();
    let (one, other) = (open(), open());
    let whole = keep(&one, 1, 9, length);
    let part = keep(&other, 1, 0, 5);
    keep(&other, 2, 0, 0);
    drop((one, other));
    let listed = state.list().unwrap();
    assert_eq!(listed.len(), 2, "a run without a step has no file");
    for run in listed {
        let KeptState::Read { summary, is_under_way: false, .. } = &run.state else { panic!("{run:?}") };
        let log = file::open(&run.path).unwrap().log;
        assert_eq!(log, if summary.end.is_some() { whole.clone() } else { part.clone() });
        let written: Vec<u32> = log
            .steps()
            .iter()
            .map(|step| step.commits.iter().filter(|commit| !log.header().is_end(commit.token)).count() as u32)
            .collect();
        assert_eq!((&summary.written, summary.end.as_ref()), (&written, log.end()));
        assert_eq!(summary.cost, diffuscope::trace::Figures::of(&log, log.len()).cost);
        assert_eq!(summary.preset, log.header().preset);
    }
}

#[test]
fn the_limit_holds_while_the_program_runs() {
    let folder = Folder::new();
    let state = StateFolder::new(folder.path("state"));
    let keeper = Keeper::open(&state, Some(KeepLimit { runs: 2, ..KeepLimit::default() })).unwrap();
    for run in 1..=4 {
        keep(&keeper, run, 0, common::story().len());
    }
    drop(keeper);
    assert_eq!(state.list().unwrap().len(), 2);
}
