//! Whole runs of a tiny pair under any settings, changed on the way:
//!
//! ```text
//! prompt What is 1 + 1?     the prompt; the first line
//! alone                     without a guide
//! threshold=0.9             a knob
//! @3 steps=12               a knob that is turned after three steps
//! fork 4                    and a fork of it after four, without change
//! ```

use std::{fs, ops::ControlFlow, path::Path};

use diffuscope::{
    engine::{
        GuideChoice, InProcess, Link, ModelRequest, RunProgress, complete_fork,
        protocol::{Command, Drive, Event, ForkRequest, RequestError, RunRequest},
    },
    model::{device::DeviceChoice, source::Source},
    settings::{Knob, Preset, Settings, presets},
    trace::{Log, file},
};

use serde_json::{Value, json};

use super::{Execute, Target, printable, settings, tiny};
use crate::mutate::{Dice, Format, Language};

pub const ENGINE: Target = Target {
    name: "engine",
    format: Format::Text,
    language: Language { words: &["prompt ", "alone", "@1 ", "@5 ", "fork 3", "preset "], phrase: Some(phrase) },
    longest: 2 << 10,
    open,
};

/// Steps of one run.
const MOST_STEPS: usize = 60;
/// Masks of one run, unless it says otherwise, and at most.
const USUAL: usize = 12;
const LONGEST: usize = 24;

fn phrase(dice: &mut Dice) -> String {
    match dice.below(7) {
        0 => format!("\npreset {}\n", dice.pick(presets()).map_or("", |preset| preset.name.as_str())),
        1 => format!("\n@{} {}\n", dice.below(20), settings::line(dice)),
        3 => format!("\nfork {}\n", dice.below(20)),
        2 => format!("\nprompt {}\n", dice.text().escape_default()),
        _ => format!("\n{}\n", settings::line(dice)),
    }
}

/// Writes a model that knows what its tensors happen to say.
fn write(folder: &Path, model_type: &str) {
    let letters = "Ġabcdefghijklmnopqrstuvwxyz0123456789.,:?+=ML".chars().map(String::from);
    let vocabulary: Vec<String> = letters.chain(["<|endoftext|>", "<|mask|>"].map(String::from)).collect();
    let (size, end, mask) = (vocabulary.len(), vocabulary.len() - 2, vocabulary.len() - 1);
    let special = |id: usize| {
        json!({
            "id": id, "content": vocabulary[id], "special": true, "normalized": false,
            "single_word": false, "lstrip": false, "rstrip": false,
        })
    };
    let ids: serde_json::Map<String, Value> = vocabulary.iter().cloned().zip((0..).map(Value::from)).collect();
    let bytes = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    let tokenizer = json!({
        "version": "1.0", "added_tokens": [special(end), special(mask)], "pre_tokenizer": bytes, "decoder": bytes,
        "model": {"type": "BPE", "vocab": ids, "merges": []},
    });
    let config = json!({
        "model_type": model_type, "vocab_size": size, "hidden_size": 8, "intermediate_size": 8,
        "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 128, "rms_norm_eps": 1e-6,
        "rope_theta": 1e4, "mask_token_id": mask, "eos_token_id": end,
    });
    fs::create_dir_all(folder).unwrap();
    fs::write(folder.join("model.safetensors"), tiny::weights(&tiny::shapes(&config).unwrap())).unwrap();
    fs::write(folder.join("config.json"), config.to_string()).unwrap();
    fs::write(folder.join("tokenizer.json"), tokenizer.to_string()).unwrap();
}

fn open(folder: &Path) -> Execute {
    write(&folder.join("denoiser"), "Dream");
    write(&folder.join("guide"), "qwen2");
    let open = |guide: GuideChoice| {
        let request = ModelRequest {
            denoiser: Source::Path(folder.join("denoiser")),
            guide,
            device: DeviceChoice::Cpu,
            overcommit: true,
            ..ModelRequest::default()
        };
        InProcess::open(request).unwrap()
    };
    let mut alone = open(GuideChoice::None);
    let mut pair = open(GuideChoice::Source(Source::Path(folder.join("guide"))));
    Box::new(move |input| {
        let text = String::from_utf8_lossy(input);
        let script = Script::read(&text);
        match script.run(if script.alone { &mut alone } else { &mut pair }) {
            Ok(outcome) => outcome,
            Err(RequestError::Refused(reason)) => printable(&reason),
            Err(RequestError::Broken(reason)) => panic!("{reason}"),
        }
    })
}

/// What is to be done.
struct Script {
    prompt: String,
    settings: Settings,
    alone: bool,
    /// Settings from a step on.
    changes: Vec<(usize, Settings)>,
    /// A step after which the run is forked.
    fork: Option<usize>,
}

