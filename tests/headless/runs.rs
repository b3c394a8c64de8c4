//! What a run prints and takes: answers, figures, prompts, settings.

use std::io::Write;

use diffuscope::settings::{Preset, presets};

use super::*;

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
