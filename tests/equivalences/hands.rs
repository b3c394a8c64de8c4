//! Hands on the canvas: edits, pins and given tokens, in every preset and over every cache.

use std::collections::BTreeMap;

use diffuscope::{
    decode::{
        Edit,
        filter::BLOCK,
        record::{Commit, KvStatus, Reason, StepRecord, StopReason},
    },
    model::network::{Alignment, Network},
    settings::{AttentionChoice, CacheChoice, Knob, OrderScore, ScheduleChoice, Settings, UnmaskRule, presets},
};

use crate::{
    replay::{Replay, replayed, short, turn},
    support::scripted::{EOS, MASK, PROMPT, VOCAB, side},
};

/// The answer's positions.
const ANSWER: std::ops::Range<usize> = PROMPT.len()..PROMPT.len() + BLOCK;

/// Numbers that look random and never change.
struct Dice(u64);

impl Dice {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 16) as usize % end
    }

    fn position(&mut self) -> usize {
        ANSWER.start + self.below(BLOCK)
    }

    /// Any token, an end of text at times, never the mask.
    fn token(&mut self) -> u32 {
        self.below(VOCAB - 1) as u32
    }

    /// Some tokens of the answer, two thirds of them pinned.
    fn given(&mut self) -> Vec<(usize, u32, bool)> {
        let mut given = Vec::new();
        for position in ANSWER {
            if self.below(4) == 0 {
                given.push((position, 1 + self.below(VOCAB - 2) as u32, self.below(3) > 0));
            }
        }
        given
    }

    /// A few edits that fit the canvas.
    fn edits(&mut self, canvas: &[u32]) -> Vec<Edit> {
        let mut canvas = canvas.to_vec();
        let mut edits = Vec::new();
        for _ in 0..=self.below(4) {
            let position = self.position();
            match self.below(4) {
                0 => {
                    let end = (position + 1 + self.below(6)).min(ANSWER.end);
                    canvas[position..end].fill(MASK);
                    edits.push(Edit::Remask { start: position, end });
                }
                1 => {
                    canvas[position] = self.token();
                    edits.push(Edit::Write { position, token: canvas[position] });
                    edits.push(Edit::Pin { position, pinned: true });
                }
                2 => {
                    canvas[position] = self.token();
                    edits.push(Edit::Write { position, token: canvas[position] });
                }
                _ if canvas[position] != MASK => edits.push(Edit::Pin { position, pinned: self.below(4) > 0 }),
                _ => {}
            }
        }
        edits
    }
}

/// The pinned positions with what stands there.
#[derive(Default)]
struct Pins(BTreeMap<usize, u32>);

impl Pins {
    fn follow(&mut self, edits: &[Edit], canvas: &[u32]) {
        for edit in edits {
            match *edit {
                Edit::Pin { position, pinned: true } => {
                    self.0.insert(position, canvas[position]);
                }
                Edit::Pin { position, pinned: false } => {
                    self.0.remove(&position);
                }
                Edit::Remask { start, end } => self.0.retain(|position, _| !(start..end).contains(position)),
                // The hand may write over what it has pinned.
                Edit::Write { position, token } => {
                    self.0.entry(position).and_modify(|pinned| *pinned = token);
                }
            }
        }
    }

    /// What is pinned stands, and no rule ended the text before it.
    fn check(&self, record: &StepRecord, preset: &str) {
        for (position, token) in &self.0 {
            assert_eq!(record.ids[*position], *token, "{preset}: position {position} is pinned");
        }
        let fixed = self.0.iter().filter(|(_, token)| **token != EOS).map(|(position, _)| *position).max().unwrap_or(0);
        let ends_early =
            |commit: &&Commit| commit.position < fixed && commit.token == EOS && commit.reason != Reason::ByHand;
        assert_eq!(record.commits.iter().find(ends_early), None, "{preset}: text is pinned at {fixed}");
    }
}

/// How long a hand stays on a canvas, in steps, and how often it comes back to a run that was over.
const HANDS_ON: usize = 60;
const RETURNS: usize = 2;

