//! The export menu: its rows, what is written beside the playground, and what can go wrong with that.

use std::{fs, path::Path};

use crossterm::event::KeyCode;
use diffuscope::{
    export::{self, ExportChoices, ExportFormat, ExportOptions, Frames},
    tui::{Action, App, Effect, ExportCount, ExportNews, ExportUnderWay, Pane, Scene, keymap::Context, theme::Theme},
};

use super::{
    common, compare,
    driver::{DARK, Driver, LIGHT, layer, picture},
    palette::ascii,
    support::files::Folder,
};

/// What makes exports, on a day that never ends.
pub fn menu(sources: &[&Path]) -> Box<ExportChoices> {
    Box::new(ExportChoices::new(sources.iter().map(|source| (*source).to_owned()).collect(), Default::default))
}

fn with_menu(mut driver: Driver) -> Driver {
    driver.app = driver.app.with_exports(menu(&[]));
    driver
}

/// The story, over, with the menu closed.
fn story(theme: Theme) -> Driver {
    let log = common::story();
    with_menu(Driver::live(&log, log.len(), theme))
}

/// What a row of the open menu has chosen.
fn value(driver: &Driver, name: &str) -> String {
    let rows = driver.app.exports().rows();
    rows.iter().find(|row| row.name == name).map_or_else(|| "no row".to_owned(), |row| row.value.clone())
}

fn values<const N: usize>(driver: &Driver, names: [&str; N]) -> [String; N] {
    names.map(|name| value(driver, name))
}

/// Selects a row of the open menu.
fn select<'a>(driver: &'a mut Driver, name: &str) -> &'a mut Driver {
    let at = driver.app.exports().rows().iter().position(|row| row.name == name).expect("there is such a row");
    while driver.app.list() != at {
        driver.key(if driver.app.list() < at { KeyCode::Down } else { KeyCode::Up });
    }
    driver
}

/// Types a value into a row of the open menu.
fn put(driver: &mut Driver, name: &str, text: &str) {
    select(driver, name).ctrl('u').keys(text).key(KeyCode::Enter);
}

/// Turns the open menu to a format.
fn turn_to(driver: &mut Driver, format: &str) {
    select(driver, "format");
    while value(driver, "format") != format {
        driver.key(KeyCode::Right);
    }
}

fn notice(driver: &Driver) -> String {
    driver.app.notice().map(|notice| notice.text.clone()).unwrap_or_default()
}

/// Does what the event loop does with the one effect that there is.
fn begin(driver: &mut Driver) -> ExportUnderWay {
    match std::mem::take(&mut driver.effects)[..] {
        [Effect::Export { replaces }] => driver.app.begin_export(replaces).unwrap(),
        ref other => panic!("{other:?}: {}", notice(driver)),
    }
}

fn next(under_way: &mut ExportUnderWay) -> Option<ExportNews> {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(under_way.next())
}

/// Lets what was begun come to its end, and returns what that is.
fn end(driver: &mut Driver, mut under_way: ExportUnderWay) -> ExportNews {
    loop {
        let news = next(&mut under_way).expect("an export says how it ends");
        driver.act(Action::Export(news.clone()));
        if news.is_last() {
            return news;
        }
    }
}

/// Writes what is chosen, by the key that is shown.
fn write(driver: &mut Driver) -> ExportNews {
    driver.effects.clear();
    driver.ctrl('s');
    let begun = begin(driver);
    end(driver, begun)
}

