//! The one way to an engine, wherever it runs.

use futures_util::Stream;

use super::protocol::{Command, Event};

/// A connection to an engine: commands go in, events come out.
///
/// An event loop takes it as a [`Stream`] of events, which ends when the engine does; a client without one blocks with
/// [`Self::wait`]. Dropping it ends the engine.
///
#[cfg_attr(embedded_pair, doc = "```")]
#[cfg_attr(not(embedded_pair), doc = "```no_run")]
/// use diffuscope::{
///     engine::{
///         InProcess, Link, ModelRequest,
///         protocol::{Command, Drive, Event, RunRequest},
///     },
///     settings::Settings,
/// };
///
/// let mut link: Box<dyn Link> = Box::new(InProcess::open(ModelRequest::default())?);
/// link.send(Command::Start(Box::new(RunRequest {
///     run: 1,
///     prompt: "Reverse this list: Max, Leo".to_owned(),
///     settings: Settings { gen_length: Some(4), ..Settings::default() },
///     preset: None,
///     drive: Drive::Free,
///     turns: Vec::new(),
///     rivals: Vec::new(),
///     fork: None,
/// })));
/// let mut steps = 0;
/// let end = loop {
///     match link.wait().ok_or("the engine has ended")? {
///         Event::Step { .. } => steps += 1,
///         Event::Finished { end, .. } => break end,
///         Event::Failed { error, .. } => return Err(error.into()),
///         _ => {}
///     }
/// };
/// assert_eq!(steps, 4);
/// assert!(end.answer.starts_with("Leo, Max"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait Link: Stream<Item = Event> + Send + Unpin {
    /// Sends a command. After [`Command::Shutdown`], and to an engine that has gone, it is dropped: a client learns of
    /// that by the end of the events.
    fn send(&mut self, command: Command);

    /// The next event; waits for it. `None` once the engine has ended.
    ///
    /// # Panics
    /// Inside an asynchronous task.
    fn wait(&mut self) -> Option<Event>;

    /// The next event, if it is already there.
    fn poll(&mut self) -> Option<Event>;
}
