//! The theme of the strongest contrast: black and white, and few greys between.

use ratatui::style::Color;

use super::{super::tone::Tone, Palette};

/// White on black.
pub static HIGH_CONTRAST: Palette = Palette {
    ground: Tone::new(0x00_0000, Color::Reset),
    surface: Tone::new(0x0b_0b0b, Color::Reset),
    raised: Tone::new(0x14_1414, Color::Reset),
    marked: Tone::new(0x1c_2740, Color::Reset),
    line: Tone::new(0x5a_6472, Color::DarkGray),
    faint: Tone::new(0x8c_97a6, Color::DarkGray),
    dim: Tone::new(0xb8_c0cd, Color::Gray),
    text: Tone::new(0xee_f1f5, Color::Reset),
    strong: Tone::new(0xff_ffff, Color::Reset),
    accent: Tone::new(0x8b_b6fc, Color::LightBlue),
    sky: Tone::new(0xa1_d7ff, Color::LightCyan),
    aged: Tone::new(0x8d_b6d1, Color::Cyan),
    orange: Tone::new(0xff_b433, Color::LightYellow),
    teal: Tone::new(0x60_ffbf, Color::LightGreen),
    vermilion: Tone::new(0xf8_894c, Color::LightRed),
    rose: Tone::new(0xff_5780, Color::Red),
    purple: Tone::new(0xbb_78e2, Color::LightMagenta),
    yellow: Tone::new(0xff_e76a, Color::Yellow),
    lime: Tone::new(0xb7_ce8d, Color::Green),
    scale: [
        Tone::new(0x68_a0ee, Color::Magenta),
        Tone::new(0x75_bdfb, Color::LightBlue),
        Tone::new(0x8d_dafc, Color::Cyan),
        Tone::new(0xc0_f1f6, Color::LightCyan),
        Tone::new(0xff_ffff, Color::Reset),
    ],
};
