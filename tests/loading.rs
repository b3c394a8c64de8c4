//! Models that are loaded while the engine runs.

#![allow(clippy::unwrap_used)]

mod support;

use std::{path::PathBuf, sync::mpsc};

use diffuscope::{
    engine::{
        GuideChoice, InProcess, Link, ModelRequest, PromptLayout,
        protocol::{Command, Drive, Event, RunId, RunRequest},
    },
    model::{device::DeviceChoice, source::Source},
    settings::{GuideRule, Settings},
};
use support::{
    files::{Folder, golden},
    models::{answering, byte_level, models, untrained_pair},
};

const PROMPT: &str = "Reverse this list: Max, Leo, Ruth";

fn pair() -> Folder {
    let folder = Folder::new();
    untrained_pair(&folder);
    folder
}

fn request(denoiser: PathBuf, guide: GuideChoice) -> ModelRequest {
    ModelRequest { denoiser: Source::Path(denoiser), guide, device: DeviceChoice::Cpu, ..ModelRequest::default() }
}

fn from(path: PathBuf) -> GuideChoice {
    GuideChoice::Source(Source::Path(path))
}

fn start(engine: &mut InProcess, run: RunId, guide: GuideRule, drive: Drive) {
    let settings = Settings { gen_length: Some(8), guide, ..Settings::default() };
    let request = RunRequest {
        run,
        prompt: PROMPT.into(),
        settings,
        preset: None,
        drive,
        turns: Vec::new(),
        rivals: Vec::new(),
        fork: None,
    };
    engine.send(Command::Start(Box::new(request)));
}

/// An engine whose first models are there once it is permitted.
fn waiting() -> (mpsc::Sender<()>, InProcess) {
    let (permit, gate) = mpsc::channel();
    let load = move || {
        gate.recv()?;
        Ok(models(answering(PROMPT, "Ruth, Leo, Max")))
    };
    (permit, InProcess::spawn(load).unwrap())
}

/// The next event that is not about the way to it.
fn next(engine: &mut InProcess) -> Event {
    loop {
        match engine.wait().unwrap() {
            Event::Loading { .. } | Event::Warning { .. } | Event::Paused { .. } => {}
            event => return event,
        }
    }
}

/// Names of denoiser and guide, and what was asked for.
fn expect_ready(engine: &mut InProcess) -> (String, Option<String>, Option<ModelRequest>) {
    match next(engine) {
        Event::Ready { denoiser, guide, request, .. } => {
            (denoiser.name, guide.map(|guide| guide.name), request.map(|request| *request))
        }
        other => panic!("expected models, got {other:?}"),
    }
}

fn expect_failure(engine: &mut InProcess) -> (String, Option<ModelRequest>) {
    match next(engine) {
        Event::LoadFailed { error, request, .. } => (error.to_string(), request.map(|request| *request)),
        other => panic!("expected a failure, got {other:?}"),
    }
}

/// Steps of a run until its end.
fn whole_run(engine: &mut InProcess, number: RunId) -> usize {
    match next(engine) {
        Event::Started { run, .. } if run == number => {}
        other => panic!("expected a start, got {other:?}"),
    }
    let mut steps = 0;
    loop {
        match next(engine) {
            Event::Step { run, .. } if run == number => steps += 1,
            Event::Finished { run, .. } if run == number => return steps,
            other => panic!("unexpected {other:?}"),
        }
    }
}

#[test]
fn loading_is_reported_from_the_first_file_to_the_names() {
    let pair = pair();
    let asked = request(pair.path("denoiser"), from(pair.path("guide")));
    let mut engine = InProcess::open(asked.clone()).unwrap();
    assert!(matches!(engine.wait(), Some(Event::Loading { .. })), "there is news before there are models");
    assert_eq!(expect_ready(&mut engine), ("denoiser".into(), Some("guide".into()), Some(asked)));
    start(&mut engine, 1, GuideRule::TopK, Drive::Free);
    assert!(whole_run(&mut engine, 1) > 0);
}

