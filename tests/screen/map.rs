//! The map of steps and positions: what its cells show, where they lead, and how it stands beside the canvas.

use std::ops::Range;

use crossterm::event::{Event as TerminalEvent, KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};
use diffuscope::{
    decode::record::{AuditReport, AuditedPosition, Change, Edit, Reason, StepRecord},
    export::{ExportOptions, Frames},
    trace::{Entry, Log},
    tui::{
        Action, App, Layer, Lens, Pane,
        theme::{ASCII, Level, Theme},
    },
};
use proptest::prelude::*;
use ratatui::{
    buffer::{Buffer, Cell},
    layout::Position,
    style::{Color, Modifier},
};

use super::{
    common::{self, EOS, MASK},
    driver::{DARK, Driver, LIGHT, MONO, layer, picture, rows},
};

/// Glyphs of what happens in a step, where dots are glyphs.
const EVENTS: [&str; 8] = ["█", "▞", "✎", "!", "╱", "≠", "╳", "✗"];

fn replayed(log: &Log, theme: Theme, size: (u16, u16)) -> Driver {
    Driver { app: App::replay("x", Box::new(log.clone()), theme), size, effects: Vec::new() }
}

/// The map of a log at its last step.
fn mapped(log: &Log, theme: Theme, size: (u16, u16)) -> Driver {
    let mut driver = replayed(log, theme, size);
    driver.act(Action::Pane(Pane::Map)).act(Action::Follow);
    driver
}

/// A cell of the map, and what it shows.
struct MapCell {
    at: Position,
    steps: Range<usize>,
    positions: Range<usize>,
    cell: Cell,
}

fn cells(driver: &Driver) -> Vec<MapCell> {
    let (buffer, drawn) = driver.draw();
    let hit = drawn.hits.iter().find(|hit| hit.grid.is_some()).expect("there is a map");
    let cell = |at: Position| match hit.action(at.x, at.y)? {
        Action::Point { steps, positions, .. } => Some(MapCell { at, steps, positions, cell: buffer[at].clone() }),
        _ => None,
    };
    hit.area.positions().filter_map(cell).collect()
}

/// The first cell that shows a position at a step.
fn cell_of(driver: &Driver, step: usize, position: usize) -> MapCell {
    let shows = |cell: &MapCell| cell.steps.contains(&step) && cell.positions.contains(&position);
    cells(driver).into_iter().find(shows).expect("every step and position has a cell")
}

/// A log with some of its records changed.
fn changed(log: &Log, change: impl Fn(usize, &mut StepRecord)) -> Log {
    let mut changed = Log::new(log.header().clone());
    for (steps, mut entry) in (1..).zip(log.entries()) {
        change(steps, &mut entry.record);
        changed.push(entry);
    }
    log.end().iter().for_each(|end| changed.finish((*end).clone()));
    changed
}

/// The first position that is written, masked again at step 6 and never written after.
fn taken_back(log: &Log) -> (Log, usize) {
    let position = log.record(1).unwrap().commits[0].position;
    let log = changed(log, |steps, record| {
        if steps >= 6 {
            record.ids[position] = MASK;
        }
        if steps == 6 {
            record.remasked = vec![position];
        }
    });
    (log, position)
}

/// A log over a canvas of so many masks, which writes one of them in each of its steps.
fn long(masks: usize, steps: usize) -> Log {
    let mut header = common::code().header().clone();
    header.gen_length = masks;
    let (prompt, model) = (header.prompt_ids.len(), common::code().record(1).unwrap());
    let mut log = Log::new(header);
    let mut ids: Vec<u32> = log.canvas(0).ids().collect();
    for step in 0..steps {
        let position = prompt + step * 7919 % masks;
        ids[position] = EOS + 2;
        let commit =
            diffuscope::decode::record::Commit { position, token: EOS + 2, confidence: 0.9, reason: Reason::Quota };
        let record = StepRecord {
            step,
            ids: ids.clone(),
            commits: vec![commit],
            proposals: Vec::new(),
            kv: vec![model.kv[0]; ids.len()],
            ..(*model).clone()
        };
        log.push(Entry { record, pieces: Vec::new(), texts: Vec::new() });
    }
    log
}

