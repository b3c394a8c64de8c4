//! Forks: a run that repeats the steps of another one, then goes another way.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use diffuscope::{
    decode::{
        filter::Filter,
        record::{Edit, KvStatus, Reason},
    },
    engine::{
        WaypointPolicy, complete_fork,
        protocol::{ForkRequest, TypedText},
    },
    trace::{ForkOrigin, ForkPoint, GivenToken, ModelCard},
};
use support::scripted::{Visible, side, tangled_over};

use super::*;

/// A prompt of three tokens below [`KNOWN`], where it is read as it is.
const BYTES: &str = "\u{1}\u{2}";

/// Tokens of the tangled models; they propose the first ones alone.
const KNOWN: usize = 264;

/// The masks of the tangled models.
const MASK: u32 = 1;

/// Models whose proposals depend on everything that they see, on the first tokens of the vocabulary alone, with all that a
/// preset may need.
fn tangled(
    alignment: Alignment,
    denoiser: impl Fn(usize, Visible<'_>) -> Vec<f32> + Send + 'static,
    guide: impl Fn(usize, Visible<'_>) -> Vec<f32> + Send + 'static,
) -> Models {
    let padded = |mut logits: Vec<f32>| {
        logits.resize(KNOWN, -40.0);
        logits
    };
    let denoiser = Scripted::denoiser(alignment, move |position, visible| padded(denoiser(position, visible)));
    let denoiser = denoiser.with_mask(MASK).with_vocabulary(KNOWN);
    let guide = Scripted::guide(move |position, visible| padded(guide(position, visible))).with_vocabulary(KNOWN);
    let models = models(denoiser);
    Models {
        guide: Some(Box::new(guide)),
        guide_card: Some(ModelCard { name: "scripted guide".into(), ..models.denoiser_card.clone() }),
        tokenizer: Arc::new(support::models::tokenizer().without_template()),
        filter: Some(Filter::parse(include_str!("../../assets/filter.json")).unwrap()),
        ..models
    }
}

fn tangled_engine(shifted: bool) -> InProcess {
    tangled_engine_keeping(shifted, WaypointPolicy::NONE)
}

fn tangled_engine_keeping(shifted: bool, policy: WaypointPolicy) -> InProcess {
    let load = move || Ok(tangled(side(shifted), tangled_over(1, 14.0), tangled_over(2, 14.0)));
    let mut engine = InProcess::keeping(policy, load).unwrap();
    assert!(matches!(engine.wait(), Some(Event::Ready { .. })));
    engine
}

/// Forks repeat no step of a parent that the same engine has just done.
const EVERY_STATE: WaypointPolicy = WaypointPolicy { span: Duration::ZERO, bytes: u64::MAX };

/// What is done to a run before the step that follows on so many steps.
#[derive(Debug, Clone)]
enum Hand {
    Turn(&'static str, &'static str),
    Settings(Box<Settings>),
    Edit(Vec<Edit>),
}

/// Does a run to its end, with hands on it. A turn that is refused is left out.
fn handled(engine: &mut InProcess, request: RunRequest, parent: Option<&Log>, hands: &[(usize, Hand)]) -> Log {
    let mut requested = request.settings;
    engine.send(Command::Start(Box::new(RunRequest { drive: Drive::Paced, ..request })));
    let mut log: Option<Log> = None;
    loop {
        let before = requested;
        match engine.wait().unwrap() {
            Event::Started { header, .. } => {
                log = Some(match (parent, &header.origin) {
                    (Some(parent), Some(origin)) if !origin.cold => parent.prefix(origin.step, *header),
                    _ => Log::new(*header),
                });
            }
            Event::Step { entry, .. } => {
                log.as_mut().unwrap().push(&*entry);
                if entry.record.stop.is_some() {
                    continue;
                }
            }
            Event::Finished { end, .. } => {
                let mut log = log.unwrap();
                log.finish(*end);
                return log;
            }
            Event::Failed { error, .. } => panic!("{error}"),
            _ => continue,
        }
        let steps = log.as_ref().unwrap().len();
        for (_, hand) in hands.iter().filter(|(at, _)| *at == steps) {
            match hand {
                Hand::Turn(knob, value) => Knob::find(knob).unwrap().set(&mut requested, value).unwrap(),
                Hand::Settings(settings) => requested = **settings,
                Hand::Edit(edits) => engine.send(Command::Edit(edits.clone())),
            }
        }
        if requested != before {
            engine.send(Command::Configure(Box::new(requested)));
            // A pause that is announced shows that the settings were obeyed, or refused before.
            engine.send(Command::TogglePause);
            engine.send(Command::TogglePause);
            loop {
                match engine.wait().unwrap() {
                    Event::Refused { .. } => requested = before,
                    Event::Paused { paused: false, .. } => break,
                    _ => {}
                }
            }
        }
        engine.send(Command::Advance);
    }
}

/// The log without times, and without where it came from.
fn bare(log: &Log) -> Log {
    let header = Header { origin: None, ..log.header().clone() };
    timeless(&header, log.entries().map(Arc::new), log.end())
}

fn fork_request(point: ForkPoint, settings: Settings) -> RunRequest {
    let prompt = point.header.prompt.clone();
    let fork = ForkRequest { point, edits: Vec::new(), text: None, cold: false };
    RunRequest { prompt, settings, fork: Some(Box::new(fork)), ..request(1) }
}

/// A fork of `parent` after `steps` steps that changes nothing.
fn same(parent: &Log, steps: usize) -> RunRequest {
    fork_request(parent.fork_point(steps), parent.settings_at(steps))
}

/// The same with more asked of it.
fn with(mut request: RunRequest, change: impl FnOnce(&mut ForkRequest)) -> RunRequest {
    change(request.fork.as_mut().unwrap());
    request
}

fn forked(engine: &mut InProcess, request: RunRequest, parent: &Log) -> Result<Log, RequestError> {
    complete_fork(engine, request, parent, |_| ControlFlow::Continue(()))
}

/// What was done to a run from a step on, as its log has it.
fn redone(log: &Log, from: usize) -> Vec<(usize, Hand)> {
    let step = |steps: usize| {
        let step = log.step(steps + 1).unwrap();
        let turned = !step.changes().is_empty();
        let turn = turned.then(|| Hand::Settings(Box::new(log.settings_at(steps + 1))));
        let edit = (!step.edits().is_empty()).then(|| Hand::Edit(step.edits().to_vec()));
        turn.into_iter().chain(edit).map(move |hand| (steps, hand))
    };
    (from..log.len()).flat_map(step).collect()
}

/// Knobs that are turned and positions that are changed while a parent runs; its answer begins at position 3.
fn hands() -> Vec<(usize, Hand)> {
    let write = |position, token| Edit::Write { position, token };
    vec![
        (1, Hand::Turn("eos-last", "on")),
        (1, Hand::Edit(vec![write(9, 7)])),
        (2, Hand::Turn("threshold", "0.3")),
        (3, Hand::Turn("temperature", "0.4")),
        (3, Hand::Edit(vec![write(20, 11), Edit::Pin { position: 20, pinned: true }])),
        (4, Hand::Turn("block-length", "16")),
        (5, Hand::Edit(vec![Edit::Remask { start: 3, end: 8 }])),
        (5, Hand::Edit(vec![write(4, 8)])),
        (6, Hand::Turn("cache", "dllm")),
        (9, Hand::Turn("cache", "elastic")),
        (9, Hand::Edit(vec![Edit::Pin { position: 20, pinned: false }, Edit::Remask { start: 18, end: 24 }])),
        (12, Hand::Turn("guide", "off")),
    ]
}

#[test]
fn a_fork_without_change_is_its_parent_under_every_preset() {
    forks_without_change(WaypointPolicy::NONE);
}

#[test]
fn a_fork_that_starts_from_a_kept_state_is_its_parent_under_every_preset() {
    forks_without_change(EVERY_STATE);
}

/// Forks runs of every preset, with hands on them, at several steps, and forks of the forks.
fn forks_without_change(policy: WaypointPolicy) {
    let (mut forks, mut edits, mut turns) = (0, 0, 0);
    for shifted in [false, true] {
        let mut engine = tangled_engine_keeping(shifted, policy);
        for (number, preset) in presets().iter().enumerate().skip(usize::from(shifted)).step_by(2) {
            let request = RunRequest {
                prompt: BYTES.into(),
                settings: short(preset),
                preset: Some(preset.name.clone()),
                ..request(1)
            };
            let parent = handled(&mut engine, request, None, &hands());
            let length = parent.len();
            assert!(parent.end().is_some() && parent.header().prompt_ids.len() == 3);
            edits += parent.steps().iter().map(|step| step.edits().len()).sum::<usize>();
            turns += parent.steps().iter().map(|step| step.changes().len()).sum::<usize>();
            let expected = bare(&parent);
            let check = |fork: &Log, steps: usize| {
                let origin = fork.header().origin.clone().unwrap();
                assert_eq!((origin.step, origin.exact, origin.cold), (steps, true, false), "{}", preset.name);
                assert_eq!(origin.parent, parent.hash(steps));
                assert_eq!(bare(fork), expected, "{} after step {steps}", preset.name);
            };
            // Other steps of each preset, each with a fork of the fork before or behind it.
            for (steps, again) in [(0, length - 1), (number * 7 % length, length / 2)] {
                let fork = handled(&mut engine, same(&parent, steps), Some(&parent), &redone(&parent, steps));
                check(&fork, steps);
                let fork = handled(&mut engine, same(&fork, again), Some(&fork), &redone(&parent, again));
                check(&fork, again);
                forks += 2;
            }
        }
    }
    assert!(forks > 200 && edits > 250 && turns > 150, "{forks} forks, {edits} edits, {turns} turns");
}

/// How many steps a fork repeats before it starts.
fn repeated(engine: &mut InProcess, request: RunRequest, parent: &Log) -> (usize, Log) {
    let mut first = None;
    let fork = complete_fork(engine, request, parent, |progress| {
        if let RunProgress::Replaying { done, steps } = progress {
            first.get_or_insert(steps - done);
        }
        ControlFlow::Continue(())
    });
    (first.unwrap_or(0), fork.unwrap())
}

#[test]
fn real_networks_are_put_back_to_where_a_fork_begins() {
    let folder = Folder::new();
    untrained_pair(&folder);
    let pair = raw_pair(&folder);
    let mut engine = InProcess::keeping(EVERY_STATE, move || Ok(pair)).unwrap();
    assert!(matches!(engine.wait(), Some(Event::Ready { .. })));
    for preset in presets() {
        let settings = Settings { audit: Some(3), ..short(preset) };
        let parent = completed(&mut engine, RunRequest { settings, ..request(1) }).unwrap();
        let (steps, fork) = repeated(&mut engine, same(&parent, parent.len() / 2), &parent);
        assert_eq!((steps, bare(&fork)), (0, bare(&parent)), "{}", preset.name);
    }
}

#[test]
fn states_are_kept_of_the_same_way_alone_and_as_many_as_there_is_room_for() {
    let parent_of = |engine: &mut InProcess| {
        let parent = completed(engine, RunRequest { prompt: BYTES.into(), ..request(1) }).unwrap();
        assert_eq!(parent.len(), MASKS);
        parent
    };
    let mut engine = tangled_engine_keeping(false, EVERY_STATE);
    let parent = parent_of(&mut engine);
    let (steps, fork) = repeated(&mut engine, same(&parent, 5), &parent);
    assert_eq!((steps, bare(&fork)), (0, bare(&parent)));
    // A parent whose third step wrote another token has two steps in common with it.
    let mut other = same(&parent, 5);
    let written = &mut other.fork.as_mut().unwrap().point.steps[2].written;
    written[0].1 += 1;
    assert_eq!(repeated(&mut engine, other, &parent).0, 3);
    // One that started with another seed has none.
    let mut other = same(&parent, 5);
    other.fork.as_mut().unwrap().point.header.settings.seed += 1;
    assert_eq!(repeated(&mut engine, other, &parent).0, 5);

    // Of a long run, states lie the farther apart the longer it becomes.
    let mut engine = tangled_engine_keeping(false, WaypointPolicy { bytes: 0, ..EVERY_STATE });
    let settings = settings(&[("gen-length", "40")]);
    let request = RunRequest { prompt: BYTES.into(), settings, ..request(1) };
    let parent = completed(&mut engine, request).unwrap();
    let (steps, fork) = repeated(&mut engine, same(&parent, 24), &parent);
    assert_eq!((steps, bare(&fork)), (7, bare(&parent)), "the states after 1, 9, 17, 25 and 33 steps are kept");
}

#[test]
fn a_fork_with_a_knob_turned_is_the_run_in_which_it_was_turned() {
    let mut engine = tangled_engine(false);
    let turns = [
        ("threshold", "0.2"),
        ("unmask", "entropy-threshold"),
        ("cache", "elastic"),
        ("guide", "off"),
        ("temperature", "0.7"),
    ];
    for preset in presets().iter().step_by(5) {
        let request = RunRequest { prompt: BYTES.into(), settings: short(preset), ..request(1) };
        let parent = handled(&mut engine, request.clone(), None, &[]);
        let steps = parent.len() / 3;
        for (name, value) in turns {
            let mut settings = parent.settings_at(steps);
            Knob::find(name).unwrap().set(&mut settings, value).unwrap();
            let fork = forked(&mut engine, fork_request(parent.fork_point(steps), settings), &parent);
            let Ok(fork) = fork else { continue };
            let live = handled(&mut engine, request.clone(), None, &[(steps, Hand::Turn(name, value))]);
            assert_eq!(bare(&fork), bare(&live), "{} with {name} {value}", preset.name);
        }
    }
}

#[test]
fn edits_of_a_fork_are_edits_of_its_first_own_step() {
    let mut engine = tangled_engine(true);
    let parent = completed(&mut engine, RunRequest { prompt: BYTES.into(), ..request(1) }).unwrap();
    let edits = vec![Edit::Write { position: 5, token: 9 }, Edit::Remask { start: 7, end: 9 }];
    let request = with(same(&parent, 4), |fork| fork.edits.clone_from(&edits));
    let fork = forked(&mut engine, request, &parent).unwrap();
    assert_eq!(fork.step(5).unwrap().edits(), edits);
    assert_eq!(fork.canvas(5).written(5).map(|(step, reason, _)| (step, reason)), Some((4, Reason::ByHand)));
    let live = RunRequest { prompt: BYTES.into(), ..super::request(1) };
    let live = handled(&mut engine, live, None, &[(4, Hand::Edit(edits))]);
    assert_eq!(bare(&fork), bare(&live));
}

#[test]
fn where_repeated_steps_give_other_tokens_the_canvas_is_the_parents() {
    let seed = Arc::new(AtomicU64::new(1));
    let drawn = [Arc::clone(&seed), Arc::clone(&seed)];
    let [denoiser, guide] = drawn.map(|drawn| {
        move |position: usize, visible: Visible<'_>| tangled_over(drawn.load(Ordering::SeqCst), 14.0)(position, visible)
    });
    let mut engine = InProcess::spawn(move || Ok(tangled(side(false), denoiser, guide))).unwrap();
    assert!(matches!(engine.wait(), Some(Event::Ready { .. })));
    let mut diverged = 0;
    for preset in presets() {
        seed.store(1, Ordering::SeqCst);
        let request = RunRequest { prompt: BYTES.into(), settings: short(preset), ..request(1) };
        let parent = completed(&mut engine, request).unwrap();
        seed.store(9, Ordering::SeqCst);
        let steps = parent.len() / 2;
        if steps == 0 {
            continue;
        }
        let mut warned = 0;
        let fork = complete_fork(&mut engine, same(&parent, steps), &parent, |progress| {
            warned += usize::from(matches!(progress, RunProgress::Warning(_)));
            ControlFlow::Continue(())
        });
        let fork = fork.unwrap_or_else(|error| panic!("{}: {error}", preset.name));
        let origin = fork.header().origin.as_ref().unwrap();
        // Where a guide or end of text decides, other numbers can come to the same tokens.
        assert_eq!((origin.cold, warned), (false, usize::from(!origin.exact)), "{}", preset.name);
        diverged += warned;
        assert!(fork.canvas(steps).ids().eq(parent.canvas(steps).ids()), "{}", preset.name);
        assert!(fork.len() > steps && fork.end().unwrap().reason.is_some());
        let kept = |position: &usize| fork.step(steps + 1).unwrap().commit_at(*position).is_none();
        let (before, after) = (parent.canvas(steps), fork.canvas(steps + 1));
        let remasked = fork.step(steps + 1).unwrap().remasked();
        for position in (0..before.length()).filter(kept).filter(|position| !remasked.contains(position)) {
            assert_eq!(before.id(position), after.id(position), "{}", preset.name);
        }
    }
    assert!(diverged > 40, "{diverged} presets");
}

#[test]
fn a_cold_fork_starts_from_the_canvas() {
    let mut engine = tangled_engine(false);
    let settings = Settings { gen_length: Some(12), ..short(diffuscope::settings::presets().first().unwrap()) };
    let request = RunRequest { prompt: BYTES.into(), settings, ..request(1) };
    let pin = vec![Edit::Write { position: 6, token: 9 }, Edit::Pin { position: 6, pinned: true }];
    let parent = handled(&mut engine, request, None, &[(2, Hand::Edit(pin))]);
    let fork = forked(&mut engine, with(same(&parent, 5), |fork| fork.cold = true), &parent).unwrap();
    let header = fork.header();
    let origin = ForkOrigin { parent: parent.hash(5), step: 5, exact: false, cold: true };
    assert_eq!(header.origin.as_ref(), Some(&origin));
    assert!(fork.canvas(0).ids().eq(parent.canvas(5).ids()));
    for position in 0..header.canvas_length() {
        assert_eq!(fork.canvas(0).piece(position), parent.canvas(5).piece(position));
        assert_eq!(fork.is_pinned(0, position), position == 6);
        assert_eq!(parent.is_pinned(5, position), position == 6);
    }
    assert!(!parent.is_pinned(2, 6));
    let first = fork.record(1).unwrap();
    assert!(first.kv.iter().all(|row| row.status == KvStatus::Recomputed));
    assert_eq!(fork.len(), header.gen_length - header.given.len());
    // A fork of it holds all that it needs.
    let again = forked(&mut engine, same(&fork, 2), &fork).unwrap();
    assert_eq!(bare(&again), bare(&fork));
    let mut bytes = Vec::new();
    file::write(&again, &mut bytes).unwrap();
    assert_eq!(file::read("fork", &bytes[..]).unwrap().log, again);
}

/// The tokens of a text that stands within another one, and those of the answer.
fn tokens(text: &str) -> Vec<u32> {
    support::models::tokenizer().encode_plain(text).unwrap()
}

#[test]
fn text_of_as_many_tokens_is_written_and_pinned() {
    let mut engine = engine(scripted());
    let parent = completed(&mut engine, request(1)).unwrap();
    let start = parent.header().prompt_ids.len();
    let ids = tokens("Leo");
    let text = TypedText { start, end: start + ids.len(), text: "Leo".into() };
    let fork = forked(&mut engine, with(same(&parent, 5), |fork| fork.text = Some(text)), &parent).unwrap();
    assert_eq!(fork.header().origin.as_ref().map(|origin| (origin.step, origin.exact)), Some((5, true)));
    assert!(fork.canvas(fork.len()).ids().skip(start).take(ids.len()).eq(ids.iter().copied()));
    assert!((start..start + ids.len()).all(|position| fork.is_pinned(6, position) && !fork.is_pinned(5, position)));
    assert!(fork.end().unwrap().answer.starts_with("Leo, "), "{:?}", fork.end());
}

#[test]
fn text_of_another_length_moves_what_stands_behind_it() {
    let mut engine = engine(scripted());
    let parent = completed(&mut engine, request(1)).unwrap();
    let start = parent.header().prompt_ids.len();
    let ids = tokens("Max and Ruth");
    let text = TypedText { start, end: start + 1, text: "Max and Ruth".into() };
    let fork = forked(&mut engine, with(same(&parent, 4), |fork| fork.text = Some(text.clone())), &parent).unwrap();
    let header = fork.header();
    assert_eq!(header.gen_length, MASKS - 1 + ids.len());
    assert_eq!(header.settings.gen_length, Some(header.gen_length));
    assert_eq!(header.origin.as_ref().map(|origin| (origin.exact, origin.cold)), Some((false, true)));
    let canvas = fork.canvas(0);
    assert!(canvas.ids().skip(start).take(ids.len()).eq(ids.iter().copied()));
    let behind = start + ids.len();
    assert!(canvas.ids().skip(behind).eq(parent.canvas(4).ids().skip(start + 1)));
    // The pieces of the tokens are those that they have as neighbours.
    let given: Vec<u32> = header
        .given
        .iter()
        .take_while(|given| given.position < start + ids.len() + 3)
        .map(|given| given.token)
        .collect();
    let pieces = support::models::tokenizer().pieces(&given);
    let texts: Vec<&str> =
        header.given.iter().take(given.len()).map(|given: &GivenToken| given.text.as_str()).collect();
    assert_eq!(texts, pieces);
    assert!(texts.concat().starts_with("Max and Ruth, "), "{texts:?}");
    assert!((0..header.canvas_length()).all(|at| fork.is_pinned(0, at) == (start..behind).contains(&at)));
    let shorter = with(same(&parent, 3), |fork| {
        fork.text = Some(TypedText { start, end: start + 2, text: String::new() });
    });
    assert_eq!(forked(&mut engine, shorter, &parent).unwrap().header().gen_length, MASKS - 2);
    let both = with(same(&parent, 4), |fork| {
        fork.text = Some(text);
        fork.edits = vec![Edit::Remask { start, end: start + 1 }];
    });
    assert!(forked(&mut engine, both, &parent).unwrap_err().to_string().contains("make them in a fork of their own"));
}

/// A parent and an engine whose every pass takes a permit from now on.
fn gated() -> (Log, mpsc::Sender<()>, InProcess) {
    let parent = completed(&mut engine(scripted()), request(1)).unwrap();
    let (permits, gate) = mpsc::channel();
    (parent, permits, engine(scripted().with_gate(gate)))
}

fn expect_replaying(engine: &mut InProcess, done: usize, steps: usize) {
    assert_eq!(engine.wait(), Some(Event::Replaying { run: 1, done, steps }));
}

#[test]
fn steps_are_repeated_silently_and_a_pause_is_for_the_steps_behind_them() {
    let (parent, permits, mut engine) = gated();
    start(&mut engine, same(&parent, 3));
    expect_replaying(&mut engine, 0, 3);
    engine.send(Command::Pause);
    expect_paused(&mut engine, 1, true);
    engine.send(Command::Edit(vec![Edit::Remask { start: 0, end: 1 }]));
    (0..3).for_each(|_| permits.send(()).unwrap());
    let (mut done, mut refused) = (0, 0);
    while done < 3 || refused < 1 {
        match engine.wait() {
            Some(Event::Replaying { run: 1, done: now, steps: 3 }) if now == done + 1 => done = now,
            Some(Event::Refused { run: 1, message }) if message.contains("still repeats") => refused += 1,
            other => panic!("unexpected {other:?}"),
        }
    }
    let header = expect_started(&mut engine, 1);
    assert_eq!(header.origin.map(|origin| (origin.step, origin.exact)), Some((3, true)));
    engine.send(Command::Step);
    permits.send(()).unwrap();
    assert_eq!(expect_step(&mut engine, 1).record.step, 3);
    engine.send(Command::Resume);
    expect_paused(&mut engine, 1, false);
    drop(permits);
    for step in 4..MASKS {
        assert_eq!(expect_step(&mut engine, 1).record.step, step);
    }
    expect_finished(&mut engine, 1);
}

#[test]
fn settings_that_come_while_steps_are_repeated_are_those_of_the_fork() {
    let (parent, permits, mut engine) = gated();
    start(&mut engine, same(&parent, 3));
    expect_replaying(&mut engine, 0, 3);
    configure(&mut engine, settings(&[("unmask", "threshold"), ("threshold", "0")]));
    drop(permits);
    for done in 1..=3 {
        expect_replaying(&mut engine, done, 3);
    }
    expect_started(&mut engine, 1);
    let entry = expect_step(&mut engine, 1);
    assert_eq!((entry.record.step, entry.record.commits.len()), (3, MASKS - 3));
    expect_finished(&mut engine, 1);
}

#[test]
fn repeating_is_broken_off_by_a_stop_by_another_run_and_by_the_end() {
    let (parent, permits, mut engine) = gated();
    let another = RunRequest { run: 2, ..same(&parent, 1) };
    for command in [Command::Stop, Command::Start(Box::new(another))] {
        let starts = matches!(command, Command::Start(_));
        start(&mut engine, same(&parent, 5));
        expect_replaying(&mut engine, 0, 5);
        engine.send(command);
        permits.send(()).unwrap();
        // A step that had begun is repeated to its end.
        let error = loop {
            match engine.wait() {
                Some(Event::Failed { run: 1, error }) => break error,
                Some(Event::Replaying { run: 1, done: 1, steps: 5 }) => {}
                other => panic!("unexpected {other:?}"),
            }
        };
        assert_eq!(error.to_string(), "the fork was broken off while it repeated the steps of its parent");
        if starts {
            assert_eq!(engine.wait(), Some(Event::Replaying { run: 2, done: 0, steps: 1 }));
        }
    }
    engine.send(Command::Shutdown);
    drop(permits);
    while engine.wait().is_some() {}
}

#[test]
fn an_observer_breaks_the_repeating_off_and_the_next_run_is_whole() {
    let mut engine = engine(scripted());
    let parent = completed(&mut engine, request(1)).unwrap();
    let broken = complete_fork(&mut engine, same(&parent, 6), &parent, |progress| match progress {
        RunProgress::Replaying { done: 2, steps: 6 } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    assert!(broken.unwrap_err().to_string().starts_with("the fork was broken off"));
    assert_eq!(bare(&forked(&mut engine, same(&parent, 6), &parent).unwrap()), bare(&parent));
}

/// What the engine says to a fork of a changed parent.
fn refused(engine: &mut InProcess, parent: &Log, steps: usize, change: impl FnOnce(&mut ForkRequest)) -> String {
    match forked(engine, with(same(parent, steps), change), parent) {
        Err(RequestError::Refused(message)) => message,
        other => panic!("expected a refusal, got {other:?}"),
    }
}

#[test]
fn what_cannot_be_forked_is_refused_in_one_sentence() {
    let mut engine = engine(scripted());
    let parent = completed(&mut engine, request(1)).unwrap();
    let start = parent.header().prompt_ids.len();
    let whole = parent.len();
    let mut says = |steps: usize, change: &dyn Fn(&mut ForkRequest), expected: &[&str]| {
        let said = refused(&mut engine, &parent, steps, change);
        assert!(expected.iter().all(|part| said.contains(part)), "{said}");
        assert!(!said.ends_with('.') && !said.contains('\n'), "{said}");
    };
    says(
        whole,
        &|_| {},
        &["after step 8 there is nothing left to denoise", "fork an earlier step, or mask something again"],
    );
    says(whole, &|fork| fork.cold = true, &["after step 8 there is nothing left"]);
    let other = |fork: &mut ForkRequest| fork.point.header.denoiser.fingerprint = Some("abcdef0123456789".into());
    says(
        3,
        &|fork| fork.point.header.denoiser.name = "other".into(),
        &["other (Scripted, 0 weights)", "scripted (Scripted"],
    );
    says(3, &|fork| fork.point.header.mask_id = 2, &["another vocabulary", "the mask is token 2 there"]);
    says(3, &|fork| fork.point.header.prompt_pieces[1] = "x".into(), &["another vocabulary", "\"x\" there"]);
    says(3, &|fork| fork.point.given[0].token = 1 << 20, &["another vocabulary", "a token 1048576"]);
    says(3, &|fork| fork.point.unknown_knobs = vec!["unmask = tea".into()], &["unmask = tea", "does not know", "cold"]);
    let guided = |fork: &mut ForkRequest| {
        fork.point.header.guide = Some(ModelCard { name: "mentor".into(), ..fork.point.header.denoiser.clone() });
        fork.point.header.settings.guide = GuideRule::Deterministic;
    };
    says(3, &guided, &["asked the guide mentor", "no guide is loaded", "cold"]);
    let edit = |edit: Edit| move |fork: &mut ForkRequest| fork.edits = vec![edit];
    says(3, &edit(Edit::Write { position: 0, token: 9 }), &["position 0 is in the prompt"]);
    says(3, &edit(Edit::Remask { start: 0, end: start + 1 }), &["crosses the border"]);
    says(3, &edit(Edit::Write { position: start, token: 1 << 20 }), &["token 1048576 is not in the vocabulary"]);
    says(3, &edit(Edit::Pin { position: start + 7, pinned: true }), &["is masked"]);
    let typed = |start, end, text: &str| {
        let text = text.to_owned();
        move |fork: &mut ForkRequest| fork.text = Some(TypedText { start, end, text: text.clone() })
    };
    says(3, &typed(0, 1, "x"), &["text for the positions from 0 to 1 lies outside of the answer"]);
    says(3, &typed(start, start + MASKS, ""), &["gen-length is 0"]);
    says(3, &typed(start, start, &"words ".repeat(400)), &["512"]);
    // Weights that cannot be compared are a warning where all else agrees.
    let mut warned = Vec::new();
    let log = complete_fork(&mut engine, with(same(&parent, 3), other), &parent, |progress| {
        if let RunProgress::Warning(sentence) = progress {
            warned.push(sentence.to_owned());
        }
        ControlFlow::Continue(())
    });
    assert_eq!(log.unwrap().len(), whole);
    assert!(matches!(&warned[..], [sentence] if sentence.contains("could not be compared")), "{warned:?}");
}

#[test]
fn a_cold_fork_needs_no_more_than_the_vocabulary() {
    let mut engine = engine(scripted());
    let parent = completed(&mut engine, request(1)).unwrap();
    let cold = with(same(&parent, 3), |fork| {
        fork.cold = true;
        fork.point.header.denoiser.name = "other".into();
        fork.point.unknown_knobs = vec!["unmask = tea".into()];
        fork.point.header.settings.guide = GuideRule::Deterministic;
    });
    let log = forked(&mut engine, cold, &parent).unwrap();
    assert_eq!((log.len(), log.end().unwrap().answer.as_str()), (MASKS - 3, ANSWER));
    assert_eq!(log.header().denoiser.name, "scripted");
}
