//! One run, from request to end.
//!
//! The worker does it step by step between commands.

use std::sync::Arc;

use super::{
    Models,
    blanks::{self, AnswerForm, TypedPrompt},
    conversation, failing,
    fork::{ForkStart, Replay, nothing_to_do},
    protocol::{ForkRequest, RequestError, RunRequest},
    transcript::CrossVocabularyGuide,
    waypoints::{Trail, Waypoint, WaypointPolicy, Waypoints},
};
use crate::{
    decode::{
        DecodeError, Decoder,
        clock::Clock,
        record::{Edit, StepRecord, StopReason},
    },
    model::{
        device::among_workers,
        memory::{self, Memory, MemoryFit},
        tokenizer::TokenizerError,
    },
    panics, printable,
    settings::Settings,
    tasks::{self, Task},
    trace::{End, Entry, Exchange, ForkPoint, Header, Recorder, modelled_cost},
};

/// Masks for a prompt that is none of the tasks.
const USUAL_GEN_LENGTH: usize = 64;

impl From<DecodeError> for RequestError {
    fn from(error: DecodeError) -> Self {
        let message = printable::line(&error.to_string());
        match error {
            DecodeError::Settings(_) | DecodeError::Unusable(_) => Self::Refused(message),
            DecodeError::Network(_) | DecodeError::NoNumbers(_) => broken(&message),
        }
    }
}

/// A run that broke under way.
pub(super) fn broken(message: &str) -> RequestError {
    RequestError::Broken(format!("the run failed: {message}"))
}

/// A run under way.
pub(super) struct ActiveRun {
    header: Header,
    decoder: Decoder,
    recorder: Recorder,
    task: Option<Task>,
    trail: Trail,
    /// What a fork repeats before its own first step.
    replay: Option<Replay>,
    /// What the user should know before that step, a sentence each.
    warnings: Vec<String>,
}

impl ActiveRun {
    /// Starts what `request` asks for; the networks forget what was before.
    ///
    /// # Errors
    /// [`RequestError::Refused`] where prompt, settings and models do not go together.
    pub(super) fn start(
        models: &mut Models,
        waypoints: &Waypoints,
        request: &RunRequest,
    ) -> Result<Self, RequestError> {
        let start = || {
            models.reset();
            match &request.fork {
                None => Self::of(models, header(models, request)?, waypoints.policy),
                Some(fork) => Self::fork(models, waypoints, request, fork),
            }
        };
        panics::catch(start).unwrap_or_else(|panic| Err(broken(&panic)))
    }

    /// Starts a fork. Whatever would be refused behind the steps of its parent is refused before one is repeated.
    fn fork(
        models: &mut Models,
        waypoints: &Waypoints,
        request: &RunRequest,
        fork: &ForkRequest,
    ) -> Result<Self, RequestError> {
        let start = ForkStart::new(models, request, fork)?;
        let mut run = Self::of(models, start.cold, waypoints.policy)?;
        run.decoder.edit(&start.edits)?;
        // A run in which nothing is masked may still revise its tokens, but not one that starts so.
        let is_over = if start.warm.is_some() { fork.point.is_over } else { run.has_no_mask() };
        if start.edits.is_empty() && is_over {
            return Err(nothing_to_do(fork.point.steps.len()));
        }
        if let Some(header) = start.warm {
            run = Self::of(models, header, waypoints.policy)?;
            let mut replay = Replay::new(&fork.point, start.edits, request.settings);
            if let Some(waypoint) = waypoints.nearest(&fork.point) {
                run.resume(models, waypoint, &fork.point);
                replay.skip(run.trail.len())?;
            }
            if replay.left() == 0 { run.branch(&replay)? } else { run.replay = Some(replay) }
        }
        run.warnings = start.warnings;
        Ok(run)
    }

    /// Starts a fork behind the steps of its parent up to a waypoint; before all of them, where the networks cannot be put back.
    fn resume(&mut self, models: &mut Models, waypoint: &Waypoint, point: &ForkPoint) {
        if waypoint.restore(models).is_err() {
            models.reset();
            return;
        }
        self.decoder = waypoint.decoder.clone();
        self.recorder = waypoint.recorder.clone();
        self.trail.resume(point, waypoint.steps);
    }

