//! Chat templates: the Jinja text by which a checkpoint says how a conversation becomes a prompt.
//!
//! A template comes with the weights, so it is a program by a stranger. It runs with a budget of instructions, may add
//! [`LONGEST_FRAME`] bytes to the conversation and no more, and reaches nothing outside of itself. What is rendered is
//! what the `transformers` library renders: blocks are trimmed in the same way, `tojson` escapes no HTML, and the methods
//! of Python's strings, lists and dictionaries are there. One thing is not bounded: a string that a template
//! doubles again and again without printing it takes memory until the instructions run out.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    io,
    time::{SystemTime, UNIX_EPOCH},
};

use minijinja::{
    Environment, Error, ErrorKind, Output, State, UndefinedBehavior, Value, context, escape_formatter,
    syntax::SyntaxConfig,
    value::{Kwargs, ValueKind},
};
use thiserror::Error as ThisError;

/// The layout of the embedded pair: `<user>`, the prompt, `<bot>`, the answer, `<eos>`.
pub const EMBEDDED: &str = include_str!("embedded.jinja");

/// Instructions that a rendering may take. The longest templates of the field need a few thousand.
const BUDGET: u64 = 200_000;
/// Bytes that a template may put around the conversation. With tool descriptions, the longest of the field put 10 000.
pub const LONGEST_FRAME: usize = 1 << 20;
/// How deep a value that becomes JSON may be nested.
const DEEPEST_JSON: usize = 64;
/// The name under which the environment knows the one template that it has.
const NAME: &str = "template";

/// A chat template that cannot be used, or a conversation that it does not take.
#[derive(Debug, Clone, PartialEq, Eq, ThisError)]
pub enum TemplateError {
    /// The text is no template.
    #[error("{origin}: line {line} of the chat template is not valid: {reason}; --raw does without a template")]
    Syntax {
        /// The file.
        origin: String,
        /// The line of the template, from 1.
        line: usize,
        /// What the parser says.
        reason: String,
    },
    /// The template refuses, by `raise_exception`.
    #[error("{origin}: the chat template refuses this conversation at line {line}: {reason}")]
    Refused {
        /// The file.
        origin: String,
        /// The line of the template, from 1.
        line: usize,
        /// What the template says.
        reason: String,
    },
    /// The rendering failed.
    #[error("{origin}: the chat template cannot be rendered{}: {reason}; --raw does without a template", at_line(*line))]
    Render {
        /// The file.
        origin: String,
        /// The line of the template, from 1; 0 where it is not known.
        line: usize,
        /// What went wrong.
        reason: String,
    },
    /// The template would go on for ever, or nearly.
    #[error(
        "{origin}: the chat template is still running at line {line} after {BUDGET} instructions; --raw does without a \
         template"
    )]
    Endless {
        /// The file.
        origin: String,
        /// The line of the template, from 1.
        line: usize,
    },
    /// The prompt would be out of all proportion.
    #[error(
        "{origin}: the chat template adds more than {LONGEST_FRAME} bytes to the prompt{}; --raw does without a template",
        at_line(*line)
    )]
    TooLong {
        /// The file.
        origin: String,
        /// The line of the template, from 1; 0 where it is not known.
        line: usize,
    },
}

/// The words for a line that may not be known.
fn at_line(line: usize) -> String {
    if line == 0 { String::new() } else { format!(" at line {line}") }
}

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Instructions for the whole conversation.
    System,
    /// The person.
    User,
    /// The model.
    Assistant,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

/// One turn of a conversation.
pub type Message<'a> = (Role, &'a str);

/// A compiled chat template.
#[derive(Debug)]
pub struct ChatTemplate {
    environment: Environment<'static>,
    origin: String,
    /// The special tokens by the names that templates know them by: `bos_token`, `eos_token` and others.
    specials: BTreeMap<String, String>,
}

impl ChatTemplate {
    /// Compiles `source`; `origin` is the file it came from, for messages. `specials` are the special tokens that the
    /// template may name (`bos_token` → `<s>`).
    pub fn new(origin: &str, source: &str, specials: BTreeMap<String, String>) -> Result<Self, TemplateError> {
        let origin = origin.to_owned();
        let mut environment = Environment::new();
        let blocks_trimmed = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build();
        environment.set_syntax(blocks_trimmed.map_err(|error| syntax_error(&origin, &error))?);
        environment.set_undefined_behavior(UndefinedBehavior::Lenient);
        environment.set_fuel(Some(BUDGET));
        environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.set_formatter(print_within_bounds);
        environment.add_filter("tojson", to_json);
        environment.add_function("raise_exception", raise);
        environment.add_function("strftime_now", |format: &str| strftime(format, unix_time()));
        // The mark of the trainers' assistant mask means nothing when a prompt is made.
        environment
            .add_template_owned(NAME, without_generation_marks(source))
            .map_err(|error| syntax_error(&origin, &error))?;
        Ok(Self { environment, origin, specials })
    }