/// As the code of these models gives it: without it, the templates of Qwen3 leave room for thoughts before the answer.
#[test]
fn thinking_is_off_for_models_that_were_trained_to_answer_at_once() {
    const TEMPLATE: &str = "{{ messages[0].content }}<|im_end|>\
        {% if enable_thinking is defined and enable_thinking is false %}<think></think>{% endif %}";
    let folder = Folder::new();
    for file in ["config.json", "model.safetensors"] {
        std::fs::copy(golden().join("models/a2d-qwen3-tiny").join(file), folder.path(file)).unwrap();
    }
    let tokenizer = byte_level(300, &["<|endoftext|>", "<|im_end|>", "<|mask|>"], &[PROMPT]);
    folder.write("tokenizer.json", tokenizer.to_string(false).unwrap());
    folder.write("chat_template.jinja", TEMPLATE);
    let prompt = |variables: &[(&str, bool)]| {
        let template_vars = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        let asked = ModelRequest { template_vars, ..request(folder.path("."), GuideChoice::None) };
        let mut engine = InProcess::open(asked).unwrap();
        expect_ready(&mut engine);
        start(&mut engine, 1, GuideRule::Off, Drive::Paced);
        match next(&mut engine) {
            Event::Started { header, .. } => header.prompt_pieces.concat(),
            other => panic!("expected a start, got {other:?}"),
        }
    };
    assert_eq!(prompt(&[]), format!("{PROMPT}<|im_end|><think></think>"));
    assert_eq!(prompt(&[("enable_thinking", true)]), format!("{PROMPT}<|im_end|>"));
}

#[test]
fn a_denoiser_without_a_chat_template_is_warned_of() {
    let pair = pair();
    std::fs::remove_file(pair.path("denoiser/chat_template.jinja")).unwrap();
    let mut engine = InProcess::open(request(pair.path("denoiser"), GuideChoice::Default)).unwrap();
    let Event::Ready { warnings, .. } = next(&mut engine) else { panic!("expected models") };
    let [warning] = &warnings[..] else { panic!("expected a warning, got {warnings:?}") };
    assert!(warning.starts_with("denoiser has no chat template, so prompts are read as they are"), "{warning}");
}

#[test]
fn a_base_model_reads_prompts_without_its_chat_template() {
    let pair = pair();
    std::fs::rename(pair.path("denoiser"), pair.path("Tiny-7B-Base")).unwrap();
    let asked = request(pair.path("Tiny-7B-Base"), GuideChoice::Default);
    let prompt_of = |request: ModelRequest| {
        let mut engine = InProcess::open(request).unwrap();
        let Event::Ready { warnings, .. } = next(&mut engine) else { panic!("expected models") };
        start(&mut engine, 1, GuideRule::Off, Drive::Paced);
        match next(&mut engine) {
            Event::Started { header, .. } => (header.prompt_pieces.concat(), warnings),
            other => panic!("expected a start, got {other:?}"),
        }
    };
    let sentence = "Tiny-7B-Base is a base model: it continues the prompt as it is, without its chat template";
    assert_eq!(prompt_of(asked.clone()), (PROMPT.to_owned(), vec![sentence.to_owned()]));
    let raw = ModelRequest { layout: PromptLayout::Raw, ..asked };
    assert_eq!(prompt_of(raw), (PROMPT.to_owned(), Vec::new()), "it was said that this is meant");
}

#[test]
fn a_run_continues_until_the_others_are_there() {
    let pair = pair();
    let mut engine = InProcess::open(request(pair.path("denoiser"), GuideChoice::Default)).unwrap();
    assert_eq!(expect_ready(&mut engine).1, None, "a guide of its own has the embedded denoiser alone");
    start(&mut engine, 1, GuideRule::Off, Drive::Paced);
    assert!(matches!(next(&mut engine), Event::Started { run: 1, .. }));
    let others = pair.path("others");
    std::fs::rename(pair.path("denoiser"), &others).unwrap();
    engine.send(Command::Load(Box::new(request(others.clone(), GuideChoice::None))));
    match next(&mut engine) {
        Event::Finished { run: 1, end } => assert_eq!(end.reason, None, "ended by hand, so to speak"),
        other => panic!("expected the end of the run, got {other:?}"),
    }
    assert_eq!(expect_ready(&mut engine).0, "others");
    start(&mut engine, 2, GuideRule::Off, Drive::Free);
    assert_eq!(whole_run(&mut engine, 2), 8);
}

