//! The tasks' readers: what a prompt asks for, and whether an answer is right.
//!
//! An input is a prompt, a line `===`, an answer.

use diffuscope::tasks::{self, Family, Options, Sample};

use super::{Target, of_text};
use crate::mutate::{Dice, Format, Language};

const FAMILIES: [Family; 6] = [Family::List, Family::Math, Family::Story, Family::Json, Family::Code, Family::Sudoku];

pub const TASKS: Target = Target {
    name: "tasks",
    format: Format::Text,
    language: Language {
        words: &[
            "===", ",", ".", "=", "?", "{", "}", "\"", "[", "]", "def", "return", "for", "in", "if", "Once", "and",
        ],
        phrase: Some(phrase),
    },
    longest: 8 << 10,
    open: |_| of_text(read),
};

/// A prompt, an answer, or both, of any family.
fn phrase(dice: &mut Dice) -> String {
    let family = FAMILIES[dice.below(FAMILIES.len())];
    let Sample { prompt, answer, .. } = tasks::generate(family, 1, dice.below(1 << 20) as u64, Options::default());
    match dice.below(3) {
        0 => prompt,
        1 => answer,
        _ => format!("{prompt}\n===\n{answer}"),
    }
}

fn read(text: &str) -> String {
    let (prompt, answer) = text.split_once("\n===\n").unwrap_or((text, text));
    let Some(task) = tasks::recognise(prompt) else { return "no task".to_owned() };
    assert_eq!(tasks::recognise(&task.prompt()).as_ref(), Some(&task), "a task states itself");
    let verdict = task.check(answer);
    format!("{}, {} unseen: {} {}", task.variant(), task.unseen_words().len(), verdict.correct, verdict.reason)
}
