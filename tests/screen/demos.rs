//! Demo scripts: written while somebody plays, and played again.

use crossterm::event::KeyCode;
use diffuscope::{
    engine::protocol::Event,
    session::{EventWalk, RunEventKind},
    settings::KNOBS,
    trace::Log,
    tui::{
        Action, Effect, Focus, Pane,
        demo::{DemoAction, DemoScript, Director},
    },
};

use super::{
    common,
    driver::{DARK, Driver, layer, picture},
    sitting::{begin, finish},
};

/// Types text, key by key.
fn typed(driver: &mut Driver, text: &str) {
    driver.act(Action::Clear).keys(text);
}

/// The script that was saved last.
fn saved(driver: &mut Driver) -> Option<String> {
    let demo = |effect| if let Effect::SaveDemo(text) = effect { Some(text) } else { None };
    std::mem::take(&mut driver.effects).into_iter().filter_map(demo).next_back()
}

fn knob(name: &str) -> usize {
    KNOBS.iter().position(|knob| knob.name == name).unwrap()
}

/// A sitting: a story under another preset, watched, read by other layers, and forked with the guide's rule turned.
fn sitting(story: &Log) -> Driver {
    let mut driver = Driver::ready(story, DARK);
    driver.tick(1000).act(Action::Focus(Focus::Canvas)).keys("D");
    driver.tick(2000).act(Action::TakePreset("threshold".to_owned()));
    driver.keys("i");
    typed(&mut driver, "Write a story with Laura, a violin and a goat.");
    driver.key(KeyCode::Enter);
    begin(&mut driver, story);
    driver.steps(story, 0..12);
    driver.tick(4000).keys("3");
    driver.tick(4100).act(Action::Select(40));
    driver.steps(story, 12..story.len());
    finish(&mut driver, story);
    driver.tick(9000).act(Action::ScrubTo(10));
    driver.tick(11_000).keys("M");
    driver.tick(11_600).act(Action::KnobSelect(knob("guide"))).keys("ll");
    driver.tick(12_000).act(Action::Focus(Focus::Canvas)).keys("F");
    begin(&mut driver, story);
    driver.steps(story, 10..14);
    driver.tick(13_500).keys("f");
    driver.steps(story, 14..story.len());
    finish(&mut driver, story);
    driver.tick(16_000);
    driver
}

/// Plays a script against an engine that makes a story of every run.
fn play(script: &str, story: &Log) -> Result<Driver, String> {
    let script = DemoScript::parse("demo.toml", script).map_err(|error| error.to_string())?;
    let mut director = Director::new(&script).map_err(|error| error.to_string())?;
    let mut driver = Driver::ready(story, DARK);
    driver.app.framing = script.framing();
    while !director.is_over() {
        let action = director.next(&driver.app)?;
        if let Some(action) = action {
            driver.act(action);
        } else if director.is_over() {
            break;
        } else if let Some(due) = director.due() {
            driver.act(Action::Tick(due));
        } else if driver.app.session().get(driver.app.last_run()).is_none() {
            begin(&mut driver, story).expect("a run is waited for");
        } else if driver.app.len() < story.len() {
            let at = driver.app.len();
            driver.steps(story, at..at + 1);
        } else {
            assert!(driver.app.is_under_way(), "nothing is left to wait for");
            finish(&mut driver, story);
        }
    }
    Ok(driver)
}

#[test]
fn what_somebody_does_is_written_down_as_what_changed_and_what_was_waited_for() {
    let mut driver = sitting(&common::story());
    driver.keys("D");
    insta::assert_snapshot!("demo_script", saved(&mut driver).expect("a script is saved"));
}

#[test]
fn a_script_that_was_written_down_leads_to_the_same_place() {
    let story = common::story();
    let mut first = sitting(&story);
    first.keys("D");
    let script = saved(&mut first).unwrap();
    let again = play(&script, &story).unwrap();
    for driver in [&first, &again] {
        let runs: Vec<_> = driver.app.session().runs().iter().map(|run| (run.id, run.log.len())).collect();
        assert_eq!(runs, [(1, story.len()), (2, story.len())]);
        assert_eq!(driver.app.session().get(2).unwrap().branch().unwrap().step, 10);
        assert_eq!((driver.app.lens().layer, driver.app.lens().pane), (layer("guide"), Pane::Map));
    }
    assert_eq!(first.app.settings(), again.app.settings());
    assert_eq!(
        first.app.session().get(1).unwrap().log.header().settings,
        again.app.session().get(1).unwrap().log.header().settings
    );
    assert_eq!(first.app.lens().selected, again.app.lens().selected);
}

