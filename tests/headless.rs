//! The program without a screen: what it prints, writes and refuses, and its exit codes.
//!
//! Most tests run an untrained pair, whose answers mean nothing: they are about everything around the answer. Those in
//! `embedded` ask the trained pair.

#![allow(clippy::unwrap_used)]

#[path = "headless/bad_input.rs"]
mod bad_input;
#[path = "headless/demos.rs"]
mod demos;
#[path = "headless/loops.rs"]
mod loops;
#[path = "headless/packed.rs"]
mod packed;
#[path = "headless/pages.rs"]
mod pages;
#[path = "headless/printed.rs"]
mod printed;
mod support;
#[path = "headless/tables.rs"]
mod tables;
#[path = "headless/verified.rs"]
mod verified;

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Command, Output, Stdio},
};

use diffuscope::{
    decode::record::GuideReading,
    settings::{KNOBS, Preset, preset, presets},
    trace::{Figures, Log, file},
};
use serde_json::{Value, json};
use support::{
    files::Folder,
    models::{damage, respell, untrained_pair},
    program::{program, refusal, signal, signals, stderr, stdout, succeed},
};

const PROMPT: &str = "Reverse this list: Max, Leo, Ruth";

/// A command, the pair in `folder`, then the command's other arguments.
fn with_pair(folder: &Folder, arguments: &[&str]) -> Command {
    let (name, others) = arguments.split_first().unwrap();
    let mut command = program();
    command.arg(name);
    command.arg("--model").arg(folder.path("denoiser")).arg("--guide-model").arg(folder.path("guide"));
    command.args(others);
    command
}

fn pair() -> Folder {
    let folder = Folder::new();
    untrained_pair(&folder);
    folder
}

fn json(command: &mut Command) -> Value {
    serde_json::from_str(&succeed(command)).unwrap()
}

/// The one sentence of a command that refuses.
fn refuse(command: &mut Command) -> String {
    let text = refusal(command);
    assert_eq!(text.lines().count(), 1, "{text}");
    text.trim_end().strip_prefix("diffuscope: ").unwrap().to_owned()
}

/// The path of a trace of the pair.
fn recorded(pair: &Folder) -> String {
    let trace = pair.path("run.jsonl");
    succeed(with_pair(pair, &["run", "--prompt", PROMPT, "--trace"]).arg(&trace));
    trace.display().to_string()
}

fn open(path: &Path) -> Log {
    let opened = file::open(path).unwrap();
    assert_eq!(opened.warnings, [""; 0]);
    opened.log
}

