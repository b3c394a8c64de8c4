//! Runs: what keys and time ask of the engine, and what its news do to the screen.

use std::collections::BTreeSet;

use crossterm::event::KeyCode;
use diffuscope::{
    decode::record::{Commit, LayerUse, Reason},
    engine::{
        ModelRequest, PromptLayout,
        protocol::{Command, Drive, Event, RequestError},
    },
    session::Phase,
    settings::{KNOBS, Kind},
    trace::Log,
    tui::{Action, Effect, Focus, Layer, Overlay},
};

use ratatui::style::Modifier;

use super::{
    common,
    driver::{DARK, Driver, layer},
};

fn started(driver: &mut Driver) -> diffuscope::engine::protocol::RunRequest {
    match driver.commands().into_iter().next() {
        Some(Command::Start(request)) => *request,
        other => panic!("no start but {other:?}"),
    }
}

#[test]
fn enter_denoises_the_prompt_at_the_pace() {
    let story = common::story();
    let mut driver = Driver::ready(&story, DARK);
    driver.key(KeyCode::Enter);
    let request = started(&mut driver);
    assert_eq!((request.run, request.prompt.as_str()), (1, common::STORY_PROMPT));
    assert_eq!(request.drive, Drive::Paced, "steps are asked for one by one");
    assert_eq!(request.preset.as_deref(), Some("flashdlm"));
    assert_eq!(driver.app.focus(), Focus::Canvas);
}

#[test]
fn a_prompt_given_too_early_starts_when_the_networks_are_there() {
    let story = common::story();
    let mut driver = Driver::loading(DARK);
    driver.key(KeyCode::Enter);
    assert!(driver.commands().is_empty());
    let header = story.header();
    driver.hear(Event::Ready {
        denoiser: header.denoiser.clone(),
        guide: header.guide.clone(),
        request: None,
        warnings: Vec::new(),
    });
    assert_eq!(started(&mut driver).run, 1);
}

#[test]
fn an_empty_prompt_is_refused() {
    let story = common::story();
    let mut driver = Driver::ready(&story, DARK);
    driver.app.prompt.set("  ");
    driver.key(KeyCode::Enter);
    assert!(driver.commands().is_empty());
    assert!(driver.text().contains("the prompt is empty"));
}

#[test]
fn an_empty_prompt_runs_where_prompts_are_raw() {
    let story = common::story();
    let mut driver = Driver::ready(&story, DARK);
    let raw = ModelRequest { layout: PromptLayout::Raw, ..ModelRequest::default() };
    let denoiser = story.header().denoiser.clone();
    driver.hear(Event::Ready { denoiser, guide: None, request: Some(Box::new(raw)), warnings: Vec::new() });
    driver.app.prompt.set("");
    driver.key(KeyCode::Enter);
    assert_eq!(started(&mut driver).prompt, "");
}

#[test]
fn the_pace_asks_for_one_step_at_a_time() {
    let story = common::story();
    let mut driver = Driver::live(&story, 0, DARK);
    driver.tick(10);
    assert_eq!(driver.commands(), [Command::Advance]);
    driver.tick(500);
    assert!(driver.commands().is_empty(), "the step asked for has not come yet");
    driver.steps(&story, 0..1);
    driver.tick(510);
    assert_eq!(driver.commands(), [Command::Advance], "it was overdue");
    driver.steps(&story, 1..2);
    driver.tick(520);
    assert!(driver.commands().is_empty(), "twelve steps a second, not more");
    driver.tick(600);
    assert_eq!(driver.commands(), [Command::Advance]);
}

#[test]
fn space_pauses_and_resumes_as_the_engine_announces() {
    let story = common::story();
    let mut driver = Driver::live(&story, 2, DARK);
    driver.keys(" ");
    assert_eq!(driver.commands(), [Command::TogglePause]);
    assert!(driver.text().contains("running"), "nothing is shown that the engine did not announce");
    driver.hear(Event::Paused { run: 1, paused: true }).tick(1000);
    assert!(driver.commands().is_empty());
    assert!(driver.text().contains("paused at step 2") && driver.text().contains("resume"), "{}", driver.text());
    driver.keys("..");
    assert_eq!(driver.commands(), [Command::Step], "a single step of a paused run, and none for a key held down");
    driver.steps(&story, 2..3);
    driver.tick(2000);
    assert!(driver.commands().is_empty(), "still paused");
    driver.keys(" ").hear(Event::Paused { run: 1, paused: false }).tick(2001);
    assert_eq!(driver.commands(), [Command::TogglePause, Command::Advance]);
    assert!(driver.text().contains("running") && driver.text().contains("pause"), "{}", driver.text());
}

