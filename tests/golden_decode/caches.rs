//! Reference arguments of the cache methods: Fast-dLLM and dKV-Cache, on LLaDA and on Dream.

use std::collections::BTreeMap;

use diffuscope::settings::{CacheChoice, FreezeChoice, OrderScore, SamplerStyle, Settings, UnmaskRule};
use serde_json::Value;

/// The settings that reproduce a reference function of these methods; `None` where it is none of theirs.
pub fn settings(trace: &Value) -> Option<Settings> {
    let function = trace["reference_function"].as_str()?;
    let reference = &trace["settings"];
    let fast = |name: &str| function == format!("llada/generate.py:{name}");
    if fast("generate") {
        return Some(fast_llada(CacheChoice::Off, reference));
    } else if fast("generate_with_prefix_cache") {
        return Some(fast_llada(CacheChoice::FastPrefix, reference));
    } else if fast("generate_with_dual_cache") {
        return Some(fast_llada(CacheChoice::FastDual, reference));
    }
    match function {
        "dream/model/generation_utils_block.py:diffusion_generate" => Some(fast_dream(reference)),
        "generation_utils/llada_dkv_cache_decode.py:generate" => Some(Settings {
            cache: enabled(reference, CacheChoice::DkvDecode),
            cache_refresh: count(reference, "cache_reloading_step"),
            ..llada(reference)
        }),
        "generation_utils/llada_dkv_cache_greedy.py:generate" => Some(Settings {
            cache: enabled(reference, CacheChoice::DkvGreedy),
            cache_refresh: count(reference, "cache_reloading_step"),
            dkv_neighbours: count(reference, "window_size").unwrap_or(0),
            order: OrderScore::Drawn,
            ..llada(reference)
        }),
        "generation_utils/dream_generation_utils.py:diffusion_generate"
        | "generation_utils/dream_generation_utils_pd.py:diffusion_generate" => Some(dkv_dream(reference)),
        _ => None,
    }
}

fn count(reference: &Value, name: &str) -> Option<usize> {
    reference[name].as_u64().map(|value| value as usize)
}

fn number(reference: &Value, name: &str) -> Option<f32> {
    reference[name].as_f64().map(|value| value as f32)
}

fn enabled(reference: &Value, cache: CacheChoice) -> CacheChoice {
    if reference["enable_cache"] == true { cache } else { CacheChoice::Off }
}

/// LLaDA's blocks: a threshold, else the quota of the steps.
fn llada(reference: &Value) -> Settings {
    let threshold = number(reference, "threshold");
    Settings {
        steps: count(reference, "steps"),
        block_length: count(reference, "block_length"),
        unmask: if threshold.is_some() { UnmaskRule::Threshold } else { UnmaskRule::Quota },
        threshold: threshold.unwrap_or(0.9),
        temperature: number(reference, "temperature").unwrap_or(0.0),
        ..Settings::default()
    }
}

fn fast_llada(cache: CacheChoice, reference: &Value) -> Settings {
    Settings { cache, ..llada(reference) }
}

/// Outside of `confidence_threshold`, Fast-dLLM's block sampler for Dream ranks by entropy, whatever `alg` says.
fn fast_dream(reference: &Value) -> Settings {
    let by_threshold = reference["alg"] == "confidence_threshold";
    Settings {
        cache: if reference["dual_cache"] == true { CacheChoice::FastDual } else { CacheChoice::FastPrefix },
        unmask: if by_threshold { UnmaskRule::Threshold } else { UnmaskRule::Time },
        order: if by_threshold { OrderScore::Confidence } else { OrderScore::Entropy },
        ..dream(reference, llada(reference))
    }
}

fn dkv_dream(reference: &Value) -> Settings {
    Settings {
        cache: match reference["cache_type"].as_str().filter(|_| reference["use_cache"] == true) {
            None => CacheChoice::Off,
            Some("decoded") => CacheChoice::DkvDecode,
            Some("prefill") => CacheChoice::DkvPrefill,
            Some("pd") => CacheChoice::DkvPrefillDecode,
            other => panic!("unknown cache_type {other:?}"),
        },
        cache_refresh: count(reference, "cache_steps"),
        dkv_freeze: match reference["shift_type"].as_str() {
            None | Some("un") => FreezeChoice::Target,
            Some("un_right") => FreezeChoice::Both,
            other => panic!("unknown shift_type {other:?}"),
        },
        unmask: UnmaskRule::Time,
        order: match reference["alg"].as_str() {
            Some("maskgit_plus") => OrderScore::Confidence,
            Some("topk_margin") => OrderScore::Margin,
            Some("entropy") => OrderScore::Entropy,
            other => panic!("unknown alg {other:?}"),
        },
        steps: count(reference, "steps"),
        ..dream(reference, Settings::default())
    }
}

/// Dream's way to draw. The released samplers inherit a top-k of 50 from their library's generation defaults.
fn dream(reference: &Value, settings: Settings) -> Settings {
    Settings {
        sampler: SamplerStyle::Filtered,
        temperature: number(reference, "temperature").unwrap_or(0.0),
        top_p: number(reference, "top_p"),
        top_k: count(reference, "top_k").or(Some(50)),
        order_temperature: number(reference, "alg_temp").filter(|temperature| *temperature > 0.0),
        time_end: number(reference, "eps").unwrap_or(settings.time_end),
        ..settings
    }
}

/// Whether a reference step is one that this program does not take: the pinned Fast-dLLM runs a pass after the one
/// that enters a block even where that one filled the block. Nothing competes in it, so it commits nothing.
pub fn is_wasted(step: &Value) -> bool {
    step["candidates"] == 0
}

/// dKV-Cache greedy: the recorded order of each block, as uniform numbers by (block, position) that sort into it.
pub fn drawn_orders(trace: &Value) -> BTreeMap<(usize, usize), f64> {
    let blocks = trace["denoising_order_per_block"].as_array();
    let blocks = blocks.into_iter().flatten().enumerate();
    blocks
        .flat_map(|(block, order)| {
            let order = order.as_array().expect("a list of positions");
            order.iter().enumerate().map(move |(rank, position)| {
                let position = position.as_u64().expect("a position") as usize;
                ((block, position), 1.0 / (rank + 2) as f64)
            })
        })
        .collect()
}
