//! Keys and values of every layer, addressed by absolute position.
//!
//! A row's slot *is* its position, and keys are stored already rotated to it. So any subset of positions can be fed
//! in any pass, in place, and any subset can be attended to; which of them is what a cache policy decides, not this
//! file. Consecutive slots are written and read in place; scattered ones are moved row by row on the device.

use std::ops::Range;

use candle_core::{Device, Tensor};

use crate::model::device::ComputeDevice;
use crate::model::network::{Attention, NetworkError, Pass, Read};

/// Slots that the buffers start with; they double when a position beyond them is fed.
const FIRST_SLOTS: usize = 256;

/// The K/V buffers of a network.
#[derive(Debug)]
pub struct KvBuffers {
    /// Keys and values of each layer, `(kv_heads, slots, head_dim)`.
    layers: Vec<(Tensor, Tensor)>,
    /// Which slots hold a row of every layer; as long as there are slots.
    written: Vec<bool>,
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

/// What one pass writes and reads, checked once and shared by all layers.
#[derive(Debug)]
pub struct KvPlan {
    positions: Vec<usize>,
    write: Slots,
    read: Slots,
    read_len: usize,
    visible: Option<Vec<usize>>,
}

/// Slots of one side of a pass.
#[derive(Debug)]
enum Slots {
    Run(Range<usize>),
    /// Indexes for the device: `(rows)` to read, `(kv_heads, rows, head_dim)` to write.
    Scattered(Tensor),
}

impl KvPlan {
    /// Number of rows that are read.
    pub fn read_len(&self) -> usize {
        self.read_len
    }

    /// For each fed row, how many of the read rows it may attend to; they come first, because read rows are ascending.
    /// `None` when every fed row attends to every read row.
    pub fn visible(&self) -> Option<&[usize]> {
        self.visible.as_deref()
    }
}

impl KvBuffers {
    /// Buffers without rows.
    pub fn new(shape: KvShape, device: &ComputeDevice) -> candle_core::Result<Self> {
        let slots = FIRST_SLOTS.min(shape.max_positions);
        let zeros = || Tensor::zeros((shape.kv_heads, slots, shape.head_dim), device.dtype(), device.tensors());
        let layers = (0..shape.layers).map(|_| Ok((zeros()?, zeros()?))).collect::<candle_core::Result<_>>()?;
        Ok(Self { layers, written: vec![false; slots], shape, device: device.clone() })
    }

    /// Number of slots that memory is held for.
    pub fn slots(&self) -> usize {
        self.written.len()
    }

    /// Whether the row at `position` can be read.
    pub fn is_written(&self, position: usize) -> bool {
        self.written.get(position).copied().unwrap_or(false)
    }

    /// Forgets all rows. Memory is kept for the next sequence.
    pub fn reset(&mut self) {
        self.written.fill(false);
    }

    /// Forgets the rows at positions `len..`.
    pub fn crop(&mut self, len: usize) {
        if let Some(tail) = self.written.get_mut(len..) {
            tail.fill(false);
        }
    }

    /// Checks the positions of a pass (already ascending and within the context) against the rows at hand, and makes
    /// room. The fed rows count as unwritten from here until [`Self::commit`], so that a pass which fails half-way
    /// leaves no row behind that some layers have and others lack.
    pub fn plan(&mut self, pass: &Pass<'_>, attention: Attention) -> Result<KvPlan, NetworkError> {
        let positions = pass.positions;
        let fed = |position: &usize| positions.binary_search(position).is_ok();
        let unreadable = |position: &usize| !self.is_written(*position) && !fed(position);
        let unwritten = match pass.read {
            Read::UpTo(end) => (0..end).find(unreadable),
            Read::Rows(rows) => rows.iter().copied().find(unreadable),
        };
        if let Some(position) = unwritten {
            return Err(NetworkError::Unwritten { position });
        }
        let visible = match attention {
            Attention::Bidirectional => None,
            Attention::Causal => prefixes(positions, pass.read)?,
        };
        let end = positions.last().map_or(0, |&last| last + 1);
        self.grow(end)?;
        let write = self.slots_to_write(positions)?;
        let (read, read_len) = match pass.read {
            Read::UpTo(end) => (Slots::Run(0..end), end),
            Read::Rows(rows) => (self.slots_to_read(rows)?, rows.len()),
        };
        for &position in positions {
            self.written[position] = false;
        }
        Ok(KvPlan { positions: positions.to_vec(), write, read, read_len, visible })
    }

    /// Writes the fed rows of one layer; `k` (rotated) and `v` are contiguous `(kv_heads, rows, head_dim)`.
    pub fn write(&self, layer: usize, plan: &KvPlan, k: &Tensor, v: &Tensor) -> candle_core::Result<()> {
        let (keys, values) = &self.layers[layer];
        match &plan.write {
            Slots::Run(run) => {
                keys.slice_set(k, 1, run.start)?;
                values.slice_set(v, 1, run.start)
            }
            Slots::Scattered(index) => {
                keys.scatter_set(index, k, 1)?;
                values.scatter_set(index, v, 1)
            }
        }
    }

    /// The rows of one layer that the pass attends to, `(kv_heads, read rows, head_dim)`. Each head's rows are
    /// contiguous; heads lie apart by the whole buffer where the rows could be read in place.
    pub fn read(&self, layer: usize, plan: &KvPlan) -> candle_core::Result<(Tensor, Tensor)> {
        let (keys, values) = &self.layers[layer];
        match &plan.read {
            Slots::Run(run) => Ok((keys.narrow(1, run.start, run.len())?, values.narrow(1, run.start, run.len())?)),
            Slots::Scattered(index) => Ok((keys.index_select(index, 1)?, values.index_select(index, 1)?)),
        }
    }

