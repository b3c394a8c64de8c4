//! What is put into the clipboard.

use crossterm::event::KeyCode;
use diffuscope::{
    engine::{ModelRequest, protocol::Event},
    settings::{KNOBS, preset},
    tui::{Action, App, Effect, Overlay, keymap::Context},
};

use super::{
    common,
    driver::{DARK, Driver, MONO, picture},
};

/// What two keys copy, and what is said of it.
fn copied(driver: &mut Driver, key: &str) -> (String, String) {
    driver.effects.clear();
    driver.keys("y");
    assert_eq!(driver.app.context(), Context::Copy);
    driver.keys(key);
    assert!(driver.app.overlays().is_empty(), "{:?}", driver.app.notice());
    let notice = driver.app.notice().unwrap().text.clone();
    match &driver.effects[..] {
        [Effect::Copy(text)] => (text.clone(), notice),
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_selected_token() {
    let story = common::story();
    let mut driver = Driver::live(&story, story.len(), DARK);
    let position = story.header().prompt_ids.len() + 2;
    driver.act(Action::Select(position));
    let (text, notice) = copied(&mut driver, "t");
    assert_eq!(text, story.canvas(story.len()).piece(position));
    assert_eq!(notice, format!("the token is in the clipboard: {} bytes", text.len()));
}

#[test]
fn the_answer() {
    let story = common::story();
    let mut driver = Driver::live(&story, story.len(), DARK);
    let (text, notice) = copied(&mut driver, "a");
    assert_eq!(text, story.end().unwrap().answer);
    assert_eq!(notice, format!("the answer is in the clipboard: {} bytes", text.len()));
}

#[test]
fn the_settings_as_a_command_that_repeats_the_run() {
    let story = common::story();
    let mut driver = Driver::live(&story, story.len(), DARK);
    let (text, notice) = copied(&mut driver, "s");
    let preset_name = story.header().preset.as_deref().unwrap();
    let settings = story.settings_at(story.len());
    let base = preset(preset_name).unwrap().settings();
    let flags: Vec<String> = KNOBS
        .iter()
        .filter(|knob| knob.get(&settings) != knob.get(&base))
        .map(|knob| format!(" --{}={}", knob.name, knob.get(&settings)))
        .collect();
    let prompt = &story.header().prompt;
    assert_eq!(text, format!("diffuscope run --preset={preset_name}{} --prompt='{prompt}'", flags.concat()));
    assert!(notice.starts_with("the command is in the clipboard: "), "{notice}");
}

#[test]
fn the_command_names_the_mask_token_that_was_given() {
    let story = common::story();
    let mut driver = Driver::live(&story, story.len(), DARK);
    let mask_token = Some("<|MASK|>".parse().unwrap());
    driver.hear(Event::Ready {
        denoiser: story.header().denoiser.clone(),
        guide: None,
        request: Some(Box::new(ModelRequest { mask_token, ..ModelRequest::default() })),
        warnings: Vec::new(),
    });
    let (text, _) = copied(&mut driver, "s");
    assert!(text.starts_with("diffuscope run --mask-token='<|MASK|>' --preset="), "{text}");
}

#[test]
fn the_step_as_a_table() {
    let story = common::story();
    let mut driver = Driver::live(&story, story.len(), DARK);
    driver.act(Action::ScrubTo(10));
    let (text, _) = copied(&mut driver, "m");
    let commits = &story.step(10).unwrap().commits;
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some(&*format!("Step 10 of {}, flashdlm", story.len())));
    assert_eq!(lines.nth(1), Some("| position | token | confidence | reason |"));
    assert_eq!(lines.nth(1).map(|line| line.split('|').count()), Some(6));
    assert_eq!(text.lines().count(), 4 + commits.len());
    assert!(text.contains(&format!("| {} | ", commits[0].position)), "{text}");
}

#[test]
fn what_cannot_be_copied_says_why() {
    let story = common::story();
    let mut driver = Driver::live(&story, 5, DARK);
    driver.keys("y");
    let text = driver.text();
    assert!(
        text.contains("the token: no token is selected") && text.contains("the answer: the run is not over"),
        "{text}"
    );
    driver.effects.clear();
    driver.keys("a");
    assert_eq!(driver.effects, []);
    assert_eq!(driver.app.notice().unwrap().text, "copy the answer: the run is not over");
    driver.key(KeyCode::Esc);
    assert_eq!(driver.app.context(), Context::Canvas);
    let mut driver = Driver::ready(&story, DARK);
    driver.act(Action::Focus(diffuscope::tui::Focus::Canvas)).keys("y");
    assert_eq!(driver.app.notice().unwrap().text, "copy something: no run yet");
}

#[test]
fn nothing_that_a_terminal_obeys_and_nothing_too_long_is_copied() {
    let mut story = common::story();
    let mut end = story.end().unwrap().clone();
    end.answer = "one\u{1b}]52;c;\u{7}\ttwo\n".to_owned();
    story.finish(end.clone());
    let mut driver =
        Driver { app: App::replay("x", Box::new(story.clone()), DARK), size: (120, 40), effects: Vec::new() };
    driver.act(Action::Follow);
    assert_eq!(copied(&mut driver, "a").0, "one\u{fffd}]52;c;\u{fffd}\ttwo\n");
    end.answer = "x".repeat(80_000);
    story.finish(end);
    let mut driver = Driver { app: App::replay("x", Box::new(story), DARK), size: (120, 40), effects: Vec::new() };
    driver.keys("ya");
    let notice = driver.app.notice().unwrap();
    assert!(notice.is_error && driver.effects.is_empty());
    assert_eq!(
        notice.text,
        "the answer is not copied: it has 80000 bytes, and terminals take 74994 at most: `diffuscope run` prints \
         answers of any length"
    );
}

#[test]
fn the_list_is_used_by_arrows_and_from_the_palette() {
    let story = common::story();
    let mut driver = Driver::live(&story, story.len(), DARK);
    driver.effects.clear();
    driver.keys("y").key(KeyCode::Down).key(KeyCode::Enter);
    assert!(matches!(&driver.effects[..], [Effect::Copy(text)] if *text == story.end().unwrap().answer));
    driver.effects.clear();
    driver.keys(":copy the answer").key(KeyCode::Enter);
    assert!(matches!(&driver.effects[..], [Effect::Copy(_)]), "{:?}", driver.effects);
    driver.keys("yy");
    assert_eq!(driver.app.overlays(), [] as [Overlay; 0]);
}

#[test]
fn a_fork_is_repeated_by_another_command() {
    let mut header = common::story().header().clone();
    header.origin = Some(diffuscope::trace::ForkOrigin { parent: "ab".into(), step: 3, exact: true, cold: false });
    let log = diffuscope::trace::Log::new(header);
    let app = App::replay("x", Box::new(log), DARK);
    let mut driver = Driver { app, size: (120, 40), effects: Vec::new() };
    driver.keys("ys");
    assert!(driver.app.notice().unwrap().text.contains("this run is a fork"), "{:?}", driver.app.notice());
}

#[test]
fn it_reads_without_colour() {
    let story = common::story();
    let mut driver = Driver::live(&story, 17, MONO).sized(80, 24);
    driver.keys("y");
    insta::assert_snapshot!("copy_mono_80x24", picture(&driver.draw().0));
    let mut driver = Driver::live(&story, story.len(), DARK);
    driver.hear(Event::Paused { run: 1, paused: true }).keys("y");
    insta::assert_snapshot!("copy_120x40", picture(&driver.draw().0));
}
