//! What stands in the canvas's place.

use std::str::FromStr;

/// A way to look at a run as a whole.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Pane {
    /// The text of the shown step.
    #[default]
    Canvas,
    /// Every step and every position.
    Map,
    /// The K/V rows of the shown step: every layer and every position.
    KvMap,
}

impl Pane {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Canvas, Self::Map, Self::KvMap];

    /// Its name, in one lower-case word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Canvas => "canvas",
            Self::Map => "map",
            Self::KvMap => "kv-map",
        }
    }

    /// What is shown beside it, where there is room for two.
    #[must_use]
    pub fn companion(self) -> Self {
        match self {
            Self::Canvas => Self::Map,
            Self::Map | Self::KvMap => Self::Canvas,
        }
    }
}

impl FromStr for Pane {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let known = || Self::ALL.map(Self::name).join(", ");
        let unknown = || format!("unknown view '{}': there are {}", crate::printable::line(name), known());
        Self::ALL.into_iter().find(|pane| pane.name() == name).ok_or_else(unknown)
    }
}
