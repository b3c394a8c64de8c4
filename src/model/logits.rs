//! The logits of a pass: rows of numbers on the host, or rows that stay on a device and are summarised there in a few numbers.
//!
//! A vocabulary has a hundred thousand entries, and a step wants dozens of rows. On a GPU they stay where they are made:
//! what decoding needs of a row at temperature 0 is a [`RowSummary`], worked out there. Whole rows can still be had, all of
//! them at once. No tensor type shows here.

use std::fmt;
use std::sync::{Arc, OnceLock};

use crate::model::cpu::exp;
use crate::model::network::NetworkError;

/// Logits of the wanted rows of a pass, row-major `(wanted, vocab)`, exactly as the network gives them (not shifted).
#[derive(Debug, Clone)]
pub struct Logits {
    vocab: usize,
    rows: Rows,
}

#[derive(Debug, Clone)]
enum Rows {
    Host(Vec<f32>),
    Device {
        rows: Arc<dyn DeviceRows>,
        /// Brought over when they were first asked for.
        host: OnceLock<Vec<f32>>,
    },
}

/// What is wanted of each row.
#[derive(Debug, Clone, Copy, Default)]
pub struct Reduce<'a> {
    /// A token that is never listed. It keeps its share of the softmax.
    pub excluded: Option<u32>,
    /// How many of the likeliest tokens are listed, at least 1.
    pub top: usize,
    /// Tokens of each row whose standing is wanted; empty where none is of any row. They may lie outside of the
    /// vocabulary.
    pub asked: &'a [&'a [u32]],
}

/// A token in a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TokenChoice {
    /// The token.
    pub id: u32,
    /// Its logit; minus infinity where that is no number.
    pub logit: f32,
    /// Its share of the softmax; 0 for all tokens of a row without a finite logit.
    pub probability: f64,
}

/// Whether a row of logits says something: no NaN and no plus infinity is among them, and not minus infinity alone.
pub fn is_sound(row: &[f32]) -> bool {
    let wild = row.iter().filter(|logit| logit.is_nan() || **logit == f32::INFINITY).count();
    wild == 0 && row.iter().any(|logit| logit.is_finite())
}

/// How a token that was asked for stands in a row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TokenRank {
    /// Its share of the softmax, 0 outside of the vocabulary.
    pub probability: f64,
    /// How many tokens stand before it: those with a larger logit, and those with an equal one and a lower id.
    pub rank: usize,
}

/// A row of logits in a few numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct RowSummary {
    /// As [`is_sound`]; where it is not, the rest of this says nothing.
    pub is_sound: bool,
    /// The likeliest tokens, descending, the lowest id first among equals; fewer than were wanted where the vocabulary is
    /// smaller. Never the excluded one.
    pub top: Vec<TokenChoice>,
    /// The excluded token, where there is one in the vocabulary.
    pub excluded: Option<TokenChoice>,
    /// The tokens that were asked for, in their order.
    pub asked: Vec<TokenRank>,
    /// Entropy of the softmax in nats; infinite for a row without a finite logit, because nothing is known then.
    pub entropy: f64,
}

/// Rows of logits that stay on a device.
pub trait DeviceRows: fmt::Debug + Send + Sync {
    /// Number of rows.
    fn count(&self) -> usize;

    /// All rows in a few numbers each.
    fn summaries(&self, reduce: Reduce<'_>) -> Result<Vec<RowSummary>, NetworkError>;

    /// All rows, row-major.
    fn fetch(&self) -> Result<Vec<f32>, NetworkError>;
}

impl Logits {
    /// Wraps `values`, whose length must be a multiple of `vocab`.
    pub fn new(vocab: usize, values: Vec<f32>) -> Self {
        debug_assert!(vocab > 0 && values.len().is_multiple_of(vocab));
        Self { vocab, rows: Rows::Host(values) }
    }

    /// Rows of width `vocab` that stay where they are.
    pub fn on_device(vocab: usize, rows: Arc<dyn DeviceRows>) -> Self {
        Self { vocab, rows: Rows::Device { rows, host: OnceLock::new() } }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        match &self.rows {
            Rows::Host(values) => values.len() / self.vocab,
            Rows::Device { rows, .. } => rows.count(),
        }
    }

    /// Width of a row.
    pub fn vocab(&self) -> usize {
        self.vocab
    }

    /// Brings the rows to the host, so that [`Self::row`] has them at hand.
    ///
    /// # Errors
    /// Where the device fails.
    pub fn fetch(&self) -> Result<(), NetworkError> {
        if let Rows::Device { rows, host } = &self.rows
            && host.get().is_none()
        {
            // Another thread may have been faster; its rows are the same.
            let _ = host.set(rows.fetch()?);
        }
        Ok(())
    }

