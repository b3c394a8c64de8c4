//! The timeline: every step has its place, little is seen beside much, and the lanes say the rest.

use crossterm::event::KeyCode;
use diffuscope::{
    decode::record::{AuditReport, AuditedPosition, Commit, Cost, Edit, KvStatus, KvUse, Reason, Region, StepRecord},
    trace::{Entry, Log},
    tui::{
        Action,
        theme::{ASCII, Theme},
        view::FrameInfo,
    },
};
use ratatui::{buffer::Buffer, layout::Rect};

use super::{
    common::{self, EOS},
    driver::{DARK, Driver, MONO, picture, rows},
};

/// The places of the timeline: of each the step that a click shows, left to right.
fn places(frame: &FrameInfo) -> Vec<(Rect, usize)> {
    let place = |hit: &diffuscope::tui::view::Hit| match hit.click {
        Some(Action::ScrubTo(step)) if hit.drag => Some((hit.area, step)),
        _ => None,
    };
    frame.hits.iter().filter_map(place).collect()
}

/// The glyphs of a column of the timeline, from the top.
fn column(buffer: &Buffer, area: Rect) -> String {
    (area.top()..area.bottom()).map(|y| buffer[(area.x, y)].symbol().to_owned()).collect()
}

/// The lane of that name, without the name.
fn lane(driver: &Driver, name: &str) -> String {
    let (buffer, frame) = driver.draw();
    let places = places(&frame);
    let (first, last) = (places[0].0, places[places.len() - 1].0);
    let row = rows(&buffer).iter().position(|row| row.starts_with(&format!(" {name} ")));
    let row = row.unwrap_or_else(|| panic!("no lane {name} in\n{}", driver.text())) as u16;
    (first.x..last.right()).map(|x| buffer[(x, row)].symbol().to_owned()).collect()
}

/// A run whose steps write so many tokens each, and end of text where told.
fn writing(steps: &[(usize, usize)]) -> Log {
    let mut vocabulary = common::Vocabulary::default();
    let total: usize = steps.iter().map(|(tokens, ends)| tokens + ends).sum();
    let header = common::header(&mut vocabulary, "a b", total.max(1), "threshold");
    let prompt = header.prompt_ids.len();
    let mut ids = header.canvas();
    let (mut left, mut right) = (prompt, ids.len());
    let mut log = Log::new(header);
    for (step, (tokens, ends)) in steps.iter().enumerate() {
        let texts = left..left + tokens;
        let ended = right - ends..right;
        (left, right) = (texts.end, ended.start);
        let written = texts.map(|position| (position, 400)).chain(ended.map(|position| (position, EOS)));
        let commits: Vec<Commit> = written
            .map(|(position, token)| Commit { position, token, confidence: 0.9, reason: Reason::Threshold })
            .collect();
        for commit in &commits {
            ids[commit.position] = commit.token;
        }
        log.push(Entry { record: record(step, ids.clone(), commits), pieces: Vec::new(), texts: Vec::new() });
    }
    log
}

fn record(step: usize, ids: Vec<u32>, commits: Vec<Commit>) -> StepRecord {
    StepRecord {
        step,
        region: Region { block: 0, start: 0, end: ids.len() },
        changes: Vec::new(),
        edits: Vec::new(),
        proposals: Vec::new(),
        commits,
        remasked: Vec::new(),
        kv: vec![KvUse { status: KvStatus::Recomputed, age: 0 }; ids.len()],
        layers: Vec::new(),
        guide: None,
        shadow: None,
        gap: None,
        audit: None,
        cost: Cost { nfe: 1, computed: ids.len() as u32, denoiser_us: 900, other_us: 100, ..Cost::default() },
        stop: None,
        ids,
    }
}

#[test]
fn an_avalanche_does_not_flatten_the_rest() {
    let log = writing(&[(1, 0), (40, 0), (1, 0), (0, 90), (2, 0)]);
    let driver = Driver::live(&log, log.len(), DARK).sized(80, 24);
    let (buffer, frame) = driver.draw();
    let bar = |step: usize| {
        let area = places(&frame).iter().find(|(_, of)| *of == step).unwrap().0;
        column(&buffer, Rect { height: 3, ..area })
    };
    assert!(driver.text().contains("48 "), "a full column stands for 48 tokens:\n{}", driver.text());
    assert_eq!([bar(1), bar(3)], ["  ▃", "  ▃"], "a single token is seen");
    assert_eq!(bar(2), "▆██", "forty are below forty-eight");
    assert_eq!(bar(5), "  ▅");
    assert_eq!(bar(4), "  █", "end of text is a cell at most, though it is more than all else");
}

#[test]
fn bars_keep_their_height_while_a_run_goes_on_unless_one_would_not_fit() {
    let log = writing(&[(2, 0), (7, 0), (8, 0), (5, 0), (1, 0), (9, 0)]);
    let bars = |steps: usize| {
        let (buffer, frame) = Driver::live(&log, steps, DARK).sized(120, 40).draw();
        places(&frame).iter().map(|(area, _)| column(&buffer, Rect { height: 4, ..*area })).collect::<Vec<_>>()
    };
    assert_eq!(bars(5)[..2], bars(2)[..2]);
    assert_ne!(bars(6)[0], bars(5)[0], "nine tokens do not fit where eight are the top");
}

