//! How often and how long to try again.

use std::time::Duration;

use super::{HubError, HubSettings, report::ProgressRepeater};

/// The most that is waited in all because the hub asks for it, while nothing arrives.
const LONGEST_WAIT: Duration = Duration::from_secs(300);
/// How often one is asked whether to break a wait off.
pub(super) const SLICE: Duration = Duration::from_millis(100);

/// Why an attempt failed: whether another one may do better.
#[derive(Debug)]
pub(super) enum Trouble {
    /// Nobody answered, or the server is unwell.
    Passing(HubError),
    /// The server says when to ask again.
    Busy(HubError, Duration),
    /// Asking again gives the same answer.
    Final(HubError),
}

impl From<HubError> for Trouble {
    fn from(error: HubError) -> Self {
        Self::Final(error)
    }
}

impl Trouble {
    pub(super) fn error(self) -> HubError {
        match self {
            Self::Passing(error) | Self::Busy(error, _) | Self::Final(error) => error,
        }
    }
}

/// What is left of the attempts for one answer.
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

    /// Waits before the next attempt; gives the trouble back where there should be none.
    pub(super) fn after(&mut self, trouble: Trouble, report: &mut ProgressRepeater<'_, '_>) -> Result<(), Trouble> {
        match &trouble {
            Trouble::Busy(_, wait) => {
                // A hub that asks for no time at all, again and again, is not asked for ever.
                self.waited += (*wait).max(Duration::from_secs(1));
                if self.waited > LONGEST_WAIT {
                    return Err(trouble);
                }
                self.wait(*wait, Some(wait.as_secs()), report)?;
            }
            Trouble::Passing(_) => {
                self.failures += 1;
                if self.failures >= self.most {
                    return Err(trouble);
                }
                let pause = self.settings.pause * 2_u32.saturating_pow((self.failures - 1).min(6));
                self.wait(pause, None, report)?;
            }
            Trouble::Final(_) => return Err(trouble),
        }
        Ok(())
    }

    /// Lets time pass, unless the user breaks it off.
    fn wait(
        &self,
        mut left: Duration,
        asked: Option<u64>,
        report: &mut ProgressRepeater<'_, '_>,
    ) -> Result<(), HubError> {
        while !left.is_zero() {
            report.waiting(asked)?;
            let slice = left.min(SLICE);
            (self.settings.sleep)(slice);
            left -= slice;
        }
        report.again()
    }
}
