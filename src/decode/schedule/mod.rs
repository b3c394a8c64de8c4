//! Slot 1, schedule: where tokens can be committed.
//!
//! Blocks are denoised from left to right. Their ends lie after a fixed number of positions (LLaDA's semi-autoregressive
//! blocks, Nie et al. 2025, released `generate.py`), at multiples of the block length (LLaDA2), or where the scores of
//! the block's first pass say (`adaptive.rs`). The last block may be short; without a block length the whole canvas
//! is one block. Elastic-Cache's window (arXiv 2510.14973) holds the leftmost masks, wherever they stand, and moves in
//! every step.

mod adaptive;

use super::{Limits, cache, canvas::Canvas, proposal::Candidate, record::Region, unmask};
use crate::settings::{EosStop, GuideRule, ScheduleChoice, Settings};

/// The block under way and how far it is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Schedule {
    region: Region,
    /// The block before this one that had steps: those in between had no mask.
    previous: Option<Region>,
    /// Steps done in this block.
    pub step: usize,
    /// Steps that the block was given when it was opened, where the settings count steps.
    pub steps: usize,
    kind: ScheduleChoice,
    /// Whether the block's end waits for the scores of its first pass.
    pending: bool,
}

impl Schedule {
    /// Opens the first block.
    pub fn new(canvas: &Canvas, settings: &Settings) -> Self {
        Self::open(0, None, canvas.prompt(), canvas, settings)
    }

    /// The active block; until it is settled, the block that it will be where no score says otherwise.
    pub fn region(&self) -> Region {
        self.region
    }

    /// The block before the active one, until the first step of the active one is done.
    pub fn just_finished(&self) -> Option<Region> {
        self.previous.filter(|_| self.step == 0)
    }

    /// Whether nothing in the block is masked. A window that moves is never closed while anything is masked.
    pub fn is_closed(&self, canvas: &Canvas) -> bool {
        let region = if self.slides() { 0..canvas.len() } else { self.region.start..self.region.end };
        canvas.masked(region).next().is_none()
    }

    /// Whether the block is a window that moves in every step.
    pub fn slides(&self) -> bool {
        self.kind == ScheduleChoice::Leftmost
    }

    /// Opens the block behind this one, which must not reach the end of the canvas.
    pub fn advance(&mut self, canvas: &Canvas, settings: &Settings) {
        let passed_over = self.previous.filter(|_| self.step == 0);
        let block = self.region.block + 1;
        *self = Self::open(block, passed_over.or(Some(self.region)), self.region.end, canvas, settings);
    }

    /// Opens the block again that holds the leftmost mask, in this block or left of it. Adaptive blocks begin there.
    pub fn reopen(&mut self, canvas: &Canvas, settings: &Settings) {
        let first = canvas.first_masked().unwrap_or(self.region.start);
        let prompt = canvas.prompt();
        let (block, start) = match (settings.schedule, settings.block_length) {
            (ScheduleChoice::Blocks, Some(length)) => {
                ((first - prompt) / length, prompt + (first - prompt) / length * length)
            }
            (ScheduleChoice::Aligned, Some(length)) => {
                (first / length - prompt / length, (first / length * length).max(prompt))
            }
            (ScheduleChoice::Blocks | ScheduleChoice::Aligned, None) => (0, prompt),
            (ScheduleChoice::Adaptive | ScheduleChoice::Leftmost, _) => (self.region.block, first),
        };
        *self = Self::open(block, None, start, canvas, settings);
    }

    /// Ends an adaptive block by what its first pass proposes for the masked positions from its start on; any other
    /// block stays as it is.
    pub fn settle(&mut self, proposed: &[Candidate], canvas: &Canvas, settings: &Settings, delimiters: &[u32]) {
        if !std::mem::take(&mut self.pending) {
            return;
        }
        if let Some(end) = adaptive::end(self.region.start, proposed, canvas, settings, delimiters) {
            self.region.end = end;
            self.steps = block_steps(&self.region, canvas, settings);
        }
    }

