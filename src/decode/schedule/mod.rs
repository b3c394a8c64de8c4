//! Slot 1, schedule: fixed blocks from left to right, or the whole canvas as one block.
//!
//! LLaDA's semi-autoregressive blocks (Nie et al. 2025, released `generate.py`); the last block may be short.

use super::{canvas::Canvas, record::Region};
use crate::settings::{Settings, UnmaskRule};

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
}

impl Schedule {
    /// Opens the first block.
    pub fn new(canvas: &Canvas, settings: &Settings) -> Self {
        Self::open(None, canvas.prompt(), canvas, settings)
    }

    /// The active block.
    pub fn region(&self) -> Region {
        self.region
    }

    /// The block before the active one, until the first step of the active one is done.
    pub fn just_finished(&self) -> Option<Region> {
        self.previous.filter(|_| self.step == 0)
    }

    /// Whether nothing in the block is masked.
    pub fn is_closed(&self, canvas: &Canvas) -> bool {
        canvas.masked(self.region.start..self.region.end).next().is_none()
    }

    /// Opens the block behind this one, which must not reach the end of the canvas.
    pub fn advance(&mut self, canvas: &Canvas, settings: &Settings) {
        *self = Self::open(Some(self.region), self.region.end, canvas, settings);
    }

    fn open(previous: Option<Region>, start: usize, canvas: &Canvas, settings: &Settings) -> Self {
        let block = previous.map_or(0, |region| region.block + 1);
        let end = settings.block_length.map_or(canvas.len(), |length| (start + length).min(canvas.len()));
        let steps = block_steps(block, end - start, canvas, settings);
        Self { region: Region { block, start, end }, previous, step: 0, steps }
    }
}

/// The share of `steps` that falls to a block of `length` positions; the remainder goes to the first blocks, or is
/// rounded up for every block (dllm's samplers, whose alpha schedules skip the steps that they do not need).
///
/// Never more than one step per position: a step that commits nothing repeats the one before it.
fn block_steps(block: usize, length: usize, canvas: &Canvas, settings: &Settings) -> usize {
    match settings.steps {
        Some(steps) if settings.unmask == UnmaskRule::Alpha => steps.div_ceil(settings.blocks(canvas.generated())),
        Some(steps) => {
            let blocks = settings.blocks(canvas.generated());
            steps / blocks + usize::from(block < steps % blocks)
        }
        None => length.div_ceil(settings.tokens_per_step),
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
    fn last_block_may_be_short_and_steps_are_spread() {
        let settings = Settings { block_length: Some(4), steps: Some(8), ..Settings::default() };
        assert_eq!(walk(10, &settings), [(2, 6, 3), (6, 10, 3), (10, 12, 2)]);
    }
}
