//! Themes: every style on the screen has a name here, and resolves to what the terminal can show.
//!
//! Colour never carries a meaning alone. Each token state also has its glyph, underline, weight, slant or reverse,
//! so that a screen without colours loses nothing but its looks.

mod glyphs;
mod palette;
mod terminal;
mod tone;

use ratatui::style::{Modifier, Style};

pub use glyphs::{ASCII, Glyphs, UNICODE};
pub use palette::{DARK, LIGHT, Palette};
pub use terminal::Environment;
pub use tone::{Level, Rgb, Tone};

use crate::decode::record::{KvStatus, Reason, ReasonKind, Verdict};

/// Which palette.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ThemeName {
    /// Light on dark.
    Dark,
    /// Ink on paper.
    Light,
}

impl ThemeName {
    /// The other one.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Dark => Self::Light,
            Self::Light => Self::Dark,
        }
    }
}

impl std::str::FromStr for ThemeName {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "dark" => Ok(Self::Dark),
            "light" => Ok(Self::Light),
            other => Err(format!("unknown theme '{}': there are dark and light", crate::printable::line(other))),
        }
    }
}

/// What a piece of chrome is, and so how it looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Everything that nothing else paints.
    Ground,
    /// The header's band and the prompt's field.
    Surface,
    /// Overlays and notices.
    Raised,
    /// Text.
    Text,
    /// Values and names.
    Strong,
    /// Labels.
    Dim,
    /// Gutters, units.
    Faint,
    /// Rules and frames.
    Line,
    /// Title of a pane.
    Title,
    /// Title of the pane that has the focus.
    TitleFocused,
    /// Keys in the footer and the help, the step cursor.
    Accent,
    /// The selected row of a list.
    Marked,
    /// The selected token.
    Selected,
    /// The cell that the text cursor stands on.
    Caret,
    /// Right.
    Good,
    /// Wrong, refused.
    Bad,
    /// A note.
    Note,
}

/// A part of a bar.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BarPart {
    /// Time in the denoiser.
    Denoiser,
    /// Time in the guide.
    Guide,
    /// Other time.
    Other,
    /// Positions computed.
    Computed,
    /// Positions reused.
    Reused,
    /// A knob's place in its range, a probability.
    Plain,
}

/// A palette at a colour level, with its glyphs.
#[derive(Debug, Clone, Copy)]
pub struct Theme {
    /// Which palette.
    pub name: ThemeName,
    /// Which colours the terminal shows.
    pub level: Level,
    /// What to draw with.
    pub glyphs: &'static Glyphs,
}

impl Theme {
    /// A theme.
    pub fn new(name: ThemeName, level: Level) -> Self {
        Self { name, level, glyphs: &UNICODE }
    }

    /// The theme that fits the terminal, unless a name is asked for.
    pub fn detect(name: Option<ThemeName>, environment: &Environment) -> Self {
        Self {
            name: name.unwrap_or_else(|| environment.theme()),
            level: environment.level(),
            glyphs: if environment.shows_unicode() { &UNICODE } else { &ASCII },
        }
    }

