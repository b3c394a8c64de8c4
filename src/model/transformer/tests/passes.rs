//! Passes: any rows fed, any rows read, any mask, either bank.

use super::hooks::{Refresher, Watcher, refresh, watch, watch_whole};
use super::*;
use crate::model::network::{Attention, Bank, Mask};
use crate::model::testing::{CONTEXT, VOCAB};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

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

    #[test]
    fn block_causal_lies_between_causal_and_bidirectional((ids, _, wanted) in sequence_and_subsets(), offset in 0..9_usize) {
        let positions: Vec<usize> = (0..ids.len()).collect();
        let lower: Vec<bool> =
            (0..ids.len()).flat_map(|row| (0..ids.len()).map(move |column| column <= row)).collect();
        let all = vec![true; lower.len()];
        for network in networks().iter_mut() {
            let mut masked = |mask| {
                network.reset();
                let pass = Pass { mask, ..Pass::new(&ids, &positions, Read::UpTo(ids.len()), &wanted) };
                network.forward(pass).unwrap()
            };
            let rows: Vec<usize> = (0..wanted.len()).collect();
            let (causal, bidirectional) = (masked(Mask::Dense(&lower)), masked(Mask::Dense(&all)));
            same_rows(&masked(Mask::BlockCausal { length: 1, offset }), &causal, &rows)?;
            same_rows(&masked(Mask::BlockCausal { length: ids.len() + offset, offset }), &bidirectional, &rows)?;
            let own = masked(Mask::Own);
            let expected = match network.spec.attention {
                Attention::Causal => causal,
                Attention::Bidirectional => bidirectional,
            };
            same_rows(&own, &expected, &rows)?;
        }
    }

    #[test]
    fn blocks_fed_one_by_one_equal_a_block_causal_pass(ids in sequence(), length in 1..9_usize, offset in 0..9_usize) {
        let mask = Mask::BlockCausal { length, offset };
        let positions: Vec<usize> = (0..ids.len()).collect();
        for network in networks().iter_mut() {
            network.reset();
            let pass = Pass { mask, ..Pass::new(&ids, &positions, Read::UpTo(ids.len()), &positions) };
            let full = network.forward(pass).unwrap();
            network.reset();
            for block in positions.chunk_by(|&a, &b| (a + offset) / length == (b + offset) / length) {
                let end = block[block.len() - 1] + 1;
                let wanted: Vec<usize> = (0..block.len()).collect();
                let fed = pick(&ids, block);
                // Nothing behind the block is there to be hidden: the mask makes no difference.
                let bidirectional = vec![true; fed.len() * end];
                let pass = Pass::new(&fed, block, Read::UpTo(end), &wanted);
                same_rows(&network.forward(Pass { mask, ..pass }).unwrap(), &full, block)?;
                let mask = Mask::Dense(&bidirectional);
                same_rows(&network.forward(Pass { mask, ..pass }).unwrap(), &full, block)?;
            }
        }
    }

    #[test]
    fn hiding_rows_equals_not_reading_them((ids, part, read) in sequence_and_subsets(), reversed in any::<bool>()) {
        let fed = pick(&ids, &part);
        let dense: Vec<bool> =
            part.iter().flat_map(|_| (0..ids.len()).map(|column| read.binary_search(&column).is_ok())).collect();
        let wanted: Vec<usize> = (0..part.len()).skip(usize::from(reversed && part.len() > 1)).collect();
        for network in networks().iter_mut() {
            whole(network, &ids);
            let all = vec![true; part.len() * read.len()];
            let pass = Pass { mask: Mask::Dense(&all), ..Pass::new(&fed, &part, Read::Rows(&read), &wanted) };
            let chosen = network.forward(pass).unwrap();
            whole(network, &ids);
            let pass = Pass { mask: Mask::Dense(&dense), ..Pass::new(&fed, &part, Read::UpTo(ids.len()), &wanted) };
            same_rows(&network.forward(pass).unwrap(), &chosen, &(0..wanted.len()).collect::<Vec<_>>())?;
        }
    }

    #[test]
    fn slots_may_hold_positions_in_any_order(order in sequence().prop_flat_map(|ids| {
        let positions: Vec<usize> = (0..ids.len()).collect();
        (Just(ids), Just(positions).prop_shuffle())
    })) {
        let (ids, positions) = order;
        let slots: Vec<usize> = (0..ids.len()).collect();
        let fed = pick(&ids, &positions);
        for network in networks().iter_mut() {
            let full = whole(network, &ids);
            network.reset();
            let pass = Pass { slots: Some(&slots), ..Pass::new(&fed, &positions, Read::UpTo(ids.len()), &slots) };
            same_rows(&network.forward(pass).unwrap(), &full, &positions)?;
        }
    }

    #[test]
    fn a_shadow_row_sees_what_its_position_would((ids, part, _) in sequence_and_subsets()) {
        // Every position of `part` is fed twice. The shadows lie behind the canvas: nobody else sees them, and each sees
        // the whole canvas but its own position, and itself.
        let length = ids.len();
        let shadows: Vec<usize> = (0..part.len()).map(|shadow| length + shadow).collect();
        let slots: Vec<usize> = (0..length + part.len()).collect();
        let positions: Vec<usize> = (0..length).chain(part.iter().copied()).collect();
        let fed: Vec<u32> = positions.iter().map(|&position| ids[position]).collect();
        let sees = |row: usize, column: usize| match row.checked_sub(length) {
            None => column < length,
            Some(shadow) if column < length => column != part[shadow],
            Some(_) => column == row,
        };
        let dense: Vec<bool> = slots.iter().flat_map(|&row| slots.iter().map(move |&column| sees(row, column))).collect();
        for network in with(Attention::Bidirectional, &mut networks()) {
            let full = whole(network, &ids);
            network.reset();
            let read = Read::UpTo(slots.len());
            let pass = Pass { mask: Mask::Dense(&dense), slots: Some(&slots), ..Pass::new(&fed, &positions, read, &shadows) };
            same_rows(&network.forward(pass).unwrap(), &full, &part)?;
            // The canvas continues without them.
            network.crop(length);
            same_rows(&feed(network, &pick(&ids, &part), &part, Read::UpTo(length)), &full, &part)?;
        }
    }

    #[test]
    fn an_audit_leaves_the_run_untouched((ids, part, _) in sequence_and_subsets(), seed in 0..VOCAB as u32) {
        let positions: Vec<usize> = (0..ids.len()).collect();
        let other: Vec<u32> = ids.iter().map(|id| (id + seed) % VOCAB as u32).collect();
        for network in networks().iter_mut() {
            let full = whole(network, &ids);
            let truth = whole(network, &other);
            whole(network, &ids);
            let pass = Pass::new(&other, &positions, Read::UpTo(ids.len()), &positions);
            same_rows(&network.forward(Pass { bank: Bank::Audit, ..pass }).unwrap(), &truth, &positions)?;
            same_rows(&feed(network, &pick(&ids, &part), &part, Read::UpTo(ids.len())), &full, &part)?;
            let drift = network.drift(&part).unwrap();
            prop_assert_eq!((drift.keys.len(), drift.values.len()), (drift.layers * part.len(), drift.layers * part.len()));
            let moved = drift.keys.iter().chain(&drift.values).any(|cosine| *cosine < 0.9999);
            prop_assert_eq!(moved, seed != 0, "{:?}", drift);
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

#[test]
fn an_audit_has_rows_of_its_own() {
    for network in networks().iter_mut() {
        whole(network, &[5, 6, 7]);
        assert_eq!(network.drift(&[0]).unwrap_err().to_string(), "K/V row 0 is read before it was written");
        let audit = |ids, positions, end| Pass { bank: Bank::Audit, ..Pass::new(ids, positions, Read::UpTo(end), &[]) };
        let message = network.forward(audit(&[7], &[2], 3)).unwrap_err().to_string();
        assert!(message.contains("row 0 is read before it was written"), "{message}");
        network.forward(audit(&[5, 6], &[0, 1], 2)).unwrap();
        network.drift(&[0, 1]).unwrap();
        assert!(network.drift(&[0, 2]).is_err(), "the audit has no row 2");
        network.crop(1);
        assert!(network.drift(&[0]).is_ok() && network.drift(&[1]).is_err(), "a crop is of the run alone");
        network.forward(audit(&[6], &[1], 2)).unwrap();
        network.reset();
        assert!(network.forward(audit(&[6], &[1], 2)).is_err(), "a reset is of both");
    }
}

#[test]
fn nothing_is_held_for_what_is_not_used() {
    let mut network = Tiny::new("llada", false).network();
    whole(&mut network, &[5, 6, 7]);
    assert!(network.audit.is_none() && network.traces.is_none() && network.outputs.is_none());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn a_network_that_is_put_back_continues_as_it_did((ids, part, wanted) in sequence_and_subsets(), longer in sequence()) {
        for network in networks().iter_mut() {
            // All that a network may keep: both banks, traces, outputs.
            watch_whole(network, &ids, &mut Watcher::default());
            let positions: Vec<usize> = (0..ids.len()).collect();
            refresh(network, &ids, &positions, ids.len(), &mut Refresher::new(&positions));
            network.forward(Pass { bank: Bank::Audit, ..Pass::new(&ids, &positions, Read::UpTo(ids.len()), &[]) }).unwrap();
            let state = network.state().unwrap().expect("transformers give their states");
            prop_assert!(state.bytes() > 0);
            let next = |network: &mut Transformer| {
                let changed: Vec<u32> = pick(&ids, &part).iter().map(|id| (id + 1) % VOCAB as u32).collect();
                let mut hook = Watcher { widen_at: Some(0), ..Watcher::default() };
                let watched = watch(network, &changed, &part, ids.len(), &mut hook);
                let refreshed = refresh(network, &ids, &positions, ids.len(), &mut Refresher::new(&[]));
                let read = feed(network, &pick(&ids, &wanted), &wanted, Read::UpTo(ids.len()));
                (watched, refreshed, read, network.drift(&positions).unwrap())
            };
            let expected = next(network);
            for other in [&longer, &ids] {
                whole(network, other);
                network.restore(&state).unwrap();
                prop_assert_eq!(&next(network), &expected);
            }
        }
    }
}

#[test]
fn a_network_takes_no_state_of_another_sort() {
    let network = &mut networks()[0];
    let error = network.restore(&NetworkState::new(0, ())).unwrap_err().to_string();
    assert!(error.ends_with("cannot take the state of another network"), "{error}");
}
