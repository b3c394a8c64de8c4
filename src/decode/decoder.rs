//! The loop: one call, one step, one record.
//!
//! `region → plan → forward → proposals → (guide) → unmask → write → stop`, each from its slot.

use std::ops::Range;

use thiserror::Error;

use super::{
    cache::{Cache, Plan, Situation},
    canvas::Canvas,
    clock::Clock,
    guide::Guide,
    noise::{Noise, Seeded},
    proposal::{Candidate, Proposer},
    record::{Change, Commit, Cost, GuideReview, StepRecord, StopReason},
    schedule::Schedule,
    stop,
    unmask::{self, Moment},
};
use crate::{
    model::network::{Alignment, Attention, Network, NetworkError, NetworkSpec, Pass, Read},
    settings::{Effect, GuideRule, Limits, Settings, SettingsError},
};

/// Why a decode could not start or go on.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// The settings do not fit each other, the prompt or the model.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A network failed.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The prompt or the networks cannot be denoised with.
    #[error("{0}")]
    Unusable(String),
}

/// The networks of a step.
pub struct Networks<'a> {
    /// Proposes tokens.
    pub denoiser: &'a mut dyn Network,
    /// Accepts or rejects drafts. Needed while the settings ask for a guide.
    pub guide: Option<&'a mut dyn Network>,
}

/// A run under way.
pub struct Decoder {
    canvas: Canvas,
    eos: u32,
    alignment: Alignment,
    limits: Limits,
    /// In force since the last step.
    settings: Settings,
    /// What was asked for; each knob moves into `settings` when its declaration says.
    wanted: Settings,
    schedule: Schedule,
    cache: Cache,
    guide: Guide,
    noise: Box<dyn Noise>,
    steps: usize,
    /// Where the block before the active one started, until the first step of the active one is done.
    finished_block: Option<usize>,
    block_is_new: bool,
    stopped: Option<StopReason>,
}

impl Decoder {
    /// Starts a run on `prompt_ids` followed by `gen_length` masks. The networks must have been reset.
    ///
    /// # Errors
    /// When the settings conflict, the canvas exceeds a model's context, the prompt is empty or holds the mask
    /// token, or a network is of the wrong sort.
    pub fn new(
        denoiser: &NetworkSpec,
        guide: Option<&NetworkSpec>,
        prompt_ids: &[u32],
        gen_length: usize,
        settings: Settings,
    ) -> Result<Self, DecodeError> {
        let mask = denoiser.mask_id.ok_or_else(|| {
            DecodeError::Unusable(format!(
                "the {} model has no mask token, so it cannot denoise: choose a diffusion model",
                denoiser.architecture
            ))
        })?;
        check_prompt(prompt_ids, mask, denoiser)?;
        if let Some(guide) = guide.filter(|guide| guide.attention != Attention::Causal) {
            return Err(DecodeError::Unusable(format!(
                "the {} model is not autoregressive, so it cannot guide: choose an autoregressive model",
                guide.architecture
            )));
        }
        let limits = Limits {
            prompt: prompt_ids.len(),
            gen_length,
            max_positions: guide
                .map_or(denoiser.max_positions, |guide| guide.max_positions.min(denoiser.max_positions)),
            has_guide: guide.is_some(),
        };
        if gen_length == 0 {
            return Err(DecodeError::Unusable(
                "gen-length is 0, so there is nothing to denoise: choose at least 1".into(),
            ));
        }
        settings.validate(&limits)?;
        let canvas = Canvas::new(prompt_ids, gen_length, mask);
        Ok(Self {
            eos: denoiser.eos_id,
            alignment: denoiser.alignment,
            limits,
            schedule: Schedule::new(&canvas, &settings),
            cache: Cache::new(&canvas),
            guide: Guide::default(),
            noise: Box::new(Seeded(settings.seed)),
            steps: 0,
            finished_block: None,
            block_is_new: true,
            stopped: None,
            wanted: settings,
            settings,
            canvas,
        })
    }

    /// Draws from `noise` instead of the seed's own.
    #[must_use]
    pub fn with_noise(mut self, noise: Box<dyn Noise>) -> Self {
        self.noise = noise;
        self
    }

    /// New settings; each knob takes effect when its declaration says (next step, next block, next run).
    ///
    /// # Errors
    /// When they conflict; the old ones stay.
    pub fn configure(&mut self, settings: Settings) -> Result<(), DecodeError> {
        // The length of this run's canvas is settled: another gen-length is for the next run.
        settings.validate(&self.limits)?;
        self.wanted = settings;
        Ok(())
    }

    /// Why the run is over, if it is.
    pub fn stopped(&self) -> Option<StopReason> {
        self.stopped
    }

    /// The canvas: prompt and generation, the mask id where masked.
    pub fn ids(&self) -> &[u32] {
        self.canvas.ids()
    }