    /// The layout of the embedded pair.
    pub fn embedded() -> Result<Self, TemplateError> {
        Self::new("the embedded pair", EMBEDDED, BTreeMap::new())
    }

    /// The file it came from.
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// The text of a conversation. With `answer`, it ends where the model's answer begins.
    ///
    /// # Errors
    /// Where the template fails, refuses, does not end or writes without measure; each names file and line.
    pub fn render(&self, messages: &[Message<'_>], answer: bool) -> Result<String, TemplateError> {
        let said: usize = messages.iter().map(|(_, content)| content.len()).sum();
        let mut page = Page { bytes: Vec::new(), room: room(said), overflown: false };
        let turns: Vec<Value> =
            messages.iter().map(|(role, content)| context! { role => role.name(), content => *content }).collect();
        let context = context! {
            messages => turns,
            add_generation_prompt => answer,
            // Present and empty, as `transformers` passes them.
            tools => (),
            documents => (),
            ..Value::from_pairs(self.specials.iter().map(|(name, token)| (name.as_str(), token.as_str())))
        };
        let template = self.environment.get_template(NAME).map_err(|error| self.failure(&error, false))?;
        let rendered = template.render_captured_to(context, &mut page).map(|_| ());
        rendered.map_err(|error| self.failure(&error, page.overflown))?;
        String::from_utf8(page.bytes).map_err(|error| TemplateError::Render {
            origin: self.origin.clone(),
            line: 0,
            reason: error.to_string(),
        })
    }

    fn failure(&self, error: &Error, overflown: bool) -> TemplateError {
        let (origin, line) = (self.origin.clone(), error.line().unwrap_or(0));
        let reason = reason(error);
        if overflown || reason.contains(TOO_LONG) {
            return TemplateError::TooLong { origin, line };
        }
        match error.kind() {
            ErrorKind::OutOfFuel => TemplateError::Endless { origin, line },
            ErrorKind::InvalidOperation if reason.starts_with(REFUSAL) => {
                TemplateError::Refused { origin, line, reason: reason[REFUSAL.len()..].to_owned() }
            }
            _ => TemplateError::Render { origin, line, reason },
        }
    }
}

fn syntax_error(origin: &str, error: &Error) -> TemplateError {
    TemplateError::Syntax { origin: origin.to_owned(), line: error.line().unwrap_or(1), reason: reason(error) }
}

/// Begins the message of an error that the template itself raised.
const REFUSAL: &str = "the template says: ";
/// The message of an error about too much being printed.
const TOO_LONG: &str = "too much is printed";
/// Where a rendering keeps how many bytes it has printed.
const PRINTED: &str = "printed";

/// What an error says: its detail, or else its kind.
fn reason(error: &Error) -> String {
    error.detail().map_or_else(|| error.kind().to_string(), str::to_owned)
}

fn raise(message: &str) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, format!("{REFUSAL}{message}")))
}

/// Bytes that a conversation of `said` bytes may become. A template may print what was said several times over: into
/// captures and macros first, then into the prompt.
fn room(said: usize) -> usize {
    LONGEST_FRAME + 8 * said
}

/// Prints a value, as long as all that was printed so far, captures included, is within bounds.
fn print_within_bounds(out: &mut Output<'_>, state: &mut State<'_, '_>, value: &Value) -> Result<(), Error> {
    if let Some(text) = value.as_str() {
        let before = state.get_temp(PRINTED).and_then(|printed| printed.as_usize()).unwrap_or(0);
        let printed = before + text.len();
        if printed > LONGEST_FRAME && printed > room(said(state)) {
            return Err(Error::new(ErrorKind::InvalidOperation, TOO_LONG));
        }
        state.set_temp(PRINTED, Value::from(printed));
    }
    escape_formatter(out, state, value)
}

/// Bytes of the conversation that is being rendered.
fn said(state: &State<'_, '_>) -> usize {
    let messages = state.lookup("messages").unwrap_or_default();
    let contents = messages.try_iter().into_iter().flatten().filter_map(|message| message.get_attr("content").ok());
    contents.filter_map(|content| content.as_str().map(str::len)).sum()
}

/// Takes what is rendered, as far as there is room.
struct Page {
    bytes: Vec<u8>,
    room: usize,
    overflown: bool,
}

