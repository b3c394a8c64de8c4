//! The palette: everything that can be done, by name.

use crossterm::event::{
    Event as TerminalEvent, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use diffuscope::{
    engine::protocol::Command,
    tui::{Action, Effect, Focus, Overlay, keymap::Context},
};

use super::{
    common,
    driver::{DARK, Driver, LIGHT, MONO, layer, picture},
};

fn open(driver: &mut Driver, typed: &str) {
    driver.ctrl('p');
    assert_eq!(driver.app.overlays(), [Overlay::Palette]);
    driver.keys(typed);
}

#[test]
fn it_opens_by_a_character_where_no_text_is_typed_and_by_ctrl_p_everywhere() {
    let story = common::story();
    let mut driver = Driver::live(&story, 5, DARK);
    for focus in [Focus::Canvas, Focus::Knobs] {
        driver.act(Action::Focus(focus)).keys(":");
        assert_eq!(driver.app.overlays(), [Overlay::Palette], "{focus:?}");
        driver.key(KeyCode::Esc);
        assert_eq!(driver.app.focus(), focus);
    }
    driver.act(Action::Focus(Focus::Prompt)).keys(":");
    assert!(driver.app.overlays().is_empty() && driver.app.prompt.text().ends_with(':'));
    open(&mut driver, "");
    driver.ctrl('p');
    assert!(driver.app.overlays().is_empty());
    let compared = diffuscope::tui::App::compare("a", Box::new(story.clone()), ("b", Box::new(story)), DARK);
    let mut driver = Driver { app: compared, size: (120, 40), effects: Vec::new() };
    driver.keys(":");
    assert_eq!(driver.app.overlays(), [Overlay::Palette]);
}

#[test]
fn enter_does_what_the_key_would_do() {
    let story = common::story();
    let mut driver = Driver::live(&story, 5, DARK);
    open(&mut driver, "next layer");
    driver.key(KeyCode::Enter);
    assert_eq!(driver.app.lens().layer, layer("cache"));
    assert!(driver.app.overlays().is_empty());
    open(&mut driver, "audit layer");
    driver.key(KeyCode::Enter);
    assert_eq!(driver.app.lens().layer, layer("audit"), "words in any order");
    open(&mut driver, "step.newest");
    assert!(driver.text().contains("the newest step, and follow"), "the names of a configuration are found, too");
    driver.key(KeyCode::Esc);
    open(&mut driver, "quit");
    driver.effects.clear();
    driver.key(KeyCode::Enter);
    assert_eq!(driver.effects, [Effect::Quit]);
}

#[test]
fn what_only_the_canvas_has_is_done_there_from_the_prompt() {
    let story = common::story();
    let mut driver = Driver::live(&story, 5, DARK);
    driver.act(Action::Focus(Focus::Prompt));
    open(&mut driver, "drafts");
    let drafts = driver.app.lens().drafts;
    driver.key(KeyCode::Enter);
    assert_eq!((driver.app.lens().drafts, driver.app.focus()), (!drafts, Focus::Canvas));
}

#[test]
fn what_is_not_possible_says_why_and_nothing_happens() {
    let story = common::story();
    let mut driver = Driver::ready(&story, DARK);
    open(&mut driver, "one step");
    let text = driver.text();
    assert!(text.contains("Not now") && text.contains("no run yet"), "{text}");
    driver.effects.clear();
    driver.key(KeyCode::Enter);
    assert_eq!(driver.effects, []);
    assert_eq!(driver.app.notice().map(|notice| notice.text.as_str()), Some("one step: no run yet"));
    assert_eq!(driver.app.overlays(), [Overlay::Palette]);
    let app = diffuscope::tui::App::replay("x", Box::new(story), DARK);
    let mut driver = Driver { app, size: (120, 40), effects: Vec::new() };
    open(&mut driver, "run again");
    assert!(driver.text().contains("a trace is shown"), "{}", driver.text());
    driver.ctrl('u').keys("other run");
    assert!(driver.text().contains("one run only"), "{}", driver.text());
}

#[test]
fn the_same_reason_is_told_to_who_presses_the_key() {
    let story = common::story();
    let mut driver = Driver::ready(&story, DARK);
    driver.act(Action::Focus(Focus::Canvas)).keys(".");
    assert_eq!(driver.app.notice().map(|notice| notice.text.as_str()), Some("one step: no run yet"));
}

#[test]
fn presets_and_prompts_are_found() {
    let story = common::story();
    let mut driver = Driver::ready(&story, DARK);
    open(&mut driver, "preset threshold");
    driver.key(KeyCode::Enter);
    assert_eq!(driver.app.layers.preset().map(|preset| preset.name.as_str()), Some("threshold"));
    driver.act(Action::Focus(Focus::Prompt));
    open(&mut driver, "prompt sudoku");
    driver.effects.clear();
    driver.key(KeyCode::Enter);
    let commands = driver.commands();
    assert!(matches!(&commands[..], [Command::Start(request)] if request.prompt.contains("sudoku")), "{commands:?}");
}

#[test]
fn rows_are_chosen_by_arrows_and_by_the_mouse() {
    let story = common::story();
    let mut driver = Driver::live(&story, 5, DARK);
    open(&mut driver, "layer");
    let first = driver.app.list();
    driver.key(KeyCode::Down);
    assert_eq!(driver.app.list(), first + 1);
    let area = driver.app.drawn().hits.iter().find(|hit| hit.click == Some(Action::ListSelect(first))).unwrap().area;
    let mouse =
        |kind| TerminalEvent::Mouse(MouseEvent { kind, column: area.x, row: area.y, modifiers: KeyModifiers::NONE });
    driver.event(mouse(MouseEventKind::ScrollDown));
    assert_eq!(driver.app.list(), first + 2);
    driver.event(mouse(MouseEventKind::Down(MouseButton::Left)));
    assert_eq!(driver.app.list(), first);
    driver.event(mouse(MouseEventKind::Down(MouseButton::Left)));
    assert!(driver.app.overlays().is_empty(), "the second click takes it");
}

#[test]
fn every_entry_that_is_possible_does_what_its_key_does() {
    let story = common::story();
    let mut driver = Driver::live(&story, 12, DARK);
    driver.act(Action::Select(story.header().prompt_ids.len() + 2));
    driver.act(Action::Focus(Focus::Knobs));
    let bindings: Vec<_> = driver
        .app
        .keymap()
        .bindings()
        .iter()
        .filter(|binding| binding.contexts.contains(&Context::Knobs) && (binding.available)(&driver.app).is_ok())
        .map(|binding| (binding.label.to_string(), binding.action.clone()))
        .collect();
    assert!(bindings.len() > 40, "{}", bindings.len());
    for (label, action) in bindings {
        if matches!(action, Action::Back | Action::Toggle(Overlay::Palette)) {
            continue;
        }
        driver.ctrl('p');
        driver.event(TerminalEvent::Paste(label.clone()));
        let listed: Vec<_> = diffuscope::tui::palette(&driver.app);
        let at = listed.iter().position(|entry| entry.label == label).unwrap_or_else(|| panic!("{label}"));
        let entry = &listed[at];
        assert!(entry.available.is_ok(), "{label}");
        assert_eq!(entry.context, Context::Knobs, "{label}");
        driver.key(KeyCode::Esc);
    }
}

#[test]
fn without_a_word_nothing_is_missing_and_ctrl_u_clears() {
    let story = common::story();
    let mut driver = Driver::live(&story, 5, DARK);
    let all = {
        driver.ctrl('p');
        diffuscope::tui::palette(&driver.app).len()
    };
    driver.keys("zzzz");
    assert_eq!(diffuscope::tui::palette(&driver.app).len(), 0);
    assert!(driver.text().contains("nothing has all of these words"), "{}", driver.text());
    driver.key(KeyCode::Enter).ctrl('u');
    assert_eq!(diffuscope::tui::palette(&driver.app).len(), all);
    driver.event(TerminalEvent::Key(KeyEvent::new(KeyCode::Backspace, KeyModifiers::NONE)));
    assert_eq!(driver.app.filter(), "");
}

#[test]
fn it_reads_at_every_size_and_without_colour() {
    let story = common::story();
    for (name, theme, size, typed) in [
        ("palette_120x40", DARK, (120, 40), ""),
        ("palette_light_200x60", LIGHT, (200, 60), "run"),
        ("palette_mono_80x24", MONO, (80, 24), "lay"),
        ("palette_ascii_80x24", ascii(), (80, 24), "preset fast"),
    ] {
        let mut driver = Driver::live(&story, 17, theme).sized(size.0, size.1);
        driver.ctrl('p').keys(typed);
        insta::assert_snapshot!(name, picture(&driver.draw().0));
    }
}

pub fn ascii() -> diffuscope::tui::theme::Theme {
    diffuscope::tui::theme::Theme { glyphs: &diffuscope::tui::theme::ASCII, ..MONO }
}
