//! A proposal with the precision that a log keeps, and its numbers as differences to those of the step before.
//!
//! A canvas has a proposal for every mask in every step, so a log is mostly proposals. What decides and what is counted
//! stands elsewhere in a step and is kept exactly; of a proposal the position and the ids are, and its numbers, which are
//! only shown, are rounded: probabilities to a multiple of 1/65,535 (16 bits, an error of 1/131,070 at most), entropies,
//! scores, credit and movements to a multiple of 1/4,096. Rounding what is rounded changes nothing, so memory, a file
//! and a file that was read and written again agree bit for bit.

use super::{
    ints::{IntReader, Ints, Repeats},
    step::Certainty,
};
use crate::decode::record::{Credit, Proposal};

/// Steps of a probability.
const SHARES: f64 = 65_535.0;

/// Steps of other numbers per unit.
const PARTS: f64 = 4_096.0;

/// How large such a number of steps may be: from 2²⁴ on the numbers of an f32 are whole steps.
const MOST_PARTS: f64 = (1_u64 << 50) as f64;

/// A probability in steps.
pub(super) fn share(probability: f32) -> u16 {
    (f64::from(probability) * SHARES).round() as u16
}

/// The probability of so many steps.
pub(super) fn probability(share: u16) -> f32 {
    (f64::from(share) / SHARES) as f32
}

/// A number in steps.
fn parts(number: f32) -> i64 {
    (f64::from(number) * PARTS).round().clamp(-MOST_PARTS, MOST_PARTS) as i64
}

/// The number of so many steps.
fn number(parts: i64) -> f32 {
    (parts as f64 / PARTS) as f32
}

/// Where a score comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum ScoreColumn {
    #[default]
    Confidence,
    NegativeEntropy,
    /// The likeliest token's lead over the next.
    Margin,
    /// None of them: a number of its own.
    Own(i64),
}

/// How far a margin may be from the difference of the alternatives, which were rounded to f32 before it.
const MARGIN_TOLERANCE: f32 = 1.0 / (1 << 22) as f32;

/// A proposal as a log keeps it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Quantized {
    pub(super) position: u32,
    token: u32,
    confidence: u16,
    /// How many of the alternatives there are.
    count: u8,
    shares: [u16; Proposal::ALTERNATIVES],
    ids: [u32; Proposal::ALTERNATIVES],
    entropy: i64,
    score: ScoreColumn,
    /// Amount, token, confidence.
    credit: Option<(i64, u32, u16)>,
    moved: Option<i64>,
}

/// The columns of proposals, as they are written.
#[derive(Debug, Default)]
pub(super) struct ProposalWriter {
    pub(super) kinds: Vec<i64>,
    pub(super) order: Ints,
    pub(super) ids: Ints,
    pub(super) shares: Ints,
    pub(super) numbers: Ints,
}

/// The same, as they are read.
pub(super) struct ProposalReader<'a> {
    pub(super) kinds: Repeats<'a>,
    pub(super) order: IntReader<'a>,
    pub(super) ids: IntReader<'a>,
    pub(super) shares: IntReader<'a>,
    pub(super) numbers: IntReader<'a>,
}

// What a proposal has of its own, in the bits of its kind above the place of its token among the alternatives.
const OWN_CONFIDENCE: i64 = 1 << 3;
const SCORE: u32 = 4;
const HAS_CREDIT: i64 = 1 << 6;
const HAS_MOVED: i64 = 1 << 7;
const MISSING: u32 = 8;

/// The place of a token that is none of the alternatives.
const ELSEWHERE: usize = Proposal::ALTERNATIVES;

/// The figure of an alternative that was none in the step before.
const NEW: u32 = Proposal::ALTERNATIVES as u32;

impl Quantized {
    pub(super) fn of(proposal: &Proposal) -> Self {
        let count = proposal.alternatives.len().min(Proposal::ALTERNATIVES);
        let mut kept = Self {
            position: proposal.position as u32,
            token: proposal.token,
            confidence: share(proposal.confidence),
            count: count as u8,
            entropy: parts(proposal.entropy),
            credit: proposal.credit.map(|credit| (parts(credit.amount), credit.token, share(credit.confidence))),
            moved: proposal.moved.map(parts),
            ..Self::default()
        };
        for (at, (id, value)) in proposal.alternatives.iter().take(count).enumerate() {
            (kept.ids[at], kept.shares[at]) = (*id, share(*value));
        }
        kept.score = kept.score_of(proposal);
        kept
    }

