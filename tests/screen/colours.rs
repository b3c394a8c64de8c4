//! Themes and colour levels: nothing is said by colour alone.

use crossterm::event::KeyCode;
use diffuscope::{
    decode::record::Verdict,
    trace::{Log, Piece},
    tui::{
        Action, Effect, Layer,
        theme::{ASCII, Level, Rgb, THEMES, Theme, ThemeName},
    },
};
use ratatui::style::{Color, Modifier};

use super::{
    common,
    driver::{DARK, Driver, LIGHT, MONO, layer, picture},
};

#[test]
fn dark_and_light_differ() {
    let story = common::story();
    let dark = picture(&Driver::live(&story, 9, DARK).draw().0);
    let light = picture(&Driver::live(&story, 9, LIGHT).draw().0);
    assert_ne!(dark, light);
}

#[test]
fn the_theme_is_one_key_away() {
    let story = common::story();
    let mut driver = Driver::live(&story, 9, DARK);
    for entry in THEMES.iter().cycle().skip(1).take(THEMES.len()) {
        driver.keys("t");
        assert_eq!(driver.app.theme.name, entry.name);
        let told = &driver.app.notice().unwrap().text;
        assert!(told.contains(entry.word) && told.contains(entry.sentence), "{told}");
        assert_eq!(std::mem::take(&mut driver.effects), [Effect::RememberTheme(entry.name)]);
    }
    // The notice goes after a while.
    driver.keys("t").tick(60_000);
    assert_eq!(picture(&driver.draw().0), picture(&Driver::live(&story, 9, LIGHT).draw().0));
}

#[test]
fn the_terminals_ground_decides_until_somebody_does() {
    let (paper, night) = (Rgb(0xf6, 0xf0, 0xe0), Rgb(0x1e, 0x1e, 0x2e));
    let mut driver = Driver::loading(DARK);
    driver.act(Action::Ground(paper));
    assert_eq!(driver.app.theme.name, ThemeName::Dark, "chosen");
    driver.app = driver.app.fitting_the_ground();
    for (ground, fitting) in [(paper, ThemeName::Light), (night, ThemeName::Dark), (paper, ThemeName::Light)] {
        driver.act(Action::Ground(ground));
        assert_eq!(driver.app.theme.name, fitting);
    }
    driver.key(KeyCode::Esc).keys("t").act(Action::Ground(night));
    assert_eq!(driver.app.theme.name, ThemeName::HighContrast, "chosen by a key");
}

#[test]
fn without_colours_no_cell_has_one() {
    let story = common::story();
    for layer in Layer::all() {
        let mut driver = Driver::live(&story, 17, MONO);
        driver.act(Action::Layer(layer)).act(Action::Select(20));
        let buffer = driver.draw().0;
        assert!(buffer.content.iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset), "{layer:?}");
    }
}

/// The weight of the first visible cell of a position.
fn weight(driver: &Driver, position: usize) -> Modifier {
    let cells = driver.cells_of(position);
    cells.iter().find(|cell| cell.symbol() != " ").expect("the position is on the screen").modifier
}

#[test]
fn without_colours_states_still_differ() {
    let story = common::story();
    let driver = Driver::live(&story, 17, MONO);
    let record = story.record(17).unwrap();
    let fresh = record.commits[0].position;
    let masked = record.proposals.last().unwrap().position;
    let draft = record.commits.last().unwrap().position + 1;
    let start = story.header().prompt_ids.len();
    let doubted = (start..fresh)
        .find(|at| story.canvas(17).written(*at).is_some_and(|(_, _, confidence)| confidence < 0.5))
        .expect("the fixture has a doubtful token");
    let weights = [weight(&driver, start), weight(&driver, doubted), weight(&driver, fresh), weight(&driver, draft)];
    for (index, one) in weights.iter().enumerate() {
        assert!(!weights[index + 1..].contains(one), "{weights:?}");
    }
    assert!(driver.cells_of(masked).iter().any(|cell| cell.symbol() == "∎"));
}

