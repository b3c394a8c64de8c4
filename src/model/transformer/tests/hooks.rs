//! Passes with a hook: watched, widened, refreshed.

use super::*;
use crate::model::network::{AttentionRows, Bank, Control, LayerObserver, LayerRequest, LayerView, Mask, RefreshHook};
use crate::model::testing::VOCAB;

/// Requests the same of every layer, keeps what it observed, and widens at one.
#[derive(Default)]
pub(super) struct Watcher {
    pub request: LayerRequest,
    pub widen_at: Option<usize>,
    pub seen: Vec<LayerView>,
}

impl LayerObserver for Watcher {
    fn requests(&mut self, layer: usize) -> LayerRequest {
        assert_eq!(layer, self.seen.len(), "layers are asked in order");
        // Above a widened layer the fed rows are others.
        if self.widen_at.is_some_and(|at| layer > at) { LayerRequest::default() } else { self.request.clone() }
    }

    fn observe(&mut self, layer: usize, view: &LayerView) -> Control {
        self.seen.push(view.clone());
        if self.widen_at == Some(layer) { Control::Widen } else { Control::Same }
    }
}

/// Picks the same rows in every layer and keeps the similarities.
pub(super) struct Refresher {
    rows: Vec<usize>,
    seen: Vec<Vec<f32>>,
}

impl Refresher {
    pub fn new(rows: &[usize]) -> Self {
        Self { rows: rows.to_vec(), seen: Vec::new() }
    }
}

impl RefreshHook for Refresher {
    fn refresh(&mut self, layer: usize, similarity: &[f32]) -> Vec<usize> {
        assert_eq!(layer, self.seen.len(), "layers are asked in order");
        self.seen.push(similarity.to_vec());
        self.rows.clone()
    }
}

pub(super) fn watch(
    network: &mut Transformer,
    ids: &[u32],
    positions: &[usize],
    end: usize,
    hook: &mut Watcher,
) -> Logits {
    let wanted: Vec<usize> = (0..ids.len()).collect();
    network.forward_observed(Pass::new(ids, positions, Read::UpTo(end), &wanted), hook).unwrap()
}

/// A sequence from its beginning, watched.
pub(super) fn watch_whole(network: &mut Transformer, ids: &[u32], hook: &mut Watcher) -> Logits {
    network.reset();
    let positions: Vec<usize> = (0..ids.len()).collect();
    watch(network, ids, &positions, ids.len(), hook)
}

pub(super) fn refresh(
    network: &mut Transformer,
    ids: &[u32],
    positions: &[usize],
    end: usize,
    hook: &mut Refresher,
) -> Logits {
    let wanted: Vec<usize> = (0..ids.len()).collect();
    network.forward_refreshed(Pass::new(ids, positions, Read::UpTo(end), &wanted), hook).unwrap()
}

/// Softmax in double precision of a query (scaled already) and these keys, with what lies behind `seen` left out.
fn distribution(query: &[f32], keys: &[Vec<f32>], seen: usize) -> Vec<f64> {
    let dot = |key: &Vec<f32>| query.iter().zip(key).map(|(a, b)| f64::from(a * b)).sum::<f64>().exp();
    let weights: Vec<f64> = keys.iter().enumerate().map(|(i, key)| if i < seen { dot(key) } else { 0.0 }).collect();
    let sum: f64 = weights.iter().sum();
    weights.into_iter().map(|weight| weight / sum).collect()
}

/// Every distribution sums to one.
fn sums_to_one(rows: &AttentionRows) -> Result<(), TestCaseError> {
    for head in 0..rows.heads {
        for row in 0..rows.rows {
            let sum: f32 = rows.row(head, row).iter().sum();
            prop_assert!((sum - 1.0).abs() < 1e-5, "{sum}");
        }
    }
    Ok(())
}

fn same_attention(found: &AttentionRows, expected: &AttentionRows) -> Result<(), TestCaseError> {
    prop_assert_eq!((found.heads, found.rows, found.read), (expected.heads, expected.rows, expected.read));
    for (a, b) in found.values.iter().zip(&expected.values) {
        prop_assert!((a - b).abs() < 1e-5, "{a} and {b}");
    }
    Ok(())
}

