//! Prompts with blanks: what stands around them is given, and the run fills them in.
//!
//! | typed | is |
//! |---|---|
//! | `___`, or more underscores | a blank of the usual length: [`usual_blank`] |
//! | `___{8}` | a blank of 8 masks |
//! | `[M]` | one mask |
//! | `\___`, `\[M]` | the characters themselves |
//!
//! For a model that answers turns, the text is cut in two: what it is asked, and the form of its answer. The form begins
//! behind the last empty line before the first blank; where there is none, with the line of that blank. Where nothing
//! stands before that, the model is asked the text as it was typed, and answers in the same form. A model without a chat
//! template continues texts: its prompt is what stands before the first blank.
//!
//! White space at the end belongs to nothing. A space beside a blank belongs to the blank: tokenizers put it into the token of
//! the word that follows, or leave it out between words.

use std::{borrow::Cow, ops::Range};

use thiserror::Error;

use crate::{
    model::tokenizer::{Tokenizer, TokenizerError},
    trace::GivenToken,
};

/// One mask.
const SINGLE: &str = "[M]";
/// So many underscores, or more, are a blank.
const UNDERSCORES: usize = 3;
/// Digits of the largest blank that is taken for a number.
const MOST_DIGITS: usize = 7;
/// Stands for what fills a blank when the text beside it is encoded: a word.
const STAND_IN: &str = "x";

/// Why blanks cannot be read; one sentence.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BlankError {
    /// Its brace is not closed.
    #[error(
        "the blank ___{{ has no closing brace: write ___{{8}} for eight masks, or \\___ for the characters themselves"
    )]
    Open,
    /// There is no number of masks between its braces.
    #[error(
        "the blank ___{{{0}}} does not say how many masks it has: write a number from 1 on, as in ___{{8}}, or \\___ for \
         the characters themselves"
    )]
    Number(String),
}

/// A stretch of the answer's form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FormPart {
    /// Given text, never empty.
    Text(String),
    /// So many masks; `None` for the usual number.
    Blank(Option<usize>),
}

/// What was typed, taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypedPrompt<'a> {
    /// What the model is asked.
    pub prompt: Cow<'a, str>,
    /// What its answer is to look like; empty where there is no blank.
    pub form: Vec<FormPart>,
}

/// The form of an answer in tokens.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct AnswerForm {
    /// The given tokens by their places in the answer, pinned.
    pub given: Vec<GivenToken>,
    /// Tokens and masks.
    pub length: usize,
}

impl<'a> TypedPrompt<'a> {
    /// Reads a prompt for a model that answers turns (`has_turns`), or continues texts.
    ///
    /// # Errors
    /// Where a blank cannot be read.
    pub fn read(typed: &'a str, has_turns: bool) -> Result<Self, BlankError> {
        let mut parts = parts(typed)?;
        let first = parts.iter().position(|part| matches!(part, FormPart::Blank(_)));
        let Some(first) = first else {
            let text = parts.pop().map_or_else(String::new, |part| match part {
                FormPart::Text(text) => text,
                FormPart::Blank(_) => String::new(),
            });
            let prompt = if text == typed { Cow::Borrowed(typed) } else { Cow::Owned(text) };
            return Ok(Self { prompt, form: Vec::new() });
        };
        // Text is in one part, so at most one stands before the first blank.
        let before = match &parts[..first] {
            [FormPart::Text(text)] => text.as_str(),
            _ => "",
        };
        let start = if has_turns { form_start(before) } else { before.len() };
        let (prompt, rest) = (before[..start].to_owned(), before[start..].to_owned());
        let rest = (!rest.is_empty()).then_some(FormPart::Text(rest));
        let mut form: Vec<FormPart> = rest.into_iter().chain(parts.drain(first..)).collect();
        if let Some(FormPart::Text(last)) = form.last_mut() {
            last.truncate(last.trim_end().len());
        }
        form.retain(|part| !matches!(part, FormPart::Text(text) if text.is_empty()));
        let prompt = match prompt.trim_end() {
            "" if has_turns => Cow::Borrowed(typed),
            asked if has_turns => Cow::Owned(asked.to_owned()),
            _ => Cow::Owned(prompt.strip_suffix(' ').unwrap_or(&prompt).to_owned()),
        };
        Ok(Self { prompt, form })
    }
}

