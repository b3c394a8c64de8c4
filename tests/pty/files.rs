//! What is typed and piped in, and what is printed and saved.

use std::path::Path;

use super::{
    support::{
        files::Folder,
        models::{respell, untrained_pair},
    },
    terminal::{Terminal, assert_given_back, on_a_usual_terminal, program},
};

/// A line of the shell that calls diffuscope `$0`, in a folder.
fn in_folder(line: &str, folder: &Folder, size: (u16, u16)) -> Terminal {
    let mut command = portable_pty::CommandBuilder::new("sh");
    command.args(["-c", line, env!("CARGO_BIN_EXE_diffuscope")]);
    command.cwd(folder.root());
    Terminal::spawn(on_a_usual_terminal(command), size)
}

#[test]
fn an_answer_on_a_terminal_is_printable_and_keeps_its_tabs_and_joiners() {
    let pair = Folder::new();
    untrained_pair(&pair);
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
    respell(&pair, &log, "\tx\u{200c}y ❤\u{fe0f} 👩\u{200d}💻\u{1b}[31m\u{9d}0;t\u{9c}\u{202e}z");
    let shown = run();
    assert!(shown.contains("\tx\u{200c}y ❤\u{fe0f} 👩\u{200d}💻\u{fffd}[31m\u{fffd}0;t\u{fffd}\u{fffd}z"), "{shown:?}");
}

#[test]
fn lines_are_pasted_as_lines() {
    let mut terminal = Terminal::start(&["--prompt", ""], (100, 30));
    terminal.wait_for("type a prompt");
    terminal.press("\x1b[200~first\rsecond\x1b[201~");
    terminal.wait_for("second");
    let screen = terminal.contents();
    assert!(screen.lines().all(|line| !(line.contains("first") && line.contains("second"))), "{screen}");
    terminal.press("\x03");
    assert!(terminal.finish().0.success());
}

#[cfg(feature = "hub")]
#[test]
fn a_terminal_shows_in_words_what_a_download_waits_for() {
    use super::hub_server::{Reply, Server, nobody};

    let cache = Folder::new();
    let pull = |hub: &str| {
        let home = cache.path("hf");
        let variables = [("HF_ENDPOINT", hub), ("HF_HOME", home.to_str().unwrap())];
        let mut command = program(&["models", "pull", "hf:owner/tiny"]);
        for (name, value) in variables {
            command.env(name, value);
        }
        Terminal::spawn(command, (100, 5))
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
    let pair = Folder::new();
    untrained_pair(&pair);
    let line = "trap '' XFSZ; ulimit -f 8; exec \"$0\" --model denoiser --preset plain --prompt hello --gen-length 16";
    let mut terminal = in_folder(line, &pair, (160, 40));
    terminal.wait_for("ready");
    terminal.press("\rf");
    terminal.wait_for("after 16 steps");
    terminal.press("w");
    terminal.wait_for("the trace could not be saved as diffuscope-1.jsonl: File too large");
    assert_eq!(names(pair.root()), ["denoiser", "guide"]);
    terminal.press("\x03");
    assert_given_back(&terminal.finish().1);
}

/// Names in a folder.
fn names(folder: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn an_export_is_written_beside_the_playground() {
    let pair = Folder::new();
    untrained_pair(&pair);
    let line = "\"$0\" --model denoiser --preset plain --prompt hello --gen-length 8";
    let mut terminal = in_folder(line, &pair, (140, 40));
    terminal.wait_for("ready");
    terminal.press("\rf");
    terminal.wait_for("after 8 steps");
    terminal.press("E");
    terminal.wait_for("w writes it");
    // The last row is the file.
    terminal.press("\x1b[F");
    terminal.wait_for("^S writes it");
    terminal.press("\x15demo\x13");
    terminal.wait_for("demo.gif is written: ");
    let gif = std::fs::read(pair.path("demo.gif")).unwrap();
    assert!(gif.starts_with(b"GIF89a") && gif.ends_with(b";"), "{} bytes", gif.len());
    terminal.press("\x03");
    let (status, raw) = terminal.finish();
    assert!(status.success(), "{status:?}");
    assert_given_back(&raw);
    assert_eq!(names(pair.root()), ["demo.gif", "denoiser", "guide"]);
}

#[test]
fn leaving_breaks_an_export_off_and_leaves_nothing_of_it() {
    let pair = Folder::new();
    untrained_pair(&pair);
    for ending in ["\x03\x03", "TERM"] {
        let line = "\"$0\" --model denoiser --preset plain --prompt hello --gen-length 32";
        let mut terminal = in_folder(line, &pair, (140, 40));
        terminal.wait_for("ready");
        terminal.press("\rf");
        terminal.wait_for("after 32 steps");
        terminal.press("E");
        terminal.wait_for("w writes it");
        // As large as a picture gets: that takes a while.
        terminal.press("jjjjjj500x110\r\x13");
        terminal.wait_for("breaks it off");
        if ending == "TERM" {
            terminal.signal("TERM");
        } else {
            terminal.press(ending);
        }
        assert_given_back(&terminal.finish().1);
        assert_eq!(names(pair.root()), ["denoiser", "guide"], "{ending:?}");
    }
}

#[test]
fn a_trace_from_standard_input_is_played_with_the_keys_of_the_terminal() {
    let pair = Folder::new();
    untrained_pair(&pair);
    let line = "\"$0\" run --model denoiser --preset plain --prompt hello --gen-length 8 --trace run.jsonl >&- 2>&-; \
                cat run.jsonl | \"$0\" replay -";
    let mut terminal = in_folder(line, &pair, (120, 40));
    terminal.wait_for("replay of standard input");
    terminal.press("G");
    terminal.wait_for("8 tokens in 8 steps");
    terminal.press("q");
    let (status, raw) = terminal.finish();
    assert!(status.success(), "{status:?}");
    assert_given_back(&raw);
}
