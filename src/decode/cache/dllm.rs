//! dLLM-Cache (arXiv 2506.06295; the implementation in the d²Cache repository): long pauses for the prompt, short ones for
//! the response, and in between only what has moved.
//!
//! Beside K/V, the outputs of attention and of the feed-forward part are kept for every row. The prompt is computed in
//! every `prompt-refresh`-th step, the response in every `response-refresh`-th. In other steps every layer computes the
//! value vectors of the response, compares them with those at hand, and computes only the `refresh-share` of the rows
//! whose values have moved most; the others take their old outputs. The first layer computes all rows that are fed.
//! Nothing makes sure that a token just committed is computed: its values move.
//!
//! In a shifted network the last row of the prompt counts with the response while it predicts a mask.

use super::{
    super::{
        context::StepContext,
        plan::{PassPlan, Plan},
    },
    CachePolicy, KnownRows, LayerRows,
};
use crate::{
    model::network::{Logits, Network, NetworkError, Pass, RefreshHook},
    settings::Settings,
};

/// The pass under way.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Dllm {
    /// Nothing is kept yet.
    fresh: bool,
    step: usize,
    /// Number of prompt tokens.
    prompt: usize,
    /// Number of live positions behind them.
    response: usize,
    /// Positions that some layer above the first computed in the last pass, ascending.
    picked: Vec<usize>,
}

impl CachePolicy for Dllm {
    fn plan(&mut self, context: StepContext<'_>, rows: KnownRows<'_>) -> Plan {
        let fresh = rows.fresh;
        let StepContext { settings, canvas, step, .. } = context;
        let (prompt, live) = (canvas.prompt(), canvas.live());
        *self = Self { fresh, step, prompt, response: live - prompt, picked: Vec::new() };
        if fresh || is_due(step, settings.prompt_refresh) {
            return Plan::whole(live);
        }
        let source = canvas.first_masked().map_or(prompt, |position| context.source(position));
        Plan::window(prompt.min(source)..live, live)
    }

    fn forward(
        &mut self,
        network: &mut dyn Network,
        pass: Pass<'_>,
        settings: &Settings,
        layers: &mut Vec<LayerRows>,
    ) -> Result<Logits, NetworkError> {
        let mut picks = Picks {
            fed: pass.positions,
            prompt: self.prompt,
            all: self.fresh,
            prompt_is_due: self.fresh || is_due(self.step, settings.prompt_refresh),
            response_is_due: self.fresh || is_due(self.step, settings.response_refresh),
            share: (f64::from(settings.refresh_share) * self.response as f64) as usize,
            picked: vec![network.spec().layers == 1; pass.positions.len()],
            layers,
        };
        let logits = network.forward_refreshed(pass, &mut picks)?;
        self.picked =
            pass.positions.iter().zip(&picks.picked).filter(|(_, picked)| **picked).map(|(at, _)| *at).collect();
        Ok(logits)
    }

    /// Positions whose rows some layer above the first computed.
    fn computed<'a>(&'a self, _pass: &'a PassPlan) -> &'a [usize] {
        &self.picked
    }
}

/// As released: the step before every multiple of the pause.
fn is_due(step: usize, pause: usize) -> bool {
    (step + 1).is_multiple_of(pause)
}

/// Picks the rows of one pass.
struct Picks<'a> {
    fed: &'a [usize],
    prompt: usize,
    all: bool,
    prompt_is_due: bool,
    response_is_due: bool,
    /// How many rows of the response are computed where it is not due.
    share: usize,
    /// Which of the fed rows some layer above the first has picked.
    picked: Vec<bool>,
    layers: &'a mut Vec<LayerRows>,
}

impl RefreshHook for Picks<'_> {
    fn refresh(&mut self, layer: usize, similarity: &[f32]) -> Vec<usize> {
        let is_prompt = |row: usize| self.prompt_is_due && self.fed[row] < self.prompt;
        let mut picks: Vec<usize> = if self.all || layer == 0 {
            (0..self.fed.len()).collect()
        } else {
            let (mut picks, mut others): (Vec<usize>, Vec<usize>) =
                (0..self.fed.len()).partition(|row| is_prompt(*row) || self.response_is_due);
            // What is not a number has moved farthest.
            let moved = |row: usize| if similarity[row].is_nan() { f32::NEG_INFINITY } else { similarity[row] };
            others.sort_by(|a, b| moved(*a).total_cmp(&moved(*b)));
            picks.extend(others.into_iter().take(self.share));
            picks
        };
        picks.sort_unstable();
        if layer > 0 {
            for row in &picks {
                self.picked[*row] = true;
            }
        }
        let known = similarity.iter().filter(|value| value.is_finite());
        let (sum, count) = known.fold((0.0, 0_u32), |(sum, count), value| (sum + f64::from(*value), count + 1));
        let mean = (count > 0 && !self.all).then(|| (sum / f64::from(count)).clamp(-1.0, 1.0) as f32);
        let computed = picks.iter().map(|row| self.fed[*row]).collect();
        self.layers.push(LayerRows { computed, similarity: mean });
        picks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn picks(prompt_is_due: bool, response_is_due: bool, similarity: &[f32]) -> (Vec<usize>, Vec<LayerRows>) {
        let mut layers = Vec::new();
        let mut picks = Picks {
            fed: &[1, 2, 3, 4, 5],
            prompt: 3,
            all: false,
            prompt_is_due,
            response_is_due,
            share: 2,
            picked: vec![false; 5],
            layers: &mut layers,
        };
        assert_eq!(picks.refresh(0, similarity), [0, 1, 2, 3, 4], "the first layer computes all");
        let picked = picks.refresh(1, similarity);
        assert_eq!((0..5).filter(|row| picks.picked[*row]).collect::<Vec<_>>(), picked);
        (picked, layers)
    }

    #[test]
    fn the_rows_that_moved_most_are_computed() {
        let similarity = [0.9, 0.8, 0.5, 0.7, f32::NAN];
        let (picked, layers) = picks(false, false, &similarity);
        assert_eq!(picked, [2, 4]);
        assert_eq!(layers[1].computed, [3, 5]);
        assert!((layers[1].similarity.expect("a mean") - 0.725).abs() < 1e-6);
        assert_eq!(picks(true, false, &similarity).0, [0, 1, 2, 4]);
        assert_eq!(picks(false, true, &similarity).0, [0, 1, 2, 3, 4]);
    }
}