/// What a model that answers turns is asked where `typed` was typed; all of it, where its blanks cannot be read.
pub fn asked(typed: &str, has_turns: bool) -> Cow<'_, str> {
    TypedPrompt::read(typed, has_turns).map_or(Cow::Borrowed(typed), |read| read.prompt)
}

/// Masks of a blank that does not say how many it has, for a denoiser of that name: eight, which is a word or a few. The
/// embedded one writes as many tokens as there are masks, and most of its words are one token (`docs/infilling.md`).
pub fn usual_blank(denoiser: &str) -> usize {
    if denoiser == "embedded" { 1 } else { 8 }
}

/// Where the form begins in the text before the first blank.
fn form_start(before: &str) -> usize {
    let lines = || before.match_indices('\n').map(|(at, _)| at + 1);
    let is_empty = |start: &usize| before[*start..].split('\n').next().is_some_and(|line| line.trim().is_empty());
    // The last line is not over: the blank continues it.
    let last = lines().next_back().unwrap_or(0);
    let behind_empty = lines().rfind(|start| *start < last && is_empty(start));
    behind_empty.map_or(last, |start| before[start..].find('\n').map_or(last, |end| start + end + 1))
}

/// Text and blanks in their order; two texts never follow each other.
fn parts(typed: &str) -> Result<Vec<FormPart>, BlankError> {
    let mut parts = Vec::new();
    let mut text = String::new();
    let mut rest = typed;
    while let Some(c) = rest.chars().next() {
        if let Some((marker, after)) = escaped(rest) {
            text.push_str(marker);
            rest = after;
        } else if let Some((masks, after)) = blank(rest)? {
            if !text.is_empty() {
                parts.push(FormPart::Text(std::mem::take(&mut text)));
            }
            parts.push(FormPart::Blank(masks));
            rest = after;
        } else {
            text.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    if !text.is_empty() {
        parts.push(FormPart::Text(text));
    }
    Ok(parts)
}

/// A marker that `text` begins with, behind a backslash, and what follows it.
fn escaped(text: &str) -> Option<(&str, &str)> {
    let marker = text.strip_prefix('\\')?;
    let length = match underscores(marker) {
        0 => marker.starts_with(SINGLE).then_some(SINGLE.len())?,
        length => length,
    };
    Some(marker.split_at(length))
}

/// The blank that `text` begins with: its masks, and what follows it.
fn blank(text: &str) -> Result<Option<(Option<usize>, &str)>, BlankError> {
    if let Some(after) = text.strip_prefix(SINGLE) {
        return Ok(Some((Some(1), after)));
    }
    let after = match underscores(text) {
        0 => return Ok(None),
        length => &text[length..],
    };
    let Some(inside) = after.strip_prefix('{') else {
        return Ok(Some((None, after)));
    };
    let line = inside.split('\n').next().unwrap_or_default();
    let (number, _) = line.split_once('}').ok_or(BlankError::Open)?;
    let masks = number.parse().ok().filter(|masks| *masks > 0 && number.len() <= MOST_DIGITS);
    let masks = masks.ok_or_else(|| BlankError::Number(number.to_owned()))?;
    Ok(Some((Some(masks), &inside[number.len() + 1..])))
}

/// How many underscores `text` begins with, where they are enough for a blank; else 0.
fn underscores(text: &str) -> usize {
    let count = text.bytes().take_while(|byte| *byte == b'_').count();
    if count < UNDERSCORES { 0 } else { count }
}

impl AnswerForm {
    /// The form in tokens, at positions from `start` on; a blank that does not say its length has `usual` masks.
    ///
    /// # Errors
    /// Where a text has no encoding.
    pub fn encode(
        form: &[FormPart],
        tokenizer: &Tokenizer,
        start: usize,
        usual: usize,
    ) -> Result<Self, TokenizerError> {
        let mut answer = Self::default();
        for (index, part) in form.iter().enumerate() {
            match part {
                FormPart::Blank(masks) => answer.length += masks.unwrap_or(usual),
                FormPart::Text(text) => {
                    let between = [index > 0, index + 1 < form.len()];
                    answer.give(&tokens_between(tokenizer, text, between)?, tokenizer, start);
                }
            }
        }
        Ok(answer)
    }

    /// Puts tokens behind what is there.
    fn give(&mut self, tokens: &[u32], tokenizer: &Tokenizer, start: usize) {
        let texts = tokenizer.pieces(tokens);
        let given = tokens.iter().zip(texts).zip(start + self.length..);
        self.given.extend(given.map(|((&token, text), position)| GivenToken { position, token, text, pinned: true }));
        self.length += tokens.len();
    }

    /// Ends the text behind what is there.
    pub fn end(&mut self, tokenizer: &Tokenizer, eos: u32, start: usize) {
        self.give(&[eos], tokenizer, start);
    }
}

/// The tokens of a text with a blank on its left, on its right, or both. Where a space stands beside the blank, the tokens
/// are those that it has beside a word; one that it would share with that word is left to the blank. Where a word stands
/// there, its tokens are its own.
fn tokens_between(tokenizer: &Tokenizer, text: &str, blanks: [bool; 2]) -> Result<Vec<u32>, TokenizerError> {
    let spaces = [text.starts_with(char::is_whitespace), text.ends_with(char::is_whitespace)];
    let stand_in = |side: usize| if blanks[side] && spaces[side] { STAND_IN } else { "" };
    let (left, right) = (stand_in(0), stand_in(1));
    let own = left.len()..left.len() + text.len();
    let whole = format!("{left}{text}{right}");
    let encoded = tokenizer.encode_plain_spans(&whole)?;
    let is_within = |span: &Range<usize>| own.start <= span.start && span.end <= own.end;
    let shares_text = |span: &Range<usize>| {
        let (start, end) = (span.start.max(own.start), span.end.min(own.end));
        start < end && !is_within(span) && !whole[start..end].trim().is_empty()
    };
    if encoded.iter().any(|(_, span)| shares_text(span)) {
        return tokenizer.encode_plain(text);
    }
    Ok(encoded.into_iter().filter(|(_, span)| is_within(span)).map(|(id, _)| id).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn text(text: &str) -> FormPart {
        FormPart::Text(text.to_owned())
    }

    /// What the model is asked, and the form of its answer.
    fn read(typed: &str) -> (String, Vec<FormPart>) {
        let TypedPrompt { prompt, form } = TypedPrompt::read(typed, true).unwrap();
        (prompt.into_owned(), form)
    }

    #[test]
    fn every_blank_has_its_masks() {
        let (prompt, form) = read("Who?\nIt is ___{3}, [M]\nand ______.");
        assert_eq!(prompt, "Who?");
        let expected = [
            text("It is "),
            FormPart::Blank(Some(3)),
            text(", "),
            FormPart::Blank(Some(1)),
            text("\nand "),
            FormPart::Blank(None),
            text("."),
        ];
        assert_eq!(form, expected);
    }

    #[test]
    fn the_form_begins_with_the_line_of_the_first_blank_or_behind_an_empty_line() {
        assert_eq!(read("a\nb\nc [M]"), ("a\nb".into(), vec![text("c "), FormPart::Blank(Some(1))]));
        assert_eq!(read("a\n\nb\nc [M]"), ("a".into(), vec![text("b\nc "), FormPart::Blank(Some(1))]));
        assert_eq!(
            read("a\n\nb\n \t\nc\nd [M]\n\ne"),
            ("a\n\nb".into(), vec![text("c\nd "), FormPart::Blank(Some(1)), text("\n\ne")])
        );
        assert_eq!(read("a\n\n[M] \n"), ("a".into(), vec![FormPart::Blank(Some(1))]));
    }

    #[test]
    fn a_text_with_nothing_before_its_form_is_the_question_too() {
        assert_eq!(read("c [M] d"), ("c [M] d".into(), vec![text("c "), FormPart::Blank(Some(1)), text(" d")]));
        assert_eq!(read("\n\n[M]").0, "\n\n[M]");
    }

    #[test]
    fn a_model_that_continues_texts_reads_what_stands_before_the_first_blank() {
        let TypedPrompt { prompt, form } = TypedPrompt::read("a\nThe sky is ___{2} now", false).unwrap();
        assert_eq!(prompt, "a\nThe sky is");
        assert_eq!(form, [FormPart::Blank(Some(2)), text(" now")]);
    }

    #[test]
    fn a_backslash_makes_plain_text_of_a_blank() {
        assert_eq!(read(r"a \___{2} \[M] \n __init__ [m]"), (r"a ___{2} [M] \n __init__ [m]".into(), Vec::new()));
        assert!(matches!(TypedPrompt::read("as typed", true).unwrap().prompt, Cow::Borrowed(_)));
        assert_eq!(asked(r"\___ says", true), "___ says");
    }

    #[test]
    fn what_is_no_blank_is_refused_in_a_sentence() {
        let refusal = |typed: &str| TypedPrompt::read(typed, true).unwrap_err().to_string();
        let open =
            r"the blank ___{ has no closing brace: write ___{8} for eight masks, or \___ for the characters themselves";
        assert_eq!(refusal("a ___{3"), open);
        assert_eq!(refusal("a ___{3\n}"), open);
        for number in ["0", "", "two", "-1", "99999999999999999999"] {
            let expected = format!(
                r"the blank ___{{{number}}} does not say how many masks it has: write a number from 1 on, as in ___{{8}}, or \___ for the characters themselves"
            );
            assert_eq!(refusal(&format!("a ___{{{number}}} b")), expected);
        }
    }

    /// Hides every second word of an answer.
    #[cfg(embedded_pair)]
    fn hidden_words(tokenizer: &Tokenizer, answer: &str) -> Vec<FormPart> {
        let mut form: Vec<FormPart> = Vec::new();
        let runs = answer.as_bytes().chunk_by(|a, b| a.is_ascii_alphabetic() == b.is_ascii_alphabetic());
        let mut words = 0;
        for run in runs {
            let run = std::str::from_utf8(run).unwrap();
            words += usize::from(run.starts_with(|c: char| c.is_ascii_alphabetic()));
            match form.last_mut() {
                _ if words % 2 == 0 && run.starts_with(|c: char| c.is_ascii_alphabetic()) => {
                    form.push(FormPart::Blank(Some(tokenizer.encode_plain(run).unwrap().len())));
                }
                Some(FormPart::Text(before)) => before.push_str(run),
                _ => form.push(text(run)),
            }
        }
        form
    }

    #[cfg(embedded_pair)]
    #[test]
    fn text_around_blanks_has_the_tokens_that_it_has_in_the_whole() {
        use crate::tasks::{self, Family, Options};

        let tokenizer = crate::model::embedded::pair().unwrap().tokenizer;
        let mut blanks = 0;
        for (family, index) in [Family::List, Family::Story].into_iter().flat_map(|f| (0..20).map(move |i| (f, i))) {
            let answer = tasks::generate(family, 3, index, Options::default()).answer;
            let whole = tokenizer.encode_plain(&answer).unwrap();
            let form = AnswerForm::encode(&hidden_words(&tokenizer, &answer), &tokenizer, 10, 8).unwrap();
            assert_eq!(form.length, whole.len(), "{answer}");
            let differs = |token: &&GivenToken| whole[token.position - 10] != token.token;
            assert_eq!(form.given.iter().find(differs), None, "{answer}");
            blanks += form.length - form.given.len();
        }
        assert!(blanks > 500, "{blanks} masks");
    }

    #[cfg(embedded_pair)]
    #[test]
    fn a_word_that_a_blank_stands_in_keeps_its_own_tokens() {
        let tokenizer = crate::model::embedded::pair().unwrap().tokenizer;
        for (typed, left, right) in [("Le", false, true), ("o, Max", true, false), ("eo, M", true, true)] {
            assert_eq!(
                tokens_between(&tokenizer, typed, [left, right]).unwrap(),
                tokenizer.encode_plain(typed).unwrap(),
                "{typed}"
            );
        }
        assert_eq!(tokens_between(&tokenizer, " ", [true, true]).unwrap(), [0_u32; 0]);
    }
}
