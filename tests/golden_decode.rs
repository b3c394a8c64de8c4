//! Decode traces of the official implementations, reproduced step by step.
//!
//! Every `traces/*.json` of the folder named by `DIFFUSCOPE_GOLDEN` (default `tests/golden`) is a test of its own, called
//! as the file is. Token ids, positions, order, NFE and accept lengths must be equal; confidences within the set's
//! tolerances. A trace that calls itself informational is ignored, and no other.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use diffuscope::{
    decode::{
        Decoder, Networks,
        clock::StoppedClock,
        record::{Reason, StepRecord},
    },
    model::{checkpoint::Checkpoint, device::ComputeDevice, network::Network},
    settings::{CacheChoice, EosStop, GuideMismatch, GuideRule, OrderScore, SamplerStyle, Settings, UnmaskRule},
};
use libtest_mimic::Trial;
use serde_json::{Value, json};
use support::cases::{case, same};

#[path = "golden_decode/blocks.rs"]
mod blocks;
#[path = "golden_decode/caches.rs"]
mod caches;
#[path = "golden_decode/logits.rs"]
mod logits;
#[path = "golden_decode/noise.rs"]
mod noise;
mod support;

const PROBABILITY_TOLERANCE: f64 = 1e-4;
const ENTROPY_TOLERANCE: f64 = 5e-4;
/// Two logits, each within the set's tolerance of 1e-4.
const GAP_TOLERANCE: f64 = 2e-4;

/// What this repository's set does not ask to be reproduced.
const INFORMATIONAL: [&str; 1] = ["flash_spec_smallverify4_deterministic_trained_g28"];

