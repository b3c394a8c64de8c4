//! Reference arguments of the block schedules: AdaBlock-dLLM on LLaDA and on Dream, BD3LM on A2D networks.

use diffuscope::settings::{AttentionChoice, CacheChoice, SamplerStyle, ScheduleChoice, Settings, UnmaskRule};
use serde_json::{Value, json};

const BD3LM: &str = "dllm/core/samplers/bd3lm.py:sample";

/// The settings that reproduce a reference function of these methods; `None` where it is none of theirs.
pub fn settings(trace: &Value) -> Option<Settings> {
    let function = trace["reference_function"].as_str()?;
    let reference = &trace["settings"];
    match function {
        "llada/generate_adablock.py:generate_adablock" => Some(adablock(CacheChoice::Off, reference)),
        "llada/generate_adablock.py:generate_adablock_prefix_cache" => {
            Some(adablock(CacheChoice::FastPrefix, reference))
        }
        "llada/generate_adablock.py:generate_adablock_dual_cache" => Some(adablock(CacheChoice::FastDual, reference)),
        "dream/model/generation_utils_adablock.py:_sample_adablock" => {
            Some(dream(adablock(CacheChoice::Off, reference)))
        }
        "dream/model/generation_utils_adablock.py:_sample_adablock_cache" => {
            Some(dream(adablock(CacheChoice::FastDual, reference)))
        }
        BD3LM => Some(Settings {
            attention: AttentionChoice::BlockCausal,
            cache: CacheChoice::Exact,
            block_length: count(reference, "block_size"),
            steps: count(reference, "steps"),
            unmask: UnmaskRule::Alpha,
            ..Settings::default()
        }),
        _ => None,
    }
}

/// Tokens that can end an adaptive block in this trace.
pub fn delimiters(trace: &Value) -> Vec<u32> {
    let lists = [&trace["settings"]["delimiter_ids"], &trace["delimiter_ids"]];
    let ids = lists.into_iter().find_map(Value::as_array).into_iter().flatten();
    ids.map(|id| id.as_u64().expect("an id") as u32).collect()
}

/// A trace of the released BD3LM sampler as this program tells it: without the padding to the left of the prompt, on the
/// whole canvas, and with the positions that are computed where finished blocks are kept and not computed again.
pub fn told_here(mut trace: Value) -> Value {
    if trace["reference_function"] != BD3LM {
        return trace;
    }
    let reference = trace["settings"].clone();
    let (block, mask) = (count(&reference, "block_size").expect("a block size"), &reference["mask_token_id"]);
    let prompt = trace["prompt_ids"].as_array().map_or(0, Vec::len);
    let gen_length = count(&reference, "max_new_tokens").expect("a generation length");
    let padding = prompt.next_multiple_of(block) - prompt;
    let canvas = |ids: &Value| {
        let ids = ids.as_array().expect("a list of ids")[padding..].iter();
        let ids: Vec<&Value> = ids.chain(std::iter::repeat(mask)).take(prompt + gen_length).collect();
        json!(ids)
    };
    trace["final_ids"] = canvas(&trace["final_ids"]);
    for step in trace["steps"].as_array_mut().expect("a trace has steps") {
        step["ids"] = canvas(&step["ids"]);
        for position in step["unmasked"].as_array_mut().expect("a step lists what it unmasked") {
            *position = json!(position.as_u64().expect("a position") as usize - padding);
        }
        let fed = step["forward_tokens"].as_array().expect("a step lists what it fed");
        let own = fed.last().and_then(Value::as_u64).expect("a number of tokens") as usize;
        let entered = if step["block"] == 0 { prompt } else { block };
        step["forward_tokens"] = json!([own + if fed.len() > 1 { entered } else { 0 }]);
    }
    trace
}

fn adablock(cache: CacheChoice, reference: &Value) -> Settings {
    let number = |name: &str| reference[name].as_f64().map(|value| value as f32);
    Settings {
        schedule: ScheduleChoice::Adaptive,
        block_length: count(reference, "init_block_length").or_else(|| count(reference, "block_length")),
        // Without a threshold, the released function's own is infinite.
        delimiter_threshold: number("delimiter_threshold"),
        unmask: UnmaskRule::Threshold,
        threshold: number("threshold").expect("AdaBlock has a threshold"),
        cache,
        ..Settings::default()
    }
}

/// The released samplers inherit a top-k of 50 from their library's generation defaults.
fn dream(settings: Settings) -> Settings {
    Settings { sampler: SamplerStyle::Filtered, top_k: Some(50), ..settings }
}

fn count(reference: &Value, name: &str) -> Option<usize> {
    reference[name].as_u64().map(|value| value as usize)
}
