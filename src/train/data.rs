//! Training batches: samples of the task families, encoded, masked, cut into chunks.
//!
//! A batch is a function of the seed, the phase and the step, and of nothing else, so that a stopped run continues with
//! exactly the batches that it would have seen. A thread of its own makes them ahead of time.

use super::config::{Config, Objective, SMALLEST_T, TrainPhase};
use super::gradient::{Chunk, Label, TokenKind, WantedRow};
use crate::model::tokenizer::{Tokenizer, TokenizerError};
use crate::tasks::{self, Family, Options, Sample};
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::ops::Range;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};

/// Factor of the loss on the fill behind the end of an answer: it is easy, and there is a lot of it.
const FILL_WEIGHT: f32 = 0.2;
/// Cap of the `1 / t` that weighs a randomly masked sample.
const LARGEST_WEIGHT: f64 = 4.0;
/// Batches that are made ahead.
const AHEAD: usize = 3;

/// A sample as token ids.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// Which family it is of.
    pub family: Family,
    /// `<user>`, the prompt, `<bot>`.
    pub prompt: Vec<u32>,
    /// The answer without its end.
    pub answer: Vec<u32>,
    /// What each token of the answer counts as.
    pub kinds: Vec<TokenKind>,
}

impl Encoded {
    /// Encodes a sample.
    ///
    /// # Errors
    /// Those of the tokenizer.
    pub fn new(sample: &Sample, tokenizer: &Tokenizer) -> Result<Self, TokenizerError> {
        let words = tasks::copied_words(sample);
        let spans = tokenizer.encode_spans(&sample.answer)?;
        let kind = |span: &Range<usize>| {
            let word = words.iter().find(|word| word.start <= span.start && span.start < word.end);
            match word {
                Some(word) if *word == *span => TokenKind::Copied,
                Some(_) => TokenKind::Spelled,
                None => TokenKind::Other,
            }
        };
        Ok(Self {
            family: sample.family,
            prompt: tokenizer.encode_prompt(&sample.prompt)?,
            kinds: spans.iter().map(|(_, span)| kind(span)).collect(),
            answer: spans.iter().map(|(id, _)| *id).collect(),
        })
    }

    fn label(&self, position: usize) -> Label {
        let end = if position == self.answer.len() { TokenKind::Other } else { TokenKind::Fill };
        Label { family: self.family as u8, kind: self.kinds.get(position).copied().unwrap_or(end) }
    }
}

/// The tokens that a batch needs besides those of the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Specials {
    /// End of text.
    pub end: u32,
    /// Mask.
    pub mask: u32,
}

/// One step's data.
#[derive(Debug, Clone, PartialEq)]
pub struct Batch {
    /// Number of the step in its phase, from 0.
    pub step: u64,
    /// Tokens of the phase before this batch.
    pub tokens_before: u64,
    /// Longest sequences first, about equally many tokens in each.
    pub chunks: Vec<Chunk>,
}

impl Batch {
    /// Tokens in all chunks.
    pub fn tokens(&self) -> u64 {
        self.chunks.iter().map(|chunk| chunk.ids.len() as u64).sum()
    }
}

/// Makes the batches of one phase.
#[derive(Debug, Clone)]
pub struct BatchSource {
    tokenizer: Arc<Tokenizer>,
    specials: Specials,
    phase: TrainPhase,
    seed: u64,
    samples: usize,
    chunks: usize,
    positions: usize,
}

/// A sequence with its wanted rows, not yet in a chunk.
type SequenceRow = (Vec<u32>, Vec<WantedRow>);

impl BatchSource {
    /// The source of `phase` of a recipe.
    pub fn new(config: &Config, phase: &TrainPhase, tokenizer: Arc<Tokenizer>, specials: Specials) -> Self {
        Self {
            tokenizer,
            specials,
            seed: phase_seed(config.seed, &phase.name),
            phase: phase.clone(),
            samples: config.samples_per_step,
            chunks: config.chunks,
            positions: config.positions,
        }
    }

