//! Keys, paste and mouse.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use diffuscope::{
    engine::protocol::Command,
    tui::{Action, Effect, Focus, Overlay, Reading},
};
use ratatui::layout::Rect;

use super::{
    common,
    driver::{DARK, Driver},
};

fn mouse(kind: MouseEventKind, area: Rect) -> Event {
    Event::Mouse(MouseEvent { kind, column: area.x, row: area.y, modifiers: KeyModifiers::NONE })
}

fn place(driver: &Driver, action: &Action) -> Rect {
    let hits = &driver.app.drawn.hits;
    hits.iter().rev().find(|hit| hit.click.as_ref() == Some(action)).expect("it can be clicked").area
}

#[test]
fn characters_are_text_in_the_prompt_and_keys_elsewhere() {
    let story = common::story();
    let mut driver = Driver::ready(&story, DARK);
    driver.app.prompt.set("");
    driver.keys("quit? 1 [x]");
    assert_eq!(driver.app.prompt.text(), "quit? 1 [x]");
    assert!(driver.effects.is_empty());
    driver.key(KeyCode::Esc).keys("q");
    assert_eq!(driver.effects, [Effect::Quit]);
}

#[test]
fn ctrl_c_leaves_from_anywhere() {
    let story = common::story();
    for prepare in [
        |_: &mut Driver| {},
        |driver: &mut Driver| {
            driver.act(Action::Toggle(Overlay::Gallery));
        },
        |driver: &mut Driver| {
            driver.act(Action::KnobSelect(0)).act(Action::KnobType);
        },
    ] {
        let mut driver = Driver::ready(&story, DARK);
        prepare(&mut driver);
        driver.effects.clear();
        driver.ctrl('c');
        assert_eq!(driver.effects, [Effect::Quit]);
    }
}

#[test]
fn releases_are_no_presses() {
    let story = common::story();
    let mut driver = Driver::live(&story, 5, DARK);
    let mut key = KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE);
    key.kind = KeyEventKind::Release;
    driver.event(Event::Key(key));
    assert!(driver.effects.is_empty());
}

#[test]
fn lines_break_by_key_and_enter_runs() {
    let story = common::story();
    let mut driver = Driver::ready(&story, DARK);
    driver.app.prompt.set("Solve this sudoku:");
    driver.ctrl('j').keys("1030");
    driver.event(Event::Key(KeyEvent::new(KeyCode::Enter, KeyModifiers::ALT))).keys("0412");
    assert_eq!(driver.app.prompt.text(), "Solve this sudoku:\n1030\n0412");
    assert_eq!(driver.commands(), []);
    driver.key(KeyCode::Enter);
    let commands = driver.commands();
    assert!(matches!(&commands[..], [Command::Start(request)] if request.prompt == "Solve this sudoku:\n1030\n0412"));
}

#[test]
fn pasted_text_is_one_edit_of_the_prompt() {
    let story = common::story();
    let mut driver = Driver::live(&story, 5, DARK);
    driver.app.prompt.set("");
    driver.event(Event::Paste("Reverse this list:\tMax, Zorbo\r\n\u{1b}[0m".to_owned()));
    assert_eq!(driver.app.focus, Focus::Prompt);
    assert_eq!(driver.app.prompt.text(), "Reverse this list:    Max, Zorbo\n\u{fffd}[0m");
}

#[test]
fn the_note_follows_what_is_typed() {
    let story = common::story();
    let mut driver = Driver::ready(&story, DARK);
    driver.app.prompt.set("");
    driver.keys("How are you");
    assert_eq!(driver.app.reading, Reading::Unknown);
    assert!(driver.text().contains("outside of what the pair has learned"));
    driver.app.prompt.set("");
    driver.keys("Reverse this list: Max, Leo, Zorbo");
    assert!(driver.text().contains("never seen: Zorbo"), "{}", driver.text());
}

#[test]
fn tab_goes_round_the_panes() {
    let story = common::story();
    let mut driver = Driver::ready(&story, DARK);
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(driver.app.focus);
        driver.key(KeyCode::Tab);
    }
    assert_eq!(seen, [Focus::Prompt, Focus::Canvas, Focus::Knobs, Focus::Prompt]);
    driver.key(KeyCode::BackTab);
    assert_eq!(driver.app.focus, Focus::Prompt);
}

#[test]
fn a_click_selects_a_token_and_the_glass_shows_it() {
    let story = common::story();
    let mut driver = Driver::live(&story, 12, DARK);
    driver.tick(0);
    let position = story.header().prompt_ids.len() + 2;
    let area = place(&driver, &Action::Select(position));
    driver.event(mouse(MouseEventKind::Down(MouseButton::Left), area));
    assert_eq!(driver.app.lens.selected, Some(position));
    assert!(driver.text().contains(&format!("position {position}")));
}

#[test]
fn the_timeline_is_clicked_dragged_and_wheeled() {
    let story = common::story();
    let mut driver = Driver::live(&story, 12, DARK);
    driver.tick(0);
    let area = place(&driver, &Action::ScrubTo(4));
    driver.event(mouse(MouseEventKind::Down(MouseButton::Left), area));
    assert_eq!(driver.app.shown(), 4);
    let area = place(&driver, &Action::ScrubTo(7));
    driver.event(mouse(MouseEventKind::Drag(MouseButton::Left), area));
    assert_eq!(driver.app.shown(), 7);
    driver.event(mouse(MouseEventKind::ScrollUp, area));
    assert_eq!(driver.app.shown(), 6);
}

#[test]
fn a_click_beside_an_overlay_closes_it() {
    let story = common::story();
    let mut driver = Driver::live(&story, 12, DARK);
    driver.act(Action::Toggle(Overlay::Gallery));
    driver.event(mouse(MouseEventKind::Down(MouseButton::Left), Rect::new(0, 39, 1, 1)));
    assert!(driver.app.overlays.is_empty());
}

#[test]
fn the_selection_walks_rows_and_ends_at_the_edges() {
    let story = common::story();
    let mut driver = Driver::live(&story, 20, DARK);
    let start = story.header().prompt_ids.len();
    driver.keys("j");
    assert_eq!(driver.app.lens.selected, Some(start));
    driver.keys("j");
    let below = driver.app.lens.selected.unwrap();
    assert!(below > start + 5, "the row below begins with {below}");
    driver.keys("k");
    assert_eq!(driver.app.lens.selected, Some(start));
    driver.keys(&"h".repeat(100));
    assert_eq!(driver.app.lens.selected, Some(0));
    driver.keys(&"l".repeat(400));
    assert_eq!(driver.app.lens.selected, Some(story.header().canvas_length() - 1));
}

#[test]
fn footer_hints_do_what_they_say() {
    let story = common::story();
    let mut driver = Driver::live(&story, 12, DARK);
    driver.tick(0);
    let area = place(&driver, &Action::Toggle(Overlay::Help));
    driver.event(mouse(MouseEventKind::Down(MouseButton::Left), area));
    assert_eq!(driver.app.overlays, [Overlay::Help]);
}
