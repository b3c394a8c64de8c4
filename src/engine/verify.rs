//! Verifying a trace: its steps are repeated, and each is compared with what the trace says of it.

use std::ops::ControlFlow;

use super::{
    Models, WaypointPolicy,
    fork::{Replay, check_settings, check_vocabulary, check_weights},
    protocol::RequestError,
    run::ActiveRun,
};
use crate::{
    decode::clock::Clock,
    printable,
    trace::{End, Entry, Log, StepMismatch},
};

/// What came of repeating a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedTrace {
    /// Steps that are the same, from the first one on.
    pub steps: usize,
    /// Why there are no more, where that is not the end of the trace.
    pub mismatch: Option<StepMismatch>,
    /// What the user should know, a sentence each.
    pub warnings: Vec<String>,
}

/// Repeats the run in a trace from its settings, its changes and its edits, and compares every step with the log: tokens,
/// confidences bit for bit, and all else but durations. Where they part, it ends. `observe` is given the number of steps
/// that are the same, and may break it off.
///
/// # Errors
/// Where the models are not those that made the trace, or a step fails.
pub fn verify(
    models: &mut Models,
    log: &Log,
    clock: &dyn Clock,
    mut observe: impl FnMut(usize) -> ControlFlow<()>,
) -> Result<VerifiedTrace, RequestError> {
    let point = log.fork_point(log.len());
    check_vocabulary(models, &point)?;
    check_settings(&point)?;
    let mut warnings = Vec::from_iter(check_weights(models, &point)?);
    warnings.extend(other_device(models, log));
    warnings.extend(inexact_fork(log));
    models.reset();
    let header = log.header();
    let mut run = ActiveRun::of(models, header.clone(), WaypointPolicy::NONE)?;
    let mut replay = Replay::new(&point, Vec::new(), header.settings);
    let mut repeated = Log::new(header.clone());
    for step in 1..=log.len() {
        let Some(edits) = replay.advance()? else { break };
        let entry = run.repeat(models, replay.settings, &edits, clock)?;
        let mismatch = compare(log, &mut repeated, &entry);
        if mismatch.is_some() {
            return Ok(VerifiedTrace { steps: step - 1, mismatch, warnings });
        }
        if observe(step).is_break() {
            return Ok(VerifiedTrace { steps: step, mismatch, warnings });
        }
    }
    // A run that was stopped by hand has no end of its own to compare.
    let own_end = |end: &&End| end.reason.is_some();
    let mismatch = match log.end().filter(own_end) {
        Some(end) => StepMismatch::of_end(log.len(), end, &run.end(models)?),
        None => None,
    };
    Ok(VerifiedTrace { steps: log.len(), mismatch, warnings })
}

/// Compares a repeated step with the one in the log. It enters a log of its own first, which rounds it as that one is.
fn compare(log: &Log, repeated: &mut Log, entry: &Entry) -> Option<StepMismatch> {
    repeated.push(entry);
    let step = repeated.len();
    let (there, here) = (log.record(step)?, repeated.record(step)?);
    StepMismatch::of_step(step, &there, &here, step <= log.header().inherited())
}

/// Devices round in their own ways.
fn other_device(models: &Models, log: &Log) -> Option<String> {
    let (there, here) = (&log.header().denoiser.device, &models.denoiser_card.device);
    let sentence = || format!("the trace was made on {there}, and this is {here}: last digits may differ");
    (there != here).then(|| printable::line(&sentence()))
}

/// A fork says of itself whether the steps of its parent were repeated exactly.
fn inexact_fork(log: &Log) -> Option<String> {
    let origin = log.header().origin.as_ref().filter(|origin| !origin.exact && !origin.cold)?;
    let sentence = "the trace is of a fork, and repeating the first steps of its parent gave other tokens then, too:";
    Some(format!("{sentence} expect a difference in the first {}", origin.step))
}
