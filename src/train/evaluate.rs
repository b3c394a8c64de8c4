//! Exact match on fresh prompts: decode, and let the task's checker judge.
//!
//! This is the trainer's own measure, with the plainest decoders on whole sequences: greedy from left to right for
//! causal phases, threshold 0.9 on the whole canvas for diffusion. The numbers of record come from `diffuscope bench`.

use super::data::{Encoded, Specials};
use super::gradient::{Chunk, EngineError, GradientEngine, Label, TokenKind, WantedRow};
use crate::model::tokenizer::{Tokenizer, TokenizerError};
use crate::tasks::{self, Family, Options};
use std::collections::BTreeMap;
use thiserror::Error;

/// Seed of the fresh prompts; training seeds are hashes and do not meet it.
pub const FRESH_SEED: u64 = 0x5eed_0ff2_e500;
/// Confidence from which a proposal is committed.
const THRESHOLD: f32 = 0.9;
/// Sequences per chunk of a decode.
const PER_CHUNK: usize = 4;

/// Why exact match could not be measured.
#[derive(Debug, Error)]
pub enum EvaluateError {
    /// The engine failed.
    #[error(transparent)]
    GradientEngine(#[from] EngineError),
    /// A prompt could not be encoded.
    #[error(transparent)]
    Tokenizer(#[from] TokenizerError),
}

/// Weights to be measured.
pub struct MeasuredWeights<'a> {
    /// Computes them.
    pub engine: &'a mut dyn GradientEngine,
    /// The weights.
    pub weights: &'a [f32],
    /// Whether the network is read from left to right, or denoises.
    pub causal: bool,
}

/// Measures exact match; the place to plug another decoder in.
pub trait Evaluate {
    /// Percentage of right answers by family.
    fn exact(
        &mut self,
        candidate: MeasuredWeights<'_>,
        options: Options,
    ) -> Result<BTreeMap<Family, f64>, EvaluateError>;
}

/// The trainer's own measure.
#[derive(Debug)]
pub struct PlainMeasure<'a> {
    /// Of the networks.
    pub tokenizer: &'a Tokenizer,
    /// End and mask.
    pub specials: Specials,
    /// Prompts per family.
    pub prompts: usize,
    /// The same for stories.
    pub stories: usize,
}

impl Evaluate for PlainMeasure<'_> {
    fn exact(
        &mut self,
        candidate: MeasuredWeights<'_>,
        options: Options,
    ) -> Result<BTreeMap<Family, f64>, EvaluateError> {
        let mut shares = BTreeMap::new();
        for family in Family::ALL {
            let count = if family == Family::Story { self.stories } else { self.prompts };
            if count == 0 {
                continue;
            }
            let samples: Vec<_> =
                (0..count as u64).map(|index| tasks::generate(family, FRESH_SEED, index, options)).collect();
            let prompts: Vec<Vec<u32>> = samples
                .iter()
                .map(|sample| Encoded::new(sample, self.tokenizer).map(|encoded| encoded.prompt))
                .collect::<Result<_, _>>()?;
            let answers = if candidate.causal {
                greedy(candidate.engine, candidate.weights, &prompts, family.canvas(), self.specials)?
            } else {
                parallel(candidate.engine, candidate.weights, &prompts, family.canvas(), self.specials)?
            };
            let right = samples.iter().zip(&answers).filter(|(sample, answer)| {
                let answer = self.tokenizer.decode_plain(answer);
                tasks::recognise(&sample.prompt).is_some_and(|task| task.check(&answer).correct)
            });
            shares.insert(family, 100.0 * right.count() as f64 / count as f64);
        }
        Ok(shares)
    }
}

/// Computes the logits of some rows of each sequence; one vector of rows per sequence.
fn rows_of(
    engine: &mut dyn GradientEngine,
    weights: &[f32],
    sequences: &[(&[u32], Vec<usize>)],
    future: f32,
) -> Result<Vec<Vec<Vec<f32>>>, EngineError> {
    let chunks: Vec<Chunk> = sequences
        .chunks(PER_CHUNK)
        .map(|group| {
            let mut chunk = Chunk::default();
            for (ids, rows) in group {
                let label = Label { family: 0, kind: TokenKind::Other };
                chunk.push(ids, rows.iter().map(|row| WantedRow { row: *row, target: 0, weight: 0.0, label }));
            }
            chunk
        })
        .collect();
    let vocab = engine.layout().vocab;
    let logits = engine.logits(weights, &chunks, future)?;
    let mut result = Vec::with_capacity(sequences.len());
    for (chunk, logits) in chunks.iter().zip(logits) {
        for range in &chunk.wanted_ranges {
            result.push(range.clone().map(|row| logits[row * vocab..(row + 1) * vocab].to_vec()).collect());
        }
    }
    Ok(result)
}

