//! The gallery: prompts that the embedded pair has learned to answer, by family; some of them with blanks in their answer.

use crate::{
    engine::blanks,
    tasks::{self, Family},
};

/// What a preset makes of a prompt: measured, as `tests/screen/first_minute.rs` sees to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Showing {
    /// The preset.
    pub preset: &'static str,
    /// Steps of the run.
    pub steps: usize,
    /// Whether the answer is right.
    pub is_right: bool,
}

/// A prompt to choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Example {
    /// The kind of task.
    pub family: Family,
    /// The kind within the family.
    pub variant: &'static str,
    /// The prompt.
    pub prompt: String,
    /// Whether it holds words that training never showed.
    pub unseen: bool,
    /// Whether a part of the answer is given, and its blanks are filled in.
    pub infills: bool,
    /// The preset under which it is best watched, and what that makes of it.
    pub shown: Showing,
    /// The preset that gets it right, where that one does not.
    pub mended: Option<Showing>,
    /// What there is to see under the first, in a few words.
    pub watch: &'static str,
}

/// Answers with blanks that the pair fills in (`docs/infilling.md`).
const INFILLED: [&str; 3] = [
    "Reverse this list: Max, Leo, Ruth, Anna, Tom\n\nTom, ___, Ruth, ___, Max",
    "Anna has 12 pens. She buys 7 more. How many pens are left?\n\n___{7}.\n#### 19",
    "Solve this sudoku:\n1030\n0412\n2140\n4021\n\n___{4}\n3412\n___{4}\n4321",
];

/// What is known of a prompt: how it begins, under what it is shown, what mends it, what there is to see.
struct Watched(&'static str, Showing, Option<Showing>, &'static str);

const fn right(preset: &'static str, steps: usize) -> Showing {
    Showing { preset, steps, is_right: true }
}

const fn wrong(preset: &'static str, steps: usize) -> Showing {
    Showing { preset, steps, is_right: false }
}

const GUIDED: &str = "flashdlm-narrow";
const HASTY: &str = "threshold";
const PLAIN: &str = "plain";

/// What the pair makes of each prompt, and what there is to see then.
const WATCHED: [Watched; 23] = [
    Watched(
        "Write a story with Laura",
        right(GUIDED, 54),
        None,
        "the guide lets drafts through in runs, and stops them",
    ),
    Watched(
        "Write a story with Hugo",
        wrong(HASTY, 79),
        Some(right(GUIDED, 38)),
        "sure words stand before what they rest on: ! shows where",
    ),
    Watched(
        "Write a story with Zelda",
        wrong(GUIDED, 83),
        None,
        "a name that nobody knows, which even the guide loses: ! shows where",
    ),
    Watched(
        "Reverse this list: Max, Leo, Ruth, Anna, Tom\n",
        right(HASTY, 1),
        None,
        "three names are given, two blanks are filled in",
    ),
    Watched("Reverse this list", right(HASTY, 1), None, "every name is sure at once: all of them in one step"),
    Watched("Sort this list", right(GUIDED, 3), None, "three runs: up to Hugo, Irene by itself, then the rest"),
    Watched("Insert Emma", right(GUIDED, 1), None, "the guide agrees with all five names: one step"),
    Watched("Rotate this list", right(GUIDED, 6), None, "unknown names are spelled, most of them a run each"),
    Watched(
        "Remove any item",
        wrong(HASTY, 3),
        Some(right(GUIDED, 3)),
        "each place guesses by itself which one is gone: otter twice",
    ),
    Watched(
        "Anna has 12 pens. She buys 7 more. How many pens are left?\n",
        right(HASTY, 1),
        None,
        "the result is given: its way there comes in one step",
    ),
    Watched("Anna has 12", right(PLAIN, 32), None, "one token a step: the + first, the last digit of 19 late"),
    Watched("Victor has 45", right(GUIDED, 2), None, "two runs: the first ends within the result 41"),
    Watched("Plim has 20", right(GUIDED, 3), None, "three runs: the first two end within a result, 31 and 25"),
    Watched("Write as JSON: Max", right(HASTY, 1), None, "a fixed form and copied words: all in one step"),
    Watched("Write as JSON: Ruth", right(HASTY, 1), None, "a list of three items: all in one step"),
    Watched("Write as JSON: Brixa", right(GUIDED, 9), None, "Brixa, Velm and fizz are unknown, and spelled"),
    Watched("Code a function find", right(HASTY, 1), None, "the whole function in one step"),
    Watched("Code a function solve", right(HASTY, 1), None, "the whole function in one step, its loop included"),
    Watched("Code a function grok", right(GUIDED, 15), None, "grok and blips are spelled: fifteen short runs"),
    Watched(
        "Solve this sudoku:\n1030\n0412\n2140\n4021\n",
        right(HASTY, 1),
        None,
        "two rows are given, the others come in one step",
    ),
    Watched("Solve this sudoku:\n1030", right(PLAIN, 24), None, "line breaks, then given digits; two blanks come last"),
    Watched("Solve this sudoku:\n3042", right(HASTY, 1), None, "all sixteen digits in one step"),
    Watched("Solve this sudoku:\n2004", right(PLAIN, 24), None, "given digits come first, five of the blanks last"),
];

/// What is known of a prompt.
fn watched(prompt: &str) -> Option<&'static Watched> {
    WATCHED.iter().find(|Watched(begins, ..)| prompt.starts_with(begins))
}

/// The gallery, the family that shows denoising best first: stories are long, and no two steps look alike.
pub fn examples() -> Vec<Example> {
    let order = [Family::Story, Family::List, Family::Math, Family::Json, Family::Code, Family::Sudoku];
    let given = tasks::gallery().into_iter().map(|sample| (sample.prompt, false));
    let infilled = INFILLED.iter().map(|prompt| ((*prompt).to_owned(), true));
    let mut examples: Vec<_> = given.chain(infilled).filter_map(|(prompt, infills)| example(prompt, infills)).collect();
    examples.sort_by_key(|example| order.iter().position(|family| *family == example.family));
    examples
}

fn example(prompt: String, infills: bool) -> Option<Example> {
    let task = tasks::recognise(&blanks::asked(&prompt, true))?;
    let Watched(_, shown, mended, watch) = watched(&prompt)?;
    Some(Example {
        family: task.family(),
        variant: task.variant(),
        unseen: !infills && !task.unseen_words().is_empty(),
        prompt,
        infills,
        shown: *shown,
        mended: *mended,
        watch,
    })
}

/// What makes a family worth watching, one line.
pub fn what_to_watch(family: Family) -> &'static str {
    match family {
        Family::Story => "alone, words go missing; guided, sentences hold together",
        Family::List => "order matters: haste doubles or drops a name",
        Family::Math => "each step rests on the one before: haste breaks the sum",
        Family::Json => "a fixed form: almost everything is certain at once",
        Family::Code => "a fixed form with copied names: parallel decoding is safe here",
        Family::Sudoku => "every blank depends on all the others",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_gallery_begins_with_a_story_and_keeps_families_together() {
        let families: Vec<_> = examples().iter().map(|example| example.family).collect();
        assert_eq!(families[0], Family::Story);
        let mut groups = families.clone();
        groups.dedup();
        assert_eq!(groups.len(), Family::ALL.len());
        assert_eq!(examples().len(), WATCHED.len(), "each is said something of");
        let infilled = examples().into_iter().filter(|example| example.infills).count();
        assert_eq!(infilled, INFILLED.len(), "each states a task");
    }
}
