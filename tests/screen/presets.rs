//! Settings as things: choosing presets by typing, whether they fit, saving one, taking turns back, figures since a turn.

use crossterm::event::{Event as TerminalEvent, KeyCode, KeyEvent, KeyModifiers};
use diffuscope::{
    engine::{
        GuideChoice, ModelRequest,
        protocol::{Command, Event},
    },
    settings::{KNOBS, Layers, Preset, PresetLibrary, Settings, presets},
    trace::Log,
    tui::{Action, App, Effect, Focus, Overlay, PresetPicker, Turns, keymap::Context},
};

use super::{
    common,
    driver::{DARK, Driver, MONO, picture, rows},
    support::files::Folder,
};

fn opened(log: &Log) -> Driver {
    let mut driver = Driver::live(log, log.len(), DARK);
    driver.act(Action::Focus(Focus::Canvas)).keys("p");
    driver.effects.clear();
    driver
}

fn typed(picker: &PresetPicker) -> Vec<&str> {
    picker.choices().iter().map(|preset| preset.name.as_str()).collect()
}

/// A whole run of a preset on the story's canvas, `quota` tokens a step.
fn run_of(preset: &str, quota: usize) -> Log {
    let mut fixture = common::Fixture::new(common::STORY_PROMPT, common::STORY, 160, preset);
    while fixture.quota_step(quota, None) {}
    fixture.finish(Some(true), Some("as it should be"))
}

/// Has the engine do a whole run.
fn play(driver: &mut Driver, log: &Log) {
    driver.act(Action::Restart).act(Action::Restart);
    let run = driver.app.last_run();
    driver.hear(Event::Started { run, header: Box::new(log.header().clone()) }).steps(log, 0..log.len());
    driver.hear(Event::Finished { run, end: Box::new(log.end().unwrap().clone()) });
    driver.effects.clear();
}

fn select(name: &str) -> Action {
    Action::KnobSelect(KNOBS.iter().position(|knob| knob.name == name).unwrap())
}

#[test]
fn typing_leaves_the_presets_that_have_all_words_somewhere() {
    let mut driver = opened(&common::story());
    assert_eq!(typed(driver.app.presets()).len(), presets().len());
    for (filter, found) in [
        ("wino", &["wino"][..]),
        ("Fast-dLLM dual", &["fast-dllm-dual"]),
        ("2505.24857", &["eb-sampler"]),
        ("freecache-window guide", &["flashdlm", "flashdlm-window", "flashdlm-narrow", "apd", "apd-wide"]),
        ("  ", &presets().iter().map(|preset| preset.name.as_str()).collect::<Vec<_>>()),
        ("qjk", &[]),
    ] {
        driver.ctrl('u').keys(filter);
        assert_eq!(typed(driver.app.presets()), found, "{filter}");
        let counted = format!("{} of {}", found.len(), presets().len());
        assert!(
            rows(&driver.draw().0).iter().any(|row| row.contains(filter.trim()) && row.contains(&counted)),
            "{}",
            driver.text()
        );
    }
    assert!(driver.text().contains("no preset has all of these words"));
    driver.key(KeyCode::Enter);
    assert_eq!(driver.app.overlays(), [Overlay::Presets], "there is nothing to take");
    driver.key(KeyCode::Backspace).key(KeyCode::Backspace).key(KeyCode::Backspace);
    assert_eq!(driver.app.presets().filter, "");
    driver.event(TerminalEvent::Paste("wino\n".to_owned())).key(KeyCode::Enter);
    assert_eq!(driver.app.layers.preset().map(|preset| preset.name.as_str()), Some("wino"));
    driver.keys("p");
    assert_eq!(driver.app.presets().filter, "", "each time it begins with all of them");
}

