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
}

/// Answers with blanks that the pair fills in (`docs/infilling.md`).
const INFILLED: [&str; 3] = [
    "Reverse this list: Max, Leo, Ruth, Anna, Tom\n\nTom, ___, Ruth, ___, Max",
    "Anna has 12 pens. She buys 7 more. How many pens are left?\n\n___{7}.\n#### 19",
    "Solve this sudoku:\n1030\n0412\n2140\n4021\n\n___{4}\n3412\n___{4}\n4321",
];

/// The gallery, the family that shows denoising best first: stories are long, and no two steps look alike.
pub fn examples() -> Vec<Example> {
    let order = [Family::Story, Family::List, Family::Math, Family::Json, Family::Code, Family::Sudoku];
    let mut examples: Vec<_> = tasks::gallery()
        .into_iter()
        .map(|sample| Example {
            family: sample.family,
            variant: sample.variant,
            prompt: sample.prompt,
            unseen: sample.unseen,
            infills: false,
        })
        .collect();
    examples.extend(INFILLED.iter().filter_map(|prompt| {
        let task = tasks::recognise(&blanks::asked(prompt, true))?;
        let (family, variant) = (task.family(), task.variant());
        Some(Example { family, variant, prompt: (*prompt).to_owned(), unseen: false, infills: true })
    }));
    examples.sort_by_key(|example| order.iter().position(|family| *family == example.family));
    examples
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
        let infilled = examples().into_iter().filter(|example| example.infills).count();
        assert_eq!(infilled, INFILLED.len(), "each states a task");
    }
}
