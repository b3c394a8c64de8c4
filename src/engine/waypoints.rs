//! The states that runs had after some of their steps: a fork starts from the last of them on its way, and repeats only the
//! steps behind it.
//!
//! A [`Waypoint`] is a copy of everything that the next step depends on, so a fork that starts there computes bit for bit what
//! it would have computed had it repeated every step. Those of a run lie so far apart in computing time that copying is no
//! part of it worth a mention, and the steps between two of them are repeated before one notices. Which of them are still
//! there shows in nothing but the time that a fork takes to start.

use std::{collections::VecDeque, time::Duration};

use super::Models;
use crate::{
    decode::{Decoder, record::StepRecord},
    model::{
        memory::Memory,
        network::{NetworkError, NetworkState},
    },
    trace::{ForkPoint, Header, Recorder, ReplayStep},
};

/// How densely states of runs are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WaypointPolicy {
    /// Computing time that lies between two waypoints of a run, at least.
    pub span: Duration,
    /// Bytes that those of the run under way may take, and as many again those of all runs before it. Where states are so
    /// large that a run could keep less than eight, it may take an eighth of the free memory for them.
    pub bytes: u64,
}

impl WaypointPolicy {
    /// No state is kept.
    pub const NONE: Self = Self { span: Duration::MAX, bytes: 0 };
}

impl Default for WaypointPolicy {
    fn default() -> Self {
        Self { span: Duration::from_millis(150), bytes: 48 << 20 }
    }
}

/// States that a run may keep, however large they are, as long as they leave seven eighths of the free memory alone.
const LARGE: u64 = 8;

/// A run after one of its steps.
pub(super) struct Waypoint {
    /// Steps up to there.
    pub steps: usize,
    pub decoder: Decoder,
    pub recorder: Recorder,
    denoiser: NetworkState,
    guide: Option<NetworkState>,
}

impl Waypoint {
    /// Of a run whose last step was done with these models; `None` where a network gives no state.
    fn take(
        steps: usize,
        decoder: &Decoder,
        recorder: &Recorder,
        models: &Models,
    ) -> Result<Option<Self>, NetworkError> {
        let Some(denoiser) = models.denoiser.state()? else { return Ok(None) };
        let guide = match &models.guide {
            Some(guide) => match guide.state()? {
                Some(state) => Some(state),
                None => return Ok(None),
            },
            None => None,
        };
        Ok(Some(Self { steps, decoder: decoder.clone(), recorder: recorder.clone(), denoiser, guide }))
    }

    /// Puts the networks back to how they were.
    ///
    /// # Errors
    /// When one of them fails; both have to be reset then.
    pub fn restore(&self, models: &mut Models) -> Result<(), NetworkError> {
        models.denoiser.restore(&self.denoiser)?;
        match (&mut models.guide, &self.guide) {
            (Some(guide), Some(state)) => guide.restore(state),
            _ => Ok(()),
        }
    }

    fn bytes(&self) -> u64 {
        let guide = self.guide.as_ref().map_or(0, NetworkState::bytes);
        self.denoiser.bytes() + guide + self.decoder.memory() as u64
    }
}

/// The way of a run, with its waypoints.
pub(super) struct Trail {
    start: Header,
    steps: Vec<ReplayStep>,
    /// The canvas at its end.
    canvas: Vec<u32>,
    waypoints: Vec<Waypoint>,
    policy: WaypointPolicy,
    /// Steps that lie between two waypoints, at least.
    stride: usize,
    /// Computing time since the last waypoint.
    since: Duration,
    /// Whether its steps are those of the log, bit for bit.
    is_exact: bool,
}

impl Trail {
    /// Of a run that starts with this header.
    pub fn new(start: &Header, policy: WaypointPolicy) -> Self {
        Self {
            canvas: start.canvas(),
            start: start.clone(),
            steps: Vec::new(),
            waypoints: Vec::new(),
            policy,
            stride: 1,
            since: Duration::ZERO,
            is_exact: true,
        }
    }

    /// The run starts behind so many steps of another one, which leads to `point`.
    pub fn resume(&mut self, point: &ForkPoint, steps: usize) {
        self.steps.extend_from_slice(&point.steps[..steps]);
        for (position, id) in self.steps.iter().flat_map(|step| &step.written) {
            self.canvas[*position] = *id;
        }
    }

    /// Steps of the run so far.
    pub fn len(&self) -> usize {
        self.steps.len()
    }

