//! The thread: obeys commands between steps, does steps while there are none.

use std::sync::mpsc::{Receiver, TryRecvError};

use tokio::sync::mpsc::Sender;

use super::{
    Models, Run,
    caught::caught,
    protocol::{Command, Event, Request, RunId},
};
use crate::{decode::clock::WallClock, trace::printable};

/// The client is gone.
struct Gone;

struct Worker {
    /// What was loaded, or why nothing was.
    models: Result<Models, String>,
    events: Sender<Event>,
    clock: WallClock,
    active: Option<Active>,
}

/// The run under way.
struct Active {
    id: RunId,
    run: Run,
    held: bool,
}

/// The thread's whole life.
pub(super) fn work(load: impl FnOnce() -> anyhow::Result<Models>, commands: &Receiver<Command>, events: Sender<Event>) {
    let models = caught(load)
        .unwrap_or_else(|panic| Err(anyhow::Error::msg(panic)))
        .map_err(|error| printable::line(&format!("{error:#}")));
    let mut worker = Worker { models, events, clock: WallClock::default(), active: None };
    if worker.introduce().is_err() {
        return;
    }
    loop {
        let runs = worker.active.as_ref().is_some_and(|active| !active.held);
        let command = if runs { commands.try_recv() } else { commands.recv().map_err(|_| TryRecvError::Disconnected) };
        let done = match command {
            Ok(Command::Shutdown) | Err(TryRecvError::Disconnected) => return,
            Ok(command) => worker.obey(command),
            Err(TryRecvError::Empty) => worker.step(),
        };
        if done.is_err() {
            return;
        }
    }
}

impl Worker {
    fn introduce(&self) -> Result<(), Gone> {
        self.tell(match &self.models {
            Ok(models) => Event::Ready { denoiser: models.denoiser_card.clone(), guide: models.guide_card.clone() },
            Err(message) => Event::LoadFailed { message: message.clone() },
        })
    }

    /// Waits for room, so that nothing is lost.
    fn tell(&self, event: Event) -> Result<(), Gone> {
        self.events.blocking_send(event).map_err(|_| Gone)
    }

    fn obey(&mut self, command: Command) -> Result<(), Gone> {
        match command {
            Command::Start(request) => self.start(&request),
            Command::Pause => self.hold(true),
            Command::Resume => self.hold(false),
            Command::Step if self.active.as_ref().is_some_and(|active| active.held) => self.step(),
            Command::Stop => self.finish(),
            Command::Configure(settings) => {
                let Some(Active { id, run, .. }) = &mut self.active else {
                    return Ok(());
                };
                let (run, refused) = (*id, run.configure(*settings));
                match refused {
                    Ok(()) => Ok(()),
                    Err(error) => self.tell(Event::Refused { run, message: error.to_string() }),
                }
            }
            Command::Step | Command::Shutdown => Ok(()),
        }
    }

    fn start(&mut self, request: &Request) -> Result<(), Gone> {
        self.active = None;
        let id = request.run;
        let started = match &mut self.models {
            Ok(models) => Run::start(models, request).map_err(|error| error.to_string()),
            Err(message) => Err(message.clone()),
        };
        let run = match started {
            Ok(run) => run,
            Err(message) => return self.tell(Event::Failed { run: id, message }),
        };
        let header = Box::new(run.header().clone());
        self.active = Some(Active { id, run, held: false });
        self.tell(Event::Started { run: id, header })?;
        self.hold(request.paused)
    }

    /// Holds the run or lets it go on; tells only what changes.
    fn hold(&mut self, held: bool) -> Result<(), Gone> {
        match &mut self.active {
            Some(active) if active.held != held => {
                active.held = held;
                let run = active.id;
                self.tell(Event::Held { run, held })
            }
            _ => Ok(()),
        }
    }

    /// Does one step of the run under way.
    fn step(&mut self) -> Result<(), Gone> {
        let (Some(active), Ok(models)) = (&mut self.active, &mut self.models) else {
            return Ok(());
        };
        let run = active.id;
        match active.run.step(models, &self.clock) {
            Ok(entry) => {
                let over = active.run.stopped().is_some();
                self.tell(Event::Step { run, entry })?;
                if over { self.finish() } else { Ok(()) }
            }
            Err(error) => {
                self.active = None;
                self.tell(Event::Failed { run, message: error.to_string() })
            }
        }
    }

    /// Ends the run under way, if there is one.
    fn finish(&mut self) -> Result<(), Gone> {
        let (Some(active), Ok(models)) = (self.active.take(), &self.models) else {
            return Ok(());
        };
        let end = Box::new(active.run.end(models));
        self.tell(Event::Finished { run: active.id, end })
    }
}
