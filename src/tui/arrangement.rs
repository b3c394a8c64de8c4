//! How tokens are arranged on the canvas.

use std::str::FromStr;

/// An arrangement of the canvas.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Arrangement {
    /// What suits the prompt: a sudoku as its grid, anything else as running text.
    #[default]
    Auto,
    /// Running text.
    Text,
    /// A fixed group of cells for every position.
    Grid,
}

impl Arrangement {
    /// All of them, with the words of flags.
    pub const ALL: [(Self, &str); 3] = [(Self::Auto, "auto"), (Self::Text, "text"), (Self::Grid, "grid")];

    /// The word of flags.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(arrangement, _)| *arrangement == self).map_or("", |(_, word)| word)
    }

    /// The next one; running text is one of its own only where `Auto` is something else.
    #[must_use]
    pub fn next(self, auto_is_text: bool) -> Self {
        match self {
            Self::Auto if !auto_is_text => Self::Text,
            Self::Auto | Self::Text => Self::Grid,
            Self::Grid => Self::Auto,
        }
    }
}

impl FromStr for Arrangement {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.iter().find(|(_, known)| *known == word);
        found.map(|(arrangement, _)| *arrangement).ok_or_else(|| "there are auto, text and grid".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_arrangement_comes_around() {
        let walk = |auto_is_text: bool| {
            let next = move |arrangement: &Arrangement| Some(arrangement.next(auto_is_text));
            std::iter::successors(Some(Arrangement::Auto), next).take(4).map(Arrangement::word).collect::<Vec<_>>()
        };
        assert_eq!(walk(true), ["auto", "grid", "auto", "grid"]);
        assert_eq!(walk(false), ["auto", "text", "grid", "auto"]);
        assert!(Arrangement::ALL.iter().all(|(arrangement, word)| word.parse() == Ok(*arrangement)));
    }
}
