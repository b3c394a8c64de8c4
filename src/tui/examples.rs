//! The gallery: prompts that the embedded pair has learned to answer, by family; some of them with blanks in their answer.

use crate::{
    engine::blanks,
    tasks::{self, Family},
};

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
    /// The preset under which it is best watched, and answered right unless it fails.
    pub preset: &'static str,
    /// What there is to see then, in a few words.
    pub watch: &'static str,
    /// Whether the pair's answer is wrong all the same.
    pub fails: bool,
}

/// Answers with blanks that the pair fills in (`docs/infilling.md`).
const INFILLED: [&str; 3] = [
    "Reverse this list: Max, Leo, Ruth, Anna, Tom\n\nTom, ___, Ruth, ___, Max",
    "Anna has 12 pens. She buys 7 more. How many pens are left?\n\n___{7}.\n#### 19",
    "Solve this sudoku:\n1030\n0412\n2140\n4021\n\n___{4}\n3412\n___{4}\n4321",
];

/// Under which preset a prompt is best watched, and what there is to see then; by the beginning of the prompt.
const WATCHED: [(&str, &str, &str); 23] = [
    ("Write a story with Laura", "flashdlm-narrow", "the guide lets drafts through in runs, and stops them"),
    ("Write a story with Hugo", "flashdlm-narrow", "even the guide does not save it: ! shows where"),
    ("Write a story with Zelda", "flashdlm-narrow", "a name that nobody knows: ! shows where it goes wrong"),
    ("Reverse this list: Max, Leo, Ruth, Anna, Tom\n", "threshold", "three names are given, two blanks are left"),
    ("Reverse this list", "threshold", "which names are sure first, those outside or inside?"),
    ("Sort this list", "flashdlm-narrow", "which stands first, a comma or a name?"),
    ("Insert Emma", "flashdlm-narrow", "the third place is left open until its name is sure"),
    ("Rotate this list", "flashdlm-narrow", "names that nobody knows, in parts"),
    ("Shuffle this list", "flashdlm-narrow", "four places want bear, each by itself: haste is not why"),
    (
        "Anna has 12 pens. She buys 7 more. How many pens are left?\n",
        "threshold",
        "the result is given: what leads to it?",
    ),
    ("Anna has 12", "plain", "one token a step: the sum waits for the numbers before it"),
    ("Victor has 45", "flashdlm-narrow", "two steps of a sum: the second rests on the first"),
    ("Plim has 20", "flashdlm-narrow", "three steps of a sum, about zorks"),
    ("Write as JSON: Max", "threshold", "braces, quotes and keys first, then what is copied"),
    ("Write as JSON: Ruth", "threshold", "a list of things: the form repeats itself"),
    ("Write as JSON: Brixa", "flashdlm-narrow", "words that nobody knows are copied in parts"),
    ("Code a function find", "threshold", "the frame of the function at once, its names after it"),
    ("Code a function solve", "threshold", "how much of the loop comes in one step?"),
    ("Code a function grok", "flashdlm-narrow", "the guide reads the code from top to bottom"),
    ("Solve this sudoku:\n1030\n0412\n2140\n4021\n", "threshold", "only the rows with blanks are open"),
    ("Solve this sudoku:\n1030", "plain", "the surest digit first: watch in which order it solves"),
    ("Solve this sudoku:\n3042", "threshold", "how many digits are sure at once?"),
    ("Solve this sudoku:\n2004", "plain", "are the digits given copied first, or the blanks filled?"),
];

/// Prompts that the pair gets wrong, by their beginnings: worth watching for that.
const FAILS: [&str; 3] = ["Write a story with Hugo", "Write a story with Zelda", "Shuffle this list"];

/// What [`WATCHED`] says of a prompt.
fn watched(prompt: &str) -> Option<(&'static str, &'static str)> {
    let (_, preset, words) = WATCHED.iter().find(|(begins, ..)| prompt.starts_with(begins))?;
    Some((preset, words))
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
    let (preset, watch) = watched(&prompt)?;
    Some(Example {
        family: task.family(),
        variant: task.variant(),
        fails: FAILS.iter().any(|begins| prompt.starts_with(begins)),
        unseen: !infills && !task.unseen_words().is_empty(),
        prompt,
        infills,
        preset,
        watch,
    })
}

/// What makes a family worth watching, one line.
pub fn what_to_watch(family: Family) -> &'static str {
    match family {
        Family::Story => "long texts: unguided, words go missing; with the guide, sentences hold together",
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
