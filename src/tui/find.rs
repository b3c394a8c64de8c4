//! Words in the text of a step: which positions hold them. Drafts are guesses and are not looked through.

use std::ops::RangeInclusive;

use super::{
    app::App,
    compare::{RunComparison, RunSide},
};
use crate::trace::Log;

/// The longest text that can be looked for, in characters.
pub const LONGEST_SEARCH: usize = 80;

/// What is looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TextSearch {
    /// As it is typed.
    pub text: String,
    /// Whether it is being typed.
    pub is_typed: bool,
}

impl TextSearch {
    /// The places of the written text after `steps` steps of `log` that have what is looked for, each as its first and its
    /// last position, from left to right; none overlaps the one before. It may cross tokens, but no mask and no end of
    /// text. A capital letter in it makes case count; any white space is a blank.
    pub fn places(&self, log: &Log, steps: usize) -> Vec<RangeInclusive<usize>> {
        let has_capitals = self.text.chars().any(char::is_uppercase);
        let wanted: Vec<char> = folded(self.text.trim(), has_capitals).collect();
        if wanted.is_empty() {
            return Vec::new();
        }
        let text = text(log, steps, has_capitals);
        let (mut places, mut at) = (Vec::new(), 0);
        while let Some(window) = text.get(at..at + wanted.len()) {
            if window.iter().map(|(c, _)| *c).eq(wanted.iter().map(|c| Some(*c))) {
                places.push(window[0].1..=window[window.len() - 1].1);
                at += wanted.len();
            } else {
                at += 1;
            }
        }
        places
    }
}

/// The characters of the written text with their positions; `None` where it is interrupted.
fn text(log: &Log, steps: usize, has_capitals: bool) -> Vec<(Option<char>, usize)> {
    let (header, canvas) = (log.header(), log.canvas(steps));
    let (prompt, mask) = (header.prompt_ids.len(), header.mask_id);
    let is_read =
        |position: usize| position < prompt || canvas.id(position).is_some_and(|id| id != mask && !header.is_end(id));
    // Earlier turns of a conversation are drawn as text above the canvas.
    let positions = header.turn_start()..canvas.length();
    let characters = positions.flat_map(|position| {
        let piece = if is_read(position) { canvas.piece(position) } else { "" };
        let interrupted = (!is_read(position)).then_some(None);
        let characters = folded(piece, has_capitals).map(Some).chain(interrupted);
        characters.map(move |character| (character, position))
    });
    characters.collect()
}

/// The characters that are compared.
fn folded(text: &str, has_capitals: bool) -> impl Iterator<Item = char> + '_ {
    let blank = |c: char| if c.is_whitespace() { ' ' } else { c };
    text.chars().map(blank).flat_map(move |c| {
        let small = (!has_capitals).then(|| c.to_lowercase());
        small.into_iter().flatten().chain(has_capitals.then_some(c))
    })
}

/// Where the words are that a shown run is searched for: the run, or the two that are compared.
pub(super) struct FoundPlaces {
    /// The places in the shown run, or in the first of two.
    pub places: Vec<RangeInclusive<usize>>,
    /// Which of them is selected.
    pub selected: Option<usize>,
    /// How many there are in the second of two.
    pub beside: Option<usize>,
}

/// What is found in what is shown; `None` where nothing is looked for.
pub(super) fn found(app: &App) -> Option<FoundPlaces> {
    let search = app.lens.find.as_ref()?;
    let (first, second, selected) = match &app.comparison {
        Some(comparison) => {
            let (first, second) = sides(app, comparison)?;
            (first, Some(second), comparison.selected(RunSide::A))
        }
        None => ((app.log()?, app.shown()), None, app.lens.selected),
    };
    let places = search.places(first.0, first.1);
    let selected = selected.and_then(|position| places.iter().position(|place| place.contains(&position)));
    Some(FoundPlaces { selected, beside: second.map(|(log, steps)| search.places(log, steps).len()), places })
}

type SearchedStep<'a> = (&'a Log, usize);

fn sides<'a>(app: &'a App, comparison: &'a RunComparison) -> Option<(SearchedStep<'a>, SearchedStep<'a>)> {
    let runs = comparison.runs(&app.session)?;
    let [a, b] = comparison.steps(runs);
    Some(((&runs[0].log, a), (&runs[1].log, b)))
}
