//! The real program in a pseudo-terminal, with an emulator behind it.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

#[cfg(feature = "hub")]
mod hub_server;
mod support;

use std::{
    io::{Read, Write},
    path::Path,
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::Duration,
};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};

/// How long nothing may come from the program before a test gives up on it. Never waited for where all is well.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program on a terminal of its own.
struct Terminal {
    child: Box<dyn Child + Send + Sync>,
    master: Box<dyn MasterPty + Send>,
    keyboard: Box<dyn Write + Send>,
    output: Receiver<Vec<u8>>,
    screen: vt100::Parser,
    raw: Vec<u8>,
}

impl Terminal {
    fn start(arguments: &[&str], size: (u16, u16)) -> Self {
        Self::start_with(arguments, &[], size)
    }

    /// The same with variables of the environment.
    fn start_with(arguments: &[&str], variables: &[(&str, &str)], size: (u16, u16)) -> Self {
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_diffuscope"));
        command.args(arguments);
        for (name, value) in variables {
            command.env(name, value);
        }
        Self::of(command, size)
    }

    /// The program behind a line of the shell, which calls it `$0`, in a folder.
    fn shell(line: &str, folder: &Path, size: (u16, u16)) -> Self {
        let mut command = CommandBuilder::new("sh");
        command.args(["-c", line, env!("CARGO_BIN_EXE_diffuscope")]);
        command.cwd(folder);
        Self::of(command, size)
    }

    fn of(mut command: CommandBuilder, (width, height): (u16, u16)) -> Self {
        let size = PtySize { rows: height, cols: width, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        command.env("TERM", "xterm-256color");
        command.env("COLORTERM", "truecolor");
        command.env_remove("NO_COLOR");
        // Nobody's own configuration takes part.
        command.env("DIFFUSCOPE_CONFIG", "");
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let keyboard = pair.master.take_writer().unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, output) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            // The read fails, instead of ending, once the program is gone.
            while let Ok(read @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..read].to_vec()).is_err() {
                    return;
                }
            }
        });
        let screen = vt100::Parser::new(height.try_into().unwrap(), width.try_into().unwrap(), 0);
        Self { child, master: pair.master, keyboard, output, screen, raw: Vec::new() }
    }

    fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
        self.keyboard.flush().unwrap();
    }

    fn resize(&mut self, width: u16, height: u16) {
        self.master.resize(PtySize { rows: height, cols: width, pixel_width: 0, pixel_height: 0 }).unwrap();
        self.screen.screen_mut().set_size(height.try_into().unwrap(), width.try_into().unwrap());
    }

    /// Reads on until the screen shows `text`.
    fn wait_for(&mut self, text: &str) {
        while !self.screen.screen().contents().contains(text) {
            match self.output.recv_timeout(PATIENCE) {
                Ok(bytes) => self.take(&bytes),
                Err(why) => panic!("{why}: \"{text}\" does not appear on\n{}", self.screen.screen().contents()),
            }
        }
    }

    /// Reads to the end and returns how the program ended.
    fn finish(mut self) -> (ExitStatus, Vec<u8>) {
        loop {
            match self.output.recv_timeout(PATIENCE) {
                Ok(bytes) => self.take(&bytes),
                Err(RecvTimeoutError::Disconnected) => break,
                Err(RecvTimeoutError::Timeout) => panic!("still there:\n{}", self.screen.screen().contents()),
            }
        }
        (self.child.wait().unwrap(), self.raw)
    }

    fn take(&mut self, bytes: &[u8]) {
        self.screen.process(bytes);
        self.raw.extend_from_slice(bytes);
    }
}

/// Every mode that was switched on is switched off, and after the last time it was switched on.
fn assert_given_back(raw: &[u8]) {
    let text = String::from_utf8_lossy(raw);
    for (on, off) in [("\x1b[?1049h", "\x1b[?1049l"), ("\x1b[?2004h", "\x1b[?2004l"), ("\x1b[?25l", "\x1b[?25h")] {
        let (switched_on, switched_off) = (text.rfind(on), text.rfind(off));
        assert!(switched_off >= switched_on, "{off:?} does not follow {on:?}");
    }
    assert!(text.contains("\x1b[?1049h"), "the playground never took the screen");
}

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
    assert!(status.success(), "{status:?}");
    assert_given_back(&raw);
}

#[test]
fn an_answer_on_a_terminal_is_printable_and_keeps_its_tabs_and_joiners() {
    let pair = support::files::Folder::new();
    support::models::untrained_pair(&pair);
    let path = |name: &str| pair.path(name).display().to_string();
    let (model, trace) = (path("denoiser"), path("run.jsonl"));
    let run = || {
        let arguments = ["run", "--model", &model, "--prompt", "Reverse this list: Max, Leo, Ruth", "--trace", &trace];
        let (status, raw) = Terminal::start(&arguments, (200, 24)).finish();
        assert!(status.success(), "{status:?}");
        String::from_utf8(raw).unwrap()
    };
    run();
    let log = diffuscope::trace::file::open(Path::new(&trace)).unwrap().log;
    support::models::respell(&pair, &log, "\tx\u{200c}y ❤\u{fe0f} 👩\u{200d}💻\u{1b}[31m\u{9d}0;t\u{9c}\u{202e}z");
    let shown = run();
    assert!(shown.contains("\tx\u{200c}y ❤\u{fe0f} 👩\u{200d}💻\u{fffd}[31m\u{fffd}0;t\u{fffd}\u{fffd}z"), "{shown:?}");
}

