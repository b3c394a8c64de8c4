//! A whole small run: it learns, stops and resumes exactly, and exports what it learned.

#![allow(clippy::unwrap_used)]

mod support;

use candle_core::Device;
use diffuscope::model::tokenizer::Tokenizer;
use diffuscope::tasks::{self, Family, Options};
use diffuscope::train::checkpoint::{self, CheckpointError};
use diffuscope::train::config::Config;
use diffuscope::train::data::Specials;
use diffuscope::train::evaluate::{Evaluate, EvaluateError, MeasuredWeights, PlainMeasure, greedy, parallel};
use diffuscope::train::export::{self, Use};
use diffuscope::train::figures::Point;
use diffuscope::train::fused::Fused;
use diffuscope::train::parameters::{ParameterLayout, Shape};
use diffuscope::train::run::{Ending, TrainError, TrainRun};
use diffuscope::train::vocabulary;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use support::files::Folder;
use support::program::{program, signal, signals, stderr};

const RECIPE: &str = r#"
seed = 5
samples-per-step = 6
chunks = 3
positions = 512
optimizer = { rate = 3e-3, first = 0.9, second = 0.98, decay = 0.01, clip = 1.0 }
average = { keep = 0.5, every = 2 }
report = { curve-tokens = 1_000, exact-tokens = 2_500, exact-prompts = 1, exact-stories = 0, checkpoint-seconds = 600 }
models.denoiser = { hidden = 16, layers = 2, heads = 2, ffn = 24 }

[[phases]]
name = "parent"
model = "denoiser"
objective = { kind = "causal" }
tokens = 5_000
warmup-steps = 3
decay-share = 0.5

[[phases]]
name = "adapt"
model = "denoiser"
from = "parent"
objective = { kind = "diffusion", largest-t = [0.5, 1.0], suffix-share = [0.5, 0.2], ramp-share = 0.5, future-bias = -8.0, future-steps = 4 }
tokens = 5_000
warmup-steps = 3
decay-share = 0.5
"#;

fn vocabulary_json() -> String {
    let samples = (0..800).map(|index| tasks::generate_mixed(0, index, Options::default()));
    vocabulary::build(samples).unwrap().json
}

/// Measures nothing, and may ask the run to stop.
struct Watch {
    stop: Option<Arc<AtomicBool>>,
    seen: Vec<bool>,
}

impl Evaluate for Watch {
    fn exact(&mut self, candidate: MeasuredWeights<'_>, _: Options) -> Result<BTreeMap<Family, f64>, EvaluateError> {
        self.seen.push(candidate.causal);
        if let Some(stop) = self.stop.take() {
            stop.store(true, Ordering::Relaxed);
        }
        Ok(BTreeMap::from([(Family::Json, 40.0)]))
    }
}

fn run<'a>(config: &'a Config, folder: &'a Path, tokenizer: &Arc<Tokenizer>, stop: &Arc<AtomicBool>) -> TrainRun<'a> {
    TrainRun {
        config,
        folder,
        specials: Specials { end: tokenizer.eos_id(), mask: tokenizer.mask_id().unwrap() },
        vocab: tokenizer.vocab_size().next_multiple_of(vocabulary::ROWS),
        tokenizer: Arc::clone(tokenizer),
        device: Device::Cpu,
        threads: 2,
        stop: Arc::clone(stop),
        past_gates: false,
    }
}