    /// The batch of a step; `tokens_before` is the number of tokens in the batches before it.
    ///
    /// # Errors
    /// Those of the tokenizer.
    pub fn batch(&self, step: u64, tokens_before: u64) -> Result<Batch, TokenizerError> {
        let mut rng = ChaCha8Rng::seed_from_u64(self.seed);
        rng.set_stream(step);
        let mut strata: Vec<usize> = (0..self.samples).collect();
        strata.shuffle(&mut rng);
        let progress = tokens_before as f64 / self.phase.tokens as f64;
        let offset: f64 = rng.random();
        let mut rows = Vec::with_capacity(self.samples);
        for (index, stratum) in strata.into_iter().enumerate() {
            let family = family_at(&self.phase, (index as f64 + offset) / self.samples as f64);
            let number = step * self.samples as u64 + index as u64;
            let sample =
                Encoded::new(&tasks::generate(family, self.seed, number, Options::default()), &self.tokenizer)?;
            let row = match &self.phase.objective {
                Objective::Causal => causal(&sample, self.specials),
                Objective::Diffusion { largest_t, suffix_share, ramp_share, .. } => {
                    let at = if *ramp_share > 0.0 { (progress / ramp_share).min(1.0) } else { 1.0 };
                    let between = |ends: &[f64; 2]| ends[0] + (ends[1] - ends[0]) * at;
                    let unit = (stratum as f64 + rng.random::<f64>()) / self.samples as f64;
                    let t = SMALLEST_T + (between(largest_t) - SMALLEST_T) * unit;
                    diffusion(&sample, self.specials, t, between(suffix_share), &mut rng)
                }
            };
            if row.0.len() <= self.positions {
                rows.push(row);
            }
        }
        normalise(&mut rows);
        Ok(Batch { step, tokens_before, chunks: cut(rows, self.chunks) })
    }

    /// Batches from a step on, made ahead by a thread that ends when the receiver is dropped.
    ///
    /// # Errors
    /// Where the system gives no thread.
    pub fn stream(self, step: u64, tokens_before: u64) -> std::io::Result<Receiver<Result<Batch, TokenizerError>>> {
        let (sender, receiver) = sync_channel(AHEAD);
        std::thread::Builder::new().name("batches".into()).spawn(move || {
            let (mut step, mut tokens) = (step, tokens_before);
            loop {
                let batch = self.batch(step, tokens);
                let failed = batch.is_err();
                step += 1;
                tokens += batch.as_ref().map_or(0, Batch::tokens);
                if sender.send(batch).is_err() || failed {
                    return;
                }
            }
        })?;
        Ok(receiver)
    }
}

/// The data set of a phase: phases of one recipe do not repeat each other's samples.
fn phase_seed(seed: u64, name: &str) -> u64 {
    // FNV-1a.
    name.bytes()
        .fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3))
}

/// The family at a place of the unit interval, which the shares divide. Evenly spread places give each step nearly
/// the same mix.
fn family_at(phase: &TrainPhase, place: f64) -> Family {
    let mut left = place;
    let found = Family::ALL.into_iter().find(|family| {
        left -= phase.share(*family);
        left < 0.0
    });
    found.unwrap_or(Family::ALL[0])
}

/// Prompt and answer; every token of the answer and the first end are predicted.
fn causal(sample: &Encoded, specials: Specials) -> SequenceRow {
    let ids: Vec<u32> = sample.prompt.iter().chain(&sample.answer).copied().collect();
    let wanted = (0..=sample.answer.len()).map(|position| WantedRow {
        row: sample.prompt.len() + position - 1,
        target: sample.answer.get(position).copied().unwrap_or(specials.end),
        weight: 1.0,
        label: sample.label(position),
    });
    let wanted = wanted.collect();
    (ids, wanted)
}

/// How many ends follow the first one. Half of the samples have none, the others a few, or up to the family's
/// canvas, or any number: a decoder's canvas is longer than the answer, and people choose odd ones.
fn fill(sample: &Encoded, rng: &mut ChaCha8Rng) -> usize {
    let choice: f64 = rng.random();
    if choice < 0.5 {
        0
    } else if choice < 0.7 {
        rng.random_range(0..=24)
    } else if choice < 0.9 {
        sample.family.canvas().saturating_sub(sample.answer.len() + 1)
    } else {
        rng.random_range(0..=64)
    }
}

