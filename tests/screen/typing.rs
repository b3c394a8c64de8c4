//! Keys, paste and mouse.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use diffuscope::{
    engine::{
        ModelRequest,
        protocol::{Command, Event as EngineEvent},
    },
    settings::{Layers, preset},
    trace::{Header, Log},
    tui::{Action, App, Effect, Focus, Notice, Overlay, Reading, examples, input_action, update},
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
    let hits = &driver.app.drawn().hits;
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
    assert_eq!(driver.app.focus(), Focus::Prompt);
    assert_eq!(driver.app.prompt.text(), "Reverse this list:\tMax, Zorbo\n[0m");
}

#[test]
fn whatever_a_terminal_pastes_for_a_line_break_is_one() {
    let story = common::story();
    let pasted = |text: &str| {
        let mut driver = Driver::ready(&story, DARK);
        driver.app.prompt.set("");
        driver.event(Event::Paste(text.to_owned()));
        driver.app.prompt.text()
    };
    for text in
        ["one\ntwo", "one\rtwo", "one\r\ntwo", "one\u{1b}[13utwo", "one\u{1b}[13;1utwo", "one\u{1b}[27;1;13~two"]
    {
        assert_eq!(pasted(text), "one\ntwo", "{text:?}");
    }
    assert_eq!(pasted("a\u{1b}[9;1ub\tc"), "a\tb\tc");
    assert_eq!(pasted("\u{1b}[13;1u\u{1b}[13;1u"), "\n\n");
    assert_eq!(pasted("\u{1b}[1;31mred\u{1b}[13"), "[1;31mred[13");
}

#[test]
fn the_model_is_given_what_was_written() {
    const TEXT: &str = "def f():\n\treturn 1  # می\u{200c}خواهم ❤\u{fe0f} 👩\u{200d}💻 e\u{301} \u{202e}\u{feff}";
    let story = common::story();
    let started = |driver: &mut Driver| {
        driver.act(Action::Focus(Focus::Prompt));
        driver.effects.clear();
        driver.key(KeyCode::Enter);
        match &driver.commands()[..] {
            [Command::Start(request)] => request.prompt.clone(),
            other => panic!("no run was started: {other:?}"),
        }
    };
    let mut layers = Layers::default();
    layers.set_preset(preset("plain").unwrap());
    let header = story.header();
    let mut driver = Driver::ready(&story, DARK);
    driver.app = App::live(layers, Some(TEXT.replace('\n', "\r\n")), DARK, examples(), ModelRequest::default());
    driver.hear(EngineEvent::Ready {
        denoiser: header.denoiser.clone(),
        guide: None,
        request: None,
        warnings: Vec::new(),
    });
    assert_eq!(started(&mut driver), TEXT, "--prompt");

    driver.act(Action::Focus(Focus::Prompt)).app.prompt.set("");
    driver.event(Event::Paste(TEXT.replace('\n', "\r")));
    assert_eq!(started(&mut driver), TEXT, "pasted");

    driver.act(Action::Focus(Focus::Prompt)).app.prompt.set("");
    driver.keys("other");
    assert_eq!(started(&mut driver), "other");
    driver.act(Action::Focus(Focus::Prompt)).key(KeyCode::Up);
    assert_eq!(started(&mut driver), TEXT, "from the history");

    driver.act(Action::Focus(Focus::Prompt)).app.prompt.set("");
    for c in TEXT.replace('\t', "").chars() {
        if c == '\n' {
            driver.ctrl('j');
        } else {
            driver.key(KeyCode::Char(c));
        }
    }
    assert_eq!(started(&mut driver), TEXT.replace('\t', ""), "typed");
}

#[test]
fn what_is_drawn_of_the_prompt_is_printable() {
    let story = common::story();
    let mut driver = Driver::ready(&story, DARK);
    driver.app.prompt.set("\tif\u{202e} 👩\u{200d}💻❤\u{fe0f} می\u{200c}خواهم");
    let text = driver.text();
    assert!(text.contains("    if\u{fffd} 👩\u{200d}💻❤\u{fe0f} می\u{200c}خواهم"), "{text}");
    let at = |driver: &Driver| driver.draw().1.cursor.unwrap().x;
    driver.app.prompt.set("");
    let start = at(&driver);
    for (text, cells) in [("\t", 4), ("👩\u{200d}💻", 2), ("❤\u{fe0f}", 2), ("ی\u{200c}", 1), ("\u{202e}", 1)] {
        driver.app.prompt.set(text);
        assert_eq!(at(&driver) - start, cells, "{text:?}");
    }
}

#[test]
fn graphemes_of_several_tokens_are_whole_on_the_canvas() {
    let pieces = ["👩", "\u{200d}", "💻", " ❤", "\u{fe0f}", " می", "\u{200c}", "خواهم"];
    let header = Header {
        prompt_ids: vec![3; pieces.len()],
        prompt_pieces: pieces.map(str::to_owned).to_vec(),
        ..common::story().header().clone()
    };
    let app = App::replay("x", Box::new(Log::new(header)), DARK);
    let mut driver = Driver { app, size: (120, 40), effects: Vec::new() };
    assert!(driver.text().contains("👩\u{200d}💻 ❤\u{fe0f} می\u{200c}خواهم"), "{}", driver.text());
    let plain = driver.cells_of(0)[0].bg;
    driver.act(Action::Select(1));
    assert_ne!(driver.cells_of(0)[0].bg, plain, "what completes a grapheme is selected where that stands");
    driver.keys("j");
    assert!(driver.app.lens().selected.is_some_and(|position| position > 1));
}

