//! Forks and hands: from a step another run, and from a token another one.

use crossterm::event::KeyCode;
use diffuscope::{
    decode::record::{Commit, Edit, Reason},
    engine::protocol::{Command, Event, RequestError, TypedText},
    settings::KNOBS,
    trace::{GivenToken, Header, Log, Piece},
    tui::{Action, keymap::Context},
};
use ratatui::style::Modifier;

use super::{
    common,
    driver::{DARK, Driver, LIGHT, MONO, picture},
    sitting::{begin, finish, turned},
};

/// A finished story, shown at a step.
fn at(step: usize) -> (Log, Driver) {
    let story = common::story();
    let mut driver = Driver::live(&story, story.len(), DARK);
    driver.act(Action::ScrubTo(step));
    (story, driver)
}

fn turn(driver: &mut Driver, name: &str) {
    let knob = KNOBS.iter().position(|knob| knob.name == name).unwrap();
    driver.act(Action::KnobSelect(knob)).key(KeyCode::Right);
}

#[test]
fn a_fork_continues_from_the_shown_step() {
    let (story, mut driver) = at(15);
    driver.keys("F");
    let request = begin(&mut driver, &story).expect("a run is asked for");
    let fork = request.fork.expect("it is a fork");
    assert_eq!((request.run, request.prompt.as_str()), (2, common::STORY_PROMPT));
    assert_eq!((fork.point, fork.edits, fork.cold), (story.fork_point(15), vec![], false));
    assert_eq!(request.settings, driver.app.settings(), "with the settings in force");
    assert_eq!((driver.app.len(), driver.app.shown(), driver.app.follows()), (15, 15, true));
    let (shown, parent) = (driver.app.log().unwrap(), &story);
    assert!(shown.canvas(15).ids().eq(parent.canvas(15).ids()));
    driver.steps(&story, 15..17);
    assert_eq!(driver.app.shown(), 17);
    assert_eq!(driver.app.session().get(1).unwrap().log.len(), story.len(), "the parent is as it was");
    assert_eq!(driver.app.session().get(2).unwrap().branch().unwrap().parent, 1);
}

#[test]
fn repeated_steps_are_counted_and_can_be_broken_off() {
    let (_, mut driver) = at(30);
    driver.keys("F").commands();
    driver.hear(Event::Replaying { run: 2, done: 12, steps: 30 });
    assert!(driver.text().contains("repeating step 12 of 30"), "{}", driver.text());
    insta::assert_snapshot!("replaying_80x24", picture(&driver.draw().0));
    driver.keys("F");
    assert!(driver.commands().is_empty() && driver.text().contains("x breaks it off"), "one at a time");
    driver.keys("x").key(KeyCode::Esc);
    assert_eq!(driver.commands(), [Command::Stop, Command::Stop]);
    let error = RequestError::Refused("the fork was broken off".to_owned());
    driver.hear(Event::Failed { run: 2, error });
    let text = driver.text();
    assert!(text.contains("the fork was broken off") && !text.contains("repeating"), "{text}");
    assert_eq!((driver.app.session().runs().len(), driver.app.shown()), (1, 30), "the shown run stays as it was");
}

#[test]
fn a_slow_fork_offers_a_cold_one() {
    let (story, mut slow) = (common::story(), Log::new(common::story().header().clone()));
    for mut entry in story.entries() {
        entry.record.cost.denoiser_us = 1_000_000;
        slow.push(entry);
    }
    let asked = || {
        let mut driver = Driver::live(&slow, slow.len(), DARK);
        driver.act(Action::ScrubTo(12)).keys("F");
        assert!(driver.commands().is_empty(), "it asks first");
        driver
    };
    let mut driver = asked();
    let text = driver.text();
    assert!(text.contains("12 steps come before it, which took 1") && text.contains("C forks cold"), "{text}");
    insta::assert_snapshot!("fork_question_120x40", picture(&driver.draw().0));
    driver.keys("C");
    let request = begin(&mut driver, &slow).unwrap();
    assert!(request.fork.unwrap().cold);
    assert_eq!((driver.app.len(), driver.app.log().unwrap().header().given.len() > 8), (0, true));
    assert!(driver.text().contains("fork of 1 at step 12, cold"), "{}", driver.text());

    let mut driver = asked();
    driver.keys("F");
    assert!(begin(&mut driver, &slow).is_some_and(|request| !request.fork.unwrap().cold));
    let mut driver = asked();
    driver.keys("1C");
    assert!(driver.commands().is_empty(), "another key takes the question back");
}