fn curve(folder: &Path) -> Vec<Point> {
    let text = std::fs::read_to_string(folder.join("curve.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn a_stopped_run_continues_as_if_it_had_not_stopped() {
    let config = Config::parse(RECIPE, "test").unwrap();
    let tokenizer = Arc::new(Tokenizer::from_bytes(vocabulary_json().as_bytes()).unwrap());
    let go = Arc::new(AtomicBool::new(false));

    let whole = Folder::new();
    let mut watch = Watch { stop: None, seen: Vec::new() };
    assert_eq!(run(&config, whole.root(), &tokenizer, &go).all(&mut watch).unwrap(), Ending::Finished);
    assert_eq!(watch.seen, [true, true, false, false]);

    let parts = Folder::new();
    let mut watch = Watch { stop: Some(Arc::clone(&go)), seen: Vec::new() };
    assert_eq!(run(&config, parts.root(), &tokenizer, &go).all(&mut watch).unwrap(), Ending::Stopped);
    let layout = run(&config, parts.root(), &tokenizer, &go).layout("denoiser");
    let at_stop = checkpoint::progress(&checkpoint::path(parts.root(), "parent")).unwrap();
    assert!(at_stop.tokens >= 2_500 && at_stop.tokens < 5_000);
    go.store(false, Ordering::Relaxed);
    assert_eq!(run(&config, parts.root(), &tokenizer, &go).all(&mut watch).unwrap(), Ending::Finished);

    for phase in ["parent", "adapt"] {
        let (a, a_progress) = checkpoint::load(&checkpoint::path(whole.root(), phase), &layout).unwrap();
        let (b, b_progress) = checkpoint::load(&checkpoint::path(parts.root(), phase), &layout).unwrap();
        assert_eq!(a, b, "{phase}");
        assert_eq!((a_progress.step, a_progress.tokens), (b_progress.step, b_progress.tokens));
    }
    let points = curve(whole.root());
    let parent: Vec<f64> = points.iter().filter(|p| p.phase == "parent").map(|p| p.loss).collect();
    assert!(parent.last().unwrap() + 0.2 < parent[0], "{parent:?}");

    // A larger budget continues from the end; a finished run has nothing left to do.
    let steps = checkpoint::progress(&checkpoint::path(whole.root(), "adapt")).unwrap().step;
    let mut longer = config.clone();
    longer.phases[1].tokens = 8_000;
    run(&longer, whole.root(), &tokenizer, &go).all(&mut watch).unwrap();
    let after = checkpoint::progress(&checkpoint::path(whole.root(), "adapt")).unwrap();
    assert!(after.step > steps && after.tokens >= 8_000);
}

#[test]
fn a_missed_gate_ends_the_run() {
    let mut config = Config::parse(RECIPE, "test").unwrap();
    config.phases[0].gate.exact.insert(Family::Json, 95.0);
    let tokenizer = Arc::new(Tokenizer::from_bytes(vocabulary_json().as_bytes()).unwrap());
    let folder = Folder::new();
    let go = Arc::new(AtomicBool::new(false));
    let error =
        run(&config, folder.root(), &tokenizer, &go).all(&mut Watch { stop: None, seen: Vec::new() }).unwrap_err();
    assert!(matches!(error, TrainError::Gate { .. }));
    assert!(error.to_string().contains("exact json 40 %, expected 95 %"), "{error}");
}

#[test]
fn checkpoints_of_other_networks_and_broken_files_are_refused() {
    let folder = Folder::new();
    let layout = |ffn| ParameterLayout::new(Shape { hidden: 8, layers: 1, heads: 2, ffn }, 10);
    let state = diffuscope::train::optimizer::OptimizerState::new(layout(12).initial(1));
    let path = folder.path("a.safetensors");
    let progress = checkpoint::TrainProgress {
        phase: "parent".into(),
        seed: 1,
        shape: layout(12).shape,
        vocab: 10,
        step: 0,
        tokens: 0,
        seconds: 0.0,
    };
    checkpoint::save(&path, &layout(12), &state, &progress).unwrap();
    assert_eq!(checkpoint::load(&path, &layout(12)).unwrap(), (state, progress));
    assert!(matches!(checkpoint::load(&path, &layout(16)), Err(CheckpointError::Mismatch { .. })));
    std::fs::write(&path, "no tensors").unwrap();
    assert!(matches!(checkpoint::load(&path, &layout(12)), Err(CheckpointError::Format { .. })));
    assert!(matches!(checkpoint::load(&folder.path("none"), &layout(12)), Err(CheckpointError::File { .. })));
}

/// Names of the files in a folder.
fn files(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn small_checkpoint(path: &Path) -> Result<(), CheckpointError> {
    let layout = ParameterLayout::new(Shape { hidden: 8, layers: 1, heads: 2, ffn: 12 }, 10);
    let state = diffuscope::train::optimizer::OptimizerState::new(layout.initial(1));
    let (phase, shape) = ("parent".to_owned(), layout.shape);
    let progress = checkpoint::TrainProgress { phase, seed: 1, shape, vocab: 10, step: 0, tokens: 0, seconds: 0.0 };
    checkpoint::save(path, &layout, &state, &progress)
}

#[test]
fn a_killed_save_leaves_one_part_that_the_next_save_takes_away() {
    let folder = Folder::new();
    let path = folder.path("a.safetensors");
    folder.write("a.safetensors.part", "what a killed save had written");
    small_checkpoint(&path).unwrap();
    assert_eq!(files(folder.root()), ["a.safetensors"]);
    let nowhere = folder.path("none").join("a.safetensors");
    let error = small_checkpoint(&nowhere).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot write {}", nowhere.display()));
}

#[cfg(unix)]
#[test]
fn what_the_trainer_writes_is_as_readable_as_any_file() {
    use std::os::unix::fs::PermissionsExt;
    let folder = Folder::new();
    small_checkpoint(&folder.path("a.safetensors")).unwrap();
    let layout = ParameterLayout::new(Shape { hidden: 8, layers: 1, heads: 2, ffn: 12 }, 10);
    let vocabulary = export::TokenNames { json: "{}", end: 0, mask: 1 };
    export::write(folder.root(), &layout, &layout.initial(9), 512, vocabulary, Use::Denoiser).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode();
    let usual = mode(&folder.write("usual", ""));
    let names = files(folder.root());
    assert_eq!(names.len(), 7, "{names:?}");
    for name in names {
        assert_eq!(mode(&folder.path(&name)), usual, "{name}");
    }
}

/// The program, resuming a run in `folder` that has a vocabulary and nothing else.
fn training(folder: &Folder, recipe: &str) -> Command {
    if !folder.path("run").exists() {
        std::fs::create_dir(folder.path("run")).unwrap();
        folder.write("run/tokenizer.json", vocabulary_json());
    }
    let mut command = program();
    command.args(["train", "--resume", "--threads", "1", "--out"]).arg(folder.path("run"));
    command.arg("--config").arg(folder.write("recipe.toml", recipe)).stderr(Stdio::piped());
    command
}

/// A recipe that no test sees the end of; it reports with nearly every step.
fn endless() -> String {
    RECIPE
        .replace("tokens = 5_000\n", "tokens = 500_000_000\n")
        .replace("curve-tokens = 1_000", "curve-tokens = 100")
        .replace("exact-tokens = 2_500", "exact-tokens = 0")
}

/// What a child says, line by line.
fn report(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap)
}

#[cfg(unix)]
#[test]
fn an_interrupted_run_keeps_a_checkpoint_and_tells_the_shell() {
    for (name, code) in signals() {
        let folder = Folder::new();
        let mut child = training(&folder, &endless()).spawn().unwrap();
        let mut lines = report(&mut child);
        assert!(lines.next().unwrap().starts_with("parent"), "{name}");
        signal(&child, name);
        let last = lines.last().unwrap();
        assert!(last.starts_with("parent: stopped at "), "{name}: {last}");
        assert_eq!(child.wait().unwrap().code(), Some(code), "{name}");
        assert_eq!(files(&folder.path("run")), ["curve.jsonl", "parent-latest.safetensors", "tokenizer.json"]);
        let progress = checkpoint::progress(&checkpoint::path(&folder.path("run"), "parent")).unwrap();
        assert!(progress.step > 0);
    }
}

#[cfg(unix)]
#[test]
fn a_run_that_was_started_to_outlive_its_terminal_does() {
    let folder = Folder::new();
    let trained = training(&folder, &endless());
    let mut child = Command::new("sh")
        .args(["-c", "trap '' HUP; exec \"$0\" \"$@\""])
        .arg(trained.get_program())
        .args(trained.get_args())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = report(&mut child);
    lines.next().unwrap();
    signal(&child, "HUP");
    assert!(lines.by_ref().take(20).all(|line| !line.contains("stopped")));
    signal(&child, "TERM");
    assert!(lines.last().unwrap().contains("stopped at "));
    assert_eq!(child.wait().unwrap().code(), Some(143));
}

#[cfg(unix)]
#[test]
fn a_disk_that_is_full_is_reported_and_leaves_no_part_behind() {
    let folder = Folder::new();
    let trained = training(&folder, RECIPE);
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 100; exec \"$0\" \"$@\""])
        .arg(trained.get_program())
        .args(trained.get_args())
        .output()
        .unwrap();
    let checkpoint = checkpoint::path(&folder.path("run"), "parent");
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{message}");
    let last = message.lines().last().unwrap();
    assert!(last.starts_with(&format!("diffuscope: cannot write {}: File too large", checkpoint.display())), "{last}");
    assert_eq!(files(&folder.path("run")), ["curve.jsonl", "exact.jsonl", "tokenizer.json"]);
}