    /// Row `index` of the wanted rows. Rows on a device are fetched, all at once; without a [`Self::fetch`] before, a
    /// device that fails shows as rows without a number in them.
    pub fn row(&self, index: usize) -> &[f32] {
        let values = match &self.rows {
            Rows::Host(values) => values,
            Rows::Device { rows, host } => {
                host.get_or_init(|| rows.fetch().unwrap_or_else(|_| vec![f32::NAN; rows.count() * self.vocab]))
            }
        };
        &values[index * self.vocab..(index + 1) * self.vocab]
    }

    /// Whether each row is sound, where all of them are on the host or were fetched.
    pub fn soundness(&self) -> impl Iterator<Item = bool> + '_ {
        (0..self.rows()).map(|row| is_sound(self.row(row)))
    }

    /// All rows in a few numbers each, worked out where they are.
    ///
    /// # Errors
    /// Where the device fails, and where there are tokens asked for of some rows only.
    pub fn summaries(&self, reduce: Reduce<'_>) -> Result<Vec<RowSummary>, NetworkError> {
        let (rows, asked) = (self.rows(), reduce.asked.len());
        if asked != 0 && asked != rows {
            return Err(NetworkError::Pass(format!("tokens are asked for of {asked} rows, and there are {rows}")));
        }
        match &self.rows {
            Rows::Device { rows, .. } => rows.summaries(reduce),
            Rows::Host(values) => Ok(values
                .chunks_exact(self.vocab)
                .enumerate()
                .map(|(row, logits)| RowSummary::of(logits, reduce, reduce.asked.get(row).copied().unwrap_or_default()))
                .collect()),
        }
    }
}

/// Two sets of rows are equal when their numbers are, wherever they lie.
impl PartialEq for Logits {
    fn eq(&self, other: &Self) -> bool {
        self.vocab == other.vocab
            && self.rows() == other.rows()
            && (0..self.rows()).all(|row| self.row(row) == other.row(row))
    }
}

impl RowSummary {
    /// How far the likeliest token is ahead of the next in probability, the excluded one among them.
    pub fn margin(&self) -> f64 {
        let (first, second) = self.two_best(|choice| choice.probability, 0.0);
        first - second
    }

    /// The lead of the largest logit that is not the excluded token's over every other one; below 0 where that of the
    /// excluded token is larger, 0 where two infinities leave no difference or nothing else is there.
    pub fn lead(&self) -> f64 {
        let logit = |choice: &TokenChoice| f64::from(choice.logit);
        let first = self.top.first().map_or(f64::NEG_INFINITY, logit);
        let others = self.top.get(1).into_iter().chain(&self.excluded).map(logit);
        let lead = first - others.fold(f64::NEG_INFINITY, f64::max);
        if lead.is_nan() { 0.0 } else { lead.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) }
    }

    fn two_best(&self, value: impl Fn(&TokenChoice) -> f64, least: f64) -> (f64, f64) {
        self.top.iter().take(2).chain(&self.excluded).map(value).fold((least, least), |(first, second), value| {
            if value > first { (value, first) } else { (first, second.max(value)) }
        })
    }

    /// Of a row on the host.
    fn of(logits: &[f32], reduce: Reduce<'_>, asked: &[u32]) -> Self {
        let excluded = reduce.excluded.map(|id| id as usize).filter(|id| *id < logits.len());
        let mut top: Vec<(usize, f32)> = Vec::with_capacity(reduce.top + 1);
        let mut least = f32::NEG_INFINITY;
        for (id, &logit) in logits.iter().enumerate() {
            // Nearly all tokens fail the first comparison once the list is full.
            if top.len() == reduce.top && (logit <= least || logit.is_nan()) || Some(id) == excluded {
                continue;
            }
            let logit = number(logit);
            let at = top.partition_point(|(_, other)| *other >= logit);
            top.insert(at, (id, logit));
            top.truncate(reduce.top);
            least = top.last().map_or(f32::NEG_INFINITY, |(_, logit)| *logit);
        }
        let most = top.first().map_or(f32::NEG_INFINITY, |(_, logit)| *logit);
        let most = excluded.map_or(most, |id| most.max(number(logits[id])));
        let softmax = Softmax::of(logits, most);
        let choice =
            |(id, logit): (usize, f32)| TokenChoice { id: id as u32, logit, probability: softmax.share(logit) };
        let standing = |asked: &u32| {
            let id = *asked as usize;
            let Some(own) = logits.get(id).copied().map(number) else {
                return TokenRank { probability: 0.0, rank: logits.len() };
            };
            let larger = logits.iter().filter(|logit| number(**logit) > own).count();
            let equal = logits[..id].iter().filter(|logit| number(**logit) == own).count();
            TokenRank { probability: softmax.share(own), rank: larger + equal }
        };
        Self {
            is_sound: softmax.is_sound(),
            top: top.into_iter().map(choice).collect(),
            excluded: excluded.map(|id| choice((id, number(logits[id])))),
            asked: asked.iter().map(standing).collect(),
            entropy: softmax.entropy(),
        }
    }
}