#[test]
fn what_cannot_be_forked_says_why() {
    let (story, mut driver) = at(usize::MAX);
    driver.keys("F");
    assert!(driver.commands().is_empty());
    assert!(driver.text().contains("nothing is masked after step"), "{}", driver.text());

    let app = diffuscope::tui::App::replay("goat.jsonl", Box::new(story.clone()), DARK);
    let mut replayed = Driver { app, size: (120, 40), effects: Vec::new() };
    replayed.act(Action::ScrubTo(7)).keys("F");
    assert!(replayed.effects.is_empty());
    assert!(replayed.text().contains("`diffuscope run --fork goat.jsonl@7` continues it"), "{}", replayed.text());

    let (_, mut driver) = at(9);
    let other = common::card("LLaDA", "LLaDA", 8_000, 32);
    driver.hear(Event::Ready { denoiser: other, guide: None, request: None, warnings: Vec::new() });
    driver.keys("F");
    assert!(driver.commands().is_empty());
    assert!(driver.text().contains("run 1 was made with embedded, and LLaDA is loaded"), "{}", driver.text());
}

#[test]
fn a_knob_turned_at_an_earlier_step_says_what_it_is_for() {
    let (story, mut driver) = at(15);
    turn(&mut driver, "verify-batch");
    assert!(driver.commands().is_empty());
    assert!(driver.text().contains("F forks from step 15 with window-left 64, verify-batch 40"), "{}", driver.text());
    driver.keys("F");
    let request = begin(&mut driver, &story).unwrap();
    assert_eq!((request.settings.verify_batch, request.fork.is_some()), (40, true));

    let (_, mut driver) = at(usize::MAX);
    turn(&mut driver, "verify-batch");
    assert!(driver.text().contains("R runs again with window-left 64, verify-batch 40"), "{}", driver.text());

    let mut driver = Driver::live(&story, 20, DARK);
    driver.act(Action::ScrubTo(9));
    turn(&mut driver, "verify-batch");
    assert!(matches!(driver.commands().as_slice(), [Command::Configure(_)]));
    assert!(driver.text().contains("run 1 has it with its next step · F forks from step 9"), "{}", driver.text());
}

#[test]
fn a_fork_is_marked_on_the_timeline_and_by_its_title() {
    let (story, mut driver) = at(15);
    driver.keys("F");
    begin(&mut driver, &story);
    driver.hear(Event::Step { run: 2, entry: turned(&story, 15, "window-left", "40").into() });
    driver.steps(&story, 16..24);
    assert_eq!(driver.app.run().unwrap().title(), "window-left 40");
    let text = driver.text();
    assert!(text.contains("run 2, fork of 1 at step 15") && text.contains("2 ↳1@15 window-left 40"), "{text}");
    assert!(text.lines().rev().nth(2).unwrap().contains('↳'), "under the last step of the parent: {text}");
    insta::assert_snapshot!("fork_120x40", picture(&driver.draw().0));
    let inexact = Header {
        origin: driver
            .app
            .log()
            .unwrap()
            .header()
            .origin
            .clone()
            .map(|origin| diffuscope::trace::ForkOrigin { exact: false, ..origin }),
        ..story.header().clone()
    };
    driver.keys("R").commands();
    driver.hear(Event::Started { run: 3, header: Box::new(inexact) });
    assert!(driver.text().contains("fork at step 15, not exact"), "{}", driver.text());
}

/// A position that the step wrote, and one that is still masked behind it.
fn places(story: &Log, step: usize) -> (usize, usize) {
    let record = story.record(step).unwrap();
    let written = record.commits[0].position;
    let masked = record
        .proposals
        .iter()
        .map(|proposal| proposal.position)
        .find(|at| *at > written && story.canvas(step).id(*at) == Some(story.header().mask_id));
    (written, masked.unwrap())
}

#[test]
fn the_candidates_of_a_token_can_be_written() {
    let (story, mut driver) = at(17);
    let (written, masked) = places(&story, 17);
    driver.act(Action::Select(masked)).key(KeyCode::Enter);
    assert_eq!(driver.app.context(), Context::Hands);
    let record = story.record(17).unwrap();
    let proposal = record.proposals.iter().find(|proposal| proposal.position == masked).unwrap();
    driver.keys("2");
    let request = begin(&mut driver, &story).unwrap();
    let token = proposal.alternatives[1].0;
    let fork = request.fork.unwrap();
    assert_eq!((fork.edits, fork.text), (vec![Edit::Write { position: masked, token }], None));
    assert!(
        driver.app.run().unwrap().title().starts_with(&format!("{masked} = ")),
        "{:?}",
        driver.app.run().unwrap().title()
    );
    driver.act(Action::Select(masked)).key(KeyCode::Enter).keys("u");
    assert_eq!((driver.app.run().unwrap().id, driver.app.shown()), (1, 17), "back where it was changed");
    driver.act(Action::Select(written)).key(KeyCode::Enter).keys("u");
    assert!(driver.text().contains("nothing to undo"), "{}", driver.text());
    driver.keys("x");
    let request = begin(&mut driver, &story).unwrap();
    assert_eq!(request.fork.unwrap().edits, [Edit::Remask { start: written, end: written + 1 }]);
}

