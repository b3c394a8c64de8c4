//! The engine through its handle, with a scripted network behind it.

#![allow(clippy::unwrap_used)]

#[path = "engine/conversations.rs"]
mod conversations;
#[path = "engine/forks.rs"]
mod forks;
mod support;

use std::{
    ops::ControlFlow,
    sync::{Arc, mpsc},
};

use diffuscope::{
    decode::{
        Edit, filter,
        record::{Change, Reason, StopReason},
    },
    engine::{
        InProcess, Link, Models, RunProgress, complete,
        protocol::{Command, Drive, Event, RequestError, RunId, RunRequest},
    },
    model::network::Alignment,
    settings::{GuideRule, Knob, Layers, Preset, Settings, presets},
    trace::{End, Entry, Figures, Header, Log, file},
};
use futures_util::StreamExt;
use proptest::prelude::*;
use support::{
    files::Folder,
    models::{answering, damage, models, raw_pair, untrained_pair},
    runs::timeless,
    scripted::{Mishap, Scripted, favour_among},
};

const PROMPT: &str = "Reverse this list: Max, Leo, Ruth";
const ANSWER: &str = "Ruth, Leo, Max";
/// Names and values.
type Knobs<'a> = &'a [(&'a str, &'a str)];
/// Masks in every run here.
const MASKS: usize = 8;

fn scripted() -> Scripted {
    answering(PROMPT, ANSWER)
}

fn engine(network: Scripted) -> InProcess {
    let mut engine = InProcess::spawn(move || Ok(models(network))).unwrap();
    assert!(matches!(engine.wait(), Some(Event::Ready { guide: None, .. })));
    engine
}

fn settings(knobs: &[(&str, &str)]) -> Settings {
    let mut settings = Settings { gen_length: Some(MASKS), ..Settings::default() };
    for (name, value) in knobs {
        Knob::find(name).unwrap().set(&mut settings, value).unwrap();
    }
    settings
}

fn request(run: RunId) -> RunRequest {
    RunRequest {
        run,
        prompt: PROMPT.into(),
        settings: settings(&[]),
        preset: None,
        drive: Drive::Free,
        turns: Vec::new(),
        rivals: Vec::new(),
        fork: None,
    }
}

fn start(engine: &mut InProcess, request: RunRequest) {
    engine.send(Command::Start(Box::new(request)));
}

fn configure(engine: &mut InProcess, settings: Settings) {
    engine.send(Command::Configure(Box::new(settings)));
}

fn expect_started(engine: &mut InProcess, number: RunId) -> Header {
    match engine.wait() {
        Some(Event::Started { run, header }) if run == number => *header,
        other => panic!("expected run {number} to start, got {other:?}"),
    }
}

fn expect_step(engine: &mut InProcess, number: RunId) -> Arc<Entry> {
    match engine.wait() {
        Some(Event::Step { run, entry }) if run == number => entry,
        other => panic!("expected a step of run {number}, got {other:?}"),
    }
}

fn expect_paused(engine: &mut InProcess, number: RunId, expected: bool) {
    assert_eq!(engine.wait(), Some(Event::Paused { run: number, paused: expected }));
}

fn expect_finished(engine: &mut InProcess, number: RunId) -> End {
    match engine.wait() {
        Some(Event::Finished { run, end }) if run == number => *end,
        other => panic!("expected run {number} to end, got {other:?}"),
    }
}

fn expect_failed(engine: &mut InProcess, number: RunId) -> String {
    match engine.wait() {
        Some(Event::Failed { run, error }) if run == number => error.to_string(),
        other => panic!("expected run {number} to fail, got {other:?}"),
    }
}

/// The log of a whole run.
fn completed(engine: &mut InProcess, request: RunRequest) -> Result<Log, RequestError> {
    complete(engine, request, |_| ControlFlow::Continue(()))
}

/// Reads a whole run.
fn whole_run(engine: &mut InProcess, run: RunId) -> (Header, Vec<Arc<Entry>>, End) {
    let header = expect_started(engine, run);
    let mut entries = Vec::new();
    loop {
        match engine.wait() {
            Some(Event::Step { run: of, entry }) if of == run => entries.push(entry),
            Some(Event::Finished { run: of, end }) if of == run => return (header, entries, *end),
            other => panic!("unexpected {other:?}"),
        }
    }
}

#[test]
fn a_wrong_answer_is_followed_to_the_positions_that_fail() {
    let failed = |answer: &str| {
        let mut engine = engine(answering(PROMPT, answer));
        start(&mut engine, request(1));
        let (header, _, end) = whole_run(&mut engine, 1);
        let start = header.prompt_ids.len();
        (end.verdict.unwrap(), end.failed.map(|failed| failed.start - start..failed.end - start))
    };
    // Names and commas are tokens of their own.
    assert_eq!(failed("Ruth, Max, Leo"), ("item 2 should be Leo, found \"Max\"".to_owned(), Some(2..3)));
    let (verdict, spelled) = failed("Ruth, Zorb");
    assert_eq!(
        (verdict.as_str(), spelled),
        ("item 2 should be Leo, found \"Zorb\"", Some(2..7)),
        "a mark, and letter by letter"
    );
    let missing = failed("Ruth, Leo");
    assert_eq!(missing, ("expected 3 items, found 2".to_owned(), Some(3..4)), "the end of text came too early");
    assert_eq!(failed(ANSWER), ("reversed as asked".to_owned(), None));
}

