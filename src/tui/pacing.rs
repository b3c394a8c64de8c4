//! When a frame is drawn: soon after what a person does, seldom for the steps of a run at full speed, and never for a
//! picture that stands already.

use std::time::Duration;

use super::{action::Action, app::App};
use crate::{engine::protocol::Event, kept::KeptNews};

/// Between two frames, at least: a held key and a resized window make more events than a screen can show.
const SOON: Duration = Duration::from_millis(16);

/// Between two frames of a run at full speed, which makes more steps than a person can tell apart.
const SELDOM: Duration = Duration::from_millis(33);

/// The same where a frame takes long: it still has to look like motion.
const LONGEST: Duration = Duration::from_millis(100);

/// A run at full speed shares the machine with the frames that show it: of this much time, one part is drawing.
const SHARE: u32 = 100;

/// How soon the picture has to be drawn again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Redraw {
    /// It shows what is so.
    No,
    /// It is a few steps of a run at full speed behind.
    Seldom,
    /// It shows what is not so any more.
    Soon,
}

impl Redraw {
    /// What an action makes of the picture, asked before it is applied.
    pub(super) fn after(app: &App, action: &Action) -> Self {
        match action {
            Action::Drawn(_) => Self::No,
            Action::Tick(now) if app.next_change().is_none_or(|due| *now < due) => Self::No,
            Action::Engine(event) if app.playback.full_speed => match **event {
                Event::Step { .. } | Event::Replaying { .. } => Self::Seldom,
                _ => Self::Soon,
            },
            // With every step, for those that come and go between two frames.
            Action::Kept(news) if app.playback.full_speed && matches!(**news, KeptNews::Written { .. }) => Self::Seldom,
            _ => Self::Soon,
        }
    }
}

/// Says when the next frame is due. Times are those of the ticks.
#[derive(Debug, Default)]
pub struct FrameClock {
    began: Duration,
    cost: Duration,
}

impl FrameClock {
    /// When the picture is to be drawn; `None` while it need not be.
    pub fn due(&self, redraw: Redraw) -> Option<Duration> {
        let pause = match redraw {
            Redraw::No => return None,
            Redraw::Seldom => (self.cost * SHARE).clamp(SELDOM, LONGEST),
            Redraw::Soon => SOON,
        };
        Some(self.began + pause)
    }

    /// A frame was drawn, from one time to the other.
    pub fn drew(&mut self, began: Duration, ended: Duration) {
        (self.began, self.cost) = (began, ended.saturating_sub(began));
    }
}
