//! The shown run beside another one: which, along which axis, and at which place of it.

use crate::{
    engine::protocol::RunId,
    session::{Axis, Diff, Difference, Passage, Run, Session},
    trace::Log,
};

/// One of two runs that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RunSide {
    /// The first, which the playground shows otherwise as well.
    A,
    /// The second.
    B,
}

/// What can be done about the comparison of two runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CompareAction {
    /// Compare the shown run with another one, or leave the comparison.
    Toggle,
    /// Compare with a run so many further on in the list.
    Rival(i64),
    /// Align by an axis.
    Axis(Axis),
    /// Align by the next axis.
    NextAxis,
    /// Show both runs at a place of the axis.
    ScrubTo(u64),
    /// Select the difference so many further on, and show the place where it arises.
    Difference(i64),
    /// Select a position of a run, and its counterpart in the other one.
    Select(RunSide, usize),
}

/// Two runs, aligned.
#[derive(Debug)]
pub struct RunComparison {
    /// The two runs.
    runs: [RunId; 2],
    pub(super) axis: Axis,
    /// The place that is shown; `None` follows the newest steps.
    pub(super) place: Option<u64>,
    /// The selected position of each run.
    pub(super) selected: [Option<usize>; 2],
    /// Index of the difference that was visited last.
    pub(super) visited: Option<usize>,
    diff: Diff,
    /// What the difference was computed of: the numbers of steps, and the axis.
    seen: Option<([usize; 2], Axis)>,
    /// Positions that differ in each run, ascending.
    differing: [Vec<usize>; 2],
}

impl RunComparison {
    /// The shown run beside its first rival, at a step of the shown one; the newest for `None`. `None` where there is no
    /// other run with a step.
    pub(super) fn of_shown(session: &Session, steps: Option<usize>) -> Option<Self> {
        let shown = session.shown().filter(|run| !run.log.is_empty())?;
        let rival = *Self::rivals(session).first()?;
        let mut comparison = Self::new([shown.id, rival]);
        comparison.place = steps.map(|steps| comparison.axis.place(&shown.log, steps));
        comparison.refresh(session);
        Some(comparison)
    }

    /// Two runs that are there, along an axis; the newest steps are shown, as soon as there are any.
    pub(super) fn of_two(runs: [RunId; 2], axis: Axis) -> Self {
        Self { axis, ..Self::new(runs) }
    }

    fn new(runs: [RunId; 2]) -> Self {
        Self {
            runs,
            axis: Axis::default(),
            place: None,
            selected: [None; 2],
            visited: None,
            diff: Diff::default(),
            seen: None,
            differing: [const { Vec::new() }; 2],
        }
    }

    /// The runs that the shown one can be compared with: the one that it left, where it is a fork; the runs before it, from
    /// the newest on; those behind it.
    pub(super) fn rivals(session: &Session) -> Vec<RunId> {
        let ids: Vec<RunId> = session.runs().iter().filter(|run| !run.log.is_empty()).map(|run| run.id).collect();
        let at = session.shown().and_then(|shown| ids.iter().position(|id| *id == shown.id));
        let Some(at) = at else { return Vec::new() };
        let parent = session.shown().and_then(|run| run.branch()).map(|branch| branch.parent);
        let parent = parent.filter(|parent| ids.contains(parent));
        let others = ids[..at].iter().rev().chain(&ids[at + 1..]).copied();
        parent.into_iter().chain(others.filter(|id| Some(*id) != parent)).collect()
    }

    /// Compares with the rival that stands so many further on in the list.
    pub(super) fn turn_rival(&mut self, session: &Session, by: i64) {
        let rivals = Self::rivals(session);
        let at = rivals.iter().position(|rival| *rival == self.runs[1]).unwrap_or_default() as i64;
        let Some(count) = i64::try_from(rivals.len()).ok().filter(|count| *count > 0) else { return };
        self.runs[1] = rivals[(at + by).rem_euclid(count) as usize];
        (self.seen, self.visited) = (None, None);
    }

    /// Compares again what has changed. Returns whether both runs are still there, and the first one is the shown one.
    pub(super) fn refresh(&mut self, session: &Session) -> bool {
        let Some([a, b]) = self.logs(session) else { return false };
        let seen = Some(([a.len(), b.len()], self.axis));
        if self.seen != seen {
            self.diff = Diff::of(a, b, self.axis);
            self.visited = self.visited.filter(|visited| *visited < self.diff.differences.len());
            self.seen = seen;
            let side: [fn(&Difference) -> &Passage; 2] = [|difference| &difference.a, |difference| &difference.b];
            self.differing = side.map(|passage| {
                let passages = self.diff.differences.iter().map(passage);
                let mut positions: Vec<usize> = passages.flat_map(|passage| passage.positions.clone()).collect();
                positions.sort_unstable();
                positions
            });
        }
        session.shown().is_some_and(|shown| shown.id == self.runs[0])
    }

    /// What differs.
    pub fn diff(&self) -> &Diff {
        &self.diff
    }

    /// What the two are aligned by.
    pub fn axis(&self) -> Axis {
        self.axis
    }

    /// The selected position of a run.
    pub fn selected(&self, side: RunSide) -> Option<usize> {
        self.selected[side as usize]
    }

    /// Whether a position of a run holds something else in the end than the other run.
    pub(super) fn differs(&self, side: RunSide, position: usize) -> bool {
        self.differing[side as usize].binary_search(&position).is_ok()
    }

    /// The two runs, as long as both are kept.
    pub(super) fn runs<'a>(&self, session: &'a Session) -> Option<[&'a Run; 2]> {
        let find = |id| session.runs().iter().find(|run| run.id == id);
        Some([find(self.runs[0])?, find(self.runs[1])?])
    }

    /// Their logs.
    pub(super) fn logs<'a>(&self, session: &'a Session) -> Option<[&'a Log; 2]> {
        self.runs(session).map(|runs| runs.map(|run| &*run.log))
    }

    /// The place that is shown. While a run is under way, the newest place is where it is; else it is the end of both.
    pub(super) fn shown_place(&self, runs: [&Run; 2]) -> u64 {
        let newest = |run: &Run| self.axis.place(&run.log, run.log.len());
        let under_way = runs.iter().filter(|run| run.is_under_way()).map(|run| newest(run)).max();
        let last = under_way.unwrap_or_else(|| self.axis.end(runs.map(|run| &*run.log)));
        self.place.unwrap_or(last)
    }

    /// How many steps of each run are shown done.
    pub(super) fn steps(&self, runs: [&Run; 2]) -> [usize; 2] {
        let place = self.shown_place(runs);
        runs.map(|run| self.axis.steps(&run.log, place))
    }

    /// Selects a position of a run, and its counterpart: the same position; where the prompts differ, the one as far
    /// from the beginning of the answer.
    pub(super) fn select(&mut self, logs: [&Log; 2], side: RunSide, position: usize) {
        let [own, other] = if side == RunSide::A { logs } else { [logs[1], logs[0]] };
        let prompt = |log: &Log| log.header().prompt_ids.len();
        let counterpart = (position + prompt(other)).checked_sub(prompt(own));
        let exists = |log: &Log, position: &usize| *position < log.header().canvas_length();
        let mut selected = [Some(position).filter(|at| exists(own, at)), counterpart.filter(|at| exists(other, at))];
        if side == RunSide::B {
            selected.reverse();
        }
        self.selected = selected;
    }
}