    /// The run that a header opens.
    pub(super) fn of(models: &Models, header: Header, policy: WaypointPolicy) -> Result<Self, RequestError> {
        let denoiser = models.denoiser.spec();
        let guide = models.guide.as_ref().map(|guide| guide.spec());
        let given = header.given.iter().map(|given| (given.position, given.token, given.pinned));
        let asked = blanks::asked(&header.prompt, models.tokenizer.has_template());
        let mut decoder = Decoder::new(denoiser, guide, &header.prompt_ids, header.gen_length, header.settings)?
            .with_given(given)?
            .with_ends(header.end_ids.iter().copied())
            .with_delimiters(models.tokenizer.ids_with(header.settings.delimiters.marks()))
            .with_filter(models.filter.clone())?;
        if let (Some(guide), Some(tokenizer)) = (guide, &models.guide_tokenizer) {
            let turns = Exchange::texts(&header.turns);
            let text = CrossVocabularyGuide::new(&models.tokenizer, tokenizer, guide.eos_id, &turns, &asked).map_err(
                |error| RequestError::Refused(printable::line(&format!("the guide cannot read the prompt: {error}"))),
            )?;
            decoder = decoder.with_guide_text(Box::new(text))?;
        }
        let recorder = Recorder::new(&header);
        let task = tasks::recognise(&asked);
        let trail = Trail::new(&header, policy);
        Ok(Self { header, decoder, recorder, task, trail, replay: None, warnings: Vec::new() })
    }

    fn has_no_mask(&self) -> bool {
        !self.decoder.ids().contains(&self.header.mask_id)
    }

    /// Whether steps of the parent are still to be repeated.
    pub(super) fn is_replaying(&self) -> bool {
        self.replay.is_some()
    }

    /// How many steps of the parent are repeated, and of how many, while they are.
    pub(super) fn replayed(&self) -> Option<(usize, usize)> {
        self.replay.as_ref().map(|replay| (replay.all - replay.left(), replay.all))
    }

    /// Repeats a step of the parent. Returns how many are repeated, and of how many.
    ///
    /// # Errors
    /// As [`Self::step`], and where the fork cannot continue as it is to.
    pub(super) fn replay(&mut self, models: &mut Models, clock: &dyn Clock) -> Result<(usize, usize), RequestError> {
        let replay = || self.replay_uncaught(models, clock);
        among_workers(|| panics::catch(replay)).unwrap_or_else(|panic| Err(broken(&panic)))
    }

    fn replay_uncaught(&mut self, models: &mut Models, clock: &dyn Clock) -> Result<(usize, usize), RequestError> {
        let Some(mut replay) = self.replay.take() else { return Ok((0, 0)) };
        if let Some(edits) = replay.advance()? {
            self.decoder.configure(replay.settings)?;
            self.decoder.edit(&edits)?;
            let mut record = self.decoder.step(models.networks(), clock)?;
            if record.ids != replay.canvas {
                self.diverge(&replay.canvas);
                record.ids.clone_from(&replay.canvas);
            }
            self.log(record, models);
        }
        let (all, left) = (replay.all, replay.left());
        if left == 0 {
            self.branch(&replay)?;
        } else {
            self.replay = Some(replay);
        }
        Ok((all - left, all))
    }

    /// A step that was repeated gave other tokens: the run continues from those of the parent.
    fn diverge(&mut self, canvas: &[u32]) {
        self.decoder.correct(canvas);
        self.trail.lose();
        let Some(origin) = self.header.origin.as_mut().filter(|origin| origin.exact) else { return };
        origin.exact = false;
        self.warnings.push(
            "the steps of the parent gave other tokens when they were repeated: the fork continues from the parent's \
             tokens, and it may differ in what was computed of them"
                .to_owned(),
        );
    }

    /// Leaves the way of the parent.
    fn branch(&mut self, replay: &Replay) -> Result<(), RequestError> {
        self.decoder.configure(replay.then)?;
        self.decoder.edit(&replay.edits)?;
        if self.stopped().is_some() {
            return Err(nothing_to_do(replay.all));
        }
        Ok(())
    }

    /// Changes the canvas by hand before the next step.
    ///
    /// # Errors
    /// When one of the changes cannot be made; none is made then.
    pub(super) fn edit(&mut self, edits: &[Edit]) -> Result<(), RequestError> {
        if self.is_replaying() {
            return Err(RequestError::Refused(
                "the fork still repeats the steps of its parent: change its canvas when it has".to_owned(),
            ));
        }
        Ok(self.decoder.edit(edits)?)
    }

    /// What it started from.
    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// Why it is over, if it is.
    pub(super) fn stopped(&self) -> Option<StopReason> {
        self.decoder.stopped()
    }

