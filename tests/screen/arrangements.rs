//! How the canvas is arranged: running text that holds still, a grid, a sudoku; and the part of a long one that is shown.

use std::collections::BTreeMap;

use crossterm::event::{Event as TerminalEvent, KeyModifiers, MouseEvent, MouseEventKind};
use diffuscope::{
    decode::record::{Proposal, StepRecord},
    export::{ExportOptions, Frames},
    trace::{Log, file},
    tui::{
        Action, App, Arrangement,
        theme::{ASCII, Level, Theme},
    },
};
use proptest::prelude::*;
use ratatui::style::Modifier;

use super::{
    common::{self, EOS, Fixture, MASK},
    driver::{DARK, Driver, LIGHT, MONO, picture, rows},
    properties::log,
};

const PLAIN: Theme = Theme { glyphs: &ASCII, level: Level::Mono, ..DARK };

/// A run of the embedded pair: the default prompt under `threshold`, 96 tokens.
const RECORDED: &str = "tests/screen/traces/story-threshold.jsonl";

fn recorded() -> Log {
    file::open(std::path::Path::new(RECORDED)).unwrap().log
}

fn replayed(log: &Log, theme: Theme, size: (u16, u16), arrangement: Arrangement) -> Driver {
    let mut driver = Driver { app: App::replay("x", Box::new(log.clone()), theme), size, effects: Vec::new() };
    driver.act(Action::Arrange(arrangement));
    driver
}

/// The cells that show each position in sight: of every part the row, the first cell and the width.
fn places(driver: &Driver) -> BTreeMap<usize, Vec<(u16, u16, u16)>> {
    let mut places: BTreeMap<usize, Vec<_>> = BTreeMap::new();
    for hit in &driver.app.drawn().hits {
        if let Some(Action::Select(position)) = hit.click {
            places.entry(position).or_default().push((hit.area.y, hit.area.x, hit.area.width));
        }
    }
    places
}

/// The first position of each row in sight.
fn line_starts(driver: &Driver) -> Vec<usize> {
    let mut starts: BTreeMap<u16, (u16, usize)> = BTreeMap::new();
    for (position, parts) in places(driver) {
        for (y, x, _) in parts {
            let first = starts.entry(y).or_insert((x, position));
            *first = (*first).min((x, position));
        }
    }
    starts.into_values().map(|(_, position)| position).collect()
}

/// The same log with other drafts in every step.
fn redrafted(log: &Log) -> Log {
    let redraft = |record: &mut StepRecord| {
        let tokens: Vec<u32> = record.proposals.iter().map(|proposal| proposal.token).collect();
        let turned = tokens.iter().cycle().skip(7);
        for (proposal, token) in record.proposals.iter_mut().zip(turned) {
            *proposal = Proposal { token: *token, ..proposal.clone() };
        }
    };
    let mut other = Log::new(log.header().clone());
    for mut entry in log.entries() {
        redraft(&mut entry.record);
        other.push(entry);
    }
    other
}

/// A sudoku that is written three cells at a time, right or with a wrong digit in its second row.
fn sudoku(answer: &str) -> Log {
    let prompt = "Solve this sudoku:\n1030\n0412\n2140\n4021";
    let mut fixture = Fixture::new(prompt, answer, 24, "threshold");
    while fixture.quota_step(3, None) {}
    let start = fixture.log.header().prompt_ids.len();
    fixture.failed = (answer != "1234\n3412\n2143\n4321").then_some(start + 5..start + 6);
    let right = fixture.failed.is_none();
    fixture.finish(Some(right), Some("every row, column and box holds 1 to 4"))
}

fn json() -> Log {
    let prompt = "Write as JSON: Max, a pilot from Oslo, is 31. He likes tea.";
    let answer = "{\n  \"name\": \"Max\",\n  \"age\": 31,\n  \"job\": {\n    \"title\": \"pilot\"\n  }\n}";
    let mut fixture = Fixture::new(prompt, answer, 48, "plain");
    while fixture.quota_step(3, None) {}
    fixture.finish(None, None)
}