#[test]
fn the_selected_preset_stays_selected_while_it_is_listed() {
    let mut driver = opened(&common::story());
    let selected = |driver: &Driver| driver.app.presets().choices()[driver.app.list()].name.clone();
    assert_eq!(selected(&driver), "flashdlm", "the one in force");
    driver.keys("flash");
    assert_eq!(selected(&driver), "flashdlm");
    driver.key(KeyCode::Down).keys("dl");
    assert_eq!(selected(&driver), "flashdlm-window");
    driver.keys("m");
    assert_eq!(selected(&driver), "flashdlm", "its whole name is typed");
    driver.ctrl('u').keys("d2");
    assert_eq!(selected(&driver), "d2-cache", "the first that is listed");
}

#[test]
fn a_preset_is_taken_and_run_at_once() {
    for key in
        [KeyEvent::new(KeyCode::Char('r'), KeyModifiers::CONTROL), KeyEvent::new(KeyCode::Enter, KeyModifiers::SHIFT)]
    {
        let mut driver = opened(&common::story());
        driver.keys("threshold fast-dllm").ctrl('u').keys("wino").event(TerminalEvent::Key(key));
        match driver.commands().as_slice() {
            [Command::Start(request)] => {
                assert_eq!((request.preset.as_deref(), request.prompt.as_str()), (Some("wino"), common::STORY_PROMPT));
                assert_eq!(request.settings, common::settings("wino"));
            }
            other => panic!("no start but {other:?}"),
        }
        assert!(driver.app.overlays().is_empty());
    }
}

#[test]
fn each_preset_says_whether_it_fits_the_loaded_models() {
    let story = common::story();
    let mut driver = Driver::ready(&story, DARK);
    let fits = |driver: &Driver, name: &str| {
        let rows = driver.app.preset_rows();
        let row = rows.iter().find(|row| row.preset.name == name).unwrap();
        (row.fit.short(), row.fit.reason().map(str::to_owned))
    };
    for name in ["plain", "flashdlm", "learn2pd", "klass-dream"] {
        assert_eq!(fits(&driver, name), ("", None), "{name} on the embedded pair");
    }
    let (short, reason) = fits(&driver, "llada2");
    assert_eq!(short, "block-causal");
    assert!(reason.unwrap().starts_with("made for networks that were trained with block-causal attention"));
    assert_eq!(fits(&driver, "dkv-greedy").0, "aligned");

    let source = "hf:dllm-hub/Qwen3-0.6B-diffusion-bd3lm-v0.1".parse().unwrap();
    let request = ModelRequest { denoiser: source, guide: GuideChoice::None, ..ModelRequest::default() };
    let denoiser = common::card("Qwen3-0.6B-diffusion-bd3lm-v0.1", "A2D-Qwen3", 600_000_000, 28);
    driver.hear(Event::Ready { denoiser, guide: None, request: Some(Box::new(request)), warnings: Vec::new() });
    assert_eq!(fits(&driver, "llada2"), ("", None), "it was trained so");
    assert_eq!(fits(&driver, "klass-dream").0, "shifted");
    assert_eq!(fits(&driver, "dkv-greedy").0, "");
    let (short, reason) = fits(&driver, "flashdlm");
    assert_eq!(short, "needs a guide");
    assert!(reason.unwrap().contains("no guide model is loaded: load one"));
    assert_eq!(fits(&driver, "learn2pd").0, "needs a filter");
    // A flag that no preset sets back.
    driver.app.layers.set_flags([("eos-ban", "on".to_owned())]).unwrap();
    assert_eq!(fits(&driver, "wino").0, "conflict");
    driver.keys("").act(Action::Focus(Focus::Canvas)).keys("pwino");
    assert!(driver.text().contains("conflict") && driver.text().contains("set eos-stop to 'off'"), "{}", driver.text());
}

