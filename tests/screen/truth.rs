//! What the screen says is true of what it shows: which settings made a run, which step a figure is from, what a layer
//! has no data for.

use crossterm::event::KeyCode;
use diffuscope::{
    decode::record::{AuditReport, AuditedPosition},
    engine::protocol::{Command, Event},
    settings::{KNOBS, preset, presets},
    trace::Log,
    tui::{Action, App, Layer, Overlay},
};

use super::{
    common,
    driver::{DARK, Driver, MONO, layer, rows},
};

fn header(driver: &Driver) -> String {
    rows(&driver.draw().0)[0].clone()
}

fn knob(name: &str) -> Action {
    Action::KnobSelect(KNOBS.iter().position(|knob| knob.name == name).unwrap())
}

fn choose_preset(driver: &mut Driver, name: &str) {
    let row = presets().iter().position(|preset| preset.name == name).unwrap();
    driver.act(Action::Toggle(Overlay::Presets)).act(Action::ListMove(-1000)).act(Action::ListMove(row as i64));
    driver.key(KeyCode::Enter);
}

/// A run of the plain sampler, which writes the end of the canvas first.
fn plain(steps: usize) -> Log {
    let mut fixture = common::Fixture::new(common::STORY_PROMPT, common::STORY, 160, "plain");
    for _ in 0..steps {
        fixture.quota_step(1, None);
    }
    fixture.log
}

#[test]
fn a_chosen_preset_does_not_rename_the_run_that_is_shown() {
    let story = common::story();
    for (width, height) in [(120, 40), (80, 24)] {
        let mut driver = Driver::live(&story, story.len(), DARK).sized(width, height);
        assert!(header(&driver).contains("ran with flashdlm ◆1"), "{}", header(&driver));
        choose_preset(&mut driver, "threshold");
        let header = header(&driver);
        assert!(header.contains("ran with flashdlm ◆1") && header.contains("next: threshold"), "{header}");
        assert!(header.contains("correct"), "{header}");
    }
}

#[test]
fn turned_knobs_leave_a_mark() {
    let story = common::story();
    let mut driver = Driver::ready(&story, DARK);
    assert!(header(&driver).contains("flashdlm") && !header(&driver).contains('◆'), "{}", header(&driver));
    driver.act(knob("verify-batch")).key(KeyCode::Right);
    assert!(header(&driver).contains("flashdlm ◆1"), "{}", header(&driver));
    driver.act(knob("window-left")).key(KeyCode::Right);
    assert!(header(&driver).contains("flashdlm ◆2"), "{}", header(&driver));
    driver.act(Action::KnobReset);
    assert!(header(&driver).contains("flashdlm ◆1"), "{}", header(&driver));
}

#[test]
fn a_run_that_will_be_repeated_alike_has_no_next() {
    let code = common::code();
    let mut driver = Driver::live(&code, code.len(), DARK);
    choose_preset(&mut driver, "freecache");
    assert!(
        header(&driver).contains("ran with freecache") && !header(&driver).contains("next:"),
        "{}",
        header(&driver)
    );
    // A knob that only adaptive blocks read changes nothing either.
    driver.act(knob("delimiter-threshold")).key(KeyCode::Right);
    assert!(!header(&driver).contains("next:"), "{}", header(&driver));
    driver.act(knob("seed")).key(KeyCode::Right);
    assert!(header(&driver).contains("next: freecache ◆1"), "{}", header(&driver));
}

#[test]
fn a_replay_names_what_made_it() {
    let mut driver = Driver::loading(DARK);
    driver.app = App::replay("story.jsonl", Box::new(common::story()), DARK);
    let header = header(&driver);
    assert!(header.contains("replay of story.jsonl") && header.contains("ran with flashdlm ◆1"), "{header}");
    assert!(!header.contains("next:"), "{header}");

    let file = "runs/of/the/day/before/yesterday/and/the/day/before/that/story.jsonl";
    driver.app = App::replay(file, Box::new(common::story()), DARK);
    let header = self::header(&driver);
    assert!(header.contains("replay of story.jsonl") && header.contains("ran with flashdlm"), "{header}");
}

/// The story, with an audit of its tenth step alone.
fn audited() -> Log {
    let story = common::story();
    let mut log = Log::new(story.header().clone());
    for (index, mut entry) in story.entries().enumerate() {
        if index == 9 {
            let position = entry.record.proposals.last().expect("something is masked").position;
            let audited = AuditedPosition { position, kl: 0.4, token: 7, probability: 0.5, differs: true };
            entry.record.audit = Some(AuditReport { positions: vec![audited], drift: Vec::new() });
        }
        log.push(entry);
    }
    log
}