#[test]
fn the_map_takes_the_canvas_s_place_and_gives_it_back() {
    let mut driver = Driver::live(&common::story(), 17, DARK);
    assert!(driver.text().contains("One day Laura"), "{}", driver.text());
    driver.keys("M");
    let text = driver.text();
    assert!(text.contains("▀") && !text.contains("One day Laura"), "{text}");
    assert!(text.lines().last().unwrap().contains("M canvas"), "{text}");
    driver.keys("M");
    assert!(driver.text().contains("One day Laura") && driver.text().contains("M map"), "{}", driver.text());
}

#[test]
fn both_are_shown_where_there_is_room_and_swap_places() {
    let mut driver = Driver::live(&common::story(), 17, DARK).sized(200, 60);
    let row_of = |driver: &Driver, what: &str| driver.text().lines().position(|line| line.contains(what)).unwrap();
    assert!(row_of(&driver, "One day Laura") < row_of(&driver, "▀"));
    driver.keys("M");
    assert!(row_of(&driver, "One day Laura") > row_of(&driver, "▀"));
    driver = driver.sized(149, 60);
    assert!(!driver.text().contains("One day Laura"));
}

#[test]
fn near_the_cross_hair_every_step_and_every_position_has_a_cell() {
    let log = long(600, 300);
    let first = log.header().prompt_ids.len();
    for theme in [DARK, MONO] {
        let mut driver = mapped(&log, theme, (80, 24));
        assert!(cells(&driver).iter().any(|cell| cell.positions.len() > 1 && cell.steps.len() > 2), "all of it");
        driver.keys("z");
        for (step, position) in [(1, first), (150, first + 300), (300, first + 599), (150, first + 301)] {
            driver.act(Action::Select(position)).act(Action::ScrubTo(step));
            let cells = cells(&driver);
            let halves = if theme.paints() { 2 } else { 1 };
            assert!(cells.iter().all(|cell| cell.positions.len() == 1 && cell.steps.len() <= halves), "{step}");
            cell_of(&driver, step, position);
        }
        driver.keys("z");
        assert!(cells(&driver).iter().any(|cell| cell.positions.len() > 1), "all of it again");
    }
}

#[test]
fn near_the_cross_hair_a_short_run_is_shown_whole() {
    let mut driver = mapped(&common::story(), DARK, (200, 60));
    assert!(driver.text().lines().last().unwrap().contains("z near"), "{}", driver.text());
    driver.keys("z");
    assert!(driver.text().lines().last().unwrap().contains("z all of it"), "{}", driver.text());
    let length = common::story().header().canvas_length();
    driver.act(Action::Select(length - 1));
    for step in [1, common::story().len()] {
        cell_of(&driver, step, length - 1);
    }
    let mut narrow = mapped(&common::story(), DARK, (120, 40));
    narrow.act(Action::Select(length - 1)).keys("z");
    insta::assert_snapshot!("near_120x40", picture(&narrow.draw().0));
}

#[test]
fn pictures_in_colour() {
    let story = common::story();
    for (name, theme, size) in [("map_80x24", DARK, (80, 24)), ("map_light_80x24", LIGHT, (80, 24))] {
        let mut driver = mapped(&story, theme, size);
        driver.act(Action::ScrubTo(17)).act(Action::Select(story.header().prompt_ids.len() + 55));
        insta::assert_snapshot!(name, picture(&driver.draw().0));
    }
}