/// The trace with every duration set to 0.
fn timeless(path: &Path) -> String {
    let log = open(path);
    let log = support::runs::timeless(log.header(), log.entries().map(Box::new), log.end());
    let mut bytes = Vec::new();
    file::write(&log, &mut bytes).unwrap();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn run_prints_the_answer_alone_on_standard_output() {
    let pair = pair();
    let trace = pair.path("run.jsonl");
    let output = with_pair(&pair, &["run", "--prompt", PROMPT, "--trace"]).arg(&trace).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    let log = open(&trace);
    let end = log.end().unwrap();
    assert_eq!(stdout(&output), format!("{}\n", end.answer));
    let told = stderr(&output);
    for line in ["correct ", "decode ", "passes ", "guide ", "time ", "positions "] {
        assert!(told.lines().any(|told| told.starts_with(line)), "{told}");
    }
}

#[test]
fn json_says_what_the_trace_says() {
    let pair = pair();
    let trace = pair.path("run.jsonl");
    let mut command = with_pair(&pair, &["run", "--prompt", PROMPT, "--json", "--preset", "flashdlm", "--trace"]);
    let outcome = json(command.arg(&trace));
    let log = open(&trace);
    let (header, end) = (log.header(), log.end().unwrap());
    let figures = Figures::of(&log, log.len());
    assert_eq!(outcome["answer"], end.answer);
    assert_eq!(outcome["correct"], false, "an untrained pair knows no answer, and that is no failure");
    assert_eq!(outcome["verdict"].as_str(), end.verdict.as_deref());
    assert_eq!(outcome["family"], "list");
    assert_eq!(outcome["preset"], "flashdlm");
    assert_eq!(outcome["tokens"], end.tokens);
    assert_eq!(outcome["steps"], log.len());
    assert_eq!(outcome["gen_length"], header.gen_length);
    assert_eq!(outcome["prompt_tokens"], header.prompt_ids.len());
    assert_eq!(outcome["nfe"], figures.cost.nfe);
    assert_eq!(outcome["guide_forwards"], figures.cost.guide_forwards);
    assert_eq!(outcome["positions_computed"], figures.cost.computed);
    assert_eq!(outcome["positions_reused"], figures.cost.reused);
    assert_eq!(outcome["acceptance"].as_f64(), figures.acceptance());
    assert_eq!(outcome["seconds"].as_f64(), Some(figures.seconds()));
    assert_eq!(outcome["tokens_per_forward"].as_f64(), Some(figures.tokens_per_forward()));
    assert!(figures.cost.nfe > 0 && figures.cost.guide_forwards > 0 && figures.acceptance().is_some());
}

#[test]
fn what_nobody_can_judge_is_neither_right_nor_wrong() {
    let pair = pair();
    let outcome = json(&mut with_pair(&pair, &["run", "--prompt", "Hello there", "--json", "--preset", "plain"]));
    assert_eq!(outcome["correct"], Value::Null);
    assert_eq!(outcome["family"], Value::Null);
    assert_eq!(outcome["acceptance"], Value::Null);
    assert_eq!(outcome["gen_length"], 64);
    assert_eq!(outcome["nfe"], 64);
}

#[test]
fn a_trace_depends_on_prompt_settings_and_seed_alone() {
    let pair = pair();
    let trace = |name: &str, knobs: &[&str]| {
        let path = pair.path(name);
        succeed(with_pair(&pair, &["run", "--prompt", PROMPT, "--trace"]).arg(&path).args(knobs));
        timeless(&path)
    };
    let drawn = ["--preset", "plain", "--temperature", "1", "--seed", "5"];
    assert_eq!(trace("a", &drawn), trace("b", &drawn));
    let other = ["--preset", "plain", "--temperature", "1", "--seed", "6"];
    assert_ne!(trace("a", &drawn), trace("c", &other));
    // A filter is trained on one denoiser, and this pair has none.
    let asks_a_filter = |preset: &Preset| preset.knobs().any(|knob| knob == ("unmask", "filter"));
    for preset in presets().iter().filter(|preset| !asks_a_filter(preset)) {
        let knobs = ["--preset", &preset.name];
        assert_eq!(trace("d", &knobs), trace("e", &knobs), "{}", preset.name);
    }
}

/// A pair whose answer to the prompt holds this.
fn pair_that_says(text: &str) -> Folder {
    let pair = pair();
    let log = open(Path::new(&recorded(&pair)));
    respell(&pair, &log, text);
    pair
}

/// Much that is text, and much that a terminal would obey.
const SPELT: &str = "\tx\u{200c}y ❤\u{fe0f} 👩\u{200d}💻\u{1b}[31m\u{9d}0;t\u{9c}\u{202e}z\r";

#[test]
fn programs_get_the_answer_byte_by_byte() {
    let pair = pair_that_says(SPELT);
    let printed = succeed(&mut with_pair(&pair, &["run", "--prompt", PROMPT]));
    let answer = open(Path::new(&recorded(&pair))).end().unwrap().answer.clone();
    assert!(answer.contains(SPELT), "{answer:?}");
    assert_eq!(printed, format!("{answer}\n"));
}

#[test]
fn json_holds_nothing_that_a_terminal_obeys() {
    let pair = pair_that_says(SPELT);
    let trace = std::fs::read_to_string(recorded(&pair)).unwrap();
    let printed = succeed(&mut with_pair(&pair, &["run", "--json", "--prompt", PROMPT]));
    for text in [&trace, &printed] {
        let obeyed = |c: char| c != '\n' && (c.is_control() || c == '\u{202e}');
        assert!(!text.contains(obeyed) && text.contains("\\u009d0;t\\u009c\\u202ez"), "{text}");
    }
    let outcome: Value = serde_json::from_str(&printed).unwrap();
    assert!(outcome["answer"].as_str().unwrap().contains(SPELT));
}

/// `run --prompt -`, which finds `bytes` on standard input.
fn asked(mut command: Command, bytes: &[u8]) -> Output {
    let mut child = command
        .args(["--prompt", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // It may have heard enough before the end.
    let _ = child.stdin.take().unwrap().write_all(bytes);
    child.wait_with_output().unwrap()
}

#[test]
fn the_prompt_can_come_from_standard_input() {
    let pair = pair();
    let trace = pair.path("run.jsonl");
    let prompt = |bytes: &[u8]| {
        let mut command = with_pair(&pair, &["run", "--gen-length", "8", "--preset", "plain", "--trace"]);
        command.arg(&trace);
        let output = asked(command, bytes);
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        open(&trace).header().prompt.clone()
    };
    let sudoku = "Solve this sudoku:\n1030\n0412\n2140\n4021";
    assert_eq!(prompt(format!("{sudoku}\n").as_bytes()), sudoku);
    assert_eq!(prompt(format!("\u{feff}{}\r\n", sudoku.replace('\n', "\r\n")).as_bytes()), sudoku);
    assert_eq!(prompt(sudoku.replace('\n', "\r").as_bytes()), sudoku);
    assert_eq!(prompt(b"Q: a\n\n"), "Q: a\n", "one line break ends the text, the others are its own");
    assert_eq!(prompt("\ta\u{200c}\u{1b}b".as_bytes()), "\ta\u{200c}b");
}

#[test]
fn standard_input_that_is_no_prompt_is_refused() {
    let pair = pair();
    let refused = |bytes: &[u8]| {
        let output = asked(with_pair(&pair, &["run"]), bytes);
        assert_eq!(output.status.code(), Some(2));
        stderr(&output).strip_prefix("diffuscope: the prompt cannot be read from standard input: ").unwrap().to_owned()
    };
    assert_eq!(refused(b"\xff\xfeh\0i\0"), "it is UTF-16: save it as UTF-8\n");
    assert_eq!(refused(b"caf\xe9"), "it is no UTF-8 text (byte 4): save it as UTF-8\n");
    assert_eq!(refused(&vec![b'a'; 5 << 20]), "it is larger than 4 MiB\n");
}

#[test]
fn a_prompt_has_line_feeds_and_no_other_controls_wherever_it_comes_from() {
    let pair = pair();
    let trace = pair.path("run.jsonl");
    let prompt = "a\r\nb\rc\td\u{1b}[0m\u{9b}\u{200d}";
    succeed(
        with_pair(&pair, &["run", "--gen-length", "8", "--preset", "plain", "--prompt", prompt, "--trace"]).arg(&trace),
    );
    assert_eq!(open(&trace).header().prompt, "a\nb\nc\td[0m\u{200d}");
}

#[test]
fn large_seeds_survive_programs_that_round() {
    let pair = pair();
    let trace = pair.path("run.jsonl");
    for (seed, written) in [
        (1 << 53, json!(9_007_199_254_740_992_u64)),
        ((1 << 53) + 1, json!("9007199254740993")),
        (u64::MAX, json!("18446744073709551615")),
    ] {
        let mut command =
            with_pair(&pair, &["run", "--json", "--gen-length", "8", "--preset", "plain", "--prompt", PROMPT]);
        let outcome = json(command.args(["--seed", &seed.to_string(), "--trace"]).arg(&trace));
        assert_eq!(outcome["seed"], written);
        let text = std::fs::read_to_string(&trace).unwrap();
        let header: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
        assert_eq!(header["header"]["settings"]["seed"], written);
        assert_eq!(open(&trace).header().settings.seed, seed);
    }
}

#[test]
fn a_trace_can_be_printed() {
    let pair = pair();
    let printed = succeed(&mut with_pair(&pair, &["run", "--prompt", PROMPT, "--trace", "-"]));
    let opened = file::read("printed", printed.as_bytes()).unwrap();
    assert_eq!((opened.warnings.len(), opened.log.header().prompt.as_str()), (0, PROMPT));
    assert!(opened.log.end().is_some());
    assert_eq!(
        refuse(&mut with_pair(&pair, &["run", "--prompt", PROMPT, "--json", "--trace", "-"])),
        "--trace - and --json would both write to standard output: give the trace a file"
    );
    assert!(!Path::new("-").exists());
}

#[test]
fn a_trace_that_cannot_be_written_is_found_out_before_models_are_loaded() {
    let folder = Folder::new();
    let run = |trace: &Path| {
        let mut command = program();
        command.args(["run", "--prompt", PROMPT, "--model", "no-such-model", "--trace"]).arg(trace);
        refuse(&mut command)
    };
    assert!(run(&folder.path("none/run.jsonl")).contains("none/run.jsonl cannot be written: "));
    assert!(run(folder.root()).contains("cannot be written: "));
    let (new, old) = (folder.path("new.jsonl"), folder.write("old.jsonl", "old"));
    for path in [&new, &old] {
        assert!(run(path).starts_with("no-such-model is not there"), "{}", run(path));
    }
    assert!(!new.exists(), "nothing stays behind");
    assert_eq!(std::fs::read_to_string(old).unwrap(), "old");
}

#[cfg(unix)]
#[test]
fn files_without_an_end_are_refused() {
    let pair = pair();
    let run = |arguments: &[&str]| refuse(with_pair(&pair, &["run", "--prompt", PROMPT]).args(arguments));
    let sentence = "it is larger than 16 MiB";
    assert_eq!(run(&["--config", "/dev/zero"]), format!("/dev/zero: cannot be read: {sentence}"));
    assert_eq!(run(&["--preset", "/dev/zero"]), format!("/dev/zero: cannot be read: {sentence}"));
    assert_eq!(run(&["--filter", "/dev/zero"]), format!("the filter /dev/zero cannot be read: {sentence}"));
    for file in ["config.json", "tokenizer.json", "chat_template.jinja", "model.safetensors"] {
        let path = pair.path(&format!("denoiser/{file}"));
        let kept = std::fs::read(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let message = run(&[]);
        assert!(message.contains(file) && message.contains("it is no regular file"), "{message}");
        std::fs::remove_file(&path).unwrap();
        std::fs::write(&path, kept).unwrap();
    }
}

#[test]
fn settings_come_in_layers() {
    let pair = pair();
    let config = pair.write("config.toml", "preset = 'threshold'\n[knobs]\nthreshold = 0.25\ntemperature = 0.5\n");
    let settings = |arguments: &[&str], environment: &Path| {
        let trace = pair.path("run.jsonl");
        let mut command = with_pair(&pair, &["run", "--prompt", PROMPT, "--gen-length", "32", "--trace"]);
        succeed(command.arg(&trace).args(arguments).env("DIFFUSCOPE_CONFIG", environment));
        let log = open(&trace);
        (log.header().preset.clone().unwrap(), log.header().settings)
    };
    let (preset, from_file) = settings(&[], &config);
    assert_eq!((preset.as_str(), from_file.threshold, from_file.temperature), ("threshold", 0.9, 0.5));
    let (preset, from_flags) = settings(&["--preset", "plain", "--threshold", "0.5"], &config);
    assert_eq!((preset.as_str(), from_flags.threshold, from_flags.temperature), ("plain", 0.5, 0.5));
    let named = ["--config", config.to_str().unwrap()];
    assert_eq!(settings(&named, Path::new("")), settings(&[], &config));
    let (preset, none) = settings(&[], Path::new(""));
    assert_eq!((preset.as_str(), none.temperature), ("flashdlm", 0.0));
    let printed = succeed(program().args(["presets", "freecache"]));
    let file = pair.write("mine.toml", printed);
    let (name, mine) = settings(&["--preset", file.to_str().unwrap()], Path::new(""));
    assert_eq!(name, "mine");
    assert_eq!(mine.cache, diffuscope::settings::CacheChoice::Block);
}

#[test]
fn without_a_guide_presets_do_without() {
    let pair = pair();
    let denoiser = pair.path("denoiser");
    let run = |arguments: &[&str]| {
        let mut command = program();
        command.args(["run", "--json", "--prompt", PROMPT, "--model"]).arg(&denoiser).args(arguments);
        command
    };
    assert_eq!(json(&mut run(&[]))["guide_forwards"], 0);
    assert_eq!(
        refuse(&mut run(&["--guide", "topk"])),
        "guide is 'topk' but no guide model is loaded: load one, or set guide to 'off'"
    );
}

#[test]
fn bad_input_is_reported_in_one_sentence() {
    let pair = pair();
    let refused = |arguments: &[&str]| refuse(&mut with_pair(&pair, &[&["run", "--json"], arguments].concat()));
    let long = "Reverse this list: Max".to_owned() + &", Leo".repeat(200);
    let cases: [(&[&str], &str); 14] = [
        (
            &[],
            "the following required arguments were not provided: --prompt <TEXT>; `diffuscope --help` lists commands and options",
        ),
        (&["--prompt", ""], "the prompt is empty: type something to denoise an answer to"),
        (&["--prompt", &long], "the prompt takes 407 tokens and the model's context is 256: shorten the prompt"),
        (
            &["--prompt", PROMPT, "--gen-length", "0"],
            "gen-length cannot be '0': it takes a whole number from 1 to 4096 (tokens), or 'auto'",
        ),
        (
            &["--prompt", PROMPT, "--gen-length", "1000"],
            "gen-length 1000 and a prompt of 11 tokens exceed the model's context of 256: choose a gen-length of at \
             most 245",
        ),
        (
            &["--prompt", PROMPT, "--gen-length", "16", "--block-length", "32"],
            "block-length 32 does not fit a gen-length of 16: choose at most 16, or 'whole'",
        ),
        (
            &["--prompt", PROMPT, "--block-length", "-4"],
            "block-length cannot be '-4': it takes a whole number from 1 to 4096 (tokens), or 'whole'",
        ),
        (
            &["--prompt", PROMPT, "--preset", "fastdllm-dual"],
            "unknown preset 'fastdllm-dual'; did you mean 'fast-dllm-dual'? `diffuscope presets` lists them all",
        ),
        (
            &["--prompt", PROMPT, "--treshold", "0.5"],
            "unexpected argument '--treshold' found; tip: a similar argument exists: '--threshold'; `diffuscope --help` \
             lists commands and options",
        ),
        (
            &["--prompt", PROMPT, "--threshold", "0.5", "--threshold", "0.6"],
            "the argument '--threshold <PROBABILITY>' cannot be used multiple times; `diffuscope --help` lists \
             commands and options",
        ),
        (
            &["--prompt", PROMPT, "--preset", "none.toml"],
            "none.toml: cannot be read: No such file or directory (os error 2)",
        ),
        (
            &["--prompt", PROMPT, "--config", "none.toml"],
            "none.toml: cannot be read: No such file or directory (os error 2)",
        ),
        (
            &["--prompt", PROMPT, "--trace", "no-such-folder/run.jsonl"],
            "no-such-folder/run.jsonl cannot be written: No such file or directory (os error 2)",
        ),
        (
            &["--prompt", PROMPT, "--device", "abacus"],
            "invalid value 'abacus' for '--device <DEVICE>': unknown device `abacus` (expected auto, cpu, \
             cuda, cuda:N or metal); `diffuscope --help` lists commands and options",
        ),
    ];
    for (arguments, expected) in cases {
        assert_eq!(refused(arguments), expected, "{arguments:?}");
    }
}

#[test]
fn weights_that_give_no_numbers_fail_the_run() {
    let parts = ["model.norm.weight", "model.embed_tokens.weight", "model.layers.1.post_attention_layernorm.weight"];
    for (part, value) in
        parts.into_iter().flat_map(|part| [f32::NAN, f32::INFINITY, 3e38, -3e38].map(|value| (part, value)))
    {
        for model in ["denoiser", "guide"] {
            let pair = pair();
            damage(&pair, model, part, value);
            let arguments = ["run", "--prompt", PROMPT, "--preset", "flashdlm", "--trace"];
            let trace = pair.path("run.jsonl");
            let output = with_pair(&pair, &arguments).arg(&trace).output().unwrap();
            let told = stderr(&output);
            assert_eq!(
                (output.status.code(), stdout(&output).as_str()),
                (Some(3), ""),
                "{model} {part} {value}: {told}"
            );
            let begins = format!("diffuscope: the run failed: the {model} gives no numbers at ");
            assert!(told.starts_with(&begins), "{model} {part} {value}: {told}");
            assert!(told.contains("(step 1): its weights are damaged") && told.lines().count() == 1, "{told}");
            // What there was of it can still be looked at.
            let opened = file::open(&trace).unwrap();
            assert_eq!((opened.log.len(), opened.log.end()), (0, None));
        }
    }
}

#[test]
fn a_raw_run_needs_no_prompt() {
    let pair = pair();
    let raw = |arguments: &[&str]| with_pair(&pair, &[&["run", "--raw", "--prompt", ""], arguments].concat());
    let outcome = json(&mut raw(&["--preset", "plain", "--json"]));
    assert_eq!((&outcome["prompt_tokens"], &outcome["gen_length"]), (&0.into(), &64.into()));
    assert_eq!(outcome["stop"], "nothing-masked");
    assert_eq!(
        refuse(&mut raw(&["--preset", "flashdlm"])),
        "guide 'deterministic' judges drafts by what stands before them, and there is no prompt: set guide to 'off', or \
         type a prompt"
    );
    let trace = pair.path("raw.jsonl");
    succeed(raw(&["--preset", "freecache", "--trace"]).arg(&trace));
    assert_eq!(open(&trace).header().prompt_ids, [0_u32; 0]);
    assert!(succeed(program().arg("cast").arg(&trace).args(["--output", "-"])).starts_with('{'));
}

#[test]
fn models_that_cannot_be_used_are_reported() {
    let pair = pair();
    let run = |model: &Path, arguments: &[&str]| {
        refuse(program().args(["run", "--prompt", PROMPT, "--model"]).arg(model).args(arguments))
    };
    let nowhere = pair.path("nowhere");
    assert_eq!(
        run(&nowhere, &[]),
        format!(
            "{} is not there: a model is embedded, a folder, a .gguf file or hf:owner/name[@revision]",
            nowhere.display()
        )
    );
    let guide = pair.path("guide");
    assert!(run(&guide, &[]).contains("has no mask token, so it cannot denoise"), "{}", run(&guide, &[]));
    let denoiser = pair.path("denoiser");
    assert_eq!(
        run(&denoiser, &["--guide-model", denoiser.to_str().unwrap()]),
        "the Dream model is not autoregressive, so it cannot guide: choose an autoregressive model"
    );
    // The words of two ids change places.
    let mut vocabulary: Value = serde_json::from_str(&support::models::vocabulary().json).unwrap();
    let words = vocabulary["model"]["vocab"].as_object_mut().unwrap();
    let [one, other] = ["▁a", "▁the"].map(|word| words[word].clone());
    words.insert("▁a".to_owned(), other);
    words.insert("▁the".to_owned(), one);
    pair.write("guide/tokenizer.json", vocabulary.to_string());
    assert_eq!(
        run(&denoiser, &["--guide-model", guide.to_str().unwrap(), "--guide", "product"]),
        "guide 'product' mixes the distributions of denoiser and guide, and the guide has another vocabulary: set guide to \
         another rule, or choose a guide that shares it"
    );
    assert_eq!(
        run(&denoiser, &["--system", "Be brief."]),
        format!(
            "{}: the chat template refuses this conversation at line 7: the embedded pair was trained without a system text",
            pair.path("denoiser/chat_template.jinja").display()
        )
    );
    let weights = std::fs::read(pair.path("denoiser/model.safetensors")).unwrap();
    pair.write("denoiser/model.safetensors", &weights[..weights.len() / 2]);
    assert!(run(&denoiser, &[]).ends_with("the file is truncated"), "{}", run(&denoiser, &[]));
}

#[test]
fn a_guide_of_another_vocabulary_reads_text() {
    let pair = pair();
    let vocabulary = support::models::vocabulary();
    let tokenizer = support::models::tokenizer();
    let (max, leo) = (tokenizer.encode("Max").unwrap()[0], tokenizer.encode("Leo").unwrap()[0]);
    // Two names have changed places.
    let swapped = vocabulary.json.replace(&format!(": {max}"), ": ?").replace(&format!(": {leo}"), &format!(": {max}"));
    pair.write("guide/tokenizer.json", swapped.replace(": ?", &format!(": {leo}")));
    let trace = pair.path("run.jsonl");
    let mut command = with_pair(&pair, &["run", "--prompt", PROMPT, "--preset", "guided", "--trace"]);
    succeed(command.arg(&trace));
    let log = file::open(&trace).unwrap().log;
    let entries: Vec<_> = log.entries().collect();
    let reviews: Vec<_> = entries.iter().filter_map(|entry| entry.record.guide.as_ref()).collect();
    assert!(!reviews.is_empty() && reviews.iter().all(|review| review.reading == GuideReading::Text));
    let seen = reviews.iter().flat_map(|review| &review.drafts).filter_map(|draft| draft.view);
    for view in seen {
        assert!(view.token as usize >= vocabulary.padded, "the guide's ids stand behind the denoiser's");
        let mut texts = entries.iter().flat_map(|entry| &entry.texts);
        assert!(texts.any(|text| text.id == view.token), "and have a text");
    }
}

#[test]
fn without_a_template_the_prompt_is_all_that_is_read() {
    let pair = pair();
    let pieces = |arguments: &[&str]| {
        let trace = pair.path("run.jsonl");
        let mut command = with_pair(&pair, &["run", "--prompt", PROMPT, "--gen-length", "8"]);
        succeed(command.args(arguments).arg("--trace").arg(&trace));
        file::open(&trace).unwrap().log.header().prompt_pieces.concat()
    };
    assert_eq!(pieces(&[]), format!("<user>{PROMPT}<bot>"));
    assert_eq!(pieces(&["--raw"]), PROMPT);
    pair.write("denoiser/chat_template.jinja", "{% trans %}x{% endtrans %}");
    assert_eq!(pieces(&["--raw"]), PROMPT, "a template that is not used may be anything");
    assert_eq!(
        refuse(&mut with_pair(&pair, &["run", "--prompt", PROMPT])),
        format!(
            "the prompt cannot be encoded: {}: line 1 of the chat template is not valid: unknown statement trans; --raw \
             does without a template",
            pair.path("denoiser/chat_template.jinja").display()
        )
    );
    std::fs::remove_file(pair.path("denoiser/chat_template.jinja")).unwrap();
    assert_eq!(pieces(&[]), PROMPT, "a model without a template gets the prompt as it is");
}

#[test]
fn a_template_is_given_variables_by_name() {
    let pair = pair();
    let template = "{{ messages[0].content }}{{ '/no' if mode is defined and mode is false else '' }}{{ size }}";
    pair.write("denoiser/chat_template.jinja", template);
    let pieces = |variables: &[&str]| {
        let trace = pair.path("run.jsonl");
        let mut command = with_pair(&pair, &["run", "--prompt", "Hi", "--gen-length", "8"]);
        command.args(variables.iter().flat_map(|variable| ["--template-var", variable]));
        succeed(command.arg("--trace").arg(&trace));
        file::open(&trace).unwrap().log.header().prompt_pieces.concat()
    };
    assert_eq!(pieces(&[]), "Hi");
    assert_eq!(pieces(&["mode=false"]), "Hi/no");
    assert_eq!(pieces(&["mode=False", "size=large"]), "Hi/nolarge");
    assert_eq!(pieces(&["mode=true", "size=1.50"]), "Hi1.5");
    let mut misspelt =
        with_pair(&pair, &["run", "--prompt", "Hi", "--gen-length", "8", "--template-var", "mood=false"]);
    let warned = stderr(&misspelt.output().unwrap());
    let warning = format!(
        "the template variable mood has no effect: the chat template in {} does not mention it\n",
        pair.path("denoiser/chat_template.jinja").display()
    );
    assert!(warned.contains(&warning), "{warned}");
    for (variable, reason) in [
        ("mode", "expected NAME=VALUE"),
        ("a-b=1", "'a-b' is no name of a variable"),
        ("messages=1", "messages is the conversation itself"),
    ] {
        let output = with_pair(&pair, &["run", "--prompt", "Hi", "--template-var", variable]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains(reason), "{}", stderr(&output));
    }
}

#[test]
fn a_refused_request_leaves_an_older_trace_alone() {
    let pair = pair();
    let trace = pair.write("run.jsonl", "precious");
    refuse(with_pair(&pair, &["run", "--prompt", " ", "--trace"]).arg(&trace));
    assert_eq!(std::fs::read_to_string(trace).unwrap(), "precious");
}

#[test]
fn a_trace_that_cannot_be_written_is_reported_before_models_are_loaded() {
    let folder = Folder::new();
    for (trace, why) in [("no-such-folder/run.jsonl", "No such file or directory"), (".", "Is a directory")] {
        let mut command = program();
        command.args(["run", "--prompt", PROMPT, "--model", "nowhere", "--trace", trace]).current_dir(folder.root());
        let message = refuse(&mut command);
        assert!(message.starts_with(&format!("{trace} cannot be written: {why}")), "{message}");
    }
    let trace = folder.path("run.jsonl");
    refuse(program().args(["run", "--prompt", PROMPT, "--model", "nowhere", "--trace"]).arg(&trace));
    assert!(!trace.exists(), "nothing was run");
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_costs_the_trace_and_not_the_answer() {
    let pair = pair();
    let answer = succeed(&mut with_pair(&pair, &["run", "--prompt", PROMPT]));
    let output = with_pair(&pair, &["run", "--prompt", PROMPT, "--trace", "/dev/full"]).output().unwrap();
    assert_eq!((output.status.code(), stdout(&output)), (Some(3), answer));
    let told = stderr(&output);
    assert!(told.contains("decode "), "the figures are there: {told}");
    assert_eq!(
        told.lines().last().unwrap(),
        "diffuscope: /dev/full cannot be written: No space left on device (os error 28); the answer is complete, and \
         its trace is not"
    );
    let output = with_pair(&pair, &["run", "--json", "--prompt", PROMPT, "--trace", "/dev/full"]).output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    assert!(serde_json::from_str::<Value>(&stdout(&output)).unwrap()["answer"].is_string());
}

/// The command, allowed files of so many blocks of 512 bytes.
#[cfg(unix)]
fn with_small_files(command: &Command, blocks: u32) -> Command {
    let mut limited = Command::new("sh");
    // Without its signal, the limit is an error like that of a full disk.
    limited.arg("-c").arg(format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$0\" \"$@\""));
    limited.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => limited.env(name, value),
            None => limited.env_remove(name),
        };
    }
    limited.stdin(Stdio::null());
    limited
}

#[cfg(unix)]
#[test]
fn a_disk_that_fills_up_leaves_no_torn_recording() {
    let pair = pair();
    let trace = pair.path("run.jsonl");
    let mut run = with_pair(&pair, &["run", "--prompt", PROMPT, "--preset", "plain", "--trace"]);
    let output = with_small_files(run.arg(&trace), 64).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains("run.jsonl cannot be written: File too large"), "{}", stderr(&output));
    assert!(!stdout(&output).is_empty());
    let opened = file::open(&trace).unwrap();
    assert!(!opened.log.is_empty(), "what fits is a trace");
    assert_eq!(opened.warnings.len(), 1);

    let cast = pair.write("demo.cast", "precious");
    let mut command = program();
    command.arg("cast").arg(&trace).arg("--force").arg("-o").arg(&cast);
    let output = with_small_files(&command, 8).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains("demo.cast cannot be written: File too large"), "{}", stderr(&output));
    assert_eq!(std::fs::read_to_string(&cast).unwrap(), "precious");
    let left = std::fs::read_dir(pair.root()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut left: Vec<String> = left.collect();
    left.sort();
    assert_eq!(left, ["demo.cast", "denoiser", "guide", "run.jsonl"]);
    succeed(&mut command);
    assert!(std::fs::read_to_string(&cast).unwrap().starts_with("{\"env\""));
}

#[test]
fn bench_compares_presets_on_the_same_prompts() {
    let pair = pair();
    let bench = |arguments: &[&str]| with_pair(&pair, &[&["bench", "--prompts", "2"], arguments].concat());
    let rows = json(&mut bench(&["--family", "sudoku", "--presets", "freecache,guided", "--json"]));
    let rows = rows.as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["preset"].as_str().unwrap()).collect();
    assert_eq!(names, ["plain", "freecache", "guided"], "the yardstick is always there");
    for row in rows {
        assert_eq!(row["family"], "sudoku");
        assert_eq!(row["prompts"], 2);
        assert_eq!(row["exact_match"], 0.0);
        for figure in ["nfe", "tokens_per_forward", "tokens_per_second", "speedup", "speedup_median", "seconds"] {
            assert!(row[figure].is_number(), "{figure} of {row}");
        }
    }
    assert_eq!(rows[0]["speedup"], 1.0);
    assert_eq!(rows[0]["nfe"], 32.0, "all denoise a canvas that takes the longest block");
    assert_eq!(rows[0]["positions_reused"], 0.0);
    assert_eq!(rows[0]["acceptance"], Value::Null);
    assert!(rows[2]["guide_forwards"].as_f64() > Some(0.0) && rows[2]["acceptance"].is_number());
    let again = json(&mut bench(&["--family", "sudoku", "--presets", "freecache,guided", "--json"]));
    for figure in ["nfe", "tokens", "positions_computed", "positions_reused", "guide_forwards"] {
        assert_eq!(rows[2][figure], again[2][figure]);
    }
}

