//! What two logs have in common, and where they part.
//!
//! Two runs of one prompt are compared position by position. Where the prompts or the tokenizers differ, a position of
//! one has nothing to do with that of the other, so their answers are compared word by word, and a [`Caveat`] says so.
//! Everything is a function of the two logs, at whatever step they are; neither needs to be over.

use std::{fmt, ops::Range};

use serde::Serialize;

use super::{
    axis::Axis,
    kendall,
    words::{self, AnswerWord},
};
use crate::{
    decode::record::Reason,
    printable,
    trace::{Header, Log},
};

/// The comparison of two logs, A and B.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Diff {
    /// What the two have not in common that one should know of.
    #[serde(skip)]
    pub caveats: Vec<Caveat>,
    /// Where the canvases first hold something else, be it that one has written what the other has not; end of text adds
    /// nothing and counts as a mask here. `None` where the shorter log is the beginning of the longer one, and where
    /// positions cannot be compared.
    pub divergence: Option<Divergence>,
    /// What the newest canvases hold that differs, in the order in which it was written.
    pub differences: Vec<Difference>,
    /// How far the two agree on the order of writing; `None` where positions cannot be compared, and where either wrote
    /// everything in one step.
    pub order: Option<OrderAgreement>,
}

/// What two runs have not in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caveat {
    /// Their prompts.
    Prompts,
    /// What a token is, or the template around the prompt.
    Tokenizers,
    /// Who wrote them: the names of the denoisers.
    Denoisers(String, String),
    /// How many masks were appended to the prompt.
    Lengths(usize, usize),
}

/// Where two canvases first hold something else.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Divergence {
    /// The place on the axis.
    pub place: u64,
    /// The leftmost position that differs there.
    pub position: usize,
    /// The first run's part.
    pub a: DivergedRun,
    /// The second run's part.
    pub b: DivergedRun,
}

/// A run where its canvas first differs from another one's.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DivergedRun {
    /// How many steps it has done there.
    pub steps: usize,
    /// What it holds at that position then; `None` where it is masked.
    pub then: Option<Passage>,
    /// What it holds there in its newest step; `None` where it is masked.
    pub newest: Option<Passage>,
}

/// Something that two answers hold differently.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Difference {
    /// What the first run holds.
    pub a: Passage,
    /// What the second run holds in its place.
    pub b: Passage,
}

/// A piece of an answer: a token, or words where those are compared.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Passage {
    /// Absolute positions; none where the other answer has something that this one lacks.
    pub positions: Range<usize>,
    /// Its ids.
    pub ids: Vec<u32>,
    /// Its text, printable.
    pub text: String,
    /// Whether it is an end of text.
    pub is_end: bool,
    /// When its first token was written, and why; `None` where none of it was written by a step.
    pub written: Option<TokenWrite>,
}

/// When and why a token was written.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct TokenWrite {
    /// The step, counted from 1.
    pub step: usize,
    /// Its confidence then.
    pub confidence: f32,
    /// Why.
    pub reason: Reason,
}

/// Agreement on the order in which positions were written.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct OrderAgreement {
    /// Kendall's τ-b of the steps, −1 to 1.
    pub tau: f64,
    /// How many positions both wrote; end of text is left out, it is filled in rather than written.
    pub positions: usize,
}

impl Diff {
    /// Compares two logs. The axis decides what "first" means where they part.
    pub fn of(a: &Log, b: &Log, axis: Axis) -> Self {
        let mut diff = Self { caveats: caveats(a, b), ..Self::default() };
        if diff.is_by_text() {
            diff.differences = unlike_words(a, b);
        } else {
            let shared = a.header().prompt_ids.len()..a.header().canvas_length().min(b.header().canvas_length());
            diff.divergence = divergence(a, b, axis, &shared);
            diff.differences = unlike_tokens(a, b, &shared);
            diff.order = order(a, b, shared);
        }
        // From left to right where they arose together.
        diff.differences.sort_by_key(Difference::arises);
        diff
    }