#[test]
fn half_a_line_of_a_curve_is_dropped_when_a_run_is_resumed() {
    let config = Config::parse(RECIPE, "test").unwrap();
    let tokenizer = Arc::new(Tokenizer::from_bytes(vocabulary_json().as_bytes()).unwrap());
    let folder = Folder::new();
    let go = Arc::new(AtomicBool::new(false));
    let mut watch = Watch { stop: Some(Arc::clone(&go)), seen: Vec::new() };
    assert_eq!(run(&config, folder.root(), &tokenizer, &go).all(&mut watch).unwrap(), Ending::Stopped);
    let before = curve(folder.root()).len();
    let mut torn = std::fs::read(folder.path("curve.jsonl")).unwrap();
    torn.extend(b"{\"phase\":\"adapt\",\"step\":1,\"na\xc3");
    folder.write("curve.jsonl", torn);
    go.store(false, Ordering::Relaxed);
    run(&config, folder.root(), &tokenizer, &go).all(&mut watch).unwrap();
    assert!(curve(folder.root()).len() > before);
}

#[test]
fn plain_decoders_fill_the_canvas_and_checkers_judge() {
    let json = vocabulary_json();
    let tokenizer = Tokenizer::from_bytes(json.as_bytes()).unwrap();
    let specials = Specials { end: tokenizer.eos_id(), mask: tokenizer.mask_id().unwrap() };
    let layout = ParameterLayout::new(
        Shape { hidden: 16, layers: 2, heads: 2, ffn: 24 },
        tokenizer.vocab_size().next_multiple_of(vocabulary::ROWS),
    );
    let weights = layout.initial(4);
    let mut engine = Fused::new(layout, 512, 2);
    let prompts = [vec![2, 40, 41, 3], vec![2, 50, 3]];
    for decode in [greedy, parallel] {
        let answers = decode(&mut engine, &weights, &prompts, 9, specials).unwrap();
        assert_eq!(answers.len(), 2);
        for answer in answers {
            assert!(answer.len() <= 9);
            assert!(!answer.contains(&specials.mask) && !answer.contains(&specials.end));
        }
    }
    let mut plain = PlainMeasure { tokenizer: &tokenizer, specials, prompts: 2, stories: 0 };
    let candidate = MeasuredWeights { engine: &mut engine, weights: &weights, causal: true };
    let exact = plain.exact(candidate, Options::default()).unwrap();
    assert!(!exact.contains_key(&Family::Story));
    assert_eq!(exact.values().copied().sum::<f64>(), 0.0, "untrained weights cannot be right: {exact:?}");
}

