//! The thread: obeys commands between steps, does steps while there are none.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        mpsc::{self, Receiver, TryRecvError},
    },
    thread,
};

use tokio::sync::mpsc::Sender;

use super::{
    LoadObserver, ModelRequest, Models, WaypointPolicy, diary,
    fork::broken_off,
    gate::StepGate,
    load::{NO_THREADS, load, load_guide},
    loader::{self, Load, Loaded, Loader},
    protocol::{Command, Event, RequestError, RunId, RunRequest},
    run::{ActiveRun, broken},
    waypoints::Waypoints,
};
use crate::{
    decode::clock::{Clock, WallClock},
    model::device::among_workers,
    panics,
};

/// The client has gone.
struct Disconnected;

/// Of a change by hand that came when its run was over.
const TOO_LATE: &str = "the run ended before the change by hand could be made: make it again, which forks the run";

/// What the worker acts on.
pub(super) enum WorkerMessage {
    /// A request from the client.
    Command(Command),
    /// The end of a loading.
    Loaded(Loaded),
    /// The end of a step.
    Stepped,
}

struct Worker {
    /// What is loaded, or why nothing is.
    models: Result<Models, RequestError>,
    /// What `models` was made from, where that is known.
    from: Option<ModelRequest>,
    /// What is being loaded.
    loading: Option<Loading>,
    /// What is to be loaded when that has come to its end.
    next: Option<Box<ModelRequest>>,
    /// What was measured of which device.
    peak: Option<(String, Option<u64>)>,
    /// A run that waits for the first models.
    waiting: Option<Box<RunRequest>>,
    events: Sender<Event>,
    inbox: Receiver<WorkerMessage>,
    /// Leads into `inbox`.
    self_tx: mpsc::Sender<WorkerMessage>,
    /// What came during a step and waits for its end.
    deferred: VecDeque<WorkerMessage>,
    clock: WallClock,
    active: Option<NumberedRun>,
    /// Where forks may start from.
    waypoints: Waypoints,
    /// How often a client asks to hear of the next rest.
    settling: usize,
}

/// A loading under way.
struct Loading {
    loader: Loader,
    /// What was asked for, where that is known.
    request: Option<ModelRequest>,
}

/// The run under way.
struct NumberedRun {
    id: RunId,
    run: ActiveRun,
    gate: StepGate,
}

impl NumberedRun {
    /// Whether there is a step to do now. Steps that are repeated wait for nobody.
    fn can_step(&self) -> bool {
        self.run.is_replaying() || self.gate.is_open()
    }
}

/// The thread's whole life. `request` is what `first` loads, where that is known; `policy` says which states of runs are kept;
/// `self_tx` leads into `inbox`.
pub(super) fn work(
    request: Option<ModelRequest>,
    policy: WaypointPolicy,
    first: impl FnOnce(&Arc<dyn LoadObserver>) -> anyhow::Result<Models> + Send + 'static,
    self_tx: mpsc::Sender<WorkerMessage>,
    inbox: Receiver<WorkerMessage>,
    events: Sender<Event>,
) {
    let mut worker = Worker {
        models: Err(RequestError::Refused("the networks are still being loaded".to_owned())),
        from: None,
        loading: None,
        next: None,
        peak: None,
        waiting: None,
        events,
        inbox,
        self_tx,
        deferred: VecDeque::new(),
        clock: WallClock::default(),
        active: None,
        waypoints: Waypoints::new(policy),
        settling: 0,
    };
    if worker.begin(request, move |observer| Ok(Load::Models(Box::new(first(observer)?)))).is_err() {
        return;
    }
    loop {
        if worker.settle().is_err() {
            return;
        }
        let message = match worker.next_message() {
            Ok(WorkerMessage::Command(Command::Shutdown)) | Err(TryRecvError::Disconnected) => return,
            Ok(message) => Some(message),
            Err(TryRecvError::Empty) => None,
        };
        let done = panics::catch(|| worker.act(message)).unwrap_or_else(|panic| worker.break_off(panic));
        if done.is_err() {
            return;
        }
    }
}

