//! The training loop: phases one after the other, each resumable at any step.

use super::checkpoint::{self, CheckpointError, TrainProgress};
use super::composed::Composed;
use super::config::{Config, Objective, TrainPhase};
use super::data::{Batch, BatchSource, Specials};
use super::evaluate::{Evaluate, EvaluateError, MeasuredWeights};
use super::figures::{Point, TokenSums};
use super::fused::Fused;
use super::gradient::{EngineError, GradientEngine};
use super::optimizer::{AdamW, OptimizerState};
use super::parameters::ParameterLayout;
use crate::model::tokenizer::{Tokenizer, TokenizerError};
use crate::tasks::{Family, Options};
use candle_core::Device;
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use thiserror::Error;

/// Why training stopped short.
#[derive(Debug, Error)]
pub enum TrainError {
    /// A checkpoint could not be written or read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The engine failed.
    #[error(transparent)]
    GradientEngine(#[from] EngineError),
    /// Exact match could not be measured.
    #[error(transparent)]
    Evaluate(#[from] EvaluateError),
    /// A sample could not be encoded.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
    /// A file of the run could not be written or read.
    #[error("cannot access {path}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// The thread that makes batches ended.
    #[error("the thread that makes batches ended at step {step} of phase {phase}")]
    Batches {
        /// The phase.
        phase: String,
        /// The step.
        step: u64,
    },
    /// The gradient is no number.
    #[error("the gradient at step {step} of phase {phase} is not finite: lower the learning rate")]
    Diverged {
        /// The phase.
        phase: String,
        /// The step.
        step: u64,
    },
    /// A phase did not reach its gate.
    #[error("phase {phase} missed its gate: {missed}; give it more tokens, or continue with --past-gates")]
    Gate {
        /// The phase.
        phase: String,
        /// What was reached and what was expected.
        missed: String,
    },
    /// A checkpoint is of another run.
    #[error("{path} was trained with seed {found}, the recipe says {expected}")]
    Seed {
        /// The checkpoint.
        path: PathBuf,
        /// Its seed.
        found: u64,
        /// That of the recipe.
        expected: u64,
    },
}

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Every phase has spent its budget.
    Finished,
    /// It was asked to stop, and can be resumed.
    Stopped,
}

/// Exact match at some moment of a run, as kept in `exact.jsonl`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExactMatch {
    /// The phase.
    pub phase: String,
    /// Steps of the phase so far.
    pub step: u64,
    /// Tokens of the phase so far.
    pub tokens: u64,
    /// Percentage of right answers by family.
    pub exact: BTreeMap<Family, f64>,
}

/// Everything that a run needs.
pub struct TrainRun<'a> {
    /// The recipe.
    pub config: &'a Config,
    /// Where checkpoints and curves are kept.
    pub folder: &'a Path,
    /// Of the networks.
    pub tokenizer: Arc<Tokenizer>,
    /// Ending and mask.
    pub specials: Specials,
    /// Rows of the embedding.
    pub vocab: usize,
    /// Where it is computed.
    pub device: Device,
    /// Threads on a CPU.
    pub threads: usize,
    /// Set from outside to stop after the current step.
    pub stop: Arc<AtomicBool>,
    /// Continue where a gate is missed.
    pub past_gates: bool,
}

