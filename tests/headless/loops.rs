//! `assets/python/diffuscope_trace.py`: denoising loops in Python are shown like runs of our own.

use diffuscope::decode::record::{KvStatus, Reason};

use super::*;

/// Runs a script of this folder over the bridge and a folder for traces, with the interpreter that `PYTHON` names.
fn python(script: &str) -> Option<(Folder, Output)> {
    let folder = Folder::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut python = Command::new(std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into()));
    python.arg(root.join("tests/headless").join(script)).arg(root.join("assets/python/diffuscope_trace.py"));
    let output = python.arg(folder.root()).env("PYTHONDONTWRITEBYTECODE", "1").output();
    if output.is_err() {
        eprintln!("skipped: there is no python3 here, nor does PYTHON name one");
    }
    Some((folder, output.ok()?))
}

/// The traces that the loops of `loops.py` write, by name; `None` where there is no Python.
fn loops() -> Option<Folder> {
    let (folder, output) = python("loops.py")?;
    assert!(output.status.success(), "{}", stderr(&output));
    Some(folder)
}

/// The traces of `torch_loops.py`, and what its loops saw; `None` where Python has no PyTorch.
fn torch_loops() -> Option<(Folder, Value)> {
    let (folder, output) = python("torch_loops.py")?;
    if stderr(&output).contains("No module named 'torch'") {
        eprintln!("skipped: python3 has no PyTorch here, nor has what PYTHON names; other loops are tried without it");
        return None;
    }
    assert!(output.status.success(), "{}", stderr(&output));
    let seen = std::fs::read_to_string(folder.path("seen.json")).unwrap();
    Some((folder, serde_json::from_str(&seen).unwrap()))
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
    let [edit] = &diffusers.record(3).unwrap().commits[..] else { panic!("{diffusers:?}") };
    assert_eq!((edit.position, edit.token, edit.reason, edit.confidence), (4, 2, Reason::Edit, 0.5));
}

#[test]
fn text_of_a_loop_in_python_is_spelt_by_neighbours() {
    let Some(folder) = loops() else { return };
    let spelt = open(&folder.path("spelt.jsonl"));
    let [given] = &spelt.header().given[..] else { panic!("{:?}", spelt.header()) };
    assert_eq!((given.position, given.token, given.text.as_str()), (4, 2, " the"));
    let pieces = |steps: usize| [1, 2, 3].map(|position| spelt.canvas(steps).piece(position));
    assert_eq!(pieces(1), ["", "\u{fffd}\u{fffd}", ""]);
    assert_eq!(pieces(2), [" goat ", "\u{1f410}", " the"], "a character goes to the last of its tokens");
}

#[test]
fn loops_over_pytorch_are_traced_as_they_saw_themselves() {
    let Some((folder, seen)) = torch_loops() else { return };
    for (name, steps) in seen.as_object().unwrap() {
        let (log, steps) = (open(&folder.path(&format!("{name}.jsonl"))), steps.as_array().unwrap());
        assert_eq!((log.len(), log.end().unwrap().tokens), (steps.len(), 16), "{name}");
        for (step, seen) in (1..).zip(steps) {
            let ids: Vec<u32> = serde_json::from_value(seen["canvas"].clone()).unwrap();
            assert!(log.canvas(step).ids().eq(ids), "{name}, step {step}");
            let (record, seen) = (log.record(step).unwrap(), seen["proposals"].as_object().unwrap());
            assert_eq!(record.proposals.len(), seen.len());
            for proposal in &record.proposals {
                let (token, chance, entropy): (u32, f32, f32) =
                    serde_json::from_value(seen[&proposal.position.to_string()].clone()).unwrap();
                assert_eq!(proposal.token, token, "{name}, step {step}: {proposal:?}");
                assert!((proposal.confidence - chance).abs() < 2e-5 && (proposal.entropy - entropy).abs() < 3e-4);
            }
            for commit in &record.commits {
                let chance = seen[&commit.position.to_string()][1].as_f64().unwrap();
                assert!((f64::from(commit.confidence) - chance).abs() < 1e-6, "{name}, step {step}: {commit:?}");
            }
        }
    }
    let blocks = |name: &str| {
        let log = open(&folder.path(name));
        log.entries().map(|entry| entry.record.region).map(|region| [region.block, region.start, region.end]).collect()
    };
    let of_llada: Vec<[usize; 3]> = blocks("llada.jsonl");
    assert_eq!(of_llada, [[[0, 4, 12]; 4], [[1, 12, 20]; 4]].concat());
    let of_diffusers: Vec<[usize; 3]> = blocks("diffusers.jsonl");
    assert_eq!(of_diffusers, [[0, 4, 6], [1, 6, 12], [1, 6, 12], [1, 6, 12], [2, 12, 17], [2, 12, 17], [2, 12, 17]]);
}

#[test]
fn what_a_loop_in_python_made_cannot_be_repeated() {
    let Some(folder) = loops() else { return };
    let told = refuse(program().args(["replay", "--verify"]).arg(folder.path("dream.jsonl")));
    assert!(told.starts_with("the run was made with another vocabulary"), "{told}");
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
