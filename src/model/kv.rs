//! Keys and values of every layer, addressed by slot.
//!
//! A row's slot is its absolute position unless a pass says otherwise, and keys are stored already rotated to the
//! position. So any subset of positions can be fed in any pass, in place, and any subset can be attended to; which of
//! them is what a cache policy decides, not this file. candle-nn's caches (`kv_cache`) append, rotate or scatter, and read
//! all that they hold.

use candle_core::{D, DType, Tensor};

use crate::model::attention::{RowMask, Visible};
use crate::model::device::ComputeDevice;
use crate::model::network::{Attention, Drift, Mask, NetworkError, Pass, Read};
use crate::model::slots::{FIRST_SLOTS, SlotRows, SlotSet, WriteSet, room_for};

/// The K/V buffers of a network.
#[derive(Debug)]
pub struct KvBuffers {
    /// Keys and values of each layer, `(kv_heads, slots, head_dim)`.
    layers: Vec<(SlotRows, SlotRows)>,
    /// The position of the row at each slot, where every layer has one; as long as there are slots.
    rows: Vec<Option<usize>>,
    shape: KvShape,
    device: ComputeDevice,
}

/// Sizes of the K/V buffers.
#[derive(Debug, Clone, Copy)]
pub struct KvShape {
    /// Number of layers.
    pub layers: usize,
    /// Key and value heads per layer.
    pub kv_heads: usize,
    /// Width of a head.
    pub head_dim: usize,
    /// Longest sequence.
    pub max_positions: usize,
}

/// A copy of what K/V buffers hold, on the host.
#[derive(Debug)]
pub(super) struct KvCopy {
    layers: Vec<(SlotRows, SlotRows)>,
    rows: Vec<Option<usize>>,
}

impl KvCopy {
    /// Bytes of memory that it takes.
    pub fn bytes(&self) -> u64 {
        self.layers.iter().map(|(keys, values)| keys.bytes() + values.bytes()).sum()
    }
}

/// What one pass writes and reads, checked once and shared by all layers.
#[derive(Debug)]
pub struct KvPlan {
    /// Slots of the fed rows.
    pub(super) slots: Vec<usize>,
    /// Positions of the fed rows.
    pub(super) positions: Vec<usize>,
    /// The fed slots for the device.
    pub(super) fed: SlotSet,
    write: WriteSet,
    read: SlotSet,
    /// Which of the read rows each fed row attends to.
    pub(super) mask: RowMask,
}

impl KvBuffers {
    /// Buffers without rows.
    pub fn new(shape: KvShape, device: &ComputeDevice) -> candle_core::Result<Self> {
        let slots = FIRST_SLOTS.min(shape.max_positions);
        let empty = || SlotRows::new(shape.kv_heads, slots, shape.head_dim, device);
        let layers = (0..shape.layers).map(|_| Ok((empty()?, empty()?))).collect::<candle_core::Result<_>>()?;
        Ok(Self { layers, rows: vec![None; slots], shape, device: device.clone() })
    }

    /// Number of slots that memory is held for.
    pub fn slots(&self) -> usize {
        self.rows.len()
    }

    /// Whether the row at `slot` can be read.
    pub fn is_written(&self, slot: usize) -> bool {
        self.rows.get(slot).is_some_and(Option::is_some)
    }

    /// Forgets all rows. Memory is kept for the next sequence.
    pub fn reset(&mut self) {
        self.rows.fill(None);
    }

    /// Forgets the rows at positions and slots `len..`.
    pub fn crop(&mut self, len: usize) {
        for (slot, row) in self.rows.iter_mut().enumerate() {
            *row = row.filter(|position| slot < len && *position < len);
        }
    }

    /// A copy of the rows.
    pub(super) fn rows(&self) -> candle_core::Result<KvCopy> {
        let slots = self.rows.iter().rposition(Option::is_some).map_or(0, |last| last + 1);
        let layers = self.layers.iter().map(|(keys, values)| Ok((keys.copied(slots)?, values.copied(slots)?)));
        Ok(KvCopy { layers: layers.collect::<candle_core::Result<_>>()?, rows: self.rows[..slots].to_vec() })
    }

