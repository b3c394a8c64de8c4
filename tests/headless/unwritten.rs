//! Files that a run cannot read or write: it says so before it computes, and what was there stays.

use super::*;

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
