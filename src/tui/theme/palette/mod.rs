//! The palettes, a file each. Their numbers keep what `tests/screen/contrast.rs` asks of them: every tone of text can be read on
//! every ground, any two colours that mean different things in one legend differ visibly for every common eye, and
//! confidence grows in steps of even lightness. They were searched for under these bounds, by hue.

mod colour_blind;
mod dark;
mod high_contrast;
mod light;

pub use colour_blind::COLOUR_BLIND;
pub use dark::DARK;
pub use high_contrast::HIGH_CONTRAST;
pub use light::LIGHT;

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
    /// The selected row, the cursor's column: of all grounds the furthest from the text.
    pub marked: Tone,
    /// Rules and frames. Never text.
    pub line: Tone,
    /// Gutters, units, what matters least.
    pub faint: Tone,
    /// Labels.
    pub dim: Tone,
    /// Text.
    pub text: Tone,
    /// Values.
    pub strong: Tone,
    /// The one accent: focus, keys, cursor; what passed its rule's test.
    pub accent: Tone,
    /// Reused, quota.
    pub sky: Tone,
    /// What reused rows fade to as they age.
    pub aged: Tone,
    /// Recomputed, forced.
    pub orange: Tone,
    /// Agreed, right, time in the guide.
    pub teal: Tone,
    /// Rejected, wrong, masked again, errors.
    pub vermilion: Tone,
    /// Written by the guide.
    pub rose: Tone,
    /// Stale, best of a step, time in the denoiser.
    pub purple: Tone,
    /// Sampled, edited, notes.
    pub yellow: Tone,
    /// Passed a relaxed test.
    pub lime: Tone,
    /// Confidence 0, ¼, ½, ¾ and 1.
    pub scale: [Tone; 5],
}