    /// What the user should know before the first step, a sentence each.
    pub(super) fn warnings(&self) -> Vec<String> {
        let memory = Memory::of_machine().and_then(|memory| too_long(self.header.log_memory(), memory.free));
        self.warnings.iter().cloned().chain(memory).collect()
    }

    /// New settings; each knob takes effect when its declaration says, in a fork behind the steps of its parent.
    ///
    /// # Errors
    /// When they conflict; the old ones stay in force.
    pub(super) fn configure(&mut self, settings: Settings) -> Result<(), RequestError> {
        self.decoder.configure(settings)?;
        if let Some(replay) = &mut self.replay {
            // Each step that is repeated brings the settings that it had.
            replay.then = settings;
        }
        Ok(())
    }

    /// Does the next step. Call it only while [`Self::stopped`] is `None`.
    ///
    /// # Errors
    /// When a network fails or something panics. The run is over then; the next one can start.
    pub(super) fn step(&mut self, models: &mut Models, clock: &dyn Clock) -> Result<Arc<Entry>, RequestError> {
        let step = || {
            let record = self.decoder.step(models.networks(), clock)?;
            Ok(Arc::new(self.log(record, models)))
        };
        // Caught where it happens: what a panic says is known to its own thread alone.
        among_workers(|| panics::catch(step)).unwrap_or_else(|panic| Err(broken(&panic)))
    }

    /// The entry of a step that was done.
    fn log(&mut self, mut record: StepRecord, models: &Models) -> Entry {
        if let Some(rate) = models.modelled_rate {
            record.cost = modelled_cost(&record, &self.header, rate);
        }
        self.trail.walk(&record);
        let entry = self.recorder.entry(record, |ids| models.pieces(ids));
        self.trail.mark(&self.decoder, &self.recorder, models);
        entry
    }

    /// Its way, with the states that were kept.
    pub(super) fn into_trail(self) -> Trail {
        self.trail
    }

    /// Repeats a step of another run, which used these settings and came behind these changes by hand.
    ///
    /// # Errors
    /// As [`Self::step`], and where the run that is repeated cannot have been made so.
    pub(super) fn repeat(
        &mut self,
        models: &mut Models,
        settings: Settings,
        edits: &[Edit],
        clock: &dyn Clock,
    ) -> Result<Arc<Entry>, RequestError> {
        self.decoder.configure(settings)?;
        self.decoder.edit(edits)?;
        self.step(models, clock)
    }

    /// The end of it, here. An answer is judged only where the run came to its own end.
    ///
    /// # Errors
    /// When something panics.
    pub(super) fn end(&self, models: &Models) -> Result<End, RequestError> {
        panics::catch(|| self.end_uncaught(models)).map_err(|panic| broken(&panic))
    }

    fn end_uncaught(&self, models: &Models) -> End {
        let reason = self.stopped();
        let tokens = self.decoder.answer();
        let answer = models.tokenizer.decode(&tokens);
        let verdict = self.task.as_ref().filter(|_| reason.is_some()).map(|task| task.check(&answer));
        let failed = verdict.as_ref().and_then(|verdict| verdict.failed.as_ref());
        let positions =
            || self.decoder.answer_positions().into_iter().chain(self.decoder.answer_end()).collect::<Vec<_>>();
        End {
            failed: failed
                .and_then(|failed| failing::positions(failed, &models.tokenizer.parts(&tokens), &positions())),
            reason,
            answer,
            tokens: self.decoder.decoded(),
            correct: verdict.as_ref().map(|verdict| verdict.correct),
            verdict: verdict.map(|verdict| verdict.reason),
        }
    }
}

