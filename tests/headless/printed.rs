//! What is printed for shells, for `man` and as a sample, and the log file.

use std::{fs, process::Command};

use diffuscope::settings::{KNOBS, Kind, Knob};

use super::{PROMPT, pair, refuse, with_pair};
use crate::support::{
    files::Folder,
    program::{program, refusal, stderr, succeed},
};

/// What a command prints for Ada, whose home no test reads.
fn printed(arguments: &[&str]) -> String {
    succeed(program().args(arguments).env("XDG_CONFIG_HOME", "/home/ada/.config"))
}

#[test]
fn a_sample_of_the_configuration_is_printed() {
    insta::assert_snapshot!("config", printed(&["config"]));
}

#[test]
fn the_manual_is_printed() {
    let page = printed(&["man"]);
    insta::assert_snapshot!("man", page.replace(env!("CARGO_PKG_VERSION"), "VERSION"));
    for knob in KNOBS {
        let first = knob.help.split(['-', '\'', ',', '.', ';', ':', '`']).next().unwrap();
        assert!(page.contains(first), "{first}");
        assert!(page.contains(&format!("\\fB\\-\\-{}\\fR", knob.name.replace('-', "\\-"))), "{}", knob.name);
    }
}

#[test]
fn every_command_has_a_page() {
    for command in diffuscope::cli::command().get_subcommands() {
        let name = command.get_name();
        let page = printed(&["man", name]);
        assert!(page.contains(&format!("diffuscope\\-{}", name.replace('-', "\\-"))), "{page}");
        assert!(page.contains(".SH SYNOPSIS") && page.contains("diffuscope\\fR(1)"), "{page}");
    }
    let message = refuse(program().args(["man", "rnu"]));
    assert!(message.starts_with("there is no command 'rnu': there are play, run, bench"), "{message}");
}

/// The lines of a script from the first that is `begins` to the next that is `ends`.
fn part<'a>(script: &'a str, begins: &str, ends: &str) -> Vec<&'a str> {
    let mut lines = script.lines().skip_while(|line| *line != begins).peekable();
    assert!(lines.peek().is_some(), "there is no {begins:?}");
    lines.take_while(|line| *line != ends).collect()
}

// What is offered for one command, and the commands: a script as a whole repeats each knob for every command.

#[test]
fn completions_for_fish_are_printed() {
    let fish = printed(&["completions", "fish"]);
    let is_telling = |line: &&str| line.contains("using_subcommand run\"") || line.contains("needs_command\" -f -a");
    insta::assert_snapshot!("completions", fish.lines().filter(is_telling).collect::<Vec<_>>().join("\n"));
}

#[test]
fn completions_for_bash_are_printed() {
    let bash = printed(&["completions", "bash"]);
    let commands = part(&bash, "        case \"${cmd},${i}\" in", "        esac");
    let run = part(&bash, "        diffuscope__subcmd__run)", "            ;;");
    let end = bash.lines().rev().take_while(|line| *line != "}").collect::<Vec<_>>();
    let parts = [commands, run, end.into_iter().rev().collect()];
    insta::assert_snapshot!("completions_bash", parts.map(|lines| lines.join("\n")).join("\n\n"));
}

#[test]
fn completions_for_zsh_are_printed() {
    let zsh = printed(&["completions", "zsh"]);
    assert!(zsh.starts_with("#compdef diffuscope\n"));
    let commands = part(&zsh, "_diffuscope_commands() {", "}");
    let run = part(&zsh, "(run)", ";;");
    insta::assert_snapshot!("completions_zsh", [commands, run].map(|lines| lines.join("\n")).join("\n\n"));
}