#[test]
fn bench_prints_tables() {
    let pair = pair();
    let bench =
        |arguments: &[&str]| succeed(&mut with_pair(&pair, &[&["bench", "--prompts", "1"], arguments].concat()));
    let text = bench(&["--presets", "threshold", "--gen-length", "8"]);
    let mut lines = text.lines();
    assert!(lines.next().unwrap().starts_with("family  preset     prompts  exact match"));
    let starts: Vec<String> =
        lines.by_ref().take(14).map(|line| line.split_whitespace().take(3).collect::<Vec<_>>().join(" ")).collect();
    let mut expected = Vec::new();
    for family in ["list", "math", "story", "json", "code", "sudoku"] {
        expected.extend(["plain", "threshold"].map(|preset| format!("{family} {preset} 1")));
    }
    expected.extend(["all plain 6".to_owned(), "all threshold 6".to_owned()]);
    assert_eq!(starts, expected);
    let markdown = bench(&["--presets", "plain", "--family", "list", "--gen-length", "8", "--markdown"]);
    let lines: Vec<&str> = markdown.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(lines[0].starts_with("| family | preset | prompts |"));
    assert!(lines[1].starts_with("| --- | --- | ---: |"));
    assert!(lines[2].starts_with("| list | plain | 1 |"));
}

