//! The themes: what each is called, and its palette.

use super::palette::{COLOUR_BLIND, DARK, HIGH_CONTRAST, LIGHT, Palette};

/// Which theme.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ThemeName {
    /// Light on dark.
    Dark,
    /// Ink on paper.
    Light,
    /// White on black.
    HighContrast,
    /// Colours that every common eye tells apart, on dark.
    ColourBlind,
}

/// A theme, as the table has it.
#[derive(Debug)]
pub struct ThemeEntry {
    /// Which.
    pub name: ThemeName,
    /// What people call it by: `--theme`, and `theme` in the configuration.
    pub word: &'static str,
    /// What it is, in a few words.
    pub sentence: &'static str,
    /// Its colours.
    pub palette: &'static Palette,
}

/// Every theme, in the order in which a key goes through them.
///
/// High contrast and the colours for every eye have a dark ground of their own, whatever the terminal's: light symbols on
/// black leave the widest range of lightness to tell colours apart by, where hue cannot.
pub static THEMES: [ThemeEntry; 4] = [
    ThemeEntry { name: ThemeName::Dark, word: "dark", sentence: "light on dark", palette: &DARK },
    ThemeEntry { name: ThemeName::Light, word: "light", sentence: "ink on paper", palette: &LIGHT },
    ThemeEntry {
        name: ThemeName::HighContrast,
        word: "high-contrast",
        sentence: "white on black",
        palette: &HIGH_CONTRAST,
    },
    ThemeEntry {
        name: ThemeName::ColourBlind,
        word: "colour-blind",
        sentence: "colours that lightness tells apart where hue does not, on dark",
        palette: &COLOUR_BLIND,
    },
];

impl ThemeName {
    /// Its line of the table.
    pub fn entry(self) -> &'static ThemeEntry {
        &THEMES[self as usize]
    }

    /// The theme after this one; after the last, the first.
    #[must_use]
    pub fn next(self) -> Self {
        THEMES[(self as usize + 1) % THEMES.len()].name
    }

    /// "dark, light, high-contrast and colour-blind".
    pub fn words() -> String {
        let [first @ .., last] = THEMES.each_ref().map(|entry| entry.word);
        format!("{} and {last}", first.join(", "))
    }
}

impl std::fmt::Display for ThemeName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.entry().word)
    }
}

impl std::str::FromStr for ThemeName {
    type Err = String;

    /// By its word; both spellings of colour will do.
    fn from_str(word: &str) -> Result<Self, String> {
        let meant = word.replace("color", "colour");
        THEMES
            .iter()
            .find(|entry| entry.word == meant)
            .map(|entry| entry.name)
            .ok_or_else(|| format!("unknown theme '{}': there are {}", crate::printable::line(word), Self::words()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_theme_has_its_line() {
        for entry in &THEMES {
            assert_eq!((entry.name.entry().name, entry.word.parse()), (entry.name, Ok(entry.name)));
        }
        assert_eq!("color-blind".parse(), Ok(ThemeName::ColourBlind));
    }

    #[test]
    fn a_key_goes_through_all_and_comes_around() {
        let walked: Vec<_> = std::iter::successors(Some(ThemeName::Dark), |name| Some(name.next())).take(5).collect();
        assert!(walked.iter().copied().eq(THEMES.iter().map(|entry| entry.name).chain([ThemeName::Dark])));
    }

    #[test]
    fn an_unknown_theme_is_named() {
        assert_eq!(
            "sepia".parse::<ThemeName>().unwrap_err(),
            "unknown theme 'sepia': there are dark, light, high-contrast and colour-blind"
        );
    }
}
