//! `run --fork`.

use super::{support::models::damage, *};

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