    /// Does one step. Call it only while [`Self::stopped`] is `None`.
    ///
    /// # Errors
    /// When a network fails. The run cannot go on then.
    pub fn step(&mut self, networks: Networks<'_>, clock: &dyn Clock) -> Result<StepRecord, DecodeError> {
        let began = clock.now();
        let mut cost = Cost::default();
        let changes = self.adopt_settings();
        let region = self.schedule.region();
        let situation = Situation {
            settings: &self.settings,
            region,
            unfrozen: self.finished_block.filter(|_| self.settings.clean_freeze),
            alignment: self.alignment,
        };
        let plan = self.cache.plan(&self.canvas, situation);
        let candidates = self.propose(networks.denoiser, &plan, clock, &mut cost)?;
        let kv = self.cache.observe(&plan, self.steps, &self.canvas);

        let block: Vec<Candidate> = candidates
            .iter()
            .filter(|candidate| (region.start..region.end).contains(&candidate.proposal.position))
            .cloned()
            .collect();
        let (guide, mut commits) = self.choose(networks.guide, &block, clock, &mut cost)?;
        for commit in &commits {
            self.canvas.write(commit.position, commit.token);
        }
        self.schedule.step += 1;
        self.steps += 1;
        self.finished_block = None;
        let filled = stop::fill_after_eos(&mut self.canvas, &self.schedule, &self.settings, self.eos);
        self.stopped = stop::check(&self.canvas, !filled.is_empty(), self.steps);
        commits.extend(filled);
        commits.sort_unstable_by_key(|commit| commit.position);
        if self.stopped.is_none() && self.schedule.is_closed(&self.canvas) {
            self.finished_block = Some(region.start);
            self.block_is_new = true;
        }

        let took = clock.micros_since(began);
        cost.other_us = took.saturating_sub(cost.denoiser_us + cost.guide_us);
        Ok(StepRecord {
            step: self.steps - 1,
            region,
            changes,
            ids: self.canvas.ids().to_vec(),
            proposals: candidates.into_iter().map(|candidate| candidate.proposal).collect(),
            commits,
            kv,
            guide,
            cost,
            stop: self.stopped,
        })
    }

    /// Moves what was asked for into force, as far as the moment allows; opens the next block if one is due.
    fn adopt_settings(&mut self) -> Vec<Change> {
        let before = self.settings;
        let due = if self.block_is_new { Effect::NextBlock } else { Effect::NextStep };
        self.settings.adopt(&self.wanted, due);
        if self.block_is_new && self.steps > 0 {
            self.schedule.advance(&self.canvas, &self.settings);
        } else if self.block_is_new {
            self.schedule = Schedule::new(&self.canvas, &self.settings);
        }
        self.block_is_new = false;
        Change::between(&before, &self.settings)
    }

    /// Runs the denoiser and scores every masked position that it computed.
    fn propose(
        &self,
        denoiser: &mut dyn Network,
        plan: &Plan,
        clock: &dyn Clock,
        cost: &mut Cost,
    ) -> Result<Vec<Candidate>, DecodeError> {
        let Range { start, end } = plan.query;
        let offset = match self.alignment {
            Alignment::Aligned => 0,
            Alignment::Shifted => 1,
        };
        // A shifted row of the window's first position lies outside of it; that position is never masked.
        let scored: Vec<usize> =
            self.canvas.masked(start..end).filter(|position| *position >= start + offset).collect();
        let wanted: Vec<usize> = scored.iter().map(|position| position - offset - start).collect();
        let positions: Vec<usize> = (start..end).collect();
        let pass = Pass::new(&self.canvas.ids()[start..end], &positions, Read::UpTo(plan.read), &wanted);
        let began = clock.now();
        let logits = denoiser.forward(pass)?;
        cost.denoiser_us += clock.micros_since(began);
        cost.nfe += 1;
        cost.computed += positions.len() as u32;
        cost.reused += (plan.read - positions.len()) as u32;
        let greedy = self.settings.guide != GuideRule::Off;
        let mut proposer =
            Proposer::new(&self.settings, &*self.noise, self.steps, self.canvas.mask(), self.eos, greedy);
        Ok(scored.iter().enumerate().map(|(row, position)| proposer.propose(*position, logits.row(row))).collect())
    }

    /// Which candidates of the block are committed: the guide's say, or the unmask rule's.
    fn choose(
        &mut self,
        guide: Option<&mut dyn Network>,
        block: &[Candidate],
        clock: &dyn Clock,
        cost: &mut Cost,
    ) -> Result<(Option<GuideReview>, Vec<Commit>), DecodeError> {
        if self.settings.guide != GuideRule::Off {
            let network = guide
                .ok_or_else(|| DecodeError::Unusable("the settings ask for a guide, and none was given".into()))?;
            let (review, commits) = self.guide.review(network, &self.canvas, block, &self.settings, clock, cost)?;
            return Ok((Some(review), commits));
        }
        let region = self.schedule.region();
        let moment = Moment {
            settings: &self.settings,
            schedule: &self.schedule,
            noise: &*self.noise,
            step: self.steps,
            masked: self.canvas.masked(region.start..region.end).count(),
        };
        Ok((None, unmask::select(block, moment)))
    }
}

fn check_prompt(prompt_ids: &[u32], mask: u32, denoiser: &NetworkSpec) -> Result<(), DecodeError> {
    if prompt_ids.is_empty() {
        return Err(DecodeError::Unusable("the prompt is empty: type something to denoise an answer to".into()));
    }
    if prompt_ids.contains(&mask) {
        return Err(DecodeError::Unusable("the prompt holds the mask token: remove it from the prompt".into()));
    }
    if let Some(id) = prompt_ids.iter().find(|id| **id as usize >= denoiser.vocab_size) {
        let vocab_size = denoiser.vocab_size;
        return Err(NetworkError::UnknownToken { id: *id, vocab_size }.into());
    }
    Ok(())
}
