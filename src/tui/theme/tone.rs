//! Colours: exact ones, what they become on poorer terminals, and mixing that looks even to the eye.

use std::sync::LazyLock;

use ratatui::style::Color;

/// How many colours the terminal shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// None (`NO_COLOR`, `TERM=dumb`): states differ by bold, underline, reverse and glyph alone.
    Mono,
    /// The terminal's own sixteen; backgrounds are left as they are.
    Ansi16,
    /// The fixed palette of 256.
    Ansi256,
    /// Any.
    True,
}

/// An exact colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Rgb(pub u8, pub u8, pub u8);

/// A colour with its stand-in on terminals of sixteen colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tone {
    /// The colour itself.
    pub rgb: Rgb,
    /// The nearest in meaning of the sixteen, whose exact look the user's terminal decides.
    pub ansi: Color,
}

impl Tone {
    /// A tone from `0xRRGGBB` and its stand-in.
    pub const fn new(hex: u32, ansi: Color) -> Self {
        Self { rgb: Rgb((hex >> 16) as u8, (hex >> 8) as u8, hex as u8), ansi }
    }

    /// The tone of a colour that is drawn: of an exact one, or of one of the terminal's own.
    pub fn of(colour: Color) -> Self {
        match colour {
            Color::Rgb(r, g, b) => Self { rgb: Rgb(r, g, b), ansi: Color::Reset },
            ansi => Self { rgb: Rgb(0x80, 0x80, 0x80), ansi },
        }
    }

    /// The colour at a level; `None` where the level has no colour.
    pub fn at(self, level: Level) -> Option<Color> {
        match level {
            Level::Mono => None,
            Level::Ansi16 => Some(self.ansi),
            Level::Ansi256 => Some(Color::Indexed(self.rgb.index())),
            Level::True => Some(Color::Rgb(self.rgb.0, self.rgb.1, self.rgb.2)),
        }
    }

    /// `share` of `other` and the rest of this tone; the stand-in is that of the larger part. What is mixed may be hard to
    /// read: views mix by the methods of [`Theme`](super::Theme), which see to that.
    #[must_use]
    pub(super) fn mix(self, other: Self, share: f32) -> Self {
        let share = share.clamp(0.0, 1.0);
        Self { rgb: self.rgb.mix(other.rgb, share), ansi: if share < 0.5 { self.ansi } else { other.ansi } }
    }

    /// `share` of this tone over another one, for dots of a picture: they are no text, and may be next to invisible.
    #[must_use]
    pub fn dot(self, under: Self, share: f32) -> Self {
        under.mix(self, share)
    }

    /// This tone where its contrast to `ground` is at least `ratio`; else as much lighter, on a light ground as much
    /// darker, as it takes: at most white or black. Holds for what the terminal shows at `level`; where that is up to the
    /// terminal, nothing is changed.
    #[must_use]
    pub fn at_least(self, ratio: f32, ground: Self, level: Level) -> Self {
        /// By how much the aim is raised where rounding falls short of it.
        const MORE: f32 = 1.02;
        if level < Level::Ansi256 {
            return self;
        }
        let ground = ground.rgb.shown(level);
        let reached = |rgb: &Rgb| rgb.shown(level).contrast(ground) >= ratio;
        let aims = std::iter::successors(Some(ratio), |aim| Some(aim * MORE)).take(36);
        let rgb = aims.map(|aim| self.rgb.towards(aim, ground)).find(reached);
        Self { rgb: rgb.unwrap_or_else(|| ground.opposite()), ..self }
    }
}

impl Rgb {
    /// Mixes in the Oklab space (Ottosson 2020), where equal steps look equally large.
    #[must_use]
    pub fn mix(self, other: Self, share: f32) -> Self {
        let (from, to) = (self.oklab(), other.oklab());
        Self::from_oklab([0, 1, 2].map(|axis| from[axis] + (to[axis] - from[axis]) * share))
    }

    /// Relative luminance, 0 to 1 (WCAG 2.2).
    pub fn luminance(self) -> f32 {
        luminance([self.0, self.1, self.2].map(linear))
    }

    /// The contrast of two colours, 1 to 21 (WCAG 2.2).
    pub fn contrast(self, other: Self) -> f32 {
        let (one, other) = (self.luminance(), other.luminance());
        (one.max(other) + 0.05) / (one.min(other) + 0.05)
    }