#[test]
fn hands_are_seen_at_every_size() {
    let story = common::story();
    let (_, masked) = places(&story, 17);
    for (name, theme, width, height) in
        [("hands_80x24", MONO, 80, 24), ("hands_120x40", DARK, 120, 40), ("hands_200x60", LIGHT, 200, 60)]
    {
        let mut driver = Driver::live(&story, 17, theme).sized(width, height);
        driver.act(Action::Select(masked)).key(KeyCode::Enter).keys("vl");
        insta::assert_snapshot!(name, picture(&driver.draw().0));
    }
}

#[test]
fn what_was_written_is_beside_what_would_be_now() {
    let story = common::story();
    let (written, _) = places(&story, 17);
    // The next step takes it back, and proposes something there.
    let mut log = story.prefix(17, story.header().clone());
    let mut entry = story.entry(18).unwrap();
    let mut proposal =
        story.record(17).unwrap().proposals.iter().find(|proposal| proposal.position == written).unwrap().clone();
    proposal.alternatives = vec![(proposal.alternatives[1].0, 0.7), (proposal.alternatives[0].0, 0.125)];
    entry.record.proposals.insert(0, proposal.clone());
    entry.record.proposals.sort_by_key(|proposal| proposal.position);
    entry.record.ids[written] = log.header().mask_id;
    entry.record.remasked = vec![written];
    entry.pieces.retain(|piece| piece.position != written);
    entry.pieces.insert(0, Piece { position: written, text: String::new() });
    entry.pieces.sort_by_key(|piece| piece.position);
    log.push(entry);
    let mut driver = Driver::live(&log, 18, DARK);
    driver.act(Action::Select(written)).key(KeyCode::Enter);
    let text = driver.text();
    assert!(text.contains("at 17") && text.contains("now") && text.contains("0.125"), "{text}");
    driver.keys("1");
    let expected = Edit::Write { position: written, token: proposal.alternatives[0].0 };
    assert_eq!(driver.commands(), [Command::Edit(vec![expected])], "what a digit writes is the newest list's");
    assert!(driver.text().contains("with the next step"), "{}", driver.text());
}

#[test]
fn text_and_spans_are_typed_over_and_pinned() {
    let (story, mut driver) = at(17);
    let (written, _) = places(&story, 17);
    driver.act(Action::Select(written)).key(KeyCode::Enter).keys("vhhe");
    assert_eq!(driver.app.context(), Context::Line);
    driver.keys("a red door");
    assert!(driver.text().contains(&format!("{}-{written} = a red door", written - 2)), "{}", driver.text());
    driver.key(KeyCode::Enter);
    let fork = begin(&mut driver, &story).unwrap().fork.unwrap();
    let typed = TypedText { start: written - 2, end: written + 1, text: "a red door".to_owned() };
    assert_eq!((fork.edits, fork.text), (vec![], Some(typed)));

    let (_, mut driver) = at(17);
    driver.act(Action::Select(written)).key(KeyCode::Enter).keys("vhP");
    let fork = begin(&mut driver, &story).unwrap().fork.unwrap();
    let pin = |position| Edit::Pin { position, pinned: true };
    assert_eq!(fork.edits, [pin(written - 1), pin(written)]);

    let (_, mut driver) = at(17);
    driver.act(Action::Select(written)).key(KeyCode::Enter).keys("e").key(KeyCode::Enter);
    assert!(driver.commands().is_empty() && driver.text().contains("nothing was typed"), "{}", driver.text());
}

#[test]
fn what_cannot_be_changed_says_why() {
    let (story, mut driver) = at(17);
    let prompt = story.header().prompt_ids.len();
    driver.act(Action::Select(2)).key(KeyCode::Enter);
    assert_eq!(driver.app.context(), Context::Canvas);
    assert!(driver.text().contains("position 2 is in the prompt, which a run cannot change"), "{}", driver.text());
    assert!(!driver.text().lines().last().unwrap().contains("enter change"), "nor does the footer say so");
    let (_, masked) = places(&story, 17);
    driver.act(Action::Select(masked)).key(KeyCode::Enter).keys("x");
    assert!(driver.text().contains(&format!("{masked} is masked already")), "{}", driver.text());
    driver.keys("P");
    assert!(driver.text().contains("only a token can be pinned"), "{}", driver.text());
    driver.act(Action::Select(prompt + 1)).keys("v").act(Action::Select(prompt - 1)).keys("x");
    assert!(driver.text().contains("reaches into the prompt"), "{}", driver.text());
    driver.act(Action::Select(prompt)).key(KeyCode::Esc).key(KeyCode::Esc);
    assert_eq!(driver.app.context(), Context::Canvas);
    driver.key(KeyCode::Enter);
    assert_eq!(driver.app.context(), Context::Canvas, "an earlier step wrote it: that is where it can be changed");
    assert!(driver.commands().is_empty());
}