#[test]
fn without_colours_verdicts_still_differ() {
    let story = common::story();
    let (steps, record) = (1..=story.len())
        .map(|steps| (steps, story.record(steps).unwrap()))
        .find(|(_, record)| record.guide.as_ref().is_some_and(|guide| guide.accepted == 0))
        .expect("the fixture has a forced step");
    let forced = record.guide.as_ref().unwrap().drafts.iter().find(|draft| draft.verdict == Verdict::Forced).unwrap();
    let mut driver = Driver::live(&story, steps, MONO);
    driver.act(Action::Layer(layer("guide")));
    let forced = weight(&driver, forced.position);

    let mut driver = Driver::live(&story, 17, MONO);
    driver.act(Action::Layer(layer("guide")));
    let record = story.record(17).unwrap();
    let drafts = &record.guide.as_ref().unwrap().drafts;
    let of = |verdict| drafts.iter().find(|draft| draft.verdict == verdict).unwrap().position;
    let weights = [
        forced,
        weight(&driver, of(Verdict::Agreed)),
        weight(&driver, of(Verdict::Rejected)),
        weight(&driver, of(Verdict::NotReached)),
    ];
    for (index, one) in weights.iter().enumerate() {
        assert!(!weights[index + 1..].contains(one), "{weights:?}");
    }
}

#[test]
fn without_colours_cache_uses_still_differ() {
    let story = common::story();
    let mut driver = Driver::live(&story, story.len(), MONO);
    driver.act(Action::Layer(layer("cache")));
    let start = story.header().prompt_ids.len();
    let last = story.header().canvas_length() - 1;
    assert_ne!(weight(&driver, start), weight(&driver, last));
}

#[test]
fn the_order_is_seen_in_colours_and_without() {
    let story = common::story();
    let at = |steps: usize| story.record(steps).unwrap().commits[0].position;
    let draft = story.record(17).unwrap().commits.last().unwrap().position + 1;
    let mut driver = Driver::live(&story, 17, MONO);
    driver.act(Action::Layer(layer("order")));
    let weights = [at(1), at(8), at(16), at(17), draft].map(|position| weight(&driver, position));
    for (index, one) in weights.iter().enumerate() {
        assert!(!weights[index + 1..].contains(one), "{weights:?}");
    }
    for theme in [DARK, LIGHT] {
        let mut driver = Driver::live(&story, 17, theme);
        driver.act(Action::Layer(layer("order")));
        let inks: Vec<_> = (1..17).map(|steps| driver.cells_of(at(steps)).last().unwrap().fg).collect();
        for (index, ink) in inks.iter().enumerate() {
            assert!(!inks[index + 1..].contains(ink), "each step has a tint of its own: {inks:?}");
        }
    }
}

#[test]
fn sixteen_colours_are_the_terminals_own() {
    let story = common::story();
    let theme = Theme { level: Level::Ansi16, ..DARK };
    let buffer = Driver::live(&story, 17, theme).draw().0;
    let foreign = |colour: Color| matches!(colour, Color::Rgb(..) | Color::Indexed(_));
    assert!(buffer.content.iter().all(|cell| !foreign(cell.fg) && cell.bg == Color::Reset));
}

#[test]
fn ascii_terminals_get_ascii() {
    let story = common::story();
    let theme = Theme { glyphs: &ASCII, ..DARK };
    let mut driver = Driver::live(&story, 17, theme);
    for layer in Layer::all() {
        driver.act(Action::Layer(layer));
        let text = driver.text();
        assert!(text.is_ascii(), "{layer:?}: {:?}", text.chars().find(|c| !c.is_ascii()));
    }
}

#[test]
fn what_was_masked_again_differs_from_what_was_never_written() {
    let code = common::code();
    let mut log = Log::new(code.header().clone());
    code.entries().take(5).for_each(|entry| log.push(entry));
    // The sixth step takes back what the fifth wrote first.
    let position = code.record(5).unwrap().commits[0].position;
    let mut entry = code.entry(6).unwrap();
    entry.record.ids[position] = log.header().mask_id;
    entry.record.remasked = vec![position];
    entry.pieces.retain(|piece| piece.position < position);
    entry.pieces.push(Piece { position, text: String::new() });
    log.push(entry);
    let canvas: Vec<u32> = log.canvas(6).ids().collect();
    let never = (position + 1..canvas.len()).find(|at| canvas[*at] == log.header().mask_id).unwrap();
    for theme in [DARK, MONO] {
        let mut driver = Driver::live(&log, 6, theme);
        driver.act(Action::ToggleDrafts);
        let sign = |driver: &Driver, at: usize| driver.cells_of(at)[0].symbol().to_owned();
        assert_ne!(sign(&driver, position), sign(&driver, never));
        assert!(weight(&driver, position).contains(Modifier::BOLD) && !weight(&driver, never).contains(Modifier::BOLD));
        assert!(driver.text().contains("masked 1 again"), "{}", driver.text());
        driver.act(Action::Select(position));
        assert!(driver.text().contains("masked again by this step"), "{}", driver.text());
    }
}
