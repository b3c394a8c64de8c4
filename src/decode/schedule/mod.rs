//! Slot 1, schedule: where tokens can be committed.
//!
//! Blocks are denoised from left to right. Their ends lie after a fixed number of positions (LLaDA's semi-autoregressive
//! blocks, Nie et al. 2025, released `generate.py`), at multiples of the block length (LLaDA2), or where the scores of
//! the block's first forward say (`adaptive.rs`). The last block may be short; without a block length the whole canvas
//! is one block. Elastic-Cache's window (arXiv 2510.14973) holds the leftmost masks, wherever they stand, and moves in
//! every step.

mod adaptive;

use super::{canvas::Canvas, proposal::Candidate, record::Region};
use crate::settings::{ScheduleChoice, Settings, UnmaskRule};

/// The block under way and how far it is.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Schedule {
    region: Region,
    /// The block before this one.
    previous: Option<Region>,
    /// Steps done in this block.
    pub step: usize,
    /// Steps that the block was given when it was opened, where the settings count steps.
    pub steps: usize,
    kind: ScheduleChoice,
    /// Whether the block's end waits for the scores of its first forward.
    pending: bool,
}

impl Schedule {
    /// Opens the first block.
    pub fn new(canvas: &Canvas, settings: &Settings) -> Self {
        Self::open(None, canvas.prompt(), canvas, settings)
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
        *self = Self::open(Some(self.region), self.region.end, canvas, settings);
    }

    /// Ends an adaptive block by what its first forward proposes for the masked positions from its start on; any other
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
            *self = Self::open(Some(self.region), start, canvas, settings);
            return true;
        }
        (self.region.start, self.region.end) = (start, window_end(start, canvas, settings));
        false
    }

    fn open(previous: Option<Region>, start: usize, canvas: &Canvas, settings: &Settings) -> Self {
        let block = previous.map_or(0, |region| region.block + 1);
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

/// The share of `steps` that falls to a block; the remainder goes to the first blocks, or is rounded up for every block
/// (dllm's samplers, whose alpha schedules skip the steps that they do not need).
///
/// Never more than one step per position: a step that commits nothing repeats the one before it.
fn block_steps(region: &Region, canvas: &Canvas, settings: &Settings) -> usize {
    let blocks = settings.blocks(canvas.prompt(), canvas.generated());
    match settings.steps {
        Some(steps) if settings.unmask == UnmaskRule::Alpha => steps.div_ceil(blocks),
        Some(steps) => steps / blocks + usize::from(region.block < steps % blocks),
        None => (region.end - region.start).div_ceil(settings.tokens_per_step),
    }
    .max(1)
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
        // Another schedule goes on from the leftmost mask.
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