#[test]
fn what_cannot_be_loaded_leaves_what_is_there() {
    let pair = pair();
    let mut engine = InProcess::open(request(pair.path("denoiser"), from(pair.path("guide")))).unwrap();
    expect_ready(&mut engine);
    start(&mut engine, 1, GuideRule::Off, Drive::Paced);
    assert!(matches!(next(&mut engine), Event::Started { .. }));
    let nowhere = request(pair.path("nowhere"), GuideChoice::Default);
    engine.send(Command::Load(Box::new(nowhere.clone())));
    let (message, asked) = expect_failure(&mut engine);
    assert!(message.starts_with(&format!("{} is not there: a model is ", pair.path("nowhere").display())), "{message}");
    assert_eq!(asked, Some(nowhere));
    engine.send(Command::Advance);
    assert!(matches!(next(&mut engine), Event::Step { run: 1, .. }), "the run is as it was");
    start(&mut engine, 2, GuideRule::TopK, Drive::Free);
    assert!(matches!(next(&mut engine), Event::Finished { run: 1, .. }));
    assert!(whole_run(&mut engine, 2) > 0, "so is the guide");
}

#[test]
fn a_tokenizer_that_breaks_its_library_is_refused_by_its_file() {
    let pair = pair();
    let tokenizer = pair.path("denoiser/tokenizer.json");
    std::fs::write(&tokenizer, r#"{"normalizer":{"type":"Precompiled"}}"#).unwrap();
    let mut engine = InProcess::open(request(pair.path("denoiser"), GuideChoice::Default)).unwrap();
    assert_eq!(
        expect_failure(&mut engine).0,
        format!("{} is damaged: its `normalizer` cannot be read; get the file again", tokenizer.display())
    );
}

#[test]
fn another_guide_leaves_the_denoiser_alone() {
    let pair = pair();
    let denoiser = pair.path("denoiser");
    let mut engine = InProcess::open(request(denoiser.clone(), GuideChoice::Default)).unwrap();
    expect_ready(&mut engine);
    // Gone from the disk: it could not be loaded again.
    std::fs::rename(&denoiser, pair.path("elsewhere")).unwrap();
    engine.send(Command::Load(Box::new(request(denoiser.clone(), from(pair.path("guide"))))));
    assert_eq!(expect_ready(&mut engine).1.as_deref(), Some("guide"));
    start(&mut engine, 1, GuideRule::TopK, Drive::Free);
    assert!(whole_run(&mut engine, 1) > 0);
    engine.send(Command::Load(Box::new(request(denoiser.clone(), GuideChoice::None))));
    assert_eq!(expect_ready(&mut engine).1, None);
    start(&mut engine, 2, GuideRule::TopK, Drive::Free);
    match next(&mut engine) {
        Event::Failed { run: 2, error } => assert!(error.to_string().contains("no guide model is loaded"), "{error}"),
        other => panic!("expected a refusal, got {other:?}"),
    }
    std::fs::rename(pair.path("guide"), pair.path("other")).unwrap();
    engine.send(Command::Load(Box::new(request(denoiser, from(pair.path("other"))))));
    assert_eq!(expect_ready(&mut engine).1.as_deref(), Some("other"));
}

#[test]
fn a_run_that_is_asked_for_early_waits_for_the_models() {
    let (permit, mut engine) = waiting();
    start(&mut engine, 1, GuideRule::Off, Drive::Free);
    permit.send(()).unwrap();
    assert_eq!(expect_ready(&mut engine).0, "scripted");
    assert_eq!(whole_run(&mut engine, 1), 8);
}

#[test]
fn the_newest_request_counts() {
    let pair = pair();
    let (permit, mut engine) = waiting();
    engine.send(Command::Load(Box::new(request(pair.path("nowhere"), GuideChoice::Default))));
    engine.send(Command::Load(Box::new(request(pair.path("denoiser"), GuideChoice::Default))));
    permit.send(()).unwrap();
    assert_eq!(expect_ready(&mut engine).0, "denoiser", "neither the first nor the second is heard of again");
}

#[test]
fn what_there_is_to_choose_from_is_reported_on_request() {
    let mut engine = InProcess::spawn(|| Ok(models(answering(PROMPT, "Ruth, Leo, Max")))).unwrap();
    expect_ready(&mut engine);
    engine.send(Command::ListModels(DeviceChoice::Cpu));
    match next(&mut engine) {
        Event::Catalog { catalog } => {
            assert!(catalog.items.iter().any(|item| item.source.to_string() == "hf:GSAI-ML/LLaDA-8B-Instruct"));
            assert_eq!(catalog.device, "cpu");
        }
        other => panic!("expected what there is, got {other:?}"),
    }
}

#[test]
fn leaving_does_not_wait_for_a_loading() {
    // Nothing is permitted for as long as the test runs.
    let (_permit, engine) = waiting();
    drop(engine);
}