    /// Makes the fed rows readable, after every layer has written its own.
    pub fn commit(&mut self, plan: &KvPlan) {
        for &position in &plan.positions {
            self.written[position] = true;
        }
    }

    /// The stored key (rotated) and value at a written position of a layer, each `kv_heads * head_dim` numbers.
    pub fn row(&self, layer: usize, position: usize) -> Result<(Vec<f32>, Vec<f32>), NetworkError> {
        let Some((keys, values)) = self.layers.get(layer).filter(|_| self.is_written(position)) else {
            return Err(NetworkError::Unwritten { position });
        };
        let row = |rows: &Tensor| {
            rows.narrow(1, position, 1)?.flatten_all()?.to_dtype(candle_core::DType::F32)?.to_vec1::<f32>()
        };
        Ok((row(keys)?, row(values)?))
    }

    /// Number of slots that memory is held for once `positions` positions of a context of `max_positions` are fed.
    pub fn slots_for(positions: usize, max_positions: usize) -> usize {
        positions.next_power_of_two().max(FIRST_SLOTS).min(max_positions)
    }

    fn grow(&mut self, end: usize) -> candle_core::Result<()> {
        if end <= self.slots() {
            return Ok(());
        }
        let slots = Self::slots_for(end, self.shape.max_positions).max(end);
        let grown = |rows: &Tensor| {
            let shape = (self.shape.kv_heads, slots, self.shape.head_dim);
            let larger = Tensor::zeros(shape, self.device.dtype(), self.device.tensors())?;
            larger.slice_set(rows, 1, 0)?;
            Ok::<_, candle_core::Error>(larger)
        };
        self.layers =
            self.layers.iter().map(|(k, v)| Ok((grown(k)?, grown(v)?))).collect::<candle_core::Result<_>>()?;
        self.written.resize(slots, false);
        Ok(())
    }

    fn slots_to_write(&self, positions: &[usize]) -> candle_core::Result<Slots> {
        if let Some(run) = as_run(positions) {
            return Ok(Slots::Run(run));
        }
        let index = index(positions, self.device.tensors())?.reshape((1, positions.len(), 1))?;
        let shape = (self.shape.kv_heads, positions.len(), self.shape.head_dim);
        Ok(Slots::Scattered(index.broadcast_as(shape)?.contiguous()?))
    }

    fn slots_to_read(&self, rows: &[usize]) -> candle_core::Result<Slots> {
        match as_run(rows) {
            Some(run) => Ok(Slots::Run(run)),
            None => Ok(Slots::Scattered(index(rows, self.device.tensors())?)),
        }
    }
}

/// How many of the ascending read rows lie at or before each query.
fn prefixes(positions: &[usize], read: Read<'_>) -> Result<Option<Vec<usize>>, NetworkError> {
    let visible_to = |query: usize| match read {
        Read::UpTo(end) => end.min(query + 1),
        Read::Rows(rows) => rows.partition_point(|&row| row <= query),
    };
    let total = match read {
        Read::UpTo(end) => end,
        Read::Rows(rows) => rows.len(),
    };
    let visible: Vec<usize> = positions.iter().map(|&query| visible_to(query)).collect();
    match visible.first() {
        Some(0) => Err(NetworkError::Pass(format!("the row at position {} may attend to no K/V row", positions[0]))),
        // Prefixes grow with the query, so the first one speaks for all.
        Some(&first) if first == total => Ok(None),
        _ => Ok(Some(visible)),
    }
}

/// The range that ascending positions make, if they have no gap.
pub(crate) fn as_run(positions: &[usize]) -> Option<Range<usize>> {
    let (&first, &last) = (positions.first()?, positions.last()?);
    (last - first + 1 == positions.len()).then_some(first..last + 1)
}

/// Positions as an index tensor.
pub(crate) fn index(positions: &[usize], device: &Device) -> candle_core::Result<Tensor> {
    let positions: Vec<u32> = positions.iter().map(|&position| position as u32).collect();
    Tensor::new(positions, device)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const SHAPE: KvShape = KvShape { layers: 2, kv_heads: 2, head_dim: 3, max_positions: 600 };

    fn buffers() -> KvBuffers {
        KvBuffers::new(SHAPE, &ComputeDevice::cpu()).unwrap()
    }

    /// Feeds rows whose every number tells layer, position and round; reads `read`.
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
        assert_eq!(keys.dims(), [SHAPE.kv_heads, plan.read_len(), SHAPE.head_dim]);
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
            Ok::<_, NetworkError>(plan.visible().map(<[usize]>::to_vec))
        };
        assert_eq!(visible(&[2, 3], Read::UpTo(4)).unwrap(), Some(vec![3, 4]));
        assert_eq!(visible(&[3], Read::UpTo(4)).unwrap(), None);
        assert_eq!(visible(&[2, 5], Read::Rows(&[1, 3, 5])).unwrap(), Some(vec![1, 3]));
        assert_eq!(visible(&[3, 5], Read::Rows(&[0, 1])).unwrap(), None);
        let blind = visible(&[0, 5], Read::Rows(&[1, 2])).unwrap_err().to_string();
        assert!(blind.contains("position 0 may attend to no K/V row"), "{blind}");
    }
}
