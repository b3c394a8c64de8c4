//! Recordings as sittings that are played again: nothing is there before its time.

use diffuscope::{
    export::{ExportError, ExportOptions, Frame, Frames},
    session::Axis,
    trace::Log,
    tui::{Pane, Scene},
};

use super::{
    common,
    driver::{DARK, Driver, picture, rows},
};

fn frames(log: &Log, options: &ExportOptions) -> Vec<Frame> {
    Frames::of(log, options).unwrap().collect()
}

fn text(frame: &Frame) -> String {
    rows(&frame.screen).join("\n")
}

fn scene(scene: Scene) -> ExportOptions {
    ExportOptions { width: 100, height: 30, scene, typing: false, ..ExportOptions::default() }
}

/// The first steps of a log, as they were logged.
fn begun(log: &Log, steps: usize) -> Log {
    let mut begun = Log::new(log.header().clone());
    log.entries().take(steps).for_each(|entry| begun.push(entry));
    begun
}

/// The scenes of one log.
const OF_ONE: [Scene; 4] = [Scene::Everything, Scene::Canvas, Scene::CanvasTimeline, Scene::Map];

#[test]
fn what_comes_later_changes_nothing_that_is_shown_before() {
    for (log, of_one) in [(common::story(), OF_ONE), (common::failing(), OF_ONE)] {
        let steps = log.len() / 2;
        for one in of_one {
            let (whole, begun) = (frames(&log, &scene(one)), frames(&begun(&log, steps), &scene(one)));
            assert_eq!(begun.len(), steps + 1);
            for (at, (whole, begun)) in whole.iter().zip(&begun).enumerate() {
                assert_eq!(picture(&whole.screen), picture(&begun.screen), "{one:?} after {at} steps");
                assert_eq!((whole.time, &whole.marker), (begun.time, &begun.marker));
            }
        }
    }
}

#[test]
fn a_run_is_running_until_it_ends() {
    let frames = frames(&common::story(), &scene(Scene::Everything));
    let (last, before) = frames.split_last().unwrap();
    for (steps, frame) in before.iter().enumerate() {
        let text = text(frame);
        assert!(text.contains(&format!("● running  step {steps}")), "{text}");
        assert!(!text.contains("correct"), "{text}");
    }
    assert!(text(last).contains("✓ correct  after"), "{}", text(last));
}

#[test]
fn a_recording_shows_what_a_live_run_shows() {
    let log = common::story();
    let frames = frames(&log, &scene(Scene::Canvas));
    let steps = 7;
    let live = Driver::live(&log, steps, DARK).sized(120, 40).text();
    let shown = rows(&frames[steps].screen);
    assert!(live.contains("running  step 7"), "{live}");
    assert!(shown[0].contains("running  step 7"), "{shown:#?}");
}

#[test]
fn the_prompt_is_typed_first() {
    let log = common::story();
    let typed = ExportOptions { typing: true, ..scene(Scene::Everything) };
    let (silent, typed) = (frames(&log, &scene(Scene::Everything)), frames(&log, &typed));
    let prompt = &log.header().prompt;
    let strokes = typed.len() - silent.len();
    assert_eq!(strokes, prompt.chars().count() + 1);
    assert!(text(&typed[0]).contains("type a prompt"));
    for (chars, frame) in typed[..strokes].iter().enumerate() {
        let field = text(frame);
        assert!(field.contains(prompt[..chars].trim_end()), "{field}");
        assert!(chars < 8 || chars == prompt.len() || !field.contains(&prompt[..=chars]), "{field}");
        assert!(!field.contains("running"), "{field}");
    }
    assert!(typed.windows(2).all(|pair| pair[0].time < pair[1].time));
    for (typed, silent) in typed[strokes..].iter().zip(&silent) {
        assert_eq!(typed.screen, silent.screen, "behind Enter it is the same");
    }
}

#[test]
fn a_long_prompt_is_typed_in_no_more_time_than_a_short_one() {
    let prompt = "Tell me of e\u{301} and 日本 again, ".repeat(60);
    let mut fixture = common::Fixture::new(&prompt, "So be it.", 8, "plain");
    while fixture.quota_step(4, None) {}
    let log = fixture.finish(None, None);
    let typed = ExportOptions { typing: true, ..scene(Scene::Everything) };
    let frames = frames(&log, &typed);
    assert!(frames.len() < 80, "{}", frames.len());
    let started = &frames[frames.len() - log.len() - 1];
    assert!(started.time < 6.0, "{}", started.time);
}