/// Overwrites every K/V row above layer 0 by nonsense.
fn spoil(network: &mut Transformer, length: usize) {
    let positions: Vec<usize> = (0..length).collect();
    let pass = Pass::new(&[], &positions, Read::UpTo(length), &[]);
    let plan = network.kv.plan(&pass, network.spec.attention).unwrap();
    let shape = (network.dims.kv_heads, length, network.dims.head_dim);
    let nonsense = Tensor::rand(-3_f32, 3.0, shape, network.device.tensors()).unwrap();
    for layer in 1..network.dims.layers {
        network.kv.write(layer, &plan, &nonsense, &nonsense).unwrap();
    }
    network.kv.commit(&plan);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn watching_changes_nothing((ids, part, wanted) in sequence_and_subsets()) {
        let fed = pick(&ids, &part);
        let positions: Vec<usize> = (0..ids.len()).collect();
        for network in networks().iter_mut() {
            let full = whole(network, &ids);
            let mut hook = Watcher::default();
            same_rows(&watch_whole(network, &ids, &mut hook), &full, &positions)?;
            prop_assert_eq!(hook.seen, vec![LayerView::default(); network.dims.layers]);
            let request = LayerRequest { attention: (0..part.len()).collect(), before: wanted.clone() };
            let mut hook = Watcher { request, ..Watcher::default() };
            same_rows(&watch(network, &fed, &part, ids.len(), &mut hook), &full, &part)?;
            // Asking for fewer logits does not change them.
            let pass = Pass::new(&ids, &positions, Read::UpTo(ids.len()), &wanted);
            same_rows(&network.forward_observed(pass, &mut Watcher::default()).unwrap(), &full, &wanted)?;
        }
    }

    #[test]
    fn attention_rows_are_those_of_queries_and_keys((ids, rows, changed) in sequence_and_subsets()) {
        let positions: Vec<usize> = (0..ids.len()).collect();
        for network in networks().iter_mut() {
            let request = LayerRequest { attention: rows.clone(), before: Vec::new() };
            let mut first = Watcher { request, ..Watcher::default() };
            watch_whole(network, &ids, &mut first);

            // Layer 0, worked out from its queries and the keys in its rows.
            let x = network.embed(&ids).unwrap();
            let turn = network.rotary.rows(&positions).unwrap();
            let (q, _, _) = network.blocks[0].project(&x, &turn).unwrap();
            let q: Vec<Vec<Vec<f32>>> = q.to_vec3().unwrap();
            let (width, group) = (network.dims.head_dim, network.dims.heads / network.dims.kv_heads);
            let found = &first.seen[0].attention;
            prop_assert_eq!((found.heads, found.rows, found.read), (network.dims.heads, rows.len(), ids.len()));
            for head in 0..network.dims.heads {
                let key = |position: &usize| {
                    let (key, _) = network.kv.row(0, *position).unwrap();
                    key[head / group * width..][..width].to_vec()
                };
                let keys: Vec<Vec<f32>> = positions.iter().map(key).collect();
                for (row, &position) in rows.iter().enumerate() {
                    let causal = network.spec.attention == Attention::Causal;
                    let expected = distribution(&q[head][position], &keys, if causal { position + 1 } else { ids.len() });
                    for (a, b) in found.row(head, row).iter().zip(expected) {
                        prop_assert!((f64::from(*a) - b).abs() < 1e-5, "{a} and {b}");
                    }
                }
            }

            // Other tokens in some rows: what was there before is what was seen first.
            let others: Vec<u32> = changed.iter().map(|&row| (ids[row] + 1) % VOCAB as u32).collect();
            let request = LayerRequest { attention: Vec::new(), before: rows.clone() };
            let mut second = Watcher { request, ..Watcher::default() };
            watch(network, &others, &changed, ids.len(), &mut second);
            for (first, second) in first.seen.iter().zip(&second.seen) {
                sums_to_one(&first.attention)?;
                same_attention(&second.before, &first.attention)?;
            }
        }
    }

    #[test]
    fn widening_recomputes_all_rows_above((ids, part, _) in sequence_and_subsets()) {
        let fed = pick(&ids, &part);
        for network in networks().iter_mut() {
            let full = watch_whole(network, &ids, &mut Watcher::default());
            let rows = |network: &Transformer| -> Vec<_> {
                (0..ids.len()).map(|slot| network.kv.row(network.dims.layers - 1, slot).unwrap()).collect()
            };
            let before = rows(network);
            spoil(network, ids.len());
            let mut hook = Watcher { widen_at: Some(0), ..Watcher::default() };
            same_rows(&watch(network, &fed, &part, ids.len(), &mut hook), &full, &part)?;
            for ((k, v), (other_k, other_v)) in before.iter().zip(&rows(network)) {
                for (a, b) in k.iter().chain(v).zip(other_k.iter().chain(other_v)) {
                    prop_assert!((a - b).abs() < 1e-5, "{a} and {b}");
                }
            }
            // Widened rows were fed: a later pass may start from them.
            same_rows(&watch(network, &fed, &part, ids.len(), &mut Watcher::default()), &full, &part)?;
        }
    }

    #[test]
    fn unwatched_passes_keep_the_trace_of_a_watched_run((ids, part, _) in sequence_and_subsets()) {
        let fed = pick(&ids, &part);
        let others: Vec<u32> = fed.iter().map(|id| (id + 1) % VOCAB as u32).collect();
        for network in networks().iter_mut() {
            let full = watch_whole(network, &ids, &mut Watcher::default());
            feed(network, &others, &part, Read::UpTo(ids.len()));
            feed(network, &fed, &part, Read::UpTo(ids.len()));
            spoil(network, ids.len());
            let mut hook = Watcher { widen_at: Some(0), ..Watcher::default() };
            same_rows(&watch(network, &fed, &part, ids.len(), &mut hook), &full, &part)?;
        }
    }

    #[test]
    fn refreshing_all_rows_is_a_plain_pass((old, ids) in (sequence(), sequence()), twice in any::<bool>()) {
        let positions: Vec<usize> = (0..ids.len()).collect();
        for network in networks().iter_mut() {
            let full = whole(network, &ids);
            network.reset();
            if twice {
                let before: Vec<usize> = (0..old.len()).collect();
                refresh(network, &old, &before, old.len(), &mut Refresher::new(&[]));
            }
            let mut hook = Refresher::new(&positions);
            same_rows(&refresh(network, &ids, &positions, ids.len(), &mut hook), &full, &positions)?;
            for (slot, similarity) in hook.seen[0].iter().enumerate() {
                let same = !twice || old.get(slot).is_none_or(|old| *old == ids[slot]);
                prop_assert_eq!(*similarity > 0.9999, same, "slot {}: {}", slot, similarity);
            }
            // Rows of other passes can be read as ever.
            same_rows(&feed(network, &ids, &positions, Read::UpTo(ids.len())), &full, &positions)?;
        }
    }

    #[test]
    fn refreshing_nothing_repeats_itself((ids, part, _) in sequence_and_subsets()) {
        let fed = pick(&ids, &part);
        let positions: Vec<usize> = (0..ids.len()).collect();
        for network in networks().iter_mut() {
            let full = whole(network, &ids);
            network.reset();
            // Rows that have no outputs yet are computed whatever the hook says.
            let first = refresh(network, &ids, &positions, ids.len(), &mut Refresher::new(&[]));
            same_rows(&first, &full, &positions)?;
            let mut hook = Refresher::new(&[]);
            let second = refresh(network, &ids, &positions, ids.len(), &mut hook);
            prop_assert_eq!(&first, &second);
            prop_assert!(hook.seen.iter().flatten().all(|similarity| *similarity > 0.9999));
            same_rows(&refresh(network, &fed, &part, ids.len(), &mut Refresher::new(&[])), &full, &part)?;
        }
    }

    #[test]
    fn refreshing_what_a_change_reaches_is_a_plain_pass((ids, _, rows) in sequence_and_subsets()) {
        // From left to right a change reaches what stands behind it.
        let first = rows[0];
        let reached: Vec<usize> = (first..ids.len()).collect();
        let positions: Vec<usize> = (0..ids.len()).collect();
        let mut changed = ids.clone();
        changed[first] = (changed[first] + 1) % VOCAB as u32;
        let mask = Mask::BlockCausal { length: 1, offset: 0 };
        for network in networks().iter_mut() {
            let pass = |ids| Pass { mask, ..Pass::new(ids, &positions, Read::UpTo(positions.len()), &positions) };
            network.reset();
            let full = network.forward(pass(&changed)).unwrap();
            network.reset();
            network.forward_refreshed(pass(&ids), &mut Refresher::new(&positions)).unwrap();
            let found = network.forward_refreshed(pass(&changed), &mut Refresher::new(&reached)).unwrap();
            same_rows(&found, &full, &positions)?;
        }
    }
}

