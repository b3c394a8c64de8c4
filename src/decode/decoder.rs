//! The loop: one call, one step, one record.
//!
//! Adopt settings, remask, plan, propose, audit, choose, write, stop, record: each from its slot.

mod by_hand;

use std::sync::Arc;

use thiserror::Error;

use super::{
    Limits,
    adjust::Credits,
    audit,
    cache::Cache,
    canvas::Canvas,
    check,
    clock::Clock,
    context::StepContext,
    edit::Edits,
    filter::Filter,
    guide::{Guide, GuideText},
    noise::{Noise, Seeded},
    numbers::NoNumbers,
    plan::Plan,
    proposal::Candidate,
    propose::{Passes, Proposed},
    record::{AuditReport, Change, Commit, Cost, GuideReview, KvUse, Reason, Region, StepRecord, StopReason},
    revise::{self, Reviser},
    schedule::Schedule,
    stop::{self, Early},
    unmask::{self, Delta, Rescore, Rescored, Scored, Unmask},
};
use crate::{
    model::network::{Alignment, Attention, Network, NetworkError, NetworkSpec},
    settings::{GuideRule, Settings, SettingsError, Timing},
};

/// Why a decode could not start or continue.
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
///
/// It sees networks through [`Network`] alone, and each step leaves one record:
///
/// ```
/// use diffuscope::{
///     decode::{Decoder, Networks, clock::StoppedClock},
///     model::network::{Alignment, Attention, Logits, Network, NetworkError, NetworkSpec, Pass},
///     settings::{Settings, UnmaskRule},
/// };
///
/// /// Predicts 1, 2, 1, 2, … and is confident of the 1s only.
/// struct Alternating(NetworkSpec);
///
/// impl Network for Alternating {
///     fn spec(&self) -> &NetworkSpec {
///         &self.0
///     }
///
///     fn reset(&mut self) {}
///
///     fn crop(&mut self, _len: usize) {}
///
///     fn forward(&mut self, pass: Pass<'_>) -> Result<Logits, NetworkError> {
///         let row = |index: &usize| match pass.positions[*index] % 2 {
///             0 => [0.0, 9.0, 0.0, 0.0],
///             _ => [0.0, 0.0, 1.0, 0.0],
///         };
///         Ok(Logits::new(4, pass.wanted.iter().flat_map(row).collect()))
///     }
/// }
///
/// let mut denoiser = Alternating(NetworkSpec {
///     architecture: "alternating".into(),
///     vocab_size: 4,
///     mask_id: Some(3),
///     eos_id: 0,
///     max_positions: 16,
///     layers: 1,
///     parameters: 0,
///     attention: Attention::Bidirectional,
///     alignment: Alignment::Aligned,
/// });
/// let settings = Settings { unmask: UnmaskRule::Threshold, threshold: 0.9, ..Settings::default() };
/// let mut decoder = Decoder::new(denoiser.spec(), None, &[1, 2], 4, settings)?;
/// let mut commits = Vec::new();
/// while decoder.stopped().is_none() {
///     let networks = Networks { denoiser: &mut denoiser, guide: None };
///     commits.push(decoder.step(networks, &StoppedClock)?.commits.len());
/// }
/// assert_eq!(decoder.ids(), [1, 2, 1, 2, 1, 2]);
/// assert_eq!(commits, [2, 1, 1], "both confident tokens at once, then the best one at a time");
/// # Ok::<(), diffuscope::decode::DecodeError>(())
/// ```
///
/// A copy of it continues as it would, where the networks are as they were when it was taken.
#[derive(Clone)]
pub struct Decoder {
    run: RunState,
    limits: Limits,
    /// The settings that were asked for; each knob takes effect when its declaration says.
    requested: Settings,
    cache: Cache,
    credits: Credits,
    unmask: Unmask,
    reviser: Reviser,
    guide: Guide,
    early: Early,
    edits: Edits,
    /// Whether the block of the leftmost mask is opened again: something up to the active block was masked by hand.
    reopens: bool,
    /// Steps that counted when the canvas was last changed from outside.
    counted_before: usize,
    /// Tokens that can end an adaptive block.
    delimiters: Vec<u32>,
    block_is_new: bool,
    stopped: Option<StopReason>,
}