fn files(folder: &Folder) -> Vec<String> {
    let mut names: Vec<_> =
        fs::read_dir(folder.root()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn what_a_recording_has_in_common_with_the_screen_is_chosen_already() {
    let mut driver = story(LIGHT);
    driver.act(Action::Layer(layer("cache"))).act(Action::Pane(Pane::Map)).keys("E");
    assert_eq!(driver.app.context(), Context::Export);
    assert_eq!(values(&driver, ["scene", "view", "layer", "theme"]), ["map", "map", "cache", "light"]);
    assert_eq!(value(&driver, "axis"), "no row", "of one run");
    assert_eq!(value(&driver, "file"), "0000-01-01-000000-flashdlm-story.gif");
    driver.key(KeyCode::Esc).act(Action::Pane(Pane::KvMap)).keys("tE");
    assert_eq!(values(&driver, ["scene", "view", "theme"]), ["everything", "kv-map", "high-contrast"]);
    driver.keys("E");
    assert!(driver.app.overlays().is_empty(), "the same key closes it");
    let mut driver = with_menu(compare::compared(DARK));
    driver.keys("aE");
    assert_eq!(values(&driver, ["scene", "axis"]), ["compare", "passes"]);
    select(&mut driver, "scene").key(KeyCode::Right);
    assert_eq!(value(&driver, "scene"), "compare", "no other scene shows two runs");
}

#[test]
fn a_replay_is_named_after_its_file() {
    let app = App::replay("runs/morning.dscope", Box::new(common::story()), DARK).with_exports(menu(&[]));
    let mut driver = Driver { app, size: (120, 40), effects: Vec::new() };
    driver.act(Action::Follow).keys("E");
    assert_eq!(value(&driver, "file"), "morning.gif");
    let app = App::replay("standard input", Box::new(common::story()), DARK).with_exports(menu(&[]));
    let mut driver = Driver { app, size: (120, 40), effects: Vec::new() };
    driver.act(Action::Follow).keys("E");
    assert_eq!(value(&driver, "file"), "0000-01-01-000000-flashdlm-story.gif", "standard input has no name");
}

#[test]
fn every_format_of_the_build_is_offered_with_the_rows_that_it_has() {
    let mut driver = story(DARK);
    driver.keys("E");
    for format in ExportFormat::all() {
        turn_to(&mut driver, format.name());
        let file = value(&driver, "file");
        assert!(file.ends_with(&format!("-story.{}", format.suffix())), "{file}");
        driver.effects.clear();
        driver.keys("w");
        assert!(matches!(driver.effects[..], [Effect::Export { replaces: false }]), "{}", notice(&driver));
        driver.act(Action::Export(ExportNews::Cancelled));
    }
    let has = |driver: &mut Driver, format: &str, names: [&str; 5]| {
        turn_to(driver, format);
        names.map(|name| value(driver, name) != "no row")
    };
    let names = ["table", "scene", "letters", "pace", "loop"];
    assert_eq!(has(&mut driver, "gif", names), [false, true, true, true, true]);
    assert_eq!(has(&mut driver, "png", names), [false, true, true, false, false]);
    assert_eq!(has(&mut driver, "asciicast-v3", names), [false, true, false, true, false]);
    assert_eq!(has(&mut driver, "html", names), [false, false, false, false, false]);
    assert_eq!(has(&mut driver, "csv", names), [true, false, false, false, false]);
}

#[test]
fn values_are_turned_and_typed_and_what_comes_of_them_is_said() {
    let mut driver = story(DARK);
    driver.keys("E");
    let frames = Frames::of(&common::story(), &ExportOptions::default()).unwrap().len();
    assert!(driver.text().contains(&format!("120×40 cells, 1200×760 pixels, {frames} frames, ")), "{}", driver.text());
    select(&mut driver, "size").key(KeyCode::Left);
    assert_eq!(value(&driver, "size"), "120×34");
    driver.keys("100x30").key(KeyCode::Down);
    assert_eq!(value(&driver, "size"), "100×30", "to leave a row takes what is typed");
    select(&mut driver, "typing").key(KeyCode::Right);
    let steps = common::story().len() + 1;
    assert!(driver.text().contains(&format!("100×30 cells, 1000×570 pixels, {steps} frames, ")), "{}", driver.text());
    put(&mut driver, "steps", "10..20");
    assert!(driver.text().contains(" pixels, 11 frames, "), "{}", driver.text());
    select(&mut driver, "pace").key(KeyCode::Left);
    assert_eq!(value(&driver, "pace"), "4 a second");
    put(&mut driver, "pace", "x2");
    assert_eq!(value(&driver, "pace"), "real time ×2");
    for _ in 0..20 {
        driver.key(KeyCode::Left);
    }
    assert_eq!(value(&driver, "pace"), "1 a second", "through both, to the slowest");
    put(&mut driver, "pace", "12.5");
    put(&mut driver, "longest pause", "2");
    put(&mut driver, "hold", "0.5 s");
    put(&mut driver, "loop", "1");
    put(&mut driver, "letters", "20");
    let chosen = values(&driver, ["pace", "longest pause", "hold", "loop", "letters"]);
    assert_eq!(chosen, ["12.5 a second", "2 s", "0.5 s", "once", "20 pixels"]);
    put(&mut driver, "longest pause", "0");
    assert_eq!(value(&driver, "longest pause"), "as it was");
}

#[test]
fn what_is_no_value_is_refused_where_it_is_typed() {
    let mut driver = story(DARK);
    driver.keys("E");
    for (row, typed, refusal) in [
        ("size", "wide", "size cannot be 'wide': it takes columns and rows, as 120x34"),
        ("steps", "9..3", "9..3 ends before it begins"),
        ("pace", "fast", "pace cannot be 'fast': it takes steps a second, as 8, or times real time, as x2"),
        ("hold", "-", "hold cannot be '-': it takes a number of seconds, as 3"),
        ("file", "x.mp4", "x.mp4 is no name for gif: its files end in .gif"),
        ("file", "x.png", "x.png is no name for gif: its files end in .gif"),
        ("file", "here/", "here/ is a folder: the file in it needs a name"),
    ] {
        let before = value(&driver, row);
        put(&mut driver, row, typed);
        assert!(driver.text().contains(refusal), "{row}: {}", driver.text());
        let at = driver.app.list();
        driver.effects.clear();
        driver.key(KeyCode::Up).ctrl('s');
        assert_eq!((driver.app.list(), driver.effects.len()), (at, 0), "{row}: it is mended first");
        driver.key(KeyCode::Esc);
        assert!(!driver.text().contains(refusal) && value(&driver, row) == before, "{row}: {}", driver.text());
    }
    put(&mut driver, "size", "9x9");
    driver.ctrl('s');
    let refusal = "a recording of 9×9 cells is too small: it takes at least 40×12";
    assert!(driver.text().contains(refusal) && notice(&driver) == refusal, "{}", driver.text());
    assert_eq!(driver.effects, []);
}

#[test]
fn the_suffix_follows_the_format() {
    let mut driver = story(DARK);
    driver.keys("E");
    put(&mut driver, "file", "pictures/demo");
    assert_eq!(value(&driver, "file"), "pictures/demo.gif");
    turn_to(&mut driver, "apng");
    assert_eq!(value(&driver, "file"), "pictures/demo.apng");
    put(&mut driver, "file", "pictures/demo.png");
    assert_eq!(value(&driver, "file"), "pictures/demo.png", "an apng may be called so");
    turn_to(&mut driver, "csv");
    assert_eq!(value(&driver, "file"), "pictures/demo.csv");
    put(&mut driver, "file", "");
    assert!(value(&driver, "file").ends_with("-story.csv"), "nothing is the usual name");
    put(&mut driver, "file", "~/demo");
    let home = std::env::home_dir().unwrap().join("demo.csv");
    assert_eq!(value(&driver, "file"), home.display().to_string());
}

#[test]
fn a_still_picture_is_of_the_step_on_the_screen() {
    let mut driver = story(DARK);
    driver.act(Action::ScrubTo(16)).keys("E");
    assert_eq!(value(&driver, "steps"), "all");
    driver.key(KeyCode::Right);
    select(&mut driver, "steps").key(KeyCode::Right);
    assert_eq!(value(&driver, "steps"), "..16");
    driver.key(KeyCode::Right).key(KeyCode::Right);
    assert_eq!(value(&driver, "steps"), "16");
    driver.key(KeyCode::Right);
    turn_to(&mut driver, "png");
    assert_eq!(value(&driver, "steps"), "..16");
    assert!(driver.text().contains("1200×760 pixels, one picture"), "{}", driver.text());
}

#[test]
fn what_is_written_is_what_the_command_writes() {
    let folder = Folder::new();
    let mut driver = story(LIGHT);
    driver.keys("E");
    put(&mut driver, "size", "60x16");
    put(&mut driver, "letters", "10");
    put(&mut driver, "steps", "10..14");
    put(&mut driver, "title", "Wait: a story");
    let options = ExportOptions {
        width: 60,
        height: 16,
        font_size: 10,
        steps: "10..14".parse().unwrap(),
        title: "Wait: a story".to_owned(),
        theme: LIGHT.name,
        ..ExportOptions::default()
    };
    for format in export::FORMATS {
        turn_to(&mut driver, format.name());
        let path = folder.path(&format!("{}.{}", format.name(), format.suffixes()[0]));
        put(&mut driver, "file", path.to_str().unwrap());
        let ExportNews::Made(size) = write(&mut driver) else { panic!("{}", notice(&driver)) };
        let mut expected = Vec::new();
        format.write(Frames::of(&common::story(), &options).unwrap(), &(), &mut expected).unwrap();
        assert!(fs::read(&path).unwrap() == expected, "{}", format.name());
        assert_eq!(size, expected.len() as u64);
        assert!(notice(&driver).starts_with(&format!("{} is written: ", path.display())), "{}", notice(&driver));
    }
    assert_eq!(files(&folder).len(), export::FORMATS.len(), "and nothing else");
}

#[test]
fn tables_are_written_of_the_first_run() {
    let folder = Folder::new();
    let mut driver = with_menu(compare::compared(DARK));
    driver.keys("E");
    turn_to(&mut driver, "csv");
    select(&mut driver, "table").key(KeyCode::Enter);
    assert_eq!(value(&driver, "table"), "steps");
    let log = &driver.app.run().unwrap().log;
    let rows = log.len();
    assert!(driver.text().contains(&format!("of the first run alone: {rows} rows of ")), "{}", driver.text());
    put(&mut driver, "file", folder.path("steps").to_str().unwrap());
    assert!(matches!(write(&mut driver), ExportNews::Made(1..)));
    let written = fs::read_to_string(folder.path("steps.csv")).unwrap();
    assert_eq!(written.lines().count(), rows + 1);
    turn_to(&mut driver, "html");
    assert!(driver.text().contains("a page holds one run: make one of each trace"), "{}", driver.text());
    driver.effects.clear();
    driver.keys("w");
    assert_eq!(driver.effects, []);
}

#[test]
fn two_runs_are_written_beside_each_other() {
    let folder = Folder::new();
    let mut driver = with_menu(compare::compared(DARK));
    driver.keys("E");
    turn_to(&mut driver, "asciicast-v2");
    put(&mut driver, "file", folder.path("two.cast").to_str().unwrap());
    assert!(matches!(write(&mut driver), ExportNews::Made(_)), "{}", notice(&driver));
    let runs = driver.app.session().runs();
    let options = ExportOptions { scene: Scene::Compare, view: Some(Pane::Canvas), ..ExportOptions::default() };
    let mut expected = Vec::new();
    let frames = Frames::of_two(&runs[1].log, &runs[0].log, &options).unwrap();
    export::format("asciicast-v2").unwrap().write(frames, &(), &mut expected).unwrap();
    assert!(fs::read(folder.path("two.cast")).unwrap() == expected);
}

#[test]
fn a_file_that_is_there_is_replaced_at_the_second_asking() {
    let folder = Folder::new();
    let path = folder.write("a.csv", "precious");
    let mut driver = story(DARK);
    driver.keys("E");
    turn_to(&mut driver, "csv");
    put(&mut driver, "file", path.to_str().unwrap());
    assert_eq!(write(&mut driver), ExportNews::Taken);
    assert_eq!(notice(&driver), format!("{} is there already: ^S again replaces it", path.display()));
    select(&mut driver, "format");
    assert_eq!(write(&mut driver), ExportNews::Taken, "another key takes the question back");
    assert!(notice(&driver).ends_with(": w again replaces it"), "{}", notice(&driver));
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    driver.tick(60_000).keys("w");
    assert!(matches!(driver.effects[..], [Effect::Export { replaces: true }]));
    let begun = begin(&mut driver);
    assert!(matches!(end(&mut driver, begun), ExportNews::Made(_)));
    assert!(fs::read_to_string(&path).unwrap().starts_with("step,"));
    assert_eq!(files(&folder), ["a.csv"]);
}

#[test]
fn what_cannot_be_written_is_said_and_the_menu_stays() {
    let folder = Folder::new();
    let blocked = folder.write("file", "no folder").join("a.csv");
    let mut driver = story(DARK);
    driver.keys("E");
    turn_to(&mut driver, "csv");
    put(&mut driver, "file", blocked.to_str().unwrap());
    assert!(matches!(write(&mut driver), ExportNews::Failed(_)));
    assert!(notice(&driver).starts_with(&format!("{} cannot be written: ", blocked.display())), "{}", notice(&driver));
    assert!(driver.app.notice().unwrap().is_error && driver.app.exports().writing().is_none());
    assert_eq!(driver.app.context(), Context::ExportText);
}

#[test]
fn the_trace_that_is_shown_is_never_written_over() {
    let folder = Folder::new();
    let path = folder.write("run.jsonl", "a trace");
    let app = App::replay("run.jsonl", Box::new(common::story()), DARK).with_exports(menu(&[&path]));
    let mut driver = Driver { app, size: (120, 40), effects: Vec::new() };
    driver.act(Action::Follow).keys("E");
    turn_to(&mut driver, "jsonl");
    put(&mut driver, "file", path.to_str().unwrap());
    for _ in 0..2 {
        write(&mut driver);
        assert!(notice(&driver).ends_with(" is the trace itself: give what it becomes another name"));
    }
    assert_eq!(fs::read_to_string(&path).unwrap(), "a trace");
}

/// Begins an animated picture that takes a while.
fn begin_large(folder: &Folder) -> (Driver, ExportUnderWay) {
    let mut driver = story(DARK);
    driver.keys("E");
    turn_to(&mut driver, "apng");
    put(&mut driver, "size", "400x150");
    put(&mut driver, "file", folder.path("large").to_str().unwrap());
    driver.effects.clear();
    driver.ctrl('s');
    let begun = begin(&mut driver);
    (driver, begun)
}

#[test]
fn what_is_broken_off_leaves_nothing() {
    let folder = Folder::new();
    let (mut driver, begun) = begin_large(&folder);
    driver.ctrl('x');
    assert_eq!(driver.effects, [Effect::CancelExport]);
    assert!(driver.text().contains("breaking off"), "{}", driver.text());
    begun.cancel();
    assert_eq!(end(&mut driver, begun), ExportNews::Cancelled);
    assert!(notice(&driver).ends_with("large.apng is broken off: nothing is written"), "{}", notice(&driver));
    assert_eq!(files(&folder), [""; 0]);
    // As when the program is left: the handle is dropped, and waits.
    let (_, begun) = begin_large(&folder);
    drop(begun);
    assert_eq!(files(&folder), [""; 0]);
}

#[test]
fn one_file_is_written_at_a_time_and_leaving_asks() {
    let mut driver = story(DARK);
    driver.keys("Ew");
    assert_eq!(driver.effects, [Effect::Export { replaces: false }]);
    driver.keys("w");
    assert_eq!(notice(&driver), "0000-01-01-000000-flashdlm-story.gif is being written: one file at a time");
    driver.effects.clear();
    let count = ExportCount { done: 34, all: 71, bytes: 1_230_000 };
    driver.act(Action::Export(ExportNews::Progress(count)));
    let text = driver.text();
    assert!(text.contains("34 of 71 frames, 1.23 MB") && text.contains("x breaks it off"), "{text}");
    put(&mut driver, "size", "wide");
    assert!(driver.text().contains("size cannot be 'wide'"), "the next one can be chosen meanwhile");
    driver.key(KeyCode::Esc).act(Action::ListMove(-99));
    driver.key(KeyCode::Esc);
    let header = driver.text().lines().next().unwrap().to_owned();
    assert!(header.contains("writing …00-flashdlm-story.gif 48 %"), "{header}");
    assert!(driver.app.next_change().is_some(), "it turns");
    driver.keys("q");
    assert_eq!(driver.effects, [], "{}", notice(&driver));
    assert!(notice(&driver).ends_with("would be broken off; the same key again leaves"), "{}", notice(&driver));
    driver.keys("q");
    assert_eq!(driver.effects, [Effect::Quit]);
    driver.act(Action::Export(ExportNews::Note("no font has 日: a box stands there".to_owned())));
    driver.act(Action::Export(ExportNews::Made(2_000_000)));
    let written = "0000-01-01-000000-flashdlm-story.gif is written: 2.00 MB; no font has 日: a box stands there";
    assert_eq!(notice(&driver), written);
    assert!(driver.app.exports().writing().is_none() && driver.app.next_change().is_some());
}

#[test]
fn a_run_under_way_is_exported_as_far_as_it_is() {
    let folder = Folder::new();
    let log = common::story();
    let mut driver = with_menu(Driver::live(&log, 5, DARK));
    driver.keys("E");
    turn_to(&mut driver, "asciicast-v2");
    select(&mut driver, "typing").key(KeyCode::Enter);
    assert!(driver.text().contains("120×40 cells, 6 frames, "), "{}", driver.text());
    driver.steps(&log, 5..9);
    assert!(driver.text().contains("120×40 cells, 10 frames, "), "what comes is counted: {}", driver.text());
    put(&mut driver, "file", folder.path("now.cast").to_str().unwrap());
    driver.effects.clear();
    driver.ctrl('s');
    let begun = begin(&mut driver);
    driver.steps(&log, 9..12);
    assert!(matches!(end(&mut driver, begun), ExportNews::Made(_)));
    let cast = fs::read_to_string(folder.path("now.cast")).unwrap();
    let frames = cast.lines().filter(|line| line.contains("\"o\"")).count();
    assert_eq!(frames, 10 + 1, "the steps that were done when it began, and the end");
    assert!(cast.contains("running") && !cast.contains("correct") && !cast.contains("unfinished"), "{cast}");
}

#[test]
fn there_is_no_menu_without_a_step() {
    let log = common::story();
    let mut driver = with_menu(Driver::ready(&log, DARK));
    driver.key(KeyCode::Esc).keys("E");
    assert_eq!(notice(&driver), "export: a recording or a table: no run yet");
    let mut driver = with_menu(Driver::live(&log, 0, DARK));
    driver.keys("E");
    assert_eq!(notice(&driver), "export: a recording or a table: no step yet");
    assert!(driver.app.overlays().is_empty());
}

#[test]
fn hostile_text_is_made_printable() {
    let folder = Folder::new();
    let mut driver = story(DARK);
    driver.keys("E");
    select(&mut driver, "title").act(Action::Paste("\u{1b}[2J\u{202e}<script>\nx".to_owned())).key(KeyCode::Enter);
    assert_eq!(value(&driver, "title"), "\u{fffd}[2J\u{fffd}<script>⏎x");
    turn_to(&mut driver, "html");
    put(&mut driver, "file", folder.path("page").to_str().unwrap());
    assert!(matches!(write(&mut driver), ExportNews::Made(_)));
    let page = fs::read_to_string(folder.path("page.html")).unwrap();
    assert!(page.contains("&lt;script&gt;⏎x</title>") && !page.contains('\u{1b}'), "the title is text");
}

#[test]
fn choices_stay_for_the_run_and_words_leave_with_it() {
    let mut driver = with_menu(compare::compared(DARK));
    driver.keys("cE");
    put(&mut driver, "title", "of one run");
    put(&mut driver, "pace", "12");
    driver.key(KeyCode::Esc).keys("E");
    assert_eq!(values(&driver, ["title", "pace"]), ["of one run", "12 a second"]);
    driver.key(KeyCode::Esc).keys("bE");
    assert_eq!(values(&driver, ["title", "pace"]), ["", "12 a second"]);
}

#[test]
fn every_size_and_every_row_can_be_drawn() {
    for size in [(1, 1), (40, 12), (41, 13), (60, 20), (300, 90)] {
        let mut driver = story(ascii()).sized(size.0, size.1);
        driver.keys("E");
        for _ in 0..driver.app.exports().rows().len() {
            driver.key(KeyCode::Down).ctrl('u');
            let text = driver.text();
            assert!(text.is_ascii(), "{text}");
        }
        driver.ctrl('s');
        assert!(driver.app.exports().writing().is_some() && driver.text().is_ascii(), "{}", notice(&driver));
    }
}

#[test]
fn a_question_is_about_the_next_key() {
    let mut driver = story(DARK);
    driver.keys("Ew").act(Action::Export(ExportNews::Taken));
    driver.effects.clear();
    driver.key(KeyCode::Esc).keys("Ew");
    assert_eq!(driver.effects, [Effect::Export { replaces: false }]);
}

macro_rules! snapshot {
    ($name:literal, $driver:expr) => {
        insta::assert_snapshot!($name, picture(&$driver.draw().0))
    };
}

#[test]
fn it_reads_at_every_size_in_every_theme_and_without_colour() {
    let mut driver = story(DARK).sized(80, 24);
    driver.keys("E");
    snapshot!("export_80x24", driver);
    let mut driver = story(LIGHT);
    driver.keys("E");
    select(&mut driver, "size");
    snapshot!("export_light_120x40", driver);
    put(&mut driver, "file", "x.mp4");
    snapshot!("export_refused_light_120x40", driver);
    let mut driver = story(ascii()).sized(80, 24);
    driver.keys("Ew").act(Action::Export(ExportNews::Progress(ExportCount { done: 34, all: 71, bytes: 1_230_000 })));
    snapshot!("export_writing_ascii_80x24", driver);
    driver.key(KeyCode::Esc);
    snapshot!("export_written_beside_ascii_80x24", driver);
    let mut driver = with_menu(compare::compared(DARK)).sized(200, 60);
    driver.keys("E");
    snapshot!("export_compare_200x60", driver);
}
