//! Elastic-Cache (arXiv 2510.14973): let attention tell when the cache has grown too old, and from which layer on.
//!
//! A step feeds the masks of the window, what the last step committed, and the *watched* tokens: per layer, the
//! committed ones that the window attended to most. In every layer the attention of the watched tokens is compared
//! with what it was before the layer wrote its rows; once their cosine falls below `drift-threshold`, the layers above
//! compute every row that is read, from the inputs that they last had. Masks right of the window are cached like the
//! rest. What is behind a cut at end of text is not fed again, but attended to as it last was.
//!
//! The paper takes the cosine over the keys, for each head and watched token; the released routine over the heads, for
//! each watched token and key. Both then take the mean (`drift-axis`). It watches tokens of all layers in every layer,
//! as released. In a shifted network the rows that predict the window's masks are fed too.

use std::collections::BTreeSet;

use super::{
    super::{context::StepContext, plan::Plan},
    CachePolicy, KnownRows, LayerRows,
};
use crate::{
    model::network::{
        AttentionRows, Control, LayerObserver, LayerRequest, LayerView, Logits, Network, NetworkError, Pass,
    },
    settings::{DriftAxis, GuideRule, ScheduleChoice, Settings},
};

/// What the policy remembers from step to step.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Elastic {
    /// Per layer, the committed positions that the window attended to most.
    watched: Vec<Vec<usize>>,
    /// One past the last row that is read: what was live when everything was last computed.
    reach: usize,
    /// What the pass under way needs, set when it is planned.
    pass: PlannedPass,
}

/// A planned pass.
#[derive(Debug, Clone, Default, PartialEq)]
struct PlannedPass {
    /// Nothing is there yet to compare with.
    fresh: bool,
    watched: Vec<usize>,
    window: Vec<usize>,
    committed: Vec<bool>,
}

impl CachePolicy for Elastic {
    fn plan(&mut self, context: StepContext<'_>, rows: KnownRows<'_>) -> Plan {
        let StepContext { canvas, schedule, .. } = context;
        let fresh = rows.fresh;
        let region = schedule.region();
        let window: Vec<usize> = canvas.masked(region.start..region.end.min(canvas.live())).collect();
        if fresh {
            self.watched.clear();
            self.reach = canvas.live();
        }
        let live = canvas.live();
        let watched: BTreeSet<usize> = self.watched.iter().flatten().copied().filter(|at| *at < live).collect();
        let query: BTreeSet<usize> = if fresh {
            (0..live).collect()
        } else {
            let token_is_new = |position: &usize| !canvas.is_masked(*position) && rows.is_outdated(*position, context);
            let sources = window.iter().map(|position| context.source(*position));
            (0..live).filter(token_is_new).chain(window.iter().copied()).chain(sources).chain(watched.clone()).collect()
        };
        let committed = (0..self.reach).map(|position| position < live && !canvas.is_masked(position)).collect();
        let watched = watched.into_iter().collect();
        self.pass = PlannedPass { fresh, watched, window, committed };
        Plan::window(query, self.reach)
    }

    fn forward(
        &mut self,
        network: &mut dyn Network,
        pass: Pass<'_>,
        settings: &Settings,
        layers: &mut Vec<LayerRows>,
    ) -> Result<Logits, NetworkError> {
        self.watched.resize(network.spec().layers, Vec::new());
        let mut watch = ElasticObserver {
            planned: &self.pass,
            fed: pass.positions,
            reach: self.reach,
            threshold: settings.drift_threshold,
            axis: settings.drift_axis,
            tokens: settings.drift_tokens,
            widened: false,
            watched: &mut self.watched,
            layers,
        };
        network.forward_observed(pass, &mut watch)
    }

    fn conflict(&self, settings: &Settings) -> Option<String> {
        let cache = settings.cache.word();
        if settings.schedule != ScheduleChoice::Leftmost {
            return Some(format!(
                "cache '{cache}' computes a window of the leftmost masks, and schedule is '{}': set schedule to 'leftmost'",
                settings.schedule.word()
            ));
        }
        (settings.guide != GuideRule::Off).then(|| {
            format!(
                "cache '{cache}' commits from its window by threshold or quota, and guide is '{}': set guide to 'off', or \
                 cache to 'freecache-window'",
                settings.guide.word()
            )
        })
    }
}

/// Watches one pass.
struct ElasticObserver<'a> {
    planned: &'a PlannedPass,
    fed: &'a [usize],
    reach: usize,
    threshold: f32,
    axis: DriftAxis,
    tokens: usize,
    widened: bool,
    watched: &'a mut Vec<Vec<usize>>,
    layers: &'a mut Vec<LayerRows>,
}

