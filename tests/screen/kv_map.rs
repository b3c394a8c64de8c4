//! The K/V map: layers and positions of the shown step.

use crossterm::event::KeyCode;
use diffuscope::{
    decode::record::{AuditReport, KvStatus, KvUse, LayerUse, RowDrift},
    export::{ExportOptions, Frames},
    trace::Log,
    tui::{
        Action, Focus, Pane,
        theme::{ASCII, Theme},
    },
};

use ratatui::buffer::Buffer;

use super::{
    common,
    driver::{DARK, Driver, LIGHT, MONO, layer, picture, rows},
};

const LAYERS: usize = 6;

/// Every so many steps the layers from the fifth on compute all rows.
const REFRESH: usize = 5;

/// The story under a cache that decides layer by layer, each step audited: the lower four layers do as the report of the
/// step says, the upper two also compute everything in every fifth step.
fn layered() -> Log {
    let story = common::story();
    let mut log = Log::new(story.header().clone());
    let mut upper: Vec<u32> = Vec::new();
    for (step, mut entry) in story.entries().enumerate() {
        let kv = &mut entry.record.kv;
        let lower: Vec<u32> = kv.iter().map(|kv| kv.age).collect();
        upper = lower
            .iter()
            .enumerate()
            .map(|(at, age)| match upper.get(at) {
                Some(before) if *age > 0 && !step.is_multiple_of(REFRESH) => before + 1,
                _ => 0,
            })
            .collect();
        let layer = |ages: &Vec<u32>| LayerUse {
            computed: ages.iter().filter(|age| **age == 0).count() as u32,
            similarity: None,
            ages: ages.clone(),
        };
        entry.record.layers = (0..LAYERS).map(|at| layer(if at < 4 { &lower } else { &upper })).collect();
        let reused = kv.iter().enumerate().filter(|(_, kv)| matches!(kv.status, KvStatus::Reused | KvStatus::Stale));
        let cosines = |age: u32| (0..LAYERS).map(|layer| 1.0 - (age as usize * (layer + 1)) as f32 / 250.0).collect();
        let drift = |(position, kv): (usize, &KvUse)| RowDrift { position, keys: cosines(kv.age), values: cosines(1) };
        entry.record.audit = Some(AuditReport { positions: Vec::new(), drift: reused.map(drift).collect() });
        log.push(entry);
    }
    log
}

#[test]
fn a_recording_shows_the_rows_of_every_step() {
    let log = layered();
    let options = ExportOptions { view: Some(Pane::KvMap), width: 120, height: 40, ..ExportOptions::default() };
    let map = |buffer: &Buffer| -> Vec<String> {
        rows(buffer).into_iter().filter(|row| ["layer 6", "recomputed"].iter().any(|word| row.contains(word))).collect()
    };
    let mut seen = Vec::new();
    for frame in Frames::of(&log, &options).unwrap() {
        let shown = map(&frame.screen);
        if !shown.is_empty() && seen.last() != Some(&shown) {
            seen.push(shown);
        }
    }
    assert!(seen.len() > log.len() / 2, "{} of {} steps look different", seen.len(), log.len());
    let last = map_of(&log, log.len(), DARK).draw().0;
    let cells = |rows: &[String]| rows.iter().flat_map(|row| row.chars().take(70)).collect::<String>();
    assert_eq!(cells(seen.last().unwrap()), cells(&map(&last)), "as the playground shows it");
}

/// The K/V map of a run after so many steps.
fn map_of(log: &Log, steps: usize, theme: Theme) -> Driver {
    let mut driver = Driver::live(log, steps, theme);
    driver.act(Action::Focus(Focus::Canvas)).keys("K");
    driver
}

/// The rows of the map, from the last layer down, without what is beside them.
fn bands(driver: &Driver) -> Vec<String> {
    let text = rows(&driver.draw().0);
    let top = text.iter().position(|row| row.contains("layer 6") || row.contains("all 6")).expect("the map");
    let end = text[top..].iter().position(|row| row.contains("14 block")).expect("the axis") + top;
    text[top..end].iter().map(|row| row.chars().skip(10).collect()).collect()
}

#[test]
fn pictures_of_the_map() {
    let log = layered();
    let ascii = Theme { glyphs: &ASCII, ..MONO };
    for (look, theme, (width, height), reading) in [
        ("dark", DARK, (80, 24), "cache"),
        ("dark", DARK, (120, 40), "cache"),
        ("light", LIGHT, (200, 60), "cache"),
        ("mono", MONO, (80, 24), "cache"),
        ("mono", MONO, (120, 40), "audit"),
        ("ascii", ascii, (80, 24), "cache"),
        ("ascii", ascii, (80, 24), "audit"),
        ("dark", DARK, (120, 40), "audit"),
    ] {
        let mut driver = map_of(&log, 17, theme).sized(width, height);
        driver.act(Action::Layer(layer(reading)));
        if width >= 120 {
            driver.act(Action::Select(log.header().prompt_ids.len() + 25));
        }
        insta::assert_snapshot!(format!("{reading}_{look}_{width}x{height}"), picture(&driver.draw().0));
    }
}

#[test]
fn a_cache_for_all_layers_has_one_row() {
    let story = common::story();
    let driver = map_of(&story, 17, DARK).sized(80, 24);
    let text = driver.text();
    assert!(text.contains("all 6 ") && text.contains("this cache treats all layers alike"), "{text}");
    insta::assert_snapshot!("alike_dark_80x24", picture(&driver.draw().0));
}