#[test]
fn rows_that_no_watched_pass_fed_cannot_be_widened_to() {
    for network in networks().iter_mut() {
        whole(network, &[5, 6, 7]);
        let pass = Pass::new(&[7], &[2], Read::UpTo(3), &[0]);
        let mut hook = Watcher { widen_at: Some(0), ..Watcher::default() };
        let message = network.forward_observed(pass, &mut hook).unwrap_err().to_string();
        assert!(
            message.contains("at layer 0 the pass is widened to row 0, which no watched pass has fed"),
            "{message}"
        );
        watch_whole(network, &[5, 6, 7], &mut Watcher::default());
        network.crop(1);
        feed(network, &[6], &[1], Read::UpTo(2));
        let mut hook = Watcher { widen_at: Some(0), ..Watcher::default() };
        watch(network, &[7], &[2], 3, &mut hook);
        assert_eq!(hook.seen.len(), network.dims.layers);
    }
}

#[test]
fn hooks_that_ask_for_what_is_not_there_are_refused() {
    for network in networks().iter_mut() {
        watch_whole(network, &[5, 6, 7], &mut Watcher::default());
        let all = [true; 3];
        let pass = Pass::new(&[7], &[2], Read::UpTo(3), &[0]);
        let mut refused = |pass: Pass<'_>, attention: &[usize], before: &[usize], widen_at, expected: &str| {
            let request = LayerRequest { attention: attention.to_vec(), before: before.to_vec() };
            let mut hook = Watcher { request, widen_at, ..Watcher::default() };
            let message = network.forward_observed(pass, &mut hook).unwrap_err().to_string();
            assert!(message.contains(expected), "{message}, expected {expected}");
            feed(network, &[5, 6, 7], &[0, 1, 2], Read::UpTo(3));
        };
        refused(pass, &[1], &[], None, "picks attention rows [1], expected ascending numbers below 1");
        refused(pass, &[], &[1, 0], None, "earlier attention rows [1, 0]");
        refused(pass, &[], &[3], None, "earlier attention rows [3], expected ascending numbers below 3");
        refused(Pass { read: Read::Rows(&[0, 1, 2]), ..pass }, &[], &[], None, "must read a prefix");
        refused(Pass { bank: Bank::Audit, ..pass }, &[], &[], None, "only the run's own rows can be watched");
        refused(Pass { mask: Mask::Dense(&all), ..pass }, &[], &[0], None, "a dense mask does not cover earlier");
        refused(Pass { mask: Mask::Dense(&all), ..pass }, &[], &[], Some(0), "a pass with a dense mask is widened");
        network.reset();
        let first = Pass::new(&[5, 6], &[0, 1], Read::UpTo(2), &[]);
        let request = LayerRequest { attention: Vec::new(), before: vec![0] };
        let message = network.forward_observed(first, &mut Watcher { request, ..Watcher::default() }).unwrap_err();
        assert_eq!(message.to_string(), "K/V row 0 is read before it was written");

        let message = network.forward_refreshed(first, &mut Refresher::new(&[2])).unwrap_err().to_string();
        assert!(message.contains("picks rows [2], expected ascending numbers below 2"), "{message}");
        let message = network
            .forward_refreshed(Pass { bank: Bank::Audit, ..first }, &mut Refresher::new(&[]))
            .unwrap_err()
            .to_string();
        assert!(message.contains("only the run's own rows can be refreshed"), "{message}");
    }
}