#[test]
fn pictures_without_colours() {
    let story = common::story();
    for (name, size) in [("map_mono_80x24", (80, 24)), ("map_mono_120x40", (120, 40)), ("map_mono_200x60", (200, 60))] {
        let mut driver = mapped(&story, MONO, size);
        driver.act(Action::ScrubTo(17)).act(Action::Select(story.header().prompt_ids.len() + 55));
        insta::assert_snapshot!(name, picture(&driver.draw().0));
    }
    let ascii = mapped(&common::code(), Theme { glyphs: &ASCII, ..MONO }, (80, 24));
    insta::assert_snapshot!("map_ascii_80x24", picture(&ascii.draw().0));
    let sixteen = mapped(&common::failing(), Theme { level: Level::Ansi16, ..DARK }, (80, 24));
    insta::assert_snapshot!("map_sixteen_80x24", picture(&sixteen.draw().0));
}

#[test]
fn pictures_of_every_layer() {
    let (story, _) = taken_back(&common::story());
    let picture = |layer: Layer| {
        let mut driver = mapped(&story, MONO, (80, 24));
        driver.act(Action::Layer(layer));
        format!("{}\n\n{}", layer.name(), driver.text())
    };
    let pictures: Vec<String> = Layer::all().map(picture).collect();
    insta::assert_snapshot!("map_layers_80x24", pictures.join("\n\n"));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_commit_is_seen_at_any_size(width in 40u16..149, height in 12u16..70) {
        let story = common::story();
        let shown = cells(&mapped(&story, MONO, (width, height)));
        for (steps, step) in (1..).zip(story.steps()) {
            for commit in &step.commits {
                let shows = |cell: &&MapCell| cell.steps.contains(&steps) && cell.positions.contains(&commit.position);
                let cell = shown.iter().find(shows).expect("every commit has a cell");
                prop_assert!(EVENTS.contains(&cell.cell.symbol()), "{} at step {}", cell.cell.symbol(), steps);
            }
        }
    }

    #[test]
    fn a_sure_token_never_hides_an_event(width in 40u16..149, height in 12u16..70, theme in any::<bool>()) {
        let (log, position) = taken_back(&common::story());
        if theme {
            let cell = cell_of(&mapped(&log, MONO, (width, height)), 6, position).cell;
            prop_assert_eq!(cell.symbol(), "╳");
        } else {
            let cell = cell_of(&mapped(&log, DARK, (width, height)), 6, position).cell;
            let again = DARK.remasked().at(Level::True).unwrap();
            prop_assert!(cell.fg == again || cell.bg == again, "{:?}", cell);
        }
    }

    #[test]
    fn the_map_of_a_grown_log_is_that_of_the_whole_log(
        width in 40u16..200, height in 12u16..60, steps in 1usize..30, name in 0usize..5
    ) {
        let (story, layer) = (common::story(), Layer::all().nth(name).unwrap());
        let steps = steps.min(story.len() - 1);
        let mut grown = Driver::live(&story, 0, DARK).sized(width, height);
        grown.act(Action::Pane(Pane::Map)).act(Action::Layer(layer));
        let mut whole = Driver::live(&story, steps, DARK).sized(width, height);
        whole.act(Action::Pane(Pane::Map)).act(Action::Layer(layer));
        // Each step is drawn as it arrives.
        (0..steps).for_each(|step| grown.steps(&story, step..step + 1));
        grown.act(Action::Follow);
        whole.act(Action::Follow);
        let map = |driver: &Driver| cells(driver).into_iter().map(|cell| (cell.at, cell.cell)).collect::<Vec<_>>();
        prop_assert_eq!(map(&grown), map(&whole));
    }
}

#[test]
fn another_layer_theme_or_size_is_drawn_as_if_it_had_been_the_first() {
    let story = common::story();
    let mut driver = mapped(&story, DARK, (120, 40));
    driver.act(Action::NextTheme).act(Action::Layer(layer("cache")));
    driver = driver.sized(90, 30);
    let mut fresh = mapped(&story, LIGHT, (90, 30));
    fresh.act(Action::Layer(layer("cache")));
    assert_eq!(driver.draw().0, fresh.draw().0);
}

