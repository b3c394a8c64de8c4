//! What goes to the engine and what comes back.
//!
//! Runs are numbered by the client's order of `Start`; every event of a run carries its number, so that a client can
//! drop what belongs to a run that it no longer shows. All of it is plain data, so that it can go over a pipe.
//!
//! # When steps begin
//! A run is running or paused, and the engine alone knows which: it announces every change by [`Event::Paused`], and a
//! client shows what was announced. How a running run is driven is another matter: freely, or a step for each
//! [`Command::Advance`]. Commands about either are obeyed at once, within a step too, so that a key is answered while a
//! large network computes; a step that has begun is always finished. All other commands are obeyed in their order between
//! two steps.
//!
//! # Forks
//! A fork that is not cold repeats the steps of its parent before it starts: [`Event::Replaying`] says how far it is, first
//! with none done and last with all; [`Event::Started`] and [`Event::Warning`]s follow, then the fork's own steps. Repeated
//! steps wait for nobody. A pause and another drive are obeyed and announced at once, and hold for the fork's own steps;
//! new settings are those of its own steps, too; its canvas cannot be changed yet. [`Command::Stop`], another
//! [`Command::Start`] and other models break the repeating off between two steps: the fork has failed then.

use std::sync::Arc;

use thiserror::Error;

use super::ModelRequest;
use crate::{
    decode::record::Edit,
    model::{catalog::Catalog, device::DeviceChoice, source::Progress},
    settings::Settings,
    trace::{End, Entry, Exchange, ForkPoint, Header, ModelCard},
};

/// Number of a run, from 1.
pub type RunId = u64;

/// A request from the client.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Start a run; one that is under way ends first, as by `Stop`.
    Start(Box<RunRequest>),
    /// Begin no further step, but those that `Step` asks for.
    Pause,
    /// Begin steps again.
    Resume,
    /// Pause or resume, whichever changes something. For a key: pressed twice, it changes nothing, however long the
    /// answer to the first press takes.
    TogglePause,
    /// Pause, and do one step all the same.
    Step,
    /// Do one step of a running run that is paced; any other run ignores it.
    Advance,
    /// Drive the run in another way.
    Drive(Drive),
    /// End the run here.
    Stop,
    /// Change the canvas of the run under way by hand, before its next step.
    Edit(Vec<Edit>),
    /// New settings for the run under way; each knob takes effect when its declaration says.
    Configure(Box<Settings>),
    /// Load other models while the ones that are there stay in use; they take over when all is loaded. The newest request
    /// counts: a loading under way is broken off.
    Load(Box<ModelRequest>),
    /// Break the loading off; what was loaded before stays.
    CancelLoad,
    /// List the models that there are to choose from for a device.
    ListModels(DeviceChoice),
    /// Say when there is nothing left to do: [`Event::Settled`] comes once no step may begin and nothing is being loaded,
    /// behind every event of what was asked for before. For clients that take one thing after the other.
    Settle,
    /// End the thread.
    Shutdown,
}

/// What a run starts from.
#[derive(Debug, Clone, PartialEq)]
pub struct RunRequest {
    /// The number that its events will carry.
    pub run: RunId,
    /// The prompt, without template.
    pub prompt: String,
    /// The conversation that it continues, the oldest turn first. A fork's is that of its parent, whatever stands here.
    pub turns: Vec<Exchange>,
    /// The settings.
    pub settings: Settings,
    /// Name of the preset they came from, for the log.
    pub preset: Option<String>,
    /// How it is driven.
    pub drive: Drive,
    /// Settings of runs that this one is compared with: the canvas is as long as the longest that any of them asks for. A
    /// fork's is as long as its parent's.
    pub rivals: Vec<Settings>,
    /// Where it branches off another run; the prompt is that run's then, and no knob acts that is for the next run.
    pub fork: Option<Box<ForkRequest>>,
}

/// How a run branches off another one.
#[derive(Debug, Clone, PartialEq)]
pub struct ForkRequest {
    /// The other run at the step.
    pub point: ForkPoint,
    /// What is changed by hand there.
    pub edits: Vec<Edit>,
    /// Text in place of a span. Where it has another number of tokens, the canvas has another length, and the fork is cold
    /// and can have no other edits.
    pub text: Option<TypedText>,
    /// Whether the steps up to there are left out: see [`ForkOrigin::cold`](crate::trace::ForkOrigin).
    pub cold: bool,
}

/// Text that takes the place of a span of the canvas, and is pinned there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedText {
    /// First position of the span.
    pub start: usize,
    /// One past its last position.
    pub end: usize,
    /// The text.
    pub text: String,
}

/// How a running run is driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drive {
    /// As fast as the engine computes.
    Free,
    /// By [`Command::Advance`]: a step for each.
    Paced,
}

/// Why a request came to nothing, in one printable sentence.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RequestError {
    /// It cannot be met: something else must be asked for.
    #[error("{0}")]
    Refused(String),
    /// What it began broke under way.
    #[error("{0}")]
    Broken(String),
}

/// News from the engine.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::large_enum_variant, reason = "the large one comes once for each loading")]
pub enum Event {
    /// Models are being loaded. Where the client is behind, some of these are left out.
    Loading {
        /// What is being done.
        progress: Progress,
    },
    /// The networks are loaded, and runs start with them. A run of others that was under way has ended before.
    Ready {
        /// The denoiser.
        denoiser: ModelCard,
        /// The guide, where there is one.
        guide: Option<ModelCard>,
        /// What was asked for, where the engine knows.
        request: Option<Box<ModelRequest>>,
        /// What the user should know although it works, a sentence each.
        warnings: Vec<String>,
    },
    /// Networks could not be loaded, or were not to be any more. What was loaded before stays; where that is nothing, no
    /// run can start.
    LoadFailed {
        /// Why.
        error: RequestError,
        /// What was asked for, where the engine knows.
        request: Option<Box<ModelRequest>>,
        /// What the user should know beside, a sentence each.
        warnings: Vec<String>,
    },
    /// Something that the user should know although it works.
    Warning {
        /// One sentence.
        message: String,
    },
    /// What there is to choose from.
    Catalog {
        /// All of it.
        catalog: Box<Catalog>,
    },
    /// A fork repeats the steps of its parent.
    Replaying {
        /// The run.
        run: RunId,
        /// Steps repeated.
        done: usize,
        /// Steps to repeat.
        steps: usize,
    },
    /// A run has started. Of a fork that is not cold, the log begins with the steps of its parent.
    Started {
        /// The run.
        run: RunId,
        /// What it starts from.
        header: Box<Header>,
    },
    /// A step is done.
    Step {
        /// The run.
        run: RunId,
        /// The step.
        entry: Arc<Entry>,
    },
    /// New settings, or a change by hand, were refused; all stays as it was.
    Refused {
        /// The run.
        run: RunId,
        /// One sentence.
        message: String,
    },
    /// The run was paused or resumed. A run is running when it starts.
    Paused {
        /// The run.
        run: RunId,
        /// Whether it is paused now. A step that had begun before still comes.
        paused: bool,
    },
    /// The run has ended.
    Finished {
        /// The run.
        run: RunId,
        /// How.
        end: Box<End>,
    },
    /// The answer to a [`Command::Settle`].
    Settled,
    /// The run failed, or could not be started; the engine takes the next one.
    Failed {
        /// The run.
        run: RunId,
        /// Why.
        error: RequestError,
    },
}
