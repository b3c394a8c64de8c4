//! The model picker: what it lists, what it asks of the engine, what it shows meanwhile.

use std::path::PathBuf;

use crossterm::event::{Event as TerminalEvent, KeyCode};
use diffuscope::{
    engine::{
        GuideChoice, ModelRequest,
        protocol::{Command, Event, RequestError},
    },
    model::{
        catalog::{Catalog, CatalogEntry},
        device::DeviceChoice,
        known::{KNOWN, Known, ModelRole},
        mask::MaskToken,
        memory::Memory,
        source::{Progress, Source},
    },
    settings::{GuideRule, Layers},
    tui::{Action, App, Effect, Focus, Overlay, examples},
};

use super::{
    common,
    driver::{DARK, Driver, LIGHT, MONO, picture},
};

const GIB: u64 = 1 << 30;
const MDLM: &str = "hf:dllm-hub/Qwen3-0.6B-diffusion-mdlm-v0.1";
const LLADA: &str = "hf:GSAI-ML/LLaDA-8B-Instruct";

fn known(known: &Known, path: Option<&str>) -> CatalogEntry {
    CatalogEntry {
        source: known.source(),
        role: known.role,
        parameters: Some(known.parameters),
        bytes: known.bytes,
        is_measured: known.is_measured || path.is_some(),
        need: Some(known.memory(4)),
        path: path.map(PathBuf::from),
        is_partial: false,
        what: known.what,
    }
}

fn embedded(role: ModelRole, what: &'static str) -> CatalogEntry {
    CatalogEntry {
        source: Source::Embedded,
        role,
        parameters: Some(1_540_000),
        bytes: 6_163_792,
        is_measured: true,
        need: Some(8_000_000),
        path: None,
        is_partial: false,
        what,
    }
}

/// A machine of 24 GiB with one small model in its cache, and one that nobody knows.
fn catalog() -> Catalog {
    let mut items = vec![
        embedded(
            ModelRole::Denoiser,
            "part of this program: stories, lists, sums, JSON, Python, sudoku; comes with its guide",
        ),
        embedded(ModelRole::Guide, "the embedded denoiser's own guide"),
    ];
    items.extend(KNOWN.iter().filter(|known| known.source == MDLM).map(|found| known(found, Some("/cache/mdlm"))));
    items.push(CatalogEntry {
        source: "hf:somebody/llada/LLaDA-8B.Q4_K.gguf".parse().unwrap(),
        role: ModelRole::Denoiser,
        parameters: Some(8_015_581_184),
        bytes: 4_900_000_000,
        is_measured: true,
        need: Some(5_300_000_000),
        path: Some("/cache/q4".into()),
        is_partial: false,
        what: "",
    });
    items.extend(KNOWN.iter().filter(|known| known.source != MDLM).map(|away| known(away, None)));
    Catalog {
        items,
        device: "cpu".into(),
        memory: Some(Memory { free: 20 * GIB, total: 24 * GIB }),
        cache: Some("/cache".into()),
        trouble: None,
    }
}

/// The playground with the embedded pair loaded and the picker open.
fn open(width: u16, height: u16) -> Driver {
    let story = common::story();
    let mut driver = Driver::loading(DARK).sized(width, height);
    let header = story.header();
    driver.hear(Event::Ready {
        denoiser: header.denoiser.clone(),
        guide: header.guide.clone(),
        request: Some(Box::default()),
        warnings: Vec::new(),
    });
    driver.act(Action::Toggle(Overlay::Models)).hear(Event::Catalog { catalog: Box::new(catalog()) });
    driver
}

fn choose(driver: &mut Driver, source: &str) {
    let choices = driver.app.picker().choices();
    let is_it = |choice: &diffuscope::tui::PickerLine<'_>| matches!(choice, diffuscope::tui::PickerLine::Item(item) if item.source.to_string() == source);
    let row = choices.iter().position(is_it).unwrap();
    let by = row as i64 - driver.app.list() as i64;
    driver.act(Action::ListMove(by));
}

fn loads(driver: &mut Driver) -> Vec<ModelRequest> {
    let loads = driver.commands().into_iter().filter_map(|command| match command {
        Command::Load(request) => Some(*request),
        _ => None,
    });
    loads.collect()
}

fn downloading(done: u64) -> Event {
    Event::Loading {
        progress: Progress::Downloading {
            model: "GSAI-ML/LLaDA-8B-Instruct".into(),
            file: "model-00002-of-00006.safetensors".into(),
            done,
            total: Some(16_040_000_000),
        },
    }
}

macro_rules! snapshot {
    ($name:literal, $driver:expr) => {
        insta::assert_snapshot!($name, picture(&$driver.draw().0))
    };
}

#[test]
fn the_picker() {
    let mut driver = open(120, 40);
    choose(&mut driver, LLADA);
    snapshot!("models_120x40", driver);
}