    /// Whether what stands on it must be dark: white and black have the same contrast to a luminance of 0.179.
    pub fn is_light(self) -> bool {
        self.luminance() > 0.179
    }

    /// White or black, whichever has more contrast to it.
    fn opposite(self) -> Self {
        if self.is_light() { Self(0, 0, 0) } else { Self(255, 255, 255) }
    }

    /// With a contrast of `ratio` to a ground, if it has less; in the same hue as long as that gets light enough.
    fn towards(self, ratio: f32, ground: Self) -> Self {
        if self.contrast(ground) >= ratio {
            return self;
        }
        let light = [self.0, self.1, self.2].map(linear);
        let own = luminance(light);
        if ground.is_light() {
            let wanted = ((ground.luminance() + 0.05) / ratio - 0.05).max(0.0);
            return Self::from_linear(light.map(|channel| channel * (wanted / own).min(1.0)));
        }
        let wanted = (ratio * (ground.luminance() + 0.05) - 0.05).min(1.0);
        let brightest = light.into_iter().fold(f32::EPSILON, f32::max);
        let scale = (wanted / own.max(f32::EPSILON)).min(1.0 / brightest);
        let white = ((wanted - own * scale) / (1.0 - own * scale)).max(0.0);
        Self::from_linear(light.map(|channel| channel * scale * (1.0 - white) + white))
    }

    /// As the terminal shows it, where it does not decide by itself.
    #[must_use]
    pub fn shown(self, level: Level) -> Self {
        if level == Level::Ansi256 { Self::indexed(self.index()) } else { self }
    }

    fn oklab(self) -> [f32; 3] {
        let [r, g, b] = [self.0, self.1, self.2].map(linear);
        let l = (0.412_221_46 * r + 0.536_332_55 * g + 0.051_445_995 * b).cbrt();
        let m = (0.211_903_5 * r + 0.680_699_5 * g + 0.107_396_96 * b).cbrt();
        let s = (0.088_302_46 * r + 0.281_718_85 * g + 0.629_978_7 * b).cbrt();
        [
            0.210_454_26 * l + 0.793_617_8 * m - 0.004_072_047 * s,
            1.977_998_5 * l - 2.428_592_2 * m + 0.450_593_7 * s,
            0.025_904_037 * l + 0.782_771_77 * m - 0.808_675_77 * s,
        ]
    }

    fn from_oklab([lightness, a, b]: [f32; 3]) -> Self {
        let l = (lightness + 0.396_337_78 * a + 0.215_803_76 * b).powi(3);
        let m = (lightness - 0.105_561_346 * a - 0.063_854_17 * b).powi(3);
        let s = (lightness - 0.089_484_18 * a - 1.291_485_5 * b).powi(3);
        Self::from_linear([
            4.076_741_7 * l - 3.307_711_6 * m + 0.230_969_94 * s,
            -1.268_438 * l + 2.609_757_4 * m - 0.341_319_4 * s,
            -0.004_196_086_3 * l - 0.703_418_6 * m + 1.707_614_7 * s,
        ])
    }

    fn from_linear(light: [f32; 3]) -> Self {
        let [r, g, b] = light.map(encoded);
        Self(r, g, b)
    }

    /// The nearest entry of the fixed palette of 256: the 6×6×6 cube or the grey ramp.
    fn index(self) -> u8 {
        let nearest =
            |value: u8| (0..6u8).min_by_key(|step| CUBE[usize::from(*step)].abs_diff(value)).unwrap_or_default();
        let [r, g, b] = [self.0, self.1, self.2].map(nearest);
        let cube = Self(CUBE[usize::from(r)], CUBE[usize::from(g)], CUBE[usize::from(b)]);
        let mean = (u16::from(self.0) + u16::from(self.1) + u16::from(self.2)) / 3;
        let step = (mean.saturating_sub(3) / 10).min(23) as u8;
        let grey = Self(8 + 10 * step, 8 + 10 * step, 8 + 10 * step);
        if self.distance(grey) < self.distance(cube) { 232 + step } else { 16 + 36 * r + 6 * g + b }
    }

    /// An entry of the fixed palette of 256, from 16 on.
    fn indexed(index: u8) -> Self {
        let Some(grey) = index.checked_sub(232) else {
            let cube = index.saturating_sub(16);
            let [r, g, b] = [cube / 36, cube / 6 % 6, cube % 6].map(|step| CUBE[usize::from(step)]);
            return Self(r, g, b);
        };
        let value = 8 + 10 * grey;
        Self(value, value, value)
    }