    /// Whether nothing was found that differs.
    pub fn is_empty(&self) -> bool {
        self.divergence.is_none() && self.differences.is_empty()
    }

    /// Whether words were compared, not positions.
    pub fn is_by_text(&self) -> bool {
        self.caveats.iter().any(|caveat| matches!(caveat, Caveat::Prompts | Caveat::Tokenizers))
    }
}

impl Difference {
    /// The step in which the first of the two runs wrote its part; 0 where neither did.
    pub fn arises(&self) -> usize {
        let steps = [&self.a, &self.b].into_iter().filter_map(|passage| passage.written);
        steps.map(|written| written.step).min().unwrap_or_default()
    }
}

impl Passage {
    /// What a position holds after so many steps; `None` where it is masked, and outside the canvas.
    pub fn at(log: &Log, steps: usize, position: usize) -> Option<Self> {
        let canvas = log.canvas(steps);
        let id = canvas.id(position).filter(|id| *id != log.header().mask_id)?;
        Some(Self {
            positions: position..position + 1,
            ids: vec![id],
            text: canvas.piece(position).to_owned(),
            is_end: log.header().is_end(id),
            written: canvas.written(position).map(TokenWrite::of),
        })
    }

    /// Words of an answer, the ones at `range`; where that is empty, the place between two words.
    fn of_words(log: &Log, words: &[AnswerWord], range: Range<usize>) -> Self {
        let canvas = log.canvas(log.len());
        let start = match (words.get(range.start), words.last()) {
            (Some(word), _) => word.positions.start,
            (None, Some(last)) => last.positions.end,
            (None, None) => log.header().prompt_ids.len(),
        };
        let words = &words[range];
        let positions = start..words.last().map_or(start, |last| last.positions.end);
        let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
        let written = positions.clone().filter_map(|position| canvas.written(position)).map(TokenWrite::of);
        Self {
            ids: positions.clone().filter_map(|position| canvas.id(position)).collect(),
            text: texts.join(" "),
            is_end: false,
            written: written.min_by_key(|written| written.step),
            positions,
        }
    }
}

impl TokenWrite {
    fn of((index, reason, confidence): (usize, Reason, f32)) -> Self {
        Self { step: index + 1, confidence, reason }
    }
}

impl fmt::Display for Caveat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let by_text = "so the answers are compared word by word";
        match self {
            Self::Prompts => write!(f, "the prompts differ, {by_text}"),
            Self::Tokenizers => write!(f, "the prompt is other tokens in A than in B, {by_text}"),
            Self::Denoisers(a, b) => write!(f, "A was written by {a} and B by {b}"),
            Self::Lengths(a, b) => {
                write!(f, "A began with {a} masks and B with {b}: the first {} positions are compared", a.min(b))
            }
        }
    }
}

/// What the headers, and the texts of the ids that both logs name, say of what the two have in common.
fn caveats(a: &Log, b: &Log) -> Vec<Caveat> {
    let (from, to) = (a.header(), b.header());
    let mut caveats = Vec::new();
    if from.prompt != to.prompt {
        caveats.push(Caveat::Prompts);
    } else if from.prompt_ids != to.prompt_ids || !share_a_tokenizer(a, b) {
        caveats.push(Caveat::Tokenizers);
    } else if from.gen_length != to.gen_length {
        caveats.push(Caveat::Lengths(from.gen_length, to.gen_length));
    }
    if from.denoiser.name != to.denoiser.name {
        let name = |header: &Header| printable::line(&header.denoiser.name);
        caveats.push(Caveat::Denoisers(name(from), name(to)));
    }
    caveats
}

/// Whether nothing speaks against one tokenizer: special ids, and the text of every id that both logs name.
fn share_a_tokenizer(a: &Log, b: &Log) -> bool {
    let special = |log: &Log| (log.header().mask_id, log.header().eos_id, log.header().end_ids.clone());
    special(a) == special(b)
        && a.header().prompt_pieces == b.header().prompt_pieces
        && a.named().all(|(id, text)| b.text_of(id).is_none_or(|other| other == text))
}