/// The most probable token that is no mask, and its probability.
fn best(logits: &[f32], mask: u32) -> (u32, f32) {
    let fit = logits.iter().enumerate().filter(|(id, _)| *id as u32 != mask);
    let (id, top) = fit.clone().fold((0, f32::NEG_INFINITY), |a, (id, x)| if *x > a.1 { (id, *x) } else { a });
    let sum: f32 = fit.map(|(_, x)| (x - top).exp()).sum();
    (id as u32, 1.0 / sum)
}

/// Greedy answers from left to right, without their end, of at most `canvas` tokens.
///
/// # Errors
/// Those of the engine.
pub fn greedy(
    engine: &mut dyn GradientEngine,
    weights: &[f32],
    prompts: &[Vec<u32>],
    canvas: usize,
    specials: Specials,
) -> Result<Vec<Vec<u32>>, EngineError> {
    let mut texts = prompts.to_vec();
    let mut open: Vec<usize> = (0..texts.len()).collect();
    for _ in 0..canvas {
        if open.is_empty() {
            break;
        }
        let sequences: Vec<_> = open.iter().map(|i| (texts[*i].as_slice(), vec![texts[*i].len() - 1])).collect();
        let logits = rows_of(engine, weights, &sequences, f32::NEG_INFINITY)?;
        let mut still = Vec::with_capacity(open.len());
        for (index, rows) in open.iter().zip(logits) {
            let (id, _) = best(&rows[0], specials.mask);
            if id != specials.end {
                texts[*index].push(id);
                still.push(*index);
            }
        }
        open = still;
    }
    Ok(texts.into_iter().zip(prompts).map(|(text, prompt)| text[prompt.len()..].to_vec()).collect())
}

/// Answers by unmasking a whole canvas, everything of confidence 0.9 at once and at least the best, without their
/// end. A sequence is done once everything before its first end is fixed.
///
/// # Errors
/// Those of the engine.
pub fn parallel(
    engine: &mut dyn GradientEngine,
    weights: &[f32],
    prompts: &[Vec<u32>],
    canvas: usize,
    specials: Specials,
) -> Result<Vec<Vec<u32>>, EngineError> {
    let mut texts: Vec<Vec<u32>> =
        prompts.iter().map(|p| p.iter().copied().chain(std::iter::repeat_n(specials.mask, canvas)).collect()).collect();
    let answer = |text: &[u32], prompt: &[u32]| -> Option<Vec<u32>> {
        let ids = &text[prompt.len()..];
        let end = ids.iter().position(|id| *id == specials.end).unwrap_or(ids.len());
        (!ids[..end].contains(&specials.mask)).then(|| ids[..end].to_vec())
    };
    let mut answers: Vec<Option<Vec<u32>>> = vec![None; prompts.len()];
    for _ in 0..canvas {
        let open: Vec<usize> = (0..texts.len()).filter(|i| answers[*i].is_none()).collect();
        if open.is_empty() {
            break;
        }
        let masked = |text: &[u32]| (0..text.len()).filter(|i| text[*i] == specials.mask).collect::<Vec<_>>();
        let sequences: Vec<_> = open
            .iter()
            .map(|i| (texts[*i].as_slice(), masked(&texts[*i]).into_iter().map(|at| at - 1).collect::<Vec<_>>()))
            .collect();
        let logits = rows_of(engine, weights, &sequences, 0.0)?;
        let places: Vec<Vec<usize>> = sequences.into_iter().map(|(_, rows)| rows).collect();
        for ((index, rows), logits) in open.iter().zip(&places).zip(&logits) {
            let proposals: Vec<(usize, u32, f32)> = rows
                .iter()
                .zip(logits)
                .map(|(row, logits)| {
                    let (id, confidence) = best(logits, specials.mask);
                    (row + 1, id, confidence)
                })
                .collect();
            let top = proposals.iter().fold(0f32, |top, p| top.max(p.2));
            for (at, id, confidence) in proposals {
                if confidence >= THRESHOLD.min(top) {
                    texts[*index][at] = id;
                }
            }
            answers[*index] = answer(&texts[*index], &prompts[*index]);
        }
    }
    Ok(answers.into_iter().map(Option::unwrap_or_default).collect())
}
