//! Sampling mathematics of the official implementations: Gumbel draws, filters, scores, schedules, selection.
//!
//! Reads `sampling/*` of the golden folder (`DIFFUSCOPE_GOLDEN`, default `tests/golden`) and drives the decoder with the
//! recorded logits and random numbers through a scripted network.

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
use safetensors::SafeTensors;
use serde_json::Value;

mod support;

use support::{
    files,
    runs::Run,
    scripted::{Scripted, favour},
};

const TOLERANCE: f64 = 1e-4;
const ENTROPY_TOLERANCE: f64 = 5e-4;
/// One prompt token stands before the recorded rows.
const PROMPT: [u32; 1] = [1];

#[test]
fn golden_gumbel_draws() {
    let file = read("llada_gumbel.safetensors");
    let tensors = SafeTensors::deserialize(&file).expect("a safetensors file");
    let (logits, width) = rows(&tensors, "logits");
    let mut cases = 0;
    for name in tensors.names().iter().filter_map(|name| name.strip_suffix(".argmax")) {
        let temperature: f32 = name.trim_start_matches("gumbel.t").parse().expect("a temperature");
        let uniforms = numbers(&tensors, &format!("{name}.uniform_f64"), temperature > 0.0);
        let settings = Settings { temperature, ..everything_at_once() };
        let record = first_step(&logits, settings, Recorded { values: uniforms, width });
        let confidences = numbers(&tensors, &format!("{name}.confidence_f32_softmax_of_clean_logits"), true);
        for (row, token) in numbers(&tensors, &format!("{name}.argmax"), true).iter().enumerate() {
            assert_eq!(f64::from(record.proposals[row].token), *token, "{name}, row {row}");
            close(record.proposals[row].confidence, confidences[row], TOLERANCE, &format!("{name}, row {row}"));
        }
        cases += 1;
    }
    assert!(cases > 0, "no Gumbel case");
}

#[test]
fn golden_dream_sample_tokens() {
    let file = read("dream_sample_tokens.safetensors");
    let tensors = SafeTensors::deserialize(&file).expect("a safetensors file");
    let (logits, _) = rows(&tensors, "logits");
    let index = json("index_sampling.json");
    let cases = index["dream_sample_tokens"]["cases"].as_array().expect("a list of cases");
    assert!(!cases.is_empty(), "no case of sample_tokens");
    for case in cases {
        let name = case["case"].as_str().expect("a case has a name");
        let reference = &case["settings"];
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
            top_k: reference["top_k"].as_u64().map(|k| k as usize),
            order,
            ..everything_at_once()
        };
        let uniforms = numbers(&tensors, &format!("{name}.uniform_f64"), settings.temperature > 0.0);
        let record = first_step(&logits, settings, Recorded { values: uniforms, width: 1 });
        let confidences = numbers(&tensors, &format!("{name}.confidence"), true);
        for (row, token) in numbers(&tensors, &format!("{name}.x0"), true).iter().enumerate() {
            assert_eq!(f64::from(record.proposals[row].token), *token, "{name}, row {row}");
            close(record.proposals[row].score, confidences[row], tolerance, &format!("{name}, row {row}"));
        }
    }
}

#[test]
fn golden_schedules() {
    let index = json("index_sampling.json");
    let schedules = |name: &str| index[name].as_array().cloned().unwrap_or_default();
    let (llada, dream) = (schedules("schedules"), schedules("dream_schedules"));
    assert!(!llada.is_empty() && !dream.is_empty(), "no schedule");
    for case in &llada {
        let settings = Settings { unmask: UnmaskRule::Alpha, steps: count(&case["steps"]), ..Settings::default() };
        let expected = counts(&case["dllm_num_transfer_tokens_zero_steps_removed"]);
        assert_eq!(committed_per_step(case, settings), expected, "dllm, {case}");
        // Steps that would commit nothing are not done: they repeat the forward before them.
        let mut expected = counts(&case["llada_num_transfer_tokens"]);
        expected.retain(|count| *count > 0);
        let settings = Settings { unmask: UnmaskRule::Quota, steps: count(&case["steps"]), ..Settings::default() };
        assert_eq!(committed_per_step(case, settings), expected, "LLaDA, {case}");
    }
    for case in &dream {
        let settings = Settings {
            unmask: UnmaskRule::Time,
            steps: count(&case["steps"]),
            time_end: case["eps"].as_f64().expect("an end of time") as f32,
            ..Settings::default()
        };
        let expected = counts(&case["dream_number_transfer_tokens"]);
        assert_eq!(committed_per_step(case, settings), expected, "Dream, {case}");
    }
}

#[test]
fn golden_selection() {
    let selection = json("selection.json");
    let cases = selection["cases"].as_array().expect("a list of cases");
    let mut checked = 0;
    for (index, case) in cases.iter().enumerate() {
        let masked: Vec<usize> = counts(&case["mask_index"])
            .iter()
            .enumerate()
            .filter_map(|(position, masked)| (*masked == 1).then_some(position))
            .collect();
        let all_logits: Vec<Vec<f32>> = case["logits"].as_array().expect("rows").iter().map(floats).collect();
        let logits: Vec<Vec<f32>> = masked.iter().map(|position| all_logits[*position].clone()).collect();
        for result in case["results"].as_array().expect("a list of results") {
            let params = &result["params"];
            let settings = match result["kind"].as_str().expect("a kind") {
                "threshold" => Settings {
                    unmask: UnmaskRule::Threshold,
                    threshold: params["threshold"].as_f64().expect("a threshold") as f32,
                    ..Settings::default()
                },
                kind @ ("factor" | "factor_dllm_port") => Settings {
                    unmask: UnmaskRule::Factor,
                    factor: params["factor"].as_f64().expect("a factor") as f32,
                    factor_last: kind == "factor",
                    ..Settings::default()
                },
                "topk" => Settings {
                    unmask: UnmaskRule::Quota,
                    tokens_per_step: count(&params["k"]).expect("a count"),
                    ..Settings::default()
                },
                other => {
                    println!("skipped case {index}, {other} {params}: the rule is not one of this program's yet");
                    continue;
                }
            };
            let record = first_step(&logits, settings, Recorded::none());
            let found: Vec<usize> =
                record.commits.iter().map(|commit| masked[commit.position - PROMPT.len()]).collect();
            assert_eq!(found, counts(&result["transfer"]), "case {index}, {result}");
            checked += 1;
        }
    }
    assert!(checked > 0, "no selection of a rule that exists here");
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

fn committed_per_step(case: &Value, settings: Settings) -> Vec<usize> {
    let masked = count(&case["masked"]).expect("a number of masks");
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

fn close(found: f32, expected: f64, tolerance: f64, what: &str) {
    assert!((f64::from(found) - expected).abs() <= tolerance, "{what}: found {found}, expected {expected}");
}
