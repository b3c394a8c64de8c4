//! Which settings do not go together: every slot says so itself, and here they are asked in order.

use super::{adjust, cache, context, guide, proposal, revise, schedule, stop, unmask};
use crate::settings::{Settings, SettingsError};

/// What the prompt and the model allow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Tokens of the prompt.
    pub prompt: usize,
    /// Masks appended to it: [`Settings::gen_length`] with "auto" resolved.
    pub gen_length: usize,
    /// The longest canvas that the denoiser and the guide take.
    pub max_positions: usize,
    /// Whether a guide is loaded.
    pub has_guide: bool,
}

/// Why settings cannot be used within the limits, if so: what is in the way, and how to mend it.
type Conflict = fn(&Settings, &Limits) -> Option<String>;

/// The first conflict counts: those nearest to the canvas come first, and a slot's conflicts with others follow those among
/// its own knobs.
const CONFLICTS: &[Conflict] = &[
    canvas,
    schedule::blocks_conflict,
    schedule::window_conflict,
    cache::conflict,
    proposal::conflict,
    adjust::conflict,
    unmask::contradiction,
    stop::early_conflict,
    guide::conflict,
    schedule::adaptive_conflict,
    context::attention_conflict,
    unmask::conflict,
    revise::conflict,
    stop::cut_conflict,
];

/// Checks settings against each other and against `limits`.
///
/// # Errors
/// [`SettingsError::Conflict`], with a message that says what to change.
pub fn check(settings: &Settings, limits: &Limits) -> Result<(), SettingsError> {
    let found = CONFLICTS.iter().find_map(|conflict| conflict(settings, limits));
    found.map_or(Ok(()), |message| Err(SettingsError::Conflict(message)))
}

/// Why settings need a trained filter of the denoiser, where they do: what asks for it, and how to do without.
pub fn needs_filter(settings: &Settings) -> Option<String> {
    unmask::lacks(settings, None)
}

fn canvas(_settings: &Settings, limits: &Limits) -> Option<String> {
    let Limits { prompt, gen_length, max_positions, .. } = *limits;
    if prompt >= max_positions {
        return Some(format!(
            "the prompt takes {prompt} tokens and the model's context is {max_positions}: shorten the prompt"
        ));
    }
    (prompt + gen_length > max_positions).then(|| {
        format!(
            "gen-length {gen_length} and a prompt of {prompt} tokens exceed the model's context of {max_positions}: \
             choose a gen-length of at most {}",
            max_positions - prompt
        )
    })
}
