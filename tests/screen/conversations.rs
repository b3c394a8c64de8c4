//! Conversations: what the next prompt continues, and how earlier turns are shown.

use crossterm::event::KeyCode;
use diffuscope::{
    engine::protocol::{Command, Event, RequestError, RunRequest},
    trace::{End, Exchange, Header, Log},
    tui::{Action, App, Focus, theme::Theme},
};

use super::{
    common::{self, Fixture},
    driver::{DARK, Driver, MONO, picture},
};

const EARLIER: &str = "Who lives there? An old goat. ";

fn turn(prompt: &str, answer: &str) -> Exchange {
    Exchange { prompt: prompt.into(), answer: answer.into() }
}

fn turns() -> Vec<Exchange> {
    vec![
        turn("Name a place for a story.", "A farm by the sea, with a barn, a gate and a stone in the yard."),
        turn("Who lives there?", "An old goat."),
    ]
}

/// The story as the third turn of a conversation with a model that chats.
fn third() -> Log {
    let mut fixture = Fixture::new(&format!("{EARLIER}{}", common::STORY_PROMPT), common::STORY, 160, "flashdlm");
    while fixture.guided_step(Vec::new()) {}
    let log = fixture.finish(Some(true), Some("the story follows the grammar"));
    let mut denoiser = common::card("Dream-v0-Instruct-7B", "Dream", 7_615_000_000, 28);
    denoiser.chats = true;
    let prompt = common::STORY_PROMPT.to_owned();
    let header = Header { denoiser, guide: None, prompt, turns: turns(), ..log.header().clone() };
    let mut chat = Log::new(header);
    for entry in log.entries() {
        chat.push(entry);
    }
    chat.finish(log.end().unwrap().clone());
    chat
}

/// The run that was asked for last.
fn asked(driver: &mut Driver) -> Option<RunRequest> {
    let start = |command| if let Command::Start(request) = command { Some(*request) } else { None };
    driver.commands().into_iter().rev().find_map(start)
}

/// The engine begins what was asked for, with the canvas of `log`.
fn begin(driver: &mut Driver, log: &Log) -> RunRequest {
    let request = asked(driver).unwrap();
    let (prompt, turns) = (request.prompt.clone(), request.turns.clone());
    let header = Header { prompt, turns, settings: request.settings, ..log.header().clone() };
    driver.hear(Event::Started { run: request.run, header: Box::new(header) });
    request
}

/// The engine answers what was asked for.
fn answer(driver: &mut Driver, log: &Log, answer: &str) -> RunRequest {
    let request = begin(driver, log);
    driver.steps(log, 0..3);
    let end = End { answer: answer.into(), reason: None, ..log.end().unwrap().clone() };
    driver.hear(Event::Finished { run: request.run, end: Box::new(end) });
    request
}

fn ask(driver: &mut Driver, prompt: &str) {
    driver.act(Action::Focus(Focus::Prompt)).app.prompt.set("");
    driver.keys(prompt).key(KeyCode::Enter);
}

/// A sitting with a model that chats, and two turns of a conversation.
fn two_turns() -> (Driver, Log) {
    let log = third();
    let mut driver = Driver::ready(&log, DARK);
    for (at, turn) in turns().iter().enumerate() {
        if at == 0 {
            driver.app.prompt.set(&turn.prompt);
        } else {
            ask(&mut driver, &turn.prompt);
        }
        if at == 0 {
            driver.key(KeyCode::Enter);
        }
        assert_eq!(answer(&mut driver, &log, &turn.answer).turns, turns()[..at]);
    }
    (driver, log)
}

/// The third turn after some steps.
fn third_turn(theme: Theme, steps: usize) -> Driver {
    Driver::live(&third(), steps, theme)
}

#[test]
fn each_prompt_continues_the_conversation() {
    let (mut driver, log) = two_turns();
    assert!(driver.app.prompt.is_blank(), "what was asked is an earlier turn");
    driver.keys("i");
    assert!(driver.text().contains("prompt  turn 3 "), "{}", driver.text());
    driver.keys("Why?").key(KeyCode::Enter);
    let request = answer(&mut driver, &log, "Because.");
    assert_eq!((request.prompt.as_str(), &request.turns), ("Why?", &turns()));
    assert!(driver.text().lines().next().unwrap().contains("turn 3"), "{}", driver.text());
}

