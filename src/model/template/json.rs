//! Python's `json.dumps`, as `transformers` redefines the filter `tojson`.
//!
//! The template engine's own `tojson` does not serve: it escapes `<`, `>`, `&` and `'` for HTML, which prompts must not have,
//! knows neither `separators` nor `sort_keys` nor `ensure_ascii`, and writes without a budget.

use minijinja::{
    Error, ErrorKind, Value,
    value::{Kwargs, Rest, ValueKind, ValueOrKwargs, from_args},
};

use super::{budget::Budget, operators::text};

/// `value | tojson(ensure_ascii, indent, separators, sort_keys)`.
pub(super) fn to_json(budget: &Budget, value: &Value, options: Rest<ValueOrKwargs>) -> Result<String, Error> {
    type JsonOptions = (Option<Value>, Option<Value>, Option<Value>, Option<Value>, Kwargs);
    let options = options.into_values();
    let (ascii, indent, separators, sorted, named): JsonOptions = from_args(&options)?;
    let option = |given: Option<Value>, name: &str| -> Result<Option<Value>, Error> {
        let value = if given.is_some() { given } else { named.get::<Option<Value>>(name)? };
        Ok(value.filter(|value| !matches!(value.kind(), ValueKind::None | ValueKind::Undefined)))
    };
    let (ascii, indent) = (option(ascii, "ensure_ascii")?, option(indent, "indent")?);
    let (separators, sorted) = (option(separators, "separators")?, option(sorted, "sort_keys")?);
    named.assert_all_used()?;
    let indent = indent.map(|indent| unit(budget, &indent)).transpose()?;
    let (comma, colon) = match separators {
        Some(pair) => (text(&pair.get_item(&Value::from(0))?)?, text(&pair.get_item(&Value::from(1))?)?),
        None if indent.is_some() => (",".to_owned(), ": ".to_owned()),
        None => (", ".to_owned(), ": ".to_owned()),
    };
    let is_set = |option: Option<Value>| option.is_some_and(|value| value.is_true());
    let mut writer =
        JsonWriter { budget, out: String::new(), indent, comma, colon, ascii: is_set(ascii), sorted: is_set(sorted) };
    writer.value(value, 0)?;
    Ok(writer.out)
}

/// What one level is indented by: so many spaces, or a text.
fn unit(budget: &Budget, indent: &Value) -> Result<String, Error> {
    if let Some(text) = indent.as_str() {
        return Ok(text.to_owned());
    }
    let width = u64::try_from(i64::try_from(indent.clone())?).unwrap_or(0);
    budget.spend(width)?;
    Ok(" ".repeat(width as usize))
}

struct JsonWriter<'a> {
    budget: &'a Budget,
    out: String,
    indent: Option<String>,
    comma: String,
    colon: String,
    ascii: bool,
    sorted: bool,
}

impl JsonWriter<'_> {
    fn push(&mut self, text: &str) -> Result<(), Error> {
        self.budget.spend(text.len() as u64)?;
        self.out.push_str(text);
        Ok(())
    }

    /// Begins a line, where there are lines.
    fn line(&mut self, depth: usize) -> Result<(), Error> {
        let Some(indent) = &self.indent else { return Ok(()) };
        self.budget.spend(1 + (indent.len() * depth) as u64)?;
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(indent.as_str(), depth));
        Ok(())
    }

    fn string(&mut self, text: &str) -> Result<(), Error> {
        let quoted = serde_json::Value::from(text).to_string();
        if !self.ascii || quoted.is_ascii() {
            return self.push(&quoted);
        }
        for c in quoted.chars() {
            if c.is_ascii() {
                self.push(c.encode_utf8(&mut [0; 4]))?;
            } else {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    self.push(&format!("\\u{unit:04x}"))?;
                }
            }
        }
        Ok(())
    }

    /// Appends `value`, its fields in their own order or sorted. The value was weighed, so its depth is bounded.
    fn value(&mut self, value: &Value, depth: usize) -> Result<(), Error> {
        match value.kind() {
            ValueKind::String => self.string(value.as_str().unwrap_or_default()),
            ValueKind::Bool | ValueKind::None | ValueKind::Number => self.push(&scalar(value)?),
            ValueKind::Seq | ValueKind::Iterable => {
                let items = self.budget.collect(value)?;
                self.items('[', ']', depth, &items, |writer, item| writer.value(item, depth + 1))
            }
            ValueKind::Map => {
                let mut fields = Vec::new();
                for key in self.budget.collect(value)? {
                    let name = key.as_str().map_or_else(|| scalar(&key), |name| Ok(name.to_owned()))?;
                    fields.push((name, value.get_item(&key)?));
                }
                if self.sorted {
                    fields.sort_by(|a, b| a.0.cmp(&b.0));
                }
                self.items('{', '}', depth, &fields, |writer, (name, value)| {
                    writer.string(name)?;
                    let colon = writer.colon.clone();
                    writer.push(&colon)?;
                    writer.value(value, depth + 1)
                })
            }
            kind => {
                let reason = format!("tojson cannot write a value of kind {kind}");
                Err(Error::new(ErrorKind::BadSerialization, reason))
            }
        }
    }

    fn items<T>(
        &mut self,
        open: char,
        close: char,
        depth: usize,
        items: &[T],
        write: impl Fn(&mut Self, &T) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.out.push(open);
        for (at, item) in items.iter().enumerate() {
            if at > 0 {
                let comma = self.comma.clone();
                self.push(&comma)?;
            }
            self.line(depth + 1)?;
            write(self, item)?;
        }
        if !items.is_empty() {
            self.line(depth)?;
        }
        self.out.push(close);
        Ok(())
    }
}

/// A number, a truth value or nothing, as JSON writes it.
fn scalar(value: &Value) -> Result<String, Error> {
    Ok(match value.kind() {
        ValueKind::Bool => value.is_true().to_string(),
        ValueKind::None => "null".to_owned(),
        _ => match text(value)?.as_str() {
            "nan" => "NaN".to_owned(),
            "inf" => "Infinity".to_owned(),
            "-inf" => "-Infinity".to_owned(),
            number => number.to_owned(),
        },
    })
}