#[test]
fn speed_ups_are_those_that_were_measured() {
    let (plain, fast) = (run_of("plain", 1), run_of("threshold", 4));
    let mut driver = Driver::live(&fast, fast.len(), DARK);
    let speed = |driver: &Driver, name: &str| {
        driver.app.preset_rows().iter().find(|row| row.preset.name == name).unwrap().speed
    };
    assert_eq!(speed(&driver, "threshold"), None, "there is no plain run yet");
    assert!(!driver.text().contains("speed-up by time"), "{}", driver.text());
    play(&mut driver, &plain);
    assert!(!driver.text().contains("speed-up"), "a plain run is not measured against itself");
    let measured = speed(&driver, "threshold").unwrap();
    assert!((measured.passes - 160.0 / 40.0).abs() < 1e-9, "{measured:?}");
    assert!(measured.time.is_some_and(|time| time > 1.0));
    assert_eq!((speed(&driver, "plain"), speed(&driver, "wino")), (None, None));
    driver.keys("p");
    assert!(driver.text().contains("4.0×"), "{}", driver.text());
    driver.key(KeyCode::Esc).keys("b");
    let text = driver.text();
    assert!(text.contains("speed-up by passes  4.0× beside plain"), "{text}");
    // Another threshold is another method.
    driver.app.layers.set_flags([("threshold", "0.5".to_owned())]).unwrap();
    assert_eq!(speed(&driver, "threshold"), None);
}

#[test]
fn a_preset_is_saved_under_a_name_that_it_can_have() {
    let folder = Folder::new();
    let library = PresetLibrary::open(Some(folder.path("presets")));
    let mut driver = Driver::live(&common::story(), 3, DARK);
    driver.app = driver.app.with_presets(library);
    driver.act(select("window-left")).key(KeyCode::Left).keys("W");
    driver.effects.clear();
    assert!(driver.text().contains("it holds 4 knobs that differ from the defaults"), "{}", driver.text());
    for (name, sentence) in [
        ("", "it takes 1 to 24 of the characters"),
        ("My own", "a preset cannot be called 'My own'"),
        ("wino", "a built-in preset is called that"),
    ] {
        driver.ctrl('u').keys(name).key(KeyCode::Enter);
        assert!(driver.effects.is_empty() && driver.text().contains(sentence), "{}", driver.text());
    }
    driver.ctrl('u').keys("mine").key(KeyCode::Enter);
    let Some(Effect::SavePreset(preset)) = driver.effects.pop() else { panic!("nothing is saved") };
    let settings = driver.app.settings();
    assert_eq!((preset.name.as_str(), preset.settings()), ("mine", settings));
    let file = driver.app.presets().library.save(&preset).unwrap();
    driver.act(Action::PresetSaved { preset, outcome: Ok(file.display().to_string()) });
    assert!(
        driver.app.overlays().is_empty() && driver.text().contains("`--preset mine` takes it"),
        "{}",
        driver.text()
    );
    assert_eq!(driver.app.settings(), settings, "nothing is turned");
    assert!(!driver.app.layers.is_live("window-left"), "it is what the preset says");
    driver.act(Action::Focus(Focus::Canvas)).keys("p");
    assert_eq!(typed(driver.app.presets())[0], "mine");
    assert!(driver.text().contains("Your own"), "{}", driver.text());
    // Saved again, it is asked about.
    driver.key(KeyCode::Esc).keys("W").key(KeyCode::Enter);
    assert!(driver.effects.is_empty() && driver.text().contains("enter again replaces it"), "{}", driver.text());
    driver.key(KeyCode::Enter);
    let Some(Effect::SavePreset(preset)) = driver.effects.pop() else { panic!("nothing is saved") };
    driver.act(Action::PresetSaved { preset, outcome: Err("the disk is full".to_owned()) });
    assert!(driver.text().contains("the disk is full"), "the name can still be saved elsewhere: {}", driver.text());
}

#[test]
fn saving_keeps_what_the_configuration_says_otherwise() {
    let folder = Folder::new();
    let mut driver = Driver::live(&common::story(), 3, DARK);
    driver.app = driver.app.with_presets(PresetLibrary::open(Some(folder.path(""))));
    driver.app.layers.set_config([("verify-batch", "8".to_owned())]).unwrap();
    driver.act(select("verify-batch")).key(KeyCode::Right).key(KeyCode::Right).key(KeyCode::Right);
    let settings = driver.app.settings();
    assert_eq!(settings.verify_batch, Settings::default().verify_batch, "back to the default");
    let preset = Box::new(Preset::of_settings("mine", String::new(), &settings));
    driver.act(Action::PresetSaved { preset, outcome: Ok("mine.toml".to_owned()) });
    assert_eq!(driver.app.settings(), settings);
}

