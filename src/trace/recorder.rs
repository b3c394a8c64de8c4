//! From step records to entries: adds the text that is new with each step.

use std::collections::BTreeSet;

use super::{Entry, Header, Piece, TokenText};
use crate::decode::record::StepRecord;

/// How far a token's text depends on its neighbours: a character has at most four bytes, and each may be a token.
const REACH: usize = 4;

/// Makes the entries of one run out of its records, in the order of its steps: adds the pieces that a step changes and
/// the texts of ids that occur for the first time, and replaces numbers that are not finite. The engine has one for each
/// run; a [`super::Log`] of its entries needs no tokenizer.
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
        let ids = header.canvas();
        let mut pieces = vec![String::new(); ids.len()];
        for token in &header.given {
            pieces[token.position].clone_from(&token.text);
        }
        Self { start, mask_id: header.mask_id, pieces, ids, named: BTreeSet::new() }
    }

    /// The entry of the next step. `pieces` gives what each id of a run of neighbours contributes to its text, one string
    /// per id.
    pub fn entry(&mut self, mut record: StepRecord, pieces: impl Fn(&[u32]) -> Vec<String>) -> Entry {
        replace_non_finite(&mut record);
        let changed = self.changed_pieces(&record.ids, &pieces);
        let texts = seen(&record)
            .into_iter()
            .filter(|id| self.named.insert(*id))
            .map(|id| TokenText { id, text: pieces(&[id]).concat() })
            .collect();
        Entry { record, pieces: changed, texts }
    }

    /// Re-reads what a change touches in the runs of tokens between masks. The generation is a text of its own: the
    /// prompt is no neighbour of it.
    fn changed_pieces(&mut self, ids: &[u32], pieces: &impl Fn(&[u32]) -> Vec<String>) -> Vec<Piece> {
        let mut now = self.pieces.clone();
        let end = ids.len().min(self.ids.len());
        let mut at = self.start;
        while at < end {
            if ids[at] == self.mask_id {
                now[at].clear();
                at += 1;
                continue;
            }
            let run_end = (at..end).find(|position| ids[*position] == self.mask_id).unwrap_or(end);
            // A run that lost a neighbour to a mask has changed as well.
            let mut touched = at.saturating_sub(1).max(self.start)..(run_end + 1).min(end);
            let differs = |position: &usize| ids[*position] != self.ids[*position];
            if let Some(first) = touched.find(differs) {
                let last = touched.rfind(differs).unwrap_or(first);
                let around = |reach: usize| first.saturating_sub(reach).max(at)..(last + 1 + reach).min(run_end);
                let (read, taken) = (around(2 * REACH), around(REACH));
                let texts = pieces(&ids[read.clone()]);
                for (position, text) in read.zip(texts).filter(|(position, _)| taken.contains(position)) {
                    now[position] = text;
                }
            }
            at = run_end;
        }
        let changed = (self.start..end)
            .filter(|position| now[*position] != self.pieces[*position])
            .map(|position| Piece { position, text: now[position].clone() })
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
        ids.extend(proposal.credit.map(|credit| credit.token));
    }
    ids.extend(record.commits.iter().map(|commit| commit.token));
    ids.extend(record.audit.iter().flat_map(|report| &report.positions).map(|audited| audited.token));
    for draft in record.guide.iter().chain(&record.shadow).flat_map(|review| &review.drafts) {
        ids.insert(draft.draft);
        ids.extend(draft.view.map(|view| view.token));
        ids.extend(draft.instead);
    }
    ids
}