#[test]
fn a_run_goes_from_start_to_a_judged_end() {
    let mut engine = engine(scripted());
    start(&mut engine, request(7));
    let (header, entries, end) = whole_run(&mut engine, 7);
    assert_eq!(header.prompt, PROMPT);
    assert_eq!(header.prompt_pieces.concat(), format!("<user>{PROMPT}<bot>"));
    assert_eq!(entries.len(), MASKS);
    let numbers: Vec<usize> = entries.iter().map(|entry| entry.record.step).collect();
    assert_eq!(numbers, (0..MASKS).collect::<Vec<_>>());
    assert_eq!(end.reason, Some(StopReason::NothingMasked));
    assert_eq!(end.answer, ANSWER);
    assert_eq!(end.correct, Some(true));
    assert!(end.verdict.is_some());
    let log = timeless(&header, &entries, Some(&end));
    let (canvas, start) = (log.canvas(log.len()), header.prompt_ids.len());
    let answer: String = (start..start + end.tokens).map(|position| canvas.piece(position)).collect();
    assert_eq!(answer, ANSWER, "the pieces of the canvas make the answer");
    let first = &entries[0].record.commits[0];
    assert_eq!(log.text_of(first.token), Some("Ruth"));
}

#[test]
fn a_completed_run_logs_what_its_events_say() {
    let mut engine = engine(scripted());
    start(&mut engine, request(1));
    let (header, entries, end) = whole_run(&mut engine, 1);
    let mut observed = Vec::new();
    let log = complete(&mut engine, request(2), |progress| {
        observed.push(match progress {
            RunProgress::Replaying { .. } => "replaying",
            RunProgress::Warning(_) => "warning",
            RunProgress::Started(_) => "started",
            RunProgress::Step(_) => "step",
            RunProgress::Ended(_) => "ended",
        });
        ControlFlow::Continue(())
    })
    .unwrap();
    let log = timeless(log.header(), log.entries().map(Arc::new), log.end());
    assert_eq!(timeless(&header, &entries, Some(&end)), log);
    assert_eq!(observed.first(), Some(&"started"));
    assert_eq!(observed.last(), Some(&"ended"));
    assert_eq!(observed.len(), MASKS + 2);
    let (mut live, mut headless) = (Vec::new(), Vec::new());
    file::write(&timeless(&header, &entries, Some(&end)), &mut live).unwrap();
    file::write(&log, &mut headless).unwrap();
    assert_eq!(live, headless);
}

#[test]
fn an_observer_breaks_a_run_off_and_the_next_one_is_whole() {
    let mut engine = engine(scripted());
    for drive in [Drive::Free, Drive::Paced] {
        for after in 0..MASKS {
            let mut left = after;
            let log = complete(&mut engine, RunRequest { drive, ..request(1) }, |_| {
                if left == 0 {
                    return ControlFlow::Break(());
                }
                left -= 1;
                ControlFlow::Continue(())
            });
            let log = log.unwrap();
            assert_eq!((log.len(), log.end()), (after, None));
        }
        assert_eq!(completed(&mut engine, RunRequest { drive, ..request(1) }).unwrap().len(), MASKS);
    }
}

#[test]
fn compared_runs_have_equal_canvases() {
    let mut engine = engine(scripted());
    let own = [
        settings(&[("gen-length", "auto")]),
        settings(&[]),
        settings(&[("gen-length", "auto"), ("block-length", "48")]),
    ];
    for settings in own {
        let log = completed(&mut engine, RunRequest { settings, rivals: own.to_vec(), ..request(1) }).unwrap();
        assert_eq!((log.header().gen_length, log.header().settings.gen_length), (48, Some(48)));
        assert_eq!(log.header().settings.block_length, settings.block_length);
    }
}

#[test]
fn a_paused_run_goes_step_by_step_and_resumes() {
    let mut engine = engine(scripted());
    start(&mut engine, RunRequest { drive: Drive::Paced, ..request(1) });
    expect_started(&mut engine, 1);
    for step in 0..3 {
        engine.send(Command::Step);
        if step == 0 {
            expect_paused(&mut engine, 1, true);
        }
        assert_eq!(expect_step(&mut engine, 1).record.step, step);
    }
    // Ignored, as the run is paused.
    engine.send(Command::Advance);
    engine.send(Command::Drive(Drive::Free));
    engine.send(Command::Resume);
    expect_paused(&mut engine, 1, false);
    for step in 3..MASKS {
        assert_eq!(expect_step(&mut engine, 1).record.step, step);
    }
    assert_eq!(expect_finished(&mut engine, 1).correct, Some(true));
}