    /// Puts a copy of the rows back, and forgets all others.
    pub(super) fn restore(&mut self, kept: &KvCopy) -> candle_core::Result<()> {
        self.reset();
        self.grow(kept.rows.len())?;
        for ((keys, values), (kept_keys, kept_values)) in self.layers.iter_mut().zip(&kept.layers) {
            keys.restore(kept_keys, self.rows.len())?;
            values.restore(kept_values, self.rows.len())?;
        }
        self.rows[..kept.rows.len()].copy_from_slice(&kept.rows);
        Ok(())
    }

    /// The sizes.
    pub(super) fn shape(&self) -> KvShape {
        self.shape
    }

    /// Checks a pass (already checked in itself) against the rows at hand, and makes room. The fed rows count as
    /// unwritten from here until [`Self::commit`], so that a pass which fails half-way leaves no row behind that some
    /// layers have and others lack.
    pub fn plan(&mut self, pass: &Pass<'_>, attention: Attention) -> Result<KvPlan, NetworkError> {
        let (slots, positions) = (pass.write_slots(), pass.positions);
        let position_of = |slot: usize| match slots.binary_search(&slot) {
            Ok(fed) => Some(positions[fed]),
            Err(_) => self.rows.get(slot).copied().flatten(),
        };
        let read: Result<Vec<usize>, usize> = match pass.read {
            Read::UpTo(end) => (0..end).map(|slot| position_of(slot).ok_or(slot)).collect(),
            Read::Rows(rows) => rows.iter().map(|&slot| position_of(slot).ok_or(slot)).collect(),
        };
        let read = read.map_err(|position| NetworkError::Unwritten { position })?;
        let visible = visible(positions, &read, pass.mask, attention)?;
        let device = self.device.clone();
        self.grow(slots.last().map_or(0, |&last| last + 1))?;
        let fed = SlotSet::new(slots, device.tensors())?;
        let plan = KvPlan {
            slots: slots.to_vec(),
            positions: positions.to_vec(),
            write: fed.to_write(self.shape.kv_heads, self.shape.head_dim)?,
            fed,
            mask: RowMask::new(visible, read.len(), &device)?,
            read: match pass.read {
                Read::UpTo(end) => SlotSet::Run(0..end),
                Read::Rows(rows) => SlotSet::new(rows, device.tensors())?,
            },
        };
        self.forget(&plan.slots);
        Ok(plan)
    }

    /// The plan of a pass that continues with all rows of the prefix that it reads: `plan`'s own rows and those at hand.
    pub(super) fn widen(
        &mut self,
        plan: &KvPlan,
        pass: &Pass<'_>,
        attention: Attention,
    ) -> Result<KvPlan, NetworkError> {
        let slots: Vec<usize> = (0..pass.read_len()).collect();
        let mut positions = Vec::with_capacity(slots.len());
        for &slot in &slots {
            positions.push(match plan.slots.binary_search(&slot) {
                Ok(fed) => plan.positions[fed],
                Err(_) => self.rows[slot].ok_or(NetworkError::Unwritten { position: slot })?,
            });
        }
        if matches!(pass.mask, Mask::Dense(_)) {
            return Err(NetworkError::Pass("a pass with a dense mask is widened".into()));
        }
        let wide = Pass { positions: &positions, slots: Some(&slots), ..*pass };
        self.plan(&wide, attention)
    }

    /// Writes the fed rows of one layer; `k` (rotated) and `v` are contiguous `(kv_heads, rows, head_dim)`.
    pub fn write(&self, layer: usize, plan: &KvPlan, k: &Tensor, v: &Tensor) -> candle_core::Result<()> {
        let (keys, values) = &self.layers[layer];
        keys.write(&plan.write, k)?;
        values.write(&plan.write, v)
    }

