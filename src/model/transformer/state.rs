//! A copy of all that passes have left behind, and how it is put back.

use super::{Outputs, Traces, Transformer};
use crate::model::kv::{KvBuffers, KvCopy};
use crate::model::network::NetworkState;
use crate::model::slots::SlotRows;

/// What a [`Transformer`] keeps from pass to pass, on the host.
struct TransformerState {
    kv: KvCopy,
    audit: Option<KvCopy>,
    traces: Option<RowOutputs>,
    outputs: Option<RowOutputs>,
}

/// Rows that layers have given, of the slots that are known.
pub(super) struct RowOutputs {
    /// Two buffers per layer, one kind after the other.
    rows: Vec<SlotRows>,
    known: Vec<bool>,
}

impl RowOutputs {
    /// A copy of the known ones among these buffers.
    pub fn of<'a>(rows: impl Iterator<Item = &'a SlotRows>, known: &[bool]) -> candle_core::Result<Self> {
        let slots = known.iter().rposition(|known| *known).map_or(0, |last| last + 1);
        Ok(Self {
            rows: rows.map(|rows| rows.copied(slots)).collect::<Result<_, _>>()?,
            known: known[..slots].to_vec(),
        })
    }

    /// Writes them back into buffers that have no known rows.
    pub fn write<'a>(
        &self,
        rows: impl Iterator<Item = &'a mut SlotRows>,
        known: &mut Vec<bool>,
    ) -> candle_core::Result<()> {
        known.fill(false);
        known.resize(known.len().max(self.known.len()), false);
        known[..self.known.len()].copy_from_slice(&self.known);
        rows.zip(&self.rows).try_for_each(|(rows, kept)| rows.restore(kept, known.len()))
    }

    fn bytes(&self) -> u64 {
        self.rows.iter().map(SlotRows::bytes).sum()
    }
}

impl TransformerState {
    fn bytes(&self) -> u64 {
        let kept = [&self.traces, &self.outputs].into_iter().flatten().map(RowOutputs::bytes);
        self.kv.bytes() + self.audit.as_ref().map_or(0, KvCopy::bytes) + kept.sum::<u64>()
    }
}

impl Transformer {
    /// All that passes have left behind.
    pub(super) fn kept(&self) -> candle_core::Result<NetworkState> {
        let state = TransformerState {
            kv: self.kv.rows()?,
            audit: self.audit.as_ref().map(KvBuffers::rows).transpose()?,
            traces: self.traces.as_ref().map(Traces::kept).transpose()?,
            outputs: self.outputs.as_ref().map(Outputs::kept).transpose()?,
        };
        Ok(NetworkState::new(state.bytes(), state))
    }

    /// Puts it back; `false` where it is that of another sort of network.
    pub(super) fn put_back(&mut self, state: &NetworkState) -> candle_core::Result<bool> {
        let Some(TransformerState { kv, audit, traces, outputs }) = state.get() else { return Ok(false) };
        self.kv.restore(kv)?;
        match (audit, &mut self.audit) {
            (Some(kept), Some(audit)) => audit.restore(kept)?,
            (Some(kept), empty) => empty.insert(KvBuffers::new(self.kv.shape(), &self.device)?).restore(kept)?,
            (None, Some(audit)) => audit.reset(),
            (None, None) => {}
        }
        self.traces = traces.as_ref().map(|kept| Traces::restored(kept, &self.dims, &self.device)).transpose()?;
        self.outputs = outputs.as_ref().map(|kept| Outputs::restored(kept, &self.dims, &self.device)).transpose()?;
        Ok(true)
    }
}