impl Worker {
    /// What to act on; waits for it, unless a step may begin.
    fn next_message(&mut self) -> Result<WorkerMessage, TryRecvError> {
        match self.deferred.pop_front() {
            Some(message) => Ok(message),
            None if self.active.as_ref().is_some_and(NumberedRun::can_step) => self.inbox.try_recv(),
            None => self.inbox.recv().map_err(|_| TryRecvError::Disconnected),
        }
    }

    /// Answers those who asked to hear of it, where nothing is left to do.
    fn settle(&mut self) -> Result<(), Disconnected> {
        let steps = self.active.as_ref().is_some_and(NumberedRun::can_step);
        if steps || self.loading.is_some() || !self.deferred.is_empty() {
            return Ok(());
        }
        let asked = std::mem::take(&mut self.settling);
        (0..asked).try_for_each(|_| self.emit(Event::Settled))
    }

    /// Acts on a message; does a step without one.
    fn act(&mut self, message: Option<WorkerMessage>) -> Result<(), Disconnected> {
        match message {
            Some(WorkerMessage::Command(command)) => self.handle(command),
            Some(WorkerMessage::Loaded(loaded)) => self.on_loaded(loaded),
            Some(WorkerMessage::Stepped) => Ok(()),
            None => self.step(),
        }
    }

    /// Something panicked that is no step: the run under way is lost, and the thread lives on.
    fn break_off(&mut self, panic: String) -> Result<(), Disconnected> {
        match self.active.take() {
            Some(NumberedRun { id, .. }) => self.emit(Event::Failed { run: id, error: RequestError::Broken(panic) }),
            None => self.emit(Event::Warning { message: panic }),
        }
    }

    /// Starts a loading.
    fn begin(
        &mut self,
        request: Option<ModelRequest>,
        load: impl FnOnce(&Arc<dyn LoadObserver>) -> anyhow::Result<Load> + Send + 'static,
    ) -> Result<(), Disconnected> {
        match Loader::start(load, self.events.clone(), self.self_tx.clone()) {
            Ok(loader) => {
                self.loading = Some(Loading { loader, request });
                Ok(())
            }
            Err(error) => {
                let message = format!("the system gives no thread to load models with: {error}");
                self.fail(RequestError::Broken(message), request, Vec::new())
            }
        }
    }

    /// Loads other models, or only another guide where the denoiser stays.
    fn load(&mut self, request: Box<ModelRequest>) -> Result<(), Disconnected> {
        if let Some(loading) = &self.loading {
            // Both may be about the same files: the one ends before the other begins.
            loading.loader.cancel();
            self.next = Some(request);
            return Ok(());
        }
        let stays = self.models.is_ok() && self.from.as_ref().is_some_and(|from| from.shares_denoiser(&request));
        match (stays, request.guide_source().cloned()) {
            (true, None) => {
                self.finish()?;
                self.waypoints.clear();
                if let Ok(models) = &mut self.models {
                    models.set_guide(None);
                }
                self.from = Some(*request);
                self.announce_ready(Vec::new())
            }
            (true, Some(source)) => {
                let wanted = request.clone();
                self.begin(Some(*request), move |observer| {
                    Ok(Load::Guide(Box::new(load_guide(&wanted, &source, observer)?)))
                })
            }
            (false, _) => {
                let wanted = request.clone();
                self.begin(Some(*request), move |observer| Ok(Load::Models(Box::new(load(&wanted, observer)?))))
            }
        }
    }

    /// A loading has come to its end.
    fn on_loaded(&mut self, loaded: Loaded) -> Result<(), Disconnected> {
        let request = self.loading.take().and_then(|loading| loading.request);
        if let Some(next) = self.next.take() {
            return self.load(next);
        }
        let Loaded { outcome, warnings } = loaded;
        match (outcome, &mut self.models) {
            (Err(error), _) => self.fail(error, request, warnings)?,
            // Guides are loaded for a denoiser that is there, and stays.
            (Ok(Load::Guide(_)), Err(error)) => {
                let error = error.clone();
                self.fail(error, request, warnings)?;
            }
            (Ok(load), _) => {
                self.finish()?;
                self.waypoints.clear();
                match (load, &mut self.models) {
                    (Load::Guide(guide), Ok(models)) => models.set_guide(Some(*guide)),
                    (Load::Guide(_), Err(_)) => {}
                    (Load::Models(models), of) => *of = Ok(*models),
                }
                self.from = request;
                self.measure();
                self.announce_ready(warnings)?;
            }
        }
        match self.waiting.take() {
            Some(request) => self.start(&request),
            None => Ok(()),
        }
    }