    /// Where the score comes from: a rule that it follows as it is, else one that it follows when it is rounded.
    fn score_of(&self, proposal: &Proposal) -> ScoreColumn {
        let rules = [ScoreColumn::Confidence, ScoreColumn::NegativeEntropy, ScoreColumn::Margin];
        let margin = match proposal.alternatives[..] {
            [(_, first), (_, second), ..] => Some(first - second),
            _ => None,
        };
        let given = [Some(proposal.confidence), Some(-proposal.entropy), margin];
        let kept = rules.map(|rule| self.score_by(rule));
        let follows = |score: f32, candidates: [Option<f32>; 3]| {
            let tolerances = [0.0, 0.0, MARGIN_TOLERANCE];
            candidates
                .iter()
                .zip(tolerances)
                .position(|(value, tolerance)| value.is_some_and(|value| (score - value).abs() <= tolerance))
        };
        let own = parts(proposal.score);
        match follows(proposal.score, given).or_else(|| follows(number(own), kept)) {
            // Of rules that give the same the first one counts, so that rounding once more changes nothing.
            Some(rule) => rules[kept.iter().position(|value| *value == kept[rule]).unwrap_or(rule)],
            None => ScoreColumn::Own(own),
        }
    }

    fn score_by(&self, rule: ScoreColumn) -> Option<f32> {
        match rule {
            ScoreColumn::Confidence => Some(probability(self.confidence)),
            ScoreColumn::NegativeEntropy => Some(-number(self.entropy)),
            ScoreColumn::Margin => (self.count > 1).then(|| probability(self.shares[0]) - probability(self.shares[1])),
            ScoreColumn::Own(parts) => Some(number(parts)),
        }
    }

    /// The proposal, rounded.
    pub(super) fn proposal(&self) -> Proposal {
        let alternatives = self.alternatives().iter().zip(self.shares);
        Proposal {
            position: self.position as usize,
            token: self.token,
            confidence: probability(self.confidence),
            entropy: number(self.entropy),
            score: self.score_by(self.score).unwrap_or_default(),
            alternatives: alternatives.map(|(id, share)| (*id, probability(share))).collect(),
            credit: self.credit.map(|(amount, token, confidence)| Credit {
                amount: number(amount),
                token,
                confidence: probability(confidence),
            }),
            moved: self.moved.map(number),
        }
    }

    /// How certain the denoiser was, rounded.
    pub(super) fn certainty(&self) -> Certainty {
        Certainty { entropy: number(self.entropy), margin: self.score_by(ScoreColumn::Margin) }
    }

    pub(super) fn token(&self) -> u32 {
        self.token
    }

    pub(super) fn confidence(&self) -> f32 {
        probability(self.confidence)
    }

    /// Ids of the alternatives, the likeliest first.
    fn alternatives(&self) -> &[u32] {
        &self.ids[..usize::from(self.count)]
    }

    /// Where the token and its confidence stand among the alternatives.
    fn place(&self) -> (usize, bool) {
        let place = self.alternatives().iter().position(|id| *id == self.token).unwrap_or(ELSEWHERE);
        (place, self.shares.get(place) != Some(&self.confidence))
    }

    fn own_score(&self) -> i64 {
        if let ScoreColumn::Own(parts) = self.score { parts } else { 0 }
    }

    /// Appends it to the columns, as the difference to what was proposed at its position `before`.
    pub(super) fn write(&self, before: &Self, to: &mut ProposalWriter) {
        let (place, has_confidence) = self.place();
        to.kinds.push(self.kind(place, has_confidence));
        self.write_ids(before, to);
        for (share, before) in self.shares.iter().zip(before.shares).take(usize::from(self.count)) {
            to.shares.push(i64::from(*share) - i64::from(before));
        }
        if place == ELSEWHERE {
            to.ids.push(self.token.into());
        }
        if has_confidence {
            to.shares.push(i64::from(self.confidence) - i64::from(before.confidence));
        }
        to.numbers.push(self.entropy - before.entropy);
        if let ScoreColumn::Own(parts) = self.score {
            to.numbers.push(parts - before.own_score());
        }
        if let Some((amount, token, confidence)) = self.credit {
            let before = before.credit.unwrap_or_default();
            to.ids.push(token.into());
            to.numbers.push(amount - before.0);
            to.shares.push(i64::from(confidence) - i64::from(before.2));
        }
        if let Some(moved) = self.moved {
            to.numbers.push(moved - before.moved.unwrap_or_default());
        }
    }

    fn kind(&self, place: usize, has_confidence: bool) -> i64 {
        let score = match self.score {
            ScoreColumn::Confidence => 0,
            ScoreColumn::NegativeEntropy => 1,
            ScoreColumn::Margin => 2,
            ScoreColumn::Own(_) => 3,
        };
        let flag = |is_set: bool, flag| if is_set { flag } else { 0 };
        place as i64
            | flag(has_confidence, OWN_CONFIDENCE)
            | score << SCORE
            | flag(self.credit.is_some(), HAS_CREDIT)
            | flag(self.moved.is_some(), HAS_MOVED)
            | (Proposal::ALTERNATIVES as i64 - i64::from(self.count)) << MISSING
    }

