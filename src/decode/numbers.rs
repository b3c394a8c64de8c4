//! Rows of logits that hold no numbers: a run ends there, before tokens are made up out of nothing.

use thiserror::Error;

use super::decoder::DecodeError;

/// A network that gives nothing to decide by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "the {network} gives no numbers at {count} of {positions} positions (step {step}): its weights are damaged, or 16 bits \
     are too few for them"
)]
pub struct NoNumbers {
    network: &'static str,
    count: usize,
    positions: usize,
    /// Counted from 1.
    step: usize,
}

/// Refuses what `network` gave in the step with this index where some of its rows are not sound.
pub(super) fn check(
    network: &'static str,
    soundness: impl IntoIterator<Item = bool>,
    step: usize,
) -> Result<(), DecodeError> {
    let (mut positions, mut count) = (0, 0);
    for is_sound in soundness {
        positions += 1;
        count += usize::from(!is_sound);
    }
    if count == 0 { Ok(()) } else { Err(NoNumbers { network, count, positions, step: step + 1 }.into()) }
}
