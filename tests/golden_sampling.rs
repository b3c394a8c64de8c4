//! Sampling mathematics of the official implementations: Gumbel draws, filters, scores, schedules, selection.
//!
//! Reads `sampling/*` of the golden folder (`DIFFUSCOPE_GOLDEN`, default `tests/golden`) and drives the decoder with the
//! recorded logits and random numbers through a scripted network. Every case is a test of its own.

use std::{process::ExitCode, sync::Arc};

use diffuscope::{
    decode::{
        Decoder, Networks,
        clock::StoppedClock,
        noise::{Noise, Purpose},
        record::StepRecord,
    },
    model::network::{Alignment, Network},
    settings::{OrderScore, SamplerStyle, Settings, UnmaskRule},
};
use libtest_mimic::Trial;
use safetensors::SafeTensors;
use serde_json::Value;

mod support;

use support::{
    cases::{case, close, same},
    files,
    runs::Run,
    scripted::{Scripted, favour},
};

const TOLERANCE: f64 = 1e-4;
const ENTROPY_TOLERANCE: f64 = 5e-4;
/// One prompt token stands before the recorded rows.
const PROMPT: [u32; 1] = [1];

fn main() -> ExitCode {
    let kinds = [
        ("gumbel", gumbel()),
        ("sample_tokens", sample_tokens()),
        ("schedule", schedules()),
        ("selection", selections()),
    ];
    let mut trials = Vec::new();
    for (kind, cases) in kinds {
        let count = cases.len();
        trials.extend(cases);
        trials.push(case(format!("{kind}::cases_are_listed"), move || match count {
            0 => Err(format!("no {kind} case in {}", files::golden().display())),
            _ => Ok(()),
        }));
    }
    support::cases::run(trials)
}

/// `LLaDA`'s draws with Gumbel noise.
fn gumbel() -> Vec<Trial> {
    let file: Arc<[u8]> = read("llada_gumbel.safetensors").into();
    let tensors = SafeTensors::deserialize(&file).expect("a safetensors file");
    let mut names: Vec<String> =
        tensors.names().iter().filter_map(|name| name.strip_suffix(".argmax")).map(str::to_owned).collect();
    names.sort();
    names
        .into_iter()
        .map(|name| {
            let file = Arc::clone(&file);
            case(name.replacen('.', "::", 1), move || {
                let tensors = SafeTensors::deserialize(&file).expect("a safetensors file");
                let (logits, width) = rows(&tensors, "logits");
                let temperature: f32 = name.trim_start_matches("gumbel.t").parse().expect("a temperature");
                let uniforms = numbers(&tensors, &format!("{name}.uniform_f64"), temperature > 0.0);
                let settings = Settings { temperature, ..everything_at_once() };
                let record = first_step(&logits, settings, Recorded { values: uniforms, width });
                let proposals = record.proposals.iter().map(|proposal| (proposal.token, proposal.confidence));
                let confidence = format!("{name}.confidence_f32_softmax_of_clean_logits");
                compare(&tensors, proposals, &format!("{name}.argmax"), &confidence, TOLERANCE)
            })
        })
        .collect()
}

/// Dream's `sample_tokens`.
fn sample_tokens() -> Vec<Trial> {
    let file: Arc<[u8]> = read("dream_sample_tokens.safetensors").into();
    let trial = |listed: Value| {
        let file = Arc::clone(&file);
        let name = listed["case"].as_str().expect("a case has a name").to_owned();
        case(format!("sample_tokens::{name}"), move || {
            let tensors = SafeTensors::deserialize(&file).expect("a safetensors file");
            let (logits, _) = rows(&tensors, "logits");
            let reference = &listed["settings"];
            let number = |field: &str| reference[field].as_f64().map(|value| value as f32);
            let (order, tolerance) = if reference["margin_confidence"] == true {
                (OrderScore::Margin, TOLERANCE)
            } else if reference["neg_entropy"] == true {
                (OrderScore::Entropy, ENTROPY_TOLERANCE)
            } else {
                (OrderScore::Confidence, TOLERANCE)
            };
            let settings = Settings {
                sampler: SamplerStyle::Filtered,
                temperature: number("temperature").unwrap_or(0.0),
                top_p: number("top_p"),
                top_k: count(&reference["top_k"]),
                order,
                ..everything_at_once()
            };
            let uniforms = numbers(&tensors, &format!("{name}.uniform_f64"), settings.temperature > 0.0);
            let record = first_step(&logits, settings, Recorded { values: uniforms, width: 1 });
            let proposals = record.proposals.iter().map(|proposal| (proposal.token, proposal.score));
            compare(&tensors, proposals, &format!("{name}.x0"), &format!("{name}.confidence"), tolerance)
        })
    };
    list(&json("index_sampling.json")["dream_sample_tokens"]["cases"]).into_iter().map(trial).collect()
}