/// A log whose answer ends in the first bytes of a character.
fn unfinished() -> Log {
    let mut fixture = Fixture::new("Say it in Japanese.", "日本語 x", 12, "plain");
    let byte = fixture.vocabulary.id("\u{fffd}\u{fffd}");
    for at in 3..6 {
        fixture.answer[at] = byte;
    }
    while fixture.quota_step(4, None) {}
    fixture.finish(None, None)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn drafts_move_nothing(log in log(), width in 40u16..200, height in 12u16..60) {
        let other = redrafted(&log);
        for arrangement in [Arrangement::Auto, Arrangement::Grid] {
            let [mut one, mut two] = [&log, &other].map(|log| replayed(log, DARK, (width, height), arrangement));
            for steps in 0..=log.len() {
                one.act(Action::ScrubTo(steps));
                two.act(Action::ScrubTo(steps));
                let starts = |driver: &Driver| {
                    let first = |(position, parts): (usize, Vec<(u16, u16, u16)>)| (position, parts[0].0, parts[0].1);
                    places(driver).into_iter().map(first).collect::<Vec<_>>()
                };
                prop_assert_eq!(starts(&one), starts(&two), "{:?} after step {}", arrangement, steps);
            }
        }
    }

    #[test]
    fn every_position_is_shown_once_and_within_its_row(log in log(), width in 40u16..200, steps in 0usize..9) {
        for arrangement in [Arrangement::Auto, Arrangement::Text, Arrangement::Grid] {
            let mut driver = replayed(&log, DARK, (width, 250), arrangement);
            driver.act(Action::ScrubTo(steps.min(log.len())));
            let places = places(&driver);
            let canvas = log.canvas(steps.min(log.len()));
            for position in 0..log.header().canvas_length() {
                let parts = places.get(&position).cloned().unwrap_or_default();
                // A part of a grapheme is shown by the token that it completes.
                let completes = arrangement != Arrangement::Grid && !canvas.piece(position).is_ascii();
                prop_assert!(completes || !parts.is_empty(), "{:?}: {} is not shown", arrangement, position);
                prop_assert!(arrangement != Arrangement::Grid || parts.len() == 1, "{} is shown {} times", position, parts.len());
            }
            let mut cells: Vec<(u16, u16)> = Vec::new();
            for (y, x, wide) in places.into_values().flatten() {
                prop_assert!(wide > 0 && x + wide <= width, "{:?}: {}+{} of {}", arrangement, x, wide, width);
                cells.extend((x..x + wide).map(|x| (y, x)));
            }
            let all = cells.len();
            cells.sort_unstable();
            cells.dedup();
            prop_assert_eq!(cells.len(), all, "two positions share a cell");
        }
    }
}

#[test]
fn drafts_of_a_recorded_run_move_nothing_and_lines_rarely_move_at_all() {
    let log = recorded();
    let other = redrafted(&log);
    for size in [(80, 24), (120, 40), (200, 60)] {
        let mut drivers = [&log, &other].map(|log| replayed(log, DARK, size, Arrangement::Auto));
        let mut moved = 0;
        let mut before = None;
        for steps in 0..=log.len() {
            let [starts, others] = drivers.each_mut().map(|driver| line_starts(driver.act(Action::ScrubTo(steps))));
            assert_eq!(starts, others, "{size:?} after step {steps}");
            moved += usize::from(before.is_some_and(|before| before != starts));
            before = Some(starts);
        }
        println!("{}×{}: line starts move in {moved} of {} frames", size.0, size.1, log.len());
        assert!(moved * 3 < log.len(), "{size:?}: {moved} of {}", log.len());
    }
}

#[test]
fn a_draft_that_changed_is_marked_in_its_step() {
    let story = common::story();
    let mark = DARK.glyphs.new_draft;
    let mut driver = replayed(&story, DARK, (120, 60), Arrangement::Auto);
    assert!(!driver.act(Action::ScrubTo(1)).text().contains(mark), "nothing was proposed before the first step");
    let changed = |steps: usize| {
        let [before, now] = [steps - 1, steps].map(|steps| story.record(steps).unwrap());
        let token = |record: &StepRecord, at| record.proposals.iter().find(|p| p.position == at).map(|p| p.token);
        let open = (0..now.ids.len()).filter(|at| now.ids[*at] == MASK);
        open.filter(|at| token(&before, *at).is_some_and(|token_before| token(&now, *at) != Some(token_before))).count()
    };
    for steps in 2..story.len() {
        let (shown, changed) = (driver.act(Action::ScrubTo(steps)).text().matches(mark).count(), changed(steps));
        // At the edge of a full line there may be no cell for one.
        assert!(shown <= changed && shown * 10 >= changed * 9, "step {steps}: {shown} of {changed}");
    }
}

#[test]
fn nothing_moves_in_the_grid() {
    let log = recorded();
    let mut driver = replayed(&log, DARK, (120, 60), Arrangement::Grid);
    let firsts = |driver: &Driver| {
        places(driver).into_iter().map(|(at, parts)| (at, parts[0].0, parts[0].1)).collect::<Vec<_>>()
    };
    let before = firsts(driver.act(Action::ScrubTo(0)));
    for steps in 1..=log.len() {
        assert_eq!(firsts(driver.act(Action::ScrubTo(steps))), before, "step {steps}");
    }
}