#[test]
fn lines_are_pasted_as_lines() {
    let mut terminal = Terminal::start(&["--prompt", ""], (100, 30));
    terminal.wait_for("type a prompt");
    terminal.press("\x1b[200~first\rsecond\x1b[201~");
    terminal.wait_for("second");
    let screen = terminal.screen.screen().contents();
    assert!(screen.lines().all(|line| !(line.contains("first") && line.contains("second"))), "{screen}");
    terminal.press("\x03");
    assert!(terminal.finish().0.success());
}

#[test]
fn sigterm_gives_the_terminal_back() {
    let mut terminal = Terminal::start(&[], (100, 30));
    terminal.wait_for("gallery");
    let id = terminal.child.process_id().unwrap().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert_given_back(&terminal.finish().1);
}

#[test]
fn ctrl_c_in_the_middle_of_a_run_gives_the_terminal_back() {
    let mut terminal = Terminal::start(&["--preset", "plain"], (80, 24));
    terminal.wait_for("enter");
    terminal.press("\r");
    terminal.wait_for("running");
    terminal.press("\x03");
    let (status, raw) = terminal.finish();
    assert!(status.success(), "{status:?}");
    assert_given_back(&raw);
}

#[test]
fn other_models_are_loaded_while_the_program_runs() {
    let pair = support::files::Folder::new();
    support::models::untrained_pair(&pair);
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
    assert!(status.success(), "{status:?}");
    assert_given_back(&raw);
}

#[cfg(feature = "hub")]
#[test]
fn a_terminal_shows_in_words_what_a_download_waits_for() {
    use hub_server::{Reply, Server, nobody};

    let cache = support::files::Folder::new();
    let pull = |hub: &str| {
        let home = cache.path("hf");
        let variables = [("HF_ENDPOINT", hub), ("HF_HOME", home.to_str().unwrap())];
        Terminal::start_with(&["models", "pull", "hf:owner/tiny"], &variables, (100, 5))
    };
    let silent = Server::start(|_, _| Reply { silent: true, ..Reply::default() });
    let mut terminal = pull(&silent.url());
    terminal.wait_for("asking the hub for owner/tiny");
    terminal.press("\x03");
    let (_, asking) = terminal.finish();
    let (status, waiting) = pull(&nobody()).finish();
    assert_eq!(status.exit_code(), 2);
    let waiting = String::from_utf8_lossy(&waiting).into_owned();
    assert!(waiting.contains("the hub does not answer about owner/tiny; trying again"), "{waiting}");
    for raw in [String::from_utf8_lossy(&asking).into_owned(), waiting] {
        assert!(!raw.contains("0/0") && !raw.contains('░'), "{raw}");
    }
}

#[test]
fn a_trace_that_does_not_fit_leaves_nothing_and_can_be_saved_later() {
    let pair = support::files::Folder::new();
    support::models::untrained_pair(&pair);
    let line = "trap '' XFSZ; ulimit -f 8; exec \"$0\" --model denoiser --preset plain --prompt hello --gen-length 16";
    let mut terminal = Terminal::shell(line, pair.root(), (160, 40));
    terminal.wait_for("ready");
    terminal.press("\rf");
    terminal.wait_for("after 16 steps");
    terminal.press("w");
    terminal.wait_for("the trace could not be saved as diffuscope-1.jsonl: File too large");
    let left = std::fs::read_dir(pair.root()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut left: Vec<String> = left.collect();
    left.sort();
    assert_eq!(left, ["denoiser", "guide"]);
    terminal.press("\x03");
    assert_given_back(&terminal.finish().1);
}

#[test]
fn a_trace_from_standard_input_is_played_with_the_keys_of_the_terminal() {
    let pair = support::files::Folder::new();
    support::models::untrained_pair(&pair);
    let line = "\"$0\" run --model denoiser --preset plain --prompt hello --gen-length 8 --trace run.jsonl >&- 2>&-; \
                cat run.jsonl | \"$0\" replay -";
    let mut terminal = Terminal::shell(line, pair.root(), (120, 40));
    terminal.wait_for("replay of standard input");
    terminal.press("G");
    terminal.wait_for("8 tokens in 8 steps");
    terminal.press("q");
    let (status, raw) = terminal.finish();
    assert!(status.success(), "{status:?}");
    assert_given_back(&raw);
}