    /// A loading came to nothing; what was loaded before stays.
    fn fail(
        &mut self,
        error: RequestError,
        request: Option<ModelRequest>,
        warnings: Vec<String>,
    ) -> Result<(), Disconnected> {
        if let Err(reason) = &mut self.models {
            reason.clone_from(&error);
        }
        self.emit(Event::LoadFailed { error, request: request.map(Box::new), warnings })
    }

    /// Measures what the denoiser's device can do, once, while no run is under way.
    fn measure(&mut self) {
        let Ok(models) = &mut self.models else { return };
        if models.modelled_rate.is_some() {
            return;
        }
        let device = &models.denoiser_card.device;
        let (_, peak) = match &self.peak {
            Some(known) if known.0 == *device => known,
            _ => self.peak.insert((device.clone(), among_workers(|| models.denoiser.peak()))),
        };
        models.peak = *peak;
    }

    fn announce_ready(&self, warnings: Vec<String>) -> Result<(), Disconnected> {
        let Ok(models) = &self.models else { return Ok(()) };
        let (denoiser, guide) = (models.denoiser_card.clone(), models.guide_card.clone());
        self.emit(Event::Ready { denoiser, guide, request: self.from.clone().map(Box::new), warnings })
    }

    fn emit(&self, event: Event) -> Result<(), Disconnected> {
        emit(&self.events, event)
    }

    fn handle(&mut self, command: Command) -> Result<(), Disconnected> {
        diary::note_command(&command);
        let command = match &mut self.active {
            Some(active) => match active.gate.obey(active.id, command) {
                Ok(event) => return event.map_or(Ok(()), |event| self.emit(event)),
                Err(other) => other,
            },
            None => command,
        };
        match command {
            Command::Start(request) if self.models.is_err() && self.loading.is_some() => {
                self.waiting = Some(request);
                Ok(())
            }
            Command::Start(request) => self.start(&request),
            Command::Stop => {
                self.waiting = None;
                self.finish()
            }
            Command::Configure(settings) => {
                let Some(NumberedRun { id, run, .. }) = &mut self.active else {
                    return Ok(());
                };
                let (run, refused) = (*id, run.configure(*settings));
                match refused {
                    Ok(()) => Ok(()),
                    Err(error) => self.emit(Event::Refused { run, message: error.to_string() }),
                }
            }
            Command::Edit(edits) => {
                let Some(NumberedRun { id, run, .. }) = &mut self.active else {
                    return self.emit(Event::Warning { message: TOO_LATE.to_owned() });
                };
                let (run, refused) = (*id, run.edit(&edits));
                match refused {
                    Ok(()) => Ok(()),
                    Err(error) => self.emit(Event::Refused { run, message: error.to_string() }),
                }
            }
            Command::Load(request) => self.load(request),
            Command::CancelLoad => {
                self.next = None;
                if let Some(loading) = &self.loading {
                    loading.loader.cancel();
                }
                Ok(())
            }
            Command::ListModels(device) => {
                loader::list_models(device, self.events.clone());
                Ok(())
            }
            Command::Drive(drive) => {
                if let Some(waiting) = &mut self.waiting {
                    waiting.drive = drive;
                }
                Ok(())
            }
            Command::Settle => {
                self.settling += 1;
                Ok(())
            }
            // Without a run, there are no steps to be about.
            Command::Pause
            | Command::Resume
            | Command::TogglePause
            | Command::Step
            | Command::Advance
            | Command::Shutdown => Ok(()),
        }
    }

    fn start(&mut self, request: &RunRequest) -> Result<(), Disconnected> {
        // The run before ends as by `Stop`: a screen that still shows it must know that nothing more will come.
        self.finish()?;
        let id = request.run;
        let started = match &mut self.models {
            Ok(models) => ActiveRun::start(models, &self.waypoints, request),
            Err(error) => Err(error.clone()),
        };
        let run = match started {
            Ok(run) => run,
            Err(error) => return self.emit(Event::Failed { run: id, error }),
        };
        let replayed = run.replayed();
        self.active = Some(NumberedRun { id, run, gate: StepGate::new(request.drive) });
        match replayed {
            Some((done, steps)) => self.emit(Event::Replaying { run: id, done, steps }),
            None => self.announce_started(),
        }
    }