#[test]
fn space_pressed_twice_before_the_engine_answers_is_two_requests() {
    let story = common::story();
    let mut driver = Driver::live(&story, 2, DARK);
    driver.keys("  ");
    assert_eq!(driver.commands(), [Command::TogglePause, Command::TogglePause]);
}

#[test]
fn a_step_that_a_pause_prevented_is_asked_for_again() {
    let story = common::story();
    let mut driver = Driver::live(&story, 2, DARK);
    // Both are on their way before the answer comes: the pace's step comes too late.
    driver.keys(" ").tick(1000);
    assert_eq!(driver.commands(), [Command::TogglePause, Command::Advance]);
    driver.hear(Event::Paused { run: 1, paused: true }).keys(".");
    assert_eq!(driver.commands(), [Command::Step]);
    driver.hear(Event::Paused { run: 1, paused: false }).tick(1001);
    assert_eq!(driver.commands(), [Command::Advance]);
}

#[test]
fn a_single_step_of_a_running_run_pauses_it() {
    let story = common::story();
    let mut driver = Driver::live(&story, 2, DARK);
    driver.keys(".");
    assert_eq!(driver.commands(), [Command::Step], "the engine pauses it");
}

#[test]
fn full_speed_lets_the_engine_run() {
    let story = common::story();
    let mut driver = Driver::live(&story, 2, DARK);
    driver.keys("f").tick(5000);
    assert_eq!(driver.commands(), [Command::Drive(Drive::Free)], "no step is asked for");
    driver.keys(" f");
    assert_eq!(driver.commands(), [Command::TogglePause, Command::Drive(Drive::Paced)], "paused or not");
    driver.keys("f").keys("-");
    assert_eq!(
        driver.commands(),
        [Command::Drive(Drive::Free), Command::Drive(Drive::Paced)],
        "a pace ends full speed"
    );
}

#[test]
fn a_run_asked_for_at_full_speed_can_become_a_paced_one_before_it_starts() {
    let story = common::story();
    let mut driver = Driver::ready(&story, DARK);
    driver.act(Action::ToggleFullSpeed);
    assert!(driver.commands().is_empty(), "there is no run to drive");
    driver.key(KeyCode::Enter);
    assert_eq!(started(&mut driver).drive, Drive::Free);
    driver.act(Action::ToggleFullSpeed);
    assert_eq!(driver.commands(), [Command::Drive(Drive::Paced)]);
}

#[test]
fn looking_back_leaves_the_run_alone() {
    let story = common::story();
    let mut driver = Driver::live(&story, 8, DARK);
    driver.key(KeyCode::Left).key(KeyCode::Left);
    assert_eq!(driver.app.shown(), 6);
    driver.tick(1000);
    assert_eq!(driver.commands(), [Command::Advance], "the run continues");
    driver.steps(&story, 8..10);
    assert_eq!(driver.app.shown(), 6, "and the picture stays");
    assert!(driver.text().contains("step 6 of 10"));
    driver.keys("G");
    driver.steps(&story, 10..11);
    assert_eq!(driver.app.shown(), 11);
}

#[test]
fn a_finished_run_plays_from_its_start() {
    let story = common::story();
    let mut driver = Driver::live(&story, story.len(), DARK);
    driver.tick(0).keys(" ");
    assert_eq!(driver.app.shown(), 0);
    for step in 1..=story.len() as u64 {
        driver.tick(step * 100);
    }
    assert_eq!(driver.app.shown(), story.len());
    driver.tick(60_000);
    assert!(driver.app.next_tick().is_none(), "nothing moves any more");
}