#[test]
fn code_and_json_keep_their_lines_between_masks() {
    for (log, lines) in [
        (common::code(), vec!["def find(ages):↵", "    acc = 0↵", "            acc += 1↵", "    return acc"]),
        (json(), vec!["{↵", "  \"age\": 31,↵", "    \"title\": \"pilot\"↵", "}"]),
    ] {
        let mut driver = replayed(&log, DARK, (120, 40), Arrangement::Auto);
        let text = driver.act(Action::ScrubTo(log.len())).text();
        for line in lines {
            // Behind the gutter, with the indentation as it is written.
            assert!(
                text.lines().any(|row| row.get(7..).is_some_and(|row| row.starts_with(line))),
                "{line:?} in\n{text}"
            );
        }
        for steps in 0..=log.len() {
            driver.act(Action::ScrubTo(steps));
            let canvas = log.canvas(steps);
            let (starts, places) = (line_starts(&driver), places(&driver));
            for at in log.header().prompt_ids.len()..log.header().canvas_length() - 1 {
                if canvas.piece(at).ends_with('\n') {
                    assert!(
                        starts.contains(&(at + 1)),
                        "step {steps}: what is behind the line break {at} begins a row"
                    );
                }
                let rows = |at: usize| places[&at].iter().map(|(y, ..)| *y).max();
                assert!(rows(at) <= rows(at + 1), "step {steps}: {at} stands above {}", at + 1);
            }
        }
    }
}

#[test]
fn an_answer_that_the_pane_can_hold_is_shown_whole_at_every_step() {
    let log = sudoku("1234\n3412\n2143\n4321");
    for theme in [DARK, PLAIN] {
        let mut driver = replayed(&log, theme, (80, 24), Arrangement::default());
        let [_, down] = theme.glyphs.up_down;
        for steps in 1..=log.len() {
            driver.act(Action::ScrubTo(steps));
            let text = driver.text();
            assert!((1..9).all(|rows| !text.contains(&format!("{down} {rows} more"))), "{steps}: {text}");
        }
    }
}

#[test]
fn a_sudoku_is_drawn_as_its_grid_from_masks_to_verdict() {
    let log = sudoku("1234\n3412\n2143\n4321");
    let start = log.header().prompt_ids.len();
    let mut driver = replayed(&log, MONO, (80, 40), Arrangement::Auto);
    for steps in 0..=log.len() {
        let text = driver.act(Action::ScrubTo(steps)).text();
        assert!(text.contains("├─────────┼─────────┤"), "{text}");
        assert_eq!(text.matches('[').count(), 11, "the prompt gives eleven digits\n{text}");
        assert_eq!(
            line_starts(&driver).iter().filter(|at| **at >= start).count(),
            5,
            "four rows and what is behind them"
        );
    }
    assert!(driver.text().contains("│ [1]  2  │ [3]  4  │"), "{}", driver.text());
    driver.keys("#");
    assert_eq!(driver.app.lens().arrangement, Arrangement::Text);
    assert!(driver.text().contains("1234↵"), "the text stays within reach\n{}", driver.text());
    driver.keys("##");
    assert_eq!(driver.app.lens().arrangement, Arrangement::Auto);
    let wrong = sudoku("1234\n2412\n2143\n4321");
    let mut driver = replayed(&wrong, DARK, (80, 40), Arrangement::Auto);
    driver.act(Action::Follow);
    let cells = driver.cells_of(start + 5);
    assert!(cells.len() == 1 && cells[0].modifier.contains(Modifier::UNDERLINED | Modifier::BOLD), "{cells:?}");
    assert!(driver.text().lines().any(|row| row.contains("✗ │  2")), "{}", driver.text());
    let shapeless = sudoku("12345\n342\n2143\n4321");
    let mut driver = replayed(&shapeless, DARK, (80, 24), Arrangement::Auto);
    assert!(driver.act(Action::Follow).text().contains("12345↵"), "an answer of another shape is text");
}

#[test]
fn a_long_canvas_scrolls_and_follows_the_writing_one_way() {
    let story = common::story();
    let mut driver = replayed(&story, DARK, (80, 24), Arrangement::Auto);
    let mut top = 0;
    for steps in 0..story.len() {
        let now = driver.act(Action::ScrubTo(steps)).app.drawn().canvas;
        assert!(now.lowest > 0 && now.top >= top, "step {steps}: {top}, then {now:?}");
        top = now.top;
    }
    driver.act(Action::ScrubTo(3)).ctrl('d');
    let drawn = driver.app.drawn().canvas;
    assert_eq!(drawn.top, usize::from(drawn.height / 2).min(drawn.lowest));
    assert!(driver.text().contains(&format!("↑ {}", drawn.top)), "{}", driver.text());
    let wheel = |kind, modifiers| TerminalEvent::Mouse(MouseEvent { kind, column: 20, row: 8, modifiers });
    let chosen = driver.app.drawn().canvas.top;
    driver.event(wheel(MouseEventKind::ScrollUp, KeyModifiers::CONTROL));
    assert_eq!(driver.app.drawn().canvas.top, chosen.saturating_sub(3));
    assert_eq!(driver.app.shown(), 3, "the step stays");
    driver.event(wheel(MouseEventKind::ScrollDown, KeyModifiers::NONE));
    assert_eq!(driver.app.shown(), 4, "the wheel alone moves through the steps");
    driver.keys("gjjjjjjjjjjjjjjjj");
    let selected = driver.app.lens().selected.unwrap();
    assert!(places(&driver).contains_key(&selected), "what is selected stays in sight");
    driver.keys("G");
    assert_eq!(driver.app.lens().top, None);
}

