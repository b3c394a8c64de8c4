//! Words in the text of the shown step.

use crossterm::event::{Event as TerminalEvent, KeyCode};
use diffuscope::{
    trace::{Header, Log},
    tui::{Action, App, Focus, TextSearch, keymap::Context},
};
use ratatui::style::Modifier;

use super::{
    common,
    driver::{DARK, Driver, LIGHT, MONO, picture},
    palette::ascii,
};

/// A log whose prompt is made of these pieces.
fn log_of(pieces: &[&str]) -> Log {
    let header = Header {
        prompt_ids: vec![3; pieces.len()],
        prompt_pieces: pieces.iter().map(|piece| (*piece).to_owned()).collect(),
        ..common::story().header().clone()
    };
    Log::new(header)
}

fn places(pieces: &[&str], text: &str) -> Vec<(usize, usize)> {
    let search = TextSearch { text: text.to_owned(), is_typed: false };
    search.places(&log_of(pieces), 0).into_iter().map(|place| (*place.start(), *place.end())).collect()
}

#[test]
fn words_are_found_across_tokens() {
    assert_eq!(places(&["The ", "den", "oiser", " runs"], "denoiser r"), [(1, 3)]);
    assert_eq!(places(&["a", "\n", "b"], "a b"), [(0, 2)], "white space is a blank");
    assert_eq!(places(&["aaa", "aa"], "aa"), [(0, 0), (0, 1)], "none overlaps the one before");
    assert_eq!(places(&["a", "b"], "  "), []);
    assert_eq!(places(&["a"], "abcdef"), []);
}

#[test]
fn a_capital_letter_makes_case_count() {
    assert_eq!(places(&["Goat", " goat", " GOAT"], "goat"), [(0, 0), (1, 1), (2, 2)]);
    assert_eq!(places(&["Goat", " goat", " GOAT"], "Goat"), [(0, 0)]);
    assert_eq!(places(&["İstanbul", " Ü"], "ü"), [(1, 1)], "letters whose small form is longer keep their place");
}

#[test]
fn masks_and_drafts_are_not_looked_through() {
    let story = common::story();
    let search = |text: &str| TextSearch { text: text.to_owned(), is_typed: false };
    let end = search("laura").places(&story, story.len());
    let begin = search("laura").places(&story, 0);
    assert!(end.len() > begin.len(), "{end:?} {begin:?}");
    let prompt = story.header().prompt_ids.len();
    assert!(begin.iter().all(|place| *place.end() < prompt));
}

#[test]
fn the_keys_of_events_walk_while_something_is_looked_for() {
    let story = common::story();
    let mut driver = Driver::live(&story, story.len(), DARK);
    driver.keys("/");
    assert_eq!(driver.app.context(), Context::FindEntry);
    driver.keys("laura");
    let places = TextSearch { text: "laura".into(), is_typed: false }.places(&story, story.len());
    let all = places.len();
    assert!(driver.text().contains(&format!("{all} places")), "{}", driver.text());
    driver.key(KeyCode::Enter);
    assert_eq!(driver.app.context(), Context::Find);
    let starts: Vec<_> = places.iter().map(|place| *place.start()).collect();
    assert_eq!(driver.app.lens().selected, Some(starts[0]));
    driver.keys("n");
    assert_eq!(driver.app.lens().selected, Some(starts[1]));
    assert!(driver.text().contains(&format!("2 of {all} places")), "{}", driver.text());
    driver.key(KeyCode::Enter);
    assert_eq!(driver.app.lens().selected, Some(starts[2 % all]));
    driver.keys("NNN");
    assert_eq!(driver.app.lens().selected, Some(starts[all - 1]), "before the first comes the last");
    driver.keys("2v");
    assert_eq!(driver.app.context(), Context::Find, "the other keys are those of the canvas");
    driver.keys("/").ctrl('u').keys("zzz");
    assert!(driver.text().contains("not in the text of this step"), "{}", driver.text());
    driver.key(KeyCode::Enter).keys("n");
    assert!(driver.app.notice().unwrap().text.contains("has no such words"));
    driver.key(KeyCode::Esc);
    assert_eq!((driver.app.context(), driver.app.lens().find.as_ref()), (Context::Canvas, None));
    driver.keys("n");
    assert!(driver.app.notice().unwrap().text.contains("step "), "an event again: {:?}", driver.app.notice());
}

#[test]
fn places_are_marked_also_without_colour_and_only_while_looked_for() {
    let story = common::story();
    for theme in [DARK, LIGHT, MONO, ascii()] {
        let mut driver = Driver::live(&story, story.len(), theme);
        let place = TextSearch { text: "laura".into(), is_typed: false }.places(&story, story.len())[0].clone();
        let before = driver.cells_of(*place.start());
        driver.keys("/laura");
        let marked = driver.cells_of(*place.start());
        assert!(
            marked.iter().filter(|cell| cell.symbol() != " ").all(|cell| cell.modifier.contains(Modifier::UNDERLINED))
        );
        assert_ne!(before, marked);
        driver.key(KeyCode::Esc);
        assert_eq!(driver.cells_of(*place.start()), before);
    }
}

#[test]
fn an_empty_search_is_none_and_what_was_looked_for_can_be_changed() {
    let story = common::story();
    let mut driver = Driver::live(&story, 5, DARK);
    driver.keys("/").key(KeyCode::Enter);
    assert_eq!(driver.app.context(), Context::Canvas);
    driver.keys("/a").key(KeyCode::Enter).keys("/b");
    assert_eq!(driver.app.lens().find.as_ref().map(|find| find.text.as_str()), Some("ab"));
    driver.key(KeyCode::Backspace);
    driver.event(TerminalEvent::Paste("\u{1b}[31mX\n".to_owned()));
    assert_eq!(driver.app.lens().find.as_ref().map(|find| find.text.as_str()), Some("a\u{fffd}[31mX"));
    driver.act(Action::Focus(Focus::Knobs));
    assert_eq!(driver.app.context(), Context::Knobs, "it is typed no longer");
}

#[test]
fn without_a_run_there_is_nothing_to_find() {
    let mut driver = Driver::ready(&common::story(), DARK);
    driver.act(Action::Focus(Focus::Canvas)).keys("/");
    assert_eq!(driver.app.notice().map(|notice| notice.text.as_str()), Some("find words in the text: no run yet"));
    assert_eq!(driver.app.lens().find, None);
}

#[test]
fn both_runs_of_a_comparison_are_looked_through() {
    let story = common::story();
    let app = App::compare("a", Box::new(story.clone()), ("b", Box::new(common::failing())), DARK);
    let mut driver = Driver { app, size: (140, 44), effects: Vec::new() };
    driver.redraw();
    driver.keys("/laura").key(KeyCode::Enter);
    let text = driver.text();
    assert!(text.contains("A  1 of ") && text.contains("   B  "), "{text}");
    driver.keys("n").key(KeyCode::Esc);
    assert_eq!(driver.app.context(), Context::Compare);
}

#[test]
fn it_reads_at_every_size_and_without_colour() {
    let story = common::story();
    for (name, theme, size) in [
        ("find_120x40", DARK, (120, 40)),
        ("find_light_200x60", LIGHT, (200, 60)),
        ("find_mono_80x24", MONO, (80, 24)),
        ("find_ascii_80x24", ascii(), (80, 24)),
    ] {
        let mut driver = Driver::live(&story, story.len(), theme).sized(size.0, size.1);
        driver.keys("/laura").key(KeyCode::Enter);
        insta::assert_snapshot!(name, picture(&driver.draw().0));
    }
}
