//! `diffuscope replay --verify`: whether the models make the trace again.

use std::{
    io::{self, Write},
    ops::ControlFlow,
};

use super::{
    failure::{self, Failure, warn},
    models::ModelArgs,
    progress::Console,
    recorded::Recorded,
};
use crate::{decode::clock::WallClock, engine, printable};

/// Repeats the steps of a trace and says where they part from it, if they do.
pub(super) fn run(trace: &Recorded, models: &ModelArgs) -> Result<(), Failure> {
    let opened = trace.open()?;
    opened.warnings.iter().for_each(|sentence| warn(sentence));
    let (log, name) = (opened.log, trace.name());
    if log.is_empty() {
        return Err(Failure::Usage(format!("{name} has no step to verify")));
    }
    let mut models = models.load()?;
    let interrupt = failure::listen()?;
    let console = Console::new();
    let verified = engine::verify(&mut models, &log, &WallClock::default(), |step| {
        console.replaying(step, log.len());
        if interrupt.is_asked() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    console.finish();
    let verified = verified?;
    verified.warnings.iter().for_each(|sentence| warn(sentence));
    let mut out = io::stdout().lock();
    if let Some(mismatch) = &verified.mismatch {
        writeln!(out, "{}", printable::line(&mismatch.to_string()))?;
        return Err(Failure::Differs);
    }
    if let Some(code) = interrupt.code().filter(|_| verified.steps < log.len()) {
        return Err(Failure::Interrupted(code));
    }
    match verified.steps {
        1 => writeln!(out, "the step is the same")?,
        steps => writeln!(out, "all {steps} steps are the same")?,
    }
    Ok(())
}