/// A story of which one token was written by hand, one is given and pinned, and one is pinned later.
fn by_hand() -> (Log, usize, usize) {
    let story = common::story();
    let prompt = story.header().prompt_ids.len();
    let given = GivenToken { position: prompt + 150, token: 9, text: "violin".to_owned(), pinned: true };
    let mut log = Log::new(Header { given: vec![given], ..story.header().clone() });
    let position = prompt + 140;
    for (step, mut entry) in story.entries().take(6).enumerate() {
        entry.record.ids[prompt + 150] = 9;
        entry.record.proposals.retain(|proposal| ![prompt + 150, position].contains(&proposal.position));
        if step >= 4 {
            entry.record.ids[position] = 10;
        }
        if step == 4 {
            entry.record.edits = vec![Edit::Write { position, token: 10 }, Edit::Pin { position, pinned: true }];
            entry.record.commits.push(Commit { position, token: 10, confidence: 0.0, reason: Reason::ByHand });
            entry.pieces.push(Piece { position, text: " goat".to_owned() });
        }
        log.push(entry);
    }
    (log, prompt + 150, position)
}

#[test]
fn a_change_by_hand_within_a_run_is_undone_by_a_fork_before_it() {
    let (log, _, by_hand) = by_hand();
    let mut driver = Driver::live(&log, 6, DARK);
    driver.act(Action::Select(by_hand)).act(Action::ScrubTo(5)).key(KeyCode::Enter).keys("u");
    let request = begin(&mut driver, &log).unwrap();
    let fork = request.fork.unwrap();
    assert_eq!((fork.point.steps.len(), fork.edits), (4, Vec::new()), "the edit was made in the fifth step");
    let run = driver.app.run().unwrap();
    assert_eq!(run.branch().map(|branch| (branch.parent, branch.step)), Some((1, 4)));
    assert!(run.log.steps().iter().all(|step| step.edits().is_empty()));
}

#[test]
fn given_pinned_and_hand_written_tokens_are_told_apart_without_colour() {
    let (log, given, by_hand) = by_hand();
    let mut driver = Driver::live(&log, 6, MONO).sized(90, 40);
    let weight = |driver: &Driver, at: usize| driver.cells_of(at).last().unwrap().modifier;
    let written = log.header().prompt_ids.len();
    let (given_weight, hand_weight) = (weight(&driver, given), weight(&driver, by_hand));
    assert!(given_weight.contains(Modifier::BOLD | Modifier::UNDERLINED | Modifier::DIM), "{given_weight:?}");
    assert!(hand_weight.contains(Modifier::BOLD | Modifier::UNDERLINED) && hand_weight != given_weight);
    assert!(![given_weight, hand_weight].contains(&weight(&driver, written)));
    let text = driver.text();
    assert!(text.contains("given   by hand   pinned"), "the line under the canvas says it: {text}");
    assert!(text.contains('✎'), "the timeline marks the step: {text}");
    driver.act(Action::Select(by_hand));
    let text = driver.text();
    assert!(text.contains("by hand") && text.contains("no rule changes it") && !text.contains("0.000"), "{text}");
    driver.act(Action::Select(given));
    assert!(driver.text().contains("given, not denoised"), "{}", driver.text());
    driver.act(Action::ScrubTo(5));
    assert!(driver.text().contains("1 by hand"), "the caption: {}", driver.text());
    insta::assert_snapshot!("by_hand_mono_90x40", picture(&driver.draw().0));
}

#[test]
fn a_refused_change_by_hand_leaves_the_knobs_alone() {
    let story = common::story();
    let mut driver = Driver::live(&story, 17, DARK);
    let settings = driver.app.settings();
    driver.hear(Event::Refused { run: 1, message: "position 3 is in the prompt".to_owned() });
    assert_eq!((driver.app.settings(), driver.app.knobs().refusal.clone()), (settings, None));
    assert!(driver.text().contains("position 3 is in the prompt"));
    finish(&mut driver, &story);
}
