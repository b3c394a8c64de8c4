//! How often the positions of a canvas changed.

/// How often a position changed, from the first step on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PositionChanges {
    /// How often its draft became another token while it was masked.
    pub drafts: usize,
    /// How often the token that was written there was masked again, by a rule or by hand.
    pub masked_again: usize,
    /// How often another token was written over it, by a rule or by hand.
    pub written_over: usize,
}

impl PositionChanges {
    /// How often a token that was written there was revised.
    pub fn revisions(self) -> usize {
        self.masked_again + self.written_over
    }
}

/// The changes of the drafts of a position.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct DraftChanges {
    /// What was proposed last, since it is masked.
    draft: Option<u32>,
    changed: Ticks,
}

impl DraftChanges {
    /// The `step`-th step, counted from 1, proposes a token.
    pub(super) fn propose(&mut self, step: usize, token: u32) {
        if self.draft.replace(token).is_some_and(|before| before != token) {
            self.changed.note(step);
        }
    }

    /// A token is written there: what is proposed later is about another mask.
    pub(super) fn written(&mut self) {
        self.draft = None;
    }

    /// How often the draft changed in the first `steps` steps.
    pub(super) fn until(&self, steps: usize) -> usize {
        self.changed.until(steps)
    }

    /// Bytes of memory that it takes behind itself.
    pub(super) fn memory(&self) -> usize {
        self.changed.gaps.capacity()
    }
}

/// The steps at which something happened, which may be many: as the gaps between them, a byte each as a rule.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Ticks {
    /// Steps since the one before; [`LONG`] is so many steps in which nothing happened.
    gaps: Vec<u8>,
    last: usize,
}

const LONG: u8 = u8::MAX;

impl Ticks {
    /// Notes a step that is behind all that were noted.
    fn note(&mut self, step: usize) {
        let gap = step - self.last;
        let long = usize::from(LONG);
        self.gaps.extend(std::iter::repeat_n(LONG, gap / long).chain([(gap % long) as u8]));
        self.last = step;
    }

    /// How many there were up to a step.
    fn until(&self, steps: usize) -> usize {
        let mut at = 0;
        let passed = self.gaps.iter().take_while(|gap| {
            at += usize::from(**gap);
            at <= steps
        });
        passed.filter(|gap| **gap != LONG).count()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn ticks_are_counted(steps in prop::collection::btree_set(1usize..2000, 0..60), until in 0usize..2100) {
            let mut ticks = Ticks::default();
            for step in &steps {
                ticks.note(*step);
            }
            prop_assert_eq!(ticks.until(until), steps.range(..=until).count());
        }
    }

    #[test]
    fn long_gaps_are_no_ticks() {
        let mut ticks = Ticks::default();
        for step in [255, 256, 1021] {
            ticks.note(step);
        }
        assert_eq!([254, 255, 256, 1020, 1021].map(|steps| ticks.until(steps)), [0, 1, 2, 2, 3]);
    }

    #[test]
    fn a_draft_is_compared_with_the_one_before_it_under_the_same_mask() {
        let mut drafts = DraftChanges::default();
        for (step, token) in [(1, 7), (2, 7), (3, 8), (5, 7)] {
            drafts.propose(step, token);
        }
        drafts.written();
        drafts.propose(9, 3);
        assert_eq!([1, 2, 3, 4, 5, 9].map(|steps| drafts.until(steps)), [0, 0, 1, 1, 2, 2]);
    }
}