    /// Writes the values of the fed rows of one layer.
    pub(super) fn write_values(&self, layer: usize, plan: &KvPlan, v: &Tensor) -> candle_core::Result<()> {
        self.layers[layer].1.write(&plan.write, v)
    }

    /// Writes keys of one layer at these slots alone.
    pub(super) fn write_keys(&self, layer: usize, slots: &SlotSet, k: &Tensor) -> candle_core::Result<()> {
        self.layers[layer].0.write(&slots.to_write(self.shape.kv_heads, self.shape.head_dim)?, k)
    }

    /// The rows of one layer that the pass attends to, `(kv_heads, read rows, head_dim)`.
    pub fn read(&self, layer: usize, plan: &KvPlan) -> candle_core::Result<(Tensor, Tensor)> {
        let (keys, values) = &self.layers[layer];
        Ok((keys.read(&plan.read)?, values.read(&plan.read)?))
    }

    /// The values of one layer at the slots of the fed rows, `(kv_heads, rows, head_dim)`.
    pub(super) fn values_at(&self, layer: usize, plan: &KvPlan) -> candle_core::Result<Tensor> {
        self.layers[layer].1.read(&plan.fed)
    }

    /// Makes the fed rows readable, after every layer has written its own.
    pub fn commit(&mut self, plan: &KvPlan) {
        for (&slot, &position) in plan.slots.iter().zip(&plan.positions) {
            self.rows[slot] = Some(position);
        }
    }

    /// The positions of the rows at slots `0..end`, or the first of them that is not written.
    pub(super) fn prefix_positions(&self, end: usize) -> Result<Vec<usize>, usize> {
        (0..end).map(|slot| self.rows.get(slot).copied().flatten().ok_or(slot)).collect()
    }

    /// The keys of one layer at slots `0..end`, `(kv_heads, end, head_dim)`.
    pub(super) fn prefix_keys(&self, layer: usize, end: usize) -> candle_core::Result<Tensor> {
        self.layers[layer].0.read(&SlotSet::Run(0..end))
    }

    /// The stored key (rotated) and value at a written slot of a layer, each `kv_heads * head_dim` numbers.
    pub fn row(&self, layer: usize, slot: usize) -> Result<(Vec<f32>, Vec<f32>), NetworkError> {
        let Some((keys, values)) = self.layers.get(layer).filter(|_| self.is_written(slot)) else {
            return Err(NetworkError::Unwritten { position: slot });
        };
        let slot = SlotSet::Run(slot..slot + 1);
        let row = |rows: &SlotRows| rows.read(&slot)?.flatten_all()?.to_dtype(DType::F32)?.to_vec1::<f32>();
        Ok((row(keys)?, row(values)?))
    }

    /// Cosines between the rows at `slots` here and in `other`.
    pub(super) fn drift(&self, other: &Self, slots: &[usize]) -> Result<Drift, NetworkError> {
        for bank in [self, other] {
            if let Some(&position) = slots.iter().find(|slot| !bank.is_written(**slot)) {
                return Err(NetworkError::Unwritten { position });
            }
        }
        let layers = self.layers.len();
        if slots.is_empty() {
            return Ok(Drift { layers, keys: Vec::new(), values: Vec::new() });
        }
        let slots = SlotSet::new(slots, self.device.tensors())?;
        let (mut keys, mut values) = (Vec::with_capacity(layers), Vec::with_capacity(layers));
        for ((k, v), (other_k, other_v)) in self.layers.iter().zip(&other.layers) {
            keys.push(cosines(&k.read(&slots)?, &other_k.read(&slots)?)?);
            values.push(cosines(&v.read(&slots)?, &other_v.read(&slots)?)?);
        }
        Ok(Drift { layers, keys: Tensor::cat(&keys, 0)?.to_vec1()?, values: Tensor::cat(&values, 0)?.to_vec1()? })
    }