    /// A figure for every alternative, the last one's the lowest, in base 6: how many places further up, around the end,
    /// it stood in the step before; or that it is new, and then its id.
    fn write_ids(&self, before: &Self, to: &mut ProposalWriter) {
        if self.count == 0 {
            return;
        }
        let old = before.alternatives();
        let mut code = 0;
        for (at, id) in self.alternatives().iter().enumerate() {
            let shift = (0..Proposal::ALTERNATIVES)
                .find(|shift| old.get((at + shift) % Proposal::ALTERNATIVES) == Some(id))
                .map_or(NEW, |shift| shift as u32);
            if shift == NEW {
                to.ids.push((*id).into());
            }
            code = code * (NEW + 1) + shift;
        }
        to.order.push(code.into());
    }

    /// Reads the next one of the columns, at `position`.
    pub(super) fn read(position: usize, before: &Self, from: &mut ProposalReader<'_>) -> Result<Self, String> {
        let kind = from.kinds.next()?;
        let mut read = Self { position: position as u32, ..Self::default() };
        read.count = u32::try_from(kind >> MISSING)
            .ok()
            .and_then(|missing| (Proposal::ALTERNATIVES as u32).checked_sub(missing))
            .ok_or_else(|| format!("a proposal at position {position} is of the unknown kind {kind}"))?
            as u8;
        read.read_ids(before, from)?;
        for at in 0..usize::from(read.count) {
            read.shares[at] = from.shares.from(before.shares[at])?;
        }
        let place = (kind & 7) as usize;
        read.token = match read.alternatives().get(place) {
            Some(id) => *id,
            None if place == ELSEWHERE => from.ids.narrow()?,
            None => return Err(format!("a proposal at position {position} has no alternative {place}")),
        };
        read.confidence = match read.shares.get(place) {
            Some(share) if kind & OWN_CONFIDENCE == 0 => *share,
            _ => from.shares.from(before.confidence)?,
        };
        read.entropy = from.numbers.from(before.entropy)?;
        read.score = match kind >> SCORE & 3 {
            0 => ScoreColumn::Confidence,
            1 => ScoreColumn::NegativeEntropy,
            2 => ScoreColumn::Margin,
            _ => ScoreColumn::Own(from.numbers.from(before.own_score())?),
        };
        if kind & HAS_CREDIT != 0 {
            let before = before.credit.unwrap_or_default();
            let token = from.ids.narrow()?;
            read.credit = Some((from.numbers.from(before.0)?, token, from.shares.from(before.2)?));
        }
        if kind & HAS_MOVED != 0 {
            read.moved = Some(from.numbers.from(before.moved.unwrap_or_default())?);
        }
        Ok(read)
    }

    fn read_ids(&mut self, before: &Self, from: &mut ProposalReader<'_>) -> Result<(), String> {
        if self.count == 0 {
            return Ok(());
        }
        let mut code: u32 = from.order.narrow()?;
        let mut shifts = [0; Proposal::ALTERNATIVES];
        for shift in shifts[..usize::from(self.count)].iter_mut().rev() {
            *shift = code % (NEW + 1);
            code /= NEW + 1;
        }
        for (at, shift) in shifts.into_iter().enumerate().take(usize::from(self.count)) {
            self.ids[at] = if shift == NEW {
                from.ids.narrow()?
            } else {
                let old = before.alternatives().get((at + shift as usize) % Proposal::ALTERNATIVES);
                *old.ok_or_else(|| from.order.out_of_range())?
            };
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn what_is_rounded_is_near_and_stays(value in 0.0_f32..=1.0, other in any::<f32>(), small in -99.0_f32..99.0) {
            let kept = probability(share(value));
            prop_assert!((f64::from(value) - f64::from(kept)).abs() <= 1.0 / 131_070.0 + 1e-7);
            prop_assert_eq!(share(kept), share(value));
            prop_assert!((small - number(parts(small))).abs() <= 1.0 / 8192.0 + 1e-5);
            prop_assert_eq!(parts(number(parts(other))), parts(other));
        }
    }

    #[test]
    fn what_decides_an_order_follows_from_it() {
        let mut proposal = Proposal {
            position: 3,
            token: 8,
            confidence: 0.7,
            entropy: 1.1,
            score: 0.7,
            alternatives: vec![(8, 0.7), (9, 0.2)],
            credit: None,
            moved: None,
        };
        let mut score = |score| {
            proposal.score = score;
            let kept = Quantized::of(&proposal);
            assert_eq!(Quantized::of(&kept.proposal()), kept);
            kept.score
        };
        assert_eq!(score(0.7), ScoreColumn::Confidence);
        assert_eq!(score(-1.1), ScoreColumn::NegativeEntropy);
        assert_eq!(score(0.7 - 0.2), ScoreColumn::Margin);
        assert_eq!(score(0.25), ScoreColumn::Own(1024));
        assert_eq!(score(f32::MIN), ScoreColumn::Own(-(1 << 50)));
    }
}
