//! What goes to the engine and what comes back.
//!
//! Runs are numbered by the client's order of `Start`; every event of a run carries its number, so that a client can
//! drop what belongs to a run that it no longer shows. Commands are read between steps, so none waits for more than
//! one step.

use std::sync::Arc;

use super::ModelRequest;
use crate::{
    model::{catalog::Catalog, device::DeviceChoice, source::Progress},
    settings::Settings,
    trace::{End, Entry, Header, ModelCard},
};

/// Number of a run, from 1.
pub type RunId = u64;

/// A wish of the client.
#[derive(Debug, Clone, PartialEq)]
pub enum Command {
    /// Start a run; one that is under way ends first, as by `Stop`.
    Start(Box<RunRequest>),
    /// Hold the run before its next step.
    Pause,
    /// Go on.
    Resume,
    /// Do one step of a held run.
    Step,
    /// End the run here.
    Stop,
    /// New settings for the run under way; each knob takes effect when its declaration says.
    Configure(Box<Settings>),
    /// Load other models while the ones that are there go on; they take over when all is loaded. The newest wish counts:
    /// a loading under way is broken off.
    Load(Box<ModelRequest>),
    /// Break the loading off; what was loaded before stays.
    CancelLoad,
    /// Tell what there is to choose from for a device.
    Look(DeviceChoice),
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
    /// The settings.
    pub settings: Settings,
    /// Name of the preset they came from, for the log.
    pub preset: Option<String>,
    /// Whether to hold before the first step.
    pub paused: bool,
}

/// What the engine tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Event {
    /// Loading goes on. Where the client is behind, some of these are left out.
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
    },
    /// Networks could not be loaded, or were not to be any more. What was loaded before stays; where that is nothing, no
    /// run can start.
    LoadFailed {
        /// One sentence.
        message: String,
        /// What was asked for, where the engine knows.
        request: Option<Box<ModelRequest>>,
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
    /// A run has begun.
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
    /// New settings were refused; the old ones stay in force.
    Refused {
        /// The run.
        run: RunId,
        /// One sentence.
        message: String,
    },
    /// The run is held, or goes on.
    Held {
        /// The run.
        run: RunId,
        /// Whether it is held now.
        held: bool,
    },
    /// The run has ended.
    Finished {
        /// The run.
        run: RunId,
        /// How.
        end: Box<End>,
    },
    /// The run failed, or could not be started; the engine takes the next one.
    Failed {
        /// The run.
        run: RunId,
        /// One sentence.
        message: String,
    },
}