/// A run in a trace: prompt, settings, and the path after `@` for a step.
fn fork_of(pair: &Folder, trace: &str, arguments: &[&str]) -> Command {
    let mut command = with_pair(pair, &["run", "--fork", trace]);
    command.args(arguments);
    command
}

#[test]
fn a_fork_continues_the_run_in_a_trace() {
    let pair = pair();
    let parent = recorded(&pair);
    let trace = pair.path("fork.jsonl");
    let at = format!("{parent}@3");
    let outcome = json(fork_of(&pair, &at, &["--json", "--trace"]).arg(&trace));
    let (parent_log, fork) = (open(Path::new(&parent)), open(&trace));
    let steps = |path: &Path| timeless(path).lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(steps(&trace), steps(Path::new(&parent)), "nothing was changed");
    let origin = fork.header().origin.as_ref().unwrap();
    assert_eq!((origin.step, origin.exact, origin.cold), (3, true, false));
    assert_eq!(origin.parent, parent_log.hash(3));
    assert_eq!(outcome["fork"]["parent"], origin.parent);
    assert_eq!(outcome["fork"]["step"], 3);
    assert_eq!(outcome["fork"]["exact"], true);
    assert_eq!(outcome["fork"]["steps"], parent_log.len() - 3);
    assert_eq!(outcome["steps"], parent_log.len());
    // A knob is turned on top of what the parent had; a fork of the fork needs no other file.
    let at = format!("{}@4", trace.display());
    let turned = pair.path("turned.jsonl");
    succeed(fork_of(&pair, &at, &["--tokens-per-step", "2", "--unmask", "quota", "--trace"]).arg(&turned));
    let turned = open(&turned);
    assert_eq!(turned.header().settings, parent_log.header().settings);
    assert_eq!(turned.settings_at(5).tokens_per_step, 2);
    assert_eq!(turned.settings_at(5).cache, parent_log.settings_at(4).cache);
    assert_eq!(turned.header().origin.as_ref().map(|origin| origin.step), Some(4));
}

#[test]
fn a_fork_is_changed_by_hand_and_starts_cold() {
    let pair = pair();
    let parent = recorded(&pair);
    let log = open(Path::new(&parent));
    let start = log.header().prompt_ids.len();
    let (write, remask) = (format!("{start}=9"), format!("{}..{}", start + 1, start + 3));
    let trace = pair.path("fork.jsonl");
    let at = format!("{parent}@{}", log.len());
    let arguments = ["--write", &write, "--remask", &remask, "--cold", "--preset", "plain", "--seed", "7", "--trace"];
    let output = fork_of(&pair, &at, &arguments).arg(&trace).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let told = stderr(&output);
    assert!(told.lines().any(|line| line.starts_with("fork       after step") && line.contains("(cold)")), "{told}");
    let fork = open(&trace);
    assert_eq!(fork.header().given.len(), log.header().gen_length);
    assert_eq!((fork.header().preset.as_deref(), fork.header().settings.seed), (Some("plain"), 7));
    assert_eq!(fork.step(1).unwrap().edits().len(), 2);
    assert_eq!(fork.canvas(fork.len()).id(start), Some(9));
}

