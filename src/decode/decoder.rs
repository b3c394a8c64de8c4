//! The loop: one call, one step, one record.
//!
//! `region → plan → forward → proposals → (guide) → unmask → write → stop`, each from its slot.

use thiserror::Error;

use super::{
    adjust::{self, Credits},
    audit::{self, AuditedRows},
    cache::Cache,
    canvas::Canvas,
    clock::Clock,
    filter::Filter,
    guide::{self, Guide, GuideText},
    moment::{self, StepContext},
    noise::{Noise, Seeded},
    numbers::{self, NoNumbers},
    plan::Plan,
    proposal::{Candidate, Proposer},
    record::{Change, Cost, GuideReview, Reason, StepRecord, StopReason},
    revise::Reviser,
    schedule::Schedule,
    shadow::LeaveOneOut,
    stop::{self, Early},
    unmask::{self, Delta, Rescore, Rescored, Scored, Unmask},
};
use crate::{
    model::network::{Alignment, Attention, Mask, Network, NetworkError, NetworkSpec, Pass, Read},
    settings::{GuideRule, Limits, Settings, SettingsError, Timing, UnmaskRule},
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
    /// A network gave nothing to decide by.
    #[error(transparent)]
    NoNumbers(#[from] NoNumbers),
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
    /// Every token that ends a text, `eos` among them.
    ends: Vec<u32>,
    alignment: Alignment,
    limits: Limits,
    /// In force since the last step.
    settings: Settings,
    /// What was asked for; each knob moves into `settings` when its declaration says.
    wanted: Settings,
    schedule: Schedule,
    cache: Cache,
    credits: Credits,
    unmask: Unmask,
    reviser: Reviser,
    guide: Guide,
    /// The rows that this step's drafts were drawn from, ascending by position, where the guide's rule weighs them.
    draft_rows: Vec<(usize, Vec<f32>)>,
    early: Early,
    noise: Box<dyn Noise>,
    /// Tokens that can end an adaptive block.
    delimiters: Vec<u32>,
    steps: usize,
    block_is_new: bool,
    stopped: Option<StopReason>,
}

/// What the slots may look at. A macro, so that only these fields are borrowed.
macro_rules! moment {
    ($decoder:expr) => {
        StepContext {
            settings: &$decoder.settings,
            canvas: &$decoder.canvas,
            schedule: &$decoder.schedule,
            noise: &*$decoder.noise,
            step: $decoder.steps,
            alignment: $decoder.alignment,
            eos: $decoder.eos,
        }
    };
}

impl Decoder {
    /// Starts a run on `prompt_ids`, none at all where nothing is given to start from, followed by `gen_length` masks.
    /// The networks must have been reset.
    ///
    /// # Errors
    /// When the settings conflict, the canvas exceeds a model's context, the prompt holds the mask token, or a network
    /// is of the wrong sort.
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
            ends: vec![denoiser.eos_id],
            alignment: denoiser.alignment,
            limits,
            schedule: Schedule::new(&canvas, &settings),
            cache: Cache::new(canvas.len()),
            credits: Credits::default(),
            unmask: Unmask::default(),
            reviser: Reviser::default(),
            delimiters: Vec::new(),
            guide: Guide::new(denoiser.vocab_size, vec![denoiser.eos_id]),
            draft_rows: Vec::new(),
            early: Early::default(),
            noise: Box::new(Seeded(settings.seed)),
            steps: 0,
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

    /// Counts `ends` as tokens that end a text, beside the one that the denoiser's configuration names: a turn may end
    /// with another token than a text does. All of them come last where end of text does.
    #[must_use]
    pub fn with_ends(mut self, ends: impl IntoIterator<Item = u32>) -> Self {
        self.ends = std::iter::once(self.eos).chain(ends).collect();
        self.guide.set_ends(self.ends.clone());
        self
    }

    /// Has the guide read text: its vocabulary is not the denoiser's.
    ///
    /// # Errors
    /// When the settings ask for what a guide can do with the denoiser's ids only.
    pub fn with_guide_text(mut self, text: Box<dyn GuideText>) -> Result<Self, DecodeError> {
        self.guide.read_text(text);
        self.check_guide(&self.settings)?;
        Ok(self)
    }

    fn check_guide(&self, settings: &Settings) -> Result<(), DecodeError> {
        let conflict = |message| DecodeError::Settings(SettingsError::Conflict(message));
        self.guide.objection(settings).map_or(Ok(()), |message| Err(conflict(message)))
    }

    /// Lets these tokens end adaptive blocks; without them, every such block has the usual length.
    #[must_use]
    pub fn with_delimiters(mut self, delimiters: Vec<u32>) -> Self {
        self.delimiters = delimiters;
        self
    }

    /// Gives the rule that asks a trained filter the one that it asks, where there is one.
    ///
    /// # Errors
    /// When the settings have the rule and there is no filter.
    pub fn with_filter(mut self, filter: Option<Filter>) -> Result<Self, DecodeError> {
        self.unmask.filter = filter;
        self.check_filter(&self.wanted)?;
        Ok(self)
    }

    /// New settings; each knob takes effect when its declaration says (next step, next block, next run).
    ///
    /// # Errors
    /// When they conflict; the old ones stay.
    pub fn configure(&mut self, settings: Settings) -> Result<(), DecodeError> {
        // The length of this run's canvas is settled: another gen-length is for the next run.
        settings.validate(&self.limits)?;
        self.check_guide(&settings)?;
        self.check_filter(&settings)?;
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

    fn check_filter(&self, settings: &Settings) -> Result<(), DecodeError> {
        let asked = settings.unmask == UnmaskRule::Filter && settings.guide == GuideRule::Off;
        if asked && self.unmask.filter.is_none() {
            return Err(DecodeError::Unusable(
                "unmask 'filter' asks a filter that was trained on the denoiser, and there is none: train one with \
                 `diffuscope train-filter` and name it with --filter, or choose another unmask rule"
                    .into(),
            ));
        }
        Ok(())
    }

    /// Does one step. Call it only while [`Self::stopped`] is `None`.
    ///
    /// # Errors
    /// When a network fails, or gives nothing to decide by. The run cannot go on then.
    pub fn step(&mut self, networks: Networks<'_>, clock: &dyn Clock) -> Result<StepRecord, DecodeError> {
        let began = clock.now();
        let mut cost = Cost::default();
        self.check_filter(&self.wanted)?;
        let changes = self.adopt_settings();
        let mut remasked = self.reviser.begin(moment!(self));
        for position in &remasked {
            self.canvas.remask(*position);
        }
        let moment = moment!(self);
        let plan = self.cache.plan(moment);
        let rescore = match self.unmask.needs_standing(moment) {
            Rescore::Nowhere => self.reviser.needs_standing(moment),
            asked => asked,
        };
        let mut kept = audit::is_due(moment).then(AuditedRows::default);
        let (candidates, standing) =
            self.propose(networks.denoiser, &plan, rescore, kept.as_mut(), clock, &mut cost)?;
        self.schedule.settle(&candidates, &self.canvas, &self.settings, &self.delimiters);
        let region = self.schedule.region();
        self.cache.proposed(&candidates);
        let kv = self.cache.report(&plan, moment!(self));
        let audit = match kept {
            Some(kept) => audit::audit(networks.denoiser, kept, &kv, moment!(self), clock, &mut cost)?,
            None => None,
        };

        let gap = self.early.measure(&candidates, &standing, moment!(self));
        let (guide, Delta { mut commits, remasked: taken_back }) = if self.early.is_settled() {
            (None, unmask::everything(&candidates, Reason::EarlyCommit))
        } else {
            let in_block = |candidate: &Candidate| (region.start..region.end).contains(&candidate.proposal.position);
            // A shifted row at the edge of what is attended to speaks for a position beyond it.
            let eligible = |candidate: &&Candidate| {
                let position = candidate.proposal.position;
                in_block(candidate) && plan.reads(position) && plan.only.is_none_or(|only| only == position)
            };
            let block: Vec<Candidate> = candidates.iter().filter(eligible).cloned().collect();
            let standing: Vec<Rescored> =
                standing.into_iter().filter(|standing| in_block(&standing.candidate)).collect();
            let scored = Scored { masked: &block, standing: &standing };
            let entering = plan.only.is_some();
            self.choose(networks.guide, scored, entering, clock, &mut cost)?
        };
        for commit in &commits {
            self.canvas.write(commit.position, commit.token);
        }
        for position in &taken_back {
            self.canvas.remask(*position);
        }
        remasked.extend(taken_back);
        self.schedule.step += usize::from(self.reviser.written(&commits));
        self.steps += 1;
        let ended =
            stop::end_of_text(&mut self.canvas, &candidates, &mut commits, &self.settings, self.eos, &self.ends);
        let early = self.early.is_settled();
        // Tokens of a block that is held may still change.
        let held = !early && self.schedule.is_closed(&self.canvas) && self.reviser.holds(moment!(self));
        if !held {
            commits.extend(stop::fill_after_eos(
                &mut self.canvas,
                &self.schedule,
                &self.settings,
                self.eos,
                &self.ends,
            ));
        }
        let filled = ended || commits.iter().any(|commit| commit.reason == Reason::EndOfText);
        let counted = self.steps - self.reviser.revisions();
        self.stopped = stop::check(&self.canvas, filled, early, counted)
            .filter(|reason| !held || *reason == StopReason::StepBudget);
        commits.sort_unstable_by_key(|commit| commit.position);
        if self.stopped.is_none() && !held && self.schedule.is_closed(&self.canvas) {
            self.block_is_new = true;
        }

        let took = clock.micros_since(began);
        cost.other_us = took.saturating_sub(cost.denoiser_us + cost.guide_us + cost.audit_us);
        Ok(StepRecord {
            step: self.steps - 1,
            region,
            changes,
            ids: self.canvas.ids().to_vec(),
            proposals: candidates.into_iter().map(|candidate| candidate.proposal).collect(),
            commits,
            remasked,
            kv,
            layers: self.cache.layers().to_vec(),
            guide,
            gap,
            audit,
            cost,
            stop: self.stopped,
        })
    }

    /// Moves what was asked for into force, as far as the moment allows; opens the next block if one is due.
    fn adopt_settings(&mut self) -> Vec<Change> {
        let before = self.settings;
        let slides = self.schedule.slides();
        let due = if self.block_is_new || slides { Timing::NextBlock } else { Timing::NextStep };
        self.settings.adopt(&self.wanted, due);
        if self.steps == 0 {
            self.schedule = Schedule::new(&self.canvas, &self.settings);
        } else if slides {
            self.block_is_new = self.schedule.slide(&self.canvas, &self.settings);
        } else if self.block_is_new {
            self.schedule.advance(&self.canvas, &self.settings);
            // An early commit may have filled blocks that were not active.
            while self.schedule.is_closed(&self.canvas) && self.schedule.region().end < self.canvas.len() {
                self.schedule.advance(&self.canvas, &self.settings);
            }
        }
        if self.block_is_new {
            self.credits.open_block();
            self.unmask.open_block();
            self.reviser.open_block();
        }
        self.block_is_new = false;
        Change::between(&before, &self.settings)
    }

    /// Runs the forwards of the plan; scores every masked position whose row was computed, the committed positions of the
    /// block where `rescore` says so, and those that the gap of an early commit is measured at.
    fn propose(
        &mut self,
        denoiser: &mut dyn Network,
        plan: &Plan,
        rescore: Rescore,
        mut kept: Option<&mut AuditedRows>,
        clock: &dyn Clock,
        cost: &mut Cost,
    ) -> Result<(Vec<Candidate>, Vec<Rescored>), DecodeError> {
        let moment = moment!(self);
        let region = self.schedule.region();
        let wanted_at = |position: &usize| {
            self.canvas.is_masked(*position)
                || rescore == Rescore::Canvas
                    && (region.start..region.end).contains(position)
                    && *position >= self.canvas.prompt()
                || Early::needs(*position, moment)
        };
        let scored: Vec<usize> = (0..self.canvas.live()).filter(wanted_at).collect();
        let shadow = if rescore == Rescore::Shadow { LeaveOneOut::of(moment) } else { None };
        let (mut masked, mut standing) = (Vec::new(), Vec::new());
        let mut buffer = Vec::new();
        self.draft_rows.clear();
        let greedy = guide::drafts_greedily(&self.settings);
        let mut proposer =
            Proposer::new(&self.settings, &*self.noise, self.steps, self.canvas.mask(), &self.ends, greedy).at(moment);
        for (number, pass) in plan.passes.iter().enumerate() {
            // A row counts in the last pass that computes it.
            let later = &plan.passes[number + 1..];
            let (positions, indexes): (Vec<usize>, Vec<usize>) = scored
                .iter()
                .filter_map(|position| {
                    let source = moment.source(*position);
                    let index = pass.query.binary_search(&source).ok()?;
                    (!later.iter().any(|later| later.computes(source))).then_some((*position, index))
                })
                .unzip();
            let (mut wanted, places) = moment::shared(indexes);
            // Every scored position, and its place among the wanted rows.
            let mut rows: Vec<(usize, usize)> = positions.into_iter().zip(places).collect();
            let ids: Vec<u32> = pass.query.iter().map(|position| self.canvas.ids()[*position]).collect();
            let began = clock.now();
            // The stream without the prompt comes first and writes over rows that the one with it writes anew: nothing
            // is cached beside guidance.
            let unconditional = if self.settings.cfg_scale > 0.0 {
                let ids = adjust::without_prompt(&pass.query, moment);
                cost.computed += pass.query.len() as u32;
                let pass = Pass { mask: moment.mask(), ..Pass::new(&ids, &pass.query, pass.read(), &wanted) };
                Some(denoiser.forward(pass)?)
            } else {
                None
            };
            let (logits, shadowed) = match shadow.as_ref().filter(|_| later.is_empty()) {
                None => {
                    let pass = Pass { mask: moment.mask(), ..Pass::new(&ids, &pass.query, pass.read(), &wanted) };
                    (self.cache.forward(denoiser, pass, &self.settings)?, 0)
                }
                Some(shadow) => {
                    let cast = shadow.cast(ids, &pass.query, 0..pass.end);
                    for (row, judged) in &cast.judges {
                        rows.push((*judged, wanted.len()));
                        wanted.push(*row);
                    }
                    let shadowed = Pass {
                        slots: Some(&cast.slots),
                        mask: Mask::Dense(&cast.mask),
                        ..Pass::new(&cast.ids, &cast.positions, Read::Rows(&cast.read), &wanted)
                    };
                    (self.cache.forward(denoiser, shadowed, &self.settings)?, cast.ids.len() - pass.query.len())
                }
            };
            cost.denoiser_us += clock.micros_since(began);
            cost.nfe += 1;
            cost.computed += self.cache.computed(pass) + shadowed as u32;
            cost.reused += self.cache.reused(pass);
            self.cache.wrote(pass, moment!(self));
            // Of committed positions, what their tokens look like now.
            let held: Vec<Vec<u32>> = rows.chunk_by(|a, b| a.1 == b.1).map(|row| self.held(row)).collect();
            let summaries = if proposer.reads_summaries() {
                let asked: Vec<&[u32]> = held.iter().map(Vec::as_slice).collect();
                let summaries = logits.summaries(proposer.reduce(&asked))?;
                numbers::check("denoiser", summaries.iter().map(|summary| summary.is_sound), self.steps)?;
                Some(summaries)
            } else {
                None
            };
            if summaries.is_none() || kept.is_some() {
                for logits in std::iter::once(&logits).chain(&unconditional) {
                    logits.fetch()?;
                    numbers::check("denoiser", logits.soundness(), self.steps)?;
                }
            }
            for (position, row) in rows {
                let is_masked = self.canvas.is_masked(position);
                if let Some(kept) = kept.as_mut().filter(|_| is_masked) {
                    kept.keep(position, logits.row(row));
                }
                if let Some(summary) = summaries.as_ref().map(|summaries| &summaries[row]) {
                    let candidate = proposer.propose_reduced(position, summary);
                    match held[row].iter().position(|token| *token == self.canvas.ids()[position]) {
                        None => masked.push(candidate),
                        Some(at) => standing.push(Rescored { candidate, held: summary.asked[at].probability as f32 }),
                    }
                    continue;
                }
                let without = unconditional.as_ref().map(|logits| logits.row(row));
                let logits = adjust::guided(logits.row(row), without, moment, &mut buffer);
                let candidate = proposer.propose(position, logits);
                if is_masked {
                    if guide::weighs_rows(&self.settings) {
                        self.draft_rows.push((position, logits.to_vec()));
                    }
                    let mut candidate = self.credits.fuse(candidate, logits, &mut proposer, moment);
                    self.unmask.observe(&mut candidate, logits, moment);
                    masked.push(candidate);
                } else {
                    let held = proposer.probability(self.canvas.ids()[position]);
                    standing.push(Rescored { candidate, held });
                }
            }
        }
        masked.sort_unstable_by_key(|candidate| candidate.proposal.position);
        standing.sort_unstable_by_key(|standing| standing.candidate.proposal.position);
        self.draft_rows.sort_unstable_by_key(|(position, _)| *position);
        Ok((masked, standing))
    }

    /// The tokens that are committed at the positions that a row predicts.
    fn held(&self, row: &[(usize, usize)]) -> Vec<u32> {
        let committed = row.iter().map(|(position, _)| *position).filter(|position| !self.canvas.is_masked(*position));
        committed.map(|position| self.canvas.ids()[position]).collect()
    }

    /// What the step writes: by the guide's say, or by the unmask rule's; all that was scored where that is the one
    /// position which the forward that enters a block must settle.
    fn choose(
        &mut self,
        guide: Option<&mut dyn Network>,
        scored: Scored<'_>,
        entering: bool,
        clock: &dyn Clock,
        cost: &mut Cost,
    ) -> Result<(Option<GuideReview>, Delta), DecodeError> {
        if self.settings.guide != GuideRule::Off {
            let network = guide
                .ok_or_else(|| DecodeError::Unusable("the settings ask for a guide, and none was given".into()))?;
            let (review, commits) =
                self.guide.review(network, moment!(self), scored.masked, &self.draft_rows, clock, cost)?;
            return Ok((Some(review), Delta { commits, remasked: Vec::new() }));
        }
        if entering {
            let commits = scored.masked.iter().map(|candidate| candidate.commit(Reason::BlockEntry)).collect();
            return Ok((None, Delta { commits, remasked: Vec::new() }));
        }
        let mut delta = match self.reviser.select(scored, moment!(self)) {
            Some(commits) => Delta { commits, remasked: Vec::new() },
            None => self.unmask.select(scored, moment!(self)),
        };
        delta.commits.extend(self.reviser.edits(scored, moment!(self)));
        Ok((None, delta))
    }
}

fn check_prompt(prompt_ids: &[u32], mask: u32, denoiser: &NetworkSpec) -> Result<(), DecodeError> {
    if prompt_ids.contains(&mask) {
        return Err(DecodeError::Unusable("the prompt holds the mask token: remove it from the prompt".into()));
    }
    if let Some(id) = prompt_ids.iter().find(|id| **id as usize >= denoiser.vocab_size) {
        let vocab_size = denoiser.vocab_size;
        return Err(NetworkError::UnknownToken { id: *id, vocab_size }.into());
    }
    Ok(())
}
