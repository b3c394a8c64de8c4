//! Compressed traces on the command line.

use std::fs;

use super::*;

#[test]
fn a_run_is_packed_by_its_name_and_read_by_its_first_bytes() {
    let pair = pair();
    let arguments = ["run", "--prompt", PROMPT, "--preset", "plain", "--trace"];
    let (plain, packed) = (pair.path("run.jsonl"), pair.path("run.dscope"));
    for trace in [&plain, &packed] {
        succeed(with_pair(&pair, &arguments).arg(trace));
    }
    let [text, bytes] = [&plain, &packed].map(|trace| fs::read(trace).unwrap());
    assert!(text.starts_with(b"{") && bytes.starts_with(b"\x28\xb5\x2f\xfd"));
    assert!(bytes.len() * 10 < text.len() * 8, "{} of {} bytes", bytes.len(), text.len());
    assert_eq!(timeless(&plain), timeless(&packed));
    // Its name does not count.
    let renamed = pair.path("renamed.jsonl");
    fs::rename(&packed, &renamed).unwrap();
    assert_eq!(timeless(&plain), timeless(&renamed));
    let table = succeed(program().arg("export").arg(&renamed).args(["-o", "-", "--format", "csv", "--table", "steps"]));
    assert_eq!(table.lines().count(), 1 + open(&plain).len());
    let cast = succeed(program().arg("export").arg(&renamed).args(["-o", "-"]));
    assert!(cast.lines().next().is_some_and(|line| line.contains("\"version\"")));
}

#[test]
fn a_fork_of_a_packed_trace_is_packed_too() {
    let pair = pair();
    let (parent, fork) = (pair.path("parent.dscope"), pair.path("fork.dscope"));
    succeed(with_pair(&pair, &["run", "--prompt", PROMPT, "--preset", "plain", "--trace"]).arg(&parent));
    let at = format!("{}@3", parent.display());
    succeed(with_pair(&pair, &["run", "--fork", &at, "--temperature", "1", "--trace"]).arg(&fork));
    assert_eq!(open(&fork).header().inherited(), 3);
}

#[test]
fn a_packed_trace_that_is_cut_off_is_read_with_a_warning() {
    let pair = pair();
    let trace = pair.path("run.dscope");
    succeed(with_pair(&pair, &["run", "--prompt", PROMPT, "--preset", "plain", "--trace"]).arg(&trace));
    let bytes = fs::read(&trace).unwrap();
    fs::write(&trace, &bytes[..bytes.len() - 5]).unwrap();
    let output = program().arg("export").arg(&trace).args(["-o", "-", "--format", "jsonl"]).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("the trace has no end: its run was interrupted after "), "{}", stderr(&output));
    fs::write(&trace, &bytes[..10]).unwrap();
    let refused = refuse(program().arg("export").arg(&trace).args(["-o", "-"]));
    assert!(refused.ends_with("run.dscope cannot be read: its first frame is cut off"), "{refused}");
}