/// What every slot may look at.
#[derive(Clone)]
struct RunState {
    /// In force since the last step.
    settings: Settings,
    canvas: Canvas,
    schedule: Schedule,
    noise: Arc<dyn Noise>,
    /// Steps done.
    steps: usize,
    alignment: Alignment,
    vocab_size: usize,
    eos: u32,
    /// Every token that ends a text, `eos` among them.
    ends: Vec<u32>,
    filter: Option<Filter>,
}

impl RunState {
    fn context(&self) -> StepContext<'_> {
        StepContext {
            settings: &self.settings,
            canvas: &self.canvas,
            schedule: &self.schedule,
            noise: &*self.noise,
            step: self.steps,
            alignment: self.alignment,
            eos: self.eos,
            ends: &self.ends,
            fixed: self.canvas.fixed(&self.ends),
            filter: self.filter.as_ref(),
        }
    }
}

/// What a step wrote and took back.
struct Written {
    delta: Delta,
    /// Whether end of text filled a part of the canvas.
    filled: bool,
    /// Whether a block without masks stays open, because its tokens may still change.
    held: bool,
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
        let mask = mask_of(denoiser)?;
        check_prompt(prompt_ids, mask, denoiser)?;
        check_guide_network(guide)?;
        if gen_length == 0 {
            return Err(DecodeError::Unusable(
                "gen-length is 0, so there is nothing to denoise: choose at least 1".into(),
            ));
        }
        let limits = Limits {
            prompt: prompt_ids.len(),
            gen_length,
            max_positions: guide
                .map_or(denoiser.max_positions, |guide| guide.max_positions.min(denoiser.max_positions)),
            has_guide: guide.is_some(),
        };
        check(&settings, &limits)?;
        let canvas = Canvas::new(prompt_ids, gen_length, mask);
        Ok(Self {
            limits,
            requested: settings,
            cache: Cache::new(canvas.len()),
            credits: Credits::default(),
            unmask: Unmask::new(settings.unmask),
            reviser: Reviser::default(),
            guide: Guide::new(denoiser.vocab_size, vec![denoiser.eos_id]),
            early: Early::default(),
            edits: Edits::default(),
            reopens: false,
            counted_before: 0,
            delimiters: Vec::new(),
            block_is_new: true,
            stopped: None,
            run: RunState {
                schedule: Schedule::new(&canvas, &settings),
                noise: Arc::new(Seeded(settings.seed)),
                steps: 0,
                alignment: denoiser.alignment,
                vocab_size: denoiser.vocab_size,
                eos: denoiser.eos_id,
                ends: vec![denoiser.eos_id],
                filter: None,
                settings,
                canvas,
            },
        })
    }

    /// Draws from `noise` instead of the seed's own.
    #[must_use]
    pub fn with_noise(mut self, noise: Box<dyn Noise>) -> Self {
        self.run.noise = noise.into();
        self
    }

    /// Counts `ends` as tokens that end a text, beside the one that the denoiser's configuration names: a turn may end
    /// with another token than a text does. All of them come last where end of text does.
    #[must_use]
    pub fn with_ends(mut self, ends: impl IntoIterator<Item = u32>) -> Self {
        self.run.ends = std::iter::once(self.run.eos).chain(ends).collect();
        self.guide.set_ends(self.run.ends.clone());
        self
    }

    /// Has the guide read text: its vocabulary is not the denoiser's.
    ///
    /// # Errors
    /// When the settings ask for what a guide can do with the denoiser's ids only.
    pub fn with_guide_text(mut self, text: Box<dyn GuideText>) -> Result<Self, DecodeError> {
        self.guide.read_text(text);
        self.check_guide(&self.run.settings)?;
        Ok(self)
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
        self.run.filter = filter;
        self.check_rule(&self.requested)?;
        Ok(self)
    }

    /// New settings; each knob takes effect when its declaration says (next step, next block, next run).
    ///
    /// # Errors
    /// When they conflict; the old ones stay.
    pub fn configure(&mut self, settings: Settings) -> Result<(), DecodeError> {
        // The length of this run's canvas is settled: another gen-length is for the next run.
        check(&settings, &self.limits)?;
        self.check_guide(&settings)?;
        self.check_rule(&settings)?;
        self.requested = settings;
        Ok(())
    }

    /// Why the run is over, if it is.
    pub fn stopped(&self) -> Option<StopReason> {
        self.stopped
    }

    /// The canvas: prompt and generation, the mask id where masked.
    pub fn ids(&self) -> &[u32] {
        self.run.canvas.ids()
    }

    /// Bytes of memory that what it remembers of rows of logits takes.
    pub fn memory(&self) -> usize {
        self.unmask.memory() + self.credits.memory()
    }

    fn check_guide(&self, settings: &Settings) -> Result<(), DecodeError> {
        let conflict = |message| DecodeError::Settings(SettingsError::Conflict(message));
        self.guide.conflict(settings).map_or(Ok(()), |message| Err(conflict(message)))
    }

    fn check_rule(&self, settings: &Settings) -> Result<(), DecodeError> {
        unmask::lacks(settings, self.run.filter.as_ref()).map_or(Ok(()), |message| Err(DecodeError::Unusable(message)))
    }

    /// Does one step. Call it only while [`Self::stopped`] is `None`.
    ///
    /// # Errors
    /// When a network fails, or gives nothing to decide by. The run cannot continue then.
    pub fn step(&mut self, networks: Networks<'_>, clock: &dyn Clock) -> Result<StepRecord, DecodeError> {
        let began = clock.now();
        let mut cost = Cost::default();
        self.check_rule(&self.requested)?;
        if let Some(before) = self.edits.before() {
            self.changed(&before);
        }
        let changes = self.adopt_settings();
        if !self.edits.is_empty() && self.run.canvas.first_masked().is_none() && !self.reviser.holds(self.run.context())
        {
            return Ok(self.step_without_masks(changes, cost));
        }
        let (by_hand, masked_by_hand) = self.edits.outcome(&self.run.canvas);
        let edits = self.edits.take();
        let remasked = self.remask();
        let plan = self.cache.plan(self.run.context());
        let mut proposed = self.propose(networks.denoiser, &plan, clock, &mut cost)?;
        let region = self.settle(&proposed.masked);
        let kv = self.cache.report(&plan, self.run.context());
        let layers = self.cache.layers(self.run.context());
        let audit = self.audit(networks.denoiser, &mut proposed, &kv, clock, &mut cost)?;
        let gap = self.early.measure(&proposed.masked, &proposed.rescored, self.run.context());
        let Networks { denoiser: _, guide: mut network } = networks;
        let (guide, delta) = self.choose(network.as_deref_mut(), &proposed, &plan, clock, &mut cost)?;
        let shadow = self.shadow(network, &proposed.masked, &delta.commits, clock, &mut cost)?;
        let mut written = self.write(delta, &proposed.masked);
        self.stop(&written);
        let (commits, canvas) = (&mut written.delta.commits, &self.run.canvas);
        // A rule may have masked it again at once.
        commits.extend(by_hand.into_iter().filter(|commit| canvas.ids()[commit.position] == commit.token));
        // What a rule wrote over a token of the hand comes first, and counts.
        commits.sort_by_key(|commit| commit.position);
        commits.dedup_by_key(|commit| commit.position);
        let took = clock.micros_since(began);
        cost.other_us = took.saturating_sub(cost.denoiser_us + cost.guide_us + cost.audit_us + cost.shadow_us);
        let Delta { commits, remasked: taken_back } = written.delta;
        Ok(StepRecord {
            step: self.run.steps - 1,
            region,
            changes,
            edits,
            ids: self.run.canvas.ids().to_vec(),
            proposals: proposed.masked.into_iter().map(|candidate| candidate.proposal).collect(),
            commits,
            remasked: ascending([masked_by_hand, remasked, taken_back].concat()),
            kv,
            layers,
            guide,
            shadow,
            gap,
            audit,
            cost,
            stop: self.stopped,
        })
    }

    /// Moves the requested settings into force, each knob when it is due; opens the next block if one is due.
    fn adopt_settings(&mut self) -> Vec<Change> {
        let run = &mut self.run;
        let before = run.settings;
        let slides = run.schedule.slides();
        let reopens = std::mem::take(&mut self.reopens);
        let due = if self.block_is_new || slides { Timing::NextBlock } else { Timing::NextStep };
        run.settings.adopt(&self.requested, due);
        if run.steps == 0 {
            run.schedule = Schedule::new(&run.canvas, &run.settings);
            self.skip_closed_blocks();
        } else if slides {
            self.block_is_new |= run.schedule.slide(&run.canvas, &run.settings);
        } else if reopens {
            run.schedule.reopen(&run.canvas, &run.settings);
        } else if self.block_is_new {
            if run.schedule.region().end < run.canvas.len() {
                run.schedule.advance(&run.canvas, &run.settings);
            }
            // What is given, and an early commit, may fill blocks that were not active.
            self.skip_closed_blocks();
        }
        if self.block_is_new {
            self.credits.open_block();
            self.unmask.open_block();
            self.reviser.open_block();
        }
        self.block_is_new = false;
        Change::between(&before, &self.run.settings)
    }

    /// Opens the next block that has a mask, where the active one has none.
    fn skip_closed_blocks(&mut self) {
        let RunState { schedule, canvas, settings, .. } = &mut self.run;
        while schedule.is_closed(canvas) && schedule.region().end < canvas.len() {
            schedule.advance(canvas, settings);
        }
    }

    /// Masks again what the reviser takes back before the step's passes; returns it, ascending.
    fn remask(&mut self) -> Vec<usize> {
        let remasked = self.reviser.begin(self.run.context());
        for position in &remasked {
            self.run.canvas.remask(*position);
        }
        remasked
    }

    /// Runs the passes of the plan, and scores what they computed.
    fn propose(
        &mut self,
        denoiser: &mut dyn Network,
        plan: &Plan,
        clock: &dyn Clock,
        cost: &mut Cost,
    ) -> Result<Proposed, DecodeError> {
        let settings = &self.run.settings;
        let rescore = match unmask::rule(settings.unmask).rescoring(settings) {
            Rescore::No => revise::rescoring(settings),
            needed => needed,
        };
        Passes::new(self.run.context(), rescore, &mut self.cache, &mut self.credits, &mut self.unmask)
            .run(denoiser, plan, clock, cost)
    }

    /// Shows the block schedule and the cache what was proposed for the masks; returns the block, whose end is known now.
    fn settle(&mut self, masked: &[Candidate]) -> Region {
        let RunState { schedule, canvas, settings, .. } = &mut self.run;
        schedule.settle(masked, canvas, settings, &self.delimiters);
        self.cache.proposed(masked);
        schedule.region()
    }

    /// Compares the step with the uncached truth, where that is due.
    fn audit(
        &self,
        denoiser: &mut dyn Network,
        proposed: &mut Proposed,
        kv: &[KvUse],
        clock: &dyn Clock,
        cost: &mut Cost,
    ) -> Result<Option<AuditReport>, DecodeError> {
        match proposed.audited.take() {
            Some(rows) => audit::audit(denoiser, rows, kv, self.run.context(), clock, cost),
            None => Ok(None),
        }
    }

    /// What the step writes: everything that was scored once that is settled early, else what guide or rules choose of
    /// the block.
    fn choose(
        &mut self,
        guide: Option<&mut (dyn Network + '_)>,
        proposed: &Proposed,
        plan: &Plan,
        clock: &dyn Clock,
        cost: &mut Cost,
    ) -> Result<(Option<GuideReview>, Delta), DecodeError> {
        if self.early.is_settled() {
            return Ok((None, unmask::everything(&proposed.masked, Reason::EarlyCommit).into()));
        }
        let Region { start, end, .. } = self.run.schedule.region();
        let in_block = |candidate: &Candidate| (start..end).contains(&candidate.proposal.position);
        // A shifted row at the edge of what is attended to predicts a position beyond it.
        let is_eligible = |candidate: &&Candidate| {
            let position = candidate.proposal.position;
            in_block(candidate) && plan.reads(position) && plan.only.is_none_or(|only| only == position)
        };
        let masked: Vec<Candidate> = proposed.masked.iter().filter(is_eligible).cloned().collect();
        if self.run.settings.guide != GuideRule::Off {
            let network = guide
                .ok_or_else(|| DecodeError::Unusable("the settings ask for a guide, and none was given".into()))?;
            let rows = &proposed.draft_rows;
            let (review, commits) = self.guide.review(network, self.run.context(), &masked, rows, clock, cost)?;
            return Ok((Some(review), commits.into()));
        }
        let rescored: Vec<Rescored> =
            proposed.rescored.iter().filter(|rescored| in_block(&rescored.candidate)).cloned().collect();
        let scored = Scored { masked: &masked, rescored: &rescored };
        Ok((None, if plan.only.is_some() { entry(scored) } else { self.select(scored) }))
    }

    /// What the guide thinks of what the step is about to write, where it only looks on.
    fn shadow(
        &mut self,
        guide: Option<&mut (dyn Network + '_)>,
        masked: &[Candidate],
        commits: &[Commit],
        clock: &dyn Clock,
        cost: &mut Cost,
    ) -> Result<Option<GuideReview>, DecodeError> {
        if self.run.settings.shadow_guide == GuideRule::Off {
            return Ok(None);
        }
        let network =
            guide.ok_or_else(|| DecodeError::Unusable("the settings ask for a guide, and none was given".into()))?;
        self.guide.look_on(network, self.run.context(), masked, commits, clock, cost)
    }

    /// What the rules choose.
    fn select(&mut self, scored: Scored<'_>) -> Delta {
        let context = self.run.context();
        let mut delta = match self.reviser.select(scored, context) {
            Some(commits) => commits.into(),
            None => self.unmask.select(scored, context),
        };
        delta.commits.extend(self.reviser.edits(scored, context));
        delta
    }

    /// Writes what was chosen and what end of text fills; `proposed` holds what the step scored of the masks.
    fn write(&mut self, mut delta: Delta, proposed: &[Candidate]) -> Written {
        let run = &mut self.run;
        for commit in &delta.commits {
            run.canvas.write(commit.position, commit.token);
        }
        for position in &delta.remasked {
            run.canvas.remask(*position);
        }
        run.schedule.step += usize::from(self.reviser.written(&delta.commits));
        run.steps += 1;
        let commits = &mut delta.commits;
        let is_cut = stop::end_of_text(&mut run.canvas, proposed, commits, &run.settings, run.eos, &run.ends);
        let may_hold = !self.early.is_settled() && run.schedule.is_closed(&run.canvas);
        let held = may_hold && self.reviser.holds(run.context());
        if !held {
            commits.extend(stop::fill_after_eos(&mut run.canvas, &run.schedule, &run.settings, run.eos, &run.ends));
        }
        let filled = is_cut || commits.iter().any(|commit| commit.reason == Reason::EndOfText);
        commits.sort_unstable_by_key(|commit| commit.position);
        Written { delta, filled, held }
    }

    /// Ends the run, or opens the next block, where this step was the last one of either.
    fn stop(&mut self, written: &Written) {
        let counted = self.run.steps - self.reviser.revisions() - self.counted_before;
        let reason = stop::check(&self.run.canvas, written.filled, self.early.is_settled(), counted);
        self.stopped = reason.filter(|reason| !written.held || *reason == StopReason::StepBudget);
        if self.stopped.is_none() && !written.held && self.run.schedule.is_closed(&self.run.canvas) {
            self.block_is_new = true;
        }
    }
}

fn ascending(mut positions: Vec<usize>) -> Vec<usize> {
    positions.sort_unstable();
    positions.dedup();
    positions
}

/// All that was scored, where that is the one position which the pass that enters a block must settle.
fn entry(scored: Scored<'_>) -> Delta {
    unmask::everything(scored.masked, Reason::BlockEntry).into()
}

/// The id of the mask of a network that denoises.
fn mask_of(denoiser: &NetworkSpec) -> Result<u32, DecodeError> {
    denoiser.mask_id.ok_or_else(|| {
        DecodeError::Unusable(format!(
            "the {} model has no mask token, so it cannot denoise: choose a diffusion model",
            denoiser.architecture
        ))
    })
}

fn check_guide_network(guide: Option<&NetworkSpec>) -> Result<(), DecodeError> {
    match guide.filter(|guide| guide.attention != Attention::Causal) {
        Some(guide) => Err(DecodeError::Unusable(format!(
            "the {} model is not autoregressive, so it cannot guide: choose an autoregressive model",
            guide.architecture
        ))),
        None => Ok(()),
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
