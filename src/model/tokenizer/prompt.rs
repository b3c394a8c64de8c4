//! From what a person types to what the network reads.
//!
//! A chat template puts special tokens around the prompt, and the prompt itself stays plain text: somebody who types
//! `<mask>` asks about six characters. Without a template the prompt is all that the network reads, and special tokens
//! that it spells out are taken as such: without a template, the layout is written by hand.

use std::ops::Range;

use super::{Tokenizer, TokenizerError, encode};
use crate::model::template::{ChatTemplate, Message, Speaker, TemplateError, Variables};

/// Begins and ends what stands for a text where the layout of a template is looked for: a noncharacter, which no template
/// treats in any special way.
const MARK: char = '\u{10FFFE}';

/// Stands for the `index`-th text of a conversation there.
fn stand_in(index: usize) -> String {
    format!("{MARK}{index}{MARK}")
}

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
        let [system, prompt] = [0, 1].map(stand_in);
        let rendered = template.render(&[(Speaker::System, &system), (Speaker::User, &prompt)], true)?;
        if !rendered.contains(&system) {
            return Err(TokenizerError::System {
                reason: format!("the chat template in {} leaves system texts out", template.origin()),
            });
        }
        self.layout.system = Some(text.to_owned());
        Ok(self)
    }

    /// Whether the chat template lays out a conversation of several turns, and all of them.
    pub fn converses(&self) -> bool {
        let turns = [0, 1, 2].map(stand_in);
        let messages = [(Speaker::User, &*turns[0]), (Speaker::Assistant, &*turns[1]), (Speaker::User, &*turns[2])];
        let rendered = self.layout.template.as_ref().and_then(|template| template.render(&messages, true).ok());
        rendered.is_some_and(|text| turns.iter().all(|turn| text.contains(turn)))
    }

    /// Ids of a prompt, laid out as the network expects it: in its chat template, up to where the answer begins, or as it
    /// is where there is no template.
    ///
    /// # Errors
    /// Where the template cannot be used, does not take the prompt or makes nothing of it, or the text has no encoding.
    pub fn encode_prompt(&self, prompt: &str) -> Result<Vec<u32>, TokenizerError> {
        self.encode_conversation(&[], prompt)
    }

    /// The same behind earlier turns, each a prompt and its answer. Without a template these are left out: nothing says
    /// how they would be laid out. See [`Self::converses`].
    ///
    /// # Errors
    /// As [`Self::encode_prompt`].
    pub fn encode_conversation(&self, turns: &[(&str, &str)], prompt: &str) -> Result<Vec<u32>, TokenizerError> {
        let Some(template) = &self.layout.template else {
            return self.encode_raw(prompt);
        };
        let messages = messages(self.layout.system.as_deref(), turns, prompt);
        let text = template.render(&messages, true)?;
        if text.is_empty() {
            return Err(TemplateError::Nothing { origin: template.origin().to_owned() }.into());
        }
        let mut typed = messages.iter().enumerate();
        let Some((index, token)) = typed.find_map(|(index, (_, text))| Some((index, self.first_special(text)?))) else {
            return encode(&self.inner, &text);
        };
        // Rare: what was typed spells a special token, so it must be distinguished from the template's own.
        let places = typed_places(template, &messages, &text).ok_or_else(|| TokenizerError::Spelled {
            is_earlier: messages[index].0 != Speaker::System && index + 1 < messages.len(),
            token: token.to_owned(),
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

/// What is said to the model: a system text, earlier turns, the prompt.
fn messages<'a>(system: Option<&'a str>, turns: &[(&'a str, &'a str)], prompt: &'a str) -> Vec<Message<'a>> {
    let system = system.map(|text| (Speaker::System, text));
    let turns = turns.iter().flat_map(|&(prompt, answer)| [(Speaker::User, prompt), (Speaker::Assistant, answer)]);
    system.into_iter().chain(turns).chain([(Speaker::User, prompt)]).collect()
}

/// Where a rendered text holds what was typed, message by message. The template is rendered once more, around texts that
/// are known not to occur in it; `None` where what was typed does not stand in the same places, as it is or trimmed.
fn typed_places(template: &ChatTemplate, messages: &[Message<'_>], text: &str) -> Option<Vec<Range<usize>>> {
    let names: Vec<String> = (0..messages.len()).map(stand_in).collect();
    let known: Vec<_> = messages.iter().zip(&names).map(|((speaker, _), name)| (*speaker, name.as_str())).collect();
    let known = template.render(&known, true).ok()?;
    // What the template prints, the number of a message, what it prints, and so on.
    let mut parts = known.split(MARK).peekable();
    let mut at = parts.next().filter(|printed| text.starts_with(printed))?.len();
    let mut places = Vec::new();
    while let Some(number) = parts.next() {
        let (_, typed) = messages.get(number.parse::<usize>().ok()?)?;
        let printed = parts.next()?;
        let is_last = parts.peek().is_none();
        let follows = |form: &&str| {
            let rest = text[at..].strip_prefix(form);
            rest.is_some_and(|rest| if is_last { rest == printed } else { rest.starts_with(printed) })
        };
        let form = [typed, typed.trim(), typed.trim_start(), typed.trim_end()].into_iter().find(follows)?;
        places.push(at..at + form.len());
        at += form.len() + printed.len();
    }
    (at == text.len()).then_some(places)
}
