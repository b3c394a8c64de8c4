//! Makes an input out of one that is there, by what its format gives hold of.

mod bundle;
mod bytes;
mod dice;
mod gguf;
pub mod jinja;
mod json;
mod safetensors;
mod text;

pub use bundle::parts;
pub use dice::Dice;

use crate::targets::Target;

/// What an input is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Words, numbers and signs.
    Text,
    /// One JSON document.
    Json,
    /// One JSON document in each line.
    JsonLines,
    /// A safetensors file.
    Safetensors,
    /// A GGUF file.
    Gguf,
    /// Several files in one: each behind a line `=== NAME`.
    Bundle,
}

/// What is known of a target's inputs beside their format.
#[derive(Debug, Clone, Copy)]
pub struct Language {
    /// Words that mean something.
    pub words: &'static [&'static str],
    /// Makes a part that makes sense, a line or an expression.
    pub phrase: Option<fn(&mut Dice) -> String>,
}

/// Other inputs, and the language of all of them.
struct Context<'a> {
    language: Language,
    pool: &'a [Vec<u8>],
}

impl Context<'_> {
    /// Another input, to take parts from.
    fn donor(&self, dice: &mut Dice) -> &[u8] {
        dice.pick(self.pool).map_or(&[], Vec::as_slice)
    }
}

/// A mutation of one of the inputs in `pool`: as a rule one change, now and then many.
pub fn mutate(target: &Target, pool: &[Vec<u8>], dice: &mut Dice) -> Vec<u8> {
    let context = Context { language: target.language, pool };
    let mut input = dice.pick(pool).cloned().unwrap_or_default();
    for _ in 0..=dice.few() {
        input = change(target.format, &input, &context, dice);
    }
    input.truncate(target.longest);
    input
}

/// One change.
fn change(format: Format, input: &[u8], context: &Context<'_>, dice: &mut Dice) -> Vec<u8> {
    // What does not parse is a text, and everything is bytes.
    let structured = match format {
        _ if dice.one_in(10) => None,
        Format::Text => None,
        Format::Json => json::change(input, context, dice),
        Format::JsonLines => text::change_line(input, dice, |line, dice| json::change(line, context, dice)),
        Format::Safetensors => safetensors::change(input, context, dice),
        Format::Gguf => gguf::change(input, context, dice),
        Format::Bundle => bundle::change(input, context, dice),
    };
    structured.unwrap_or_else(|| match std::str::from_utf8(input) {
        Ok(text) if !dice.one_in(8) => text::change(text, context, dice).into_bytes(),
        _ => bytes::change(input, context, dice),
    })
}
