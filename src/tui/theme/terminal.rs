//! What the environment says about the terminal: colours, background, character set.

use super::{Level, ThemeName};

/// The environment variables that matter, taken once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Environment {
    /// `NO_COLOR`: any text switches colours off (no-color.org).
    pub no_color: Option<String>,
    /// `COLORTERM`: "truecolor" or "24bit".
    pub colorterm: Option<String>,
    /// `TERM`.
    pub term: Option<String>,
    /// `TERM_PROGRAM`.
    pub term_program: Option<String>,
    /// `WT_SESSION`: Windows Terminal.
    pub wt_session: Option<String>,
    /// `COLORFGBG`: "foreground;background" of the sixteen colours.
    pub colorfgbg: Option<String>,
    /// The locale in force: `LC_ALL`, else `LC_CTYPE`, else `LANG`.
    pub locale: Option<String>,
}

impl Environment {
    /// The variables of this process.
    pub fn of_process() -> Self {
        let get = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        Self {
            no_color: get("NO_COLOR"),
            colorterm: get("COLORTERM"),
            term: get("TERM"),
            term_program: get("TERM_PROGRAM"),
            wt_session: get("WT_SESSION"),
            colorfgbg: get("COLORFGBG"),
            locale: get("LC_ALL").or_else(|| get("LC_CTYPE")).or_else(|| get("LANG")),
        }
    }

    /// How many colours to use.
    pub fn level(&self) -> Level {
        let term = self.term.as_deref().unwrap_or_default();
        if self.no_color.is_some() || term == "dumb" || is_monochrome(term) {
            return Level::Mono;
        }
        let colorterm = self.colorterm.as_deref().unwrap_or_default();
        let program = self.term_program.as_deref().unwrap_or_default();
        if matches!(colorterm, "truecolor" | "24bit")
            || self.wt_session.is_some()
            || matches!(program, "iTerm.app" | "WezTerm" | "ghostty" | "vscode" | "Hyper" | "rio" | "WarpTerminal")
            || ["kitty", "alacritty", "foot", "ghostty", "direct"].iter().any(|known| term.contains(known))
        {
            Level::True
        } else if term.contains("256color") || program == "Apple_Terminal" {
            Level::Ansi256
        } else {
            Level::Ansi16
        }
    }

    /// Whether the terminal can place text and not only print it line by line.
    pub fn places_text(&self) -> bool {
        match self.term.as_deref() {
            Some(term) => !matches!(term, "dumb" | "unknown"),
            // Windows has no such variable.
            None => cfg!(windows),
        }
    }

    /// Whether the terminal can be asked for its own background: one that does not know the question ignores it, but for
    /// the oldest ones. The answer is read among the keys, which works where those are bytes.
    pub fn knows_its_ground(&self) -> bool {
        let term = self.term.as_deref().unwrap_or_default();
        cfg!(unix) && self.level() > Level::Mono && term != "linux" && !term.starts_with("vt")
    }

    /// The palette that fits the terminal's own background, where it says so; dark where it does not.
    pub fn theme(&self) -> ThemeName {
        let background = self.colorfgbg.as_deref().and_then(|pair| pair.rsplit(';').next());
        match background.and_then(|index| index.parse::<u8>().ok()) {
            Some(7 | 9..=15) => ThemeName::Light,
            _ => ThemeName::Dark,
        }
    }

    /// Whether characters outside ASCII reach the screen whole. A locale that is not set at all is taken for a modern
    /// one; the Linux console's font lacks too many.
    pub fn shows_unicode(&self) -> bool {
        let utf8 = |locale: &str| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        };
        let plain = |locale: &str| matches!(locale, "C" | "POSIX");
        let locale = self.locale.as_deref();
        self.term.as_deref() != Some("linux")
            && locale.is_none_or(|locale| utf8(locale) || !(plain(locale) || locale.contains('.')))
    }
}

/// Whether a terminal of this name has no colours: DEC's first ones, and those that say so as terminfo's names do.
fn is_monochrome(term: &str) -> bool {
    let is_dec = term.strip_prefix("vt").is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    is_dec && !term.starts_with("vt525") || term.ends_with("-mono") || term.ends_with("-m")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(set: impl FnOnce(&mut Environment)) -> Environment {
        let mut environment = Environment { term: Some("xterm-256color".to_owned()), ..Environment::default() };
        set(&mut environment);
        environment
    }

    #[test]
    fn no_color_beats_everything() {
        let environment = with(|e| {
            e.no_color = Some("1".to_owned());
            e.colorterm = Some("truecolor".to_owned());
        });
        assert_eq!(environment.level(), Level::Mono);
    }

    #[test]
    fn levels_follow_what_the_terminal_says() {
        assert_eq!(with(|_| {}).level(), Level::Ansi256);
        assert_eq!(with(|e| e.colorterm = Some("truecolor".to_owned())).level(), Level::True);
        assert_eq!(with(|e| e.term = Some("xterm".to_owned())).level(), Level::Ansi16);
        assert_eq!(with(|e| e.term = Some("dumb".to_owned())).level(), Level::Mono);
        assert_eq!(with(|e| e.term = Some("xterm-kitty".to_owned())).level(), Level::True);
    }

    #[test]
    fn terminals_without_colours_are_known_by_name() {
        for term in ["vt100", "vt220-8bit", "xterm-mono", "linux-m"] {
            assert_eq!(with(|e| e.term = Some(term.to_owned())).level(), Level::Mono, "{term}");
        }
        for term in ["vte", "vt525", "xterm", "linux", "screen"] {
            assert_eq!(with(|e| e.term = Some(term.to_owned())).level(), Level::Ansi16, "{term}");
        }
    }

    #[test]
    fn a_dumb_terminal_and_one_without_a_name_cannot_place_text() {
        assert!(with(|_| {}).places_text());
        assert!(!with(|e| e.term = Some("dumb".to_owned())).places_text());
        assert!(!with(|e| e.term = None).places_text() || cfg!(windows));
    }

    #[test]
    fn a_light_background_asks_for_the_light_theme() {
        assert_eq!(with(|e| e.colorfgbg = Some("0;15".to_owned())).theme(), ThemeName::Light);
        assert_eq!(with(|e| e.colorfgbg = Some("15;0".to_owned())).theme(), ThemeName::Dark);
        assert_eq!(with(|e| e.colorfgbg = Some("15;default".to_owned())).theme(), ThemeName::Dark);
        assert_eq!(with(|_| {}).theme(), ThemeName::Dark);
    }

    #[test]
    fn terminals_of_old_are_asked_nothing() {
        assert_eq!(with(|_| {}).knows_its_ground(), cfg!(unix));
        for term in ["linux", "vt100", "vt525", "dumb"] {
            assert!(!with(|e| e.term = Some(term.to_owned())).knows_its_ground(), "{term}");
        }
        assert!(!with(|e| e.no_color = Some("1".to_owned())).knows_its_ground());
    }

    #[test]
    fn ascii_only_where_the_locale_says_so() {
        assert!(with(|_| {}).shows_unicode());
        assert!(with(|e| e.locale = Some("de_DE.UTF-8".to_owned())).shows_unicode());
        assert!(!with(|e| e.locale = Some("C".to_owned())).shows_unicode());
        assert!(!with(|e| e.locale = Some("de_DE.ISO-8859-1".to_owned())).shows_unicode());
        assert!(!with(|e| e.term = Some("linux".to_owned())).shows_unicode());
    }
}
