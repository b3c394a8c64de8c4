//! How often and how long to try again.

use std::time::Duration;

use super::{HubError, HubSettings, report::ProgressReporter};

/// The most that is waited in all because the hub asks for it, while nothing arrives.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// How often a wait can be cancelled.
pub(super) const SLICE: Duration = Duration::from_millis(100);

/// Why an attempt failed, and whether to retry.
#[derive(Debug)]
pub(super) enum Retry {
    /// No answer, or a failing server: try again after a pause.
    Soon(HubError),
    /// The server says when to ask again: wait for so long.
    After(HubError, Duration),
    /// Asking again gives the same answer.
    Never(HubError),
}

impl From<HubError> for Retry {
    fn from(error: HubError) -> Self {
        Self::Never(error)
    }
}

impl Retry {
    pub(super) fn error(self) -> HubError {
        match self {
            Self::Soon(error) | Self::After(error, _) | Self::Never(error) => error,
        }
    }
}

/// The attempts that remain for one answer.
pub(super) struct Patience<'a> {
    settings: &'a HubSettings,
    most: u32,
    failures: u32,
    waited: Duration,
}

impl<'a> Patience<'a> {
    /// Until `most` attempts in a row have failed.
    pub(super) fn new(settings: &'a HubSettings, most: u32) -> Self {
        Self { settings, most, failures: 0, waited: Duration::ZERO }
    }

    /// Something arrived: what failed before does not count.
    pub(super) fn renew(&mut self) {
        (self.failures, self.waited) = (0, Duration::ZERO);
    }

    /// Waits before the next attempt; gives the failure back where there should be none.
    pub(super) fn back_off(&mut self, retry: Retry, report: &mut ProgressReporter<'_, '_>) -> Result<(), Retry> {
        match &retry {
            Retry::After(_, wait) => {
                // A hub that asks for no time at all, again and again, is not asked for ever.
                self.waited += (*wait).max(Duration::from_secs(1));
                if self.waited > LONGEST_WAIT {
                    return Err(retry);
                }
                self.wait(*wait, Some(wait.as_secs()), report)?;
            }
            Retry::Soon(_) => {
                self.failures += 1;
                if self.failures >= self.most {
                    return Err(retry);
                }
                let pause = self.settings.pause * 2_u32.saturating_pow((self.failures - 1).min(6));
                self.wait(pause, None, report)?;
            }
            Retry::Never(_) => return Err(retry),
        }
        Ok(())
    }

    /// Lets time pass, unless the user breaks it off.
    fn wait(
        &self,
        mut left: Duration,
        asked: Option<u64>,
        report: &mut ProgressReporter<'_, '_>,
    ) -> Result<(), HubError> {
        while !left.is_zero() {
            report.waiting(asked)?;
            let slice = left.min(SLICE);
            (self.settings.sleep)(slice);
            left -= slice;
        }
        report.repeat()
    }
}
