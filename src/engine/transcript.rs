//! A guide of another vocabulary: how it reads what the denoiser writes.

use std::{ops::Range, sync::Arc};

use crate::{
    decode::{GuideText, SpelledToken},
    model::tokenizer::{Tokenizer, TokenizerError},
};

/// The tokenizers of both models, and the prompt of a run: the guide reads it in its own chat template.
pub struct CrossVocabularyGuide {
    denoiser: Arc<Tokenizer>,
    guide: Arc<Tokenizer>,
    prompt: Prompt,
    ends: Vec<u32>,
}

/// The prompt as the guide reads it.
enum Prompt {
    /// In the guide's own chat template, ready before any text follows.
    Turns(Vec<u32>),
    /// Plain text, the conversation and all, which a word of the answer may continue.
    Text(String),
}

impl CrossVocabularyGuide {
    /// For a run on `prompt`, as it was typed, behind earlier `turns` (prompt and answer). `guide_eos` is what the guide's
    /// configuration calls end of text.
    ///
    /// # Errors
    /// When the guide's chat template does not take the conversation.
    pub fn new(
        denoiser: &Arc<Tokenizer>,
        guide: &Arc<Tokenizer>,
        guide_eos: u32,
        turns: &[(&str, &str)],
        prompt: &str,
    ) -> Result<Self, TokenizerError> {
        let prompt = if guide.has_template() {
            Prompt::Turns(guide.encode_conversation(turns, prompt)?)
        } else {
            let earlier = turns.iter().flat_map(|&(prompt, answer)| [prompt, answer]);
            Prompt::Text(earlier.chain([prompt]).collect::<Vec<_>>().join("\n\n"))
        };
        let ends = std::iter::once(guide_eos).chain(guide.end_ids().iter().copied()).collect();
        Ok(Self { denoiser: Arc::clone(denoiser), guide: Arc::clone(guide), prompt, ends })
    }
}

impl GuideText for CrossVocabularyGuide {
    fn decode(&self, ids: &[u32]) -> (String, Vec<SpelledToken>) {
        let parts = self.denoiser.parts(ids);
        let text: String = parts.iter().map(|part| part.text.as_str()).collect();
        let ends = parts.iter().scan(0, |end, part| {
            *end += part.text.len();
            Some(*end)
        });
        let ends: Vec<usize> = ends.collect();
        let tokens = parts.iter().zip(&ends).map(|(part, &end)| {
            // What is left open is the first character behind it.
            let next = text[end..].chars().next().filter(|_| part.open);
            SpelledToken { end, reach: end + next.map_or(0, char::len_utf8) }
        });
        let tokens = tokens.collect();
        (text, tokens)
    }

    fn encode(&self, text: &str) -> Result<Vec<(u32, Range<usize>)>, String> {
        let encoded = match &self.prompt {
            Prompt::Turns(prompt) => {
                let written = self.guide.encode_plain_spans(text).map_err(|error| error.to_string())?;
                prompt.iter().map(|&id| (id, 0..0)).chain(written).collect()
            }
            Prompt::Text(prompt) => {
                let whole =
                    self.guide.encode_raw_spans(&format!("{prompt}{text}")).map_err(|error| error.to_string())?;
                let behind = |at: usize| at.saturating_sub(prompt.len());
                whole.into_iter().map(|(id, span)| (id, behind(span.start)..behind(span.end))).collect()
            }
        };
        Ok(encoded)
    }

    fn ends(&self) -> &[u32] {
        &self.ends
    }
}