#[test]
fn a_click_leaves_the_canvas_where_it_is() {
    let story = common::story();
    for arrangement in [Arrangement::Text, Arrangement::Grid] {
        let mut driver = replayed(&story, DARK, (120, 30), arrangement);
        driver.act(Action::ScrubTo(story.len() / 2));
        let before = line_starts(&driver);
        let last = *before.last().unwrap();
        driver.act(Action::Select(last));
        assert_eq!(line_starts(&driver), before);
        assert_eq!(driver.app.lens().selected, Some(last));
    }
}

#[test]
fn bytes_of_unfinished_characters_are_quiet() {
    let log = unfinished();
    let answer = log.canvas(log.len()).ids().skip(log.header().prompt_ids.len()).collect::<Vec<_>>();
    assert!(answer.contains(&EOS), "{answer:?}");
    for arrangement in [Arrangement::Text, Arrangement::Grid] {
        let mut driver = replayed(&log, DARK, (80, 24), arrangement);
        for steps in 0..=log.len() {
            let text = driver.act(Action::ScrubTo(steps)).text();
            assert!(!text.contains('\u{fffd}'), "{text}");
        }
    }
}

#[test]
fn a_recording_shows_the_arrangement_it_is_asked_for() {
    let log = common::code();
    for arrangement in [Arrangement::Text, Arrangement::Grid] {
        let options = ExportOptions { width: 100, height: 30, arrangement, ..ExportOptions::default() };
        let screens = |options: &ExportOptions| -> Vec<_> {
            Frames::of(&log, options).unwrap().map(|frame| rows(&frame.screen)).collect()
        };
        let other = ExportOptions { arrangement: Arrangement::default(), ..options.clone() };
        let mut driver = replayed(&log, DARK, (100, 30), arrangement);
        let canvas = driver.act(Action::Follow).text();
        let same = |row: &&String| canvas.contains(row.trim_end());
        let last = screens(&options).pop().unwrap();
        assert!(last.iter().filter(same).count() > 10, "{last:#?}");
        assert_eq!(screens(&options) == screens(&other), arrangement == Arrangement::Text);
    }
}

macro_rules! snapshot {
    ($name:literal, $driver:expr) => {
        insta::assert_snapshot!($name, picture(&$driver.draw().0))
    };
}

/// A replay at a step.
fn at(log: &Log, steps: usize, theme: Theme, size: (u16, u16), arrangement: Arrangement) -> Driver {
    let mut driver = replayed(log, theme, size, arrangement);
    driver.act(Action::ScrubTo(steps));
    driver
}

#[test]
fn the_grid() {
    let story = common::story();
    snapshot!("grid_120x40", at(&story, 17, DARK, (120, 40), Arrangement::Grid));
    snapshot!("grid_light_200x60", at(&story, 17, LIGHT, (200, 60), Arrangement::Grid));
    snapshot!("grid_mono_80x24", at(&common::code(), 9, MONO, (80, 24), Arrangement::Grid));
    snapshot!("grid_odd_80x24", at(&common::odd(), 11, DARK, (80, 24), Arrangement::Grid));
}

#[test]
fn the_sudoku() {
    let log = sudoku("1234\n2412\n2143\n4321");
    snapshot!("sudoku_80x24", at(&log, 3, DARK, (80, 24), Arrangement::Auto));
    snapshot!("sudoku_ascii_80x24", at(&log, log.len(), PLAIN, (80, 24), Arrangement::Auto));
}

#[test]
fn running_text() {
    snapshot!("text_json_120x40", at(&json(), 6, DARK, (120, 40), Arrangement::Auto));
    snapshot!("text_code_mono_80x24", at(&common::code(), 9, MONO, (80, 24), Arrangement::Auto));
    snapshot!("text_ascii_120x40", at(&common::story(), 12, PLAIN, (120, 40), Arrangement::Auto));
    snapshot!("text_odd_80x24", at(&common::odd(), 6, DARK, (80, 24), Arrangement::Auto));
    snapshot!("text_bytes_80x24", at(&unfinished(), 2, DARK, (80, 24), Arrangement::Auto));
    snapshot!("text_story_200x60", at(&recorded(), 9, DARK, (200, 60), Arrangement::Auto));
}