impl io::Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() > self.room - self.bytes.len() {
            self.overflown = true;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Replaces `{% generation %}` and `{% endgeneration %}`, a tag of `transformers` that prints what it encloses.
fn without_generation_marks(source: &str) -> String {
    let mut plain = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(start) = rest.find("{%") {
        let Some(length) = rest[start..].find("%}") else { break };
        let (before, tag) = (&rest[..start], &rest[start..start + length + 2]);
        plain.push_str(before);
        let name = tag[2..length].trim_matches(|c: char| c == '-' || c == '+' || c.is_whitespace());
        match name {
            "generation" => plain.push_str(&tag.replace(name, "if true")),
            "endgeneration" => plain.push_str(&tag.replace(name, "endif")),
            _ => plain.push_str(tag),
        }
        rest = &rest[start + tag.len()..];
    }
    plain.push_str(rest);
    plain
}

/// Python's `json.dumps(value, ensure_ascii=False)`, as `transformers` redefines the filter.
#[expect(clippy::needless_pass_by_value, reason = "the signature that the template engine asks for")]
fn to_json(value: &Value, indent: Option<Value>, options: Kwargs) -> Result<String, Error> {
    let indent = match indent {
        Some(indent) => Some(indent),
        None => options.get::<Option<Value>>("indent")?,
    };
    // Accepted as written, and without effect on what is made here.
    for ignored in ["ensure_ascii", "sort_keys", "separators"] {
        options.get::<Option<Value>>(ignored)?;
    }
    options.assert_all_used()?;
    let indent = match indent.filter(|indent| !matches!(indent.kind(), ValueKind::None | ValueKind::Undefined)) {
        Some(indent) => Some(usize::try_from(indent)?.min(16)),
        None => None,
    };
    let mut json = String::new();
    write_json(&mut json, value, indent, 0)?;
    Ok(json)
}

/// Appends `value`, its fields in their own order.
fn write_json(out: &mut String, value: &Value, indent: Option<usize>, depth: usize) -> Result<(), Error> {
    let line = |out: &mut String, depth: usize| {
        if let Some(indent) = indent {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', indent * depth));
        }
    };
    let kind = value.kind();
    let (open, close) = match kind {
        ValueKind::Map => ('{', '}'),
        ValueKind::Seq | ValueKind::Iterable => ('[', ']'),
        ValueKind::String => {
            let _ = write!(out, "{}", serde_json::Value::from(value.as_str().unwrap_or_default()));
            return Ok(());
        }
        ValueKind::Bool => {
            out.push_str(if value.is_true() { "true" } else { "false" });
            return Ok(());
        }
        ValueKind::None => {
            out.push_str("null");
            return Ok(());
        }
        ValueKind::Number => {
            let _ = write!(out, "{value}");
            return Ok(());
        }
        other => {
            return Err(Error::new(
                ErrorKind::BadSerialization,
                format!("tojson cannot write a value of kind {other}"),
            ));
        }
    };
    if depth > DEEPEST_JSON {
        return Err(Error::new(ErrorKind::BadSerialization, "tojson was given a value that is nested too deeply"));
    }
    out.push(open);
    let mut empty = true;
    for item in value.try_iter()? {
        if !empty {
            out.push_str(if indent.is_some() { "," } else { ", " });
        }
        empty = false;
        line(out, depth + 1);
        if kind == ValueKind::Map {
            let name = serde_json::Value::from(item.to_string());
            let _ = write!(out, "{name}: ");
            write_json(out, &value.get_item(&item)?, indent, depth + 1)?;
        } else {
            write_json(out, &item, indent, depth + 1)?;
        }
    }
    if !empty {
        line(out, depth);
    }
    out.push(close);
    Ok(())
}

/// Seconds since 1970, UTC. Some templates print the date: a prompt then depends on the day, and the log holds its ids.
fn unix_time() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const DAYS: [&str; 7] = ["Thursday", "Friday", "Saturday", "Sunday", "Monday", "Tuesday", "Wednesday"];

/// C's `strftime` in UTC, for the directives that a date in a prompt is made of; others stay as they are.
fn strftime(format: &str, seconds: u64) -> String {
    let (days, clock) = (seconds / 86_400, seconds % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (clock / 3_600, clock / 60 % 60, clock % 60);
    let (month_name, day_name) = (MONTHS[month as usize - 1], DAYS[(days % 7) as usize]);
    let mut text = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            text.push(c);
            continue;
        }
        let directive = chars.next();
        // GNU's "do not pad".
        let (bare, directive) = if directive == Some('-') { (true, chars.next()) } else { (false, directive) };
        let number = |value: u64| if bare { value.to_string() } else { format!("{value:02}") };
        let part = match directive {
            Some('Y') => year.to_string(),
            Some('y') => number(year % 100),
            Some('m') => number(month),
            Some('d') => number(day),
            Some('e') if bare => day.to_string(),
            Some('e') => format!("{day:2}"),
            Some('B') => month_name.to_owned(),
            Some('b' | 'h') => month_name[..3].to_owned(),
            Some('A') => day_name.to_owned(),
            Some('a') => day_name[..3].to_owned(),
            Some('H') => number(hour),
            Some('I') => number((hour + 11) % 12 + 1),
            Some('p') => if hour < 12 { "AM" } else { "PM" }.to_owned(),
            Some('M') => number(minute),
            Some('S') => number(second),
            Some('F') => format!("{year}-{month:02}-{day:02}"),
            Some('T') => format!("{hour:02}:{minute:02}:{second:02}"),
            Some('D') => format!("{month:02}/{day:02}/{:02}", year % 100),
            Some('Z') => "UTC".to_owned(),
            Some('%') => "%".to_owned(),
            other => ['%'].into_iter().chain(bare.then_some('-')).chain(other).collect(),
        };
        text.push_str(&part);
    }
    text
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar.
fn civil(days: u64) -> (u64, u64, u64) {
    // Years begin in March here, so that the leap day is the last day of one; eras are 400 years of 146 097 days.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
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
        template(source)?.render(&[(Role::System, "be <brief>"), (Role::User, " hi ")], true)
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
        assert!(matches!(rendered(endless), Err(TemplateError::Endless { line: 2, .. })));
        let recursive = "{% macro m(x) %}{{ m(x) }}{% endmacro %}{{ m(1) }}";
        assert!(matches!(rendered(recursive), Err(TemplateError::Render { .. })));
        let flood = "{% for a in range(9999) %}{{ 'x' * 1000 }}{% endfor %}";
        assert!(matches!(rendered(flood), Err(TemplateError::TooLong { line: 1, .. })), "{:?}", rendered(flood));
        let text = "x".repeat(999);
        let plain = format!("{{% for a in range(9999) %}}{text}{{% endfor %}}");
        assert_eq!(
            rendered(&plain).unwrap_err().to_string(),
            "m/tokenizer_config.json: the chat template adds more than 1048576 bytes to the prompt; --raw does without a \
             template"
        );
        assert!(matches!(rendered("{{ 'x' * 50000000 }}"), Err(TemplateError::TooLong { .. })));
        assert!(matches!(rendered("{{ 'x' * 99999999999 }}"), Err(TemplateError::Render { .. })));
        let captured = "{% set x = 'x' * 1000 %}{% set n = namespace(x=x) %}{% for a in range(60) %}{% set y %}\
                        {{ n.x }}{{ n.x }}{% endset %}{% set n.x = y %}{% endfor %}";
        assert!(matches!(rendered(captured), Err(TemplateError::TooLong { .. })));
        let deep = format!("{{{{ {}1{} }}}}", "(".repeat(9_999), ")".repeat(9_999));
        assert!(matches!(rendered(&deep), Err(TemplateError::Syntax { .. })));
        for source in ["{% include 'x' %}", "{% extends 'x' %}", "{% import 'x' as y %}{{ y }}"] {
            assert!(matches!(rendered(source), Err(TemplateError::Render { .. })), "{source}");
        }
    }

