//! Slot 2, cache: which positions are computed in a step, and which K/V rows are read.
//!
//! FreeCache (FlashDLM, arXiv 2505.21467, §3.2.1): K/V of clean tokens hardly change in later steps, so rows left
//! of an active window are computed once and frozen. Three forms: from the current *block* on (paper), a *window*
//! around the last committed token (released guided decoder), and everything but the *prompt* (released default).
//! Rows are written at absolute positions; the released window code writes them shifted by the window's movement,
//! which is a mistake that is not reproduced here.
//!
//! In every form the rows that are read but not computed are a prefix of the canvas, and the first step computes
//! everything, so a change of form in the middle of a run never reads a row that was not written.

use std::ops::Range;

use super::{
    canvas::Canvas,
    record::{KvStatus, KvUse, Region},
};
use crate::{
    model::network::Alignment,
    settings::{CacheChoice, Settings},
};

/// What a step computes and reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    /// Positions that are computed.
    pub query: Range<usize>,
    /// K/V rows `0..read` are attended to; at least `query.end`.
    pub read: usize,
}

/// The provenance of every K/V row, and the plan of the next step.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cache {
    rows: Vec<Option<Row>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Row {
    step: usize,
    token: u32,
}

/// What the plan depends on besides the canvas.
#[derive(Debug, Clone, Copy)]
pub(super) struct Situation<'a> {
    pub settings: &'a Settings,
    pub region: Region,
    /// Where the block before this one started, while its rows wait for a last refresh.
    pub unfrozen: Option<usize>,
    pub alignment: Alignment,
}

impl Cache {
    pub fn new(canvas: &Canvas) -> Self {
        Self { rows: vec![None; canvas.len()] }
    }

    /// What the next step computes.
    pub fn plan(&self, canvas: &Canvas, situation: Situation<'_>) -> Plan {
        let whole = Plan { query: 0..canvas.len(), read: canvas.len() };
        let Some(first_masked) = canvas.first_masked() else {
            return whole;
        };
        if self.rows.iter().any(Option::is_none) {
            return whole;
        }
        let Situation { settings, region, unfrozen, alignment } = situation;
        let (start, end) = match settings.cache {
            CacheChoice::Off => return whole,
            CacheChoice::Prompt => (canvas.prompt(), canvas.len()),
            CacheChoice::Block => (unfrozen.unwrap_or(region.start), canvas.len()),
            CacheChoice::Window => {
                let last_committed = first_masked.saturating_sub(1);
                let end = settings.window_right.map_or(canvas.len(), |right| last_committed + right.max(2));
                (last_committed.saturating_sub(settings.window_left), end.min(canvas.len()))
            }
        };
        // The logits of a masked position come from the row to its left when the network is shifted.
        let source = match alignment {
            Alignment::Aligned => first_masked,
            Alignment::Shifted => first_masked.saturating_sub(1),
        };
        Plan { query: start.min(source)..end, read: end }
    }

    /// How every row is used by a step that follows `plan`, and notes what it writes.
    pub fn observe(&mut self, plan: &Plan, step: usize, canvas: &Canvas) -> Vec<KvUse> {
        for position in plan.query.clone() {
            self.rows[position] = Some(Row { step, token: canvas.ids()[position] });
        }
        let report = |(position, row): (usize, &Option<Row>)| {
            let age = row.map_or(0, |row| (step - row.step) as u32);
            let status = match row {
                _ if plan.query.contains(&position) => KvStatus::Recomputed,
                Some(row) if position < plan.read && row.token == canvas.ids()[position] => KvStatus::Reused,
                Some(_) if position < plan.read => KvStatus::Stale,
                _ => KvStatus::Dropped,
            };
            KvUse { status, age }
        };
        self.rows.iter().enumerate().map(report).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MASK: u32 = 9;

    fn situation(settings: &Settings, region: Region) -> Situation<'_> {
        Situation { settings, region, unfrozen: None, alignment: Alignment::Shifted }
    }

    /// A canvas of 4 prompt tokens and 8 generated ones, the first `committed` of them written, after a full step.
    fn after_full_step(committed: usize) -> (Canvas, Cache) {
        let mut canvas = Canvas::new(&[1, 2, 3, 4], 8, MASK);
        let mut cache = Cache::new(&canvas);
        let whole = Plan { query: 0..12, read: 12 };
        cache.observe(&whole, 0, &canvas);
        (4..4 + committed).for_each(|position| canvas.write(position, 5));
        (canvas, cache)
    }

    #[test]
    fn the_first_step_computes_everything() {
        let canvas = Canvas::new(&[1, 2, 3, 4], 8, MASK);
        let settings = Settings { cache: CacheChoice::Window, window_left: 1, ..Settings::default() };
        let plan = Cache::new(&canvas).plan(&canvas, situation(&settings, Region { block: 0, start: 4, end: 12 }));
        assert_eq!(plan, Plan { query: 0..12, read: 12 });
    }

    #[test]
    fn the_window_follows_the_last_committed_token_and_drops_what_is_right_of_it() {
        let (canvas, mut cache) = after_full_step(3);
        let settings =
            Settings { cache: CacheChoice::Window, window_left: 2, window_right: Some(3), ..Settings::default() };
        let plan = cache.plan(&canvas, situation(&settings, Region { block: 0, start: 4, end: 12 }));
        assert_eq!(plan, Plan { query: 4..9, read: 9 });
        let uses = cache.observe(&plan, 1, &canvas);
        assert_eq!(uses[3], KvUse { status: KvStatus::Reused, age: 1 });
        assert_eq!(uses[4], KvUse { status: KvStatus::Recomputed, age: 0 });
        assert_eq!(uses[9], KvUse { status: KvStatus::Dropped, age: 1 });
    }

    #[test]
    fn a_row_written_under_a_mask_is_stale_once_its_token_is_committed() {
        let (canvas, mut cache) = after_full_step(4);
        let settings = Settings { cache: CacheChoice::Block, ..Settings::default() };
        let plan = cache.plan(&canvas, situation(&settings, Region { block: 1, start: 8, end: 12 }));
        assert_eq!(plan, Plan { query: 7..12, read: 12 });
        let uses = cache.observe(&plan, 1, &canvas);
        assert_eq!(uses[2].status, KvStatus::Reused);
        assert_eq!(uses[6], KvUse { status: KvStatus::Stale, age: 1 });
        assert_eq!(uses[7].status, KvStatus::Recomputed);
    }

    #[test]
    fn a_clean_freeze_computes_the_finished_block_once_more() {
        let (canvas, cache) = after_full_step(4);
        let settings = Settings { cache: CacheChoice::Block, clean_freeze: true, ..Settings::default() };
        let region = Region { block: 1, start: 8, end: 12 };
        let plan = cache.plan(&canvas, Situation { unfrozen: Some(4), ..situation(&settings, region) });
        assert_eq!(plan.query, 4..12);
    }

    #[test]
    fn a_shifted_network_also_computes_the_row_left_of_the_first_mask() {
        let (canvas, cache) = after_full_step(0);
        let settings = Settings { cache: CacheChoice::Prompt, ..Settings::default() };
        let region = Region { block: 0, start: 4, end: 12 };
        assert_eq!(cache.plan(&canvas, situation(&settings, region)).query, 3..12);
        let aligned = Situation { alignment: Alignment::Aligned, ..situation(&settings, region) };
        assert_eq!(cache.plan(&canvas, aligned).query, 4..12);
    }
}