#[test]
fn pauses_are_announced_within_a_step_and_it_is_done_all_the_same() {
    let (permits, gate) = mpsc::channel();
    let mut engine = engine(scripted().with_gate(gate));
    start(&mut engine, request(1));
    expect_started(&mut engine, 1);
    // Step 0 waits for its permit, or is about to: Space twice is no pause, once more is one.
    for paused in [true, false, true] {
        engine.send(Command::TogglePause);
        expect_paused(&mut engine, 1, paused);
    }
    // Nothing changes, so nothing is announced.
    engine.send(Command::Pause);
    engine.send(Command::Stop);
    permits.send(()).unwrap();
    let mut steps = 0;
    let end = loop {
        match engine.wait() {
            Some(Event::Step { run: 1, .. }) => steps += 1,
            Some(Event::Finished { run: 1, end }) => break end,
            other => panic!("unexpected {other:?}"),
        }
    };
    assert!(steps <= 1, "{steps} steps of a paused run");
    assert_eq!(end.reason, None);
    assert_eq!(end.correct, None, "an answer that was broken off is not judged");
    assert!(ANSWER.starts_with(&end.answer));
}

/// Whether a run is paused after a command.
fn is_paused_after(command: &Command, was_paused: bool) -> bool {
    match command {
        Command::Pause | Command::Step => true,
        Command::Resume => false,
        Command::TogglePause => !was_paused,
        _ => was_paused,
    }
}

/// Which pauses the commands ask for, of a run that is running at first.
fn pauses_of(commands: &[Command]) -> Vec<bool> {
    let mut paused = false;
    let pause = |command: &Command| {
        let was_paused = paused;
        paused = is_paused_after(command, was_paused);
        (paused != was_paused).then_some(paused)
    };
    commands.iter().filter_map(pause).collect()
}

/// The log of a run that gets all `commands` before its first step is done, and is then driven to its end; with the
/// pauses that were announced.
fn commanded(drive: Drive, commands: &[Command]) -> (Log, Vec<bool>) {
    let (permits, gate) = mpsc::channel();
    let mut engine = engine(scripted().with_gate(gate));
    start(&mut engine, RunRequest { drive, ..request(1) });
    let header = expect_started(&mut engine, 1);
    for command in commands {
        engine.send(command.clone());
    }
    drop(permits);
    let (mut entries, mut pauses) = (Vec::new(), Vec::new());
    loop {
        match engine.wait() {
            Some(Event::Step { run: 1, entry }) => entries.push(entry),
            Some(Event::Paused { run: 1, paused }) => pauses.push(paused),
            Some(Event::Finished { run: 1, end }) => return (timeless(&header, &entries, Some(&end)), pauses),
            other => panic!("unexpected {other:?}"),
        }
    }
}

fn about_pauses() -> impl Strategy<Value = Command> {
    prop_oneof![
        Just(Command::Pause),
        Just(Command::Resume),
        Just(Command::TogglePause),
        Just(Command::Step),
        Just(Command::Advance),
    ]
}