#[test]
fn an_exported_folder_has_the_names_and_fields_of_the_real_repositories() {
    let json = vocabulary_json();
    let folder = Folder::new();
    let layout = ParameterLayout::new(Shape { hidden: 16, layers: 2, heads: 2, ffn: 24 }, 1024);
    let weights = layout.initial(9);
    let vocabulary = export::TokenNames { json: &json, end: 0, mask: 1 };
    export::write(folder.root(), &layout, &weights, 512, vocabulary, Use::Denoiser).unwrap();
    let config: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(folder.path("config.json")).unwrap()).unwrap();
    assert_eq!(config["model_type"], "Dream");
    assert_eq!(config["mask_token_id"], 1);
    assert_eq!(config["vocab_size"], 1024);
    assert_eq!(config["rms_norm_eps"], 1e-5);
    assert!(Tokenizer::from_file(&folder.path("tokenizer.json")).is_ok());
    let bytes = std::fs::read(folder.path("model.safetensors")).unwrap();
    let tensors = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let names = tensors.names();
    assert_eq!(names.len(), layout.tensors.len());
    for tensor in &layout.tensors {
        let found = tensors.tensor(&tensor.name).unwrap();
        assert_eq!(found.shape(), tensor.dims);
        assert_eq!(found.dtype(), safetensors::Dtype::F16);
        let first = half::f16::from_le_bytes([found.data()[0], found.data()[1]]);
        assert_eq!(first, half::f16::from_f32(weights[tensor.range.start]));
    }
    let guide = export::config(&layout, 512, vocabulary, Use::Guide);
    assert_eq!(guide["model_type"], "qwen2");
    assert!(guide.get("mask_token_id").is_none());
}
