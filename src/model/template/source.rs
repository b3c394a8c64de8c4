//! What is done to the text of a template before it is compiled.

use minijinja::{
    Error,
    machinery::{Token, tokenize},
    syntax::SyntaxConfig,
};

/// Bytes that a template may have. The longest of the field has less than half.
pub(super) const LONGEST: usize = 1 << 16;
/// Tokens that may stand between two braces: an expression is nested no deeper, and nor are the parser's calls.
const MOST_TOKENS: usize = 1_000;
/// Bytes that all constants may become by multiplication, which the compiler does by itself.
const MOST_CONSTANT: u64 = 1 << 22;

/// Blocks are trimmed as `transformers` trims them.
pub(super) fn syntax() -> Result<SyntaxConfig, Error> {
    SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()
}

/// A line of the template, and what is wrong there.
pub(super) type Flaw = (usize, String);

/// The template as the compiler is to read it.
pub(super) fn prepared(source: &str) -> Result<String, Flaw> {
    // Jinja2 knows one end of a line.
    let source = without_generation_marks(&source.replace("\r\n", "\n").replace('\r', "\n"));
    let syntax = syntax().map_err(|error| (1, error.to_string()))?;
    let mut escapes = Vec::new();
    let (mut tag, mut constants) = (Tag::default(), 0_u64);
    // Where there is no token, the compiler says what is wrong.
    for (token, span) in tokenize(&source, false, syntax).map_while(Result::ok) {
        let line = usize::from(span.start_line);
        match &token {
            Token::TemplateData(_) | Token::VariableStart | Token::BlockStart => tag = Tag::default(),
            Token::VariableEnd | Token::BlockEnd => constants = constants.saturating_add(tag.constants()),
            token => tag.take(token),
        }
        if tag.tokens > MOST_TOKENS {
            return Err((line, format!("an expression has more than {MOST_TOKENS} parts")));
        }
        if constants > MOST_CONSTANT {
            return Err((line, "a constant is multiplied by too much".to_owned()));
        }
        if matches!(token, Token::String(_)) {
            escapes.push(span.start_offset as usize..span.end_offset as usize);
        }
    }
    let (mut kept, mut at) = (String::with_capacity(source.len()), 0);
    for literal in escapes {
        kept.push_str(&source[at..literal.start]);
        push_literal(&mut kept, &source[literal.clone()]);
        at = literal.end;
    }
    kept.push_str(&source[at..]);
    Ok(kept)
}

/// What stands between two braces.
#[derive(Default)]
struct Tag {
    tokens: usize,
    text: u64,
    lists: bool,
    times: bool,
    power: bool,
    factor: u64,
}

impl Tag {
    fn take(&mut self, token: &Token<'_>) {
        self.tokens += 1;
        let times = |factor: u64, number: u64| factor.max(1).saturating_mul(number.saturating_add(1));
        match token {
            Token::Str(text) => self.text += text.len() as u64,
            Token::String(text) => self.text += text.len() as u64,
            Token::Int(number) => self.factor = times(self.factor, *number),
            Token::Int128(_) => self.factor = u64::MAX,
            Token::Float(number) => self.factor = times(self.factor, number.abs() as u64),
            Token::BracketOpen | Token::Comma => self.lists = true,
            Token::Mul => self.times = true,
            Token::Pow => self.power = true,
            _ => {}
        }
    }

    /// No less than the constants in it can become.
    fn constants(&self) -> u64 {
        match (self.times && (self.text > 0 || self.lists), self.power) {
            (false, _) => 0,
            (true, true) => u64::MAX,
            (true, false) => (self.text + self.tokens as u64).saturating_mul(self.factor),
        }
    }
}

/// Appends a string literal. In Python a backslash before a slash stays; here it would be taken for an escape.
fn push_literal(out: &mut String, literal: &str) {
    let mut chars = literal.chars();
    while let Some(c) = chars.next() {
        out.push(c);
        if c == '\\' {
            match chars.next() {
                Some('/') => out.push_str("\\/"),
                escaped => out.extend(escaped),
            }
        }
    }
}

/// Replaces `{% generation %}` and `{% endgeneration %}`, a tag of `transformers` that prints what it encloses: the mark
/// of the trainers' assistant mask means nothing when a prompt is made.
fn without_generation_marks(source: &str) -> String {
    let mut plain = String::with_capacity(source.len());
    let mut rest = source;
    while let Some((before, behind)) = rest.split_once("{%") {
        let Some((inner, behind)) = behind.split_once("%}") else { break };
        let name = inner.trim_matches(|c: char| c == '-' || c == '+' || c.is_whitespace());
        let inner = match name {
            "generation" => inner.replace(name, "if true"),
            "endgeneration" => inner.replace(name, "endif"),
            _ => inner.to_owned(),
        };
        plain.extend([before, "{%", &inner, "%}"]);
        rest = behind;
    }
    plain + rest
}