impl TrainRun<'_> {
    /// The layout of the model called `name`; recipes are validated to have it.
    pub fn layout(&self, name: &str) -> ParameterLayout {
        let shape = self.config.models[name];
        ParameterLayout::new(shape, self.vocab)
    }

    fn engine(&self, layout: &ParameterLayout) -> Box<dyn GradientEngine> {
        let positions = self.config.positions;
        if self.device.is_cpu() {
            Box::new(Fused::new(layout.clone(), positions, self.threads))
        } else {
            Box::new(Composed::new(layout.clone(), positions, self.device.clone()))
        }
    }

    /// Runs every phase that has budget left. `evaluate` measures exact match.
    ///
    /// # Errors
    /// Where an engine or a file fails, a gradient is not finite, a checkpoint is of another run, or a gate is missed.
    pub fn all(&self, evaluate: &mut dyn Evaluate) -> Result<Ending, TrainError> {
        for phase in &self.config.phases {
            if self.phase(phase, evaluate)? == Ending::Stopped {
                return Ok(Ending::Stopped);
            }
        }
        Ok(Ending::Finished)
    }

    /// The state in which a phase starts: its checkpoint, the average of the phase that it follows, or fresh weights.
    fn start(
        &self,
        phase: &TrainPhase,
        layout: &ParameterLayout,
    ) -> Result<(OptimizerState, TrainProgress), TrainError> {
        let path = checkpoint::path(self.folder, &phase.name);
        if path.exists() {
            let (state, progress) = checkpoint::load(&path, layout)?;
            if progress.seed != self.config.seed {
                return Err(TrainError::Seed { path, found: progress.seed, expected: self.config.seed });
            }
            return Ok((state, progress));
        }
        let weights = match &phase.from {
            None => layout.initial(self.config.seed),
            Some(from) => {
                let mut weights = checkpoint::load(&checkpoint::path(self.folder, from), layout)?.0.average;
                let causal_before =
                    self.config.phases.iter().any(|p| p.name == *from && p.objective == Objective::Causal);
                if causal_before && phase.objective != Objective::Causal {
                    centre_mask(&mut weights[layout.embedding.clone()], layout, self.specials.mask);
                }
                weights
            }
        };
        let progress = TrainProgress {
            phase: phase.name.clone(),
            seed: self.config.seed,
            shape: layout.shape,
            vocab: layout.vocab,
            step: 0,
            tokens: 0,
            seconds: 0.0,
        };
        Ok((OptimizerState::new(weights), progress))
    }

    fn phase(&self, phase: &TrainPhase, evaluate: &mut dyn Evaluate) -> Result<Ending, TrainError> {
        let layout = self.layout(&phase.model);
        let (state, progress) = self.start(phase, &layout)?;
        let TrainProgress { step, tokens, .. } = progress;
        if tokens >= phase.tokens {
            say(&format!("{}: done, {}", phase.name, millions(tokens)));
            return Ok(Ending::Finished);
        }
        let journal = Journal::open(self.folder, &progress)?;
        let mut trainer = PhaseTrainer::new(self, phase, layout, state, progress);
        let batches = BatchSource::new(self.config, phase, Arc::clone(&self.tokenizer), self.specials)
            .stream(step, tokens)
            .map_err(|source| TrainError::File { path: self.folder.to_owned(), source })?;
        let report = self.config.report;
        let mut saved = Instant::now();
        while !trainer.is_done() {
            if self.stop.load(Ordering::Relaxed) {
                trainer.save()?;
                trainer.bar.abandon();
                say(&format!("{}: stopped at {}", phase.name, millions(trainer.progress.tokens)));
                return Ok(Ending::Stopped);
            }
            let before = trainer.progress.tokens;
            let ended = |_| TrainError::Batches { phase: phase.name.clone(), step: trainer.progress.step };
            let batch = batches.recv().map_err(ended)??;
            let (norm, rate) = trainer.step(&batch)?;

            let ends = trainer.is_done();
            let crossed = |every: u64| every > 0 && before / every != trainer.progress.tokens / every;
            let (reports, measures) = (ends || crossed(report.curve_tokens), ends || crossed(report.exact_tokens));
            if reports {
                trainer.report(&journal, norm, rate)?;
            }
            if ends || saved.elapsed() >= Duration::from_secs(report.checkpoint_seconds) {
                trainer.save()?;
                saved = Instant::now();
            }
            if measures {
                let exact = trainer.measure(&journal, evaluate)?;
                if ends {
                    self.gate(phase, &exact, &trainer.last_point.copied)?;
                }
            }
        }
        trainer.bar.finish();
        Ok(Ending::Finished)
    }

    fn gate(
        &self,
        phase: &TrainPhase,
        exact: &BTreeMap<Family, f64>,
        copied: &BTreeMap<Family, f64>,
    ) -> Result<(), TrainError> {
        let missed: Vec<String> = [("exact", &phase.gate.exact, exact), ("copied words", &phase.gate.copied, copied)]
            .into_iter()
            .flat_map(|(what, gate, found)| {
                gate.iter().filter_map(move |(family, least)| {
                    let share = found.get(family).copied().unwrap_or(0.0);
                    (share < *least).then(|| format!("{what} {family} {share:.0} %, expected {least} %"))
                })
            })
            .collect();
        if missed.is_empty() {
            say(&format!("{}: gate passed", phase.name));
            return Ok(());
        }
        let error = TrainError::Gate { phase: phase.name.clone(), missed: missed.join(", ") };
        if self.past_gates {
            say(&format!("{error} (continuing)"));
            return Ok(());
        }
        Err(error)
    }
}

