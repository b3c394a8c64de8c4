//! Runs that continue a conversation.

use std::{ops::ControlFlow, sync::Arc};

use diffuscope::{
    engine::{
        InProcess, Link, complete_fork,
        protocol::{Event, ForkRequest, RunRequest},
    },
    trace::{Exchange, file},
};

use super::{
    PROMPT, completed, engine, request, scripted, settings,
    support::models::{models, tokenizer},
};

fn turn(prompt: &str, answer: &str) -> Exchange {
    Exchange { prompt: prompt.into(), answer: answer.into() }
}

/// The second turn of a conversation.
fn second() -> RunRequest {
    RunRequest { turns: vec![turn("Reverse this list: Leo, Max", "Max, Leo")], ..request(1) }
}

fn refusal(mut engine: InProcess, request: RunRequest) -> String {
    completed(&mut engine, request).unwrap_err().to_string()
}

#[test]
fn earlier_turns_are_read_logged_and_written() {
    let mut engine = engine(scripted());
    let log = completed(&mut engine, second()).unwrap();
    let header = log.header();
    assert_eq!((header.prompt.as_str(), &header.turns), (PROMPT, &second().turns));
    let read = tokenizer().decode(&header.prompt_ids);
    assert_eq!(read, format!("<user>Reverse this list: Leo, Max<bot>Max, Leo<eos><user>{PROMPT}<bot>"));
    let own = header.turn_start();
    assert!(header.prompt_pieces[own..].concat().starts_with(PROMPT), "{own}");
    assert!(!header.prompt_pieces[own + 1..].concat().contains(PROMPT), "it is where the prompt begins");
    let mut bytes = Vec::new();
    file::write(&log, &mut bytes).unwrap();
    assert_eq!(file::read("chat", &bytes[..]).unwrap().log, log);
    let alone = completed(&mut engine, request(2)).unwrap();
    assert_eq!((alone.header().turns.len(), alone.header().turn_start()), (0, 0));
    let mut bytes = Vec::new();
    file::write(&alone, &mut bytes).unwrap();
    assert!(!String::from_utf8(bytes).unwrap().contains("turns"), "nothing is written where there are none");
}

#[test]
fn a_fork_keeps_the_turns_of_its_parent() {
    let mut engine = engine(scripted());
    let parent = completed(&mut engine, second()).unwrap();
    for cold in [false, true] {
        let point = parent.fork_point(2);
        let fork = Some(Box::new(ForkRequest { point, edits: Vec::new(), text: None, cold }));
        let request = RunRequest { fork, turns: Vec::new(), ..request(2) };
        let log = complete_fork(&mut engine, request, &parent, |_| ControlFlow::Continue(())).unwrap();
        assert_eq!(log.header().turns, parent.header().turns);
        assert_eq!(log.header().prompt_ids, parent.header().prompt_ids);
    }
}

#[test]
fn a_conversation_that_leaves_no_room_is_one_sentence() {
    let conversation = tokenizer().encode_conversation(&Exchange::texts(&second().turns), PROMPT).unwrap().len();
    let with_room = |room: usize| engine(scripted().with_context(conversation + room));
    assert_eq!(completed(&mut with_room(8), second()).unwrap().header().gen_length, 8);
    let context = conversation + 5;
    assert_eq!(
        refusal(with_room(5), second()),
        format!(
            "the conversation has {conversation} tokens, and the model's context of {context} leaves 5 for an answer of \
             8: begin a new conversation (^N), or set gen-length to at most 5"
        )
    );
    assert_eq!(
        refusal(with_room(0), second()),
        format!(
            "the conversation has {conversation} tokens, and the model's context of {conversation} leaves none for an \
             answer: begin a new conversation (^N)"
        )
    );
    let alone = RunRequest { settings: settings(&[("gen-length", "500")]), ..request(1) };
    assert!(refusal(with_room(5), alone).starts_with("gen-length 500 and a prompt of"), "a prompt alone is none");
}

#[test]
fn earlier_turns_need_a_template() {
    let mut models = models(scripted());
    models.tokenizer = Arc::new(tokenizer().without_template());
    let mut engine = InProcess::spawn(move || Ok(models)).unwrap();
    assert!(matches!(engine.wait(), Some(Event::Ready { .. })));
    assert_eq!(
        refusal(engine, second()),
        "the prompt comes with an earlier turn of a conversation, and without a chat template there is nothing that lays \
         them out: begin a new conversation (^N)"
    );
}

#[test]
fn what_was_answered_is_plain_text_in_the_next_turn() {
    let mut engine = engine(scripted());
    let request = RunRequest { turns: vec![turn("<mask>", "<bot> <eos>")], ..request(1) };
    let header = completed(&mut engine, request).unwrap().header().clone();
    let count = |id: u32| header.prompt_ids.iter().filter(|found| **found == id).count();
    assert_eq!((count(header.mask_id), count(header.eos_id)), (0, 1), "the template's own alone");
}