/// Prompt, answer, end and fill with some of them masked; every masked token is predicted, from the row before it.
fn diffusion(sample: &Encoded, specials: Specials, t: f64, suffix_share: f64, rng: &mut ChaCha8Rng) -> SequenceRow {
    let start = sample.prompt.len();
    let len = sample.answer.len() + 1 + fill(sample, rng);
    let token = |position: usize| sample.answer.get(position).copied().unwrap_or(specials.end);
    let suffix = rng.random_bool(suffix_share);
    let mut masked: Vec<bool> = if suffix {
        let cut = rng.random_range(0..=sample.answer.len());
        (0..len).map(|position| position >= cut).collect()
    } else {
        (0..len).map(|_| rng.random_bool(t)).collect()
    };
    if !masked.contains(&true) {
        // Without a mask there would be nothing to learn from the pass.
        masked[rng.random_range(0..=sample.answer.len())] = true;
    }
    let weight = if suffix { 1.0 } else { (1.0 / t).min(LARGEST_WEIGHT) as f32 };
    let mut ids = sample.prompt.clone();
    ids.extend((0..len).map(|position| if masked[position] { specials.mask } else { token(position) }));
    let wanted = (0..len).filter(|position| masked[*position]).map(|position| {
        let label = sample.label(position);
        WantedRow {
            row: start + position - 1,
            target: token(position),
            weight: if label.kind == TokenKind::Fill { weight * FILL_WEIGHT } else { weight },
            label,
        }
    });
    let wanted = wanted.collect();
    (ids, wanted)
}

/// Scales the factors of a step to a sum of one.
fn normalise(rows: &mut [SequenceRow]) {
    let total: f64 = rows.iter().flat_map(|(_, wanted)| wanted).map(|w| f64::from(w.weight)).sum();
    if total > 0.0 {
        for wanted in rows.iter_mut().flat_map(|(_, wanted)| wanted) {
            wanted.weight = (f64::from(wanted.weight) / total) as f32;
        }
    }
}