/// A run with hands on its canvas: at its start, at random steps, and after its end. Pins are checked after every step.
fn handled(settings: Settings, alignment: Alignment, dice: &mut Dice, name: &str) -> (Replay, Vec<StepRecord>) {
    let given = dice.given();
    let mut run = Replay::start(settings, alignment).given(&given);
    let pinned = given.iter().filter(|(.., pinned)| *pinned);
    let mut pins = Pins(pinned.map(|(position, token, _)| (*position, *token)).collect());
    let (mut records, mut requested, mut ends) = (Vec::new(), settings, 0);
    loop {
        let is_over = run.decoder.stopped().is_some();
        ends += usize::from(is_over);
        let is_left_alone = records.len() > HANDS_ON || ends > RETURNS;
        if is_over && is_left_alone {
            return (run, records);
        }
        if is_over || !is_left_alone && dice.below(3) == 0 {
            // A pin changes a run that is over as well: its next step says so.
            let mut edits = dice.edits(run.decoder.ids());
            if edits.is_empty() {
                edits.push(Edit::Remask { start: ANSWER.start, end: ANSWER.end });
            }
            run.decoder.edit(&edits).unwrap();
            pins.follow(&edits, run.decoder.ids());
        }
        turn(&mut run.decoder, &mut requested, records.len());
        let record = run.step();
        pins.check(&record, name);
        records.push(record);
        assert!(records.len() < 8 * HANDS_ON, "{name} does not end");
    }
}

#[test]
fn whatever_a_hand_does_pins_stand_runs_end_and_replays_repeat_them() {
    let mut edits = 0;
    for (number, preset) in presets().iter().enumerate() {
        for shifted in [false, true] {
            let (settings, alignment) = (short(preset), side(shifted));
            let mut dice = Dice::new(2 * number as u64 + u64::from(shifted) + 7);
            let mut again = Dice(dice.0);
            let (run, records) = handled(settings, alignment, &mut dice, &preset.name);
            assert_ne!(run.decoder.stopped(), Some(StopReason::StepBudget), "{}", preset.name);
            assert!(!run.decoder.ids().contains(&MASK), "{}: {:?}", preset.name, run.decoder.ids());
            let repeated = Replay::start(settings, alignment).given(&again.given());
            for (found, expected) in replayed(repeated, settings, &records).iter().zip(&records) {
                assert_eq!(found, expected, "{}", preset.name);
            }
            edits += records.iter().map(|record| record.edits.len()).sum::<usize>();
        }
    }
    assert!(edits > 10 * presets().len(), "{edits} edits");
}

#[test]
fn every_preset_fills_blanks_and_leaves_the_rest_alone() {
    for (number, preset) in presets().iter().enumerate() {
        for alignment in [false, true].map(side) {
            let mut dice = Dice::new(number as u64 + 99);
            let mut given: Vec<_> =
                dice.given().into_iter().map(|(position, token, _)| (position, token, true)).collect();
            given.push((ANSWER.end - 1, 4, true));
            given.dedup_by_key(|(position, ..)| *position);
            let mut run = Replay::start(short(preset), alignment).given(&given);
            while run.decoder.stopped().is_none() {
                run.step();
            }
            let ids = run.decoder.ids();
            let free = ANSWER.filter(|position| !given.iter().any(|(at, ..)| at == position));
            assert!(free.clone().count() > 5, "{}", preset.name);
            let filled = |position: &usize| ids[*position] != MASK && ids[*position] != EOS;
            assert_eq!(free.clone().filter(filled).count(), free.count(), "{}: {ids:?}", preset.name);
            let kept = given.iter().filter(|(position, token, _)| ids[*position] == *token).count();
            assert_eq!(kept, given.len(), "{}: {ids:?}", preset.name);
            let answer = run.decoder.answer();
            assert_eq!((answer.len(), answer.len() - run.decoder.decoded()), (BLOCK, given.len()), "{}", preset.name);
        }
    }
}

/// Settings under which the cache can be used, among them a window that is smaller than the canvas.
fn over(cache: CacheChoice) -> Settings {
    let plain = Settings { cache, block_length: Some(8), window_right: Some(4), ..Settings::default() };
    match cache {
        CacheChoice::Exact => Settings { attention: AttentionChoice::BlockCausal, ..plain },
        CacheChoice::Elastic | CacheChoice::SlidingBlock => {
            Settings { schedule: ScheduleChoice::Leftmost, unmask: UnmaskRule::Threshold, window_length: 6, ..plain }
        }
        CacheChoice::DkvGreedy => Settings { order: OrderScore::Drawn, ..plain },
        _ => plain,
    }
}

