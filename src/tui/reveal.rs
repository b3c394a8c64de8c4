//! Short answers can be over in one step. Its tokens then appear one after another, in the order in which the rule
//! preferred them: a function of the log, of the step and of the time since it was shown. The step stays one step.

use std::{cmp::Ordering, time::Duration};

use super::app::App;
use crate::{
    decode::record::{Commit, ReasonKind},
    engine::protocol::RunId,
    trace::Log,
};

/// How long a whole answer takes to appear that is written in one step.
const ANSWER: Duration = Duration::from_millis(2_400);

/// A step that writes a smaller share of the canvas appears at once.
const LEAST_SHARE: f32 = 1.0 / 16.0;

/// A step that has been shown for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FirstShown {
    run: RunId,
    steps: usize,
    since: Duration,
}

/// How long the tokens of a step take to appear.
pub fn lasts(log: &Log, steps: usize) -> Duration {
    let text = log.step(steps).map_or(0, |step| text(log, &step.commits).count());
    let share = text as f32 / log.header().gen_length.max(1) as f32;
    if share < LEAST_SHARE { Duration::ZERO } else { ANSWER.mul_f32(share) }
}

/// The positions of a step that have not appeared when it has been shown for so long, ascending.
pub fn hidden(log: &Log, steps: usize, shown_for: Duration) -> Vec<usize> {
    let lasts = lasts(log, steps);
    let Some(step) = log.step(steps).filter(|_| shown_for < lasts) else { return Vec::new() };
    let mut text: Vec<&Commit> = text(log, &step.commits).collect();
    text.sort_by(|a, b| preferred(a, b));
    let appeared = (text.len() as f32 * shown_for.as_secs_f32() / lasts.as_secs_f32()) as usize;
    let ends = step.commits.iter().filter(|commit| log.header().is_end(commit.token));
    let mut hidden: Vec<usize> = text[appeared..].iter().copied().chain(ends).map(|commit| commit.position).collect();
    hidden.sort_unstable();
    hidden
}

/// What a step adds to the answer: ends of text follow when all of that is there.
fn text<'a>(log: &'a Log, commits: &'a [Commit]) -> impl Iterator<Item = &'a Commit> {
    commits.iter().filter(|commit| !log.header().is_end(commit.token))
}

/// A guide accepts from left to right; rules of confidence prefer the surest.
fn preferred(one: &Commit, other: &Commit) -> Ordering {
    let is_read = |commit: &Commit| {
        matches!(commit.reason.kind(), ReasonKind::Accepted | ReasonKind::Relaxed | ReasonKind::Replaced)
    };
    let by_position = one.position.cmp(&other.position);
    if is_read(one) || is_read(other) {
        by_position
    } else {
        other.confidence.total_cmp(&one.confidence).then(by_position)
    }
}

impl App {
    /// How long the shown step has been appearing; `None` where all of it is there.
    pub fn shown_for(&self) -> Option<Duration> {
        let (first, run) = (self.first_shown.filter(|_| self.motion.moves())?, self.run()?);
        let is_shown = first.run == run.id && first.steps == self.shown() && !self.playback.full_speed;
        let shown_for = self.now.saturating_sub(first.since);
        (is_shown && shown_for < lasts(&run.log, first.steps)).then_some(shown_for)
    }

    /// Whether tokens of the shown step are still to appear.
    pub fn is_appearing(&self) -> bool {
        self.shown_for().is_some()
    }

    /// The shown step is shown for the first time. Returns how long its tokens take to appear; the next one waits for that.
    pub(super) fn show_first(&mut self) -> Duration {
        let Some(run) = self.run().filter(|_| self.motion.moves() && !self.playback.full_speed) else {
            return Duration::ZERO;
        };
        let (id, steps) = (run.id, self.shown());
        let lasts = lasts(&run.log, steps);
        self.first_shown = Some(FirstShown { run: id, steps, since: self.now });
        lasts
    }
}