#[test]
fn a_download_on_a_small_screen() {
    let mut driver = open(80, 24);
    choose(&mut driver, LLADA);
    driver.act(Action::ListAccept);
    driver.tick(1000).hear(downloading(1_000_000_000)).tick(21_000).hear(downloading(3_000_000_000));
    snapshot!("models_download_80x24", driver);
}

#[test]
fn guides_on_paper() {
    let mut driver = open(100, 30);
    driver.app.theme = LIGHT;
    driver.key(KeyCode::Tab);
    choose(&mut driver, "hf:Qwen/Qwen3-0.6B");
    snapshot!("models_guides_light_100x30", driver);
}

#[test]
fn a_source_that_is_none_without_colours() {
    let mut driver = open(80, 24);
    driver.app.theme = MONO;
    driver.keys("hf:nowhere");
    snapshot!("models_typing_mono_80x24", driver);
}

#[test]
fn the_smallest_screen_shows_the_selected_model() {
    let mut driver = open(40, 12);
    choose(&mut driver, LLADA);
    let text = driver.text();
    assert!(text.contains("GSAI-ML/LLaDA-8B") && text.contains("32.1 GB"), "{text}");
    driver.act(Action::ListAccept).hear(downloading(8_020_000_000));
    let text = driver.text();
    assert!(text.contains("8.02 GB of 16.0 GB  50 %"), "{text}");
}

#[test]
fn opening_it_looks_at_the_machine_and_selects_what_is_loaded() {
    let mut driver = open(120, 40);
    assert_eq!(driver.commands(), [Command::ListModels(DeviceChoice::Auto)]);
    assert!(
        matches!(driver.app.picker().choices()[driver.app.list()], diffuscope::tui::PickerLine::Item(item) if item.source == Source::Embedded)
    );
    let text = driver.text();
    for heading in ["here", "to download", "or type", "cpu: 21.5 GB of 25.8 GB free"] {
        assert!(text.contains(heading), "{heading}: {text}");
    }
    driver.key(KeyCode::Esc);
    assert!(driver.app.overlays().is_empty());
    driver.act(Action::Focus(Focus::Canvas)).keys("m");
    assert_eq!(driver.app.overlays(), [Overlay::Models]);
    driver.ctrl('o');
    assert!(driver.app.overlays().is_empty());
}

#[test]
fn enter_asks_for_the_model_and_stays_until_it_is_there() {
    let mut driver = open(120, 40);
    driver.commands();
    choose(&mut driver, MDLM);
    driver.key(KeyCode::Enter);
    let request = ModelRequest { denoiser: MDLM.parse().unwrap(), ..ModelRequest::default() };
    assert_eq!(loads(&mut driver), std::slice::from_ref(&request));
    assert_eq!(driver.app.overlays(), [Overlay::Models]);
    let name = "dllm-hub/Qwen3-0.6B-diffusion-mdlm-v0.1";
    driver.hear(Event::Loading { progress: Progress::Reading { model: name.into(), done: 1, total: 4 } });
    assert!(driver.text().contains("loading the networks 25 %"), "{}", driver.text());
    driver.hear(Event::Ready {
        denoiser: common::card(name, "a2d-qwen3", 596_049_920, 28),
        guide: None,
        request: Some(Box::new(request.clone())),
        warnings: Vec::new(),
    });
    assert!(driver.app.overlays().is_empty());
    assert_eq!(driver.app.picker().loaded, Some(request.clone()));
    let text = driver.text();
    assert!(text.contains(&format!("{name} 596.0M")), "{text}");
    let notice = &driver.app.notice().unwrap();
    assert_eq!(notice.text, format!("{name} is loaded without a guide, whose rule is off now"));
    assert_eq!(driver.app.settings().guide, GuideRule::Off);
    // The embedded pair has a guide: its rule is what the preset says again.
    let story = common::story();
    driver.act(Action::Toggle(Overlay::Models)).hear(Event::Catalog { catalog: Box::new(catalog()) });
    choose(&mut driver, "embedded");
    driver.key(KeyCode::Enter);
    driver.hear(Event::Ready {
        denoiser: story.header().denoiser.clone(),
        guide: story.header().guide.clone(),
        request: Some(Box::default()),
        warnings: Vec::new(),
    });
    assert_eq!(driver.app.settings().guide, GuideRule::Deterministic);
}