/// A logit for comparisons: what is not a number can never win.
fn number(logit: f32) -> f32 {
    if logit.is_nan() { f32::NEG_INFINITY } else { logit }
}

/// A softmax by its largest logit and two sums.
#[derive(Debug, Clone, Copy)]
pub(super) struct Softmax {
    /// The largest logit.
    pub most: f32,
    /// Sum of `e^(ℓ - most)`; NaN where a logit is.
    pub sum: f64,
    /// Sum of `e^(ℓ - most) (ℓ - most)`.
    pub weighted: f64,
}

/// Where `e^x` is nothing in float32: distances are cut here, so that infinite ones contribute 0 and not NaN.
pub(super) const NOTHING: f32 = -87.0;

impl Softmax {
    fn of(logits: &[f32], most: f32) -> Self {
        let (mut sum, mut weighted) = (0.0, 0.0);
        if most.is_finite() {
            // Few additions in float32, in lanes that become vectors; the sum of the sums in double.
            for chunk in logits.chunks(1024) {
                let (mut sums, mut products) = ([0.0_f32; 16], [0.0_f32; 16]);
                let mut add = |lane: usize, logit: f32| {
                    let distance = logit - most;
                    // Not the larger of both, which would lose a NaN.
                    let distance = if distance < NOTHING { NOTHING } else { distance };
                    let weight = exp(distance);
                    sums[lane] += weight;
                    products[lane] += weight * distance;
                };
                let (lanes, rest) = chunk.as_chunks::<16>();
                for sixteen in lanes {
                    for (lane, &logit) in sixteen.iter().enumerate() {
                        add(lane, logit);
                    }
                }
                for (lane, &logit) in rest.iter().enumerate() {
                    add(lane, logit);
                }
                sum += sums.into_iter().map(f64::from).sum::<f64>();
                weighted += products.into_iter().map(f64::from).sum::<f64>();
            }
        } else if most == f32::INFINITY {
            sum = logits.iter().filter(|logit| **logit == most).count() as f64;
        }
        Self { most, sum, weighted }
    }

    /// As [`is_sound`] says of its row.
    pub fn is_sound(&self) -> bool {
        self.most.is_finite() && !self.sum.is_nan()
    }

    /// The share of a token with this logit.
    pub fn share(&self, logit: f32) -> f64 {
        if self.most == f32::NEG_INFINITY {
            0.0
        } else if logit == self.most {
            1.0 / self.sum
        } else {
            (f64::from(logit) - f64::from(self.most)).exp() / self.sum
        }
    }