#[test]
fn a_run_without_data_says_what_would_give_it() {
    let story = common::story();
    let mut driver = map_of(&story, 17, DARK);
    driver.keys("4");
    assert!(driver.text().contains("not audited so far: A audits each step"), "{}", driver.text());
    driver.act(Action::ScrubTo(0)).keys("2");
    assert!(driver.text().contains("the K/V map begins with step 1"), "{}", driver.text());

    let mut log = Log::new(story.header().clone());
    for mut entry in story.entries().take(3) {
        entry.record.layers = vec![LayerUse { computed: 4, similarity: None, ages: Vec::new() }; LAYERS];
        log.push(entry);
    }
    let driver = map_of(&log, 3, DARK);
    assert!(driver.text().contains("this older trace does not say where"), "{}", driver.text());
}

#[test]
fn the_key_leads_there_and_back() {
    let log = layered();
    let mut driver = map_of(&log, 17, DARK);
    assert_eq!(driver.app.lens().pane, Pane::KvMap);
    assert!(driver.text().contains("K/V map  2 use  4 cosine") && driver.text().contains("step 17 of"));
    driver.keys("K");
    assert_eq!(driver.app.lens().pane, Pane::Canvas);
    driver.keys("K").act(Action::Select(30)).key(KeyCode::Esc);
    assert_eq!((driver.app.lens().pane, driver.app.lens().selected), (Pane::KvMap, None), "first the selection");
    driver.key(KeyCode::Esc);
    assert_eq!(driver.app.lens().pane, Pane::Canvas);
}

#[test]
fn layers_that_differ_are_seen_in_colours_and_without() {
    let log = layered();
    for theme in [DARK, MONO, Theme { glyphs: &ASCII, ..MONO }] {
        let driver = map_of(&log, 16, theme).sized(80, 24);
        let bands = bands(&driver);
        // The sixteenth step computed all rows of the upper two layers.
        assert_ne!(bands.first(), bands.last(), "{}", driver.text());
        assert_ne!(picture(&driver.draw().0), picture(&map_of(&log, 14, theme).sized(80, 24).draw().0));
    }
}

#[test]
fn a_click_selects_the_position_that_is_seen() {
    let log = layered();
    let mut driver = map_of(&log, 17, DARK).sized(120, 40);
    let (_, frame) = driver.draw();
    let hits: Vec<_> =
        frame.hits.iter().filter(|hit| matches!(hit.click, Some(Action::Select(_))) && hit.drag).cloned().collect();
    assert!(hits.len() > 60, "{}", hits.len());
    let hit = &hits[hits.len() / 2];
    let Some(Action::Select(position)) = hit.click else { unreachable!() };
    driver.act(hit.click.clone().unwrap());
    assert_eq!(driver.app.lens().selected, Some(position));
    let text = driver.text();
    assert!(text.contains(&format!("position {position} ")), "{text}");
    driver.act(Action::ScrubTo(14));
    assert!(driver.text().contains(" in layer 1-4"), "the layers of the selected position differ:\n{}", driver.text());
}

#[test]
fn arrows_move_the_cross_hair() {
    let log = layered();
    let mut driver = map_of(&log, 17, DARK);
    driver.act(Action::Select(30)).keys("jl");
    assert_eq!(driver.app.lens().selected, Some(41));
    driver.keys("kkkk");
    assert_eq!(driver.app.lens().selected, Some(1));
    driver.keys("k");
    assert_eq!(driver.app.lens().selected, Some(1), "there is nothing above");
}

#[test]
fn the_parts_of_the_canvas_are_named_on_the_axis() {
    let code = common::code();
    let driver = map_of(&code, 12, DARK).sized(200, 60);
    let text = driver.text();
    let prompt = code.header().prompt_ids.len();
    let region = code.record(12).unwrap().region;
    for part in [
        "0 prompt".to_owned(),
        format!("{prompt} done"),
        format!("{} block", region.start),
        format!("{} ahead", region.end),
    ] {
        assert!(text.contains(&part), "{part}:\n{text}");
    }
}

#[test]
fn cosines_of_another_step_are_named() {
    let log = layered();
    let mut short = Log::new(log.header().clone());
    for (step, mut entry) in log.entries().enumerate().take(20) {
        entry.record.audit = entry.record.audit.filter(|_| step == 9);
        short.push(entry);
    }
    let mut driver = map_of(&short, 17, DARK);
    driver.keys("4");
    assert!(driver.text().contains("audit of step 10"), "{}", driver.text());
    assert!(driver.text().contains("rows compared with the truth"), "{}", driver.text());
    driver.act(Action::ScrubTo(10));
    assert!(!driver.text().contains("audit of step 10"), "{}", driver.text());
}

#[test]
fn a_network_of_many_layers_shares_rows() {
    let log = layered();
    let mut deep = Log::new(log.header().clone());
    for mut entry in log.entries().take(17) {
        entry.record.layers = (0..96).map(|at| entry.record.layers[at / 16].clone()).collect();
        deep.push(entry);
    }
    for (width, height) in [(80, 24), (120, 40), (44, 13), (40, 12)] {
        let driver = map_of(&deep, 17, MONO).sized(width, height);
        let text = driver.text();
        assert!(text.contains("layer 96"), "{width}x{height}\n{text}");
    }
}
