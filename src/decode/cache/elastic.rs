//! Elastic-Cache (arXiv 2510.14973): let attention tell when the cache has grown too old, and from which layer on.
//!
//! A step feeds the masks of the window, what the last step committed, and the *watched* tokens: per layer, the
//! committed ones that the window attended to most. In every layer the attention of the watched tokens is compared
//! with what it was before the layer wrote its rows; once their cosine falls below `drift-threshold`, the layers above
//! compute every row that is read, from the inputs that they last had. Masks right of the window are cached like the
//! rest, and so are those behind a cut at end of text: they are attended to as they last were.
//!
//! The paper takes the cosine over the keys, for each head and watched token; the released routine over the heads, for
//! each watched token and key. Both then take the mean (`drift-axis`). It watches tokens of all layers in every layer,
//! as released. In a shifted network the rows that speak for the window's masks are fed too.

use std::collections::BTreeSet;

use super::{
    super::{moment::Moment, plan::Plan, record::LayerUse},
    Row,
};
use crate::{
    model::network::{AttentionRows, Flow, LayerHook, LayerView, LayerWants, Logits, Network, NetworkError, Pass},
    settings::{DriftAxis, Settings},
};

/// What the policy remembers from step to step.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Elastic {
    /// Per layer, the committed positions that the window attended to most.
    watched: Vec<Vec<usize>>,
    /// One past the last row that is read: what was live when everything was last computed.
    reach: usize,
    /// What the pass under way needs, set when it is planned.
    pass: Coming,
}

/// A planned pass.
#[derive(Debug, Clone, Default, PartialEq)]
struct Coming {
    /// Nothing is there yet to compare with.
    fresh: bool,
    watched: Vec<usize>,
    window: Vec<usize>,
    committed: Vec<bool>,
}

impl Elastic {
    /// What a step computes; `fresh` where some row cannot be reused.
    pub fn plan(&mut self, moment: Moment<'_>, rows: &[Option<Row>], fresh: bool) -> Plan {
        let Moment { canvas, schedule, .. } = moment;
        let region = schedule.region();
        let window: Vec<usize> = canvas.masked(region.start..region.end.min(canvas.live())).collect();
        if fresh {
            self.watched.clear();
            self.reach = canvas.live();
        }
        let watched: Vec<usize> = self.watched.iter().flatten().copied().collect::<BTreeSet<_>>().into_iter().collect();
        let query: BTreeSet<usize> = if fresh {
            (0..self.reach).collect()
        } else {
            let token_is_new = |position: &usize| {
                !canvas.is_masked(*position) && rows[*position].is_none_or(|row| row.token != canvas.ids()[*position])
            };
            let sources = window.iter().filter_map(|position| moment.source(*position));
            (0..canvas.live())
                .filter(token_is_new)
                .chain(window.iter().copied())
                .chain(sources)
                .chain(watched.iter().copied())
                .collect()
        };
        let committed = (0..self.reach).map(|position| !canvas.is_masked(position)).collect();
        self.pass = Coming { fresh, watched, window, committed };
        Plan::window(query, self.reach)
    }

    /// Runs the planned pass; `layers` becomes what each layer did.
    pub fn forward(
        &mut self,
        network: &mut dyn Network,
        pass: Pass<'_>,
        settings: &Settings,
        layers: &mut Vec<LayerUse>,
    ) -> Result<Logits, NetworkError> {
        self.watched.resize(network.spec().layers, Vec::new());
        let mut watch = Watch {
            coming: &self.pass,
            fed: pass.positions,
            reach: self.reach,
            threshold: settings.drift_threshold,
            axis: settings.drift_axis,
            tokens: settings.drift_tokens,
            widened: false,
            watched: &mut self.watched,
            layers,
        };
        network.forward_hooked(pass, &mut watch)
    }
}

/// Watches one pass.
struct Watch<'a> {
    coming: &'a Coming,
    fed: &'a [usize],
    reach: usize,
    threshold: f32,
    axis: DriftAxis,
    tokens: usize,
    widened: bool,
    watched: &'a mut Vec<Vec<usize>>,
    layers: &'a mut Vec<LayerUse>,
}

impl Watch<'_> {
    /// Where the row of a position stands among the fed ones; all that are read are fed once the pass is widened.
    fn index(&self, position: usize) -> Option<usize> {
        if self.widened { Some(position) } else { self.fed.binary_search(&position).ok() }
    }

    /// Indexes of the rows whose attention is looked at, ascending.
    fn looked_at(&self) -> Vec<usize> {
        let compared: &[usize] = if self.compares() { &self.coming.watched } else { &[] };
        let looked_at = self.coming.window.iter().chain(compared).filter_map(|position| self.index(*position));
        looked_at.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Whether the layer about to run is compared with its past.
    fn compares(&self) -> bool {
        !self.coming.fresh && !self.widened
    }

    /// The committed positions that the window attends to most, the most attended first.
    fn most_attended(&self, attention: &AttentionRows) -> Vec<usize> {
        let looked_at = self.looked_at();
        let mut mass = vec![0.0_f64; attention.read];
        for row in
            self.coming.window.iter().filter_map(|position| looked_at.binary_search(&self.index(*position)?).ok())
        {
            for head in 0..attention.heads {
                for (sum, share) in mass.iter_mut().zip(attention.row(head, row)) {
                    *sum += f64::from(*share);
                }
            }
        }
        let mut committed: Vec<usize> =
            (0..attention.read).filter(|position| self.coming.committed[*position]).collect();
        // A stable sort: among equals the leftmost.
        committed.sort_by(|a, b| mass[*b].total_cmp(&mass[*a]));
        committed.truncate(self.tokens);
        committed
    }

    /// The similarity of the watched tokens' attention to what it was, 1 where none is watched.
    fn similarity(&self, view: &LayerView) -> f32 {
        let looked_at = self.looked_at();
        let rows: Vec<(usize, usize)> = self
            .coming
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

impl LayerHook for Watch<'_> {
    fn wants(&mut self, _layer: usize) -> LayerWants {
        let before = if self.compares() { self.coming.watched.clone() } else { Vec::new() };
        LayerWants { attention: self.looked_at(), before }
    }

    fn saw(&mut self, layer: usize, view: &LayerView) -> Flow {
        let similarity = self.compares().then(|| self.similarity(view));
        let most_attended = self.most_attended(&view.attention);
        self.watched[layer] = most_attended;
        let computed = if self.widened { self.reach } else { self.fed.len() } as u32;
        // What is not a number says nothing about similarity: it counts as drift, and is not shown.
        let shown = similarity.filter(|value| value.is_finite()).map(|value| value.clamp(-1.0, 1.0));
        self.layers.push(LayerUse { computed, similarity: shown });
        let drifted = similarity.is_some_and(|value| !(value >= self.threshold));
        if drifted && layer + 1 < self.watched.len() {
            self.widened = true;
            return Flow::Widen;
        }
        Flow::Same
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