#[test]
fn what_cannot_be_forked_is_said_in_one_sentence() {
    let pair = pair();
    let parent = recorded(&pair);
    let length = open(Path::new(&parent)).len();
    let says = |arguments: &[&str], expected: &[&str]| {
        let said = refuse(&mut with_pair(&pair, &[&["run"], arguments].concat()));
        assert!(expected.iter().all(|part| said.contains(part)), "{said}");
    };
    let at = |step: usize| format!("{parent}@{step}");
    let first = at(1);
    says(&["--fork", &at(99)], &["cannot be forked after step 99", &format!("the run has {length} steps")]);
    says(&["--fork", &parent], &["expected FILE@STEP"]);
    says(&["--fork", &format!("{parent}@x")], &["a number of steps is expected"]);
    says(&["--fork", "@3"], &["before the @ the file"]);
    says(&["--fork", &first, "--prompt", PROMPT], &["--prompt", "cannot be used with", "--fork"]);
    says(&["--prompt", PROMPT, "--cold"], &["--cold is about a fork: name one by --fork FILE@STEP"]);
    says(&[], &["--prompt"]);
    says(&["--fork", &first, "--seed", "3"], &["a fork has the seed of its parent: leave --seed out"]);
    says(&["--fork", &first, "--cold", "--gen-length", "8"], &["gen-length of its parent"]);
    says(&["--fork", &first, "--write", "0=9"], &["position 0 is in the prompt"]);
    says(&["--fork", &first, "--write", "9"], &["expected POSITION=TOKEN-ID"]);
    says(&["--fork", &first, "--remask", "4"], &["expected FIRST..LAST"]);
    says(&["--fork", &first, "--trace", &parent], &["holds the run that is forked"]);
    says(&["--fork", &at(length)], &[&format!("after step {length} there is nothing left to denoise")]);
    damage(&pair, "denoiser", "model.norm.weight", 0.5);
    says(&["--fork", &first], &["made with the model denoiser (Dream, ", "and denoiser (Dream, ", "is loaded", "cold"]);
    succeed(&mut fork_of(&pair, &first, &["--cold"]));
    // Unknown knobs: what a later version has.
    let later = std::fs::read_to_string(&parent).unwrap().replacen("\"settings\":{", "\"settings\":{\"tea\":1,", 1);
    std::fs::write(pair.path("later.jsonl"), later).unwrap();
    let later = format!("{}@1", pair.path("later.jsonl").display());
    let said = refusal(&mut fork_of(&pair, &later, &[]));
    assert!(said.contains("the run sets tea = 1, which this version does not know"), "{said}");
}

#[cfg(unix)]
#[test]
fn bench_writes_rows_as_they_come_and_keeps_them_when_it_is_interrupted() {
    let pair = pair();
    let arguments = ["bench", "--prompts", "40", "--presets", "threshold", "--gen-length", "8", "--threshold", "0"];
    for (name, code) in signals() {
        for form in ["--json", "--markdown", "--by-variant"] {
            let mut child = with_pair(&pair, &arguments).arg(form).stdout(Stdio::piped()).spawn().unwrap();
            let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
            // There is something to read long before the last family's turn.
            let first = lines.next().unwrap();
            signal(&child, name);
            let rest: Vec<String> = lines.collect();
            assert_eq!(child.wait().unwrap().code(), Some(code), "{name}");
            let text = [&[first], &*rest].concat().join("\n");
            let families = if form == "--json" {
                let rows: Value = serde_json::from_str(&text).unwrap();
                let families = rows.as_array().unwrap().iter().map(|row| row["family"].as_str().unwrap().to_owned());
                families.collect::<Vec<_>>()
            } else {
                let rows = text.lines().filter(|line| line.contains(" plain ") || line.contains(" threshold "));
                rows.map(|row| row.trim_matches(['|', ' ']).split(' ').next().unwrap().to_owned()).collect()
            };
            assert_eq!(families[..2], ["list", "list"], "{text}");
            assert!(!families.contains(&"sudoku".to_owned()), "{text}");
        }
    }
}

#[test]
fn bench_refuses_what_it_cannot_compare() {
    let pair = pair();
    let bench = |arguments: &[&str]| refuse(&mut with_pair(&pair, &[&["bench", "--prompts", "1"], arguments].concat()));
    let family = bench(&["--family", "poem"]);
    assert!(family.contains("poem") && family.ends_with("list, math, story, json, code or sudoku, or all"), "{family}");
    assert_eq!(
        bench(&["--presets", "plain,fastdllm-dual"]),
        "unknown preset 'fastdllm-dual'; did you mean 'fast-dllm-dual'? `diffuscope presets` lists them all"
    );
    assert_eq!(
        bench(&["--presets", "freecache", "--family", "list", "--gen-length", "16"]),
        "preset freecache: block-length 32 does not fit a gen-length of 16: choose at most 16, or 'whole'"
    );
    assert!(bench(&["--unseen", "2"]).contains("it takes usual, never, always, or a share from 0 to 1"));
}

#[test]
fn a_filter_is_trained_and_asked() {
    let pair = pair();
    let train = |out: &str| {
        let arguments = ["--prompts", "10", "--gen-length", "8", "--epochs", "2", "--out"];
        succeed(with_pair(&pair, &["train-filter"]).args(arguments).arg(pair.path(out)))
    };
    let told = train("filter.json");
    assert!(told.contains("filter above 0.96") && told.contains("confidence from 0.9"), "{told}");
    train("again.json");
    let read = |name: &str| std::fs::read_to_string(pair.path(name)).unwrap();
    assert_eq!(read("filter.json"), read("again.json"), "a filter repeats exactly");
    let filter: Value = serde_json::from_str(&read("filter.json")).unwrap();
    assert_eq!(filter["layers"][1]["weight"].as_array().unwrap().len(), 32 * 32);
    assert!(filter["about"].as_str().unwrap().starts_with("trained on denoiser (Dream), 10 prompts"));

    let ask = |filter: Option<&str>| {
        let mut command = with_pair(&pair, &["run", "--preset", "learn2pd-eotp", "--guide", "off", "--prompt", PROMPT]);
        filter.map(|name| command.arg("--filter").arg(pair.path(name)));
        command
    };
    succeed(&mut ask(Some("filter.json")));
    let message = refuse(&mut ask(None));
    assert!(message.starts_with("unmask 'filter' asks a filter that was trained on the denoiser, and there is none"));
    pair.write("bad.json", "{}");
    let message = refuse(&mut ask(Some("bad.json")));
    assert!(message.contains("bad.json: the filter is malformed"), "{message}");
    let message = refuse(&mut ask(Some("missing.json")));
    assert!(message.contains("missing.json cannot be read"), "{message}");
}

/// What `-h` prints for a command and those below it, with what `--help` puts before the options.
fn help(command: &clap::Command, path: &[&str]) -> String {
    let printed = succeed(program().args(path).arg("-h").env_remove("COLUMNS"));
    let long = command.get_long_about().map_or_else(String::new, |about| format!("{about}\n\n"));
    let own = format!("$ diffuscope {}\n\n{long}{printed}\n", [path, &["-h"]].concat().join(" "));
    command
        .get_subcommands()
        .fold(own, |help_so_far, below| help_so_far + &help(below, &[path, &[below.get_name()]].concat()))
}

#[test]
fn every_command_prints_its_help() {
    insta::assert_snapshot!("help", help(&diffuscope::cli::command(), &[]));
}

#[test]
fn knobs_and_presets_are_listed_whole() {
    let list = |arguments: &[&str]| succeed(program().args(arguments));
    let (knobs, table, help) = (list(&["knobs"]), list(&["knobs", "--markdown"]), list(&["run", "--help"]));
    for knob in KNOBS {
        assert!(knobs.contains(&format!("  {} ", knob.name)) && knobs.contains(knob.help), "{}", knob.name);
        assert!(table.contains(&format!("| `{}` | {} |", knob.name, knob.slot.title())));
        assert!(help.contains(&format!("--{}", knob.name)));
    }
    assert!(!list(&["run", "-h"]).contains("--threshold"), "the short help is short");
    let listed = list(&["presets"]);
    for preset in presets() {
        assert!(listed.contains(&preset.title) && listed.contains(&preset.description));
    }
    assert_eq!(
        list(&["presets", "plain"]).lines().next(),
        Some(&*format!("title = \"{}\"", preset("plain").unwrap().title))
    );
    let version = list(&["--version"]);
    assert_eq!(version, format!("diffuscope {}\n", env!("CARGO_PKG_VERSION")));
    assert!(list(&["--help"]).contains("Exit codes:"));
}

