//! A whole run for clients that want its log: headless commands.

use std::ops::ControlFlow;

use super::{
    Link,
    protocol::{Command, Event, RequestError, RunId, RunRequest},
};
use crate::trace::{End, Entry, Header, Log};

/// What is observed of a run.
#[derive(Debug, Clone, Copy)]
pub enum RunProgress<'a> {
    /// A fork repeats the steps of its parent.
    Replaying {
        /// Steps repeated.
        done: usize,
        /// Steps to repeat.
        steps: usize,
    },
    /// The run has started. Its log has no step but those that a fork has of its parent.
    Started(&'a Log),
    /// Something that the user should know although it works; one sentence.
    Warning(&'a str),
    /// A step is done.
    Step(&'a Entry),
    /// The run has come to its own end.
    Ended(&'a End),
}

/// Has the engine do a whole run and returns its log. `observe` is given each part as soon as it is there, and may break
/// the run off; the log has no end then. Where the request says that the run is paced, each step begins after the one
/// before was observed.
///
/// # Errors
/// Where the engine refuses the request, the run breaks, or the engine ends.
pub fn complete(
    link: &mut dyn Link,
    request: RunRequest,
    observe: impl FnMut(RunProgress<'_>) -> ControlFlow<()>,
) -> Result<Log, RequestError> {
    follow(link, request, Log::new, observe)
}

/// The same for a fork of `parent`; the log begins with the steps of the parent, unless the fork is cold.
///
/// # Errors
/// As [`complete`], and where it is broken off before the fork has started.
pub fn complete_fork(
    link: &mut dyn Link,
    request: RunRequest,
    parent: &Log,
    observe: impl FnMut(RunProgress<'_>) -> ControlFlow<()>,
) -> Result<Log, RequestError> {
    let begin = |header: Header| match &header.origin {
        Some(origin) if !origin.cold => parent.prefix(origin.step, header),
        _ => Log::new(header),
    };
    follow(link, request, begin, observe)
}

fn follow(
    link: &mut dyn Link,
    request: RunRequest,
    begin: impl FnOnce(Header) -> Log,
    mut observe: impl FnMut(RunProgress<'_>) -> ControlFlow<()>,
) -> Result<Log, RequestError> {
    let run = request.run;
    link.send(Command::Start(Box::new(request)));
    let mut log = begin(started(link, run, &mut observe)?);
    let mut flow = observe(RunProgress::Started(&log));
    let mut is_step_due = true;
    while flow.is_continue() {
        if std::mem::take(&mut is_step_due) {
            link.send(Command::Advance);
        }
        match next(link)? {
            Event::Warning { message } => flow = observe(RunProgress::Warning(&message)),
            Event::Step { run: stepped, entry } if stepped == run => {
                flow = observe(RunProgress::Step(&entry));
                log.push(entry);
                is_step_due = true;
            }
            Event::Finished { run: finished, end } if finished == run => {
                // There is nothing more to break off.
                let _ = observe(RunProgress::Ended(&end));
                log.finish(*end);
                return Ok(log);
            }
            Event::Failed { run: failed, error } if failed == run => return Err(error),
            _ => {}
        }
    }
    stop(link, run)?;
    Ok(log)
}

/// What the run starts from, once it does.
fn started(
    link: &mut dyn Link,
    run: RunId,
    observe: &mut impl FnMut(RunProgress<'_>) -> ControlFlow<()>,
) -> Result<Header, RequestError> {
    loop {
        match next(link)? {
            Event::Replaying { run: of, done, steps }
                if of == run && observe(RunProgress::Replaying { done, steps }).is_break() =>
            {
                stop(link, run)?;
                return Err(super::fork::broken_off());
            }
            Event::Started { run: started, header } if started == run => return Ok(*header),
            Event::Failed { run: failed, error } if failed == run => return Err(error),
            _ => {}
        }
    }
}

/// Ends the run, so that the next one starts as the first.
fn stop(link: &mut dyn Link, run: RunId) -> Result<(), RequestError> {
    link.send(Command::Stop);
    loop {
        match next(link)? {
            Event::Finished { run: ended, .. } | Event::Failed { run: ended, .. } if ended == run => return Ok(()),
            _ => {}
        }
    }
}

fn next(link: &mut dyn Link) -> Result<Event, RequestError> {
    link.wait().ok_or_else(|| RequestError::Broken("the engine has ended".to_owned()))
}
