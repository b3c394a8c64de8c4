//! From what a person types to what the network reads.
//!
//! A chat template puts special tokens around the prompt, and the prompt itself stays plain text: somebody who types
//! `<mask>` asks about six characters. Without a template the prompt is all that the network reads, and special tokens
//! that it spells out are taken as such: without a template, the layout is written by hand.

use std::ops::Range;

use super::{Tokenizer, TokenizerError, encode};
use crate::model::template::{ChatTemplate, Message, Speaker, TemplateError, Variables};

/// Stands for the system text where the layout of a template is looked for: no template treats it in any special way.
const SYSTEM: &str = "\u{10FFFE}system\u{10FFFE}";
/// Stands for the prompt there.
const PROMPT: &str = "\u{10FFFE}prompt\u{10FFFE}";

/// What is put around a prompt.
#[derive(Debug, Default)]
pub(super) struct TurnLayout {
    pub template: Option<ChatTemplate>,
    pub system: Option<String>,
    /// Whether the template was put aside on purpose.
    pub raw: bool,
}

impl Tokenizer {
    /// Puts `template` around every prompt.
    #[must_use]
    pub fn with_template(mut self, template: ChatTemplate) -> Self {
        self.layout = TurnLayout { template: Some(template), raw: false, ..self.layout };
        self
    }

    /// Gives the chat template, where there is one, values for names that it may ask for.
    #[must_use]
    pub fn with_variables(mut self, variables: Variables) -> Self {
        self.layout.template = self.layout.template.map(|template| template.with_variables(variables));
        self
    }

    /// Puts nothing around a prompt.
    #[must_use]
    pub fn without_template(mut self) -> Self {
        self.layout = TurnLayout { raw: true, ..TurnLayout::default() };
        self
    }

    /// Whether nothing is put around a prompt on purpose: an empty one is a prompt then.
    pub fn is_raw(&self) -> bool {
        self.layout.raw
    }

    /// Whether there is a chat template around every prompt.
    pub fn has_template(&self) -> bool {
        self.layout.template.is_some()
    }

    /// The chat template around every prompt, usable or not.
    pub fn template(&self) -> Option<&ChatTemplate> {
        self.layout.template.as_ref()
    }

    /// Puts a system text before every prompt.
    ///
    /// # Errors
    /// Where there is no template, or it has no place for a system text.
    pub fn with_system(mut self, text: &str) -> Result<Self, TokenizerError> {
        let Some(template) = &self.layout.template else {
            return Err(TokenizerError::System {
                reason: format!("{} comes without a chat template, which would say where it goes", self.origin),
            });
        };
        let rendered = template.render(&[(Speaker::System, SYSTEM), (Speaker::User, PROMPT)], true)?;
        if !rendered.contains(SYSTEM) {
            return Err(TokenizerError::System {
                reason: format!("the chat template in {} leaves system texts out", template.origin()),
            });
        }
        self.layout.system = Some(text.to_owned());
        Ok(self)
    }

    /// Ids of a prompt, laid out as the network expects it: in its chat template, up to where the answer begins, or as it
    /// is where there is no template.
    ///
    /// # Errors
    /// Where the template cannot be used, does not take the prompt or makes nothing of it, or the text has no encoding.
    pub fn encode_prompt(&self, prompt: &str) -> Result<Vec<u32>, TokenizerError> {
        let Some(template) = &self.layout.template else {
            return self.encode_raw(prompt);
        };
        let system = self.layout.system.as_deref();
        let text = template.render(&messages(system, prompt), true)?;
        if text.is_empty() {
            return Err(TemplateError::Nothing { origin: template.origin().to_owned() }.into());
        }
        let typed = [system.unwrap_or_default(), prompt];
        let Some(spelled) = typed.iter().find_map(|typed| self.first_special(typed)) else {
            return encode(&self.inner, &text);
        };
        // Rare: what was typed spells a special token, so it must be distinguished from the template's own.
        let places = typed_places(template, system, prompt, &text).ok_or_else(|| TokenizerError::Spelled {
            token: spelled.to_owned(),
            origin: template.origin().to_owned(),
        })?;
        self.encode_with_plain(&text, &places)
    }

