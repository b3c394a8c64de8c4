//! d²Cache (arXiv 2509.23094; its released `d2cache.py`): position by position, what the next step computes.
//!
//! The `d2-masks` most promising masks from the start of the block to the end of the block that holds the last of so many
//! masks: promising by their last confidence times the density of committed positions around them (`density.rs`), with
//! those of the block first. What the last step committed. And of all others the most important by attention rollout of
//! the last pass, as many as hold `rollout-mass` of the others' importance, at least one. Short gaps between chosen
//! positions can be filled (`inflate`). In a shifted network the row left of a promising mask is computed in its place.
//! Whatever mask has its row computed can be committed.
//!
//! Attention rollout multiplies, layer by layer, the mean of the heads' attention with the residual stream's identity
//! added and rows brought to sum 1; the rows of positions that a pass does not feed are those of the identity. A
//! position's importance is the sum of its column. Only the sums are needed, so they are carried down from the last
//! layer instead of carrying the product up.
//!
//! The released code means to keep the last confidence of every mask, and by a slip of precedence keeps the first. Here
//! it is the last.

use super::{
    super::{context::StepContext, density::certainty_density, plan::Plan, proposal::Candidate},
    CachePolicy, KnownRows, LayerRows,
};
use crate::{
    model::network::{
        AttentionRows, Control, LayerObserver, LayerRequest, LayerView, Logits, Network, NetworkError, Pass,
    },
    settings::{GuideRule, Settings},
};

/// Added to the mass that a share is taken of, as released: so that the whole share leaves nothing to rounding.
const SLACK: f64 = 1e-9;

/// What the policy remembers from step to step.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct D2 {
    /// The last confidence at every position; 0 where there was none.
    confidence: Vec<f64>,
    /// The importance of every row that the last pass read.
    importance: Vec<f64>,
}

impl CachePolicy for D2 {
    fn plan(&mut self, context: StepContext<'_>, rows: KnownRows<'_>) -> Plan {
        let StepContext { settings, canvas, .. } = context;
        let live = canvas.live();
        if rows.fresh {
            self.confidence = vec![0.0; canvas.len()];
            return Plan::whole(live);
        }
        let token_is_new = |position: usize| !canvas.is_masked(position) && rows.is_outdated(position, context);
        let mut fed: Vec<bool> = (0..live).map(token_is_new).collect();
        for position in self.promising(context) {
            fed[context.source(position)] = true;
        }
        self.add_important(&mut fed, f64::from(settings.rollout_mass));
        inflate(&mut fed, settings.inflate);
        Plan::window((0..live).filter(|position| fed[*position]), live)
    }

    fn forward(
        &mut self,
        network: &mut dyn Network,
        pass: Pass<'_>,
        _settings: &Settings,
        _layers: &mut Vec<LayerRows>,
    ) -> Result<Logits, NetworkError> {
        let mut rollout = Rollout { fed: pass.positions, layers: Vec::new() };
        let logits = network.forward_observed(pass, &mut rollout)?;
        self.importance = rollout.importance(pass.read_len());
        Ok(logits)
    }

    fn proposed(&mut self, candidates: &[Candidate]) {
        for Candidate { proposal, .. } in candidates {
            self.confidence[proposal.position] = f64::from(proposal.confidence);
        }
    }

    fn conflict(&self, settings: &Settings) -> Option<String> {
        (settings.guide != GuideRule::Off).then(|| {
            format!(
                "cache '{}' computes masks here and there, and guide '{}' reads drafts from left to right: set guide to \
                 'off', or cache to 'freecache-window'",
                settings.cache.word(),
                settings.guide.word()
            )
        })
    }
}

impl D2 {
    /// The most promising masks.
    fn promising(&self, context: StepContext<'_>) -> Vec<usize> {
        let StepContext { settings, canvas, schedule, .. } = context;
        let (block, live) = (schedule.region(), canvas.live());
        let masks: Vec<usize> = canvas.masked(canvas.prompt()..live).collect();
        let end = match masks.get(settings.d2_masks - 1) {
            // The end of the block, in blocks of the active one's length, that holds the last of so many masks.
            Some(last) => {
                let length = (block.end - block.start).max(1);
                canvas.prompt() + ((last - canvas.prompt()) / length + 1) * length
            }
            None => live,
        };
        let density = certainty_density(canvas, settings.density_sigma);
        let mut ranked: Vec<(bool, f64, usize)> = masks
            .into_iter()
            .filter(|position| (block.start..end).contains(position))
            .map(|position| (position < block.end, self.confidence[position] * density[position], position))
            .collect();
        // Stable: among equals the leftmost.
        ranked.sort_by(|a, b| b.0.cmp(&a.0).then(b.1.total_cmp(&a.1)));
        ranked.truncate(settings.d2_masks);
        ranked.into_iter().map(|(_, _, position)| position).collect()
    }

