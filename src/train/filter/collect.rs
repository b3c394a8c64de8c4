//! The data of a filter: what an oracle observes that commits a proposal as soon as it is final.

use thiserror::Error;

use crate::{
    decode::{DecodeError, Decoder, Networks, clock::StoppedClock, filter::BLOCK},
    model::network::{Alignment, Network, NetworkError, Pass, Read, Reduce},
    settings::{Settings, SettingsError},
};

/// Why no data could be collected.
#[derive(Debug, Error)]
pub enum CollectError {
    /// The plain sampler failed.
    #[error(transparent)]
    Decode(#[from] DecodeError),
    /// A pass of the oracle failed.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// The prompt or the settings do not fit the network.
    #[error(transparent)]
    Settings(#[from] SettingsError),
}

/// One step of the oracle in one block.
#[derive(Debug, Clone, PartialEq)]
pub struct Observed {
    /// Confidence of the proposal at each position, committed ones included; 1 behind the end of a short block.
    pub confidences: [f32; BLOCK],
    /// Whether the proposal is the token of the reference.
    pub is_final: [bool; BLOCK],
    /// Whether the position was masked.
    pub is_masked: [bool; BLOCK],
    /// Positions that there are.
    pub length: usize,
}

/// Decodes `prompt` with `gen_length` masks twice and returns what the second decode observed.
///
/// The reference is the plain sampler's answer in blocks of [`BLOCK`], one token per step, greedily. The oracle writes, in
/// each step, every proposal of the block that agrees with it; where two steps propose the same block, it writes the
/// reference and continues, as the released code does.
///
/// # Errors
/// When the network is no denoiser, the prompt does not fit it, or a pass fails.
pub fn collect(denoiser: &mut dyn Network, prompt: &[u32], gen_length: usize) -> Result<Vec<Observed>, CollectError> {
    if prompt.is_empty() {
        let message = "the prompt is empty: a filter is trained on answers to prompts";
        return Err(DecodeError::Unusable(message.to_owned()).into());
    }
    let reference = reference(denoiser, prompt, gen_length)?;
    let spec = denoiser.spec();
    let (alignment, mask) = (spec.alignment, spec.mask_id.unwrap_or_default());
    let mut ids = prompt.to_vec();
    ids.resize(reference.len(), mask);
    let positions: Vec<usize> = (0..ids.len()).collect();
    let mut observed = Vec::new();
    denoiser.reset();
    for start in (prompt.len()..ids.len()).step_by(BLOCK) {
        let block = start..(start + BLOCK).min(ids.len());
        let sources: Vec<usize> = block
            .clone()
            .map(|position| match alignment {
                Alignment::Aligned => position,
                // The prompt is never empty, so the first block has a row to its left.
                Alignment::Shifted => position - 1,
            })
            .collect();
        let mut before: Option<Vec<u32>> = None;
        while ids[block.clone()].contains(&mask) {
            let logits = denoiser.forward(Pass::new(&ids, &positions, Read::UpTo(ids.len()), &sources))?;
            let mut step = Observed {
                confidences: [1.0; BLOCK],
                is_final: [true; BLOCK],
                is_masked: [false; BLOCK],
                length: block.len(),
            };
            let rows = logits.summaries(Reduce { excluded: Some(mask), top: 1, asked: &[] })?;
            let proposed: Vec<u32> = block
                .clone()
                .zip(rows)
                .enumerate()
                .map(|(row, (position, summary))| {
                    let best = summary.top.first();
                    let (token, confidence) = best.map_or((0, 0.0), |best| (best.id, best.probability as f32));
                    step.confidences[row] = confidence;
                    step.is_final[row] = token == reference[position];
                    step.is_masked[row] = ids[position] == mask;
                    token
                })
                .collect();
            if before.as_ref() == Some(&proposed) {
                ids[block.clone()].copy_from_slice(&reference[block.clone()]);
            } else {
                for (row, position) in block.clone().enumerate().filter(|(row, _)| step.is_final[*row]) {
                    ids[position] = proposed[row];
                }
            }
            before = Some(proposed);
            observed.push(step);
        }
    }
    Ok(observed)
}

/// The plain sampler's answer, prompt included.
fn reference(denoiser: &mut dyn Network, prompt: &[u32], gen_length: usize) -> Result<Vec<u32>, CollectError> {
    let settings = Settings { block_length: Some(BLOCK.min(gen_length)), ..Settings::default() };
    denoiser.reset();
    let mut decoder = Decoder::new(denoiser.spec(), None, prompt, gen_length, settings)?;
    while decoder.stopped().is_none() {
        decoder.step(Networks { denoiser, guide: None }, &StoppedClock)?;
    }
    Ok(decoder.ids().to_vec())
}