#[test]
fn ten_thousand_steps_have_their_places_on_forty_columns() {
    let mut log = writing(&[]);
    let ids = log.header().canvas();
    for step in 0..10_000 {
        log.push(Entry { record: record(step, ids.clone(), Vec::new()), pieces: Vec::new(), texts: Vec::new() });
    }
    let mut driver = Driver::live(&log, 0, MONO).sized(40, 24);
    driver.app = diffuscope::tui::App::replay("long.jsonl", Box::new(log), MONO);
    let places = |driver: &Driver| places(&driver.draw().1);
    let all = places(&driver);
    assert!(all.len() <= 38 && all.len() >= 19, "{}", all.len());
    assert_eq!(all.last().unwrap().1, 10_000);
    assert!(all.windows(2).all(|pair| pair[0].1 < pair[1].1 && pair[0].0.right() == pair[1].0.x));
    for step in [1, 255, 256, 257, 5_000, 9_999, 10_000] {
        driver.act(Action::ScrubTo(step));
        let (buffer, frame) = driver.draw();
        let held = all.iter().find(|(_, last)| step <= *last).unwrap().0;
        let axis = frame.hits.iter().find(|hit| hit.area == held).unwrap().area.bottom() - 1;
        assert_eq!(buffer[(held.x, axis)].symbol(), "▲", "step {step}:\n{}", driver.text());
    }
    let a_column = all[0].1;
    assert!(driver.text().contains(&format!("{a_column} a col")), "{}", driver.text());
}

#[test]
fn there_are_as_many_lanes_as_the_height_allows() {
    let story = common::story();
    let names = |width, height| {
        let text = Driver::live(&story, story.len(), DARK).sized(width, height).text();
        ["conf", "time", "K/V", "events"].map(|name| text.contains(&format!("\n {name} ")))
    };
    assert_eq!(names(80, 24), [true, false, false, false]);
    assert_eq!(names(120, 40), [true; 4]);
    assert_eq!(names(200, 60), [true; 4]);
    let plain = writing(&[(1, 0), (1, 0)]);
    let text = Driver::live(&plain, 2, DARK).text();
    assert!(!text.contains("\n K/V "), "where nothing is ever reused there is no lane of the cache: {text}");
}

#[test]
fn lanes_tell_without_colour_what_happened() {
    let story = common::story();
    let mut log = Log::new(story.header().clone());
    for (index, mut entry) in story.entries().enumerate() {
        if index == 5 {
            let position = entry.record.proposals.last().unwrap().position;
            let audited = AuditedPosition { position, kl: 0.4, token: 7, probability: 0.5, differs: true };
            entry.record.audit = Some(AuditReport { positions: vec![audited], drift: Vec::new() });
        }
        if index == 7 {
            entry.record.edits = vec![Edit::Pin { position: 20, pinned: true }];
        }
        log.push(entry);
    }
    let mut end = story.end().unwrap().clone();
    let at = log.step(3).unwrap().commits[0].position;
    (end.correct, end.failed) = (Some(false), Some(at..at + 1));
    log.finish(end);
    for theme in [DARK, MONO, Theme { glyphs: &ASCII, ..MONO }] {
        let driver = Driver::live(&log, log.len(), theme);
        let (events, cache) = (lane(&driver, "events"), lane(&driver, "K/V"));
        let glyphs = theme.glyphs;
        for glyph in [glyphs.wrong, "!", glyphs.edited, glyphs.change, glyphs.rejected] {
            assert!(events.contains(glyph), "{glyph} is not in {events}");
        }
        assert!(cache.contains('R'), "the first step computes all rows: {cache}");
        let failing = places(&driver.draw().1)[2].0;
        let (buffer, _) = driver.draw();
        assert!(column(&buffer, failing).contains(glyphs.wrong), "{}", driver.text());
    }
    // Where there is no lane, the axis has them.
    let mut small = Driver::live(&log, log.len(), MONO).sized(80, 24);
    small.act(Action::ScrubTo(1));
    let axis = rows(&small.draw().0).into_iter().find(|row| row.contains('▲')).unwrap();
    assert!(axis.contains('◆') && axis.contains('✗'), "{axis}");
}

#[test]
fn brackets_jump_from_block_to_block() {
    let code = common::code();
    let starts: Vec<usize> = code.block_starts().collect();
    assert!(starts.len() == 3 && starts[0] == 1, "{starts:?}");
    let mut driver = Driver::live(&code, code.len(), DARK);
    driver.key(KeyCode::Esc).act(Action::ScrubTo(0));
    let mut shown = Vec::new();
    for _ in 0..4 {
        driver.keys("]");
        shown.push(driver.app.shown());
    }
    assert_eq!(shown, [starts[0], starts[1], starts[2], starts[2]]);
    driver.act(Action::ScrubTo(starts[2] + 2)).keys("[");
    assert_eq!(driver.app.shown(), starts[2], "first to the begin of its own block");
    driver.keys("[[");
    assert_eq!(driver.app.shown(), starts[0]);
    let (buffer, frame) = driver.draw();
    for start in &starts[1..] {
        let area = places(&frame)[start - 1].0;
        assert_eq!(buffer[(area.x, area.bottom() - 1)].symbol(), "┊", "{}", driver.text());
    }
    // In the knob pane they turn knobs.
    driver.act(Action::Focus(diffuscope::tui::Focus::Knobs)).keys("]");
    assert_eq!(driver.app.shown(), starts[0]);
}

#[test]
fn in_pictures() {
    let (story, code) = (common::story(), common::failing());
    let ascii = Theme { glyphs: &ASCII, ..MONO };
    insta::assert_snapshot!("timeline_story_200x60", picture(&Driver::live(&story, 17, DARK).sized(200, 60).draw().0));
    let mut driver = Driver::live(&code, code.len(), MONO).sized(120, 40);
    driver.act(Action::ScrubTo(13));
    insta::assert_snapshot!("timeline_blocks_mono_120x40", picture(&driver.draw().0));
    let driver = Driver::live(&story, story.len(), ascii).sized(100, 40);
    insta::assert_snapshot!("timeline_ascii_100x40", picture(&driver.draw().0));
}