    /// Adds the most important of the others, as long as they hold no more than `share` of the others' importance
    /// together; at least one.
    fn add_important(&self, fed: &mut [bool], share: f64) {
        let mut others: Vec<(f64, usize)> = fed
            .iter()
            .enumerate()
            .filter(|(_, fed)| !**fed)
            .map(|(position, _)| (self.importance.get(position).copied().unwrap_or(0.0), position))
            .collect();
        let mass: f64 = others.iter().map(|(importance, _)| importance).sum();
        others.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut held = 0.0;
        for (rank, (importance, position)) in others.into_iter().enumerate() {
            held += importance;
            if rank > 0 && held > share * (mass + SLACK) {
                break;
            }
            fed[position] = true;
        }
    }
}

/// Feeds what lies between two fed positions that are at most `width` apart.
fn inflate(fed: &mut [bool], width: usize) {
    let chosen: Vec<usize> = (0..fed.len()).filter(|position| fed[*position]).collect();
    for pair in chosen.windows(2).filter(|pair| pair[1] - pair[0] <= width) {
        fed[pair[0]..pair[1]].fill(true);
    }
}

/// Keeps the attention of one pass.
struct Rollout<'a> {
    fed: &'a [usize],
    /// Per layer the mean of the heads, row-major `(fed, read)`.
    layers: Vec<Vec<f32>>,
}

impl Rollout<'_> {
    /// The column sums of the product of all layers, for `read` rows.
    fn importance(&self, read: usize) -> Vec<f64> {
        let mut sums = vec![1.0; read];
        for layer in self.layers.iter().rev() {
            // A row that is not fed passes its sum straight down.
            let mut below = sums.clone();
            for position in self.fed {
                below[*position] = 0.0;
            }
            for (position, row) in self.fed.iter().zip(layer.chunks_exact(read)) {
                let mass: f64 = row.iter().map(|share| f64::from(*share)).sum();
                let weight = sums[*position] / (1.0 + mass);
                for (sum, share) in below.iter_mut().zip(row) {
                    *sum += weight * f64::from(*share);
                }
                below[*position] += weight;
            }
            sums = below;
        }
        // What is not a number counts for nothing.
        sums.into_iter().map(|sum| if sum.is_finite() { sum } else { 0.0 }).collect()
    }
}

impl LayerObserver for Rollout<'_> {
    fn requests(&mut self, _layer: usize) -> LayerRequest {
        LayerRequest { attention: (0..self.fed.len()).collect(), before: Vec::new() }
    }

    fn observe(&mut self, _layer: usize, view: &LayerView) -> Control {
        let AttentionRows { heads, rows, read, values } = &view.attention;
        let mut mean = vec![0.0; rows * read];
        for head in values.chunks_exact((rows * read).max(1)) {
            for (sum, share) in mean.iter_mut().zip(head) {
                *sum += share / *heads as f32;
            }
        }
        self.layers.push(mean);
        Control::Same
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rollout_is_the_column_sums_of_the_product() {
        // Three rows, of which 0 and 2 are fed; two layers of one head.
        let layers = vec![vec![0.5, 0.5, 0.0, 0.2, 0.3, 0.5], vec![0.1, 0.0, 0.9, 0.6, 0.4, 0.0]];
        let rollout = Rollout { fed: &[0, 2], layers: layers.clone() };
        let matrix = |layer: &[f32]| {
            let row = |fed: usize, at: usize| {
                let residual = |key: usize| f64::from(u8::from(key == at));
                (0..3).map(|key| 0.5 * (f64::from(layer[3 * fed + key]) + residual(key))).collect::<Vec<f64>>()
            };
            [row(0, 0), vec![0.0, 1.0, 0.0], row(1, 2)]
        };
        let (first, second) = (matrix(&layers[0]), matrix(&layers[1]));
        let found = rollout.importance(3);
        for column in 0..3 {
            let product = |row: usize| (0..3).map(|k| second[row][k] * first[k][column]).sum::<f64>();
            assert!((found[column] - (0..3).map(product).sum::<f64>()).abs() < 1e-6, "column {column}: {found:?}");
        }
    }

    #[test]
    fn the_most_important_of_the_others_are_fed_up_to_their_share() {
        let d2 = D2 { confidence: Vec::new(), importance: vec![4.0, 9.0, 3.0, 2.0, 1.0] };
        let fed_with = |share| {
            let mut fed = [false, true, false, false, false];
            d2.add_important(&mut fed, share);
            fed
        };
        assert_eq!(fed_with(0.0), [true, true, false, false, false], "at least one");
        assert_eq!(fed_with(0.7), [true, true, true, false, false]);
        assert_eq!(fed_with(1.0), [true; 5]);
    }

    #[test]
    fn short_gaps_are_filled() {
        let inflated = |width| {
            let mut fed = [true, false, false, true, false, false, false, true, false];
            inflate(&mut fed, width);
            fed.map(u8::from)
        };
        assert_eq!(inflated(2), [1, 0, 0, 1, 0, 0, 0, 1, 0]);
        assert_eq!(inflated(3), [1, 1, 1, 1, 0, 0, 0, 1, 0]);
        assert_eq!(inflated(4), [1, 1, 1, 1, 1, 1, 1, 1, 0]);
    }
}
