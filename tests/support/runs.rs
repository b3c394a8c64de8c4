//! Whole runs, and what became of them.

use diffuscope::{
    decode::{
        DecodeError, Decoder, Networks,
        clock::StoppedClock,
        record::{Reason, StepRecord, StopReason},
    },
    model::network::Network,
    trace::{End, Entry, Header, Log},
};

use super::scripted::Scripted;

/// A run from its first step to its end.
pub struct Run {
    pub records: Vec<StepRecord>,
    pub ids: Vec<u32>,
    pub stop: Option<StopReason>,
}

impl Run {
    /// Takes every step that is left.
    pub fn of(
        mut decoder: Decoder,
        denoiser: &mut dyn Network,
        mut guide: Option<&mut Scripted>,
    ) -> Result<Self, DecodeError> {
        let mut records = Vec::new();
        while decoder.stopped().is_none() {
            let guide = guide.as_deref_mut().map(|guide| guide as &mut dyn Network);
            records.push(decoder.step(Networks { denoiser, guide }, &StoppedClock)?);
        }
        Ok(Self { records, ids: decoder.ids().to_vec(), stop: decoder.stopped() })
    }

    pub fn commits(&self) -> Vec<Vec<(usize, u32)>> {
        commits(&self.records)
    }

    pub fn counts(&self) -> Vec<usize> {
        self.records.iter().map(|record| record.commits.len()).collect()
    }

    pub fn reasons(&self) -> Vec<Vec<Reason>> {
        self.records.iter().map(|record| record.commits.iter().map(|commit| commit.reason).collect()).collect()
    }
}

/// What each step wrote.
pub fn commits(records: &[StepRecord]) -> Vec<Vec<(usize, u32)>> {
    let written = |record: &StepRecord| record.commits.iter().map(|commit| (commit.position, commit.token)).collect();
    records.iter().map(written).collect()
}

/// A log out of its parts, with every duration set to 0.
pub fn timeless(header: &Header, entries: impl IntoIterator<Item: AsRef<Entry>>, end: Option<&End>) -> Log {
    // What the device reaches is measured, too.
    let mut log = Log::new(Header { peak: None, ..header.clone() });
    for entry in entries {
        let mut entry = entry.as_ref().clone();
        let cost = &mut entry.record.cost;
        (cost.denoiser_us, cost.guide_us, cost.other_us) = (0, 0, 0);
        (cost.audit_us, cost.shadow_us) = (0, 0);
        log.push(entry);
    }
    if let Some(end) = end {
        log.finish(end.clone());
    }
    log
}