    /// The run under way does its own steps from here on.
    fn announce_started(&self) -> Result<(), Disconnected> {
        let Some(NumberedRun { id, run, .. }) = &self.active else { return Ok(()) };
        self.emit(Event::Started { run: *id, header: Box::new(run.header().clone()) })?;
        run.warnings().into_iter().try_for_each(|message| self.emit(Event::Warning { message }))
    }

    /// Does one step of the run under way, or repeats one of its parent.
    fn step(&mut self) -> Result<(), Disconnected> {
        let Some(NumberedRun { id, run, gate }) = &mut self.active else { return Ok(()) };
        let id = *id;
        if run.is_replaying() {
            return match self.beside_commands(ActiveRun::replay)? {
                Ok((done, steps)) => {
                    self.emit(Event::Replaying { run: id, done, steps })?;
                    if done == steps { self.announce_started() } else { Ok(()) }
                }
                Err(error) => self.lose(error),
            };
        }
        gate.pass();
        match self.beside_commands(ActiveRun::step)? {
            Ok(entry) => {
                let over = self.active.as_ref().is_some_and(|active| active.run.stopped().is_some());
                self.emit(Event::Step { run: id, entry })?;
                if over { self.finish() } else { Ok(()) }
            }
            Err(error) => self.lose(error),
        }
    }

    /// The run under way broke.
    fn lose(&mut self, error: RequestError) -> Result<(), Disconnected> {
        match self.active.take() {
            Some(NumberedRun { id, .. }) => self.emit(Event::Failed { run: id, error }),
            None => Ok(()),
        }
    }

    /// Has the run under way do `work` on a thread of its own: meanwhile this one obeys commands about the steps after it.
    fn beside_commands<T: Send>(
        &mut self,
        work: impl FnOnce(&mut ActiveRun, &mut Models, &dyn Clock) -> Result<T, RequestError> + Send,
    ) -> Result<Result<T, RequestError>, Disconnected> {
        let Self { active: Some(active), models: Ok(models), clock, events, inbox, self_tx, deferred, .. } = self
        else {
            return Ok(Err(broken("there is no run, or no network")));
        };
        let NumberedRun { id, run, gate } = active;
        let id = *id;
        thread::scope(|scope| {
            let work = || {
                let outcome = work(run, models, clock);
                // The worker outlives its steps.
                let _ = self_tx.send(WorkerMessage::Stepped);
                outcome
            };
            let Ok(work) = thread::Builder::new().name("step".to_owned()).spawn_scoped(scope, work) else {
                return Ok(Err(broken(NO_THREADS)));
            };
            while let Ok(message) = inbox.recv() {
                match message {
                    WorkerMessage::Stepped => break,
                    WorkerMessage::Command(command) if deferred.is_empty() => match gate.obey(id, command) {
                        Ok(event) => event.map_or(Ok(()), |event| emit(events, event))?,
                        Err(other) => deferred.push_back(WorkerMessage::Command(other)),
                    },
                    // What follows a command that has to wait waits with it.
                    other => deferred.push_back(other),
                }
            }
            Ok(work.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })
    }

    /// Ends the run under way, if there is one.
    fn finish(&mut self) -> Result<(), Disconnected> {
        let (Some(active), Ok(models)) = (self.active.take(), &self.models) else {
            return Ok(());
        };
        let run = active.id;
        let event = if active.run.is_replaying() {
            Event::Failed { run, error: broken_off() }
        } else {
            match active.run.end(models) {
                Ok(end) => Event::Finished { run, end: Box::new(end) },
                Err(error) => Event::Failed { run, error },
            }
        };
        self.waypoints.keep(active.run.into_trail());
        self.emit(event)
    }
}

/// Sends an event. Waits for room, so that nothing is lost.
fn emit(events: &Sender<Event>, event: Event) -> Result<(), Disconnected> {
    diary::note_event(&event);
    events.blocking_send(event).map_err(|_| Disconnected)
}
