//! The gallery: prompts that the embedded pair has learned to answer, by family.

use crate::tasks::{self, Family};

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
}

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
        })
        .collect();
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
    }
}
