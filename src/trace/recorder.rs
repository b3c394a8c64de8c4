//! From step records to log entries: adds the text that each step brings.

use std::collections::BTreeSet;

use super::{Entry, Header, Piece, TokenText};
use crate::decode::record::StepRecord;

/// Adds text to the records of one run, in the order of its steps.
#[derive(Debug, Clone)]
pub struct Recorder {
    /// First generated position.
    start: usize,
    mask_id: u32,
    /// The canvas after the last record.
    ids: Vec<u32>,
    /// What each position contributed to the text then.
    pieces: Vec<String>,
    /// Ids whose text is in the log.
    named: BTreeSet<u32>,
}

impl Recorder {
    /// For the run that `header` opens.
    pub fn new(header: &Header) -> Self {
        let start = header.prompt_ids.len();
        let mut ids = header.prompt_ids.clone();
        ids.resize(header.canvas_length(), header.mask_id);
        Self {
            start,
            mask_id: header.mask_id,
            pieces: vec![String::new(); ids.len()],
            ids,
            named: BTreeSet::new(),
        }
    }

    /// The entry of the next step. `pieces` tells what each id of a run of neighbours contributes to its text.
    pub fn entry(&mut self, mut record: StepRecord, pieces: impl Fn(&[u32]) -> Vec<String>) -> Entry {
        keep_writable(&mut record);
        let changed = self.changed_pieces(&record.ids, &pieces);
        let texts = seen(&record)
            .into_iter()
            .filter(|id| self.named.insert(*id))
            .map(|id| TokenText {
                id,
                text: pieces(&[id]).concat(),
            })
            .collect();
        Entry {
            record,
            pieces: changed,
            texts,
        }
    }

    /// Re-reads the runs of tokens between masks that a change touches. The generation is a text of its own: the
    /// prompt is no neighbour of it.
    fn changed_pieces(&mut self, ids: &[u32], pieces: &impl Fn(&[u32]) -> Vec<String>) -> Vec<Piece> {
        let mut now = self.pieces.clone();
        let end = ids.len().min(self.ids.len());
        let differs = |position: usize| ids[position] != self.ids[position];
        let mut at = self.start;
        while at < end {
            if ids[at] == self.mask_id {
                now[at].clear();
                at += 1;
                continue;
            }
            let run_end = (at..end).find(|position| ids[*position] == self.mask_id).unwrap_or(end);
            let with_borders = at.saturating_sub(1).max(self.start)..(run_end + 1).min(end);
            if with_borders.clone().any(differs) {
                for (piece, text) in now[at..run_end].iter_mut().zip(pieces(&ids[at..run_end])) {
                    *piece = text;
                }
            }
            at = run_end;
        }
        let changed = (self.start..end)
            .filter(|position| now[*position] != self.pieces[*position])
            .map(|position| Piece {
                position,
                text: now[position].clone(),
            })
            .collect();
        self.pieces = now;
        self.ids[..end].copy_from_slice(&ids[..end]);
        changed
    }
}

/// Every id that a view of the step may want to name.
fn seen(record: &StepRecord) -> BTreeSet<u32> {
    let mut ids = BTreeSet::new();
    for proposal in &record.proposals {
        ids.insert(proposal.token);
        ids.extend(proposal.alternatives.iter().map(|(id, _)| *id));
    }
    ids.extend(record.commits.iter().map(|commit| commit.token));
    for draft in record.guide.iter().flat_map(|review| &review.drafts) {
        ids.insert(draft.draft);
        ids.extend(draft.view.map(|view| view.token));
    }
    ids
}

/// JSON has no infinities and no NaN, which broken weights can produce: such a probability is logged as 0.
fn keep_writable(record: &mut StepRecord) {
    let probability = |value: &mut f32| *value = if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 };
    for proposal in &mut record.proposals {
        probability(&mut proposal.confidence);
        if !proposal.entropy.is_finite() {
            proposal.entropy = 0.0;
        }
        for (_, value) in &mut proposal.alternatives {
            probability(value);
        }
    }
    for commit in &mut record.commits {
        probability(&mut commit.confidence);
    }
    for view in record
        .guide
        .iter_mut()
        .flat_map(|review| &mut review.drafts)
        .filter_map(|draft| draft.view.as_mut())
    {
        probability(&mut view.top_probability);
        probability(&mut view.draft_probability);
    }
}