impl Script {
    fn read(text: &str) -> Self {
        let settings = Settings { gen_length: Some(USUAL), ..Settings::default() };
        let mut script = Self { prompt: "a b".to_owned(), settings, alone: false, changes: Vec::new(), fork: None };
        for line in text.lines() {
            if let Some(prompt) = line.strip_prefix("prompt ") {
                script.prompt = prompt.chars().take(60).collect();
            } else if let Some(name) = line.strip_prefix("preset ") {
                let preset = presets().iter().find(|preset| preset.name == name);
                for (knob, value) in preset.into_iter().flat_map(Preset::knobs) {
                    set(&mut script.settings, knob, value);
                }
                script.settings.block_length = script.settings.block_length.map(|length| length.min(USUAL / 2));
            } else if let Some((step, line)) = line.strip_prefix('@').and_then(|line| line.split_once(' ')) {
                let mut settings = script.changes.last().map_or(script.settings, |(_, settings)| *settings);
                let (name, value) = line.split_once('=').unwrap_or((line, ""));
                set(&mut settings, name, value);
                script.changes.push((step.parse().unwrap_or(0), settings));
            } else if let Some(step) = line.strip_prefix("fork ") {
                script.fork = step.parse().ok();
            } else if line == "alone" {
                script.alone = true;
            } else if let Some((name, value)) = line.split_once('=') {
                set(&mut script.settings, name, value);
            }
        }
        script
    }

    /// Does the run, writes its log, and reads it back.
    fn run(&self, link: &mut dyn Link) -> Result<String, RequestError> {
        let request = RunRequest {
            run: 1,
            prompt: self.prompt.clone(),
            settings: self.settings,
            preset: None,
            drive: Drive::Paced,
            turns: Vec::new(),
            rivals: Vec::new(),
            fork: None,
        };
        link.send(Command::Start(Box::new(request)));
        let mut log: Option<Log> = None;
        let mut refused = 0;
        let log = loop {
            let is_step_due = match (link.wait().unwrap(), &mut log) {
                (Event::Started { header, .. }, _) => {
                    log = Some(Log::new(*header));
                    true
                }
                (Event::Step { entry, .. }, Some(log)) => {
                    log.push(entry);
                    true
                }
                (Event::Finished { end, .. }, _) => {
                    let mut log = log.unwrap();
                    log.finish(*end);
                    break log;
                }
                (Event::Failed { error, .. } | Event::LoadFailed { error, .. }, _) => return Err(error),
                (Event::Refused { .. }, _) => {
                    refused += 1;
                    false
                }
                _ => false,
            };
            if is_step_due {
                self.ask(link, log.as_ref().map_or(0, Log::len));
            }
        };
        let mut written = Vec::new();
        file::write(&log, &mut written).unwrap();
        assert_eq!(file::read("run.jsonl", &*written).unwrap().log, log, "what is written is read back");
        if let Some(step) = self.fork {
            fork(link, &log, step)?;
        }
        Ok(format!("{:?}, {refused} refused, {:?}", log.end().and_then(|end| end.reason), self.settings.unmask))
    }

    /// Asks for what comes after so many steps.
    fn ask(&self, link: &mut dyn Link, steps: usize) {
        for (_, settings) in self.changes.iter().filter(|(step, _)| *step == steps) {
            link.send(Command::Configure(Box::new(*settings)));
        }
        link.send(if steps < MOST_STEPS { Command::Advance } else { Command::Stop });
    }
}

/// Forks a run without change: its steps are repeated exactly, and it comes to an end.
fn fork(link: &mut dyn Link, parent: &Log, step: usize) -> Result<(), RequestError> {
    let point = parent.fork_point(step);
    let steps = point.steps.len();
    let request = RunRequest {
        run: 2,
        prompt: parent.header().prompt.clone(),
        settings: parent.settings_at(steps),
        preset: None,
        drive: Drive::Paced,
        turns: Vec::new(),
        rivals: Vec::new(),
        fork: Some(Box::new(ForkRequest { point, edits: Vec::new(), text: None, cold: false })),
    };
    let mut own = 0;
    let watch = |progress: RunProgress<'_>| {
        own += usize::from(matches!(progress, RunProgress::Step(_)));
        if own > MOST_STEPS { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let fork = complete_fork(link, request, parent, watch)?;
    assert!(fork.header().origin.as_ref().is_some_and(|origin| origin.exact), "the steps were not repeated exactly");
    assert_eq!(fork.hash(steps), parent.hash(steps));
    Ok(())
}

/// Sets a knob, if that is one; runs stay short.
fn set(settings: &mut Settings, name: &str, value: &str) {
    let _ = Knob::find(name).and_then(|knob| knob.set(settings, value));
    settings.gen_length = Some(settings.gen_length.unwrap_or(USUAL).min(LONGEST));
}