    #[test]
    fn a_long_conversation_is_not_too_long() {
        let long = "é".repeat(LONGEST_FRAME);
        let echo = template("{{ messages[0].content }}").unwrap();
        assert_eq!(echo.render(&[(Role::User, &long)], true).unwrap(), long);
    }

    #[test]
    fn dates_are_written_as_in_c() {
        let at = |format: &str| strftime(format, 1_709_210_096);
        assert_eq!(at("%d %b %Y"), "29 Feb 2024");
        assert_eq!(at("%A, %-d %B %y %H:%M:%S"), "Thursday, 29 February 24 12:34:56");
        assert_eq!(at("%F %T %D %I%p %e %% %Q %-"), "2024-02-29 12:34:56 02/29/24 12PM 29 % %Q %-");
        assert_eq!(strftime("%F %a", 0), "1970-01-01 Thu");
        assert_eq!(strftime("%F", 4_107_542_400), "2100-03-01");
        assert_eq!(rendered("{{ strftime_now('%%') }}").unwrap(), "%");
    }

    #[test]
    fn the_embedded_layout_is_a_template_like_any_other() {
        let embedded = ChatTemplate::embedded().unwrap();
        assert_eq!(embedded.render(&[(Role::User, " a\n")], true).unwrap(), "<user> a\n<bot>");
        let turns = [(Role::User, "a"), (Role::Assistant, "b"), (Role::User, "c")];
        assert_eq!(embedded.render(&turns, false).unwrap(), "<user>a<bot>b<eos><user>c");
        let refused = embedded.render(&[(Role::System, "x")], true).unwrap_err().to_string();
        assert!(refused.starts_with("the embedded pair: the chat template refuses"), "{refused}");
    }
}