#[test]
fn presets_of_the_configuration_folder_are_taken_by_name() {
    let pair = pair();
    let own = pair.path("config/diffuscope/presets");
    std::fs::create_dir_all(&own).unwrap();
    std::fs::write(own.join("mine.toml"), "title = 'Mine'\ndescription = 'As I like it.'\n[knobs]\nthreshold = 0.7\n")
        .unwrap();
    std::fs::write(own.join("odd.toml"), "title = 'Odd'\n[knobs]\nthreshold = 7\n").unwrap();
    let with_config = |mut command: Command| {
        command.env_remove("DIFFUSCOPE_CONFIG").env("XDG_CONFIG_HOME", pair.path("config")).output().unwrap()
    };
    let of = |arguments: &[&str]| {
        let mut command = program();
        command.args(arguments);
        with_config(command)
    };
    let listed = of(&["presets"]);
    assert!(stdout(&listed).starts_with("Your own\n  mine                     Mine\n"), "{}", stdout(&listed));
    assert!(stdout(&listed).contains("As I like it.") && stdout(&listed).contains("FlashDLM"));
    let sentence = "threshold cannot be '7': it takes a number from 0 to 1 (probability)";
    assert_eq!(stderr(&listed), format!("diffuscope: {}: {sentence}\n", own.join("odd.toml").display()));
    assert!(stdout(&of(&["presets", "mine"])).contains("threshold = 0.7"));
    let run = |name: &str| with_config(with_pair(&pair, &["run", "--json", "--prompt", PROMPT, "--preset", name]));
    let outcome: Value = serde_json::from_str(&stdout(&run("mine"))).unwrap();
    assert_eq!(outcome["preset"], "mine");
    assert!(stderr(&run("odd")).contains(sentence), "{}", stderr(&run("odd")));
    assert!(
        refuse(program().args(["presets", "mine"])).contains("unknown preset 'mine'"),
        "no configuration, no presets"
    );
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    for arguments in [&["knobs"][..], &["run", "--help"], &["presets"]] {
        let mut child = program().args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert_eq!(stderr(&output), "", "{arguments:?}");
    }
}

#[test]
fn without_a_terminal_the_playground_says_so() {
    let pair = pair();
    let trace = recorded(&pair);
    let sentence = "the playground needs a terminal: run it in one, or use `diffuscope run`, which prints an answer";
    for arguments in [&[][..], &["play"], &["--prompt", PROMPT, "--preset", "plain"], &["replay", &trace]] {
        assert_eq!(refuse(program().args(arguments)), sentence, "{arguments:?}");
    }
    assert_eq!(
        refuse(program().args(["play", "--theme", "sepia"])),
        "unknown theme 'sepia': there are dark, light, high-contrast and colour-blind"
    );
}

#[test]
fn what_is_no_trace_is_neither_played_nor_cast() {
    let folder = Folder::new();
    let file = folder.write("notes.txt", "buy milk\n").display().to_string();
    let cast = folder.path("demo.cast");
    for arguments in [&["replay", &file][..], &["cast", &file, "-o", cast.to_str().unwrap()]] {
        assert_eq!(
            refuse(program().args(arguments)),
            format!(
                "{file} is not a diffuscope trace: its first line is no header; `diffuscope run --trace FILE` writes one"
            )
        );
    }
    assert!(!cast.exists());
}

/// Two traces of the pair for one prompt: of its likeliest tokens, and of sampled ones by another method.
fn two_traces(pair: &Folder) -> [String; 2] {
    [("plain", "0"), ("threshold", "1")].map(|(preset, temperature)| {
        let trace = pair.path(&format!("{preset}.jsonl"));
        let arguments = ["run", "--prompt", PROMPT, "--preset", preset, "--temperature", temperature, "--trace"];
        succeed(with_pair(pair, &arguments).arg(&trace));
        trace.display().to_string()
    })
}

#[test]
fn diff_says_where_two_traces_part_and_what_each_cost() {
    let pair = pair();
    let [plain, threshold] = two_traces(&pair);
    let logs = [&plain, &threshold].map(|trace| open(Path::new(trace)));
    let diff = diffuscope::session::Diff::of(&logs[0], &logs[1], diffuscope::session::Axis::Passes);
    let report = json(program().args(["diff", &plain, &threshold, "--json", "--axis", "passes"]));
    assert_eq!((&report["a"]["file"], &report["b"]["preset"]), (&json!(plain), &json!("threshold")));
    assert_eq!(
        (&report["by_text"], &report["axis"], &report["caveats"]),
        (&json!(false), &json!("passes"), &json!([]))
    );
    assert_eq!(report["differences"].as_array().unwrap().len(), diff.differences.len());
    let divergence = diff.divergence.expect("what is sampled is another token");
    assert_eq!(report["divergence"]["place"], divergence.place);
    assert_eq!(report["divergence"]["position"], divergence.position);
    let passes = report["figures"].as_array().unwrap().iter().find(|figure| figure["name"] == "passes").unwrap();
    let counted = logs.each_ref().map(|log| f64::from(Figures::of(log, log.len()).cost.nfe));
    assert_eq!((passes["a"].as_f64(), passes["b"].as_f64()), (Some(counted[0]), Some(counted[1])));
    assert_eq!(passes["ratio"].as_f64(), Some(counted[1] / counted[0]));

    let told = succeed(program().args(["diff", &plain, &threshold]));
    for words in ["A  ", "B  ", "figure ", "passes ", "B:A", "verdict ", "first at step ", "in the newest canvases"] {
        assert!(told.contains(words), "{words}: {told}");
    }
}

#[test]
fn the_exit_code_of_diff_says_whether_they_differ_only_where_it_is_asked() {
    let pair = pair();
    let [plain, threshold] = two_traces(&pair);
    let code = |arguments: &[&str]| program().arg("diff").args(arguments).output().unwrap().status.code();
    assert_eq!(code(&[&plain, &threshold]), Some(0));
    assert_eq!(code(&[&plain, &threshold, "--exit-code"]), Some(1));
    assert_eq!(code(&[&plain, &plain, "--exit-code"]), Some(0));
    assert!(succeed(program().args(["diff", &plain, &plain])).contains("\nno difference\n"));
}

#[test]
fn one_of_two_traces_can_come_from_standard_input() {
    let pair = pair();
    let [plain, threshold] = two_traces(&pair);
    let report = json(program().args(["diff", "-", &threshold, "--json"]).stdin(std::fs::File::open(&plain).unwrap()));
    assert_eq!((&report["a"]["file"], &report["a"]["preset"]), (&json!("standard input"), &json!("plain")));
    for arguments in [["diff", "-", "-"], ["replay", "-", "--against=-"]] {
        let message = refuse(program().args(arguments));
        assert!(message.starts_with("only one of the two traces can come from standard input"), "{message}");
    }
}

#[test]
fn diff_refuses_what_it_cannot_compare() {
    let pair = pair();
    let trace = recorded(&pair);
    pair.write("notes.txt", "hello");
    let notes = pair.path("notes.txt").display().to_string();
    for (arguments, words) in [
        (["diff", &trace, &notes], "notes.txt is not a diffuscope trace"),
        (["diff", "missing.jsonl", &trace], "missing.jsonl cannot be read"),
        (["replay", &trace, "--against=missing.jsonl"], "missing.jsonl cannot be read"),
    ] {
        let message = refuse(program().args(arguments));
        assert!(message.contains(words), "{message}");
    }
    let message = refuse(program().args(["diff", &trace, &trace, "--axis", "blocks"]));
    assert!(message.contains("'blocks'") && message.contains("there are steps, passes, rows, time"), "{message}");
}

#[test]
fn answers_to_other_prompts_are_compared_by_text() {
    let pair = pair();
    let (trace, other) = (recorded(&pair), pair.path("other.jsonl"));
    succeed(with_pair(&pair, &["run", "--prompt", "Hello there", "--trace"]).arg(&other));
    let other = other.display().to_string();
    let told = succeed(program().args(["diff", &trace, &other]));
    assert!(told.contains("the prompts differ, so the answers are compared word by word"), "{told}");
    let report = json(program().args(["diff", &trace, &other, "--json"]));
    assert_eq!((&report["by_text"], &report["divergence"]), (&json!(true), &Value::Null));
}

#[test]
fn a_cast_is_the_same_for_the_same_trace() {
    let pair = pair();
    let trace = recorded(&pair);
    let cast = |arguments: &[&str]| {
        let mut command = program();
        command.args(["cast", &trace]).args(arguments);
        command
    };
    let printed = succeed(&mut cast(&["-o", "-"]));
    assert_eq!(printed, succeed(&mut cast(&["--output", "-"])));
    let path = pair.path("demo.cast");
    assert_eq!(succeed(&mut cast(&["-o", path.to_str().unwrap()])), "");
    assert_eq!(std::fs::read_to_string(path).unwrap(), printed);
    let header: Value = serde_json::from_str(printed.lines().next().unwrap()).unwrap();
    assert_eq!((&header["version"], &header["width"], &header["height"]), (&2.into(), &120.into(), &40.into()));
    let small = succeed(&mut cast(&["-o", "-", "--width", "90", "--height", "30", "--fps", "2", "--theme", "light"]));
    let header: Value = serde_json::from_str(small.lines().next().unwrap()).unwrap();
    assert_eq!((&header["width"], &header["height"]), (&90.into(), &30.into()));
    assert!(refuse(&mut cast(&["-o", "-", "--width", "3"])).starts_with("a recording of 3×40 cells is too small"));
    assert!(refuse(&mut cast(&["-o", "-", "--fps", "0"])).starts_with("fps cannot be 0"));
    assert!(
        refuse(&mut cast(&["-o", "no-such-folder/x.cast"])).starts_with("no-such-folder/x.cast cannot be written: ")
    );
}