    /// Rows that are about to be overwritten.
    fn forget(&mut self, slots: &[usize]) {
        for &slot in slots {
            self.rows[slot] = None;
        }
    }

    /// Number of slots that memory is held for once `positions` positions of a context of `max_positions` are fed.
    pub fn slots_for(positions: usize, max_positions: usize) -> usize {
        room_for(positions, FIRST_SLOTS.min(max_positions), max_positions)
    }

    fn grow(&mut self, end: usize) -> candle_core::Result<()> {
        let slots = room_for(end, self.slots(), self.shape.max_positions);
        for (keys, values) in &mut self.layers {
            keys.grow(slots)?;
            values.grow(slots)?;
        }
        self.rows.resize(slots, None);
        Ok(())
    }
}

/// Cosine of each row, all heads together, of `(heads, rows, head_dim)`: `(rows)` in float32.
pub(super) fn cosines(a: &Tensor, b: &Tensor) -> candle_core::Result<Tensor> {
    let (a, b) = (a.to_dtype(DType::F32)?, b.to_dtype(DType::F32)?);
    let product = |a: &Tensor, b: &Tensor| (a * b)?.sum(D::Minus1)?.sum(0);
    let norms = (product(&a, &a)? * product(&b, &b)?)?.sqrt()?;
    // A row of zeros is like nothing, not even like itself.
    product(&a, &b)? / norms.maximum(f64::from(f32::MIN_POSITIVE))?
}

/// Which read rows each fed row attends to, from the positions of both.
pub(super) fn visible(
    positions: &[usize],
    read: &[usize],
    mask: Mask<'_>,
    attention: Attention,
) -> Result<Visible, NetworkError> {
    match (mask, attention) {
        (Mask::Own, Attention::Bidirectional) => Ok(Visible::All),
        (Mask::Own, Attention::Causal) => up_to(positions, read, |position| position),
        (Mask::BlockCausal { length, offset }, _) => {
            up_to(positions, read, |position| position.saturating_add(offset) / length)
        }
        (Mask::Dense(rows), _) => {
            if let Some(blind) = rows.chunks(read.len()).position(|row| !row.contains(&true)) {
                return Err(blind_row(positions[blind]));
            }
            Ok(if rows.contains(&false) { Visible::Each(rows.to_vec()) } else { Visible::All })
        }
    }
}

/// Each fed row attends to the read rows whose `rank` is at most its own.
fn up_to(positions: &[usize], read: &[usize], rank: impl Fn(usize) -> usize) -> Result<Visible, NetworkError> {
    let ranks: Vec<usize> = read.iter().map(|&position| rank(position)).collect();
    if !ranks.is_sorted() {
        let rows: Vec<bool> = positions
            .iter()
            .flat_map(|&position| {
                let own = rank(position);
                ranks.iter().map(move |&other| other <= own)
            })
            .collect();
        return visible(positions, read, Mask::Dense(&rows), Attention::Bidirectional);
    }
    let seen: Vec<usize> =
        positions.iter().map(|&position| ranks.partition_point(|&other| other <= rank(position))).collect();
    match seen.iter().position(|&seen| seen == 0) {
        Some(blind) => Err(blind_row(positions[blind])),
        None if seen.iter().all(|&seen| seen == read.len()) => Ok(Visible::All),
        None => Ok(Visible::Prefixes(seen)),
    }
}