#[test]
fn without_a_folder_nothing_is_asked() {
    let mut driver = Driver::live(&common::story(), 3, DARK);
    driver.keys("W");
    assert!(driver.app.overlays().is_empty());
    assert!(driver.text().contains("there is no folder for presets"), "{}", driver.text());
}

#[test]
fn the_settings_of_a_recorded_run_can_be_saved() {
    let folder = Folder::new();
    let story = common::story();
    let app = App::replay("x", Box::new(story.clone()), DARK).with_presets(PresetLibrary::open(Some(folder.path(""))));
    let mut driver = Driver { app, size: (120, 40), effects: Vec::new() };
    driver.keys("GW").keys("recorded").key(KeyCode::Enter);
    match driver.effects.pop() {
        Some(Effect::SavePreset(preset)) => assert_eq!(preset.settings(), story.settings_at(story.len())),
        other => panic!("{other:?}"),
    }
}

#[test]
fn turns_are_taken_back_one_by_one_and_done_again() {
    let mut driver = Driver::live(&common::story(), 3, DARK);
    let window = |driver: &Driver| driver.app.settings().window_left;
    let first = driver.app.settings();
    driver.act(select("window-left")).keys("ll").act(select("guide")).keys("l");
    let turned = driver.app.settings();
    driver.act(Action::Toggle(Overlay::Presets)).keys("wino").key(KeyCode::Enter).act(Action::Focus(Focus::Knobs));
    driver.commands();
    driver.keys("u");
    assert_eq!(driver.app.settings(), turned);
    assert!(driver.text().contains("undone: preset FlashDLM in place of WINO"), "{}", driver.text());
    assert!(matches!(driver.commands().as_slice(), [Command::Configure(settings)] if **settings == turned));
    driver.keys("u");
    assert!(driver.text().contains("undone: guide is deterministic"), "{}", driver.text());
    driver.keys("uu");
    assert_eq!(driver.app.settings(), first);
    driver.keys("u");
    assert!(driver.text().contains("there is no turn of a knob to take back"), "{}", driver.text());
    driver.keys("UU");
    assert_eq!(window(&driver), turned.window_left);
    assert!(driver.text().contains(&format!("done again: window-left is {}", turned.window_left)), "{}", driver.text());
    driver.act(select("window-left")).keys("h").keys("U");
    assert!(driver.text().contains("no turn of a knob was taken back"), "a new turn takes the place of the old ones");
}

#[test]
fn a_turn_that_the_engine_refuses_is_none() {
    let mut driver = Driver::live(&common::story(), 3, DARK);
    let first = driver.app.settings();
    driver.act(select("window-left")).keys("l");
    driver.steps(&common::story(), 3..4);
    let turned = driver.app.settings();
    let refuse = |driver: &mut Driver| driver.hear(Event::Refused { run: 1, message: "no".to_owned() }).app.settings();
    driver.keys("l");
    assert_eq!(refuse(&mut driver), turned);
    driver.keys("u");
    assert_eq!(driver.app.settings(), first, "the one before it");
    assert_eq!(refuse(&mut driver), turned, "taking back can be refused as well");
    driver.keys("u");
    assert_eq!(driver.app.settings(), first);
    driver.steps(&common::story(), 4..5);
    driver.keys("U");
    assert_eq!(refuse(&mut driver), first);
    driver.keys("U");
    assert_eq!(driver.app.settings(), turned);
}

#[test]
fn the_oldest_turns_are_forgotten() {
    let mut turns = Turns::default();
    for _ in 0..500 {
        turns.note(Layers::default());
    }
    let mut kept = 0;
    while turns.earlier().is_some() {
        turns.undo(Layers::default());
        kept += 1;
    }
    assert_eq!(kept, 100);
}

