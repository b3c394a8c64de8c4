//! One run, from request to end.
//!
//! The worker thread does it step by step between commands, headless commands in one go; both log the same.

use std::{ops::ControlFlow, sync::Arc};

use thiserror::Error;

use super::{Models, protocol::RunRequest, transcript::Bilingual};
use crate::{
    decode::{DecodeError, Decoder, clock::Clock, record::StopReason},
    model::{
        device::among_workers,
        memory::{self, Memory, MemoryFit},
    },
    panics, printable,
    settings::Settings,
    tasks::{self, Task},
    trace::{End, Entry, Header, Log, Recorder},
};

/// Masks for a prompt that is none of the tasks.
const USUAL_GEN_LENGTH: usize = 64;

/// Why a run could not start or go on, in one printable sentence.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RunError {
    /// What was asked for cannot be done: prompt and settings must change.
    #[error("{0}")]
    Request(String),
    /// It broke under way.
    #[error("the run failed: {0}")]
    Broken(String),
}

impl From<DecodeError> for RunError {
    fn from(error: DecodeError) -> Self {
        let message = printable::line(&error.to_string());
        match error {
            DecodeError::Settings(_) | DecodeError::Unusable(_) => Self::Request(message),
            DecodeError::Network(_) | DecodeError::NoNumbers(_) => Self::Broken(message),
        }
    }
}

/// A run under way.
pub struct ActiveRun {
    header: Header,
    decoder: Decoder,
    recorder: Recorder,
    task: Option<Task>,
}

impl ActiveRun {
    /// Starts what `request` asks for; the networks forget what was before.
    ///
    /// # Errors
    /// [`RunError::Request`] where prompt, settings and models do not go together.
    pub fn start(models: &mut Models, request: &RunRequest) -> Result<Self, RunError> {
        panics::catch(|| Self::start_uncaught(models, request)).unwrap_or_else(|panic| Err(RunError::Broken(panic)))
    }

    fn start_uncaught(models: &mut Models, request: &RunRequest) -> Result<Self, RunError> {
        // Without a prompt is a way to denoise too, for those who ask for it.
        if request.prompt.trim().is_empty() && !models.tokenizer.is_raw() {
            return Err(RunError::Request("the prompt is empty: type something to denoise an answer to".to_owned()));
        }
        models.reset();
        let prompt_ids = models
            .tokenizer
            .encode_prompt(&request.prompt)
            .map_err(|error| RunError::Request(printable::line(&format!("the prompt cannot be encoded: {error}"))))?;
        let task = tasks::recognise(&request.prompt);
        let room = models.context().saturating_sub(prompt_ids.len());
        let gen_length = gen_length(&request.settings, task.as_ref(), room);
        let denoiser = models.denoiser.spec();
        let guide = models.guide.as_ref().map(|guide| guide.spec());
        let ends: Vec<u32> = models.tokenizer.end_ids().iter().copied().collect();
        let mut decoder = Decoder::new(denoiser, guide, &prompt_ids, gen_length, request.settings)?
            .with_ends(ends.iter().copied())
            .with_delimiters(models.tokenizer.ids_with(request.settings.delimiters.marks()))
            .with_filter(models.filter.clone())?;
        if let (Some(guide), Some(tokenizer)) = (guide, &models.guide_tokenizer) {
            let text =
                Bilingual::new(&models.tokenizer, tokenizer, guide.eos_id, &request.prompt).map_err(|error| {
                    RunError::Request(printable::line(&format!("the guide cannot read the prompt: {error}")))
                })?;
            decoder = decoder.with_guide_text(Box::new(text))?;
        }
        let mask_id = denoiser.mask_id.expect("the decoder refuses a denoiser without a mask");
        let header = Header {
            denoiser: models.denoiser_card.clone(),
            guide: models.guide_card.clone(),
            preset: request.preset.clone(),
            settings: request.settings,
            prompt: request.prompt.clone(),
            prompt_pieces: models.tokenizer.pieces(&prompt_ids),
            prompt_ids,
            gen_length,
            mask_id,
            eos_id: denoiser.eos_id,
            end_ids: ends,
        };
        let recorder = Recorder::new(&header);
        Ok(Self { header, decoder, recorder, task })
    }

    /// What it started from.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Why it is over, if it is.
    pub fn stopped(&self) -> Option<StopReason> {
        self.decoder.stopped()
    }

    /// What the user should know before the first step, where the log may not fit into memory; one sentence.
    pub fn warning(&self) -> Option<String> {
        too_long(self.header.log_memory(), Memory::of_machine()?.free)
    }