#[test]
fn a_cast_is_never_written_over_its_trace() {
    let pair = pair();
    let trace = recorded(&pair);
    let before = std::fs::read_to_string(&trace).unwrap();
    let sentence = |path: &str| format!("{path} is the trace itself: give what it becomes another name");
    assert_eq!(refuse(program().args(["cast", &trace, "-o", &trace])), sentence(&trace));
    let roundabout = pair.path("denoiser/../run.jsonl").display().to_string();
    assert_eq!(refuse(program().args(["cast", &trace, "-o", &roundabout])), sentence(&roundabout));
    #[cfg(target_os = "linux")]
    {
        let input = std::fs::File::open(&trace).unwrap();
        assert_eq!(refuse(program().args(["cast", "-", "-o", &trace]).stdin(input)), sentence(&trace));
    }
    assert_eq!(std::fs::read_to_string(&trace).unwrap(), before);
}

#[test]
fn a_recording_takes_the_place_of_a_file_only_where_that_was_asked_for() {
    let pair = pair();
    let trace = recorded(&pair);
    let cast = pair.write("demo.cast", "precious");
    let name = cast.to_str().unwrap();
    let sentence = format!("{name} is there already: --force writes over it");
    assert_eq!(refuse(program().args(["export", &trace, "-o", name])), sentence);
    assert_eq!(std::fs::read_to_string(&cast).unwrap(), "precious");
    succeed(program().args(["export", &trace, "--force", "-o", name]));
    assert!(std::fs::read_to_string(&cast).unwrap().starts_with("{\"env\""));
    #[cfg(unix)]
    {
        let link = pair.path("link.cast");
        std::os::unix::fs::symlink("nowhere.cast", &link).unwrap();
        let refused = refuse(program().args(["export", &trace, "-o", link.to_str().unwrap()]));
        assert!(refused.ends_with("link.cast is there already: --force writes over it"), "{refused}");
        assert_eq!(succeed(program().args(["export", &trace, "-o", "/dev/null"])), "");
    }
    let folder = refuse(program().args(["export", &trace, "--force", "-o", pair.root().to_str().unwrap()]));
    assert!(folder.contains(" cannot be written: "), "{folder}");
}

#[test]
fn a_trace_becomes_a_picture() {
    let pair = pair();
    let trace = recorded(&pair);
    let export = |arguments: &[&str]| {
        let mut command = program();
        command.args(["export", &trace, "--width", "60", "--height", "14", "--font-size", "8"]).args(arguments);
        command
    };
    let file = |name: &str| pair.path(name).display().to_string();
    for (name, begins) in [("a.gif", &b"GIF89a"[..]), ("a.png", b"\x89PNG"), ("a.apng", b"\x89PNG")] {
        let (first, second) = (file(name), file(&format!("b-{name}")));
        assert_eq!(succeed(&mut export(&["-o", &first])), "");
        succeed(&mut export(&["-o", &second]));
        let bytes = std::fs::read(&first).unwrap();
        assert!(bytes.starts_with(begins), "{name}");
        assert!(bytes == std::fs::read(&second).unwrap(), "{name}");
    }
    let compared = file("c.png");
    succeed(&mut export(&["-o", &compared, "--against", &trace, "--axis", "time"]));
    for (arguments, sentence) in [
        (&["-o", "x.gif", "--font", &trace][..], format!("{trace} is no font that can be read: ")),
        (&["-o", "x.gif", "--font", "no.ttf"], "the font no.ttf cannot be read: ".to_owned()),
        (
            &["-o", "x.gif", "--steps", "5000.."],
            "the recording would begin at step 5000, and the trace ends at".to_owned(),
        ),
        (&["-o", "x.gif", "--steps", "b"], "invalid value 'b' for '--steps <A..B>': steps are written as".to_owned()),
        (&["-o", "x.gif", "--scene", "compare"], "the scene compare takes two traces: ".to_owned()),
        (
            &["-o", "x.gif", "--against", &trace, "--scene", "map"],
            "two traces are shown by the scene compare".to_owned(),
        ),
        (&["-o", "no-such-folder/x.gif"], "no-such-folder/x.gif cannot be written: ".to_owned()),
    ] {
        let told = refuse(&mut export(arguments));
        assert!(told.starts_with(&sentence), "{told}");
    }
    assert!(!std::path::Path::new("x.gif").exists());
}

#[cfg(unix)]
#[test]
fn a_picture_that_cannot_be_finished_leaves_nothing() {
    let pair = pair();
    let trace = recorded(&pair);
    let folder = Folder::new();
    let picture = folder.path("demo.gif").display().to_string();
    let files = || std::fs::read_dir(folder.root()).unwrap().count();
    let mut command = program();
    command.args(["export", &trace, "-o", &picture, "--width", "200", "--height", "60"]);
    let output = with_small_files(&command, 8).output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
    assert!(stderr(&output).contains("demo.gif cannot be written: File too large"), "{}", stderr(&output));
    assert_eq!(files(), 0);
    for (name, code) in signals() {
        let mut command = program();
        command.args(["export", &trace, "-o", &picture, "--width", "400", "--height", "150", "--no-typing"]);
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        while files() == 0 {
            std::thread::yield_now();
        }
        signal(&child, name);
        assert_eq!(child.wait().unwrap().code(), Some(code), "{name}");
        assert_eq!(files(), 0);
    }
}

#[test]
fn a_suffix_and_a_format_have_to_fit() {
    let pair = pair();
    let trace = recorded(&pair);
    let refused = |arguments: &[&str]| refuse(program().args(["export", &trace]).args(arguments));
    let told = refused(&["-o", "demo.json", "--format", "asciicast-v3"]);
    assert_eq!(told, "demo.json is no name for asciicast-v3: its files end in .cast");
    let told = refused(&["-o", "demo.xyz"]);
    assert!(told.starts_with("demo.xyz: .xyz stands for no format; choose one by --format: asciicast-v2, "), "{told}");
    let cast = |arguments: &[&str]| succeed(program().args(["export", &trace, "-o", "-"]).args(arguments));
    assert_eq!(cast(&[]), cast(&["--format", "cast"]));
    assert_ne!(cast(&[]), cast(&["--format", "asciicast-v3"]));
}

#[test]
fn a_flag_that_makes_no_difference_to_a_format_is_named() {
    let pair = pair();
    let trace = recorded(&pair);
    let told = |name: &str, arguments: &[&str]| {
        let file = pair.path(name).display().to_string();
        let output = program().args(["export", &trace, "--force", "-o", &file]).args(arguments).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        stderr(&output)
    };
    let pace = ["--hold", "3", "--loop", "2", "--no-typing", "--title", "Once", "--width", "100"];
    assert_eq!(told("a.gif", &pace), "");
    assert_eq!(told("a.svg", &pace), "");
    assert_eq!(told("a.cast", &pace), "diffuscope: asciicast-v2 makes no use of --loop\n");
    assert_eq!(told("a.png", &pace), "diffuscope: png makes no use of --hold, --loop, --no-typing\n");
    assert_eq!(told("a.html", &pace), "diffuscope: html makes no use of --hold, --loop, --no-typing, --width\n");
    let of_tables = ["--table", "steps", "--theme", "light", "--steps", "2"];
    assert_eq!(told("a.csv", &of_tables), "diffuscope: csv makes no use of --theme, --steps\n");
    assert_eq!(told("a.csv", &["--table", "steps"]), "");
}

#[test]
fn a_trace_can_come_from_standard_input() {
    let pair = pair();
    let trace = recorded(&pair);
    let input = || std::fs::File::open(&trace).unwrap();
    let cast = succeed(program().args(["cast", "-", "-o", "-"]).stdin(input()));
    assert_eq!(cast, succeed(program().args(["cast", &trace, "-o", "-"])));
    let empty = refuse(program().args(["cast", "-", "-o", "-"]));
    assert!(empty.starts_with("standard input is not a diffuscope trace: it is empty"), "{empty}");
    let told = refuse(program().args(["replay", "-"]).stdin(input()));
    assert!(told.starts_with("the playground needs a terminal"), "{told}");
}

#[test]
fn a_cast_shows_every_layer_that_its_help_names() {
    let pair = pair();
    let trace = recorded(&pair);
    let help = succeed(program().args(["cast", "--help"]));
    assert!(help.starts_with("Turn a saved trace into a recording"), "{help}");
    let help = help.split_whitespace().collect::<Vec<_>>().join(" ");
    let layers = "How the canvas is read: confidence, cache, guide, audit, order, entropy, margin, reason or changes";
    assert!(help.contains(layers), "{help}");
    let cast = |layer: &str| succeed(program().args(["cast", &trace, "-o", "-", "--layer", layer]));
    assert_ne!(cast("audit"), cast("cache"));
    let replay = succeed(program().args(["replay", "--help"]));
    assert!(replay.starts_with("Open a saved trace in the playground"), "{replay}");
}

#[test]
fn a_cast_can_be_hurried() {
    let pair = pair();
    let trace = recorded(&pair);
    let cast = |arguments: &[&str]| {
        let mut command = program();
        command.args(["cast", &trace, "-o", "-"]).args(arguments);
        command
    };
    let text = succeed(&mut cast(&["--idle-limit", "0.5", "--speed", "2"]));
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["idle_time_limit"], 0.5);
    let times: Vec<f64> = lines[1..].iter().map(|event| event[0].as_f64().unwrap()).collect();
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] < 0.501), "{times:?}");
    assert!(refuse(&mut cast(&["--speed", "0"])).starts_with("speed cannot be 0: it takes a number"));
    assert!(refuse(&mut cast(&["--idle-limit", "0"])).starts_with("idle-limit cannot be 0: it takes a number"));
}

