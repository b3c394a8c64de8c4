//! The client's end of the engine.

use std::{
    convert::Infallible,
    io,
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use tokio::sync::mpsc as events;

use super::{
    LoadObserver, ModelRequest, Models, load,
    protocol::{Command, Event},
    worker::{self, Message},
};

/// How many events may wait for the client. A few seconds of the embedded pair at full speed: enough that a slow frame
/// never holds a step up, little enough that a client that stopped reading stops the decode.
const WAITING_EVENTS: usize = 256;

/// How long a dropped handle waits for the thread. A step of a large network takes longer on a slow machine, and one
/// that hangs never ends.
const PATIENCE: Duration = Duration::from_secs(1);

/// The engine's handle. Dropping it ends the thread, after the step that it is in; where that takes too long, the thread
/// is left to end by itself, as a loading under way is.
#[derive(Debug)]
pub struct Engine {
    commands: mpsc::Sender<Message>,
    events: events::Receiver<Event>,
    thread: Option<JoinHandle<()>>,
    /// Closed when the thread ends.
    ended: mpsc::Receiver<Infallible>,
}

impl Engine {
    /// Starts the thread, which has these models loaded first: [`Event::Ready`] or [`Event::LoadFailed`] comes before
    /// any event of a run.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn open(request: ModelRequest) -> io::Result<Self> {
        let first = request.clone();
        Self::start(Some(request), move |observer| load(&first, observer))
    }

    /// The same with models from anywhere.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn spawn(load: impl FnOnce() -> anyhow::Result<Models> + Send + 'static) -> io::Result<Self> {
        Self::start(None, move |_| load())
    }

    fn start(
        request: Option<ModelRequest>,
        load: impl FnOnce(&Arc<dyn LoadObserver>) -> anyhow::Result<Models> + Send + 'static,
    ) -> io::Result<Self> {
        let (commands, inbox) = mpsc::channel();
        let (outbox, events) = events::channel(WAITING_EVENTS);
        let sender = commands.clone();
        let (alive, ended) = mpsc::channel();
        let work = move || {
            let _alive = alive;
            worker::work(request, load, sender, inbox, outbox);
        };
        let thread = thread::Builder::new().name("engine".to_owned()).spawn(work)?;
        Ok(Self { commands, events, thread: Some(thread), ended })
    }

    /// Sends a command. It is obeyed before the next step; after [`Command::Shutdown`] nothing is.
    pub fn send(&self, command: Command) {
        // A thread that is gone has closed the event channel: that is where the client learns of it.
        let _ = self.commands.send(Message::Command(command));
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
        let ended = self.ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Disconnected);
        if let Some(thread) = self.thread.take().filter(|_| ended) {
            // Whatever it died of, it is gone, which is all that is asked here.
            let _ = thread.join();
        }
    }
}
