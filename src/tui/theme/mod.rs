//! Themes: every style on the screen has a name here, and resolves to what the terminal can show.
//!
//! Colour never carries a meaning alone. Each token state also has its glyph, underline, weight, slant or reverse,
//! so that a screen without colours loses nothing but its looks.

mod glyphs;
mod palette;
mod terminal;
mod themes;
mod tone;

use ratatui::style::{Modifier, Style};

pub use glyphs::{ASCII, Glyphs, UNICODE};
pub use palette::Palette;
pub use terminal::Environment;
pub use themes::{THEMES, ThemeEntry, ThemeName};
pub use tone::{Level, Rgb, Tone};

use crate::decode::record::{KvStatus, Reason, ReasonKind, Verdict};

/// The least contrast of text (WCAG 2.2, level AA).
pub const READABLE: f32 = 4.5;

/// The least contrast of what is faint on purpose, and of shapes that mean something (WCAG 2.2: large text and graphics).
pub const VISIBLE: f32 = 3.0;

/// A row is as pale as it gets after so many steps.
const OLD: f32 = 16.0;

/// An enum without data, and the list of all its variants.
macro_rules! listed {
    ($(#[$about:meta])* pub enum $name:ident { $($(#[$doc:meta])* $variant:ident,)+ }) => {
        $(#[$about])*
        pub enum $name { $($(#[$doc])* $variant,)+ }

        impl $name {
            /// Every one.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];
        }
    };
}

listed! {
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
}

listed! {
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
        self.name.entry().palette
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

    /// A weight as the theme may use it: where the program paints, no text is dimmed by the terminal, which might make it too
    /// faint to read.
    pub fn weight(&self, weight: Modifier) -> Modifier {
        if self.paints() { weight.difference(Modifier::DIM) } else { weight }
    }

    /// A tone that can be told from every ground of the theme by at least so much, [`READABLE`] or [`VISIBLE`] as a rule.
    pub fn legible(&self, tone: Tone, contrast: f32) -> Tone {
        tone.at_least(contrast, self.palette().marked, self.level)
    }

    /// A ground with a tinge of a tone: `share` of it, but never so much that the palette could not be read on it.
    pub fn wash(&self, tone: Tone, share: f32) -> Tone {
        /// What is left of a share that is too much.
        const LESS: f32 = 0.85;
        let palette = self.palette();
        let prominence = |tone: Tone| tone.rgb.shown(self.level).contrast(palette.ground.rgb.shown(self.level));
        let most = prominence(palette.marked);
        let shares = std::iter::successors(Some(share), |share| Some(share * LESS)).take(16);
        let mut washes = shares.map(|share| palette.ground.mix(tone, share));
        washes.find(|wash| prominence(*wash) <= most).unwrap_or(palette.ground)
    }

    /// A tone that has lost `share` of itself to the ground, and can still be seen.
    pub fn pale(&self, tone: Tone, share: f32) -> Tone {
        self.legible(tone.mix(self.palette().ground, share), VISIBLE)
    }

    /// A place on a scale of tones, 0 for the first to 1 for the last, as text can have it.
    pub fn along(&self, scale: &[Tone], place: f32) -> Tone {
        let place = if place.is_finite() { place.clamp(0.0, 1.0) } else { 0.0 };
        let at = place * scale.len().saturating_sub(1) as f32;
        let low = (at as usize).min(scale.len().saturating_sub(2));
        let mixed = match scale.get(low..) {
            Some([from, to, ..]) => from.mix(*to, at - low as f32),
            Some([only]) => *only,
            Some([]) | None => self.palette().text,
        };
        self.legible(mixed, READABLE)
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
        self.along(&self.palette().scale, confidence)
    }

    /// From cool to hot, 0 to 1.
    pub fn heat(&self, share: f32) -> Tone {
        let palette = self.palette();
        self.along(&[palette.sky, palette.purple, palette.vermilion, palette.yellow], share)
    }

    /// The colour of a reason to commit.
    pub fn reason(&self, reason: Reason) -> Tone {
        let palette = self.palette();
        match reason.kind() {
            ReasonKind::Scheduled => palette.sky,
            ReasonKind::Passed => palette.accent,
            ReasonKind::Best => palette.purple,
            ReasonKind::Other => palette.yellow,
            ReasonKind::Accepted => palette.teal,
            ReasonKind::Relaxed => palette.lime,
            ReasonKind::Untested => palette.orange,
            ReasonKind::Replaced => palette.rose,
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
            KvStatus::Reused => self.along(&[palette.sky, palette.aged], age as f32 / OLD),
            KvStatus::Stale => palette.purple,
            KvStatus::Dropped => palette.faint,
        }
    }

    /// The colour of a verdict.
    pub fn verdict(&self, verdict: Verdict) -> Tone {
        let palette = self.palette();
        match verdict {
            Verdict::Agreed => palette.teal,
            Verdict::Rejected => palette.vermilion,
            Verdict::Replaced => palette.rose,
            Verdict::Forced => palette.orange,
            Verdict::NotReached => palette.dim,
        }
    }

    /// The colour of a part of a bar.
    pub fn part(&self, part: BarPart) -> Tone {
        let palette = self.palette();
        match part {
            BarPart::Denoiser => palette.purple,
            BarPart::Guide => palette.teal,
            BarPart::Other => palette.faint,
            BarPart::Computed => palette.orange,
            BarPart::Reused => palette.sky,
            BarPart::Plain => palette.accent,
        }
    }
}

/// The weight that distinguishes verdicts without colour. How faint a dim one gets is up to the terminal: see
/// [`Theme::weight`].
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
        for role in Role::ALL {
            let style = theme.style(*role);
            assert_eq!((style.fg, style.bg), (None, None), "{role:?}");
        }
    }

    #[test]
    fn a_place_on_a_scale_is_always_one() {
        let theme = Theme::new(ThemeName::Dark, Level::True);
        let palette = theme.palette();
        assert_eq!(theme.confidence(f32::NAN), theme.confidence(0.0));
        assert_eq!([theme.confidence(-1.0), theme.confidence(7.0)], [palette.scale[0], palette.scale[4]]);
        assert_eq!([theme.along(&[], 0.5), theme.along(&[palette.sky], 0.5)], [palette.text, palette.sky]);
    }

    #[test]
    fn rows_grow_old() {
        let theme = Theme::new(ThemeName::Light, Level::True);
        let at = |age| theme.kv(KvStatus::Reused, age);
        assert_eq!([at(0), at(16), at(u32::MAX)], [theme.palette().sky, theme.palette().aged, theme.palette().aged]);
        assert_ne!(at(1), at(2));
    }
}
