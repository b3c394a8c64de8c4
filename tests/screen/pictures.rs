//! Pictures of the whole screen, glyphs and styles.

use crossterm::event::KeyCode;
use diffuscope::{
    engine::protocol::{Event, RequestError},
    tui::{Action, Focus, Overlay},
};

use super::{
    common,
    driver::{DARK, Driver, LIGHT, MONO, layer, picture},
};

macro_rules! snapshot {
    ($name:literal, $driver:expr) => {
        insta::assert_snapshot!($name, picture(&$driver.draw().0))
    };
}

#[test]
fn before_the_first_run() {
    snapshot!("welcome_120x40", Driver::loading(DARK));
}

#[test]
fn a_guided_run_half_way() {
    let story = common::story();
    snapshot!("running_120x40", Driver::live(&story, 17, DARK));
}

#[test]
fn the_same_on_paper() {
    let story = common::story();
    snapshot!("running_light_100x30", Driver::live(&story, 17, LIGHT).sized(100, 30));
}

#[test]
fn the_same_without_colours() {
    let story = common::story();
    snapshot!("running_mono_80x24", Driver::live(&story, 17, MONO).sized(80, 24));
}

#[test]
fn the_guide_and_an_inspected_token() {
    let story = common::story();
    let mut driver = Driver::live(&story, 17, DARK);
    driver.act(Action::Layer(layer("guide"))).act(Action::Select(story.header().prompt_ids.len() + 55));
    snapshot!("guide_inspector_120x40", driver);
}

#[test]
fn the_cache_in_blocks() {
    let code = common::code();
    let mut driver = Driver::live(&code, 12, DARK).sized(80, 24);
    driver.act(Action::Layer(layer("cache")));
    snapshot!("cache_80x24", driver);
}

#[test]
fn the_order_of_writing() {
    let code = common::code();
    let mut driver = Driver::live(&code, 12, LIGHT).sized(120, 40);
    let written = code.step(8).unwrap().commits[0].position;
    driver.act(Action::Layer(layer("order"))).act(Action::Select(written));
    snapshot!("order_inspector_light_120x40", driver);
}

#[test]
fn a_right_answer() {
    let story = common::story();
    snapshot!("finished_80x24", Driver::live(&story, story.len(), DARK).sized(80, 24));
}

#[test]
fn a_knob_turned_on_a_small_screen() {
    let story = common::story();
    let mut driver = Driver::live(&story, 17, DARK).sized(80, 24);
    driver.act(Action::Focus(Focus::Knobs)).act(Action::KnobSelect(3)).act(Action::KnobNudge(1));
    snapshot!("knobs_80x24", driver);
}

#[test]
fn the_gallery() {
    let story = common::story();
    let mut driver = Driver::ready(&story, DARK).sized(100, 30);
    driver.act(Action::Toggle(Overlay::Gallery)).act(Action::ListMove(7));
    snapshot!("gallery_100x30", driver);
}

#[test]
fn the_presets_say_how_many_there_are() {
    let story = common::story();
    let mut driver = Driver::ready(&story, DARK).sized(80, 24);
    driver.act(Action::Toggle(Overlay::Presets)).key(KeyCode::End);
    let count = diffuscope::settings::presets().len();
    assert!(driver.text().contains(&format!("{count} of {count}")), "{}", driver.text());
    driver.key(KeyCode::Home);
    assert!(driver.text().contains(&format!(" 1 of {count}")), "{}", driver.text());
}

#[test]
fn the_help() {
    let story = common::story();
    let mut driver = Driver::live(&story, 3, MONO);
    driver.act(Action::Toggle(Overlay::Help));
    snapshot!("help_120x40", driver);
}

#[test]
fn the_legend() {
    let story = common::story();
    let mut driver = Driver::live(&story, 3, DARK).sized(90, 32);
    driver.act(Action::Toggle(Overlay::Legend));
    snapshot!("legend_90x32", driver);
}

#[test]
fn text_from_hell_is_harmless() {
    snapshot!("odd_80x24", Driver::live(&common::odd(), 7, MONO).sized(80, 24));
}

#[test]
fn a_tiny_terminal_says_what_it_needs() {
    let story = common::story();
    snapshot!("tiny_38x6", Driver::live(&story, 3, DARK).sized(38, 6));
}

#[test]
fn the_smallest_terminal_still_shows_the_canvas() {
    let story = common::story();
    let text = Driver::live(&story, 5, DARK).sized(40, 12).text();
    assert!(text.contains("canvas") && text.contains("One day Laura went to the farm."), "{text}");
}

#[test]
fn a_replay_says_so_and_names_the_file() {
    let app = diffuscope::tui::App::replay("runs/goat.jsonl", Box::new(common::story()), DARK);
    let driver = Driver { app, size: (140, 40), effects: Vec::new() };
    let text = driver.text();
    assert!(text.contains("replay of runs/goat.jsonl") && text.contains("as recorded"), "{text}");
}

#[test]
fn a_failed_load_is_shown_where_the_canvas_would_be() {
    let mut driver = Driver::loading(DARK);
    driver.hear(Event::LoadFailed {
        error: RequestError::Refused("no weights\u{1b}[31m in the binary".to_owned()),
        request: None,
        warnings: Vec::new(),
    });
    let text = driver.text();
    assert!(text.contains("The networks could not be loaded: no weights\u{fffd}[31m in the binary"), "{text}");
    assert!(text.contains("no model"), "{text}");
}