/// The first place, and there the leftmost position, at which the canvases differ.
fn divergence(a: &Log, b: &Log, axis: Axis, shared: &Range<usize>) -> Option<Divergence> {
    // Clocks always differ: two runs of the same steps differ along no axis.
    if axis != Axis::Steps {
        divergence(a, b, Axis::Steps, shared)?;
    }
    let last = axis.place(a, a.len()).min(axis.place(b, b.len()));
    let places = shared.clone().filter_map(|position| Some((first_unlike(a, b, axis, position, last)?, position)));
    let (place, position) = places.min()?;
    let run = |log: &Log| {
        let steps = axis.steps(log, place);
        let [then, newest] = [steps, log.len()].map(|steps| Passage::at(log, steps, position));
        DivergedRun { steps, then, newest }
    };
    Some(Divergence { place, position, a: run(a), b: run(b) })
}

/// The first place up to `last` at which a position holds something else in one log than in the other.
fn first_unlike(a: &Log, b: &Log, axis: Axis, position: usize, last: u64) -> Option<u64> {
    let held = |log: &Log| -> Vec<(u64, Option<u32>)> {
        let token = |id: u32| Some(id).filter(|id| *id != log.header().mask_id && !log.header().is_end(*id));
        log.held(position).map(|(steps, id)| (axis.place(log, steps), token(id))).collect()
    };
    let histories = [held(a), held(b)];
    let token_at = |history: &[(u64, Option<u32>)], place| {
        let later = history.partition_point(|(since, _)| *since <= place);
        later.checked_sub(1).and_then(|newest| history[newest].1)
    };
    let places = histories.iter().flatten().map(|(place, _)| *place).filter(|place| *place <= last);
    places.filter(|place| token_at(&histories[0], *place) != token_at(&histories[1], *place)).min()
}

/// The positions at which both hold a token, and not the same one, up to where both answers have ended.
fn unlike_tokens(a: &Log, b: &Log, shared: &Range<usize>) -> Vec<Difference> {
    let end = answer_end(a).max(answer_end(b)).min(shared.end.saturating_sub(1));
    let token = |log: &Log, position| Passage::at(log, log.len(), position);
    let both = |position| Some(Difference { a: token(a, position)?, b: token(b, position)? });
    (shared.start..=end).filter_map(both).filter(|difference| difference.a.ids != difference.b.ids).collect()
}

/// The words that stand in only one of the answers.
fn unlike_words(a: &Log, b: &Log) -> Vec<Difference> {
    let [of_a, of_b] = [a, b].map(|log| words::words(log, log.header().prompt_ids.len()..answer_end(log)));
    let passages = words::unlike(&of_a, &of_b).into_iter();
    passages
        .map(|[in_a, in_b]| Difference { a: Passage::of_words(a, &of_a, in_a), b: Passage::of_words(b, &of_b, in_b) })
        .collect()
}

/// Position of the first end of text in the newest canvas, or the canvas's length.
fn answer_end(log: &Log) -> usize {
    let (header, canvas) = (log.header(), log.canvas(log.len()));
    let mut positions = header.prompt_ids.len()..canvas.length();
    positions.find(|at| canvas.id(*at).is_some_and(|id| header.is_end(id))).unwrap_or(canvas.length())
}

/// How far two runs agree on the order of writing.
fn order(a: &Log, b: &Log, shared: Range<usize>) -> Option<OrderAgreement> {
    let step = |log: &Log, position| {
        let canvas = log.canvas(log.len());
        canvas.id(position).filter(|id| *id != log.header().mask_id && !log.header().is_end(*id))?;
        canvas.written(position).map(|(step, ..)| step)
    };
    let steps: Vec<_> = shared.filter_map(|position| Some((step(a, position)?, step(b, position)?))).collect();
    let positions = steps.len();
    Some(OrderAgreement { tau: kendall::tau_b(steps)?, positions })
}
