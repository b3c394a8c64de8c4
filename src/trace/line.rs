//! A step as a line of a file, in either format.

use serde::{Deserialize, Serialize};

use super::{
    Entry, Header, Piece, TokenText,
    columns::{Columns, Wide},
    step::without_ages,
};
use crate::decode::record::{Change, Commit, Cost, Edit, Gap, LayerUse, Region, StepRecord, StopReason};

/// A step of format 2: the light part as it is, the wide part as differences to the line before.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StepLine {
    step: usize,
    region: Region,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    changes: Vec<Change>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    edits: Vec<Edit>,
    commits: Vec<Commit>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    remasked: Vec<usize>,
    /// Positions and their ids, where these do not follow from the line before, commits and re-masked tokens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ids: Vec<(usize, u32)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    layers: Vec<LayerUse>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    gap: Option<Gap>,
    cost: Cost,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stop: Option<StopReason>,
    columns: Columns,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pieces: Vec<Piece>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    texts: Vec<TokenText>,
}

/// What the next line is the difference to.
#[derive(Debug)]
pub(super) struct LineState {
    mask_id: u32,
    ids: Vec<u32>,
    wide: Wide,
}

impl LineState {
    /// Before the first step.
    pub(super) fn new(header: &Header) -> Self {
        Self { mask_id: header.mask_id, ids: header.canvas(), wide: Wide::default() }
    }

    /// The canvas that follows from what a step masked again and wrote.
    fn write(&mut self, remasked: &[usize], commits: &[Commit]) {
        let masks = remasked.iter().map(|position| (*position, self.mask_id));
        for (position, id) in masks.chain(commits.iter().map(|commit| (commit.position, commit.token))) {
            // What leaves the canvas is found when the step is checked.
            if let Some(held) = self.ids.get_mut(position) {
                *held = id;
            }
        }
    }

    /// The line of the next step.
    pub(super) fn line(&mut self, entry: &Entry) -> StepLine {
        let record = entry.record.clone();
        self.write(&record.remasked, &record.commits);
        let pairs = self.ids.iter_mut().zip(&record.ids).enumerate();
        let ids = pairs.filter(|(_, (held, id))| *held != *id).map(|(position, (held, id))| {
            *held = *id;
            (position, *id)
        });
        StepLine {
            ids: ids.collect(),
            columns: self.wide.encode(&record),
            step: record.step,
            region: record.region,
            changes: record.changes,
            edits: record.edits,
            commits: record.commits,
            remasked: record.remasked,
            layers: record.layers.iter().map(without_ages).collect(),
            gap: record.gap,
            cost: record.cost,
            stop: record.stop,
            pieces: entry.pieces.clone(),
            texts: entry.texts.clone(),
        }
    }

    /// The step of the next line, which may be anybody's: its columns fit the canvas, all else is unchecked.
    pub(super) fn entry(&mut self, line: StepLine) -> Result<Entry, String> {
        self.write(&line.remasked, &line.commits);
        for (position, id) in line.ids {
            let length = self.ids.len();
            let held = self.ids.get_mut(position);
            *held
                .ok_or_else(|| format!("an id at position {position} is outside the canvas of {length} positions"))? =
                id;
        }
        let length = self.ids.len();
        self.wide.decode(&line.columns, line.layers.len(), length)?;
        let record = StepRecord {
            step: line.step,
            region: line.region,
            changes: line.changes,
            edits: line.edits,
            ids: self.ids.clone(),
            proposals: self.wide.proposals().iter().map(super::quantized::Quantized::proposal).collect(),
            commits: line.commits,
            remasked: line.remasked,
            kv: self.wide.kv().to_vec(),
            layers: self.wide.layers(&line.layers),
            guide: self.wide.review(&line.columns, length)?,
            shadow: self.wide.shadow(&line.columns, length)?,
            gap: line.gap,
            audit: Wide::audit(&line.columns, length)?,
            cost: line.cost,
            stop: line.stop,
        };
        Ok(Entry { record, pieces: line.pieces, texts: line.texts })
    }
}

/// A step of format 1, with everything in its own line. It is read twice, because a derived reader of flattened fields
/// would hold all of the line's values in memory, in many times the bytes of the line.
pub(super) fn whole_entry(line: &[u8]) -> serde_json::Result<Entry> {
    #[derive(Deserialize)]
    struct TextFields {
        #[serde(default)]
        pieces: Vec<Piece>,
        #[serde(default)]
        texts: Vec<TokenText>,
    }

    let record: StepRecord = serde_json::from_slice(line)?;
    let TextFields { pieces, texts } = serde_json::from_slice(line)?;
    Ok(Entry { record, pieces, texts })
}