#[test]
fn completions_of_every_shell_know_the_values() {
    for shell in ["bash", "fish", "zsh"] {
        let script = printed(&["completions", shell]);
        for word in ["flashdlm", "confidence", "asciicast", "sudoku", "unmask", "completions"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

/// What bash offers for the last of these words.
#[cfg(unix)]
fn offered(words: &[&str]) -> Vec<String> {
    let script = "source \"$0\"; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
                  _diffuscope diffuscope \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD - 1]}\"; \
                  printf '%s\\n' \"${COMPREPLY[@]}\"";
    let folder = Folder::new();
    folder.write("diffuscope.bash", printed(&["completions", "bash"]));
    let output = Command::new("bash").args(["-c", script]).arg(folder.path("diffuscope.bash")).args(words).output();
    let output = output.unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    crate::support::program::stdout(&output).lines().map(str::to_owned).collect()
}

#[cfg(unix)]
#[test]
fn bash_completes_commands_options_and_values() {
    if Command::new("bash").arg("--version").output().is_err() {
        eprintln!("there is no bash here");
        return;
    }
    assert_eq!(offered(&["diffuscope", "tr"]), ["train", "train-filter"]);
    assert_eq!(offered(&["diffuscope", "run", "--unma"]), ["--unmask"]);
    let Kind::Choice(choices) = Knob::find("unmask").unwrap().kind else { panic!("a choice of rules") };
    let words: Vec<_> = choices.iter().map(|choice| choice.word).collect();
    assert_eq!(offered(&["diffuscope", "run", "--unmask", ""]), words);
    assert_eq!(offered(&["diffuscope", "--preset", "flashdlm-n"]), ["flashdlm-narrow"]);
    assert_eq!(offered(&["diffuscope", "export", "--layer", "conf"]), ["confidence"]);
    assert_eq!(offered(&["diffuscope", "bench", "--family", "sud"]), ["sudoku"]);
}

#[test]
fn what_the_program_does_is_noted_where_it_is_asked_for() {
    let pair = pair();
    let log = pair.path("log.txt");
    let ask = |text: &[&str]| {
        let mut command = with_pair(&pair, &["run", "--prompt", PROMPT, "--log"]);
        succeed(command.arg(&log).args(text).env("HF_TOKEN", "hf_secret").env("TERM", "xterm"));
        fs::read_to_string(&log).unwrap()
    };
    let noted = ask(&[]);
    let version = format!("diffuscope {}, run, ", env!("CARGO_PKG_VERSION"));
    for part in
        [&*version, "TERM=xterm", "HF_TOKEN is set", "denoiser ", "guide ", "run 1: started: flashdlm", "run 1: ended"]
    {
        assert!(noted.contains(part), "{part} is not in\n{noted}");
    }
    assert!(!noted.contains("Reverse") && !noted.contains("Ruth") && !noted.contains("hf_secret"), "{noted}");
    for line in noted.lines() {
        let (time, rest) = line.split_once(' ').unwrap();
        assert!(time.ends_with('Z') && time.len() == "2026-11-28T08:14:02.031Z".len(), "{line}");
        assert!(["INFO ", "WARN ", "ERROR"].contains(&&rest[..5]), "{line}");
    }
    let both = ask(&["--log-text"]);
    assert!(both.starts_with(&noted), "it is added to");
    assert!(both.contains(&format!("run 1: prompt: {PROMPT}")), "{both}");
}

#[test]
fn the_log_file_is_named_by_the_environment_too_and_failures_are_noted() {
    let folder = Folder::new();
    let log = folder.path("log.txt");
    let message = refusal(program().args(["presets", "nowhere"]).env("DIFFUSCOPE_LOG", &log));
    let noted = fs::read_to_string(&log).unwrap();
    assert!(
        noted.contains(&format!("exit code 2: {}", message.trim_start_matches("diffuscope: ").trim_end())),
        "{noted}"
    );
    succeed(program().arg("presets").env("DIFFUSCOPE_LOG", ""));
}

#[test]
fn a_log_file_that_cannot_be_written_is_one_sentence() {
    let folder = Folder::new();
    let message = refuse(program().args(["presets", "--log"]).arg(folder.path("nowhere/log.txt")));
    assert!(message.contains("nowhere/log.txt cannot be written"), "{message}");
    let message = refuse(program().args(["presets", "--log"]).arg(folder.path("")));
    assert!(message.contains("cannot be written"), "{message}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_costs_the_log_file_and_nothing_else() {
    let output = program().args(["presets", "--log", "/dev/full"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(stderr(&output).lines().count(), 1, "{}", stderr(&output));
    assert!(stderr(&output).starts_with("diffuscope: the log file /dev/full ends early: "), "{}", stderr(&output));
}