#[test]
fn scenes_show_their_part_of_the_screen() {
    let log = common::story();
    let last = |options: &ExportOptions| text(frames(&log, options).last().unwrap());
    let everything = last(&scene(Scene::Everything));
    assert!(everything.contains("figures") && everything.contains("knobs") && everything.contains("steps"));
    let canvas = last(&scene(Scene::Canvas));
    assert!(!canvas.contains("figures") && !canvas.contains("knobs") && !canvas.contains("tokens "), "{canvas}");
    let both = last(&scene(Scene::CanvasTimeline));
    assert!(both.contains("steps") && !both.contains("knobs"), "{both}");
    let map = last(&scene(Scene::Map));
    assert!(map.contains("map"), "{map}");
    let rows_of_all = last(&ExportOptions { view: Some(Pane::KvMap), ..scene(Scene::Map) });
    assert_ne!(map, rows_of_all);
}

#[test]
fn a_title_stands_above_the_screen_and_a_caption_below() {
    let options = ExportOptions {
        title: "Guided\u{1b}[31m".to_owned(),
        caption: "one line\nand another".to_owned(),
        ..scene(Scene::Everything)
    };
    let frames = frames(&common::story(), &options);
    let rows = rows(&frames.last().unwrap().screen);
    assert_eq!(rows[0].trim(), "Guided\u{fffd}[31m");
    assert!(rows[1].contains("diffuscope"), "{rows:#?}");
    assert_eq!((rows[28].trim(), rows[29].trim()), ("one line", "and another"));
}

#[test]
fn steps_can_be_chosen() {
    let log = common::story();
    let chosen = |steps: &str| {
        let options = ExportOptions { steps: steps.parse().unwrap(), ..scene(Scene::Everything) };
        frames(&log, &options)
    };
    let all = chosen("0..");
    let some = chosen("3..9");
    assert_eq!(some.len(), 7);
    assert_eq!(some[0].time, 0.0);
    for (some, all) in some.iter().zip(&all[3..]) {
        assert_eq!(some.screen, all.screen);
    }
    assert_eq!(chosen("5")[0].screen, all[5].screen);
    assert_eq!((chosen("5").len(), chosen("..5").len(), chosen("5..").len()), (1, 6, log.len() - 4));
    assert!(text(&chosen("5..9")[4]).contains("running"), "it has not ended");
}

#[test]
fn blocks_are_marked() {
    let log = common::story();
    let frames = frames(&log, &scene(Scene::Everything));
    let marked: Vec<usize> = (0..frames.len()).filter(|at| frames[*at].marker.is_some()).collect();
    assert_eq!(marked, log.block_starts().collect::<Vec<_>>());
    let names: Vec<&str> = frames.iter().filter_map(|frame| frame.marker.as_deref()).collect();
    assert_eq!(names[0], "block 1");
}

#[test]
fn two_runs_are_shown_beside_each_other_as_they_happened() {
    let (a, b) = (common::story(), common::failing());
    for axis in Axis::ALL {
        let options = ExportOptions { width: 120, height: 40, axis, ..scene(Scene::Compare) };
        let frames: Vec<Frame> = Frames::of_two(&a, &b, &options).unwrap().collect();
        let first = text(&frames[0]);
        assert!(first.contains("step 0"), "{first}");
        let early = text(&frames[frames.len() / 8]);
        assert!(!early.contains("✓") && !early.contains("✗"), "{axis:?}: {early}");
        let last = text(frames.last().unwrap());
        assert!(last.contains("✓") || last.contains("✗"), "{last}");
    }
    let options = scene(Scene::Everything);
    assert_eq!(Frames::of_two(&a, &b, &options).err(), Some(ExportError::NotCompared));
}

#[test]
fn the_smallest_and_the_oddest_can_be_recorded() {
    for (log, (width, height)) in [(common::odd(), (40, 12)), (common::odd(), (500, 200)), (long(), (40, 12))] {
        for one in OF_ONE {
            let options = ExportOptions { width, height, typing: true, ..scene(one) };
            let all = frames(&log, &ExportOptions { steps: "0..2".parse().unwrap(), ..options });
            for frame in &all {
                assert!(!text(frame).contains(|c: char| c.is_control() && c != '\n'));
                assert_eq!((frame.screen.area.width, frame.screen.area.height), (width, height));
            }
        }
    }
}

/// 2,000 positions, all written at once.
fn long() -> Log {
    let mut fixture = common::Fixture::new("Count", &"one two three four ".repeat(500), 2000, "plain");
    fixture.quota_step(2000, None);
    fixture.finish(None, None)
}
