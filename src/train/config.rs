//! The recipe of a training run, read from TOML.
//!
//! `assets/train/embedded.toml` is the recipe of the shipped pair. Unknown fields are refused.

use super::parameters::Shape;
use crate::files;
use crate::tasks::Family;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use thiserror::Error;

/// The recipe of the shipped pair.
pub const EMBEDDED: &str = include_str!("../../assets/train/embedded.toml");

/// Why a recipe cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file could not be read.
    #[error("cannot read the recipe {path}")]
    Read {
        /// Where it was looked for.
        path: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The file is no recipe.
    #[error("the recipe {path} is malformed")]
    Parse {
        /// Where it stands.
        path: String,
        /// What is wrong, with the line.
        source: Box<toml::de::Error>,
    },
    /// A value that the trainer cannot work with.
    #[error("{field} is {value}, expected {expected}")]
    Value {
        /// Path of the field.
        field: String,
        /// What it holds.
        value: String,
        /// What it should hold.
        expected: String,
    },
}

/// A whole recipe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Config {
    /// Everything random follows from it.
    pub seed: u64,
    /// Samples per step.
    pub samples_per_step: usize,
    /// Parts that a step is cut into; threads take them one by one.
    pub chunks: usize,
    /// Longest sequence in tokens that the networks are made for.
    pub positions: usize,
    /// Steps of the optimiser.
    pub optimizer: Optimizer,
    /// The average of the weights over time, which is what is kept in the end.
    pub average: Average,
    /// How often the run is looked at.
    pub report: ReportInterval,
    /// Sizes by model name.
    pub models: BTreeMap<String, Shape>,
    /// In the order in which they run.
    pub phases: Vec<TrainPhase>,
}

/// `AdamW` (Loshchilov and Hutter, 2019) with clipping by the global norm.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Optimizer {
    /// Peak learning rate.
    pub rate: f64,
    /// Decay of the first moment per step.
    pub first: f64,
    /// Decay of the second moment per step.
    pub second: f64,
    /// Weight decay of the matrices, per unit of learning rate.
    pub decay: f64,
    /// Largest norm of the gradient; larger ones are scaled down to it.
    pub clip: f64,
}

/// Exponential moving average of the weights.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Average {
    /// Share of the old average that stays at each update.
    pub keep: f64,
    /// Steps between updates.
    pub every: u64,
}

/// How often a run reports.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ReportInterval {
    /// Tokens between points of the learning curve.
    pub curve_tokens: u64,
    /// Tokens between measurements of exact match; 0 measures only at the end of a phase.
    pub exact_tokens: u64,
    /// Fresh prompts per family for exact match.
    pub exact_prompts: usize,
    /// The same for stories, which take long.
    pub exact_stories: usize,
    /// Seconds between checkpoints.
    pub checkpoint_seconds: u64,
}

/// One phase of training.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TrainPhase {
    /// Name, also of its checkpoint.
    pub name: String,
    /// Which of the models is trained.
    pub model: String,
    /// The phase whose result it starts from; fresh weights without.
    #[serde(default)]
    pub from: Option<String>,
    /// What is learned.
    pub objective: Objective,
    /// Budget in tokens, prompts and fill included.
    pub tokens: u64,
    /// Steps until the learning rate has reached its peak.
    pub warmup_steps: u64,
    /// Share of the budget, at its end, over which the learning rate falls to zero.
    pub decay_share: f64,
    /// Factor of the peak learning rate.
    #[serde(default = "one")]
    pub rate_factor: f64,
    /// Shares of the families among the samples, which must sum to one; the usual ones where it is empty.
    #[serde(default)]
    pub mix: BTreeMap<Family, f64>,
    /// What must be reached for the next phase to start.
    #[serde(default)]
    pub gate: Gate,
}

fn one() -> f64 {
    1.0
}

/// What a phase learns.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", deny_unknown_fields, rename_all = "kebab-case", rename_all_fields = "kebab-case")]
pub enum Objective {
    /// The next token of the answer from everything before it.
    Causal,
    /// The masked tokens of the answer from everything around them.
    Diffusion {
        /// Largest masking probability at the start of the phase and after the ramp.
        largest_t: [f64; 2],
        /// Share of samples whose mask is a suffix of the answer, at the start and after the ramp.
        suffix_share: [f64; 2],
        /// Share of the budget over which these two move.
        ramp_share: f64,
        /// What is added to the attention scores of later tokens at first.
        future_bias: f32,
        /// Steps until that has risen to zero.
        future_steps: u64,
    },
}