fn about_steps() -> impl Strategy<Value = Command> {
    let drive = prop_oneof![Just(Drive::Free), Just(Drive::Paced)];
    prop_oneof![3 => about_pauses(), 1 => drive.prop_map(Command::Drive)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_log_is_the_same_however_its_run_was_driven(commands in prop::collection::vec(about_steps(), 0..16)) {
        let commands = [&commands[..], &[Command::Resume, Command::Drive(Drive::Free)]].concat();
        let (reference, _) = commanded(Drive::Free, &[]);
        for drive in [Drive::Free, Drive::Paced] {
            let (log, pauses) = commanded(drive, &commands);
            prop_assert_eq!(pauses, pauses_of(&commands));
            prop_assert_eq!(&log, &reference);
        }
    }

    #[test]
    fn a_paced_run_does_the_steps_it_is_asked_for_and_no_others(commands in prop::collection::vec(about_pauses(), 0..24)) {
        let mut engine = engine(scripted());
        start(&mut engine, RunRequest { drive: Drive::Paced, ..request(1) });
        expect_started(&mut engine, 1);
        let (mut paused, mut steps) = (false, 0);
        for command in &commands {
            engine.send(command.clone());
            let was_paused = paused;
            paused = is_paused_after(command, was_paused);
            if paused != was_paused {
                expect_paused(&mut engine, 1, paused);
            }
            if *command == Command::Step || *command == Command::Advance && !paused {
                assert_eq!(expect_step(&mut engine, 1).record.step, steps);
                steps += 1;
            }
            if steps == MASKS {
                break;
            }
        }
        engine.send(Command::Stop);
        let end = expect_finished(&mut engine, 1);
        prop_assert_eq!(end.reason.is_some(), steps == MASKS);
    }
}

#[test]
fn a_handle_does_not_wait_for_a_step_that_does_not_end() {
    let (permits, gate) = mpsc::channel();
    let mut engine = engine(scripted().with_gate(gate));
    start(&mut engine, request(1));
    expect_started(&mut engine, 1);
    drop(engine);
    // Until here no permit was given.
    drop(permits);
}

#[test]
fn a_knob_change_is_stamped_on_the_step_that_first_used_it() {
    let mut engine = engine(scripted());
    start(&mut engine, RunRequest { drive: Drive::Paced, ..request(1) });
    expect_started(&mut engine, 1);
    engine.send(Command::Advance);
    let first = expect_step(&mut engine, 1);
    assert_eq!(first.record.changes, []);
    assert_eq!(first.record.commits.len(), 1);
    configure(&mut engine, settings(&[("tokens-per-step", "3")]));
    engine.send(Command::Advance);
    let second = expect_step(&mut engine, 1);
    let change = Change { knob: "tokens-per-step".into(), value: "3".into() };
    assert_eq!(second.record.changes, [change]);
    assert_eq!(second.record.commits.len(), 3);
    engine.send(Command::Advance);
    assert_eq!(expect_step(&mut engine, 1).record.changes, []);
}

#[test]
fn refused_settings_leave_the_old_ones_in_force() {
    let mut engine = engine(scripted());
    start(&mut engine, RunRequest { drive: Drive::Paced, ..request(1) });
    expect_started(&mut engine, 1);
    configure(&mut engine, settings(&[("top-p", "0.5")]));
    let Some(Event::Refused { run: 1, message }) = engine.wait() else {
        panic!("top-p without the filtered sampler must be refused");
    };
    assert_eq!(
        message,
        "top-p and top-k belong to sampler 'filtered', and sampler is 'gumbel': set sampler to 'filtered', or top-p \
         and top-k to 'off'"
    );
    configure(&mut engine, settings(&[("guide", "deterministic")]));
    let Some(Event::Refused { run: 1, message }) = engine.wait() else {
        panic!("a guide that is not loaded must be refused");
    };
    assert_eq!(message, "guide is 'deterministic' but no guide model is loaded: load one, or set guide to 'off'");
    engine.send(Command::Drive(Drive::Free));
    for _ in 0..MASKS {
        let step = expect_step(&mut engine, 1);
        assert_eq!(step.record.changes, []);
        assert_eq!(step.record.commits.len(), 1);
    }
    assert_eq!(expect_finished(&mut engine, 1).correct, Some(true));
}

#[test]
fn a_new_run_takes_the_place_of_the_old_one() {
    let network = scripted();
    let resets = network.resets();
    let mut engine = engine(network);
    start(&mut engine, RunRequest { drive: Drive::Paced, ..request(1) });
    expect_started(&mut engine, 1);
    engine.send(Command::Advance);
    expect_step(&mut engine, 1);
    start(&mut engine, request(2));
    assert_eq!(expect_finished(&mut engine, 1).reason, None, "it ends as one that is stopped by hand");
    let (_, entries, end) = whole_run(&mut engine, 2);
    assert_eq!(entries[0].record.step, 0);
    assert_eq!(end.correct, Some(true));
    assert_eq!(resets.load(std::sync::atomic::Ordering::SeqCst), 2);
    // Nothing is under way now: these do nothing, and the engine still answers.
    for command in [Command::Step, Command::Advance, Command::TogglePause, Command::Drive(Drive::Paced), Command::Stop]
    {
        engine.send(command);
    }
    configure(&mut engine, settings(&[]));
    start(&mut engine, request(3));
    whole_run(&mut engine, 3);
}

#[test]
fn a_failing_network_ends_its_run_only() {
    let mut engine = engine(scripted().with_mishap(2, Mishap::Error));
    start(&mut engine, request(1));
    expect_started(&mut engine, 1);
    expect_step(&mut engine, 1);
    expect_step(&mut engine, 1);
    assert_eq!(expect_failed(&mut engine, 1), "the run failed: the network failed: scripted failure");
    start(&mut engine, request(2));
    assert_eq!(whole_run(&mut engine, 2).2.correct, Some(true));
}

#[test]
fn a_run_that_cannot_start_ends_the_one_before_all_the_same() {
    let mut engine = engine(scripted());
    start(&mut engine, RunRequest { drive: Drive::Paced, ..request(1) });
    expect_started(&mut engine, 1);
    start(&mut engine, RunRequest { prompt: String::new(), ..request(2) });
    expect_finished(&mut engine, 1);
    expect_failed(&mut engine, 2);
}

#[test]
fn a_panicking_network_ends_its_run_only() {
    let mut engine = engine(scripted().with_mishap(1, Mishap::Panic));
    start(&mut engine, request(1));
    expect_started(&mut engine, 1);
    expect_step(&mut engine, 1);
    let message = expect_failed(&mut engine, 1);
    assert!(
        message.starts_with("the run failed: this is a bug in diffuscope: scripted panic (tests/support/scripted.rs:"),
        "{message}"
    );
    start(&mut engine, request(2));
    assert_eq!(whole_run(&mut engine, 2).2.correct, Some(true));
}

#[test]
fn a_network_that_gives_no_numbers_ends_its_run_only() {
    let mut engine = engine(scripted().with_mishap(2, Mishap::Nan));
    start(&mut engine, request(1));
    expect_started(&mut engine, 1);
    expect_step(&mut engine, 1);
    expect_step(&mut engine, 1);
    assert_eq!(
        expect_failed(&mut engine, 1),
        "the run failed: the denoiser gives no numbers at 6 of 6 positions (step 3): its weights are damaged, or 16 bits \
         are too few for them"
    );
    start(&mut engine, request(2));
    assert_eq!(whole_run(&mut engine, 2).2.correct, Some(true));
}

#[test]
fn what_was_decoded_before_the_numbers_ended_is_a_log_that_can_be_read_back() {
    let mut engine = engine(scripted().with_mishap(2, Mishap::Nan));
    let mut bytes = Vec::new();
    let mut log: Option<Log> = None;
    let failed = complete(&mut engine, request(1), |progress| {
        match (progress, &mut log) {
            (RunProgress::Started(started), _) => log = Some(started.clone()),
            (RunProgress::Step(entry), Some(log)) => log.push(entry),
            other => panic!("{other:?}"),
        }
        ControlFlow::Continue(())
    });
    assert!(matches!(failed, Err(RequestError::Broken(_))));
    let log = log.unwrap();
    assert_eq!(log.len(), 2);
    file::write(&log, &mut bytes).unwrap();
    let opened = file::read("nan", &bytes[..]).unwrap();
    assert_eq!(opened.log, log);
}

/// A preset on the shortest canvas that a filter takes.
fn short(preset: &Preset) -> Settings {
    let mut layers = Layers::default();
    layers.set_preset(preset.clone());
    let settings = layers.resolve();
    let block_length = settings.block_length.map(|length| length.min(filter::BLOCK));
    Settings { gen_length: Some(filter::BLOCK), block_length, ..settings }
}

/// Does a run of every preset with a real network; returns how many came to their end, and what the others said.
fn under_every_preset(models: Models, prompt: &str, audit: Option<usize>) -> (usize, Vec<(Settings, RequestError)>) {
    let mut engine = InProcess::spawn(move || Ok(models)).unwrap();
    let (mut ended, mut failed) = (0, Vec::new());
    for preset in presets() {
        let settings = Settings { audit, ..short(preset) };
        let request = RunRequest { prompt: prompt.to_owned(), settings, ..request(1) };
        let mut pushed = Vec::new();
        let observe = |progress: RunProgress<'_>| {
            if let RunProgress::Step(entry) = progress {
                pushed.push(entry.clone());
            }
            ControlFlow::Continue(())
        };
        match complete(&mut engine, request, observe) {
            Ok(log) => {
                support::kept::check(&log, &pushed);
                assert!(log.canvas(log.len()).ids().all(|id| id != log.header().mask_id), "{}", preset.name);
                ended += 1;
            }
            Err(error) => failed.push((settings, error)),
        }
    }
    (ended, failed)
}

