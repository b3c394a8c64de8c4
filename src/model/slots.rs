//! Rows of a tensor addressed by slot: what K/V buffers and everything else that is kept per row are made of.
//!
//! Consecutive slots are written and read in place; scattered ones are moved row by row on the device.

use std::ops::Range;

use candle_core::{Device, Tensor};

use crate::model::device::ComputeDevice;

/// Slots that buffers start with; they double when a slot beyond them is written.
pub(super) const FIRST_SLOTS: usize = 256;

/// A buffer `(groups, slots, width)` that grows.
#[derive(Debug)]
pub(super) struct SlotRows {
    rows: Tensor,
}

/// Ascending slots, ready for the device.
#[derive(Debug)]
pub(super) enum SlotSet {
    /// All in this range.
    Run(Range<usize>),
    /// These, `(slots)`.
    Scattered(Tensor),
}

/// Ascending slots, ready to be written in buffers of one shape.
#[derive(Debug)]
pub(super) enum WriteSet {
    /// From this one on.
    Run(usize),
    /// These, expanded to `(groups, slots, width)`.
    Scattered(Tensor),
}

impl SlotSet {
    pub fn new(slots: &[usize], device: &Device) -> candle_core::Result<Self> {
        match as_run(slots) {
            Some(run) => Ok(Self::Run(run)),
            None => Ok(Self::Scattered(index(slots, device)?)),
        }
    }

    /// For writing rows `(groups, slots, width)`.
    pub fn to_write(&self, groups: usize, width: usize) -> candle_core::Result<WriteSet> {
        match self {
            Self::Run(run) => Ok(WriteSet::Run(run.start)),
            Self::Scattered(slots) => {
                let count = slots.dim(0)?;
                let slots = slots.reshape((1, count, 1))?.broadcast_as((groups, count, width))?;
                Ok(WriteSet::Scattered(slots.contiguous()?))
            }
        }
    }
}

impl SlotRows {
    /// Zeros.
    pub fn new(groups: usize, slots: usize, width: usize, device: &ComputeDevice) -> candle_core::Result<Self> {
        Ok(Self { rows: Tensor::zeros((groups, slots, width), device.dtype(), device.tensors())? })
    }

    /// Makes room for `slots` slots.
    pub fn grow(&mut self, slots: usize) -> candle_core::Result<()> {
        let (groups, held, width) = self.rows.dims3()?;
        if slots > held {
            let larger = Tensor::zeros((groups, slots, width), self.rows.dtype(), self.rows.device())?;
            larger.slice_set(&self.rows, 1, 0)?;
            self.rows = larger;
        }
        Ok(())
    }

    /// Overwrites rows by contiguous ones `(groups, slots, width)`.
    pub fn write(&self, slots: &WriteSet, rows: &Tensor) -> candle_core::Result<()> {
        match slots {
            WriteSet::Run(start) => self.rows.slice_set(rows, 1, *start),
            WriteSet::Scattered(index) => self.rows.scatter_set(index, rows, 1),
        }
    }

    /// A copy of the first `slots` slots, on the host.
    pub fn copied(&self, slots: usize) -> candle_core::Result<Self> {
        // A buffer without any slot is none that a device can hold.
        let rows = self.rows.narrow(1, 0, slots.max(1))?.force_contiguous()?;
        Ok(Self { rows: rows.to_device(&Device::Cpu)? })
    }

    /// Makes room for `slots` slots, and overwrites the first ones by those of a copy.
    pub fn restore(&mut self, copy: &Self, slots: usize) -> candle_core::Result<()> {
        self.grow(slots)?;
        self.rows.slice_set(&copy.rows.to_device(self.rows.device())?, 1, 0)
    }

    /// Bytes of memory that it takes.
    pub fn bytes(&self) -> u64 {
        (self.rows.elem_count() * self.rows.dtype().size_in_bytes()) as u64
    }

    /// Rows `(groups, slots, width)`. Each group's rows are contiguous; groups lie apart by the whole buffer where the
    /// rows could be read in place.
    pub fn read(&self, slots: &SlotSet) -> candle_core::Result<Tensor> {
        match slots {
            SlotSet::Run(run) => self.rows.narrow(1, run.start, run.len()),
            SlotSet::Scattered(index) => self.rows.index_select(index, 1),
        }
    }
}

/// The range that slots or positions make, if each is one more than the one before.
pub(super) fn as_run(slots: &[usize]) -> Option<Range<usize>> {
    let (&first, &last) = (slots.first()?, slots.last()?);
    let consecutive = last.checked_sub(first) == Some(slots.len() - 1) && slots.is_sorted();
    consecutive.then_some(first..last + 1)
}

/// Numbers of rows as an index tensor.
pub(super) fn index(slots: &[usize], device: &Device) -> candle_core::Result<Tensor> {
    let slots: Vec<u32> = slots.iter().map(|&slot| slot as u32).collect();
    Tensor::new(slots, device)
}

/// Slots to hold so that there is room for `end`.
pub(super) fn room_for(end: usize, held: usize, limit: usize) -> usize {
    if end <= held { held } else { end.next_power_of_two().min(limit).max(end) }
}
