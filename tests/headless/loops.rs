//! `assets/python/diffuscope_trace.py`: denoising loops in Python are shown like runs of our own.

use diffuscope::decode::record::{KvStatus, Reason};

use super::*;

/// The traces that the loops of `loops.py` write, by name; `None` where there is no Python.
fn loops() -> Option<Folder> {
    let folder = Folder::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut python = Command::new("python3");
    python.arg(root.join("tests/headless/loops.py")).arg(root.join("assets/python/diffuscope_trace.py"));
    let Ok(output) = python.arg(folder.root()).env("PYTHONDONTWRITEBYTECODE", "1").output() else {
        eprintln!("skipped: there is no python3 here");
        return None;
    };
    assert!(output.status.success(), "{}", stderr(&output));
    Some(folder)
}

#[test]
fn loops_in_python_are_traced() {
    let Some(folder) = loops() else { return };
    let dream = open(&folder.path("dream.jsonl"));
    assert_eq!((dream.len(), dream.header().prompt_ids.as_slice()), (4, &[3, 4][..]));
    assert_eq!(dream.header().settings.temperature, 0.2);
    assert!(dream.canvas(4).ids().all(|id| id != 1), "nothing is masked any more");
    assert_eq!(dream.canvas(4).piece(0), " goat");
    for (step, record) in (1..=4).map(|step| (step, dream.record(step).unwrap())) {
        assert_eq!(record.commits.len(), 2);
        assert_eq!(record.proposals.len(), 8 - 2 * (step - 1));
        for proposal in &record.proposals {
            let [(best, likeliest), (_, next), ..] = proposal.alternatives[..] else { panic!("{proposal:?}") };
            assert!(proposal.token == best && proposal.confidence == likeliest && likeliest >= next, "{proposal:?}");
            assert!((0.0..9_f32.ln()).contains(&proposal.entropy), "{proposal:?}");
        }
        for commit in &record.commits {
            let proposal = record.proposals.iter().find(|proposal| proposal.position == commit.position).unwrap();
            assert!((commit.confidence - proposal.confidence).abs() < 1e-4, "{commit:?} {proposal:?}");
            assert_eq!(commit.reason, Reason::Quota);
        }
        assert!(record.kv.iter().all(|row| row.status == KvStatus::Recomputed));
    }
    assert_eq!(dream.end().unwrap().tokens, 8);

    // Tensors that know softmax and lists give the same.
    assert_eq!(timeless(&folder.path("dream.jsonl")), timeless(&folder.path("plain.jsonl")));

    let llada = open(&folder.path("llada.jsonl"));
    let last = llada.record(3).unwrap();
    assert_eq!((last.region.block, last.region.start, last.region.end, last.remasked.as_slice()), (1, 6, 10, &[5][..]));
    assert_eq!(llada.record(1).unwrap().commits[0].reason, Reason::Threshold);
    assert_eq!(llada.end().unwrap().reason, None, "masks are left");

    let diffusers = open(&folder.path("diffusers.jsonl"));
    let first = diffusers.record(1).unwrap();
    assert_eq!((first.region.start, first.region.end, first.proposals.len()), (2, 6, 4));
    assert!(first.commits.iter().all(|commit| commit.confidence == 0.5));
}

#[test]
fn what_a_loop_in_python_left_is_exported() {
    let Some(folder) = loops() else { return };
    let table = |name: &str| {
        let output =
            program().arg("export").arg(folder.path(name)).args(["-o", "-", "--format", "csv"]).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
        (stdout(&output), stderr(&output))
    };
    let (tokens, warnings) = table("dream.jsonl");
    assert_eq!((tokens.lines().count(), warnings.as_str()), (1 + 4 * 10, ""));
    assert!(!tokens.contains('\u{202e}'), "text of a model is made printable");
    let (_, warnings) = table("broken.jsonl");
    assert!(warnings.contains("the trace has no end: its run was interrupted after 1 step"), "{warnings}");
    let schema: Value = serde_json::from_str(include_str!("../../docs/trace.schema.json")).unwrap();
    let known = &schema["$defs"]["step-line"]["properties"];
    let text = std::fs::read_to_string(folder.path("llada.jsonl")).unwrap();
    for line in text.lines().filter(|line| line.starts_with("{\"step\"")) {
        let line: serde_json::Map<String, Value> = serde_json::from_str(line).unwrap();
        assert!(line.keys().all(|name| known.get(name).is_some()), "{line:?}");
    }
}
