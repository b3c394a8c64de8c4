//! Chat templates: the Jinja text by which a checkpoint says how a conversation becomes a prompt.
//!
//! A template comes with the weights, so it is a program by a stranger. Its length, its instructions, what it handles and
//! what it prints are bounded; it runs on a stack of its own, reaches nothing outside of itself, and a panic of the
//! template engine is an error like any other. What is rendered is what the `transformers` library renders: blocks are
//! trimmed in the same way, `tojson` escapes no HTML, and the filters and tests of Jinja2 and the methods of Python's
//! strings, lists and dictionaries are there, but for those that change a value in place.

mod arguments;
mod budget;
mod clock;
mod compile;
mod error;
mod json;
mod library;
mod operators;
mod python;
mod source;

use std::{collections::BTreeMap, sync::Arc, thread};

use minijinja::{
    AutoEscape, Error, ErrorKind, Value,
    machinery::{eval, make_string_output},
    value::Serde,
};

use self::budget::Budget;
use crate::panics::attempt;

pub use self::error::TemplateError;

/// The layout of the embedded pair: `<user>`, the prompt, `<bot>`, the answer, `<eos>`.
pub const EMBEDDED: &str = include_str!("../embedded.jinja");

/// Instructions that a rendering may take. The longest templates of the field need a few thousand.
const BUDGET: u64 = 200_000;
/// Bytes that a template may put around the conversation. With tool descriptions, the longest of the field put 10 000.
pub const LONGEST_FRAME: usize = 1 << 20;
/// Stack for compiling and rendering. Whatever a template of the permitted length nests, it uses a fraction of it.
const STACK: usize = 64 << 20;
/// Characters of an error that are shown.
const LONGEST_REASON: usize = 300;
/// Begins the message of an error that the template itself raised.
const REFUSAL: &str = "the template says: ";

/// Values by the names under which a template finds them, beside the conversation: `enable_thinking` and others.
pub type Variables = BTreeMap<String, serde_json::Value>;

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaker {
    /// Instructions for the whole conversation.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
}

impl Speaker {
    fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// One turn of a conversation.
pub type Message<'a> = (Speaker, &'a str);

/// A chat template.
#[derive(Debug)]
pub struct ChatTemplate {
    origin: String,
    /// The text as it is compiled, or why it cannot be.
    source: Result<String, TemplateError>,
    /// The special tokens by the names that templates know them by: `bos_token`, `eos_token` and others.
    specials: BTreeMap<String, String>,
    variables: Variables,
}

impl ChatTemplate {
    /// Reads `source`; `origin` is the file it came from, for messages. `specials` are the special tokens that the
    /// template may name (`bos_token` → `<s>`).
    ///
    /// # Errors
    /// [`TemplateError::Oversized`] or [`TemplateError::Syntax`].
    pub fn new(origin: &str, source: &str, specials: BTreeMap<String, String>) -> Result<Self, TemplateError> {
        let origin = origin.to_owned();
        if source.len() > source::LONGEST {
            return Err(TemplateError::Oversized { origin, bytes: source.len() });
        }
        let compiled = on_own_stack(|| {
            let source = source::prepared(source)?;
            match compile::compile(&source) {
                Ok(_) => Ok(source),
                Err(error) => Err((error.line().unwrap_or(1), reason(&error))),
            }
        });
        match compiled.unwrap_or_else(|panic| Err((1, panic))) {
            Ok(source) => Ok(Self { origin, source: Ok(source), specials, variables: Variables::new() }),
            Err((line, reason)) => Err(TemplateError::Syntax { origin, line, reason }),
        }
    }

    /// A template that cannot be used: every attempt fails with `error`. A model that comes with one can still be loaded,
    /// and prompts be laid out without it.
    pub fn unusable(origin: &str, error: TemplateError) -> Self {
        let origin = origin.to_owned();
        Self { origin, source: Err(error), specials: BTreeMap::new(), variables: Variables::new() }
    }

