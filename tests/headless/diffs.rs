//! `diff`.

use super::*;

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