#[test]
fn a_burst_of_keys_is_taken_at_once() {
    let story = common::story();
    let mut driver = Driver::ready(&story, DARK);
    driver.app.prompt.set("");
    let typed = "all of it ".repeat(4000);
    for c in typed.chars() {
        let key = KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE);
        let action = input_action(&driver.app, Event::Key(key)).unwrap();
        update(&mut driver.app, action);
    }
    assert_eq!(driver.app.prompt.text(), typed);
    assert_eq!(driver.app.reading(), Reading::Unknown);
}

#[test]
fn what_is_too_long_is_refused_with_a_way_out() {
    let story = common::story();
    let mut driver = Driver::ready(&story, DARK);
    driver.app.prompt.set("short");
    driver.event(Event::Paste("0123456789".repeat(1 << 20)));
    let notice = "the prompt would be longer than 128 KiB: `diffuscope run --prompt -` reads longer ones";
    assert_eq!(driver.app.notice(), Some(&Notice::error(notice)));
    assert_eq!(driver.app.prompt.text(), "short");
    driver.act(Action::KnobSelect(0)).act(Action::KnobType);
    driver.event(Event::Paste("1".repeat(1 << 20)));
    driver.keys("2");
    assert_eq!(driver.app.knobs().entry.as_deref(), Some(&*"1".repeat(24)));
}

#[test]
fn one_key_clears_wherever_text_is_typed() {
    let story = common::story();
    let mut driver = Driver::ready(&story, DARK);
    driver.app.prompt.set("one\ntwo");
    driver.key(KeyCode::Left).ctrl('u');
    assert_eq!(driver.app.prompt.text(), "one\no");
    driver.ctrl('u');
    assert_eq!(driver.app.prompt.text(), "one\no", "there is nothing before the cursor");
    for undo in ['_', '/', '7'] {
        driver.ctrl(undo);
        assert_eq!(driver.app.prompt.text(), "one\ntwo");
        driver.ctrl('r');
        assert_eq!(driver.app.prompt.text(), "one\no");
    }
    driver.act(Action::KnobSelect(0)).act(Action::KnobType).keys("12").ctrl('u');
    assert_eq!(driver.app.knobs().entry.as_deref(), Some(""));
    driver.key(KeyCode::Esc).act(Action::Toggle(Overlay::Models)).keys("hf:a").ctrl('u');
    assert_eq!(driver.app.picker().entry, "");
    driver.key(KeyCode::Esc).act(Action::Focus(Focus::Canvas));
    let key = KeyEvent::new(KeyCode::Char('u'), KeyModifiers::CONTROL);
    driver.act(Action::Focus(Focus::Knobs));
    assert_eq!(input_action(&driver.app, Event::Key(key)), None, "there is nothing to clear");
}

#[test]
fn the_note_follows_what_is_typed() {
    let story = common::story();
    let mut driver = Driver::ready(&story, DARK);
    driver.app.prompt.set("");
    driver.keys("How are you");
    assert_eq!(driver.app.reading(), Reading::Unknown);
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
        seen.push(driver.app.focus());
        driver.key(KeyCode::Tab);
    }
    assert_eq!(seen, [Focus::Prompt, Focus::Canvas, Focus::Knobs, Focus::Prompt]);
    driver.key(KeyCode::BackTab);
    assert_eq!(driver.app.focus(), Focus::Prompt);
}

#[test]
fn a_click_selects_a_token_and_the_glass_shows_it() {
    let story = common::story();
    let mut driver = Driver::live(&story, 12, DARK);
    driver.tick(0);
    let position = story.header().prompt_ids.len() + 2;
    let area = place(&driver, &Action::Select(position));
    driver.event(mouse(MouseEventKind::Down(MouseButton::Left), area));
    assert_eq!(driver.app.lens().selected, Some(position));
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
    assert!(driver.app.overlays().is_empty());
}

#[test]
fn the_selection_walks_rows_and_ends_at_the_edges() {
    let story = common::story();
    let mut driver = Driver::live(&story, 20, DARK);
    let start = story.header().prompt_ids.len();
    driver.keys("j");
    assert_eq!(driver.app.lens().selected, Some(start));
    driver.keys("j");
    let below = driver.app.lens().selected.unwrap();
    assert!(below > start + 5, "the row below begins with {below}");
    driver.keys("k");
    assert_eq!(driver.app.lens().selected, Some(start));
    driver.keys(&"h".repeat(100));
    assert_eq!(driver.app.lens().selected, Some(0));
    driver.keys(&"l".repeat(400));
    assert_eq!(driver.app.lens().selected, Some(story.header().canvas_length() - 1));
}

#[test]
fn footer_hints_do_what_they_say() {
    let story = common::story();
    let mut driver = Driver::live(&story, 12, DARK);
    driver.tick(0);
    let area = place(&driver, &Action::Toggle(Overlay::Help));
    driver.event(mouse(MouseEventKind::Down(MouseButton::Left), area));
    assert_eq!(driver.app.overlays(), [Overlay::Help]);
}