/// Percentages by family that a phase must reach.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Gate {
    /// Exact match on fresh prompts.
    pub exact: BTreeMap<Family, f64>,
    /// Accuracy of copied words.
    pub copied: BTreeMap<Family, f64>,
}

impl Config {
    /// Reads the recipe at `path`, or the embedded one.
    ///
    /// # Errors
    /// Where it cannot be read, and as [`Self::parse`].
    pub fn load(path: Option<&Path>) -> Result<Self, ConfigError> {
        let Some(path) = path else {
            return Self::parse(EMBEDDED, "embedded.toml");
        };
        let name = path.display().to_string();
        let text = files::read_text(path).map_err(|source| ConfigError::Read { path: name.clone(), source })?;
        Self::parse(&text, &name)
    }

    /// Reads a recipe from `text`; `name` is what messages call it.
    ///
    /// # Errors
    /// Where it is no TOML, has an unknown field, or a value that the trainer cannot work with.
    pub fn parse(text: &str, name: &str) -> Result<Self, ConfigError> {
        let config: Self = toml::from_str(text)
            .map_err(|source| ConfigError::Parse { path: name.to_owned(), source: Box::new(source) })?;
        config.validate()?;
        Ok(config)
    }

    /// The size of the model called `name`.
    pub fn shape(&self, name: &str) -> Option<Shape> {
        self.models.get(name).copied()
    }

    fn validate(&self) -> Result<(), ConfigError> {
        require(self.samples_per_step > 0, "samples-per-step", &self.samples_per_step, POSITIVE)?;
        require(self.chunks > 0, "chunks", &self.chunks, POSITIVE)?;
        require(self.average.every > 0, "average.every", &self.average.every, POSITIVE)?;
        require(self.report.curve_tokens > 0, "report.curve-tokens", &self.report.curve_tokens, POSITIVE)?;
        require((0.0..=1.0).contains(&self.average.keep), "average.keep", &self.average.keep, SHARE)?;
        let optimizer = &self.optimizer;
        require(optimizer.rate > 0.0, "optimizer.rate", &optimizer.rate, "above 0")?;
        require(optimizer.clip > 0.0, "optimizer.clip", &optimizer.clip, "above 0")?;
        require((0.0..1.0).contains(&optimizer.first), "optimizer.first", &optimizer.first, "in 0..1")?;
        require((0.0..1.0).contains(&optimizer.second), "optimizer.second", &optimizer.second, "in 0..1")?;
        for (name, shape) in &self.models {
            let field = format!("models.{name}");
            require(shape.layers > 0, &format!("{field}.layers"), &shape.layers, POSITIVE)?;
            require(shape.ffn > 0, &format!("{field}.ffn"), &shape.ffn, POSITIVE)?;
            let even = shape.heads > 0 && shape.hidden > 0 && shape.hidden.is_multiple_of(2 * shape.heads);
            require(even, &format!("{field}.hidden"), &shape.hidden, "a multiple of twice the heads")?;
        }
        require(!self.phases.is_empty(), "phases", &"empty", "at least one phase")?;
        (0..self.phases.len()).try_for_each(|index| self.validate_phase(index))
    }

    fn validate_phase(&self, index: usize) -> Result<(), ConfigError> {
        let (earlier, phase) = (&self.phases[..index], &self.phases[index]);
        let field = format!("phases.{}", phase.name);
        let plain = !phase.name.is_empty() && phase.name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
        require(plain, "phases.name", &phase.name, "letters, digits and dashes")?;
        require(earlier.iter().all(|p| p.name != phase.name), &field, &"a second phase", "one of each name")?;
        let known = self.models.contains_key(&phase.model);
        require(known, &format!("{field}.model"), &phase.model, "one of the models")?;
        if let Some(from) = &phase.from {
            let shape = |phase: &TrainPhase| self.models.get(&phase.model);
            let fits = earlier.iter().any(|p| p.name == *from && shape(p) == shape(phase));
            require(fits, &format!("{field}.from"), from, "an earlier phase of a model of the same shape")?;
        }
        require(phase.tokens > 0, &format!("{field}.tokens"), &phase.tokens, POSITIVE)?;
        if !phase.mix.is_empty() {
            let sum: f64 = phase.mix.values().sum();
            let fine = phase.mix.values().all(|share| *share >= 0.0) && (sum - 1.0).abs() < 1e-6;
            let expected = "shares that are not negative and sum to 1";
            require(fine, &format!("{field}.mix"), &format!("{:?}", phase.mix), expected)?;
        }
        let decay = phase.decay_share;
        require((0.0..=1.0).contains(&decay), &format!("{field}.decay-share"), &decay, SHARE)?;
        if let Objective::Diffusion { largest_t, suffix_share, ramp_share, .. } = &phase.objective {
            for t in largest_t {
                require(*t > SMALLEST_T && *t <= 1.0, &format!("{field}.largest-t"), t, "above 0.02, at most 1")?;
            }
            for s in suffix_share.iter().chain([ramp_share]) {
                require((0.0..=1.0).contains(s), &format!("{field}.objective"), s, SHARE)?;
            }
        }
        Ok(())
    }
}

