//! Properties that hold for every architecture, with the fused kernels and with the library's.

#![allow(clippy::unwrap_used)]

use std::sync::{Mutex, MutexGuard, OnceLock};

use proptest::prelude::*;
use proptest::sample::subsequence;

use super::*;
use crate::model::network::{Attention, Read};
use crate::model::testing::{CONTEXT, MODEL_TYPES, Tiny, VOCAB};

/// Logits of every fed row.
fn feed(network: &mut Body, ids: &[u32], positions: &[usize], read: Read<'_>) -> Logits {
    let wanted: Vec<usize> = (0..ids.len()).collect();
    network.forward(Pass::new(ids, positions, read, &wanted)).unwrap()
}

/// A sequence from its beginning, with nothing kept from before.
fn whole(network: &mut Body, ids: &[u32]) -> Logits {
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
fn networks() -> MutexGuard<'static, Vec<Body>> {
    static NETWORKS: OnceLock<Mutex<Vec<Body>>> = OnceLock::new();
    let make = || {
        let fused = MODEL_TYPES.iter().enumerate().map(|(i, kind)| Tiny::new(kind, i % 2 == 1).network());
        let library = ["llada", "qwen2", "a2d-qwen3"]
            .map(|kind| Tiny::new(kind, false).network_on(&ComputeDevice::cpu_by_library()));
        Mutex::new(fused.chain(library).collect())
    };
    NETWORKS.get_or_init(make).lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

/// Those of them that attend in this way.
fn with(attention: Attention, networks: &mut [Body]) -> impl Iterator<Item = &mut Body> {
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

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn refeeding_everything_equals_a_fresh_pass((old, new) in (sequence(), sequence())) {
        for network in networks().iter_mut() {
            let fresh = whole(network, &new);
            whole(network, &old);
            let positions: Vec<usize> = (0..new.len()).collect();
            let again = feed(network, &new, &positions, Read::UpTo(new.len()));
            same_rows(&again, &fresh, &positions)?;
        }
    }

    #[test]
    fn refeeding_a_part_unchanged_gives_the_same_logits((ids, part, wanted) in sequence_and_subsets()) {
        let everything: Vec<usize> = (0..ids.len()).collect();
        for network in networks().iter_mut() {
            let full = whole(network, &ids);
            let fed = pick(&ids, &part);
            same_rows(&feed(network, &fed, &part, Read::UpTo(ids.len())), &full, &part)?;
            // Naming the rows one by one is the same as their range.
            same_rows(&feed(network, &fed, &part, Read::Rows(&everything)), &full, &part)?;
            // Asking for fewer logits does not change them.
            let read = Read::UpTo(ids.len());
            let fewer = network.forward(Pass::new(&ids, &everything, read, &wanted)).unwrap();
            same_rows(&fewer, &full, &wanted)?;
        }
    }

    #[test]
    fn a_guide_reads_in_any_portions((ids, cuts, _) in sequence_and_subsets()) {
        for guide in with(Attention::Causal, &mut networks()) {
            let full = whole(guide, &ids);
            guide.reset();
            let mut start = 0;
            for end in cuts.iter().copied().chain([ids.len()]).filter(|&end| end > 0) {
                if end > start {
                    let positions: Vec<usize> = (start..end).collect();
                    same_rows(&feed(guide, &ids[start..end], &positions, Read::UpTo(end)), &full, &positions)?;
                    start = end;
                }
            }
        }
    }

    #[test]
    fn only_distances_between_positions_matter((ids, part, _) in sequence_and_subsets(), shift in 1..300_usize) {
        for network in networks().iter_mut() {
            network.reset();
            let fed = pick(&ids, &part);
            let here = feed(network, &fed, &part, Read::Rows(&part));
            let there: Vec<usize> = part.iter().map(|position| position + shift).collect();
            let shifted = feed(network, &fed, &there, Read::Rows(&there));
            let all: Vec<usize> = (0..part.len()).collect();
            for (row, &index) in all.iter().enumerate() {
                for (a, b) in here.row(row).iter().zip(shifted.row(index)) {
                    prop_assert!((a - b).abs() < 1e-3, "{a} and {b}");
                }
            }
        }
    }
}

#[test]
fn the_context_of_a_denoiser_reaches_forward_and_a_guides_does_not() {
    let (one, other) = ([5, 6, 7], [5, 6, 8]);
    for network in networks().iter_mut() {
        let same = whole(network, &one).row(0) == whole(network, &other).row(0);
        assert_eq!(same, network.spec.attention == Attention::Causal, "{}", network.spec.architecture);
    }
}

#[test]
fn no_logits_are_made_when_none_are_wanted() {
    for network in networks().iter_mut() {
        let full = whole(network, &[5, 6, 7]);
        network.reset();
        let pass = Pass::new(&[5, 6, 7], &[0, 1, 2], Read::UpTo(3), &[]);
        assert_eq!(network.forward(pass).unwrap().rows(), 0);
        let later = feed(network, &[7], &[2], Read::UpTo(3));
        same_rows(&later, &full, &[2]).unwrap();
    }
}

/// Ids, positions, read rows and wanted indexes of a pass, and what its error says.
type Refused = (&'static [u32], &'static [usize], Read<'static>, &'static [usize], &'static str);

#[test]
fn malformed_passes_are_refused_and_change_nothing() {
    let denoiser = &mut networks()[0];
    let full = whole(denoiser, &[5, 6, 7]);
    let cases: [Refused; 10] = [
        (&[], &[], Read::UpTo(3), &[], "no row is fed"),
        (&[5], &[0, 1], Read::UpTo(3), &[], "1 ids are fed at 2 positions"),
        (&[5, 5], &[1, 1], Read::UpTo(3), &[], "position 1 follows 1"),
        (&[5, 5], &[0, 1], Read::UpTo(3), &[1, 0], "wanted index 0 follows 1"),
        (&[5, 5], &[0, 1], Read::UpTo(3), &[2], "row 2 is wanted, but only 2 are fed"),
        (&[5], &[0], Read::Rows(&[2, 1]), &[], "read row 1 follows 2"),
        (&[5], &[0], Read::Rows(&[]), &[], "no K/V row is read"),
        (&[24], &[0], Read::UpTo(3), &[], "token id 24 is outside the vocabulary of 24"),
        (&[5], &[CONTEXT], Read::UpTo(3), &[], "position 1024 is beyond the network's context of 1024"),
        (&[5], &[0], Read::UpTo(4), &[], "K/V row 3 is read before it was written"),
    ];
    for (ids, positions, read, wanted, expected) in cases {
        let message = denoiser.forward(Pass::new(ids, positions, read, wanted)).unwrap_err().to_string();
        assert!(message.contains(expected), "{message}, expected {expected}");
    }
    same_rows(&feed(denoiser, &[6], &[1], Read::UpTo(3)), &full, &[1]).unwrap();
}

#[test]
fn a_sequence_can_fill_the_context() {
    let ids: Vec<u32> = (0..CONTEXT).map(|position| (position * 5 % VOCAB) as u32).collect();
    for network in networks().iter_mut() {
        assert_eq!(whole(network, &ids).rows(), CONTEXT);
    }
}
