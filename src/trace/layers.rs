//! The K/V rows of every layer, for caches that decide layer by layer.

use std::ops::Range;

use super::Log;
use crate::decode::record::{KvStatus, KvUse, LayerUse};

impl Log {
    /// How each layer used the K/V rows of `positions` in the `steps`-th step, counted from 1: from the first layer up, as
    /// [`crate::decode::record::StepRecord::kv`] says it of all. Empty where all layers did the same, where the log does
    /// not say what each did, and where it has no such positions.
    pub fn layer_kv(&self, steps: usize, positions: Range<usize>) -> Vec<Vec<KvUse>> {
        let Some(record) = self.record(steps) else { return Vec::new() };
        let Some(kv) = record.kv.get(positions.clone()) else { return Vec::new() };
        let since: Vec<usize> =
            positions.clone().map(|position| self.token_since(position, steps.saturating_sub(1))).collect();
        let of_layer = |layer: &LayerUse| {
            let rows = kv.iter().zip(layer.ages.get(positions.clone())?).zip(&since);
            Some(rows.map(|((kv, age), since)| KvUse { status: status(*kv, *age, *since, steps), age: *age }).collect())
        };
        // One layer that is not known makes all of them unknown.
        record.layers.iter().map(of_layer).collect::<Option<_>>().unwrap_or_default()
    }
}

/// What a layer did with a row of that age in the `steps`-th step, where the position holds its token since `since` steps.
fn status(kv: KvUse, age: u32, since: usize, steps: usize) -> KvStatus {
    // The step that computed it saw the canvas of one step less.
    match steps.checked_sub(age as usize) {
        Some(_) if age == 0 => KvStatus::Recomputed,
        _ if kv.status == KvStatus::Dropped => KvStatus::Dropped,
        Some(computed) if computed > since => KvStatus::Reused,
        _ => KvStatus::Stale,
    }
}