#[test]
fn a_knob_acts_on_the_run_under_way() {
    let story = common::story();
    let mut driver = Driver::live(&story, 3, DARK);
    driver.act(Action::KnobSelect(knob("verify-batch"))).key(KeyCode::Right);
    let settings = match driver.commands().as_slice() {
        [Command::Configure(settings)] => **settings,
        other => panic!("{other:?}"),
    };
    assert_eq!(settings.verify_batch, 40);
}

#[test]
fn a_refused_knob_goes_back() {
    let story = common::story();
    let mut driver = Driver::live(&story, 3, DARK);
    driver.act(Action::KnobSelect(knob("window-left"))).key(KeyCode::Right);
    assert_eq!(driver.app.settings().window_left, 72);
    driver.hear(Event::Refused { run: 1, message: "window-left 72 is too much".to_owned() });
    assert_eq!(driver.app.settings().window_left, 64);
    assert!(driver.text().contains("window-left 72 is too much"));
}

#[test]
fn a_conflict_is_reported_before_it_leaves_the_pane() {
    let story = common::story();
    let mut driver = Driver::live(&story, 3, DARK);
    driver.act(Action::KnobSelect(knob("top-k"))).key(KeyCode::Right);
    assert!(driver.commands().is_empty());
    assert!(
        driver.app.knobs().refusal.as_deref().is_some_and(|why| why.contains("sampler")),
        "{:?}",
        driver.app.knobs()
    );
}

#[test]
fn a_choice_passes_over_what_does_not_go_with_the_other_knobs() {
    let story = common::story();
    let mut driver = Driver::live(&story, story.len(), DARK).sized(100, 30);
    let cache = knob("cache");
    driver.act(Action::KnobSelect(cache));
    let choices = match KNOBS[cache].kind {
        Kind::Choice(choices) => choices,
        other => panic!("{other:?}"),
    };
    let mut seen = BTreeSet::new();
    for _ in choices {
        driver.key(KeyCode::Right);
        assert_eq!(driver.app.knobs().refusal, None);
        seen.insert(KNOBS[cache].get(&driver.app.settings()).to_string());
    }
    let first = KNOBS[cache].get(&driver.app.settings()).to_string();
    assert!(seen.len() > 4 && !seen.contains("exact-prefix"), "{first}: {seen:?}");
    while KNOBS[cache].get(&driver.app.settings()).to_string() != "freecache-prompt" {
        driver.key(KeyCode::Right);
    }
    driver.key(KeyCode::Right);
    let passed = driver.app.knobs().passed.clone().expect("exact-prefix does not go with this attention");
    assert!(passed.starts_with("passed over exact-prefix"), "{passed}");
    let text = driver.text().split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(text.contains("passed over exact-prefix"), "{text}");
    driver.key(KeyCode::Left);
    assert_eq!(KNOBS[cache].get(&driver.app.settings()).to_string(), "freecache-prompt");
}

#[test]
fn a_refusal_is_shown_to_its_end() {
    let story = common::story();
    for size in [(100, 30), (80, 24), (140, 45)] {
        let mut driver = Driver::live(&story, 3, DARK).sized(size.0, size.1);
        driver.act(Action::KnobSelect(knob("top-k"))).key(KeyCode::Right);
        let refusal = driver.app.knobs().refusal.clone().expect("top-k needs another sampler");
        let last = refusal.split_whitespace().next_back().unwrap();
        assert!(driver.text().contains(last), "{size:?}: {refusal}\n{}", driver.text());
    }
}

#[test]
fn the_audit_has_its_figures_and_every_layer_its_bar() {
    let story = common::story();
    let mut log = Log::new(story.header().clone());
    for mut entry in story.entries() {
        entry.record.layers = (0..6u32)
            .map(|layer| LayerUse {
                computed: if layer < 4 { 12 } else { 180 },
                similarity: (layer < 4).then_some(0.9 + layer as f32 / 100.0),
                ages: Vec::new(),
            })
            .collect();
        entry.record.cost.audit_forwards = 1;
        entry.record.cost.audit_us = 1000;
        entry.record.remasked = vec![story.header().prompt_ids.len()];
        log.push(entry);
    }
    for size in [(100, 30), (120, 40), (200, 60)] {
        let text = Driver::live(&log, 9, DARK).sized(size.0, size.1).text();
        assert!(text.contains("rows by layer     ") && text.contains("12 to 180"), "{size:?}\n{text}");
        assert!(text.contains("least 0.90"), "{size:?}\n{text}");
        assert!(text.contains("tokens revised"), "{size:?}\n{text}");
        assert!(size.0 < 120 || text.contains("cache flips") && text.contains("audit passes"), "{size:?}\n{text}");
    }
}

