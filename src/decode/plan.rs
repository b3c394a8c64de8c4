//! What the forwards of a step compute and read: the answer of the cache slot.

use crate::model::network::Read;

/// The forwards of a step, in order; the last one sees the canvas that the step decides on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub passes: Vec<PassPlan>,
    /// Only this position may be committed, whatever else is scored (Fast-dLLM on shifted networks, on entering a
    /// block).
    pub only: Option<usize>,
}

/// One forward.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PassPlan {
    /// Positions that are computed, ascending.
    pub query: Vec<usize>,
    /// K/V rows that are attended to, the computed ones included.
    pub read: ReadPlan,
}

/// K/V rows that are attended to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ReadPlan {
    /// Rows `0..end`.
    UpTo(usize),
    /// Exactly these, ascending.
    Rows(Vec<usize>),
}

impl Plan {
    /// One forward over `query` that reads `0..end`.
    pub fn window(query: impl IntoIterator<Item = usize>, end: usize) -> Self {
        let pass = PassPlan { query: query.into_iter().collect(), read: ReadPlan::UpTo(end) };
        Self { passes: vec![pass], only: None }
    }

    /// One forward over everything up to `end`.
    pub fn whole(end: usize) -> Self {
        Self::window(0..end, end)
    }

    /// Whether the last pass attends to the row of `position`.
    pub fn reads(&self, position: usize) -> bool {
        self.passes.last().is_some_and(|pass| pass.reads(position))
    }
}

impl PassPlan {
    pub fn computes(&self, position: usize) -> bool {
        self.query.binary_search(&position).is_ok()
    }

    pub fn reads(&self, position: usize) -> bool {
        match &self.read {
            ReadPlan::UpTo(end) => position < *end,
            ReadPlan::Rows(rows) => rows.binary_search(&position).is_ok(),
        }
    }

    /// Number of rows that are attended to.
    pub fn read_len(&self) -> usize {
        match &self.read {
            ReadPlan::UpTo(end) => *end,
            ReadPlan::Rows(rows) => rows.len(),
        }
    }

    /// The rows that are attended to, ascending.
    pub fn rows(&self) -> Box<dyn Iterator<Item = usize> + '_> {
        match &self.read {
            ReadPlan::UpTo(end) => Box::new(0..*end),
            ReadPlan::Rows(rows) => Box::new(rows.iter().copied()),
        }
    }

    /// As a network takes it.
    pub fn read(&self) -> Read<'_> {
        match &self.read {
            ReadPlan::UpTo(end) => Read::UpTo(*end),
            ReadPlan::Rows(rows) => Read::Rows(rows),
        }
    }
}
