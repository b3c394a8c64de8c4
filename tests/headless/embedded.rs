//! The trained pair.

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
    assert!(stderr(&output).contains("the weights of the model embedded could not be compared"), "{}", stderr(&output));
    let outcome: Value = serde_json::from_str(&stdout(&output)).unwrap();
    let parent = file::open(Path::new("tests/trace/format-1.jsonl")).unwrap().log;
    assert_eq!((&outcome["fork"]["step"], &outcome["fork"]["exact"]), (&json!(1), &json!(true)));
    assert_eq!((&outcome["answer"], &outcome["steps"]), (&json!(parent.end().unwrap().answer), &json!(parent.len())));
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