fn main() -> ExitCode {
    let root = support::files::golden();
    let mut traces: Vec<PathBuf> = std::fs::read_dir(root.join("traces"))
        .unwrap_or_else(|error| panic!("no golden traces in {}: {error}", root.display()))
        .map(|entry| entry.expect("a readable folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
        .collect();
    traces.sort();
    let mut trials: Vec<Trial> = traces.iter().map(|file| trial(root.clone(), file)).collect();
    let ignored = trials.iter().filter(|trial| trial.has_ignored_flag());
    let ignored: Vec<String> = ignored.map(|trial| trial.name().to_owned()).collect();
    let reproduced = trials.len() - ignored.len();
    trials.push(case("nothing_is_ignored_that_is_not_informational", move || {
        if reproduced == 0 {
            return Err(format!("no golden trace to reproduce in {}", root.display()));
        }
        match support::files::other_golden() {
            None => same("ignored traces", ignored, INFORMATIONAL.map(str::to_owned).to_vec()),
            Some(_) => Ok(()),
        }
    }));
    trials.push(case("a_method_that_is_not_known_fails", || {
        let trace = json!({ "reference_function": "generate.py:gnerate", "settings": {} });
        let refused = Method::of(&trace).expect_err("no such method");
        same("refusal", refused.as_str(), "reference_function `generate.py:gnerate` is no method that this program has")
    }));
    if support::files::other_golden().is_none() {
        trials.push(case("scores_outside_of_the_block_may_be_null", || {
            let root = support::files::golden();
            let mut trace = read(&root.join("traces/llada_base_random_remask_recorded_s8_b16_g16.json"))?;
            let prompt = ids(&trace["prompt_ids"]).len();
            for step in trace["steps"].as_array_mut().expect("a trace has steps") {
                let scores = step["random_scores"].as_array_mut().expect("a step has scores");
                scores[..prompt].fill(Value::Null);
            }
            replay(&root, &trace, Method::of(&trace)?)
        }));
    }
    support::cases::run(trials)
}

fn read(file: &Path) -> Result<Value, String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    serde_json::from_str(&text).map_err(|error| error.to_string())
}

/// The test of a trace; one that cannot be read fails in its turn.
fn trial(root: PathBuf, file: &Path) -> Trial {
    let name = file.file_stem().expect("a file has a name").to_string_lossy().into_owned();
    let trace = read(file);
    let is_informational = trace.as_ref().is_ok_and(|trace| trace["informational"].is_string());
    let check = move || {
        let trace = blocks::told_here(trace?);
        replay(&root, &trace, Method::of(&trace)?)
    };
    case(name, check).with_ignored_flag(is_informational)
}

/// The methods of the set that exist here.
#[expect(clippy::large_enum_variant, reason = "one of them at a time")]
#[derive(Debug, Clone, Copy, PartialEq)]
enum Method {
    Dream,
    FlashDlmAssisted,
    FlashDlmSpeculative,
    /// Mapped to settings in a file of its own.
    Known(Settings),
}

impl Method {
    fn of(trace: &Value) -> Result<Self, String> {
        let known = caches::settings(trace).or_else(|| blocks::settings(trace)).or_else(|| logits::settings(trace));
        if let Some(settings) = known {
            return Ok(Self::Known(settings));
        }
        let function = trace["reference_function"].as_str().unwrap_or_default();
        match function {
            "dream/model/generation_utils.py:diffusion_generate" => Ok(Self::Dream),
            function if function.ends_with("assisted_block_diffusion_generate") => Ok(Self::FlashDlmAssisted),
            function if function.ends_with(":speculative_diffusion_generate") => Ok(Self::FlashDlmSpeculative),
            function if function.ends_with(":speculative_block_diffusion_generate") => Ok(Self::FlashDlmSpeculative),
            other => Err(format!("reference_function `{other}` is no method that this program has")),
        }
    }
}

/// The settings that reproduce the reference's arguments.
fn settings(method: Method, reference: &Value) -> Settings {
    let number = |name: &str| reference[name].as_f64().map(|value| value as f32);
    let count = |name: &str| reference[name].as_u64().map(|value| value as usize);
    let defaults = Settings::default();
    match method {
        Method::Known(settings) => settings,
        Method::Dream => {
            let (unmask, order) = match reference["alg"].as_str().unwrap_or("origin") {
                "origin" => (UnmaskRule::Origin, OrderScore::Confidence),
                "confidence_threshold" => (UnmaskRule::ThresholdBudget, OrderScore::Confidence),
                "maskgit_plus" => (UnmaskRule::Time, OrderScore::Confidence),
                "topk_margin" => (UnmaskRule::Time, OrderScore::Margin),
                "entropy" => (UnmaskRule::Time, OrderScore::Entropy),
                other => panic!("unknown alg {other}"),
            };
            Settings {
                sampler: SamplerStyle::Filtered,
                unmask,
                order,
                steps: count("steps"),
                time_end: number("eps").unwrap_or(defaults.time_end),
                temperature: number("temperature").unwrap_or(0.0),
                top_p: number("top_p"),
                // The released sampler inherits a top-k of 50 from its library's generation defaults; the origin rule's
                // recorded confidences are of the whole distribution.
                top_k: count("top_k").or((unmask != UnmaskRule::Origin).then_some(50)),
                threshold: number("threshold").unwrap_or(defaults.threshold),
                ..defaults
            }
        }
        Method::FlashDlmAssisted | Method::FlashDlmSpeculative => Settings {
            // Blocks are of no consequence there but for the prompt's rows, which are kept.
            cache: if reference["block_size"].is_null() { CacheChoice::Off } else { CacheChoice::Prompt },
            guide_mismatch: match method {
                Method::FlashDlmSpeculative => GuideMismatch::Guide,
                _ => GuideMismatch::Draft,
            },
            guide: match reference["sampling_strategy"].as_str().unwrap_or("deterministic") {
                "deterministic" => GuideRule::Deterministic,
                "topk" => GuideRule::TopK,
                "topk_relative" => GuideRule::TopKRelative,
                "dynamic_threshold" => GuideRule::Probability,
                other => panic!("unknown sampling_strategy {other}"),
            },
            guide_top_k: count("acceptance_top_k").unwrap_or(5),
            guide_ratio: number("top_p").unwrap_or(0.5),
            guide_probability: number("confidence_threshold").unwrap_or(0.1),
            verify_batch: count("verify_batch_size").unwrap_or(32),
            eos_stop: EosStop::Prefix,
            ..defaults
        },
    }
}

fn replay(root: &Path, trace: &Value, method: Method) -> Result<(), String> {
    let reference = &trace["settings"];
    let open = |name: &str| -> Box<dyn Network> {
        let folder = root.join("models").join(name);
        let mut checkpoint = Checkpoint::open(&folder).unwrap_or_else(|error| panic!("{error}"));
        // A2D checkpoints do not say which token is their mask.
        if let Some(mask) = reference["mask_token_id"].as_u64().filter(|_| name.starts_with("a2d")) {
            checkpoint = checkpoint.with_mask(mask as u32);
        }
        checkpoint.network(&ComputeDevice::cpu()).unwrap_or_else(|error| panic!("{error}"))
    };
    let mut denoiser = open(trace["model"].as_str().expect("a trace names its model"));
    let mut guide = trace["guide_model"].as_str().map(open);
    let prompt = ids(&trace["prompt_ids"]);
    let gen_length = ["max_new_tokens", "gen_length"]
        .iter()
        .find_map(|name| reference[name].as_u64())
        .expect("a trace gives its generation length") as usize;
    let settings = settings(method, reference);
    let steps = trace["steps"].as_array().expect("a trace has steps");
    let mut decoder = Decoder::new(
        &logits::spec(denoiser.spec(), reference),
        guide.as_ref().map(|guide| guide.spec()),
        &prompt,
        gen_length,
        settings,
    )
    .map_err(|error| error.to_string())?
    .with_delimiters(blocks::delimiters(trace))
    .with_noise(Box::new(noise::Recorded::of(root, trace)));

    let (wasted, taken): (Vec<&Value>, Vec<&Value>) = steps.iter().partition(|step| caches::is_wasted(step));
    let mut nfe: u64 = wasted.iter().map(|step| step["n_forward"].as_u64().expect("a number of forwards")).sum();
    for (index, expected) in taken.into_iter().enumerate() {
        if let Some(stop) = decoder.stopped() {
            return Err(format!("stopped ({stop:?}) after {index} of {} steps", steps.len()));
        }
        let guide = guide.as_mut().map(|guide| &mut **guide as &mut dyn Network);
        let record = decoder
            .step(Networks { denoiser: &mut *denoiser, guide }, &StoppedClock)
            .map_err(|error| format!("step {index}: {error}"))?;
        nfe += u64::from(record.cost.nfe);
        compare(&record, expected, settings).map_err(|why| format!("step {index}: {why}"))?;
    }
    if decoder.stopped().is_none() {
        return Err(format!("not stopped after {} steps", steps.len()));
    }
    same("final ids", decoder.ids().to_vec(), ids(&trace["final_ids"]))?;
    same("NFE", nfe, trace["nfe"].as_u64().unwrap_or_default())
}

fn compare(record: &StepRecord, expected: &Value, settings: Settings) -> Result<(), String> {
    let unmasked = expected["unmasked"].as_array().expect("a step lists what it unmasked");
    same("positions", record.commits.iter().map(|commit| commit.position as u64).collect(), numbers(unmasked))?;
    same("tokens", record.commits.iter().map(|commit| commit.token).collect(), ids(&expected["tokens"]))?;
    same("ids", record.ids.clone(), ids(&expected["ids"]))?;
    if let Some(fed) = denoiser_tokens(expected) {
        // Both streams of classifier-free guidance are one pass of a batch of two.
        let batch = expected["forward_batch"][0].as_u64().unwrap_or(1);
        same("positions computed", u64::from(record.cost.computed), fed * batch)?;
    }
    let confidences = expected["confidence"].as_array().expect("a step lists its confidences");
    for (commit, confidence) in record.commits.iter().zip(confidences) {
        // JSON has no minus infinity: the score of what is not up for choice, and is written all the same by an exit.
        if confidence.is_null() && !(record.region.start..record.region.end).contains(&commit.position) {
            continue;
        }
        let Some(proposal) = record.proposals.iter().find(|proposal| proposal.position == commit.position) else {
            continue;
        };
        let (found, tolerance) = match (settings.unmask, settings.order) {
            _ if commit.reason == Reason::BlockEntry => (f64::from(proposal.confidence), PROBABILITY_TOLERANCE),
            (UnmaskRule::Time, OrderScore::Entropy) => (-f64::from(proposal.entropy), ENTROPY_TOLERANCE),
            (UnmaskRule::Time, OrderScore::Margin) | (_, OrderScore::Random) => {
                (f64::from(proposal.score), PROBABILITY_TOLERANCE)
            }
            _ => (f64::from(proposal.confidence), PROBABILITY_TOLERANCE),
        };
        close(&format!("confidence at {}", commit.position), found, confidence, tolerance)?;
    }
    if let Some(gap) = expected.get("avg_answer_gap") {
        let found = record.gap.ok_or("the gap was not measured")?;
        close("mean gap", f64::from(found.mean), gap, GAP_TOLERANCE)?;
    }
    let Some(calls) = expected["guide_calls"].as_array() else {
        return Ok(());
    };
    let review = record.guide.as_ref().ok_or("the guide was not asked")?;
    same("accepted drafts", review.accepted as u64, expected["guide_accept"].as_u64().unwrap_or_default())?;
    same("drafts", review.drafts.iter().map(|draft| draft.draft).collect(), ids(&expected["draft"]))?;
    let prefill = expected["forward_model"]
        .as_array()
        .map_or(0, |models| models.iter().filter(|model| *model == "guide").count() - calls.len());
    same("guide forwards", review.forwards.len(), calls.len() + prefill)?;
    let judged =
        |name: &'static str| calls.iter().flat_map(move |call| call[name].as_array().cloned().unwrap_or_default());
    for ((draft, argmax), probability) in
        review.drafts.iter().zip(judged("guide_argmax")).zip(judged("guide_prob_of_draft"))
    {
        let view = draft.view.ok_or_else(|| format!("the draft at {} was not judged", draft.position))?;
        same("guide's token", u64::from(view.token), argmax.as_u64().unwrap_or_default())?;
        let found = f64::from(view.draft_probability);
        close(&format!("guide at {}", draft.position), found, &probability, PROBABILITY_TOLERANCE)?;
    }
    Ok(())
}

/// Tokens that the denoiser was fed in this step; `None` where the trace does not say.
fn denoiser_tokens(expected: &Value) -> Option<u64> {
    let tokens = expected["forward_tokens"].as_array()?;
    let Some(models) = expected["forward_model"].as_array() else {
        return tokens[0].as_u64();
    };
    models.iter().zip(tokens).find(|(model, _)| *model != "guide")?.1.as_u64()
}

/// Compares with a number of the reference.
fn close(what: &str, found: f64, expected: &Value, tolerance: f64) -> Result<(), String> {
    let expected = expected.as_f64().ok_or_else(|| format!("{what}: found {found}, expected {expected}"))?;
    support::cases::close(what, found, expected, tolerance)
}

fn ids(value: &Value) -> Vec<u32> {
    numbers(value.as_array().expect("a list of ids")).into_iter().map(|id| id as u32).collect()
}

fn numbers(values: &[Value]) -> Vec<u64> {
    values.iter().map(|value| value.as_u64().expect("a whole number")).collect()
}