    /// The squared distance of two colours, channel by channel.
    pub fn distance(self, other: Self) -> u32 {
        [(self.0, other.0), (self.1, other.1), (self.2, other.2)]
            .iter()
            .map(|(a, b)| u32::from(a.abs_diff(*b)).pow(2))
            .sum()
    }
}

/// The steps of a channel in the cube of the palette of 256.
const CUBE: [u8; 6] = [0, 95, 135, 175, 215, 255];

fn luminance([r, g, b]: [f32; 3]) -> f32 {
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// How much light each value of a channel is, 0 to 1 (the curve of sRGB). Kept, since every draft of every frame mixes
/// colours.
static LIGHT: LazyLock<[f32; 256]> = LazyLock::new(|| {
    std::array::from_fn(|value| {
        let value = value as f32 / 255.0;
        if value <= 0.040_45 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
    })
});

fn linear(value: u8) -> f32 {
    LIGHT[usize::from(value)]
}

fn encoded(value: f32) -> u8 {
    let value = value.clamp(0.0, 1.0);
    let value = if value <= 0.003_130_8 { value * 12.92 } else { 1.055 * value.powf(1.0 / 2.4) - 0.055 };
    (value * 255.0).round() as u8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mixing_ends_at_its_ends() {
        let (a, b) = (Rgb(14, 17, 22), Rgb(228, 244, 228));
        assert_eq!(a.mix(b, 0.0), a);
        assert_eq!(a.mix(b, 1.0), b);
    }

    #[test]
    fn the_palette_of_256_takes_greys_from_the_ramp_and_colours_from_the_cube() {
        assert_eq!(Rgb(18, 18, 18).index(), 233);
        assert_eq!(Rgb(255, 0, 0).index(), 196);
        assert_eq!(Rgb(255, 255, 255).index(), 231);
        assert_eq!(Rgb(0, 0, 0).index(), 16);
    }

    #[test]
    fn an_entry_of_the_palette_of_256_is_nearest_to_itself() {
        for index in 16..=255 {
            let rgb = Rgb::indexed(index);
            assert_eq!(Rgb::indexed(rgb.index()), rgb, "{index}");
        }
    }

    #[test]
    fn contrast_runs_from_1_to_21() {
        let (black, white) = (Rgb(0, 0, 0), Rgb(255, 255, 255));
        assert_eq!(black.contrast(black), 1.0);
        for most in [black.contrast(white), white.contrast(black)] {
            assert!((most - 21.0).abs() < 1e-4, "{most}");
        }
        assert!((Rgb(0x77, 0x77, 0x77).contrast(white) - 4.48).abs() < 0.005, "the grey that just fails on white");
    }

    #[test]
    fn a_tone_that_cannot_be_told_from_its_ground_moves_away_from_it_and_no_further_than_needed() {
        let tone = |hex| Tone::new(hex, Color::Reset);
        let colours = [0x00_0000, 0x10_2030, 0x80_2040, 0x2f_7fd0, 0x7f_7f7f, 0xd0_d040, 0xff_ffff].map(tone);
        for (ground, level) in colours.into_iter().flat_map(|ground| [(ground, Level::True), (ground, Level::Ansi256)])
        {
            for (colour, ratio) in colours.into_iter().flat_map(|colour| [(colour, 3.0), (colour, 4.5), (colour, 21.0)])
            {
                let moved = colour.at_least(ratio, ground, level).rgb.shown(level);
                let before = colour.rgb.shown(level).contrast(ground.rgb.shown(level));
                let after = moved.contrast(ground.rgb.shown(level));
                let most = ground.rgb.shown(level).opposite().contrast(ground.rgb.shown(level));
                assert!(after >= ratio.min(most), "{colour:?} on {ground:?} at {level:?}: {after} < {ratio}");
                assert!(before < ratio || moved == colour.rgb.shown(level), "{colour:?} needs no help");
                let exact = level == Level::True && before < ratio;
                assert!(!exact || after <= ratio.min(most) * 1.08, "{colour:?} on {ground:?}: {after} > {ratio}");
            }
        }
        assert_eq!(tone(0x10_2030).at_least(4.5, tone(0), Level::Ansi16), tone(0x10_2030));
    }

    #[test]
    fn mono_has_no_colour() {
        assert_eq!(Tone::new(0x00ff_0000, Color::Red).at(Level::Mono), None);
    }
}
