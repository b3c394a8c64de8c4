//! What the embedded pair can make of a prompt: it has learned six kinds of tasks and nothing else.

use crate::{
    engine::blanks,
    tasks::{self, Family},
};

/// The longest prompt that is compared with the lessons, in bytes: more than the pair's context of 256 tokens holds.
const LONGEST: usize = 4096;

/// A prompt, as the embedded pair's lessons see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// There is nothing to read.
    Blank,
    /// A task that was learned; its answer will be checked.
    Task {
        /// The kind of task.
        family: Family,
        /// The kind within the family.
        variant: &'static str,
        /// Words that training never showed.
        unseen: Vec<String>,
    },
    /// A task that was learned, but for its blanks and line breaks.
    Misplaced {
        /// The prompt as it was learned.
        laid_out: String,
    },
    /// Nothing that was learned.
    Unknown,
}

impl Reading {
    /// Reads a prompt.
    pub fn of(prompt: &str) -> Self {
        if prompt.trim().is_empty() {
            return Self::Blank;
        }
        if prompt.len() > LONGEST {
            return Self::Unknown;
        }
        match tasks::recognise(&blanks::asked(prompt, true)) {
            Some(task) => Self::Task {
                family: task.family(),
                variant: task.variant(),
                unseen: task.unseen_words().iter().map(|word| crate::printable::line(word)).collect(),
            },
            None => tasks::laid_out(prompt).map_or(Self::Unknown, |laid_out| Self::Misplaced { laid_out }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_learned_task_is_told_from_small_talk() {
        assert_eq!(Reading::of("  \n"), Reading::Blank);
        assert_eq!(Reading::of("How do you do?"), Reading::Unknown);
        assert!(matches!(
            Reading::of("Reverse this list: Max, Leo, Ruth"),
            Reading::Task { family: Family::List, unseen, .. } if unseen.is_empty()
        ));
    }

    #[test]
    fn a_task_in_another_layout_is_laid_out_as_it_was_learned() {
        assert_eq!(
            Reading::of("Solve this sudoku: 1030 0412  2140 4021"),
            Reading::Misplaced { laid_out: "Solve this sudoku:\n1030\n0412\n2140\n4021".to_owned() }
        );
        assert_eq!(
            Reading::of(" Reverse this list:  Max, Leo,\nRuth"),
            Reading::Misplaced { laid_out: "Reverse this list: Max, Leo, Ruth".to_owned() }
        );
    }

    #[test]
    fn words_that_training_never_showed_are_named() {
        let Reading::Task { unseen, .. } = Reading::of("Reverse this list: Max, Leo, Zorbo") else {
            panic!("a list task")
        };
        assert_eq!(unseen, ["Zorbo"]);
    }
}