#[test]
fn an_edit_says_what_it_replaced() {
    let story = common::story();
    let mut log = Log::new(story.header().clone());
    story.entries().take(4).for_each(|entry| log.push(entry));
    let mut entry = story.entry(4).unwrap();
    let written = story.steps()[..4].iter().flat_map(|step| &step.commits).next().unwrap();
    let (position, before) = (written.position, written.token);
    let other = entry.record.ids.iter().copied().find(|id| *id != before && story.text_of(*id).is_some()).unwrap();
    entry.record.step = 4;
    entry.record.ids[position] = other;
    entry.record.commits = vec![Commit { position, token: other, confidence: 0.97, reason: Reason::Edit }];
    log.push(entry);
    let mut driver = Driver::live(&log, 5, DARK);
    let cells = driver.cells_of(position);
    assert!(cells.iter().any(|cell| cell.modifier.contains(Modifier::ITALIC | Modifier::BOLD)), "{cells:?}");
    driver.act(Action::Select(position));
    let text = driver.text();
    let name = story.text_of(before).unwrap();
    assert!(text.contains(&format!("in place of {name}")) && text.contains("edited"), "{text}");
    assert!(text.contains("tokens revised"), "{text}");
}

#[test]
fn a_typed_value_is_checked_and_can_be_mended() {
    let story = common::story();
    let mut driver = Driver::live(&story, 3, DARK);
    driver.act(Action::KnobSelect(knob("window-left"))).key(KeyCode::Enter).keys("x").key(KeyCode::Enter);
    assert!(driver.app.knobs().refusal.as_deref().is_some_and(|why| why.contains("from 0 to 4096")));
    driver.key(KeyCode::Backspace).keys("12").key(KeyCode::Enter);
    assert_eq!(driver.app.settings().window_left, 12);
    driver.keys("r");
    assert_eq!(driver.app.settings().window_left, 64, "back to the preset");
}

#[test]
fn a_preset_says_what_waits_for_the_next_run() {
    let story = common::story();
    let mut driver = Driver::live(&story, 3, DARK);
    let row = diffuscope::settings::presets().iter().position(|preset| preset.name == "llada2").unwrap();
    driver.act(Action::Toggle(Overlay::Presets)).act(Action::ListSelect(row)).act(Action::ListAccept);
    let text = driver.text();
    assert!(text.contains("it acts from the next step on, but attention with the next run"), "{text}");
}

#[test]
fn a_preset_is_taken_whole() {
    let story = common::story();
    let mut driver = Driver::live(&story, 3, DARK);
    driver.keys("p");
    assert_eq!(driver.app.overlays(), [Overlay::Presets]);
    let plain = diffuscope::settings::presets().iter().position(|preset| preset.name == "plain").unwrap();
    driver.act(Action::ListSelect(plain)).key(KeyCode::Enter);
    assert_eq!(driver.app.settings(), common::settings("plain"));
    assert!(matches!(driver.commands().as_slice(), [Command::Configure(_)]));
}

#[test]
fn again_runs_the_same_prompt_with_the_settings_in_force() {
    let story = common::story();
    let mut driver = Driver::live(&story, story.len(), DARK);
    driver.act(Action::KnobSelect(knob("verify-batch"))).key(KeyCode::Right);
    assert!(driver.commands().is_empty(), "the run is over");
    driver.app.prompt.set("something else");
    driver.keys("R");
    let request = started(&mut driver);
    assert_eq!((request.run, request.prompt.as_str(), request.settings.verify_batch), (2, common::STORY_PROMPT, 40));
}

#[test]
fn news_of_an_older_run_are_dropped() {
    let (story, code) = (common::story(), common::code());
    let mut driver = Driver::live(&story, 3, DARK);
    driver.keys("R");
    driver.hear(Event::Started { run: 2, header: Box::new(code.header().clone()) });
    driver.hear(Event::Step { run: 1, entry: story.entry(4).unwrap().into() });
    driver.hear(Event::Failed { run: 1, error: RequestError::Broken("too late".to_owned()) });
    assert_eq!((driver.app.len(), driver.app.phase().cloned()), (0, Some(Phase::Running)));
}

