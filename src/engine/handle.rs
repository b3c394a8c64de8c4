//! The client's end of the engine.

use std::{
    io,
    sync::mpsc,
    thread::{self, JoinHandle},
};

use tokio::sync::mpsc as events;

use super::{
    Models,
    protocol::{Command, Event},
    worker,
};

/// How many events may wait for the client. A few seconds of the embedded pair at full speed: enough that a slow frame
/// never holds a step up, little enough that a client that stopped reading stops the decode.
const WAITING_EVENTS: usize = 256;

/// The engine's handle. Dropping it ends the thread, after the step that it is in.
#[derive(Debug)]
pub struct Engine {
    commands: mpsc::Sender<Command>,
    events: events::Receiver<Event>,
    thread: Option<JoinHandle<()>>,
}

impl Engine {
    /// Starts the thread, which loads the models first: the first event is [`Event::Ready`] or [`Event::LoadFailed`].
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn spawn(load: impl FnOnce() -> anyhow::Result<Models> + Send + 'static) -> io::Result<Self> {
        let (commands, inbox) = mpsc::channel();
        let (outbox, events) = events::channel(WAITING_EVENTS);
        let thread =
            thread::Builder::new().name("engine".to_owned()).spawn(move || worker::work(load, &inbox, outbox))?;
        Ok(Self { commands, events, thread: Some(thread) })
    }

    /// Sends a command. It is obeyed before the next step; after [`Command::Shutdown`] nothing is.
    pub fn send(&self, command: Command) {
        // A thread that is gone has closed the event channel: that is where the client learns of it.
        let _ = self.commands.send(command);
    }

    /// The next event; `None` once the thread has ended. Dropping the future loses nothing.
    pub async fn next(&mut self) -> Option<Event> {
        self.events.recv().await
    }

    /// As [`Self::next`], blocking: for clients without an event loop.
    ///
    /// # Panics
    /// Inside an asynchronous task.
    pub fn wait(&mut self) -> Option<Event> {
        self.events.blocking_recv()
    }

    /// An event that is already there.
    pub fn poll(&mut self) -> Option<Event> {
        self.events.try_recv().ok()
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.send(Command::Shutdown);
        // Releases a worker that waits for room.
        self.events.close();
        if let Some(thread) = self.thread.take() {
            // Whatever it died of, it is gone, which is all that is asked here.
            let _ = thread.join();
        }
    }
}