#[test]
fn real_networks_denoise_without_a_prompt_under_every_preset_without_a_guide() {
    let folder = Folder::new();
    untrained_pair(&folder);
    let (ended, failed) = under_every_preset(raw_pair(&folder), "", None);
    assert_eq!(ended + failed.len(), presets().len());
    for (settings, error) in failed {
        assert!(settings.guide != GuideRule::Off && error.to_string().contains("there is no prompt"), "{error}");
    }
}

#[test]
fn the_log_of_an_audited_run_under_every_preset_gives_its_steps_back() {
    let folder = Folder::new();
    untrained_pair(&folder);
    let (ended, failed) = under_every_preset(raw_pair(&folder), PROMPT, Some(2));
    assert_eq!((ended, failed.len()), (presets().len(), 0));
}

#[test]
fn damaged_networks_end_their_runs_under_every_preset() {
    for (part, value) in [("model.layers.0.input_layernorm.weight", f32::NAN), ("model.norm.weight", f32::INFINITY)] {
        let folder = Folder::new();
        untrained_pair(&folder);
        damage(&folder, "denoiser", part, value);
        let (ended, failed) = under_every_preset(raw_pair(&folder), PROMPT, None);
        assert_eq!(ended, 0);
        for (_, error) in failed {
            assert!(error.to_string().starts_with("the run failed: the denoiser gives no numbers at "), "{error}");
        }
    }
}

#[test]
fn an_empty_prompt_is_a_prompt_for_those_who_want_it_raw() {
    let tokenizer = support::models::tokenizer().without_template();
    let vocab = support::models::vocabulary().padded;
    let end = tokenizer.eos_id();
    let network = Scripted::denoiser(Alignment::Shifted, move |position, _| favour_among(vocab, end, position as f32))
        .with_vocabulary(vocab)
        .with_mask(tokenizer.require_mask().unwrap())
        .with_end(end);
    let mut models = models(network);
    models.tokenizer = Arc::new(tokenizer);
    let mut engine = InProcess::spawn(move || Ok(models)).unwrap();
    for prompt in ["", " \n"] {
        let request = RunRequest { prompt: prompt.into(), ..request(1) };
        let log = completed(&mut engine, request).unwrap();
        assert_eq!(log.header().canvas_length(), log.header().prompt_ids.len() + MASKS);
        assert_eq!(log.header().prompt_ids.is_empty(), prompt.is_empty());
        assert_eq!(log.end().unwrap().reason, Some(StopReason::NothingMasked));
        let mut bytes = Vec::new();
        file::write(&log, &mut bytes).unwrap();
        assert_eq!(file::read("raw", &bytes[..]).unwrap().log, log);
    }
}