/// What a run starts from that is no fork.
fn header(models: &Models, request: &RunRequest) -> Result<Header, RequestError> {
    // Without a prompt is a way to denoise too, for those who ask for it.
    if request.prompt.trim().is_empty() && !models.tokenizer.is_raw() {
        return Err(RequestError::Refused("the prompt is empty: type something to denoise an answer to".to_owned()));
    }
    let typed = TypedPrompt::read(&request.prompt, models.tokenizer.has_template())
        .map_err(|error| RequestError::Refused(printable::line(&error.to_string())))?;
    let prompt_ids = conversation::encode(&models.tokenizer, &request.turns, &typed.prompt)?;
    let task = tasks::recognise(&typed.prompt);
    let room = models.context().saturating_sub(prompt_ids.len());
    let form = if typed.form.is_empty() { None } else { Some(form(models, request, &typed, prompt_ids.len())?) };
    let usual = form.as_ref().map_or_else(|| usual_length(task.as_ref()), |form| form.length);
    let settings = compared(request, usual, room);
    let gen_length = length(&settings, usual, room);
    if !request.turns.is_empty() {
        conversation::check_room(prompt_ids.len(), gen_length, models.context())?;
    }
    let denoiser = models.denoiser.spec();
    Ok(Header {
        denoiser: models.denoiser_card.clone(),
        guide: models.guide_card.clone(),
        preset: request.preset.clone(),
        settings,
        prompt: request.prompt.clone(),
        prompt_pieces: models.tokenizer.pieces(&prompt_ids),
        prompt_ids,
        gen_length,
        // The decoder refuses a denoiser without a mask.
        mask_id: denoiser.mask_id.unwrap_or(u32::MAX),
        eos_id: denoiser.eos_id,
        end_ids: models.tokenizer.end_ids().iter().copied().collect(),
        given: form.map_or_else(Vec::new, |form| form.given),
        turns: request.turns.clone(),
        origin: None,
        peak: models.peak,
    })
}

/// The form of the answer to a prompt of `start` tokens that has blanks. Its text ends behind it, unless the settings say
/// how long the answer is.
fn form(
    models: &Models,
    request: &RunRequest,
    typed: &TypedPrompt<'_>,
    start: usize,
) -> Result<AnswerForm, RequestError> {
    let tokenizer = &models.tokenizer;
    let usual = blanks::usual_blank(&models.denoiser_card.name);
    let mut form = AnswerForm::encode(&typed.form, tokenizer, start, usual).map_err(|error| unencoded(&error))?;
    let (asked, context) = (request.settings.gen_length, models.context());
    if let Some(asked) = asked.filter(|asked| *asked < form.length) {
        let needed = form.length;
        return Err(RequestError::Refused(format!(
            "gen-length {asked} is shorter than the answer with its blanks, which takes {needed} tokens: choose at least \
             {needed}, or 'auto'"
        )));
    }
    if asked.is_none() {
        form.end(tokenizer, models.denoiser.spec().eos_id, start);
    }
    if start + form.length > context {
        return Err(RequestError::Refused(format!(
            "the prompt takes {start} tokens and the answer with its blanks {}, and the model's context is {context}: \
             make a blank or the text shorter",
            form.length
        )));
    }
    Ok(form)
}

fn unencoded(error: &TokenizerError) -> RequestError {
    RequestError::Refused(printable::line(&format!("the prompt cannot be encoded: {error}")))
}

fn too_long(need: u64, free: u64) -> Option<String> {
    let (need, free) = match MemoryFit::of(need, free) {
        MemoryFit::Fits => return None,
        MemoryFit::Close | MemoryFit::Exceeds => (memory::bytes(need), memory::bytes(free)),
    };
    Some(format!("the log of this run may take {need} of memory, and {free} are free: a smaller gen-length takes less"))
}

/// The settings of a run; with the length of the canvas, where it is that of the longest of several.
fn compared(request: &RunRequest, usual: usize, room: usize) -> Settings {
    let own = length(&request.settings, usual, room);
    match request.rivals.iter().map(|rival| length(rival, usual, room)).max() {
        Some(longest) => Settings { gen_length: Some(longest.max(own)), ..request.settings },
        None => request.settings,
    }
}

/// Masks to append to a prompt: what the settings say; where they leave it open, what the task needs (64 where it is
/// none), at least one block, at most `room`.
pub fn gen_length(settings: &Settings, task: Option<&Task>, room: usize) -> usize {
    length(settings, usual_length(task), room)
}

fn usual_length(task: Option<&Task>) -> usize {
    task.map_or(USUAL_GEN_LENGTH, |task| task.family().canvas())
}

/// The same where the answer takes `usual` tokens.
fn length(settings: &Settings, usual: usize, room: usize) -> usize {
    settings.gen_length.unwrap_or_else(|| usual.max(settings.block_length.unwrap_or(0)).min(room.max(1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_may_not_fit_is_warned_of() {
        let warning =
            "the log of this run may take 2.00 GB of memory, and 1.00 GB are free: a smaller gen-length takes less";
        assert_eq!(too_long(2_000_000_000, 1_000_000_000).as_deref(), Some(warning));
        assert!(too_long(900_000_000, 1_000_000_000).is_some(), "close to it");
        assert_eq!(too_long(500_000_000, 1_000_000_000), None);
    }
}