    /// The palette.
    pub fn palette(&self) -> &'static Palette {
        match self.name {
            ThemeName::Dark => &DARK,
            ThemeName::Light => &LIGHT,
        }
    }

    /// Whether colours carry their share of the meaning.
    pub fn has_colour(&self) -> bool {
        self.level > Level::Mono
    }

    /// Whether signs outside of ASCII are drawn.
    pub fn has_signs(&self) -> bool {
        std::ptr::eq(self.glyphs, &raw const UNICODE)
    }

    /// Whether backgrounds are painted.
    pub fn paints(&self) -> bool {
        self.level > Level::Ansi16
    }

    /// Text in a tone.
    pub fn ink(&self, tone: Tone) -> Style {
        tone.at(self.level).map_or_else(Style::new, |colour| Style::new().fg(colour))
    }

    /// A background, where backgrounds are painted.
    pub fn fill(&self, tone: Tone) -> Style {
        match tone.at(self.level) {
            Some(colour) if self.paints() => Style::new().bg(colour),
            _ => Style::new(),
        }
    }

    /// The style of a piece of chrome.
    pub fn style(&self, role: Role) -> Style {
        let palette = self.palette();
        let mono = |style: Style, modifier: Modifier| {
            if self.has_colour() { style } else { style.add_modifier(modifier) }
        };
        match role {
            Role::Ground => self.ink(palette.text).patch(self.fill(palette.ground)),
            Role::Surface => self.ink(palette.text).patch(self.fill(palette.surface)),
            Role::Raised => self.ink(palette.text).patch(self.fill(palette.raised)),
            Role::Text => self.ink(palette.text),
            Role::Strong => self.ink(palette.strong).add_modifier(Modifier::BOLD),
            Role::Dim => mono(self.ink(palette.dim), Modifier::DIM),
            Role::Faint => mono(self.ink(palette.faint), Modifier::DIM),
            Role::Line => mono(self.ink(palette.line), Modifier::DIM),
            Role::Title => self.ink(palette.dim),
            Role::TitleFocused => self.ink(palette.accent).add_modifier(Modifier::BOLD),
            Role::Accent => mono(self.ink(palette.accent), Modifier::BOLD),
            Role::Marked if self.paints() => self.fill(palette.marked),
            Role::Marked | Role::Caret if !self.paints() => Style::new().add_modifier(Modifier::REVERSED),
            Role::Selected if self.paints() => self
                .ink(palette.ground)
                .patch(self.fill(palette.accent))
                .add_modifier(Modifier::BOLD)
                .remove_modifier(Modifier::REVERSED),
            Role::Selected => Style::new().add_modifier(Modifier::REVERSED | Modifier::BOLD | Modifier::UNDERLINED),
            Role::Marked | Role::Caret => self.ink(palette.ground).patch(self.fill(palette.accent)),
            Role::Good => self.ink(palette.teal).add_modifier(Modifier::BOLD),
            Role::Bad => self.ink(palette.vermilion).add_modifier(Modifier::BOLD),
            Role::Note => self.ink(palette.yellow),
        }
    }

    /// The scale of confidence, 0 to 1.
    pub fn confidence(&self, confidence: f32) -> Tone {
        let scale = &self.palette().scale;
        let confidence = if confidence.is_finite() { confidence.clamp(0.0, 1.0) } else { 0.0 };
        let at = confidence * (scale.len() - 1) as f32;
        let low = (at as usize).min(scale.len() - 2);
        scale[low].mix(scale[low + 1], at - low as f32)
    }

    /// From cool to hot, 0 to 1.
    pub fn heat(&self, share: f32) -> Tone {
        let palette = self.palette();
        let scale = [palette.sky, palette.purple, palette.vermilion, palette.yellow];
        let share = if share.is_finite() { share.clamp(0.0, 1.0) } else { 0.0 };
        let at = share * (scale.len() - 1) as f32;
        let low = (at as usize).min(scale.len() - 2);
        scale[low].mix(scale[low + 1], at - low as f32)
    }

    /// The colour of a reason to commit.
    pub fn reason(&self, reason: Reason) -> Tone {
        let palette = self.palette();
        match reason.kind() {
            ReasonKind::Scheduled => palette.sky,
            ReasonKind::Passed => palette.accent,
            ReasonKind::Best => palette.purple,
            ReasonKind::Other => palette.yellow,
            ReasonKind::Accepted | ReasonKind::Relaxed => palette.teal,
            ReasonKind::Untested => palette.orange,
            ReasonKind::Replaced => palette.vermilion,
            ReasonKind::ByHand => palette.strong,
            ReasonKind::Filled => palette.faint,
        }
    }

    /// The colour of what was masked again.
    pub fn remasked(&self) -> Tone {
        self.palette().vermilion
    }

    /// The colour of a K/V row's use; reused rows grow paler with age.
    pub fn kv(&self, status: KvStatus, age: u32) -> Tone {
        let palette = self.palette();
        match status {
            KvStatus::Recomputed => palette.orange,
            KvStatus::Reused => palette.sky.mix(palette.faint, (age as f32 / 24.0).min(0.65)),
            KvStatus::Stale => palette.purple,
            KvStatus::Dropped => palette.faint,
        }
    }

    /// The colour of a verdict.
    pub fn verdict(&self, verdict: Verdict) -> Tone {
        let palette = self.palette();
        match verdict {
            Verdict::Agreed => palette.teal,
            Verdict::Rejected | Verdict::Replaced => palette.vermilion,
            Verdict::Forced => palette.orange,
            Verdict::NotReached => palette.dim,
        }
    }

    /// The colour of a part of a bar.
    pub fn part(&self, part: BarPart) -> Tone {
        let palette = self.palette();
        match part {
            BarPart::Denoiser | BarPart::Reused => palette.sky,
            BarPart::Guide => palette.teal,
            BarPart::Other => palette.faint,
            BarPart::Computed => palette.orange,
            BarPart::Plain => palette.accent,
        }
    }
}

/// The weight that distinguishes verdicts without colour.
pub fn verdict_mark(verdict: Verdict) -> Modifier {
    match verdict {
        Verdict::Agreed => Modifier::empty(),
        Verdict::Rejected => Modifier::CROSSED_OUT,
        Verdict::Replaced => Modifier::ITALIC,
        Verdict::Forced => Modifier::UNDERLINED,
        Verdict::NotReached => Modifier::DIM,
    }
}

/// The weight that distinguishes uses of K/V rows without colour.
pub fn kv_mark(status: KvStatus) -> Modifier {
    match status {
        KvStatus::Recomputed => Modifier::BOLD,
        KvStatus::Reused => Modifier::empty(),
        KvStatus::Stale => Modifier::UNDERLINED,
        KvStatus::Dropped => Modifier::CROSSED_OUT,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_colour_no_style_names_one() {
        let theme = Theme::new(ThemeName::Dark, Level::Mono);
        let roles = [
            Role::Ground,
            Role::Surface,
            Role::Raised,
            Role::Text,
            Role::Strong,
            Role::Dim,
            Role::Faint,
            Role::Line,
            Role::Title,
            Role::TitleFocused,
            Role::Accent,
            Role::Marked,
            Role::Selected,
            Role::Caret,
            Role::Good,
            Role::Bad,
            Role::Note,
        ];
        for role in roles {
            let style = theme.style(role);
            assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
        }
    }

    #[test]
    fn confidence_grows_lighter_on_dark_and_darker_on_light() {
        let brightness = |theme: Theme, confidence| {
            let Rgb(r, g, b) = theme.confidence(confidence).rgb;
            0.2126 * f32::from(r) + 0.7152 * f32::from(g) + 0.0722 * f32::from(b)
        };
        let (dark, light) = (Theme::new(ThemeName::Dark, Level::True), Theme::new(ThemeName::Light, Level::True));
        for step in 0..20 {
            let (a, b) = (step as f32 / 20.0, (step + 1) as f32 / 20.0);
            assert!(brightness(dark, a) < brightness(dark, b), "dark {a}");
            assert!(brightness(light, a) > brightness(light, b), "light {a}");
        }
        assert_eq!(dark.confidence(f32::NAN), dark.confidence(0.0));
    }

    #[test]
    fn an_unknown_theme_is_named() {
        assert_eq!(
            "sepia".parse::<ThemeName>().expect_err("unknown"),
            "unknown theme 'sepia': there are dark and light"
        );
    }
}
