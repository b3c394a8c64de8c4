//! The two palettes. Categories follow the Okabe–Ito set (distinct under the common forms of colour blindness);
//! confidence follows an even sequential scale along which light (dark theme) or ink (light theme) grows.

use ratatui::style::Color;

use super::tone::Tone;

/// The colours of a theme.
#[derive(Debug)]
pub struct Palette {
    /// Behind everything.
    pub ground: Tone,
    /// Behind the header and the prompt.
    pub surface: Tone,
    /// Behind overlays and notices.
    pub raised: Tone,
    /// The selected row, the cursor's column.
    pub marked: Tone,
    /// Rules and frames.
    pub line: Tone,
    /// Gutters, units, what matters least.
    pub faint: Tone,
    /// Labels.
    pub dim: Tone,
    /// Text.
    pub text: Tone,
    /// Values.
    pub strong: Tone,
    /// The one accent: focus, keys, cursor.
    pub accent: Tone,
    /// Reused, quota, time in the denoiser.
    pub sky: Tone,
    /// Recomputed, forced.
    pub orange: Tone,
    /// Agreed, right, time in the guide.
    pub teal: Tone,
    /// Rejected, wrong, errors.
    pub vermilion: Tone,
    /// Stale.
    pub purple: Tone,
    /// Sampled, edited, notes.
    pub yellow: Tone,
    /// Confidence 0, ¼, ½, ¾ and 1.
    pub scale: [Tone; 5],
}

/// Light on dark.
pub static DARK: Palette = Palette {
    ground: Tone::new(0x0f_1218, Color::Reset),
    surface: Tone::new(0x17_1b23, Color::Reset),
    raised: Tone::new(0x1c_212b, Color::Reset),
    marked: Tone::new(0x28_3040, Color::Reset),
    line: Tone::new(0x2c_3340, Color::DarkGray),
    faint: Tone::new(0x5b_6576, Color::DarkGray),
    dim: Tone::new(0x8d_97a8, Color::Gray),
    text: Tone::new(0xcf_d6e1, Color::Reset),
    strong: Tone::new(0xf1_f4f9, Color::Reset),
    accent: Tone::new(0x8a_b4f8, Color::LightBlue),
    sky: Tone::new(0x5f_b3ea, Color::LightCyan),
    orange: Tone::new(0xe8_a33d, Color::LightYellow),
    teal: Tone::new(0x3c_c2a0, Color::LightGreen),
    vermilion: Tone::new(0xf0_7f57, Color::LightRed),
    purple: Tone::new(0xd3_8fc4, Color::LightMagenta),
    yellow: Tone::new(0xe6_d86a, Color::Yellow),
    scale: [
        Tone::new(0x8a_6cc9, Color::Magenta),
        Tone::new(0x5f_87d1, Color::LightBlue),
        Tone::new(0x3f_a7ba, Color::Cyan),
        Tone::new(0x6a_cdb0, Color::LightCyan),
        Tone::new(0xe4_f2e6, Color::Reset),
    ],
};

/// Ink on paper.
pub static LIGHT: Palette = Palette {
    ground: Tone::new(0xfb_faf6, Color::Reset),
    surface: Tone::new(0xf2_f0e9, Color::Reset),
    raised: Tone::new(0xff_ffff, Color::Reset),
    marked: Tone::new(0xe3_e6ee, Color::Reset),
    line: Tone::new(0xd8_d4c9, Color::Gray),
    faint: Tone::new(0x95_9083, Color::DarkGray),
    dim: Tone::new(0x69_655b, Color::DarkGray),
    text: Tone::new(0x2e_2d29, Color::Reset),
    strong: Tone::new(0x11_110f, Color::Reset),
    accent: Tone::new(0x2b_5cc4, Color::Blue),
    sky: Tone::new(0x0b_6fb0, Color::Blue),
    orange: Tone::new(0xa8_6400, Color::Yellow),
    teal: Tone::new(0x00_775c, Color::Green),
    vermilion: Tone::new(0xbf_4a12, Color::Red),
    purple: Tone::new(0x97_4380, Color::Magenta),
    yellow: Tone::new(0x80_7000, Color::Yellow),
    scale: [
        Tone::new(0x4d_a692, Color::Cyan),
        Tone::new(0x2d_8a9d, Color::Cyan),
        Tone::new(0x2e_6c9c, Color::Blue),
        Tone::new(0x39_4a83, Color::Blue),
        Tone::new(0x1b_1926, Color::Reset),
    ],
};
