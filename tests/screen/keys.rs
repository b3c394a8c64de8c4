//! The table of keys: the help that lists it, the footer that names it, configurations that change it, and the document
//! that describes it.

use std::{collections::BTreeSet, fmt::Write as _, fs, path::Path};

use crossterm::event::{
    Event as TerminalEvent, KeyCode, KeyEvent, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use diffuscope::tui::{
    Action, Effect, Focus, Overlay,
    keymap::{Binding, Context, Group, Keymap},
};
use ratatui::layout::Rect;

use super::{
    common,
    driver::{DARK, Driver, LIGHT, MONO, layer, picture},
    palette::ascii,
};

fn rebound(keys: &[(&str, &[&str])]) -> Keymap {
    let keys: Vec<(&str, Vec<String>)> =
        keys.iter().map(|(name, keys)| (*name, keys.iter().map(|key| (*key).to_owned()).collect())).collect();
    Keymap::rebound(keys.iter().map(|(name, keys)| (*name, keys.as_slice()))).unwrap()
}

#[test]
fn other_keys_are_obeyed_and_named_wherever_keys_are_named() {
    let story = common::story();
    let mut driver = Driver::live(&story, 5, DARK);
    driver.app = driver.app.with_keys(rebound(&[
        ("layer.next", &["V", "ctrl-t"]),
        ("program.quit", &["Q"]),
        ("gallery.toggle", &["f6", "e"]),
        ("find.begin", &["none"]),
    ]));
    driver.keys("v");
    assert_eq!(driver.app.lens().layer, layer("confidence"), "its own key is none any more");
    driver.keys("V").ctrl('t');
    assert_eq!(driver.app.lens().layer, layer("guide"));
    driver.keys("/");
    assert_eq!(driver.app.context(), Context::Canvas);
    let footer = driver.text().lines().last().unwrap().to_owned();
    assert!(footer.contains("V layer") && footer.contains("Q quit") && footer.contains("F6 gallery"), "{footer}");
    driver.keys("?next layer");
    assert!(driver.text().contains("V ^T"), "{}", driver.text());
    driver.key(KeyCode::Esc).keys(":next layer");
    let row = driver.text().lines().find(|line| line.contains("next layer") && line.contains(" V ")).map(str::to_owned);
    assert!(row.is_some(), "{}", driver.text());
    driver.key(KeyCode::Esc).act(Action::Focus(Focus::Prompt)).keys("QV");
    assert!(driver.app.prompt.text().ends_with("QV"), "characters are text in the prompt");
    driver.key(KeyCode::F(6));
    assert_eq!(driver.app.overlays(), [Overlay::Gallery]);
    driver.key(KeyCode::Esc).key(KeyCode::Esc).keys("Q");
    assert_eq!(driver.effects.last(), Some(&Effect::Quit));
}

#[test]
fn the_help_is_searched_by_typing() {
    let story = common::story();
    let mut driver = Driver::live(&story, 5, DARK);
    driver.keys("?");
    let all = driver.text();
    assert!(all.contains("denoise the prompt") && all.contains("type words"), "{all}");
    driver.keys("fork");
    let text = driver.text();
    assert!(
        text.contains("fork at the shown step") && text.contains("Runs") && !text.contains("denoise the prompt"),
        "{text}"
    );
    driver.ctrl('u').keys("ctrl-g");
    assert!(driver.text().contains("gallery of prompts") && driver.text().contains("1 found"), "{}", driver.text());
    driver.keys("zz");
    assert!(driver.text().contains("no key has all of these words"), "{}", driver.text());
    driver.key(KeyCode::Backspace).key(KeyCode::Backspace).key(KeyCode::Esc);
    assert!(driver.app.overlays().is_empty());
    driver.keys("?");
    assert_eq!(driver.app.filter(), "", "it begins with nothing typed");
    driver.key(KeyCode::F(1));
    assert!(driver.app.overlays().is_empty());
}

fn mouse(driver: &mut Driver, kind: MouseEventKind, (column, row): (u16, u16)) {
    driver.event(TerminalEvent::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
}

#[test]
fn the_wheel_scrolls_the_help() {
    let story = common::story();
    let mut driver = Driver::live(&story, 5, DARK).sized(80, 24);
    driver.keys("?");
    mouse(&mut driver, MouseEventKind::ScrollDown, (40, 12));
    mouse(&mut driver, MouseEventKind::ScrollDown, (40, 12));
    mouse(&mut driver, MouseEventKind::ScrollUp, (40, 12));
    assert_eq!(driver.app.list(), 1);
}

/// The hints of the footer: their places and what they do.
fn hints(driver: &Driver) -> Vec<(Rect, Action)> {
    let (_, drawn) = driver.draw();
    let footer = driver.size.1 - 1;
    let hits = drawn.hits.iter().filter(|hit| hit.area.y == footer && hit.area.height == 1);
    hits.filter_map(|hit| Some((hit.area, hit.click.clone()?))).collect()
}

#[test]
fn every_hint_of_the_footer_can_be_clicked_in_every_layer() {
    type Prepare = fn(&mut Driver);
    let story = common::story();
    let layers: [(&str, Prepare); 8] = [
        ("canvas", |_| {}),
        ("knobs", |driver| {
            driver.act(Action::Focus(Focus::Knobs));
        }),
        ("prompt", |driver| {
            driver.act(Action::Focus(Focus::Prompt));
        }),
        ("gallery", |driver| {
            driver.act(Action::Toggle(Overlay::Gallery));
        }),
        ("presets", |driver| {
            driver.act(Action::Toggle(Overlay::Presets));
        }),
        ("palette", |driver| {
            driver.act(Action::Toggle(Overlay::Palette));
        }),
        ("find", |driver| {
            driver.keys("/a").key(KeyCode::Enter);
        }),
        ("copy", |driver| {
            driver.keys("y");
        }),
    ];
    for (name, prepare) in layers {
        let fresh = || {
            let mut driver = Driver::live(&story, 2, DARK).sized(200, 40);
            driver.tick(0);
            prepare(&mut driver);
            driver
        };
        let driver = fresh();
        let named = diffuscope::tui::keymap::hints(&driver.app);
        let named: Vec<Action> = named.iter().map(|(binding, ..)| binding.action.clone()).collect();
        let drawn = hints(&driver);
        assert!(!drawn.is_empty(), "{name}");
        let text = driver.text();
        let footer: Vec<char> = text.lines().last().unwrap().chars().collect();
        for (area, action) in drawn {
            assert!(named.contains(&action), "{name}: {action:?}");
            let words: String = footer[usize::from(area.x)..usize::from(area.right())].iter().collect();
            assert_eq!(words.trim(), words, "{name}: the whole hint and nothing else");
            let topmost = driver.app.drawn().at(area.x, area.y).and_then(|hit| hit.click.clone());
            assert_eq!(topmost, Some(action.clone()), "{name}: {words}");
            let (mut clicked, mut pressed) = (fresh(), fresh());
            mouse(&mut clicked, MouseEventKind::Down(MouseButton::Left), (area.right() - 1, area.y));
            pressed.act(action);
            assert_eq!(clicked.app.context(), pressed.app.context(), "{name}: {words}");
            assert_eq!(clicked.effects, pressed.effects, "{name}: {words}");
            assert_eq!(clicked.text(), pressed.text(), "{name}: {words}");
        }
    }
}

#[test]
fn what_is_typed_is_cleared_by_one_key_in_every_layer() {
    let story = common::story();
    let mut driver = Driver::live(&story, 5, DARK);
    for overlay in [Overlay::Palette, Overlay::Help] {
        driver.act(Action::Toggle(overlay)).keys("a b");
        assert_eq!(driver.app.filter(), "a b");
        driver.ctrl('u');
        assert_eq!(driver.app.filter(), "");
        driver.key(KeyCode::Esc);
    }
    driver.keys("/ab").ctrl('u');
    assert_eq!(driver.app.lens().find.as_ref().map(|find| find.text.as_str()), Some(""));
}

#[test]
fn the_help_with_a_filter_reads_at_every_size_and_without_colour() {
    let story = common::story();
    for (name, theme, size, typed) in [
        ("help_filtered_120x40", DARK, (120, 40), "run"),
        ("help_filtered_light_200x60", LIGHT, (200, 60), "step"),
        ("help_filtered_mono_80x24", MONO, (80, 24), "pre"),
        ("help_filtered_ascii_80x24", ascii(), (80, 24), "left"),
    ] {
        let mut driver = Driver::live(&story, 17, theme).sized(size.0, size.1);
        driver.keys("?").keys(typed);
        insta::assert_snapshot!(name, picture(&driver.draw().0));
    }
}

/// The table of docs/keys.md, from the table of the program.
fn documented() -> String {
    let keymap = Keymap::default();
    let mut text = String::new();
    for group in Group::ALL {
        let _ =
            write!(text, "\n### {}\n\n| action | keys | what it does | where |\n|---|---|---|---|\n", group.title());
        for binding in keymap.bindings().iter().filter(|binding| binding.group == group) {
            let keys: Vec<_> = binding.keys.iter().map(|key| format!("`{}`", key.spelled())).collect();
            let _ =
                writeln!(text, "| `{}` | {} | {} | {} |", binding.name, keys.join(" "), binding.label, places(binding));
        }
    }
    text
}

fn places(binding: &Binding) -> String {
    if binding.contexts.len() == Context::ALL.len() {
        return "everywhere".to_owned();
    }
    let all = |is_meant: fn(&Context) -> bool| Context::ALL.iter().filter(|context| is_meant(context)).count();
    if binding.contexts.len() == all(|context| context.takes_text())
        && binding.contexts.iter().all(|context| context.takes_text())
    {
        return "where text is typed".to_owned();
    }
    binding.contexts.iter().map(|context| context.place()).collect::<Vec<_>>().join(", ")
}

#[test]
fn the_document_has_every_action_with_its_keys() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/keys.md");
    let text = fs::read_to_string(&path).unwrap();
    let start = "<!-- the table of the program -->\n";
    let (before, _) = text.split_once(start).expect("the table's beginning");
    let expected = format!("{before}{start}{}", documented());
    if std::env::var_os("DIFFUSCOPE_KEYS").is_some_and(|wanted| wanted == "write") {
        fs::write(&path, &expected).unwrap();
        return;
    }
    assert!(text == expected, "docs/keys.md: DIFFUSCOPE_KEYS=write writes the table");
}

#[test]
fn every_binding_can_be_given_another_key() {
    for binding in Keymap::default().bindings() {
        let keys = [(&*binding.name, vec!["alt-f12".to_owned()])];
        let keymap = Keymap::rebound(keys.iter().map(|(name, keys)| (*name, keys.as_slice())));
        assert!(keymap.is_ok(), "{}: {keymap:?}", binding.name);
    }
}

#[test]
fn a_key_that_is_not_possible_is_answered() {
    let story = common::story();
    let app = diffuscope::tui::App::replay("x", Box::new(story), DARK);
    let mut driver = Driver { app, size: (120, 40), effects: Vec::new() };
    let names: BTreeSet<_> = driver.app.keymap().bindings().iter().map(|binding| binding.name.to_string()).collect();
    assert!(names.contains("run.again"));
    driver.event(TerminalEvent::Key(KeyEvent::new(KeyCode::Char('R'), KeyModifiers::SHIFT)));
    let notice = driver.app.notice().unwrap();
    assert_eq!(notice.text, "run again, with these settings: a trace is shown, which no engine can change");
    assert!(!notice.is_error);
    // It has its row to itself: no word beside it is cut.
    let row = driver.text().lines().find(|line| line.contains("no engine can change")).map(str::to_owned);
    assert_eq!(row.unwrap().trim_end(), format!("▌ {}", notice.text));
}
