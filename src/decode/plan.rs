//! What the passes of a step compute and read: the answer of the cache slot.

use crate::model::network::Read;

/// The passes of a step, in order; the last one sees the canvas that the step decides on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Plan {
    pub passes: Vec<PassPlan>,
    /// Only this position may be committed, whatever else is scored (Fast-dLLM on shifted networks, on entering a
    /// block).
    pub only: Option<usize>,
}

/// One pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PassPlan {
    /// Positions that are computed, ascending.
    pub query: Vec<usize>,
    /// One past the last K/V row that is attended to, the computed ones included.
    pub end: usize,
}

impl Plan {
    /// One pass over `query` that reads `0..end`.
    pub fn window(query: impl IntoIterator<Item = usize>, end: usize) -> Self {
        Self { passes: vec![PassPlan { query: query.into_iter().collect(), end }], only: None }
    }

    /// One pass over everything up to `end`.
    pub fn whole(end: usize) -> Self {
        Self::window(0..end, end)
    }

    /// Whether the last pass attends to the row of `position`.
    pub fn reads(&self, position: usize) -> bool {
        self.passes.last().is_some_and(|pass| position < pass.end)
    }
}

impl PassPlan {
    pub fn computes(&self, position: usize) -> bool {
        self.query.binary_search(&position).is_ok()
    }

    /// As a network takes it.
    pub fn read(&self) -> Read<'_> {
        Read::UpTo(self.end)
    }
}
