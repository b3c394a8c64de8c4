//! What a run reports: cross entropy and accuracy by family.

use super::gradient::{Chunk, Outcome, TokenKind};
use crate::tasks::Family;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Sums over predicted tokens since the last reset.
#[derive(Debug, Clone, Default)]
pub struct TokenSums {
    families: [Sums; Family::ALL.len()],
    weighted: f64,
    steps: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    loss: f64,
    tokens: u64,
    copied: Share,
    spelled: Share,
}

#[derive(Debug, Clone, Copy, Default)]
struct Share {
    all: u64,
    hits: u64,
}

impl Share {
    fn add(&mut self, hit: bool) {
        self.all += 1;
        self.hits += u64::from(hit);
    }

    fn percent(self) -> Option<f64> {
        (self.all > 0).then(|| 100.0 * self.hits as f64 / self.all as f64)
    }
}

/// One point of a learning curve.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// The phase.
    pub phase: String,
    /// Steps of the phase so far.
    pub step: u64,
    /// Tokens of the phase so far.
    pub tokens: u64,
    /// Mean weighted loss per step.
    pub loss: f64,
    /// Norm of the last gradient.
    pub norm: f64,
    /// Learning rate, as a factor of the peak.
    pub rate: f64,
    /// Tokens per second since the point before.
    pub tokens_per_second: f64,
    /// Percentage of copied words that were predicted right, by family.
    pub copied: BTreeMap<Family, f64>,
    /// Percentage of tokens of copied words without a token of their own that were predicted right, by family.
    #[serde(default)]
    pub spelled: BTreeMap<Family, f64>,
    /// Mean cross entropy of the answer's tokens, fill left out, by family.
    pub cross_entropy: BTreeMap<Family, f64>,
}

impl TokenSums {
    /// Adds the outcome of one step.
    pub fn add(&mut self, chunks: &[Chunk], outcomes: &[Outcome]) {
        self.steps += 1;
        for (chunk, outcome) in chunks.iter().zip(outcomes) {
            for (index, label) in chunk.labels.iter().enumerate() {
                let loss = f64::from(outcome.losses[index]);
                self.weighted += loss * f64::from(chunk.weights[index]);
                if label.kind == TokenKind::Fill {
                    continue;
                }
                let sums = &mut self.families[label.family as usize];
                sums.loss += loss;
                sums.tokens += 1;
                match label.kind {
                    TokenKind::Copied => sums.copied.add(outcome.hits[index]),
                    TokenKind::Spelled => sums.spelled.add(outcome.hits[index]),
                    TokenKind::Other | TokenKind::Fill => {}
                }
            }
        }
    }

    /// Mean weighted loss per step.
    pub fn loss(&self) -> f64 {
        self.weighted / self.steps.max(1) as f64
    }

    /// Percentage of copied words that were predicted right, over families.
    pub fn copied_share(&self) -> Option<f64> {
        let add = |a: Share, s: &Sums| Share { all: a.all + s.copied.all, hits: a.hits + s.copied.hits };
        self.families.iter().fold(Share::default(), add).percent()
    }

    /// Percentage of copied words that were predicted right, by family; families without any are left out.
    pub fn copied(&self) -> BTreeMap<Family, f64> {
        self.by_family(|s| s.copied.percent())
    }

    /// The same for the tokens of copied words that have no token of their own.
    pub fn spelled(&self) -> BTreeMap<Family, f64> {
        self.by_family(|s| s.spelled.percent())
    }

    /// Mean cross entropy by family.
    pub fn cross_entropy(&self) -> BTreeMap<Family, f64> {
        self.by_family(|s| (s.tokens > 0).then(|| s.loss / s.tokens as f64))
    }

    fn by_family(&self, value: impl Fn(&Sums) -> Option<f64>) -> BTreeMap<Family, f64> {
        let families = Family::ALL.into_iter();
        families.filter_map(|family| Some((family, value(&self.families[family as usize])?))).collect()
    }
}

impl std::fmt::Display for Point {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} {:.2}M step {} loss {:.3} norm {:.2} rate {:.2} {:.0} tok/s | copied",
            self.phase,
            self.tokens as f64 / 1e6,
            self.step,
            self.loss,
            self.norm,
            self.rate,
            self.tokens_per_second
        )?;
        for (family, share) in &self.copied {
            write!(f, " {family} {share:.0}")?;
        }
        write!(f, " | spelled")?;
        for (family, share) in &self.spelled {
            write!(f, " {family} {share:.0}")?;
        }
        write!(f, " | cross entropy")?;
        for (family, value) in &self.cross_entropy {
            write!(f, " {family} {value:.2}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::super::gradient::{Label, WantedRow};
    use super::*;

    #[test]
    fn fill_counts_for_the_loss_alone_and_copied_words_by_family() {
        let mut chunk = Chunk::default();
        let row = |row, family: Family, kind| WantedRow {
            row,
            target: 0,
            weight: 0.25,
            label: Label { family: family as u8, kind },
        };
        chunk.push(
            &[0; 4],
            [
                row(0, Family::List, TokenKind::Copied),
                row(1, Family::List, TokenKind::Copied),
                row(1, Family::List, TokenKind::Spelled),
                row(2, Family::List, TokenKind::Fill),
                row(3, Family::Math, TokenKind::Other),
            ],
        );
        let outcome = Outcome { losses: vec![1.0, 3.0, 2.0, 8.0, 0.5], hits: vec![true, false, true, false, true] };
        let mut figures = TokenSums::default();
        figures.add(&[chunk], &[outcome]);
        assert!((figures.loss() - 14.5 / 4.0).abs() < 1e-9);
        assert_eq!(figures.copied(), BTreeMap::from([(Family::List, 50.0)]));
        assert_eq!(figures.spelled(), BTreeMap::from([(Family::List, 100.0)]));
        assert_eq!(figures.cross_entropy(), BTreeMap::from([(Family::List, 2.0), (Family::Math, 0.5)]));
        assert_eq!(figures.copied_share(), Some(50.0));
    }
}