#[test]
fn models_that_cannot_be_loaded_are_reported_and_no_run_starts() {
    for panics in [false, true] {
        let load = move || -> anyhow::Result<Models> {
            assert!(!panics, "scripted panic");
            Err(anyhow::anyhow!("no such file").context("reading weights"))
        };
        let mut engine = InProcess::spawn(load).unwrap();
        let Some(Event::LoadFailed { error, .. }) = engine.wait() else {
            panic!("loading must fail");
        };
        assert_eq!(matches!(error, RequestError::Broken(_)), panics);
        let message = error.to_string();
        let expected = if panics { "scripted panic" } else { "reading weights: no such file" };
        assert!(message.contains(expected), "{message}");
        start(&mut engine, request(1));
        assert_eq!(expect_failed(&mut engine, 1), message);
    }
}

#[test]
fn requests_that_cannot_be_met_say_why() {
    let mut engine = engine(scripted());
    let long = "Reverse this list: Max".to_owned() + &", Leo".repeat(300);
    let cases: [(&str, Knobs<'_>, &str); 6] = [
        (" \n", &[], "the prompt is empty: type something to denoise an answer to"),
        (&long, &[], "the prompt takes 607 tokens and the model's context is 512: shorten the prompt"),
        (
            PROMPT,
            &[("gen-length", "4000")],
            "gen-length 4000 and a prompt of 11 tokens exceed the model's context of 512: choose a gen-length of at \
             most 501",
        ),
        (
            PROMPT,
            &[("block-length", "9")],
            "block-length 9 does not fit a gen-length of 8: choose at most 8, or 'whole'",
        ),
        (
            PROMPT,
            &[("block-length", "2"), ("steps", "3")],
            "steps 3 is less than one step for each of the 4 blocks: choose steps of at least 4, a longer \
             block-length, or steps 'auto'",
        ),
        (PROMPT, &[("guide", "topk")], "guide is 'topk' but no guide model is loaded: load one, or set guide to 'off'"),
    ];
    for (number, (prompt, knobs, expected)) in (1..).zip(cases) {
        start(&mut engine, RunRequest { prompt: prompt.into(), settings: settings(knobs), ..request(number) });
        assert_eq!(expect_failed(&mut engine, number), expected);
    }
}

#[test]
fn the_canvas_is_what_the_task_needs_where_nobody_says() {
    let mut engine = engine(scripted());
    let cases = [
        (PROMPT, settings(&[("gen-length", "auto")]), 40),
        ("Hello there", settings(&[("gen-length", "auto")]), 64),
        // A canvas takes at least a block.
        (PROMPT, settings(&[("gen-length", "auto"), ("block-length", "48")]), 48),
        // And at most the context.
        (&("Reverse this list: Max".to_owned() + &", Leo".repeat(240)), settings(&[("gen-length", "auto")]), 512 - 487),
    ];
    for (number, (prompt, settings, expected)) in (1..).zip(cases) {
        start(&mut engine, RunRequest { prompt: prompt.into(), settings, drive: Drive::Paced, ..request(number) });
        if number > 1 {
            expect_finished(&mut engine, number - 1);
        }
        assert_eq!(expect_started(&mut engine, number).gen_length, expected);
    }
}

#[test]
fn no_step_is_lost_on_a_client_that_reads_late() {
    let mut engine = engine(scripted());
    let masks = 300;
    start(&mut engine, RunRequest { settings: settings(&[("gen-length", "300")]), ..request(1) });
    // More events than fit wait until somebody reads.
    let (_, entries, _) = whole_run(&mut engine, 1);
    assert_eq!(entries.len(), masks);
}

#[test]
fn dropping_the_handle_ends_the_thread() {
    for reads in [0, 1, 20] {
        let network = scripted();
        let resets = Arc::downgrade(&network.resets());
        let mut engine = engine(network);
        start(&mut engine, RunRequest { settings: settings(&[("gen-length", "300")]), ..request(1) });
        for _ in 0..reads {
            assert!(engine.wait().is_some());
        }
        drop(engine);
        // The network lived on the thread and nowhere else.
        assert!(resets.upgrade().is_none());
    }
}

#[test]
fn events_can_be_awaited_beside_other_things() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (keys, mut pressed) = tokio::sync::mpsc::channel(1);
    let mut engine = engine(scripted());
    runtime.block_on(async {
        let mut steps = 0;
        keys.send("start").await.unwrap();
        loop {
            tokio::select! {
                Some(_) = pressed.recv() => start(&mut engine, request(1)),
                event = engine.next() => match event {
                    Some(Event::Step { .. }) => steps += 1,
                    Some(Event::Finished { .. }) => break,
                    Some(_) => {}
                    None => panic!("the engine ended"),
                },
            }
        }
        assert_eq!(steps, MASKS);
        engine.send(Command::Shutdown);
        assert_eq!(engine.next().await, None);
    });
}

