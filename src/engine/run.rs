//! One run, from request to end.
//!
//! The worker does it step by step between commands.

use std::sync::Arc;

use super::{
    Models, failing,
    protocol::{RequestError, RunRequest},
    transcript::CrossVocabularyGuide,
};
use crate::{
    decode::{DecodeError, Decoder, clock::Clock, record::StopReason},
    model::{
        device::among_workers,
        memory::{self, Memory, MemoryFit},
    },
    panics, printable,
    settings::Settings,
    tasks::{self, Task},
    trace::{End, Entry, Header, Recorder},
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
}

impl ActiveRun {
    /// Starts what `request` asks for; the networks forget what was before.
    ///
    /// # Errors
    /// [`RequestError::Refused`] where prompt, settings and models do not go together.
    pub(super) fn start(models: &mut Models, request: &RunRequest) -> Result<Self, RequestError> {
        panics::catch(|| Self::start_uncaught(models, request)).unwrap_or_else(|panic| Err(broken(&panic)))
    }

    fn start_uncaught(models: &mut Models, request: &RunRequest) -> Result<Self, RequestError> {
        // Without a prompt is a way to denoise too, for those who ask for it.
        if request.prompt.trim().is_empty() && !models.tokenizer.is_raw() {
            return Err(RequestError::Refused(
                "the prompt is empty: type something to denoise an answer to".to_owned(),
            ));
        }
        models.reset();
        let prompt_ids = models.tokenizer.encode_prompt(&request.prompt).map_err(|error| {
            RequestError::Refused(printable::line(&format!("the prompt cannot be encoded: {error}")))
        })?;
        let task = tasks::recognise(&request.prompt);
        let room = models.context().saturating_sub(prompt_ids.len());
        let settings = compared(request, task.as_ref(), room);
        let gen_length = gen_length(&settings, task.as_ref(), room);
        let denoiser = models.denoiser.spec();
        let guide = models.guide.as_ref().map(|guide| guide.spec());
        let ends: Vec<u32> = models.tokenizer.end_ids().iter().copied().collect();
        let mut decoder = Decoder::new(denoiser, guide, &prompt_ids, gen_length, settings)?
            .with_ends(ends.iter().copied())
            .with_delimiters(models.tokenizer.ids_with(settings.delimiters.marks()))
            .with_filter(models.filter.clone())?;
        if let (Some(guide), Some(tokenizer)) = (guide, &models.guide_tokenizer) {
            let text = CrossVocabularyGuide::new(&models.tokenizer, tokenizer, guide.eos_id, &request.prompt).map_err(
                |error| RequestError::Refused(printable::line(&format!("the guide cannot read the prompt: {error}"))),
            )?;
            decoder = decoder.with_guide_text(Box::new(text))?;
        }
        let mask_id = denoiser.mask_id.expect("the decoder refuses a denoiser without a mask");
        let header = Header {
            denoiser: models.denoiser_card.clone(),
            guide: models.guide_card.clone(),
            preset: request.preset.clone(),
            settings,
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
    pub(super) fn header(&self) -> &Header {
        &self.header
    }

    /// Why it is over, if it is.
    pub(super) fn stopped(&self) -> Option<StopReason> {
        self.decoder.stopped()
    }

    /// What the user should know before the first step, where the log may not fit into memory; one sentence.
    pub(super) fn warning(&self) -> Option<String> {
        too_long(self.header.log_memory(), Memory::of_machine()?.free)
    }

    /// New settings; each knob takes effect when its declaration says.
    ///
    /// # Errors
    /// When they conflict; the old ones stay in force.
    pub(super) fn configure(&mut self, settings: Settings) -> Result<(), RequestError> {
        Ok(self.decoder.configure(settings)?)
    }

    /// Does the next step. Call it only while [`Self::stopped`] is `None`.
    ///
    /// # Errors
    /// When a network fails or something panics. The run is over then; the next one can start.
    pub(super) fn step(&mut self, models: &mut Models, clock: &dyn Clock) -> Result<Arc<Entry>, RequestError> {
        let step = || {
            let record = self.decoder.step(models.networks(), clock)?;
            Ok(Arc::new(self.recorder.entry(record, |ids| models.pieces(ids))))
        };
        // Caught where it happens: what a panic says is known to its own thread alone.
        among_workers(|| panics::catch(step)).unwrap_or_else(|panic| Err(broken(&panic)))
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
        let header = &self.header;
        let generated = self.decoder.ids().iter().copied().enumerate().skip(header.prompt_ids.len());
        let mut written = generated.filter(|(_, id)| *id != header.mask_id).peekable();
        let mut tokens = Vec::new();
        let mut positions = Vec::new();
        while let Some((position, id)) = written.next_if(|(_, id)| !header.is_end(*id)) {
            positions.push(position);
            tokens.push(id);
        }
        positions.extend(written.next().map(|(end, _)| end));
        let answer = models.tokenizer.decode(&tokens);
        let verdict = self.task.as_ref().filter(|_| reason.is_some()).map(|task| task.check(&answer));
        let failed = verdict.as_ref().and_then(|verdict| verdict.failed.as_ref());
        let parts = || models.tokenizer.parts(&tokens);
        End {
            failed: failed.and_then(|failed| failing::positions(failed, &parts(), &positions)),
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

/// The settings of a run; with the length of the canvas, where it is that of the longest of several.
fn compared(request: &RunRequest, task: Option<&Task>, room: usize) -> Settings {
    let own = gen_length(&request.settings, task, room);
    match request.rivals.iter().map(|rival| gen_length(rival, task, room)).max() {
        Some(longest) => Settings { gen_length: Some(longest.max(own)), ..request.settings },
        None => request.settings,
    }
}

/// Masks to append to a prompt: what the settings say; where they leave it open, what the task needs (64 where it is
/// none), at least one block, at most `room`.
pub fn gen_length(settings: &Settings, task: Option<&Task>, room: usize) -> usize {
    settings.gen_length.unwrap_or_else(|| {
        let wanted = task.map_or(USUAL_GEN_LENGTH, |task| task.family().canvas());
        wanted.max(settings.block_length.unwrap_or(0)).min(room.max(1))
    })
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