#[test]
fn r_repeats_with_the_same_turns() {
    let (mut driver, log) = two_turns();
    driver.keys("R");
    let request = answer(&mut driver, &log, "A cow.");
    assert_eq!((request.prompt.as_str(), &request.turns[..]), ("Who lives there?", &turns()[..1]));
    ask(&mut driver, "Why?");
    let request = asked(&mut driver).unwrap();
    assert_eq!(request.turns, [turns()[0].clone(), turn("Who lives there?", "A cow.")], "the shown run is continued");
}

#[test]
fn ctrl_n_begins_a_new_conversation() {
    for focus in [Focus::Canvas, Focus::Prompt, Focus::Knobs] {
        let (mut driver, log) = two_turns();
        driver.act(Action::Focus(focus)).ctrl('n');
        assert!(driver.text().contains("the next prompt begins a new conversation"), "{}", driver.text());
        assert_eq!(driver.app.focus(), Focus::Prompt);
        driver.keys("Hi");
        assert!(driver.text().contains("a new conversation") && !driver.text().contains("prompt  turn"));
        driver.key(KeyCode::Enter);
        assert!(answer(&mut driver, &log, "Hello.").turns.is_empty());
        ask(&mut driver, "Again?");
        assert_eq!(asked(&mut driver).unwrap().turns, [turn("Hi", "Hello.")], "{focus:?}");
    }
}

#[test]
fn a_conversation_without_room_is_left_by_ctrl_n() {
    let (mut driver, _) = two_turns();
    ask(&mut driver, "Why?");
    let run = asked(&mut driver).unwrap().run;
    let error = RequestError::Refused("the conversation has 510 tokens: begin a new conversation (^N)".into());
    driver.hear(Event::Failed { run, error });
    assert!(driver.text().contains("the conversation has 510 tokens"), "{}", driver.text());
    driver.ctrl('n');
    assert_eq!(driver.app.prompt.text(), "Why?", "what was refused is still there");
    driver.key(KeyCode::Enter);
    let request = asked(&mut driver).unwrap();
    assert_eq!((request.prompt.as_str(), request.turns.len()), ("Why?", 0));
}

#[test]
fn a_run_that_is_broken_off_is_a_turn_as_far_as_it_has_answered() {
    let (mut driver, log) = two_turns();
    ask(&mut driver, common::STORY_PROMPT);
    begin(&mut driver, &log);
    ask(&mut driver, "Why?");
    assert_eq!(asked(&mut driver).unwrap().turns, turns(), "it has answered nothing");
    let mut driver = Driver::live(&log, 6, DARK);
    ask(&mut driver, "Why?");
    let request = asked(&mut driver).unwrap();
    let [.., own] = &request.turns[..] else { panic!("no turns") };
    assert_eq!((own.prompt.as_str(), request.turns.len()), (common::STORY_PROMPT, 3));
    assert!(own.answer.len() > 10 && common::STORY.starts_with(&own.answer), "{}", own.answer);
}

#[test]
fn an_earlier_run_is_continued_where_it_is_shown() {
    let (mut driver, _) = two_turns();
    driver.keys("(");
    ask(&mut driver, "Why?");
    assert_eq!(asked(&mut driver).unwrap().turns, turns()[..1]);
}

#[test]
fn a_model_that_does_not_chat_begins_anew_each_time() {
    let story = common::story();
    let mut driver = Driver::live(&story, story.len(), DARK);
    driver.ctrl('n');
    assert_eq!(driver.app.focus(), Focus::Canvas);
    let notice = driver.app.notice().map(|notice| notice.text.as_str());
    assert_eq!(notice, Some("begin a new conversation: the next prompt begins a conversation already"));
    driver.keys("i").key(KeyCode::Enter);
    assert!(asked(&mut driver).unwrap().turns.is_empty());
    assert_eq!(driver.app.prompt.text(), common::STORY_PROMPT, "its prompt stays to be changed");
    // Another model takes the place of the one that chats.
    let (mut driver, _) = two_turns();
    let denoiser = story.header().denoiser.clone();
    driver.hear(Event::Ready { denoiser, guide: None, request: None, warnings: Vec::new() });
    ask(&mut driver, "Why?");
    assert!(asked(&mut driver).unwrap().turns.is_empty());
}

