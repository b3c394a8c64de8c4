//! The dark theme: cool greys, and colours as lights.

use ratatui::style::Color;

use super::{super::tone::Tone, Palette};

/// Light on dark.
pub static DARK: Palette = Palette {
    ground: Tone::new(0x0f_1218, Color::Reset),
    surface: Tone::new(0x17_1b23, Color::Reset),
    raised: Tone::new(0x1c_212b, Color::Reset),
    marked: Tone::new(0x21_2936, Color::Reset),
    line: Tone::new(0x38_4152, Color::DarkGray),
    faint: Tone::new(0x84_8e9d, Color::DarkGray),
    dim: Tone::new(0x9f_a9bd, Color::Gray),
    text: Tone::new(0xcf_d6e1, Color::Reset),
    strong: Tone::new(0xf1_f4f9, Color::Reset),
    accent: Tone::new(0xad_b8ff, Color::LightBlue),
    sky: Tone::new(0x56_a1f2, Color::LightCyan),
    aged: Tone::new(0xbc_ced2, Color::Cyan),
    orange: Tone::new(0xf4_c043, Color::LightYellow),
    teal: Tone::new(0x61_e4ca, Color::LightGreen),
    vermilion: Tone::new(0xff_5c67, Color::LightRed),
    rose: Tone::new(0xff_9881, Color::Red),
    purple: Tone::new(0xcc_9ec1, Color::LightMagenta),
    yellow: Tone::new(0xff_e517, Color::Yellow),
    lime: Tone::new(0xad_f19a, Color::Green),
    scale: [
        Tone::new(0x67_9ae9, Color::Magenta),
        Tone::new(0x6f_b7f4, Color::LightBlue),
        Tone::new(0x81_d4f1, Color::Cyan),
        Tone::new(0xac_ece5, Color::LightCyan),
        Tone::new(0xee_fae5, Color::Reset),
    ],
};