#[test]
fn tokens_are_bright_where_they_are_written_and_dark_afterwards() {
    let story = common::story();
    let driver = mapped(&story, DARK, (240, 60));
    let commit = story.record(3).unwrap().commits[0];
    let brightness = |colour: Color| match colour {
        Color::Rgb(r, g, b) => u32::from(r) + u32::from(g) + u32::from(b),
        other => panic!("{other:?} is no exact colour"),
    };
    // Steps 3 and 4 share a row, as its upper and its lower half.
    let cell = cell_of(&driver, 3, commit.position);
    assert_eq!((cell.steps, cell.positions.len(), cell.cell.symbol()), (3..5, 1, "▀"));
    assert_eq!(Some(cell.cell.fg), DARK.confidence(commit.confidence).at(Level::True));
    assert!(brightness(cell.cell.bg) < brightness(cell.cell.fg) / 2, "{:?}", cell.cell);
    // A draft is between the two, a surer one brighter.
    let drafts = &story.record(2).unwrap().proposals;
    let text = drafts.iter().filter(|draft| draft.token != EOS && draft.position > commit.position + 8);
    let (least, most) = (
        text.clone().min_by(|a, b| a.confidence.total_cmp(&b.confidence)).unwrap(),
        text.max_by(|a, b| a.confidence.total_cmp(&b.confidence)).unwrap(),
    );
    let draft = |position| brightness(cell_of(&driver, 2, position).cell.bg);
    assert!(draft(least.position) < draft(most.position) && draft(most.position) < brightness(cell.cell.fg));
}

#[test]
fn the_cross_hair_moves_in_all_directions() {
    let story = common::story();
    let first = story.header().prompt_ids.len();
    let mut driver = Driver::live(&story, 17, DARK).sized(140, 40);
    driver.keys("Ml");
    assert_eq!((driver.app.lens().selected, driver.app.shown()), (Some(first), 17));
    driver.keys("lllhkk");
    assert_eq!((driver.app.lens().selected, driver.app.shown()), (Some(first + 2), 15));
    driver.key(KeyCode::Up).key(KeyCode::Left).keys("j").key(KeyCode::Right).key(KeyCode::Down);
    assert_eq!((driver.app.lens().selected, driver.app.shown()), (Some(first + 2), 16));
    assert!(driver.text().contains(&format!("step 16 · position {}", first + 2)), "{}", driver.text());
    driver.keys("g");
    assert_eq!(driver.app.shown(), 0);
    driver.keys("k");
    assert_eq!(driver.app.shown(), 0, "there is nothing above the first step");
    driver.keys("jjGj");
    assert!(driver.app.follows() && driver.app.shown() == 17, "there is nothing below the newest one");
}

#[test]
fn the_cross_hair_is_seen_with_and_without_colours() {
    let story = common::story();
    let position = story.header().prompt_ids.len() + 30;
    let at = |driver: &Driver, step, position| cell_of(driver, step, position).cell;
    for theme in [DARK, MONO] {
        let mut driver = mapped(&story, theme, (140, 40));
        driver.act(Action::ScrubTo(9));
        let before = [at(&driver, 9, position), at(&driver, 3, position)];
        driver.act(Action::Select(position));
        let after = [at(&driver, 9, position), at(&driver, 3, position)];
        assert!(before.iter().zip(&after).all(|(before, after)| before != after), "{before:?} {after:?}");
        let label = format!("▲{position}");
        assert!(driver.text().contains(&label), "{}", driver.text());
    }
    let mut driver = mapped(&story, MONO, (140, 40));
    driver.act(Action::Select(position)).act(Action::ScrubTo(9));
    assert!(at(&driver, 9, position).modifier.contains(Modifier::REVERSED));
}

