//! `replay --verify`: whether the models make a trace again.

use std::fs;

use super::*;

fn verify(pair: &Folder, trace: &Path) -> Output {
    with_pair(pair, &["replay", "--verify"]).arg(trace).output().unwrap()
}

/// A trace of the pair under these options, under a name of its own.
fn traced(pair: &Folder, name: &str, options: &[&str]) -> std::path::PathBuf {
    let trace = pair.path(name);
    succeed(with_pair(pair, &["run", "--trace"]).arg(&trace).args(options));
    trace
}

#[test]
fn what_the_models_make_again_is_the_same() {
    let pair = pair();
    let runs: [&[&str]; 4] = [
        &["--preset", "plain", "--temperature", "1", "--seed", "5", "--prompt", PROMPT],
        &["--preset", "flashdlm", "--prompt", PROMPT],
        &["--preset", "fast-dllm-dual", "--audit", "2", "--prompt", PROMPT],
        &["--preset", "wino", "--prompt", "Max [[4]], Leo."],
    ];
    for (number, options) in runs.iter().enumerate() {
        let trace = traced(&pair, &format!("{number}.dscope"), options);
        let output = verify(&pair, &trace);
        let steps = open(&trace).len();
        assert_eq!(stdout(&output), format!("all {steps} steps are the same\n"), "{options:?}: {}", stderr(&output));
        assert_eq!(output.status.code(), Some(0));
        assert_eq!(stderr(&output), "");
    }
}

#[test]
fn changes_and_edits_of_a_fork_are_repeated() {
    let pair = pair();
    let parent = traced(&pair, "parent.jsonl", &["--preset", "plain", "--gen-length", "12", "--prompt", PROMPT]);
    let first = open(&parent).header().prompt_ids.len();
    let at = format!("{}@6", parent.display());
    let (remask, write) = (format!("{first}..{}", first + 2), format!("{}=7", first + 1));
    let edits = ["--fork", &at, "--temperature", "1", "--remask", &remask, "--write", &write];
    for cold in [&[][..], &["--cold"]] {
        let fork = traced(&pair, "fork.jsonl", &[&edits[..], cold].concat());
        let output = verify(&pair, &fork);
        let steps = open(&fork).len();
        assert_eq!(stdout(&output), format!("all {steps} steps are the same\n"), "{}", stderr(&output));
    }
}

/// A trace in which a line has something else.
fn forged(pair: &Folder, trace: &Path, line: usize, change: impl FnOnce(&mut Value)) -> std::path::PathBuf {
    let text = fs::read_to_string(trace).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut value: Value = serde_json::from_str(&lines[line]).unwrap();
    change(&mut value);
    lines[line] = value.to_string();
    pair.write("forged.jsonl", lines.join("\n") + "\n")
}

#[test]
fn the_first_difference_is_named() {
    let pair = pair();
    let trace = traced(&pair, "run.jsonl", &["--preset", "plain", "--gen-length", "8", "--prompt", PROMPT]);
    let log = open(&trace);
    let commit = log.steps()[2].commits[0];
    let told = |forged: &Path| {
        let output = verify(&pair, forged);
        assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(1), ""));
        stdout(&output).trim_end().to_owned()
    };
    let doubtful = forged(&pair, &trace, 3, |line| line["commits"][0]["confidence"] = json!(0.5));
    let position = commit.position;
    let as_json = |confidence: f32| {
        format!(r#"{{"position":{position},"token":{},"confidence":{confidence},"reason":"quota"}}"#, commit.token)
    };
    assert_eq!(
        told(&doubtful),
        format!(
            "step 3 differs at position {position}, in its commits: the trace has {}, and repeating it gave {}",
            as_json(0.5),
            as_json(commit.confidence)
        )
    );
    let dearer = forged(&pair, &trace, 4, |line| line["cost"]["nfe"] = json!(2));
    assert!(told(&dearer).starts_with("step 4 differs, in its cost: the trace has {\"nfe\":2,"), "{}", told(&dearer));
    let answer = forged(&pair, &trace, 9, |line| line["end"]["answer"] = json!("forged"));
    assert!(told(&answer).starts_with("step 8 differs, in the answer: the trace has \"forged\""), "{}", told(&answer));
    let reseeded = forged(&pair, &trace, 0, |line| {
        line["header"]["settings"]["temperature"] = json!(1.0);
        line["header"]["settings"]["seed"] = json!(9);
    });
    assert!(told(&reseeded).starts_with("step "), "{}", told(&reseeded));
}

#[test]
fn other_models_and_empty_traces_are_refused() {
    let pair = pair();
    let trace = traced(&pair, "run.jsonl", &["--preset", "plain", "--gen-length", "8", "--prompt", PROMPT]);
    let other = forged(&pair, &trace, 0, |line| line["header"]["denoiser"]["fingerprint"] = json!("0".repeat(32)));
    let refused = refuse(with_pair(&pair, &["replay", "--verify"]).arg(&other));
    assert!(refused.contains("so its steps cannot be repeated: load the one that made it"), "{refused}");
    let text = fs::read_to_string(&trace).unwrap();
    let empty = pair.write("empty.jsonl", format!("{}\n", text.lines().next().unwrap()));
    let output = verify(&pair, &empty);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).ends_with("empty.jsonl has no step to verify\n"), "{}", stderr(&output));
    // Options for models say nothing to a replay that only shows.
    let refused = refuse(with_pair(&pair, &["replay"]).arg(&trace));
    assert!(refused.contains("--verify"), "{refused}");
    // One that was interrupted is verified as far as it is.
    let torn = pair.write("torn.jsonl", text.split_inclusive('\n').take(4).collect::<String>());
    assert_eq!(stdout(&verify(&pair, &torn)), "all 3 steps are the same\n");
}