#[test]
fn a_filter_lists_the_knobs_that_have_its_words() {
    let mut driver = Driver::live(&common::story(), 3, DARK);
    driver.act(Action::Focus(Focus::Knobs)).keys("/credit");
    assert_eq!(driver.app.context(), Context::KnobFilter);
    let listed =
        |driver: &Driver| -> Vec<_> { driver.app.listed_knobs().into_iter().map(|at| KNOBS[at].name).collect() };
    assert!(
        listed(&driver).len() >= 2 && listed(&driver).iter().all(|name| name.starts_with("credit")),
        "{:?}",
        listed(&driver)
    );
    assert!(
        driver.text().contains(&format!("/credit  {} of {}", listed(&driver).len(), KNOBS.len())),
        "{}",
        driver.text()
    );
    driver.key(KeyCode::Enter);
    assert_eq!((driver.app.context(), listed(&driver)[0]), (Context::Knobs, "credit"), "it stays until it is cleared");
    driver.keys("l");
    assert_ne!(driver.app.settings().credit, Settings::default().credit, "keys turn what it leaves");
    driver.keys("/x");
    assert!(driver.text().contains("no knob has all of these words"), "{}", driver.text());
    driver.key(KeyCode::Enter).key(KeyCode::Down);
    assert_eq!(driver.app.context(), Context::KnobFilter, "there is nothing to turn");
    driver.key(KeyCode::Esc);
    assert!(driver.app.knobs().filter.is_none() && listed(&driver).len() > 5);
    assert_eq!(driver.app.focus(), Focus::Knobs);
    driver.keys("/").key(KeyCode::Enter);
    assert!(driver.app.knobs().filter.is_none(), "an empty one is none");
    driver.keys("/nats hist").key(KeyCode::Tab);
    driver.key(KeyCode::Esc).key(KeyCode::Esc);
    assert_eq!(driver.app.focus(), Focus::Canvas);
}

#[test]
fn figures_since_the_last_change_stand_beside_the_whole_run() {
    let story = common::story();
    let mut driver = Driver::live(&story, story.len(), DARK);
    let head = |driver: &Driver| rows(&driver.draw().0).into_iter().find(|row| row.contains("figures")).unwrap();
    assert!(head(&driver).contains("whole run ── since ◆ 10"), "{}", head(&driver));
    driver.act(Action::ScrubTo(9));
    assert!(!head(&driver).contains("since") && head(&driver).contains("up to step 9"), "{}", head(&driver));
    driver.act(Action::ScrubTo(12));
    assert!(head(&driver).contains("to step 12 ── since ◆ 10"), "{}", head(&driver));
    let passes = rows(&driver.draw().0)
        .into_iter()
        .find(|row| row.contains("of the denoiser") || row.contains(" passes "))
        .unwrap();
    assert!(passes.contains(" 12 ") && passes.trim_end().ends_with(" 3"), "{passes}");
    let driver = driver.sized(200, 60);
    assert!(head(&driver).contains("since ◆ step 10"), "{}", head(&driver));
}

macro_rules! snapshot {
    ($name:literal, $driver:expr) => {
        insta::assert_snapshot!($name, picture(&$driver.draw().0))
    };
}

#[test]
fn the_presets() {
    let (plain, fast) = (run_of("plain", 1), run_of("threshold", 4));
    let mut driver = Driver::live(&fast, fast.len(), DARK);
    play(&mut driver, &plain);
    driver.keys("p");
    snapshot!("presets_120x40", driver);
    driver.keys("dllm").key(KeyCode::Down);
    let driver = driver.sized(80, 24);
    snapshot!("presets_filtered_80x24", driver);
}

#[test]
fn saving_one() {
    let mut driver = Driver::live(&common::story(), 3, MONO).sized(80, 24);
    driver.app = driver.app.with_presets(PresetLibrary::open(Some("/home/ann/.config/diffuscope/presets".into())));
    driver.keys("Wstories-2");
    snapshot!("save_preset_mono_80x24", driver);
}

#[test]
fn filtered_knobs_beside_figures_since_a_turn() {
    let story = common::story();
    let mut driver = Driver::live(&story, story.len(), DARK);
    driver.act(Action::Focus(Focus::Knobs)).keys("/thresh");
    snapshot!("knob_filter_120x40", driver);
}
