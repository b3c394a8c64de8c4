//! What was rebuilt last: a frame asks for the same step in every pane, and for every step of one position.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

use super::columns::Wide;
use crate::decode::record::StepRecord;

/// How many records are kept: the shown step and the one that wrote the selected token, each with the one before it and its
/// newest audit.
const RECORDS: usize = 6;

/// Of how many positions the drafts are kept: the selected one and its neighbours, and as many again.
const POSITIONS: usize = 6;

/// What a position was about to be in a step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PositionDraft {
    /// After how many steps.
    pub steps: usize,
    /// The proposed token.
    pub token: u32,
    /// Its probability.
    pub confidence: f32,
}

/// The drafts of a position, as far as they were collected.
#[derive(Debug, Default)]
pub(super) struct Drafts {
    pub(super) position: usize,
    /// How many steps were looked at.
    pub(super) steps: usize,
    pub(super) found: Vec<PositionDraft>,
}

/// What a log rebuilt last. It is no part of the log's value: a copy begins without, and any two are equal.
#[derive(Debug, Default)]
pub(super) struct Recent {
    records: Mutex<VecDeque<(usize, Arc<StepRecord>)>>,
    /// The wide part of the step that was rebuilt last: the next one is often that of the step behind it.
    wide: Mutex<Option<(usize, Wide)>>,
    drafts: Mutex<VecDeque<Drafts>>,
}

impl Recent {
    /// The record of a step, rebuilt unless it was asked for a moment ago.
    pub(super) fn record(&self, steps: usize, rebuild: impl FnOnce() -> StepRecord) -> Arc<StepRecord> {
        let mut records = self.records.lock().unwrap_or_else(PoisonError::into_inner);
        let record = match records.iter().position(|(of, _)| *of == steps).and_then(|at| records.remove(at)) {
            Some((_, record)) => record,
            None => Arc::new(rebuild()),
        };
        records.push_front((steps, Arc::clone(&record)));
        records.truncate(RECORDS);
        record
    }

    /// Takes the wide part that was kept, and the number of its step.
    pub(super) fn take_wide(&self) -> Option<(usize, Wide)> {
        self.wide.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Keeps the wide part of a step.
    pub(super) fn keep_wide(&self, steps: usize, wide: Wide) {
        *self.wide.lock().unwrap_or_else(PoisonError::into_inner) = Some((steps, wide));
    }

    /// The drafts of a position up to a step; `extend` adds those that were not collected yet.
    pub(super) fn drafts(&self, position: usize, steps: usize, extend: impl FnOnce(&mut Drafts)) -> Vec<PositionDraft> {
        let mut kept = self.drafts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().position(|drafts| drafts.position == position).and_then(|at| kept.remove(at));
        let mut drafts = known.unwrap_or_else(|| Drafts { position, ..Drafts::default() });
        extend(&mut drafts);
        let end = drafts.found.partition_point(|draft| draft.steps <= steps);
        let found = drafts.found[..end].to_vec();
        kept.push_front(drafts);
        kept.truncate(POSITIONS);
        found
    }
}

impl Clone for Recent {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Recent {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}