#[test]
fn what_fails_leaves_what_is_loaded_and_says_why() {
    let mut driver = open(120, 40);
    choose(&mut driver, LLADA);
    driver.commands();
    driver.key(KeyCode::Enter);
    let request = loads(&mut driver).remove(0);
    let message = "GSAI-ML/LLaDA-8B-Instruct needs about 32.1 GB of memory, and the cpu has 21.5 GB free of 25.8 GB";
    driver.hear(Event::LoadFailed {
        error: RequestError::Refused(message.into()),
        request: Some(Box::new(request)),
        warnings: Vec::new(),
    });
    let text = driver.text();
    assert!(text.contains("needs about 32.1 GB of memory, and the cpu has 21.5 GB free"), "{text}");
    assert_eq!(driver.app.overlays(), [Overlay::Models], "another one can be chosen");
    assert!(driver.app.picker().loading.is_none());
    driver.key(KeyCode::Esc).key(KeyCode::Enter);
    assert!(driver.commands().iter().any(|command| matches!(command, Command::Start(_))), "the old pair still runs");
}

#[test]
fn where_the_first_models_fail_another_keeps_the_flags() {
    let mut driver = Driver::loading(DARK);
    let first = ModelRequest {
        denoiser: LLADA.parse().unwrap(),
        device: DeviceChoice::Cpu,
        offline: true,
        ..ModelRequest::default()
    };
    driver.app = App::live(Layers::default(), None, DARK, examples(), first.clone());
    driver.hear(Event::LoadFailed {
        error: RequestError::Refused("it is too large".into()),
        request: Some(Box::new(first.clone())),
        warnings: Vec::new(),
    });
    assert!(driver.text().contains("it is too large"));
    driver.act(Action::Toggle(Overlay::Models)).hear(Event::Catalog { catalog: Box::new(catalog()) });
    assert_eq!(driver.commands(), [Command::ListModels(DeviceChoice::Cpu)]);
    choose(&mut driver, MDLM);
    driver.key(KeyCode::Enter);
    let request = ModelRequest { denoiser: MDLM.parse().unwrap(), ..first };
    assert_eq!(loads(&mut driver), std::slice::from_ref(&request));
    let card = common::card("mdlm", "a2d-qwen3", 1, 1);
    driver.hear(Event::Ready { denoiser: card, guide: None, request: Some(Box::new(request)), warnings: Vec::new() });
    assert!(driver.app.overlays().is_empty() && driver.text().contains("mdlm is loaded"), "{}", driver.text());
}

#[test]
fn a_mask_token_stays_with_the_denoiser_that_it_was_given_for() {
    let mut driver = Driver::loading(DARK);
    let mask_token = Some(MaskToken::Id(7));
    let first = ModelRequest { denoiser: LLADA.parse().unwrap(), mask_token, ..ModelRequest::default() };
    driver.app = App::live(Layers::default(), None, DARK, examples(), first.clone());
    let mut take = |source: &str| {
        driver.act(Action::Toggle(Overlay::Models)).hear(Event::Catalog { catalog: Box::new(catalog()) });
        choose(&mut driver, source);
        driver.key(KeyCode::Enter);
        let [request] = &loads(&mut driver)[..] else { panic!("expected one loading") };
        driver.hear(Event::Ready {
            denoiser: common::card("m", "LLaDA", 1, 1),
            guide: None,
            request: Some(Box::new(request.clone())),
            warnings: Vec::new(),
        });
        request.clone()
    };
    assert_eq!(take(MDLM), ModelRequest { denoiser: MDLM.parse().unwrap(), mask_token: None, ..first.clone() });
    assert_eq!(take(LLADA), first);
}

#[test]
fn what_is_typed_or_pasted_is_a_source() {
    let mut driver = open(120, 40);
    driver.commands();
    driver.keys("hf:own");
    driver.event(TerminalEvent::Paste("er/name@v2\n".into()));
    driver.keys("x").key(KeyCode::Backspace).key(KeyCode::Enter);
    assert_eq!(loads(&mut driver)[0].denoiser.to_string(), "hf:owner/name@v2");
    assert!(driver.draw().1.cursor.is_none(), "nothing is typed while it loads");
    let mut driver = open(120, 40);
    driver.commands();
    driver.keys("q?jk hf:").key(KeyCode::Enter);
    assert_eq!(loads(&mut driver)[0].denoiser, Source::Path("q?jk hf:".into()), "every character is text here");
    let mut driver = open(120, 40);
    driver.commands();
    driver.keys("hf:owner").key(KeyCode::Enter);
    assert_eq!(driver.commands(), []);
    assert!(driver.text().contains("`hf:owner` names no model: on the hub it is owner/name"), "{}", driver.text());
}