#[test]
fn earlier_turns_stand_above_the_canvas_and_not_in_it() {
    let log = third();
    for steps in [0, 9, log.len()] {
        let text = third_turn(DARK, steps).text();
        for shown in ["1  ▸ Name a place for a story.", "2  ▸ Who lives there?", "     An old goat."] {
            assert_eq!(text.matches(shown).count(), 1, "{shown}:\n{text}");
        }
        assert_eq!(text.matches("Who lives there?").count(), 1, "{text}");
        assert!(text.contains(common::STORY_PROMPT), "{text}");
    }
    let mut replay = third_turn(DARK, 0);
    replay.app = App::replay("chat.jsonl", Box::new(log), DARK);
    assert!(replay.text().contains("1  ▸ Name a place for a story.") && replay.text().contains("turn 3"));
}

#[test]
fn earlier_turns_take_a_third_of_the_canvas_at_most() {
    let log = third();
    let long = "word ".repeat(900);
    let many = (0..40).map(|at| turn(&format!("question {at}"), &format!("answer {at}"))).collect();
    let one = vec![turn(&long, &format!("{long}\u{1b}]0;evil\u{7}"))];
    let odd = vec![turn("\u{1b}[31m\u{202e}red", "日本語 e\u{301}\u{301}\n\n\ttab\r\n👩\u{200d}💻"), turn("", "")];
    for (turns, expected) in [(many, "… 3"), (one, "…"), (odd, "2  ▸")] {
        let header = Header { turns, ..log.header().clone() };
        for (width, height) in [(40, 12), (80, 24), (120, 40), (200, 60)] {
            let mut driver = third_turn(DARK, 0).sized(width, height);
            driver.app = App::replay("chat.jsonl", Box::new(Log::new(header.clone())), DARK);
            let text = driver.text();
            assert!(!text.contains('\u{1b}') && !text.contains('\u{202e}'));
            assert!(height < 24 || text.contains(expected), "{expected} at {width}×{height}:\n{text}");
            let lines: Vec<_> = text.lines().collect();
            let canvas = lines.iter().position(|line| line.contains("canvas")).unwrap();
            let own = lines.iter().position(|line| line.contains("Write a story"));
            assert!(own.is_some_and(|own| own - canvas <= usize::from(height) / 3), "{width}×{height}:\n{text}");
        }
    }
}

#[test]
fn a_fork_needs_the_model_and_not_the_way_in_which_it_was_asked() {
    let log = third();
    let mut driver = Driver::live(&log, 9, DARK);
    let mut denoiser = log.header().denoiser.clone();
    denoiser.chats = false;
    driver.hear(Event::Ready { denoiser: denoiser.clone(), guide: None, request: None, warnings: Vec::new() });
    driver.keys("F");
    let request = asked(&mut driver).unwrap();
    assert_eq!(request.fork.unwrap().point.header.turns, turns());
    denoiser.device = "cuda:0".into();
    driver.hear(Event::Ready { denoiser, guide: None, request: None, warnings: Vec::new() });
    driver.keys("F");
    assert_eq!(asked(&mut driver), None, "{}", driver.text());
}

#[test]
fn a_conversation_in_pictures() {
    for (width, height) in [(80, 24), (120, 40)] {
        let driver = third_turn(DARK, 12).sized(width, height);
        insta::assert_snapshot!(format!("turns_{width}x{height}"), picture(&driver.draw().0));
        let mut driver = third_turn(DARK, third().len()).sized(width, height);
        driver.keys("iAnd the barn?");
        insta::assert_snapshot!(format!("turns_prompt_{width}x{height}"), picture(&driver.draw().0));
    }
    let driver = third_turn(MONO, 12).sized(80, 24);
    insta::assert_snapshot!("turns_mono_80x24", picture(&driver.draw().0));
}
