//! Sixteen bits, as GPUs compute: every kind of pass comes close to float32.

use super::hooks::{Refresher, Watcher, refresh, watch, watch_whole};
use super::*;
use crate::model::logits::Reduce;
use crate::model::network::{Bank, LayerRequest};

/// A network in float32 with the fused kernels, and the same weights in float16 with the library's operations.
fn pair(kind: &str) -> (Transformer, Transformer) {
    let tiny = Tiny::new(kind, false);
    (tiny.network(), tiny.network_on(&ComputeDevice::cpu_in_halves()))
}

/// The largest difference of two sets of logits over the largest logit.
fn distance(found: &Logits, expected: &Logits) -> f32 {
    assert_eq!(found.rows(), expected.rows());
    let values = |logits: &Logits| (0..logits.rows()).flat_map(|row| logits.row(row).to_vec()).collect::<Vec<f32>>();
    let (found, expected) = (values(found), values(expected));
    let largest = expected.iter().fold(0.0_f32, |largest, value| largest.max(value.abs()));
    let apart = found.iter().zip(&expected).fold(0.0_f32, |apart, (a, b)| apart.max((a - b).abs()));
    apart / largest
}

/// Feeds a network and gives its logits.
type Forward<'a> = dyn Fn(&mut Transformer) -> Logits + 'a;

/// Eleven bits of mantissa through two layers of sums.
const CLOSE: f32 = 0.02;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    #[test]
    fn every_pass_comes_close_in_half_precision((ids, part, wanted) in sequence_and_subsets()) {
        let positions: Vec<usize> = (0..ids.len()).collect();
        let changed: Vec<u32> = part.iter().map(|&index| (ids[index] + 1) % VOCAB as u32).collect();
        let watched = |network: &mut Transformer| {
            watch_whole(network, &ids, &mut Watcher::default());
            let request = LayerRequest { attention: (0..part.len()).collect(), before: wanted.clone() };
            watch(network, &changed, &part, ids.len(), &mut Watcher { request, ..Watcher::default() })
        };
        let refreshed = |network: &mut Transformer| {
            network.reset();
            refresh(network, &ids, &positions, ids.len(), &mut Refresher::new(&[]));
            refresh(network, &changed, &part, ids.len(), &mut Refresher::new(&[]))
        };
        let passes: [(&str, &Forward<'_>); 4] = [
            ("all rows", &|network| whole(network, &ids)),
            ("some rows", &|network| feed(network, &changed, &part, Read::UpTo(ids.len()))),
            ("watched", &watched),
            ("refreshed", &refreshed),
        ];
        for kind in ARCHS.iter().map(|arch| arch.model_type) {
            let (mut full, mut half) = pair(kind);
            for (name, pass) in passes {
                let apart = distance(&pass(&mut half), &pass(&mut full));
                prop_assert!(apart < CLOSE, "{kind}, {name}: {apart}");
            }
        }
    }

    #[test]
    fn half_precision_alone_is_no_drift((ids, part, _) in sequence_and_subsets()) {
        let positions: Vec<usize> = (0..ids.len()).collect();
        for kind in ARCHS.iter().map(|arch| arch.model_type) {
            let (_, mut half) = pair(kind);
            whole(&mut half, &ids);
            // Fed again in another company, so that sums may round differently.
            feed(&mut half, &pick(&ids, &part), &part, Read::UpTo(ids.len()));
            let pass = Pass::new(&ids, &positions, Read::UpTo(ids.len()), &[]);
            half.forward(Pass { bank: Bank::Audit, ..pass }).unwrap();
            let drift = half.drift(&positions).unwrap();
            let least = drift.keys.iter().chain(&drift.values).copied().fold(1.0_f32, f32::min);
            prop_assert!(least > 0.999, "{kind}: {least}");
        }
    }

    #[test]
    fn summaries_on_a_device_are_those_of_its_rows(ids in sequence()) {
        let (_, mut half) = pair("Dream");
        let logits = whole(&mut half, &ids);
        let reduce = Reduce { excluded: Some(1), top: 5, asked: &[] };
        let found = logits.summaries(reduce).unwrap();
        let rows = (0..logits.rows()).flat_map(|row| logits.row(row).to_vec()).collect();
        for (found, expected) in found.iter().zip(Logits::new(VOCAB, rows).summaries(reduce).unwrap()) {
            prop_assert_eq!(
                found.top.iter().map(|choice| choice.id).collect::<Vec<_>>(),
                expected.top.iter().map(|choice| choice.id).collect::<Vec<_>>()
            );
            prop_assert!((found.entropy - expected.entropy).abs() < 1e-3, "{} and {}", found.entropy, expected.entropy);
        }
    }
}