fn blind_row(position: usize) -> NetworkError {
    NetworkError::Pass(format!("the row at position {position} may attend to no K/V row"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use candle_core::Device;

    use super::*;

    const SHAPE: KvShape = KvShape { layers: 2, kv_heads: 2, head_dim: 3, max_positions: 600 };

    fn buffers() -> KvBuffers {
        KvBuffers::new(SHAPE, &ComputeDevice::cpu()).unwrap()
    }

    /// Feeds rows whose every number encodes layer, position and round; reads `read`.
    fn feed(kv: &mut KvBuffers, positions: &[usize], read: Read<'_>, round: usize) -> Result<KvPlan, NetworkError> {
        let ids = vec![0; positions.len()];
        let pass = Pass::new(&ids, positions, read, &[]);
        let plan = kv.plan(&pass, Attention::Bidirectional)?;
        for layer in 0..SHAPE.layers {
            let rows: Vec<f32> = (0..SHAPE.kv_heads)
                .flat_map(|head| positions.iter().map(move |&position| mark(layer, head, position, round)))
                .flat_map(|mark| [mark; SHAPE.head_dim])
                .collect();
            let rows = Tensor::from_vec(rows, (SHAPE.kv_heads, positions.len(), SHAPE.head_dim), &Device::Cpu).unwrap();
            kv.write(layer, &plan, &rows, &rows.neg().unwrap()).unwrap();
        }
        kv.commit(&plan);
        Ok(plan)
    }

    fn mark(layer: usize, head: usize, position: usize, round: usize) -> f32 {
        (round * 10_000 + layer * 2_000 + head * 1_000 + position) as f32
    }

    /// What a read of layer 1 gives, as (key, value) marks of head 0 and head 1.
    fn seen(kv: &KvBuffers, plan: &KvPlan) -> Vec<(f32, f32)> {
        let (keys, values) = kv.read(1, plan).unwrap();
        let channel = |rows: &Tensor| rows.narrow(2, 2, 1).unwrap().flatten_all().unwrap().to_vec1().unwrap();
        let (keys, values): (Vec<f32>, Vec<f32>) = (channel(&keys), channel(&values));
        keys.into_iter().zip(values).collect()
    }

    fn expected(rows: &[(usize, usize)]) -> Vec<(f32, f32)> {
        let row = |head: usize| rows.iter().map(move |&(position, round)| mark(1, head, position, round));
        row(0).chain(row(1)).map(|mark| (mark, -mark)).collect()
    }

    fn unwritten<T>(result: Result<T, NetworkError>) -> usize {
        match result.err().expect("a row is unwritten") {
            NetworkError::Unwritten { position } => position,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn rows_are_appended_and_overwritten_in_place() {
        let mut kv = buffers();
        feed(&mut kv, &[0, 1, 2], Read::UpTo(3), 1).unwrap();
        let plan = feed(&mut kv, &[3, 4], Read::UpTo(5), 2).unwrap();
        assert_eq!(seen(&kv, &plan), expected(&[(0, 1), (1, 1), (2, 1), (3, 2), (4, 2)]));
        // A run in the middle, then a scattered subset.
        let plan = feed(&mut kv, &[1, 2], Read::UpTo(5), 3).unwrap();
        assert_eq!(seen(&kv, &plan), expected(&[(0, 1), (1, 3), (2, 3), (3, 2), (4, 2)]));
        let plan = feed(&mut kv, &[0, 2, 4], Read::UpTo(5), 4).unwrap();
        assert_eq!(seen(&kv, &plan), expected(&[(0, 4), (1, 3), (2, 4), (3, 2), (4, 4)]));
    }

    #[test]
    fn any_rows_can_be_read() {
        let mut kv = buffers();
        feed(&mut kv, &[0, 1, 2, 3, 4, 5], Read::UpTo(6), 1).unwrap();
        let plan = feed(&mut kv, &[5], Read::Rows(&[0, 3, 5]), 2).unwrap();
        assert_eq!(seen(&kv, &plan), expected(&[(0, 1), (3, 1), (5, 2)]));
        let plan = feed(&mut kv, &[5], Read::Rows(&[2, 3, 4]), 2).unwrap();
        assert_eq!(seen(&kv, &plan), expected(&[(2, 1), (3, 1), (4, 1)]));
    }

    #[test]
    fn rows_may_lie_far_apart_and_survive_growth() {
        let mut kv = buffers();
        feed(&mut kv, &[0, 7], Read::Rows(&[0, 7]), 1).unwrap();
        let before = kv.slots();
        let plan = feed(&mut kv, &[500, 599], Read::Rows(&[0, 7, 500, 599]), 2).unwrap();
        assert!(before < 500 && kv.slots() == SHAPE.max_positions, "{before} -> {}", kv.slots());
        assert_eq!(seen(&kv, &plan), expected(&[(0, 1), (7, 1), (500, 2), (599, 2)]));
    }

    #[test]
    fn what_was_not_written_cannot_be_read() {
        let mut kv = buffers();
        assert_eq!(unwritten(feed(&mut kv, &[1], Read::UpTo(2), 1)), 0);
        assert_eq!(unwritten(feed(&mut kv, &[0, 1], Read::UpTo(9_000), 1)), 2);
        assert!(!kv.is_written(0), "a refused pass writes nothing");
        feed(&mut kv, &[0, 1, 2, 3], Read::UpTo(4), 1).unwrap();
        assert_eq!(unwritten(feed(&mut kv, &[1], Read::Rows(&[0, 5]), 1)), 5);
        kv.crop(2);
        assert!(kv.is_written(1) && !kv.is_written(2));
        assert_eq!(unwritten(feed(&mut kv, &[3], Read::UpTo(4), 1)), 2);
        assert_eq!(unwritten(kv.row(0, 3)), 3);
        kv.crop(9_000);
        assert!(kv.is_written(1));
        kv.reset();
        assert_eq!(unwritten(feed(&mut kv, &[1], Read::UpTo(2), 1)), 0);
    }

    #[test]
    fn a_pass_that_never_ends_leaves_its_rows_unwritten() {
        let mut kv = buffers();
        feed(&mut kv, &[0, 1, 2], Read::UpTo(3), 1).unwrap();
        let pass = Pass::new(&[0], &[1], Read::UpTo(3), &[]);
        kv.plan(&pass, Attention::Bidirectional).unwrap();
        assert!(kv.is_written(0) && !kv.is_written(1) && kv.is_written(2));
    }

    #[test]
    fn causal_queries_see_what_is_not_after_them() {
        let mut kv = buffers();
        feed(&mut kv, &[0, 1, 2, 3, 4, 5], Read::UpTo(6), 1).unwrap();
        let mut visible = |positions: &[usize], read| {
            let ids = vec![0; positions.len()];
            let plan = kv.plan(&Pass::new(&ids, positions, read, &[]), Attention::Causal)?;
            kv.commit(&plan);
            Ok::<_, NetworkError>(plan.mask.visible().clone())
        };
        assert_eq!(visible(&[2, 3], Read::UpTo(4)).unwrap(), Visible::Prefixes(vec![3, 4]));
        assert_eq!(visible(&[3], Read::UpTo(4)).unwrap(), Visible::All);
        assert_eq!(visible(&[2, 5], Read::Rows(&[1, 3, 5])).unwrap(), Visible::Prefixes(vec![1, 3]));
        assert_eq!(visible(&[3, 5], Read::Rows(&[0, 1])).unwrap(), Visible::All);
        let blind = visible(&[0, 5], Read::Rows(&[1, 2])).unwrap_err().to_string();
        assert!(blind.contains("position 0 may attend to no K/V row"), "{blind}");
    }

    #[test]
    fn masks_follow_positions_and_not_slots() {
        let mut kv = buffers();
        feed(&mut kv, &[0, 1, 2, 3], Read::UpTo(4), 1).unwrap();
        // A second row for position 1, behind the canvas.
        let pass = |mask| Pass { slots: Some(&[2, 4]), mask, ..Pass::new(&[0, 0], &[2, 1], Read::UpTo(5), &[]) };
        let (yes, no) = (true, false);
        let everything = [yes; 10];
        let dense = [no, yes, no, no, yes, yes, no, no, no, no];
        let blind = [yes, yes, yes, yes, yes, no, no, no, no, no];
        let mut visible = |mask, attention| {
            let plan = kv.plan(&pass(mask), attention).unwrap();
            kv.commit(&plan);
            plan.mask.visible().clone()
        };
        let causal = Visible::Each(vec![yes, yes, yes, no, yes, yes, yes, no, no, yes]);
        assert_eq!(visible(Mask::Own, Attention::Causal), causal);
        assert_eq!(visible(Mask::BlockCausal { length: 1, offset: 7 }, Attention::Bidirectional), causal);
        let pairs = Visible::Each(vec![yes, yes, yes, yes, yes, yes, yes, no, no, yes]);
        assert_eq!(visible(Mask::BlockCausal { length: 2, offset: 0 }, Attention::Bidirectional), pairs);
        let shifted = Visible::Each(vec![yes, yes, yes, no, yes, yes, yes, yes, no, yes]);
        assert_eq!(visible(Mask::BlockCausal { length: 2, offset: 1 }, Attention::Bidirectional), shifted);
        assert_eq!(
            visible(Mask::BlockCausal { length: usize::MAX, offset: 3 }, Attention::Causal),
            Visible::All,
            "one block holds everything"
        );
        assert_eq!(visible(Mask::Dense(&everything), Attention::Causal), Visible::All);
        assert_eq!(visible(Mask::Dense(&dense), Attention::Causal), Visible::Each(dense.to_vec()));
        let message = kv.plan(&pass(Mask::Dense(&blind)), Attention::Causal).unwrap_err().to_string();
        assert!(message.contains("position 1 may attend to no K/V row"), "{message}");
        assert!(kv.is_written(2) && kv.is_written(4), "a refused pass changes nothing");
    }

    #[test]
    fn a_crop_takes_the_shadow_of_a_canvas_along() {
        let mut kv = buffers();
        feed(&mut kv, &[0, 1, 2], Read::UpTo(3), 1).unwrap();
        let pass = Pass { slots: Some(&[3]), ..Pass::new(&[0], &[1], Read::UpTo(4), &[]) };
        let plan = kv.plan(&pass, Attention::Bidirectional).unwrap();
        kv.commit(&plan);
        assert_eq!(kv.prefix_positions(4).unwrap(), [0, 1, 2, 1]);
        kv.crop(3);
        assert!(kv.is_written(2) && !kv.is_written(3));
    }

    #[test]
    fn cosines_tell_how_far_rows_have_moved() {
        let (mut one, mut other) = (buffers(), buffers());
        feed(&mut one, &[0, 1, 2], Read::UpTo(3), 1).unwrap();
        feed(&mut other, &[0, 1, 2], Read::UpTo(3), 1).unwrap();
        // Head 0 of position 2 turned around in layer 1: keys (2, 2 apart in length) are no longer parallel.
        let key = |a: f32, b: f32| Tensor::new(&[[[a, 0.0, 0.0]], [[b, 0.0, 0.0]]], &Device::Cpu).unwrap();
        let pass = Pass::new(&[0], &[2], Read::UpTo(3), &[]);
        let plan = one.plan(&pass, Attention::Bidirectional).unwrap();
        for layer in 0..2 {
            one.write(layer, &plan, &key(1.0, 1.0), &key(3.0, 4.0)).unwrap();
        }
        one.commit(&plan);
        let plan = other.plan(&pass, Attention::Bidirectional).unwrap();
        other.write(0, &plan, &key(2.0, 2.0), &key(4.0, -3.0)).unwrap();
        other.write(1, &plan, &key(1.0, -1.0), &key(-3.0, -4.0)).unwrap();
        other.commit(&plan);
        let drift = one.drift(&other, &[0, 2]).unwrap();
        let close = |found: &[f32], expected: [f32; 4]| {
            assert!(found.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{found:?}, expected {expected:?}");
        };
        assert_eq!(drift.layers, 2);
        close(&drift.keys, [1.0, 1.0, 1.0, 0.0]);
        close(&drift.values, [1.0, 0.0, 1.0, -1.0]);
        other.crop(2);
        assert_eq!(unwritten(one.drift(&other, &[0, 2])), 2);
    }
}
