//! The canvas: prompt and generation, absolute positions, masks.

use std::ops::Range;

/// Token ids at absolute positions, some of them masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Canvas {
    ids: Vec<u32>,
    prompt: usize,
    mask: u32,
    live: usize,
    /// Which tokens no rule may change.
    pinned: Vec<bool>,
    /// Which tokens no rule has written: they were given, or written by hand.
    by_hand: Vec<bool>,
}

impl Canvas {
    /// The prompt followed by `gen_length` masks.
    pub fn new(prompt: &[u32], gen_length: usize, mask: u32) -> Self {
        let ids = prompt.iter().copied().chain(std::iter::repeat_n(mask, gen_length)).collect();
        let length = prompt.len() + gen_length;
        Self {
            ids,
            prompt: prompt.len(),
            mask,
            live: length,
            pinned: vec![false; length],
            by_hand: vec![false; length],
        }
    }

    pub fn ids(&self) -> &[u32] {
        &self.ids
    }

    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// One past the last position that is still computed and attended to: the whole canvas until it is cut.
    pub fn live(&self) -> usize {
        self.live
    }

    /// Takes everything from `end` on out of the work; what stands there is shown, but never computed again.
    pub fn cut(&mut self, end: usize) {
        self.live = self.live.min(end.max(self.prompt));
    }

    /// Takes everything into the work again.
    pub fn uncut(&mut self) {
        self.live = self.len();
    }

    /// Whether no rule may change what stands there.
    pub fn is_pinned(&self, position: usize) -> bool {
        self.pinned[position]
    }

    /// Lets no rule change what stands there, or lets rules change it again.
    pub fn pin(&mut self, position: usize, pinned: bool) {
        self.pinned[position] = pinned;
    }

    /// Whether no rule has written what stands there: it was given, or written by hand.
    pub fn is_by_hand(&self, position: usize) -> bool {
        self.by_hand[position]
    }

    /// One past the last pinned token that is none of `ends`; the end of the prompt where there is none. What is pinned
    /// belongs to the text, so none of `ends` ends it before.
    pub fn fixed(&self, ends: &[u32]) -> usize {
        let is_text = |position: &usize| self.pinned[*position] && !ends.contains(&self.ids[*position]);
        (self.prompt..self.len()).rfind(is_text).map_or(self.prompt, |last| last + 1)
    }

    /// Number of prompt tokens: the first generated position.
    pub fn prompt(&self) -> usize {
        self.prompt
    }

    /// Number of generated positions.
    pub fn generated(&self) -> usize {
        self.len() - self.prompt
    }

    pub fn mask(&self) -> u32 {
        self.mask
    }

    pub fn is_masked(&self, position: usize) -> bool {
        self.ids[position] == self.mask
    }

    /// Masked positions in `range`, ascending.
    pub fn masked(&self, range: Range<usize>) -> impl Iterator<Item = usize> + '_ {
        range.filter(|position| self.is_masked(*position))
    }

    /// The leftmost masked position.
    pub fn first_masked(&self) -> Option<usize> {
        self.masked(0..self.len()).next()
    }

    /// Where the text ends: the leftmost of `ends` behind everything that is pinned.
    pub fn end_of_text(&self, ends: &[u32]) -> Option<usize> {
        (self.fixed(ends)..self.len()).find(|position| ends.contains(&self.ids[*position]))
    }

    pub fn write(&mut self, position: usize, token: u32) {
        self.ids[position] = token;
        self.by_hand[position] = false;
    }

    /// Writes what no rule has chosen.
    pub fn write_by_hand(&mut self, position: usize, token: u32) {
        self.ids[position] = token;
        self.by_hand[position] = true;
    }

    /// Takes a committed token back.
    pub fn remask(&mut self, position: usize) {
        self.write(position, self.mask);
    }
}