#[test]
fn the_rule_says_what_is_under_the_cross_hair() {
    let (story, again) = taken_back(&common::story());
    let first = story.header().prompt_ids.len();
    let under = |step: usize, position: usize| {
        let mut driver = mapped(&story, DARK, (240, 60));
        driver.act(Action::ScrubTo(step)).act(Action::Select(position));
        let text = driver.text();
        let rule = text.lines().find(|line| line.contains("map  1 confidence")).unwrap();
        rule.split("─ ").nth(1).unwrap().split("   ").next().unwrap().to_owned()
    };
    let commit = story.record(3).unwrap().commits[0];
    let word = story.canvas(3).piece(commit.position).trim().to_owned();
    let says = format!("step 3 · position {}  \"{word}\"  {:.3}", commit.position, commit.confidence);
    assert!(under(3, commit.position).starts_with(&says), "{} {says}", under(3, commit.position));
    assert!(under(5, commit.position).contains(" at step 3"), "{}", under(5, commit.position));
    assert!(under(6, again).contains("masked again"), "{}", under(6, again));
    assert!(under(1, first + 50).contains("draft"), "{}", under(1, first + 50));
    assert!(under(1, 0).contains("of the prompt"), "{}", under(1, 0));
}

fn mouse(driver: &mut Driver, kind: MouseEventKind, at: Position) {
    let event = MouseEvent { kind, column: at.x, row: at.y, modifiers: KeyModifiers::NONE };
    driver.event(TerminalEvent::Mouse(event));
}

#[test]
fn a_click_shows_the_step_and_selects_the_position() {
    let story = common::story();
    let mut driver = mapped(&story, DARK, (140, 40));
    for step in [2, 9, 16] {
        let commit = *story.record(step).unwrap().commits.last().unwrap();
        let at = cell_of(&driver, step, commit.position).at;
        mouse(&mut driver, MouseEventKind::Down(MouseButton::Left), at);
        let (shown, selected) = (driver.app.shown(), driver.app.lens().selected.unwrap());
        // What is clicked is what is seen there: something that was written.
        assert!(story.step(shown).unwrap().commit_at(selected).is_some(), "{shown} {selected}");
        let cell = cell_of(&driver, shown, selected);
        assert_eq!((cell.at.y, shown.abs_diff(step) < 2), (at.y, true));
    }
    let last = cells(&driver).pop().unwrap();
    mouse(&mut driver, MouseEventKind::Drag(MouseButton::Left), last.at);
    assert!(last.steps.contains(&driver.app.shown()) && last.positions.contains(&driver.app.lens().selected.unwrap()));
    let shown = driver.app.shown();
    mouse(&mut driver, MouseEventKind::ScrollUp, last.at);
    assert_eq!(driver.app.shown(), shown - 1);
    mouse(&mut driver, MouseEventKind::ScrollDown, last.at);
    assert_eq!(driver.app.shown(), shown);
}

#[test]
fn enter_leads_to_the_step_that_wrote_the_token_as_on_the_canvas() {
    let story = common::story();
    let commit = story.record(4).unwrap().commits[0];
    let mut driver = mapped(&story, DARK, (140, 40));
    driver.act(Action::Select(commit.position)).key(KeyCode::Enter);
    assert_eq!(driver.app.shown(), 4);
}

#[test]
fn long_canvases_and_long_runs_share_cells() {
    let log = long(2000, 300);
    let driver = mapped(&log, MONO, (40, 20));
    let shown = cells(&driver);
    let covered =
        |holds: fn(&MapCell) -> Range<usize>| shown.iter().flat_map(holds).collect::<std::collections::BTreeSet<_>>();
    assert_eq!(covered(|cell| cell.steps.clone()).len(), 300);
    assert_eq!(covered(|cell| cell.positions.clone()).len(), 2000);
    for (steps, step) in (1..).zip(log.steps()) {
        let position = step.commits[0].position;
        let cell = shown.iter().find(|cell| cell.steps.contains(&steps) && cell.positions.contains(&position));
        assert_eq!(cell.unwrap().cell.symbol(), "█");
    }
}