/// Trains one phase, step by step.
struct PhaseTrainer<'a> {
    run: &'a TrainRun<'a>,
    phase: &'a TrainPhase,
    layout: ParameterLayout,
    state: OptimizerState,
    progress: TrainProgress,
    engine: Box<dyn GradientEngine>,
    optimizer: AdamW,
    gradient: Vec<f32>,
    bar: ProgressBar,
    begun: Instant,
    /// What earlier runs of the phase took.
    seconds_before: f64,
    /// Since the last report.
    figures: TokenSums,
    reported: Instant,
    reported_tokens: u64,
    last_point: Point,
}

impl<'a> PhaseTrainer<'a> {
    fn new(
        run: &'a TrainRun<'a>,
        phase: &'a TrainPhase,
        layout: ParameterLayout,
        state: OptimizerState,
        progress: TrainProgress,
    ) -> Self {
        Self {
            engine: run.engine(&layout),
            optimizer: AdamW::new(run.config.optimizer, run.config.average, &layout, run.threads),
            gradient: vec![0.0; layout.len],
            bar: bar(phase, progress.tokens),
            begun: Instant::now(),
            seconds_before: progress.seconds,
            figures: TokenSums::default(),
            reported: Instant::now(),
            reported_tokens: progress.tokens,
            last_point: Point::default(),
            run,
            phase,
            layout,
            state,
            progress,
        }
    }

    fn is_done(&self) -> bool {
        self.progress.tokens >= self.phase.tokens
    }

    /// Moves the weights by one step. Returns the norm of the gradient and the learning rate as a factor of the peak.
    fn step(&mut self, batch: &Batch) -> Result<(f64, f64), TrainError> {
        let TrainProgress { step, tokens, .. } = self.progress;
        let rate = self.phase.rate(step, tokens as f64 / self.phase.tokens as f64);
        let future = self.phase.future(step);
        let outcomes = self.engine.gradient(&self.state.weights, &batch.chunks, future, &mut self.gradient)?;
        let norm = self.optimizer.step(&mut self.state, &self.gradient, rate);
        if !norm.is_finite() {
            return Err(TrainError::Diverged { phase: self.phase.name.clone(), step });
        }
        self.figures.add(&batch.chunks, &outcomes);
        self.progress.step += 1;
        self.progress.tokens += batch.tokens();
        self.progress.seconds = self.seconds_before + self.begun.elapsed().as_secs_f64();
        self.bar.set_position(self.progress.tokens);
        if let Some(copied) = self.figures.copied_share() {
            self.bar.set_message(format!("loss {:.3} copied {copied:.0} %", self.figures.loss()));
        }
        Ok((norm, rate))
    }

    fn save(&self) -> Result<(), TrainError> {
        let path = checkpoint::path(self.run.folder, &self.phase.name);
        Ok(checkpoint::save(&path, &self.layout, &self.state, &self.progress)?)
    }

    /// Adds a point to the learning curve.
    fn report(&mut self, journal: &Journal, norm: f64, rate: f64) -> Result<(), TrainError> {
        let TrainProgress { step, tokens, .. } = self.progress;
        let seconds = self.reported.elapsed().as_secs_f64().max(1e-9);
        let figures = std::mem::take(&mut self.figures);
        self.last_point = Point {
            phase: self.phase.name.clone(),
            step,
            tokens,
            loss: figures.loss(),
            norm,
            rate,
            tokens_per_second: (tokens - self.reported_tokens) as f64 / seconds,
            copied: figures.copied(),
            spelled: figures.spelled(),
            cross_entropy: figures.cross_entropy(),
        };
        journal.point(&self.last_point)?;
        self.bar.suspend(|| say(&self.last_point.to_string()));
        (self.reported, self.reported_tokens) = (Instant::now(), tokens);
        Ok(())
    }