#[test]
fn an_audit_of_another_step_is_named() {
    let log = audited();
    let mut driver = Driver::live(&log, log.len() - 1, DARK);
    driver.act(Action::Layer(layer("audit"))).act(Action::ScrubTo(12));
    assert!(driver.text().contains("audit of step 10"), "{}", driver.text());
    driver.act(Action::ScrubTo(10));
    assert!(!driver.text().contains("audit of step"), "{}", driver.text());
    driver.act(Action::ScrubTo(5));
    assert!(driver.text().contains("not audited so far: A audits each step"), "{}", driver.text());
}

#[test]
fn a_layer_without_data_says_what_would_give_it() {
    let code = common::code();
    let mut driver = Driver::live(&code, 12, MONO).sized(80, 24);
    driver.act(Action::Layer(layer("guide")));
    assert!(driver.text().contains("no guide here: preset flashdlm has one"));
    assert!(!driver.text().contains("not reached"), "no legend for what is not there");
    driver.act(Action::ScrubTo(0)).act(Action::Layer(layer("cache")));
    assert!(driver.text().contains("the cache layer begins with step 1"), "{}", driver.text());

    driver.app = App::replay("code.jsonl", Box::new(common::code()), DARK);
    driver.act(Action::ScrubTo(4)).act(Action::Layer(layer("audit")));
    assert!(driver.text().contains("recorded without an audit"), "{}", driver.text());
}

#[test]
fn the_order_layer_says_when_a_token_was_written() {
    let story = common::story();
    let mut driver = Driver::live(&story, 17, DARK).sized(120, 44);
    driver.act(Action::ScrubTo(0)).keys("5");
    assert!(driver.text().contains("the order layer begins with step 1"), "{}", driver.text());
    driver.act(Action::Follow);
    assert!(driver.text().contains("written at step 1 "), "{}", driver.text());

    let commits = |steps: std::ops::Range<usize>| steps.flat_map(|step| story.step(step + 1).unwrap().commits.clone());
    let (before, total, others) = (commits(0..9).count(), commits(0..17).count(), commits(9..10).count() - 1);
    driver.act(Action::Select(commits(9..10).next().unwrap().position));
    let text = driver.text();
    assert!(text.contains(&format!("order       {}th of {total} written", before + 1)), "{before}: {text}");
    assert_eq!(text.contains("with it     "), others > 0, "{text}");
    driver.keys("1");
    assert!(!driver.text().contains("its place in the order"), "only where the canvas shows it");
    driver.keys("5").act(Action::Select(story.header().canvas_length() - 1));
    assert!(driver.text().contains("order       none yet, of "), "{}", driver.text());
}

#[test]
fn end_of_text_does_not_flatten_the_timeline() {
    let mut fixture = common::Fixture::new(common::STORY_PROMPT, common::STORY, 160, "threshold");
    fixture.quota_step(40, None);
    let commits = &fixture.log.step(1).unwrap().commits;
    let texts = commits.iter().filter(|commit| commit.token != common::EOS).count();
    assert!(texts < 20, "the first step writes the end of the canvas: {texts}");
    while fixture.quota_step(texts.max(4), None) {}
    let steps = fixture.log.len();
    let driver = Driver::live(&fixture.log, steps, DARK).sized(80, 24);
    let (buffer, drawn) = driver.draw();
    let column = drawn.hits.iter().find(|hit| hit.click == Some(Action::ScrubTo(steps - 1))).unwrap().area;
    assert_ne!(buffer[(column.x, column.y)].symbol(), " ", "the bar is high:\n{}", driver.text());
}

#[test]
fn the_plain_sampler_is_seen_at_work_on_the_end_of_the_canvas() {
    let log = plain(20);
    let commit = log.step(20).unwrap().commits[0];
    assert_eq!(commit.token, common::EOS);
    for (width, height) in [(120, 44), (80, 24)] {
        let text = Driver::live(&log, 20, DARK).sized(width, height).text();
        assert!(text.contains(&format!("wrote 1 end of text at {}", commit.position)), "{text}");
        let figure = if width >= 100 { "end of text           20 counted apart" } else { "20 end of text" };
        assert!(text.contains(figure), "{text}");
    }
}