    /// Moves the window to the leftmost masks. Where the settings no longer ask for a window, opens a block at the
    /// leftmost mask instead, and says so.
    pub fn slide(&mut self, canvas: &Canvas, settings: &Settings) -> bool {
        let start = canvas.first_masked().unwrap_or(self.region.start);
        if settings.schedule != self.kind {
            *self = Self::open(self.region.block + 1, Some(self.region), start, canvas, settings);
            return true;
        }
        (self.region.start, self.region.end) = (start, window_end(start, canvas, settings));
        false
    }

    fn open(block: usize, previous: Option<Region>, start: usize, canvas: &Canvas, settings: &Settings) -> Self {
        let kind = settings.schedule;
        let behind = |end: Option<usize>| end.unwrap_or(canvas.len()).min(canvas.len());
        let end = match kind {
            ScheduleChoice::Blocks | ScheduleChoice::Adaptive => {
                behind(settings.block_length.map(|length| start + length))
            }
            ScheduleChoice::Aligned => behind(settings.block_length.map(|length| (start / length + 1) * length)),
            ScheduleChoice::Leftmost => window_end(start, canvas, settings),
        };
        let region = Region { block, start, end };
        let pending = kind == ScheduleChoice::Adaptive;
        Self { region, previous, step: 0, steps: block_steps(&region, canvas, settings), kind, pending }
    }
}

/// One past the last of the leftmost `window-length` masks from `start` on.
fn window_end(start: usize, canvas: &Canvas, settings: &Settings) -> usize {
    canvas.masked(start..canvas.len()).take(settings.window_length).last().map_or(canvas.len(), |last| last + 1)
}

/// The share of `steps` that falls to a block, as the unmask rule spreads them.
///
/// Where they do not count steps, never more than one step per mask: a step that commits nothing repeats the one before it.
fn block_steps(region: &Region, canvas: &Canvas, settings: &Settings) -> usize {
    match settings.steps {
        Some(steps) => {
            let blocks = settings.blocks(canvas.prompt(), canvas.generated());
            unmask::rule(settings.unmask).block_steps(steps, blocks, region.block)
        }
        None => canvas.masked(region.start..region.end).count().div_ceil(settings.tokens_per_step),
    }
    .max(1)
}

/// Why the blocks do not fit the canvas, their steps, or the stop rule, if so.
pub(super) fn blocks_conflict(settings: &Settings, limits: &Limits) -> Option<String> {
    let gen_length = limits.gen_length;
    if let Some(length) = settings.block_length.filter(|length| *length > gen_length) {
        return Some(format!(
            "block-length {length} does not fit a gen-length of {gen_length}: choose at most {gen_length}, or 'whole'"
        ));
    }
    let blocks = settings.blocks(limits.prompt, gen_length);
    if let Some(steps) = settings.steps.filter(|steps| *steps < blocks && settings.unmask.counts_steps()) {
        return Some(format!(
            "steps {steps} is less than one step for each of the {blocks} blocks: choose steps of at least {blocks}, \
             a longer block-length, or steps 'auto'"
        ));
    }
    (settings.eos_stop == EosStop::Block && settings.block_length.is_none() && settings.guide == GuideRule::Off).then(
        || {
            "eos-stop 'block' ends a run at a finished block, and block-length is 'whole': set block-length, \
             or eos-stop 'prefix'"
                .to_owned()
        },
    )
}

/// Why a window that moves does not go together with what counts blocks, if so.
pub(super) fn window_conflict(settings: &Settings, _limits: &Limits) -> Option<String> {
    if settings.schedule != ScheduleChoice::Leftmost {
        return None;
    }
    let paced = unmask::rule(settings.unmask).is_paced();
    if paced || settings.unmask.counts_steps() && settings.steps.is_some() {
        let pace = match settings.steps.filter(|_| !paced) {
            Some(steps) => format!("steps {steps} are spread over blocks"),
            None => format!("unmask '{}' paces itself by the steps of a block", settings.unmask.word()),
        };
        return Some(format!(
            "schedule 'leftmost' moves its window in every step, and {pace}: set unmask to 'threshold', or to 'quota' \
             with steps 'auto'"
        ));
    }
    (settings.eos_stop == EosStop::Block).then(|| {
        "eos-stop 'block' ends a run at a finished block, and schedule 'leftmost' has none: set eos-stop to 'cut'"
            .to_owned()
    })
}

