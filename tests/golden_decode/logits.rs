//! Reference arguments of the samplers that differ in what they do with logits: LLaDA, Fast-dLLM's factor, MDLM, Prophet.

use diffuscope::{
    model::network::{Alignment, NetworkSpec},
    settings::{CacheChoice, EarlyCommit, OrderScore, Settings, UnmaskRule},
};
use serde_json::Value;

use super::ids;

/// The settings that reproduce a reference function of these methods; `None` where it is none of theirs.
pub fn settings(trace: &Value) -> Option<Settings> {
    let reference = &trace["settings"];
    let by_factor = |cache| Settings {
        unmask: UnmaskRule::Factor,
        factor: number(reference, "factor").unwrap_or(1.0),
        // The recorded code has the mistake.
        factor_last: true,
        cache,
        ..blocks(reference)
    };
    match trace["reference_function"].as_str()? {
        "generate.py:generate" => Some(blocks(reference)),
        "dllm/core/samplers/mdlm.py:sample" => Some(Settings { unmask: UnmaskRule::Alpha, ..blocks(reference) }),
        "generate_earlyexit.py:generate" => Some(prophet(trace)),
        "llada/generate_baseline.py:generate (NVlabs Fast-dLLM code with factor)" => Some(by_factor(CacheChoice::Off)),
        "llada/generate_baseline.py:generate_with_prefix_cache (NVlabs Fast-dLLM code with factor)" => {
            Some(by_factor(CacheChoice::FastPrefix))
        }
        "llada/generate_baseline.py:generate_with_dual_cache (NVlabs Fast-dLLM code with factor)" => {
            Some(by_factor(CacheChoice::FastDual))
        }
        _ => None,
    }
}

/// The network's facts as they were given to the reference: dllm takes the alignment of the logits as an argument.
pub fn spec(spec: &NetworkSpec, reference: &Value) -> NetworkSpec {
    let alignment = match reference["right_shift_logits"].as_bool() {
        Some(true) => Alignment::Shifted,
        Some(false) => Alignment::Aligned,
        None => spec.alignment,
    };
    NetworkSpec { alignment, ..spec.clone() }
}

fn number(reference: &Value, name: &str) -> Option<f32> {
    reference[name].as_f64().map(|value| value as f32)
}

fn count(reference: &Value, name: &str) -> Option<usize> {
    reference[name].as_u64().map(|value| value as usize)
}

fn blocks(reference: &Value) -> Settings {
    Settings {
        block_length: count(reference, "block_length").or(count(reference, "block_size")),
        steps: count(reference, "steps"),
        temperature: number(reference, "temperature").unwrap_or(0.0),
        cfg_scale: number(reference, "cfg_scale").unwrap_or(0.0),
        order: if reference["remasking"] == "random" { OrderScore::Random } else { OrderScore::Confidence },
        ..Settings::default()
    }
}

/// The reference counts the answer's start from the first prompt token, and measures committed positions too.
fn prophet(trace: &Value) -> Settings {
    let reference = &trace["settings"];
    let defaults = Settings::default();
    let gap = |phase, default| number(&reference["early_exit_thresholds"], phase).unwrap_or(default);
    Settings {
        early_commit: EarlyCommit::Answer,
        answer_start: count(reference, "answer_start_pos").map(|start| start - ids(&trace["prompt_ids"]).len()),
        answer_committed: true,
        gap_early: gap("early", defaults.gap_early),
        gap_mid: gap("mid", defaults.gap_mid),
        gap_late: gap("late", defaults.gap_late),
        ..blocks(reference)
    }
}
