//! An engine in this process.

use std::{
    convert::Infallible,
    io,
    pin::Pin,
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    task::{Context, Poll},
    thread::{self, JoinHandle},
    time::Duration,
};

use futures_util::Stream;
use tokio::sync::mpsc as events;

use super::{
    Link, LoadObserver, ModelRequest, Models, WaypointPolicy,
    load::{NO_THREADS, load},
    protocol::{Command, Event},
    worker::{self, WorkerMessage},
};

/// How many events may wait for the client. A few seconds of the embedded pair at full speed: enough that a slow frame
/// never holds a step up, little enough that a client that stopped reading stops the decode.
const WAITING_EVENTS: usize = 256;

/// How long a dropped handle waits for the thread. A step of a large network takes longer on a slow machine, and one
/// that hangs never ends.
const PATIENCE: Duration = Duration::from_secs(1);

/// A link to a thread of this process. Dropping it ends the thread, after the step that it is in; where that takes too
/// long, the thread is left to end by itself, as a loading under way is.
#[derive(Debug)]
pub struct InProcess {
    commands: mpsc::Sender<WorkerMessage>,
    events: events::Receiver<Event>,
    thread: Option<JoinHandle<()>>,
    /// Closed when the thread ends.
    ended: mpsc::Receiver<Infallible>,
}

impl InProcess {
    /// Starts the thread, which has these models loaded first: [`Event::Ready`] or [`Event::LoadFailed`] comes before
    /// any event of a run.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn open(request: ModelRequest) -> io::Result<Self> {
        let first = request.clone();
        Self::start(Some(request), WaypointPolicy::default(), move |observer| load(&first, observer))
    }

    /// The same with models from anywhere.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn spawn(load: impl FnOnce() -> anyhow::Result<Models> + Send + 'static) -> io::Result<Self> {
        Self::keeping(WaypointPolicy::default(), load)
    }

    /// The same with states of runs kept as `policy` says.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn keeping(
        policy: WaypointPolicy,
        load: impl FnOnce() -> anyhow::Result<Models> + Send + 'static,
    ) -> io::Result<Self> {
        Self::start(None, policy, move |_| load())
    }

    fn start(
        request: Option<ModelRequest>,
        policy: WaypointPolicy,
        load: impl FnOnce(&Arc<dyn LoadObserver>) -> anyhow::Result<Models> + Send + 'static,
    ) -> io::Result<Self> {
        let (commands, inbox) = mpsc::channel();
        let (outbox, events) = events::channel(WAITING_EVENTS);
        let sender = commands.clone();
        let (alive, ended) = mpsc::channel();
        let work = move || {
            let _alive = alive;
            worker::work(request, policy, load, sender, inbox, outbox);
        };
        let thread = thread::Builder::new().name("engine".to_owned()).spawn(work);
        let thread = thread.map_err(|error| io::Error::new(error.kind(), NO_THREADS))?;
        Ok(Self { commands, events, thread: Some(thread), ended })
    }
}

impl Link for InProcess {
    fn send(&mut self, command: Command) {
        // A thread that is gone has closed the channel of the events.
        let _ = self.commands.send(WorkerMessage::Command(command));
    }

    fn wait(&mut self) -> Option<Event> {
        self.events.blocking_recv()
    }

    fn poll(&mut self) -> Option<Event> {
        self.events.try_recv().ok()
    }
}

impl Stream for InProcess {
    type Item = Event;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.events.poll_recv(context)
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        self.send(Command::Shutdown);
        // Releases a worker that waits for room.
        self.events.close();
        let ended = self.ended.recv_timeout(PATIENCE) == Err(RecvTimeoutError::Disconnected);
        if let Some(thread) = self.thread.take().filter(|_| ended) {
            // What it ended of does not matter here.
            let _ = thread.join();
        }
    }
}