/// Expectations that several fields share.
const POSITIVE: &str = "at least 1";
const SHARE: &str = "a share between 0 and 1";

/// An error that names the field, unless its value is `fine`.
fn require(fine: bool, field: &str, value: &dyn std::fmt::Display, expected: &str) -> Result<(), ConfigError> {
    if fine {
        return Ok(());
    }
    Err(ConfigError::Value { field: field.to_owned(), value: value.to_string(), expected: expected.to_owned() })
}

/// Smallest masking probability.
pub const SMALLEST_T: f64 = 0.02;

impl TrainPhase {
    /// Learning rate at a step, as a factor of the peak; `progress` is the share of the budget that is spent.
    pub fn rate(&self, step: u64, progress: f64) -> f64 {
        let warm = if step < self.warmup_steps { (step + 1) as f64 / self.warmup_steps as f64 } else { 1.0 };
        let left = (1.0 - progress).max(0.0);
        let fall = if self.decay_share > 0.0 { (left / self.decay_share).min(1.0) } else { 1.0 };
        self.rate_factor * warm.min(fall)
    }

    /// Share of a family among the samples.
    pub fn share(&self, family: Family) -> f64 {
        if self.mix.is_empty() { family.share() } else { self.mix.get(&family).copied().unwrap_or(0.0) }
    }

    /// What is added to the attention scores of later tokens at a step.
    pub fn future(&self, step: u64) -> f32 {
        match self.objective {
            Objective::Causal => f32::NEG_INFINITY,
            Objective::Diffusion { future_bias, future_steps, .. } if step < future_steps => {
                future_bias * (1.0 - step as f32 / future_steps as f32)
            }
            Objective::Diffusion { .. } => 0.0,
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_recipe_is_valid() {
        let config = Config::load(None).unwrap();
        assert_eq!(config.phases[0].future(0), f32::NEG_INFINITY);
        let again = Config::parse(&toml::to_string(&config).unwrap(), "again").unwrap();
        assert_eq!(config, again);
    }

    #[test]
    fn rate_warms_up_stays_and_falls() {
        let mut phase = Config::load(None).unwrap().phases[0].clone();
        (phase.warmup_steps, phase.decay_share, phase.rate_factor) = (10, 0.25, 1.0);
        assert!((phase.rate(0, 0.0) - 0.1).abs() < 1e-12);
        assert!((phase.rate(9, 0.0) - 1.0).abs() < 1e-12);
        assert!((phase.rate(500, 0.75) - 1.0).abs() < 1e-12);
        assert!((phase.rate(500, 0.875) - 0.5).abs() < 1e-12);
        assert!(phase.rate(500, 1.2).abs() < 1e-12);
    }

    #[test]
    fn mistakes_are_named() {
        let broken = [
            ("seed = 1", "sead = 1", "malformed"),
            ("samples-per-step = 48", "samples-per-step = 0", "samples-per-step is 0, expected at least 1"),
            ("from = \"parent\"", "from = \"nowhere\"", "from is nowhere, expected an earlier phase"),
            ("story = 0.12, json", "story = 0.13, json", "sum to 1"),
            ("hidden = 192", "hidden = 190", "models.denoiser.hidden is 190, expected a multiple"),
        ];
        for (good, bad, message) in broken {
            assert!(EMBEDDED.contains(good), "{good}");
            let error = Config::parse(&EMBEDDED.replacen(good, bad, 1), "test").unwrap_err().to_string();
            assert!(error.contains(message), "{error}");
        }
    }
}