    /// Entropy in nats.
    pub fn entropy(&self) -> f64 {
        if self.most == f32::NEG_INFINITY {
            return f64::INFINITY;
        }
        // What is cut at `NOTHING` still weighs e^-87: less than any entropy that is not 0.
        let entropy = self.sum.ln() - self.weighted / self.sum;
        if entropy < 1e-30 { 0.0 } else { entropy }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn summary(logits: &[f32], excluded: Option<u32>, asked: u32) -> RowSummary {
        let asked = [asked];
        let reduce = Reduce { excluded, top: 3, asked: &[&asked] };
        Logits::new(logits.len(), logits.to_vec()).summaries(reduce).unwrap().remove(0)
    }

    fn ids(summary: &RowSummary) -> Vec<u32> {
        summary.top.iter().map(|choice| choice.id).collect()
    }

    fn close(found: f64, expected: f64) {
        assert!((found - expected).abs() < 1e-6, "{found}, expected {expected}");
    }

    #[test]
    fn the_numbers_are_those_of_the_softmax() {
        let p = [0.1, 0.4, 0.2, 0.25, 0.05_f64];
        let logits = p.map(|p| (p.ln() + 3.0) as f32);
        let found = summary(&logits, None, 2);
        assert_eq!(ids(&found), [1, 3, 2]);
        for choice in &found.top {
            close(choice.probability, p[choice.id as usize]);
            assert_eq!(choice.logit, logits[choice.id as usize]);
        }
        close(found.entropy, -p.iter().map(|p| p * p.ln()).sum::<f64>());
        close(found.margin(), 0.15);
        close(found.lead(), (0.4_f64 / 0.25).ln());
        let asked = found.asked[0];
        assert_eq!(asked.rank, 2);
        close(asked.probability, 0.2);
        // The excluded token is not listed, yet keeps its share.
        let found = summary(&logits, Some(1), 9);
        assert_eq!(ids(&found), [3, 2, 0]);
        close(found.top[0].probability, 0.25);
        close(found.excluded.unwrap().probability, 0.4);
        close(found.margin(), 0.15);
        close(found.lead(), (0.25_f64 / 0.4).ln());
        assert_eq!(found.asked, [TokenRank { probability: 0.0, rank: 5 }], "outside of the vocabulary");
    }

    #[test]
    fn equals_stand_by_id() {
        let found = summary(&[1.0, 2.0, 2.0, 2.0, 0.0], Some(1), 3);
        assert_eq!(ids(&found), [2, 3, 0]);
        assert_eq!(found.asked[0].rank, 2);
        assert_eq!((found.margin(), found.lead()), (0.0, 0.0));
    }

    #[test]
    fn what_is_ruled_out_never_wins() {
        let found = summary(&[f32::NEG_INFINITY, 1.0, f32::NEG_INFINITY, 2.0], None, 0);
        assert_eq!(ids(&found), [3, 1, 0]);
        assert_eq!((found.top[2].logit, found.top[2].probability), (f32::NEG_INFINITY, 0.0));
        assert_eq!(found.asked[0].rank, 2);
        let nothing = summary(&[f32::NEG_INFINITY; 2], None, 1);
        assert_eq!((ids(&nothing), nothing.entropy), (vec![0, 1], f64::INFINITY));
        assert!(nothing.top.iter().all(|choice| choice.probability == 0.0));
        assert_eq!((nothing.margin(), nothing.lead()), (0.0, 0.0));
    }

    #[test]
    fn infinite_logits_are_certain() {
        let found = summary(&[0.0, f32::INFINITY, 3.0], Some(0), 2);
        assert_eq!(ids(&found), [1, 2]);
        assert_eq!((found.top[0].probability, found.top[1].probability, found.entropy), (1.0, 0.0, 0.0));
        assert_eq!(found.lead(), f64::from(f32::MAX));
        let both = summary(&[f32::INFINITY, f32::INFINITY], None, 1);
        assert_eq!((both.top[0].probability, both.entropy), (0.5, 2_f64.ln()));
    }

    #[test]
    fn rows_without_numbers_are_not_sound() {
        const INF: f32 = f32::INFINITY;
        let cases: [(&[f32], bool); 9] = [
            (&[0.0, 1.0], true),
            (&[3.0, 3.0], true),
            (&[0.0, -INF], true),
            (&[f32::MAX, f32::MIN], true),
            (&[0.0, f32::NAN], false),
            (&[-INF, f32::NAN], false),
            (&[-INF, -INF], false),
            (&[0.0, INF], false),
            (&[INF, INF], false),
        ];
        for (row, sound) in cases {
            // Wherever in a row of lanes it stands.
            for repeated in [1, 30] {
                let row = row.repeat(repeated);
                for excluded in [None, Some(0), Some(1)] {
                    assert_eq!((is_sound(&row), summary(&row, excluded, 0).is_sound), (sound, sound), "{row:?}");
                }
            }
        }
    }

    #[test]
    fn wide_rows_are_summed_exactly_enough() {
        // 150 000 tokens of which one has half of the mass.
        let mut logits = vec![0.0_f32; 150_001];
        logits[77_777] = 150_000_f32.ln();
        let found = summary(&logits, None, 0);
        close(found.top[0].probability, 0.5);
        close(found.entropy, 0.5 * 2_f64.ln() + 0.5 * 300_000_f64.ln());
        assert_eq!(found.asked[0].rank, 1);
    }

    #[test]
    fn tokens_are_asked_for_of_every_row_or_of_none() {
        let logits = Logits::new(2, vec![0.0, 1.0, 1.0, 0.0, 0.0, 0.0]);
        let summaries = |asked: &[&[u32]]| logits.summaries(Reduce { asked, top: 1, excluded: None });
        let message = summaries(&[&[1], &[1]]).unwrap_err().to_string();
        assert!(message.contains("tokens are asked for of 2 rows, and there are 3"), "{message}");
        let ranks = |row: &RowSummary| row.asked.iter().map(|asked| asked.rank).collect::<Vec<_>>();
        let found: Vec<Vec<usize>> = summaries(&[&[1, 0], &[], &[0, 5]]).unwrap().iter().map(ranks).collect();
        assert_eq!(found, [vec![0, 1], vec![], vec![0, 2]]);
    }
}