/// A run of the prompt, whose answer is scripted.
fn filled(prompt: &str, knobs: Knobs<'_>) -> Result<Log, RequestError> {
    let mut engine = engine(scripted());
    let settings = Settings { gen_length: None, ..settings(knobs) };
    completed(&mut engine, RunRequest { prompt: prompt.into(), settings, ..request(1) })
}

#[test]
fn blanks_are_filled_and_what_stands_around_them_is_given() {
    let log = filled(&format!("{PROMPT}\n[M], Leo, [M]\n"), &[]).unwrap();
    let header = log.header();
    assert_eq!(header.prompt_pieces.concat(), format!("<user>{PROMPT}<bot>"), "the form is no part of what is asked");
    assert_eq!(header.prompt, format!("{PROMPT}\n[M], Leo, [M]\n"));
    let given: Vec<&str> = header.given.iter().map(|given| given.text.as_str()).collect();
    assert_eq!(given, [", ", "Leo", ", ", "<eos>"]);
    assert!(header.given.iter().all(|given| given.pinned));
    assert_eq!(header.gen_length, 6);
    let end = log.end().unwrap();
    assert_eq!((end.answer.as_str(), end.tokens, end.correct), (ANSWER, 2, Some(true)));
    let figures = Figures::of(&log, log.len());
    assert_eq!((figures.tokens, figures.given, figures.ends, figures.masked), (2, 3, 1, 0));
    assert_eq!(log.fixed(log.len()), header.prompt_ids.len() + 4, "the end that is given is no text");
}

#[test]
fn a_longer_gen_length_adds_masks_behind_the_form_and_a_shorter_one_is_refused() {
    let prompt = format!("{PROMPT}\n[M], Leo");
    let mut engine = engine(scripted());
    let request = |length| RunRequest {
        prompt: prompt.clone(),
        settings: Settings { gen_length: Some(length), ..settings(&[]) },
        ..request(1)
    };
    let log = completed(&mut engine, request(8)).unwrap();
    assert_eq!((log.header().given.len(), log.header().gen_length), (2, 8));
    assert_eq!(log.end().unwrap().answer, ANSWER, "the answer continues behind the form");
    let refusal = "gen-length 2 is shorter than the answer with its blanks, which takes 3 tokens: choose at least 3, or \
                   'auto'";
    assert_eq!(completed(&mut engine, request(2)), Err(RequestError::Refused(refusal.into())));
}

#[test]
fn no_end_of_text_is_written_before_given_text() {
    // Behind its answer the network is certain of end of text alone.
    let log = filled(&format!("{PROMPT}\nRuth, Leo, Max___{{4}}, Anna"), &[("eos-stop", "prefix")]).unwrap();
    let ids: Vec<u32> = log.canvas(log.len()).ids().skip(log.header().prompt_ids.len()).collect();
    let first_end = ids.iter().position(|id| log.header().is_end(*id));
    assert_eq!(first_end, Some(ids.len() - 1), "{ids:?}");
    let answer = &log.end().unwrap().answer;
    assert!(answer.starts_with(ANSWER) && answer.ends_with(", Anna"), "{answer}");
    assert_eq!(log.end().unwrap().correct, Some(false), "what is given is judged as well");
}

#[test]
fn blanks_that_cannot_be_read_or_do_not_fit_are_refused() {
    let refused = |blank: &str| match filled(&format!("{PROMPT}\n{blank}"), &[]) {
        Err(RequestError::Refused(message)) => message,
        other => panic!("{other:?}"),
    };
    assert!(refused("___{0}").starts_with("the blank ___{0} does not say how many masks it has: "));
    assert!(refused("a ___{3").starts_with("the blank ___{ has no closing brace: "));
    let prompt = filled(PROMPT, &[]).unwrap().header().prompt_ids.len();
    assert_eq!(
        refused("___{600}"),
        format!(
            "the prompt takes {prompt} tokens and the answer with its blanks 601, and the model's context is 512: make a \
             blank or the text shorter"
        )
    );
}

