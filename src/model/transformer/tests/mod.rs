//! Properties that hold for every architecture, with the fused kernels and with the library's.

#![allow(clippy::unwrap_used)]

use std::sync::{Mutex, MutexGuard, OnceLock};

use proptest::prelude::*;
use proptest::sample::subsequence;

mod halves;
mod hooks;
mod passes;

use super::*;
use crate::model::arch::ARCHS;
use crate::model::network::{Attention, Read};
use crate::model::testing::{Tiny, VOCAB};

/// Logits of every fed row.
fn feed(network: &mut Transformer, ids: &[u32], positions: &[usize], read: Read<'_>) -> Logits {
    let wanted: Vec<usize> = (0..ids.len()).collect();
    network.forward(Pass::new(ids, positions, read, &wanted)).unwrap()
}

/// A sequence from its beginning, with nothing kept from before.
fn whole(network: &mut Transformer, ids: &[u32]) -> Logits {
    network.reset();
    let positions: Vec<usize> = (0..ids.len()).collect();
    feed(network, ids, &positions, Read::UpTo(ids.len()))
}

fn pick<T: Copy>(values: &[T], indexes: &[usize]) -> Vec<T> {
    indexes.iter().map(|&index| values[index]).collect()
}

/// The rows of `found` equal those of `all` at `indexes`.
fn same_rows(found: &Logits, all: &Logits, indexes: &[usize]) -> Result<(), TestCaseError> {
    prop_assert_eq!(found.rows(), indexes.len());
    for (row, &index) in indexes.iter().enumerate() {
        for (a, b) in found.row(row).iter().zip(all.row(index)) {
            prop_assert!((a - b).abs() < 2e-5, "row {index}: {a} and {b}");
        }
    }
    Ok(())
}

/// Every architecture with the fused kernels, and one of each family with the library's; made once.
fn networks() -> MutexGuard<'static, Vec<Transformer>> {
    static NETWORKS: OnceLock<Mutex<Vec<Transformer>>> = OnceLock::new();
    let make = || {
        let fused = ARCHS.iter().enumerate().map(|(i, arch)| Tiny::new(arch.model_type, i % 2 == 1).network());
        let library = ["llada", "qwen2", "a2d-qwen3"]
            .map(|kind| Tiny::new(kind, false).network_on(&ComputeDevice::cpu_by_library()));
        Mutex::new(fused.chain(library).collect())
    };
    NETWORKS.get_or_init(make).lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Those of them that attend in this way.
fn with(attention: Attention, networks: &mut [Transformer]) -> impl Iterator<Item = &mut Transformer> {
    networks.iter_mut().filter(move |network| network.spec.attention == attention)
}

fn sequence() -> impl Strategy<Value = Vec<u32>> {
    prop::collection::vec(0..VOCAB as u32, 2..40)
}

/// A sequence and two subsets of its indexes, neither empty.
fn sequence_and_subsets() -> impl Strategy<Value = (Vec<u32>, Vec<usize>, Vec<usize>)> {
    sequence().prop_flat_map(|ids| {
        let some = || subsequence((0..ids.len()).collect::<Vec<_>>(), 1..=ids.len());
        (Just(ids.clone()), some(), some())
    })
}