/// Why adaptive blocks do not go together with the other slots, if so.
pub(super) fn adaptive_conflict(settings: &Settings, _limits: &Limits) -> Option<String> {
    if settings.schedule != ScheduleChoice::Adaptive {
        return None;
    }
    if settings.guide != GuideRule::Off {
        return Some(format!(
            "schedule 'adablock' ends blocks for the unmask rule, and guide '{}' decides by itself how far a step \
             goes: set guide to 'off', or schedule to 'blocks'",
            settings.guide.word()
        ));
    }
    if !cache::policy(settings.cache).allows().adaptive_blocks {
        return Some(format!(
            "schedule 'adablock' looks for delimiters in everything right of a block, and cache '{}' does not \
             compute all of that: set cache to 'off'",
            settings.cache.word()
        ));
    }
    settings.steps.filter(|_| settings.unmask.counts_steps()).map(|steps| {
        format!(
            "steps {steps} are spread over the blocks, and schedule 'adablock' does not know beforehand how many \
             there are: set steps to 'auto', or unmask to 'threshold'"
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(gen_length: usize, settings: &Settings) -> Vec<(usize, usize, usize)> {
        let mut canvas = Canvas::new(&[1, 2], gen_length, 9);
        let mut schedule = Schedule::new(&canvas, settings);
        let mut blocks = Vec::new();
        loop {
            let Region { start, end, .. } = schedule.region();
            blocks.push((start, end, schedule.steps));
            (start..end).for_each(|position| canvas.write(position, 3));
            assert!(schedule.is_closed(&canvas));
            if end == canvas.len() {
                return blocks;
            }
            schedule.advance(&canvas, settings);
        }
    }

    #[test]
    fn whole_canvas_is_one_block() {
        assert_eq!(walk(10, &Settings::default()), [(2, 12, 10)]);
    }

    #[test]
    fn a_window_holds_the_leftmost_masks_and_is_never_closed_before_the_end() {
        let settings = Settings { schedule: ScheduleChoice::Leftmost, window_length: 3, ..Settings::default() };
        let mut canvas = Canvas::new(&[1, 2], 8, 9);
        let mut schedule = Schedule::new(&canvas, &settings);
        let bounds = |schedule: &Schedule| (schedule.region().block, schedule.region().start, schedule.region().end);
        assert_eq!(bounds(&schedule), (0, 2, 5));
        for position in [2, 3, 4, 6] {
            canvas.write(position, 3);
        }
        assert!(!schedule.is_closed(&canvas));
        assert!(!schedule.slide(&canvas, &settings));
        assert_eq!(bounds(&schedule), (0, 5, 9));
        for position in [5, 7] {
            canvas.write(position, 3);
        }
        schedule.slide(&canvas, &settings);
        assert_eq!(bounds(&schedule), (0, 8, 10));
        // Another schedule continues at the leftmost mask.
        let blocks = Settings { schedule: ScheduleChoice::Blocks, block_length: Some(1), ..settings };
        assert!(schedule.slide(&canvas, &blocks));
        assert_eq!(bounds(&schedule), (1, 8, 9));
    }

    #[test]
    fn last_block_may_be_short_and_steps_are_spread() {
        let settings = Settings { block_length: Some(4), steps: Some(8), ..Settings::default() };
        assert_eq!(walk(10, &settings), [(2, 6, 3), (6, 10, 3), (10, 12, 2)]);
    }

    #[test]
    fn aligned_blocks_end_at_multiples_and_the_first_shares_its_place_with_the_prompt() {
        let settings = Settings {
            block_length: Some(4),
            steps: Some(8),
            schedule: ScheduleChoice::Aligned,
            ..Settings::default()
        };
        assert_eq!(walk(11, &settings), [(2, 4, 2), (4, 8, 2), (8, 12, 2), (12, 13, 2)]);
    }
}