#[test]
fn a_guide_is_chosen_for_the_denoiser_that_is_there() {
    let mut driver = open(120, 40);
    driver.commands();
    driver.key(KeyCode::Tab);
    assert!(driver.text().contains("no guide"));
    choose(&mut driver, "hf:Qwen/Qwen2.5-0.5B-Instruct");
    driver.key(KeyCode::Enter);
    let guide = GuideChoice::Source("hf:Qwen/Qwen2.5-0.5B-Instruct".parse().unwrap());
    assert_eq!(loads(&mut driver), [ModelRequest { guide, ..ModelRequest::default() }]);
    let mut driver = open(120, 40);
    driver.commands();
    driver.key(KeyCode::Tab).act(Action::ListSelect(0));
    driver.key(KeyCode::Enter);
    assert_eq!(loads(&mut driver), [ModelRequest { guide: GuideChoice::None, ..ModelRequest::default() }]);
    let mut driver = open(120, 40);
    driver.commands();
    driver.key(KeyCode::Tab).key(KeyCode::Enter);
    assert_eq!(driver.commands(), [], "it is there already");
    assert!(driver.text().contains("it is loaded already"));
}

#[test]
fn a_loading_is_broken_off_by_a_key_and_is_no_error() {
    let mut driver = open(120, 40);
    choose(&mut driver, LLADA);
    driver.commands();
    driver.ctrl('x');
    assert_eq!(driver.commands(), [], "nothing is being loaded");
    driver.key(KeyCode::Enter);
    let request = loads(&mut driver).remove(0);
    driver.hear(downloading(5)).ctrl('x');
    assert_eq!(driver.commands(), [Command::CancelLoad]);
    assert!(driver.text().contains("breaking off"));
    let message = "the download was broken off; the next one goes on from there".to_owned();
    driver.hear(Event::LoadFailed {
        error: RequestError::Refused(message.clone()),
        request: Some(Box::new(request)),
        warnings: Vec::new(),
    });
    let notice = driver.app.notice().unwrap();
    assert_eq!((notice.text.as_str(), notice.is_error), (message.as_str(), false));
}

#[test]
fn news_that_cross_do_not_confuse_what_is_loaded() {
    let mut driver = open(120, 40);
    choose(&mut driver, MDLM);
    driver.commands();
    driver.key(KeyCode::Enter);
    let first = loads(&mut driver).remove(0);
    choose(&mut driver, LLADA);
    driver.key(KeyCode::Enter);
    let second = loads(&mut driver).remove(0);
    let card = |name: &str| common::card(name, "x", 1, 1);
    driver.hear(Event::Ready {
        denoiser: card("first"),
        guide: None,
        request: Some(Box::new(first.clone())),
        warnings: Vec::new(),
    });
    assert_eq!(driver.app.picker().loaded, Some(first));
    assert!(driver.app.picker().loading.is_some(), "the second is still on its way");
    driver.hear(Event::Ready {
        denoiser: card("second"),
        guide: None,
        request: Some(Box::new(second.clone())),
        warnings: Vec::new(),
    });
    assert_eq!((driver.app.picker().loaded.clone(), driver.app.picker().loading.is_none()), (Some(second), true));
}

#[test]
fn the_header_and_the_welcome_name_the_first_download() {
    let mut driver = Driver::loading(DARK);
    driver.hear(downloading(4_010_000_000));
    let text = driver.text();
    assert!(text.contains("downloading 25 %"), "{text}");
    assert!(text.contains("Downloading GSAI-ML/LLaDA-8B-Instruct:") && text.contains("model-00002"), "{text}");
}

#[test]
fn warnings_are_shown() {
    let mut driver = open(120, 40);
    driver.hear(Event::Warning { message: "it takes\u{1b} nearly all".into() });
    assert!(driver.text().contains("it takes\u{fffd} nearly all"));
    let card = common::story().header().denoiser.clone();
    let warnings = vec!["it lacks a\u{1b} template".into()];
    driver.hear(Event::Ready { denoiser: card, guide: None, request: None, warnings });
    assert!(driver.text().contains("it lacks a\u{fffd} template"));
    assert!(driver.effects.iter().all(|effect| !matches!(effect, Effect::Quit)));
}

#[test]
fn a_replay_has_no_models_to_choose() {
    let app = diffuscope::tui::App::replay("x.jsonl", Box::new(common::story()), DARK);
    let mut driver = Driver { app, size: (120, 40), effects: Vec::new() };
    driver.keys("m").ctrl('o');
    assert!(driver.app.overlays().is_empty());
}

#[test]
fn what_is_typed_gives_way_to_another_name_when_the_picker_opens_again() {
    let mut driver = Driver::ready(&common::story(), DARK);
    driver.ctrl('o').keys("hf:owner/one").key(KeyCode::Esc).ctrl('o');
    assert_eq!(driver.app.picker().entry, "hf:owner/one", "it can be taken once more");
    driver.keys("hf:owner/two");
    assert_eq!(driver.app.picker().entry, "hf:owner/two");
    driver.key(KeyCode::Esc).ctrl('o').key(KeyCode::Backspace).keys("p");
    assert_eq!(driver.app.picker().entry, "hf:owner/twp", "or mended");
    driver.ctrl('u');
    assert_eq!(driver.app.picker().entry, "");
}
