//! The loop: one call, one step, one record.

use thiserror::Error;

use super::{clock::Clock, record::StepRecord, record::StopReason};
use crate::{
    model::network::{Network, NetworkError, NetworkSpec},
    settings::{Settings, SettingsError},
};

/// Why a decode could not start or go on.
#[derive(Debug, Error)]
pub enum DecodeError {
    /// The settings do not fit each other, the prompt or the model.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A network failed.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The prompt cannot be denoised.
    #[error("{0}")]
    Prompt(String),
}

/// The networks of a step.
pub struct Networks<'a> {
    /// Proposes tokens.
    pub denoiser: &'a mut dyn Network,
    /// Accepts or rejects drafts.
    pub guide: Option<&'a mut dyn Network>,
}

/// A run under way.
#[derive(Debug)]
pub struct Decoder {}

impl Decoder {
    /// Starts a run on `prompt_ids` followed by `gen_length` masks.
    ///
    /// # Errors
    /// When the settings conflict, the canvas exceeds a model's context, or the prompt holds the mask token.
    pub fn new(
        _denoiser: &NetworkSpec,
        _guide: Option<&NetworkSpec>,
        _prompt_ids: &[u32],
        _gen_length: usize,
        _settings: Settings,
    ) -> Result<Self, DecodeError> {
        unimplemented!()
    }

    /// New settings; each knob takes effect when its declaration says (next step, next block, next run).
    pub fn configure(&mut self, _settings: Settings) -> Result<(), DecodeError> {
        unimplemented!()
    }

    /// Does one step. Call it only while [`Self::stopped`] is `None`.
    pub fn step(&mut self, _networks: Networks<'_>, _clock: &dyn Clock) -> Result<StepRecord, DecodeError> {
        unimplemented!()
    }

    /// Why the run is over, if it is.
    pub fn stopped(&self) -> Option<StopReason> {
        unimplemented!()
    }

    /// The canvas.
    pub fn ids(&self) -> &[u32] {
        unimplemented!()
    }
}