/// Tokens and scores against those that the reference recorded, row by row.
fn compare(
    tensors: &SafeTensors<'_>,
    proposals: impl ExactSizeIterator<Item = (u32, f32)>,
    tokens: &str,
    scores: &str,
    tolerance: f64,
) -> Result<(), String> {
    let (tokens, scores) = (numbers(tensors, tokens, true), numbers(tensors, scores, true));
    same("rows", (proposals.len(), tokens.len()), (scores.len(), scores.len()))?;
    for (row, ((token, score), (expected, recorded))) in proposals.zip(tokens.into_iter().zip(scores)).enumerate() {
        same(&format!("token of row {row}"), f64::from(token), expected)?;
        close(&format!("score of row {row}"), f64::from(score), recorded, tolerance)?;
    }
    Ok(())
}

/// How many tokens a step commits: `LLaDA`'s quota, dllm's alpha, Dream's grid of times.
fn schedules() -> Vec<Trial> {
    let index = json("index_sampling.json");
    let trial = |name: &str, listed: &Value, settings: Settings, expected: Vec<usize>| {
        let (masked, steps) = (count(&listed["masked"]).expect("a number of masks"), settings.steps);
        let name = format!("schedule::{name}_m{masked}_s{}", steps.expect("a number of steps"));
        case(name, move || same("tokens per step", committed_per_step(masked, settings), expected))
    };
    let mut trials = Vec::new();
    for listed in list(&index["schedules"]) {
        let steps = count(&listed["steps"]);
        let settings = Settings { unmask: UnmaskRule::Alpha, steps, ..Settings::default() };
        let expected = counts(&listed["dllm_num_transfer_tokens_zero_steps_removed"]);
        trials.push(trial("dllm", &listed, settings, expected));
        // Steps that would commit nothing are not done: they repeat the forward before them.
        let mut expected = counts(&listed["llada_num_transfer_tokens"]);
        expected.retain(|count| *count > 0);
        let settings = Settings { unmask: UnmaskRule::Quota, steps, ..Settings::default() };
        trials.push(trial("llada", &listed, settings, expected));
    }
    for listed in list(&index["dream_schedules"]) {
        let time_end = listed["eps"].as_f64().expect("an end of time");
        let settings = Settings {
            unmask: UnmaskRule::Time,
            steps: count(&listed["steps"]),
            time_end: time_end as f32,
            ..Settings::default()
        };
        let expected = counts(&listed["dream_number_transfer_tokens"]);
        trials.push(trial(&format!("dream_eps{time_end}"), &listed, settings, expected));
    }
    trials
}

/// Which tokens threshold, factor and top-k transfer.
fn selections() -> Vec<Trial> {
    let mut trials = Vec::new();
    for (index, listed) in list(&json("selection.json")["cases"]).into_iter().enumerate() {
        let masked: Vec<usize> = counts(&listed["mask_index"])
            .iter()
            .enumerate()
            .filter_map(|(position, masked)| (*masked == 1).then_some(position))
            .collect();
        let rows: Vec<Vec<f32>> = list(&listed["logits"]).iter().map(floats).collect();
        let logits: Vec<Vec<f32>> = masked.iter().map(|position| rows[*position].clone()).collect();
        for result in list(&listed["results"]) {
            let kind = result["kind"].as_str().expect("a kind").to_owned();
            let params = result["params"].as_object().expect("parameters");
            let params: Vec<String> = params.iter().map(|(name, value)| format!("_{name}{value}")).collect();
            let (masked, logits) = (masked.clone(), logits.clone());
            trials.push(case(format!("selection::case{index}_{kind}{}", params.concat()), move || {
                let record = first_step(&logits, selecting(&kind, &result["params"])?, Recorded::none());
                let found = record.commits.iter().map(|commit| masked[commit.position - PROMPT.len()]).collect();
                same("transferred", found, counts(&result["transfer"]))
            }));
        }
    }
    trials
}

