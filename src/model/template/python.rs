//! Methods of Python's strings and lists that the template engine's own collection of them lacks.

use minijinja::{
    Error, ErrorKind, State, Value,
    value::{Tuple, ValueKind, from_args},
};
use minijinja_contrib::pycompat::unknown_method_callback;

use super::{
    arguments::Parameters,
    budget::Budget,
    operators::{format_price, size, text},
};

/// Calls `value.method(arguments)`.
pub(super) fn method(
    budget: &Budget,
    state: &mut State<'_, '_>,
    value: &Value,
    method: &str,
    arguments: &[Value],
) -> Result<Value, Error> {
    budget.weigh(value)?;
    for argument in arguments {
        budget.weigh(argument)?;
    }
    let arguments = &parameters(method).arranged(arguments.to_vec(), 0)?[..];
    budget.spend(price(value, method, arguments)?)?;
    let own = match (value.as_str(), value.kind(), method) {
        (Some(text), ..) => of_string(text, method, arguments)?,
        (_, ValueKind::Seq, "index") => Some(index_in(value, arguments)?),
        _ => None,
    };
    budget.hold(match own {
        Some(result) => result,
        None => unknown_method_callback(state, value, method, arguments)?,
    })
}

/// What Python's methods of strings call their arguments, where they can be given by name.
fn parameters(method: &str) -> Parameters {
    match method {
        "split" | "rsplit" => Parameters::Placed(&["sep", "maxsplit"]),
        "splitlines" => Parameters::Placed(&["keepends"]),
        "expandtabs" => Parameters::Placed(&["tabsize"]),
        _ => Parameters::AsGiven,
    }
}

/// What a method can cost beyond a walk through what it is given.
fn price(value: &Value, method: &str, arguments: &[Value]) -> Result<u64, Error> {
    let of = value.as_str().unwrap_or_default();
    let length = |at: usize| arguments.get(at).and_then(Value::as_str).unwrap_or_default().len() as u64;
    Ok(match method {
        "replace" => occurrences(of, arguments.first()).saturating_mul(length(1)),
        "join" => (of.len() as u64).saturating_mul(arguments.first().and_then(Value::len).unwrap_or(0) as u64),
        "format" => format_price(of, arguments)?,
        "strip" | "lstrip" | "rstrip" => (of.len() as u64).saturating_mul(length(0)),
        "center" | "ljust" | "rjust" | "zfill" => arguments.iter().map(size).fold(0, u64::saturating_add),
        "expandtabs" => occurrences(of, Some(&Value::from("\t"))).saturating_mul(arguments.first().map_or(8, size)),
        _ => 0,
    })
}

/// How often a text holds another.
pub(super) fn occurrences(of: &str, what: Option<&Value>) -> u64 {
    what.and_then(Value::as_str).map_or(0, |what| of.matches(what).count() as u64)
}