#[test]
fn values_are_written_so_that_they_are_read_as_they_were() {
    for (name, value) in
        [("seed", "18446744073709551615"), ("seed", "7"), ("threshold", "0.85"), ("gen-length", "auto")]
    {
        let script = written(|driver| {
            let turns = vec![(KNOBS[knob(name)].name, if name == "gen-length" { "64" } else { value }.to_owned())];
            driver.act(Action::Demo(DemoAction::Turn(turns)));
            driver.act(Action::Demo(DemoAction::Turn(vec![(KNOBS[knob(name)].name, value.to_owned())])))
        });
        let script =
            format!("[[play]]\nhold = \"1s\"\n[[play]]\n{}", script.replace(", ", "\n").replace(" | ", "\n[[play]]\n"));
        let story = common::story();
        let settings = play(&script, &story).unwrap().app.settings();
        assert_eq!(KNOBS[knob(name)].get(&settings).to_string(), value, "{script}");
    }
}

/// What a script says of what is done on the canvas of a run that is over.
fn written(does: impl for<'a> Fn(&'a mut Driver) -> &'a mut Driver) -> String {
    let story = common::story();
    let mut driver = Driver::live(&story, story.len(), DARK);
    does(driver.keys("D").tick(1000));
    driver.act(Action::Focus(Focus::Canvas)).keys("D");
    let script = saved(&mut driver).unwrap_or_default();
    let plays = script.split("[[play]]\n").skip(2).map(str::trim);
    plays.collect::<Vec<_>>().join(" | ").replace('\n', ", ")
}

#[test]
fn ways_through_lists_leave_what_came_of_them() {
    assert_eq!(written(|driver| driver.keys("L").key(KeyCode::Esc)), "do = \"legend.toggle\" | do = \"screen.close\"");
    assert_eq!(written(|driver| driver.keys("p").key(KeyCode::Esc)), "");
    assert_eq!(written(|driver| driver.keys("yt")), "");
    assert_eq!(written(|driver| driver.keys(":layer entropy").key(KeyCode::Enter)), "layer = \"entropy\"");
    assert_eq!(written(|driver| driver.keys(":cross-hair").key(KeyCode::Enter)), "do = \"map.near\"");
    assert_eq!(written(|driver| driver.keys("t")), "theme = \"light\"");
    assert_eq!(written(|driver| driver.keys("R")), "do = \"run.again\"");
    assert_eq!(written(|driver| driver.keys("+")), "pace = 16.0");
    assert_eq!(written(|driver| driver.keys("/violin").key(KeyCode::Enter)), "do = \"find.begin\", text = \"violin\"");
    let preset = written(|driver| driver.keys("p").key(KeyCode::Down).key(KeyCode::Enter));
    assert!(preset.starts_with("preset = \""), "{preset}");
    let prompt = written(|driver| driver.keys("e").key(KeyCode::Down).key(KeyCode::Enter));
    assert!(prompt.contains("type = \""), "{prompt}");
}

#[test]
fn a_script_is_being_written_until_it_is_ended_and_holds_something() {
    let story = common::story();
    let mut driver = Driver::live(&story, 12, DARK);
    driver.keys("D");
    assert!(driver.text().contains("the runs on the screen are not in it"), "{}", driver.text());
    driver.tick(9000);
    assert!(driver.text().contains("end the script"), "{}", driver.text());
    insta::assert_snapshot!("demo_being_written", picture(&driver.draw().0));
    driver.effects.clear();
    driver.keys("q");
    assert!(driver.text().contains("D saves it"), "{}", driver.text());
    assert!(driver.effects.is_empty());
    driver.keys("q");
    assert_eq!(driver.effects, [Effect::Quit]);
}

#[test]
fn words_stand_below_until_there_are_others() {
    let story = common::story();
    let driver = play("[[play]]\ncaption = \"look here\"\ntype = \"x\"\nuntil = \"step 3\"", &story).unwrap();
    assert!(driver.text().lines().last().unwrap().contains("look here"));
    let after = "[[play]]\ncaption = \"look here\"\n[[play]]\ncaption = \"\"\nhold = \"1s\"";
    assert!(!play(after, &story).unwrap().text().contains("look here"));
}

#[test]
fn events_are_waited_for() {
    let story = common::story();
    let once = "[[play]]\ntype = \"x\"\nuntil = \"event\"\n";
    let steps = |script: &str| play(script, &story).unwrap().app.len();
    let events = EventWalk::default().events(&story);
    let mut news = events.iter().filter(|event| !matches!(event.kind, RunEventKind::LeastSure(_)));
    let first = news.next().unwrap().place.0;
    let second = news.find(|event| event.place.0 > first).unwrap().place.0;
    assert_eq!(steps(once), first);
    assert_eq!(steps(&format!("{once}[[play]]\nuntil = \"event\"\n")), second);
}

#[test]
fn lines_are_typed_where_one_is_open() {
    let story = common::story();
    let script = "[[play]]\ntype = \"x\"\nuntil = \"end\"\n[[play]]\ndo = \"find.begin\"\n[[play]]\ntext = \"violin\"";
    let driver = play(script, &story).unwrap();
    let find = driver.app.lens().find.as_ref().unwrap();
    assert_eq!((find.text.as_str(), find.is_typed), ("violin", false));
}