    /// Measures exact match. That is not training: it does not count as speed.
    fn measure(&mut self, journal: &Journal, evaluate: &mut dyn Evaluate) -> Result<BTreeMap<Family, f64>, TrainError> {
        let TrainProgress { step, tokens, .. } = self.progress;
        let causal = self.phase.objective == Objective::Causal;
        let candidate = MeasuredWeights { engine: self.engine.as_mut(), weights: &self.state.average, causal };
        let exact = evaluate.exact(candidate, Options::default())?;
        let line: Vec<_> = exact.iter().map(|(family, share)| format!("{family} {share:.0}")).collect();
        self.bar.suspend(|| say(&format!("{} exact | {}", self.phase.name, line.join(" "))));
        journal.exact(&ExactMatch { phase: self.phase.name.clone(), step, tokens, exact: exact.clone() })?;
        (self.reported, self.reported_tokens) = (Instant::now(), tokens);
        Ok(exact)
    }
}

/// A number of tokens for people.
fn millions(tokens: u64) -> String {
    format!("{:.2}M tokens", tokens as f64 / 1e6)
}

/// A network that never saw the mask gets the mean of all tokens for it.
fn centre_mask(embedding: &mut [f32], layout: &ParameterLayout, mask: u32) {
    let d = layout.shape.hidden;
    let mut mean = vec![0.0; d];
    for row in embedding.chunks_exact(d) {
        for (mean, value) in mean.iter_mut().zip(row) {
            *mean += value / layout.vocab as f32;
        }
    }
    embedding[mask as usize * d..][..d].copy_from_slice(&mean);
}

fn bar(phase: &TrainPhase, done: u64) -> ProgressBar {
    let bar = ProgressBar::new(phase.tokens).with_position(done);
    let template = "{prefix} {bar:30} {percent}% {human_pos}/{human_len} tokens {per_sec} ETA {eta} {msg}";
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar.set_prefix(phase.name.clone());
    // What an earlier run did says nothing about the speed of this one.
    bar.reset_eta();
    bar
}

/// A line of the run's report. It goes to the error stream, as the bar does.
fn say(line: &str) {
    // A report that cannot be written is no reason to end a run of hours.
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Whether a line of a curve is whole, and of another phase or of a step that `progress` has behind it.
fn stands(line: &str, progress: &TrainProgress) -> bool {
    let Ok(value) = serde_json::from_str::<serde_json::Value>(line) else { return false };
    value["phase"] != progress.phase || value["step"].as_u64().is_some_and(|step| step <= progress.step)
}

/// The curves of a run, as JSON lines.
struct Journal {
    curve: PathBuf,
    exact: PathBuf,
}

impl Journal {
    /// Opens the curves, and drops what a killed run had written after its last checkpoint, half a line at the end
    /// included.
    fn open(folder: &Path, progress: &TrainProgress) -> Result<Self, TrainError> {
        let journal = Self { curve: folder.join("curve.jsonl"), exact: folder.join("exact.jsonl") };
        for path in [&journal.curve, &journal.exact] {
            let file = |source| TrainError::File { path: path.clone(), source };
            if !path.exists() {
                continue;
            }
            let bytes = std::fs::read(path).map_err(file)?;
            let kept: String = String::from_utf8_lossy(&bytes)
                .lines()
                .filter(|line| stands(line, progress))
                .flat_map(|line| [line, "\n"])
                .collect();
            checkpoint::replace(path, kept.as_bytes()).map_err(file)?;
        }
        Ok(journal)
    }

    fn append(path: &Path, line: serde_json::Result<String>) -> Result<(), TrainError> {
        let append = || -> std::io::Result<()> {
            let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
            writeln!(file, "{}", line?)
        };
        append().map_err(|source| TrainError::File { path: path.to_owned(), source })
    }

    fn point(&self, point: &Point) -> Result<(), TrainError> {
        Self::append(&self.curve, serde_json::to_string(point))
    }

    fn exact(&self, exact: &ExactMatch) -> Result<(), TrainError> {
        Self::append(&self.exact, serde_json::to_string(exact))
    }
}
