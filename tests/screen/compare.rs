//! Two runs beside each other.

use crossterm::event::{Event as TerminalEvent, KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use diffuscope::{
    engine::protocol::{Command, Event},
    session::{Axis, Diff},
    trace::Log,
    tui::{
        Action, App, CompareAction, RunSide,
        theme::{ASCII, Theme},
    },
};
use ratatui::style::Modifier;

use super::{
    common::{self, Fixture, STORY, STORY_PROMPT},
    driver::{DARK, Driver, LIGHT, MONO, layer, picture},
};

/// A story for the same prompt that parts from [`common::story`]: by quota, with three other words.
fn rival() -> Log {
    let mut fixture = Fixture::new(STORY_PROMPT, STORY, 160, "plain");
    let words = fixture.answer.clone();
    for (at, other) in [(21, 9), (48, 30), (90, 12)] {
        fixture.answer[at] = words[other];
    }
    while fixture.quota_step(2, Some(32)) {}
    fixture.finish(Some(false), Some("the third sentence does not follow the grammar"))
}

/// The story, then `steps` steps of its rival, which is shown.
fn two_runs(steps: usize, theme: Theme) -> Driver {
    let (story, rival) = (common::story(), rival());
    let mut driver = Driver::live(&story, story.len(), theme);
    driver.act(Action::Restart).hear(Event::Started { run: 2, header: Box::new(rival.header().clone()) });
    driver.steps(&rival, 0..steps);
    if let Some(end) = rival.end().filter(|_| steps >= rival.len()) {
        driver.hear(Event::Finished { run: 2, end: Box::new(end.clone()) });
    }
    driver.effects.clear();
    driver
}

/// Both runs finished and compared.
pub fn compared(theme: Theme) -> Driver {
    let mut driver = two_runs(usize::MAX, theme);
    driver.keys("c");
    driver
}

fn files(a: Log, b: Log) -> Driver {
    let app = App::compare("a.jsonl", Box::new(a), ("b.jsonl", Box::new(b)), DARK);
    Driver { app, size: (120, 40), effects: Vec::new() }
}

/// What a run shows of its steps: "step 9 of 60".
fn shown(driver: &Driver, side: RunSide) -> usize {
    let text = driver.text();
    let titles = text.lines().filter(|line| line.contains(" of ") && line.contains("step ")).flat_map(|line| {
        line.match_indices("step ").filter_map(|(at, _)| {
            let (steps, rest) = line[at + 5..].split_once(' ')?;
            rest.starts_with("of ").then(|| steps.parse::<usize>().ok())?
        })
    });
    // The header names the step of A as well, where it is not the newest.
    let titles: Vec<usize> = titles.collect();
    titles[titles.len() - 2 + side as usize]
}

fn clicked(driver: &mut Driver, column: u16, row: u16) {
    let kind = MouseEventKind::Down(MouseButton::Left);
    driver.event(TerminalEvent::Mouse(MouseEvent { kind, column, row, modifiers: KeyModifiers::NONE }));
}

/// Where a click does that.
fn place_of(driver: &Driver, action: CompareAction) -> (u16, u16) {
    let hits = driver.draw().1.hits;
    let hit = hits.iter().find(|hit| hit.click == Some(Action::Compare(action))).expect("it can be clicked");
    (hit.area.right() - 1, hit.area.y)
}

/// The cells of a position of a run.
fn cells(driver: &Driver, side: RunSide, position: usize) -> Vec<ratatui::buffer::Cell> {
    let (buffer, drawn) = driver.draw();
    let select = Some(Action::Compare(CompareAction::Select(side, position)));
    let hits = drawn.hits.iter().filter(|hit| hit.click == select);
    hits.flat_map(|hit| hit.area.positions().map(|at| buffer[at].clone()).collect::<Vec<_>>()).collect()
}

#[test]
fn pictures() {
    for (width, height) in [(80, 24), (120, 40), (200, 60)] {
        let mut driver = compared(DARK).sized(width, height);
        driver.keys("n");
        insta::assert_snapshot!(format!("compare_{width}x{height}"), picture(&driver.draw().0));
    }
    insta::assert_snapshot!("compare_mono_100x30", picture(&compared(MONO).sized(100, 30).draw().0));
    let mut other_prompt = files(common::story(), common::code()).sized(100, 30);
    other_prompt.app.theme = LIGHT;
    other_prompt.keys("n");
    insta::assert_snapshot!("compare_by_text_light_100x30", picture(&other_prompt.draw().0));
}

#[test]
fn pictures_of_maps() {
    let ascii = Theme { glyphs: &ASCII, ..MONO };
    for (name, theme, size) in [
        ("maps_120x40", DARK, (120, 40)),
        ("maps_light_200x60", LIGHT, (200, 60)),
        ("maps_mono_80x24", MONO, (80, 24)),
        ("maps_ascii_120x40", ascii, (120, 40)),
    ] {
        let mut driver = compared(theme).sized(size.0, size.1);
        driver.act(Action::ScrubTo(0)).act(Action::Scrub(20)).keys("nM");
        insta::assert_snapshot!(name, picture(&driver.draw().0));
    }
    for (name, theme, size) in [("kv_maps_120x40", DARK, (120, 40)), ("kv_maps_mono_80x24", MONO, (80, 24))] {
        let mut driver = compared(theme).sized(size.0, size.1);
        driver.keys("nK");
        insta::assert_snapshot!(name, picture(&driver.draw().0));
    }
}

#[test]
fn maps_and_kv_maps_take_the_place_of_both_canvases_and_give_it_back() {
    let mut driver = compared(DARK);
    let canvases = driver.text();
    for (key, other) in [("M", "K"), ("K", "M")] {
        driver.keys(key);
        let text = driver.text();
        assert!(canvases.contains("One day Laura") && !text.contains("One day Laura"), "{text}");
        driver.keys(other).keys(other);
        assert_eq!(driver.text(), canvases);
    }
}

#[test]
fn a_click_on_either_map_shows_its_step_in_both_runs() {
    let mut driver = compared(DARK);
    driver.keys("M");
    let grids: Vec<_> = driver.draw().1.hits.into_iter().filter(|hit| hit.grid.is_some()).collect();
    assert_eq!(grids.len(), 2);
    for (hit, side) in grids.iter().zip([RunSide::A, RunSide::B]) {
        let (x, y) = (hit.area.x + 30, hit.area.y + 5);
        let Some(Action::Point { side: of, steps, positions }) = hit.action(x, y) else { panic!("it leads nowhere") };
        assert_eq!(of, side);
        clicked(&mut driver, x, y);
        let comparison = driver.app.comparison().unwrap();
        assert!(positions.contains(&comparison.selected(side).unwrap()), "{side:?}");
        assert!(steps.contains(&shown(&driver, side)), "{side:?}");
    }
    // Down a map is on in time.
    let before = [RunSide::A, RunSide::B].map(|side| shown(&driver, side));
    driver.keys("j").keys("k");
    assert_eq!([RunSide::A, RunSide::B].map(|side| shown(&driver, side)), before);
}

#[test]
fn the_run_before_stands_beside_the_shown_one() {
    let mut driver = two_runs(usize::MAX, DARK);
    assert!(driver.text().contains("compare"), "the footer offers it: {}", driver.text());
    driver.keys("c");
    let (text, lens) = (driver.text(), [rival().len(), common::story().len()]);
    assert_eq!([RunSide::A, RunSide::B].map(|side| shown(&driver, side)), lens);
    for words in ["A  plain", "B  flashdlm", "passes", "✗ wrong", "✓ correct", "≠ first at step", "order τ"] {
        assert!(text.contains(words), "{words}: {text}");
    }
}

#[test]
fn without_another_run_there_is_nothing_to_compare() {
    let story = common::story();
    let mut driver = Driver::live(&story, story.len(), DARK);
    assert!(!driver.text().contains("compare"));
    driver.keys("c");
    assert!(driver.app.comparison().is_none());
    assert!(driver.text().contains("there is no other run to compare it with"), "{}", driver.text());
}

#[test]
fn both_move_along_the_axis() {
    let mut driver = compared(DARK);
    driver.keys("g");
    assert_eq!([RunSide::A, RunSide::B].map(|side| shown(&driver, side)), [0, 0]);
    driver.key(KeyCode::Right).key(KeyCode::Right);
    assert_eq!([RunSide::A, RunSide::B].map(|side| shown(&driver, side)), [2, 2]);
    let (a, b) = (rival(), common::story());
    for axis in Axis::ALL {
        driver.act(Action::Compare(CompareAction::Axis(axis)));
        assert_eq!(shown(&driver, RunSide::A), 2, "the shown step stays: {}", axis.name());
        assert_eq!(shown(&driver, RunSide::B), axis.steps(&b, axis.place(&a, 2)), "{}", axis.name());
        driver.key(KeyCode::Right).key(KeyCode::Left);
        let at = [RunSide::A, RunSide::B].map(|side| shown(&driver, side));
        assert!(at[0] == 2 || at[1] == axis.steps(&b, axis.place(&a, 2)), "forth and back: {at:?}");
        driver.act(Action::Compare(CompareAction::ScrubTo(axis.place(&a, 2))));
    }
    driver.keys("a");
    assert_eq!(driver.app.comparison().map(diffuscope::tui::RunComparison::axis), Some(Axis::Steps), "around");
    driver.keys("G");
    assert_eq!([RunSide::A, RunSide::B].map(|side| shown(&driver, side)), [a.len(), b.len()]);
}

#[test]
fn n_walks_the_differences_from_the_first_that_arose() {
    let mut driver = compared(DARK);
    let (a, b) = (rival(), common::story());
    let differences = Diff::of(&a, &b, Axis::Steps).differences;
    assert!(differences.len() >= 3, "{}", differences.len());
    for difference in differences.iter().chain(&differences[..1]) {
        driver.keys("n");
        let position = difference.a.positions.start;
        let comparison = driver.app.comparison().unwrap();
        assert_eq!([RunSide::A, RunSide::B].map(|side| comparison.selected(side)), [Some(position); 2]);
        let steps = [&difference.a, &difference.b].map(|passage| passage.written.unwrap().step);
        assert_eq!(shown(&driver, RunSide::A), steps[0].min(steps[1]), "the first of the two writes it here");
        assert!(driver.text().contains(&format!("position {position}  A")), "{}", driver.text());
    }
    driver.keys("N");
    let last = &differences[differences.len() - 1];
    let selected = driver.app.comparison().unwrap().selected(RunSide::A);
    assert_eq!(selected, Some(last.a.positions.start), "back, and around");
}

#[test]
fn what_differs_is_marked_without_colour() {
    let mut driver = compared(MONO);
    let differences = Diff::of(&rival(), &common::story(), Axis::Steps).differences;
    let position = differences[0].a.positions.start;
    let mark = Modifier::BOLD | Modifier::UNDERLINED;
    for name in ["confidence", "order"] {
        driver.act(Action::Layer(layer(name)));
        for side in [RunSide::A, RunSide::B] {
            let visible = |position| {
                let cells = cells(&driver, side, position);
                cells.into_iter().find(|cell| cell.symbol() != " ").expect("it is in sight")
            };
            assert!(visible(position).modifier.contains(mark), "{name}: {:?}", visible(position));
            let same = (position - 6..position).filter(|at| differences.iter().all(|it| it.a.positions.start != *at));
            for other in same {
                assert!(!visible(other).modifier.contains(mark), "{name}: position {other}");
            }
        }
    }
    let (buffer, drawn) = driver.draw();
    for side in [RunSide::A, RunSide::B] {
        let select = Some(Action::Compare(CompareAction::Select(side, position)));
        let row = drawn.hits.iter().find(|hit| hit.click == select).unwrap().area.y;
        let first = if side == RunSide::A { 1 } else { 61 };
        let gutter: String = (first..first + 2).map(|x| buffer[(x, row)].symbol()).collect();
        assert!(gutter.contains('≠'), "{gutter:?} in row {row}");
    }
}

#[test]
fn a_click_selects_in_both_and_the_timeline_scrubs() {
    let mut driver = compared(DARK);
    let (column, row) = place_of(&driver, CompareAction::Select(RunSide::B, 40));
    clicked(&mut driver, column, row);
    let comparison = driver.app.comparison().unwrap();
    assert_eq!([RunSide::A, RunSide::B].map(|side| comparison.selected(side)), [Some(40); 2]);
    let (column, row) = place_of(&driver, CompareAction::ScrubTo(7));
    clicked(&mut driver, column, row);
    assert_eq!([RunSide::A, RunSide::B].map(|side| shown(&driver, side)), [7, 7]);
    let (column, row) = place_of(&driver, CompareAction::Axis(Axis::Rows));
    clicked(&mut driver, column, row);
    assert_eq!(driver.app.comparison().unwrap().axis(), Axis::Rows);
    driver.keys("l");
    assert_eq!(driver.app.comparison().unwrap().selected(RunSide::B), Some(41));
}

#[test]
fn leaving_keeps_the_step_and_the_selection() {
    for leave in [KeyCode::Esc, KeyCode::Char('c')] {
        let mut driver = compared(DARK);
        driver.act(Action::Compare(CompareAction::ScrubTo(9)));
        driver.act(Action::Compare(CompareAction::Select(RunSide::B, 33)));
        driver.key(leave);
        assert!(driver.app.comparison().is_none());
        assert_eq!((driver.app.shown(), driver.app.lens().selected), (9, Some(33)));
        driver.keys("c");
        assert_eq!(shown(&driver, RunSide::B), 9, "and coming back finds it");
        assert_eq!(driver.app.comparison().unwrap().selected(RunSide::B), Some(33));
    }
}

#[test]
fn a_run_under_way_grows_beside_a_finished_one() {
    let mut driver = two_runs(5, DARK);
    driver.keys("c");
    assert_eq!([RunSide::A, RunSide::B].map(|side| shown(&driver, side)), [5, 5], "at the same place of the axis");
    driver.tick(1000);
    assert_eq!(driver.commands(), [Command::Advance], "the run continues at its pace");
    let rival = rival();
    driver.steps(&rival, 5..9);
    assert_eq!([RunSide::A, RunSide::B].map(|side| shown(&driver, side)), [9, 9]);
    let mut grown = Log::new(rival.header().clone());
    rival.entries().take(9).for_each(|entry| grown.push(entry));
    assert_eq!(*driver.app.comparison().unwrap().diff(), Diff::of(&grown, &common::story(), Axis::Steps));
    driver.keys(" ");
    assert_eq!(driver.commands(), [Command::TogglePause]);
    driver.key(KeyCode::Left);
    driver.steps(&rival, 9..12);
    assert_eq!([RunSide::A, RunSide::B].map(|side| shown(&driver, side)), [8, 8], "the picture stays");
}

#[test]
fn space_plays_both_to_the_end() {
    let mut driver = compared(DARK);
    driver.tick(0).keys("  ").keys(" ");
    for tick in 1..200 {
        driver.tick(tick * 100);
    }
    assert_eq!([RunSide::A, RunSide::B].map(|side| shown(&driver, side)), [rival().len(), common::story().len()]);
    driver.tick(600_000);
    assert!(driver.app.next_tick().is_none(), "nothing moves any more");
}

#[test]
fn two_files_are_compared_under_their_names() {
    let driver = files(common::story(), rival());
    let text = driver.text();
    assert!(text.contains("A  a.jsonl  flashdlm") && text.contains("B  b.jsonl  plain"), "{text}");
    let same = files(common::story(), common::story()).text();
    assert!(same.contains("no difference") && same.contains("order τ 1.00"), "{same}");
    let mut short = Log::new(common::story().header().clone());
    common::story().entries().take(9).for_each(|entry| short.push(entry));
    let prefix = files(short, common::story()).text();
    assert!(prefix.contains("no difference in the first 9 steps"), "{prefix}");
}

#[test]
fn answers_to_different_prompts_are_compared_by_text() {
    let mut driver = files(common::story(), common::code());
    let text = driver.text();
    assert!(text.contains("the prompts differ, so the answers are compared word by word"), "{text}");
    assert!(text.contains("passage"), "{text}");
    driver.keys("n");
    let selected = [RunSide::A, RunSide::B].map(|side| driver.app.comparison().unwrap().selected(side));
    let prompts = [common::story(), common::code()].map(|log| Some(log.header().prompt_ids.len()));
    assert_eq!(selected, prompts, "no word is in both places");
}

#[test]
fn a_new_run_takes_the_screen() {
    let mut driver = compared(DARK);
    let story = common::story();
    driver.act(Action::Submit).hear(Event::Started { run: 3, header: Box::new(story.header().clone()) });
    assert!(driver.app.comparison().is_none());
    driver.keys("c");
    assert!(driver.app.comparison().is_none(), "it has no step yet");
    driver.steps(&story, 0..1);
    driver.keys("c");
    assert!(driver.app.comparison().is_some());
}

#[test]
fn every_size_and_layer_reads_in_ascii() {
    let mut driver = compared(Theme { glyphs: &ASCII, ..DARK });
    for size in [(40, 12), (60, 20), (80, 24), (120, 40), (200, 60)] {
        driver.size = size;
        for name in ["confidence", "cache", "guide", "audit", "order"] {
            driver.act(Action::Layer(layer(name)));
            let text = driver.text();
            assert!(text.is_ascii(), "{size:?} {name}: {:?}", text.chars().find(|c| !c.is_ascii()));
            assert!(text.contains("A  plain") && text.contains("B  flashdlm"), "{size:?}: {text}");
        }
    }
}
