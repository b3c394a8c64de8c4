//! How a prompt is typed where nobody types it: in recordings and demos.

use std::time::Duration;

use unicode_segmentation::UnicodeSegmentation;

/// How long an empty prompt is shown, how long a keystroke takes, and how long the whole prompt is looked at.
const BEFORE_TYPING: Duration = Duration::from_millis(600);
const KEYSTROKE: Duration = Duration::from_millis(60);
const BEFORE_ENTER: Duration = Duration::from_millis(700);

/// A prompt is typed in so many keystrokes at most: of a longer one, several characters come at once.
const KEYSTROKES: usize = 64;

/// How far the prompt is typed, in bytes, and for how long each: first nothing of it, last all of it.
pub fn keystrokes(prompt: &str) -> Vec<(usize, Duration)> {
    let ends: Vec<usize> = prompt.grapheme_indices(true).map(|(at, grapheme)| at + grapheme.len()).collect();
    let at_once = ends.len().div_ceil(KEYSTROKES).max(1);
    let mut typed = vec![(0, BEFORE_TYPING)];
    typed.extend(ends.chunks(at_once).filter_map(|chunk| Some((*chunk.last()?, KEYSTROKE))));
    if let Some((_, pause)) = typed.last_mut() {
        *pause = BEFORE_ENTER;
    }
    typed
}
