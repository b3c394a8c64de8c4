//! Answers as words, where positions of two canvases have nothing to do with each other.

use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use crate::trace::Log;

/// How many words of an answer are compared: more would take longer than a frame, and no answer of the models at hand
/// comes near.
const MOST_WORDS: usize = 4096;

/// A word of an answer, and the positions that it is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AnswerWord {
    pub(super) text: String,
    pub(super) positions: Range<usize>,
}

/// The words of the answer as far as it is written, up to its end of text. A mask separates words.
pub(super) fn words(log: &Log, positions: Range<usize>) -> Vec<AnswerWord> {
    let canvas = log.canvas(log.len());
    let mut words: Vec<AnswerWord> = Vec::new();
    let mut is_open = false;
    for position in positions {
        if canvas.id(position) == Some(log.header().mask_id) {
            is_open = false;
        }
        for c in canvas.piece(position).chars() {
            match words.last_mut().filter(|_| is_open) {
                _ if c.is_whitespace() => is_open = false,
                Some(word) => {
                    word.text.push(c);
                    word.positions.end = position + 1;
                }
                None => {
                    words.push(AnswerWord { text: c.into(), positions: position..position + 1 });
                    is_open = true;
                }
            }
        }
        if words.len() > MOST_WORDS {
            words.truncate(MOST_WORDS);
            break;
        }
    }
    words
}

/// Which words of `a` stand in place of which words of `b`, in the order of the text; either may be none. That it is `a`
/// that comes first has no effect on what is found.
pub(super) fn unlike(a: &[AnswerWord], b: &[AnswerWord]) -> Vec<[Range<usize>; 2]> {
    let texts = |words: &[AnswerWord]| words.iter().map(|word| word.text.clone()).collect::<Vec<_>>();
    let (first, second) = (texts(a), texts(b));
    let is_turned = second < first;
    let (old, new) = if is_turned { (&second, &first) } else { (&first, &second) };
    let ops = capture_diff_slices(Algorithm::Myers, old, new);
    let unlike = ops.iter().filter(|op| !matches!(op, DiffOp::Equal { .. }));
    unlike
        .map(|op| if is_turned { [op.new_range(), op.old_range()] } else { [op.old_range(), op.new_range()] })
        .collect()
}