fn of_string(of: &str, method: &str, arguments: &[Value]) -> Result<Option<Value>, Error> {
    Ok(Some(match method {
        "split" => match from_args(arguments)? {
            (None, most) => split(of, most),
            (Some::<&str>(_), _) => return Ok(None),
        },
        "rsplit" => {
            let (separator, most): (Option<&str>, Option<i64>) = from_args(arguments)?;
            rsplit(of, separator, most)?
        }
        "splitlines" => {
            let (keeps_ends,): (Option<Value>,) = from_args(arguments)?;
            lines(of, keeps_ends.is_some_and(|value| value.is_true()))
        }
        "strip" | "lstrip" | "rstrip" => {
            let (chars,): (Option<&str>,) = from_args(arguments)?;
            Value::from(stripped(of, method, chars))
        }
        "title" => {
            let () = from_args(arguments)?;
            Value::from(titled(of))
        }
        "isspace" => {
            let () = from_args(arguments)?;
            Value::from(!of.is_empty() && of.chars().all(is_space))
        }
        "partition" => {
            let (before, separator, behind) = parted(of, arguments, |separator| of.split_once(separator))?
                .unwrap_or_else(|| (of.into(), "".into(), "".into()));
            Value::from(Tuple::from([before, separator, behind]))
        }
        "rpartition" => {
            let (before, separator, behind) = parted(of, arguments, |separator| of.rsplit_once(separator))?
                .unwrap_or_else(|| ("".into(), "".into(), of.into()));
            Value::from(Tuple::from([before, separator, behind]))
        }
        "removeprefix" => {
            let (prefix,): (&str,) = from_args(arguments)?;
            Value::from(of.strip_prefix(prefix).unwrap_or(of))
        }
        "removesuffix" => {
            let (suffix,): (&str,) = from_args(arguments)?;
            Value::from(of.strip_suffix(suffix).unwrap_or(of))
        }
        "swapcase" => {
            let () = from_args(arguments)?;
            Value::from(of.chars().map(swapped).collect::<String>())
        }
        "casefold" => {
            let () = from_args(arguments)?;
            Value::from(of.to_lowercase().replace('ß', "ss"))
        }
        "index" | "rindex" => {
            let (what,): (&str,) = from_args(arguments)?;
            let found = if method == "index" { of.find(what) } else { of.rfind(what) };
            Value::from(of[..found.ok_or_else(not_found)?].chars().count())
        }
        "isdecimal" => {
            let () = from_args(arguments)?;
            Value::from(!of.is_empty() && of.chars().all(|c| c.is_ascii_digit()))
        }
        "zfill" => {
            let (width,): (i64,) = from_args(arguments)?;
            let sign = usize::from(of.starts_with(['+', '-']));
            Value::from(format!("{}{}{}", &of[..sign], "0".repeat(missing(of, width)), &of[sign..]))
        }
        "center" | "ljust" | "rjust" => Value::from(padded(of, method, arguments)?),
        "expandtabs" => {
            let (size,): (Option<i64>,) = from_args(arguments)?;
            Value::from(with_spaces(of, usize::try_from(size.unwrap_or(8)).unwrap_or(0)))
        }
        _ => return Ok(None),
    }))
}

/// The text with a character of choice on the side or sides that `method` names, up to a width.
fn padded(of: &str, method: &str, arguments: &[Value]) -> Result<String, Error> {
    let (width, fill): (i64, Option<char>) = from_args(arguments)?;
    let (all, fill) = (missing(of, width), fill.unwrap_or(' '));
    let left = match method {
        "ljust" => 0,
        "rjust" => all,
        // Python puts the odd one on the left where the width is odd too.
        _ => all / 2 + (all & width.max(0) as usize & 1),
    };
    let filled = |count: usize| std::iter::repeat_n(fill, count);
    Ok(filled(left).chain(of.chars()).chain(filled(all - left)).collect())
}

/// Characters that are missing to `width`.
fn missing(of: &str, width: i64) -> usize {
    usize::try_from(width).unwrap_or(0).saturating_sub(of.chars().count())
}

fn not_found() -> Error {
    Error::new(ErrorKind::InvalidOperation, "what is looked for is not there")
}

fn swapped(c: char) -> String {
    if c.is_uppercase() { c.to_lowercase().collect() } else { c.to_uppercase().collect() }
}

/// The text in three parts, where it holds the separator.
fn parted<'a>(
    of: &'a str,
    arguments: &[Value],
    cut: impl FnOnce(&str) -> Option<(&'a str, &'a str)>,
) -> Result<Option<(Value, Value, Value)>, Error> {
    let (separator,): (&str,) = from_args(arguments)?;
    if separator.is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidOperation,
            format!("an empty separator cannot cut {} bytes", of.len()),
        ));
    }
    Ok(cut(separator).map(|(before, behind)| (before.into(), separator.into(), behind.into())))
}

/// What Python takes for white space: the four separators of ASCII too.
fn is_space(c: char) -> bool {
    c.is_whitespace() || ('\x1c'..='\x1f').contains(&c)
}