    /// As [`Self::new`]; what is wrong with the template is found when it is used.
    pub fn lenient(origin: &str, source: &str, specials: BTreeMap<String, String>) -> Self {
        Self::new(origin, source, specials).unwrap_or_else(|error| Self::unusable(origin, error))
    }

    /// The layout of the embedded pair.
    pub fn embedded() -> Result<Self, TemplateError> {
        Self::new("the embedded pair", EMBEDDED, BTreeMap::new())
    }

    /// The file it came from.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Gives the template values for names that it may ask for, in place of those that it had.
    #[must_use]
    pub fn with_variables(mut self, variables: Variables) -> Self {
        self.variables = variables;
        self
    }

    /// Whether the text of the template has `name` in it; a template that cannot be used may have any.
    pub fn mentions(&self, name: &str) -> bool {
        self.source.as_ref().is_ok_and(|source| source.contains(name)) || self.source.is_err()
    }

    /// The text of a conversation. With `answer`, it ends where the model's answer begins.
    ///
    /// # Errors
    /// Where the template is not valid, fails, refuses, does not end or takes or writes without measure; each names file
    /// and line.
    pub fn render(&self, messages: &[Message<'_>], answer: bool) -> Result<String, TemplateError> {
        let source = self.source.as_ref().map_err(Clone::clone)?;
        let budget = Arc::new(Budget::new(messages.iter().map(|(_, content)| content.len()).sum()));
        let rendered = on_own_stack(|| {
            let mut text = String::new();
            let program = compile::compile(source)?;
            let environment = library::environment(&budget);
            let context = self.context(messages, answer);
            let mut out = make_string_output(&mut text);
            eval(&environment, &program.main, context, &program.blocks, &mut out, AutoEscape::None)?;
            drop(out);
            Ok(text)
        });
        match rendered {
            Ok(outcome) => outcome.map_err(|error| self.failure(&error, &budget)),
            Err(reason) => Err(TemplateError::Render { origin: self.origin.clone(), line: 0, reason }),
        }
    }

    /// What the template finds under which name.
    fn context(&self, messages: &[Message<'_>], answer: bool) -> Value {
        let turn = |(role, content): &Message<'_>| Value::from_pairs([("role", role.name()), ("content", content)]);
        let turns: Vec<Value> = messages.iter().map(turn).collect();
        let given = [
            ("messages", Value::from(turns)),
            ("add_generation_prompt", Value::from(answer)),
            // Present and empty, as `transformers` passes them.
            ("tools", Value::from(())),
            ("documents", Value::from(())),
        ];
        let given = given.map(|(name, value)| (name.to_owned(), value));
        let specials = self.specials.iter().map(|(name, token)| (name.clone(), Value::from(token.as_str())));
        let variables = self.variables.iter().map(|(name, value)| (name.clone(), Value::from(Serde(value))));
        Value::from_pairs(given.into_iter().chain(specials).chain(variables))
    }

    fn failure(&self, error: &Error, budget: &Budget) -> TemplateError {
        let (origin, line) = (self.origin.clone(), error.line().unwrap_or(0));
        if budget.is_output_exceeded() {
            return TemplateError::TooLong { origin, line };
        }
        if budget.is_work_exceeded() {
            return TemplateError::Costly { origin, line };
        }
        let reason = reason(error);
        match (error.kind(), reason.strip_prefix(REFUSAL)) {
            (ErrorKind::OutOfFuel, _) => TemplateError::Endless { origin, line },
            (ErrorKind::InvalidOperation, Some(reason)) => {
                TemplateError::Refused { origin, line, reason: reason.to_owned() }
            }
            _ => TemplateError::Render { origin, line, reason },
        }
    }
}

/// What an error says: its detail, or else its kind.
fn reason(error: &Error) -> String {
    let reason = error.detail().map_or_else(|| error.kind().to_string(), str::to_owned);
    match reason.char_indices().nth(LONGEST_REASON) {
        Some((end, _)) => format!("{}…", &reason[..end]),
        None => reason,
    }
}

/// Does `work` on a thread with a large stack. The error is what a panic said, or why there is no thread.
fn on_own_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, String> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().name("template".to_owned()).stack_size(STACK);
        let running = thread.spawn_scoped(scope, || attempt(work)).map_err(|error| error.to_string())?;
        running.join().unwrap_or_else(|_| Err("the template engine panicked".to_owned()))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn template(source: &str) -> Result<ChatTemplate, TemplateError> {
        let specials = BTreeMap::from([("bos_token".to_owned(), "<s>".to_owned())]);
        ChatTemplate::new("m/tokenizer_config.json", source, specials)
    }

    fn rendered(source: &str) -> Result<String, TemplateError> {
        template(source)?.render(&[(Speaker::System, "be <brief>"), (Speaker::User, " hi ")], true)
    }

    #[test]
    fn names_methods_and_filters_of_python_are_there() {
        let cases = [
            ("{{ bos_token }}{{ messages[1].content.strip() }}|{{ messages[1]['content'] | trim }}", "<s>hi|hi"),
            ("{{ 'a</t>b'.split('</t>')[-1] }}{{ 'xx'.startswith('x') }}", "bTrue"),
            ("{{ 'abc'.rstrip('c').upper().replace('A', '-') }}", "-B"),
            ("{% for m in messages[::-1] %}{{ loop.index0 }}{{ m.role }} {% endfor %}", "0user 1system "),
            (
                "{% set ns = namespace(n=0) %}{% for m in messages %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}",
                "2",
            ),
            ("{% for m in messages %}{% if loop.last %}{% break %}{% endif %}{{ m.role }}{% endfor %}", "system"),
            ("{% for m in messages %}{% if loop.first %}{% continue %}{% endif %}{{ m.role }}{% endfor %}", "user"),
            ("{% macro twice(x) %}{{ x }}{{ x }}{% endmacro %}{{ twice('a') }}", "aa"),
            ("{{ messages[0] | tojson }}", r#"{"role": "system", "content": "be <brief>"}"#),
            (
                "{{ {'a': [1, 'é'], 'b': {}} | tojson(indent=2) }}",
                "{\n  \"a\": [\n    1,\n    \"é\"\n  ],\n  \"b\": {}\n}",
            ),
            (
                "{% if tools %}t{% endif %}{% if tools is defined %}d{% endif %}{{ enable_thinking is defined }}",
                "dFalse",
            ),
            ("{% for k, v in {'z': 1, 'a': 2}.items() %}{{ k }}{{ v }}{% endfor %}", "z1a2"),
            ("{% generation %}a{%- endgeneration -%} b", "ab"),
            ("a\n  {% if true %}\nb\n  {% endif %}\nc\n", "a\nb\nc"),
            ("{{ messages[0].content is string and 'brief' in messages[0].content }}", "True"),
            ("{{ missing }}{{ messages[0].missing }}|{{ add_generation_prompt }}", "|True"),
        ];
        for (source, expected) in cases {
            assert_eq!(rendered(source).unwrap(), expected, "{source}");
        }
    }

    #[test]
    fn what_a_template_does_wrong_is_one_sentence_with_file_and_line() {
        let message = |source: &str| rendered(source).unwrap_err().to_string();
        let syntax = message("a\n{% if %}");
        assert!(syntax.starts_with("m/tokenizer_config.json: line 2 of the chat template is not valid: "), "{syntax}");
        assert_eq!(
            message("\n\n{{ raise_exception('No user!') }}"),
            "m/tokenizer_config.json: the chat template refuses this conversation at line 3: No user!"
        );
        let unknown = message("\n{{ messages.nothing() }}");
        assert!(
            unknown.starts_with("m/tokenizer_config.json: the chat template cannot be rendered at line 2: "),
            "{unknown}"
        );
        let filter = message("{{ 'a' | no_such }}");
        assert!(filter.contains("line 1") && filter.contains("no_such"), "{filter}");
    }

    #[test]
    fn a_hostile_template_comes_to_an_end() {
        let endless = "{% for a in range(99999) %}\n{% for b in range(99999) %}{% endfor %}{% endfor %}";
        assert!(matches!(rendered(endless), Err(TemplateError::Endless { line: 2, .. })), "{:?}", rendered(endless));
        let recursive = "{% macro m(x) %}{{ m(x) }}{% endmacro %}{{ m(1) }}";
        assert!(matches!(rendered(recursive), Err(TemplateError::Render { .. })));
        let flood = "{% for a in range(9999) %}{{ 'x' * 1000 }}{% endfor %}";
        assert!(matches!(rendered(flood), Err(TemplateError::TooLong { line: 1, .. })), "{:?}", rendered(flood));
        let text = "x".repeat(999);
        let plain = format!("{{% for a in range(9999) %}}{text}{{% endfor %}}");
        assert_eq!(
            rendered(&plain).unwrap_err().to_string(),
            "m/tokenizer_config.json: the chat template adds more than 1048576 bytes to the prompt at line 1; --raw does \
             without a template"
        );
        let long = "{% set n = 5000000 %}{{ 'x' * n }}";
        assert!(matches!(rendered(long), Err(TemplateError::Costly { .. })), "{:?}", rendered(long));
        let captured = "{% set x = 'x' * 1000 %}{% set n = namespace(x=x) %}{% for a in range(60) %}{% set y %}\
                        {{ n.x }}{{ n.x }}{% endset %}{% set n.x = y %}{% endfor %}";
        assert!(matches!(rendered(captured), Err(TemplateError::TooLong { .. })));
        let deep = format!("{{{{ {}1{} }}}}", "(".repeat(9_999), ")".repeat(9_999));
        assert!(matches!(rendered(&deep), Err(TemplateError::Syntax { .. })));
        for source in ["{% include 'x' %}", "{% extends 'x' %}", "{% import 'x' as y %}{{ y }}"] {
            assert!(matches!(rendered(source), Err(TemplateError::Render { .. })), "{source}");
        }
        assert_eq!(
            rendered("\n{% set l = namespace(l=[1]) %}{% for a in range(60) %}{% set l.l = l.l + l.l %}{% endfor %}")
                .unwrap_err()
                .to_string(),
            "m/tokenizer_config.json: the chat template handles more text and lists than a prompt needs at line 2; --raw \
             does without a template"
        );
    }

    #[test]
    fn a_panic_of_the_engine_is_the_templates_fault() {
        let message = rendered("{% for a in [1] %}{{ loop.cycle() }}{% endfor %}").unwrap_err().to_string();
        let (start, end) =
            ("m/tokenizer_config.json: the chat template cannot be rendered: ", "; --raw does without a template");
        assert!(message.starts_with(start) && message.ends_with(end) && !message.contains("bug"), "{message}");
    }

    #[test]
    fn a_long_conversation_is_not_too_long() {
        let long = "é".repeat(LONGEST_FRAME);
        let echo = template("{{ messages[0].content }}").unwrap();
        assert_eq!(echo.render(&[(Speaker::User, &long)], true).unwrap(), long);
    }

    #[test]
    fn the_embedded_layout_is_a_template_like_any_other() {
        let embedded = ChatTemplate::embedded().unwrap();
        assert_eq!(embedded.render(&[(Speaker::User, " a\n")], true).unwrap(), "<user> a\n<bot>");
        let turns = [(Speaker::User, "a"), (Speaker::Assistant, "b"), (Speaker::User, "c")];
        assert_eq!(embedded.render(&turns, false).unwrap(), "<user>a<bot>b<eos><user>c");
        let refused = embedded.render(&[(Speaker::System, "x")], true).unwrap_err().to_string();
        assert!(refused.starts_with("the embedded pair: the chat template refuses"), "{refused}");
    }
}
