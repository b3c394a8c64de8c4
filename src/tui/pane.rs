//! What stands in the canvas's place.

/// What stands in the canvas's place.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Pane {
    /// The canvas itself.
    #[default]
    Canvas,
    /// The K/V rows of the shown step: layers × positions.
    KvMap,
}

impl Pane {
    /// What stands there once this pane was asked for: the pane, or the canvas again where it stood there before.
    #[must_use]
    pub fn asked_for(self, before: Self) -> Self {
        if self == before { Self::Canvas } else { self }
    }
}