#[test]
fn what_cannot_be_done_ends_a_demo_with_its_play() {
    let story = common::story();
    let run = "[[play]]\ntype = \"x\"\nuntil = \"step 5\"\n";
    for (script, expected) in [
        ("[[play]]\npreset = \"fast\"", "play 1: there is no preset 'fast'"),
        ("[[play]]\nselect = 3", "play 1: there is no run yet"),
        ("[[play]]\nfork = 0", "play 1: there is no run yet"),
        ("[[play]]\nuntil = \"end\"", "play 1: there is no run to wait for"),
        ("[[play]]\nrun = 2", "play 1: there is no run 2"),
        ("[[play]]\ntext = \"a\"", "play 1: no line is open to type into: do what opens one before"),
        ("[[play]]\ndo = \"knob.more\"", "play 1: 'knob.more' does nothing where keys go now"),
        ("[[play]]\nset = { threshold = 0.9, factor = 0.5, parallel = \"factor\" }", "play 1: "),
        (&format!("{run}[[play]]\nselect = 9999"), "play 2: there is no position 9999"),
        (&format!("{run}[[play]]\nshow = 99"), "play 2: there is no step 99 yet: the run has done 5"),
        (&format!("{run}[[play]]\ndo = \"compare.toggle\""), "play 2: compare"),
    ] {
        let refusal = play(script, &story).err().unwrap_or_else(|| panic!("{script} was played"));
        assert!(refusal.starts_with(&format!("demo.toml, {expected}")), "{script}: {refusal}");
    }
}

#[test]
fn a_paused_run_is_not_waited_for() {
    let story = common::story();
    let script = "[[play]]\ntype = \"x\"\nuntil = \"step 5\"\n[[play]]\ndo = \"run.play\"\nuntil = \"end\"";
    let script = DemoScript::parse("demo.toml", script).unwrap();
    let mut director = Director::new(&script).unwrap();
    let mut driver = Driver::ready(&story, DARK);
    let refusal = loop {
        let next = match director.next(&driver.app) {
            Ok(next) => next,
            Err(refusal) => break refusal,
        };
        match (next, director.due()) {
            (Some(Action::TogglePlay), _) => driver.hear(Event::Paused { run: 1, paused: true }),
            (Some(action), _) => driver.act(action),
            (None, Some(due)) => driver.act(Action::Tick(due)),
            (None, None) => {
                if begin(&mut driver, &story).is_none() {
                    let at = driver.app.len();
                    driver.steps(&story, at..at + 1);
                }
                &mut driver
            }
        };
    };
    assert_eq!(refusal, "demo.toml, play 2: the end is waited for, and the run is paused");
}

#[test]
fn what_is_no_script_is_refused_in_one_sentence() {
    for (script, expected) in [
        ("", "demo.toml: nothing happens in it: a script has at least one [[play]]"),
        ("[[play]]", "demo.toml, play 1: nothing happens in it"),
        ("size = \"wide\"\n[[play]]\nhold = \"1s\"", "demo.toml: size cannot be 'wide'"),
        ("scene = \"compare\"\n[[play]]\nhold = \"1s\"", "demo.toml: the scene compare is of two traces"),
        ("theme = \"pink\"\n[[play]]\nhold = \"1s\"", "demo.toml: "),
        ("gflops = 0\n[[play]]\nhold = \"1s\"", "demo.toml: gflops cannot be 0"),
        ("[[play]]\nwait = 3", "demo.toml: line 2: unknown field `wait`"),
        ("[[play]]\nhold = \"long\"", "demo.toml, play 1: hold cannot be 'long': it takes seconds"),
        ("[[play]]\nhold = \"-1s\"", "demo.toml, play 1: hold cannot be '-1s'"),
        ("[[play]]\nuntil = \"soon\"", "demo.toml, play 1: until cannot be 'soon': it takes \"step 16\""),
        ("[[play]]\npace = 5", "demo.toml, play 1: pace cannot be 5: it takes steps a second, one of 0.5, 1, 2"),
        ("[[play]]\nshow = -1", "demo.toml, play 1: show cannot be -1"),
        ("[[play]]\nlayer = \"heat\"", "demo.toml, play 1: unknown layer 'heat': there are confidence"),
        (
            "[[play]]\ndo = \"layer.nxt\"",
            "demo.toml, play 1: the key table has no 'layer.nxt', did you mean 'layer.next'?",
        ),
        ("[[play]]\nset = { thresold = 1 }", "demo.toml, play 1: unknown knob 'thresold'"),
        ("[[play]]\nset = { threshold = 7 }", "demo.toml, play 1: threshold"),
        ("[[play]]\ntheme = \"\\u001b[31m\"", "demo.toml, play 1: "),
    ] {
        let refusal = DemoScript::parse("demo.toml", script).unwrap_err().to_string();
        assert!(refusal.starts_with(expected), "{script}: {refusal}");
        assert!(!refusal.contains(char::is_control), "{refusal:?}");
    }
}