/// Sorts by length, longest first, and cuts where a chunk has its share of the tokens. Like lengths stay together,
/// which saves padding where an engine pads.
fn cut(mut rows: Vec<SequenceRow>, chunks: usize) -> Vec<Chunk> {
    rows.sort_by_key(|(ids, _)| std::cmp::Reverse(ids.len()));
    let total: usize = rows.iter().map(|(ids, _)| ids.len()).sum();
    let mut result = vec![Chunk::default()];
    let mut before = 0;
    for (ids, wanted) in rows {
        let full = before * chunks >= total * result.len();
        if full && result.len() < chunks {
            result.push(Chunk::default());
        }
        before += ids.len();
        if let Some(chunk) = result.last_mut() {
            chunk.push(&ids, wanted);
        }
    }
    result
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::train::vocabulary;
    use std::sync::OnceLock;

    fn tokenizer() -> Arc<Tokenizer> {
        static TOKENIZER: OnceLock<Arc<Tokenizer>> = OnceLock::new();
        let make = || {
            let samples = (0..2000).map(|index| tasks::generate_mixed(0, index, Options::default()));
            Arc::new(Tokenizer::from_bytes(vocabulary::build(samples).unwrap().json.as_bytes()).unwrap())
        };
        Arc::clone(TOKENIZER.get_or_init(make))
    }

    fn specials() -> Specials {
        Specials { end: tokenizer().eos_id(), mask: tokenizer().mask_id().unwrap() }
    }

    fn source(phase: &str) -> BatchSource {
        let config = Config::load(None).unwrap();
        let phase = config.phases.iter().find(|p| p.name == phase).unwrap().clone();
        BatchSource::new(&config, &phase, tokenizer(), specials())
    }

    fn sample(family: Family) -> Encoded {
        Encoded::new(&tasks::generate(family, 3, 5, Options::default()), &tokenizer()).unwrap()
    }

    #[test]
    fn a_batch_follows_from_its_step_alone() {
        let source = source("adapt");
        let stream = source.clone().stream(0, 0).unwrap();
        let first = stream.recv().unwrap().unwrap();
        let second = stream.recv().unwrap().unwrap();
        assert_eq!(second, source.batch(1, first.tokens()).unwrap());
        assert_ne!(first.chunks, second.chunks);
    }

    #[test]
    fn weights_of_a_step_sum_to_one_and_every_family_comes() {
        for phase in ["parent", "adapt", "long"] {
            let batch = source(phase).batch(7, 0).unwrap();
            let total: f32 = batch.chunks.iter().flat_map(|c| &c.weights).sum();
            assert!((total - 1.0).abs() < 1e-4, "{total}");
            for family in Family::ALL {
                assert!(batch.chunks.iter().flat_map(|c| &c.labels).any(|l| l.family == family as u8), "{family}");
            }
        }
    }

    #[test]
    fn chunks_hold_like_parts_of_the_tokens() {
        let batch = source("parent").batch(2, 0).unwrap();
        let sizes: Vec<usize> = batch.chunks.iter().map(|c| c.ids.len()).collect();
        assert_eq!(sizes.len(), 8);
        let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
        assert!(*most < 3 * least, "{sizes:?}");
        let sequences: usize = batch.chunks.iter().map(|c| c.sequences.len()).sum();
        assert_eq!(sequences, 48);
    }

    #[test]
    fn causal_rows_predict_the_answer_and_its_end() {
        let sample = sample(Family::List);
        let (ids, wanted) = causal(&sample, specials());
        assert_eq!(ids, [sample.prompt.clone(), sample.answer.clone()].concat());
        let targets: Vec<u32> = wanted.iter().map(|w| w.target).collect();
        assert_eq!(targets, [sample.answer.clone(), vec![specials().end]].concat());
        assert_eq!(wanted[0].row, sample.prompt.len() - 1);
        assert!(wanted.iter().any(|w| w.label.kind == TokenKind::Copied));
    }

    #[test]
    fn masked_rows_predict_what_was_there_and_prompts_stay() {
        let mut longest = 0;
        for round in 0..200 {
            let mut rng = ChaCha8Rng::seed_from_u64(round);
            let sample = sample(Family::Json);
            let (ids, wanted) = diffusion(&sample, specials(), 0.4, 0.5, &mut rng);
            assert_eq!(ids[..sample.prompt.len()], sample.prompt);
            assert!(!wanted.is_empty());
            let mut restored = ids.clone();
            for w in &wanted {
                assert_eq!(ids[w.row + 1], specials().mask);
                restored[w.row + 1] = w.target;
                let behind = w.row + 1 > sample.prompt.len() + sample.answer.len();
                assert_eq!(w.label.kind == TokenKind::Fill, behind);
            }
            let answer = &restored[sample.prompt.len()..];
            assert_eq!(answer[..sample.answer.len()], sample.answer);
            assert!(answer[sample.answer.len()..].iter().all(|id| *id == specials().end));
            longest = longest.max(answer.len());
        }
        assert!(longest >= Family::Json.canvas(), "{longest}");
    }

    #[test]
    fn a_suffix_mask_hides_everything_behind_its_cut() {
        for round in 0..50 {
            let mut rng = ChaCha8Rng::seed_from_u64(round);
            let (ids, wanted) = diffusion(&sample(Family::Math), specials(), 0.4, 1.0, &mut rng);
            let first = ids.iter().position(|id| *id == specials().mask).unwrap();
            assert!(ids[first..].iter().all(|id| *id == specials().mask));
            assert_eq!(wanted.len(), ids.len() - first);
        }
    }

    #[test]
    fn phases_have_data_sets_of_their_own() {
        assert_ne!(phase_seed(1, "parent"), phase_seed(1, "guide"));
        assert_ne!(phase_seed(1, "parent"), phase_seed(2, "parent"));
    }
}