/// JSON has no infinities and no NaN, which broken weights can produce: such a probability or cosine is logged as 0,
/// such a score as the lowest, such a divergence as the largest.
fn replace_non_finite(record: &mut StepRecord) {
    let probability = |value: &mut f32| *value = if value.is_finite() { value.clamp(0.0, 1.0) } else { 0.0 };
    for proposal in &mut record.proposals {
        probability(&mut proposal.confidence);
        if !proposal.entropy.is_finite() {
            proposal.entropy = 0.0;
        }
        if !proposal.score.is_finite() {
            proposal.score = f32::MIN;
        }
        for (_, value) in &mut proposal.alternatives {
            probability(value);
        }
        if let Some(credit) = &mut proposal.credit {
            probability(&mut credit.confidence);
            credit.amount = if credit.amount.is_finite() { credit.amount } else { 0.0 };
        }
    }
    for commit in &mut record.commits {
        probability(&mut commit.confidence);
    }
    let drafts = record.guide.iter_mut().chain(&mut record.shadow).flat_map(|review| &mut review.drafts);
    for view in drafts.filter_map(|draft| draft.view.as_mut()) {
        probability(&mut view.top_probability);
        probability(&mut view.draft_probability);
    }
    if let Some(report) = &mut record.audit {
        for audited in &mut report.positions {
            probability(&mut audited.probability);
            audited.kl = if audited.kl.is_finite() { audited.kl } else { f32::MAX };
        }
        for cosine in report.drift.iter_mut().flat_map(|row| row.keys.iter_mut().chain(&mut row.values)) {
            *cosine = if cosine.is_finite() { cosine.clamp(-1.0, 1.0) } else { 0.0 };
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::{collection::vec, prelude::*};

    use super::*;
    use crate::{
        decode::record::{Cost, Region},
        settings::Settings,
        trace::ModelCard,
    };

    const MASK: u32 = 0;

    fn header(gen_length: usize) -> Header {
        Header {
            denoiser: ModelCard {
                name: String::new(),
                architecture: String::new(),
                parameters: 0,
                layers: 0,
                device: String::new(),
                fingerprint: None,
                chats: false,
                shape: None,
            },
            guide: None,
            preset: None,
            settings: Settings::default(),
            prompt: String::new(),
            prompt_ids: vec![9],
            prompt_pieces: vec!["p".into()],
            gen_length,
            mask_id: MASK,
            eos_id: 1,
            end_ids: Vec::new(),
            given: Vec::new(),
            turns: Vec::new(),
            origin: None,
            peak: None,
        }
    }

    fn record(ids: Vec<u32>) -> StepRecord {
        StepRecord {
            step: 0,
            region: Region { block: 0, start: 1, end: ids.len() },
            changes: Vec::new(),
            edits: Vec::new(),
            ids,
            proposals: Vec::new(),
            commits: Vec::new(),
            remasked: Vec::new(),
            kv: Vec::new(),
            layers: Vec::new(),
            guide: None,
            shadow: None,
            gap: None,
            audit: None,
            cost: Cost::default(),
            stop: None,
        }
    }

    /// Letters with implied spaces between them, and halves of a character: 20 and 21 make one together.
    fn pieces(ids: &[u32]) -> Vec<String> {
        let piece = |at: usize| match (at.checked_sub(1).map(|left| ids[left]), ids[at], ids.get(at + 1)) {
            (_, 20, Some(21)) => String::new(),
            (Some(20), 21, _) => "é".to_owned(),
            (_, 20 | 21, _) => "?".to_owned(),
            (Some(2..20), id, _) => format!(" {id}"),
            (_, id, _) => id.to_string(),
        };
        (0..ids.len()).map(piece).collect()
    }

    #[test]
    fn a_piece_changes_when_its_neighbour_appears() {
        let mut recorder = Recorder::new(&header(3));
        let entry = recorder.entry(record(vec![9, MASK, 5, MASK]), pieces);
        let piece = |position, text: &str| Piece { position, text: text.into() };
        assert_eq!(entry.pieces, [piece(2, "5")]);
        let entry = recorder.entry(record(vec![9, 4, 5, MASK]), pieces);
        assert_eq!(entry.pieces, [piece(1, "4"), piece(2, " 5")]);
        let entry = recorder.entry(record(vec![9, MASK, 5, 20]), pieces);
        assert_eq!(entry.pieces, [piece(1, ""), piece(2, "5"), piece(3, "?")]);
    }

    #[test]
    fn an_id_is_named_once() {
        let commit = |position, token| crate::decode::record::Commit {
            position,
            token,
            confidence: f32::NAN,
            reason: crate::decode::record::Reason::Quota,
        };
        let mut recorder = Recorder::new(&header(2));
        let mut first = record(vec![9, 7, MASK]);
        first.commits.push(commit(1, 7));
        let mut second = record(vec![9, 7, 7]);
        second.commits.push(commit(2, 7));
        let entry = recorder.entry(first, pieces);
        let text = "7".to_owned();
        assert_eq!(entry.texts, [TokenText { id: 7, text }]);
        assert_eq!(entry.record.commits[0].confidence, 0.0);
        assert_eq!(recorder.entry(second, pieces).texts, []);
    }

    proptest! {
        /// Reading around a change gives what reading everything again gives.
        #[test]
        fn pieces_are_those_of_the_whole_canvas(
            canvases in vec(vec(prop_oneof![Just(MASK), 1..8_u32, 20..22_u32], 24), 1..8),
        ) {
            let mut recorder = Recorder::new(&header(24));
            let mut known = vec![String::new(); 25];
            for canvas in canvases {
                let ids: Vec<u32> = std::iter::once(9).chain(canvas.iter().copied()).collect();
                for piece in recorder.entry(record(ids), pieces).pieces {
                    known[piece.position] = piece.text;
                }
                let mut expected = vec![String::new()];
                for run in canvas.split_inclusive(|id| *id == MASK) {
                    let (run, mask) = match run.split_last() {
                        Some((&MASK, run)) => (run, true),
                        _ => (run, false),
                    };
                    expected.extend(pieces(run));
                    expected.extend(mask.then(String::new));
                }
                prop_assert_eq!(&known, &expected);
            }
        }
    }
}
