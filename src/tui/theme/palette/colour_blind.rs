//! The theme for every common eye: what hue cannot tell apart, lightness does. Confidence runs from blue to yellow, the one way
//! that all three deficiencies leave open.

use ratatui::style::Color;

use super::{super::tone::Tone, Palette};

/// For every common eye, on dark.
pub static COLOUR_BLIND: Palette = Palette {
    ground: Tone::new(0x10_1114, Color::Reset),
    surface: Tone::new(0x18_191e, Color::Reset),
    raised: Tone::new(0x1e_2026, Color::Reset),
    marked: Tone::new(0x27_2b35, Color::Reset),
    line: Tone::new(0x3b_404c, Color::DarkGray),
    faint: Tone::new(0x84_8d9c, Color::DarkGray),
    dim: Tone::new(0x97_a0b3, Color::Gray),
    text: Tone::new(0xd2_d6dd, Color::Reset),
    strong: Tone::new(0xf4_f5f7, Color::Reset),
    accent: Tone::new(0x9b_c4ff, Color::LightBlue),
    sky: Tone::new(0x90_a8d3, Color::LightCyan),
    aged: Tone::new(0x96_cadf, Color::Cyan),
    orange: Tone::new(0xfe_d899, Color::LightYellow),
    teal: Tone::new(0x3d_b06f, Color::LightGreen),
    vermilion: Tone::new(0xf0_7a39, Color::LightRed),
    rose: Tone::new(0xff_aba7, Color::Red),
    purple: Tone::new(0xb9_80fd, Color::LightMagenta),
    yellow: Tone::new(0xc6_c64d, Color::Yellow),
    lime: Tone::new(0xbc_ed01, Color::Green),
    scale: [
        Tone::new(0x64_91e8, Color::Blue),
        Tone::new(0x8b_aae3, Color::LightBlue),
        Tone::new(0xb7_c2d6, Color::Gray),
        Tone::new(0xe5_dca7, Color::Yellow),
        Tone::new(0xff_f8a2, Color::LightYellow),
    ],
};