/// The settings of a rule of selection.
fn selecting(kind: &str, params: &Value) -> Result<Settings, String> {
    match kind {
        "threshold" => Ok(Settings {
            unmask: UnmaskRule::Threshold,
            threshold: params["threshold"].as_f64().expect("a threshold") as f32,
            ..Settings::default()
        }),
        "factor" | "factor_dllm_port" => Ok(Settings {
            unmask: UnmaskRule::Factor,
            factor: params["factor"].as_f64().expect("a factor") as f32,
            factor_last: kind == "factor",
            ..Settings::default()
        }),
        "topk" => Ok(Settings {
            unmask: UnmaskRule::Quota,
            tokens_per_step: count(&params["k"]).expect("a count"),
            ..Settings::default()
        }),
        other => Err(format!("`{other}` is no rule of selection that this program has")),
    }
}

fn everything_at_once() -> Settings {
    Settings { unmask: UnmaskRule::Threshold, threshold: 0.0, ..Settings::default() }
}

/// The first step on a canvas whose generated positions have these logits.
fn first_step(logits: &[Vec<f32>], settings: Settings, noise: Recorded) -> StepRecord {
    let script = logits.to_vec();
    let vocab = script[0].len();
    // The mask lies outside of the recorded vocabulary, so that no token of it is excluded.
    let mut network =
        Scripted::denoiser(Alignment::Aligned, move |position, _| script[position - PROMPT.len()].clone())
            .with_vocabulary(vocab)
            .with_mask(u32::MAX);
    let mut decoder = Decoder::new(network.spec(), None, &PROMPT, logits.len(), settings)
        .expect("settings that hold")
        .with_noise(Box::new(noise));
    decoder.step(Networks { denoiser: &mut network, guide: None }, &StoppedClock).expect("a step")
}

fn committed_per_step(masked: usize, settings: Settings) -> Vec<usize> {
    let mut network = Scripted::denoiser(Alignment::Aligned, |_, _| favour(2, 1.0));
    let decoder = Decoder::new(network.spec(), None, &PROMPT, masked, settings).expect("settings that hold");
    Run::of(decoder, &mut network, None).expect("a run").counts()
}

/// Recorded uniform numbers, `width` of them for each row.
struct Recorded {
    values: Vec<f64>,
    width: usize,
}

impl Recorded {
    fn none() -> Self {
        Self { values: Vec::new(), width: 0 }
    }
}

impl Noise for Recorded {
    fn fill(&self, _: Purpose, _: usize, position: usize, out: &mut [f64]) {
        let row = position - PROMPT.len();
        out.copy_from_slice(&self.values[row * self.width..][..out.len()]);
    }
}

fn read(name: &str) -> Vec<u8> {
    let file = files::golden().join("sampling").join(name);
    std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn json(name: &str) -> Value {
    serde_json::from_slice(&read(name)).expect("a JSON file")
}

fn rows(tensors: &SafeTensors<'_>, name: &str) -> (Vec<Vec<f32>>, usize) {
    let width = tensors.tensor(name).expect("the logits").shape()[1];
    let values = numbers(tensors, name, true);
    (values.chunks(width).map(|row| row.iter().map(|value| *value as f32).collect()).collect(), width)
}

/// The numbers of a tensor; none where it is not needed.
fn numbers(tensors: &SafeTensors<'_>, name: &str, needed: bool) -> Vec<f64> {
    if !needed {
        return Vec::new();
    }
    let tensor = tensors.tensor(name).unwrap_or_else(|error| panic!("{name}: {error}"));
    let bytes = tensor.data();
    match tensor.dtype() {
        safetensors::Dtype::F32 => numbers_of(bytes, |bytes| f64::from(f32::from_le_bytes(bytes))),
        safetensors::Dtype::F64 => numbers_of(bytes, f64::from_le_bytes),
        safetensors::Dtype::I64 => numbers_of(bytes, |bytes| i64::from_le_bytes(bytes) as f64),
        other => panic!("{name} is of type {other:?}"),
    }
}

fn numbers_of<const N: usize>(bytes: &[u8], number: impl Fn([u8; N]) -> f64) -> Vec<f64> {
    bytes.chunks_exact(N).map(|chunk| number(chunk.try_into().expect("a whole number of bytes"))).collect()
}

fn floats(value: &Value) -> Vec<f32> {
    value.as_array().expect("a row").iter().map(|value| value.as_f64().expect("a number") as f32).collect()
}

fn count(value: &Value) -> Option<usize> {
    value.as_u64().map(|value| value as usize)
}

fn counts(value: &Value) -> Vec<usize> {
    value.as_array().expect("a list").iter().map(|value| count(value).expect("a whole number")).collect()
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}