impl ElasticObserver<'_> {
    /// Where the row of a position stands among the fed ones; all that are read are fed once the pass is widened.
    fn index(&self, position: usize) -> Option<usize> {
        if self.widened { Some(position) } else { self.fed.binary_search(&position).ok() }
    }

    /// Indexes of the rows whose attention is looked at, ascending.
    fn looked_at(&self) -> Vec<usize> {
        let compared: &[usize] = if self.compares() { &self.planned.watched } else { &[] };
        let looked_at = self.planned.window.iter().chain(compared).filter_map(|position| self.index(*position));
        looked_at.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Whether the layer about to run is compared with its past.
    fn compares(&self) -> bool {
        !self.planned.fresh && !self.widened
    }

    /// The committed positions that the window attends to most, the most attended first.
    fn most_attended(&self, attention: &AttentionRows) -> Vec<usize> {
        let looked_at = self.looked_at();
        let mut mass = vec![0.0_f64; attention.read];
        for row in
            self.planned.window.iter().filter_map(|position| looked_at.binary_search(&self.index(*position)?).ok())
        {
            for head in 0..attention.heads {
                for (sum, share) in mass.iter_mut().zip(attention.row(head, row)) {
                    *sum += f64::from(*share);
                }
            }
        }
        let mut committed: Vec<usize> =
            (0..attention.read).filter(|position| self.planned.committed[*position]).collect();
        // A stable sort: among equals the leftmost.
        committed.sort_by(|a, b| mass[*b].total_cmp(&mass[*a]));
        committed.truncate(self.tokens);
        committed
    }

    /// The similarity of the watched tokens' attention to what it was, 1 where none is watched.
    fn similarity(&self, view: &LayerView) -> f32 {
        let looked_at = self.looked_at();
        let rows: Vec<(usize, usize)> = self
            .planned
            .watched
            .iter()
            .enumerate()
            .filter_map(|(before, position)| Some((looked_at.binary_search(&self.index(*position)?).ok()?, before)))
            .collect();
        let (now, before) = (&view.attention, &view.before);
        let (mut sum, mut count) = (0.0, 0_u32);
        let mut compare = |pairs: &mut dyn Iterator<Item = (f32, f32)>| {
            sum += cosine(pairs);
            count += 1;
        };
        for (row, old) in rows {
            match self.axis {
                DriftAxis::Keys => (0..now.heads).for_each(|head| {
                    compare(&mut now.row(head, row).iter().copied().zip(before.row(head, old).iter().copied()));
                }),
                DriftAxis::Heads => (0..now.read).for_each(|key| {
                    compare(&mut (0..now.heads).map(|head| (now.row(head, row)[key], before.row(head, old)[key])));
                }),
            }
        }
        if count == 0 { 1.0 } else { (sum / f64::from(count)) as f32 }
    }
}

impl LayerObserver for ElasticObserver<'_> {
    fn requests(&mut self, _layer: usize) -> LayerRequest {
        let before = if self.compares() { self.planned.watched.clone() } else { Vec::new() };
        LayerRequest { attention: self.looked_at(), before }
    }

    fn observe(&mut self, layer: usize, view: &LayerView) -> Control {
        let similarity = self.compares().then(|| self.similarity(view));
        let most_attended = self.most_attended(&view.attention);
        self.watched[layer] = most_attended;
        let computed = if self.widened { (0..self.reach).collect() } else { self.fed.to_vec() };
        // What is not a number is no similarity: it counts as drift, and is not shown.
        let shown = similarity.filter(|value| value.is_finite()).map(|value| value.clamp(-1.0, 1.0));
        self.layers.push(LayerRows { computed, similarity: shown });
        let drifted = similarity.is_some_and(|value| value.is_nan() || value < self.threshold);
        if drifted && layer + 1 < self.watched.len() {
            self.widened = true;
            return Control::Widen;
        }
        Control::Same
    }
}