#[test]
fn a_step_says_where_it_wrote() {
    let story = common::story();
    for steps in 1..story.len() {
        let text = Driver::live(&story, steps, DARK).sized(160, 40).text();
        let first = story.step(steps).unwrap().commits[0].position;
        assert!(text.contains(&format!(" at {first}")), "step {steps}:\n{text}");
    }
}

#[test]
fn the_gallerys_prompts_work_as_they_are_shown() {
    let story = common::story();
    let driver = Driver::ready(&story, DARK);
    let examples = driver.app.examples();
    for example in examples {
        let mut driver = Driver::ready(&story, DARK);
        driver.app.prompt.set("");
        // Line breaks say where an answer with blanks begins.
        if example.infills {
            driver.app.prompt.set(&example.prompt);
        } else {
            driver.keys(&example.prompt.replace('\n', " "));
        }
        driver.key(KeyCode::Enter);
        let commands = driver.commands();
        let [Command::Start(request)] = commands.as_slice() else { panic!("{}: {commands:?}", example.prompt) };
        assert_eq!(request.prompt, example.prompt);
        assert_eq!(driver.app.prompt.text(), example.prompt, "what is decoded is what the editor holds");
    }
}

#[test]
fn another_model_gets_the_prompt_as_it_was_typed() {
    let story = common::story();
    let mut driver = Driver::loading(DARK);
    let mut denoiser = story.header().denoiser.clone();
    denoiser.name = "Dream-7B".to_owned();
    driver.hear(Event::Ready { denoiser, guide: None, request: None, warnings: Vec::new() });
    driver.app.layers.set_preset(preset("plain").unwrap());
    driver.app.prompt.set("");
    let prompt = "Solve this sudoku: 1030 0412 2140 4021";
    driver.keys(prompt).key(KeyCode::Enter);
    let commands = driver.commands();
    assert!(matches!(commands.as_slice(), [Command::Start(request)] if request.prompt == prompt), "{commands:?}");
}

#[test]
fn keys_and_labels_of_the_help_stand_in_columns_of_their_own() {
    let story = common::story();
    for (width, height) in [(120, 100), (80, 180)] {
        let mut driver = Driver::ready(&story, DARK).sized(width, height);
        driver.act(Action::Toggle(Overlay::Help));
        let text = driver.text();
        assert!(text.contains("shift-enter"), "{text}");
        let column = |label: &str| {
            let line = text.lines().find(|line| line.contains(label)).unwrap_or_else(|| panic!("{label}:\n{text}"));
            line.split(label).next().unwrap_or_default().chars().count()
        };
        let columns: std::collections::BTreeSet<usize> =
            driver.app.keymap().bindings().iter().map(|binding| column(&binding.line)).collect();
        assert_eq!(columns.len(), if width >= 112 { 2 } else { 1 }, "{text}");
    }
}

#[test]
fn a_choice_does_not_run_into_the_sign_of_its_effect() {
    let story = common::story();
    let mut driver = Driver::live(&story, 3, DARK);
    for (index, knob) in KNOBS.iter().enumerate() {
        driver.act(Action::KnobSelect(index));
        let text = driver.text();
        assert!(!text.contains("› ›") && !text.contains("▸ ▸"), "{}:\n{text}", knob.name);
    }
}

#[test]
fn every_part_of_the_inspector_names_its_step() {
    let story = common::story();
    let mut driver = Driver::live(&story, 17, DARK).sized(120, 60);
    let written = story.step(10).unwrap().commits[0].position;
    driver.act(Action::Select(written));
    let text = driver.text();
    let title = format!("position {written}, step 17");
    for part in [title.as_str(), "step 10, ", "enter goes there", "then  ", "candidates at step 10"] {
        assert!(text.contains(part), "{part}:\n{text}");
    }
}

#[test]
fn masks_of_neighbouring_rows_do_not_run_into_one_another() {
    let code = common::code();
    for theme in [DARK, MONO] {
        for layer in Layer::all() {
            let mut driver = Driver::live(&code, 3, theme).sized(100, 30);
            driver.act(Action::ToggleDrafts).act(Action::Layer(layer));
            let masked = code.header().canvas_length() - 1;
            if layer.name() == "guide" {
                // It shows what the guide judges: drafts.
                continue;
            }
            let ground = driver.draw().0[(50, 20)].bg;
            for cell in driver.cells_of(masked) {
                assert_eq!(cell.bg, ground, "{layer:?}: a mask has no ground of its own");
                assert!(!["█", "▓", "▒", "░"].contains(&cell.symbol()), "{layer:?}: {} fills its row", cell.symbol());
            }
        }
    }
}