/// The text without the characters at the ends that `method` names; without white space where there are none.
pub(super) fn stripped<'a>(of: &'a str, method: &str, chars: Option<&str>) -> &'a str {
    let goes = |c: char| chars.map_or_else(|| is_space(c), |chars| chars.contains(c));
    match method {
        "lstrip" => of.trim_start_matches(goes),
        "rstrip" => of.trim_end_matches(goes),
        _ => of.trim_matches(goes),
    }
}

/// Each letter that follows no letter in upper case, all others in lower case.
fn titled(of: &str) -> String {
    let (mut out, mut is_within) = (String::with_capacity(of.len()), false);
    for c in of.chars() {
        if is_within {
            out.extend(c.to_lowercase());
        } else {
            out.extend(c.to_uppercase());
        }
        is_within = c.is_uppercase() || c.is_lowercase();
    }
    out
}

/// The lines of a text, as Python ends them.
fn lines(of: &str, keeps_ends: bool) -> Value {
    let ends = |c: char| matches!(c, '\n'..='\r' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}');
    let (mut rest, mut lines) = (of, Vec::new());
    while !rest.is_empty() {
        let (line, behind) = rest.split_at(rest.find(ends).unwrap_or(rest.len()));
        let mark = if behind.starts_with("\r\n") { 2 } else { behind.chars().next().map_or(0, char::len_utf8) };
        lines.push(Value::from(&rest[..line.len() + if keeps_ends { mark } else { 0 }]));
        rest = &behind[mark..];
    }
    Value::from(lines)
}

/// How many parts that many cuts make; all where it is none or less.
fn parts_of(cuts: Option<i64>) -> usize {
    cuts.and_then(|cuts| usize::try_from(cuts).ok()).map_or(usize::MAX, |cuts| cuts.saturating_add(1))
}

/// The words of a text, the last of them with all that follows where there may be no more.
fn split(of: &str, most: Option<i64>) -> Value {
    let (mut rest, mut parts, most) = (of.trim_start_matches(is_space), Vec::new(), parts_of(most));
    while !rest.is_empty() {
        let cut = rest.find(is_space).filter(|_| parts.len() + 1 < most).unwrap_or(rest.len());
        parts.push(Value::from(&rest[..cut]));
        rest = rest[cut..].trim_start_matches(is_space);
    }
    Value::from(parts)
}

fn rsplit(of: &str, separator: Option<&str>, most: Option<i64>) -> Result<Value, Error> {
    let most = parts_of(most);
    let parts: Vec<&str> = match separator {
        Some("") => return Err(Error::new(ErrorKind::InvalidOperation, "an empty separator cannot cut a text")),
        Some(separator) => of.rsplitn(most, separator).collect(),
        None => {
            let (mut rest, mut parts) = (of.trim_end_matches(is_space), Vec::new());
            while !rest.is_empty() {
                let cut = rest.rfind(is_space).filter(|_| parts.len() + 1 < most);
                let begin = cut.map_or(0, |at| at + rest[at..].chars().next().map_or(1, char::len_utf8));
                parts.push(&rest[begin..]);
                rest = rest[..begin].trim_end_matches(is_space);
            }
            parts
        }
    };
    Ok(parts.into_iter().rev().map(Value::from).collect())
}

/// The text with tabs up to the next multiple of `size` columns.
fn with_spaces(of: &str, size: usize) -> String {
    let (mut out, mut column) = (String::with_capacity(of.len()), 0);
    for c in of.chars() {
        match c {
            '\t' if size == 0 => {}
            '\t' => {
                let width = size - column % size;
                out.extend(std::iter::repeat_n(' ', width));
                column += width;
            }
            '\n' | '\r' => {
                out.push(c);
                column = 0;
            }
            c => {
                out.push(c);
                column += 1;
            }
        }
    }
    out
}

/// Where a list holds an item first.
fn index_in(list: &Value, arguments: &[Value]) -> Result<Value, Error> {
    let (what,): (&Value,) = from_args(arguments)?;
    for (at, item) in list.try_iter()?.checked().enumerate() {
        if item? == *what {
            return Ok(Value::from(at));
        }
    }
    Err(Error::new(ErrorKind::InvalidOperation, format!("{} is not in the list", text(what)?)))
}