#[test]
fn a_hand_written_token_is_logged_and_counts_as_given() {
    let mut engine = engine(scripted());
    start(&mut engine, RunRequest { drive: Drive::Paced, ..request(1) });
    let header = expect_started(&mut engine, 1);
    let position = header.prompt_ids.len();
    let anna = support::models::tokenizer().encode("Anna").unwrap()[0];
    let edits = vec![Edit::Write { position, token: anna }, Edit::Pin { position, pinned: true }];
    engine.send(Command::Edit(edits.clone()));
    engine.send(Command::Advance);
    let mut log = Log::new(header);
    log.push(Entry::clone(&expect_step(&mut engine, 1)));
    engine.send(Command::Drive(Drive::Free));
    let end = loop {
        match engine.wait() {
            Some(Event::Step { entry, .. }) => log.push(Entry::clone(&entry)),
            Some(Event::Finished { end, .. }) => break end,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(log.step(1).unwrap().edits(), edits);
    assert_eq!(log.step(1).unwrap().commit_at(position).map(|commit| commit.reason), Some(Reason::ByHand));
    assert_eq!((end.answer.as_str(), end.tokens, end.correct), ("Anna, Leo, Max", 4, Some(false)));
    let figures = Figures::of(&log, log.len());
    assert_eq!((figures.tokens, figures.given, log.is_pinned(log.len(), position)), (4, 1, true));
    let mut bytes = Vec::new();
    file::write(&log, &mut bytes).unwrap();
    assert_eq!(file::read("a run", &bytes[..]).unwrap().log.step(1), log.step(1));
}

#[test]
fn a_change_by_hand_behind_the_last_step_is_answered() {
    let mut engine = engine(scripted());
    start(&mut engine, request(1));
    while !matches!(engine.wait(), Some(Event::Finished { .. })) {}
    engine.send(Command::Edit(vec![Edit::Remask { start: 20, end: 21 }]));
    let Some(Event::Warning { message }) = engine.wait() else { panic!("an answer") };
    assert_eq!(message, "the run ended before the change by hand could be made: make it again, which forks the run");
}

#[test]
fn what_the_device_reaches_is_measured_once_and_told_in_every_header() {
    let measured = Arc::default();
    let mut engine = engine(scripted().with_peak(5_000_000_000, &measured));
    assert_eq!(measured.load(std::sync::atomic::Ordering::SeqCst), 1, "before it is ready");
    for run in [1, 2] {
        start(&mut engine, request(run));
        assert_eq!(expect_started(&mut engine, run).peak, Some(5_000_000_000));
        engine.send(Command::Stop);
        while !matches!(engine.wait(), Some(Event::Finished { .. })) {}
    }
    assert_eq!(measured.load(std::sync::atomic::Ordering::SeqCst), 1, "no run waits for it");
    let mut unknown = InProcess::spawn(|| Ok(models(scripted()))).unwrap();
    unknown.wait();
    start(&mut unknown, request(1));
    assert_eq!(expect_started(&mut unknown, 1).peak, None);
}

#[test]
fn rest_is_told_of_once_no_step_may_begin() {
    let mut engine = engine(scripted());
    let ask = |engine: &mut InProcess, command| {
        engine.send(command);
        engine.send(Command::Settle);
        let mut heard = Vec::new();
        loop {
            match engine.wait().unwrap() {
                Event::Settled => return heard,
                event => heard.push(event),
            }
        }
    };
    assert!(ask(&mut engine, Command::Stop).is_empty(), "there is nothing to do");
    let start = |drive| Command::Start(Box::new(RunRequest { drive, ..request(1) }));
    assert!(matches!(ask(&mut engine, start(Drive::Paced))[..], [Event::Started { .. }]));
    assert!(matches!(ask(&mut engine, Command::Advance)[..], [Event::Step { .. }]));
    assert!(matches!(ask(&mut engine, Command::Pause)[..], [Event::Paused { paused: true, .. }]));
    assert!(ask(&mut engine, Command::Advance).is_empty(), "a paused run ignores its pace");
    let rest = ask(&mut engine, start(Drive::Free));
    assert!(matches!(rest.first(), Some(Event::Finished { .. })), "the paused run");
    assert!(
        matches!(rest.last(), Some(Event::Finished { .. })),
        "a run that is driven by nobody comes to its end first"
    );
}

#[test]
fn modelled_times_are_those_of_the_work_and_of_no_clock() {
    const RATE: f64 = 1e9;
    let logs = [(); 2].map(|()| {
        let folder = Folder::new();
        untrained_pair(&folder);
        let mut models = raw_pair(&folder);
        models.denoiser_card.shape = models.denoiser.shape();
        if let (Some(card), Some(guide)) = (&mut models.guide_card, &models.guide) {
            card.shape = guide.shape();
        }
        let mut engine = InProcess::spawn(move || Ok(models.timed_by_work(RATE))).unwrap();
        let preset = presets().iter().find(|preset| preset.name == "flashdlm").unwrap().settings();
        let settings = Settings { gen_length: Some(MASKS), audit: Some(1), ..preset };
        completed(&mut engine, RunRequest { settings, ..request(1) }).unwrap()
    });
    let log = &logs[0];
    assert!(log.header().denoiser.device.starts_with("modelled"), "{}", log.header().denoiser.device);
    for steps in 1..=log.len() {
        let figures = Figures::of(log, steps);
        let modelled = figures.flops(log.header()).unwrap() / RATE;
        let rounding = 1e-6 * steps as f64;
        assert!((figures.seconds() - modelled).abs() <= rounding, "{} and {modelled}", figures.seconds());
        assert!(figures.cost.guide_us > 0 && figures.cost.audit_us > 0 && figures.cost.other_us == 0);
        assert_eq!(Figures::of(&logs[1], steps).cost, figures.cost, "whenever it is made");
    }
}
