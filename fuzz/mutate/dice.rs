//! Chance, the same for the same seed, and values that are seldom meant.

use std::ops::Range;

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Numbers at the edges of types and of reason.
#[rustfmt::skip]
const NUMBERS: [&str; 34] = [
    "0", "1", "2", "3", "7", "16", "255", "256", "4097", "65535", "65536", "100000", "4000000", "1000000000",
    "2147483647", "2147483648", "4294967295", "4294967296", "10000000000000", "9007199254740993",
    "9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616",
    "340282366920938463463374607431768211456", "-1", "-9223372036854775808", "0.5", "-0.0", "1.0000001", "1e-320",
    "1e38", "1e308", "1e999",
];

/// Texts that terminals, templates, paths and vocabularies read in their own way.
#[rustfmt::skip]
const TEXTS: [&str; 26] = [
    "", " ", "a", "\u{0}", "\n", "\r", "\t", "\u{7f}", "\u{85}", "\u{1b}[2J", "\u{9d}0;x\u{9c}", "\u{202e}x",
    "\u{61c}", "\u{200b}", "\u{feff}", "\u{ffff}", "e\u{301}\u{301}", "日本", "👩\u{200d}👩\u{200d}👧",
    "\u{10fffe}prompt\u{10fffe}", "<|mask|>", "<eos>", "{{ x }}", "{%", "../x", "%s",
];

/// A source of random choices.
pub struct Dice(ChaCha8Rng);

impl Dice {
    /// The choices of one execution.
    pub fn new(seed: u64, execution: u64) -> Self {
        let mut generator = ChaCha8Rng::seed_from_u64(seed);
        generator.set_stream(execution);
        Self(generator)
    }

    /// A number below `end`; 0 where there is none.
    pub fn below(&mut self, end: usize) -> usize {
        if end == 0 { 0 } else { self.0.random_range(0..end) }
    }

    /// Whether something happens that happens once in so many times.
    pub fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }

    /// Mostly 0, each further one half as likely.
    pub fn few(&mut self) -> usize {
        self.0.random::<u32>().trailing_ones().min(7) as usize
    }

    /// Mostly small, now and then up to `most`.
    pub fn many(&mut self, most: usize) -> usize {
        let size = [2, 8, 64, most][self.few().min(3)];
        1 + self.below(size.min(most))
    }

    /// One of them.
    pub fn pick<'a, T>(&mut self, among: &'a [T]) -> Option<&'a T> {
        among.get(self.below(among.len()))
    }

    /// One of several words.
    pub fn word<'a>(&mut self, among: &[&'a str]) -> &'a str {
        self.pick(among).copied().unwrap_or_default()
    }

    /// A mostly short range of `length` things.
    pub fn range(&mut self, length: usize) -> Range<usize> {
        let start = self.below(length);
        start..(start + self.many(length.max(1))).min(length)
    }

    /// A number in writing.
    pub fn number(&mut self) -> String {
        match self.below(3) {
            0 => self.below(300).to_string(),
            _ => self.word(&NUMBERS).to_owned(),
        }
    }

    /// Eight bytes for a number of any type.
    pub fn bits(&mut self) -> [u8; 8] {
        const EDGES: [u64; 12] = [0, 1, 2, 255, 1 << 16, 1 << 31, u32::MAX as u64, 1 << 32, 1 << 62, 1 << 63, !0, !1];
        match self.below(3) {
            0 => self.0.random::<u64>().to_le_bytes(),
            1 => (self.below(300) as u64).to_le_bytes(),
            _ => self.pick(&EDGES).copied().unwrap_or_default().to_le_bytes(),
        }
    }

    /// A text, now and then a long one.
    pub fn text(&mut self) -> String {
        let text = self.word(&TEXTS);
        if self.one_in(12) { text.repeat(self.many(3000)) } else { text.to_owned() }
    }
}
