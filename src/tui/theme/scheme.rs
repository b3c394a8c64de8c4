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
pub struct Scheme {
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
pub static SCHEMES: [Scheme; 4] = [
    Scheme { name: ThemeName::Dark, word: "dark", sentence: "light on dark", palette: &DARK },
    Scheme { name: ThemeName::Light, word: "light", sentence: "ink on paper", palette: &LIGHT },
    Scheme {
        name: ThemeName::HighContrast,
        word: "high-contrast",
        sentence: "white on black, every label at 7:1 or more",
        palette: &HIGH_CONTRAST,
    },
    Scheme {
        name: ThemeName::ColourBlind,
        word: "colour-blind",
        sentence: "colours that lightness tells apart where hue does not, on dark",
        palette: &COLOUR_BLIND,
    },
];

impl ThemeName {
    /// Its line of the table.
    pub fn scheme(self) -> &'static Scheme {
        &SCHEMES[self as usize]
    }

    /// The theme after this one; after the last, the first.
    #[must_use]
    pub fn next(self) -> Self {
        SCHEMES[(self as usize + 1) % SCHEMES.len()].name
    }

    /// "dark, light, high-contrast and colour-blind".
    pub fn words() -> String {
        let [first @ .., last] = SCHEMES.each_ref().map(|scheme| scheme.word);
        format!("{} and {last}", first.join(", "))
    }
}

impl std::fmt::Display for ThemeName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.scheme().word)
    }
}

impl std::str::FromStr for ThemeName {
    type Err = String;

    /// By its word; both spellings of colour will do.
    fn from_str(word: &str) -> Result<Self, String> {
        let meant = word.replace("color", "colour");
        SCHEMES
            .iter()
            .find(|scheme| scheme.word == meant)
            .map(|scheme| scheme.name)
            .ok_or_else(|| format!("unknown theme '{}': there are {}", crate::printable::line(word), Self::words()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn every_theme_has_its_line() {
        for scheme in &SCHEMES {
            assert_eq!((scheme.name.scheme().name, scheme.word.parse()), (scheme.name, Ok(scheme.name)));
        }
        assert_eq!("color-blind".parse(), Ok(ThemeName::ColourBlind));
    }

    #[test]
    fn a_key_goes_through_all_and_comes_around() {
        let walked: Vec<_> = std::iter::successors(Some(ThemeName::Dark), |name| Some(name.next())).take(5).collect();
        assert!(walked.iter().copied().eq(SCHEMES.iter().map(|scheme| scheme.name).chain([ThemeName::Dark])));
    }

    #[test]
    fn an_unknown_theme_is_named() {
        assert_eq!(
            "sepia".parse::<ThemeName>().unwrap_err(),
            "unknown theme 'sepia': there are dark, light, high-contrast and colour-blind"
        );
    }
}