#[test]
fn a_run_without_steps_and_one_of_one_step_have_a_map() {
    let story = common::story();
    for steps in [0, 1] {
        let mut driver = Driver::live(&story, steps, MONO);
        driver.keys("M").keys("lljk").key(KeyCode::Enter);
        assert!(driver.text().contains("map  1 confidence"), "{}", driver.text());
        assert_eq!(cells(&driver).is_empty(), steps == 0);
    }
}

#[test]
fn what_happened_to_the_run_stands_in_the_gutter_and_under_the_positions() {
    let failing = common::failing();
    let log = changed(&failing, |steps, record| match steps {
        4 => record.changes = vec![Change { knob: "threshold".to_owned(), value: "0.7".to_owned() }],
        8 => record.edits = vec![Edit::Remask { start: record.ids.len() - 1, end: record.ids.len() }],
        _ => {}
    });
    let driver = mapped(&log, MONO, (100, 60));
    let buffer = driver.draw().0;
    let row = |buffer: &Buffer, y: u16| rows(buffer)[usize::from(y)].chars().take(6).collect::<String>();
    let y_of = |step| cell_of(&driver, step, log.header().prompt_ids.len()).at.y;
    assert!(row(&buffer, y_of(4)).contains('◆'), "{}", driver.text());
    assert!(row(&buffer, y_of(8)).contains('✎'), "{}", driver.text());
    let failed = failing.end().unwrap().failed.clone().unwrap().start;
    let writer = failing.canvas(failing.len()).written(failed).unwrap().0 + 1;
    assert_eq!(cell_of(&driver, writer, failed).cell.symbol(), "✗");
    let axis = driver.text().lines().find(|line| line.contains('✗') && line.contains('┊')).map(str::to_owned);
    assert!(axis.is_some(), "blocks and what fails are marked: {}", driver.text());
}

#[test]
fn a_flip_stands_out_of_the_audits() {
    let code = common::code();
    let position = code.header().prompt_ids.len() + 20;
    let log = changed(&code, |steps, record| {
        let audited = |position| AuditedPosition { position, token: 9, probability: 0.7, differs: steps == 3, kl: 0.4 };
        let masked = (steps == 3 || steps == 5) && record.ids[position] == MASK;
        record.audit = masked.then(|| AuditReport { positions: vec![audited(position)], drift: Vec::new() });
    });
    let mut driver = mapped(&log, MONO, (80, 24));
    driver.act(Action::Layer(layer("audit")));
    assert_eq!(cell_of(&driver, 3, position).cell.symbol(), "≠");
}

#[test]
fn a_layer_without_data_says_so_on_the_map_too() {
    let mut driver = mapped(&common::code(), DARK, (120, 40));
    driver.act(Action::Layer(layer("guide")));
    assert!(driver.text().contains("recorded without a guide"), "{}", driver.text());
}

#[test]
fn a_recording_shows_no_step_before_it_happens() {
    let story = common::story();
    let options =
        ExportOptions { view: Some(Pane::Map), typing: false, width: 120, height: 40, ..ExportOptions::default() };
    let frames: Vec<_> = Frames::of(&story, &options).unwrap().collect();
    let filled = |buffer: &Buffer| rows(buffer).join("").matches('▀').count();
    let counts: Vec<usize> = frames.iter().map(|frame| filled(&frame.screen)).collect();
    assert!(counts[0] == 0 && counts.is_sorted() && counts.last() > counts.get(5), "{counts:?}");
    let whole = mapped(&story, DARK, (120, 40));
    assert!(counts.last().is_some_and(|last| *last == filled(&whole.draw().0)));
}

#[test]
fn a_view_is_called_by_its_name() {
    assert!(Pane::ALL.into_iter().all(|pane| pane.name().parse() == Ok(pane)));
    assert_eq!("tree".parse::<Pane>().unwrap_err(), "unknown view 'tree': there are canvas, map, kv-map");
    assert_eq!(Lens::default().pane, Pane::Canvas);
}