    /// New settings; each knob takes effect when its declaration says.
    ///
    /// # Errors
    /// When they conflict; the old ones stay in force.
    pub fn configure(&mut self, settings: Settings) -> Result<(), RunError> {
        Ok(self.decoder.configure(settings)?)
    }

    /// Does the next step. Call it only while [`Self::stopped`] is `None`.
    ///
    /// # Errors
    /// When a network fails or something panics. The run cannot go on then; the next one can.
    pub fn step(&mut self, models: &mut Models, clock: &dyn Clock) -> Result<Arc<Entry>, RunError> {
        let step = || {
            let record = self.decoder.step(models.networks(), clock)?;
            Ok(Arc::new(self.recorder.entry(record, |ids| models.pieces(ids))))
        };
        // Caught where it happens: what a panic says is known to its own thread alone.
        among_workers(|| panics::catch(step)).unwrap_or_else(|panic| Err(RunError::Broken(panic)))
    }

    /// The end of it, here. An answer is judged only where the run came to its own end.
    ///
    /// # Errors
    /// When something panics.
    pub fn end(&self, models: &Models) -> Result<End, RunError> {
        panics::catch(|| self.end_uncaught(models)).map_err(RunError::Broken)
    }

    fn end_uncaught(&self, models: &Models) -> End {
        let reason = self.stopped();
        let generated = &self.decoder.ids()[self.header.prompt_ids.len()..];
        let tokens: Vec<u32> = generated
            .iter()
            .copied()
            .take_while(|id| !self.header.is_end(*id))
            .filter(|id| *id != self.header.mask_id)
            .collect();
        let answer = models.tokenizer.decode(&tokens);
        let verdict = self.task.as_ref().filter(|_| reason.is_some()).map(|task| task.check(&answer));
        End {
            reason,
            answer,
            tokens: tokens.len(),
            correct: verdict.as_ref().map(|verdict| verdict.correct),
            verdict: verdict.map(|verdict| verdict.reason),
        }
    }
}

fn too_long(need: u64, free: u64) -> Option<String> {
    let (need, free) = match MemoryFit::of(need, free) {
        MemoryFit::Fits => return None,
        MemoryFit::Close | MemoryFit::Exceeds => (memory::bytes(need), memory::bytes(free)),
    };
    Some(format!("the log of this run may take {need} of memory, and {free} are free: a smaller gen-length takes less"))
}

/// Masks to append to a prompt: what the settings say; where they leave it open, what the task needs (64 where it is
/// none), at least one block, at most `room`.
pub fn gen_length(settings: &Settings, task: Option<&Task>, room: usize) -> usize {
    settings.gen_length.unwrap_or_else(|| {
        let wanted = task.map_or(USUAL_GEN_LENGTH, |task| task.family().canvas());
        wanted.max(settings.block_length.unwrap_or(0)).min(room.max(1))
    })
}

/// What [`complete`] tells while it works.
#[derive(Debug, Clone, Copy)]
pub enum Progress<'a> {
    /// Something that the user should know although it works; one sentence.
    Warning(&'a str),
    /// The run has begun.
    Started(&'a Header),
    /// A step is done.
    Step(&'a Entry),
    /// The run is over.
    Ended(&'a End),
}

/// Does a whole run and returns its log. `observe` sees each part as soon as it is there, and may break it off; the log
/// has no end then.
///
/// # Errors
/// As [`ActiveRun::start`] and [`ActiveRun::step`].
pub fn complete(
    models: &mut Models,
    request: &RunRequest,
    clock: &dyn Clock,
    mut observe: impl FnMut(Progress<'_>) -> ControlFlow<()>,
) -> Result<Log, RunError> {
    let mut run = ActiveRun::start(models, request)?;
    let mut log = Log::new(run.header().clone());
    let warned = run.warning().is_some_and(|warning| observe(Progress::Warning(&warning)).is_break());
    if warned || observe(Progress::Started(run.header())).is_break() {
        return Ok(log);
    }
    while run.stopped().is_none() {
        let entry = run.step(models, clock)?;
        let flow = observe(Progress::Step(&entry));
        log.push(entry);
        if flow.is_break() {
            return Ok(log);
        }
    }
    let end = run.end(models)?;
    // Nothing is left to break off.
    let _ = observe(Progress::Ended(&end));
    log.finish(end);
    Ok(log)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_log_that_may_not_fit_is_told() {
        let told =
            "the log of this run may take 2.00 GB of memory, and 1.00 GB are free: a smaller gen-length takes less";
        assert_eq!(too_long(2_000_000_000, 1_000_000_000).as_deref(), Some(told));
        assert!(too_long(900_000_000, 1_000_000_000).is_some(), "close to it");
        assert_eq!(too_long(500_000_000, 1_000_000_000), None);
    }
}
