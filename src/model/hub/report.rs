//! Progress on its way to the user, and the answer whether to break off.

use std::ops::ControlFlow;

use super::HubError;
use crate::model::source::{Progress, Watch};

/// Passes progress on, and repeats the last where nothing new happens, so that waiting can be broken off too.
pub(super) struct ProgressReporter<'a, 'w> {
    /// The model, as the user named it.
    pub model: String,
    watch: &'a mut Watch<'w>,
    last: Progress,
}

impl<'a, 'w> ProgressReporter<'a, 'w> {
    pub(super) fn new(model: String, watch: &'a mut Watch<'w>) -> Self {
        Self { last: Progress::Asking { model: model.clone() }, model, watch }
    }

    /// Passes on what happens now.
    pub(super) fn send(&mut self, progress: Progress) -> Result<(), HubError> {
        self.last = progress;
        self.repeat()
    }

    /// Repeats what happened last.
    pub(super) fn repeat(&mut self) -> Result<(), HubError> {
        flow((self.watch)(&self.last))
    }

    /// Says that nothing happens for a moment; `seconds` where the hub asked for that.
    pub(super) fn waiting(&mut self, seconds: Option<u64>) -> Result<(), HubError> {
        flow((self.watch)(&Progress::Waiting { model: self.model.clone(), seconds }))
    }
}

fn flow(flow: ControlFlow<()>) -> Result<(), HubError> {
    match flow {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(HubError::Cancelled),
    }
}