#[test]
fn a_trace_of_a_later_version_is_played_as_far_as_it_is_known() {
    let pair = pair();
    let trace = recorded(&pair);
    let text = std::fs::read_to_string(&trace).unwrap();
    let text = text.replacen(env!("CARGO_PKG_VERSION"), "999.0.0", 1);
    std::fs::write(&trace, text.replacen("\"seed\":0", "\"seed\":0,\"new-knob\":1", 1)).unwrap();
    let output = program().args(["cast", &trace, "-o", "-"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(
        stderr(&output).contains("written by diffuscope 999.0.0 and sets new-knob = 1, which"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_trace_that_is_cut_off_is_cast_with_a_warning() {
    let pair = pair();
    let trace = recorded(&pair);
    let text = std::fs::read_to_string(&trace).unwrap();
    let cut = text.trim_end().rfind('\n').unwrap() - 20;
    std::fs::write(&trace, &text[..cut]).unwrap();
    let output = program().args(["cast", &trace, "-o", "-"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(stderr(&output).contains("of the trace is cut off: it opens with the "), "{}", stderr(&output));
    let header: Value = serde_json::from_str(stdout(&output).lines().next().unwrap()).unwrap();
    assert_eq!(header["version"], 2);
}

#[cfg(not(embedded_pair))]
#[test]
fn a_build_without_the_pair_says_so() {
    assert_eq!(
        refuse(program().args(["run", "--prompt", PROMPT])),
        "this build has no embedded pair: name a model's folder with --model, or build where assets/ holds the pair"
    );
}

/// The trained pair.
#[cfg(embedded_pair)]
mod embedded {
    use diffuscope::{
        tasks::{Family, gallery},
        tui::examples,
    };

    use super::*;

    #[test]
    fn the_gallery_is_answered_right() {
        let asked = gallery().into_iter().filter(|sample| !sample.unseen);
        for sample in asked.filter(|sample| matches!(sample.family, Family::Json | Family::Code | Family::Sudoku)) {
            let outcome = json(program().args(["run", "--json", "--prompt", &sample.prompt]));
            assert_eq!(outcome["correct"], true, "{}: {outcome}", sample.prompt);
            assert!(outcome["nfe"].as_u64() < outcome["gen_length"].as_u64(), "{outcome}");
        }
    }

    #[test]
    fn the_gallerys_blanks_are_filled_in() {
        let infilled = examples().into_iter().filter(|example| example.infills);
        for prompt in infilled.map(|example| example.prompt) {
            let outcome = json(program().args(["run", "--json", "--prompt", &prompt]));
            assert_eq!(outcome["correct"], true, "{prompt}: {outcome}");
            let form = prompt.split("\n\n").last().unwrap();
            let mut rest = outcome["answer"].as_str().unwrap();
            for given in form.split("___").map(|text| text.split_once('}').map_or(text, |(_, text)| text)) {
                let at = rest.find(given).unwrap_or_else(|| panic!("{given:?} is given: {outcome}"));
                rest = &rest[at + given.len()..];
            }
        }
    }

    #[test]
    fn every_preset_runs_and_says_what_it_did() {
        for preset in presets() {
            let outcome = json(program().args(["run", "--json", "--preset", &preset.name, "--prompt", PROMPT]));
            assert_eq!(outcome["answer"], "Ruth, Leo, Max", "{}", preset.name);
            assert_eq!(outcome["preset"], preset.name);
        }
    }

    #[test]
    fn a_fork_without_change_is_its_parent() {
        let folder = Folder::new();
        let (parent, fork) = (folder.path("run.jsonl"), folder.path("fork.jsonl"));
        for preset in ["flashdlm", "elastic-cache", "fast-dllm-dual", "klass", "wino"] {
            succeed(program().args(["run", "--preset", preset, "--prompt", PROMPT, "--trace"]).arg(&parent));
            let length = open(&parent).len();
            for step in [0, length / 2, length - 1] {
                let at = format!("{}@{step}", parent.display());
                let outcome = json(program().args(["run", "--json", "--fork", &at, "--trace"]).arg(&fork));
                assert_eq!(outcome["fork"]["exact"], true, "{preset} after step {step}");
                let steps = |path: &Path| timeless(path).lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
                assert_eq!(steps(&fork), steps(&parent), "{preset} after step {step}");
            }
        }
    }

    #[test]
    fn a_trace_of_format_1_is_forked() {
        let output = program().args(["run", "--json", "--fork", "tests/trace/format-1.jsonl@1"]).output().unwrap();
        assert!(
            stderr(&output).contains("the weights of the model embedded could not be compared"),
            "{}",
            stderr(&output)
        );
        let outcome: Value = serde_json::from_str(&stdout(&output)).unwrap();
        let parent = file::open(Path::new("tests/trace/format-1.jsonl")).unwrap().log;
        assert_eq!((&outcome["fork"]["step"], &outcome["fork"]["exact"]), (&json!(1), &json!(true)));
        assert_eq!(
            (&outcome["answer"], &outcome["steps"]),
            (&json!(parent.end().unwrap().answer), &json!(parent.len()))
        );
    }

    #[test]
    fn the_guide_can_be_left_out() {
        let outcome = json(program().args(["run", "--json", "--no-guide", "--prompt", PROMPT]));
        assert_eq!(outcome["guide_forwards"], 0);
        assert_eq!(outcome["correct"], true);
    }

    #[test]
    fn bench_finds_the_pair_good_at_json() {
        let mut command = program();
        command.args(["bench", "--family", "json", "--prompts", "5", "--unseen", "never", "--presets", "flashdlm"]);
        let rows = json(command.arg("--json"));
        assert_eq!(rows[1]["preset"], "flashdlm");
        assert!(rows[1]["exact_match"].as_f64() >= Some(0.8), "{rows}");
        assert!(rows[1]["nfe"].as_f64() < rows[0]["nfe"].as_f64(), "{rows}");
    }
}

/// Standard streams and files that cannot be written, weights that are cut short, and a system that gives nothing.
#[cfg(target_os = "linux")]
mod failing {
    use std::{
        fs::File,
        io::{BufRead, BufReader},
    };

    use super::{support::models::untrained_gguf, *};

    /// A device that has no room.
    fn full() -> File {
        File::options().write(true).open("/dev/full").unwrap()
    }

    #[test]
    fn what_cannot_be_printed_is_a_failure() {
        for arguments in [&["--help"][..], &["--version"], &["run", "--help"], &["presets"], &["knobs"]] {
            let output = program().args(arguments).stdout(full()).output().unwrap();
            assert_eq!(output.status.code(), Some(3), "{arguments:?}");
            let told = stderr(&output);
            assert!(told.starts_with("diffuscope: the output cannot be written: No space left"), "{told}");
            assert_eq!(told.lines().count(), 1, "{told}");
        }
    }

    #[test]
    fn who_cannot_hear_the_figures_has_the_answer() {
        let pair = pair();
        let output = with_pair(&pair, &["run", "--prompt", PROMPT]).stderr(full()).output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(stdout(&output), succeed(&mut with_pair(&pair, &["run", "--prompt", PROMPT])));
    }

    #[test]
    fn a_file_that_may_not_grow_costs_the_trace_and_not_the_answer() {
        let pair = pair();
        let run = with_pair(&pair, &["run", "--prompt", PROMPT]);
        let mut limited = Command::new("sh");
        limited.args(["-c", "ulimit -f 8; exec \"$0\" \"$@\""]).arg(run.get_program()).args(run.get_args());
        limited.arg("--trace").arg(pair.path("run.jsonl")).env("DIFFUSCOPE_CONFIG", "").stdin(Stdio::null());
        let output = limited.output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
        assert_eq!(stdout(&output), succeed(&mut with_pair(&pair, &["run", "--prompt", PROMPT])));
        let last = stderr(&output).lines().last().unwrap().to_owned();
        assert!(last.contains("run.jsonl cannot be written: File too large (os error 27)"), "{last}");
    }

    #[test]
    fn weights_that_are_cut_short_end_a_run_with_one_sentence() {
        let folder = Folder::new();
        let (model, trace) = (untrained_gguf(&folder), folder.path("trace"));
        assert!(Command::new("mkfifo").arg(&trace).status().unwrap().success());
        let mut command = program();
        command.args(["run", "--preset", "plain", "--gen-length", "128", "--prompt", PROMPT, "--model"]).arg(&model);
        command.arg("--trace").arg(&trace).stdout(Stdio::null()).stderr(Stdio::piped());
        let run = command.spawn().unwrap();
        // The run cannot get far ahead of who reads its trace: a pipe holds few steps.
        let mut lines = BufReader::new(File::open(&trace).unwrap()).lines();
        let before: Vec<String> = lines.by_ref().take(2).map(Result::unwrap).collect();
        assert!(before[1].contains("\"step\":0"), "{}", before[1]);
        File::options().write(true).open(&model).unwrap().set_len(0).unwrap();
        let steps = lines.count();
        let output = run.wait_with_output().unwrap();
        assert!(steps < 127, "the run came to its end before the weights were cut short");
        assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
        let told = stderr(&output);
        let expected = format!("diffuscope: {} was cut short while its weights were in use: ", model.display());
        assert!(told.starts_with(&expected), "{told}");
        assert_eq!(told.lines().count(), 1, "{told}");
    }

    #[test]
    fn a_system_without_threads_is_one_sentence() {
        let pair = pair();
        // No address space has room for such a stack.
        let message = refuse(with_pair(&pair, &["run", "--prompt", PROMPT]).env("RUST_MIN_STACK", "140737488355328"));
        assert!(message.starts_with("the system gives no threads to compute with: "), "{message}");
    }
}
