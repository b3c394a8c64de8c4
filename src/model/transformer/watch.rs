//! Passes that are watched layer by layer and may be widened (Elastic-Cache, arXiv 2510.14973, Algorithm 1).
//!
//! Feeding a part of the rows keeps every layer's K/V of the others as they last were. When a hook finds, at some
//! layer, that attention has drifted too far, the layers above continue with all rows of the read prefix: those that were
//! not fed continue from the inputs that each layer last had. For that, layer inputs are kept, and queries, so that
//! a row's attention before and after a layer wrote its keys can be compared. Nothing of this is held or computed
//! before the first watched pass of a run.

use candle_core::{DType, Tensor};

use super::{Transformer, check_indexes, state::RowOutputs};
use crate::model::attention::{RowMask, attend, probabilities};
use crate::model::config::Dims;
use crate::model::device::ComputeDevice;
use crate::model::kv::{KvBuffers, KvPlan, visible};
use crate::model::layers::pick;
use crate::model::network::{
    Attention, AttentionRows, Bank, Control, LayerObserver, LayerRequest, LayerView, Mask, NetworkError, Pass, Read,
};
use crate::model::slots::{FIRST_SLOTS, SlotRows, SlotSet, WriteSet, room_for};

/// Inputs and queries of every layer, by slot.
#[derive(Debug)]
pub(super) struct Traces {
    /// `(1, slots, hidden)` per layer.
    inputs: Vec<SlotRows>,
    /// `(heads, slots, head_dim)` per layer, rotated.
    queries: Vec<SlotRows>,
    /// Which slots hold a row of every layer.
    known: Vec<bool>,
    /// The pass that is under way.
    pass: Option<Writing>,
    dims: Dims,
    device: ComputeDevice,
}

#[derive(Debug)]
struct Writing {
    slots: Vec<usize>,
    inputs: WriteSet,
    queries: WriteSet,
}

impl Traces {
    fn new(dims: &Dims, device: &ComputeDevice) -> candle_core::Result<Self> {
        let slots = FIRST_SLOTS.min(dims.max_positions);
        let rows = |groups: usize, width: usize| {
            let rows = (0..dims.layers).map(|_| SlotRows::new(groups, slots, width, device));
            rows.collect::<candle_core::Result<Vec<_>>>()
        };
        Ok(Self {
            inputs: rows(1, dims.hidden)?,
            queries: rows(dims.heads, dims.head_dim)?,
            known: vec![false; slots],
            pass: None,
            dims: *dims,
            device: device.clone(),
        })
    }

    /// A copy of what is known between two passes.
    pub fn kept(&self) -> candle_core::Result<RowOutputs> {
        RowOutputs::of(self.inputs.iter().chain(&self.queries), &self.known)
    }

    /// From such a copy.
    pub fn restored(kept: &RowOutputs, dims: &Dims, device: &ComputeDevice) -> candle_core::Result<Self> {
        let mut traces = Self::new(dims, device)?;
        kept.write(traces.inputs.iter_mut().chain(&mut traces.queries), &mut traces.known)?;
        Ok(traces)
    }

    /// Makes room for the rows of a pass, which count as unknown until [`Self::commit`].
    pub fn begin(&mut self, plan: &KvPlan) -> candle_core::Result<()> {
        let end = plan.slots.last().map_or(0, |&last| last + 1);
        let room = room_for(end, self.known.len(), self.dims.max_positions);
        for rows in self.inputs.iter_mut().chain(&mut self.queries) {
            rows.grow(room)?;
        }
        self.known.resize(room, false);
        for &slot in &plan.slots {
            self.known[slot] = false;
        }
        self.pass = Some(Writing {
            slots: plan.slots.clone(),
            inputs: plan.fed.to_write(1, self.dims.hidden)?,
            queries: plan.fed.to_write(self.dims.heads, self.dims.head_dim)?,
        });
        Ok(())
    }

    /// Keeps inputs `(rows, hidden)` and queries `(heads, rows, head_dim)` of one layer.
    pub fn write(&self, layer: usize, x: &Tensor, q: &Tensor) -> candle_core::Result<()> {
        self.write_inputs(layer, x)?;
        match &self.pass {
            Some(pass) => self.queries[layer].write(&pass.queries, q),
            None => Ok(()),
        }
    }

    fn write_inputs(&self, layer: usize, x: &Tensor) -> candle_core::Result<()> {
        match &self.pass {
            Some(pass) => self.inputs[layer].write(&pass.inputs, &x.unsqueeze(0)?),
            None => Ok(()),
        }
    }

    /// The rows of the pass are known now.
    pub fn commit(&mut self) {
        for slot in self.pass.take().into_iter().flat_map(|pass| pass.slots) {
            self.known[slot] = true;
        }
    }

    /// Forgets the rows at slots `len..`.
    pub fn crop(&mut self, len: usize) {
        if let Some(tail) = self.known.get_mut(len..) {
            tail.fill(false);
        }
    }

    fn first_unknown(&self, slots: impl IntoIterator<Item = usize>) -> Option<usize> {
        slots.into_iter().find(|&slot| !self.known.get(slot).copied().unwrap_or(false))
    }
}