/// The words of every cache.
fn caches() -> Vec<CacheChoice> {
    let knob = Knob::find("cache").unwrap();
    let message = knob.set(&mut Settings::default(), "?").unwrap_err().to_string();
    let words = message.split(['\'', '`', ',', ' ', ':', '"']).filter(|word| !word.is_empty());
    let choice = |word: &str| {
        let mut settings = Settings::default();
        knob.set(&mut settings, word).ok().map(|()| settings.cache)
    };
    let mut caches: Vec<CacheChoice> = words.filter_map(choice).collect();
    caches.sort_unstable_by_key(|cache| format!("{cache:?}"));
    caches.dedup();
    caches
}

#[test]
fn no_cache_reads_a_row_that_is_older_than_an_edit() {
    assert_eq!(caches().len(), 15);
    let mut stale = 0;
    for cache in caches() {
        for alignment in [false, true].map(side) {
            for seed in 0..4 {
                let mut dice = Dice::new(seed + 31);
                let mut run = Replay::start(over(cache), alignment);
                let mut edited_at = 0;
                while run.decoder.stopped().is_none() {
                    let step = run.steps;
                    if [5, 14, 15, 22].contains(&step) {
                        let before = run.decoder.ids().to_vec();
                        run.decoder.edit(&dice.edits(&before)).unwrap();
                        if before != run.decoder.ids() {
                            // A read of a row that was there before fails from now on.
                            run.denoiser.reset();
                            edited_at = step;
                        }
                    }
                    let record = run.step();
                    let age = (step - edited_at) as u32;
                    for (position, row) in record.kv.iter().enumerate() {
                        assert!(
                            matches!(row.status, KvStatus::Dropped) || row.age <= age,
                            "{cache:?}: row {position} in step {step}: {row:?}"
                        );
                        stale += usize::from(row.status == KvStatus::Stale);
                    }
                    assert!(run.steps < 300, "{cache:?} does not end");
                }
                assert!(!run.decoder.ids().contains(&MASK), "{cache:?}");
            }
        }
    }
    assert!(stale > 0, "the caches are approximate ones");
}

#[test]
fn a_write_of_what_stands_there_and_a_pin_change_nothing_else() {
    let settings = Settings { cache: CacheChoice::DkvDecode, ..Settings::default() };
    let (position, token) = (ANSWER.start, 5);
    let start = || Replay::start(settings, Alignment::Aligned).given(&[(position, token, false)]);
    let (mut plain, mut pinned) = (start(), start());
    assert_eq!(plain.step(), pinned.step());
    pinned.decoder.edit(&[Edit::Write { position, token }, Edit::Pin { position, pinned: true }]).unwrap();
    while plain.decoder.stopped().is_none() {
        let (expected, found) = (plain.step(), pinned.step());
        assert_eq!((expected.kv, expected.proposals, expected.ids), (found.kv, found.proposals, found.ids));
    }
    assert_eq!(pinned.decoder.stopped(), plain.decoder.stopped());
}

#[test]
fn a_block_in_which_something_is_masked_again_begins_again() {
    let settings = Settings { block_length: Some(8), ..Settings::default() };
    let mut run = Replay::start(settings, Alignment::Aligned);
    let mut records: Vec<_> = (0..20).map(|_| run.step()).collect();
    assert_eq!(records.last().unwrap().region.block, 2);
    run.decoder.edit(&[Edit::Remask { start: 4, end: 6 }]).unwrap();
    while run.decoder.stopped().is_none() {
        records.push(run.step());
    }
    let blocks: Vec<usize> = records[19..].iter().map(|record| record.region.block).collect();
    assert_eq!(blocks[..3], [2, 0, 0]);
    assert_eq!(blocks[3..7], [2; 4], "blocks that have no mask are passed over");
    assert_eq!((blocks.len(), run.decoder.stopped()), (1 + 2 + 4 + 8, Some(StopReason::NothingMasked)));
    assert_eq!(records[20].remasked, [4, 5]);
}

#[test]
fn steps_before_an_edit_are_in_no_step_budget() {
    let mut run = Replay::start(Settings::default(), Alignment::Aligned);
    for _ in 0..9 {
        while run.decoder.stopped().is_none() {
            run.step();
        }
        assert_eq!(run.decoder.stopped(), Some(StopReason::NothingMasked));
        run.decoder.edit(&[Edit::Remask { start: ANSWER.start, end: ANSWER.end }]).unwrap();
        assert_eq!(run.decoder.stopped(), None);
    }
}