    /// A step was repeated and gave other tokens: what follows is known of no log.
    pub fn lose(&mut self) {
        self.is_exact = false;
    }

    /// The run did this step.
    pub fn walk(&mut self, record: &StepRecord) {
        let before = std::mem::replace(&mut self.canvas, record.ids.clone());
        let ids = record.ids.iter().copied().enumerate();
        self.steps.push(ReplayStep {
            changes: record.changes.clone(),
            edits: record.edits.clone(),
            written: ids.filter(|(position, id)| before[*position] != *id).collect(),
        });
        let cost = &record.cost;
        self.since += Duration::from_micros(cost.total_us() + cost.audit_us + cost.shadow_us);
    }

    /// Keeps the state behind the last step, where that is due.
    pub fn mark(&mut self, decoder: &Decoder, recorder: &Recorder, models: &Models) {
        let steps = self.waypoints.last().map_or(self.stride, |last| self.steps.len() - last.steps);
        if !self.is_exact || self.since < self.policy.span || steps < self.stride {
            return;
        }
        self.since = Duration::ZERO;
        // A device without room for a copy can still do the next step.
        if let Ok(Some(waypoint)) = Waypoint::take(self.steps.len(), decoder, recorder, models) {
            self.waypoints.push(waypoint);
            self.thin();
        }
    }

    /// Leaves out every other waypoint, and has those to come lie as far apart as the others, where there are too many.
    fn thin(&mut self) {
        while self.waypoints.len() > 1 && self.bytes() > self.room() {
            let mut number = self.waypoints.len();
            self.waypoints.retain(|_| {
                number -= 1;
                number.is_multiple_of(2)
            });
            if let [.., before, last] = &self.waypoints[..] {
                self.stride = last.steps - before.steps;
            }
        }
        if self.bytes() > self.room() {
            // The next one would take as much.
            self.waypoints.clear();
            self.policy.span = Duration::MAX;
        }
    }

    /// Bytes that its waypoints may take.
    fn room(&self) -> u64 {
        let large = LARGE * self.waypoints.iter().map(Waypoint::bytes).max().unwrap_or(0);
        if large <= self.policy.bytes {
            return self.policy.bytes;
        }
        let free = Memory::of_machine().map_or(0, |memory| memory.free);
        // What is held already was free before.
        self.policy.bytes.max(large.min((free + self.bytes()) / 8))
    }

    fn bytes(&self) -> u64 {
        self.waypoints.iter().map(Waypoint::bytes).sum()
    }

    /// The last waypoint on the way to `point`.
    fn nearest(&self, point: &ForkPoint) -> Option<&Waypoint> {
        if !starts_alike(&self.start, &point.header) {
            return None;
        }
        let common = self.steps.iter().zip(&point.steps).take_while(|(own, other)| own == other).count();
        self.waypoints.iter().rev().find(|waypoint| waypoint.steps <= common)
    }
}

/// Whether two runs of the same models start with the same canvas under the same settings.
fn starts_alike(a: &Header, b: &Header) -> bool {
    let canvas = |header: &Header| (header.mask_id, header.eos_id, header.gen_length);
    canvas(a) == canvas(b)
        && a.settings == b.settings
        && a.end_ids == b.end_ids
        && a.prompt_ids == b.prompt_ids
        && a.given == b.given
        // A guide of another vocabulary reads these.
        && a.prompt == b.prompt
        && a.turns == b.turns
}

/// The trails of runs, the one of the latest run last.
pub(super) struct Waypoints {
    trails: VecDeque<Trail>,
    pub policy: WaypointPolicy,
}

impl Waypoints {
    /// None yet.
    pub fn new(policy: WaypointPolicy) -> Self {
        Self { trails: VecDeque::new(), policy }
    }

    /// Keeps the trail of a run that is over; the oldest ones leave for it.
    pub fn keep(&mut self, trail: Trail) {
        if trail.waypoints.is_empty() {
            return;
        }
        let room = self.policy.bytes.max(trail.bytes());
        self.trails.push_back(trail);
        while self.trails.iter().map(Trail::bytes).sum::<u64>() > room {
            self.trails.pop_front();
        }
    }

    /// Other models are loaded.
    pub fn clear(&mut self) {
        self.trails.clear();
    }

    /// The last waypoint on the way to `point`, of whichever run.
    pub fn nearest(&self, point: &ForkPoint) -> Option<&Waypoint> {
        self.trails.iter().filter_map(|trail| trail.nearest(point)).max_by_key(|waypoint| waypoint.steps)
    }
}
