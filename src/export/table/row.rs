//! What the columns of a row are read from: a step, or a position in it.

use crate::{
    decode::record::{AuditedPosition, DraftReview, KvStatus, Proposal, Reason, RowDrift, StepRecord, Verdict},
    printable,
    trace::{CanvasView, Certainty, Log},
};

/// A row of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct TableRow<'a> {
    pub log: &'a Log,
    /// The step, counted from 1.
    pub step: usize,
    /// Its record.
    pub record: &'a StepRecord,
    /// The position; 0 in a table of steps.
    pub position: usize,
    /// The layer of the column that is read; 0 where it is none of a layer.
    pub layer: usize,
}

impl<'a> TableRow<'a> {
    /// The canvas after the step.
    pub fn canvas(&self) -> CanvasView<'a> {
        self.log.canvas(self.step)
    }

    /// Length of the prompt.
    pub fn prompt(&self) -> usize {
        self.log.header().prompt_ids.len()
    }

    pub fn is_masked(&self) -> bool {
        self.record.ids[self.position] == self.log.header().mask_id
    }

    /// What the denoiser proposed at the position in this step.
    pub fn proposal(&self) -> Option<&'a Proposal> {
        found(&self.record.proposals, self.position, |proposal| proposal.position)
    }

    /// The step that wrote what the position holds, counted from 1, why, and with which confidence.
    pub fn written(&self) -> Option<(usize, Reason, f32)> {
        self.canvas().written(self.position).map(|(index, reason, confidence)| (index + 1, reason, confidence))
    }

    /// How certain the denoiser was of what the position holds when it was written; where it is masked, of its proposal.
    pub fn certainty(&self) -> Option<Certainty> {
        match self.written() {
            Some((step, ..)) => self.log.step(step)?.certainty_at(self.position),
            None => self.proposal().map(Certainty::from),
        }
    }

    /// What the guide says of the draft at the position, whether it decides or only looks on.
    pub fn draft(&self) -> Option<&'a DraftReview> {
        self.record.guide.as_ref().or(self.record.shadow.as_ref())?.of(self.position)
    }

    pub fn audited(&self) -> Option<&'a AuditedPosition> {
        found(&self.record.audit.as_ref()?.positions, self.position, |audited| audited.position)
    }

    pub fn drift(&self) -> Option<&'a RowDrift> {
        found(&self.record.audit.as_ref()?.drift, self.position, |row| row.position)
    }

    /// How many K/V rows of the step were used so.
    pub fn kv_rows(&self, status: KvStatus) -> i64 {
        self.record.kv.iter().filter(|row| row.status == status).count() as i64
    }

    /// The text of a token by itself, on one line; `None` where the log never named it.
    pub fn text_of(&self, id: u32) -> Option<String> {
        self.log.text_of(id).map(printable::line)
    }
}

/// What belongs to a position, among things that ascend by theirs.
fn found<T>(all: &[T], position: usize, of: fn(&T) -> usize) -> Option<&T> {
    all.binary_search_by_key(&position, of).ok().map(|at| &all[at])
}

/// The glossary's word.
pub(super) fn kv_word(status: KvStatus) -> &'static str {
    match status {
        KvStatus::Recomputed => "recomputed",
        KvStatus::Reused => "reused",
        KvStatus::Stale => "stale",
        KvStatus::Dropped => "dropped",
    }
}

/// The word that traces have for it.
pub(super) fn verdict_word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Agreed => "agreed",
        Verdict::Rejected => "rejected",
        Verdict::Forced => "forced",
        Verdict::Replaced => "replaced",
        Verdict::NotReached => "not-reached",
    }
}
