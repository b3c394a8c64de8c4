//! Passes that recompute some rows and take the outputs of the others from last time (dLLM-Cache, arXiv
//! 2506.06295, Algorithm 2).
//!
//! Per layer, value vectors are computed for all fed rows and compared with those at hand; a hook picks from how far they
//! have moved. Only the picked rows go through queries, keys, attention and the feed-forward part: what these add to
//! the residual stream is kept per row, and the other rows add it once more.

use candle_core::Tensor;

use super::{Transformer, check_indexes, state::RowOutputs};
use crate::model::attention::attend;
use crate::model::config::Dims;
use crate::model::device::ComputeDevice;
use crate::model::kv::{KvPlan, cosines};
use crate::model::layers::pick;
use crate::model::network::{Bank, NetworkError, Pass, RefreshHook};
use crate::model::slots::{FIRST_SLOTS, SlotRows, SlotSet, room_for};

/// What each layer's two parts last added to each row.
#[derive(Debug)]
pub(super) struct Outputs {
    /// Of attention, `(1, slots, hidden)` per layer.
    attention: Vec<SlotRows>,
    /// Of the feed-forward part, likewise.
    feed_forward: Vec<SlotRows>,
    /// Which slots hold a row of every layer.
    known: Vec<bool>,
    dims: Dims,
}

impl Outputs {
    fn new(dims: &Dims, device: &ComputeDevice) -> candle_core::Result<Self> {
        let slots = FIRST_SLOTS.min(dims.max_positions);
        let rows = || (0..dims.layers).map(|_| SlotRows::new(1, slots, dims.hidden, device)).collect();
        let (attention, feed_forward): (candle_core::Result<_>, candle_core::Result<_>) = (rows(), rows());
        Ok(Self { attention: attention?, feed_forward: feed_forward?, known: vec![false; slots], dims: *dims })
    }

    /// A copy of what is known.
    pub fn kept(&self) -> candle_core::Result<RowOutputs> {
        RowOutputs::of(self.attention.iter().chain(&self.feed_forward), &self.known)
    }

    /// From such a copy.
    pub fn restored(kept: &RowOutputs, dims: &Dims, device: &ComputeDevice) -> candle_core::Result<Self> {
        let mut outputs = Self::new(dims, device)?;
        kept.write(outputs.attention.iter_mut().chain(&mut outputs.feed_forward), &mut outputs.known)?;
        Ok(outputs)
    }

    fn grow(&mut self, slots: &[usize]) -> candle_core::Result<()> {
        let end = slots.last().map_or(0, |&last| last + 1);
        let room = room_for(end, self.known.len(), self.dims.max_positions);
        for rows in self.attention.iter_mut().chain(&mut self.feed_forward) {
            rows.grow(room)?;
        }
        self.known.resize(room, false);
        Ok(())
    }

    /// Forgets the rows at slots `len..`.
    pub fn crop(&mut self, len: usize) {
        if let Some(tail) = self.known.get_mut(len..) {
            tail.fill(false);
        }
    }
}

/// The rows of a pass that are recomputed in a layer.
struct Picked<'a> {
    rows: &'a [usize],
    /// Whether that is every row of the pass.
    all: bool,
    slots: SlotSet,
}

impl<'a> Picked<'a> {
    fn new(rows: &'a [usize], plan: &KvPlan, device: &ComputeDevice) -> candle_core::Result<Self> {
        let slots: Vec<usize> = rows.iter().map(|&row| plan.slots[row]).collect();
        let all = rows.len() == plan.slots.len();
        Ok(Self { rows, all, slots: SlotSet::new(&slots, device.tensors())? })
    }

    /// Their rows of `(rows, width)`.
    fn of(&self, x: &Tensor) -> candle_core::Result<Tensor> {
        if self.all { Ok(x.clone()) } else { pick(x, 0, self.rows) }
    }

    /// Keeps `(picked rows, hidden)`.
    fn keep(&self, x: &Tensor, rows: &SlotRows) -> candle_core::Result<()> {
        rows.write(&self.slots.to_write(1, x.dim(1)?)?, &x.unsqueeze(0)?)
    }
}

impl Transformer {
    /// Runs a checked pass: all rows of the last layer, `(rows, hidden)`.
    pub(super) fn run_refreshed(
        &mut self,
        pass: &Pass<'_>,
        hook: &mut dyn RefreshHook,
    ) -> Result<Tensor, NetworkError> {
        if pass.bank != Bank::Run {
            return Err(NetworkError::Pass("only the run's own rows can be refreshed".into()));
        }
        let slots = pass.write_slots();
        let mut x = self.embed(pass.ids)?;
        let outputs = match &mut self.outputs {
            Some(outputs) => outputs,
            empty => empty.insert(Outputs::new(&self.dims, &self.device)?),
        };
        let cached: Vec<bool> = slots.iter().map(|&slot| self.kv.is_written(slot)).collect();
        let plan = self.kv.plan(pass, self.spec.attention)?;
        outputs.grow(slots)?;
        // A row that some layer lacks has to be computed, whatever the hook picks.
        let complete: Vec<bool> =
            slots.iter().zip(&cached).map(|(&slot, &cached)| cached && outputs.known[slot]).collect();
        for &slot in slots {
            outputs.known[slot] = false;
        }
        let turn = self.rotary.rows(pass.positions)?;
        for (number, block) in self.blocks.iter().enumerate() {
            let normed = block.normed(&x)?;
            let v = block.values(&normed)?;
            let mut similarity = vec![1.0; slots.len()];
            if cached.contains(&true) {
                let found: Vec<f32> = cosines(&v, &self.kv.values_at(number, &plan)?)?.to_vec1()?;
                for (row, found) in found.into_iter().enumerate().filter(|(row, _)| cached[*row]) {
                    similarity[row] = found;
                }
            }
            let picked = hook.refresh(number, &similarity);
            check_indexes("rows", &picked, slots.len())?;
            let rows: Vec<usize> =
                (0..slots.len()).filter(|row| !complete[*row] || picked.binary_search(row).is_ok()).collect();
            let picked = Picked::new(&rows, &plan, &self.device)?;
            self.kv.write_values(number, &plan, &v)?;

            if !rows.is_empty() {
                let turn = (picked.of(&turn.0)?, picked.of(&turn.1)?);
                let (q, k) = block.queries_and_keys(&picked.of(&normed)?, &turn)?;
                self.kv.write_keys(number, &picked.slots, &k)?;
                let (keys, values) = self.kv.read(number, &plan)?;
                let context = attend(&q, &keys, &values, &plan.mask.pick(&rows)?)?;
                picked.keep(&block.attended(&context)?, &outputs.attention[number])?;
            }
            x = (x + outputs.attention[number].read(&plan.fed)?.squeeze(0)?)?;
            if !rows.is_empty() {
                picked.keep(&block.fed_forward(&picked.of(&x)?)?, &outputs.feed_forward[number])?;
            }
            x = (x + outputs.feed_forward[number].read(&plan.fed)?.squeeze(0)?)?;
        }
        self.kv.commit(&plan);
        for &slot in slots {
            outputs.known[slot] = true;
        }
        Ok(x)
    }
}
