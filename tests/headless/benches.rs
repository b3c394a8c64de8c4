//! `bench`, and a filter that is trained and asked.

use std::io::{BufRead, BufReader};

use super::{
    support::program::{signal, signals},
    *,
};

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
