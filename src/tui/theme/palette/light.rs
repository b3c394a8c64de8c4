//! The light theme: warm paper, and colours as inks.

use ratatui::style::Color;

use super::{super::tone::Tone, Palette};

/// Ink on paper.
pub static LIGHT: Palette = Palette {
    ground: Tone::new(0xfb_faf6, Color::Reset),
    surface: Tone::new(0xf2_f0e9, Color::Reset),
    raised: Tone::new(0xff_ffff, Color::Reset),
    marked: Tone::new(0xec_eef4, Color::Reset),
    line: Tone::new(0xcb_c6b8, Color::Gray),
    faint: Tone::new(0x74_6d5d, Color::DarkGray),
    dim: Tone::new(0x5d_5a53, Color::DarkGray),
    text: Tone::new(0x2e_2d29, Color::Reset),
    strong: Tone::new(0x11_110f, Color::Reset),
    accent: Tone::new(0x52_42a3, Color::Blue),
    sky: Tone::new(0x2f_6fac, Color::Blue),
    aged: Tone::new(0x44_5a78, Color::DarkGray),
    orange: Tone::new(0x97_6001, Color::Yellow),
    teal: Tone::new(0x00_4935, Color::Green),
    vermilion: Tone::new(0x86_0601, Color::Red),
    rose: Tone::new(0xc1_2e84, Color::LightRed),
    purple: Tone::new(0x8b_0cd9, Color::Magenta),
    yellow: Tone::new(0x6d_5300, Color::Yellow),
    lime: Tone::new(0x2e_663d, Color::Green),
    scale: [
        Tone::new(0x04_7199, Color::Cyan),
        Tone::new(0x01_5485, Color::Cyan),
        Tone::new(0x0e_3872, Color::Blue),
        Tone::new(0x15_1f50, Color::Blue),
        Tone::new(0x10_101e, Color::Reset),
    ],
};
