//! What the embedded pair fills in: answers of every family of which a part is given, by prompts with blanks.
//!
//! ```sh
//! cargo bench --bench infilling
//! cargo bench --bench infilling -- 10 list json threshold
//! ```
//!
//! A number is that of samples per family, 40 by itself; names of families and presets leave out all others. A sample is right where its checker says so, and exact where the answer is
//! the one that was taken apart.

use std::{
    fmt::Write,
    ops::{ControlFlow, Range},
};

use anyhow::{Context, Result};
use diffuscope::{
    engine::{
        InProcess, ModelRequest, complete,
        protocol::{Drive, RunRequest},
    },
    model::{embedded, tokenizer::Tokenizer},
    settings::{Layers, Settings, preset},
    tasks::{self, Family, Options, Sample},
};

/// The data set: none that the pair was trained on.
const SEED: u64 = 20_261;

/// Which tokens of an answer of so many are hidden.
type Hidden = fn(usize, usize) -> bool;

/// What is given, and which tokens that hides.
const GIVEN: [(&str, Hidden); 4] = [
    ("nothing", |_, _| true),
    ("first third", |at, length| at >= length / 3),
    ("last third", |at, length| at < length - length / 3),
    ("every second word", |at, _| at % 2 == 1),
];

/// Presets that fill in.
const PRESETS: [&str; 2] = ["plain", "threshold"];

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let samples: u64 = arguments.iter().find_map(|argument| argument.parse().ok()).unwrap_or(40);
    let named: Vec<Family> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    let families = if named.is_empty() { Family::ALL.to_vec() } else { named };
    let is_named = |name: &&str| arguments.iter().any(|argument| argument == name);
    let named: Vec<&str> = PRESETS.into_iter().filter(is_named).collect();
    let presets = if named.is_empty() { PRESETS.to_vec() } else { named };
    let tokenizer = embedded::pair()?.tokenizer;
    let mut engine = InProcess::open(ModelRequest::default())?;
    word_lengths(&tokenizer, &families, samples)?;
    println!("\n| family | preset | {} |", GIVEN.map(|(name, _)| name).join(" | "));
    println!("|---|---|{}", "---|".repeat(GIVEN.len()));
    for family in &families {
        for name in &presets {
            let mut layers = Layers::default();
            layers.set_preset(preset(name).with_context(|| format!("no preset {name}"))?.clone());
            print!("| {} | {name} |", family.title());
            for (_, hidden) in GIVEN {
                let (mut right, mut exact) = (0, 0);
                for sample in all(&[*family], samples) {
                    let prompt = with_blanks(&sample, &tokenizer, hidden, None)?;
                    let (answer, correct) = answer(&mut engine, prompt, layers.resolve())?;
                    right += u64::from(correct);
                    exact += u64::from(answer == sample.answer);
                }
                print!(" {right} ({exact}) |");
            }
            println!();
        }
    }
    one_word(&mut engine, &tokenizer, &families, samples)
}

/// How many tokens the words of answers have.
fn word_lengths(tokenizer: &Tokenizer, families: &[Family], samples: u64) -> Result<()> {
    let mut counts = [0; 5];
    for sample in all(families, samples) {
        for word in words(&tokenizer.encode_plain_spans(&sample.answer)?, &sample.answer) {
            counts[word.len().min(counts.len()) - 1] += 1;
        }
    }
    println!("words of 1, 2, 3, 4, more tokens: {counts:?}");
    Ok(())
}

/// One word of every answer is hidden, by blanks of other lengths than its own.
fn one_word(engine: &mut InProcess, tokenizer: &Tokenizer, families: &[Family], samples: u64) -> Result<()> {
    println!("\n| one word hidden by | right |\n|---|---|");
    let settings = Settings::default();
    for (name, masks) in
        [("as many masks as it has tokens", None), ("one", Some(1)), ("two", Some(2)), ("eight", Some(8))]
    {
        let (mut right, mut tried) = (0, 0);
        for sample in all(families, samples) {
            let words = words(&tokenizer.encode_plain_spans(&sample.answer)?, &sample.answer).len();
            let middle: Hidden = |at, length| at == length / 2;
            if words < 3 {
                continue;
            }
            let prompt = with_blanks(&sample, tokenizer, middle, masks)?;
            right += u64::from(answer(engine, prompt, settings)?.1);
            tried += 1;
        }
        println!("| {name} | {right} of {tried} |");
    }
    Ok(())
}

fn all(families: &[Family], samples: u64) -> impl Iterator<Item = Sample> {
    let of = move |family: &Family| {
        let family = *family;
        (0..samples).map(move |index| tasks::generate(family, SEED, index, Options::default()))
    };
    families.iter().flat_map(of)
}

/// The words of an answer as runs of its tokens: what follows a word up to the next one belongs to it.
fn words(tokens: &[(u32, Range<usize>)], answer: &str) -> Vec<Vec<Range<usize>>> {
    let mut words: Vec<Vec<Range<usize>>> = Vec::new();
    for (_, span) in tokens {
        // A token that begins within the character of the one before it, or a lone space, continues the word.
        let continues = answer[span.clone()].trim().is_empty()
            || words.last().and_then(|word| word.last()).is_some_and(|last: &Range<usize>| {
                span.start < last.end || answer[..span.start].ends_with(|c: char| c.is_ascii_alphanumeric())
            });
        match words.last_mut() {
            Some(word) if continues => word.push(span.clone()),
            _ => words.push(vec![span.clone()]),
        }
    }
    words
}

/// The prompt of a sample, and its answer with blanks for the words that are hidden.
fn with_blanks(sample: &Sample, tokenizer: &Tokenizer, hidden: Hidden, masks: Option<usize>) -> Result<String> {
    let words = words(&tokenizer.encode_plain_spans(&sample.answer)?, &sample.answer);
    let words: Vec<_> = words.iter().enumerate().map(|(at, word)| (hidden(at, words.len()), word)).collect();
    let mut text = format!("{}\n\n", sample.prompt);
    for run in words.chunk_by(|(one, _), (other, _)| one == other) {
        let tokens: Vec<_> = run.iter().flat_map(|(_, word)| word.iter()).collect();
        if run[0].0 {
            write!(text, "___{{{}}}", masks.unwrap_or(tokens.len()))?;
        } else {
            text.push_str(&sample.answer[tokens[0].start..tokens[tokens.len() - 1].end]);
        }
    }
    Ok(text)
}

/// What the pair answers, and whether that is right.
fn answer(engine: &mut InProcess, prompt: String, settings: Settings) -> Result<(String, bool)> {
    let request = RunRequest {
        run: 1,
        prompt,
        settings,
        preset: None,
        drive: Drive::Free,
        rivals: Vec::new(),
        fork: None,
        turns: Vec::new(),
    };
    let log = complete(engine, request, |_| ControlFlow::Continue(()))?;
    let end = log.end().context("the run has an end")?;
    Ok((end.answer.clone(), end.correct == Some(true)))
}
