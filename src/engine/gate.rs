//! When the next step of a run may begin.

use super::protocol::{Command, Drive, Event, RunId};

/// Running or paused, driven freely or step by step: what decides whether the next step begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct StepGate {
    paused: bool,
    drive: Drive,
    /// Steps asked for one by one, which are done whether or not the run is paused.
    single: usize,
    /// Steps that the client's pace has granted. Those not begun when the run is paused wait for it to be resumed.
    granted: usize,
}

impl StepGate {
    /// Of a run that starts: it is running.
    pub(super) fn new(drive: Drive) -> Self {
        Self { paused: false, drive, single: 0, granted: 0 }
    }

    /// Whether a step may begin.
    pub(super) fn is_open(&self) -> bool {
        self.single > 0 || !self.paused && (self.drive == Drive::Free || self.granted > 0)
    }

    /// A step begins.
    pub(super) fn pass(&mut self) {
        if self.single > 0 {
            self.single -= 1;
        } else {
            self.granted = self.granted.saturating_sub(1);
        }
    }

    /// Obeys a command about when the steps of `run` begin. Returns what is to be announced.
    ///
    /// # Errors
    /// Gives any other command back.
    pub(super) fn obey(&mut self, run: RunId, command: Command) -> Result<Option<Event>, Command> {
        let was_paused = self.paused;
        match command {
            Command::Pause => self.paused = true,
            Command::Resume => self.paused = false,
            Command::TogglePause => self.paused = !self.paused,
            Command::Step => {
                self.paused = true;
                self.single += 1;
            }
            Command::Advance => self.granted += usize::from(!self.paused && self.drive == Drive::Paced),
            Command::Drive(drive) => (self.drive, self.granted) = (drive, 0),
            other => return Err(other),
        }
        Ok((self.paused != was_paused).then_some(Event::Paused { run, paused: self.paused }))
    }
}
