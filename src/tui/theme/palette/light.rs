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
    faint: Tone::new(0x74_7a63, Color::DarkGray),
    dim: Tone::new(0x52_5d5a, Color::DarkGray),
    text: Tone::new(0x2e_2d29, Color::Reset),
    strong: Tone::new(0x11_110f, Color::Reset),
    accent: Tone::new(0x5a_24c1, Color::Blue),
    sky: Tone::new(0x01_6ea9, Color::Blue),
    aged: Tone::new(0x01_504c, Color::DarkGray),
    orange: Tone::new(0x79_4900, Color::Yellow),
    teal: Tone::new(0x00_4b40, Color::Green),
    vermilion: Tone::new(0x7b_000a, Color::Red),
    rose: Tone::new(0xb8_188c, Color::LightRed),
    purple: Tone::new(0x65_227c, Color::Magenta),
    yellow: Tone::new(0x87_6700, Color::Yellow),
    lime: Tone::new(0x17_654c, Color::Green),
    scale: [
        Tone::new(0x04_7199, Color::Cyan),
        Tone::new(0x01_5485, Color::Cyan),
        Tone::new(0x0e_3872, Color::Blue),
        Tone::new(0x15_1f50, Color::Blue),
        Tone::new(0x10_101e, Color::Reset),
    ],
};