    /// Ids of a text by itself, with the token that this tokenizer puts before every text, where it has one. One that
    /// it would put behind the text is left out: the text is there to be continued.
    fn encode_raw(&self, text: &str) -> Result<Vec<u32>, TokenizerError> {
        Ok(self.encode_raw_spans(text)?.into_iter().map(|(id, _)| id).collect())
    }

    /// As a prompt without a template, with the byte range of `text` that each token stands for.
    pub fn encode_raw_spans(&self, text: &str) -> Result<Vec<(u32, Range<usize>)>, TokenizerError> {
        let encoding = self.inner.encoding(text, true)?;
        let added = encoding.get_special_tokens_mask().iter().rev().take_while(|added| **added == 1).count();
        let all = encoding.get_ids().len();
        // In an empty text everything is added, and what stands before it is kept.
        let kept = if added == all { all.min(1) } else { all - added };
        let spans = encoding.get_offsets().iter().map(|&(start, end)| start..end);
        Ok(encoding.get_ids().iter().copied().zip(spans).take(kept).collect())
    }

    /// The special token that `text` spells out first.
    fn first_special(&self, text: &str) -> Option<&str> {
        self.specials
            .iter()
            .filter_map(|(token, _)| Some((text.find(token.as_str())?, token.as_str())))
            .min()
            .map(|(_, token)| token)
    }

    /// Ids of `text`, in which special tokens that lie in (or touch) one of the `plain` ranges are mere characters.
    fn encode_with_plain(&self, text: &str, plain: &[Range<usize>]) -> Result<Vec<u32>, TokenizerError> {
        let mut ids = Vec::new();
        let (mut start, mut at) = (0, 0);
        while at < text.len() {
            let special = self.specials.iter().find(|(token, _)| {
                let end = at + token.len();
                text[at..].starts_with(token.as_str()) && !plain.iter().any(|range| at < range.end && range.start < end)
            });
            match special {
                Some((token, id)) => {
                    ids.extend(encode(self.plain(), &text[start..at])?);
                    ids.push(*id);
                    at += token.len();
                    start = at;
                }
                None => at += text[at..].chars().next().map_or(1, char::len_utf8),
            }
        }
        ids.extend(encode(self.plain(), &text[start..])?);
        Ok(ids)
    }
}

fn messages<'a>(system: Option<&'a str>, prompt: &'a str) -> Vec<Message<'a>> {
    system.map(|text| (Speaker::System, text)).into_iter().chain([(Speaker::User, prompt)]).collect()
}

/// Where a rendered text holds what was typed. The template is rendered once more, around texts that are known not to
/// occur in it; `None` where what was typed does not stand in the same places, as it is or trimmed.
fn typed_places(template: &ChatTemplate, system: Option<&str>, prompt: &str, text: &str) -> Option<Vec<Range<usize>>> {
    let known = template.render(&messages(system.map(|_| SYSTEM), PROMPT), true).ok()?;
    let (mut known, mut at) = (known.as_str(), 0);
    let mut places = Vec::new();
    loop {
        let system_at = known.find(SYSTEM);
        let next = match (system_at, known.find(PROMPT)) {
            (Some(found), later) if later.is_none_or(|later| found < later) => Some((found, SYSTEM, system?)),
            (_, Some(found)) => Some((found, PROMPT, prompt)),
            _ => None,
        };
        let Some((found, name, typed)) = next else {
            return (&text[at..] == known).then_some(places);
        };
        at += text[at..].starts_with(&known[..found]).then_some(found)?;
        known = &known[found + name.len()..];
        // What the template prints up to the next place, or to its end.
        let until = [known.find(SYSTEM), known.find(PROMPT)].into_iter().flatten().min();
        let follows = |form: &str| {
            text[at..].strip_prefix(form).is_some_and(|rest| match until {
                Some(until) => rest.starts_with(&known[..until]),
                None => rest == known,
            })
        };
        let forms = [typed, typed.trim(), typed.trim_start(), typed.trim_end()];
        let form = forms.into_iter().find(|form| follows(form))?;
        places.push(at..at + form.len());
        at += form.len();
    }
}