/// What there was before a pass began.
struct Before {
    /// The positions of the prefix that is read, or its first slot without a K/V row.
    positions: Result<Vec<usize>, usize>,
    /// Which slots had queries.
    known: Vec<bool>,
}

impl Transformer {
    /// Runs a checked pass: rows of the last layer, `(rows, hidden)`, and which of them are the wanted ones.
    pub(super) fn run_watched(
        &mut self,
        pass: &Pass<'_>,
        hook: &mut dyn LayerObserver,
    ) -> Result<(Tensor, Vec<usize>), NetworkError> {
        let Read::UpTo(end) = pass.read else {
            return Err(NetworkError::Pass("a watched pass must read a prefix".into()));
        };
        if pass.bank != Bank::Run {
            return Err(NetworkError::Pass("only the run's own rows can be watched".into()));
        }
        let traces = match &mut self.traces {
            Some(traces) => traces,
            empty => empty.insert(Traces::new(&self.dims, &self.device)?),
        };
        let before = Before { positions: self.kv.prefix_positions(end), known: traces.known.clone() };
        let mut plan = self.kv.plan(pass, self.spec.attention)?;
        traces.begin(&plan)?;
        let mut turn = self.rotary.rows(pass.positions)?;
        let mut x = self.embed(pass.ids)?;
        let mut wanted = pass.wanted.to_vec();
        for (number, block) in self.blocks.iter().enumerate() {
            // Reborrowed per layer: widening changes both.
            let Some(traces) = &mut self.traces else { break };
            let requested = hook.requests(number);
            check_indexes("attention rows", &requested.attention, plan.slots.len())?;
            let (q, k, v) = block.project(&x, &turn)?;
            let earlier = before.rows(number, &requested, traces, &self.kv, pass.mask, self.spec.attention)?;
            self.kv.write(number, &plan, &k, &v)?;
            traces.write(number, &x, &q)?;
            let (keys, values) = self.kv.read(number, &plan)?;
            let attention = match requested.attention.as_slice() {
                [] => AttentionRows::default(),
                rows => attention_rows(&pick(&q, 1, rows)?, &keys, &plan.mask.pick(rows)?)?,
            };
            x = block.finish(&x, &attend(&q, &keys, &values, &plan.mask)?)?;

            let flow = hook.observe(number, &LayerView { attention, before: earlier });
            let above = number + 1;
            if flow == Control::Widen && above < self.blocks.len() && plan.slots.len() < end {
                let fed = |slot: &usize| plan.slots.binary_search(slot).is_ok();
                if let Some(slot) = traces.first_unknown((0..end).filter(|slot| !fed(slot))) {
                    let what = format!("widened to row {slot}, which no watched pass has fed");
                    return Err(NetworkError::Pass(format!("at layer {number} the pass is {what}")));
                }
                traces.write_inputs(above, &x)?;
                wanted = wanted.iter().map(|&row| plan.slots[row]).collect();
                plan = self.kv.widen(&plan, pass, self.spec.attention)?;
                traces.begin(&plan)?;
                turn = self.rotary.rows(&plan.positions)?;
                // A copy: the layer above writes its inputs where these stand.
                x = traces.inputs[above].read(&plan.fed)?.squeeze(0)?.copy()?;
            }
        }
        self.kv.commit(&plan);
        if let Some(traces) = &mut self.traces {
            traces.commit();
        }
        Ok((x, wanted))
    }
}

impl Before {
    /// The attention of the slots that are wanted as they were, from their last queries and the keys at hand.
    fn rows(
        &self,
        layer: usize,
        requested: &LayerRequest,
        traces: &Traces,
        kv: &KvBuffers,
        mask: Mask<'_>,
        attention: Attention,
    ) -> Result<AttentionRows, NetworkError> {
        let slots = requested.before.as_slice();
        if slots.is_empty() {
            return Ok(AttentionRows::default());
        }
        let read = self.positions.as_ref().map_err(|&position| NetworkError::Unwritten { position })?;
        check_indexes("earlier attention rows", slots, read.len())?;
        if let Some(&position) = slots.iter().find(|slot| !self.known.get(**slot).copied().unwrap_or(false)) {
            return Err(NetworkError::Unwritten { position });
        }
        if matches!(mask, Mask::Dense(_)) {
            return Err(NetworkError::Pass("a dense mask does not cover earlier attention rows".into()));
        }
        let positions: Vec<usize> = slots.iter().map(|&slot| read[slot]).collect();
        let mask = RowMask::new(visible(&positions, read, mask, attention)?, read.len(), &traces.device)?;
        let slots = SlotSet::new(slots, traces.device.tensors())?;
        let q = traces.queries[layer].read(&slots)?.contiguous()?;
        attention_rows(&q, &kv.prefix_keys(layer, read.len())?, &mask)
    }
}

/// Probabilities of queries `(heads, rows, head_dim)` over the keys, on the host.
fn attention_rows(q: &Tensor, keys: &Tensor, mask: &RowMask) -> Result<AttentionRows, NetworkError> {
    let (heads, rows, _) = q.dims3()?;
    let values = probabilities(q, keys, mask)?.to_dtype(DType::F32)?.flatten_all()?.to_vec1()?;
    Ok(AttentionRows { heads, rows, read: keys.dim(1)?, values })
}