/// The cosine of two vectors given as pairs; 0 where one of them is nought.
fn cosine(pairs: &mut dyn Iterator<Item = (f32, f32)>) -> f64 {
    let (mut dot, mut left, mut right) = (0.0, 0.0, 0.0);
    for (a, b) in pairs.map(|(a, b)| (f64::from(a), f64::from(b))) {
        dot += a * b;
        left += a * a;
        right += b * b;
    }
    let norms = f64::sqrt(left) * f64::sqrt(right);
    if norms > 0.0 {
        dot / norms
    } else if norms == 0.0 {
        0.0
    } else {
        f64::NAN
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::network::{Alignment, Attention, NetworkSpec, Read};

    /// Shows a hook the same views in every layer; notes what it wants and what it answers.
    struct Shown {
        spec: NetworkSpec,
        now: Vec<f32>,
        before: Vec<f32>,
        wants: Vec<LayerRequest>,
        flows: Vec<Control>,
    }

    const HEADS: usize = 2;

    impl Network for Shown {
        fn spec(&self) -> &NetworkSpec {
            &self.spec
        }

        fn reset(&mut self) {}

        fn crop(&mut self, _len: usize) {}

        fn forward(&mut self, _pass: Pass<'_>) -> Result<Logits, NetworkError> {
            Err(self.unsupported("is to be watched"))
        }

        fn forward_observed(&mut self, pass: Pass<'_>, hook: &mut dyn LayerObserver) -> Result<Logits, NetworkError> {
            let read = pass.read_len();
            let rows = |values: &[f32], rows: usize| AttentionRows {
                heads: HEADS,
                rows,
                read,
                values: values[..HEADS * rows * read].to_vec(),
            };
            for layer in 0..self.spec.layers {
                let wants = hook.requests(layer);
                let view = LayerView {
                    attention: rows(&self.now, wants.attention.len()),
                    before: rows(&self.before, wants.before.len()),
                };
                self.flows.push(hook.observe(layer, &view));
                self.wants.push(wants);
            }
            Ok(Logits::new(1, Vec::new()))
        }
    }

    /// Two layers over three rows; position 0 is committed and watched, 2 is the window's mask. Both are looked at: the
    /// rows of a head are theirs, in this order.
    fn watch(now: &[f32], before: &[f32], settings: &Settings) -> (Shown, Elastic, Vec<LayerRows>) {
        let spec = NetworkSpec {
            architecture: "Shown".into(),
            vocab_size: 4,
            mask_id: Some(3),
            eos_id: 0,
            max_positions: 3,
            layers: 2,
            parameters: 0,
            attention: Attention::Bidirectional,
            alignment: Alignment::Aligned,
        };
        let (now, before) = (now.to_vec(), before.to_vec());
        let mut network = Shown { spec, now, before, wants: Vec::new(), flows: Vec::new() };
        let pass = PlannedPass { fresh: false, watched: vec![0], window: vec![2], committed: vec![true, true, false] };
        let mut elastic = Elastic { watched: vec![vec![0], vec![0]], reach: 3, pass };
        let mut layers = Vec::new();
        elastic
            .forward(&mut network, Pass::new(&[1, 3], &[0, 2], Read::UpTo(3), &[1]), settings, &mut layers)
            .expect("a watched pass");
        (network, elastic, layers)
    }

    // Head by head, the watched row and the window's: (1, 0, 0), (0.1, 0.7, 0.2) and (0, 1, 0), (0.1, 0.7, 0.2).
    const NOW: [f32; 12] = [1.0, 0.0, 0.0, 0.1, 0.7, 0.2, 0.0, 1.0, 0.0, 0.1, 0.7, 0.2];
    // The watched row alone: (0, 1, 0) in both heads.
    const BEFORE: [f32; 6] = [0.0, 1.0, 0.0, 0.0, 1.0, 0.0];

    #[test]
    fn similarity_is_over_keys_or_over_heads() {
        let of = |drift_axis| {
            let settings = Settings { drift_axis, drift_threshold: 0.0, ..Settings::default() };
            watch(&NOW, &BEFORE, &settings).2[0].similarity.expect("a comparison")
        };
        assert!((of(DriftAxis::Keys) - 0.5).abs() < 1e-6, "1 in one head of two");
        let per_key = [0.0, 1.0 / 2f32.sqrt(), 0.0];
        assert!((of(DriftAxis::Heads) - per_key.iter().sum::<f32>() / 3.0).abs() < 1e-6);
    }

    #[test]
    fn drift_widens_the_layers_above_once() {
        let (network, _, layers) = watch(&NOW, &BEFORE, &Settings { drift_threshold: 0.6, ..Settings::default() });
        assert_eq!(network.flows, [Control::Widen, Control::Same]);
        assert_eq!(network.wants[0], LayerRequest { attention: vec![0, 1], before: vec![0] });
        // Above, all rows are fed, and there is nothing to compare with.
        assert_eq!(network.wants[1], LayerRequest { attention: vec![2], before: Vec::new() });
        assert_eq!(
            layers,
            [
                LayerRows { computed: vec![0, 2], similarity: Some(0.5) },
                LayerRows { computed: vec![0, 1, 2], similarity: None }
            ]
        );
        let steady = watch(&NOW, &BEFORE, &Settings { drift_threshold: 0.5, ..Settings::default() });
        assert_eq!(steady.0.flows, [Control::Same, Control::Same]);
        assert_eq!(steady.2[1].computed, [0, 2]);
    }

    #[test]
    fn what_is_not_a_number_is_drift() {
        let (network, _, layers) = watch(&[f32::NAN; 12], &BEFORE, &Settings::default());
        assert_eq!((network.flows[0], layers[0].similarity), (Control::Widen, None));
    }

    #[test]
    fn the_committed_tokens_that_the_window_attends_to_most_are_watched() {
        let watched = |drift_tokens| {
            let settings = Settings { drift_tokens, drift_threshold: 0.0, ..Settings::default() };
            watch(&NOW, &BEFORE, &settings).1.watched
        };
        assert_eq!(watched(1), [[1], [1]]);
        // The mask is attended to more than position 0, and is not committed.
        assert_eq!(watched(3), [[1, 0], [1, 0]]);
    }
}