#[test]
fn a_failed_run_is_reported_and_the_next_one_works() {
    let story = common::story();
    let mut driver = Driver::live(&story, 3, DARK);
    driver.hear(Event::Failed { run: 1, error: RequestError::Broken("out of memory".to_owned()) });
    assert!(driver.text().contains("out of memory"));
    driver.keys("R");
    assert_eq!(started(&mut driver).run, 2);
    driver.hear(Event::Started { run: 2, header: Box::new(story.header().clone()) });
    assert!(driver.app.is_under_way());
}

#[test]
fn the_gallery_loads_and_starts() {
    let story = common::story();
    let mut driver = Driver::ready(&story, DARK);
    driver.ctrl('g').key(KeyCode::Down).key(KeyCode::Enter);
    let request = started(&mut driver);
    assert_eq!(request.prompt, driver.app.examples()[1].prompt);
    assert!(driver.app.overlays().is_empty());
}

#[test]
fn a_replay_takes_no_prompt_and_no_knob() {
    let app = diffuscope::tui::App::replay("goat.jsonl", Box::new(common::story()), DARK);
    let mut driver = Driver { app, size: (120, 40), effects: Vec::new() };
    let settings = driver.app.settings();
    driver.keys("i").keys("hill").key(KeyCode::Enter).keys("R");
    driver.act(Action::KnobSelect(3)).act(Action::KnobNudge(1)).act(Action::KnobReset).act(Action::Submit);
    assert_eq!((driver.effects.len(), driver.app.settings()), (0, settings));
}

#[test]
fn a_replay_shows_the_settings_that_the_shown_step_used() {
    let app = diffuscope::tui::App::replay("goat.jsonl", Box::new(common::story()), DARK);
    let mut driver = Driver { app, size: (120, 40), effects: Vec::new() };
    driver.act(Action::ScrubTo(9));
    assert_eq!(driver.app.settings().window_left, 64);
    driver.act(Action::ScrubTo(10));
    assert_eq!(driver.app.settings().window_left, 48);
}

#[test]
fn the_trace_is_saved_once_there_is_one() {
    let story = common::story();
    let mut driver = Driver::live(&story, 0, DARK);
    driver.keys("w");
    assert!(driver.effects.is_empty());
    driver.steps(&story, 0..2);
    driver.keys("w");
    assert_eq!(driver.effects, [Effect::SaveTrace("diffuscope-1.jsonl".to_owned())]);
}

#[test]
fn notices_go_by_themselves_or_with_the_next_key() {
    let story = common::story();
    let mut driver = Driver::live(&story, 0, DARK);
    driver.keys("w");
    assert!(driver.app.notice().is_some());
    driver.tick(8000);
    assert!(driver.app.notice().is_none());
    driver.keys("w").keys("1");
    assert!(driver.app.notice().is_none());
}

#[test]
fn esc_takes_away_what_is_in_front() {
    let story = common::story();
    let mut driver = Driver::live(&story, 5, DARK);
    driver.keys("j").keys("?");
    driver.key(KeyCode::Esc);
    assert!(driver.app.overlays().is_empty() && driver.app.lens().selected.is_some());
    driver.key(KeyCode::Esc);
    assert_eq!(driver.app.lens().selected, None);
    driver.act(Action::Focus(Focus::Knobs)).key(KeyCode::Esc);
    assert_eq!(driver.app.focus(), Focus::Canvas);
}

#[test]
fn layers_have_keys() {
    let story = common::story();
    let mut driver = Driver::live(&story, 5, DARK);
    driver.keys("2");
    assert_eq!(driver.app.lens().layer, layer("cache"));
    driver.keys("v");
    assert_eq!(driver.app.lens().layer, layer("guide"));
    driver.keys(&"v".repeat(Layer::all().len() - 2));
    assert_eq!(driver.app.lens().layer, layer("confidence"));
}

fn knob(name: &str) -> usize {
    diffuscope::settings::KNOBS.iter().position(|knob| knob.name == name).unwrap()
}
