//! The traces of plain samplers: LLaDA, Fast-dLLM without a cache, MDLM, Prophet.

use std::{collections::BTreeMap, path::Path};

use diffuscope::{
    decode::noise::{Noise, Purpose, Seeded},
    model::network::{Alignment, NetworkSpec},
    settings::{EarlyCommit, OrderScore, Settings, UnmaskRule},
};
use safetensors::SafeTensors;
use serde_json::Value;

use super::{ids, numbers};

/// Whether the reference function is one of these samplers.
pub fn knows(function: &str) -> bool {
    matches!(
        function,
        "generate.py:generate"
            | "llada/generate.py:generate"
            | "llada/generate_baseline.py:generate (NVlabs Fast-dLLM code with factor)"
            | "dllm/core/samplers/mdlm.py:sample"
            | "generate_earlyexit.py:generate"
    )
}

/// The settings that reproduce the trace.
pub fn settings(trace: &Value) -> Settings {
    let reference = &trace["settings"];
    let number = |name: &str| reference[name].as_f64().map(|value| value as f32);
    let count = |name: &str| reference[name].as_u64().map(|value| value as usize);
    let defaults = Settings::default();
    let unmask = if reference["threshold"].is_number() {
        UnmaskRule::Threshold
    } else if reference["factor"].is_number() {
        UnmaskRule::Factor
    } else if trace["reference_function"].as_str().is_some_and(|function| function.contains("mdlm")) {
        UnmaskRule::Alpha
    } else {
        UnmaskRule::Quota
    };
    let early = &reference["early_exit_thresholds"];
    let gap = |phase: &str, default: f32| early[phase].as_f64().map_or(default, |value| value as f32);
    Settings {
        unmask,
        block_length: count("block_length").or(count("block_size")),
        steps: count("steps"),
        threshold: number("threshold").unwrap_or(defaults.threshold),
        factor: number("factor").unwrap_or(defaults.factor),
        factor_last: true,
        temperature: number("temperature").unwrap_or(0.0),
        cfg_scale: number("cfg_scale").unwrap_or(0.0),
        order: if reference["remasking"] == "random" { OrderScore::Random } else { OrderScore::Confidence },
        early_commit: if reference["analyze_gap"] == true { EarlyCommit::Answer } else { EarlyCommit::Off },
        // The reference counts from the first prompt token, and measures committed positions too.
        answer_start: count("answer_start_pos").map(|start| start - ids(&trace["prompt_ids"]).len()),
        answer_committed: true,
        gap_early: gap("early", defaults.gap_early),
        gap_mid: gap("mid", defaults.gap_mid),
        gap_late: gap("late", defaults.gap_late),
        ..defaults
    }
}

/// The network's facts as the reference was told them: dllm takes the alignment of the logits as an argument.
pub fn spec(spec: &NetworkSpec, reference: &Value) -> NetworkSpec {
    let alignment = match reference["right_shift_logits"].as_bool() {
        Some(true) => Alignment::Shifted,
        Some(false) => Alignment::Aligned,
        None => spec.alignment,
    };
    NetworkSpec { alignment, ..spec.clone() }
}

/// The uniform numbers that the reference drew: for Dream's origin rule and for a random order by position, for Gumbel
/// noise by position and token.
pub struct Recorded {
    transfer: BTreeMap<(usize, usize), f64>,
    order: BTreeMap<(usize, usize), f64>,
    tokens: BTreeMap<(usize, usize), Vec<f64>>,
}

impl Recorded {
    pub fn of(root: &Path, trace: &Value) -> Self {
        let (mut transfer, mut order, mut tokens) = (BTreeMap::new(), BTreeMap::new(), BTreeMap::new());
        let number = |value: &Value| value.as_f64().expect("a number");
        let steps = trace["steps"].as_array().expect("a trace has steps");
        for (index, step) in steps.iter().enumerate() {
            if let (Some(positions), Some(uniforms)) = (step["masked_positions"].as_array(), step["uniform"].as_array())
            {
                for (position, uniform) in numbers(positions).into_iter().zip(uniforms) {
                    transfer.insert((index, position as usize), number(uniform));
                }
            }
            for (position, score) in step["random_scores"].as_array().into_iter().flatten().enumerate() {
                order.insert((index, position), number(score));
            }
        }
        if let Some(file) = trace["noise_file"].as_str() {
            let bytes = std::fs::read(root.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            let noise = SafeTensors::deserialize(&bytes).unwrap_or_else(|error| panic!("{file}: {error}"));
            for index in 0..steps.len() {
                let tensor = noise.tensor(&format!("noise.step{index}")).expect("noise for every step");
                let width = tensor.shape()[1] * size_of::<f64>();
                for (position, row) in tensor.data().chunks(width).enumerate() {
                    let (values, _) = row.as_chunks();
                    tokens.insert((index, position), values.iter().map(|value| f64::from_le_bytes(*value)).collect());
                }
            }
        }
        Self { transfer, order, tokens }
    }
}

impl Noise for Recorded {
    fn fill(&self, purpose: Purpose, step: usize, position: usize, out: &mut [f64]) {
        let at = (step, position);
        let one = match purpose {
            Purpose::Transfer => self.transfer.get(&at),
            Purpose::Order => self.order.get(&at),
            Purpose::Token => None,
        };
        match (one, self.tokens.get(&at)) {
            (Some(uniform), _) => out.fill(*uniform),
            (None, Some(uniforms)) if purpose == Purpose::Token => out.copy_from_slice(&uniforms[..out.len()]),
            _ => Seeded(0).fill(purpose, step, position, out),
        }
    }
}
